// SPDX-License-Identifier: Apache-2.0
// A Redis Cluster whose nodes die, change roles and hand slots over while calls run.

#include "support/servers/redis_cluster.hpp"

#include "support/faults/forked_child.hpp"
#include "support/servers/redis_rig.hpp"

#include <agentstore/detail/redis/keys.hpp>

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace {

using namespace agentstore;
using namespace agentstore::test;

constexpr std::chrono::milliseconds acquire_time{1'000};
constexpr std::chrono::milliseconds operation_time{2'000};
/// For nodes that are not to take each other for gone, however busy the machine is.
constexpr std::chrono::milliseconds patience{5'000};

RedisOptions options_for(const RedisCluster& cluster, const std::string& space) {
  RedisOptions options(cluster.uri(), space);
  options.connect_timeout = options.acquire_timeout = acquire_time;
  options.operation_timeout = operation_time;
  return options;
}

/// The slot of a bucket, of 16.
std::size_t slot_of_bucket(const std::string& space, std::size_t bucket) {
  const detail::redis::Keys keys("", space, 16);
  return detail::redis::slot_of_key(keys.shared("counts", bucket));
}

/// An id that lies in a bucket.
std::string id_in_bucket(const std::string& stem, const std::string& space, std::size_t bucket) {
  const detail::redis::Keys keys("", space, 16);
  for (int i = 0;; ++i) {
    std::string id = stem + std::to_string(i);
    if (keys.bucket_of(id) == bucket) {
      return id;
    }
  }
}

/// 64 coroutines that store checkpoints, each in a thread of its own, and what came of it.
class Load {
public:
  static constexpr std::size_t workers = 64;

  explicit Load(RedisRig& rig) : rig_(rig) {
    for (std::size_t i = 0; i < workers; ++i) {
      rig_.loop.start(work(i));
    }
  }

  void run_for(std::chrono::milliseconds time) {
    rig_.loop.context().restart();
    rig_.loop.context().run_for(time);
  }
  void run_until(const std::string& what, const std::function<bool()>& holds) {
    RedisCluster::wait_until(what, [&] {
      run_for(std::chrono::milliseconds(10));
      return holds();
    });
  }
  /// Until each of them has stored one more.
  void run_until_all_work() {
    const std::vector<std::size_t> before = count();
    run_until("all coroutines work", [&] {
      const std::vector<std::size_t> now = count();
      return std::equal(before.begin(), before.end(), now.begin(), std::less<>());
    });
  }
  /// Hands a slot over while they work on.
  void move(const RedisCluster& cluster, std::size_t slot, std::size_t from, std::size_t to) {
    cluster.begin_move(slot, from, to);
    run_for(std::chrono::milliseconds(20));
    while (cluster.move_some(slot, from, to)) {
      run_for(std::chrono::milliseconds(5));
    }
    cluster.end_move(slot, from, to);
    run_until_all_work();
  }
  void finish() {
    is_over_ = true;
    rig_.loop.finish();
    CHECK(are_errors_clear);
    // A pause between two looks at the cluster does not count as a call's time.
    CHECK(longest < acquire_time + operation_time + std::chrono::milliseconds(500));
  }

  /// How many acknowledged checkpoints are not there.
  std::size_t lost() const {
    std::size_t missing = 0;
    for (std::size_t i = 0; i < workers; ++i) {
      const auto all = rig_.loop.run(rig_.backend.list_checkpoints(thread(i), 1'000'000));
      for (const std::string& each : stored_[i]) {
        missing += std::none_of(all.begin(), all.end(), [&each](const Checkpoint& there) {
          return there.checkpoint_id == each;
        });
      }
    }
    return missing;
  }

  /// Ends the load. A moving slot has made calls wait, and cost nothing else.
  void expect_moves_cost_time_alone() {
    finish();
    for (const auto& [what, times] : errors) {
      CHECK(what.find("TRYAGAIN") != std::string::npos);
    }
    CHECK(lost() == 0);
    CHECK(rig_.loop.run(rig_.backend.list_threads()).thread_ids.size() == workers);
  }

  static std::string thread(std::size_t worker) { return "thread-" + std::to_string(worker); }

  /// What went wrong how often.
  std::map<std::string, std::size_t> errors;
  std::string story() const { return json(errors).dump(1); }
  bool are_errors_clear = true;
  std::chrono::milliseconds longest{0};

private:
  awaitable<void> work(std::size_t worker) {
    boost::asio::steady_timer pause(rig_.loop.context());
    for (int step = 0; !is_over_; ++step) {
      const std::string id = std::to_string(step);
      const Stopwatch stopwatch;
      bool has_failed = false;
      try {
        co_await rig_.backend.put_checkpoint(thread(worker), id, step);
        stored_[worker].push_back(id);
      } catch (const StorageError& error) {
        has_failed = true;
        are_errors_clear = are_errors_clear && is_clear(error, errc::unavailable, "put_checkpoint");
        ++errors[error.what()];
      }
      longest = std::max(longest, stopwatch.elapsed());
      pause.expires_after(std::chrono::milliseconds(has_failed ? 20 : 1));
      co_await pause.async_wait(boost::asio::use_awaitable);
    }
  }

  std::vector<std::size_t> count() const {
    std::vector<std::size_t> counts;
    for (const auto& each : stored_) {
      counts.push_back(each.size());
    }
    return counts;
  }

  RedisRig& rig_;
  bool is_over_ = false;
  std::vector<std::vector<std::string>> stored_{workers};
};

/// The work of another process, which stores until the time is over. It keeps which checkpoints of
/// which thread were acknowledged.
class Writers {
public:
  Writers(const RedisOptions& options, std::string name)
      : name_(std::move(name)), backend_(loop_.context().get_executor(), options) {}

  json work_for(std::chrono::seconds time) {
    loop_.run(backend_.initialize());
    const auto until = std::chrono::steady_clock::now() + time;
    for (int i = 0; i < 32; ++i) {
      loop_.start(work(name_ + std::to_string(i), until));
    }
    loop_.finish();
    return acknowledged_;
  }

private:
  awaitable<void> work(std::string thread, std::chrono::steady_clock::time_point until) {
    for (int step = 0; std::chrono::steady_clock::now() < until; ++step) {
      const std::string id = std::to_string(step);
      try {
        co_await backend_.put_checkpoint(thread, id, step);
        acknowledged_[thread].push_back(id);
      } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): others look at these
      }
      co_await pause(std::chrono::milliseconds(5));
    }
  }

  Loop loop_;
  const std::string name_;
  RedisBackend backend_;
  json acknowledged_ = json::object();
};

} // namespace

TEST_CASE("a node of a cluster that serves nothing, or not all, says so") {
  const RedisServer server(
      {{"cluster-enabled", "yes"}, {"cluster-port", std::to_string(ServerProcess::free_port())}});
  Loop loop;
  RedisBackend backend(loop.context().get_executor(), RedisOptions(server.tcp_uri()));
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::unavailable, "initialize",
                 "no node of the cluster serves a slot"));
  server.raw().text({"CLUSTER", "ADDSLOTSRANGE", "0", "100"});
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::unavailable, "initialize",
                 "CLUSTERDOWN"));
  RedisBackend other(loop.context().get_executor(), RedisOptions(server.tcp_uri() + "/1"));
  CHECK(is_clear(error_of(loop, other.initialize()), errc::invalid_argument, "initialize"));
}

