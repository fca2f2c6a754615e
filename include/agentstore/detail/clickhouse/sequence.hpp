// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_SEQUENCE_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_SEQUENCE_HPP

// The places of records. This library makes them, because ClickHouse cannot.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <unistd.h>

namespace agentstore::detail::clickhouse {

/// A place that no other record has.
class Place {
public:
  Place() = default;

  /// The microseconds of the clock, or one more than the last of this writer.
  std::uint64_t sequence = 0;
  /// The process that gave the place, identified by 64 random bits.
  std::uint64_t writer = 0;
};

/// The next place of this process. All archives share the sequence, so that the handles of one
/// process never give the same place.
inline Place next_place() {
  class Writer {
  public:
    std::mutex mutex;
    ::pid_t process = 0; // the child of a fork is another writer
    Place last;
  };
  static Writer writer;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(writer.mutex);
  if (writer.process != ::getpid()) {
    std::random_device random;
    writer.last.writer = (std::uint64_t{random()} << 32u) | random();
    writer.process = ::getpid();
  }
  const auto wall_clock = std::max<std::int64_t>(duration_cast<microseconds>(now).count(), 0);
  writer.last.sequence = std::max(writer.last.sequence + 1, static_cast<std::uint64_t>(wall_clock));
  return writer.last;
}

/// ArchiveRecord::sequence holds the microseconds. Its low bits hold a rank: how many records of
/// the key have the same microseconds and come before, with places from other writers.
inline constexpr unsigned rank_bits = 11;
inline constexpr std::uint64_t rank_mask = (std::uint64_t{1} << rank_bits) - 1;

} // namespace agentstore::detail::clickhouse

#endif
