// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_CLIENT_HPP
#define AGENTSTORE_DETAIL_REDIS_CLIENT_HPP

// The way of requests to one server: the connection they share, and the queue of those that wait
// for it.

#include <agentstore/detail/redis/connect.hpp>

#include <boost/asio/co_spawn.hpp>

namespace agentstore::detail::redis {

/// Requires: everything is called on the strand.
class Client final : public Connection::Owner, public std::enable_shared_from_this<Client> {
public:
  Client(boost::asio::any_io_executor strand, std::chrono::milliseconds time_to_acquire,
         Terms terms)
      : strand_(strand), time_to_acquire_(time_to_acquire), terms_(std::move(terms)),
        timer_(strand_) {}

  /// Uses a connection that was made by somebody else.
  void adopt(ConnectionPtr connection) {
    if (is_closed_) {
      return connection->close(closed_reason);
    }
    connection->set_owner(weak_from_this());
    connections_.push_back(std::move(connection));
    make_progress();
  }

  /// Sends the request as soon as there is a connection.
  void submit(PendingPtr request) {
    if (is_closed_) {
      return request->fail(Failure(errc::unavailable, closed_reason));
    }
    request->mark_queued(time_for_connection());
    queue_.push_back(std::move(request));
    make_progress();
  }

  /// Whether no request is on its way.
  bool is_idle() const {
    return queue_.empty() && !is_connecting_ &&
           std::all_of(connections_.begin(), connections_.end(),
                       [](const ConnectionPtr& each) { return each->is_idle(); });
  }

  /// Ends at once, with all that is on its way.
  void close() {
    is_closed_ = true;
    for (const ConnectionPtr& each : std::exchange(connections_, {})) {
      each->lose(closed_reason);
    }
    fail_queue(Failure(errc::unavailable, closed_reason));
    make_progress();
  }