TEST_CASE("each master serves its share, whatever the space's name, and redirects nobody") {
  RedisCluster cluster(patience);
  const auto calls = [&cluster](std::size_t node) {
    const std::string stats = cluster.info(node, "commandstats");
    const std::size_t at = stats.find("cmdstat_evalsha:calls=");
    return at == std::string::npos ? 0.0 : std::stod(stats.substr(at + 22));
  };
  constexpr int count = 3'000;
  for (const std::string space : {"agentstore", "support", "eu/west", "{}", ""}) {
    RedisOptions options = options_for(cluster, space);
    options.acquire_timeout = options.operation_timeout =
        std::chrono::minutes(2); // all wait at once
    RedisRig rig(options);
    double before[RedisCluster::masters] = {};
    for (std::size_t i = 0; i < RedisCluster::masters; ++i) {
      before[i] = calls(i);
    }
    for (int i = 0; i < count; ++i) {
      rig.loop.start(rig.backend.put_checkpoint("t-" + std::to_string(i), "c", i));
    }
    rig.loop.finish();
    for (std::size_t i = 0; i < RedisCluster::masters; ++i) {
      INFO(space << ", master " << i << ": " << calls(i) - before[i] << " of " << count);
      CHECK(calls(i) - before[i] > 0.75 * count / RedisCluster::masters);
      CHECK(calls(i) - before[i] < 1.25 * count / RedisCluster::masters);
    }
    CHECK(rig.loop.run(rig.backend.get_metrics()).total_checkpoints == count);
    CHECK(rig.loop.run(rig.backend.list_threads()).thread_ids.size() == 100);
    const Health health = rig.loop.run(rig.backend.health_check());
    CHECK(health.status == Health::Status::degraded);
    CHECK(json(health.issues).dump().find("3 of 3 nodes: the server has no append-only") !=
          std::string::npos);
  }
  for (std::size_t i = 0; i < RedisCluster::masters; ++i) {
    CHECK(cluster.info(i, "errorstats").find("MOVED") == std::string::npos);
  }
}

