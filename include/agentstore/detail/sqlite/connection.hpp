// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_CONNECTION_HPP
#define AGENTSTORE_DETAIL_SQLITE_CONNECTION_HPP

// SQLite's C API as far as the backend needs it: a connection, its prepared statements, one run of
// a statement, and what went wrong. Values are bound, never written into SQL. One thread at a time.

#include <agentstore/detail/sqlite/open_files.hpp>
#include <agentstore/detail/utf8.hpp>
#include <agentstore/error.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace agentstore::detail::sqlite {

/// What SQLite refused, in the terms of the contract. The call that it happened to adds its name.
class Failure : public std::runtime_error {
public:
  Failure(errc code, const std::string& reason, int result = SQLITE_OK,
          boost::system::error_condition cause = {})
      : std::runtime_error(reason), code_(code), result_(result), cause_(cause) {}

  errc code() const noexcept { return code_; }
  /// See StorageError.
  const boost::system::error_condition& cause() const noexcept { return cause_; }
  /// What a call gets that waited for a lock until its time was up.
  static Failure locked() {
    return {errc::unavailable,
            "the lock was held by another connection for too long: database is locked", SQLITE_BUSY,
            cause_of(SQLITE_BUSY, 0)};
  }
  /// The same failure for another caller on another thread. It shares nothing with this one.
  Failure again() const { return {code_, std::string(what()), result_, cause_}; }
  bool is_busy() const noexcept { return (result_ & 0xff) == SQLITE_BUSY; }

  /// Why a call failed with `result`, a code of SQLite's, and with the system's `error`.
  static boost::system::error_condition cause_of(int result, int error) {
    namespace because = boost::system::errc;
    switch (result & 0xff) {
    case SQLITE_FULL:
      return make_error_condition(because::no_space_on_device);
    case SQLITE_READONLY:
      return make_error_condition(because::read_only_file_system);
    case SQLITE_BUSY:
      return make_error_condition(because::timed_out);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (error == ENOSPC || error == EDQUOT) {
        return make_error_condition(because::no_space_on_device);
      }
      if (error == EROFS) {
        return make_error_condition(because::read_only_file_system);
      }
      return {};
    default:
      return {};
    }
  }

private:
  errc code_;
  int result_; // SQLite's own code, if it was SQLite that failed
  boost::system::error_condition cause_;
};

/// The caller of a statement no longer wants it.
class Interrupted : public std::runtime_error {
public:
  Interrupted() : std::runtime_error("the call was cancelled") {}
};

class Connection;

/// How long the user of a connection waits. Asked on the connection's thread.
class Patience {
public:
  Patience() = default;
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  virtual ~Patience() = default;

  /// Asked again and again while another connection holds the lock.
  virtual bool waits_for_lock() = 0;
  /// Asked now and then while a statement runs.
  virtual bool goes_on() = 0;
  /// The connection to use, if the work shares one with others.
  virtual Connection* connection() { return nullptr; }
};

/// Throws what `result`, a code of SQLite's, means; `what` says what was tried.
[[noreturn]] inline void fail(sqlite3* database, int result, std::string_view what) {
  errc code = errc::unavailable;
  switch (result & 0xff) {
  case SQLITE_INTERRUPT:
    throw Interrupted();
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_ERROR: // no such table: this is not the schema it says it is
    code = errc::corrupted;
    break;
  case SQLITE_TOOBIG:
    code = errc::too_large;
    break;
  default: // busy for too long, disk full, no permission, input or output failed, ...
    break;
  }
  std::string reason(what);
  reason += ": ";
  reason += database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  reason += " (SQLite result " + std::to_string(result) + ")";
  const int error = database != nullptr ? sqlite3_system_errno(database) : 0;
  throw Failure(code, reason, result, Failure::cause_of(result, error));
}

