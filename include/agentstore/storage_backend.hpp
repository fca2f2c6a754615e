// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_STORAGE_BACKEND_HPP
#define AGENTSTORE_STORAGE_BACKEND_HPP

#include <agentstore/checkpoint_storage.hpp>
#include <agentstore/conversation_storage.hpp>
#include <agentstore/session_storage.hpp>
#include <agentstore/task_context_storage.hpp>

#include <chrono>
#include <cstdint>

namespace agentstore {

/// A whole store: sessions, conversations, checkpoints and task contexts, with a life cycle.
///
/// Derive from it, and from ICheckpointerBackend if graph runtimes are to use the store. The four
/// interfaces that it unites state their own rules; contract.hpp states the rules that all share.
///
/// \par Life cycle
/// A backend is constructed closed. `initialize` opens it, `close` closes it, any number of times.
/// LIF-02 Before the first `initialize`, and LIF-03 after `close`, every other method throws
/// `closed`, except `health_check`, which answers, and `close`; none hangs.
///
/// \par Lifetime
/// All parameters are by value and belong to the call: the caller's copies may die before the
/// await (ASY-02). The object must outlive every call on it; destroying it without `close` loses
/// nothing that was acknowledged.
///
/// \par Threads
/// Any method may be called from any thread at any time (ASY-04), `close` beside running calls
/// included. Running calls finish or throw `closed`.
///
/// \par Executor
/// A call begins when it is awaited (ASY-01) and completes, by value or exception, on the executor
/// of the awaiting coroutine (ASY-03). While it waits it does not block the thread (ASY-05).
///
/// \par Cancellation
/// A cancelled call ends (CAN-01); a cancelled write is applied whole or not at all, and not after
/// its end was reported (CAN-02); the store works on (CAN-03).
///
/// \par Errors
/// `StorageError`, as the interfaces it unites say. `health_check` never throws.
class IStorageBackend : public ISessionStorage,
                        public IConversationStorage,
                        public ICheckpointStorage,
                        public ITaskContextStorage {
public:
  /// Opens the store, creating what it needs. Always true; failures throw.
  ///
  /// LIF-01 After `initialize` the backend is ready. On an open backend it is true and changes
  /// nothing.
  /// LIF-05 After `close`, `initialize` reopens the same data.
  [[nodiscard]] virtual awaitable<bool> initialize() = 0;

  /// Closes the store. LIF-04 Closing again, or before `initialize`, does nothing. Nothing that was
  /// acknowledged is lost.
  virtual awaitable<void> close() = 0;

  /// Reports the state of the store.
  ///
  /// LIF-06 Never throws and always names the backend: `healthy` when open and able to serve,
  /// `unhealthy` with the reason in `issues` when not, closed included; `degraded` when it serves
  /// with something amiss.
  [[nodiscard]] virtual awaitable<Health> health_check() = 0;

  /// Reports how much is stored.
  ///
  /// MET-01 The counts are of what is stored at this moment, through whichever handle it came, also
  /// after a reopen; active sessions are those whose status is "active".
  [[nodiscard]] virtual awaitable<Metrics> get_metrics() = 0;

  /// Removes the sessions that have been idle for `max_idle` or longer; returns how many.
  ///
  /// CLN-01 Exactly those sessions, whatever their status. 0 removes all sessions; a negative
  /// duration is `invalid_argument`.
  /// CLN-02 Idle time counts from last_activity, by the store's clock. A clock may count in
  /// seconds, if last_activity does so too. CLN-03 With a session go its messages, its context, and
  /// the checkpoints and pending writes of the thread that has the session's id; nothing else. The
  /// id can be created afresh. Time alone removes nothing. CLN-04 An update or append that races
  /// with a clean-up leaves no half session: the session is there with all that it had, or gone
  /// with all. One that it reaches first is not idle any more, and stays. A clean-up that threw or
  /// was cancelled may have removed some of the sessions, each with all that it had.
  [[nodiscard]] virtual awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) = 0;
};

} // namespace agentstore

#endif
