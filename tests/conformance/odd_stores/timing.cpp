// SPDX-License-Identifier: Apache-2.0

// Odd stores whose calls take their time, suspend at will, or work on threads of their own.

#include "conformance/odd_stores/all.hpp"

#include <agentstore/authoring/offload.hpp>
#include <agentstore/testing/intercepting_directories.hpp>
#include <agentstore/testing/slow.hpp>
#include <agentstore/testing/yielding.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <thread>

namespace agentstore::conformance {

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

/// The same with an interceptor for each handle.
template <class OfHandle>
std::shared_ptr<AnyHarness> intercepted_each() {
  return over_memory(
      [](std::shared_ptr<MemoryBackend> inner) {
        return std::make_shared<InterceptingStore>(std::move(inner), std::make_shared<OfHandle>());
      },
      [](std::shared_ptr<MemoryArchive> inner) {
        return std::make_shared<InterceptingArchive>(std::move(inner),
                                                     std::make_shared<OfHandle>());
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

/// Answers, and refusals too, come after many hops.
class ManyHops final : public Interceptor {
public:
  awaitable<void> after(std::string_view, std::string) override { return yield_times(20); }
};

/// No call takes as long as another.
class RandomDelays final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override { return wait(); }
  awaitable<void> after(std::string_view, std::string) override { return wait(); }

private:
  awaitable<void> wait() {
    const std::uint32_t number = next_.fetch_add(2654435761u);
    const auto delay = std::chrono::microseconds((number >> 8u) % 200);
    return (number >> 28u) < 4 ? yield_times(number % 3)
                               : wait_until(std::chrono::steady_clock::now() + delay);
  }

  std::atomic<std::uint32_t> next_ = 1;
};

/// From here on a cancellation changes nothing.
inline awaitable<void> stop_listening() {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await boost::asio::this_coro::throw_if_cancelled(false);
}

/// One call at a time, whatever it is and wherever it goes; the others wait. A cancelled one leaves
/// as long as it waits, and is not listened to when its turn has come.
class OneAtATime final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override {
    while (is_busy_.exchange(true)) {
      co_await wait_until(std::chrono::steady_clock::now() + std::chrono::microseconds(30));
    }
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await stop_listening();
    co_await yield_times(2);
  }
  awaitable<void> after(std::string_view, std::string) override {
    is_busy_ = false;
    co_return;
  }

private:
  std::atomic<bool> is_busy_ = false;
};

/// Does not listen to a cancellation at all: the call goes on to its end.
class IsDeaf final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await stop_listening();
    co_await wait_until(std::chrono::steady_clock::now() + std::chrono::microseconds(50));
  }
};

/// Says of a cancelled call that the store was not available.
class TakesCancellationForFailure final : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    bool is_cancelled = false;
    try {
      co_await wait_until(std::chrono::steady_clock::now() + std::chrono::microseconds(50));
    } catch (const boost::system::system_error&) {
      is_cancelled = true;
    }
    if (is_cancelled) {
      throw StorageError(errc::unavailable, std::string(operation), key, "given up");
    }
  }
};

/// Calls that are waiting when their handle is closed are given up.
class GivesUpAtClose final : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    if (operation == "close") {
      ++closes_;
      co_return;
    }
    const std::size_t closes = closes_;
    co_await yield_times(3);
    if (closes != closes_ && operation != "health_check" && operation != "initialize") {
      throw StorageError(errc::closed, std::string(operation), key, "closed meanwhile");
    }
  }

private:
  std::atomic<std::size_t> closes_ = 0;
};

/// Each call waits in an event loop of its own, on a thread of its own.
class ThreadPerCall final : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override {
    auto initiate = [](auto handler) {
      auto home = boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                      boost::asio::execution::outstanding_work.tracked);
      std::thread([home, handler = std::move(handler)]() mutable {
        {
          boost::asio::io_context own;
          boost::asio::steady_timer timer(own, std::chrono::microseconds(20));
          timer.async_wait([](boost::system::error_code) {});
          own.run();
        }
        boost::asio::post(home, std::move(handler));
      }).detach();
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        initiate, boost::asio::use_awaitable);
  }
};

} // namespace detail

std::vector<OddStore> distant_odd_stores() {
  return {OddStore("slow_2ms", "each call takes two milliseconds, as over a network", [] {
    return detail::intercepted(std::make_shared<detail::WaitBefore>(std::chrono::milliseconds(2)));
  })};
}

std::vector<OddStore> timing_odd_stores() {
  return {
      OddStore("reference", "the reference itself, which never suspends",
               [] {
                 return over_memory([](std::shared_ptr<MemoryBackend> inner) { return inner; },
                                    [](std::shared_ptr<MemoryArchive> inner) { return inner; });
               }),
      OddStore("slow", "each call takes a while, on a timer",
               [] {
                 return detail::intercepted(
                     std::make_shared<detail::WaitBefore>(std::chrono::microseconds(200)));
               }),
      OddStore("yielding", "each call suspends three times before and twice after",
               [] { return detail::intercepted(std::make_shared<detail::YieldAround>()); }),
      OddStore("from_timer", "each call is resumed by a timer",
               [] { return detail::intercepted(std::make_shared<detail::ResumeFromTimer>()); }),
      OddStore("overtaking", "of calls made at once any may take effect first",
               [] { return detail::intercepted(std::make_shared<detail::Overtake>()); }),
      OddStore("group_commit", "writes are acknowledged late and together",
               [] { return detail::intercepted(std::make_shared<detail::GroupCommit>()); }),
      OddStore("private_pool", "each call goes to threads of the store and back",
               [] { return detail::intercepted(std::make_shared<detail::ViaPool>()); }),
      OddStore("many_hops", "answers and refusals come after twenty hops",
               [] { return detail::intercepted(std::make_shared<detail::ManyHops>()); }),
      OddStore("random_delays", "no call takes as long as another",
               [] { return detail::intercepted(std::make_shared<detail::RandomDelays>()); }),
      OddStore("one_at_a_time", "calls wait for each other, whatever they are about",
               [] { return detail::intercepted(std::make_shared<detail::OneAtATime>()); }),
      OddStore("deaf", "a cancelled call goes on to its end, by its result: CAN-01 leaves it that",
               [] { return detail::intercepted(std::make_shared<detail::IsDeaf>()); }),
      OddStore("unavailable_when_cancelled", "a cancelled call ends by a StorageError",
               [] {
                 return detail::intercepted(
                     std::make_shared<detail::TakesCancellationForFailure>());
               }),
      OddStore("gives_up_at_close", "calls that wait are closed when the store is",
               [] { return detail::intercepted_each<detail::GivesUpAtClose>(); }),
      OddStore("thread_per_call", "each call waits in an event loop and on a thread of its own",
               [] { return detail::intercepted(std::make_shared<detail::ThreadPerCall>()); }),
  };
}

} // namespace agentstore::conformance
