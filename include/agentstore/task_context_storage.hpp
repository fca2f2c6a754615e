// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TASK_CONTEXT_STORAGE_HPP
#define AGENTSTORE_TASK_CONTEXT_STORAGE_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>

namespace agentstore {

/// Task contexts: one JSON value per session in which the runtime keeps the state of its current
/// work.
///
/// The rules that all interfaces share (KEY, VAL, ERR, ASY, CAN, ...) stand in contract.hpp.
///
/// A class that derives from this interface and not from ISessionStorage knows no sessions: there,
/// any id may have a context, and storing one never returns false.
///
/// \par Lifetime
/// All parameters are by value and belong to the call: the caller's copies may die before the
/// await (ASY-02). The object must outlive every call on it. Values returned are copies (VAL-03).
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
/// its end was reported (CAN-02); the store works on (CAN-03). Storing the same context again is
/// safe.
///
/// \par Errors
/// Both methods throw `StorageError` with `invalid_argument` for an id outside of KEY-01 and a
/// value outside of VAL-04 and VAL-05, `too_large` (VAL-02), `closed` (LIF-02, LIF-03), and
/// `unavailable` or `corrupted` when the store itself fails (ERR-01). The error names the method
/// and an id (ERR-02).
class ITaskContextStorage {
public:
  virtual ~ITaskContextStorage() = default;

  /// Returns the session's context.
  ///
  /// CTX-01 nullopt if none was stored, or the session is unknown. CTX-03 A stored null is a value:
  /// it comes back as one, not as nullopt. SES-07 The context of an ended session stays readable.
  [[nodiscard]] virtual awaitable<std::optional<Document>>
  get_task_context(std::string session_id) = 0;

  /// Replaces the session's context. True: stored. False: there is no such session, or it has
  /// ended; nothing was stored (CTX-05).
  ///
  /// CTX-02 The whole value is replaced, not merged. CTX-03 It may be any JSON value. CTX-04 The
  /// context is apart from the session's metadata: neither reaches the other.
  [[nodiscard]] virtual awaitable<bool> store_task_context(std::string session_id,
                                                           Document context) = 0;

protected:
  ITaskContextStorage() = default;
  ITaskContextStorage(const ITaskContextStorage&) = default;
  ITaskContextStorage& operator=(const ITaskContextStorage&) = default;
};

} // namespace agentstore

#endif
