// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ALL_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ALL_HPP

/// \file
/// All odd stores: what the kit must find conforming. Each list is in a file of its own, because
/// the stores of all in one would take a compiler too much memory.

#include "conformance/odd_stores/handles.hpp"

namespace agentstore::conformance {

std::vector<OddStore> archive_odd_stores();
std::vector<OddStore> choice_odd_stores();
std::vector<OddStore> damaged_odd_stores();
std::vector<OddStore> directory_odd_stores();
std::vector<OddStore> dual_write_odd_stores();
std::vector<OddStore> timing_odd_stores();
/// Those that make the whole kit wait for minutes.
std::vector<OddStore> distant_odd_stores();

inline std::vector<OddStore> odd_stores() {
  std::vector<OddStore> all;
  for (const auto part :
       {&timing_odd_stores, &distant_odd_stores, &choice_odd_stores, &damaged_odd_stores,
        &handle_odd_stores, &archive_odd_stores, &directory_odd_stores, &dual_write_odd_stores}) {
    for (const OddStore& odd_store : part()) {
      all.push_back(odd_store);
    }
  }
  return all;
}

} // namespace agentstore::conformance

#endif
