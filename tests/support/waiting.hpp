// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_WAITING_HPP
#define AGENTSTORE_TESTS_SUPPORT_WAITING_HPP

#include "support/loop.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>

namespace agentstore::test {

/// Runs the loop until the condition holds. False: it never did.
inline bool until(Loop& loop, const std::function<bool()>& condition,
                  std::chrono::seconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    loop.context().restart();
    loop.context().run_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline awaitable<void> pause(std::chrono::microseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Measures a call of the test itself.
class Stopwatch {
public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 start_);
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace agentstore::test

#endif
