// SPDX-License-Identifier: Apache-2.0

// What MemoryBackend promises beyond the contract: spaces and handles, the clock, the limits, and
// calls that outlive the object. The conformance kit tests the contract.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>

#include <boost/asio/thread_pool.hpp>

#include <atomic>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

/// A clock that is set by hand, from any thread.
class HandClock {
public:
  Clock clock() const {
    return [now = now_] { return Timestamp(std::chrono::microseconds(now->load())); };
  }
  void set(std::chrono::microseconds since_epoch) const { *now_ = since_epoch.count(); }

private:
  std::shared_ptr<std::atomic<std::int64_t>> now_ = std::make_shared<std::atomic<std::int64_t>>(0);
};

MemoryOptions timed_by(const HandClock& hand) {
  MemoryOptions options;
  options.clock = hand.clock();
  return options;
}

errc error_of(awaitable<bool> call) {
  try {
    run(std::move(call));
  } catch (const StorageError& error) {
    return static_cast<errc>(error.code().value());
  }
  return errc();
}

} // namespace

TEST_CASE("Handles on one space see one another's data") {
  const auto space = std::make_shared<MemorySpace>();
  MemoryBackend first(space);
  MemoryBackend second(space);
  REQUIRE(run(first.initialize()));
  REQUIRE(run(second.initialize()));
  run(first.create_session("s", "u"));
  CHECK(run(second.add_conversation_message("s", "user", "hello")));
  CHECK(run(first.get_conversation_history("s")).size() == 1);
  CHECK(run(second.get_metrics()) == run(first.get_metrics()));
}

TEST_CASE("Each handle has a life cycle of its own") {
  const auto space = std::make_shared<MemorySpace>();
  MemoryBackend first(space);
  MemoryBackend second(space);
  REQUIRE(run(first.initialize()));
  CHECK(error_of(second.store_checkpoint("t", "c", 1)) == errc::closed);
  REQUIRE(run(second.initialize()));
  run(first.close());
  CHECK(run(second.store_checkpoint("t", "c", 1)));
  CHECK(error_of(first.store_checkpoint("t", "c", 2)) == errc::closed);
  CHECK(run(first.health_check()).status == Health::Status::unhealthy);
  CHECK(run(second.health_check()).status == Health::Status::healthy);
  REQUIRE(run(first.initialize()));
  CHECK(run(first.get_checkpoint("t"))->data == json(1));
}

TEST_CASE("Backends made without a space share nothing") {
  MemoryBackend first;
  MemoryBackend second;
  REQUIRE(run(first.initialize()));
  REQUIRE(run(second.initialize()));
  run(first.create_session("s", "u"));
  CHECK_FALSE(run(second.get_session("s")));
}

TEST_CASE("The data lives as long as the space or a handle on it") {
  auto space = std::make_shared<MemorySpace>();
  {
    MemoryBackend writer(space);
    REQUIRE(run(writer.initialize()));
    run(writer.create_session("s", "u"));
  }
  auto reader = std::make_unique<MemoryBackend>(space);
  const std::weak_ptr<MemorySpace> watch = space;
  space.reset();
  REQUIRE(run(reader->initialize()));
  CHECK(run(reader->get_session("s")));
  reader.reset();
  CHECK(watch.expired());
}

TEST_CASE("A call may outlive the object it was made on, and keeps the data alive") {
  auto backend = std::make_unique<MemoryBackend>();
  REQUIRE(run(backend->initialize()));
  run(backend->create_session("s", "u"));
  auto append = backend->add_conversation_message("s", "user", "hello");
  auto history = backend->get_conversation_history("s");
  auto health = backend->health_check();
  auto close = backend->close();
  backend.reset();
  CHECK(run(std::move(append)));
  CHECK(run(std::move(history)).size() == 1);
  CHECK(run(std::move(health)).status == Health::Status::healthy);
  CHECK_NOTHROW(run(std::move(close)));
}

TEST_CASE("A call that is made before close and awaited after it is closed") {
  MemoryBackend backend;
  REQUIRE(run(backend.initialize()));
  auto store = backend.store_checkpoint("t", "c", 1);
  run(backend.close());
  try {
    run(std::move(store));
    FAIL("the call did not fail");
  } catch (const StorageError& error) {
    CHECK(error.code() == errc::closed);
    CHECK(error.operation() == "store_checkpoint");
    CHECK(error.key() == "t");
  }
}

TEST_CASE("Every time is the injected clock's") {
  const HandClock hand;
  MemoryBackend backend(timed_by(hand));
  REQUIRE(run(backend.initialize()));
  hand.set(10us);
  const Session created = run(backend.create_session("s", "u"));
  CHECK(created.created_at == Timestamp(10us));
  CHECK(created.last_activity == Timestamp(10us));
  hand.set(20us);
  CHECK(run(backend.add_conversation_message("s", "user", "hello")));
  CHECK(run(backend.get_conversation_history("s"))[0].timestamp == Timestamp(20us));
  CHECK(run(backend.get_session("s"))->last_activity == Timestamp(20us));
  hand.set(30us);
  CHECK(run(backend.put_checkpoint("t", "c", 1)));
  CHECK(run(backend.get_checkpoint("t"))->created_at == Timestamp(30us));
  hand.set(40us);
  CHECK(run(backend.put_checkpoint("t", "c", 2)));
  CHECK(run(backend.get_checkpoint("t"))->created_at == Timestamp(30us));
}

