// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/values.hpp>
#include <agentstore/conformance/rules/values.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of ids and values kill their mutants") {
  agentstore::test::expect_killed(value_mutants(), value_rules());
}

TEST_CASE("each rule of ids and values has mutants to kill") {
  agentstore::test::expect_two_for_each(value_mutants(), value_rules());
}

TEST_CASE("the rules of ids and values hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(value_rules());
}