TEST_CASE("a master is killed under load, and its replica takes over") {
  for (const std::size_t replicas : {0U, 1U}) {
    RedisCluster cluster;
    RedisOptions options = options_for(cluster, "killed");
    options.wait_replicas = replicas;
    RedisRig rig(options);
    Load load(rig);
    load.run_until_all_work();
    CHECK(load.errors.empty());
    cluster.node(0).kill(); // the one of the URI
    load.run_until("the replica is promoted", [&] { return cluster.is_master(3); });
    if (replicas == 0) { // otherwise no replica is left to confirm
      load.run_until_all_work();
    }
    cluster.node(0).start();
    load.run_until_all_work();
    load.finish();
    CHECK(!load.errors.empty());
    const std::size_t lost = load.lost(); // nothing is torn
    CHECK((replicas == 0 || lost == 0));
    cluster.wait_until_ok();
    CHECK(!cluster.is_master(0));
    CHECK(rig.works());
    CHECK(rig.loop.run(rig.backend.health_check()).status == Health::Status::degraded);
  }
}

TEST_CASE("a master is killed under what several processes write, and nothing acknowledged goes") {
  if (!child_may_have_threads) {
    return;
  }
  RedisCluster cluster;
  RedisOptions options = options_for(cluster, "processes");
  options.wait_replicas = 1;
  std::vector<std::future<std::string>> children;
  for (const char* const name : {"first-", "second-"}) {
    children.push_back(std::async(std::launch::async, [&options, name] {
      return said_by_child(
          [&] { return Writers(options, name).work_for(std::chrono::seconds(5)).dump(); });
    }));
  }
  std::this_thread::sleep_for(std::chrono::seconds(1)); // they are at it
  cluster.node(0).kill();
  RedisCluster::wait_until("the replica is promoted", [&] { return cluster.is_master(3); });
  cluster.node(0).start();
  RedisRig rig(options_for(cluster, "processes"));
  for (std::future<std::string>& child : children) {
    const json acknowledged = json::parse(child.get());
    CHECK(acknowledged.size() == 32);
    for (const auto& [thread, ids] : acknowledged.items()) {
      std::set<std::string> there;
      for (const Checkpoint& each : rig.loop.run(rig.backend.list_checkpoints(thread, 1'000'000))) {
        there.insert(each.checkpoint_id);
      }
      for (const json& id : ids) {
        CHECK(there.contains(id.get<std::string>()));
      }
    }
  }
}

