// SPDX-License-Identifier: Apache-2.0
// RetryBackend: what it makes again and what not, how often, and with which pauses.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/every_call.hpp"
#include "support/loop.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/decorators/retry.hpp>
#include <agentstore/detail/backoff.hpp>
#include <agentstore/testing/failing.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <set>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace because = boost::system::errc;

namespace {

RetryOptions at_once(std::size_t max_attempts) {
  RetryOptions options;
  options.max_attempts = max_attempts;
  options.first_pause = 0ms;
  options.longest_pause = 0ms;
  return options;
}

/// Counts calls, and fails each with an error.
class Refusing : public Interceptor {
public:
  Refusing(errc code, boost::system::error_condition cause) : code_(code), cause_(cause) {}

  awaitable<void> before(std::string_view operation, std::string key) override {
    ++calls;
    throw StorageError(code_, std::string(operation), std::move(key), "refused", cause_);
    co_return;
  }

  int calls = 0;

private:
  errc code_;
  boost::system::error_condition cause_;
};

std::shared_ptr<MemoryBackend> opened() {
  auto memory = std::make_shared<MemoryBackend>();
  REQUIRE(run(memory->initialize()));
  return memory;
}

int attempts_at(errc code, boost::system::error_condition cause = {}) {
  const auto refusing = std::make_shared<Refusing>(code, cause);
  RetryBackend store(std::make_shared<InterceptingBackend>(opened(), refusing), at_once(4));
  Loop loop;
  CHECK(is_clear(error_of(loop, store.get_session("s")), code, "get_session", "refused"));
  return refusing->calls;
}

} // namespace

TEST_CASE("What may be repeated is, as often as it is told, and nothing else") {
  const std::set<std::string> repeated = {
      "initialize", "get_session",      "get_conversation_history", "store_checkpoint",
      "get_writes", "put_checkpoint",   "get_checkpoint",           "list_checkpoints",
      "put_writes", "get_task_context", "store_task_context",       "get_metrics"};
  const auto refusing =
      std::make_shared<Refusing>(errc::unavailable, boost::system::error_condition());
  using Store = RetryBackend<InterceptingBackend>;
  Store store(std::make_shared<InterceptingBackend>(opened(), refusing), at_once(3));
  Loop loop;
  std::set<std::string> seen;
  for (const auto& call : backend_calls<Store>()) {
    CAPTURE(call.operation);
    if (call.operation == "health_check" || call.operation == "update_session") {
      continue; // the one never throws, the other has a test of its own
    }
    refusing->calls = 0;
    CHECK(is_clear(error_of(loop, call.make(store)), errc::unavailable, call.operation, ""));
    CHECK(refusing->calls == (repeated.contains(call.operation) ? 3 : 1));
    seen.insert(call.operation);
  }
  for (const std::string& operation : repeated) {
    CHECK(seen.contains(operation));
  }
}

TEST_CASE("An update is repeated unless it counts something") {
  const auto refusing =
      std::make_shared<Refusing>(errc::unavailable, boost::system::error_condition());
  RetryBackend store(std::make_shared<InterceptingBackend>(opened(), refusing), at_once(3));
  Loop loop;
  const auto attempts = [&](SessionUpdate update) {
    refusing->calls = 0;
    CHECK(error_of(loop, store.update_session("s", std::move(update))));
    return refusing->calls;
  };
  json patch = json::object();
  patch["a"] = 1;
  CHECK(attempts(SessionUpdate()) == 3);
  CHECK(attempts(SessionUpdate().updates(patch)) == 3);
  CHECK(attempts(SessionUpdate().updates(patch).increment_requests()) == 1);
  CHECK(attempts(SessionUpdate().mark_error()) == 1);
  CHECK(attempts(SessionUpdate().add_processing_time(1us)) == 1);
}

TEST_CASE("A directory is read again, and changed once") {
  const auto memory = opened();
  run(memory->create_session("s", "u"));
  REQUIRE(run(memory->store_checkpoint("t", "c", 1)));
  const auto faults = std::make_shared<Faults>();
  RetryBackend store(std::make_shared<FailingStore>(memory, faults), at_once(3));
  static_assert(!std::derived_from<RetryBackend<InterceptingBackend>, ISessionDirectory>);
  faults->arm(FaultPlan().times(2));
  CHECK(run(store.list_sessions("u")).sessions.size() == 1);
  faults->arm(FaultPlan().times(2));
  CHECK(run(store.list_threads()).thread_ids.size() == 1);
  faults->arm(FaultPlan().times(2));
  CHECK(run(store.list_checkpoints_before("t", "c")).empty());
  faults->arm(FaultPlan().times(2));
  CHECK(run(store.get_thread_head("t")).latest);
  for (const int which : {0, 1, 2, 3}) {
    CAPTURE(which);
    faults->arm(FaultPlan().times(1));
    CHECK_THROWS_AS(which == 0   ? run(store.delete_session("s"))
                    : which == 1 ? run(store.delete_thread("t"))
                    : which == 2 ? run(store.copy_thread("t", "t2"))
                                 : run(store.prune_thread("t", 0)) > 0,
                    StorageError);
  }
}

