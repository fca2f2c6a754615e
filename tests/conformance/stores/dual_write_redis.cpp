// SPDX-License-Identifier: Apache-2.0
// Holds DualWrite to the rules with its hot store on Redis and its archive on ClickHouse.

#include "conformance/stores/dual_write_servers.hpp"
#include "support/harnesses/redis_harness.hpp"
#include "support/servers/redis_server.hpp"

#include <agentstore/backends/redis.hpp>
#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

class RedisDualWriteHarness : public test::ServersHarness<RedisBackend> {
public:
  static constexpr std::string_view name = "redis-dual-write";

  RedisDualWriteHarness() { redis(); }

  std::shared_ptr<DualWrite<RedisBackend>> open(boost::asio::any_io_executor executor,
                                                std::string space) {
    auto options = with_limits(RedisOptions("unix://" + redis(), space));
    return beside_archive(executor, std::make_shared<RedisBackend>(executor, options), space);
  }
  awaitable<void> drop(std::string space) {
    return drop_beside(std::move(space), [](const std::string& prefix) {
      test::remove_keys(test::RawRedis(redis()), "{" + prefix + "/*");
    });
  }

private:
  /// Only this program is killed and never the server, so that the server need not wait for its
  /// disk.
  static const std::string& redis() {
    static const test::Inherited<test::RedisServer> server(
        "AGENTSTORE_TEST_REDIS", [](const test::RedisServer& one) { return one.socket(); });
    return server.address();
  }
};

} // namespace

AGENTSTORE_CONFORMANCE(RedisDualWriteHarness)
