// SPDX-License-Identifier: Apache-2.0
// The checkpointer over LangGraph.js' own savers: 3,000 steps in ten threads at once, each of which
// puts a checkpoint of 4 KiB, puts the writes of a task and reads the latest checkpoint. Here they
// are ten coroutines on one thread, there ten asynchronous functions. The numbers are how many
// times as fast this side is. On SQLite both sides have a write-ahead log and synchronous=FULL.

#include "bench/bench.hpp"
#include "bench/state.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/langgraph/checkpointer.hpp>
#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
#include <agentstore/backends/sqlite.hpp>
#endif

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

using namespace agentstore;
using langgraph::Checkpointer;
using langgraph::Config;

namespace {

constexpr int threads = 10;
constexpr int steps = 300;

/// An id as long as a real one, that grows.
std::string new_id() {
  static std::uint64_t count = 0;
  char text[40];
  std::snprintf(text, sizeof text, "1f1e849e-5aec-6990-ffff-%012llx",
                static_cast<unsigned long long>(++count));
  return text;
}

awaitable<void> run_thread(Checkpointer saver, std::string thread) {
  Config config(thread);
  for (int step = 1; step <= steps; ++step) {
    json checkpoint;
    checkpoint["v"] = 4;
    checkpoint["id"] = new_id();
    checkpoint["ts"] = "2026-03-01T12:00:00.000Z";
    checkpoint["channel_values"]["state"] = bench::state(step);
    checkpoint["channel_versions"]["state"] = step;
    checkpoint["versions_seen"]["agent"]["state"] = step - 1;
    json versions = checkpoint["channel_versions"];
    json metadata;
    metadata["source"] = "loop";
    metadata["step"] = step;
    metadata["parents"] = json::object();
    config = co_await saver.put(std::move(config), std::move(checkpoint), std::move(metadata),
                                std::move(versions));

    json message;
    message["role"] = "assistant";
    message["content"] = std::string(180, 'a');
    std::vector<ChannelWrite> writes;
    writes.emplace_back("state", std::move(message));
    writes.emplace_back("branch:to:agent", nullptr);
    co_await saver.put_writes(config, std::move(writes), "task-" + std::to_string(step));

    Config latest(thread);
    const auto tuple = co_await saver.get_tuple(std::move(latest));
    if (!tuple || tuple->checkpoint.at("channel_values").at("state").at("step") != step ||
        tuple->checkpoint.at("channel_values").at("state").at("messages").size() != 16 ||
        tuple->pending_writes.size() != 2) {
      std::abort();
    }
  }
}

/// Seconds for all steps on an empty store.
template <class Backend>
double run_all(Backend& backend) {
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  boost::asio::io_context context(1);
  for (int i = 0; i < threads; ++i) {
    boost::asio::co_spawn(context, run_thread(Checkpointer(backend), "thread-" + std::to_string(i)),
                          [](const std::exception_ptr& error) {
                            if (error) {
                              std::rethrow_exception(error);
                            }
                          });
  }
  return bench::seconds([&] { context.run(); });
}

/// Seconds that LangGraph.js takes, as it says itself.
double run_javascript(const std::string& arguments) {
  const std::string command = std::string(NODE) + " savers.js " + arguments;
  std::FILE* const pipe = popen(command.c_str(), "r");
  double seconds = 0;
  const bool read = pipe != nullptr && std::fscanf(pipe, "%lf", &seconds) == 1;
  if (pipe == nullptr || pclose(pipe) != 0 || !read) {
    throw std::runtime_error(command + " failed");
  }
  return seconds;
}

double memory_over_memorysaver() {
  std::vector<double> ratios;
  for (int round = 0; round < 5; ++round) {
    const double theirs = run_javascript("memory");
    MemoryBackend backend;
    ratios.push_back(theirs / run_all(backend));
  }
  return bench::median(std::move(ratios));
}

#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
double sqlite_over_sqlitesaver() {
  const auto directory = std::filesystem::current_path() / "langgraph-bench";
  std::vector<double> ratios;
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directory(directory);
    const double theirs = run_javascript("sqlite langgraph-bench/theirs.db");
    SqliteBackend backend((directory / "ours.db").string());
    ratios.push_back(theirs / run_all(backend));
  }
  std::filesystem::remove_all(directory);
  return bench::median(std::move(ratios));
}
#endif

} // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DIRECTORY RESULTS.json\n", argv[0]);
    return 2;
  }
  const std::string results_path = std::filesystem::absolute(argv[2]).string();
  std::filesystem::current_path(argv[1]); // where savers.js is, with what it needs
  json results;
  results["langgraph.memory_over_memorysaver"] = memory_over_memorysaver();
#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
  results["langgraph.sqlite_over_sqlitesaver"] = sqlite_over_sqlitesaver();
#endif
  return bench::write(results_path.c_str(), results);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
