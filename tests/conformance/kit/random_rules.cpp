// SPDX-License-Identifier: Apache-2.0

// The randomised rules: held by the reference backend whatever the seed, broken by backends with a
// bug, with a message that shows it.

#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/rules/random.hpp>
#include <agentstore/conformance/runner/suite.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

/// A harness as the kit sees it, made of a function that opens.
class Planted : public AnyHarness {
public:
  using Open = std::function<Handle(const std::string& space)>;

  Planted(unsigned interfaces, Open open) : interfaces_(interfaces), open_(std::move(open)) {}

  std::string name() const override { return "planted"; }
  Claims claims() const override { return {}; }
  unsigned interfaces() const override { return interfaces_; }
  std::chrono::milliseconds deadline() const override { return std::chrono::seconds(1); }
  awaitable<Handle> open(boost::asio::any_io_executor, std::string space) override {
    co_return open_(space);
  }
  awaitable<void> drop(std::string) override { co_return; }
  bool has_clock() const override { return false; }
  void set_clock(Timestamp) override {}
  bool has_faults() const override { return false; }
  void inject(std::string, Fault) override {}
  bool can_read_archive() const override { return (interfaces_ & Interfaces::archive_reader) != 0; }
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string, ArchiveKind,
                                                     std::string) override {
    co_return std::vector<ArchiveRecord>();
  }

private:
  unsigned interfaces_;
  Open open_;
};

/// A new store of type `Backend` for each space; every space is opened once.
template <class Backend>
std::shared_ptr<AnyHarness> fresh() {
  return std::make_shared<Planted>(Interfaces::of<Backend>(), [](const std::string&) {
    Handle handle;
    handle.add(std::make_shared<Backend>());
    return handle;
  });
}

/// A store of two objects, each with a life of its own.
std::shared_ptr<AnyHarness> pair() {
  const unsigned interfaces = Interfaces::of<MemoryBackend>() | Interfaces::of<MemoryArchive>();
  return std::make_shared<Planted>(interfaces, [](const std::string&) {
    Handle handle;
    handle.add(std::make_shared<MemoryBackend>());
    handle.add(std::make_shared<MemoryArchive>());
    return handle;
  });
}

/// The reference backend with all that programs and clients can make use of: a clock that can be
/// set, and two handles on one space.
class Shared : public Planted {
public:
  Shared()
      : Planted(Interfaces::of<MemoryBackend>(), [this](const std::string& space) {
          std::shared_ptr<MemorySpace>& data = spaces_[space];
          if (!data) {
            MemoryOptions options;
            options.clock = [this] { return now_.load(); };
            data = std::make_shared<MemorySpace>(std::move(options));
          }
          Handle handle;
          handle.add(std::make_shared<MemoryBackend>(data));
          return handle;
        }) {}

