// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_KIT_OPTIONS_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_KIT_OPTIONS_HPP

// The options and claims of engines when they are opened for the kit.

#include "support/harnesses/set_clock.hpp"

#include <agentstore/conformance/claims.hpp>

#include <chrono>
#include <cstddef>

namespace agentstore::test {

/// A little more than each store has to take, and less than the engines' own limit: the largest
/// values take most of the kit's time, above all under a sanitizer.
inline constexpr std::size_t kit_max_value_bytes =
    (std::size_t{1} << 20u) + (std::size_t{1} << 16u);

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
  // A busy machine breaks no rule. The kit has a deadline of its own for calls that hang.
  options.connect_timeout = options.acquire_timeout = options.operation_timeout =
      std::chrono::minutes(1);
  options.clock = clock.clock();
  return options;
}

} // namespace agentstore::test

#endif
