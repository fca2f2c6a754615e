// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_BACKEND_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_BACKEND_HPP

#include <agentstore/testing/forwarding_backend.hpp>
#include <agentstore/testing/interceptor.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another backend.
///
/// A `StorageError` that a hook throws reaches the caller, but for `health_check`, which never
/// throws (LIF-06): there it makes the answer `unhealthy` and is one of its issues.
///
/// \par Lifetime
/// It shares ownership of the inner backend and of the interceptor, and so do its calls: they may
/// outlive the object if those on the inner backend may outlive that.
///
/// \par Threads, executor
/// Those of the inner backend and of the interceptor.
class InterceptingBackend : public ForwardingBackend {
public:
  InterceptingBackend(InnerBackend inner, std::shared_ptr<Interceptor> interceptor)
      : ForwardingBackend(std::move(inner)), interceptor_(std::move(interceptor)) {}

  // ISessionStorage
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    json metadata = json::object()) override;
  awaitable<std::optional<Session>> get_session(std::string session_id) override;
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override;
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override;

  // IConversationStorage
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           json metadata = json::object()) override;
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override;

  // ICheckpointStorage, ICheckpointerBackend
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                   json metadata = json::object()) override;
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                 json metadata = json::object()) override;
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
  awaitable<std::optional<json>> get_task_context(std::string session_id) override;
  awaitable<bool> store_task_context(std::string session_id, json context) override;

  // IStorageBackend
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;
  awaitable<Metrics> get_metrics() override;
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override;

private:
  /// The call of `method` on the inner backend, between the hooks.
  template <class Interface, class Result, class... Parameters, class... Arguments>
  awaitable<Result> around(const char* operation,
                           awaitable<Result> (Interface::*method)(Parameters...),
                           Arguments... arguments) const;

  static awaitable<Health> health_around(std::shared_ptr<Interceptor> interceptor,
                                         awaitable<Health> call);

  std::shared_ptr<Interceptor> interceptor_;
};

// Only machinery below this line.

template <class Interface, class Result, class... Parameters, class... Arguments>
awaitable<Result> InterceptingBackend::around(const char* operation,
                                              awaitable<Result> (Interface::*method)(Parameters...),
                                              Arguments... arguments) const {
  std::string key = detail::key_of(arguments...);
  if constexpr (std::derived_from<IStorageBackend, Interface>) {
    return detail::intercept(interceptor_, operation, std::move(key),
                             (inner().storage().*method)(std::move(arguments)...));
  } else {
    return detail::intercept(interceptor_, operation, std::move(key),
                             (inner().checkpointer().*method)(std::move(arguments)...));
  }
}

inline awaitable<Session> InterceptingBackend::create_session(std::string session_id,
                                                              std::string user_id, json metadata) {
  return around("create_session", &IStorageBackend::create_session, std::move(session_id),
                std::move(user_id), std::move(metadata));
}

inline awaitable<std::optional<Session>> InterceptingBackend::get_session(std::string session_id) {
  return around("get_session", &IStorageBackend::get_session, std::move(session_id));
}

inline awaitable<bool> InterceptingBackend::update_session(std::string session_id,
                                                           SessionUpdate update) {
  return around("update_session", &IStorageBackend::update_session, std::move(session_id),
                std::move(update));
}

inline awaitable<bool> InterceptingBackend::end_session(std::string session_id,
                                                        std::string status) {
  return around("end_session", &IStorageBackend::end_session, std::move(session_id),
                std::move(status));
}

inline awaitable<bool> InterceptingBackend::add_conversation_message(std::string session_id,
                                                                     std::string role,
                                                                     std::string content,
                                                                     json metadata) {
  return around("add_conversation_message", &IStorageBackend::add_conversation_message,
                std::move(session_id), std::move(role), std::move(content), std::move(metadata));
}

