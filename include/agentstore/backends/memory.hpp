// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_MEMORY_HPP
#define AGENTSTORE_BACKENDS_MEMORY_HPP

/// \file
/// The reference backend: a store in the memory of the process, for tests, for caches, and as the
/// plainest answer to what the contract means.

#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/detail/memory_space.hpp>
#include <agentstore/storage_backend.hpp>

#include <atomic>
#include <memory>

namespace agentstore {

/// What a MemorySpace can be told; the defaults suit most.
class MemoryOptions {
public:
  MemoryOptions() = default;

  /// Asked for every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// The data that one or more MemoryBackends work on. It lives as long as the last of them.
class MemorySpace {
public:
  explicit MemorySpace(MemoryOptions options = MemoryOptions())
      : data(std::move(options.clock), options.limits) {}

private:
  friend class MemoryBackend;
  detail::MemorySpaceData data;
};

/// A store in memory. All rules of IStorageBackend and ICheckpointerBackend hold; it claims
/// shared_handles and, being memory, not durable.
///
/// Its methods never suspend: a call is done when `co_await` returns, on the thread that made it.
/// The data is split over mutexes, each held for one look-up and a copy, so that sessions do not
/// wait for each other.
///
/// Distinct handles and one shared handle alike may be used from any thread. The state of a handle
/// is shared with its calls: a call may even outlive the object.
class MemoryBackend : public IStorageBackend, public ICheckpointerBackend {
public:
  /// A handle on a space of its own.
  explicit MemoryBackend(MemoryOptions options = MemoryOptions());
  /// One more handle on a space: each has its own life cycle, all see the same data.
  explicit MemoryBackend(std::shared_ptr<MemorySpace> space);

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
  class Handle;

  std::shared_ptr<Handle> handle_;
};

// Only machinery below this line.

/// What a backend object and its calls share.
class MemoryBackend::Handle {
public:
  using Data = detail::MemorySpaceData;

  explicit Handle(std::shared_ptr<MemorySpace> space) : space_(std::move(space)) {}

  /// Runs one method of the data. The call owns its arguments and, by `handle`, all it works on.
  template <class Result, class... Parameters, class... Arguments>
  static awaitable<Result> run(std::shared_ptr<Handle> handle, const char* operation,
                               Result (Data::*method)(Parameters...), Arguments... arguments) {
    Data& data = handle->opened_for(operation, key_of(arguments...));
    co_return (data.*method)(std::move(arguments)...);
  }

  static awaitable<bool> open(std::shared_ptr<Handle> handle) {
    handle->open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Handle> handle) {
    handle->open_ = false;
    co_return;
  }

  static awaitable<Health> health(std::shared_ptr<Handle> handle) {
    Health health;
    health.backend = "memory";
    if (handle->open_) {
      health.status = Health::Status::healthy;
    } else {
      health.issues.emplace_back("the backend is not open");
    }
    co_return health;
  }

private:
  static std::string_view key_of() { return {}; }
  static std::string_view key_of(std::chrono::microseconds) { return {}; }
  template <class... Others>
  static std::string_view key_of(const std::string& key, const Others&...) {
    return key;
  }

  Data& opened_for(const char* operation, std::string_view key) {
    if (!open_) {
      throw StorageError(errc::closed, operation, std::string(key), "the backend is not open");
    }
    return space_->data;
  }

