// SPDX-License-Identifier: Apache-2.0
#include "conformance/mutants/durability.hpp"
#include "support/catch.hpp"

#include <agentstore/conformance/crash/kill_test.hpp>

// Not in an unnamed namespace: g++ warns of classes there that end up in a frame of the kit.
namespace agentstore::conformance::mutants {

/// Stores nothing, and never says so.
class Silent : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;

protected:
  awaitable<void> save(std::string, Checkpoint) override {
    for (;;) {
      co_await hop();
    }
  }
};

class SilentHarness : public FileCheckpointsHarness<Silent> {
public:
  std::chrono::milliseconds deadline() const { return std::chrono::milliseconds(300); }
};

/// Cannot store anything.
class Refusing : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;

protected:
  awaitable<void> save(std::string file, Checkpoint) override {
    throw StorageError(errc::unavailable, "store_checkpoint", std::move(file), "no space left");
    co_return;
  }
};

using RefusingHarness = FileCheckpointsHarness<Refusing>;

} // namespace agentstore::conformance::mutants

namespace agentstore::conformance {
namespace {

using namespace mutants;

/// What the test makes of so many kills of one store, each on a space of its own.
class Tally {
public:
  std::size_t caught = 0;
  std::string messages; // of all that were caught
};

std::size_t kills() {
  const char* text = std::getenv("AGENTSTORE_KILLS");
  return text != nullptr ? std::stoul(text) : 40;
}

void clean(AnyHarness& harness, Driver& driver, const std::string& space) {
  driver.finish(driver.start("drop", harness.drop(space)));
}

template <class Harness>
Tally kill(const std::string& child, std::uint64_t seed) {
  HarnessAdapter<Harness> harness;
  Deadline deadline(std::chrono::seconds(10));
  Tally tally;
  const std::string base = "t" + std::to_string(::getpid()) + "-" + std::to_string(seed);
  RuleContext ctx(harness, deadline, base, seed);
  ctx.set_child_arguments(std::vector<std::string>(1, child));
  for (std::size_t i = 0; i < kills(); ++i) {
    const std::string space = base + "-" + std::to_string(i);
    try {
      KillTest(ctx, space).round();
    } catch (const Violation& violation) {
      ++tally.caught;
      tally.messages += violation.what() + std::string("\n");
    }
    clean(harness, ctx.driver(), space);
  }
  return tally;
}

using Correct = FileCheckpointsHarness<FileCheckpoints>;
using Early = FileCheckpointsHarness<AcknowledgedBeforeWritten>;
using Buffering = FileCheckpointsHarness<Buffered>;
using InPlace = FileCheckpointsHarness<RewrittenInPlace>;
using Torn = FileCheckpointsHarness<TornRecords>;

template <class Harness>
void child() {
  HarnessAdapter<Harness> harness;
  run_kill_child(harness);
}

TEST_CASE("child correct", "[.]") {
  child<Correct>();
}
TEST_CASE("child early", "[.]") {
  child<Early>();
}
TEST_CASE("child buffering", "[.]") {
  child<Buffering>();
}
TEST_CASE("child in place", "[.]") {
  child<InPlace>();
}
TEST_CASE("child torn", "[.]") {
  child<Torn>();
}
TEST_CASE("child silent", "[.]") {
  child<SilentHarness>();
}
TEST_CASE("child refusing", "[.]") {
  child<RefusingHarness>();
}
TEST_CASE("child that does not know its part", "[.]") {
  SUCCEED();
}

TEST_CASE("a store that survives a kill is never caught") {
  const Tally tally = kill<Correct>("child correct", 1);
  INFO(tally.messages);
  CHECK(tally.caught == 0);
}

/// In at least a fifth of the kills, and not for another reason.
void expect_caught(const Tally& tally, const std::string& evidence) {
  INFO("caught " << tally.caught << " of " << kills() << ": " << tally.messages);
  CHECK(tally.caught * 5 >= kills());
  CHECK(tally.messages.find(evidence) != std::string::npos);
}

TEST_CASE("a store that does not survive a kill is caught") {
  expect_caught(kill<Early>("child early", 2), "which was acknowledged, by store_checkpoint");
  expect_caught(kill<Buffering>("child buffering", 3),
                "which was acknowledged, by store_checkpoint");
  expect_caught(kill<InPlace>("child in place", 4), "the last value acknowledged");
  expect_caught(kill<Torn>("child torn", 5), "by store_checkpoint");
}

/// One round, and that it leaves no process behind.
template <class Harness>
void round(std::vector<std::string> arguments) {
  HarnessAdapter<Harness> harness;
  Deadline deadline(std::chrono::milliseconds(500));
  const std::string space = "r" + std::to_string(::getpid());
  RuleContext ctx(harness, deadline, space, 1);
  ctx.set_child_arguments(std::move(arguments));
  std::exception_ptr failure;
  try {
    KillTest(ctx, space).round();
  } catch (...) {
    failure = std::current_exception();
  }
  clean(harness, ctx.driver(), space);
  CHECK((::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD));
  if (failure) {
    std::rethrow_exception(failure);
  }
}

std::vector<std::string> one(const std::string& argument) {
  return std::vector<std::string>(1, argument);
}

TEST_CASE("a kill test without a child says so") {
  CHECK_THROWS_AS(round<Correct>(std::vector<std::string>()), NotTestable);
  CHECK_THROWS_AS(round<Correct>(one("child that does not know its part")), HarnessFailure);
  CHECK_THROWS_AS(round<Correct>(one("child that is not there")), HarnessFailure);
}

TEST_CASE("a child whose writes fail or hang breaks the rule, in bounded time") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(round<RefusingHarness>(one("child refusing")), Violation);
  CHECK_THROWS_AS(round<SilentHarness>(one("child silent")), Violation);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

} // namespace
} // namespace agentstore::conformance
