// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_INFO_HPP
#define AGENTSTORE_DETAIL_REDIS_INFO_HPP

// What a server tells of itself.

#include <agentstore/detail/redis/request.hpp>

namespace agentstore::detail::redis {

inline Command ask_info() {
  return Command(std::vector<std::string>(1, "INFO"));
}

/// The value of a line `name:value` of INFO; empty if there is none.
inline std::string_view info_value(std::string_view info, const std::string& name) {
  const std::size_t line = info.find("\n" + name + ":");
  if (line == std::string_view::npos) {
    return {};
  }
  const std::size_t begin = line + name.size() + 2;
  return info.substr(begin, info.find('\r', begin) - begin);
}

} // namespace agentstore::detail::redis

#endif
