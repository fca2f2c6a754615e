// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_ENGINE_HPP
#define AGENTSTORE_DETAIL_SQLITE_ENGINE_HPP

// The engine of SqliteBackend: one call is one job, but for a clean-up, which is several.

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/engine_backend_members.hpp>
#include <agentstore/detail/printable.hpp>
#include <agentstore/detail/process.hpp>
#include <agentstore/detail/sqlite/database.hpp>
#include <agentstore/detail/sqlite/json_text.hpp>
#include <agentstore/detail/sqlite/statements.hpp>
#include <agentstore/detail/sqlite/store_schema.hpp>

namespace agentstore::detail::sqlite {

class Engine {
public:
  explicit Engine(SqliteOptions options, const Schema& schema = store_schema(),
                  Handles handles = Handles::any_number)
      : database_(std::in_place, std::move(options), schema, handles) {}

  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> call(std::shared_ptr<Engine> engine,
                                               Arguments... arguments) {
    const std::string key(calls::key(arguments...));
    try {
      Database& database = engine->open_database();
      Call::check(database.options().limits, arguments...);
      (make_text(arguments), ...);
      if constexpr (std::is_same_v<Call, calls::CleanupExpiredSessions>) {
        co_return co_await clean_up(&database, arguments...);
      } else {
        auto work = [&options = database.options(),
                     ... arguments = std::move(arguments)](Connection& connection) {
          Tables tables(connection, options.clock, options.limits);
          return Call::on(tables, arguments...);
        };
        co_return co_await database.run(Call::writes, database.give_up_at(), std::move(work));
      }
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), Call::name, key, engine->explain(failure),
                         failure.cause());
    }
  }

  static awaitable<bool> open(std::shared_ptr<Engine> engine) {
    try {
      engine->require_here();
      co_await Database::open(&*engine->database_);
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), "initialize", "", engine->explain(failure),
                         failure.cause());
    }
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Engine> engine) {
    try {
      engine->require_here();
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), "close", "", engine->explain(failure), failure.cause());
    }
    co_await Database::close(&*engine->database_);
  }

  static awaitable<Health> health(std::shared_ptr<Engine> engine) {
    Health health;
    health.backend = "sqlite";
    health.details["path"] = printable(engine->database_->options().path);
    health.details["sqlite_version"] = sqlite3_libversion();
    auto read = [&schema = engine->database_->schema()](Connection& connection) {
      try_to_read(connection, schema);
    };
    auto look = [](Connection& connection) { connection.require_in_place(); };
    auto write = [](Connection& connection) { try_to_write(connection); };
    try {
      Database& database = engine->open_database();
      co_await database.run(false, database.give_up_soon(), read);
      health.details["schema_version"] = database.schema().newest();
      health.status = Health::Status::degraded;
      co_await database.run(false, database.give_up_soon(), look);
      if (database.writes_fail()) {
        co_await database.run(true, database.give_up_soon(), write);
      }
      health.status = Health::Status::healthy;
    } catch (const Failure& failure) {
      health.issues.push_back(engine->explain(failure));
    }
    co_return health;
  }

protected:
  Database& database() const { return *database_; }
  bool is_here() const noexcept { return database_.is_here(); }

  Database& open_database() const {
    require_here();
    if (!database_->is_open()) {
      throw Failure(errc::closed, "the backend is not open");
    }
    return *database_;
  }

  std::string explain(const Failure& failure) const {
    return failure.code() == errc::closed
               ? failure.what()
               : std::string(failure.what()) + ", " + printable(database_->options().path);
  }

private:
  /// Whole sessions, so many in a transaction: other writes come in between.
  static constexpr std::int64_t sessions_in_a_transaction = 500;

  static awaitable<std::uint64_t> clean_up(Database* database, std::chrono::microseconds max_idle) {
    std::string since;
    auto work = [&options = database->options(), max_idle,
                 since = &since](Connection& connection) -> std::uint64_t {
      Tables tables(connection, options.clock, options.limits);
      if (since->empty()) {
        *since = tables.idle_since(max_idle);
      }
      return since->empty() ? 0 : tables.remove_idle(*since, sessions_in_a_transaction);
    };
    std::uint64_t all = 0;
    for (std::uint64_t removed = sessions_in_a_transaction; removed == sessions_in_a_transaction;) {
      removed = co_await database->run(true, database->give_up_at(), work);
      all += removed;
    }
    co_return all;
  }

  void require_here() const {
    if (!is_here()) {
      throw Failure(errc::closed, not_of_this_process);
    }
  }

  const OfThisProcess<Database> database_;
};

} // namespace agentstore::detail::sqlite

#endif
