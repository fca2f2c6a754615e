// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RUN_HPP
#define AGENTSTORE_TESTS_SUPPORT_RUN_HPP

#include <agentstore/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace agentstore::test {

namespace run_detail {

/// How a coroutine ended. A plain function object, so that co_spawn is compiled once a test.
class Ending {
public:
  Ending(bool* ended, std::exception_ptr* error) : ended_(ended), error_(error) {}

  void operator()(std::exception_ptr error) const {
    *ended_ = true;
    *error_ = std::move(error);
  }

private:
  bool* ended_;
  std::exception_ptr* error_;
};

template <class T>
awaitable<void> keep(awaitable<T> call, std::optional<T>* result) {
  T value = co_await std::move(call);
  *result = std::move(value);
}

inline void run_to_end(boost::asio::io_context& context, awaitable<void> call,
                       std::chrono::seconds deadline) {
  bool ended = false;
  std::exception_ptr error;
  context.restart();
  const Ending ending(&ended, &error);
  boost::asio::co_spawn(context, std::move(call), ending);
  context.run_for(deadline);
  if (!ended) {
    throw std::runtime_error("the call did not end before the deadline");
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

} // namespace run_detail

/// Awaits `call` on a context; returns its value or throws what it threw. Throws also if the call
/// does not end by the deadline.
template <class T>
T run_on(boost::asio::io_context& context, awaitable<T> call,
         std::chrono::seconds deadline = std::chrono::seconds(60)) {
  if constexpr (std::is_void_v<T>) {
    run_detail::run_to_end(context, std::move(call), deadline);
  } else {
    std::optional<T> result;
    run_detail::run_to_end(context, run_detail::keep(std::move(call), &result), deadline);
    return *std::move(result);
  }
}

/// The same on an io_context of its own.
template <class T>
T run(awaitable<T> call, std::chrono::seconds deadline = std::chrono::seconds(60)) {
  boost::asio::io_context context;
  return run_on(context, std::move(call), deadline);
}

} // namespace agentstore::test

#endif
