// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CONNECTION_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CONNECTION_HPP

// One libpq connection whose socket Asio waits for. Nothing here blocks.

#include <agentstore/detail/postgres/connection_string.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <optional>
#include <sys/ioctl.h>
#include <unistd.h>

namespace agentstore::detail::postgres {

/// A connection, being opened or in use.
/// Requires: everything is called on the strand that the constructor gets.
class Connection {
public:
  explicit Connection(boost::asio::any_io_executor strand) : executor_(strand), socket_(strand) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close("the connection is closed"); }

  /// libpq's handle. Null before `open` and after `close`.
  PGconn* get() const { return pq_.get(); }
  boost::asio::any_io_executor executor() const { return executor_; }
  bool is_closed() const { return is_closed_; }
  /// Whether one server process serves the connection from `open` to `close`, and no other one.
  bool has_session() const { return has_session_; }
  /// The time limit for a statement, in milliseconds, as the server gets it.
  const std::string& statement_timeout() const { return statement_timeout_; }

  /// What is wrong with the connection, in libpq's words.
  std::string error() const {
    return is_closed_ ? reason_
                      : connection_string_->without_secrets(one_line(PQerrorMessage(get())));
  }

  /// Why it was closed, or what is wrong with it.
  Failure failure() const {
    // libpq reports an error of the system only in the system's words.
    static const std::string refused = std::generic_category().message(ECONNREFUSED);
    Failure failure(errc::unavailable, error(), cause_);
    if (!is_closed_ && failure.reason.find(refused) != std::string::npos) {
      failure.cause = make_error_condition(boost::system::errc::connection_refused);
    }
    return failure;
  }