TEST_CASE("A clock that goes backwards moves neither activity nor order back") {
  const HandClock hand;
  MemoryBackend backend(timed_by(hand));
  REQUIRE(run(backend.initialize()));
  hand.set(100us);
  run(backend.create_session("s", "u"));
  CHECK(run(backend.add_conversation_message("s", "user", "first")));
  CHECK(run(backend.store_checkpoint("t", "first", 1)));
  hand.set(50us);
  CHECK(run(backend.update_session("s", SessionUpdate().mark_error())));
  CHECK(run(backend.add_conversation_message("s", "user", "second")));
  CHECK(run(backend.store_checkpoint("t", "second", 2)));
  CHECK(run(backend.get_session("s"))->last_activity == Timestamp(100us));
  const std::vector<Message> history = run(backend.get_conversation_history("s"));
  REQUIRE(history.size() == 2);
  CHECK(history[1].content == "second");
  CHECK(history[1].timestamp == Timestamp(50us));
  CHECK(run(backend.get_checkpoint("t"))->checkpoint_id == "second");
  // Idle for less than nothing is idle for 0.
  CHECK(run(backend.cleanup_expired_sessions(1us)) == 0);
  CHECK(run(backend.cleanup_expired_sessions(0us)) == 1);
}

TEST_CASE("Clean-up counts idleness by the injected clock, to the microsecond") {
  const HandClock hand;
  MemoryBackend backend(timed_by(hand));
  REQUIRE(run(backend.initialize()));
  for (int i = 0; i < 5; ++i) {
    hand.set(std::chrono::microseconds(i));
    run(backend.create_session(std::to_string(i), "u"));
    CHECK(run(backend.store_checkpoint(std::to_string(i), "c", i)));
  }
  hand.set(100us);
  CHECK(run(backend.cleanup_expired_sessions(98us)) == 3);
  CHECK_FALSE(run(backend.get_session("2")));
  CHECK_FALSE(run(backend.get_checkpoint("2")));
  CHECK(run(backend.get_session("3")));
  CHECK(run(backend.get_checkpoint("3")));
  CHECK(run(backend.get_metrics()).total_sessions == 2);
  CHECK(run(backend.cleanup_expired_sessions(98us)) == 0);
}

TEST_CASE("The stated limits can be set, for a space and for a backend of its own") {
  MemoryOptions options;
  options.limits.max_value_bytes = 10;
  options.limits.max_depth = 1;
  const auto space = std::make_shared<MemorySpace>(options);
  MemoryBackend by_space(space);
  MemoryBackend by_options(options);
  for (MemoryBackend* backend : {&by_space, &by_options}) {
    REQUIRE(run(backend->initialize()));
    CHECK(run(backend->store_checkpoint("t", "c", object_of_size(10))));
    CHECK(error_of(backend->store_checkpoint("t", "d", object_of_size(11))) == errc::too_large);
    CHECK(error_of(backend->store_checkpoint("t", "d", nested(2))) == errc::invalid_argument);
    CHECK(run(backend->list_checkpoints("t")).size() == 1);
  }
}

TEST_CASE("Many threads use one handle and several at once, and nothing is lost") {
  namespace asio = boost::asio;
  constexpr int writers = 4;
  constexpr int rounds = 100;
  const auto space = std::make_shared<MemorySpace>();
  MemoryBackend shared(space);
  REQUIRE(run(shared.initialize()));
  run(shared.create_session("s", "u"));
  std::atomic<int> failures = 0;
  auto write = [&](int writer) -> awaitable<void> {
    MemoryBackend own(space);
    (void)co_await own.initialize();
    for (int round = 0; round < rounds; ++round) {
      MemoryBackend& store = round % 2 == 0 ? own : shared;
      const std::string name = std::to_string(writer) + "-" + std::to_string(round);
      bool taken = co_await store.update_session("s", SessionUpdate().increment_requests());
      taken &= co_await store.add_conversation_message("s", "user", name);
      taken &= co_await store.store_checkpoint("t", name, round);
      (void)co_await store.create_session(name, "u");
      const Metrics metrics = co_await store.get_metrics();
      failures += taken && metrics.total_messages > 0 ? 0 : 1;
    }
  };
  asio::thread_pool threads(writers);
  for (int writer = 0; writer < writers; ++writer) {
    asio::co_spawn(threads, write(writer), [&failures](std::exception_ptr error) {
      if (error) {
        ++failures;
      }
    });
  }
  threads.join();
  CHECK(failures == 0);
  const Metrics metrics = run(shared.get_metrics());
  CHECK(metrics.total_messages == writers * rounds);
  CHECK(metrics.total_checkpoints == writers * rounds);
  CHECK(metrics.total_sessions == writers * rounds + 1);
  CHECK(run(shared.get_session("s"))->request_count == writers * rounds);
}
