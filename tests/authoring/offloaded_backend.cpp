// SPDX-License-Identifier: Apache-2.0
// What OffloadedBackend makes of stores that throw, block, break and end. That it keeps the
// contract over a good one is shown by offloaded_conformance.cpp.
#include "support/catch.hpp"
#include "support/loop.hpp"

#include <agentstore/authoring/offloaded_backend.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/detail/memory/space.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <future>
#include <set>
#include <system_error>
#include <thread>

using namespace agentstore;
using agentstore::test::error_of;
using agentstore::test::Loop;
using namespace std::chrono_literals;

namespace {

using Memory = detail::memory::Space;

/// An engine's exception, which is none of the standard library's.
class EngineError {
public:
  explicit EngineError(bool is_damage) : is_damage_(is_damage) {}
  bool is_damage() const { return is_damage_; }
  const char* what() const { return is_damage_ ? "page 7 is damaged" : "the engine is busy"; }

private:
  bool is_damage_;
};

/// What a store is to do, and what became of it.
class Script {
public:
  std::function<void()> open = [] {};
  std::function<void()> call = [] {};
  std::function<void()> close = [] {};
  std::function<Health()> health = [] {
    Health answer;
    answer.status = Health::Status::healthy;
    return answer;
  };

  std::atomic<int> opened = 0;
  std::atomic<int> ended = 0;
  std::mutex mutex;
  std::set<std::thread::id> threads;

  void note_thread() {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  }
};

/// A store in memory that does as a script says when it is opened, closed, asked for a session or
/// given a checkpoint.
class Scripted : public Memory {
public:
  explicit Scripted(std::shared_ptr<Script> script)
      : Memory(MemoryOptions()), script_(std::move(script)) {
    script_->note_thread();
    script_->open();
    ++script_->opened;
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;
  ~Scripted() {
    script_->note_thread();
    ++script_->ended;
  }

  std::optional<Session> get_session(std::string session_id) {
    script_->note_thread();
    script_->call();
    return Memory::get_session(std::move(session_id));
  }
  bool put_checkpoint(std::string, std::string, Document, Document) {
    throw StorageError(errc::too_large, "put_checkpoint", "t", "the disk is small");
  }
  Health health_check() { return script_->health(); }
  void close() { script_->close(); }

  using Error = EngineError;
  static errc code_of(const EngineError& error) {
    return error.is_damage() ? errc::corrupted : errc::unavailable;
  }

private:
  std::shared_ptr<Script> script_;
};

/// A store that is no directory, has no exception of its own and nothing else that it need not
/// have.
class Plain {
public:
  Session create_session(const std::string&, const std::string&, const Document&) { return {}; }
  std::optional<Session> get_session(const std::string&) { throw std::out_of_range("no row"); }
  bool update_session(const std::string&, const SessionUpdate&) { return false; }
  bool end_session(const std::string&, const std::string&) { return false; }
  bool add_conversation_message(const std::string&, const std::string&, const std::string&,
                                const Document&) {
    return false;
  }
  std::vector<Message> get_conversation_history(const std::string&, std::size_t) { return {}; }
  bool put_checkpoint(const std::string&, const std::string&, const Document&, const Document&) {
    return true;
  }
  std::optional<Checkpoint> get_checkpoint(const std::string&, const std::optional<std::string>&) {
    return std::nullopt;
  }
  std::vector<Checkpoint> list_checkpoints(const std::string&, std::size_t) { return {}; }
  bool put_writes(const std::string&, const std::string&, const std::string&,
                  const std::vector<ChannelWrite>&) {
    return true;
  }
  std::vector<PendingWrite> get_writes(const std::string&, const std::string&) { return {}; }
  std::optional<Document> get_task_context(const std::string&) { return std::nullopt; }
  bool store_task_context(const std::string&, const Document&) { return false; }
  Metrics get_metrics() { return {}; }
  std::uint64_t cleanup_expired_sessions(std::chrono::microseconds) { return 0; }
};

using Backend = OffloadedBackend<Scripted>;
using PlainBackend = OffloadedBackend<Plain>;

static_assert(std::is_base_of_v<ISessionDirectory, Backend>);
static_assert(std::is_base_of_v<IThreadDirectory, Backend>);
static_assert(!std::is_base_of_v<ISessionDirectory, PlainBackend>);
static_assert(!std::is_base_of_v<IThreadDirectory, PlainBackend>);

/// A loop, a script and a backend on it.
class Rig {
public:
  explicit Rig(OffloadedOptions options = OffloadedOptions("scripted"))
      : backend(std::make_unique<Backend>(
            std::move(options), [told = script] { return std::make_unique<Scripted>(told); })) {}

