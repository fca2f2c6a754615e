// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_LINK_HPP
#define AGENTSTORE_DETAIL_POSTGRES_LINK_HPP

// One libpq connection on an executor: what waits for its socket. Everything here is done on one
// strand, and nothing blocks.

#include <agentstore/detail/postgres/target.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace agentstore::detail::postgres {

/// A connection, being opened or used. `shut` ends whatever waits on it.
class Link {
public:
  explicit Link(boost::asio::any_io_executor strand) : executor_(strand), socket_(strand) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { shut("the connection is closed"); }

  PGconn* get() const { return connection_.get(); }
  boost::asio::any_io_executor executor() const { return executor_; }
  bool is_shut() const { return is_shut_; }
  const std::string& reason() const { return reason_; }

  /// What is wrong with the connection, in libpq's words.
  std::string error() const {
    return is_shut_ ? reason_ : target_->without_secrets(one_line(PQerrorMessage(get())));
  }

  /// Waits that are under way end; the first reason stays.
  void shut(const std::string& reason) {
    if (!is_shut_) {
      is_shut_ = true;
      reason_ = reason;
    }
    boost::system::error_code ignored;
    socket_.close(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
    connection_.reset();
  }

  /// Connects and sets the session up, ready for one statement after the other. Throws Failure.
  static awaitable<void> open(std::shared_ptr<Link> link, std::shared_ptr<const Target> target,
                              std::chrono::milliseconds statement_timeout);

  /// Runs one statement to its end. Throws Failure. Parameters and result columns are texts.
  static awaitable<std::vector<Rows>> query(std::shared_ptr<Link> link, std::string sql,
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
    // One call reads what is left of one TLS record at most; the rest would stay in the TLS
    // library, where no wait for the socket sees it.
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

  /// Whether a connection on which nothing is under way is still there. What the server said before
  /// it closed one is read first; only the read behind that sees the end.
  bool is_alive() const { return consume() && consume() && PQstatus(get()) == CONNECTION_OK; }

private:
  class Finish {
  public:
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  static void ignore_notice(void*, const PGresult*) {}

  /// libpq closes its socket when it likes, and may open another. Asio watches a duplicate, which
  /// is nobody else's: the number of a closed one could be another socket's by then.
  void watch() {
    boost::system::error_code ignored;
    socket_.close(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
    const int duplicate = ::fcntl(PQsocket(get()), F_DUPFD_CLOEXEC, 0);
    if (duplicate < 0) {
      throw Failure(errc::unavailable, "no descriptor is left for the connection");
    }
    socket_.assign(duplicate);
  }

  [[noreturn]] void fail() const { throw Failure(errc::unavailable, error()); }

  void require_open() const {
    if (is_shut_ || PQstatus(get()) == CONNECTION_BAD) {
      fail();
    }
  }

  awaitable<void> wait(boost::asio::posix::stream_descriptor::wait_type what) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await socket_.async_wait(what, token);
    if (is_shut_) {
      fail();
    }
  }

  boost::asio::any_io_executor executor_;
  boost::asio::posix::stream_descriptor socket_;
  std::unique_ptr<PGconn, Finish> connection_;
  std::shared_ptr<const Target> target_;
  bool is_shut_ = false;
  std::string reason_;
};

// Only machinery below this line.

inline awaitable<void> Link::open(std::shared_ptr<Link> link, std::shared_ptr<const Target> target,
                                  std::chrono::milliseconds statement_timeout) {
  using Wait = boost::asio::posix::stream_descriptor;
  link->target_ = target;
  const auto settings = co_await Target::resolve(target, link->executor_);
  if (link->is_shut_) {
    link->fail();
  }
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : settings) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  link->connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  link->require_open();
  PQsetNoticeReceiver(link->get(), &Link::ignore_notice, nullptr);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    link->watch();
    auto what = Wait::wait_write;
    if (next == PGRES_POLLING_READING) {
      what = Wait::wait_read;
    }
    co_await link->wait(what);
    next = PQconnectPoll(link->get());
    if (next == PGRES_POLLING_FAILED) {
      link->fail();
    }
  }
  link->watch();
  if (PQsetnonblocking(link->get(), 1) != 0) {
    link->fail();
  }
  // The rules are kept at READ COMMITTED, whatever the role's default; names are always whole, and
  // a backslash in a statement is one.
  std::vector<std::string> parameters(1, std::to_string(statement_timeout.count()));
  std::string sql = "SELECT current_setting('server_encoding'),"
                    " set_config('default_transaction_isolation', 'read committed', false),"
                    " set_config('search_path', 'pg_catalog', false),"
                    " set_config('standard_conforming_strings', 'on', false),"
                    " CASE WHEN current_setting('statement_timeout') = '0'"
                    " THEN set_config('statement_timeout', $1, false) END";
  const auto rows = co_await query(link, std::move(sql), std::move(parameters));
  if (rows.at(0).plain(0, 0) != "UTF8") {
    throw Failure(errc::not_supported, "the database's encoding is " + rows.at(0).plain(0, 0) +
                                           ", which does not hold every text; UTF8 does");
  }
}

inline awaitable<std::vector<Rows>> Link::query(std::shared_ptr<Link> link, std::string sql,
                                                std::vector<std::string> parameters) {
  using Wait = boost::asio::posix::stream_descriptor;
  link->require_open();
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) {
    values.push_back(parameter.c_str());
  }
  // Several statements in one text go without parameters only.
  const int sent = parameters.empty() ? PQsendQuery(link->get(), sql.c_str())
                                      : PQsendQueryParams(link->get(), sql.c_str(),
                                                          static_cast<int>(values.size()), nullptr,
                                                          values.data(), nullptr, nullptr, 0);
  if (sent == 0) {
    link->fail();
  }
  for (int left = PQflush(link->get()); left != 0; left = PQflush(link->get())) {
    if (left < 0) {
      link->fail();
    }
    co_await link->wait(Wait::wait_write);
  }
  std::vector<Rows> all;
  std::optional<Failure> failure;
  for (;;) {
    while (PQisBusy(link->get()) != 0) {
      co_await link->wait(Wait::wait_read);
      if (!link->consume()) {
        link->fail();
      }
    }
    Rows rows(PQgetResult(link->get()));
    if (rows.get() == nullptr) {
      break;
    }
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !failure) {
      failure = failure_of(rows.get());
      failure->reason = link->target_->without_secrets(failure->reason);
    }
    all.push_back(std::move(rows));
  }
  if (failure) {
    throw Failure(*failure);
  }
  link->require_open();
  co_return all;
}

} // namespace agentstore::detail::postgres

#endif
