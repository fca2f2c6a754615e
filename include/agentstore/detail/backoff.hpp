// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_BACKOFF_HPP
#define AGENTSTORE_DETAIL_BACKOFF_HPP

#include <algorithm>
#include <chrono>

namespace agentstore::detail {

/// The pauses between attempts: each is twice the one before, up to the longest. A pause below 0
/// counts as 0.
class Backoff {
public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration first, Duration longest)
      : longest_(std::max(longest, Duration(0))), next_(std::clamp(first, Duration(0), longest_)) {}

  Duration next() {
    const Duration pause = next_;
    next_ = pause > longest_ / 2 ? longest_ : pause * 2;
    return pause;
  }

private:
  Duration longest_;
  Duration next_;
};

} // namespace agentstore::detail

#endif
