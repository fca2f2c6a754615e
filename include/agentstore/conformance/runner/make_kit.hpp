// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_MAKE_KIT_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_MAKE_KIT_HPP

/// \file
/// The functions of kit.hpp, over the rules of all areas.

#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/runner/suite.hpp>

namespace agentstore::conformance {

template <class>
std::vector<Rule> all_rules() {
  std::vector<Rule> all;
  for (const auto area :
       {&session_rules<>, &conversation_rules<>, &checkpoint_rules<>, &write_rules<>,
        &context_rules<>, &value_rules<>, &life_cycle_rules<>, &clean_up_rules<>,
        &session_directory_rules<>, &thread_directory_rules<>, &archive_rules<>,
        &archive_once_rules<>, &archiving_rules<>, &asynchrony_rules<>, &cancellation_rules<>,
        &sharing_rules<>, &durability_rules<>, &error_rules<>, &random_rules<>}) {
    for (const Rule& rule : area()) {
      all.push_back(rule);
    }
  }
  return all;
}

template <class>
std::vector<std::string> rule_ids() {
  std::vector<std::string> ids;
  for (const Rule& rule : all_rules()) {
    ids.emplace_back(rule.id);
  }
  return ids;
}

template <class>
std::unique_ptr<Kit> make_kit(std::shared_ptr<AnyHarness> harness, RunOptions options) {
  return std::make_unique<Suite>(std::move(harness), all_rules(), std::move(options));
}

} // namespace agentstore::conformance

#endif
