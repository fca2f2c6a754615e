// SPDX-License-Identifier: Apache-2.0
// The rules of the kit, compiled once for all tests of a project; see conformance/kit.hpp.

#include <agentstore/conformance/conformance.hpp>

namespace agentstore::conformance::compiled {

std::vector<std::string> rule_ids() {
  return conformance::rule_ids();
}

std::vector<Rule> all_rules() {
  return conformance::all_rules();
}

std::unique_ptr<Kit> make_kit(std::shared_ptr<AnyHarness> harness, RunOptions options) {
  return conformance::make_kit(std::move(harness), std::move(options));
}

void run_kill_child(AnyHarness& harness) {
  conformance::run_kill_child(harness);
}

} // namespace agentstore::conformance::compiled
