// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FORWARDING_BACKEND_HPP
#define AGENTSTORE_TESTING_FORWARDING_BACKEND_HPP

/// \file
/// The base of decorators of a whole backend.

#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/storage_backend.hpp>

#include <concepts>
#include <memory>

namespace agentstore {

/// A shared backend of any class that is both an IStorageBackend and an ICheckpointerBackend. Made
/// from a `std::shared_ptr` to the backend, which must not be null.
class InnerBackend {
public:
  template <class Backend>
    requires std::derived_from<Backend, IStorageBackend> &&
                 std::derived_from<Backend, ICheckpointerBackend>
  InnerBackend(std::shared_ptr<Backend> backend) // NOLINT(google-explicit-constructor)
      : storage_(backend), checkpointer_(std::move(backend)) {}

  IStorageBackend& storage() const noexcept { return *storage_; }
  ICheckpointerBackend& checkpointer() const noexcept { return *checkpointer_; }

private:
  std::shared_ptr<IStorageBackend> storage_;
  std::shared_ptr<ICheckpointerBackend> checkpointer_;
};

/// Hands every call on to another backend. Derive from it and override the methods that are to
/// differ:
///
///     class Forgetful : public ForwardingBackend {
///     public:
///       using ForwardingBackend::ForwardingBackend;
///
///       awaitable<bool> end_session(std::string session_id, std::string) override {
///         return ForwardingBackend::end_session(std::move(session_id), "forgotten");
///       }
///     };
///
/// A method that is not overridden returns the inner backend's own awaitable, so it adds no frame
/// and copies no argument. `get_checkpoint` and `list_checkpoints`, which two interfaces have, go
/// to the inner backend once.
///
/// \par Lifetime
/// The object shares ownership of the inner backend. As with any backend, the object must outlive
/// every call on it.
///
/// \par Threads, executor, cancellation, errors
/// Those of the inner backend.
class ForwardingBackend : public IStorageBackend, public ICheckpointerBackend {
public:
  explicit ForwardingBackend(InnerBackend inner) : inner_(std::move(inner)) {}

  // ISessionStorage
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata = Document::object()) override;
  awaitable<std::optional<Session>> get_session(std::string session_id) override;
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override;
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override;

  // IConversationStorage
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           Document metadata = Document::object()) override;
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override;

  // ICheckpointStorage, ICheckpointerBackend
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override;
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata = Document::object()) override;
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override;
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override;
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override;

  // ITaskContextStorage
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override;
  awaitable<bool> store_task_context(std::string session_id, Document context) override;

  // IStorageBackend
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;
  awaitable<Metrics> get_metrics() override;
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override;

protected:
  const InnerBackend& inner() const noexcept { return inner_; }

private:
  InnerBackend inner_;
};

// Only machinery below this line.

inline awaitable<Session>
ForwardingBackend::create_session(std::string session_id, std::string user_id, Document metadata) {
  return inner_.storage().create_session(std::move(session_id), std::move(user_id),
                                         std::move(metadata));
}

inline awaitable<std::optional<Session>> ForwardingBackend::get_session(std::string session_id) {
  return inner_.storage().get_session(std::move(session_id));
}

inline awaitable<bool> ForwardingBackend::update_session(std::string session_id,
                                                         SessionUpdate update) {
  return inner_.storage().update_session(std::move(session_id), std::move(update));
}

inline awaitable<bool> ForwardingBackend::end_session(std::string session_id, std::string status) {
  return inner_.storage().end_session(std::move(session_id), std::move(status));
}

inline awaitable<bool> ForwardingBackend::add_conversation_message(std::string session_id,
                                                                   std::string role,
                                                                   std::string content,
                                                                   Document metadata) {
  return inner_.storage().add_conversation_message(std::move(session_id), std::move(role),
                                                   std::move(content), std::move(metadata));
}

inline awaitable<std::vector<Message>>
ForwardingBackend::get_conversation_history(std::string session_id, std::size_t limit) {
  return inner_.storage().get_conversation_history(std::move(session_id), limit);
}

inline awaitable<bool> ForwardingBackend::store_checkpoint(std::string thread_id,
                                                           std::string checkpoint_id, Document data,
                                                           Document metadata) {
  return inner_.storage().store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                           std::move(data), std::move(metadata));
}

inline awaitable<bool> ForwardingBackend::put_checkpoint(std::string thread_id,
                                                         std::string checkpoint_id, Document data,
                                                         Document metadata) {
  return inner_.checkpointer().put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                              std::move(data), std::move(metadata));
}

inline awaitable<std::optional<Checkpoint>>
ForwardingBackend::get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) {
  return inner_.storage().get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
}

inline awaitable<std::vector<Checkpoint>> ForwardingBackend::list_checkpoints(std::string thread_id,
                                                                              std::size_t limit) {
  return inner_.storage().list_checkpoints(std::move(thread_id), limit);
}

inline awaitable<bool> ForwardingBackend::put_writes(std::string thread_id,
                                                     std::string checkpoint_id, std::string task_id,
                                                     std::vector<ChannelWrite> writes) {
  return inner_.checkpointer().put_writes(std::move(thread_id), std::move(checkpoint_id),
                                          std::move(task_id), std::move(writes));
}

inline awaitable<std::vector<PendingWrite>>
ForwardingBackend::get_writes(std::string thread_id, std::string checkpoint_id) {
  return inner_.checkpointer().get_writes(std::move(thread_id), std::move(checkpoint_id));
}

inline awaitable<std::optional<Document>>
ForwardingBackend::get_task_context(std::string session_id) {
  return inner_.storage().get_task_context(std::move(session_id));
}

inline awaitable<bool> ForwardingBackend::store_task_context(std::string session_id,
                                                             Document context) {
  return inner_.storage().store_task_context(std::move(session_id), std::move(context));
}

inline awaitable<bool> ForwardingBackend::initialize() {
  return inner_.storage().initialize();
}

inline awaitable<void> ForwardingBackend::close() {
  return inner_.storage().close();
}

inline awaitable<Health> ForwardingBackend::health_check() {
  return inner_.storage().health_check();
}

inline awaitable<Metrics> ForwardingBackend::get_metrics() {
  return inner_.storage().get_metrics();
}

inline awaitable<std::uint64_t>
ForwardingBackend::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  return inner_.storage().cleanup_expired_sessions(max_idle);
}

} // namespace agentstore

#endif