  /// What `get_session` ends with, if that is an error.
  std::optional<StorageError> session_error() { return error_of(loop, backend->get_session("s1")); }
  std::optional<StorageError> open_error() { return error_of(loop, backend->initialize()); }
  Health health() { return loop.run(backend->health_check()); }

  Loop loop;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::unique_ptr<Backend> backend;
};

bool says(const std::optional<StorageError>& error, errc code, const char* operation,
          std::string_view key, std::string_view reason) {
  if (!error) {
    return false;
  }
  CAPTURE(error->what());
  CHECK(means(error->code(), code));
  CHECK(error->operation() == operation);
  CHECK(error->key() == key);
  CHECK(std::string_view(error->what()).find(reason) != std::string_view::npos);
  return true;
}

bool says(const Health& health, Health::Status status, std::string_view reason) {
  CHECK(health.backend == "scripted");
  CHECK(health.status == status);
  REQUIRE(health.issues.size() == 1);
  CAPTURE(health.issues.front());
  return health.issues.front().find(reason) != std::string::npos;
}

/// What a bad store may throw, and what is to come of it.
class Thrown {
public:
  Thrown(std::function<void()> thrower, errc meaning, std::string text)
      : throw_it(std::move(thrower)), code(meaning), reason(std::move(text)) {}

