// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_REDIS_HARNESS_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_REDIS_HARNESS_HPP

// How the kit gets at the Redis backend, whatever it is connected to.

#include "support/harnesses/kit_options.hpp"
#include "support/raw_redis.hpp"

#include <agentstore/backends/redis.hpp>
#include <agentstore/conformance/harness.hpp>

namespace agentstore::test {

/// `Server::get()` is the server of this program, or of the one that started it to kill it, and has
///
///     RedisOptions options(std::string space) const;  // how a backend connects
///     void remove_all(const std::string& pattern) const;
template <class Server>
class RedisHarness {
public:
  auto claims() const { return engine_claims(); }

  std::shared_ptr<RedisBackend> open(boost::asio::any_io_executor executor, std::string space) {
    RedisOptions options = for_the_kit(Server::get().options(std::move(space)), clock_);
    return std::make_shared<RedisBackend>(executor, std::move(options));
  }

  void drop(std::string space) { Server::get().remove_all("{" + space + "/*"); }
  void set_clock(Timestamp now) { clock_.set(now); }

private:
  SetClock clock_;
};

/// Removes the keys of a server that match a pattern, in one command: the server waits for its disk
/// after each.
inline void remove_keys(RawRedis raw, const std::string& pattern) {
  raw.text({"EVAL",
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', key) end "
            "return 0",
            "0", pattern});
}

} // namespace agentstore::test

#endif
