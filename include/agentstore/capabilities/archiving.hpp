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

/// What became of the records that a store has for its archive, since it was constructed. Records
/// that it finds in a durable queue when it is opened are among them.
class ArchivingMetrics {
public:
  ArchivingMetrics() = default;

  /// All records. DUA-06 `accepted == archived + dropped + queued`, at any moment.
  std::uint64_t accepted = 0;
  /// Records that the archive has taken.
  std::uint64_t archived = 0;
  /// Records that were given up: for want of room, after the last attempt, or by `close` if no
  /// durable queue has them.
  std::uint64_t dropped = 0;
  /// Records that wait, and records whose append is under way.
  std::uint64_t queued = 0;
  /// The size of the queued records: an upper bound of the bytes of their texts and values.
  std::uint64_t queued_bytes = 0;
  /// Attempts after the first one of a record.
  std::uint64_t retried = 0;
  /// The limits of `queued` and `queued_bytes`.
  std::uint64_t max_queued = 0;
  std::uint64_t max_queued_bytes = 0;
  /// Which records are dropped for want of room: the oldest that wait if true, else the newest.
  bool drops_oldest = false;
  /// Whether the archive is an IArchiveOnce (DUA-09).
  bool repeats_safely = false;
  /// Whether the queue outlives `close` and the process (DUA-08, DUA-10).
  bool is_durable = false;

  bool operator==(const ArchivingMetrics&) const = default;
};

static_assert(!std::is_aggregate_v<ArchivingMetrics>);

/// A store that hands on to an archive what it has stored, through a queue. Optional: such a store
/// derives from it besides IStorageBackend.
///
/// - DUA-01 No call of the store waits for the archive, be it slow, failing or silent for ever.
///   Only `initialize`, `drain` and `close` do, within limits.
/// - DUA-02 What a call stored, and only that, is archived: a call that failed, or had nothing to
///   do, leaves no record. Messages, checkpoints, writes and task contexts are archived as they
///   were stored, also when they are the same again. Any other call that changes something leaves
///   one session event. Its type is the name of the call, and its key the session or thread that
///   was changed: of a copy the target, of a clean-up, however many sessions it removed,
///   "cleanup_expired_sessions". The records of one kind and key are archived in the order of their
///   calls, if each was awaited before the next, one after the other.
/// - DUA-03 The queue is bounded. Records that do not fit are dropped and counted: the oldest that
///   wait, or the newest, as the store says; an append that is under way is not dropped.
/// - DUA-04 An append that fails is made again, and no later record of its kind and key is
///   appended before it. When the archive takes records again, queued records are archived without
///   further ado.
/// - DUA-05 A record that the archive keeps refusing is dropped in the end, and counted; it holds
///   up no other for longer.
/// - DUA-07 `drain` is true when nothing is queued, and false when its limit has passed before.
/// - DUA-08 `close` ends within the limit that the store states, and in it archives what is
///   queued; what is left is dropped and counted, or stays queued if a durable queue has it.
/// - DUA-09 Over an IArchiveOnce a record that is appended again, because the first attempt seemed
///   to have failed, is there once.
/// - DUA-10 If the queue is durable, what is queued when the store is closed, is destroyed or its
///   process is killed, is archived when a store with that queue is next initialized: each record
///   of a call that was answered, in the order of its key.
class IArchiving {
public:
  virtual ~IArchiving() = default;

  /// Waits until nothing is queued (DUA-07), for at most `limit`. False if something is still
  /// queued. With a limit that is not positive, `drain` answers without waiting.
  [[nodiscard]] virtual awaitable<bool>
  drain(std::chrono::milliseconds limit = default_drain_limit) = 0;

  /// DUA-06 Reports what became of the records. Works on a closed store too.
  [[nodiscard]] virtual awaitable<ArchivingMetrics> get_archiving_metrics() = 0;

protected:
  IArchiving() = default;
  IArchiving(const IArchiving&) = default;
  IArchiving& operator=(const IArchiving&) = default;
};

} // namespace agentstore

#endif
