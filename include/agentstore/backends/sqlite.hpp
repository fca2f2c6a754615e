// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_SQLITE_HPP
#define AGENTSTORE_BACKENDS_SQLITE_HPP

/// \file
/// The embedded backend: one file, no server, nothing lost. Component `sqlite`, on libsqlite3.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/limits.hpp>
#include <agentstore/detail/engine_backend.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>

namespace agentstore {

namespace detail::sqlite {
class Engine;
}

/// The options of a SqliteBackend. Everything but the path may stay at its default.
class SqliteOptions {
public:
  SqliteOptions() = default;
  explicit SqliteOptions(std::string file) : path(std::move(file)) {}

  enum class Synchronous {
    /// What was acknowledged survives a crash of the process and a loss of power.
    full,
    /// What was acknowledged survives a crash of the process. A loss of power may cost the latest
    /// commits, but leaves none torn.
    normal,
  };

  /// The file, which is created if need be; its folder must be there. A relative path is resolved
  /// when the backend is constructed. ":memory:" is a store of its own for each backend, which
  /// lives as long as the object.
  std::string path;
  Synchronous synchronous = Synchronous::full;
  /// For how long, from when it is awaited, a call waits while another handle or process holds the
  /// file's lock, before it throws `unavailable`; `initialize` too. 0: not at all. The largest
  /// value is for ever, a negative one is `invalid_argument` at `initialize`. A clean-up has this
  /// time for each 500 sessions.
  std::chrono::milliseconds busy_timeout{5'000};
  /// This backend does not make the file grow beyond this many bytes: a call that would need more
  /// throws `unavailable`. FILE-wal comes on top, and other handles have limits of their own. With
  /// 0, or more than SQLite can have, the file may be as large as the disk allows.
  std::uint64_t max_file_bytes = 0;
  /// How many calls read at once, beside the one that writes. 0 means one, more than 255 mean 255.
  std::size_t read_threads = 2;
  /// An executor for blocking work, used instead of the backend's own threads, e.g. that of a
  /// thread pool. Requires: no calls are awaited on it, and it runs until every call has ended, on
  /// two threads or more if reads are to go on while a write waits for the disk.
  std::optional<boost::asio::any_io_executor> executor;
  /// Gives every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256. SQLite itself has a limit of 10^9 bytes for all values of a row:
  /// above it, `too_large`.
  Limits limits;
};

/// A store in an SQLite database. All rules of IStorageBackend, ICheckpointerBackend and the
/// directories hold; the backend claims durable, survives_kill and shared_processes, with any
/// number of handles in any number of processes of one machine.
///
/// A write is acknowledged after its commit. Writes that come while a commit waits for the disk
/// share the next commit; each succeeds or fails by itself. Reads go on beside them.
///
/// \par The file
/// `sqlite3 FILE .schema` shows tables, `sessions`, `messages`, `task_contexts`, `checkpoints` and
/// `pending_writes`, with ids as they are, JSON as text, and times in UTC as
/// 2026-11-23T14:44:02.123456Z. The file has a schema version. A file of an older version is
/// migrated when it is opened. A file of a newer version is refused with `not_supported`, a
/// database of another program with `invalid_argument`. The file is in WAL mode: while it is open,
/// FILE-wal and FILE-shm belong to it. As SQLite advises, it should not be on a network file
/// system.
///
/// A file must not be moved, removed or replaced while it is open, nor must FILE-wal or FILE-shm. A
/// write that comes after that throws `unavailable`, until the file is back in its place or every
/// backend on it, in all processes, was closed before one is initialized again. Reads go on in the
/// file that was opened, or throw `unavailable`.
///
/// A value in a column that another program wrote, and that does not belong there, is `corrupted`.
///
/// \par Threads, executor
/// Blocking work is done on threads of the backend's own, or on `SqliteOptions::executor`; a call
/// hops there once. Arguments are checked and written as JSON on the caller's thread, where trees
/// are made, too. Metadata is merged, and the text that was read is validated, on the other
/// threads. `initialize` starts the threads, and throws `unavailable` if the system gives none.
///
/// \par Lifetime
/// Calls keep alive what they need, so a backend may be destroyed while they are under way. `close`
/// waits for them. Calls that come after `close` throw `closed`. A context on which calls are
/// awaited may be destroyed before the backend or after it, also with calls under way. The
/// destruction waits for work that has begun, and work that has not begun never happens. Requires:
/// `SqliteOptions::executor` runs until all calls have ended.
///
/// In the child of a fork every call on a backend of the parent's throws `closed`; nothing of the
/// parent's is touched, also when the object is destroyed. A backend of the child's own can have
/// any file but those that the parent had open when it forked, by any object of this library:
/// SQLite takes the parent's locks for the child's, so `initialize` throws `unavailable`. Open the
/// file after the fork, in each process by itself, or start the child with exec.
///
/// \par Cancellation
/// `op || timer` is a deadline. A call that waits for its turn or for a lock ends at once, and
/// never happens; a read stops within a millisecond or so, and so does a write before its commit,
/// of which nothing stays. Only a commit that has begun is waited for. A clean-up that is
/// cancelled, or fails, may have removed some of the sessions, each whole.
///
/// \par Clean-up
/// `cleanup_expired_sessions` removes 500 sessions in a transaction, so that other writes come in
/// between.
///
/// \par Errors
/// As the interfaces say. `unavailable`: the file cannot be opened, read or written, the disk is
/// full, a lock was held for longer than the busy timeout. `corrupted`: the file is not a database,
/// or a damaged one. The reason has SQLite's own words and the path.
///
/// \par Health
/// A health check reads a row of each table: the backend is `unhealthy` if it cannot. It is
/// `degraded` if it can read and not write: the file was moved, removed or replaced, or, after a
/// write that failed, a write that changes nothing fails too. That the disk is full is only known
/// once a write has failed. A health check waits for a lock for a second at most, in each of three
/// steps. `details` has the path, in which U+FFFD stands for what is not UTF-8, the schema version
/// and SQLite's version.
class SqliteBackend final : public detail::EngineBackend<detail::sqlite::Engine> {
public:
  explicit SqliteBackend(SqliteOptions options)
      : EngineBackend(detail::construct<detail::sqlite::Engine>(std::move(options))) {}
  explicit SqliteBackend(std::string path) : SqliteBackend(SqliteOptions(std::move(path))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/sqlite/engine.hpp>
#endif

#endif
