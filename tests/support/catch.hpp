// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_CATCH_HPP
#define AGENTSTORE_TESTS_SUPPORT_CATCH_HPP

// Catch2 3 or 2, whichever find_package found: our tests use what both have.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
