// SPDX-License-Identifier: Apache-2.0
// What the reference backend does with a value of 4 KiB that goes in and out: the time, over one
// deep copy of its tree, and the memory, over the bytes of its text.

#include "bench/bench.hpp"
#include "bench/state.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/document_from_text.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <unistd.h>

namespace {

using namespace agentstore;

constexpr int rounds = 31;
constexpr std::size_t repetitions = 1'000;

const std::string thread = "0b1f7c52-9d0e-4c3a-8a55-2f6d1c7e9b34";

void check(bool there) {
  if (!there) {
    std::abort();
  }
}

/// Puts each value over the one before it, and reads the latest.
awaitable<void> put_and_get(IStorageBackend& storage, std::vector<json>* trees) {
  for (json& tree : *trees) {
    co_await storage.store_checkpoint(thread, "latest", std::move(tree));
    const auto latest = co_await storage.get_checkpoint(thread);
    check(latest.has_value());
  }
}
awaitable<void> put_and_get_text(IStorageBackend& storage, std::string text) {
  for (std::size_t i = 0; i < repetitions; ++i) {
    Document document = Document::from_text(text);
    co_await storage.store_checkpoint(thread, "latest", std::move(document));
    const auto latest = co_await storage.get_checkpoint(thread);
    check(latest.has_value());
  }
}

awaitable<void> open_store(IStorageBackend& storage) {
  co_await storage.initialize();
}

double seconds_of_copies(const json& state) {
  return bench::seconds([&] {
    for (std::size_t i = 0; i < repetitions; ++i) {
      const json copy = state; // NOLINT(performance-unnecessary-copy-initialization)
      check(!copy.empty());
    }
  });
}

double put_get_tree_over_copy(IStorageBackend& storage) {
  const json state = bench::state(7);
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    std::vector<json> trees(repetitions, state); // what a runtime has in hand
    const double copies = seconds_of_copies(state);
    ratios.push_back(bench::seconds([&] { bench::run(put_and_get(storage, &trees)); }) / copies);
  }
  return bench::median(std::move(ratios));
}

double put_get_text_over_copy(IStorageBackend& storage) {
  const json state = bench::state(7);
  const std::string text = state.dump();
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const double copies = seconds_of_copies(state);
    ratios.push_back(bench::seconds([&] { bench::run(put_and_get_text(storage, text)); }) / copies);
  }
  return bench::median(std::move(ratios));
}

double resident_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  double all = 0;
  double resident = 0;
  check(static_cast<bool>(statm >> all >> resident));
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

awaitable<void> put_many(IStorageBackend& storage, int count, bool is_text, double* text_bytes) {
  for (int i = 0; i < count; ++i) {
    const std::string text = bench::state(i).dump();
    *text_bytes += static_cast<double>(text.size());
    Document document = Document::from_text(text);
    if (!is_text) {
      document = json::parse(text);
    }
    co_await storage.store_checkpoint(thread, std::to_string(i), std::move(document));
  }
}

/// Resident bytes for each checkpoint over those of its text.
double bytes_over_text(bool is_text) {
  MemoryBackend backend;
  bench::run(open_store(backend));
  double text_bytes = 0;
  const double before = resident_bytes();
  bench::run(put_many(backend, 10'000, is_text, &text_bytes));
  return (resident_bytes() - before) / text_bytes;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " RESULTS.json\n";
    return 2;
  }
  nlohmann::json results;
  results["memory.bytes_per_checkpoint_over_text"] = bytes_over_text(true);
  results["memory.bytes_per_checkpoint_of_tree_over_text"] = bytes_over_text(false);
  MemoryBackend backend;
  bench::run(open_store(backend));
  results["memory.put_get_tree_over_copy"] = put_get_tree_over_copy(backend);
  results["memory.put_get_text_over_copy"] = put_get_text_over_copy(backend);
  return bench::write(argv[1], results);
}
