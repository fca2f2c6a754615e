// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_CATCH_HPP
#define AGENTSTORE_TESTS_SUPPORT_CATCH_HPP

// Catch2 3 or 2, whichever is found. Our tests use what both have, and of 3 only its cheap header.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
