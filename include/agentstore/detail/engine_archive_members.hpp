// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_ENGINE_ARCHIVE_MEMBERS_HPP
#define AGENTSTORE_DETAIL_ENGINE_ARCHIVE_MEMBERS_HPP

// The definitions of EngineArchive's members, for the file of an engine.

#include <agentstore/authoring/routed_archive_once.hpp>
#include <agentstore/detail/construct_definition.hpp>
#include <agentstore/detail/engine_archive.hpp>

namespace agentstore::detail {

template <class Engine>
awaitable<bool> EngineArchive<Engine>::initialize() {
  return Engine::open(engine_);
}

template <class Engine>
awaitable<void> EngineArchive<Engine>::close() {
  return Engine::close(engine_);
}

template <class Engine>
awaitable<bool>
EngineArchive<Engine>::append_session_event(std::string session_id, std::string user_id,
                                            std::string event_type, Document payload,
                                            std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendSessionEvent>(
      engine_, std::nullopt, created_at, std::move(session_id), std::move(user_id),
      std::move(event_type), std::move(payload));
}

template <class Engine>
awaitable<bool>
EngineArchive<Engine>::append_conversation_message(std::string session_id, std::string role,
                                                   std::string content, Document metadata,
                                                   std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendConversationMessage>(
      engine_, std::nullopt, created_at, std::move(session_id), std::move(role), std::move(content),
      std::move(metadata));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_checkpoint(std::string thread_id,
                                                         std::string checkpoint_id, Document data,
                                                         Document metadata,
                                                         std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendCheckpoint>(
      engine_, std::nullopt, created_at, std::move(thread_id), std::move(checkpoint_id),
      std::move(data), std::move(metadata));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_checkpoint_writes(
    std::string thread_id, std::string checkpoint_id, std::string task_id,
    std::vector<ChannelWrite> writes, std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendCheckpointWrites>(
      engine_, std::nullopt, created_at, std::move(thread_id), std::move(checkpoint_id),
      std::move(task_id), std::move(writes));
}

template <class Engine>
awaitable<bool>
EngineArchive<Engine>::append_conversation_session(std::string session_key, Document session_data,
                                                   std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendConversationSession>(
      engine_, std::nullopt, created_at, std::move(session_key), std::move(session_data));
}

template <class Engine>
awaitable<bool>
EngineArchive<Engine>::append_task_context_snapshot(std::string session_id, Document context_data,
                                                    std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendTaskContextSnapshot>(
      engine_, std::nullopt, created_at, std::move(session_id), std::move(context_data));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_session_event_once(
    std::string entry_id, std::string session_id, std::string user_id, std::string event_type,
    Document payload, std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendSessionEvent>(
      engine_, std::move(entry_id), created_at, std::move(session_id), std::move(user_id),
      std::move(event_type), std::move(payload));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_conversation_message_once(
    std::string entry_id, std::string session_id, std::string role, std::string content,
    Document metadata, std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendConversationMessage>(
      engine_, std::move(entry_id), created_at, std::move(session_id), std::move(role),
      std::move(content), std::move(metadata));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_checkpoint_once(std::string entry_id,
                                                              std::string thread_id,
                                                              std::string checkpoint_id,
                                                              Document data, Document metadata,
                                                              std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendCheckpoint>(
      engine_, std::move(entry_id), created_at, std::move(thread_id), std::move(checkpoint_id),
      std::move(data), std::move(metadata));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_checkpoint_writes_once(
    std::string entry_id, std::string thread_id, std::string checkpoint_id, std::string task_id,
    std::vector<ChannelWrite> writes, std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendCheckpointWrites>(
      engine_, std::move(entry_id), created_at, std::move(thread_id), std::move(checkpoint_id),
      std::move(task_id), std::move(writes));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_conversation_session_once(
    std::string entry_id, std::string session_key, Document session_data,
    std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendConversationSession>(
      engine_, std::move(entry_id), created_at, std::move(session_key), std::move(session_data));
}

template <class Engine>
awaitable<bool> EngineArchive<Engine>::append_task_context_snapshot_once(
    std::string entry_id, std::string session_id, Document context_data,
    std::optional<Timestamp> created_at) {
  return Engine::template append<calls::AppendTaskContextSnapshot>(
      engine_, std::move(entry_id), created_at, std::move(session_id), std::move(context_data));
}

template <class Engine>
awaitable<std::vector<ArchiveRecord>>
EngineArchive<Engine>::read_archive(ArchiveKind kind, std::string key, std::uint64_t after,
                                    std::size_t limit) {
  return Engine::read(engine_, kind, std::move(key), after, limit);
}

} // namespace agentstore::detail

#endif