TEST_CASE("A write whose answer was lost is there once, and answered") {
  const auto memory = opened();
  const auto faults = std::make_shared<Faults>();
  RetryBackend store(std::make_shared<FailingStore>(memory, faults), at_once(3));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  faults->arm(FaultPlan().after().times(2));
  CHECK(run(store.put_writes("t", "c", "task", writes)));
  CHECK(faults->failures() == 2);
  CHECK(run(memory->get_writes("t", "c")).size() == 1);
  faults->arm(FaultPlan().after().times(2));
  CHECK(run(store.store_checkpoint("t", "c", 1)));
  CHECK(run(memory->get_metrics()).total_checkpoints == 1);
}

TEST_CASE("Only what may pass by itself is tried again") {
  CHECK(attempts_at(errc::unavailable) == 4);
  CHECK(attempts_at(errc::unavailable, make_error_condition(because::timed_out)) == 4);
  CHECK(attempts_at(errc::unavailable, make_error_condition(because::connection_refused)) == 4);
  CHECK(attempts_at(errc::unavailable, make_error_condition(because::no_space_on_device)) == 1);
  CHECK(attempts_at(errc::unavailable, make_error_condition(because::read_only_file_system)) == 1);
  for (const errc code : {errc::invalid_argument, errc::already_exists, errc::too_large,
                          errc::closed, errc::corrupted, errc::not_supported}) {
    CHECK(attempts_at(code) == 1);
  }
}

TEST_CASE("The number of attempts may be anything") {
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}}) {
    const auto faults = std::make_shared<Faults>(FaultPlan().times(1));
    RetryBackend store(std::make_shared<FailingStore>(opened(), faults), at_once(most));
    CHECK_THROWS_AS(run(store.get_session("s")), StorageError);
    CHECK(faults->failures() == 1);
  }
  const auto faults = std::make_shared<Faults>(FaultPlan().times(500));
  RetryBackend store(std::make_shared<FailingStore>(opened(), faults),
                     at_once(std::numeric_limits<std::size_t>::max()));
  CHECK_FALSE(run(store.get_session("s")));
}

TEST_CASE("Pauses grow up to the longest, whatever they begin with") {
  using detail::Backoff;
  constexpr auto most = std::chrono::milliseconds::max();
  constexpr auto least = std::chrono::milliseconds::min();
  Backoff pause(10ms, 35ms);
  CHECK(pause.next() == 10ms);
  CHECK(pause.next() == 20ms);
  CHECK(pause.next() == 35ms);
  CHECK(pause.next() == 35ms);
  Backoff endless(most, most);
  CHECK(endless.next() == most);
  CHECK(endless.next() == most);
  Backoff none(least, least);
  CHECK(none.next() == 0ms);
  CHECK(none.next() == 0ms);
  Backoff short_limit(10ms, 5ms);
  CHECK(short_limit.next() == 5ms);
}

TEST_CASE("A caller that gives up ends a pause") {
  const auto faults = std::make_shared<Faults>(FaultPlan().until_disarmed());
  RetryOptions options;
  options.first_pause = std::chrono::milliseconds::max();
  options.longest_pause = std::chrono::milliseconds::max();
  RetryBackend store(std::make_shared<FailingStore>(opened(), faults), options);
  const auto give_up = [](awaitable<std::optional<Session>> call) -> awaitable<std::size_t> {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
    auto both = std::move(call) || timer.async_wait(asio::use_awaitable);
    const auto first = co_await std::move(both);
    co_return first.index();
  };
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run(give_up(store.get_session("s"))) == 1);
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  CHECK(faults->failures() == 1);
}

TEST_CASE("An update too deep to be stored is refused, not copied") {
  json deep = json::object();
  for (int i = 0; i < 100'000; ++i) {
    json outer = json::object();
    outer["a"] = std::move(deep);
    deep = std::move(outer);
  }
  RetryBackend store(opened(), at_once(3));
  SessionUpdate update;
  update.updates(std::move(deep));
  CHECK_THROWS_AS(run(store.update_session("s", std::move(update))), StorageError);
}
