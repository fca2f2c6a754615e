// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/failing.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>

using namespace agentstore;
using namespace agentstore::test;

namespace {

class Fixture {
public:
  Fixture() { REQUIRE(run(memory->initialize())); }

  /// Whether storing one more checkpoint fails.
  bool fails() {
    try {
      const bool taken = run(store.store_checkpoint("t", std::to_string(++stored_), 1));
      CHECK(taken);
      return false;
    } catch (const StorageError& error) {
      CHECK(error.code() == errc::unavailable);
      CHECK(error.operation() == "store_checkpoint");
      CHECK(error.key() == "t");
      return true;
    }
  }

  std::size_t checkpoints() { return run(memory->list_checkpoints("t", 1000)).size(); }

  std::shared_ptr<MemoryBackend> memory = std::make_shared<MemoryBackend>();
  std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  FailingBackend store{memory, faults};

private:
  int stored_ = 0;
};

} // namespace

TEST_CASE("Nothing fails before a plan is armed") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) {
    CHECK_FALSE(fixture.fails());
  }
  CHECK(fixture.faults->failures() == 0);
}

TEST_CASE("A plan as it is made fails the next call once, without effect") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan());
  CHECK(fixture.fails());
  CHECK(fixture.checkpoints() == 0);
  CHECK_FALSE(fixture.fails());
  CHECK(fixture.checkpoints() == 1);
  CHECK(fixture.faults->failures() == 1);
}

TEST_CASE("A failure after the effect leaves the effect") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().after());
  CHECK(fixture.fails());
  CHECK(fixture.checkpoints() == 1);
  fixture.faults->arm(FaultPlan().after().before());
  CHECK(fixture.fails());
  CHECK(fixture.checkpoints() == 1);
}

TEST_CASE("A plan says from which call on and how many fail") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().at(3).times(2));
  std::vector<bool> failed;
  for (int i = 0; i < 6; ++i) {
    failed.push_back(fixture.fails());
  }
  CHECK(failed == std::vector<bool>{false, false, true, true, false, false});
  CHECK(fixture.checkpoints() == 4);
  CHECK(fixture.faults->failures() == 2);
}

TEST_CASE("A plan until disarmed fails all from there on") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().at(2).until_disarmed());
  CHECK_FALSE(fixture.fails());
  for (int i = 0; i < 5; ++i) {
    CHECK(fixture.fails());
  }
  fixture.faults->disarm();
  CHECK_FALSE(fixture.fails());
  CHECK(fixture.faults->failures() == 5);
}

TEST_CASE("Arming anew counts anew") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().at(2));
  CHECK_FALSE(fixture.fails());
  fixture.faults->arm(FaultPlan().at(2));
  CHECK_FALSE(fixture.fails());
  CHECK(fixture.fails());
}

TEST_CASE("A plan for one operation neither fails nor counts others") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().operation("get_writes").at(2).until_disarmed());
  CHECK_FALSE(fixture.fails());
  CHECK(run(fixture.store.get_writes("t", "c")).empty());
  CHECK_FALSE(fixture.fails());
  CHECK_THROWS_AS(run(fixture.store.get_writes("t", "c")), StorageError);
  CHECK_FALSE(fixture.fails());
}

TEST_CASE("Every call fails with its own name and key, but for health_check, which tells") {
  const bool phases[] = {true, false};
  for (const bool before : phases) {
    FaultPlan plan = FaultPlan().until_disarmed();
    FailingBackend store(std::make_shared<MemoryBackend>(), before ? plan.before() : plan.after());
    for (const auto& call : backend_calls<FailingBackend>()) {
      CAPTURE(call.operation, before);
      try {
        const json answer = run(call.make(store));
        CHECK(call.operation == "health_check");
        CHECK(answer["status"] == json("unhealthy"));
        CHECK(answer["storage_backend"] == json("memory"));
        CHECK(answer["issues"].back().get<std::string>().find("fault") != std::string::npos);
      } catch (const StorageError& error) {
        CHECK(call.operation != "health_check");
        CHECK(error.code() == errc::unavailable);
        CHECK(error.operation() == call.operation);
        CHECK(error.key() == call.key);
      }
    }
  }
}

TEST_CASE("An open backend that fails is unhealthy, and healthy again when disarmed") {
  Fixture fixture;
  fixture.faults->arm(FaultPlan().until_disarmed());
  CHECK(run(fixture.store.health_check()).status == Health::Status::unhealthy);
  fixture.faults->disarm();
  CHECK(run(fixture.store.health_check()).status == Health::Status::healthy);
  CHECK(run(fixture.store.health_check()).issues.empty());
}

TEST_CASE("A failing archive answers false, with or without the effect, and its reads throw") {
  const auto memory = std::make_shared<MemoryArchive>();
  const auto faults = std::make_shared<Faults>();
  FailingArchive archive(memory, faults);
  REQUIRE(run(archive.initialize()));
  faults->arm(FaultPlan().until_disarmed());
  for (const auto& call : archive_calls<FailingArchive>()) {
    CAPTURE(call.operation);
    if (call.operation == "read_archive") {
      CHECK_THROWS_AS(run(call.make(archive)), StorageError);
    } else if (call.operation == "close") {
      CHECK_NOTHROW(run(call.make(archive)));
    } else {
      CHECK(run(call.make(archive)) == json(false));
    }
  }
  faults->disarm();
  CHECK(run(archive.read_archive(ArchiveKind::session_event, "s")).empty());

  faults->arm(FaultPlan().after().operation("append_session_event"));
  CHECK_FALSE(run(archive.append_session_event("s", "u", "create", 1)));
  CHECK(run(archive.append_session_event("s", "u", "create", 2)));
  CHECK(run(archive.read_archive(ArchiveKind::session_event, "s")).size() == 2);
}

TEST_CASE("Faults are armed, disarmed and struck from many threads at once") {
  namespace asio = boost::asio;
  constexpr int callers = 3;
  constexpr int rounds = 300;
  Fixture fixture;
  std::atomic<std::uint64_t> caught = 0;
  std::atomic<int> stored = 0;
  auto use = [&](int caller) -> awaitable<void> {
    for (int round = 0; round < rounds; ++round) {
      const std::string id = std::to_string(caller) + "-" + std::to_string(round);
      try {
        stored += co_await fixture.store.store_checkpoint("t", id, 1);
      } catch (const StorageError&) {
        ++caught;
      }
    }
  };
  auto arm = [&]() -> awaitable<void> {
    for (int round = 0; round < rounds; ++round) {
      if (round % 3 == 0) {
        fixture.faults->disarm();
      } else {
        fixture.faults->arm(FaultPlan().at(2).times(2));
      }
      co_await asio::post(asio::use_awaitable);
    }
  };
  asio::thread_pool threads(callers + 1);
  for (int caller = 0; caller < callers; ++caller) {
    asio::co_spawn(threads, use(caller), [](std::exception_ptr) {});
  }
  asio::co_spawn(threads, arm(), [](std::exception_ptr) {});
  threads.join();
  CHECK(fixture.faults->failures() == caught);
  CHECK(stored + static_cast<int>(caught) == callers * rounds);
  CHECK(run(fixture.memory->get_metrics()).total_checkpoints == static_cast<std::uint64_t>(stored));
}
