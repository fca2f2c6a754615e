// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/random.hpp>
#include <agentstore/conformance/rules/random.hpp>

using namespace agentstore::conformance;

namespace {

/// Without CNC-02, whose mutants are in the table of sessions.
std::vector<Rule> rules() {
  std::vector<Rule> all = random_rules();
  std::erase_if(all, [](const Rule& rule) { return rule.id == "CNC-02"; });
  return all;
}

} // namespace

TEST_CASE("the rules of random calls kill their mutants, whatever the seed") {
  constexpr std::uint64_t seeds = 8;
  for (const Mutant& mutant : random_mutants()) {
    std::uint64_t killed = 0;
    std::string last;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      RunOptions options;
      options.seed = seed;
      const Judgement judgement = judge(mutant, rules(), options);
      killed += judgement.is_killed() ? 1u : 0u;
      last = judgement.is_killed() ? last : judgement.text();
    }
    INFO(mutant.name << " is killed with " << killed << " seeds of " << seeds << "; " << last);
    CHECK(killed >= seeds - 3);
  }
}

TEST_CASE("each rule of random calls has mutants to kill") {
  agentstore::test::expect_two_for_each(random_mutants(), rules());
}

TEST_CASE("the rules of random calls hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(rules());
}
