// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_SQLITE_HPP
#define AGENTSTORE_ARCHIVES_SQLITE_HPP

/// \file
/// The embedded archive: one file, no server. Component `sqlite`, on libsqlite3.

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/engine_archive.hpp>

#include <memory>

namespace agentstore {

namespace detail::sqlite {
class ArchiveEngine;
}

/// An archive in an SQLite database, which can be read back. All rules of IPermanentStorageBackend,
/// IArchiveOnce and IArchiveReader hold. The archive claims durable, survives_kill and
/// shared_handles, with any number of handles in any number of processes of one machine.
///
/// An append returns true after its commit, so nothing that was acknowledged waits in the process.
/// Appends that come while a commit waits for the disk share the next commit; each succeeds or
/// fails by itself. Reads go on beside them. The cost of an append does not grow with the number of
/// records.
///
/// \par The file
/// The file is the archive's own, not that of a SqliteBackend, so that neither waits for the
/// other's lock. The table `archive` has a row for each record: its place among all records of the
/// file (`sequence`), its kind, its key, its entry id if it has one, when it was created, and its
/// fields as JSON text. The archive never changes or removes a row.
///
///     SELECT created_at, fields->>'content' FROM archive WHERE kind = 'conversation_message'
///
/// `created_at_us` is the time in microseconds since 1970. `created_at` shows it as
/// 2026-11-23T14:44:02.123456Z, and is NULL for a year that is not from 0 to 9999. In all else the
/// file is like that of SqliteBackend: it has a schema version, is in WAL mode, and must not be
/// moved while it is open.
///
/// \par Options
/// Those of SqliteBackend. ":memory:" is an archive of its own for each object, which lives as long
/// as the object.
///
/// \par Time
/// An append that cannot be made because another handle or process holds the lock ends, with false,
/// within `busy_timeout`. An append that waits in the queue behind such appends ends within theirs.
///
/// \par Threads, executor, lifetime, cancellation
/// As those of SqliteBackend. `close` waits for the appends that are under way (ARC-06).
///
/// \par Errors
/// Appends and `initialize` never throw: false says that a record was lost, or that the archive
/// could not be opened: the file is that of a backend, of another program or of a newer version,
/// its folder is missing, it cannot be written. `read_archive` throws as SqliteBackend does.
class SqliteArchive final : public detail::EngineArchive<detail::sqlite::ArchiveEngine> {
public:
  explicit SqliteArchive(SqliteOptions options)
      : EngineArchive(detail::construct<detail::sqlite::ArchiveEngine>(std::move(options))) {}
  explicit SqliteArchive(std::string path) : SqliteArchive(SqliteOptions(std::move(path))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/sqlite/archive.hpp>
#endif

#endif
