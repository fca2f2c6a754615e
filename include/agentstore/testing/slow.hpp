// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_SLOW_HPP
#define AGENTSTORE_TESTING_SLOW_HPP

/// \file
/// A backend and an archive that take their time, for tests of timeouts and of concurrency.

#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace agentstore {

/// Waits for `delay` before each call, without blocking the thread. A call that is cancelled while
/// it waits ends at once and has no effect. All rules of the inner backend still hold.
class SlowBackend : public InterceptingBackend {
public:
  SlowBackend(InnerBackend inner, std::chrono::microseconds delay);
};

/// The same for an archive.
class SlowArchive : public InterceptingArchive {
public:
  SlowArchive(InnerArchive inner, std::chrono::microseconds delay);
};

// Only machinery below this line.

namespace detail {

class Delay final : public Interceptor {
public:
  explicit Delay(std::chrono::microseconds delay) : delay_(delay) {}

  awaitable<void> before(std::string_view, std::string) override { return wait(delay_); }

private:
  static awaitable<void> wait(std::chrono::microseconds delay) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, delay);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }

  std::chrono::microseconds delay_;
};

} // namespace detail

inline SlowBackend::SlowBackend(InnerBackend inner, std::chrono::microseconds delay)
    : InterceptingBackend(std::move(inner), std::make_shared<detail::Delay>(delay)) {}

inline SlowArchive::SlowArchive(InnerArchive inner, std::chrono::microseconds delay)
    : InterceptingArchive(std::move(inner), std::make_shared<detail::Delay>(delay)) {}

} // namespace agentstore

#endif
