// SPDX-License-Identifier: Apache-2.0

// A small agent runtime that is driven by recorded runs. See runtime.hpp for the loop.

#include "../common/archive_uri.hpp"
#include "../common/store_uri.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "recorded_run.hpp"
#include "runtime.hpp"
#include "verify.hpp"
#include "verify_archive.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <iostream>
#include <numeric>
#include <sstream>

namespace agent_runtime {
namespace {

using example::make_store;
using example::Store;
using example::store_uri_usage;

constexpr int exit_failure = 1;
constexpr int exit_bad_input = 2;

std::string usage() {
  return "usage: agent_runtime [--store URI] [--archive URI [--archive-queue URI]] --input "
         "FILE.jsonl\n"
         "                     [--concurrency N] [--verify] [--quiet]\n"
         "\n"
         "Drives recorded agent runs and keeps their state in a store. Started again on the same\n"
         "store, it goes on where it stopped.\n"
         "\n"
         "  --store URI        " +
         store_uri_usage() + "; " + Options().store_uri +
         " unless given\n"
         "  --archive URI      " +
         example::ArchiveKinds::usage() +
         ": it gets all that is stored,\n"
         "                     without delay for the runs; none unless given\n"
         "  --archive-queue URI " +
         example::QueueKinds::usage() +
         ": where what waits for the archive outlives a kill;\n"
         "                     in memory alone unless given\n"
         "  --input FILE       one run a line: {\"task_id\": ..., \"messages\": [...]}\n"
         "  --concurrency N    how many runs at once; 4 unless given\n"
         "  --verify           then read everything back and compare it with the input\n"
         "  --quiet            print nothing but errors\n"
         "  --help             print this\n"
         "\n"
         "Exit status: 0 done; 1 the store failed, or differs from the input; 2 bad usage or"
         " input.\n";
}

/// Runs one coroutine to its end on the thread of the caller.
template <class T>
T await_here(boost::asio::io_context& context, awaitable<T> work) {
  std::exception_ptr failure;
  std::optional<T> result;
  const auto keep = [&](std::exception_ptr thrown, T value) {
    failure = std::move(thrown);
    result = std::move(value);
    context.stop(); // an archive may have more to do
  };
  boost::asio::co_spawn(context, std::move(work), keep);
  context.restart();
  context.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
  return *std::move(result);
}

awaitable<bool> close(std::shared_ptr<Store> store) {
  co_await store->storage().close();
  co_return true;
}

using Archiving = agentstore::DualWrite<agentstore::ForwardingBackend>;

/// The archive beside a store, and how it is got rid of what waits for it.
class Archived {
public:
  Archived(boost::asio::any_io_executor executor, const Store& hot, const Options& options)
      : archive_(example::ArchiveKinds::make(executor, options.archive_uri, "archive")),
        store_(std::make_shared<Archiving>(
            executor, std::make_shared<agentstore::ForwardingBackend>(hot.backend()),
            archive_.for_dual_write(), options_for(executor, options.archive_queue_uri))) {}

  std::shared_ptr<Archiving> store() const { return store_; }
  agentstore::IArchiveReader& reader() const { return archive_.reader(); }

  /// Throws InputError if the archive can never be opened by what it was told.
  static awaitable<bool> refuse_wrong_options(agentstore::IArchiveReader* reader) {
    try {
      static_cast<void>(co_await reader->read_archive(agentstore::ArchiveKind::checkpoint, "any"));
    } catch (const agentstore::StorageError& error) {
      if (agentstore::means(error.code(), agentstore::errc::invalid_argument)) {
        throw InputError(std::string("option --archive: ") + error.what());
      }
      co_return false; // it may be there later
    }
    co_return true;
  }

  /// Waits until the archive has all.
  static awaitable<agentstore::ArchivingMetrics> drain(std::shared_ptr<Archiving> store) {
    static_cast<void>(co_await store->drain(std::chrono::minutes(10)));
    co_return co_await store->get_archiving_metrics();
  }

private:
  /// Recorded runs go as fast as the store: an archive that is slower, or away for a while, is to
  /// miss nothing.
  static agentstore::DualWriteOptions options_for(boost::asio::any_io_executor executor,
                                                  const std::string& queue_uri) {
    agentstore::DualWriteOptions options;
    if (!queue_uri.empty()) {
      options.queue = example::QueueKinds::make(std::move(executor), queue_uri, "archive queue");
    }
    options.max_queued = 10'000'000;
    options.max_queued_bytes = std::size_t{4} << 30u;
    options.longest_pause = std::chrono::seconds(1);
    options.max_attempts = 600;
    return options;
  }

