// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_CLOCK_HPP
#define AGENTSTORE_AUTHORING_CLOCK_HPP

/// \file
/// The clock that a backend asks, so that tests can set it.

#include <agentstore/records.hpp>

#include <functional>

namespace agentstore {

/// Tells the time. May be called from any thread, and may stand still or go backwards.
using Clock = std::function<Timestamp()>;

/// The system's clock.
inline Clock system_clock() {
  return [] {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  };
}

} // namespace agentstore

#endif
