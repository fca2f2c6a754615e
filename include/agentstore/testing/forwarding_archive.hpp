// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FORWARDING_ARCHIVE_HPP
#define AGENTSTORE_TESTING_FORWARDING_ARCHIVE_HPP

/// \file
/// The base of decorators of an archive that can be read back.

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/permanent_storage_backend.hpp>

#include <concepts>
#include <memory>

namespace agentstore {

/// A shared archive that is both an IPermanentStorageBackend and an IArchiveReader, whatever its
/// class. Made from any `std::shared_ptr` to one, which must not be null.
class InnerArchive {
public:
  template <class Archive>
    requires std::derived_from<Archive, IPermanentStorageBackend> &&
                 std::derived_from<Archive, IArchiveReader>
  InnerArchive(std::shared_ptr<Archive> archive) // NOLINT(google-explicit-constructor)
      : storage_(archive), reader_(std::move(archive)) {}

  IPermanentStorageBackend& storage() const noexcept { return *storage_; }
  IArchiveReader& reader() const noexcept { return *reader_; }

private:
  std::shared_ptr<IPermanentStorageBackend> storage_;
  std::shared_ptr<IArchiveReader> reader_;
};

/// Hands every call on to another archive. Derive from it and override what is to differ. A method
/// that is not overridden returns the inner archive's own awaitable.
///
/// \par Lifetime
/// It shares ownership of the inner archive. As with any archive, the object must outlive every
/// call on it.
///
/// \par Threads, executor, cancellation, errors
/// Those of the inner archive.
class ForwardingArchive : public IPermanentStorageBackend, public IArchiveReader {
public:
  explicit ForwardingArchive(InnerArchive inner) : inner_(std::move(inner)) {}

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

protected:
  const InnerArchive& inner() const noexcept { return inner_; }

private:
  InnerArchive inner_;
};

// Only machinery below this line.

inline awaitable<bool> ForwardingArchive::initialize() {
  return inner_.storage().initialize();
}

inline awaitable<void> ForwardingArchive::close() {
  return inner_.storage().close();
}

inline awaitable<bool>
ForwardingArchive::append_session_event(std::string session_id, std::string user_id,
                                        std::string event_type, json payload,
                                        std::optional<Timestamp> created_at) {
  return inner_.storage().append_session_event(std::move(session_id), std::move(user_id),
                                               std::move(event_type), std::move(payload),
                                               created_at);
}

inline awaitable<bool>
ForwardingArchive::append_conversation_message(std::string session_id, std::string role,
                                               std::string content, json metadata,
                                               std::optional<Timestamp> created_at) {
  return inner_.storage().append_conversation_message(
      std::move(session_id), std::move(role), std::move(content), std::move(metadata), created_at);
}

inline awaitable<bool> ForwardingArchive::append_checkpoint(std::string thread_id,
                                                            std::string checkpoint_id, json data,
                                                            json metadata,
                                                            std::optional<Timestamp> created_at) {
  return inner_.storage().append_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                            std::move(data), std::move(metadata), created_at);
}

inline awaitable<bool>
ForwardingArchive::append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                            std::string task_id, std::vector<ChannelWrite> writes,
                                            std::optional<Timestamp> created_at) {
  return inner_.storage().append_checkpoint_writes(std::move(thread_id), std::move(checkpoint_id),
                                                   std::move(task_id), std::move(writes),
                                                   created_at);
}

inline awaitable<bool>
ForwardingArchive::append_conversation_session(std::string session_key, json session_data,
                                               std::optional<Timestamp> created_at) {
  return inner_.storage().append_conversation_session(std::move(session_key),
                                                      std::move(session_data), created_at);
}

inline awaitable<bool>
ForwardingArchive::append_task_context_snapshot(std::string session_id, json context_data,
                                                std::optional<Timestamp> created_at) {
  return inner_.storage().append_task_context_snapshot(std::move(session_id),
                                                       std::move(context_data), created_at);
}

inline awaitable<std::vector<ArchiveRecord>> ForwardingArchive::read_archive(ArchiveKind kind,
                                                                             std::string key,
                                                                             std::uint64_t after,
                                                                             std::size_t limit) {
  return inner_.reader().read_archive(kind, std::move(key), after, limit);
}

} // namespace agentstore

#endif
