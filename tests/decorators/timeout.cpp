// SPDX-License-Identifier: Apache-2.0
// TimeoutBackend: what is quick is as it is, what takes too long ends in time, and without effect.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/every_call.hpp"
#include "support/loop.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/decorators/timeout.hpp>
#include <agentstore/testing/failing.hpp>
#include <agentstore/testing/slow.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <thread>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace because = boost::system::errc;

namespace {

MemoryOptions frozen() {
  MemoryOptions options;
  options.clock = [] { return Timestamp(); };
  return options;
}

std::shared_ptr<MemoryBackend> opened() {
  auto memory = std::make_shared<MemoryBackend>();
  REQUIRE(run(memory->initialize()));
  return memory;
}

/// Heeds no cancellation, and is done in the end.
class Stubborn : public InterceptingBackend {
public:
  explicit Stubborn(InnerBackend inner)
      : InterceptingBackend(std::move(inner), std::make_shared<Unmoved>()) {}

private:
  class Unmoved : public Interceptor {
  public:
    awaitable<void> before(std::string_view, std::string) override { return wait(); }

  private:
    static awaitable<void> wait() {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      asio::steady_timer timer(co_await asio::this_coro::executor, 60ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
};

template <class T>
awaitable<bool> ends_within(awaitable<T> call, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto both = std::move(call) || timer.async_wait(asio::use_awaitable);
  const auto first = co_await std::move(both);
  co_return first.index() == 0;
}

} // namespace

TEST_CASE("A store with a deadline answers as what is in it") {
  MemoryBackend bare(frozen());
  TimeoutBackend timed(std::make_shared<MemoryBackend>(frozen()), 60s);
  const auto calls = backend_calls<TimeoutBackend<MemoryBackend>>();
  const auto bare_calls = backend_calls<MemoryBackend>();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i, calls[i].operation);
    CHECK(run(calls[i].make(timed)) == run(bare_calls[i].make(bare)));
  }
}

TEST_CASE("Every call that takes too long says so, in time, and has had no effect") {
  const auto memory = opened();
  TimeoutBackend timed(std::make_shared<SlowBackend>(memory, 60s), 5ms);
  Loop loop;
  for (const auto& call : backend_calls<TimeoutBackend<SlowBackend>>()) {
    CAPTURE(call.operation);
    if (call.operation == "health_check") {
      continue;
    }
    const auto error = error_of(loop, call.make(timed));
    REQUIRE(is_clear(error, errc::unavailable, call.operation, "no answer within 5 ms"));
    CHECK(error->key() == call.key);
    CHECK(error->cause() == because::timed_out);
    CHECK(is_transient(*error));
  }
  const Health health = loop.run(timed.health_check());
  CHECK(health.status == Health::Status::unhealthy);
  CHECK(health.issues.at(0).find("no answer within 5 ms") != std::string::npos);
  CHECK(loop.run(memory->get_metrics()) == Metrics());
}

TEST_CASE("Each directory that is in it has the deadline, too") {
  TimeoutBackend timed(std::make_shared<MemoryBackend>(), 60s);
  static_assert(std::derived_from<decltype(timed), ISessionDirectory>);
  static_assert(std::derived_from<decltype(timed), IThreadDirectory>);
  static_assert(!std::derived_from<TimeoutBackend<SlowBackend>, ISessionDirectory>);
  static_assert(!std::derived_from<TimeoutBackend<SlowBackend>, IThreadDirectory>);
  REQUIRE(run(timed.initialize()));
  REQUIRE(run(timed.store_checkpoint("t", "c", 1)));
  CHECK(run(timed.list_threads()).thread_ids.size() == 1);
  CHECK(run(timed.delete_thread("t")));
}

TEST_CASE("A call that is done in spite of its deadline gives its result") {
  const auto memory = opened();
  TimeoutBackend timed(std::make_shared<Stubborn>(memory), 5ms);
  CHECK(run(timed.store_checkpoint("t", "c", 1)));
  CHECK(run(memory->get_checkpoint("t")));
}

TEST_CASE("An error of the store goes through") {
  TimeoutBackend timed(std::make_shared<FailingStore>(opened(), FaultPlan().times(1)), 60s);
  Loop loop;
  const auto error = error_of(loop, timed.get_session("s"));
  CHECK(is_clear(error, errc::unavailable, "get_session", "a fault injected"));
  CHECK(error->cause() == boost::system::error_condition());
  CHECK_FALSE(loop.run(timed.get_session("s")));
}

TEST_CASE("A caller that gives up gets through to the store") {
  const auto memory = opened();
  TimeoutBackend timed(std::make_shared<SlowBackend>(memory, 60s), 30s);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(run(ends_within(timed.store_checkpoint("t", "c", 1), 10ms)));
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  CHECK_FALSE(run(memory->get_checkpoint("t")));

  asio::io_context context;
  asio::cancellation_signal signal;
  std::exception_ptr end;
  asio::co_spawn(context, timed.get_session("s"),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&end](std::exception_ptr error, std::optional<Session>) {
                       end = std::move(error);
                     }));
  SECTION("before the call has begun") {}
  SECTION("before its strand has begun") {
    context.poll_one();
  }
  SECTION("while it waits") {
    context.poll();
  }
  signal.emit(asio::cancellation_type::terminal);
  context.run_for(10s);
  REQUIRE(end);
  CHECK_THROWS_AS(std::rethrow_exception(end), boost::system::system_error);
  CHECK_THROWS_WITH(std::rethrow_exception(end), Catch::Contains("cancel"));
}

