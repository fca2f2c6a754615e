// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CHECKPOINTER_BACKEND_HPP
#define AGENTSTORE_CHECKPOINTER_BACKEND_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore {

/// What a graph runtime such as LangGraph needs: checkpoints, and the writes of the tasks that have
/// finished since, so that a step which was interrupted does not run them again.
///
/// The rules that all interfaces share (KEY, VAL, ERR, ASY, CAN, ...) stand in contract.hpp.
///
/// ICheckpointStorage has the same two reads. A class that derives from both overrides them once,
/// and both see one store (CHK-08).
///
/// \par Order
/// Checkpoints are ordered by when their id was first stored, never by a clock and never by the id
/// itself. Storing an id again keeps its place.
///
/// \par Lifetime
/// All parameters are by value and belong to the call: the caller's copies may die before the
/// await (ASY-02). The object must outlive every call on it. Records returned are copies (VAL-03).
///
/// \par Threads
/// Any method may be called from any thread at any time (ASY-04).
///
/// \par Executor
/// A call begins when it is awaited (ASY-01) and completes, by value or exception, on the executor
/// of the awaiting coroutine (ASY-03). While it waits it does not block the thread (ASY-05).
///
/// \par Cancellation
/// A cancelled call ends (CAN-01); a cancelled write is applied whole or not at all, and not after
/// its end was reported (CAN-02); the store works on (CAN-03). Every write here can be repeated.
///
/// \par Errors
/// Every method throws `StorageError` with `invalid_argument` for an id outside of KEY-01 and a
/// value outside of VAL-04 and VAL-05, `too_large` (VAL-02), `closed` (LIF-02, LIF-03), and
/// `unavailable` or `corrupted` when the store itself fails (ERR-01). "Not found" is an answer, not
/// an error. The error names the method and an id (ERR-02).
///
/// \par Default arguments
/// Default arguments are part of the contract. Repeat them on your overrides, so that the short
/// forms work on your class as they do through this interface.
class ICheckpointerBackend {
public:
  virtual ~ICheckpointerBackend() = default;

  /// Stores a checkpoint, or replaces the one of this id. Always true; failures throw.
  ///
  /// As ICheckpointStorage::store_checkpoint, and into the same store if a class has both (CHK-08):
  /// CHK-04 an id stored again keeps its place, created_at and pending writes; CHK-05,
  /// CHK-06 threads never mix; CHK-07 `data` is any JSON value, `metadata` an object; CHK-09 no
  /// cap; CHK-10 concurrent stores are all kept.
  [[nodiscard]] virtual awaitable<bool> put_checkpoint(std::string thread_id,
                                                       std::string checkpoint_id, Document data,
                                                       Document metadata = Document::object()) = 0;

  /// Returns one checkpoint, or the latest of the thread if no id is given.
  ///
  /// CHK-01 What was stored is what is read, every field.
  /// CHK-02 The latest is the one whose id was first stored last. An unknown thread or id is
  /// nullopt, never another checkpoint. An id that is given but empty is `invalid_argument`.
  [[nodiscard]] virtual awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) = 0;

  /// Returns the newest `limit` checkpoints of the thread, newest first.
  ///
  /// CHK-03 By the order of CHK-02; whole records, as `get_checkpoint` returns them. A limit of 0
  /// gives none, more than there are gives all. An unknown thread has none.
  [[nodiscard]] virtual awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) = 0;

  /// Stores what a task wrote since the checkpoint. Always true; failures throw.
  ///
  /// WRT-02 A write's index is its position in the call. A repeated (task, index) keeps the first
  /// value: a task that is run again does not change what was recorded of it.
  /// WRT-03 The special channels have fixed indices, `__error__` -1, `__scheduled__` -2,
  /// `__interrupt__` -3, `__resume__` -4, and keep the last value. Which rule applies is decided
  /// write by write, not by call.
  /// WRT-04 Equal values of two tasks, and one channel twice in a call, are all kept.
  /// WRT-05 Writes belong to one checkpoint of one thread.
  /// WRT-06 Writes are accepted before their checkpoint is stored.
  /// WRT-07 An empty list is true and stores nothing.
  /// WRT-08 A call is all or nothing.
  ///
  /// A channel is any non-empty text; an empty one is `invalid_argument`.
  [[nodiscard]] virtual awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id,
                                                   std::string task_id,
                                                   std::vector<ChannelWrite> writes) = 0;

  /// Returns the writes that were put for a checkpoint, whether or not the checkpoint itself has
  /// been stored (WRT-06). Empty if none were put.
  ///
  /// WRT-01 Each with its task_id, index, channel and value, ordered by task_id (by bytes), then by
  /// index.
  [[nodiscard]] virtual awaitable<std::vector<PendingWrite>>
  get_writes(std::string thread_id, std::string checkpoint_id) = 0;

protected:
  ICheckpointerBackend() = default;
  ICheckpointerBackend(const ICheckpointerBackend&) = default;
  ICheckpointerBackend& operator=(const ICheckpointerBackend&) = default;
};

/// The index under which `put_writes` stores the write at `position` of its call (WRT-02, WRT-03).
std::int64_t write_index(std::string_view channel, std::size_t position) noexcept;

// Only machinery below this line.

inline std::int64_t write_index(std::string_view channel, std::size_t position) noexcept {
  if (channel == "__error__") {
    return -1;
  }
  if (channel == "__scheduled__") {
    return -2;
  }
  if (channel == "__interrupt__") {
    return -3;
  }
  if (channel == "__resume__") {
    return -4;
  }
  return static_cast<std::int64_t>(position);
}

} // namespace agentstore

#endif
