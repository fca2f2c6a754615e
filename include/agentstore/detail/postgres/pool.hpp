// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_POOL_HPP
#define AGENTSTORE_DETAIL_POSTGRES_POOL_HPP

// The connections of one backend, and the requests that wait for them.

#include <agentstore/backends/postgres_options.hpp>
#include <agentstore/detail/postgres/pipelined_connection.hpp>
#include <agentstore/detail/postgres/pool_decisions.hpp>
#include <agentstore/detail/postgres/request_queue.hpp>
#include <agentstore/detail/postgres/schema.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <ranges>

namespace agentstore::detail::postgres {

/// Every event (a request, a response, a connection, the timer) changes what the pool holds and
/// then calls `make_progress`, which does whatever has become possible.
///
/// Requires: everything is called on the strand, but for the constructor, `strand` and the
/// counters.
class Pool final : public PipelinedConnection::Owner, public std::enable_shared_from_this<Pool> {
public:
  Pool(boost::asio::any_io_executor executor, const PostgresOptions& options, const Schema& schema)
      : strand_(boost::asio::make_strand(executor)), options_(options), schema_(schema),
        connection_string_(std::make_shared<ConnectionString>(options.conninfo)),
        has_sessions_(options.prepared != PostgresOptions::Prepared::never), timer_(strand_) {}

  boost::asio::any_io_executor strand() const { return strand_; }
  std::size_t open_connections() const { return open_count_; }
  int server_version() const { return server_version_; }

  /// Opens the pool: connects once, and brings the schema up to date.
  void open(std::shared_ptr<PendingRequest> request) {
    const std::string fault = find_fault();
    if (!fault.empty()) {
      return request->fail(Failure(errc::invalid_argument, fault));
    }
    boost::asio::co_spawn(strand_, open_first_connection(shared_from_this()),
                          [self = shared_from_this(), request = std::move(request)](
                              const std::exception_ptr& error, ConnectionPtr connection) {
                            if (error) {
                              return request->fail(self->to_failure(error));
                            }
                            if (request->is_done()) {
                              return; // the caller cancelled, so the pool stays closed
                            }
                            self->is_closed_ = false;
                            if (self->has_room()) { // two callers may have opened the pool at once
                              self->add(std::move(connection));
                            }
                            request->finish(Response());
                          });
  }

  /// Sends the request as soon as there is a connection with room for it.
  void submit(std::shared_ptr<PendingRequest> request) {
    if (is_closed_) {
      return request->fail(Failure(errc::closed, "the backend is not open"));
    }
    if (request->request.is_too_large()) {
      return request->fail(Failure(errc::too_large, "the values are above a GiB in all"));
    }
    queue_.push_back(std::move(request), deadline_after(Clock::now(), options_.acquire_timeout));
    close_long_idle();
    make_progress();
  }

  /// Takes no more requests. Ends when all that were taken have ended.
  void close(std::shared_ptr<PendingRequest> request) {
    is_closed_ = true;
    closing_.push_back(std::move(request));
    make_progress();
  }

  /// The caller of a request cancels it.
  void cancel(const std::shared_ptr<PendingRequest>& request) {
    if (request->is_done() || request->is_cancelled) {
      return;
    }
    const auto connection = request->connection();
    if (connection && request->request.writes) {
      request->is_cancelled = true;
      boost::asio::co_spawn(strand_, finish_cancel(shared_from_this(), request, connection),
                            [](const std::exception_ptr&) {});
      return;
    }
    // A request that was not sent does not happen. Nobody needs the result of a read any more. Its
    // response is taken in and dropped, because the request is done.
    queue_.erase(request);
    request->fail(Failure::cancellation());
    make_progress();
  }

private:
  using Clock = PendingRequest::Clock;
  using ConnectionPtr = std::shared_ptr<PipelinedConnection>;
  using Requests = std::vector<std::shared_ptr<PendingRequest>>;