  std::function<void()> throw_it;
  errc code;
  std::string reason;
};

std::vector<Thrown> all_thrown() {
  std::vector<Thrown> all;
  all.emplace_back([] { throw EngineError(true); }, errc::corrupted, "page 7 is damaged");
  all.emplace_back([] { throw EngineError(false); }, errc::unavailable, "the engine is busy");
  all.emplace_back([] { throw std::runtime_error("no route"); }, errc::unavailable, "no route");
  all.emplace_back([] { throw std::bad_alloc(); }, errc::unavailable, "bad_alloc");
  all.emplace_back([] { throw json::parse("{"); }, errc::corrupted, "parse error");
  all.emplace_back([] { throw 42; }, errc::unavailable, "no std::exception");
  all.emplace_back([] { throw StorageError(errc::corrupted, "select", "row 7", "bad row"); },
                   errc::corrupted, "bad row");
  all.emplace_back([] { throw FatalStoreError("the log is gone"); }, errc::unavailable,
                   "the log is gone");
  return all;
}

} // namespace

TEST_CASE("whatever a store throws in a call names the call and its key") {
  for (const Thrown& thrown : all_thrown()) {
    Rig rig;
    REQUIRE(rig.loop.run(rig.backend->initialize()));
    rig.script->call = thrown.throw_it;
    CHECK(says(rig.session_error(), thrown.code, "get_session", "s1", thrown.reason));
  }
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  CHECK(says(error_of(rig.loop, rig.backend->put_checkpoint("t", "c", json())), errc::too_large,
             "put_checkpoint", "t", "the disk is small"));
  CHECK(says(error_of(rig.loop, rig.backend->store_checkpoint("t", "c", json())), errc::too_large,
             "store_checkpoint", "t", "the disk is small"));
}

TEST_CASE("why the system failed is the cause of the error") {
  Rig rig;
  REQUIRE(rig.loop.run(rig.backend->initialize()));
  const auto cause_after = [&rig](std::error_code code) {
    rig.script->call = [code] { throw std::system_error(code, "write"); };
    const auto error = rig.session_error();
    REQUIRE(error);
    CHECK(means(error->code(), errc::unavailable));
    CHECK(is_transient(*error) == (code != std::errc::no_space_on_device));
    return error->cause();
  };
  CHECK(cause_after(std::make_error_code(std::errc::no_space_on_device)) ==
        boost::system::errc::no_space_on_device);
  CHECK(cause_after(std::error_code(ENOSPC, std::system_category())) ==
        boost::system::errc::no_space_on_device);
  CHECK(cause_after(std::make_error_code(std::errc::timed_out)) == boost::system::errc::timed_out);
  CHECK(!cause_after(std::make_error_code(std::future_errc::no_state)));
}

TEST_CASE("a store without an exception of its own needs to say nothing of errors") {
  Loop loop;
  PlainBackend backend("plain", [] { return std::make_unique<Plain>(); });
  loop.run(backend.initialize());
  CHECK(says(error_of(loop, backend.get_session("s1")), errc::unavailable, "get_session", "s1",
             "no row"));
  CHECK(loop.run(backend.store_checkpoint("t", "c", json())));
  const Health health = loop.run(backend.health_check());
  CHECK(health.backend == "plain");
  CHECK(health.status == Health::Status::healthy);
}

TEST_CASE("whatever opening throws names initialize, and leaves the backend closed") {
  for (const Thrown& thrown : all_thrown()) {
    Rig rig;
    rig.script->open = thrown.throw_it;
    CHECK(says(rig.open_error(), thrown.code, "initialize", "", thrown.reason));
    CHECK(says(rig.health(), Health::Status::unhealthy, thrown.reason));
    CHECK(says(rig.session_error(), errc::closed, "get_session", "s1", thrown.reason));

    rig.script->open = [] {};
    CHECK(rig.loop.run(rig.backend->initialize()));
    CHECK_FALSE(rig.loop.run(rig.backend->get_session("s1")));
    CHECK(rig.health().issues.empty());
  }
}

TEST_CASE("an opening that gives no store is an error, not a crash") {
  Loop loop;
  PlainBackend backend("plain", [] { return nullptr; });
  CHECK(says(error_of(loop, backend.initialize()), errc::unavailable, "initialize", "",
             "there is no store"));
  CHECK(says(error_of(loop, backend.get_session("s1")), errc::closed, "get_session", "s1",
             "there is no store"));
}

TEST_CASE("an opening that blocks holds up nobody's thread, and its failure is named") {
  Rig rig;
  std::promise<void> way;
  rig.script->open = [free = way.get_future().share()] {
    free.wait();
    throw EngineError(false);
  };
  const auto opening = rig.loop.start(rig.backend->initialize());
  const auto asking = rig.loop.start(rig.backend->get_session("s1"));
  boost::asio::steady_timer timer(rig.loop.context(), 20ms);
  bool ticked = false;
  timer.async_wait([&](boost::system::error_code) {
    ticked = !opening->ended && !asking->ended;
    way.set_value();
  });
  rig.loop.finish();
  CHECK(ticked);
  CHECK(opening->threw(errc::unavailable));
  CHECK(asking->threw(errc::closed));
}

TEST_CASE("before it is opened, and after it is closed, a backend is closed") {
  Rig rig;
  CHECK(says(rig.session_error(), errc::closed, "get_session", "s1", "not open"));
  CHECK(says(rig.health(), Health::Status::unhealthy, "not open"));
  rig.loop.run(rig.backend->close());
  for (int i = 1; i <= 2; ++i) {
    CHECK(rig.loop.run(rig.backend->initialize()));
    CHECK(rig.loop.run(rig.backend->initialize()));
    CHECK(rig.script->opened == i);
    rig.loop.run(rig.backend->close());
    rig.loop.run(rig.backend->close());
    CHECK(rig.script->ended == i);
    CHECK(says(rig.session_error(), errc::closed, "get_session", "s1", "not open"));
  }
}

TEST_CASE("a store that cannot go on is let go of, until it is opened anew") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  rig.script->call = [] { throw FatalStoreError("the log is gone"); };
  CHECK(says(rig.session_error(), errc::unavailable, "get_session", "s1", "the log is gone"));
  CHECK(rig.script->ended == 1);
  CHECK(says(error_of(rig.loop, rig.backend->get_writes("t", "c")), errc::unavailable, "get_writes",
             "t", "the log is gone"));
  CHECK(says(rig.health(), Health::Status::unhealthy, "the log is gone"));

