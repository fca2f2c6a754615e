// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTANTS_ALL_HPP
#define AGENTSTORE_CONFORMANCE_MUTANTS_ALL_HPP

/// \file
/// All mutants, one header for each area. Whoever adds a rule adds a mutant to the table of its
/// area: a rule that kills none has not been shown to check anything.
///
/// DUR-02 is not here: what it catches must outlive the process, see mutants/durability.hpp.

#include <agentstore/conformance/mutants/archive.hpp>
#include <agentstore/conformance/mutants/asynchrony.hpp>
#include <agentstore/conformance/mutants/cancellation.hpp>
#include <agentstore/conformance/mutants/checkpoints.hpp>
#include <agentstore/conformance/mutants/clean_up.hpp>
#include <agentstore/conformance/mutants/contexts.hpp>
#include <agentstore/conformance/mutants/conversations.hpp>
#include <agentstore/conformance/mutants/directories_shared.hpp>
#include <agentstore/conformance/mutants/errors.hpp>
#include <agentstore/conformance/mutants/life_cycle.hpp>
#include <agentstore/conformance/mutants/random.hpp>
#include <agentstore/conformance/mutants/session_directory.hpp>
#include <agentstore/conformance/mutants/sessions.hpp>
#include <agentstore/conformance/mutants/sharing.hpp>
#include <agentstore/conformance/mutants/thread_directory.hpp>
#include <agentstore/conformance/mutants/values.hpp>
#include <agentstore/conformance/mutants/writes.hpp>

namespace agentstore::conformance {

inline std::vector<Mutant> all_mutants() {
  std::vector<Mutant> all;
  for (const auto area :
       {&session_mutants, &creation_mutants, &conversation_mutants, &checkpoint_mutants,
        &write_mutants, &context_mutants, &value_mutants, &life_cycle_mutants, &clean_up_mutants,
        &archive_mutants, &asynchrony_mutants, &cancellation_mutants, &sharing_mutants,
        &error_mutants, &random_mutants, &session_directory_mutants, &thread_directory_mutants,
        &shared_directory_mutants}) {
    for (const Mutant& mutant : area()) {
      all.push_back(mutant);
    }
  }
  return all;
}

} // namespace agentstore::conformance

#endif
