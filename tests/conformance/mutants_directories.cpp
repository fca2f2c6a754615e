// SPDX-License-Identifier: Apache-2.0
#include "conformance/killed.hpp"

#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/mutants/directories_shared.hpp>
#include <agentstore/conformance/mutants/session_directory.hpp>
#include <agentstore/conformance/mutants/thread_directory.hpp>
#include <agentstore/conformance/rules/session_directory.hpp>
#include <agentstore/conformance/rules/thread_directory.hpp>

using namespace agentstore::conformance;

TEST_CASE("the rules of directories kill their mutants") {
  agentstore::test::expect_killed(session_directory_mutants(), session_directory_rules());
  agentstore::test::expect_killed(thread_directory_mutants(), thread_directory_rules());
}

TEST_CASE("the rules of all methods look at those of directories, too") {
  agentstore::test::expect_killed(shared_directory_mutants(), compiled::all_rules());
}

TEST_CASE("each rule of directories has mutants to kill") {
  agentstore::test::expect_two_for_each(session_directory_mutants(), session_directory_rules());
  agentstore::test::expect_two_for_each(thread_directory_mutants(), thread_directory_rules());
}

TEST_CASE("the rules of directories hold for what the mutants are made of") {
  for (const auto& rules : {session_directory_rules(), thread_directory_rules()}) {
    agentstore::test::expect_held_without_bug<agentstore::ForwardingStore>(rules);
    agentstore::test::expect_held_without_bug<ListsSessionsItself>(rules);
    agentstore::test::expect_held_without_bug<ListsThreadsItself>(rules);
  }
}
