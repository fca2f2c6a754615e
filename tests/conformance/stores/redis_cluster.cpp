// SPDX-License-Identifier: Apache-2.0
// Holds the Redis backend to every rule on a cluster of its own.

#include "support/servers/redis_cluster.hpp"

#include "support/harnesses/redis_harness.hpp"

#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

/// The cluster of this program, or of the one that started it to kill it.
class Cluster {
public:
  static const Cluster& get() {
    static const Cluster cluster;
    return cluster;
  }

  RedisOptions options(std::string space) const { return RedisOptions(uri_, std::move(space)); }
  void remove_all(const std::string& pattern) const {
    for (std::size_t i = 0; i < test::RedisCluster::masters; ++i) {
      test::remove_keys(nodes_->node(i).raw(), pattern);
    }
  }

private:
  Cluster() {
    constexpr const char* variable = "AGENTSTORE_TEST_REDIS_CLUSTER";
    if (const char* const inherited = std::getenv(variable)) {
      uri_ = inherited;
      return;
    }
    // However busy the machine is, the nodes do not take each other for gone.
    nodes_ = std::make_unique<test::RedisCluster>(std::chrono::seconds(5));
    uri_ = nodes_->uri();
    ::setenv(variable, uri_.c_str(), 1);
  }

  std::unique_ptr<test::RedisCluster> nodes_;
  std::string uri_; // is inherited by programs that this one starts
};

class RedisClusterHarness : public test::RedisHarness<Cluster> {
public:
  static constexpr std::string_view name = "redis-cluster";
};

} // namespace

AGENTSTORE_CONFORMANCE(RedisClusterHarness)
