// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_INSERTER_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_INSERTER_HPP

// The appends of one kind share inserts. One insert is under way at a time. The rows that come
// meanwhile go with the next insert.

#include <agentstore/detail/clickhouse/pool.hpp>
#include <agentstore/detail/deadline.hpp>
#include <agentstore/detail/strand_call.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <deque>

namespace agentstore::detail::clickhouse {

/// A row on its way to the server, and the append that waits for it. The append's result is true if
/// the row is kept.
class PendingRow {
public:
  PendingRow(std::string the_bytes, Time the_deadline, StrandCallPtr<bool> the_call)
      : bytes(std::move(the_bytes)), deadline(the_deadline), call(std::move(the_call)) {}

  std::string bytes;
  /// The latest time at which the row's insert may begin.
  Time deadline;
  StrandCallPtr<bool> call;
  bool is_under_way = false;
  /// For how long a cancelled append still waits for the end of its insert.
  std::optional<boost::asio::steady_timer> grace;
};

using PendingRowPtr = std::shared_ptr<PendingRow>;

/// Requires: everything is called on the strand.
class Inserter : public std::enable_shared_from_this<Inserter> {
public:
  Inserter(boost::asio::any_io_executor strand, const ClickHouseOptions& options,
           std::shared_ptr<Pool> pool, std::string sql)
      : strand_(std::move(strand)),
        linger_(std::min(options.linger, options.operation_timeout / 2)),
        operation_timeout_(options.operation_timeout), max_batch_bytes_(options.max_batch_bytes),
        max_queued_bytes_(options.max_queued_bytes), pool_(std::move(pool)), sql_(std::move(sql)),
        linger_timer_(strand_), expiry_timer_(strand_) {}

  /// Finishes the call when the row is kept, or lost.
  void add(std::string bytes, StrandCallPtr<bool> call) {
    if (bytes.size() > max_queued_bytes_ - std::min(queued_bytes_, max_queued_bytes_)) {
      return call->finish(false);
    }
    const Time deadline = deadline_after(std::chrono::steady_clock::now(), operation_timeout_);
    const auto row = std::make_shared<PendingRow>(std::move(bytes), deadline, std::move(call));
    row->call->on_cancel = [this, weak = std::weak_ptr<PendingRow>(row)] {
      if (const auto cancelled = weak.lock()) {
        cancel(cancelled);
      }
    };
    queued_bytes_ += row->bytes.size();
    queue_.push_back(row);
    if (queued_bytes_ >= max_batch_bytes_) {
      linger_timer_.cancel();
    }
    arm_expiry_timer();
    if (!is_working_) {
      is_working_ = true;
      boost::asio::co_spawn(strand_, work(shared_from_this()), boost::asio::detached);
    }
  }

  /// Finishes the call when nothing is left to be inserted.
  void flush(StrandCallPtr<bool> call) {
    if (!is_working_) {
      return call->finish(true);
    }
    flushes_.push_back(std::move(call));
    linger_timer_.cancel();
  }

private:
  using Batch = std::vector<PendingRowPtr>;

  /// For how long a cancelled append waits for an insert that has it.
  static constexpr std::chrono::milliseconds cancel_grace{1'000};

  /// Rows and the inserter own each other through the coroutines that wait for them. If the
  /// io_context is destroyed first, the end of the coroutine that works on the rows breaks the
  /// cycle.
  class Holder {
  public:
    explicit Holder(Inserter& inserter) : inserter_(inserter) {}
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() {
      const auto queue = std::exchange(inserter_.queue_, {});
      const auto flushes = std::exchange(inserter_.flushes_, {});
      inserter_.is_working_ = false;
    }

  private:
    Inserter& inserter_;
  };

  static awaitable<void> work(std::shared_ptr<Inserter> self) {
    const Holder holder(*self);
    while (!self->queue_.empty()) {
      co_await linger(self);
      const Batch batch = self->take();
      co_await insert(self, batch);
    }
    self->is_working_ = false;
    for (const auto& call : std::exchange(self->flushes_, {})) {
      call->finish(true);
    }
  }

  static awaitable<void> linger(std::shared_ptr<Inserter> self) {
    const bool is_enough = self->queued_bytes_ >= self->max_batch_bytes_ || !self->flushes_.empty();
    if (is_enough) {
      co_return;
    }
    if (self->linger_ <= std::chrono::milliseconds(0)) {
      // Callers that were answered just now and append again go with this insert. Otherwise they
      // and the callers that wait would take turns, with half of the rows in each insert.
      co_await boost::asio::post(self->strand_, boost::asio::use_awaitable); // they resume
      co_await boost::asio::post(self->strand_, boost::asio::use_awaitable); // they have appended
    } else {
      self->linger_timer_.expires_after(self->linger_);
      boost::system::error_code woken;
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, woken);
      co_await self->linger_timer_.async_wait(token);
    }
  }

