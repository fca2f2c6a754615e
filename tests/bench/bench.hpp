// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_BENCH_HPP
#define AGENTSTORE_TESTS_BENCH_BENCH_HPP

// What the benchmarks share. Every number is a ratio of two things measured in one run, taken
// again and again, one beside the other, so that what else the machine does falls on both alike;
// the median of the rounds counts.

#include <agentstore/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

namespace bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Seconds that `work()` takes.
template <class Work>
double seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The median over rounds of what `measured()` takes over what `floor()` takes.
template <class Measured, class Floor>
double ratio(int rounds, Measured measured, Floor floor) {
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const double below = seconds(floor);
    ratios.push_back(seconds(measured) / below);
  }
  return median(std::move(ratios));
}

/// Runs a coroutine for each client to its end, on this thread and that context.
template <class Work>
void run_clients(boost::asio::io_context& context, int clients, Work work) {
  context.restart();
  for (int client = 0; client < clients; ++client) {
    boost::asio::co_spawn(context, work(client), [](const std::exception_ptr& error) {
      if (error) {
        std::rethrow_exception(error);
      }
    });
  }
  context.run();
}

/// Runs a coroutine to its end on this thread.
inline void run(agentstore::awaitable<void> work) {
  boost::asio::io_context context(1);
  run_clients(context, 1, [&work](int) { return std::move(work); });
}

/// Writes the results where the collector of all benchmarks looks for them.
inline int write(const char* path, const nlohmann::json& results) {
  std::ofstream file(path);
  file << results.dump(2) << '\n';
  return file.flush() ? 0 : 1;
}

} // namespace bench

#endif
