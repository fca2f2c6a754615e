// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CHECKPOINT_STORAGE_HPP
#define AGENTSTORE_CHECKPOINT_STORAGE_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore {

/// Checkpoints: the whole state of a thread of work, step by step.
///
/// A thread is an id that groups checkpoints; it needs no creation and no session. The rules that
/// all interfaces share (KEY, VAL, ERR, ASY, CAN, ...) stand in contract.hpp.
///
/// ICheckpointerBackend has the same two reads. A class that derives from both overrides them once,
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
/// A cancelled call ends (CAN-01); a cancelled store is applied whole or not at all, and not after
/// its end was reported (CAN-02); the store works on (CAN-03). Storing the same checkpoint again is
/// safe.
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
class ICheckpointStorage {
public:
  virtual ~ICheckpointStorage() = default;

  /// Stores a checkpoint, or replaces the one of this id. Always true; failures throw.
  ///
  /// CHK-04 Storing an id again replaces data and metadata in place: its place in the order, its
  /// created_at and its pending writes stay. A late retry must not become the latest.
  /// CHK-05 The same checkpoint id in two threads is two checkpoints.
  /// CHK-06 Thread and checkpoint ids never run together: ("a", "b:c") is not ("a:b", "c").
  /// CHK-07 `data` is any JSON value, null included; `metadata` is a JSON object, anything else is
  /// `invalid_argument`.
  /// CHK-09 There is no cap on a thread's checkpoints.
  /// CHK-10 Of concurrent stores all are there afterwards, and each writer's own order is kept.
  [[nodiscard]] virtual awaitable<bool>
  store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
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
  /// CHK-03 By the order of CHK-02; whole records, as `get_checkpoint` returns them, and all of one
  /// moment: stores beside the call leave no hole. A limit of 0 gives none, more than there are
  /// gives all. An unknown thread has none.
  [[nodiscard]] virtual awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) = 0;

protected:
  ICheckpointStorage() = default;
  ICheckpointStorage(const ICheckpointStorage&) = default;
  ICheckpointStorage& operator=(const ICheckpointStorage&) = default;
};

} // namespace agentstore

#endif
