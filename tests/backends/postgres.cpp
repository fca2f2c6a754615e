// SPDX-License-Identifier: Apache-2.0

// What PostgresBackend costs, and how it ends.

#include "support/every_call.hpp"
#include "support/faults/postgres_proxy.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/postgres_rig.hpp"

#include <filesystem>
#include <set>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

PostgresOptions patient_options(const std::string& space) {
  PostgresOptions options = options_for(shared_server().conninfo(), space);
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  return options;
}

using Backend = PostgresBackend;
using BackendCall = Call<Backend>;

template <class Page>
awaitable<json> next_of(awaitable<Page> call) {
  const Page page = co_await std::move(call);
  co_return json(page.next);
}

awaitable<json> ids_of(awaitable<ThreadHead> call) {
  const ThreadHead head = co_await std::move(call);
  co_return json(head.checkpoint_ids);
}

/// What every_call.hpp does not know: the merge, the default arguments' other cases, and the
/// directories.
std::vector<BackendCall> further_calls() {
  using call_detail::as_json;
  return {
      {"create_session", "s", [](Backend& b) { return as_json(b.create_session("s", "user")); }},
      {"merge", "s",
       [](Backend& b) {
         return as_json(b.update_session("s", SessionUpdate().updates(object_of("a", 1))));
       }},
      {"list_sessions", "user",
       [](Backend& b) { return next_of(b.list_sessions("user", Page(1))); }},
      {"put_checkpoint", "t", [](Backend& b) { return as_json(b.put_checkpoint("t", "c-1", 1)); }},
      {"put_checkpoint", "t", [](Backend& b) { return as_json(b.put_checkpoint("t", "c-2", 2)); }},
      {"list_checkpoints_before", "t",
       [](Backend& b) { return as_json(b.list_checkpoints_before("t", "c-2", 5)); }},
      {"get_thread_head", "t", [](Backend& b) { return ids_of(b.get_thread_head("t", 5)); }},
      {"copy_thread", "t", [](Backend& b) { return as_json(b.copy_thread("t", "u")); }},
      {"list_threads", "", [](Backend& b) { return next_of(b.list_threads("t", Page(1))); }},
      {"prune_thread", "t", [](Backend& b) { return as_json(b.prune_thread("t", 1)); }},
      {"delete_thread", "t", [](Backend& b) { return as_json(b.delete_thread("t")); }},
      {"delete_thread", "u", [](Backend& b) { return as_json(b.delete_thread("u")); }},
      {"delete_session", "s", [](Backend& b) { return as_json(b.delete_session("s")); }},
  };
}

std::vector<BackendCall> every_call() {
  std::vector<BackendCall> calls = backend_calls<Backend>();
  std::erase_if(calls, [](const BackendCall& call) {
    return call.operation == "initialize" || call.operation == "close";
  });
  for (BackendCall& call : further_calls()) {
    calls.push_back(std::move(call));
  }
  return calls;
}

std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

} // namespace

TEST_CASE("Every method is one exchange with the server, a merge is two", "[postgres]") {
  PostgresProxy proxy(shared_server().socket());
  PostgresOptions options = patient_options("exchanges");
  options.conninfo = proxy.conninfo();
  options.pool_size = 1;
  PostgresRig rig(options);
  std::size_t counted = 0;
  for (const bool is_warm : {false, true}) { // statements are prepared when they are first used
    for (const BackendCall& call : every_call()) {
      INFO(call.operation);
      const std::size_t before = proxy.exchanges();
      static_cast<void>(rig.loop.run(call.make(rig.backend)));
      if (is_warm) {
        CHECK(proxy.exchanges() - before == (call.operation == "merge" ? 2 : 1));
        ++counted;
      }
    }
  }
  CHECK(counted > 30);
}

TEST_CASE("An update that has read one life of a session writes nothing to another", "[postgres]") {
  PostgresRig rig(patient_options("lives"));
  RawPostgres raw(shared_server().conninfo());
  std::set<std::string> versions; // by which a merge knows what it has read
  const auto note_version = [&] {
    CHECK(versions.insert(raw.text("SELECT metadata_version FROM lives.sessions")).second);
  };
  for (int life = 0; life < 3; ++life) {
    rig.loop.run(rig.backend.create_session("s", "user"));
    note_version();
    for (const char* const name : {"a", "b"}) {
      CHECK(rig.loop.run(
          rig.backend.update_session("s", SessionUpdate().updates(object_of(name, life)))));
      note_version();
    }
    CHECK(rig.loop.run(rig.backend.delete_session("s")));
  }
}

TEST_CASE("A large value is one exchange too", "[postgres]") {
  PostgresProxy proxy(shared_server().socket());
  PostgresOptions options = patient_options("large");
  options.conninfo = proxy.conninfo();
  options.pool_size = 1;
  PostgresRig rig(options);
  const json value = object_of_size(Limits().max_value_bytes);
  REQUIRE(rig.works());
  const std::size_t before = proxy.exchanges();
  CHECK(rig.loop.run(rig.backend.put_checkpoint("t", "c", value)));
  CHECK(proxy.exchanges() - before == 1);
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == value);
  CHECK(proxy.exchanges() - before == 2);
}