TEST_CASE("a replica takes over as it is told to, and no call notices") {
  RedisCluster cluster(patience);
  RedisRig rig(options_for(cluster, "failover"));
  Load load(rig);
  for (const std::size_t next : {3U, 0U}) {
    load.run_until_all_work();
    const std::size_t now = 3 - next;
    // A master that does not know the replica as a replica neither hears it nor votes for it.
    const auto is_known_to = [&](std::size_t master) {
      const auto all = cluster.node(master).raw().text({"CLUSTER", "REPLICAS", cluster.id(now)});
      return all.find(cluster.id(next)) != std::string::npos;
    };
    load.run_until("the masters know the replica",
                   [&] { return is_known_to(now) && is_known_to(1) && is_known_to(2); });
    cluster.node(next).raw().text({"CLUSTER", "FAILOVER"});
    load.run_until("the replica is promoted", [&] { return cluster.is_master(next); });
    load.run_until_all_work();
  }
  load.finish();
  INFO(load.story());
  CHECK(load.errors.empty());
  CHECK(load.lost() == 0);
}

TEST_CASE("a slot that is on its way is served where all keys of a script are") {
  RedisCluster cluster(patience);
  const std::string space = "moving";
  RedisOptions options = options_for(cluster, space);
  options.uri.replace(0, std::string("redis://").size(), "redis://agent:word@");
  for (std::size_t i = 0; i < RedisCluster::size; ++i) { // with no more rights than are needed
    std::istringstream words(
        "ACL SETUSER agent on >word ~{moving/* +evalsha +eval +info +hset +hget "
        "+hmget +hincrby +hlen +hdel +hstrlen +exists +zadd +zrem +zcard "
        "+zrange +zremrangebyrank +unlink +dump +restore +rename "
        "+persist +cluster|slots +asking");
    cluster.node(i).raw().text({std::istream_iterator<std::string>(words), {}});
  }
  RedisRig rig(options);
  RedisBackend& backend = rig.backend;
  const std::string id = id_in_bucket("session-", space, 5);
  const std::string new_id = id_in_bucket("new-", space, 5);
  const std::size_t slot = slot_of_bucket(space, 5);
  const std::size_t from = cluster.owner(slot);
  const std::size_t to = (from + 1) % RedisCluster::masters;
  rig.loop.run(backend.create_session(id, "user"));
  rig.loop.run(backend.add_conversation_message(id, "user", "one"));
  rig.loop.run(backend.put_checkpoint(id, "c-1", 1));
  rig.loop.run(backend.put_checkpoint(id, "c-2", 2));
  std::vector<ChannelWrite> writes(1, ChannelWrite("channel", 1));
  rig.loop.run(backend.put_writes(id, "c-1", "task", writes));

  const auto check_all = [&](int round) {
    INFO("round " << round);
    CHECK(rig.loop.run(backend.update_session(id, SessionUpdate().increment_requests())));
    const auto session = rig.loop.run(backend.get_session(id));
    REQUIRE(session);
    CHECK(session->request_count == static_cast<std::uint64_t>(round));
    CHECK(rig.loop.run(backend.get_conversation_history(id)).size() == 1);
    CHECK(rig.loop.run(backend.list_checkpoints(id)).size() == 2);
    CHECK(rig.loop.run(backend.list_sessions("user")).sessions.size() == 1);
    CHECK(rig.loop.run(backend.get_metrics()).total_checkpoints == 2);
    CHECK(rig.loop.run(backend.list_threads()).thread_ids.size() == 1);
  };
  const auto check_refusal = [&] {
    // If some keys are not there, nobody knows which of the two nodes has the others.
    CHECK(is_clear(error_of(rig.loop, backend.create_session(new_id, "user")), errc::unavailable,
                   "create_session", "TRYAGAIN"));
  };
  check_all(1);
  cluster.begin_move(slot, from, to);
  check_all(2);
  check_refusal();
  cluster.node(to).raw().text({"SCRIPT", "FLUSH"});
  while (cluster.move_some(slot, from, to)) {
  }
  check_all(3);
  check_refusal();
  cluster.end_move(slot, from, to);
  check_all(4);
  CHECK(cluster.owner(slot) == to);
  const std::string counts = detail::redis::Keys("", space, 16).shared("counts", 5);
  CHECK(cluster.node(to).raw().text({"UNLINK", counts}) == "1");
  check_all(5); // counts the bucket anew
  // A command that ends with fewer keys than it began with ends whole, even if its slot is on its
  // way.
  cluster.begin_move(slot, to, from);
  CHECK(rig.loop.run(backend.prune_thread(id, 0)) == 2);
  CHECK(rig.loop.run(backend.get_metrics()).total_checkpoints == 0);
  while (cluster.move_some(slot, to, from)) {
  }
  cluster.end_move(slot, to, from);
  CHECK(rig.loop.run(backend.create_session(new_id, "user")).session_id == new_id);
  CHECK(rig.loop.run(backend.list_threads()).thread_ids.empty());
  CHECK(rig.works());
}

