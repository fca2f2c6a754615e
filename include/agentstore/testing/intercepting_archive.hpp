// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_HPP

#include <agentstore/testing/forwarding_archive.hpp>
#include <agentstore/testing/interceptor.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another archive.
///
/// An archive never throws but from `read_archive`. A `StorageError` that a hook throws therefore
/// becomes the answer false, and from `close` nothing.
///
/// \par Lifetime
/// It shares ownership of the inner archive and of the interceptor, and so do its calls: they may
/// outlive the object if those on the inner archive may outlive that.
///
/// \par Threads, executor
/// Those of the inner archive and of the interceptor.
class InterceptingArchive : public ForwardingArchive {
public:
  InterceptingArchive(InnerArchive inner, std::shared_ptr<Interceptor> interceptor)
      : ForwardingArchive(std::move(inner)), interceptor_(std::move(interceptor)) {}

  // IPermanentStorageBackend
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, json payload,
                                       std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_message(std::string session_id, std::string role, std::string content,
                              json metadata = json::object(),
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                    json metadata = json::object(),
                                    std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_checkpoint_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                           std::vector<ChannelWrite> writes,
                           std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_session(std::string session_key, json session_data,
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_task_context_snapshot(std::string session_id, json context_data,
                               std::optional<Timestamp> created_at = std::nullopt) override;

  // IArchiveReader
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override;

private:
  /// The call of `method` on the inner archive, between the hooks.
  template <class... Parameters, class... Arguments>
  awaitable<bool> around(const char* operation,
                         awaitable<bool> (IPermanentStorageBackend::*method)(Parameters...),
                         Arguments... arguments) const;

  static awaitable<bool> false_if_thrown(awaitable<bool> call);
  static awaitable<void> nothing_if_thrown(awaitable<void> call);

  std::shared_ptr<Interceptor> interceptor_;
};

// Only machinery below this line.

inline awaitable<bool> InterceptingArchive::false_if_thrown(awaitable<bool> call) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError&) {
    co_return false;
  }
}

inline awaitable<void> InterceptingArchive::nothing_if_thrown(awaitable<void> call) {
  try {
    co_await std::move(call);
  } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): a close has nobody to tell
  }
}

template <class... Parameters, class... Arguments>
awaitable<bool>
InterceptingArchive::around(const char* operation,
                            awaitable<bool> (IPermanentStorageBackend::*method)(Parameters...),
                            Arguments... arguments) const {
  std::string key = detail::key_of(arguments...);
  return false_if_thrown(detail::intercept(interceptor_, operation, std::move(key),
                                           (inner().storage().*method)(std::move(arguments)...)));
}

inline awaitable<bool> InterceptingArchive::initialize() {
  return around("initialize", &IPermanentStorageBackend::initialize);
}

inline awaitable<void> InterceptingArchive::close() {
  return nothing_if_thrown(
      detail::intercept(interceptor_, "close", std::string(), inner().storage().close()));
}

inline awaitable<bool>
InterceptingArchive::append_session_event(std::string session_id, std::string user_id,
                                          std::string event_type, json payload,
                                          std::optional<Timestamp> created_at) {
  return around("append_session_event", &IPermanentStorageBackend::append_session_event,
                std::move(session_id), std::move(user_id), std::move(event_type),
                std::move(payload), created_at);
}

inline awaitable<bool>
InterceptingArchive::append_conversation_message(std::string session_id, std::string role,
                                                 std::string content, json metadata,
                                                 std::optional<Timestamp> created_at) {
  return around("append_conversation_message",
                &IPermanentStorageBackend::append_conversation_message, std::move(session_id),
                std::move(role), std::move(content), std::move(metadata), created_at);
}

inline awaitable<bool> InterceptingArchive::append_checkpoint(std::string thread_id,
                                                              std::string checkpoint_id, json data,
                                                              json metadata,
                                                              std::optional<Timestamp> created_at) {
  return around("append_checkpoint", &IPermanentStorageBackend::append_checkpoint,
                std::move(thread_id), std::move(checkpoint_id), std::move(data),
                std::move(metadata), created_at);
}

inline awaitable<bool>
InterceptingArchive::append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                              std::string task_id, std::vector<ChannelWrite> writes,
                                              std::optional<Timestamp> created_at) {
  return around("append_checkpoint_writes", &IPermanentStorageBackend::append_checkpoint_writes,
                std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
                std::move(writes), created_at);
}

inline awaitable<bool>
InterceptingArchive::append_conversation_session(std::string session_key, json session_data,
                                                 std::optional<Timestamp> created_at) {
  return around("append_conversation_session",
                &IPermanentStorageBackend::append_conversation_session, std::move(session_key),
                std::move(session_data), created_at);
}

inline awaitable<bool>
InterceptingArchive::append_task_context_snapshot(std::string session_id, json context_data,
                                                  std::optional<Timestamp> created_at) {
  return around("append_task_context_snapshot",
                &IPermanentStorageBackend::append_task_context_snapshot, std::move(session_id),
                std::move(context_data), created_at);
}

inline awaitable<std::vector<ArchiveRecord>> InterceptingArchive::read_archive(ArchiveKind kind,
                                                                               std::string key,
                                                                               std::uint64_t after,
                                                                               std::size_t limit) {
  std::string shown_key = key;
  return detail::intercept(interceptor_, "read_archive", std::move(shown_key),
                           inner().reader().read_archive(kind, std::move(key), after, limit));
}

} // namespace agentstore

#endif
