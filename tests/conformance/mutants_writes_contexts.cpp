// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/contexts.hpp>
#include <agentstore/conformance/mutants/writes.hpp>
#include <agentstore/conformance/rules/contexts.hpp>
#include <agentstore/conformance/rules/writes.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of pending writes kill their mutants") {
  agentstore::test::expect_killed(write_mutants(), write_rules());
}

TEST_CASE("each rule of pending writes has mutants to kill") {
  agentstore::test::expect_two_for_each(write_mutants(), write_rules());
}

TEST_CASE("the rules of pending writes hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(write_rules());
}

TEST_CASE("the rules of task contexts kill their mutants") {
  agentstore::test::expect_killed(context_mutants(), context_rules());
}

TEST_CASE("each rule of task contexts has mutants to kill") {
  agentstore::test::expect_two_for_each(context_mutants(), context_rules());
}

TEST_CASE("the rules of task contexts hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(context_rules());
}
