// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/sessions.hpp>
#include <agentstore/conformance/rules/random.hpp>
#include <agentstore/conformance/rules/sessions.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of sessions kill their mutants") {
  agentstore::test::expect_killed(session_mutants(), session_rules());
}

TEST_CASE("each rule of sessions has mutants to kill") {
  agentstore::test::expect_two_for_each(session_mutants(), session_rules());
}

TEST_CASE("the rules of sessions hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(session_rules());
}

TEST_CASE("the rule of concurrent creates kills its mutants") {
  agentstore::test::expect_killed(creation_mutants(), random_rules());
  CHECK(creation_mutants().size() >= 2);
}
