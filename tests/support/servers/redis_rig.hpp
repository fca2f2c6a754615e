// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_RIG_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_RIG_HPP

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/servers/redis_server.hpp"
#include "support/waiting.hpp"

#include <agentstore/backends/redis.hpp>
#include <agentstore/record_json.hpp>

#include <chrono>

namespace agentstore::test {

/// The server of all tests that do no harm to it.
inline RedisServer& shared_redis() {
  static RedisServer one;
  return one;
}

/// A space that no other test has.
inline std::string fresh_space() {
  static int count = 0;
  return "space-" + std::to_string(++count);
}

/// With time for 100 MB, or for thousands of calls, on a busy machine and under a sanitizer.
inline RedisOptions patient(const std::string& uri) {
  RedisOptions options(uri, fresh_space());
  options.operation_timeout = std::chrono::minutes(3);
  return options;
}

/// A backend that is open, and what it is tested with.
class RedisRig {
public:
  explicit RedisRig(RedisOptions options = patient(shared_redis().uri()))
      : backend(loop.context().get_executor(), options) {
    REQUIRE(loop.run(backend.initialize()));
  }

  bool works() {
    const std::string id = "check-" + std::to_string(++checks_);
    const bool put = loop.run(backend.put_checkpoint(id, "c", checks_));
    const auto read = loop.run(backend.get_checkpoint(id));
    return put && read && read->data == json(checks_);
  }

  Loop loop;
  RedisBackend backend;

private:
  int checks_ = 0;
};

/// All keys of a server with what they hold.
inline std::string dump_of(RawRedis& raw) {
  std::vector<std::string> keys = raw.list({"KEYS", "*"});
  std::sort(keys.begin(), keys.end());
  std::string all;
  for (const std::string& key : keys) {
    all += key + " " + raw.text({"DEBUG", "DIGEST-VALUE", key}) + "\n";
  }
  return all;
}

} // namespace agentstore::test

#endif
