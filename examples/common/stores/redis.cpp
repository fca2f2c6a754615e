// SPDX-License-Identifier: Apache-2.0

#include "../store_uri.hpp"
#include "../take_space.hpp"

#include <agentstore/backends/redis.hpp>

namespace example {
namespace {

Store make(boost::asio::any_io_executor executor, const std::string& uri, const std::string&) {
  agentstore::RedisOptions options(uri);
  const std::string space = take_space(options.uri);
  if (!space.empty()) {
    options.space = space;
  }
  check_parameters(options.uri, uri.starts_with("unix:") ? "db" : "");
  return Store(std::make_shared<agentstore::RedisBackend>(executor, std::move(options)));
}

[[maybe_unused]] const bool added_redis =
    add_store_kind("redis", {"redis://HOST[/DATABASE][?space=NAME]", make});
[[maybe_unused]] const bool added_rediss =
    add_store_kind("rediss", {"rediss://HOST[/DATABASE][?space=NAME]", make});
[[maybe_unused]] const bool added_unix =
    add_store_kind("unix", {"unix:///SOCKET-OF-REDIS[?db=DATABASE&space=NAME]", make});

} // namespace
} // namespace example
