// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_ROUTED_BACKEND_HPP
#define AGENTSTORE_AUTHORING_ROUTED_BACKEND_HPP

#include <agentstore/authoring/calls.hpp>

namespace agentstore {

/// A whole backend, for authors who treat all its methods alike, e.g. to wait, retry or hop in one
/// place. Derive with the class itself as `Derived`, and override `initialize`, `close` and
/// `health_check`. Every other method becomes
///
///     template <class Call, class... Arguments>
///     awaitable<typename Call::Result> route(Arguments... arguments) const;
///
/// of `Derived`, which may be private if `RoutedBackend` is a friend. `Call` is a type of
/// calls.hpp. Requires of `route`: it is lazy (ASY-01), so `Call::check` belongs inside of what is
/// awaited. The short forms work on the deriving class.
template <class Derived>
class RoutedBackend : public IStorageBackend, public ICheckpointerBackend {
public:
  // ISessionStorage
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata = Document::object()) override {
    return route<calls::CreateSession>(std::move(session_id), std::move(user_id),
                                       std::move(metadata));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return route<calls::GetSession>(std::move(session_id));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    return route<calls::UpdateSession>(std::move(session_id), std::move(update));
  }
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override {
    return route<calls::EndSession>(std::move(session_id), std::move(status));
  }

  // IConversationStorage
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           Document metadata = Document::object()) override {
    return route<calls::AddConversationMessage>(std::move(session_id), std::move(role),
                                                std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override {
    return route<calls::GetConversationHistory>(std::move(session_id), limit);
  }

  // ICheckpointStorage and ICheckpointerBackend
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override {
    return route<calls::StoreCheckpoint>(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(data), std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata = Document::object()) override {
    return route<calls::PutCheckpoint>(std::move(thread_id), std::move(checkpoint_id),
                                       std::move(data), std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override {
    return route<calls::GetCheckpoint>(std::move(thread_id), std::move(checkpoint_id));
  }
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override {
    return route<calls::ListCheckpoints>(std::move(thread_id), limit);
  }
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return route<calls::PutWrites>(std::move(thread_id), std::move(checkpoint_id),
                                   std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return route<calls::GetWrites>(std::move(thread_id), std::move(checkpoint_id));
  }

  // ITaskContextStorage
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    return route<calls::GetTaskContext>(std::move(session_id));
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return route<calls::StoreTaskContext>(std::move(session_id), std::move(context));
  }

  // IStorageBackend
  awaitable<Metrics> get_metrics() override { return route<calls::GetMetrics>(); }
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override {
    return route<calls::CleanupExpiredSessions>(max_idle);
  }

private:
  friend Derived;
  RoutedBackend() = default;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) {
    return static_cast<Derived&>(*this).template route<Call>(std::move(arguments)...);
  }
};

/// The same for a backend that is also a directory of its sessions.
template <class Derived>
class RoutedSessionDirectory : public ISessionDirectory {
public:
  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override {
    return route<calls::ListSessions>(std::move(user_id), std::move(page));
  }
  awaitable<bool> delete_session(std::string session_id) override {
    return route<calls::DeleteSession>(std::move(session_id));
  }

private:
  friend Derived;
  RoutedSessionDirectory() = default;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) {
    return static_cast<Derived&>(*this).template route<Call>(std::move(arguments)...);
  }
};

/// The same for a backend that is also a directory of its threads.
template <class Derived>
class RoutedThreadDirectory : public IThreadDirectory {
public:
  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override {
    return route<calls::ListThreads>(std::move(prefix), std::move(page));
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    return route<calls::DeleteThread>(std::move(thread_id));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    return route<calls::CopyThread>(std::move(source), std::move(target));
  }
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    return route<calls::PruneThread>(std::move(thread_id), keep);
  }
  awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) override {
    return route<calls::ListCheckpointsBefore>(std::move(thread_id), std::move(checkpoint_id),
                                               limit);
  }
  awaitable<ThreadHead> get_thread_head(std::string thread_id,
                                        std::size_t limit = default_checkpoint_limit) override {
    return route<calls::GetThreadHead>(std::move(thread_id), limit);
  }

private:
  friend Derived;
  RoutedThreadDirectory() = default;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) {
    return static_cast<Derived&>(*this).template route<Call>(std::move(arguments)...);
  }
};

} // namespace agentstore

#endif
