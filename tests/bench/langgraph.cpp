// SPDX-License-Identifier: Apache-2.0
// The checkpointer over LangGraph.js' own savers: 3,000 steps in ten threads at once, each of which
// puts a checkpoint of 4 KiB, puts the writes of a task and reads the latest checkpoint. Here they
// are ten coroutines on one thread, there ten asynchronous functions. The numbers are how many
// times as fast this side is. On SQLite both sides have a write-ahead log and synchronous=FULL.

#include "bench/bench.hpp"
#include "bench/langgraph_steps.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/document_from_text.hpp>
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

/// What a runtime hands over, and how it sees that it got the same back.
class Trees {
public:
  static Document checkpoint(const std::string& id, int step) {
    return bench::checkpoint(id, step);
  }
  static Document metadata(int step) { return bench::metadata(step); }
  static Document versions(int step) { return bench::versions(step); }
  static Document message() { return bench::message(); }
  static bool is_of_step(const Document& checkpoint, int step) {
    const json& state = checkpoint.at("channel_values").at("state");
    return state.at("step") == step && state.at("messages").size() == bench::messages_in_state;
  }
};

/// The same by text, as a server gets it from its clients and sends it to them. Where the id and
/// the steps stand in it is found beforehand, for a client's work is not measured.
class Texts {
public:
  static Document checkpoint(const std::string& id, int step) {
    static const Template text(bench::checkpoint("<id>", marker).dump());
    return Document::from_text(text.fill(id, step));
  }
  static Document metadata(int step) {
    static const Template text(bench::metadata(marker).dump());
    return Document::from_text(text.fill("", step));
  }
  static Document versions(int step) {
    static const Template text(bench::versions(marker).dump());
    return Document::from_text(text.fill("", step));
  }
  static Document message() {
    static const std::string text = bench::message().dump();
    return Document::from_text(text);
  }
  static bool is_of_step(const Document& checkpoint, int step) {
    const std::string_view text = checkpoint.text();
    return text.size() > 3'500 && // the step stands near the end
           text.rfind("\"step\":" + std::to_string(step) + "}") != std::string_view::npos;
  }

private:
  static constexpr int marker = 1'234'567'890; // no id holds it

  class Template {
  public:
    explicit Template(const std::string& text) {
      const std::string marks[] = {"<id>", std::to_string(marker), std::to_string(marker - 1)};
      std::size_t begin = 0;
      for (std::size_t at = 0; at < text.size(); ++at) {
        for (std::size_t mark = 0; mark < std::size(marks); ++mark) {
          if (text.compare(at, marks[mark].size(), marks[mark]) == 0) {
            pieces_.emplace_back(text.substr(begin, at - begin), mark);
            begin = at + marks[mark].size();
          }
        }
      }
      end_ = text.substr(begin);
    }
    std::string fill(const std::string& id, int step) const {
      const std::string values[] = {id, std::to_string(step), std::to_string(step - 1)};
      std::string out;
      out.reserve(5'000);
      for (const auto& [text, mark] : pieces_) {
        out += text;
        out += values[mark];
      }
      return out += end_;
    }

  private:
    std::vector<std::pair<std::string, std::size_t>> pieces_; // each before a mark
    std::string end_;
  };
};

template <class Form>
awaitable<void> run_thread(Checkpointer saver, std::string thread) {
  Config config(thread);
  for (int step = 1; step <= steps; ++step) {
    Document checkpoint = Form::checkpoint(bench::new_id(), step);
    Document metadata = Form::metadata(step);
    Document versions = Form::versions(step);
    config = co_await saver.put(std::move(config), std::move(checkpoint), std::move(metadata),
                                std::move(versions));

    std::vector<ChannelWrite> writes;
    writes.emplace_back("state", Form::message());
    writes.emplace_back("branch:to:agent", nullptr);
    co_await saver.put_writes(config, std::move(writes), "task-" + std::to_string(step));

    Config latest(thread);
    const auto tuple = co_await saver.get_tuple(std::move(latest));
    if (!tuple || !Form::is_of_step(tuple->checkpoint, step) || tuple->pending_writes.size() != 2) {
      std::abort();
    }
  }
}

/// Seconds for all steps on an empty store.
template <class Form, class Backend>
double run_all(Backend& backend) {
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  boost::asio::io_context context(1);
  return bench::seconds([&] {
    bench::run_clients(context, threads, [&](int client) {
      return run_thread<Form>(Checkpointer(backend), "thread-" + std::to_string(client));
    });
  });
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

void over_memorysaver(json& results) {
  std::vector<double> trees;
  std::vector<double> texts;
  for (int round = 0; round < 5; ++round) {
    const double theirs = run_javascript("memory");
    MemoryBackend backend;
    trees.push_back(theirs / run_all<Trees>(backend));
    MemoryBackend another;
    texts.push_back(theirs / run_all<Texts>(another));
  }
  results["langgraph.memory_over_memorysaver"] = bench::median(std::move(trees));
  results["langgraph.memory_text_over_memorysaver"] = bench::median(std::move(texts));
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
    ratios.push_back(theirs / run_all<Trees>(backend));
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
  over_memorysaver(results);
#ifdef AGENTSTORE_BENCH_HAVE_SQLITE
  results["langgraph.sqlite_over_sqlitesaver"] = sqlite_over_sqlitesaver();
#endif
  return bench::write(results_path.c_str(), results);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