  /// Most cancelled writes end by themselves within this time.
  static constexpr std::chrono::milliseconds natural_end{10};
  /// After that the server is asked to stop the write. It has this long to answer before the
  /// connection is given up.
  static constexpr std::chrono::milliseconds cancel_grace{1'000};
  /// How often the server is asked meanwhile.
  static constexpr std::chrono::milliseconds cancel_interval{20};
  /// How often a transaction is sent again that the server rolled back over a conflict.
  static constexpr unsigned max_retries = 20;
  /// For how long no further connection is opened after an attempt has failed.
  static constexpr std::chrono::milliseconds connect_backoff{500};

  /// What is wrong with the options, in words without a secret. Empty if nothing is.
  std::string find_fault() const {
    if (!connection_string_->fault().empty()) {
      return connection_string_->fault();
    }
    if (options_.pool_size == 0 || options_.pipeline_depth == 0) {
      return "pool_size and pipeline_depth are at least 1";
    }
    if (std::min({options_.connect_timeout, options_.acquire_timeout,
                  options_.operation_timeout}) <= std::chrono::milliseconds(0)) {
      return "a time-out is not above 0";
    }
    if (options_.idle_timeout < std::chrono::milliseconds(0)) {
      return "idle_timeout is below 0";
    }
    if (!Schema::is_name(options_.space)) {
      return "a schema's name has 1 to 63 bytes of UTF-8, without NUL, and does not begin with pg_";
    }
    return {};
  }

  // PipelinedConnection::Owner

  void on_response(PipelinedConnection& connection, std::shared_ptr<PendingRequest> request,
                   Response response) override {
    if (response.failure) {
      Failure& failure = *response.failure;
      failure.reason = connection_string_->without_secrets(failure.reason);
      if (failure.is_interruption && request->is_cancelled) {
        failure.is_cancellation = true;
      }
      if (failure.retires_server && !connection.is_retiring) {
        retire_others(connection);
      }
      if (failure.retires_connection) {
        connection.is_retiring = true;
      }
      if (failure.is_of_another_session) {
        has_sessions_ = false; // there is a pooler after all
      }
      // The server stops what a connection is at when the cancellation arrives. That may be the
      // neighbour of the cancelled request, which was rolled back and is sent again.
      const bool was_meant_for_another =
          failure.is_interruption && connection.was_interrupted && !request->is_cancelled;
      if ((failure.is_retriable || was_meant_for_another) && try_again(request)) {
        return;
      }
      if (failure.is_retriable && request->is_cancelled) {
        failure.is_cancellation = true;
      }
    }
    request->finish(std::move(response));
  }

  void on_room(PipelinedConnection& connection) override {
    connection.restart_time(deadline_after(Clock::now(), options_.operation_timeout));
    connection.is_retiring |= is_overgrown(connection.has_grown(), connection.small_ones_since());
    if (connection.is_retiring && connection.is_idle()) {
      connection.close("the connection is retired");
      remove(connection);
    }
    make_progress();
  }

  void on_lost(PipelinedConnection& connection, Requests requests) override {
    lose(connection, std::move(requests), connection.failure());
  }

  /// Ends the requests of a connection that is gone. Reads are sent again, once: nobody can tell
  /// whether a write was applied.
  void lose(PipelinedConnection& connection, Requests requests, Failure why) {
    why.reason = connection_string_->without_secrets(std::move(why.reason));
    remove(connection);
    // The newest request goes to the front of the queue first, so that the oldest ends there.
    for (const auto& each : requests | std::views::reverse) {
      if (!each->request.writes && each->retries == 0 && try_again(each)) {
        continue;
      }
      each->fail(why);
    }
    make_progress();
  }

  bool try_again(const std::shared_ptr<PendingRequest>& request) {
    if (request->is_done() || request->is_cancelled || request->retries >= max_retries) {
      return false;
    }
    ++request->retries;
    queue_.push_front(request, deadline_after(Clock::now(), options_.acquire_timeout));
    return true;
  }

  // Progress

  /// Does whatever has become possible: sends, connects, ends a close, sets the timer.
  void make_progress() {
    if (is_making_progress_) {
      return; // a connection broke while something was sent on it; the caller goes on
    }
    is_making_progress_ = true;
    send_queued();
    is_making_progress_ = false;
    for (std::size_t i = may_open_more() ? connections_to_open(queue_.size(), connections_.size(),
                                                               opening_, options_.pool_size)
                                         : 0;
         i > 0; --i) {
      open_connection();
    }
    close_if_done();
    arm_timer();
  }

  void send_queued() {
    while (!queue_.empty()) {
      const auto connection = usable_connection();
      if (!connection) {
        return;
      }
      const auto request = queue_.pop_front();
      if (!request->is_wanted()) {
        request->fail(Failure::cancellation());
        continue;
      }
      request->mark_sent(connection, deadline_after(Clock::now(), options_.operation_timeout));
      connection->send(request);
    }
  }

  /// The connection for the next request, if it need not wait for another one.
  ConnectionPtr usable_connection() {
    for (;;) {
      const auto index = choose_connection(views(), options_.pipeline_depth, may_open_more());
      if (!index) {
        return nullptr;
      }
      auto connection = connections_[*index];
      if (!connection->is_idle() || connection->is_usable()) {
        return connection;
      }
      connection->close("the server closed the connection");
      remove(*connection);
    }
  }

  void close_if_done() {
    if (closing_.empty() || !queue_.empty() || opening_ != 0 || !is_idle()) {
      return;
    }
    for (const auto& each : connections_) {
      each->close("the backend is closed");
    }
    connections_.clear();
    open_count_ = 0;
    for (const auto& each : std::exchange(closing_, {})) {
      each->finish(Response());
    }
  }

  bool is_idle() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const ConnectionPtr& each) { return each->is_idle(); });
  }

  bool has_room() const { return connections_.size() + opening_ < options_.pool_size; }

  bool may_open_more() const {
    return may_open(connections_.size(), options_.pool_size, Clock::now(), no_connect_before_);
  }

  /// What the decisions look at, in the order of `connections_`.
  std::span<const ConnectionView> views() {
    views_.clear();
    const Time now = Clock::now();
    for (const auto& each : connections_) {
      ConnectionView& view = views_.emplace_back(each->depth(), each->deadline());
      view.is_retiring = each->is_retiring;
      view.is_stuck = !each->is_idle() && now - each->waits_since() > patience;
      view.uses_tls = each->uses_tls();
      view.has_session = each->has_session();
    }
    return views_;
  }

  // Connections come and go

  void open_connection() {
    ++opening_;
    boost::asio::co_spawn(
        strand_, open_in_time(shared_from_this()),
        [self = shared_from_this()](const std::exception_ptr& error, ConnectionPtr connection) {
          --self->opening_;
          if (error) {
            self->on_open_failed(self->to_failure(error));
          } else {
            self->add(std::move(connection));
          }
        });
  }

  void add(ConnectionPtr connection) {
    server_version_ = connection->server_version();
    connections_.push_back(std::move(connection));
    open_count_ = connections_.size();
    make_progress();
  }

  void remove(const PipelinedConnection& connection) {
    std::erase_if(connections_,
                  [&connection](const auto& each) { return each.get() == &connection; });
    open_count_ = connections_.size();
  }

  /// The queue moves on with the existing connections. If there is none and none is being opened,
  /// nothing would ever happen, so the queued requests fail with the reason.
  void on_open_failed(const Failure& failure) {
    no_connect_before_ = Clock::now() + connect_backoff;
    if (connections_.empty() && opening_ == 0) {
      for (const auto& each : queue_.take_all()) {
        each->fail(failure);
      }
    }
    make_progress();
  }

  /// A call has found out that a server is of no use any more. If there is another server to go to,
  /// no other call has to find it out on another connection.
  /// Requires: the connection was not retiring, or it would tell nothing of those opened since.
  void retire_others(const PipelinedConnection& connection) {
    const auto hosts = connection_string_->hosts();
    if (hosts.size() < 2 && hosts.front().count < 2) {
      return;
    }
    const auto connections = connections_; // some are removed
    for (const auto& each : connections) {
      if (each.get() == &connection) {
        continue;
      }
      each->is_retiring = true;
      if (each->is_idle()) {
        each->close("another connection to the server failed");
        remove(*each);
      }
    }
  }

  void close_long_idle() {
    const Time now = Clock::now();
    const auto connections = connections_; // some are removed
    for (const auto& each : connections) {
      if (each->is_idle() && now > deadline_after(each->idle_since, options_.idle_timeout)) {
        each->close("the connection was idle for long");
        remove(*each);
      }
    }
  }

  /// An open connection to the first host that has what is wanted. Each address has its own time.
  static awaitable<std::shared_ptr<Connection>> connect_in_time(std::shared_ptr<Pool> self) {
    const auto string = self->connection_string_;
    const auto hosts = string->hosts();
    Failure all(errc::unavailable, "");
    bool is_first = true;
    for (const std::string& wanted : string->rounds()) {
      for (const ConnectionString::Host& host : hosts) {
        auto attempt = co_await try_host(self, host, wanted);
        if (attempt.connection) {
          co_return attempt.connection;
        }
        if (attempt.failure.code != errc::unavailable) {
          throw Failure(attempt.failure); // no other host would do either
        }
        all.reason += (is_first ? "" : "; ") + attempt.failure.reason;
        all.cause = is_first || all.cause == attempt.failure.cause
                        ? attempt.failure.cause
                        : boost::system::error_condition();
        is_first = false;
      }
    }
    all.reason = string->without_secrets(all.reason);
    throw Failure(all);
  }

  class Attempt {
  public:
    Attempt() = default;

    std::shared_ptr<Connection> connection;
    Failure failure;
  };

  static awaitable<Attempt> try_host(std::shared_ptr<Pool> self, ConnectionString::Host host,
                                     std::string wanted) {
    Attempt attempt;
    std::vector<ConnectionString::Host> found;
    try {
      const auto deadline = deadline_after(Clock::now(), self->options_.connect_timeout);
      found = co_await ConnectionString::find(host, self->strand_, deadline);
    } catch (const Failure& failure) {
      attempt.failure = failure;
    }
    for (const ConnectionString::Host& address : found) {
      try {
        attempt.connection = co_await connect_to(self, address, wanted);
        break;
      } catch (const Failure& failure) {
        attempt.failure = failure;
      }
    }
    co_return attempt;
  }

  static awaitable<std::shared_ptr<Connection>>
  connect_to(std::shared_ptr<Pool> self, ConnectionString::Host host, std::string wanted) {
    auto connection = std::make_shared<Connection>(self->strand_);
    boost::asio::steady_timer timer(self->strand_);
    timer.expires_at(time_for_hosts(Clock::now(), self->options_.connect_timeout, host.count));
    close_at(timer, connection, "no connection within the time for it");
    auto settings = self->connection_string_->settings_for(host, wanted);
    co_await Connection::open(connection, self->connection_string_, std::move(settings),
                              server_time(self->options_.operation_timeout), self->has_sessions_);
    timer.cancel();
    co_return connection;
  }

  static awaitable<ConnectionPtr> open_in_time(std::shared_ptr<Pool> self) {
    auto connection = co_await connect_in_time(self);
    co_return self->pipelined(std::move(connection));
  }

  static awaitable<ConnectionPtr> open_first_connection(std::shared_ptr<Pool> self) {
    auto connection = co_await connect_in_time(self);
    boost::asio::steady_timer timer(self->strand_);
    timer.expires_at(deadline_after(Clock::now(), self->options_.operation_timeout));
    close_at(timer, connection, "the schema is not ready in time");
    co_await Schema::ensure(connection, self->options_.space, &self->schema_);
    timer.cancel();
    co_return self->pipelined(std::move(connection));
  }

  /// Throws Failure.
  ConnectionPtr pipelined(std::shared_ptr<Connection> connection) {
    return std::make_shared<PipelinedConnection>(std::move(connection), options_.space,
                                                 weak_from_this());
  }

  static void close_at(boost::asio::steady_timer& timer,
                       const std::shared_ptr<Connection>& connection, const char* reason) {
    timer.async_wait([weak = std::weak_ptr<Connection>(connection),
                      reason](const boost::system::error_code& error) {
      const auto late = weak.lock();
      if (!error && late) {
        late->close(reason, Failure::late("").cause);
      }
    });
  }

  // Cancellation of a write that was sent

  /// Waits for the end of a cancelled write: by itself, by the server's help, or by force.
  static awaitable<void> finish_cancel(std::shared_ptr<Pool> self,
                                       std::shared_ptr<PendingRequest> request,
                                       ConnectionPtr connection) {
    co_await wait_for_end(request, natural_end);
    if (request->is_done()) {
      co_return;
    }
    request->is_to_be_stopped = true;
    const bool was_retiring = std::exchange(connection->is_retiring, true);
    connection->was_interrupted = true;
    if (!std::exchange(connection->is_being_interrupted, true)) {
      boost::asio::co_spawn(self->strand_, interrupt(connection), [](const std::exception_ptr&) {});
    }
    // Counted in intervals, and not by the clock. If the executor has much to do, the answer may
    // be there and not yet read.
    for (int i = 0; i < cancel_grace / cancel_interval; ++i) {
      co_await wait_for_end(request, cancel_interval);
      if (request->is_done()) {
        co_return;
      }
    }
    request->fail(Failure::cancellation());
    Requests lost = connection->requests();
    const char* const reason = "the connection was given up, for a cancelled call had no answer";
    if (!was_retiring) {
      self->retire_others(*connection);
    }
    connection->close(reason);
    self->lose(*connection, std::move(lost), Failure(errc::unavailable, reason));
  }

  /// Returns when the request is done, or after the time.
  static awaitable<void> wait_for_end(std::shared_ptr<PendingRequest> request,
                                      std::chrono::milliseconds time) {
    boost::system::error_code ignored;
    request->cancel_timer.emplace(co_await boost::asio::this_coro::executor, time);
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await request->cancel_timer->async_wait(token);
  }

  /// Asks the server to stop the work of a connection, until no request is left on it that is to be
  /// stopped. The server stops one request at a time, and may be between two when it is asked.
  static awaitable<void> interrupt(ConnectionPtr connection) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (!connection->is_closed() && has_to_stop(connection->requests())) {
      connection->interrupt();
      timer.expires_after(cancel_interval);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    connection->is_being_interrupted = false;
  }

  static bool has_to_stop(const Requests& requests) {
    return std::any_of(requests.begin(), requests.end(),
                       [](const auto& each) { return each->is_to_be_stopped && !each->is_done(); });
  }

  // Time

  /// Sets the one timer for all deadlines. It stays off while no caller waits, so that the executor
  /// can run out of work.
  void arm_timer() {
    if (queue_.empty() && closing_.empty() && is_idle()) {
      if (armed_for_) {
        armed_for_.reset();
        timer_.cancel();
      }
      return;
    }
    const Time next = next_deadline(queue_.earliest_deadline(), views(), Clock::now());
    if (armed_for_ && *armed_for_ <= next) {
      return; // it comes early enough, and is set anew then
    }
    armed_for_ = next;
    timer_.expires_at(next);
    timer_.async_wait(TimerHandler(shared_from_this(), next));
  }

  /// What the timer calls. Pending requests and the pool own each other, by the coroutines that
  /// wait. If the io_context is destroyed first, this handler's destructor breaks the cycle.
  class TimerHandler {
  public:
    TimerHandler(std::shared_ptr<Pool> pool, Time time) : pool_(std::move(pool)), time_(time) {}
    TimerHandler(TimerHandler&&) = default;
    TimerHandler& operator=(TimerHandler&&) = delete;
    ~TimerHandler() {
      if (pool_) {
        pool_->abandon();
      }
    }

    void operator()(const boost::system::error_code& error) {
      const auto pool = std::move(pool_);
      // A handler that was on its way when the timer was set anew gets no error.
      if (!error && pool->armed_for_ == time_) {
        pool->armed_for_.reset();
        pool->on_timer();
      }
    }

  private:
    std::shared_ptr<Pool> pool_;
    Time time_;
  };

  void abandon() {
    const auto queued = queue_.take_all();
    const auto closing = std::exchange(closing_, {});
    for (const auto& each : std::exchange(connections_, {})) {
      each->close("the context is gone");
    }
    open_count_ = 0;
  }

  void on_timer() {
    const Time now = Clock::now();
    for (const auto& late : queue_.take_expired(now)) {
      late->fail(Failure::late("no connection was free in time"));
    }
    const auto connections = connections_; // some are removed
    for (const auto& each : connections) {
      each->poll();
      const auto deadline = each->deadline();
      if (deadline && *deadline <= now) {
        close_late(*each, now);
      }
    }
    make_progress();
  }

  /// Closes a connection whose oldest request had no response in time. A read that had its time is
  /// not sent again.
  void close_late(PipelinedConnection& connection, Time now) {
    Requests lost = connection.requests();
    const Failure failure = Failure::late("no answer in time");
    if (!connection.is_retiring) {
      retire_others(connection);
    }
    connection.close(failure.reason);
    for (const auto& each : lost) {
      if (each->deadline() <= now) {
        each->fail(failure);
      }
    }
    lose(connection, std::move(lost), failure);
  }

  Failure to_failure(const std::exception_ptr& error) const {
    try {
      std::rethrow_exception(error);
    } catch (const Failure& failure) {
      return failure;
    } catch (const std::exception& other) {
      return Failure(errc::unavailable, connection_string_->without_secrets(other.what()));
    }
  }

  const boost::asio::any_io_executor strand_;
  const PostgresOptions options_;
  const Schema schema_;
  const std::shared_ptr<const ConnectionString> connection_string_;

  /// Whether a connection may have a server process for itself.
  bool has_sessions_;
  RequestQueue queue_;
  std::vector<ConnectionPtr> connections_;
  /// How many connections are being opened for the queue.
  std::size_t opening_ = 0;
  /// Callers of `close` that wait for its end.
  Requests closing_;
  bool is_closed_ = true;
  bool is_making_progress_ = false;
  /// See connect_backoff.
  Time no_connect_before_;
  boost::asio::steady_timer timer_;
  /// When the timer expires, if it is set.
  std::optional<Time> armed_for_;
  /// Kept from one call to the next for its memory.
  std::vector<ConnectionView> views_;

  std::atomic<std::size_t> open_count_ = 0;
  std::atomic<int> server_version_ = 0;
};

} // namespace agentstore::detail::postgres

#endif
