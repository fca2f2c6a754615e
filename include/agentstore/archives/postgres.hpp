// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_POSTGRES_HPP
#define AGENTSTORE_ARCHIVES_POSTGRES_HPP

/// \file
/// The permanent archive in PostgreSQL. Component `postgres`, on libpq.

#include <agentstore/backends/postgres_options.hpp>
#include <agentstore/detail/engine_archive.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

namespace detail::postgres {
class ArchiveEngine;
}

/// An archive in a schema of a PostgreSQL database, for any number of processes on any number of
/// machines. The archive can be read back. All rules of IPermanentStorageBackend and IArchiveOnce
/// hold. The archive claims durable, survives_kill and shared_handles, as far as the server's own
/// settings are durable.
///
/// An append is one round trip. It returns true after its commit, so nothing that was acknowledged
/// waits in the process. Appends that meet do not wait for each other's answers. Up to
/// `pipeline_depth` of them are sent one behind the other on each of `pool_size` connections.
///
/// \par The database
/// As that of PostgresBackend, which may have the same schema. The table `archive` has a row for
/// each record: its kind, its key, its place among the records of that key, when it was created,
/// and its fields as `json`. `SELECT fields->>'content' FROM archive` reads messages. A NUL in a
/// text is `\u0000` in `json`. PostgreSQL shows the `fields` of such a row only as a whole. The
/// archive never changes or removes a row. A row of `archive_keys` has the last place of a key;
/// appends to one key lock it in turn. `entry_id` is that of IArchiveOnce, if there was one.
///
/// \par Time
/// An append that cannot be made ends, with false, within `acquire_timeout` and as many times
/// `operation_timeout` as appends were sent before it on its connection, `pipeline_depth` at most
/// (ARC-04); later if the server rolled it back over a conflict and it was sent again. Set them to
/// the time that the caller can wait. The callers of a DualWrite do not wait for its archive.
///
/// \par Threads, executor, connections, lifetime, cancellation
/// As those of PostgresBackend. `close` waits for the appends that are under way (ARC-06).
///
/// \par Errors
/// Appends and `initialize` never throw: false says that a record was lost, or that the archive
/// could not be opened. `read_archive` throws as PostgresBackend does.
class PostgresArchive final : public detail::EngineArchive<detail::postgres::ArchiveEngine> {
public:
  PostgresArchive(boost::asio::any_io_executor executor, PostgresOptions options)
      : EngineArchive(detail::construct<detail::postgres::ArchiveEngine>(std::move(executor),
                                                                         std::move(options))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/postgres/archive.hpp>
#endif

#endif
