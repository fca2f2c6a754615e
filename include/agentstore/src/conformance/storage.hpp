// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_CONFORMANCE_STORAGE_HPP
#define AGENTSTORE_SRC_CONFORMANCE_STORAGE_HPP

/// \file
/// Separate compilation of the kit, in parts that compile side by side: what single methods keep.
/// With CMake, agentstore::conformance_compiled has all parts.

#include <agentstore/conformance/rules/checkpoints.hpp>
#include <agentstore/conformance/rules/contexts.hpp>
#include <agentstore/conformance/rules/conversations.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/sessions.hpp>
#include <agentstore/conformance/rules/values.hpp>
#include <agentstore/conformance/rules/writes.hpp>

namespace agentstore::conformance {

template std::vector<Rule> checkpoint_rules();
template std::vector<Rule> context_rules();
template std::vector<Rule> conversation_rules();
template std::vector<Rule> error_rules();
template std::vector<Rule> session_rules();
template std::vector<Rule> value_rules();
template std::vector<Rule> write_rules();

} // namespace agentstore::conformance

#endif
