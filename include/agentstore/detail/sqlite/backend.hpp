// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_BACKEND_HPP
#define AGENTSTORE_DETAIL_SQLITE_BACKEND_HPP

// How SqliteBackend brings calls to its connections: reads to one of many, everything else to the
// one that writes.

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/sqlite/group_commit.hpp>
#include <agentstore/detail/sqlite/readers.hpp>
#include <agentstore/detail/sqlite/schema.hpp>
#include <agentstore/detail/sqlite/tables.hpp>

#include <boost/asio/thread_pool.hpp>

#include <atomic>

namespace agentstore {

/// What a backend object and its calls share.
class SqliteBackend::State {
  using Connection = detail::sqlite::Connection;
  using Failure = detail::sqlite::Failure;
  using GroupCommit = detail::sqlite::GroupCommit;
  using JobQueue = detail::sqlite::JobQueue;
  using Readers = detail::sqlite::Readers;
  using Tables = detail::sqlite::Tables;

public:
  explicit State(SqliteOptions options) : options_(std::move(options)) {
    const std::size_t lanes = std::max(options_.read_threads, std::size_t{1});
    if (!options_.executor) {
      threads_.emplace(1 + lanes);
    }
    const auto where = threads_ ? threads_->get_executor() : *options_.executor;
    writer_ = std::make_shared<GroupCommit>(where);
    reads_ = std::make_shared<JobQueue>(where, lanes);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Never on one of these threads: the last owner is the backend or a call, which ends at its
  // caller's.
  ~State() {
    if (threads_) {
      threads_->join();
    }
  }

  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> call(std::shared_ptr<State> state,
                                               Arguments... arguments) {
    const std::string key(calls::key(arguments...));
    if (!state->is_open_) {
      throw StorageError(errc::closed, Call::name, key, "the backend is not open");
    }
    Call::check(state->options_.limits, arguments...);
    auto work = [&options = state->options_, ... arguments = detail::sqlite::encode(
                                                 std::move(arguments))](Connection& connection) {
      Tables tables(connection, options.clock, options.limits);
      return Call::on(tables, arguments...);
    };
    try {
      auto result = co_await state->run(Call::writes, std::move(work));
      detail::sqlite::decode(result);
      co_return result;
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), Call::name, key, state->explain(failure));
    }
  }

  static awaitable<bool> initialize(std::shared_ptr<State> state) {
    State* const here = state.get();
    auto open = [here] { here->open(); };
    try {
      co_await JobQueue::run(state->writer_, false, std::move(open));
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), "initialize", "", state->explain(failure));
    }
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<State> state) {
    State* const here = state.get();
    auto shut = [here] { here->shut(); };
    co_await JobQueue::run(state->writer_, false, std::move(shut));
  }

  static awaitable<Health> health(std::shared_ptr<State> state) {
    Health health;
    health.backend = "sqlite";
    health.details["path"] = state->options_.path;
    health.details["sqlite_version"] = sqlite3_libversion();
    auto ask = [](Connection& connection) { return detail::sqlite::schema_version(connection); };
    auto try_to_write = [](Connection& connection) { detail::sqlite::try_to_write(connection); };
    try {
      if (!state->is_open_) {
        throw Failure(errc::closed, "the backend is not open");
      }
      health.details["schema_version"] = co_await state->run(false, ask);
      health.status = Health::Status::degraded;
      if (state->writer_->has_failed()) {
        co_await state->run(true, try_to_write);
      }
      health.status = Health::Status::healthy;
    } catch (const Failure& failure) {
      health.issues.push_back(state->explain(failure));
    }
    co_return health;
  }

private:
  /// A database in memory is its one connection's.
  bool is_memory() const { return options_.path == ":memory:"; }

  template <class Work>
  awaitable<std::invoke_result_t<Work&, Connection&>> run(bool writes, Work work) {
    if (writes || is_memory()) {
      auto job = [this, work = std::move(work)] { return work(*writer_->connection); };
      return JobQueue::run(writer_, true, std::move(job));
    }
    auto job = [this, work = std::move(work)] { return readers_.with_connection(work); };
    return JobQueue::run(reads_, false, std::move(job));
  }

  // What follows runs as a job of the writer.

  void open() {
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
      auto connection = connect();
      detail::sqlite::schema_version(*connection); // before anything is changed in the file
      if (!is_memory()) {
        use_write_ahead_log(*connection);
      }
      connection->execute(options_.synchronous == SqliteOptions::Synchronous::full
                              ? "PRAGMA synchronous = FULL"
                              : "PRAGMA synchronous = NORMAL");
      detail::sqlite::migrate(*connection);
      limit_size(*connection);
      writer_->connection = std::move(connection);
    }
    readers_.open();
    is_open_ = true;
  }

  void shut() {
    is_open_ = false;
    readers_.close();
    if (!is_memory()) {
      writer_->connection.reset();
    }
  }

  std::unique_ptr<Connection> connect() const {
    return std::make_unique<Connection>(options_.path, options_.busy_timeout);
  }

  /// SQLite does not wait for another connection that is just doing the same.
  void use_write_ahead_log(Connection& connection) const {
    const auto deadline = std::chrono::steady_clock::now() + options_.busy_timeout;
    for (;;) {
      try {
        auto query = connection.query("PRAGMA journal_mode = WAL");
        query.next();
        if (query.text(0) != "wal") {
          throw Failure(errc::unavailable, "the file system does not take a write-ahead log");
        }
        return;
      } catch (const Failure& failure) {
        if (!failure.is_busy() || std::chrono::steady_clock::now() > deadline) {
          throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void limit_size(Connection& connection) const {
    if (options_.max_file_bytes != 0) {
      const auto page_size =
          static_cast<std::uint64_t>(detail::sqlite::pragma(connection, "PRAGMA page_size"));
      // A pragma takes no parameters. This is a number.
      connection.execute(
          ("PRAGMA max_page_count = " +
           std::to_string(std::max(options_.max_file_bytes / page_size, std::uint64_t{1})))
              .c_str());
    }
  }

  std::string explain(const Failure& failure) const {
    return failure.code() == errc::closed ? failure.what()
                                          : std::string(failure.what()) + ", " + options_.path;
  }

  SqliteOptions options_;
  std::atomic<bool> is_open_ = false;
  Readers readers_{[this] {
    auto connection = connect();
    connection->execute("PRAGMA query_only = ON");
    return connection;
  }};
  std::optional<boost::asio::thread_pool> threads_; // one for each lane
  std::shared_ptr<GroupCommit> writer_;
  std::shared_ptr<JobQueue> reads_;
};

inline SqliteBackend::SqliteBackend(SqliteOptions options)
    : state_(std::make_shared<State>(std::move(options))) {}

template <class Call, class... Arguments>
awaitable<typename Call::Result> SqliteBackend::route(Arguments... arguments) const {
  return State::call<Call>(state_, std::move(arguments)...);
}

inline awaitable<bool> SqliteBackend::initialize() {
  return State::initialize(state_);
}

inline awaitable<void> SqliteBackend::close() {
  return State::close(state_);
}

inline awaitable<Health> SqliteBackend::health_check() {
  return State::health(state_);
}

} // namespace agentstore

#endif
