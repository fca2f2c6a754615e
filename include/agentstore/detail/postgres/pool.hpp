// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_POOL_HPP
#define AGENTSTORE_DETAIL_POSTGRES_POOL_HPP

// The connections of one backend, and the operations that wait for them. All of it lives on one
// strand; only the constructor, `strand` and the counters are for other threads.

#include <agentstore/detail/postgres/pipeline.hpp>
#include <agentstore/detail/postgres/schema.hpp>
#include <agentstore/postgres/options.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <ranges>

namespace agentstore::detail::postgres {

class Pool final : public Pipeline::Owner, public std::enable_shared_from_this<Pool> {
public:
  Pool(boost::asio::any_io_executor executor, const PostgresOptions& options, const Schema& schema)
      : strand_(boost::asio::make_strand(executor)), options_(options), schema_(schema),
        target_(std::make_shared<Target>(options.conninfo)), watch_(strand_) {}

  boost::asio::any_io_executor strand() const { return strand_; }
  std::size_t open_connections() const { return open_count_; }
  int server_version() const { return server_version_; }

  /// Opens the pool: connects, and makes sure of the schema.
  void open(std::shared_ptr<Operation> operation) {
    if (!target_->fault().empty()) {
      return operation->fail(Failure(errc::invalid_argument, target_->fault()));
    }
    if (options_.pool_size == 0 || options_.pipeline_depth == 0) {
      return operation->fail(
          Failure(errc::invalid_argument, "pool_size and pipeline_depth are at least 1"));
    }
    if (std::min({options_.connect_timeout, options_.acquire_timeout,
                  options_.operation_timeout}) <= std::chrono::milliseconds(0)) {
      return operation->fail(Failure(errc::invalid_argument, "a time-out is not above 0"));
    }
    if (!Schema::is_name(options_.space)) {
      return operation->fail(Failure(errc::invalid_argument,
                                     "a schema's name has 1 to 63 bytes of UTF-8, without NUL, "
                                     "and does not begin with pg_"));
    }
    boost::asio::co_spawn(strand_, connect_and_prepare(shared_from_this()),
                          [self = shared_from_this(), operation = std::move(operation)](
                              const std::exception_ptr& error, std::shared_ptr<Link> link) {
                            if (error) {
                              return operation->fail(self->describe(error));
                            }
                            if (operation->is_over()) {
                              return; // cancelled: nobody opened it
                            }
                            self->is_closed_ = false;
                            if (self->has_room()) { // two may have opened it at once
                              self->add(std::move(link));
                            }
                            operation->end(Answer());
                          });
  }

  /// Sends the request as soon as there is a connection with room for it.
  void submit(std::shared_ptr<Operation> operation) {
    if (is_closed_) {
      return operation->fail(Failure(errc::closed, "the backend is not open"));
    }
    operation->deadline = Operation::Clock::now() + options_.acquire_timeout;
    waiting_.push_back(std::move(operation));
    close_idle();
    pump();
    watch();
  }

  /// Takes no more requests; ends when all that were taken have ended.
  void close(std::shared_ptr<Operation> operation) {
    is_closed_ = true;
    closing_.push_back(std::move(operation));
    close_if_done();
    watch();
  }

  /// Its caller wants an operation to end.
  void cancel(const std::shared_ptr<Operation>& operation) {
    if (operation->is_over() || operation->is_cancelled) {
      return;
    }
    const auto queued = std::find(waiting_.begin(), waiting_.end(), operation);
    Pipeline* const carrier = carrier_of(*operation);
    if (queued != waiting_.end()) {
      waiting_.erase(queued);
    }
    if (carrier == nullptr || !operation->request.writes) {
      // Nothing of it will happen, or nobody needs to know: its answer is read and dropped.
      operation->fail(Failure::cancellation());
      close_if_done();
      return watch();
    }
    operation->is_cancelled = true;
    boost::asio::co_spawn(strand_,
                          give_up(shared_from_this(), operation, carrier->shared_from_this()),
                          [](const std::exception_ptr&) {});
  }

private:
  using Clock = Operation::Clock;
  using Time = Clock::time_point;
  using Reply = std::shared_ptr<Link>;

