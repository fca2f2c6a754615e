// SPDX-License-Identifier: Apache-2.0
#include <agentstore/error.hpp>

// What a compiler is told that is too old, or has no exceptions.
int main() {
  return agentstore::errc::closed == agentstore::errc::unavailable ? 1 : 0;
}
