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

/// Where a DualWrite keeps its queue. The default is in memory; a function such as `sqlite_queue`
/// (archives/sqlite_queue.hpp) makes another one.
class DualWriteQueue {
public:
  using Maker = std::function<std::shared_ptr<detail::dual_write::Journal>()>;

  DualWriteQueue() = default;
  /// For the library's own functions.
  explicit DualWriteQueue(Maker make) : make_(std::move(make)) {}

private:
  friend detail::dual_write::Writer;
  Maker make_;
};

/// The options of a DualWrite; the defaults suit most programs. A pause or a limit below 0 means 0.
/// A pause or a limit that the clock cannot express never ends. 0 appends or attempts mean one.
class DualWriteOptions {
public:
  DualWriteOptions() = default;

  /// What happens to a record that finds the queue full. A dropped record is counted in both cases.
  enum class WhenFull {
    /// The record itself is dropped.
    drop_newest,
    /// The oldest waiting records, of any key, are dropped to make room for it.
    drop_oldest,
  };

  /// How many records are queued at most, and how many bytes they may take. Each record takes 256
  /// bytes and what it holds. A value counts by a bound of its text's size; for a value made from a
  /// tree, the bound may be six times the size. Both limits hold at the same time. A record that is
  /// above `max_queued_bytes` by itself is dropped, and so is every record if a limit is 0.
  std::size_t max_queued = 10'000;
  std::size_t max_queued_bytes = std::size_t{64} << 20u;
  WhenFull when_full = WhenFull::drop_newest;
  /// In memory by default; otherwise a queue that outlives the process.
  DualWriteQueue queue;

  /// How many appends are under way at most, each of another kind or key.
  std::size_t max_appends = 64;

  /// How often a record is appended until it is dropped, and the pauses between the attempts. Each
  /// pause is twice the one before, up to the longest. By default all attempts take a little more
  /// than ten minutes. An archive that is away for longer than that loses records.
  std::size_t max_attempts = 20;
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds longest_pause{60'000};

  /// How long `initialize` waits for the archive. If the archive takes longer, or fails to open,
  /// the appends open it.
  std::chrono::milliseconds open_limit{1'000};
  /// How long `close`, when the hot store is closed, waits for what is queued, and for the archive
  /// to close.
  std::chrono::milliseconds close_limit{10'000};

  /// Gives the time of each record.
  Clock clock = system_clock();
};

} // namespace agentstore

#endif
