// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/checkpoints.hpp>
#include <agentstore/conformance/rules/checkpoints.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of checkpoints kill their mutants") {
  agentstore::test::expect_killed(checkpoint_mutants(), checkpoint_rules());
}

TEST_CASE("each rule of checkpoints has mutants to kill") {
  agentstore::test::expect_two_for_each(checkpoint_mutants(), checkpoint_rules());
}

TEST_CASE("the rules of checkpoints hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(checkpoint_rules());
}
