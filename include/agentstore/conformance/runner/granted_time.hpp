// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_GRANTED_TIME_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_GRANTED_TIME_HPP

/// \file
/// Time as a deadline counts it: without the delays of a busy machine.

#include <agentstore/detail/requirements.hpp>

#include <algorithm>
#include <chrono>

namespace agentstore::conformance {

/// The time that a thread spends in waits of a bounded length.
///
/// On a busy machine a wait takes longer than asked for, because the thread is not scheduled when
/// the wait is over. The threads that it waits for are late as well. So each wait counts for at
/// most the length that was asked for: a deadline is a number of waits, not a point in time.
class GrantedTime {
public:
  using Clock = std::chrono::steady_clock;

  explicit GrantedTime(Clock::duration longest_wait) : longest_wait_(longest_wait) {}

  /// One more wait is over; returns the time so far.
  Clock::duration count() {
    const Clock::time_point now = Clock::now();
    granted_ += std::min(now - last_, longest_wait_);
    last_ = now;
    return granted_;
  }
  void restart() {
    granted_ = Clock::duration::zero();
    begin_ = last_ = Clock::now();
  }
  /// What a clock on the wall says.
  Clock::duration on_the_wall() const { return last_ - begin_; }

private:
  Clock::duration longest_wait_;
  Clock::duration granted_{0};
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

} // namespace agentstore::conformance

#endif