/// One run of a prepared statement. What was bound must outlive it.
class Query {
public:
  template <class... Values>
  Query(sqlite3* database, sqlite3_stmt* statement, const Values&... values)
      : database_(database), statement_(statement) {
    int position = 0;
    (bind(++position, values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  /// Goes to the next row; false behind the last.
  bool next() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
      fail(database_, result, "SQLite cannot do what was asked");
    }
    return result == SQLITE_ROW;
  }

  bool is_null(int column) const { return type(column) == SQLITE_NULL; }

  /// UTF-8, valid until `next`.
  std::string_view text(int column) const {
    const std::string_view text = bytes(column);
    if (!is_utf8(text)) {
      throw_damaged(column, "UTF-8");
    }
    return text;
  }
  /// The same for a reader that checks the bytes itself.
  std::string_view bytes(int column) const {
    require_type(column, SQLITE_TEXT, "a text");
    const auto* const bytes =
        reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr && sqlite3_errcode(database_) == SQLITE_NOMEM) {
      fail(database_, SQLITE_NOMEM, "cannot read a text");
    }
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::int64_t integer(int column) const {
    require_type(column, SQLITE_INTEGER, "an integer");
    return sqlite3_column_int64(statement_, column);
  }
  /// An integer that is not negative.
  std::uint64_t count(int column) const {
    const std::int64_t value = integer(column);
    if (value < 0) {
      throw_damaged(column, "a count");
    }
    return static_cast<std::uint64_t>(value);
  }

private:
  int type(int column) const { return sqlite3_column_type(statement_, column); }

  /// SQLite itself would convert what another program has left in the column.
  void require_type(int column, int expected, const char* what) const {
    if (type(column) != expected) {
      throw_damaged(column, what);
    }
  }

  [[noreturn]] void throw_damaged(int column, const char* what) const {
    const char* const name = sqlite3_column_name(statement_, column);
    throw Failure(errc::corrupted, "the file holds in column " +
                                       std::string(name != nullptr ? name : "?") + " what is not " +
                                       what);
  }

  void bind(int position, std::string_view text) {
    require(sqlite3_bind_text64(statement_, position, text.data(), text.size(), SQLITE_STATIC,
                                SQLITE_UTF8));
  }
  void bind(int position, std::int64_t integer) {
    require(sqlite3_bind_int64(statement_, position, integer));
  }
  void require(int result) const {
    if (result != SQLITE_OK) {
      fail(database_, result, "cannot bind a value");
    }
  }

  sqlite3* database_;
  sqlite3_stmt* statement_;
};

/// What opening does if there is no file.
enum class Missing { is_created, is_an_error };

class Connection {
public:
  Connection(const std::string& path, Missing missing) {
    // A path is a path, even if SQLite was built to take "file:..." for a URI.
    const std::string file = path.starts_with("file:") ? "./" + path : path;
    sqlite3* database = nullptr;
    const int create = missing == Missing::is_created ? SQLITE_OPEN_CREATE : 0;
    const int result = sqlite3_open_v2(
        file.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, nullptr);
    database_.reset(database);
    if (result != SQLITE_OK) {
      fail(database, result, "cannot open the file");
    }
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_handler(database, &Connection::wait, this);
    sqlite3_progress_handler(database, steps_between_questions, &Connection::stops, this);
    // SQLite opens a file that it may not write to without a word.
    if (sqlite3_db_readonly(database, "main") == 1) {
      throw Failure(errc::unavailable, "cannot open the file for writing", SQLITE_READONLY,
                    Failure::cause_of(SQLITE_READONLY, 0));
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// While the object lives, the connection waits as long as `patience` says. Without a `patience`
  /// the connection does not wait, and is not interrupted.
  class WithPatience {
  public:
    WithPatience(Connection& connection, Patience* patience)
        : connection_(connection), before_(std::exchange(connection.patience_, patience)) {}
    WithPatience(const WithPatience&) = delete;
    WithPatience& operator=(const WithPatience&) = delete;
    ~WithPatience() { connection_.patience_ = before_; }

  private:
    Connection& connection_;
    Patience* before_;
  };

  /// Runs SQL that has no parameters and whose rows nobody needs.
  void execute(const char* sql) {
    const int result = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) {
      fail(database_.get(), result, "SQLite cannot do what was asked");
    }
  }

  /// Begins a run of `sql`, a literal, which is prepared once for the connection.
  template <class... Values>
  Query query(const char* sql, const Values&... values) {
    return {database_.get(), prepared(sql), values...};
  }

  /// As `query`, for a statement that gives no rows. Returns how many rows it changed.
  template <class... Values>
  std::uint64_t change(const char* sql, const Values&... values) {
    Query(database_.get(), prepared(sql), values...).next();
    return static_cast<std::uint64_t>(sqlite3_changes64(database_.get()));
  }

  /// The two files beside the database that hold what was written last, and how it is found.
  class LogFiles {
  public:
    FileIdentity log;
    FileIdentity index;

    bool operator==(const LogFiles&) const = default;
  };

  /// None beside a database in memory.
  LogFiles log_files() const {
    LogFiles files;
    const char* const name = sqlite3_db_filename(database_.get(), "main");
    if (name != nullptr && *name != '\0') {
      files.log = FileIdentity(sqlite3_filename_wal(name));
      files.index = FileIdentity(std::string(name) + "-shm");
    }
    return files;
  }

  /// From now on `require_in_place` looks at these files too. SQLite itself removes them only when
  /// the last connection is closed.
  void expect(const LogFiles& files) { expected_ = files; }

  /// Whether the path no longer leads to the open file.
  bool has_moved() const {
    int answer = 0;
    const int result =
        sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &answer);
    return result == SQLITE_OK && answer != 0; // a database in memory does not know the question
  }

