// SPDX-License-Identifier: Apache-2.0

// PostgresBackend when its callers lose patience: a cancelled call frees its caller at once, a
// cancelled write is whole or absent, and no other call gets an answer that is not its own.

#include "support/faults/postgres_proxy.hpp"
#include "support/json_values.hpp"
#include "support/servers/pgbouncer.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/backends/postgres.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <random>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

/// Limits that no test here waits for.
PostgresOptions patient_options(const std::string& space) {
  PostgresOptions options = options_for(shared_server().conninfo(), space);
  options.connect_timeout = 60s;
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  return options;
}

/// A caller that cancels a late call: `call || timer`. Nothing if the call was late.
template <class T>
awaitable<std::optional<T>> unless_late(awaitable<T> call, std::chrono::microseconds time) {
  using namespace boost::asio::experimental::awaitable_operators;
  awaitable<void> late = pause(time);
  auto both = std::move(call) || std::move(late);
  std::variant<T, std::monostate> first = co_await std::move(both);
  std::optional<T> result;
  if (first.index() == 0) {
    result = std::get<0>(std::move(first));
  }
  co_return result;
}

/// A value that no other key has, of a size that no other key's has.
json value_of(int key) {
  json value = object_of("key", key);
  value["fill"] = std::string(static_cast<std::size_t>(key) * 7'001, 'x');
  return value;
}

std::vector<ChannelWrite> three_writes(int number) {
  std::vector<ChannelWrite> writes;
  for (const char* const channel : {"a", "b", "c"}) {
    writes.emplace_back(channel, number);
  }
  return writes;
}

} // namespace

TEST_CASE("A cancelled read frees its caller while the server is still at it", "[postgres]") {
  PostgresOptions options = patient_options("reads");
  options.pool_size = 1;
  PostgresRig rig(options);
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("t", "c", value_of(1))));
  REQUIRE(until(rig.loop, [&] { return rig.observer.connections() == 1; })); // and none of others
  const std::string before = rig.server_processes();
  rig.observer.lock("reads", "checkpoints");
  const Stopwatch stopwatch;
  const auto get = rig.loop.start(unless_late(rig.backend.get_checkpoint("t"), 20ms));
  const auto list = rig.loop.start(unless_late(rig.backend.list_checkpoints("t"), 20ms));
  REQUIRE(until(rig.loop, [&] { return get->ended && list->ended; }));
  CHECK(stopwatch.elapsed() < soon);
  REQUIRE(get->has_value());
  REQUIRE(list->has_value());
  CHECK_FALSE(get->value->has_value());
  CHECK_FALSE(list->value->has_value());
  // The next call waits behind them on the same connection, which still gets their answers.
  const auto next = rig.loop.start(rig.backend.get_checkpoint("t", "none"));
  rig.observer.unlock();
  rig.loop.finish();
  REQUIRE(next->has_value());
  CHECK_FALSE(next->value->has_value());
  CHECK(rig.works());
  CHECK(rig.server_processes() == before);
}

TEST_CASE("A cancelled write frees its caller, and nothing of it happens later", "[postgres]") {
  PostgresRig rig(patient_options("writes"));
  PostgresBackend& backend = rig.backend;
  rig.loop.run(backend.create_session("s", "user"));
  std::vector<std::function<awaitable<bool>()>> writes;
  writes.emplace_back([&] { return backend.add_conversation_message("s", "user", "hello"); });
  writes.emplace_back([&] { return backend.store_task_context("s", 1); });
  writes.emplace_back([&] { return backend.end_session("s"); });
  writes.emplace_back([&] { return backend.update_session("s", SessionUpdate().mark_error()); });
  writes.emplace_back([&] { return backend.put_checkpoint("t", "c", 1); });
  writes.emplace_back([&] { return backend.put_writes("t", "c", "task", three_writes(1)); });
  writes.emplace_back([&] { return backend.delete_session("s"); });
  for (std::size_t i = 0; i < writes.size(); ++i) {
    INFO("write " << i);
    rig.observer.lock("writes", "sessions, \"writes\".threads");
    const Stopwatch stopwatch;
    awaitable<bool> write = writes[i]();
    const auto call = rig.loop.start(unless_late(std::move(write), 20ms));
    REQUIRE(until(rig.loop, [&] { return call->ended; }));
    CHECK(stopwatch.elapsed() < soon);
    REQUIRE(call->has_value());
    CHECK_FALSE(call->value->has_value());
    CHECK(rig.all_blocked(0)); // nothing is left that could happen later
    rig.observer.unlock();
    rig.loop.finish();
  }
  const auto session = rig.loop.run(backend.get_session("s"));
  REQUIRE(session);
  CHECK(session->version == 1);
  CHECK(rig.loop.run(backend.get_conversation_history("s")).empty());
  CHECK_FALSE(rig.loop.run(backend.get_task_context("s")));
  CHECK(rig.loop.run(backend.list_checkpoints("t")).empty());
  CHECK(rig.loop.run(backend.get_writes("t", "c")).empty());
  CHECK(rig.works());
}

