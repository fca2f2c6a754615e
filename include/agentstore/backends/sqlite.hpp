// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_SQLITE_HPP
#define AGENTSTORE_BACKENDS_SQLITE_HPP

/// \file
/// The embedded backend: one file, no server, nothing lost. Component `sqlite`, on libsqlite3.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/routed_backend.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>

namespace agentstore {

/// What a SqliteBackend can be told. All but the path may stay as it is.
class SqliteOptions {
public:
  SqliteOptions() = default;
  explicit SqliteOptions(std::string file) : path(std::move(file)) {}

  enum class Synchronous {
    /// What was acknowledged survives a crash of the process and a loss of power.
    full,
    /// It survives a crash of the process; a loss of power may cost the latest commits. Never torn.
    normal,
  };

  /// The file, which is created if need be; its folder must be there. ":memory:" is a store of its
  /// own for each backend, which lives as long as the object.
  std::string path;
  Synchronous synchronous = Synchronous::full;
  /// For how long a call waits while another handle or process holds the file's lock, before it
  /// throws `unavailable`.
  std::chrono::milliseconds busy_timeout{5'000};
  /// The file does not grow beyond this many bytes: what would need more throws `unavailable`. 0:
  /// as large as the disk allows.
  std::uint64_t max_file_bytes = 0;
  /// How many calls read at once, beside the one that writes.
  std::size_t read_threads = 2;
  /// Where blocking work is done instead, e.g. a thread pool of the application's. Never an
  /// executor on which calls are awaited. It must run until every call has ended, on two threads or
  /// more if reads are to go on while a write waits for the disk.
  std::optional<boost::asio::any_io_executor> executor;
  /// Asked for every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// A store in an SQLite database. All rules of IStorageBackend, ICheckpointerBackend and the
/// directories hold; it claims durable, survives_kill and shared_handles: as many handles, in as
/// many processes of one machine, as one likes.
///
/// A write is acknowledged after its commit. Writes that come while a commit waits for the disk
/// share the next one; each succeeds or fails by itself. Reads go on beside them.
///
/// \par The file
/// `sqlite3 FILE .schema` shows tables, `sessions`, `messages`, `task_contexts`, `checkpoints` and
/// `pending_writes`, with ids as they are, JSON as text, and times in UTC as
/// 2026-11-23T14:44:02.123456Z. It has a schema version: a file of an older one is migrated when it
/// is opened, one of a newer is refused with `not_supported`, a database of another program with
/// `invalid_argument`. The file is in WAL mode: while it is open, FILE-wal and FILE-shm belong to
/// it. SQLite's advice holds that it should not be on a network file system.
///
/// \par Threads, executor
/// Blocking work is done on threads of the backend's own, or on `SqliteOptions::executor`; a call
/// hops there once. Arguments are checked, and JSON is written and parsed, on the caller's thread.
///
/// \par Lifetime
/// Calls keep what they need alive: a backend may be destroyed while they are under way. `close`
/// waits for them; calls that come behind it throw `closed`. The contexts on which calls are
/// awaited must outlive the backend, or the threads that its options name: those let go of a
/// context a moment after the call has ended.
///
/// \par Cancellation
/// A call that has begun runs to its end, which comes within the busy timeout and what the disk
/// takes; it then ends by its result or, if its coroutine was cancelled, by Asio's exception. So
/// `op || timer` is no time-out of its own: `SqliteOptions::busy_timeout` is what bounds a wait.
///
/// \par Errors
/// As the interfaces say. `unavailable`: the file cannot be opened, read or written, the disk is
/// full, a lock was held for longer than the busy timeout. `corrupted`: the file is not a database,
/// or a damaged one. The reason has SQLite's own words and the path.
class SqliteBackend final : public RoutedBackend<SqliteBackend>,
                            public RoutedSessionDirectory<SqliteBackend>,
                            public RoutedThreadDirectory<SqliteBackend> {
public:
  explicit SqliteBackend(SqliteOptions options);
  explicit SqliteBackend(std::string path) : SqliteBackend(SqliteOptions(std::move(path))) {}

  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  /// `degraded` while it can be read and not written: after a write that failed, this tries one
  /// that changes nothing. `details` has the path, the schema version and SQLite's version.
  awaitable<Health> health_check() override;

private:
  friend RoutedBackend;
  friend RoutedSessionDirectory;
  friend RoutedThreadDirectory;
  class State;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const;

  std::shared_ptr<State> state_;
};

} // namespace agentstore

#include <agentstore/detail/sqlite/backend.hpp> // only machinery

#endif
