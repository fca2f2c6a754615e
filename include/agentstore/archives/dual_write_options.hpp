// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_DUAL_WRITE_OPTIONS_HPP
#define AGENTSTORE_ARCHIVES_DUAL_WRITE_OPTIONS_HPP

#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace agentstore {

namespace detail::dual_write {
class Journal;
class Writer;
} // namespace detail::dual_write

/// Where a DualWrite keeps its queue: in memory, if it is not made by a function such as
/// `sqlite_queue` (archives/sqlite_queue.hpp).
class DualWriteQueue {
public:
  using Maker = std::function<std::shared_ptr<detail::dual_write::Journal>()>;

  DualWriteQueue() = default;
  /// Of the library's own functions.
  explicit DualWriteQueue(Maker make) : make_(std::move(make)) {}

private:
  friend detail::dual_write::Writer;
  Maker make_;
};

/// What a DualWrite can be told; the defaults suit most. A pause or a limit below 0 is 0, and one
/// that the clock cannot express has no end. 0 appends or attempts are one.
class DualWriteOptions {
public:
  DualWriteOptions() = default;

  /// What happens to a record that finds the queue full. It is counted in both cases.
  enum class WhenFull {
    /// It is dropped itself.
    drop_newest,
    /// The oldest that wait make room for it, of whatever key they are.
    drop_oldest,
  };

  /// How many records are queued at most, and how many bytes they weigh: 256 each, and what they
  /// hold. A value counts by a bound of its text, which for one made from a tree may be six times
  /// what it is. Both limits hold at the same time.
  std::size_t max_queued = 10'000;
  std::size_t max_queued_bytes = std::size_t{64} << 20u;
  WhenFull when_full = WhenFull::drop_newest;
  /// In memory, unless it is told where it outlives the process.
  DualWriteQueue queue;

  /// How many appends are under way at most, each of another key.
  std::size_t max_appends = 64;

  /// How often a record is appended until it is dropped, and the pauses between: each is twice the
  /// one before, up to the longest. By default that takes a little more than ten minutes.
  std::size_t max_attempts = 20;
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds longest_pause{60'000};

  /// How long `initialize` waits for the archive. One that opens later, or not at first, is opened
  /// by the appends.
  std::chrono::milliseconds open_limit{1'000};
  /// How long `close` waits for what is queued, and for the archive to close.
  std::chrono::milliseconds close_limit{10'000};

  /// Asked for the time of each record.
  Clock clock = system_clock();
};

} // namespace agentstore

#endif
