// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/conversations.hpp>
#include <agentstore/conformance/rules/conversations.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of conversations kill their mutants") {
  agentstore::test::expect_killed(conversation_mutants(), conversation_rules());
}

TEST_CASE("each rule of conversations has mutants to kill") {
  agentstore::test::expect_two_for_each(conversation_mutants(), conversation_rules());
}

TEST_CASE("the rules of conversations hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(conversation_rules());
}
