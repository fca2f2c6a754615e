// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/life_cycle.hpp>
#include <agentstore/conformance/rules/life_cycle.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of life cycle kill their mutants") {
  agentstore::test::expect_killed(life_cycle_mutants(), life_cycle_rules());
}

TEST_CASE("each rule of life cycle has mutants to kill") {
  agentstore::test::expect_two_for_each(life_cycle_mutants(), life_cycle_rules());
}

TEST_CASE("the rules of life cycle hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(life_cycle_rules());
}
