// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_STRAND_CALL_HPP
#define AGENTSTORE_DETAIL_STRAND_CALL_HPP

// A caller on any executor that waits for something that happens on a strand.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/awaited_call.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace agentstore::detail {

/// The caller. Requires: everything is called on the strand.
template <class Result>
class StrandCall {
public:
  StrandCall() = default;
  StrandCall(const StrandCall&) = delete;
  StrandCall& operator=(const StrandCall&) = delete;
  virtual ~StrandCall() = default;

  /// Resumes the caller with a result, or with none if it cancelled. Only the first call counts.
  void finish(std::optional<Result> result) {
    if (!is_done_) {
      is_done_ = true;
      on_cancel = nullptr;
      deliver(std::move(result));
    }
  }
  bool is_done() const { return is_done_; }

  void cancel() {
    if (!is_done_ && on_cancel) {
      const auto act = std::exchange(on_cancel, nullptr);
      act();
    } else if (!is_cancelled_) {
      finish(std::nullopt);
    }
    is_cancelled_ = true;
  }

  /// Called when the caller cancels, unless the caller is resumed at once.
  std::function<void()> on_cancel;

private:
  virtual void deliver(std::optional<Result> result) = 0;

  bool is_done_ = false;
  bool is_cancelled_ = false;
};

template <class Result>
using StrandCallPtr = std::shared_ptr<StrandCall<Result>>;

/// The caller as a coroutine on a context of its own, which may be destroyed before the call ends.
template <class Result>
class StrandCallOf final : public StrandCall<Result> {
public:
  StrandCallOf(std::shared_ptr<AwaitedCall> call, std::optional<Result>* destination)
      : call_(std::move(call)), destination_(destination) {}

private:
  void deliver(std::optional<Result> result) override {
    if (call_->begin()) { // else the caller's context, and so the frame, is gone
      *destination_ = std::move(result);
      call_->end(nullptr);
    }
  }

  const std::shared_ptr<AwaitedCall> call_;
  std::optional<Result>* const destination_;
};

/// Starts a call: an initiation for Asio.
template <class Result, class Start>
class StartOnStrand {
public:
  template <class Handler>
  void operator()(Handler handler, boost::asio::any_io_executor strand, Start* start,
                  std::optional<Result>* destination) const {
    namespace asio = boost::asio;
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto awaited = AwaitedBy<Handler>::make_without_slot(std::move(handler), nullptr);
    StrandCallPtr<Result> call =
        std::make_shared<StrandCallOf<Result>>(std::move(awaited), destination);
    if (slot.is_connected()) {
      slot.assign(
          [strand, weak = std::weak_ptr<StrandCall<Result>>(call)](asio::cancellation_type type) {
            const auto cancelled = weak.lock();
            if (type != asio::cancellation_type::none && cancelled) {
              asio::post(strand, [cancelled] { cancelled->cancel(); });
            }
          });
    }
    asio::post(strand, [start = std::move(*start), call = std::move(call)]() mutable {
      std::move(start)(std::move(call));
    });
  }
};

/// Calls `start(StrandCallPtr<Result>)` on the strand and waits until that call is finished.
/// Returns nothing if the caller cancelled.
template <class Result, class Start>
awaitable<std::optional<Result>> call_on_strand(boost::asio::any_io_executor strand, Start start) {
  std::optional<Result> result;
  std::optional<Result>* const result_here = &result;
  Start* const start_here = &start;
  auto operation = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      StartOnStrand<Result, Start>(), boost::asio::use_awaitable, strand, start_here, result_here);
  co_await std::move(operation);
  co_return result;
}

/// How work on a strand ended.
template <class Result>
class Settled {
public:
  Settled() = default;
  Settled(std::exception_ptr the_error, Result the_value)
      : error(std::move(the_error)), value(std::move(the_value)) {}

  std::exception_ptr error;
  Result value;
};

/// Whether a caller that is cancelled leaves its work, or stays until the work has ended.
enum class WhenCancelled { leave, stay };

/// Runs `work` on the strand to its end, and waits for the end. Nothing if the caller cancelled and
/// has left. Throws what the work throws. Requires: Result is default constructible.
template <class Result>
awaitable<std::optional<Result>>
run_on_strand(boost::asio::any_io_executor strand, awaitable<Result> work,
              WhenCancelled when_cancelled = WhenCancelled::leave) {
  auto start = [strand, work = std::move(work),
                when_cancelled](StrandCallPtr<Settled<Result>> call) mutable {
    if (when_cancelled == WhenCancelled::stay) {
      call->on_cancel = [] {};
    }
    boost::asio::co_spawn(strand, std::move(work),
                          [call = std::move(call)](std::exception_ptr error, Result value) {
                            call->finish(Settled<Result>(std::move(error), std::move(value)));
                          });
  };
  auto running = call_on_strand<Settled<Result>>(strand, std::move(start));
  std::optional<Settled<Result>> settled = co_await std::move(running);
  if (!settled) {
    co_return std::nullopt;
  }
  if (settled->error) {
    std::rethrow_exception(settled->error);
  }
  co_return std::move(settled->value);
}

} // namespace agentstore::detail

#endif
