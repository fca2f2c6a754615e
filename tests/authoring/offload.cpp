// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/authoring/offload.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace agentstore;
using agentstore::test::run;
using namespace std::chrono_literals;

namespace {

/// A result that can only be moved, and that no default constructor makes.
class Token {
public:
  explicit Token(int value) : value_(std::make_unique<int>(value)) {}
  int value() const { return *value_; }

private:
  std::unique_ptr<int> value_;
};

awaitable<std::thread::id> thread_after(asio::thread_pool& pool, std::thread::id* worker) {
  auto work = [worker] { *worker = std::this_thread::get_id(); };
  co_await offload(pool.get_executor(), work);
  co_return std::this_thread::get_id();
}

awaitable<std::thread::id> thread_after_throw(asio::thread_pool& pool) {
  auto work = []() -> int { throw std::runtime_error("on the worker"); };
  auto call = offload(pool.get_executor(), work);
  bool thrown = false;
  try {
    static_cast<void>(co_await std::move(call));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  co_return thrown ? std::this_thread::get_id() : std::thread::id();
}

} // namespace

TEST_CASE("offload returns what the work returns") {
  asio::thread_pool pool(1);
  auto work = [text = std::string(100, 'x')]() mutable { return std::move(text); };
  CHECK(run(offload(pool.get_executor(), std::move(work))) == std::string(100, 'x'));
}

TEST_CASE("offload takes work and results that can only be moved") {
  asio::thread_pool pool(1);
  auto work = [seven = std::make_unique<int>(7)] { return Token(*seven); };
  awaitable<Token> call = offload(pool.get_executor(), std::move(work));
  int value = 0;
  auto look = [](awaitable<Token> token, int* out) -> awaitable<void> {
    const Token taken = co_await std::move(token);
    *out = taken.value();
  };
  run(look(std::move(call), &value));
  CHECK(value == 7);
}

TEST_CASE("offload runs work that returns nothing") {
  asio::thread_pool pool(1);
  std::atomic<int> runs = 0;
  auto work = [&runs] { ++runs; };
  run(offload(pool.get_executor(), work));
  CHECK(runs == 1);
}

TEST_CASE("offload throws what the work throws") {
  asio::thread_pool pool(1);
  auto failing = []() -> int { throw std::invalid_argument("no"); };
  CHECK_THROWS_AS(run(offload(pool.get_executor(), failing)), std::invalid_argument);
  auto failing_for_nothing = [] { throw std::out_of_range("no"); };
  CHECK_THROWS_AS(run(offload(pool.get_executor(), failing_for_nothing)), std::out_of_range);
  auto not_an_exception = [] { throw 42; };
  CHECK_THROWS_AS(run(offload(pool.get_executor(), not_an_exception)), int);
}

TEST_CASE("offload works elsewhere and comes back to the caller's executor") {
  asio::thread_pool pool(1);
  std::thread::id worker;
  CHECK(run(thread_after(pool, &worker)) == std::this_thread::get_id());
  CHECK(worker != std::thread::id());
  CHECK(worker != std::this_thread::get_id());
  CHECK(run(thread_after_throw(pool)) == std::this_thread::get_id());
}

TEST_CASE("offload comes back to the caller's strand") {
  asio::thread_pool callers(2);
  asio::thread_pool pool(2);
  auto strand = asio::make_strand(callers);
  std::atomic<int> strayed = 0;
  // Guarded by the strand alone: a return to any other executor would be a race.
  int counter = 0;
  auto loop = [&]() -> awaitable<void> {
    for (int i = 0; i < 50; ++i) {
      auto work = [] { return 1; };
      const int one = co_await offload(pool.get_executor(), work);
      counter += one;
      if (!strand.running_in_this_thread()) {
        ++strayed;
      }
    }
  };
  std::atomic<int> failed = 0;
  for (int i = 0; i < 4; ++i) {
    asio::co_spawn(strand, loop(), [&failed](std::exception_ptr error) {
      if (error) {
        ++failed;
      }
    });
  }
  callers.join();
  CHECK(counter == 200);
  CHECK(strayed == 0);
  CHECK(failed == 0);
}

TEST_CASE("offload does nothing before it is awaited, and nothing if it is dropped") {
  asio::thread_pool pool(1);
  auto owned = std::make_shared<std::atomic<int>>(0);
  const std::weak_ptr<std::atomic<int>> watch = owned;
  {
    auto work = [owned = std::move(owned)] { return ++*owned; };
    awaitable<int> call = offload(pool.get_executor(), std::move(work));
    pool.join();
    REQUIRE(watch.lock());
    CHECK(*watch.lock() == 0);
  }
  CHECK(watch.expired());
}

TEST_CASE("The caller's thread is free while work runs") {
  asio::thread_pool pool(1);
  std::atomic<bool> ticked = false;
  asio::io_context context;
  auto waiting = [&ticked] {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!ticked && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(1ms);
    }
    return ticked.load();
  };
  bool result = false;
  auto call = [&]() -> awaitable<void> {
    auto running = offload(pool.get_executor(), waiting);
    result = co_await std::move(running);
  };
  asio::co_spawn(context, call(), [](std::exception_ptr error) { CHECK_FALSE(error); });
  asio::steady_timer timer(context, 5ms);
  timer.async_wait([&ticked](boost::system::error_code) { ticked = true; });
  context.run_for(30s);
  CHECK(result);
}

TEST_CASE("A cancelled offload ends after its work, which runs to its end") {
  using namespace asio::experimental::awaitable_operators;
  asio::thread_pool pool(1);
  std::atomic<bool> begun = false;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> ended = false;
  bool ended_when_reported = false;
  auto scenario = [&]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    auto work = [&] {
      begun = true;
      while (!cancelled) {
        std::this_thread::sleep_for(1ms);
      }
      std::this_thread::sleep_for(20ms);
      ended = true;
      return 1;
    };
    auto cancel = [&]() -> awaitable<void> {
      while (!begun) {
        timer.expires_after(1ms);
        co_await timer.async_wait(asio::use_awaitable);
      }
      cancelled = true; // in a moment, by its end
    };
    auto either = offload(pool.get_executor(), work) || cancel();
    static_cast<void>(co_await std::move(either));
    ended_when_reported = ended;
  };
  run(scenario());
  CHECK(begun);
  CHECK(ended_when_reported);
  // The pool works on.
  auto again = [] { return 2; };
  CHECK(run(offload(pool.get_executor(), again)) == 2);
}

TEST_CASE("Many calls at once from many threads each get their own result") {
  asio::thread_pool callers(3);
  asio::thread_pool pool(3);
  std::atomic<int> right = 0;
  auto loop = [&](int base) -> awaitable<void> {
    for (int i = 0; i < 200; ++i) {
      auto work = [base, i] {
        if (i % 10 == 9) {
          throw base + i;
        }
        return std::to_string(base + i);
      };
      auto call = offload(pool.get_executor(), work);
      try {
        const std::string text = co_await std::move(call);
        right += text == std::to_string(base + i) ? 1 : 0;
      } catch (int thrown) {
        right += thrown == base + i && i % 10 == 9 ? 1 : 0;
      }
    }
  };
  for (int caller = 0; caller < 6; ++caller) {
    asio::co_spawn(callers, loop(1000 * caller), [](std::exception_ptr) {});
  }
  callers.join();
  CHECK(right == 1200);
}
