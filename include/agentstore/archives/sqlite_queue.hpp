// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_SQLITE_QUEUE_HPP
#define AGENTSTORE_ARCHIVES_SQLITE_QUEUE_HPP

/// \file
/// A queue of a DualWrite that outlives the process. Component `sqlite`, on libsqlite3.

#include <agentstore/archives/dual_write_options.hpp>
#include <agentstore/backends/sqlite.hpp>

namespace agentstore {

/// The queue of a DualWrite in an SQLite file.
///
///     DualWriteOptions options;
///     options.queue = sqlite_queue("queue.db");
///     DualWrite<SqliteBackend> store(executor, hot, archive, options);
///
/// Queued records are in memory and in the file. After a kill -9, a `close` whose limit passed, or
/// a destructor without `close`, `initialize` of the next DualWrite on the file reads the records
/// that are left there. They are archived first: once over an IArchiveOnce, at least once over
/// another archive. Bounds, policy, order and metrics are those of a queue in memory, and records
/// found in the file count as accepted. If they exceed the bounds, which may have been greater
/// before, the excess is dropped by the policy.
///
/// \par When a record is kept
/// A call is made on the hot store, then its record is added to the file, and then it is answered.
/// The call waits for one commit of the file, which calls that meet share, and never for the
/// archive. So a kill loses no record of a call that was answered. A kill between the commit of the
/// hot store and the commit of the file loses the record of a call that was under way and not
/// answered. With `Synchronous::normal` the commit does not wait for the disk. A kill then still
/// loses no more, but a loss of power may cost the latest records.
///
/// A call that is cancelled while it waits for the file is answered at once, and the file gets the
/// record all the same, if the process lives for so long.
///
/// A file that cannot be written (the disk is full, it was moved) fails no call: the record is
/// queued in memory alone until it is archived, and health is `degraded` until a change of the file
/// succeeds. `close` drops and counts what is not archived by then and not in the file, and that is
/// everything if the file is no longer where it was. A record that cannot be removed from the file
/// is archived again after the next start.
///
/// \par The file
/// The file is for one DualWrite at a time. Another DualWrite, of this process or another, waits
/// for it in `initialize` for `busy_timeout`, and then throws `unavailable`. The kernel frees the
/// file of a process that was killed; a destructor without `close` frees it a moment later. The
/// table `queue` has a row for each record; `sqlite3 FILE 'SELECT * FROM queue'` shows them while
/// no process has the file open. In all else it is like the file of a SqliteBackend.
///
/// \par Errors
/// `initialize` of the DualWrite throws, before it opens anything else: `corrupted` for a file that
/// is not a database, is damaged or holds something that is not a record, `invalid_argument` for
/// the database of another program, a backend or an archive, and for ":memory:", `not_supported`
/// for a file of a newer version, `unavailable` if it cannot be opened.
///
/// `clock`, `limits` and `read_threads` of the options have no use here.
DualWriteQueue sqlite_queue(SqliteOptions options);
DualWriteQueue sqlite_queue(std::string path);

// Only machinery below this line.

namespace detail::sqlite {

class QueueJournal;

template <class Made>
std::shared_ptr<dual_write::Journal> make_journal(SqliteOptions options);

} // namespace detail::sqlite

inline DualWriteQueue sqlite_queue(SqliteOptions options) {
  return DualWriteQueue([options = std::move(options)] {
    return detail::sqlite::make_journal<detail::sqlite::QueueJournal>(options);
  });
}
inline DualWriteQueue sqlite_queue(std::string path) {
  return sqlite_queue(SqliteOptions(std::move(path)));
}

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/sqlite/queue_journal.hpp>
#endif

#endif
