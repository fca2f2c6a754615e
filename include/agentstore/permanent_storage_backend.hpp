// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_PERMANENT_STORAGE_BACKEND_HPP
#define AGENTSTORE_PERMANENT_STORAGE_BACKEND_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore {

/// The permanent archive: append-only records of all that agents did, for audit and analysis.
///
/// It stands beside a hot store and is written to in passing. Therefore it never throws: each
/// append is true when the record is kept and false when it was lost (ARC-04), whatever the reason:
/// a bad argument (KEY-02, VAL-04), a record too large, a store that fails. The other rules that
/// all interfaces share stand in contract.hpp. IArchiveReader reads an archive back.
///
/// \par Life cycle
/// Constructed closed. ARC-09 Before `initialize` and after `close` every append is false.
///
/// \par Keys and order
/// The records of one kind and one key, the first parameter of each method, form a sequence.
/// ARC-01 Each append adds one record; equal records stay two. ARC-02 The records of one key keep
/// the order of their appends, if each was awaited before the next; the order is never that of
/// created_at.
///
/// \par Lifetime
/// All parameters are by value and belong to the call: the caller's copies may die before the
/// await (ASY-02). The object must outlive every call on it.
///
/// \par Threads
/// Any method may be called from any thread at any time (ASY-04).
///
/// \par Executor
/// A call begins when it is awaited (ASY-01) and completes on the executor of the awaiting
/// coroutine (ASY-03). It never blocks the thread (ASY-05), and never holds the caller up for a
/// store that does not answer: it gives up in bounded time (ARC-04).
///
/// \par Cancellation
/// A cancelled call ends (CAN-01); its record is kept whole or not at all (CAN-02); the archive
/// works on (CAN-03). Although an append never throws, a cancellation may surface as the exception
/// that Asio throws for it, because the caller asked for it.
///
/// \par Time
/// ARC-03 created_at is stored as given, else it is the time of the call. Any microsecond of the
/// years 1 to 9999 can be given, before 1970 and after today.
///
/// \par Default arguments
/// Default arguments are part of the contract. Repeat them on your overrides, so that the short
/// forms work on your class as they do through this interface.
class IPermanentStorageBackend {
public:
  virtual ~IPermanentStorageBackend() = default;

  /// Opens the archive, creating what it needs. ARC-05 It never truncates what is there. True:
  /// ready. False: it could not be opened.
  [[nodiscard]] virtual awaitable<bool> initialize() = 0;

  /// Closes the archive. ARC-06 What was accepted is flushed first. Closing again does nothing.
  virtual awaitable<void> close() = 0;

  /// Records that a session was created, updated or ended. `event_type` is any non-empty text,
  /// `payload` any JSON value. ARC-07 Every field is kept.
  [[nodiscard]] virtual awaitable<bool>
  append_session_event(std::string session_id, std::string user_id, std::string event_type,
                       Document payload, std::optional<Timestamp> created_at = std::nullopt) = 0;

  /// Records a message; the fields as IConversationStorage has them (CON-07, CON-09, ARC-07).
  [[nodiscard]] virtual awaitable<bool>
  append_conversation_message(std::string session_id, std::string role, std::string content,
                              Document metadata = Document::object(),
                              std::optional<Timestamp> created_at = std::nullopt) = 0;

  /// Records a checkpoint; the fields as ICheckpointStorage has them (CHK-07, ARC-07).
  [[nodiscard]] virtual awaitable<bool>
  append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                    Document metadata = Document::object(),
                    std::optional<Timestamp> created_at = std::nullopt) = 0;

  /// Records the writes of a task. ARC-07 All of them, in order, channels and values.
  [[nodiscard]] virtual awaitable<bool>
  append_checkpoint_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                           std::vector<ChannelWrite> writes,
                           std::optional<Timestamp> created_at = std::nullopt) = 0;

  /// Records what is known about a conversation as a whole. `session_data` is any JSON value.
  [[nodiscard]] virtual awaitable<bool>
  append_conversation_session(std::string session_key, Document session_data,
                              std::optional<Timestamp> created_at = std::nullopt) = 0;

  /// Records the task context of a session as it is now. `context_data` is any JSON value.
  /// ARC-08 Each snapshot of a session gets a version greater than those before it.
  [[nodiscard]] virtual awaitable<bool>
  append_task_context_snapshot(std::string session_id, Document context_data,
                               std::optional<Timestamp> created_at = std::nullopt) = 0;

protected:
  IPermanentStorageBackend() = default;
  IPermanentStorageBackend(const IPermanentStorageBackend&) = default;
  IPermanentStorageBackend& operator=(const IPermanentStorageBackend&) = default;
};

} // namespace agentstore

#endif