TEST_CASE("Limits that are none, or have no end") {
  Loop loop;
  TimeoutBackend none(std::make_shared<MemoryBackend>(), 0ms);
  CHECK(is_clear(error_of(loop, none.initialize()), errc::invalid_argument, "initialize",
                 "not above 0"));
  TimeoutBackend negative(std::make_shared<MemoryBackend>(), std::chrono::milliseconds::min());
  CHECK(is_clear(error_of(loop, negative.initialize()), errc::invalid_argument, "initialize",
                 "not above 0"));
  TimeoutBackend endless(std::make_shared<MemoryBackend>(), std::chrono::milliseconds::max());
  CHECK(loop.run(endless.initialize()));
}

TEST_CASE("Calls on an executor of many threads, some of them too late, all end right") {
  const auto memory = opened();
  TimeoutBackend quick(std::make_shared<SlowBackend>(memory, 300us), 1ms);
  asio::thread_pool pool(4);
  std::vector<std::future<bool>> calls;
  for (int i = 0; i < 2'000; ++i) {
    calls.push_back(
        asio::co_spawn(pool, quick.store_checkpoint("t", std::to_string(i), 1), asio::use_future));
  }
  std::size_t stored = 0;
  for (auto& call : calls) {
    try {
      stored += call.get() ? 1u : 0u;
    } catch (const StorageError& error) {
      CHECK(error.cause() == because::timed_out);
    }
  }
  CHECK(run(memory->get_metrics()).total_checkpoints == stored);
}

TEST_CASE("Calls may outlive the object, and their context may go first") {
  const auto memory = opened();
  Loop loop;
  std::shared_ptr<Ending<bool>> ending;
  {
    TimeoutBackend timed(std::make_shared<SlowBackend>(memory, 1ms), 60s);
    ending = loop.start(timed.store_checkpoint("t", "c", 1));
  }
  loop.finish();
  CHECK(ending->has_value());

  TimeoutBackend timed(std::make_shared<SlowBackend>(memory, 60s), 60s);
  {
    Loop abandoned;
    abandoned.start(timed.store_checkpoint("t", "never", 1));
    abandoned.poll();
  }
  CHECK_FALSE(run(memory->get_checkpoint("t", "never")));
}
