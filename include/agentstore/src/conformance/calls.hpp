// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_CONFORMANCE_CALLS_HPP
#define AGENTSTORE_SRC_CONFORMANCE_CALLS_HPP

/// \file
/// Separate compilation of the kit, in parts that compile side by side: how calls begin and end,
/// and many at random. With CMake, agentstore::conformance_compiled has all parts.

#include <agentstore/conformance/rules/asynchrony.hpp>
#include <agentstore/conformance/rules/cancellation.hpp>
#include <agentstore/conformance/rules/random.hpp>

namespace agentstore::conformance {

template std::vector<Rule> asynchrony_rules();
template std::vector<Rule> cancellation_rules();
template std::vector<Rule> random_rules();

} // namespace agentstore::conformance

#endif
