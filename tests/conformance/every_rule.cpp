// SPDX-License-Identifier: Apache-2.0
#include "conformance/every_rule.hpp"

#include <agentstore/conformance/conformance.hpp>

namespace agentstore::test {

std::vector<conformance::Rule> every_rule() {
  return conformance::all_rules();
}

} // namespace agentstore::test
