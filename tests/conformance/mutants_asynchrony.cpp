// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/asynchrony.hpp>
#include <agentstore/conformance/rules/asynchrony.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of asynchrony kill their mutants") {
  agentstore::test::expect_killed(asynchrony_mutants(), asynchrony_rules());
}

TEST_CASE("each rule of asynchrony has mutants to kill") {
  agentstore::test::expect_two_for_each(asynchrony_mutants(), asynchrony_rules());
}

TEST_CASE("the rules of asynchrony hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(asynchrony_rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(asynchrony_rules());
}
