// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_POSTGRES_HPP
#define AGENTSTORE_ARCHIVES_POSTGRES_HPP

/// \file
/// The permanent archive in PostgreSQL. Component `postgres`, on libpq.

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/permanent_storage_backend.hpp>
#include <agentstore/postgres/options.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

/// An archive in a schema of a PostgreSQL database, for any number of processes on any number of
/// machines; it can be read back. All rules of IPermanentStorageBackend hold; it claims durable,
/// survives_kill and shared_handles, as far as the server's own settings are durable.
///
/// An append is one round trip and true after its commit: nothing that was acknowledged waits in
/// the process. Appends that meet are sent one behind the other, up to `pipeline_depth` on each of
/// `pool_size` connections, without waiting for each other's answers.
///
/// \par The database
/// As that of PostgresBackend, which may have the same schema. The table `archive` has a row for
/// each record: its kind, its key, its place among those, when it was created, and its fields as
/// `json`, so that `SELECT fields->>'content' FROM archive` reads messages; of a row with a NUL in
/// a text, which is `\u0000` there, PostgreSQL shows `fields` only as a whole. Nothing here ever
/// changes or removes a row. The next place of a key is in `archive_keys`, whose row appends to one
/// key lock in turn.
///
/// \par Time
/// An append that cannot be made ends, with false, within `acquire_timeout` and `operation_timeout`
/// together (ARC-04). Set them to what the caller can wait; DualWrite and its like wait for
/// nothing.
///
/// \par Threads, executor, connections, lifetime, cancellation
/// As those of PostgresBackend. `close` waits for the appends that are under way (ARC-06).
///
/// \par Errors
/// Appends and `initialize` never throw: false says that a record was lost, or that the archive
/// could not be opened. `read_archive` throws as PostgresBackend does.
class PostgresArchive final : public IPermanentStorageBackend, public IArchiveReader {
public:
  PostgresArchive(boost::asio::any_io_executor executor, PostgresOptions options);

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
  class State;

  std::shared_ptr<State> state_;
};

} // namespace agentstore

#include <agentstore/detail/postgres/archive.hpp> // only machinery

#endif
