// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_DATABASE_HPP
#define AGENTSTORE_DETAIL_SQLITE_DATABASE_HPP

// An open file: its connections, its threads, and the way of work to them. Reads go to one of many
// connections, everything else to the one that writes.

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/sqlite/group_commit.hpp>
#include <agentstore/detail/sqlite/open_files.hpp>
#include <agentstore/detail/sqlite/readers.hpp>
#include <agentstore/detail/sqlite/schema.hpp>
#include <agentstore/detail/sqlite/shared_reads.hpp>
#include <agentstore/detail/worker_threads.hpp>

#include <filesystem>

namespace agentstore::detail::sqlite {

/// Who may have a file open.
enum class Handles {
  any_number,
  one, // one in all processes, which reads on the connection that writes
};

template <class Result>
inline constexpr bool is_optional = false;
template <class Record>
inline constexpr bool is_optional<std::optional<Record>> = true;

/// Requires: the caller that awaits one of its coroutines keeps it alive until the coroutine has
/// ended.
class Database {
public:
  Database(SqliteOptions options, const Schema& schema, Handles handles = Handles::any_number)
      : options_(std::move(options)), schema_(schema), handles_(handles) {
    make_path_absolute();
    if (!options_.executor) {
      threads_.emplace(handles_ == Handles::one ? 1 : 1 + lanes());
    }
    const auto where = threads_ ? threads_->executor() : *options_.executor;
    writer_ = std::make_shared<GroupCommit>(where);
    reads_ = std::make_shared<SharedReads>(where, lanes(), readers_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  /// On an executor of the caller's own, reads that nobody wants any more may still be on their
  /// way: those that have a connection are waited for, the others find the readers closed.
  ~Database() {
    threads_.reset();
    readers_->close();
  }

  const SqliteOptions& options() const { return options_; }
  const Schema& schema() const { return schema_; }
  bool is_open() const { return is_open_; }
  /// Whether SQLite could not do the latest write.
  bool writes_fail() const { return writer_->has_failed(); }

  /// When a call that comes now no longer waits for a lock.
  Manner::Time give_up_at() const { return after(options_.busy_timeout); }
  Manner::Time give_up_soon() const {
    return after(
        std::min<std::chrono::milliseconds>(options_.busy_timeout, std::chrono::seconds(1)));
  }

  static awaitable<void> open(Database* database) {
    database->start_threads();
    auto open = [database](Patience& patience) { database->open_files(patience); };
    co_await JobQueue::run(database->writer_, Manner::alone(database->give_up_at()),
                           std::move(open));
  }

  /// Waits for the calls that were made before.
  static awaitable<void> close(Database* database) {
    if (database->threads_ && !database->threads_->has_started()) {
      co_return; // it was never open
    }
    auto shut = [database](Patience&) { database->close_files(); };
    co_await JobQueue::run(database->writer_, Manner::alone(Manner::Time::max()), std::move(shut));
  }

  /// Returns what `work(connection)` returns. A write runs in a transaction.
  template <class Work>
  awaitable<std::invoke_result_t<Work&, Connection&>> run(bool writes, Manner::Time give_up,
                                                          Work work) {
    if (writes || has_one_connection()) {
      auto job = [this, work = std::move(work)](Patience&) { return work(*writer_->connection); };
      return JobQueue::run(writer_, Manner::shared(give_up), std::move(job));
    }
    auto job = [this, work = std::move(work)](Patience& patience) {
      return readers_->with_connection(patience, work);
    };
    constexpr bool reads_one = is_optional<std::invoke_result_t<Work&, Connection&>>;
    const Manner manner = reads_one ? Manner::shared(give_up) : Manner::alone(give_up);
    return JobQueue::run(reads_, manner, std::move(job));
  }

  /// Gives a job to the writer, and does not wait for it. Requires: the database is or was open.
  void submit(std::unique_ptr<Job> job) { writer_->submit(std::move(job)); }

  // For jobs of the writer.

  Connection& connection() { return *writer_->connection; }

  void close_files() {
    is_open_ = false;
    readers_->close();
    if (!is_memory()) {
      writer_->connection.reset();
      open_file_.reset();
    }
  }

private:
  /// The path keeps its meaning even if the process changes its working directory.
  void make_path_absolute() {
    if (is_memory() || options_.path.empty()) {
      return;
    }
    std::error_code no_folder; // then there is nothing to be relative to, and opening says so
    const auto path = std::filesystem::absolute(options_.path, no_folder);
    if (!no_folder) {
      options_.path = path.string();
    }
  }

  /// A database in memory belongs to its one connection.
  bool is_memory() const { return options_.path == ":memory:"; }
  bool has_one_connection() const { return is_memory() || handles_ == Handles::one; }

  std::size_t lanes() const {
    return std::clamp(options_.read_threads, std::size_t{1}, WorkerThreads::most - 1);
  }

  /// The time `wait` from now, at most the end of time. A negative wait is refused when the file is
  /// opened.
  static Manner::Time after(std::chrono::milliseconds wait) {
    const auto now = std::chrono::steady_clock::now();
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(Manner::Time::max() - now);
    return wait < rest ? now + std::max(wait, std::chrono::milliseconds(0)) : Manner::Time::max();
  }

  void start_threads() {
    if (threads_) {
      try {
        threads_->start();
      } catch (const std::exception& error) {
        throw Failure(errc::unavailable,
                      std::string("there is no thread to work on: ") + error.what());
      }
    }
  }

  // What follows runs as a job of the writer.

  void open_files(Patience& patience) {
    if (is_open_) {
      return;
    }
    if (options_.path.empty() || options_.path.find('\0') != std::string::npos) {
      throw Failure(errc::invalid_argument, "the path is empty or has a NUL in it");
    }
    if (options_.busy_timeout < std::chrono::milliseconds(0)) {
      throw Failure(errc::invalid_argument, "busy_timeout is negative");
    }
    if (!writer_->connection) {
      if (OpenFile::is_of_parent(FileIdentity(options_.path))) {
        throw Failure(errc::unavailable,
                      "the process that this one was forked from has the file open, and SQLite "
                      "takes its locks for this one's: open it after the fork, or use exec");
      }
      std::unique_ptr<OpenFile> open_file; // from now on, for the connection may have a lock
      auto connection =
          handles_ == Handles::one ? connect_alone(patience, open_file) : connect(open_file);
      const Connection::WithPatience while_opening(*connection, &patience);
      schema_version(*connection, schema_); // before anything is changed in the file
      if (!is_memory()) {
        use_write_ahead_log(*connection, patience);
      }
      connection->execute(options_.synchronous == SqliteOptions::Synchronous::full
                              ? "PRAGMA synchronous = FULL"
                              : "PRAGMA synchronous = NORMAL");
      migrate(*connection, schema_);
      limit_size(*connection);
      file_ = FileIdentity(options_.path);
      log_files_ = connection->log_files();
      connection->expect(log_files_);
      connection->require_in_place();
      open_file_ = std::move(open_file);
      writer_->connection = std::move(connection);
    }
    readers_->open();
    is_open_ = true;
  }

  std::unique_ptr<Connection> connect(std::unique_ptr<OpenFile>& open_file) const {
    auto connection = std::make_unique<Connection>(options_.path, Missing::is_created);
    if (!is_memory()) {
      open_file = std::make_unique<OpenFile>(FileIdentity(options_.path));
    }
    return connection;
  }

  /// A connection that keeps all others out as long as it is open. If it cannot do that yet, it is
  /// closed meanwhile. Two connections that kept their locks while waiting would wait for each
  /// other.
  std::unique_ptr<Connection> connect_alone(Patience& patience,
                                            std::unique_ptr<OpenFile>& open_file) const {
    std::uniform_int_distribution<int> micros(1'000, 10'000);
    std::minstd_rand random{std::random_device()()};
    for (;;) {
      try {
        auto connection = connect(open_file);
        connection->execute("PRAGMA locking_mode = EXCLUSIVE");
        connection->execute("BEGIN EXCLUSIVE");
        connection->execute("COMMIT");
        return connection;
      } catch (const Failure& failure) {
        if (!failure.is_busy()) {
          throw;
        }
        if (!patience.waits_for_lock()) {
          throw Failure(errc::unavailable,
                        "the file is for one at a time, and another process or object has it open",
                        SQLITE_BUSY, Failure::cause_of(SQLITE_BUSY, 0));
        }
      }
      std::this_thread::sleep_for(std::chrono::microseconds(micros(random)));
    }
  }

  /// Throws if another file has come to the path since the backend was opened.
  std::unique_ptr<Connection> connect_reader(Patience& patience) const {
    auto connection = std::make_unique<Connection>(options_.path, Missing::is_an_error);
    const Connection::WithPatience while_opening(*connection, &patience);
    if (FileIdentity(options_.path) != file_) {
      throw Failure(errc::unavailable, "the file was moved, removed or replaced while it was open");
    }
    connection->expect(log_files_);
    connection->require_in_place(); // before the first read, which would make a log that is missing
    connection->execute("PRAGMA query_only = ON");
    require_tables(*connection, schema_);
    return connection;
  }

  /// SQLite does not wait for another connection that is switching to the log at the same time.
  static void use_write_ahead_log(Connection& connection, Patience& patience) {
    for (;;) {
      try {
        auto query = connection.query("PRAGMA journal_mode = WAL");
        query.next();
        if (query.text(0) != "wal") {
          throw Failure(errc::unavailable, "the file system does not take a write-ahead log");
        }
        return;
      } catch (const Failure& failure) {
        if (!failure.is_busy() || !patience.waits_for_lock()) {
          throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void limit_size(Connection& connection) const {
    if (options_.max_file_bytes != 0) {
      const auto page_size = static_cast<std::uint64_t>(pragma(connection, "PRAGMA page_size"));
      // A pragma takes no parameters. This is a number.
      connection.execute(
          ("PRAGMA max_page_count = " +
           std::to_string(std::max(options_.max_file_bytes / page_size, std::uint64_t{1})))
              .c_str());
    }
  }

  SqliteOptions options_;
  const Schema& schema_;
  const Handles handles_;
  std::atomic<bool> is_open_ = false;
  FileIdentity file_;                         // set before the readers are opened
  Connection::LogFiles log_files_;            // likewise
  std::unique_ptr<const OpenFile> open_file_; // null if the file is closed, or no file
  std::shared_ptr<Readers> readers_ =
      std::make_shared<Readers>([this](Patience& patience) { return connect_reader(patience); });
  std::shared_ptr<GroupCommit> writer_;
  std::shared_ptr<JobQueue> reads_;
  std::optional<WorkerThreads> threads_; // one for each lane; destroyed first, after running jobs
};

} // namespace agentstore::detail::sqlite

#endif
