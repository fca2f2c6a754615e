// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SESSION_STORAGE_HPP
#define AGENTSTORE_SESSION_STORAGE_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>

namespace agentstore {

/// Sessions: who an agent works for, since when, how busily, and how it ended.
///
/// A session is created active, gathers counters and metadata, and is ended once; from then on it
/// can only be read. Listing and deleting sessions is optional, see `ISessionDirectory`
/// (capabilities/session_directory.hpp). A deriving class implements every method; the rules that
/// all interfaces share (KEY, VAL, ERR, ASY, CAN, CNC, ...) stand in contract.hpp.
///
/// \par Lifetime
/// All parameters are by value and belong to the call: the caller's copies may die before the
/// await (ASY-02). The object must outlive every call on it. Records returned are copies (VAL-03).
///
/// \par Threads
/// Any method may be called from any thread at any time (ASY-04). The calls on one session are
/// linearizable (CNC-01).
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
/// Every method throws `StorageError` with `invalid_argument` for an id outside of KEY-01 and a
/// value outside of VAL-04 and VAL-05, `too_large` (VAL-02), `closed` (LIF-02, LIF-03), and
/// `unavailable` or `corrupted` when the store itself fails (ERR-01). "Not found" is an answer, not
/// an error. The comment of a method states what else it throws. The error names the method and an
/// id (ERR-02).
///
/// \par Default arguments
/// Default arguments are part of the contract. Repeat them on your overrides, so that the short
/// forms work on your class as they do through this interface.
class ISessionStorage {
public:
  virtual ~ISessionStorage() = default;

  /// Creates a session and returns its record.
  ///
  /// SES-01 The record has the ids and metadata as given, status "active", counters 0, version 1
  /// and created_at equal to last_activity; `get_session` then returns an equal one. `metadata` is
  /// a JSON object; anything else is `invalid_argument`.
  /// SES-03 An id that exists, also one of an ended session, throws `already_exists`; the session
  /// there stays as it is. CNC-02 Of concurrent creates of one id exactly one succeeds.
  [[nodiscard]] virtual awaitable<Session>
  create_session(std::string session_id, std::string user_id,
                 Document metadata = Document::object()) = 0;

  /// Returns the session, or nothing if there is none of exactly this id.
  ///
  /// SES-02 An unknown id is nullopt, also if it is a prefix or an extension of a known id.
  /// SES-07 Ended sessions are returned like others. A read changes nothing, last_activity included
  /// (SES-10).
  [[nodiscard]] virtual awaitable<std::optional<Session>> get_session(std::string session_id) = 0;

  /// Applies all of `update` in one step. True: applied. False: there is no such session, or it
  /// has ended; nothing was changed or created (SES-06, SES-09).
  ///
  /// SES-04 `updates(patch)` merges a JSON object into the metadata by RFC 7386: members replace,
  /// objects merge, null removes. An empty object changes nothing in the metadata. A patch that is
  /// not an object is `invalid_argument`. A result beyond the limit (VAL-02) is `too_large`, and
  /// nothing of the update is applied, the counters included.
  /// SES-05 `increment_requests` adds 1 to request_count only, `mark_error` 1 to error_count only,
  /// `add_processing_time` exactly its microseconds to total_processing_time. A negative duration,
  /// or a duration with which the total would overflow, is `invalid_argument`.
  /// SES-10 Updates and appends move last_activity, never backwards, even if the clock does. A
  /// backend may let the end or a stored context move it too. So a caller that stores nothing else,
  /// and whose session must not be cleaned up (CLN-02), updates the session, even if the update is
  /// empty.
  /// SES-11 `updates` reaches metadata only: a member named "status" or "user_id" lands in the
  /// metadata.
  /// SES-12 An update is atomic: N concurrent updates all count, and merges of different members
  /// both survive.
  /// SES-14 version grows with every change of the record.
  [[nodiscard]] virtual awaitable<bool> update_session(std::string session_id,
                                                       SessionUpdate update) = 0;

  /// Ends a session. True: this call ended it. False: there is no such session (SES-06), or it had
  /// ended before.
  ///
  /// SES-07 The status becomes `status`; counters, metadata, messages and task context stay as they
  /// are and stay readable.
  /// SES-08 Of all calls to end a session exactly one returns true, and its status stays.
  /// SES-09 From then on the session is read-only: update_session, add_conversation_message and
  /// store_task_context return false and change nothing.
  /// SES-13 `status` is any text but "" and "active", which are `invalid_argument`.
  [[nodiscard]] virtual awaitable<bool> end_session(std::string session_id,
                                                    std::string status = "completed") = 0;

protected:
  ISessionStorage() = default;
  ISessionStorage(const ISessionStorage&) = default;
  ISessionStorage& operator=(const ISessionStorage&) = default;
};

} // namespace agentstore

#endif
