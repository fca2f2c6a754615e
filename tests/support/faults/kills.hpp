// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_KILLS_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_KILLS_HPP

#include <cstddef>
#include <cstdlib>

namespace agentstore::test {

/// How many kills AGENTSTORE_KILLS asks for, as it does of the kit.
inline std::size_t kills(std::size_t unless_told) {
  const char* const text = std::getenv("AGENTSTORE_KILLS");
  const unsigned long wanted = text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
  return wanted != 0 ? wanted : unless_told;
}

} // namespace agentstore::test

#endif
