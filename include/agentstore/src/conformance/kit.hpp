// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_CONFORMANCE_KIT_HPP
#define AGENTSTORE_SRC_CONFORMANCE_KIT_HPP

/// \file
/// Separate compilation of the kit, in parts that compile side by side: the kit itself and what
/// outlives a process. With CMake, agentstore::conformance_compiled has all parts.

#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/rules/sharing.hpp>
#include <agentstore/conformance/runner/make_kit.hpp>

namespace agentstore::conformance {

template std::vector<Rule> all_rules();
template std::vector<Rule> durability_rules();
template std::vector<Rule> sharing_rules();
template std::vector<std::string> rule_ids();
template std::unique_ptr<Kit> make_kit(std::shared_ptr<AnyHarness>, RunOptions);
template void run_kill_child(AnyHarness&);

} // namespace agentstore::conformance

#endif
