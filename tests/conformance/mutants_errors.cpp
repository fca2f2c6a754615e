// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/errors.hpp>
#include <agentstore/conformance/rules/errors.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of errors kill their mutants") {
  agentstore::test::expect_killed(error_mutants(), error_rules());
}

TEST_CASE("each rule of errors has mutants to kill") {
  agentstore::test::expect_two_for_each(error_mutants(), error_rules());
}

TEST_CASE("the rules of errors hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(error_rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(error_rules());
}
