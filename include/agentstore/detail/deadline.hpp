// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DEADLINE_HPP
#define AGENTSTORE_DETAIL_DEADLINE_HPP

#include <chrono>

namespace agentstore::detail {

/// The time `limit` after `now`, or `now` for a limit below 0. A limit that the clock cannot
/// express never ends.
inline std::chrono::steady_clock::time_point
deadline_after(std::chrono::steady_clock::time_point now, std::chrono::milliseconds limit) {
  using Time = std::chrono::steady_clock::time_point;
  if (limit <= std::chrono::milliseconds(0)) {
    return now;
  }
  const auto left = std::chrono::floor<std::chrono::milliseconds>(Time::max() - now);
  return limit < left ? now + limit : Time::max();
}

} // namespace agentstore::detail

#endif
