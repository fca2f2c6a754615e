// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_VERSION_HPP
#define AGENTSTORE_VERSION_HPP

/// \file
/// The version of the library and of the contract its headers state.
/// CMake reads the three numbers from here, so they stand in one place.

#define AGENTSTORE_VERSION_MAJOR 0
#define AGENTSTORE_VERSION_MINOR 1
#define AGENTSTORE_VERSION_PATCH 0

/// One number to compare: 10000 * major + 100 * minor + patch.
#define AGENTSTORE_VERSION                                                                         \
  (AGENTSTORE_VERSION_MAJOR * 10000 + AGENTSTORE_VERSION_MINOR * 100 + AGENTSTORE_VERSION_PATCH)

namespace agentstore {

/// The version of the contract, as conformance reports name it. It changes when a rule does.
inline constexpr const char* contract_version = "1.0";

} // namespace agentstore

#endif