  example::Archive archive_;
  std::shared_ptr<Archiving> store_;
};

/// What the store holds now, and how much of it came by this runtime.
std::string amount(std::size_t held, std::size_t added) {
  std::ostringstream text;
  text << held;
  if (added != held) {
    text << "  (" << added << " now)";
  }
  return text.str();
}

void print_summary(const std::vector<RecordedRun>& runs, const Tally& tally,
                   std::chrono::duration<double> elapsed) {
  std::size_t messages = 0;
  std::size_t tool_results = 0;
  for (const RecordedRun& run : runs) {
    messages += run.messages.size();
    tool_results += static_cast<std::size_t>(
        std::count_if(run.messages.begin(), run.messages.end(), is_tool_result));
  }
  const double per_second = static_cast<double>(tally.operations) / elapsed.count();
  std::cout << "runs                   "
            << amount(runs.size(), runs.size() - tally.already_complete)
            << "\nmessages               " << amount(messages, tally.messages)
            << "\ncheckpoints            " << amount(messages, tally.checkpoints)
            << "\nwrites                 " << amount(tool_results, tally.writes)
            << "\nresumed                " << tally.resumed << "\noperations             "
            << tally.operations << "\noperations per second  "
            << static_cast<std::uint64_t>(per_second) << std::endl;
}

void print_archiving(const agentstore::ArchivingMetrics& metrics) {
  std::cout << "archive                " << metrics.queued << " queued, " << metrics.archived
            << " archived, " << metrics.retried << " retried, " << metrics.dropped << " dropped"
            << std::endl;
}

void run(const Options& options) {
  const std::vector<RecordedRun> runs = read_recorded_runs(options.input_path);
  boost::asio::io_context context; // first: it is to outlive the store's threads
  auto store = std::make_shared<Store>(make_store(context.get_executor(), options.store_uri));
  std::optional<Archived> archived;
  if (!options.archive_uri.empty()) {
    archived.emplace(context.get_executor(), *store, options);
    store = std::make_shared<Store>(archived->store());
  }
  (void)await_here(context, store->storage().initialize());
  if (archived) {
    (void)await_here(context, Archived::refuse_wrong_options(&archived->reader()));
  }

  const std::size_t steps = std::accumulate(
      runs.begin(), runs.end(), std::size_t{0},
      [](std::size_t sum, const RecordedRun& each) { return sum + each.messages.size(); });
  Progress progress(steps, options.quiet);
  Runtime runtime(store->storage(), store->checkpointer(), runs, progress);
  const auto began = std::chrono::steady_clock::now();
  runtime.work_off(context, options.concurrency);
  const auto elapsed = std::chrono::steady_clock::now() - began;
  progress.finish();
  if (!options.quiet) {
    print_summary(runs, runtime.tally(), elapsed);
  }
  if (archived) {
    const auto metrics = await_here(context, Archived::drain(archived->store()));
    if (!options.quiet) {
      print_archiving(metrics);
    }
    if (metrics.queued + metrics.dropped != 0) {
      throw std::runtime_error("the archive lacks " +
                               std::to_string(metrics.queued + metrics.dropped) + " records");
    }
  }

  if (options.verify) {
    Verifier verifier(store->storage(), store->checkpointer(), runs);
    const Verified verified = await_here(context, verifier.verify());
    if (!options.quiet) {
      std::cout << "verified               " << verified.runs << " runs, " << verified.messages
                << " messages, " << verified.checkpoints << " checkpoints, " << verified.writes
                << " writes" << std::endl;
    }
    if (archived) {
      ArchiveVerifier archive_verifier(archived->reader(), runs);
      const std::size_t records = await_here(context, archive_verifier.verify());
      if (!options.quiet) {
        std::cout << "verified archive       " << runs.size() << " runs, " << records << " records"
                  << std::endl;
      }
    }
  }
  (void)await_here(context, close(store));
}

/// One line, whatever the text holds: it may quote what a user typed.
void print_error(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '?';
    }
  }
  std::fprintf(stderr, "agent_runtime: %s\n", text.c_str());
}

} // namespace
} // namespace agent_runtime

int main(int count, char** values) try {
  const std::vector<std::string> arguments(values + std::min(count, 1), values + count);
  const agent_runtime::Options options = agent_runtime::parse_options(arguments);
  if (options.help) {
    std::cout << agent_runtime::usage();
    return 0;
  }
  agent_runtime::run(options);
  return 0;
} catch (const agent_runtime::InputError& error) {
  agent_runtime::print_error(error.what());
  return agent_runtime::exit_bad_input;
} catch (const std::exception& error) {
  agent_runtime::print_error(error.what());
  return agent_runtime::exit_failure;
}
