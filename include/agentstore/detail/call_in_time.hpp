// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CALL_IN_TIME_HPP
#define AGENTSTORE_DETAIL_CALL_IN_TIME_HPP

// A call that is cancelled when its time is up. `call || timer` is enough only if a single thread
// runs the caller's executor, because Asio allows no cancellation while another thread runs a
// handler. So the call has a strand.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/deadline.hpp>
#include <agentstore/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace agentstore::detail {

/// Cancels one call, when its time is up or when its caller cancels.
/// Requires: every member but `cancel_soon` is called on the strand, or before or after the call.
class Deadline : public std::enable_shared_from_this<Deadline> {
public:
  Deadline(const boost::asio::any_io_executor& home, std::chrono::milliseconds limit)
      : strand_(boost::asio::make_strand(home)),
        timer_(strand_, deadline_after(std::chrono::steady_clock::now(), limit)) {}

  const boost::asio::any_io_executor& strand() const { return strand_; }
  boost::asio::cancellation_slot slot() { return signal_.slot(); }
  /// Whether the call was cancelled because its time was up.
  bool is_over() const { return is_over_; }

  /// The call itself reports that it begins. Asio does not define what happens to a coroutine whose
  /// signal is emitted earlier: with Boost 1.81 it runs, with 1.83 an exception leaves the
  /// context's `run`.
  void begin() {
    has_begun_ = true;
    timer_.async_wait(TimeIsUp(shared_from_this()));
    if (is_unwanted_) {
      cancel();
    }
  }
  void end() {
    has_ended_ = true;
    timer_.cancel();
  }

  /// May be called from any thread.
  void cancel_soon() { boost::asio::post(strand_, Cancel(weak_from_this())); }

private:
  class TimeIsUp {
  public:
    explicit TimeIsUp(std::shared_ptr<Deadline> deadline) : deadline_(std::move(deadline)) {}
    void operator()(const boost::system::error_code& error) const {
      if (!error && !deadline_->has_ended_) {
        deadline_->is_over_ = true;
        deadline_->cancel();
      }
    }

  private:
    std::shared_ptr<Deadline> deadline_;
  };

  class Cancel {
  public:
    explicit Cancel(std::weak_ptr<Deadline> deadline) : deadline_(std::move(deadline)) {}
    void operator()() const {
      if (const auto deadline = deadline_.lock(); deadline && !deadline->has_ended_) {
        deadline->cancel();
      }
    }

  private:
    std::weak_ptr<Deadline> deadline_;
  };

  void cancel() {
    is_unwanted_ = true;
    if (has_begun_) {
      signal_.emit(boost::asio::cancellation_type::terminal);
    }
  }

  boost::asio::any_io_executor strand_;
  boost::asio::steady_timer timer_;
  boost::asio::cancellation_signal signal_;
  bool has_begun_ = false;
  bool is_unwanted_ = false;
  bool has_ended_ = false;
  bool is_over_ = false;
};

/// The time of a call, from its beginning until its frame goes.
class TimeOfCall {
public:
  explicit TimeOfCall(std::shared_ptr<Deadline> deadline) : deadline_(std::move(deadline)) {
    deadline_->begin();
  }
  TimeOfCall(const TimeOfCall&) = delete;
  TimeOfCall& operator=(const TimeOfCall&) = delete;
  ~TimeOfCall() { deadline_->end(); }

private:
  std::shared_ptr<Deadline> deadline_;
};

/// Runs `task` on the strand of the deadline, and cancels it when the time is up or the caller
/// cancels. Throws what it throws, and a StorageError if it heeded that the time was up. Not a
/// template, since every type of result would have Asio's co_spawn compiled once more.
inline awaitable<void> run_in_time(std::shared_ptr<Deadline> deadline,
                                   std::chrono::milliseconds limit, const char* operation,
                                   std::string key, awaitable<void> task) {
  namespace asio = boost::asio;
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (asio::cancellation_slot slot = cancellation.slot(); slot.is_connected()) {
    slot.assign([weak = std::weak_ptr<Deadline>(deadline)](asio::cancellation_type type) {
      if (const auto there = weak.lock(); there && type != asio::cancellation_type::none) {
        there->cancel_soon();
      }
    });
  }
  auto token = asio::bind_cancellation_slot(deadline->slot(), asio::use_awaitable);
  auto work = asio::co_spawn(deadline->strand(), std::move(task), token);
  try {
    co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted && deadline->is_over()) {
      throw StorageError(errc::unavailable, operation, std::move(key),
                         "no answer within " + std::to_string(limit.count()) + " ms",
                         boost::system::errc::make_error_condition(boost::system::errc::timed_out));
    }
    throw;
  }
}

template <class Result>
awaitable<void> watched(std::shared_ptr<Deadline> deadline, awaitable<Result> call,
                        std::optional<Result>* result) {
  const TimeOfCall time(std::move(deadline));
  Result value = co_await std::move(call);
  *result = std::move(value);
}

inline awaitable<void> watched(std::shared_ptr<Deadline> deadline, awaitable<void> call) {
  const TimeOfCall time(std::move(deadline));
  co_await std::move(call);
}

/// Awaits `call`, a method of the store. The store is kept alive until then. When the time is up
/// the call is cancelled. The caller gets whatever the call ends with: a result, an error, or a
/// StorageError if the call heeded the cancellation.
template <class Result>
awaitable<Result> call_in_time(std::shared_ptr<const void> /*store*/,
                               std::chrono::milliseconds limit, const char* operation,
                               std::string key, awaitable<Result> call) {
  const boost::asio::any_io_executor home = co_await boost::asio::this_coro::executor;
  const auto deadline = std::make_shared<Deadline>(home, limit);
  if constexpr (std::is_void_v<Result>) {
    auto task = watched(deadline, std::move(call));
    auto ended = run_in_time(deadline, limit, operation, std::move(key), std::move(task));
    co_await std::move(ended);
  } else {
    std::optional<Result> result;
    std::optional<Result>* const result_here = &result;
    auto task = watched(deadline, std::move(call), result_here);
    auto ended = run_in_time(deadline, limit, operation, std::move(key), std::move(task));
    co_await std::move(ended);
    co_return *std::move(result);
  }
}

} // namespace agentstore::detail

#endif
