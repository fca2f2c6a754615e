// SPDX-License-Identifier: Apache-2.0

// Many more kills than the kit's own handful: of processes that only write, and of ones that bring
// the write-ahead log into the file after nearly every commit.

#include "support/catch.hpp"
#include "support/sqlite_harness.hpp"

#include <agentstore/conformance/kill_rig.hpp>

namespace agentstore::conformance {
namespace {

constexpr std::size_t kills_on_one_space = 4; // a store that recovered must again

std::size_t kills() {
  const char* const text = std::getenv("AGENTSTORE_KILLS");
  const unsigned long wanted = text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
  return wanted != 0 ? wanted : 200;
}

/// Makes every connection of this process move the log into the file as soon as it has two pages.
int move_log_often(sqlite3* database, char**, const sqlite3_api_routines*) {
  return sqlite3_wal_autocheckpoint(database, 2);
}

void child(bool moves_often) {
  if (moves_often) {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&move_log_often));
  }
  HarnessAdapter<test::SqliteHarness> harness;
  run_kill_child(harness);
}

/// Throws what the rig finds.
void kill(const std::string& child_name, std::uint64_t seed) {
  HarnessAdapter<test::SqliteHarness> harness;
  Deadline deadline(std::chrono::seconds(60));
  const std::string base = "kill" + std::to_string(seed);
  World w(harness, deadline, base, seed);
  w.set_child_arguments(std::vector<std::string>(1, child_name));
  std::optional<KillRig> rig;
  for (std::size_t i = 0; i < kills(); ++i) {
    if (i % kills_on_one_space == 0) {
      rig.emplace(w, base + "-" + std::to_string(i));
    }
    rig->round();
  }
}

TEST_CASE("child that writes", "[.]") {
  child(false);
}
TEST_CASE("child that moves the log often", "[.]") {
  child(true);
}

TEST_CASE("Nothing is lost or torn by many kills") {
  CHECK_NOTHROW(kill("child that writes", 1));
}

TEST_CASE("Nothing is lost or torn by many kills where the log is moved into the file") {
  CHECK_NOTHROW(kill("child that moves the log often", 2));
}

} // namespace
} // namespace agentstore::conformance
