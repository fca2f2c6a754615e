// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ALL_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ALL_HPP

/// \file
/// All odd_stores: what the kit must find conforming.

#include "conformance/odd_stores/archives.hpp"
#include "conformance/odd_stores/choices.hpp"
#include "conformance/odd_stores/damaged.hpp"
#include "conformance/odd_stores/directories.hpp"
#include "conformance/odd_stores/dual_writes.hpp"
#include "conformance/odd_stores/handles.hpp"
#include "conformance/odd_stores/timing.hpp"

namespace agentstore::conformance {

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