  Claims claims() const override { return Claims().shared_handles(); }
  bool has_clock() const override { return true; }
  void set_clock(Timestamp now) override { now_ = now; }

private:
  std::map<std::string, std::shared_ptr<MemorySpace>> spaces_;
  std::atomic<Timestamp> now_ = Timestamp(std::chrono::hours(500'000));
};

/// An archive that only the harness can read.
class Unreadable : public IPermanentStorageBackend {
public:
  explicit Unreadable(std::shared_ptr<MemoryArchiveSpace> space) : archive_(std::move(space)) {}

  awaitable<bool> initialize() override { return archive_.initialize(); }
  awaitable<void> close() override { return archive_.close(); }
  awaitable<bool> append_session_event(std::string id, std::string user, std::string type,
                                       Document payload, std::optional<Timestamp> at) override {
    return archive_.append_session_event(id, user, type, payload, at);
  }
  awaitable<bool> append_conversation_message(std::string id, std::string role, std::string content,
                                              Document metadata,
                                              std::optional<Timestamp> at) override {
    return archive_.append_conversation_message(id, role, content, metadata, at);
  }
  awaitable<bool> append_checkpoint(std::string thread, std::string id, Document data,
                                    Document metadata, std::optional<Timestamp> at) override {
    return archive_.append_checkpoint(thread, id, data, metadata, at);
  }
  awaitable<bool> append_checkpoint_writes(std::string thread, std::string id, std::string task,
                                           std::vector<ChannelWrite> writes,
                                           std::optional<Timestamp> at) override {
    return archive_.append_checkpoint_writes(thread, id, task, writes, at);
  }
  awaitable<bool> append_conversation_session(std::string key, Document data,
                                              std::optional<Timestamp> at) override {
    return archive_.append_conversation_session(key, data, at);
  }
  awaitable<bool> append_task_context_snapshot(std::string id, Document data,
                                               std::optional<Timestamp> at) override {
    return archive_.append_task_context_snapshot(id, data, at);
  }

private:
  MemoryArchive archive_;
};

class ReadByHarness : public Planted {
public:
  ReadByHarness()
      : Planted(Interfaces::of<Unreadable>(), [this](const std::string& space) {
          Handle handle;
          handle.add(std::make_shared<Unreadable>(spaces_[space]));
          return handle;
        }) {}

  bool can_read_archive() const override { return true; }
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string space, ArchiveKind kind,
                                                     std::string key) override {
    MemoryArchive reader(spaces_[space]);
    const bool opened = co_await reader.initialize();
    std::vector<ArchiveRecord> records;
    if (opened) {
      records = co_await reader.read_archive(kind, key, 0, 1000);
    }
    co_return records;
  }

private:
  /// Makes the space when it is first asked for.
  class Spaces {
  public:
    std::shared_ptr<MemoryArchiveSpace> operator[](const std::string& space) {
      std::shared_ptr<MemoryArchiveSpace>& data = spaces_[space];
      data = data ? data : std::make_shared<MemoryArchiveSpace>();
      return data;
    }

  private:
    std::map<std::string, std::shared_ptr<MemoryArchiveSpace>> spaces_;
  };

  Spaces spaces_;
};

RuleResult judge(std::shared_ptr<AnyHarness> harness, std::string_view id, std::uint64_t seed) {
  RunOptions options;
  options.seed = seed;
  Suite suite(std::move(harness), random_rules(), options);
  for (std::size_t i = 0; i < suite.rules().size(); ++i) {
    if (suite.rules()[i].id == id) {
      return suite.run(i);
    }
  }
  return {};
}

void require_held(const std::shared_ptr<AnyHarness>& harness) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const Rule& rule : random_rules()) {
      const RuleResult result = judge(harness, rule.id, seed);
      INFO(seed << "\n" << result.reason << "\n" << result.details);
      const bool held = result.verdict == Verdict::held || result.verdict == Verdict::not_claimed;
      REQUIRE(held);
    }
  }
}

/// The number of seeds, of so many, with which the rule is broken.
int broken(const std::shared_ptr<AnyHarness>& harness, std::string_view id, int seeds) {
  int count = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto number = static_cast<std::uint64_t>(seed) * 7919u;
    count += judge(harness, id, number).verdict == Verdict::broken ? 1 : 0;
  }
  return count;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Backends with a bug.

class ListsOldestFirst : public MemoryBackend {
public:
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    std::vector<Checkpoint> list = co_await MemoryBackend::list_checkpoints(thread_id, limit);
    std::reverse(list.begin(), list.end());
    co_return list;
  }
};

class LosesNullContext : public MemoryBackend {
public:
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    std::optional<Document> context = co_await MemoryBackend::get_task_context(session_id);
    if (context && context->is_null()) {
      context.reset();
    }
    co_return context;
  }
};

class ThrowsItsOwn : public MemoryBackend {
public:
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::optional<Session> there = co_await MemoryBackend::get_session(session_id);
    if (there) {
      throw std::runtime_error("duplicate key");
    }
    Session session = co_await MemoryBackend::create_session(session_id, user_id, metadata);
    co_return session;
  }
};

