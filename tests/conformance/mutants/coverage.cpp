// SPDX-License-Identifier: Apache-2.0
#include "conformance/mutants/tables.hpp"
#include "support/catch.hpp"

#include <agentstore/conformance/kit.hpp>

#include <map>
#include <set>

using namespace agentstore::conformance;

namespace {

/// Rules whose mutants are no entries of the tables: files that several processes work on. They are
/// killed one by one in kill_test.cpp and shared_processes.cpp.
bool is_killer_elsewhere(std::string_view rule) {
  return rule == "DUR-02" || rule == "TWO-02";
}

} // namespace

TEST_CASE("each rule of the contract is the killer of a mutant", "[mutants]") {
  std::map<std::string_view, std::size_t> killed;
  for (const Mutant& mutant : all_mutants()) {
    ++killed[mutant.rule];
  }
  const std::vector<Rule> rules = all_rules();
  CHECK(rules.size() > 80);
  for (const Rule& rule : rules) {
    INFO(rule.id);
    CHECK((killed[rule.id] > 0) != is_killer_elsewhere(rule.id));
    killed.erase(rule.id);
  }
  for (const auto& [rule, count] : killed) {
    INFO("there is no rule " << rule);
    CHECK(count == 0);
  }
}

TEST_CASE("each mutant has a name of its own, a bug and its evidence", "[mutants]") {
  std::set<std::string_view> names;
  for (const Mutant& mutant : all_mutants()) {
    INFO(mutant.name);
    CHECK(names.insert(mutant.name).second);
    CHECK_FALSE(mutant.bug.empty());
    CHECK(mutant.evidence.size() >= 4);
  }
  CHECK(names.size() >= 150);
}
