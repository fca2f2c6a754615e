// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_POOL_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_POOL_HPP

// The connections of an archive. A connection is made when it is needed, and kept for the next
// statement. Their number is limited.

#include <agentstore/archives/clickhouse_options.hpp>
#include <agentstore/detail/clickhouse/connection.hpp>
#include <agentstore/detail/listed_timer.hpp>

namespace agentstore::detail::clickhouse {

/// Requires: everything is called on the strand.
class Pool {
public:
  Pool(boost::asio::any_io_executor strand, const ClickHouseOptions& options, Uri uri,
       TlsContext tls)
      : strand_(std::move(strand)), connect_timeout_(options.connect_timeout),
        max_connections_(std::max(options.max_connections, std::size_t{1})), uri_(std::move(uri)),
        tls_(std::move(tls)) {}

  /// Sends one statement, on any connection, and returns the server's answer. Throws Failure.
  static awaitable<std::string> ask(std::shared_ptr<Pool> self, Query query, Time give_up_at) {
    while (self->in_use_ >= self->max_connections_) {
      if (std::chrono::steady_clock::now() >= give_up_at) {
        throw Failure(Failure::late("no connection was free in time"));
      }
      boost::asio::steady_timer timer(self->strand_, give_up_at);
      const ListedTimer listed(self->waiting_, timer);
      boost::system::error_code woken;
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, woken);
      co_await timer.async_wait(token);
    }
    Lease lease(*self);
    if (!lease.connection) {
      lease.connection = std::make_shared<Connection>(self->strand_, self->uri_, self->tls_);
      co_await Connection::connect(lease.connection, self->connect_timeout_, give_up_at);
    }
    std::string answer =
        co_await Connection::exchange(lease.connection, std::move(query), give_up_at);
    co_return answer;
  }

  /// Closes those that nobody uses.
  void close_idle() { idle_.clear(); }

private:
  /// A connection for one exchange: one that is idle, or none yet.
  class Lease {
  public:
    explicit Lease(Pool& pool) : pool_(pool) {
      ++pool_.in_use_;
      while (!pool_.idle_.empty() && !connection) {
        if (pool_.idle_.back()->is_usable()) {
          connection = std::move(pool_.idle_.back());
        }
        pool_.idle_.pop_back();
      }
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      --pool_.in_use_;
      if (connection && connection->is_usable()) {
        pool_.idle_.push_back(std::move(connection));
      }
      if (!pool_.waiting_.empty()) {
        (*pool_.waiting_.begin())->cancel();
      }
    }

    std::shared_ptr<Connection> connection;

  private:
    Pool& pool_;
  };

  const boost::asio::any_io_executor strand_;
  const std::chrono::milliseconds connect_timeout_;
  const std::size_t max_connections_;
  const Uri uri_;
  const TlsContext tls_;
  std::vector<std::shared_ptr<Connection>> idle_;
  ListedTimers waiting_;
  std::size_t in_use_ = 0;
};

} // namespace agentstore::detail::clickhouse

#endif
