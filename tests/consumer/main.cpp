// SPDX-License-Identifier: Apache-2.0
// The program of every consumer project: prints the version it was built with.
#include <agentstore/agentstore.hpp>
#include <agentstore/version.hpp>

#include <iostream>

int main() {
  std::cout << "agentstore " << agentstore::version_major << '.' << agentstore::version_minor << '.'
            << agentstore::version_patch << '\n';
}