inline awaitable<std::vector<Message>>
InterceptingBackend::get_conversation_history(std::string session_id, std::size_t limit) {
  return around("get_conversation_history", &IStorageBackend::get_conversation_history,
                std::move(session_id), limit);
}

inline awaitable<bool> InterceptingBackend::store_checkpoint(std::string thread_id,
                                                             std::string checkpoint_id, json data,
                                                             json metadata) {
  return around("store_checkpoint", &IStorageBackend::store_checkpoint, std::move(thread_id),
                std::move(checkpoint_id), std::move(data), std::move(metadata));
}

inline awaitable<bool> InterceptingBackend::put_checkpoint(std::string thread_id,
                                                           std::string checkpoint_id, json data,
                                                           json metadata) {
  return around("put_checkpoint", &ICheckpointerBackend::put_checkpoint, std::move(thread_id),
                std::move(checkpoint_id), std::move(data), std::move(metadata));
}

inline awaitable<std::optional<Checkpoint>>
InterceptingBackend::get_checkpoint(std::string thread_id,
                                    std::optional<std::string> checkpoint_id) {
  return around("get_checkpoint", &IStorageBackend::get_checkpoint, std::move(thread_id),
                std::move(checkpoint_id));
}

inline awaitable<std::vector<Checkpoint>>
InterceptingBackend::list_checkpoints(std::string thread_id, std::size_t limit) {
  return around("list_checkpoints", &IStorageBackend::list_checkpoints, std::move(thread_id),
                limit);
}

inline awaitable<bool> InterceptingBackend::put_writes(std::string thread_id,
                                                       std::string checkpoint_id,
                                                       std::string task_id,
                                                       std::vector<ChannelWrite> writes) {
  return around("put_writes", &ICheckpointerBackend::put_writes, std::move(thread_id),
                std::move(checkpoint_id), std::move(task_id), std::move(writes));
}

inline awaitable<std::vector<PendingWrite>>
InterceptingBackend::get_writes(std::string thread_id, std::string checkpoint_id) {
  return around("get_writes", &ICheckpointerBackend::get_writes, std::move(thread_id),
                std::move(checkpoint_id));
}

inline awaitable<std::optional<json>>
InterceptingBackend::get_task_context(std::string session_id) {
  return around("get_task_context", &IStorageBackend::get_task_context, std::move(session_id));
}

inline awaitable<bool> InterceptingBackend::store_task_context(std::string session_id,
                                                               json context) {
  return around("store_task_context", &IStorageBackend::store_task_context, std::move(session_id),
                std::move(context));
}

inline awaitable<bool> InterceptingBackend::initialize() {
  return around("initialize", &IStorageBackend::initialize);
}

inline awaitable<void> InterceptingBackend::close() {
  return around("close", &IStorageBackend::close);
}

inline awaitable<Metrics> InterceptingBackend::get_metrics() {
  return around("get_metrics", &IStorageBackend::get_metrics);
}

inline awaitable<std::uint64_t>
InterceptingBackend::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  return around("cleanup_expired_sessions", &IStorageBackend::cleanup_expired_sessions, max_idle);
}

inline awaitable<Health> InterceptingBackend::health_check() {
  return health_around(interceptor_, inner().storage().health_check());
}

inline awaitable<Health>
InterceptingBackend::health_around(std::shared_ptr<Interceptor> interceptor,
                                   awaitable<Health> call) {
  std::vector<std::string> issues;
  try {
    co_await interceptor->before("health_check", std::string());
  } catch (const StorageError& error) {
    issues.emplace_back(error.what());
  }
  Health health = co_await std::move(call);
  try {
    co_await interceptor->after("health_check", std::string());
  } catch (const StorageError& error) {
    issues.emplace_back(error.what());
  }
  if (!issues.empty()) {
    health.status = Health::Status::unhealthy;
    health.issues.insert(health.issues.end(), issues.begin(), issues.end());
  }
  co_return health;
}

} // namespace agentstore

#endif
