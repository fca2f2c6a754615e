// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_ALLOCATIONS_HPP
#define AGENTSTORE_TESTS_BENCH_ALLOCATIONS_HPP

#include <cstdint>

namespace bench {

/// How many allocations the program has made; whoever links allocations.cpp counts all of them.
std::uint64_t allocations() noexcept;

/// How many of them are not yet given back.
std::uint64_t live_allocations() noexcept;

} // namespace bench

#endif
