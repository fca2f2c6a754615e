// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONVERSATION_STORAGE_HPP
#define AGENTSTORE_CONVERSATION_STORAGE_HPP

#include <agentstore/contract.hpp>

#include <string>
#include <vector>

namespace agentstore {

/// Conversations: the messages of a session, in order, for ever.
///
/// An append-only list per session. Nothing is edited, merged or dropped; only clean-up removes a
/// conversation, with its session. The rules that all interfaces share (KEY, VAL, ERR, ASY, CAN,
/// ...) stand in contract.hpp.
///
/// A class that derives from this interface and not from ISessionStorage knows no sessions: there,
/// a conversation begins with its first message, and append never returns false.
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
/// A cancelled call ends (CAN-01); a cancelled append is applied whole or not at all, and not after
/// its end was reported (CAN-02); the store works on (CAN-03). An append is not idempotent: after a
/// cancellation or `unavailable`, read the end of the history before appending again.
///
/// \par Errors
/// Both methods throw `StorageError` with `invalid_argument` for an id outside of KEY-01 and a
/// value outside of VAL-04 and VAL-05, `too_large` (VAL-02), `closed` (LIF-02, LIF-03), and
/// `unavailable` or `corrupted` when the store itself fails (ERR-01). The error names the method
/// and an id (ERR-02).
///
/// \par Default arguments
/// Default arguments are part of the contract. Repeat them on your overrides, so that the short
/// forms work on your class as they do through this interface.
class IConversationStorage {
public:
  virtual ~IConversationStorage() = default;

  /// Appends a message to the session's conversation. True: stored. False: there is no such
  /// session (CON-06), or it has ended (SES-09); nothing was stored.
  ///
  /// CON-04 No message is dropped, merged or capped, however many there are and however equal.
  /// CON-05 Order never depends on the clock: equal or backward timestamps change nothing.
  /// CON-06 An append to an unknown session is false and stores nothing; the session's history is
  /// empty.
  /// CON-07 `role` is any non-empty text (empty: `invalid_argument`), `content` any text.
  /// CON-08 Concurrent appends are stored once each, and each writer's own order is kept.
  /// CON-09 `metadata` is a JSON object, kept exactly; anything else is `invalid_argument`.
  /// SES-10 An append moves the session's last_activity.
  [[nodiscard]] virtual awaitable<bool>
  add_conversation_message(std::string session_id, std::string role, std::string content,
                           Document metadata = Document::object()) = 0;

  /// Returns the newest `limit` messages of the session, oldest first.
  ///
  /// CON-01 In the order of the appends, every field as it was given, `sequence` strictly
  /// increasing; it may have gaps.
  /// CON-02 A limit of n gives the newest n, 0 gives none, more than there are gives all.
  /// CON-03 Sessions never mix.
  /// SES-07 The history of an ended session stays readable. The history of an unknown session is
  /// empty (CON-06).
  [[nodiscard]] virtual awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id, std::size_t limit = default_history_limit) = 0;

protected:
  IConversationStorage() = default;
  IConversationStorage(const IConversationStorage&) = default;
  IConversationStorage& operator=(const IConversationStorage&) = default;
};

} // namespace agentstore

#endif
