// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/cancellation.hpp>
#include <agentstore/conformance/rules/cancellation.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of cancellation kill their mutants") {
  agentstore::test::expect_killed(cancellation_mutants(), cancellation_rules());
}

TEST_CASE("each rule of cancellation has mutants to kill") {
  agentstore::test::expect_two_for_each(cancellation_mutants(), cancellation_rules());
}

TEST_CASE("the rules of cancellation hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(cancellation_rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(cancellation_rules());
}