  rig.script->call = [] {};
  CHECK(rig.loop.run(rig.backend->initialize()));
  CHECK(rig.script->opened == 2);
  CHECK_FALSE(rig.loop.run(rig.backend->get_session("s1")));

  rig.script->call = [] { throw FatalStoreError("gone again"); };
  CHECK(rig.session_error());
  rig.loop.run(rig.backend->close());
  CHECK(says(rig.session_error(), errc::closed, "get_session", "s1", "not open"));
}

TEST_CASE("a store that says it is unhealthy stays open, and initialize leaves it as it is") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  SECTION("in its answer") {
    rig.script->health = [] {
      Health health;
      health.issues.emplace_back("the disk is full");
      return health;
    };
    CHECK(says(rig.health(), Health::Status::unhealthy, "the disk is full"));
  }
  SECTION("by what it throws") {
    rig.script->health = []() -> Health { throw EngineError(false); };
    CHECK(says(rig.health(), Health::Status::unhealthy, "the engine is busy"));
  }
  CHECK(rig.loop.run(rig.backend->initialize()));
  CHECK(rig.script->opened == 1);
  CHECK_FALSE(rig.loop.run(rig.backend->get_session("s1")));
}

TEST_CASE("a store that finds in its health_check that it cannot go on is let go of") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  rig.script->health = []() -> Health { throw FatalStoreError("the log is gone"); };
  CHECK(says(rig.health(), Health::Status::unhealthy, "the log is gone"));
  CHECK(rig.script->ended == 1);
  CHECK(says(rig.session_error(), errc::unavailable, "get_session", "s1", "the log is gone"));
  CHECK(rig.loop.run(rig.backend->initialize()));
  CHECK(rig.script->opened == 2);
}

TEST_CASE("a close that fails says so, and the store is gone all the same") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  rig.script->close = [] { throw EngineError(false); };
  CHECK(says(error_of(rig.loop, rig.backend->close()), errc::unavailable, "close", "",
             "the engine is busy"));
  CHECK(rig.script->ended == 1);
  CHECK_FALSE(error_of(rig.loop, rig.backend->close()));
  CHECK(says(rig.session_error(), errc::closed, "get_session", "s1", "not open"));
}

TEST_CASE("all of a store runs on one thread, which is not the caller's") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  rig.loop.run(rig.backend->get_session("s1"));
  rig.loop.run(rig.backend->get_session("s2"));
  rig.backend.reset(); // without a close
  CHECK(rig.script->ended == 1);
  CHECK(rig.script->threads.size() == 1);
  CHECK_FALSE(rig.script->threads.contains(std::this_thread::get_id()));
}

TEST_CASE("arguments are checked before the store sees them") {
  OffloadedOptions options("scripted");
  options.limits.max_value_bytes = 100;
  Rig rig(std::move(options));
  rig.loop.run(rig.backend->initialize());
  rig.script->call = [] { throw 42; };
  CHECK(says(error_of(rig.loop, rig.backend->get_session("")), errc::invalid_argument,
             "get_session", "", "session_id is empty"));
  CHECK(says(error_of(rig.loop, rig.backend->store_checkpoint("t", "c", std::string(200, 'x'))),
             errc::too_large, "store_checkpoint", "t", "data exceeds"));
}

