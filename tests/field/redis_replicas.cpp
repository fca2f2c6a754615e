// SPDX-License-Identifier: Apache-2.0
// Writes that end only when replicas have them.

#include "support/because.hpp"
#include "support/servers/redis_rig.hpp"

namespace {

using namespace agentstore;
using namespace agentstore::test;

/// A server with a replica.
class Pair {
public:
  Pair() {
    replica.raw().text({"REPLICAOF", "127.0.0.1", server.port()});
    RawRedis raw = server.raw();
    raw.text({"SET", "is the replica there", "yes"});
    REQUIRE(raw.text({"WAIT", "1", "60000"}) == "1");
  }

  std::string stats(const std::string& section) const {
    return server.raw().text({"INFO", section});
  }

  RedisServer server{{{"repl-diskless-sync-delay", "0"}}};
  RedisServer replica;
};

RedisOptions options_for(const Pair& pair, std::size_t replicas) {
  RedisOptions options(pair.server.uri(), "replicas");
  options.operation_timeout = std::chrono::seconds(4); // the half of it is for replicas
  options.wait_replicas = replicas;
  return options;
}

} // namespace

TEST_CASE("a write ends when the replicas have it, and one question serves many") {
  const Pair pair;
  RedisRig rig(options_for(pair, 1));
  for (int i = 0; i < 100; ++i) {
    const std::string id = "t-" + std::to_string(i);
    rig.loop.run(rig.backend.put_checkpoint(id, "c", i));
    REQUIRE(pair.replica.raw().list({"KEYS", "*:checkpoints:" + id}).size() == 1);
  }
  const auto questions = [&pair] {
    const std::string stats = pair.stats("commandstats");
    const std::string name = "cmdstat_wait:calls=";
    return std::stoi(stats.substr(stats.find(name) + name.size()));
  };
  const int before = questions();
  pair.server.raw().text({"SCRIPT", "FLUSH"}); // what is sent again is asked for again
  for (int i = 0; i < 3'000; ++i) {
    rig.loop.start(rig.backend.put_checkpoint("t", std::to_string(i), i));
  }
  rig.loop.finish();
  CHECK(rig.loop.run(rig.backend.get_metrics()).total_checkpoints == 3'100);
  INFO(questions() - before);
  CHECK(questions() - before < 300);
  CHECK(questions() > before);
}

TEST_CASE("health tells that there are fewer replicas than writes wait for") {
  const Pair pair;
  RedisRig rig(options_for(pair, 1));
  CHECK(rig.works());
  const auto is_told = [&] {
    const Health health = rig.loop.run(rig.backend.health_check());
    return health.status == Health::Status::degraded &&
           json(health.issues).dump().find("0 of the 1 replicas") != std::string::npos;
  };
  CHECK_FALSE(is_told());
  pair.replica.raw().text({"REPLICAOF", "NO", "ONE"});
  CHECK(until(rig.loop, is_told));
  CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1)), errc::unavailable,
                 "put_checkpoint", "0 of 1 replicas"));
  pair.replica.raw().text({"REPLICAOF", "127.0.0.1", pair.server.port()});
  CHECK(until(rig.loop, [&] { return !is_told(); }));
  CHECK(rig.works());
}

TEST_CASE("a write that replicas do not have in time is unavailable, and reads do not wait") {
  const Pair pair;
  RedisRig rig(options_for(pair, 1));
  CHECK(rig.works());
  pair.replica.freeze();
  const auto write = rig.loop.start(rig.backend.put_checkpoint("t", "c", 1));
  const auto neighbour = rig.loop.start(rig.backend.put_checkpoint("t", "d", 1));
  const Stopwatch stopwatch;
  bool is_read = false;
  while (!is_read && stopwatch.elapsed() < std::chrono::milliseconds(400)) {
    const auto read = rig.loop.start(rig.backend.get_checkpoint("t", "c"));
    rig.loop.context().restart();
    while (!read->ended && rig.loop.context().run_one() != 0) {
    }
    is_read = read->has_value() && read->value->has_value();
  }
  CHECK(is_read);
  CHECK(!write->ended);
  rig.loop.finish();
  CHECK(write->threw(errc::unavailable));
  CHECK(neighbour->threw(errc::unavailable));
  CHECK(stopwatch.elapsed() < std::chrono::seconds(6));
  const auto late = error_of(rig.loop, rig.backend.put_checkpoint("t", "e", 1));
  CHECK(is_clear(late, errc::unavailable, "put_checkpoint", "0 of 1 replicas"));
  CHECK(is_because(late, boost::system::errc::timed_out, true));
  pair.replica.wake();
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).size() == 3);

  Loop loop;
  RedisBackend demanding(loop.context().get_executor(), options_for(pair, 2));
  CHECK(is_clear(error_of(loop, demanding.initialize()), errc::unavailable, "initialize",
                 "1 of 2 replicas"));
}
