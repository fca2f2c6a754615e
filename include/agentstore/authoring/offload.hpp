// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_OFFLOAD_HPP
#define AGENTSTORE_AUTHORING_OFFLOAD_HPP

/// \file
/// Blocking work off the caller's thread, for authors of backends (ASY-05).

#include <agentstore/awaitable.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace agentstore {

/// Runs `work()` on `where`, e.g. the executor of a thread pool that the backend owns, and returns
/// its result, or throws what it threw, on the executor of the awaiting coroutine (ASY-03).
///
/// Lazy like every awaitable: `work` is moved into it and runs once, when it is awaited (ASY-01).
/// One hop out, one back. Once started, `work` runs to its end, and the call ends after it: a
/// cancellation neither interrupts it nor outruns it, which keeps CAN-02 as long as `work` does
/// not wait for ever. `where` must not be the executor of a context that ends before the call does,
/// and the awaiting coroutine's context must outlive the threads of `where`, which let go of it a
/// moment after the call has ended: a backend that joins its pool before the context goes is safe.
///
/// A method that needs nothing else returns it straight, without being a coroutine itself:
///
///     awaitable<bool> store_task_context(std::string id, json context) override {
///       return offload(pool_.get_executor(),
///                      [state = state_, id = std::move(id), context = std::move(context)]()
///                      mutable {
///                        return state->store(std::move(id), std::move(context));
///                      });
///     }
///
/// Never write such a lambda inside a `co_await` expression: g++ 12 destroys its captures twice.
/// Name it first, or return the awaitable as above.
template <class Work>
awaitable<std::invoke_result_t<Work&>> offload(boost::asio::any_io_executor where, Work work);

// Only machinery below this line.

namespace detail {

/// What work left behind: a value or an exception. Void is kept as a bool that nobody reads.
template <class Result>
class Outcome {
public:
  using Value = std::conditional_t<std::is_void_v<Result>, bool, Result>;

  template <class Work>
  void fill(Work& work) noexcept {
    try {
      if constexpr (std::is_void_v<Result>) {
        work();
        value_.emplace(true);
      } else {
        value_.emplace(work());
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  Result take() {
    if (error_) {
      std::rethrow_exception(error_);
    }
    if constexpr (!std::is_void_v<Result>) {
      return *std::move(value_);
    }
  }

private:
  std::optional<Value> value_;
  std::exception_ptr error_;
};

/// The asynchronous operation: out to `where`, back to the handler's own executor, which is told
/// that work is under way until then. `work` and `outcome` live in the awaiting frame.
class Hop {
public:
  template <class Handler, class Work, class Result>
  void operator()(Handler handler, boost::asio::any_io_executor where, Work* work,
                  Outcome<Result>* outcome) const {
    namespace asio = boost::asio;
    auto home = asio::prefer(asio::get_associated_executor(handler),
                             asio::execution::outstanding_work.tracked);
    asio::post(where,
               [handler = std::move(handler), home = std::move(home), work, outcome]() mutable {
                 outcome->fill(*work);
                 asio::post(home, std::move(handler));
               });
  }
};

} // namespace detail

template <class Work>
awaitable<std::invoke_result_t<Work&>> offload(boost::asio::any_io_executor where, Work work) {
  detail::Outcome<std::invoke_result_t<Work&>> outcome;
  Work* const work_here = &work;
  auto* const outcome_here = &outcome;
  auto hop = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      detail::Hop(), boost::asio::use_awaitable, where, work_here, outcome_here);
  co_await std::move(hop);
  co_return outcome.take();
}

} // namespace agentstore

#endif
