// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_YIELDING_HPP
#define AGENTSTORE_TESTING_YIELDING_HPP

/// \file
/// A backend and an archive that suspend around every call, for tests of a runtime. A call that was
/// not awaited, or a lock held over a call, shows up here and not with a store in memory.

#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agentstore {

/// Suspends the caller `before` times before each call and `after` times after it, each time to
/// the end of the queue of the caller's own executor. All rules of the inner backend still hold.
class YieldingBackend : public InterceptingBackend {
public:
  explicit YieldingBackend(InnerBackend inner, std::size_t before = 1, std::size_t after = 1);
};

/// The same for an archive.
class YieldingArchive : public InterceptingArchive {
public:
  explicit YieldingArchive(InnerArchive inner, std::size_t before = 1, std::size_t after = 1);
};

// Only machinery below this line.

namespace detail {

class Yields final : public Interceptor {
public:
  Yields(std::size_t before, std::size_t after) : before_(before), after_(after) {}

  awaitable<void> before(std::string_view, std::string) override { return yield(before_); }
  awaitable<void> after(std::string_view, std::string) override { return yield(after_); }

private:
  static awaitable<void> yield(std::size_t times) {
    const auto executor = co_await boost::asio::this_coro::executor;
    for (std::size_t i = 0; i < times; ++i) {
      co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
  }

  std::size_t before_;
  std::size_t after_;
};

} // namespace detail

inline YieldingBackend::YieldingBackend(InnerBackend inner, std::size_t before, std::size_t after)
    : InterceptingBackend(std::move(inner), std::make_shared<detail::Yields>(before, after)) {}

inline YieldingArchive::YieldingArchive(InnerArchive inner, std::size_t before, std::size_t after)
    : InterceptingArchive(std::move(inner), std::make_shared<detail::Yields>(before, after)) {}

} // namespace agentstore

#endif