  /// The rows of the next insert: at least one, if there are any.
  Batch take() {
    Batch batch;
    std::size_t bytes = 0;
    while (!queue_.empty() &&
           (batch.empty() || bytes + queue_.front()->bytes.size() <= max_batch_bytes_)) {
      bytes += queue_.front()->bytes.size();
      queue_.front()->is_under_way = true;
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    queued_bytes_ -= bytes;
    arm_expiry_timer();
    return batch;
  }

  /// Inserts a batch. If a row may be at fault, each half is inserted by itself. A refused row is
  /// thus found in as many steps as the number of rows has binary digits.
  static awaitable<void> insert(std::shared_ptr<Inserter> self, Batch batch) {
    const Time give_up_at =
        deadline_after(std::chrono::steady_clock::now(), self->operation_timeout_);
    std::vector<Batch> parts;
    if (!batch.empty()) {
      parts.push_back(std::move(batch));
    }
    while (!parts.empty()) {
      const Batch part = std::move(parts.back());
      parts.pop_back();
      const auto failure = co_await insert_at_once(self, part, give_up_at);
      if (failure && may_be_for_a_row(*failure) && part.size() > 1) {
        const auto half = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
        parts.emplace_back(half, part.end());
        parts.emplace_back(part.begin(), half);
        continue;
      }
      for (const PendingRowPtr& row : part) {
        row->grace.reset();
        row->call->finish(!failure);
      }
    }
  }

  static awaitable<std::optional<Failure>> insert_at_once(std::shared_ptr<Inserter> self,
                                                          Batch part, Time give_up_at) {
    try {
      std::string body;
      for (const PendingRowPtr& row : part) {
        body += row->bytes;
      }
      Query query(self->sql_, std::move(body));
      const std::string answer = co_await Pool::ask(self->pool_, std::move(query), give_up_at);
      if (!answer.empty()) {
        co_return failure_of(answer); // an exception after a status that reported success
      }
    } catch (const Failure& failure) {
      co_return failure;
    } catch (const std::exception& other) {
      co_return Failure(errc::unavailable, other.what());
    }
    co_return std::nullopt;
  }

  /// Cancels an append. A row that was not sent is not inserted. The fate of a row that was sent
  /// must be known first.
  void cancel(const PendingRowPtr& row) {
    if (!row->is_under_way) {
      queued_bytes_ -= row->bytes.size();
      std::erase(queue_, row);
      arm_expiry_timer();
      return row->call->finish(std::nullopt);
    }
    row->grace.emplace(strand_, cancel_grace);
    row->grace->async_wait(
        [weak = std::weak_ptr<PendingRow>(row)](const boost::system::error_code& error) {
          const auto late = weak.lock();
          if (!error && late) {
            late->call->finish(std::nullopt);
          }
        });
  }

  /// Sets the timer for the rows that wait behind an insert.
  void arm_expiry_timer() {
    if (queue_.empty() && is_armed_) {
      expiry_timer_.cancel(); // so that the executor can run out of work
    }
    if (queue_.empty() || is_armed_) {
      return;
    }
    is_armed_ = true;
    expiry_timer_.expires_at(queue_.front()->deadline);
    expiry_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code&) {
      if (const auto self = weak.lock()) {
        self->is_armed_ = false;
        self->expire();
      }
    });
  }

  void expire() {
    const Time now = std::chrono::steady_clock::now();
    while (!queue_.empty() && queue_.front()->deadline <= now) {
      const PendingRowPtr row = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= row->bytes.size();
      row->call->finish(false);
    }
    arm_expiry_timer();
  }

  const boost::asio::any_io_executor strand_;
  const std::chrono::milliseconds linger_;
  const std::chrono::milliseconds operation_timeout_;
  const std::size_t max_batch_bytes_;
  const std::size_t max_queued_bytes_;
  const std::shared_ptr<Pool> pool_;
  const std::string sql_;
  boost::asio::steady_timer linger_timer_;
  boost::asio::steady_timer expiry_timer_;
  std::deque<PendingRowPtr> queue_;
  std::size_t queued_bytes_ = 0;
  std::vector<StrandCallPtr<bool>> flushes_;
  bool is_working_ = false;
  bool is_armed_ = false;
};

} // namespace agentstore::detail::clickhouse

#endif
