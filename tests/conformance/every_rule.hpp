// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_EVERY_RULE_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_EVERY_RULE_HPP

#include <agentstore/conformance/rule.hpp>

#include <vector>

namespace agentstore::test {

/// conformance::all_rules(), compiled once for all the tests that need it: it is the most expensive
/// thing there is to compile in this tree.
std::vector<conformance::Rule> every_rule();

} // namespace agentstore::test

#endif
