// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_EXPECT_KILLED_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_EXPECT_KILLED_HPP

#include "support/catch.hpp"

#include <agentstore/conformance/mutation/mutant.hpp>
#include <agentstore/conformance/rules/areas.hpp>

#include <set>

namespace agentstore::test {

/// Each mutant is killed by its own rule, by its own evidence.
inline void expect_killed(const std::vector<conformance::Mutant>& mutants,
                          const std::vector<conformance::Rule>& rules) {
  std::set<std::string_view> names;
  for (const conformance::Mutant& mutant : mutants) {
    const conformance::MutationResult result = conformance::run_mutant(mutant, rules);
    INFO(result.text());
    CHECK(result.is_killed());
    CHECK(names.insert(mutant.name).second);
  }
}

/// Every rule has at least two mutants to kill.
inline void expect_two_for_each(const std::vector<conformance::Mutant>& mutants,
                                const std::vector<conformance::Rule>& rules) {
  for (const conformance::Rule& rule : rules) {
    const auto killed =
        std::count_if(mutants.begin(), mutants.end(), [&rule](const conformance::Mutant& mutant) {
          return mutant.rule == rule.id;
        });
    INFO(rule.id);
    CHECK(killed >= 2);
  }
}

/// What the mutants are made of holds all of the rules where it has no bug.
template <class WithoutBug = ForwardingBackend>
void expect_held_without_bug(const std::vector<conformance::Rule>& rules) {
  const conformance::Mutant none = conformance::mutant<WithoutBug>("", "no bug", "", "");
  const conformance::Report report = conformance::run_all_rules(none, rules);
  INFO(report.to_table());
  CHECK(report.count(conformance::Verdict::held) == rules.size());
}

} // namespace agentstore::test

#endif
