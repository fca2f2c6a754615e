// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/sharing.hpp>
#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/rules/sharing.hpp>

using namespace agentstore::conformance;

namespace {

/// Without DUR-02, whose mutants are files of their own.
std::vector<Rule> rules() {
  std::vector<Rule> all = sharing_rules();
  for (const Rule& rule : durability_rules()) {
    if (rule.id == "DUR-01") {
      all.push_back(rule);
    }
  }
  return all;
}

} // namespace

TEST_CASE("the rules of sharing kill their mutants") {
  agentstore::test::expect_killed(sharing_mutants(), rules());
}

TEST_CASE("each rule of sharing has mutants to kill") {
  agentstore::test::expect_two_for_each(sharing_mutants(), rules());
}

TEST_CASE("the rules of sharing hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(rules());
}