TEST_CASE("every node of a cluster is spoken to by TLS, under the name that it announces") {
  const Certificate certificate("localhost");
  const RedisCluster cluster(patience, certificate);
  RedisOptions options = options_for(cluster, "tls");
  options.uri = cluster.tls_uri();
  options.ca_file = certificate.file();
  options.connect_timeout = options.operation_timeout = std::chrono::seconds(10);
  RedisRig rig(options);
  for (std::size_t bucket = 0; bucket < 16; ++bucket) {
    const std::string id = id_in_bucket("there-", "tls", bucket);
    CHECK(rig.loop.run(rig.backend.put_checkpoint(id, "c", bucket)));
    CHECK(rig.loop.run(rig.backend.get_checkpoint(id)).value().data == json(bucket));
  }
  CHECK(rig.loop.run(rig.backend.list_threads()).thread_ids.size() == 16);
  const Certificate other("localhost");
  options.ca_file = other.file();
  Loop loop;
  RedisBackend stranger(loop.context().get_executor(), options);
  CHECK(is_clear(error_of(loop, stranger.initialize()), errc::unavailable, "initialize", "TLS"));
}

TEST_CASE("a node that joins while calls run serves what is handed to it") {
  RedisCluster cluster(patience);
  const std::string space = "joined";
  RedisRig rig(options_for(cluster, space));
  Load load(rig);
  load.run_until_all_work();
  const std::size_t added = cluster.add_node();
  load.run_until("all nodes know the new one", [&] { return cluster.do_all_know_all(); });
  for (std::size_t bucket = 0; bucket < 16; bucket += 4) {
    const std::size_t slot = slot_of_bucket(space, bucket);
    const std::size_t from = cluster.owner(slot);
    load.move(cluster, slot, from, added);
    CHECK(cluster.owner(slot) == added);
  }
  load.expect_moves_cost_time_alone();
  // Requests go to the new node directly, and not only after a redirect by another node.
  const auto served = [&] { return cluster.info(added, "commandstats"); };
  cluster.node(added).raw().text({"CONFIG", "RESETSTAT"});
  const std::string id = id_in_bucket("there-", space, 4);
  CHECK(rig.loop.run(rig.backend.put_checkpoint(id, "c", 1)));
  CHECK(served().find("cmdstat_evalsha:calls=1,") != std::string::npos);
}

TEST_CASE("slots move back and forth while calls run") {
  RedisCluster cluster(patience);
  const std::string space = "moved";
  RedisRig rig(options_for(cluster, space));
  Load load(rig);
  load.run_until_all_work();
  const std::size_t slot = slot_of_bucket(space, 3);
  std::size_t from = cluster.owner(slot);
  for (int round = 0; round < 4; ++round) {
    const std::size_t to = (from + 1) % RedisCluster::masters;
    load.move(cluster, slot, from, to);
    from = to;
  }
  load.expect_moves_cost_time_alone();
}
