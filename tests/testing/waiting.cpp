// SPDX-License-Identifier: Apache-2.0

// YieldingBackend and SlowBackend: the same answers, later.

#include "support/catch.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/slow.hpp>
#include <agentstore/testing/yielding.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <thread>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

MemoryOptions frozen() {
  MemoryOptions options;
  options.clock = [] { return Timestamp(); };
  return options;
}

template <class Decorated, class Bare>
void check_same_answers(const std::vector<Call<Decorated>>& calls,
                        const std::vector<Call<Bare>>& bare_calls, Decorated& decorated,
                        Bare& bare) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i, calls[i].operation);
    CHECK(run(calls[i].make(decorated)) == run(bare_calls[i].make(bare)));
  }
}

/// Counts how often the executor runs something else while `call` is not done.
template <class T>
int turns_of_others(awaitable<T> call) {
  asio::io_context context;
  bool done = false;
  int turns = 0;
  auto await = [&done](awaitable<T> inner) -> awaitable<void> {
    (void)co_await std::move(inner);
    done = true;
  };
  auto others = [&]() -> awaitable<void> {
    while (!done) {
      ++turns;
      co_await asio::post(asio::use_awaitable);
    }
  };
  std::exception_ptr error;
  asio::co_spawn(context, await(std::move(call)), [&](std::exception_ptr thrown) {
    error = thrown;
    done = true;
  });
  asio::co_spawn(context, others(), [](std::exception_ptr) {});
  context.run_for(30s);
  if (error) {
    std::rethrow_exception(error);
  }
  return turns;
}

awaitable<std::thread::id> thread_after(IStorageBackend& store) {
  (void)co_await store.get_metrics();
  co_return std::this_thread::get_id();
}

} // namespace

TEST_CASE("A yielding backend and archive answer as what is in them") {
  MemoryBackend bare(frozen());
  YieldingBackend yielding(std::make_shared<MemoryBackend>(frozen()), 2, 3);
  check_same_answers(backend_calls<YieldingBackend>(), backend_calls<MemoryBackend>(), yielding,
                     bare);
  MemoryArchive bare_archive;
  YieldingArchive yielding_archive(std::make_shared<MemoryArchive>());
  check_same_answers(archive_calls<YieldingArchive>(), archive_calls<MemoryArchive>(),
                     yielding_archive, bare_archive);
}

TEST_CASE("A yielding backend lets others run as often as it is told") {
  const auto memory = std::make_shared<MemoryBackend>();
  REQUIRE(run(memory->initialize()));
  YieldingBackend never(memory, 0, 0);
  YieldingBackend often(memory, 3, 4);
  YieldingBackend more(memory, 10, 4);
  CHECK(turns_of_others(memory->get_metrics()) == 0);
  CHECK(turns_of_others(never.get_metrics()) == 0);
  CHECK(turns_of_others(often.get_metrics()) == 7);
  CHECK(turns_of_others(more.get_metrics()) == 14);
}

TEST_CASE("A yielding backend shows an effect between its suspensions, not before") {
  const auto memory = std::make_shared<MemoryBackend>();
  REQUIRE(run(memory->initialize()));
  YieldingBackend yielding(memory, 1, 1);
  std::vector<std::uint64_t> seen;
  asio::io_context context;
  asio::co_spawn(context, yielding.store_checkpoint("t", "c", 1), [](std::exception_ptr, bool) {});
  for (int turn = 0; turn < 5 && context.poll_one() > 0; ++turn) {
    seen.push_back(run(memory->get_metrics()).total_checkpoints);
  }
  REQUIRE(seen.size() >= 3);
  CHECK(seen.front() == 0);
  CHECK(seen.back() == 1);
}

TEST_CASE("A yielding backend comes back on the caller's executor") {
  YieldingBackend yielding(std::make_shared<MemoryBackend>());
  REQUIRE(run(yielding.initialize()));
  CHECK(run(thread_after(yielding)) == std::this_thread::get_id());
}

TEST_CASE("A slow backend and archive answer as what is in them, and take their time") {
  MemoryBackend bare(frozen());
  SlowBackend slow(std::make_shared<MemoryBackend>(frozen()), 2ms);
  const auto begin = std::chrono::steady_clock::now();
  const auto calls = backend_calls<SlowBackend>();
  check_same_answers(calls, backend_calls<MemoryBackend>(), slow, bare);
  CHECK(std::chrono::steady_clock::now() - begin >= 2ms * calls.size());
  MemoryArchive bare_archive;
  SlowArchive slow_archive(std::make_shared<MemoryArchive>(), 1ms);
  check_same_answers(archive_calls<SlowArchive>(), archive_calls<MemoryArchive>(), slow_archive,
                     bare_archive);
}

TEST_CASE("A slow backend does not block the thread: calls wait together") {
  SlowBackend slow(std::make_shared<MemoryBackend>(), 50ms);
  REQUIRE(run(slow.initialize()));
  CHECK(turns_of_others(slow.get_metrics()) > 10);
}

TEST_CASE("A call that is cancelled while a slow backend waits ends at once, without effect") {
  using namespace asio::experimental::awaitable_operators;
  const auto memory = std::make_shared<MemoryBackend>();
  REQUIRE(run(memory->initialize()));
  SlowBackend slow(memory, 1h);
  auto scenario = [](SlowBackend& store) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, 5ms);
    auto either = store.store_checkpoint("t", "c", 1) || timer.async_wait(asio::use_awaitable);
    const auto first = co_await std::move(either);
    CHECK(first.index() == 1);
  };
  run(scenario(slow));
  CHECK(run(memory->get_metrics()).total_checkpoints == 0);
}
