// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_CHECKPOINTS_HPP
#define AGENTSTORE_TESTS_BENCH_CHECKPOINTS_HPP

// Clients of a server that put and get checkpoints of text, each in a thread of its own, beside
// what the server's own tool does.

#include "bench/bench.hpp"
#include "bench/state.hpp"

#include <agentstore/document_from_text.hpp>
#include <agentstore/storage_backend.hpp>

#include <cstdio>
#include <map>
#include <stdexcept>

namespace bench {

using States = std::map<std::string, std::vector<agentstore::Document>>;

/// What a program has in hand when it comes to put it, for each client's thread.
inline States states(int clients, int each) {
  States all;
  for (int i = 0; i < clients; ++i) {
    for (int step = 0; step < each; ++step) {
      all[std::to_string(i)].push_back(agentstore::Document::from_text(state(step).dump()));
    }
  }
  return all;
}

inline agentstore::awaitable<void> put_all(agentstore::IStorageBackend& store, std::string thread,
                                           States* states) {
  int step = 0;
  for (agentstore::Document& each : states->at(thread)) {
    co_await store.store_checkpoint(thread, std::to_string(++step), std::move(each));
  }
}

inline agentstore::awaitable<void> get_all(agentstore::IStorageBackend& store, std::string thread,
                                           int count) {
  for (int i = 0; i < count; ++i) {
    const auto checkpoint = co_await store.get_checkpoint(thread);
    if (!checkpoint || checkpoint->data.text().size() < 4'000) {
      throw std::runtime_error("there is no checkpoint in thread " + thread);
    }
  }
}

/// The median over the rounds of what is measured over the floor, just before and just after. Both
/// are called with how many operations each client is to do and return how many there were a
/// second.
template <class Measured, class Floor>
double rate_ratio(const char* name, int rounds, int clients, Measured measured, Floor floor) {
  constexpr double round_seconds = 0.25;
  constexpr int fewest = 8;
  double rate = floor(fewest);
  std::vector<double> of_measured;
  std::vector<double> of_floor;
  for (int round = 0; round <= rounds; ++round) {
    // As many as the last round says, for what a disk does a second may change from one to another.
    const int each = std::max(fewest, static_cast<int>(rate * round_seconds / clients));
    rate = floor(each);
    of_floor.push_back(rate);
    if (round < rounds) {
      of_measured.push_back(measured(each));
    }
  }
  std::vector<double> ratios;
  for (std::size_t round = 0; round < of_measured.size(); ++round) {
    ratios.push_back(2 * of_measured[round] / (of_floor[round] + of_floor[round + 1]));
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("%s: %.0f over %.0f a second, rounds from %.3f to %.3f\n", name, median(of_measured),
              median(of_floor), *least, *most);
  return median(ratios);
}

} // namespace bench

#endif