class DropsEqualSnapshots : public MemoryArchive {
public:
  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               std::optional<Timestamp> created_at) override {
    if (last_.contains(session_id) && last_[session_id] == context_data) {
      co_return true;
    }
    last_[session_id] = context_data;
    const bool kept =
        co_await MemoryArchive::append_task_context_snapshot(session_id, context_data, created_at);
    co_return kept;
  }

private:
  std::map<std::string, json> last_;
};

class NeverAnswers : public MemoryBackend {
public:
  awaitable<bool> end_session(std::string, std::string) override {
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor,
                                    boost::asio::steady_timer::time_point::max());
    co_await never.async_wait(boost::asio::use_awaitable);
    co_return true;
  }
};

awaitable<void> hop() {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

/// Sessions, of whose updates every n-th reads, lets others in, and writes back what it read.
class LosesUpdates : public ISessionStorage {
public:
  explicit LosesUpdates(int every) : every_(every) {}

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::lock_guard lock(mutex_);
    if (sessions_.contains(session_id)) {
      throw StorageError(errc::already_exists, "create_session", session_id);
    }
    Session& session = sessions_[session_id];
    session.session_id = session_id;
    session.user_id = user_id;
    session.metadata = metadata;
    co_return session;
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    co_return find(session_id);
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool has_window = ++updates_ % every_ == 0;
    std::optional<Session> session = find(session_id);
    if (has_window) {
      co_await hop();
    } else {
      session = find(session_id);
    }
    if (!session || session->status != "active") {
      co_return false;
    }
    session->request_count += update.counts_request() ? 1u : 0u;
    session->error_count += update.counts_error() ? 1u : 0u;
    session->total_processing_time += update.processing_time();
    if (update.metadata_patch()) {
      json merged = std::move(session->metadata).tree();
      merged.merge_patch(*update.metadata_patch());
      session->metadata = std::move(merged);
    }
    const std::lock_guard lock(mutex_);
    sessions_[session_id] = *session;
    co_return true;
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session_id);
    if (found == sessions_.end() || found->second.status != "active") {
      co_return false;
    }
    found->second.status = status;
    co_return true;
  }

private:
  std::optional<Session> find(const std::string& session_id) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session_id);
    return found != sessions_.end() ? std::optional<Session>(found->second) : std::nullopt;
  }

  std::mutex mutex_;
  std::map<std::string, Session> sessions_;
  const int every_;
  std::atomic<int> updates_ = 0;
};

std::shared_ptr<AnyHarness> loses_updates(int every) {
  return std::make_shared<Planted>(Interfaces::of<LosesUpdates>(), [every](const std::string&) {
    Handle handle;
    handle.add(std::make_shared<LosesUpdates>(every));
    return handle;
  });
}

class CreatesInTwoSteps : public MemoryBackend {
public:
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::optional<Session> there = co_await MemoryBackend::get_session(session_id);
    if (there) {
      throw StorageError(errc::already_exists, "create_session", session_id);
    }
    co_await hop();
    const std::optional<Session> overtaken = co_await MemoryBackend::get_session(session_id);
    if (overtaken) {
      co_return *overtaken;
    }
    Session session = co_await MemoryBackend::create_session(session_id, user_id, metadata);
    co_return session;
  }
};

/// Every fifth append is written a little after it was acknowledged.
class AcknowledgesEarly : public IConversationStorage {
public:
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    flush();
    Message message;
    message.role = role;
    message.content = content;
    message.metadata = metadata;
    const std::lock_guard lock(mutex_);
    if (++appends_ % 5 == 0) {
      late_.emplace_back(session_id, message);
      co_return true;
    }
    store(session_id, message);
    co_return true;
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    std::vector<Message> messages;
    {
      const std::lock_guard lock(mutex_);
      messages = conversations_[session_id];
    }
    flush();
    if (messages.size() > limit) {
      messages.erase(messages.begin(), messages.end() - static_cast<std::ptrdiff_t>(limit));
    }
    co_return messages;
  }

