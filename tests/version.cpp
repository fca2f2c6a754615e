// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/version.hpp>

#include <string>

// The package's version is parsed out of the header: this shows that it was parsed right.
TEST_CASE("The header and the package name the same version") {
  CHECK(std::to_string(agentstore::version_major) + "." +
            std::to_string(agentstore::version_minor) + "." +
            std::to_string(agentstore::version_patch) ==
        PACKAGE_VERSION);
}
