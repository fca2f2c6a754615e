// SPDX-License-Identifier: Apache-2.0
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/kill_rig.hpp>
#include <agentstore/conformance/mutants/durability.hpp>

#include <catch2/catch.hpp>

namespace agentstore::conformance {
namespace {

using namespace mutants;

/// What the rig makes of so many kills of one store, each on a space of its own.
class Tally {
public:
  std::size_t caught = 0;
  std::string message;
};

std::size_t kills() {
  const char* text = std::getenv("AGENTSTORE_KILLS");
  return text != nullptr ? std::stoul(text) : 100;
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
  World w(harness, deadline, base, seed);
  w.set_child_arguments(std::vector<std::string>(1, child));
  for (std::size_t i = 0; i < kills(); ++i) {
    const std::string space = base + "-" + std::to_string(i);
    try {
      KillRig(w, space).round();
    } catch (const Violation& violation) {
      ++tally.caught;
      tally.message = violation.what();
    }
    clean(harness, w.driver(), space);
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

TEST_CASE("a store that survives a kill is never caught") {
  const Tally tally = kill<Correct>("child correct", 1);
  INFO(tally.message);
  CHECK(tally.caught == 0);
}

TEST_CASE("a store that acknowledges too early is caught") {
  const Tally tally = kill<Early>("child early", 2);
  INFO(tally.message);
  WARN("caught " << tally.caught << " of " << kills() << ": " << tally.message);
  CHECK(tally.caught * 5 >= kills());
}

TEST_CASE("a store that buffers is caught") {
  const Tally tally = kill<Buffering>("child buffering", 3);
  WARN("caught " << tally.caught << " of " << kills() << ": " << tally.message);
  CHECK(tally.caught * 5 >= kills());
}

TEST_CASE("a store that rewrites in place is caught") {
  const Tally tally = kill<InPlace>("child in place", 4);
  WARN("caught " << tally.caught << " of " << kills() << ": " << tally.message);
  CHECK(tally.caught * 5 >= kills());
}

TEST_CASE("a store that takes a part for the whole is caught") {
  const Tally tally = kill<Torn>("child torn", 5);
  WARN("caught " << tally.caught << " of " << kills() << ": " << tally.message);
  CHECK(tally.caught * 5 >= kills());
}

} // namespace
} // namespace agentstore::conformance
