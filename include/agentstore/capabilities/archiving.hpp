// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_ARCHIVING_HPP
#define AGENTSTORE_CAPABILITIES_ARCHIVING_HPP

#include <agentstore/contract.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace agentstore {

/// How long `drain` waits when the caller does not say.
inline constexpr std::chrono::milliseconds default_drain_limit{10'000};

/// What became of the records that a store has for its archive, since it was constructed. Those
/// that it finds in a durable queue when it is opened are among them.
class ArchivingMetrics {
public:
  ArchivingMetrics() = default;

  /// All that there were. DUA-06 `accepted == archived + dropped + queued`, at any moment.
  std::uint64_t accepted = 0;
  /// Those that the archive has taken.
  std::uint64_t archived = 0;
  /// Those that were given up: for want of room, after the last attempt, or by `close` where the
  /// queue is not durable.
  std::uint64_t dropped = 0;
  /// Those that wait, and those whose append is under way.
  std::uint64_t queued = 0;
  /// What they weigh: at most the bytes of their texts and values.
  std::uint64_t queued_bytes = 0;
  /// Attempts after the first one of a record.
  std::uint64_t retried = 0;
  /// `queued` and `queued_bytes` are never greater.
  std::uint64_t max_queued = 0;
  std::uint64_t max_queued_bytes = 0;
  /// Which records are dropped for want of room: the oldest of those that wait, else the newest.
  bool drops_oldest = false;
  /// Whether the archive is an IArchiveOnce (DUA-09).
  bool repeats_safely = false;
  /// Whether the queue outlives `close` and the process (DUA-08, DUA-10).
  bool is_durable = false;

  bool operator==(const ArchivingMetrics&) const = default;
};

static_assert(!std::is_aggregate_v<ArchivingMetrics>);

/// A store that hands on to an archive what it has stored, by a queue. Optional: such a store
/// derives from it besides IStorageBackend.
///
/// - DUA-01 No call of the store waits for the archive, be it slow, failing or silent for ever.
/// - DUA-02 What a call stored, and only that, is archived: a call that failed or answered false
///   leaves no record. The records of one key are archived in the order of their calls, where each
///   was awaited before the next, one after the other.
/// - DUA-03 The queue is bounded. What does not fit is dropped and counted: the oldest that wait,
///   or the newest, as the store says; an append that is under way is not dropped.
/// - DUA-04 An append that fails is made again, and no later record of its key before it. When the
///   archive takes records again, what is queued is archived without further ado.
/// - DUA-05 A record that the archive keeps refusing is dropped in the end, and counted; it holds
///   up no other for longer.
/// - DUA-07 `drain` is true when nothing is queued, and false when its limit has passed before.
/// - DUA-08 `close` ends within the limit that the store states, and in it archives what is
///   queued; what is left is dropped and counted, or stays queued where the queue is durable.
/// - DUA-09 Over an IArchiveOnce a record that is appended again, because the first attempt seemed
///   to have failed, is there once.
/// - DUA-10 Where the queue is durable, what is queued when the store is closed, is destroyed or
///   its process is killed, is archived when a store with that queue is next initialized: each
///   record of a call that was answered, in the order of its key.
class IArchiving {
public:
  virtual ~IArchiving() = default;

  /// Waits until nothing is queued (DUA-07), for at most `limit`; false if something still is. A
  /// limit that is not positive asks and does not wait.
  [[nodiscard]] virtual awaitable<bool>
  drain(std::chrono::milliseconds limit = default_drain_limit) = 0;

  /// DUA-06 Says what became of the records. Works on a closed store too.
  [[nodiscard]] virtual awaitable<ArchivingMetrics> get_archiving_metrics() = 0;

protected:
  IArchiving() = default;
  IArchiving(const IArchiving&) = default;
  IArchiving& operator=(const IArchiving&) = default;
};

} // namespace agentstore

#endif
