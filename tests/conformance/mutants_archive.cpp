// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/mutants/archive.hpp>
#include <agentstore/conformance/rules/archive.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of archives kill their mutants") {
  agentstore::test::expect_killed(archive_mutants(), archive_rules());
}

TEST_CASE("each rule of archives has mutants to kill") {
  agentstore::test::expect_two_for_each(archive_mutants(), archive_rules());
}

TEST_CASE("the rules of archives hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(archive_rules());
}
