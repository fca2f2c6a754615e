// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_INNOCENTS_HPP
#define AGENTSTORE_CONFORMANCE_INNOCENTS_HPP

/// \file
/// All innocents: what the kit must find conforming.

#include <agentstore/conformance/innocents/archives.hpp>
#include <agentstore/conformance/innocents/choices.hpp>
#include <agentstore/conformance/innocents/directories.hpp>
#include <agentstore/conformance/innocents/handles.hpp>
#include <agentstore/conformance/innocents/timing.hpp>

namespace agentstore::conformance {

inline std::vector<Innocent> innocents() {
  std::vector<Innocent> all;
  for (const auto part : {&timing_innocents, &choice_innocents, &handle_innocents,
                          &archive_innocents, &directory_innocents}) {
    for (const Innocent& innocent : part()) {
      all.push_back(innocent);
    }
  }
  return all;
}

} // namespace agentstore::conformance

#endif