  std::shared_ptr<MemorySpace> space_;
  std::atomic<bool> open_ = false;
};

inline MemoryBackend::MemoryBackend(MemoryOptions options)
    : MemoryBackend(std::make_shared<MemorySpace>(std::move(options))) {}

inline MemoryBackend::MemoryBackend(std::shared_ptr<MemorySpace> space)
    : handle_(std::make_shared<Handle>(std::move(space))) {}

inline awaitable<Session> MemoryBackend::create_session(std::string session_id, std::string user_id,
                                                        json metadata) {
  return Handle::run(handle_, "create_session", &Handle::Data::create_session,
                     std::move(session_id), std::move(user_id), std::move(metadata));
}

inline awaitable<std::optional<Session>> MemoryBackend::get_session(std::string session_id) {
  return Handle::run(handle_, "get_session", &Handle::Data::get_session, std::move(session_id));
}

inline awaitable<bool> MemoryBackend::update_session(std::string session_id, SessionUpdate update) {
  return Handle::run(handle_, "update_session", &Handle::Data::update_session,
                     std::move(session_id), std::move(update));
}

inline awaitable<bool> MemoryBackend::end_session(std::string session_id, std::string status) {
  return Handle::run(handle_, "end_session", &Handle::Data::end_session, std::move(session_id),
                     std::move(status));
}

inline awaitable<bool> MemoryBackend::add_conversation_message(std::string session_id,
                                                               std::string role,
                                                               std::string content, json metadata) {
  return Handle::run(handle_, "add_conversation_message", &Handle::Data::add_conversation_message,
                     std::move(session_id), std::move(role), std::move(content),
                     std::move(metadata));
}

inline awaitable<std::vector<Message>>
MemoryBackend::get_conversation_history(std::string session_id, std::size_t limit) {
  return Handle::run(handle_, "get_conversation_history", &Handle::Data::get_conversation_history,
                     std::move(session_id), limit);
}

inline awaitable<bool> MemoryBackend::store_checkpoint(std::string thread_id,
                                                       std::string checkpoint_id, json data,
                                                       json metadata) {
  return Handle::run(handle_, "store_checkpoint", &Handle::Data::store_checkpoint,
                     std::move(thread_id), std::move(checkpoint_id), std::move(data),
                     std::move(metadata));
}

inline awaitable<bool> MemoryBackend::put_checkpoint(std::string thread_id,
                                                     std::string checkpoint_id, json data,
                                                     json metadata) {
  return Handle::run(handle_, "put_checkpoint", &Handle::Data::put_checkpoint, std::move(thread_id),
                     std::move(checkpoint_id), std::move(data), std::move(metadata));
}

inline awaitable<std::optional<Checkpoint>>
MemoryBackend::get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) {
  return Handle::run(handle_, "get_checkpoint", &Handle::Data::get_checkpoint, std::move(thread_id),
                     std::move(checkpoint_id));
}

inline awaitable<std::vector<Checkpoint>> MemoryBackend::list_checkpoints(std::string thread_id,
                                                                          std::size_t limit) {
  return Handle::run(handle_, "list_checkpoints", &Handle::Data::list_checkpoints,
                     std::move(thread_id), limit);
}

inline awaitable<bool> MemoryBackend::put_writes(std::string thread_id, std::string checkpoint_id,
                                                 std::string task_id,
                                                 std::vector<ChannelWrite> writes) {
  return Handle::run(handle_, "put_writes", &Handle::Data::put_writes, std::move(thread_id),
                     std::move(checkpoint_id), std::move(task_id), std::move(writes));
}

inline awaitable<std::vector<PendingWrite>> MemoryBackend::get_writes(std::string thread_id,
                                                                      std::string checkpoint_id) {
  return Handle::run(handle_, "get_writes", &Handle::Data::get_writes, std::move(thread_id),
                     std::move(checkpoint_id));
}

inline awaitable<std::optional<json>> MemoryBackend::get_task_context(std::string session_id) {
  return Handle::run(handle_, "get_task_context", &Handle::Data::get_task_context,
                     std::move(session_id));
}

inline awaitable<bool> MemoryBackend::store_task_context(std::string session_id, json context) {
  return Handle::run(handle_, "store_task_context", &Handle::Data::store_task_context,
                     std::move(session_id), std::move(context));
}

inline awaitable<Metrics> MemoryBackend::get_metrics() {
  return Handle::run(handle_, "get_metrics", &Handle::Data::get_metrics);
}

inline awaitable<std::uint64_t>
MemoryBackend::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  return Handle::run(handle_, "cleanup_expired_sessions", &Handle::Data::cleanup_expired_sessions,
                     max_idle);
}

inline awaitable<bool> MemoryBackend::initialize() {
  return Handle::open(handle_);
}

inline awaitable<void> MemoryBackend::close() {
  return Handle::close(handle_);
}

inline awaitable<Health> MemoryBackend::health_check() {
  return Handle::health(handle_);
}

} // namespace agentstore

#endif