  /// A write that was cancelled mostly ends by itself within this time.
  static constexpr std::chrono::milliseconds natural_end{10};
  /// After that the server is asked to stop it, and has this long until the connection is given up.
  static constexpr std::chrono::milliseconds grace{1'000};
  /// How often a transaction is made again that the server rolled back over a conflict.
  static constexpr unsigned most_retries = 20;
  /// How long the connections that there are must do after a further one was refused.
  static constexpr std::chrono::milliseconds back_off{500};
  /// How often it is looked whether a TLS library holds something back.
  static constexpr std::chrono::milliseconds tls_look{50};

  // Pipeline::Owner

  void answered(Pipeline& pipeline, std::shared_ptr<Operation> operation, Answer answer) override {
    if (answer.failure) {
      Failure& failure = *answer.failure;
      failure.reason = target_->without_secrets(failure.reason);
      if (failure.is_interruption && operation->is_cancelled) {
        failure.is_cancellation = true;
      }
      // A neighbour that was stopped in place of a cancelled one: it was rolled back, too.
      const bool by_mistake =
          failure.is_interruption && pipeline.is_retiring && !operation->is_cancelled;
      if ((failure.is_retriable || by_mistake) && try_again(operation)) {
        return;
      }
      if (failure.is_retriable && operation->is_cancelled) {
        failure.is_cancellation = true;
      }
    }
    operation->end(std::move(answer));
  }

  void progressed(Pipeline& pipeline) override {
    if (pipeline.is_retiring && pipeline.is_idle()) {
      pipeline.shut("the connection is retired");
      remove(pipeline);
    }
    pump();
    close_if_done();
    watch();
  }

  void broke(Pipeline& pipeline, std::vector<std::shared_ptr<Operation>> operations) override {
    lose(pipeline, std::move(operations), pipeline.reason());
  }

  /// Ends what was under way on a connection that is gone; reads are made again.
  void lose(Pipeline& pipeline, std::vector<std::shared_ptr<Operation>> operations,
            std::string reason) {
    reason = target_->without_secrets(std::move(reason));
    remove(pipeline);
    for (const auto& each : operations | std::views::reverse) {
      if (!each->request.writes && each->retries == 0 && try_again(each)) {
        continue;
      }
      each->fail(Failure(errc::unavailable, reason));
    }
    if (!is_pumping_) {
      pump();
    }
    close_if_done();
    watch();
  }

  bool try_again(const std::shared_ptr<Operation>& operation) {
    if (operation->is_over() || operation->is_cancelled || operation->retries >= most_retries) {
      return false;
    }
    ++operation->retries;
    operation->deadline = Clock::now() + options_.acquire_timeout;
    waiting_.push_front(operation);
    return true;
  }

  // Which operation goes where

  /// The connection for the next operation: an idle one; else none if one more may be opened; else
  /// the one with the least under way.
  std::shared_ptr<Pipeline> free_connection() {
    for (;;) {
      std::shared_ptr<Pipeline> best;
      for (const auto& each : connections_) {
        if (!each->is_retiring && each->depth() < options_.pipeline_depth &&
            (!best || each->depth() < best->depth())) {
          best = each;
        }
      }
      if (best && best->is_idle() && !best->is_usable()) {
        best->shut("the server closed the connection");
        remove(*best);
        continue;
      }
      if (best && !best->is_idle() && may_connect()) {
        return nullptr;
      }
      return best;
    }
  }

  void pump() {
    if (is_pumping_) {
      return; // a send that failed came back here
    }
    is_pumping_ = true;
    while (!waiting_.empty()) {
      if (waiting_.front()->is_over()) {
        waiting_.pop_front();
        continue;
      }
      const auto connection = free_connection();
      if (!connection) {
        break;
      }
      const auto operation = std::move(waiting_.front());
      waiting_.pop_front();
      operation->deadline = Clock::now() + options_.operation_timeout;
      connection->send(operation);
    }
    is_pumping_ = false;
    while (connecting_ < waiting_.size() && may_connect() && has_room()) {
      connect();
    }
  }

  bool has_room() const { return connections_.size() + connecting_ < options_.pool_size; }

  bool may_connect() const {
    return connections_.size() < options_.pool_size &&
           (connections_.empty() || Clock::now() >= no_connect_before_);
  }

  Pipeline* carrier_of(const Operation& operation) {
    for (const auto& each : connections_) {
      for (const auto& carried : each->operations()) {
        if (carried.get() == &operation) {
          return each.get();
        }
      }
    }
    return nullptr;
  }

  // Connections come and go

  void connect() {
    ++connecting_;
    boost::asio::co_spawn(strand_, connect_in_time(shared_from_this()),
                          [self = shared_from_this()](const std::exception_ptr& error, Reply link) {
                            --self->connecting_;
                            if (error) {
                              self->connect_failed(self->describe(error));
                            } else {
                              self->add(std::move(link));
                            }
                          });
  }

  void add(Reply link) {
    try {
      connections_.push_back(
          std::make_shared<Pipeline>(std::move(link), options_.space, weak_from_this()));
    } catch (const Failure& failure) {
      return connect_failed(failure);
    }
    server_version_ = connections_.back()->server_version();
    open_count_ = connections_.size();
    pump();
    close_if_done();
    watch();
  }

  void remove(const Pipeline& pipeline) {
    std::erase_if(connections_, [&pipeline](const auto& each) { return each.get() == &pipeline; });
    open_count_ = connections_.size();
  }

  /// Whoever waits gets on with the connections that there are. Where there is none, and none to
  /// come, nothing would ever happen: all who wait hear why.
  void connect_failed(const Failure& failure) {
    no_connect_before_ = Clock::now() + back_off; // unless there is none left
    if (connections_.empty() && connecting_ == 0) {
      for (const auto& each : std::exchange(waiting_, {})) {
        each->fail(failure);
      }
    }
    pump();
    close_if_done();
    watch();
  }

  void close_idle() {
    const Time now = Clock::now();
    for (std::size_t i = connections_.size(); i-- > 0;) {
      const auto each = connections_[i];
      if (each->is_idle() && now - each->idle_since > options_.idle_timeout) {
        each->shut("the connection was idle for long");
        remove(*each);
      }
    }
  }

  void close_if_done() {
    if (closing_.empty() || !waiting_.empty() || connecting_ != 0) {
      return;
    }
    for (const auto& each : connections_) {
      if (!each->is_idle()) {
        return;
      }
    }
    for (const auto& each : connections_) {
      each->shut("the backend is closed");
    }
    connections_.clear();
    open_count_ = 0;
    for (const auto& each : std::exchange(closing_, {})) {
      each->end(Answer());
    }
    watch();
  }

  /// An open link, within the time for it.
  static awaitable<Reply> connect_in_time(std::shared_ptr<Pool> self) {
    auto link = std::make_shared<Link>(self->strand_);
    boost::asio::steady_timer timer(self->strand_);
    limit(timer, self->options_.connect_timeout, link, "no connection within the time for it");
    co_await Link::open(link, self->target_, self->options_.operation_timeout);
    timer.cancel();
    co_return link;
  }

  static awaitable<Reply> connect_and_prepare(std::shared_ptr<Pool> self) {
    auto link = co_await connect_in_time(self);
    boost::asio::steady_timer timer(self->strand_);
    limit(timer, self->options_.operation_timeout, link, "the schema is not ready in time");
    co_await Schema::ensure(link, self->options_.space, &self->schema_);
    timer.cancel();
    co_return link;
  }

  static void limit(boost::asio::steady_timer& timer, std::chrono::milliseconds time,
                    const Reply& link, const char* reason) {
    timer.expires_after(time);
    timer.async_wait(
        [weak = std::weak_ptr<Link>(link), reason](const boost::system::error_code& error) {
          const auto late = weak.lock();
          if (!error && late) {
            late->shut(reason);
          }
        });
  }

  /// Sees to the end of a cancelled write: by itself, by the server's help, or by force.
  static awaitable<void> give_up(std::shared_ptr<Pool> self, std::shared_ptr<Operation> operation,
                                 std::shared_ptr<Pipeline> carrier) {
    co_await wait(operation, natural_end);
    if (operation->is_over()) {
      co_return;
    }
    carrier->is_retiring = true;
    boost::asio::co_spawn(self->strand_, interrupt(self, carrier->server_process()),
                          [](const std::exception_ptr&) {});
    co_await wait(operation, grace);
    if (operation->is_over()) {
      co_return;
    }
    operation->fail(Failure::cancellation());
    auto lost = carrier->operations();
    const char* const reason = "the connection was given up, for a cancelled call had no answer";
    carrier->shut(reason);
    self->lose(*carrier, std::move(lost), reason);
  }

  static awaitable<void> wait(std::shared_ptr<Operation> operation,
                              std::chrono::milliseconds time) {
    boost::system::error_code ignored;
    operation->patience.emplace(co_await boost::asio::this_coro::executor, time);
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await operation->patience->async_wait(token);
  }

  /// Asks the server, on a connection for this purpose, to stop what another one is at.
  static awaitable<void> interrupt(std::shared_ptr<Pool> self, int server_process) {
    auto link = co_await connect_in_time(self);
    boost::asio::steady_timer timer(self->strand_);
    limit(timer, self->options_.operation_timeout, link, "no answer in time");
    std::vector<std::string> parameters(1, std::to_string(server_process));
    std::string sql = "SELECT pg_cancel_backend($1::integer)";
    co_await Link::query(link, std::move(sql), std::move(parameters));
    timer.cancel();
  }

  // Time

  /// One timer for all deadlines, and none while nothing is under way.
  void watch() {
    bool is_needed = !waiting_.empty() || !closing_.empty();
    bool has_tls = false;
    for (const auto& each : connections_) {
      is_needed = is_needed || !each->is_idle();
      has_tls = has_tls || (!each->is_idle() && each->uses_tls());
    }
    if (!is_needed) {
      if (is_watching_) {
        is_watching_ = false;
        watch_.cancel();
      }
      return;
    }
    if (is_watching_) {
      return;
    }
    Time until = Clock::now() + std::min(options_.acquire_timeout, options_.operation_timeout);
    if (!waiting_.empty()) {
      until = std::min(until, waiting_.front()->deadline);
    }
    for (const auto& each : connections_) {
      until = std::min(until, each->deadline().value_or(until));
    }
    if (has_tls) {
      until = std::min(until, Clock::now() + tls_look);
    }
    is_watching_ = true;
    watch_.expires_at(until);
    watch_.async_wait(Watch(shared_from_this()));
  }

  /// What the timer calls. Calls keep the pool, and the pool keeps them: where the context goes
  /// before their time has come, this is what goes with it, and lets go of them all.
  class Watch {
  public:
    explicit Watch(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
    Watch(Watch&&) = default;
    Watch& operator=(Watch&&) = delete;
    ~Watch() {
      if (pool_) {
        pool_->abandon();
      }
    }

    void operator()(const boost::system::error_code& error) {
      const auto pool = std::move(pool_);
      if (!error) {
        pool->is_watching_ = false;
        pool->look_at_the_clock();
      }
    }

  private:
    std::shared_ptr<Pool> pool_;
  };

  void abandon() {
    const auto waiting = std::exchange(waiting_, {});
    const auto closing = std::exchange(closing_, {});
    for (const auto& each : std::exchange(connections_, {})) {
      each->shut("the context is gone");
    }
    open_count_ = 0;
  }

  void look_at_the_clock() {
    const Time now = Clock::now();
    for (std::size_t i = waiting_.size(); i-- > 0;) {
      if (waiting_[i]->deadline <= now) {
        const auto late = waiting_[i];
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        late->fail(Failure(errc::unavailable, "no connection was free in time"));
      }
    }
    const auto connections = connections_; // some may go
    for (const auto& each : connections) {
      each->look();
      const auto deadline = each->deadline();
      if (deadline && *deadline <= now) {
        auto lost = each->operations();
        const Failure failure(errc::unavailable, "no answer in time");
        each->shut(failure.reason);
        for (const auto& late : lost) {
          if (late->deadline <= now) {
            late->fail(failure); // it had its time; one that reads is not made again
          }
        }
        lose(*each, std::move(lost), failure.reason);
      }
    }
    pump();
    close_if_done();
    watch();
  }

  Failure describe(const std::exception_ptr& error) const {
    try {
      std::rethrow_exception(error);
    } catch (const Failure& failure) {
      return failure;
    } catch (const std::exception& other) {
      return Failure(errc::unavailable, target_->without_secrets(other.what()));
    }
  }

  const boost::asio::any_io_executor strand_;
  const PostgresOptions options_;
  const Schema schema_;
  const std::shared_ptr<const Target> target_;

  std::deque<std::shared_ptr<Operation>> waiting_;
  std::vector<std::shared_ptr<Pipeline>> connections_;
  std::size_t connecting_ = 0;
  std::vector<std::shared_ptr<Operation>> closing_;
  bool is_closed_ = true;
  bool is_pumping_ = false;
  Time no_connect_before_;
  boost::asio::steady_timer watch_;
  bool is_watching_ = false;

  std::atomic<std::size_t> open_count_ = 0;
  std::atomic<int> server_version_ = 0;
};

} // namespace agentstore::detail::postgres

#endif