TEST_CASE("A cancelled write takes none of its neighbours along", "[postgres]") {
  PostgresOptions options = patient_options("neighbours");
  options.pool_size = 1;
  options.pipeline_depth = 8;
  PostgresRig rig(options);
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("held", "c", 0)));
  for (int round = 0; round < 10; ++round) {
    rig.observer.raw().execute("BEGIN; SELECT 1 FROM neighbours.threads WHERE thread_id = 'held'"
                               " FOR UPDATE");
    const std::string thread = "t-" + std::to_string(round);
    const auto cancelled =
        rig.loop.start(unless_late(rig.backend.put_checkpoint("held", "c", 1 + round), 5ms));
    std::vector<std::shared_ptr<Ending<bool>>> neighbours;
    for (int i = 0; i < 5; ++i) {
      const std::string id = std::to_string(i);
      neighbours.push_back(rig.loop.start(rig.backend.put_checkpoint(thread, id, i)));
    }
    const auto read = rig.loop.start(rig.backend.list_checkpoints(thread));
    rig.loop.finish(); // with the lock held all the time
    REQUIRE(cancelled->has_value());
    CHECK_FALSE(cancelled->value->has_value());
    for (const auto& neighbour : neighbours) {
      CHECK(neighbour->value == true);
    }
    REQUIRE(read->has_value());
    rig.observer.raw().execute("COMMIT");
    for (int i = 0; i < 5; ++i) { // the writes were under way at once, so no order is promised
      const auto there = rig.loop.run(rig.backend.get_checkpoint(thread, std::to_string(i)));
      REQUIRE(there);
      CHECK(there->data == json(i));
    }
    CHECK(rig.loop.run(rig.backend.list_checkpoints(thread)).size() == 5);
  }
  CHECK(rig.loop.run(rig.backend.get_checkpoint("held"))->data == json(0));
  CHECK(rig.works());
}

