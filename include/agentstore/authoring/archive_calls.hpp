// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_ARCHIVE_CALLS_HPP
#define AGENTSTORE_AUTHORING_ARCHIVE_CALLS_HPP

/// \file
/// The appends of IPermanentStorageBackend as types, so that an archive can say once what it does
/// for all of them. Each append makes one record of a kind and a key. Each type has
///
///     static constexpr const char* name;        // "append_checkpoint", for errors and logs
///     static constexpr ArchiveKind kind;        // of the record that it makes
///     static void check(Limits, const A&...);   // KEY, VAL: throws, see arguments.hpp
///     static json fields(A...);                 // the record's fields, by the parameters' names
///     static auto on(Archive&, A..., std::optional<Timestamp> created_at);
///                                               // calls the method of this name on any class
///     static constexpr const char* once_name;       // "append_checkpoint_once"
///     static auto once(Archive&, std::string entry_id, A..., std::optional<Timestamp> created_at);
///                                               // the same for IArchiveOnce's
///
/// where `A...` are all arguments except created_at; the first of them is the record's key.
/// ArchiveRecord says more about kinds, keys and fields.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/permanent_storage_backend.hpp>
#include <agentstore/record_json.hpp>

namespace agentstore::calls {

using Id = std::string;

struct AppendSessionEvent {
  static constexpr const char* name = "append_session_event";
  static constexpr const char* once_name = "append_session_event_once";
  static constexpr ArchiveKind kind = ArchiveKind::session_event;
  static void check(Limits limits, const Id& session_id, const Id& user_id,
                    const std::string& event_type, const Document& payload) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .id("user_id", user_id)
        .nonempty_text("event_type", event_type)
        .value("payload", payload);
  }
  static json fields(Id session_id, Id user_id, std::string event_type, Document payload) {
    json fields = json::object();
    fields["session_id"] = std::move(session_id);
    fields["user_id"] = std::move(user_id);
    fields["event_type"] = std::move(event_type);
    fields["payload"] = std::move(payload).tree();
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_session_event(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_session_event_once(std::forward<Arguments>(arguments)...);
  }
};

struct AppendConversationMessage {
  static constexpr const char* name = "append_conversation_message";
  static constexpr const char* once_name = "append_conversation_message_once";
  static constexpr ArchiveKind kind = ArchiveKind::conversation_message;
  static void check(Limits limits, const Id& session_id, const std::string& role,
                    const std::string& content, const Document& metadata) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .nonempty_text("role", role)
        .text("content", content)
        .object("metadata", metadata);
  }
  static json fields(Id session_id, std::string role, std::string content, Document metadata) {
    json fields = json::object();
    fields["session_id"] = std::move(session_id);
    fields["role"] = std::move(role);
    fields["content"] = std::move(content);
    fields["metadata"] = std::move(metadata).tree();
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_conversation_message(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_conversation_message_once(std::forward<Arguments>(arguments)...);
  }
};

struct AppendCheckpoint {
  static constexpr const char* name = "append_checkpoint";
  static constexpr const char* once_name = "append_checkpoint_once";
  static constexpr ArchiveKind kind = ArchiveKind::checkpoint;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id,
                    const Document& data, const Document& metadata) {
    agentstore::check(name, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id)
        .value("data", data)
        .object("metadata", metadata);
  }
  static json fields(Id thread_id, Id checkpoint_id, Document data, Document metadata) {
    json fields = json::object();
    fields["thread_id"] = std::move(thread_id);
    fields["checkpoint_id"] = std::move(checkpoint_id);
    fields["data"] = std::move(data).tree();
    fields["metadata"] = std::move(metadata).tree();
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_checkpoint(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_checkpoint_once(std::forward<Arguments>(arguments)...);
  }
};

struct AppendCheckpointWrites {
  static constexpr const char* name = "append_checkpoint_writes";
  static constexpr const char* once_name = "append_checkpoint_writes_once";
  static constexpr ArchiveKind kind = ArchiveKind::checkpoint_writes;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id, const Id& task_id,
                    const std::vector<ChannelWrite>& writes) {
    agentstore::check(name, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id)
        .id("task_id", task_id)
        .writes(writes);
  }
  static json fields(Id thread_id, Id checkpoint_id, Id task_id,
                     const std::vector<ChannelWrite>& writes) {
    json fields = json::object();
    fields["thread_id"] = std::move(thread_id);
    fields["checkpoint_id"] = std::move(checkpoint_id);
    fields["task_id"] = std::move(task_id);
    fields["writes"] = writes; // as pairs, see record_json.hpp
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_checkpoint_writes(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_checkpoint_writes_once(std::forward<Arguments>(arguments)...);
  }
};

struct AppendConversationSession {
  static constexpr const char* name = "append_conversation_session";
  static constexpr const char* once_name = "append_conversation_session_once";
  static constexpr ArchiveKind kind = ArchiveKind::conversation_session;
  static void check(Limits limits, const Id& session_key, const Document& session_data) {
    agentstore::check(name, session_key, limits)
        .id("session_key", session_key)
        .value("session_data", session_data);
  }
  static json fields(Id session_key, Document session_data) {
    json fields = json::object();
    fields["session_key"] = std::move(session_key);
    fields["session_data"] = std::move(session_data).tree();
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_conversation_session(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_conversation_session_once(std::forward<Arguments>(arguments)...);
  }
};

/// ARC-08 Its record also has a `version`, which only the archive can know.
struct AppendTaskContextSnapshot {
  static constexpr const char* name = "append_task_context_snapshot";
  static constexpr const char* once_name = "append_task_context_snapshot_once";
  static constexpr ArchiveKind kind = ArchiveKind::task_context_snapshot;
  static void check(Limits limits, const Id& session_id, const Document& context_data) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .value("context_data", context_data);
  }
  static json fields(Id session_id, Document context_data) {
    json fields = json::object();
    fields["session_id"] = std::move(session_id);
    fields["context_data"] = std::move(context_data).tree();
    return fields;
  }
  template <class Archive, class... Arguments>
  static auto on(Archive& archive, Arguments&&... arguments) {
    return archive.append_task_context_snapshot(std::forward<Arguments>(arguments)...);
  }
  template <class Archive, class... Arguments>
  static auto once(Archive& archive, Arguments&&... arguments) {
    return archive.append_task_context_snapshot_once(std::forward<Arguments>(arguments)...);
  }
};

} // namespace agentstore::calls

#endif
