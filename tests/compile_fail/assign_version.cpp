// SPDX-License-Identifier: Apache-2.0
#include <agentstore/version.hpp>

// The version is a constant, not a setting.
int main() {
#ifdef MUST_NOT_COMPILE
  agentstore::version_major = 1;
#endif
  return agentstore::version_major;
}