TEST_CASE("a backend may be destroyed while calls are under way") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  std::promise<void> way;
  rig.script->call = [free = way.get_future().share()] { free.wait(); };
  const auto first = rig.loop.start(rig.backend->get_session("s1"));
  const auto second = rig.loop.start(rig.backend->get_session("s2"));
  rig.loop.poll();
  rig.backend.reset();
  CHECK(rig.script->ended == 0);
  way.set_value();
  rig.loop.finish();
  CHECK(first->has_value());
  CHECK(second->has_value());
  CHECK(rig.script->ended == 1);
  CHECK(rig.script->threads.size() == 1);
}

TEST_CASE("a call that was never awaited keeps nothing open") {
  Rig rig;
  rig.loop.run(rig.backend->initialize());
  {
    const auto dropped = rig.backend->get_session("s1");
    rig.backend.reset();
    CHECK(rig.script->ended == 0); // it might still be awaited
  }
  CHECK(rig.script->ended == 1);
}

TEST_CASE("with more threads, so many calls run at once, and a close comes alone") {
  OffloadedOptions options("scripted");
  options.threads = 2;
  Rig rig(std::move(options));
  rig.loop.run(rig.backend->initialize());
  std::promise<void> way;
  std::promise<void> both_in;
  std::atomic<int> in = 0;
  std::atomic<int> ended_within = 0;
  rig.script->call = [&, free = way.get_future().share()] {
    if (++in == 2) {
      both_in.set_value();
    }
    free.wait();
    ended_within += rig.script->ended;
  };
  const auto first = rig.loop.start(rig.backend->get_session("s1"));
  const auto second = rig.loop.start(rig.backend->get_session("s2"));
  const auto closing = rig.loop.start(rig.backend->close());
  rig.loop.poll();
  CHECK(both_in.get_future().wait_for(20s) == std::future_status::ready);
  way.set_value();
  rig.loop.finish();
  CHECK(first->has_value());
  CHECK(second->has_value());
  CHECK(closing->has_value());
  CHECK(ended_within == 0);
  CHECK(rig.script->ended == 1);
}

TEST_CASE("a close is not kept waiting by calls that come after it") {
  OffloadedOptions options("scripted");
  options.threads = 3; // for a call that does not end, a close that waits for it, and more calls
  Rig rig(std::move(options));
  rig.loop.run(rig.backend->initialize());
  std::promise<void> way;
  std::promise<void> in;
  std::atomic<bool> is_first = true;
  rig.script->call = [&is_first, &in, free = way.get_future().share()] {
    if (is_first.exchange(false)) {
      in.set_value();
      free.wait();
    }
  };
  const auto ends_soon = [&](const auto& call) {
    const auto give_up = std::chrono::steady_clock::now() + 500ms;
    while (!call->ended && std::chrono::steady_clock::now() < give_up) {
      rig.loop.context().restart();
      rig.loop.context().run_for(1ms);
    }
    return call->ended;
  };
  const auto first = rig.loop.start(rig.backend->get_session("s1"));
  rig.loop.poll();
  REQUIRE(in.get_future().wait_for(20s) == std::future_status::ready);
  const auto closing = rig.loop.start(rig.backend->close());
  std::shared_ptr<agentstore::test::Ending<std::optional<Session>>> later;
  bool waits = false; // behind the close
  for (int i = 0; i < 1'000 && !waits; ++i) {
    later = rig.loop.start(rig.backend->get_session("s2"));
    waits = !ends_soon(later);
  }
  CHECK(waits);
  CHECK_FALSE(first->ended);
  way.set_value();
  rig.loop.finish();
  CHECK(first->has_value());
  CHECK(closing->has_value());
  CHECK(later->threw(errc::closed));
}