  /// The caller of a request cancels it.
  void cancel(const PendingPtr& request) {
    if (request->is_done() || request->is_cancelled) {
      return;
    }
    request->is_cancelled = true;
    const auto connection = request->connection();
    if (!connection || !request->request.writes) {
      // A request that was not sent does not happen. What a read finds concerns nobody any more.
      std::erase(queue_, request);
      request->fail(Failure::cancellation());
      return make_progress();
    }
    request->grace.emplace(strand_, cancel_grace);
    request->grace->async_wait([weak = std::weak_ptr<PendingRequest>(request),
                                connection](const boost::system::error_code& error) {
      const auto late = weak.lock();
      if (!error && late) {
        connection->retire();
        late->fail(Failure::cancellation());
      }
    });
  }

private:
  /// For how long a cancelled write that was sent waits for its answer.
  static constexpr std::chrono::milliseconds cancel_grace{1'000};
  static constexpr const char* closed_reason = "the backend no longer uses the server";

  // Connection::Owner

  void on_idle(const ConnectionPtr& connection) override {
    if (connection->is_retiring()) {
      connection->close("the connection is retired");
      std::erase(connections_, connection);
    }
    make_progress();
  }

  /// Reads are sent again, once: nobody can tell whether a write was applied.
  void on_lost(const ConnectionPtr& connection, std::vector<PendingPtr> requests) override {
    std::erase(connections_, connection);
    for (const PendingPtr& each : requests) {
      if (!each->request.writes && !each->is_done() && each->retries == 0 && !is_closed_) {
        ++each->retries;
        each->mark_queued(time_for_connection());
        queue_.push_back(each);
      } else {
        each->fail(connection->failure());
      }
    }
    armed_for_.reset(); // several may have less time
    make_progress();
  }

  // Progress

  /// Does whatever has become possible: sends, connects, sets the timer.
  void make_progress() {
    if (!queue_.empty()) {
      if (const ConnectionPtr connection = usable_connection()) {
        for (const PendingPtr& each : std::exchange(queue_, {})) {
          if (each->is_wanted()) {
            connection->send(each);
          } else {
            each->fail(Failure::cancellation());
          }
        }
      } else if (!is_connecting_) {
        connect_again();
      }
    }
    arm_timer();
  }

  ConnectionPtr usable_connection() {
    for (const ConnectionPtr& each : std::vector<ConnectionPtr>(connections_)) {
      if (each->is_usable()) {
        return each;
      }
      if (each->is_idle()) {
        each->close("the server closed the connection");
        std::erase(connections_, each);
      }
    }
    return nullptr;
  }

  void connect_again() {
    is_connecting_ = true;
    boost::asio::co_spawn(
        strand_, connect_for_queue(shared_from_this()),
        [self = shared_from_this()](const std::exception_ptr& error, ConnectionPtr connection) {
          self->is_connecting_ = false;
          if (!error) {
            return self->adopt(std::move(connection));
          }
          // Otherwise the waiting requests would never end.
          self->fail_queue(to_failure(error));
          self->make_progress();
        });
  }

  void fail_queue(const Failure& failure) {
    for (const PendingPtr& each : std::exchange(queue_, {})) {
      each->fail(failure);
    }
  }

  // Connecting

  /// Holds the queue while a connection is made. Requests and the client own each other through the
  /// coroutines that wait. If the io_context is destroyed first, the destructor breaks the cycle.
  class QueueHolder {
  public:
    explicit QueueHolder(Client* client) : client_(client) {}
    QueueHolder(const QueueHolder&) = delete;
    QueueHolder& operator=(const QueueHolder&) = delete;
    ~QueueHolder() {
      if (client_ != nullptr) {
        const auto queued = std::exchange(client_->queue_, {});
      }
    }
    void release() { client_ = nullptr; }

  private:
    Client* client_;
  };

  static awaitable<ConnectionPtr> connect_for_queue(std::shared_ptr<Client> self) {
    QueueHolder holder(self.get());
    std::exception_ptr error;
    ConnectionPtr connection;
    try {
      connection = co_await connect(self->strand_, self->terms_);
    } catch (...) {
      error = std::current_exception();
    }
    holder.release();
    if (error) {
      std::rethrow_exception(error);
    }
    co_return connection;
  }

  // Time

  PendingRequest::Clock::time_point time_for_connection() const {
    return deadline_after(PendingRequest::Clock::now(), time_to_acquire_);
  }

  /// Sets the timer for the requests that wait for a connection.
  void arm_timer() {
    if (queue_.empty()) {
      timer_.cancel(); // so that the executor can run out of work
      armed_for_.reset();
      return;
    }
    if (armed_for_ && *armed_for_ <= queue_.back()->deadline()) {
      return;
    }
    // Only the newest request can have less time than the timer is set for.
    armed_for_ = queue_.back()->deadline();
    for (const PendingPtr& each : queue_) {
      armed_for_ = std::min(*armed_for_, each->deadline());
    }
    timer_.expires_at(*armed_for_);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self) {
        self->armed_for_.reset();
        self->on_timer();
      }
    });
  }

  void on_timer() {
    const auto now = PendingRequest::Clock::now();
    std::erase_if(queue_, [now](const PendingPtr& each) {
      if (each->deadline() > now) {
        return false;
      }
      each->fail(Failure::late("no connection in time"));
      return true;
    });
    make_progress();
  }

  const boost::asio::any_io_executor strand_;
  const std::chrono::milliseconds time_to_acquire_;
  const Terms terms_;

  std::deque<PendingPtr> queue_;
  /// One connection that takes requests, and others that only wait for their last answers.
  std::vector<ConnectionPtr> connections_;
  bool is_connecting_ = false;
  bool is_closed_ = false;
  boost::asio::steady_timer timer_;
  std::optional<PendingRequest::Clock::time_point> armed_for_;
};

} // namespace agentstore::detail::redis

#endif