TEST_CASE("A health report can be written, whatever the space is called", "[postgres]") {
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(),
                          options_for(shared_server().conninfo(), "caf\xe9"));
  CHECK_NOTHROW(loop.run(backend.health_check()).details.dump());
}

TEST_CASE("Calls that wait need no thread", "[postgres]") {
  const std::ptrdiff_t before = threads();
  PostgresRig rig(patient_options("threads"));
  rig.observer.lock("threads", "checkpoints");
  std::vector<std::shared_ptr<Ending<bool>>> calls;
  for (int i = 0; i < 64; ++i) {
    const std::string thread = std::to_string(i);
    calls.push_back(rig.loop.start(rig.backend.put_checkpoint(thread, "c", i)));
  }
  REQUIRE(rig.all_blocked(8));
  CHECK(threads() == before);
  rig.observer.unlock();
  rig.loop.finish();
  CHECK(threads() == before);
  for (const auto& call : calls) {
    CHECK(call->value == true);
  }
}

TEST_CASE("A loop that has nothing else to do returns", "[postgres]") {
  PostgresRig rig(patient_options("idle_loop"));
  REQUIRE(rig.works());
  rig.loop.poll();
  CHECK(rig.loop.context().stopped()); // open connections keep nothing waiting
}

TEST_CASE("A close waits for the calls that are under way", "[postgres]") {
  PostgresOptions options = patient_options("closed");
  options.pool_size = 2;
  options.pipeline_depth = 2;
  PostgresRig rig(options);
  for (int round = 0; round < 3; ++round) {
    rig.observer.lock("closed", "checkpoints");
    const std::string thread = "t-" + std::to_string(round);
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    for (int i = 0; i < 8; ++i) { // some of them are not sent yet
      const std::string id = std::to_string(i);
      puts.push_back(rig.loop.start(rig.backend.put_checkpoint(thread, id, i)));
    }
    const auto read = rig.loop.start(rig.backend.get_checkpoint(thread));
    REQUIRE(rig.all_blocked(2));
    const auto close = rig.loop.start(rig.backend.close());
    const auto again = rig.loop.start(rig.backend.close());
    const auto late = rig.loop.start(rig.backend.get_checkpoint(thread));
    REQUIRE(until(rig.loop, [&] { return late->ended; }));
    CHECK(late->threw(errc::closed));
    CHECK_FALSE(close->ended);
    rig.observer.unlock();
    rig.loop.finish();
    CHECK(close->has_value());
    CHECK(again->has_value());
    CHECK(read->has_value());
    for (const auto& put : puts) {
      CHECK(put->value == true);
    }
    CHECK(until(rig.loop, [&] { return rig.observer.connections() == 0; }));
    REQUIRE(rig.loop.run(rig.backend.initialize()));
    CHECK(rig.loop.run(rig.backend.list_checkpoints(thread)).size() == 8);
  }
}

TEST_CASE("A close at any moment loses nothing that was acknowledged", "[postgres]") {
  PostgresRig rig(patient_options("closing"));
  for (int round = 0; round < 10; ++round) {
    const std::string thread = "t-" + std::to_string(round);
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      puts.push_back(rig.loop.start(rig.backend.put_checkpoint(thread, id, i)));
    }
    rig.loop.context().restart();
    rig.loop.context().run_for(std::chrono::microseconds(300 * round));
    const auto close = rig.loop.start(rig.backend.close());
    rig.loop.finish();
    CHECK(close->has_value());
    std::size_t stored = 0;
    for (const auto& put : puts) {
      CHECK((put->has_value() || put->threw(errc::closed)));
      stored += put->has_value() ? 1U : 0U;
    }
    REQUIRE(rig.loop.run(rig.backend.initialize()));
    CHECK(rig.loop.run(rig.backend.list_checkpoints(thread, 100)).size() == stored);
  }
}

TEST_CASE("A close ends when the server is gone", "[postgres]") {
  PostgresProxy proxy(shared_server().socket());
  PostgresOptions options = patient_options("close_silent");
  options.conninfo = proxy.conninfo();
  options.operation_timeout = 300ms;
  PostgresRig rig(options);
  proxy.be_silent(true);
  const auto put = rig.loop.start(rig.backend.put_checkpoint("t", "c", 1));
  rig.loop.poll();
  const Stopwatch stopwatch;
  const auto close = rig.loop.start(rig.backend.close());
  rig.loop.finish();
  CHECK(stopwatch.elapsed() < soon);
  CHECK(close->has_value());
  CHECK(put->threw(errc::unavailable));
}