  /// Ends all waits for the socket. A second call changes nothing, not even the reason.
  void close(const std::string& reason, boost::system::error_condition cause = {}) {
    if (!is_closed_) {
      is_closed_ = true;
      reason_ = reason;
      cause_ = cause;
    }
    boost::system::error_code ignored;
    socket_.close(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
    pq_.reset();
  }

  /// What a transaction needs if there is no session. Names are written with their schema, a
  /// backslash stands for itself, and $1 is the time for a statement.
  static constexpr const char* local_settings =
      "SELECT set_config('search_path', 'pg_catalog', true),"
      " set_config('standard_conforming_strings', 'on', true),"
      " CASE WHEN current_setting('statement_timeout') = '0'"
      " THEN set_config('statement_timeout', $1, true) END";

  /// Connects, ready for one statement after the other. Sets the session up, if `wants_session` and
  /// there is one. Throws Failure.
  static awaitable<void> open(std::shared_ptr<Connection> self,
                              std::shared_ptr<const ConnectionString> connection_string,
                              ConnectionString::Settings settings,
                              std::chrono::milliseconds statement_timeout, bool wants_session);

  /// Runs one statement to its end. Throws Failure. Parameters and result columns are texts.
  static awaitable<std::vector<Rows>> query(std::shared_ptr<Connection> self, std::string sql,
                                            std::vector<std::string> parameters);

  /// Calls `handler(error)` when there is something to read, or room to write.
  template <class Handler>
  void async_wait(boost::asio::posix::stream_descriptor::wait_type what, Handler handler) {
    socket_.async_wait(what, std::move(handler));
  }
  void cancel_waits() {
    boost::system::error_code ignored;
    socket_.cancel(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
  }

  /// Takes in what has come. False: the connection is broken.
  bool consume() const {
    if (PQconsumeInput(get()) == 0) {
      return false;
    }
    // One call reads at most what is left of one TLS record. The rest of a record would stay in the
    // TLS library, where no wait for the socket sees it.
    int waiting = 0;
    if (PQsslInUse(get()) != 0 && ::ioctl(PQsocket(get()), FIONREAD, &waiting) == 0 &&
        waiting == 0) {
      for (int i = 0; i < 3; ++i) {
        if (PQconsumeInput(get()) == 0) {
          return false;
        }
      }
    }
    return true;
  }

  /// Whether the server still holds an idle connection. A server may say something before it closes
  /// a connection: the first read takes that in, and only the second one finds the end.
  bool is_alive() const { return consume() && consume() && PQstatus(get()) == CONNECTION_OK; }

private:
  class Finish {
  public:
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  static void ignore_notice(void*, const PGresult*) {}

  /// Gives Asio a duplicate of libpq's socket. libpq may close its socket at any time and open
  /// another one. The number of a closed socket could belong to somebody else by then; that of the
  /// duplicate cannot.
  void watch_socket() {
    boost::system::error_code ignored;
    socket_.close(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
    const int duplicate = ::fcntl(PQsocket(get()), F_DUPFD_CLOEXEC, 0);
    if (duplicate < 0) {
      throw Failure(errc::unavailable, "no descriptor is left for the connection");
    }
    socket_.assign(duplicate);
  }

  [[noreturn]] void fail() const { throw Failure(failure()); }

  void require_open() const {
    if (is_closed_ || PQstatus(get()) == CONNECTION_BAD) {
      fail();
    }
  }

  awaitable<void> wait(boost::asio::posix::stream_descriptor::wait_type what) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await socket_.async_wait(what, token);
    if (is_closed_) {
      fail();
    }
  }

  boost::asio::any_io_executor executor_;
  boost::asio::posix::stream_descriptor socket_;
  std::unique_ptr<PGconn, Finish> pq_;
  std::shared_ptr<const ConnectionString> connection_string_;
  bool is_closed_ = false;
  bool has_session_ = false;
  std::string statement_timeout_;
  std::string reason_;
  boost::system::error_condition cause_;
};

// Only machinery below this line.

inline awaitable<void> Connection::open(std::shared_ptr<Connection> self,
                                        std::shared_ptr<const ConnectionString> connection_string,
                                        ConnectionString::Settings settings,
                                        std::chrono::milliseconds statement_timeout,
                                        bool wants_session) {
  using Wait = boost::asio::posix::stream_descriptor;
  self->connection_string_ = connection_string;
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : settings) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  self->pq_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  self->require_open();
  PQsetNoticeReceiver(self->get(), &Connection::ignore_notice, nullptr);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    self->watch_socket();
    auto what = Wait::wait_write;
    if (next == PGRES_POLLING_READING) {
      what = Wait::wait_read;
    }
    co_await self->wait(what);
    next = PQconnectPoll(self->get());
    if (next == PGRES_POLLING_FAILED) {
      self->fail();
    }
  }
  self->watch_socket();
  if (PQsetnonblocking(self->get(), 1) != 0) {
    self->fail();
  }
  // A pooler reports a process id of its own making. If the id is the server's own, there is no
  // pooler, and the settings made here stay. Behind a pooler they would be left to other clients.
  //
  // The settings of a role or a database must change nothing. The rules hold at READ COMMITTED.
  // Statements write names with their schema, and a backslash as it is.
  self->statement_timeout_ = std::to_string(statement_timeout.count());
  std::vector<std::string> parameters;
  parameters.push_back(self->statement_timeout_);
  parameters.push_back(std::to_string(wants_session ? PQbackendPID(self->get()) : 0));
  std::string sql = "SELECT current_setting('server_encoding'), pg_backend_pid() = $2::bigint,"
                    " CASE WHEN pg_backend_pid() = $2::bigint THEN"
                    " set_config('default_transaction_isolation', 'read committed', false) ||"
                    " set_config('search_path', 'pg_catalog', false) ||"
                    " set_config('standard_conforming_strings', 'on', false) ||"
                    " CASE WHEN current_setting('statement_timeout') = '0'"
                    " THEN set_config('statement_timeout', $1, false) ELSE '' END END";
  const auto rows = co_await query(self, std::move(sql), std::move(parameters));
  self->has_session_ = rows.at(0).bytes(0, 1) == "t";
  if (rows.at(0).plain(0, 0) != "UTF8") {
    throw Failure(errc::not_supported, "the database's encoding is " + rows.at(0).plain(0, 0) +
                                           ", which does not hold every text; UTF8 does");
  }
}

inline awaitable<std::vector<Rows>> Connection::query(std::shared_ptr<Connection> self,
                                                      std::string sql,
                                                      std::vector<std::string> parameters) {
  using Wait = boost::asio::posix::stream_descriptor;
  self->require_open();
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) {
    values.push_back(parameter.c_str());
  }
  // The protocol allows several statements in one text only if there are no parameters.
  const int sent = parameters.empty() ? PQsendQuery(self->get(), sql.c_str())
                                      : PQsendQueryParams(self->get(), sql.c_str(),
                                                          static_cast<int>(values.size()), nullptr,
                                                          values.data(), nullptr, nullptr, 0);
  if (sent == 0) {
    self->fail();
  }
  for (int left = PQflush(self->get()); left != 0; left = PQflush(self->get())) {
    if (left < 0) {
      self->fail();
    }
    co_await self->wait(Wait::wait_write);
  }
  std::vector<Rows> all;
  std::optional<Failure> failure;
  for (;;) {
    while (PQisBusy(self->get()) != 0) {
      co_await self->wait(Wait::wait_read);
      if (!self->consume()) {
        self->fail();
      }
    }
    Rows rows(PQgetResult(self->get()));
    if (rows.get() == nullptr) {
      break;
    }
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !failure) {
      failure = failure_of(rows.get());
      failure->reason = self->connection_string_->without_secrets(failure->reason);
    }
    all.push_back(std::move(rows));
  }
  if (failure) {
    throw Failure(*failure);
  }
  self->require_open();
  co_return all;
}

} // namespace agentstore::detail::postgres

#endif
