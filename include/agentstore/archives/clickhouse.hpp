// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_CLICKHOUSE_HPP
#define AGENTSTORE_ARCHIVES_CLICKHOUSE_HPP

/// \file
/// The permanent archive in ClickHouse, for analysis. Component `clickhouse`, on Boost.Beast.

#include <agentstore/archives/clickhouse_options.hpp>
#include <agentstore/detail/engine_archive.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

namespace detail::clickhouse {
class ArchiveEngine;
}

/// An archive in a database of a ClickHouse server of version 18.16 or newer, by its HTTP
/// interface. The archive can be read back. All rules of IPermanentStorageBackend, IArchiveOnce and
/// IArchiveReader hold. The archive claims durable, survives_kill and shared_handles, within the
/// limits that the next section states.
///
/// An append returns true after the server took the insert that has its record, so nothing that was
/// acknowledged waits in the process. Appends of one kind that meet share an insert. A record that
/// the server refuses takes none of the other records with it.
///
/// \par What ClickHouse cannot promise
/// - ClickHouse does not wait for the disk. What was acknowledged survives a kill of the server,
///   and may not survive a loss of power.
/// - ClickHouse gives no places. A record's place is the time of its append by the clock of the
///   machine, in microseconds, and at least one more than the last place that its process gave. So
///   the order of a key is that of its appends if they are made in one process, or on one machine
///   (ARC-02). Between machines the order is as good as their clocks agree. If a clock is set back
///   between two runs, the order is wrong for that long.
/// - Inserts of several processes do not end in the order of those times. A reader that goes on
///   behind the last record that it read misses a record that came later with an earlier time. If a
///   record comes with the same microsecond as an earlier record of its key, the `sequence` of the
///   earlier record may grow by one. (`ArchiveRecord::sequence` is the column `sequence` times
///   2048, plus a rank among the writers of that microsecond.)
/// - ClickHouse has no unique keys. A record that was appended twice with one entry id has two rows
///   (IArchiveOnce). `read_archive` gives only the row with the smaller place, which is the second
///   append's if the clock of its machine is behind. In a SELECT of the user's own note that
///   `entry_id` is empty for all records of plain appends.
/// - Replicas and distributed tables are left to the operator, who makes tables of these names and
///   columns before the first `initialize`. `initialize` makes only what is missing.
///
/// \par The database
/// A table for each kind: `session_event`, `conversation_message`, `checkpoint`,
/// `checkpoint_writes`, `conversation_session` and `task_context_snapshot`. Each has a column for
/// each argument of its append, by its name, a String, with values as JSON text; `created_at_us`,
/// the time in microseconds since 1970, and `created_at`, the same as a DateTime, which is cut to
/// the years that one holds, 1970 to 2106; `arrived_at`, by whose month the table is partitioned;
/// `sequence` and `writer`, which are the place; and `entry_id`, which is empty if there was none.
/// It is ordered by key and place. The archive never changes or removes a row.
///
///     SELECT created_at, content FROM conversation_message WHERE session_id = 'session-1'
///       ORDER BY sequence
///
/// \par Rights
/// `initialize` makes the database and the tables if they are missing, and needs no rights for that
/// if they are there. For a database without tables it needs CREATE DATABASE, too. An append needs
/// INSERT, `read_archive` SELECT.
///
/// \par Time
/// An append that cannot be made ends, with false, within twice `operation_timeout` (ARC-04). It
/// ends at once if `max_queued_bytes` wait already.
///
/// \par Threads
/// Any method may be called from any thread. All work is done on a strand of the given executor.
///
/// \par Lifetime
/// The executor's context must outlive the object. A call may outlive the object. The contexts on
/// which calls are awaited may be destroyed before the archive or after it.
///
/// In the child of a fork the parent's archive counts as not open, its `close` throws `closed`, and
/// the parent's connections are left alone. Make an archive in the child.
///
/// \par Cancellation
/// An append that waits for its insert ends, and is not kept. An append whose insert is under way
/// ends with the insert, or after a second; in that case it may still be kept. `close` waits for
/// the appends that are under way (ARC-06).
///
/// \par Errors
/// Appends and `initialize` never throw: false says that a record was lost, or that the archive
/// could not be opened: the options are wrong, the server does not answer or refuses the user, a
/// table lacks a column. `read_archive` throws `invalid_argument` for wrong options, `closed`,
/// `unavailable`, also with what the server says, and `corrupted` for rows that an archive did not
/// write.
class ClickHouseArchive final : public detail::EngineArchive<detail::clickhouse::ArchiveEngine> {
public:
  ClickHouseArchive(boost::asio::any_io_executor executor, ClickHouseOptions options)
      : EngineArchive(detail::construct<detail::clickhouse::ArchiveEngine>(std::move(executor),
                                                                           std::move(options))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/clickhouse/archive.hpp>
#endif

#endif
