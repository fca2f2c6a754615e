// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/clean_up.hpp>
#include <agentstore/conformance/rules/clean_up.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of clean up kill their mutants") {
  agentstore::test::expect_killed(clean_up_mutants(), clean_up_rules());
}

TEST_CASE("each rule of clean up has mutants to kill") {
  agentstore::test::expect_two_for_each(clean_up_mutants(), clean_up_rules());
}

TEST_CASE("the rules of clean up hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(clean_up_rules());
}