TEST_CASE("A backend may be destroyed while its calls are under way", "[postgres]") {
  Observer observer(shared_server());
  for (int round = 0; round < 6; ++round) {
    const std::string thread = "t-" + std::to_string(round);
    Loop loop;
    auto backend =
        std::make_unique<Backend>(loop.context().get_executor(), patient_options("destroyed"));
    REQUIRE(loop.run(backend->initialize()));
    observer.lock("destroyed", "checkpoints");
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> gets;
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      puts.push_back(loop.start(backend->put_checkpoint(thread, id, i)));
      gets.push_back(loop.start(backend->get_checkpoint(thread)));
    }
    if (round % 3 == 1) {
      loop.poll();
    } else if (round % 3 == 2) {
      REQUIRE(until(loop, [&] { return observer.blocked() > 1; }));
    }
    backend.reset();
    observer.unlock();
    loop.finish();
    for (const auto& put : puts) {
      CHECK(put->value == true);
    }
    for (const auto& get : gets) {
      CHECK(get->has_value());
    }
    // Their connections went with the last of them.
    CHECK(until(loop, [&] { return observer.connections() == 0; }));
    Backend reopened(loop.context().get_executor(), patient_options("destroyed"));
    REQUIRE(loop.run(reopened.initialize()));
    CHECK(loop.run(reopened.list_checkpoints(thread, 100)).size() == 20);
  }
}

TEST_CASE("A loop may be destroyed with calls of a backend on it", "[postgres]") {
  Observer observer(shared_server());
  for (int round = 0; round < 3; ++round) {
    {
      Loop loop;
      Backend backend(loop.context().get_executor(), patient_options("abandoned"));
      REQUIRE(loop.run(backend.initialize()));
      observer.lock("abandoned", "checkpoints");
      for (int i = 0; i < 20; ++i) {
        const std::string id = std::to_string(i);
        loop.start(backend.put_checkpoint("t", id, i));
        loop.start(backend.get_checkpoint("t"));
      }
      if (round > 0) {
        REQUIRE(until(loop, [&] { return observer.blocked() > 1; }));
      }
      if (round > 1) {
        loop.start(backend.close());
        loop.poll();
      }
    }
    observer.unlock();
    // All that was theirs is gone, their connections, too.
    Loop loop;
    CHECK(until(loop, [&] { return observer.connections() == 0; }));
  }
}

TEST_CASE("A call that nobody awaits does nothing, also when the backend is gone", "[postgres]") {
  Loop loop;
  auto backend =
      std::make_unique<Backend>(loop.context().get_executor(), patient_options("dropped"));
  REQUIRE(loop.run(backend->initialize()));
  {
    auto dropped = backend->put_checkpoint("t", "dropped", 1);
    auto kept = backend->put_checkpoint("t", "kept", 1);
    backend.reset();
    CHECK(loop.run(std::move(kept)));
  }
  Backend reopened(loop.context().get_executor(), patient_options("dropped"));
  REQUIRE(loop.run(reopened.initialize()));
  CHECK(loop.run(reopened.list_checkpoints("t")).size() == 1);
}

TEST_CASE("There are never more connections than the pool's size", "[postgres]") {
  PostgresOptions options = patient_options("pool_size");
  for (const int size : {1, 3}) {
    options.pool_size = static_cast<std::size_t>(size);
    Observer observer(shared_server());
    Loop loop;
    Backend backend(loop.context().get_executor(), options);
    const auto one = loop.start(backend.initialize());
    const auto other = loop.start(backend.initialize());
    loop.finish();
    CHECK(one->value == true);
    CHECK(other->value == true);
    observer.lock("pool_size", "checkpoints");
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    for (int i = 0; i < 50; ++i) {
      const std::string id = std::to_string(i);
      puts.push_back(loop.start(backend.put_checkpoint("t", id, i)));
    }
    REQUIRE(until(loop, [&] { return observer.blocked() == size; }));
    CHECK(until(loop, [&] { return observer.connections() == size; }));
    observer.unlock();
    loop.finish();
    for (const auto& put : puts) {
      CHECK(put->value == true);
    }
    const Health health = loop.run(backend.health_check());
    CHECK(until(loop, [&] { return observer.connections() == size; }));
    CHECK(health.details["open_connections"] == json(size));
    CHECK(health.details["pool_size"] == json(size));
    CHECK(health.details["space"] == json("pool_size"));
    CHECK(health.details["server_version"] >= json(130'000));
    loop.run(backend.close());
    CHECK(until(loop, [&] { return observer.connections() == 0; }));
  }
}

TEST_CASE("Idle connections are closed by the next call", "[postgres]") {
  PostgresOptions options = patient_options("idle_ones");
  options.idle_timeout = 100ms;
  PostgresRig rig(options);
  rig.observer.lock("idle_ones", "checkpoints");
  std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> reads;
  for (int i = 0; i < 20; ++i) {
    reads.push_back(rig.loop.start(rig.backend.get_checkpoint("t")));
  }
  REQUIRE(rig.all_blocked(8));
  rig.observer.unlock();
  rig.loop.finish();
  CHECK(until(rig.loop, [&] { return rig.observer.connections() == 8; }));
  rig.loop.run(pause(150ms));
  CHECK_FALSE(rig.loop.run(rig.backend.get_checkpoint("t")));
  CHECK(until(rig.loop, [&] { return rig.observer.connections() == 1; }));
  CHECK(rig.works());
}
