// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_ENGINE_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_ENGINE_ARCHIVE_HPP

// What the archives of this library are: an engine that the including file need not know, as
// EngineBackend has it for the backends.

#include <agentstore/capabilities/archive_once.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/detail/construct.hpp>
#include <agentstore/permanent_storage_backend.hpp>

#include <memory>

namespace agentstore::detail {

/// An archive whose calls share the ownership of its engine with it, so that they may outlive it.
/// Engine has, as static functions that take a `std::shared_ptr<Engine>` first, `open`, `close`,
/// `read`, and `append<Append>` for each of archive_calls.hpp, with the entry id, if there is one,
/// and created_at before the key.
template <class Engine>
class EngineArchive : public IPermanentStorageBackend, public IArchiveOnce, public IArchiveReader {
public:
  // IPermanentStorageBackend
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_message(std::string session_id, std::string role, std::string content,
                              Document metadata = Document::object(),
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata = Document::object(),
                                    std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_checkpoint_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                           std::vector<ChannelWrite> writes,
                           std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_session(std::string session_key, Document session_data,
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_task_context_snapshot(std::string session_id, Document context_data,
                               std::optional<Timestamp> created_at = std::nullopt) override;

  // IArchiveOnce
  awaitable<bool>
  append_session_event_once(std::string entry_id, std::string session_id, std::string user_id,
                            std::string event_type, Document payload,
                            std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_message_once(std::string entry_id, std::string session_id, std::string role,
                                   std::string content, Document metadata = Document::object(),
                                   std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_checkpoint_once(std::string entry_id, std::string thread_id, std::string checkpoint_id,
                         Document data, Document metadata = Document::object(),
                         std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                std::string checkpoint_id, std::string task_id,
                                std::vector<ChannelWrite> writes,
                                std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_session_once(std::string entry_id, std::string session_key,
                                   Document session_data,
                                   std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                    Document context_data,
                                    std::optional<Timestamp> created_at = std::nullopt) override;

  // IArchiveReader
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override;

protected:
  explicit EngineArchive(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

private:
  std::shared_ptr<Engine> engine_;
};

} // namespace agentstore::detail

#endif
