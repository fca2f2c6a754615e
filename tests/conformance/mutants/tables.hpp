// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_TABLES_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_TABLES_HPP

// The tables of mutants, a file for each area. Whoever adds a rule adds two mutants to the table of
// its area: a rule that kills none has not been shown to check anything.
//
// DUR-02 has none here: what it catches must outlive the process, see durability.hpp. Nor has
// TWO-02, which starts processes, see shared_processes.cpp.

#include <agentstore/conformance/mutation/mutant.hpp>

namespace agentstore::conformance {

/// SES.
std::vector<Mutant> session_mutants();
/// CNC-02, whose check stands among random_rules().
std::vector<Mutant> creation_mutants();
std::vector<Mutant> conversation_mutants();
std::vector<Mutant> checkpoint_mutants();
std::vector<Mutant> write_mutants();
std::vector<Mutant> context_mutants();
std::vector<Mutant> value_mutants();
std::vector<Mutant> life_cycle_mutants();
std::vector<Mutant> clean_up_mutants();
std::vector<Mutant> archive_mutants();
std::vector<Mutant> archive_once_mutants();
std::vector<Mutant> archiving_mutants();
std::vector<Mutant> asynchrony_mutants();
std::vector<Mutant> cancellation_mutants();
std::vector<Mutant> sharing_mutants();
std::vector<Mutant> error_mutants();
std::vector<Mutant> random_mutants();
std::vector<Mutant> session_directory_mutants();
std::vector<Mutant> thread_directory_mutants();
std::vector<Mutant> shared_directory_mutants();

inline std::vector<Mutant> all_mutants() {
  std::vector<Mutant> all;
  for (const auto area : {&session_mutants,
                          &creation_mutants,
                          &conversation_mutants,
                          &checkpoint_mutants,
                          &write_mutants,
                          &context_mutants,
                          &value_mutants,
                          &life_cycle_mutants,
                          &clean_up_mutants,
                          &archive_mutants,
                          &archive_once_mutants,
                          &archiving_mutants,
                          &asynchrony_mutants,
                          &cancellation_mutants,
                          &sharing_mutants,
                          &error_mutants,
                          &random_mutants,
                          &session_directory_mutants,
                          &thread_directory_mutants,
                          &shared_directory_mutants}) {
    for (const Mutant& mutant : area()) {
      all.push_back(mutant);
    }
  }
  return all;
}

} // namespace agentstore::conformance

#endif