TEST_CASE("Calls that are cancelled at any moment leave the others' answers alone", "[postgres]") {
  PostgresOptions options = patient_options("moments");
  options.pool_size = 2;
  PostgresRig rig(options);
  constexpr int keys = 8;
  for (int key = 0; key < keys; ++key) {
    REQUIRE(rig.loop.run(rig.backend.put_checkpoint("source", std::to_string(key), value_of(key))));
  }
  std::minstd_rand random(1);
  const auto up_to = [&random](int most) {
    return std::uniform_int_distribution<int>(0, most)(random);
  };
  int late = 0;
  for (int round = 0; round < 150; ++round) {
    INFO("round " << round);
    const std::string name = std::to_string(round);
    const auto write =
        rig.loop.start(unless_late(rig.backend.put_writes("t", name, "task", three_writes(round)),
                                   std::chrono::microseconds(up_to(2'000))));
    const auto copy = rig.loop.start(unless_late(rig.backend.copy_thread("source", "copy-" + name),
                                                 std::chrono::microseconds(up_to(8'000))));
    std::vector<std::pair<int, std::shared_ptr<Ending<std::optional<std::optional<Checkpoint>>>>>>
        cancelled;
    std::vector<std::pair<int, std::shared_ptr<Ending<std::optional<Checkpoint>>>>> others;
    for (int i = 0; i < 4; ++i) {
      const int key = up_to(keys - 1);
      const int other_key = up_to(keys - 1);
      cancelled.emplace_back(
          key, rig.loop.start(unless_late(rig.backend.get_checkpoint("source", std::to_string(key)),
                                          std::chrono::microseconds(up_to(2'000)))));
      others.emplace_back(other_key, rig.loop.start(rig.backend.get_checkpoint(
                                         "source", std::to_string(other_key))));
    }
    rig.loop.finish();
    for (const auto& [key, read] : others) {
      REQUIRE(read->has_value());
      REQUIRE(read->value->has_value());
      CHECK((*read->value)->data == value_of(key));
    }
    for (const auto& [key, read] : cancelled) {
      REQUIRE(read->has_value());
      late += read->value->has_value() ? 0 : 1;
      CHECK((!*read->value || (**read->value)->data == value_of(key)));
    }
    const auto written = rig.loop.run(rig.backend.get_writes("t", name));
    CHECK((written.size() == 3 || (written.empty() && !*write->value)));
    const auto copied = rig.loop.run(rig.backend.list_checkpoints("copy-" + name));
    CHECK((copied.size() == keys || (copied.empty() && !*copy->value)));
    late += (*write->value ? 0 : 1) + (*copy->value ? 0 : 1);
  }
  CHECK(late > 20); // otherwise there was nothing to see
  CHECK(rig.works());
}

TEST_CASE("Calls that the server has to stop leave the others' answers alone", "[postgres]") {
  PostgresOptions options = patient_options("stopped");
  options.pool_size = 3;
  PostgresRig rig(options);
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("held", "c", "first")));
  constexpr int keys = 8;
  for (int key = 0; key < keys; ++key) {
    REQUIRE(rig.loop.run(rig.backend.put_checkpoint("source", std::to_string(key), value_of(key))));
  }
  rig.observer.raw().execute("BEGIN; SELECT 1 FROM stopped.threads WHERE thread_id = 'held'"
                             " FOR UPDATE");
  for (int round = 0; round < 30; ++round) {
    INFO("round " << round);
    std::vector<std::shared_ptr<Ending<std::optional<bool>>>> stopped;
    std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> reads;
    std::vector<std::shared_ptr<Ending<bool>>> writes;
    for (int i = 0; i < keys; ++i) {
      const std::string id = std::to_string(i);
      const std::chrono::microseconds patience(500 * i);
      if (i % 4 == 0) {
        stopped.push_back(
            rig.loop.start(unless_late(rig.backend.put_checkpoint("held", "c", "late"), patience)));
      }
      reads.push_back(rig.loop.start(rig.backend.get_checkpoint("source", id)));
      writes.push_back(rig.loop.start(
          rig.backend.put_writes("t-" + std::to_string(round), id, "task", three_writes(i))));
    }
    rig.loop.finish();
    for (const auto& one : stopped) {
      REQUIRE(one->has_value());
      CHECK_FALSE(one->value->has_value());
    }
    for (int i = 0; i < keys; ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(writes[at]->value == true);
      REQUIRE(reads[at]->has_value());
      CHECK((*reads[at]->value)->data == value_of(i));
      const std::string thread = "t-" + std::to_string(round);
      CHECK(rig.loop.run(rig.backend.get_writes(thread, std::to_string(i))).size() == 3);
    }
  }
  rig.observer.raw().execute("COMMIT");
  CHECK(rig.loop.run(rig.backend.get_checkpoint("held"))->data == json("first"));
  CHECK(rig.works());
}

TEST_CASE("A call that is cancelled before it was sent does not happen", "[postgres]") {
  PostgresOptions options = patient_options("queued");
  options.pool_size = 1;
  options.pipeline_depth = 1;
  PostgresRig rig(options);
  rig.observer.lock("queued", "checkpoints");
  const auto blocked = rig.loop.start(rig.backend.put_checkpoint("t", "first", 1));
  REQUIRE(rig.all_blocked(1));
  const auto write = rig.loop.start(unless_late(rig.backend.put_checkpoint("t", "c", 2), 10ms));
  const auto read = rig.loop.start(unless_late(rig.backend.get_checkpoint("t"), 10ms));
  REQUIRE(until(rig.loop, [&] { return write->ended && read->ended; }));
  CHECK_FALSE(blocked->ended);
  CHECK_FALSE(write->value->has_value());
  CHECK_FALSE(read->value->has_value());
  rig.observer.unlock();
  rig.loop.finish();
  CHECK(blocked->value == true);
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).size() == 1);
  CHECK(rig.works());
}

TEST_CASE("A call that is cancelled while the network is silent", "[postgres]") {
  PostgresProxy proxy(shared_server().socket());
  PostgresOptions options = patient_options("silent");
  options.conninfo = proxy.conninfo();
  options.connect_timeout = 300ms; // of the connection that asks the server to stop
  PostgresRig rig(options);
  REQUIRE(rig.loop.run(rig.backend.put_writes("t", "0", "task", three_writes(0))));
  for (int round = 1; round <= 2; ++round) {
    const std::string name = std::to_string(round);
    proxy.be_silent(true);
    const Stopwatch stopwatch;
    const auto write = rig.loop.start(
        unless_late(rig.backend.put_writes("t", name, "task", three_writes(round)), 10ms));
    const auto read = rig.loop.start(unless_late(rig.backend.get_writes("t", "0"), 10ms));
    REQUIRE(until(rig.loop, [&] { return write->ended && read->ended; }));
    CHECK(stopwatch.elapsed() < soon);
    CHECK_FALSE(write->value->has_value());
    CHECK_FALSE(read->value->has_value());
    proxy.be_silent(false);
    CHECK(rig.loop.run(rig.backend.get_writes("t", "0")).size() == 3);
    const std::size_t there = rig.loop.run(rig.backend.get_writes("t", name)).size();
    CHECK((there == 0 || there == 3));
    CHECK(rig.works());
  }
}

TEST_CASE("A cancelled opening can be made again", "[postgres]") {
  PostgresProxy proxy(shared_server().socket());
  PostgresOptions options = patient_options("opening");
  options.conninfo = proxy.conninfo();
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  proxy.be_silent(true);
  const Stopwatch stopwatch;
  const auto opening = loop.start(unless_late(backend.initialize(), 10ms));
  REQUIRE(until(loop, [&] { return opening->ended; }));
  CHECK(stopwatch.elapsed() < soon);
  CHECK_FALSE(opening->value->has_value());
  const auto early = loop.start(backend.get_session("s"));
  REQUIRE(until(loop, [&] { return early->ended; }));
  CHECK(early->threw(errc::closed));
  proxy.be_silent(false);
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
  loop.run(backend.close());
  Observer observer(shared_server());
  CHECK(until(loop, [&] { return observer.connections() == 0; }));
}

TEST_CASE("A cancelled write is stopped where no connection is left for it", "[postgres]") {
  PostgresOptions options = patient_options("limited_role");
  options.pool_size = 2;
  PostgresRig rig(options);
  REQUIRE(rig.works());
  REQUIRE(until(rig.loop, [&] { return rig.observer.connections() <= 2; })); // none of others
  rig.observer.raw().execute("ALTER ROLE agent CONNECTION LIMIT 2");
  rig.observer.lock("limited_role", "checkpoints");
  std::vector<std::shared_ptr<Ending<std::optional<bool>>>> writes;
  for (int i = 0; i < 4; ++i) {
    const std::string id = std::to_string(i);
    writes.push_back(rig.loop.start(unless_late(rig.backend.put_checkpoint("late", id, i), 200ms)));
  }
  rig.loop.finish();
  CHECK(rig.observer.blocked() == 0); // nothing is left that could happen later
  rig.observer.unlock();
  rig.observer.raw().execute("ALTER ROLE agent CONNECTION LIMIT -1");
  for (const auto& write : writes) {
    REQUIRE(write->has_value());
    CHECK_FALSE(write->value->has_value());
  }
  CHECK(rig.loop.run(rig.backend.list_checkpoints("late")).empty());
  CHECK(rig.works());
}

TEST_CASE("5,000 writes that are cancelled at once", "[postgres]") {
  const PostgresServer server({"fsync=off", "max_connections=40"});
  PostgresOptions options = patient_options("many");
  options.conninfo = server.conninfo();
  PostgresRig rig(server, options);
  for (int round = 0; round < 2; ++round) {
    rig.observer.lock("many", "checkpoints");
    std::vector<std::shared_ptr<Ending<std::optional<bool>>>> writes;
    for (int i = 0; i < 5'000; ++i) {
      const std::string id = std::to_string(i);
      writes.push_back(
          rig.loop.start(unless_late(rig.backend.put_checkpoint("late", id, i), 300ms)));
    }
    int most = 0;
    REQUIRE(until(rig.loop, [&] {
      most = std::max(most, rig.observer.connections());
      return std::all_of(writes.begin(), writes.end(),
                         [](const auto& each) { return each->ended; });
    }));
    CHECK(rig.observer.blocked() == 0);
    CHECK(most <= 20); // the pool's connections, and earlier ones on their way out
    rig.observer.unlock();
    rig.loop.finish();
    CHECK(std::none_of(writes.begin(), writes.end(), [](const auto& each) {
      return !each->has_value() || each->value->has_value();
    }));
    CHECK(rig.loop.run(rig.backend.list_checkpoints("late", 10'000)).empty());
    CHECK(rig.works());
  }
}

TEST_CASE("A cancelled write is stopped behind a pooler", "[postgres]") {
  for (const char* const mode : {"session", "transaction"}) {
    INFO(mode);
    if (std::string(AGENTSTORE_PGBOUNCER).ends_with("NOTFOUND")) {
      WARN("no pgbouncer is installed: this is not looked at");
      return;
    }
    const PgBouncer pooler(shared_server(),
                           "pool_mode = " + std::string(mode) + "\nserver_reset_query =\n");
    PostgresOptions options = patient_options("pooled");
    options.conninfo = pooler.conninfo();
    options.pool_size = 3;
    PostgresRig rig(options);
    for (int round = 0; round < 3; ++round) {
      rig.observer.lock("pooled", "checkpoints");
      std::vector<std::shared_ptr<Ending<std::optional<bool>>>> writes;
      for (int i = 0; i < 6; ++i) {
        const std::string id = std::to_string(i);
        writes.push_back(
            rig.loop.start(unless_late(rig.backend.put_checkpoint("late", id, i), 200ms)));
      }
      rig.loop.finish();
      CHECK(rig.observer.blocked() == 0);
      rig.observer.unlock();
      for (const auto& write : writes) {
        REQUIRE(write->has_value());
        CHECK_FALSE(write->value->has_value());
      }
      CHECK(rig.loop.run(rig.backend.list_checkpoints("late")).empty());
    }
    CHECK(rig.works());
  }
}
