// SPDX-License-Identifier: Apache-2.0
// Puts of 16 coroutines into one namespace of LangGraph's checkpointer, over those of one: how many
// times as many a second. A checkpoint's note on what was there before it must not make them wait
// for each other. The figure is the least of all backends.

#include "bench/bench.hpp"
#include "bench/langgraph_steps.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/langgraph/checkpointer.hpp>
#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
#include <agentstore/backends/sqlite.hpp>
#endif
#ifdef AGENTSTORE_POSTGRES_BIN
#include "support/servers/postgres_server.hpp"

#include <agentstore/backends/postgres.hpp>
#endif

#include <filesystem>

using namespace agentstore;
using langgraph::Checkpointer;
using langgraph::Config;

namespace {

awaitable<void> put_some(Checkpointer saver, std::string thread, int count) {
  for (int step = 0; step < count; ++step) {
    Config config(thread);
    Document checkpoint = bench::checkpoint(bench::new_id(), step);
    Document metadata = bench::metadata(step);
    Document versions = bench::versions(step);
    co_await saver.put(std::move(config), std::move(checkpoint), std::move(metadata),
                       std::move(versions));
  }
}

awaitable<void> open(IStorageBackend* storage) {
  co_await storage->initialize();
}

/// Seconds that so many coroutines take for `count` puts together.
double run(boost::asio::io_context& context, const Checkpointer& saver, const std::string& thread,
           int coroutines, int count) {
  return bench::seconds([&] {
    bench::run_clients(context, coroutines,
                       [&](int) { return put_some(saver, thread, count / coroutines); });
  });
}

template <class Backend>
double puts_16_over_1(boost::asio::io_context& context, Backend& backend, int count) {
  bench::run_clients(context, 1, [&](int) { return open(&backend); });
  std::vector<double> ratios;
  for (int round = 0; round < 5; ++round) {
    const std::string thread = "thread-" + std::to_string(round);
    const double one = run(context, Checkpointer(backend), thread + "-1", 1, count);
    ratios.push_back(one / run(context, Checkpointer(backend), thread + "-16", 16, count));
  }
  return bench::median(std::move(ratios));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  boost::asio::io_context context(1); // first: it outlives the backends
  json results;
  double least = 0;
  const auto note = [&](const char* backend, double ratio) {
    results[std::string("langgraph.puts_16_over_1.") + backend] = ratio;
    least = results.size() == 1 ? ratio : std::min(least, ratio);
  };
  {
    MemoryBackend backend;
    note("memory", puts_16_over_1(context, backend, 4'800));
  }
#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
  {
    const auto directory = std::filesystem::current_path() / "langgraph-puts";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directory(directory);
    {
      SqliteBackend backend((directory / "puts.db").string());
      note("sqlite", puts_16_over_1(context, backend, 192));
    }
    std::filesystem::remove_all(directory);
  }
#endif
#ifdef AGENTSTORE_POSTGRES_BIN
  {
    const test::PostgresServer server;
    PostgresOptions options(server.conninfo(), "puts");
    PostgresBackend backend(context.get_executor(), options);
    note("postgres", puts_16_over_1(context, backend, 192));
  }
#endif
  results["langgraph.puts_16_over_1"] = least;
  return bench::write(argv[1], results);
}
