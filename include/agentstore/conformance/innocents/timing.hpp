// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_INNOCENTS_TIMING_HPP
#define AGENTSTORE_CONFORMANCE_INNOCENTS_TIMING_HPP

/// \file
/// Innocents whose calls take their time, suspend at will, or work on threads of their own.

#include <agentstore/authoring/offload.hpp>
#include <agentstore/conformance/innocents/innocent.hpp>
#include <agentstore/testing/intercepting_directories.hpp>
#include <agentstore/testing/slow.hpp>
#include <agentstore/testing/yielding.hpp>

#include <boost/asio/thread_pool.hpp>

namespace agentstore::conformance {

std::vector<Innocent> timing_innocents();

// Only machinery below this line.

namespace detail {

/// The reference, backend and archive, with an interceptor around every call.
inline std::shared_ptr<AnyHarness> intercepted(const std::shared_ptr<Interceptor>& interceptor) {
  return over_memory(
      [interceptor](std::shared_ptr<MemoryBackend> inner) {
        return std::make_shared<InterceptingStore>(std::move(inner), interceptor);
      },
      [interceptor](std::shared_ptr<MemoryArchive> inner) {
        return std::make_shared<InterceptingArchive>(std::move(inner), interceptor);
      });
}

inline awaitable<void> wait_until(std::chrono::steady_clock::time_point when) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, when);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

inline awaitable<void> yield_times(std::size_t times) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (std::size_t i = 0; i < times; ++i) {
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
}

/// Waits before each call, without blocking.
class WaitBefore final : public Interceptor {
public:
  explicit WaitBefore(std::chrono::microseconds delay) : delay_(delay) {}

  awaitable<void> before(std::string_view, std::string) override {
    return wait_until(std::chrono::steady_clock::now() + delay_);
  }

private:
  std::chrono::microseconds delay_;
};

/// Suspends before and after each call.
class YieldAround final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override { return yield_times(3); }
  awaitable<void> after(std::string_view, std::string) override { return yield_times(2); }
};

/// The answer comes out of a timer.
class ResumeFromTimer final : public Interceptor {
public:
  awaitable<void> after(std::string_view, std::string) override {
    return wait_until(std::chrono::steady_clock::now() + std::chrono::microseconds(50));
  }
};

/// Of calls that are made at once, now one overtakes and now the other.
class Overtake final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override {
    return yield_times(turn_.fetch_add(1) * 7 % 5);
  }

private:
  std::atomic<std::size_t> turn_ = 0;
};

/// Writes are acknowledged together, at the next tick; what they wrote is seen before that.
class GroupCommit final : public Interceptor {
public:
  awaitable<void> after(std::string_view operation, std::string) override {
    if (operation.starts_with("get_") || operation.starts_with("list_") ||
        operation.starts_with("read_") || operation == "health_check") {
      return yield_times(0);
    }
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto tick = std::chrono::microseconds(400);
    return wait_until(std::chrono::steady_clock::time_point(now + (tick - now % tick)));
  }
};

/// Goes to threads of its own and back before each call, and again after it.
class ViaPool final : public Interceptor {
public:
  ~ViaPool() override { pool_.join(); }

  awaitable<void> before(std::string_view, std::string) override { return hop(); }
  awaitable<void> after(std::string_view, std::string) override { return hop(); }

private:
  class Nothing {
  public:
    void operator()() const {}
  };

  awaitable<void> hop() { return offload(pool_.get_executor(), Nothing()); }

  boost::asio::thread_pool pool_{2};
};

} // namespace detail

inline std::vector<Innocent> timing_innocents() {
  return {
      Innocent("reference", "the reference itself, which never suspends",
               [] {
                 return over_memory([](std::shared_ptr<MemoryBackend> inner) { return inner; },
                                    [](std::shared_ptr<MemoryArchive> inner) { return inner; });
               }),
      Innocent("slow", "each call takes a while, on a timer",
               [] {
                 return detail::intercepted(
                     std::make_shared<detail::WaitBefore>(std::chrono::microseconds(200)));
               }),
      Innocent("yielding", "each call suspends three times before and twice after",
               [] { return detail::intercepted(std::make_shared<detail::YieldAround>()); }),
      Innocent("from_timer", "each call is resumed by a timer",
               [] { return detail::intercepted(std::make_shared<detail::ResumeFromTimer>()); }),
      Innocent("overtaking", "of calls made at once any may take effect first",
               [] { return detail::intercepted(std::make_shared<detail::Overtake>()); }),
      Innocent("group_commit", "writes are acknowledged late and together",
               [] { return detail::intercepted(std::make_shared<detail::GroupCommit>()); }),
      Innocent("private_pool", "each call goes to threads of the store and back",
               [] { return detail::intercepted(std::make_shared<detail::ViaPool>()); }),
  };
}

} // namespace agentstore::conformance

#endif