  /// Throws if the path no longer leads to the open file, or to the files beside it. Nobody would
  /// find again what is written to the file then.
  void require_in_place() const {
    if (has_moved()) {
      throw Failure(errc::unavailable, "the file was moved, removed or replaced while it was open");
    }
    if (expected_ && log_files() != *expected_) {
      throw Failure(errc::unavailable,
                    "the file's -wal or -shm was moved, removed or replaced while it was open");
    }
  }

  bool is_in_transaction() const noexcept { return sqlite3_get_autocommit(database_.get()) == 0; }

  /// Ends the transaction, unless a failure has done so. Even a rollback that fails has ended it.
  void roll_back() noexcept {
    if (is_in_transaction()) {
      const WithPatience none(*this, nullptr);
      sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
  }

private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  sqlite3_stmt* prepared(const char* sql) {
    auto& statement = statements_[sql];
    if (!statement) {
      sqlite3_stmt* made = nullptr;
      const int result =
          sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
      if (result != SQLITE_OK) {
        fail(database_.get(), result, "cannot prepare a statement");
      }
      statement.reset(made);
    }
    return statement.get();
  }

  /// SQLite's own busy handler ends up polling every 100 ms, which starves the second of two
  /// writers. This handler polls more often, and never in step with another one.
  static int wait(void* self, int count) {
    auto& connection = *static_cast<Connection*>(self);
    if (connection.patience_ == nullptr || !connection.patience_->waits_for_lock()) {
      return 0;
    }
    std::uniform_int_distribution<int> micros(200, count < 10 ? 1'000 : 5'000);
    std::this_thread::sleep_for(std::chrono::microseconds(micros(connection.random_)));
    return 1;
  }

  static int stops(void* self) {
    Patience* const patience = static_cast<Connection*>(self)->patience_;
    return patience != nullptr && !patience->goes_on() ? 1 : 0;
  }

  static constexpr int steps_between_questions = 4'000; // well below a millisecond

  Patience* patience_ = nullptr;
  std::optional<LogFiles> expected_;
  std::minstd_rand random_{std::random_device()()};
  std::unique_ptr<sqlite3, Close> database_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

} // namespace agentstore::detail::sqlite

#endif
