// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_KIT_OPTIONS_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_KIT_OPTIONS_HPP

// As what the engines are opened for the kit, and what they claim.

#include "set_clock.hpp"

#include <agentstore/conformance/claims.hpp>

#include <chrono>
#include <cstddef>

namespace agentstore::test {

/// Less than the engines' own limit, which makes values that take long to make and to compare.
inline constexpr std::size_t kit_max_value_bytes = std::size_t{2} << 20u;

inline conformance::Claims engine_claims() {
  return conformance::Claims()
      .durable()
      .survives_kill()
      .shared_processes()
      .any_teardown_order()
      .max_value(kit_max_value_bytes);
}

/// The options of a backend on a server, besides where that is.
template <class Options>
Options for_the_kit(Options options, const SetClock& clock) {
  options.limits.max_value_bytes = kit_max_value_bytes;
  // A machine that is busy breaks no rule. For calls that hang the kit has a deadline of its own.
  options.connect_timeout = options.acquire_timeout = options.operation_timeout =
      std::chrono::minutes(1);
  options.clock = clock.clock();
  return options;
}

} // namespace agentstore::test

#endif
