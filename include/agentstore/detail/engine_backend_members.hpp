// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_ENGINE_BACKEND_MEMBERS_HPP
#define AGENTSTORE_DETAIL_ENGINE_BACKEND_MEMBERS_HPP

// The definitions of EngineBackend's members, for the file of an engine.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/detail/construct_definition.hpp>
#include <agentstore/detail/engine_backend.hpp>

namespace agentstore::detail {

template <class Engine>
template <class Call, class... Arguments>
awaitable<typename Call::Result> EngineBackend<Engine>::call(Arguments... arguments) const {
  return Engine::template call<Call>(engine_.get(), std::move(arguments)...);
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::initialize() {
  return Engine::open(engine_.get());
}

template <class Engine>
awaitable<void> EngineBackend<Engine>::close() {
  return Engine::close(engine_.get());
}

template <class Engine>
awaitable<Health> EngineBackend<Engine>::health_check() {
  return Engine::health(engine_.get());
}

template <class Engine>
awaitable<Metrics> EngineBackend<Engine>::get_metrics() {
  return call<calls::GetMetrics>();
}

template <class Engine>
awaitable<std::uint64_t>
EngineBackend<Engine>::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  return call<calls::CleanupExpiredSessions>(max_idle);
}

template <class Engine>
awaitable<Session> EngineBackend<Engine>::create_session(std::string session_id,
                                                         std::string user_id, Document metadata) {
  return call<calls::CreateSession>(std::move(session_id), std::move(user_id), std::move(metadata));
}

template <class Engine>
awaitable<std::optional<Session>> EngineBackend<Engine>::get_session(std::string session_id) {
  return call<calls::GetSession>(std::move(session_id));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::update_session(std::string session_id,
                                                      SessionUpdate update) {
  return call<calls::UpdateSession>(std::move(session_id), std::move(update));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::end_session(std::string session_id, std::string status) {
  return call<calls::EndSession>(std::move(session_id), std::move(status));
}

template <class Engine>
awaitable<bool>
EngineBackend<Engine>::add_conversation_message(std::string session_id, std::string role,
                                                std::string content, Document metadata) {
  return call<calls::AddConversationMessage>(std::move(session_id), std::move(role),
                                             std::move(content), std::move(metadata));
}

template <class Engine>
awaitable<std::vector<Message>>
EngineBackend<Engine>::get_conversation_history(std::string session_id, std::size_t limit) {
  return call<calls::GetConversationHistory>(std::move(session_id), limit);
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::store_checkpoint(std::string thread_id,
                                                        std::string checkpoint_id, Document data,
                                                        Document metadata) {
  return call<calls::StoreCheckpoint>(std::move(thread_id), std::move(checkpoint_id),
                                      std::move(data), std::move(metadata));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::put_checkpoint(std::string thread_id,
                                                      std::string checkpoint_id, Document data,
                                                      Document metadata) {
  return call<calls::PutCheckpoint>(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                                    std::move(metadata));
}

template <class Engine>
awaitable<std::optional<Checkpoint>>
EngineBackend<Engine>::get_checkpoint(std::string thread_id,
                                      std::optional<std::string> checkpoint_id) {
  return call<calls::GetCheckpoint>(std::move(thread_id), std::move(checkpoint_id));
}

template <class Engine>
awaitable<std::vector<Checkpoint>> EngineBackend<Engine>::list_checkpoints(std::string thread_id,
                                                                           std::size_t limit) {
  return call<calls::ListCheckpoints>(std::move(thread_id), limit);
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::put_writes(std::string thread_id, std::string checkpoint_id,
                                                  std::string task_id,
                                                  std::vector<ChannelWrite> writes) {
  return call<calls::PutWrites>(std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
                                std::move(writes));
}

template <class Engine>
awaitable<std::vector<PendingWrite>> EngineBackend<Engine>::get_writes(std::string thread_id,
                                                                       std::string checkpoint_id) {
  return call<calls::GetWrites>(std::move(thread_id), std::move(checkpoint_id));
}

template <class Engine>
awaitable<std::optional<Document>> EngineBackend<Engine>::get_task_context(std::string session_id) {
  return call<calls::GetTaskContext>(std::move(session_id));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::store_task_context(std::string session_id,
                                                          Document context) {
  return call<calls::StoreTaskContext>(std::move(session_id), std::move(context));
}

template <class Engine>
awaitable<SessionPage> EngineBackend<Engine>::list_sessions(std::string user_id, Page page) {
  return call<calls::ListSessions>(std::move(user_id), std::move(page));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::delete_session(std::string session_id) {
  return call<calls::DeleteSession>(std::move(session_id));
}

template <class Engine>
awaitable<ThreadPage> EngineBackend<Engine>::list_threads(std::string prefix, Page page) {
  return call<calls::ListThreads>(std::move(prefix), std::move(page));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::delete_thread(std::string thread_id) {
  return call<calls::DeleteThread>(std::move(thread_id));
}

template <class Engine>
awaitable<bool> EngineBackend<Engine>::copy_thread(std::string source, std::string target) {
  return call<calls::CopyThread>(std::move(source), std::move(target));
}

template <class Engine>
awaitable<std::uint64_t> EngineBackend<Engine>::prune_thread(std::string thread_id,
                                                             std::size_t keep) {
  return call<calls::PruneThread>(std::move(thread_id), keep);
}

template <class Engine>
awaitable<std::vector<Checkpoint>>
EngineBackend<Engine>::list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                                               std::size_t limit) {
  return call<calls::ListCheckpointsBefore>(std::move(thread_id), std::move(checkpoint_id), limit);
}

template <class Engine>
awaitable<ThreadHead> EngineBackend<Engine>::get_thread_head(std::string thread_id,
                                                             std::size_t limit) {
  return call<calls::GetThreadHead>(std::move(thread_id), limit);
}

} // namespace agentstore::detail

#endif
