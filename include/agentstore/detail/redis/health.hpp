// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_HEALTH_HPP
#define AGENTSTORE_DETAIL_REDIS_HEALTH_HPP

// Whether the server can serve, and whether it keeps what it is given.

#include <agentstore/detail/redis/info.hpp>
#include <agentstore/detail/redis/layout.hpp>

#include <map>
#include <span>

namespace agentstore::detail::redis {

/// The first command is for each node that serves slots.
inline Request health_request(const Keys& keys) {
  Request request(ask_info());
  request.add(read_layout(keys));
  return request;
}

inline bool is_full(std::string_view info) {
  const std::string_view used = info_value(info, "used_memory");
  const std::string_view most = info_value(info, "maxmemory");
  return !used.empty() && !most.empty() && most != "0" &&
         number_in<std::uint64_t>(used) > number_in<std::uint64_t>(most);
}

/// How many replicas of the server WAIT would count.
inline std::size_t replicas_online(std::string_view info) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = info.find(",state=online,", at)) != std::string_view::npos; ++at) {
    ++count;
  }
  return count;
}

/// Adds what endangers a server. False if the server takes no writes.
inline bool find_issues(std::vector<std::string>& issues, std::string_view info,
                        std::size_t wait_replicas) {
  if (info_value(info, "role") != "master") {
    issues.emplace_back("the server is a replica, which takes no writes");
    return false;
  }
  if (const auto policy = info_value(info, "maxmemory_policy"); policy != "noeviction") {
    issues.push_back("the server may evict what is stored: maxmemory-policy is " +
                     std::string(policy));
  }
  if (info_value(info, "aof_enabled") != "1") {
    issues.emplace_back("the server has no append-only file: what it was told last does "
                        "not survive its end");
  }
  if (info_value(info, "aof_last_write_status") == "err") {
    issues.emplace_back("the server cannot write its append-only file");
  }
  if (is_full(info)) {
    issues.emplace_back("the server is full: maxmemory is reached");
  }
  if (const std::size_t online = replicas_online(info); online < wait_replicas) {
    issues.push_back("the server has " + std::to_string(online) + " of the " +
                     std::to_string(wait_replicas) + " replicas that writes wait for");
  }
  return true;
}

/// Adds what the nodes that serve slots report. An issue that several nodes share is added once.
inline void describe_nodes(Health& health, std::span<const Reply> infos,
                           std::size_t wait_replicas) {
  bool all_take_writes = true;
  std::map<std::string, std::size_t> found;
  for (const Reply& each : infos) {
    const std::string_view info = each.root().bytes();
    health.details["server_version"] = info_value(info, "redis_version");
    std::vector<std::string> issues;
    all_take_writes = find_issues(issues, info, wait_replicas) && all_take_writes;
    for (const std::string& issue : issues) {
      ++found[issue];
    }
  }
  for (const auto& [issue, count] : found) {
    const std::string whose =
        std::to_string(count) + " of " + std::to_string(infos.size()) + " nodes: ";
    health.issues.push_back(infos.size() == 1 ? issue : whose + issue);
  }
  if (all_take_writes) {
    health.status = health.issues.empty() ? Health::Status::healthy : Health::Status::degraded;
  }
}

/// Adds what the response to `health_request` says.
inline void describe(Health& health, const Response& response, const Keys& keys,
                     std::size_t wait_replicas) {
  if (response.failure) {
    health.issues.push_back(response.failure->is_cancellation ? "the check was cancelled"
                                                              : response.failure->reason);
    return;
  }
  try {
    check_layout(response.replies.back().root(), keys);
    describe_nodes(health, std::span(response.replies).first(response.replies.size() - 1),
                   wait_replicas);
  } catch (const Failure& why) {
    health.issues.push_back(why.reason);
  } catch (const Corrupted& damage) {
    health.issues.emplace_back(damage.what());
  }
}

} // namespace agentstore::detail::redis

#endif
