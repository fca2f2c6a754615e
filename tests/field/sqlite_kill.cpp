// SPDX-License-Identifier: Apache-2.0

// Many more kills than the kit's own handful, for backend and archive. Some processes only write.
// Others bring the write-ahead log into the file after nearly every commit.

#include "support/catch.hpp"
#include "support/faults/kills.hpp"
#include "support/harnesses/sqlite_harness.hpp"

#include <agentstore/conformance/crash/kill_test.hpp>

namespace agentstore::conformance {
namespace {

constexpr std::size_t kills_on_one_space = 4; // a store that recovered must again

const std::size_t wanted_kills = test::kills(200);

/// Makes every connection of this process move the log into the file as soon as it has two pages.
int move_log_often(sqlite3* database, char**, const sqlite3_api_routines*) {
  return sqlite3_wal_autocheckpoint(database, 2);
}

template <class Harness>
void child(bool moves_often) {
  if (moves_often) {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&move_log_often));
  }
  HarnessAdapter<Harness> harness;
  run_kill_child(harness);
}

/// Throws what the test finds.
template <class Harness>
void kill(const std::string& child_name, std::uint64_t seed) {
  HarnessAdapter<Harness> harness;
  Deadline deadline(std::chrono::seconds(60));
  const std::string base = "kill" + std::to_string(seed);
  RuleContext ctx(harness, deadline, base, seed);
  ctx.set_child_arguments(std::vector<std::string>(1, child_name));
  std::optional<KillTest> test;
  for (std::size_t i = 0; i < wanted_kills; ++i) {
    if (i % kills_on_one_space == 0) {
      test.emplace(ctx, base + "-" + std::to_string(i));
    }
    test->round();
  }
}

using test::SqliteArchiveHarness;
using test::SqliteHarness;

TEST_CASE("child that writes", "[.]") {
  child<SqliteHarness>(false);
}
TEST_CASE("child that moves the log often", "[.]") {
  child<SqliteHarness>(true);
}
TEST_CASE("child that archives", "[.]") {
  child<SqliteArchiveHarness>(false);
}
TEST_CASE("child that archives and moves the log often", "[.]") {
  child<SqliteArchiveHarness>(true);
}

TEST_CASE("Nothing is lost or torn by many kills") {
  CHECK_NOTHROW(kill<SqliteHarness>("child that writes", 1));
}

TEST_CASE("Nothing is lost or torn by many kills where the log is moved into the file") {
  CHECK_NOTHROW(kill<SqliteHarness>("child that moves the log often", 2));
}

TEST_CASE("Nothing that was archived is lost or torn by many kills") {
  CHECK_NOTHROW(kill<SqliteArchiveHarness>("child that archives", 3));
}

TEST_CASE("Nothing that was archived is lost or torn where the log is moved into the file") {
  CHECK_NOTHROW(kill<SqliteArchiveHarness>("child that archives and moves the log often", 4));
}

} // namespace
} // namespace agentstore::conformance
