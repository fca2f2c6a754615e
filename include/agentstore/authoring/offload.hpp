// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_OFFLOAD_HPP
#define AGENTSTORE_AUTHORING_OFFLOAD_HPP

/// \file
/// Blocking work off the caller's thread, for authors of backends (ASY-05).

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/awaited_call.hpp>
#include <agentstore/detail/process.hpp>
#include <agentstore/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
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
/// One hop out, one back.
///
/// \par Cancellation
/// Work that has not begun never begins, and its call ends at once, by Asio's `operation_aborted`.
/// Work that has begun cannot be interrupted: it runs to its end, and the call ends after it. That
/// keeps CAN-02. To keep a deadline, `work` needs a time-out of the engine's.
///
/// \par Lifetime
/// `where` must run until the call has ended. The context on which the call is awaited may be
/// destroyed at any time: its destruction waits for work that has begun, work that has not begun
/// never begins, and no thread of `where` touches the context afterwards. So `work` must not wait
/// for that context.
///
/// \par Fork
/// In the child of a fork, no thread runs `where`: once the parent has used it, the child's calls
/// throw `closed`.
///
/// A method that needs nothing else returns the awaitable directly, and is no coroutine itself:
///
///     awaitable<bool> store_task_context(std::string id, Document context) override {
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

/// Work that a thread does while its caller waits. It lives in the caller's frame, and is no
/// template, since every type of work would have Asio's part compiled once more.
class HopWork {
public:
  HopWork() = default;
  HopWork(const HopWork&) = delete;
  HopWork& operator=(const HopWork&) = delete;

  /// Returns the exception that the work threw.
  virtual std::exception_ptr run() noexcept = 0;

protected:
  ~HopWork() = default;
};

/// The work and its result. Void is kept as a bool that nobody reads.
template <class Work>
class HopWorkOf final : public HopWork {
public:
  using Result = std::invoke_result_t<Work&>;

  explicit HopWorkOf(Work work) : work_(std::move(work)) {}

  std::exception_ptr run() noexcept override {
    try {
      if constexpr (std::is_void_v<Result>) {
        work_();
      } else {
        result_.emplace(work_());
      }
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  Result take() {
    if constexpr (!std::is_void_v<Result>) {
      return *std::move(result_);
    }
  }

private:
  Work work_;
  std::optional<std::conditional_t<std::is_void_v<Result>, bool, Result>> result_;
};

/// The process whose threads run a context: the process that asked first.
class ProcessOfContext final : public boost::asio::execution_context::service {
public:
  using key_type = ProcessOfContext;
  static inline boost::asio::execution_context::id id;

  explicit ProcessOfContext(boost::asio::execution_context& context)
      : boost::asio::execution_context::service(context) {}

  static void require_here(const boost::asio::any_io_executor& where) {
    auto& context = boost::asio::query(where, boost::asio::execution::context);
    boost::asio::use_service<ProcessOfContext>(context).process_.require_here("offload", "");
  }

private:
  void shutdown() override {}

  const ProcessOfOrigin process_;
};

/// The asynchronous operation: out to `where`, back to the handler's own executor. `work` and
/// `error` live in the awaiting frame.
class Hop {
public:
  template <class Handler>
  void operator()(Handler handler, boost::asio::any_io_executor where, HopWork* work,
                  std::exception_ptr* error) const {
    auto call = AwaitedBy<Handler>::make(std::move(handler), error);
    boost::asio::post(where, [call = std::move(call), work] {
      if (call->begin()) {
        call->end(work->run());
      }
    });
  }
};

inline awaitable<void> hop(boost::asio::any_io_executor where, HopWork* work,
                           std::exception_ptr* error) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      Hop(), boost::asio::use_awaitable, where, work, error);
}

} // namespace detail

template <class Work>
awaitable<std::invoke_result_t<Work&>> offload(boost::asio::any_io_executor where, Work work) {
  detail::ProcessOfContext::require_here(where);
  detail::HopWorkOf<Work> kept(std::move(work));
  std::exception_ptr error;
  auto hop = detail::hop(std::move(where), &kept, &error);
  co_await std::move(hop);
  if (error) {
    std::rethrow_exception(std::exchange(error, nullptr));
  }
  co_return kept.take();
}

} // namespace agentstore

#endif