private:
  void store(const std::string& session_id, Message message) {
    message.sequence = conversations_[session_id].size() + 1;
    conversations_[session_id].push_back(std::move(message));
  }
  void flush() {
    const std::lock_guard lock(mutex_);
    for (const auto& [session_id, message] : late_) {
      store(session_id, message);
    }
    late_.clear();
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<Message>> conversations_;
  std::vector<std::pair<std::string, Message>> late_;
  int appends_ = 0;
};

} // namespace

TEST_CASE("the reference backend holds the randomised rules") {
  SECTION("with a clock and two handles") {
    require_held(std::make_shared<Shared>());
  }
  SECTION("with neither") {
    require_held(fresh<MemoryBackend>());
  }
  SECTION("the archive") {
    require_held(fresh<MemoryArchive>());
  }
  SECTION("the archive, read by the harness") {
    require_held(std::make_shared<ReadByHarness>());
  }
  SECTION("backend and archive as two objects") {
    require_held(pair());
  }
}

TEST_CASE("a wrong answer is shown as the shortest program that brings it about") {
  const RuleResult result = judge(fresh<ListsOldestFirst>(), "MDL-01", 1);
  REQUIRE(result.verdict == Verdict::broken);
  INFO(result.details);
  CHECK(holds(result.reason, "list_checkpoints"));
  CHECK(holds(result.reason, ", call 3 of 3; came "));
  CHECK(holds(result.details, " calls to 3, as code:\n      co_await "));
  CHECK(holds(result.details, "AGENTSTORE_SEED=1"));
  const RuleResult again = judge(fresh<ListsOldestFirst>(), "MDL-01", 1);
  CHECK(again.reason == result.reason);
}

TEST_CASE("planted bugs are found") {
  CHECK(broken(fresh<LosesNullContext>(), "MDL-01", 10) >= 8);
  CHECK(broken(fresh<DropsEqualSnapshots>(), "MDL-01", 10) >= 8);
  CHECK(broken(fresh<ThrowsItsOwn>(), "MDL-01", 10) == 10);
  CHECK(
      holds(judge(fresh<ThrowsItsOwn>(), "MDL-01", 1).reason, "not a StorageError: duplicate key"));
}

TEST_CASE("a hang is shown with the program that brings it about") {
  const RuleResult result = judge(fresh<NeverAnswers>(), "MDL-01", 1);
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "an end of end_session"));
  CHECK(holds(result.details, "the program, as code:"));
}

TEST_CASE("lost updates are found, be they rare") {
  CHECK(broken(loses_updates(1), "CNC-01", 20) == 20);
  CHECK(broken(loses_updates(4), "CNC-01", 100) >= 99);
  CHECK(broken(loses_updates(8), "CNC-01", 20) >= 18);
  const RuleResult result = judge(loses_updates(4), "CNC-01", 1);
  CHECK(holds(result.reason, "none explains all"));
  INFO(result.details);
  CHECK(holds(result.details, "client 1 ["));
}

TEST_CASE("an append that is acknowledged before it can be read is found") {
  CHECK(broken(fresh<AcknowledgesEarly>(), "CNC-01", 5) == 5);
}

TEST_CASE("a create of two steps is found") {
  CHECK(broken(fresh<CreatesInTwoSteps>(), "CNC-02", 20) == 20);
  CHECK(holds(judge(fresh<CreatesInTwoSteps>(), "CNC-02", 1).reason,
              "one of the concurrent creates"));
}

TEST_CASE("the same seed interleaves in the same way") {
  const auto histories = [](std::uint64_t seed) {
    const std::shared_ptr<AnyHarness> harness = loses_updates(1);
    Deadline deadline(std::chrono::seconds(10));
    RuleContext ctx(*harness, deadline, "same-seed", seed);
    const std::vector<Client> handles{ctx.open()};
    Client(handles.front()).create_session("s");
    conformance::detail::ConcurrentPrograms concurrent(Interfaces::sessions, ctx.random());
    const auto programs =
        concurrent.make("s", conformance::detail::ConcurrentPrograms::Workload::updates);
    return show(interleave(handles, programs, ctx.random()));
  };
  CHECK(histories(5) == histories(5));
  CHECK(histories(5) != histories(6));
}
