// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_VERSION_HPP
#define AGENTSTORE_VERSION_HPP

/// \file
/// The version of the library and of the contract its headers state.
/// CMake reads the three numbers from here, so they stand in one place.

namespace agentstore {

inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

/// The version of the contract, as conformance reports name it. It changes when a rule does.
inline constexpr const char* contract_version = "1.0";

} // namespace agentstore

#endif
