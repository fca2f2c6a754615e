// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CONCURRENCY_STARTING_LINE_HPP
#define AGENTSTORE_CONFORMANCE_CONCURRENCY_STARTING_LINE_HPP

/// \file
/// How threads begin at once, on a machine that starts them one after the other.

#include <agentstore/conformance/check/failures.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace agentstore::conformance {

/// Holds each thread until all have come, as often as they come.
class StartingLine {
public:
  explicit StartingLine(std::size_t threads) : threads_(threads) {}

  /// Returns when all threads have come. Throws `Timeout` if they have not within the limit,
  /// because a thread is then blocked for good.
  void wait(std::chrono::steady_clock::duration limit);

  /// Goes away a little later or earlier than the others, in each round at another distance.
  static void stagger(std::size_t round, std::size_t index);

  /// The thread that calls this will not come any more.
  void leave();

private:
  void start_if_all_are_here();

  std::mutex mutex_;
  std::size_t threads_;
  std::size_t here_ = 0;
  std::atomic<std::size_t> starts_ = 0;
};

// Only machinery below this line.

inline void StartingLine::start_if_all_are_here() {
  if (here_ == threads_) {
    here_ = 0;
    ++starts_;
  }
}

inline void StartingLine::wait(std::chrono::steady_clock::duration limit) {
  using namespace std::chrono_literals;
  using Clock = std::chrono::steady_clock;
  std::size_t starts = 0;
  {
    const std::lock_guard lock(mutex_);
    starts = starts_;
    ++here_;
    start_if_all_are_here();
  }
  // A thread that sleeps is late when it starts. So a thread spins, and only lets others have the
  // processor, until it is clear that another thread will not come soon.
  const Clock::time_point begin = Clock::now();
  while (starts_ == starts) {
    const Clock::duration waited = Clock::now() - begin;
    if (waited > limit) {
      throw Timeout("a call of another thread");
    }
    if (waited > 20ms) {
      std::this_thread::sleep_for(200us);
    } else {
      std::this_thread::yield();
    }
  }
}

inline void StartingLine::stagger(std::size_t round, std::size_t index) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + index * (round + 1) % 8 * 4us;
  while (std::chrono::steady_clock::now() < end) {
  }
}

inline void StartingLine::leave() {
  const std::lock_guard lock(mutex_);
  --threads_;
  if (threads_ != 0) {
    start_if_all_are_here();
  }
}

} // namespace agentstore::conformance

#endif
