// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CONFORMANCE_HPP
#define AGENTSTORE_CONFORMANCE_CONFORMANCE_HPP

/// \file
/// The conformance kit without a test framework: all rules, and what runs them.
///
///     const auto kit = make_kit(std::make_shared<HarnessAdapter<MyHarness>>());
///     const Report report = kit->run_all();
///     std::cout << report.to_table();
///     return report.conforms() ? 0 : 1;

#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/asynchrony.hpp>
#include <agentstore/conformance/rules/cancellation.hpp>
#include <agentstore/conformance/rules/checkpoints.hpp>
#include <agentstore/conformance/rules/clean_up.hpp>
#include <agentstore/conformance/rules/contexts.hpp>
#include <agentstore/conformance/rules/conversations.hpp>
#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/life_cycle.hpp>
#include <agentstore/conformance/rules/random.hpp>
#include <agentstore/conformance/rules/session_directory.hpp>
#include <agentstore/conformance/rules/sessions.hpp>
#include <agentstore/conformance/rules/sharing.hpp>
#include <agentstore/conformance/rules/thread_directory.hpp>
#include <agentstore/conformance/rules/values.hpp>
#include <agentstore/conformance/rules/writes.hpp>
#include <agentstore/conformance/runner.hpp>

namespace agentstore::conformance {

/// Every rule of the contract, by area.
inline std::vector<Rule> all_rules() {
  std::vector<Rule> all;
  for (const auto area :
       {&session_rules, &conversation_rules, &checkpoint_rules, &write_rules, &context_rules,
        &value_rules, &life_cycle_rules, &clean_up_rules, &session_directory_rules,
        &thread_directory_rules, &archive_rules, &asynchrony_rules, &cancellation_rules,
        &sharing_rules, &durability_rules, &error_rules, &random_rules}) {
    for (const Rule& rule : area()) {
      all.push_back(rule);
    }
  }
  return all;
}

/// The ids of all rules, each in its place.
inline std::vector<std::string> rule_ids() {
  std::vector<std::string> ids;
  for (const Rule& rule : all_rules()) {
    ids.emplace_back(rule.id);
  }
  return ids;
}

/// The kit with all rules.
inline std::unique_ptr<Kit> make_kit(std::shared_ptr<AnyHarness> harness,
                                     RunOptions options = RunOptions()) {
  return std::make_unique<Suite>(std::move(harness), all_rules(), std::move(options));
}

} // namespace agentstore::conformance

#endif
