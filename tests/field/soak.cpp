// SPDX-License-Identifier: Apache-2.0
// 200 coroutines of mixed calls on SQLite and PostgreSQL, for AGENTSTORE_SOAK_SECONDS. In the
// middle the server is stopped and started, and the network is silent for a while. Nothing that was
// acknowledged is lost, and in the last third the process needs no more than in the first.

#include "support/because.hpp"
#include "support/catch.hpp"
#include "support/faults/postgres_proxy.hpp"
#include "support/servers/postgres_server.hpp"
#include "support/temporary_directory.hpp"
#include "support/waiting.hpp"

#include <agentstore/backends/postgres.hpp>
#include <agentstore/backends/sqlite.hpp>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <unistd.h>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int agents_of_a_store = 100;
constexpr int rounds_of_a_life = 20;
constexpr std::size_t connections = 4;

std::chrono::seconds time_of_soak() {
  const char* const told = std::getenv("AGENTSTORE_SOAK_SECONDS");
  return std::chrono::seconds(told != nullptr ? std::max(std::atoi(told), 15) : 15);
}

/// The process' use of memory, descriptors and threads at one moment.
class Sample {
public:
  static Sample now() {
    const auto count = [](const char* folder) {
      const std::filesystem::directory_iterator all(folder);
      return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    };
    Sample sample;
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    sample.bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    sample.descriptors = count("/proc/self/fd");
    sample.threads = count("/proc/self/task");
    return sample;
  }

  std::size_t bytes = 0;
  std::size_t descriptors = 0;
  std::size_t threads = 0;
};

/// The greatest value in a part of the samples.
std::size_t most(const std::vector<Sample>& samples, std::size_t from, std::size_t to,
                 std::size_t Sample::* of) {
  std::size_t result = 0;
  for (std::size_t i = from; i < to; ++i) {
    result = std::max(result, samples[i].*of);
  }
  return result;
}

/// An agent, one of many that use a store. A session is one life of the agent. It is deleted when
/// it has been checked, so that the stored data does not grow.
class Agent {
public:
  explicit Agent(std::string name)
      : name_(std::move(name)), random_(std::hash<std::string>()(name_)) {}

  std::string id() const { return name_ + "." + std::to_string(life_); }
  void begin_life() {
    ++life_;
    said.clear();
    saved = -1;
    counted = 0;
    uncertain_counts = 0;
  }
  std::chrono::milliseconds some_time() {
    return std::chrono::milliseconds(100 + static_cast<int>(random_() % 200));
  }

  // What was acknowledged in this life.
  std::vector<int> said;
  int saved = -1;
  std::uint64_t counted = 0;
  std::uint64_t uncertain_counts = 0;
  // What was done in all lives.
  std::uint64_t rounds = 0;
  std::uint64_t lives = 0;
  std::vector<std::string> wrong;
  std::vector<StorageError> errors;

  void expect(bool met, const std::string& what) {
    if (!met) {
      wrong.push_back(id() + ": " + what);
    }
  }

private:
  std::string name_;
  int life_ = 0;
  std::mt19937 random_;
};

json state(int number) {
  json result = json::object();
  result["number"] = number;
  result["filler"] = std::string(500, 'x');
  return result;
}

std::vector<ChannelWrite> writes_of(int number) {
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", number);
  writes.emplace_back("b", std::string(100, 'y'));
  return writes;
}

template <class Store>
awaitable<void> one_round(Store* store, Agent* agent, int number) {
  const std::string id = agent->id();
  const std::string text = std::to_string(number);
  agent->expect(co_await store->add_conversation_message(id, "user", text), "an append was false");
  agent->said.push_back(number);
  json data = state(number);
  agent->expect(co_await store->put_checkpoint(id, "c" + text, std::move(data)), "a put was false");
  agent->saved = number;
  const auto found = co_await store->get_checkpoint(id, "c" + text);
  agent->expect(found && found->data.at("number") == json(number), "a checkpoint is another");
  std::vector<ChannelWrite> writes = writes_of(number);
  agent->expect(co_await store->put_writes(id, "c" + text, "task", std::move(writes)),
                "writes were false");
  const auto pending = co_await store->get_writes(id, "c" + text);
  agent->expect(pending.size() == 2, "there are not two writes");
  ++agent->uncertain_counts;
  SessionUpdate update;
  update.increment_requests();
  agent->expect(co_await store->update_session(id, std::move(update)), "an update was false");
  --agent->uncertain_counts;
  ++agent->counted;
  const auto newest = co_await store->get_conversation_history(id, 3);
  const auto is_own = [&text](const Message& message) { return message.content == text; };
  agent->expect(std::any_of(newest.begin(), newest.end(), is_own), "the last message is another");
}

/// Whether all that was acknowledged is there. Throws what the store throws. A write that timed out
/// while the network was silent may arrive late.
template <class Store>
awaitable<void> check(Store* store, Agent* agent) {
  const std::string id = agent->id();
  const auto history = co_await store->get_conversation_history(id, 1'000'000);
  std::vector<int> there;
  for (const Message& message : history) {
    there.push_back(std::stoi(message.content));
  }
  std::sort(there.begin(), there.end());
  agent->expect(std::includes(there.begin(), there.end(), agent->said.begin(), agent->said.end()),
                "a message that was acknowledged is lost");
  if (agent->saved >= 0) {
    const auto saved = co_await store->get_checkpoint(id, "c" + std::to_string(agent->saved));
    agent->expect(saved.has_value(), "a checkpoint that was acknowledged is lost");
  }
  const auto session = co_await store->get_session(id);
  agent->expect(session && session->request_count >= agent->counted &&
                    session->request_count <= agent->counted + agent->uncertain_counts,
                "an update that was acknowledged is lost, or one was applied twice");
}

/// Runs `step` until it ends without an error.
template <class Step>
awaitable<void> insist(Agent* agent, Step step) {
  for (bool is_done = false; !is_done;) {
    try {
      co_await step();
      is_done = true;
    } catch (const StorageError& error) {
      agent->errors.push_back(error);
    }
    if (!is_done) {
      co_await pause(100ms);
    }
  }
}

template <class Store>
awaitable<void> live(Store* store, Agent* agent, const bool* is_over) {
  while (!*is_over) {
    agent->begin_life();
    const auto begin = [store, agent]() -> awaitable<void> {
      try {
        static_cast<void>(co_await store->create_session(agent->id(), "user"));
      } catch (const StorageError& error) {
        if (!means(error.code(), errc::already_exists)) { // by an attempt whose answer was lost
          throw;
        }
      }
    };
    co_await insist(agent, begin);
    for (int number = 0; number < rounds_of_a_life && !*is_over; ++number) {
      try {
        co_await one_round(store, agent, number);
      } catch (const StorageError& error) {
        agent->errors.push_back(error);
      }
      ++agent->rounds;
      co_await pause(agent->some_time());
    }
    const auto look = [store, agent]() -> awaitable<void> { co_await check(store, agent); };
    co_await insist(agent, look);
    const auto remove = [store, agent]() -> awaitable<void> {
      static_cast<void>(co_await store->delete_session(agent->id()));
    };
    co_await insist(agent, remove);
    ++agent->lives;
  }
}

PostgresOptions options_for(const PostgresProxy& proxy) {
  PostgresOptions options(proxy.conninfo(), "soak");
  options.pool_size = connections;
  options.connect_timeout = options.acquire_timeout = options.operation_timeout = 2s;
  return options;
}

} // namespace

TEST_CASE("Hours of mixed calls need no more than minutes, and lose nothing", "[soak]") {
  const auto whole = std::chrono::milliseconds(time_of_soak());
  const TemporaryDirectory directory;
  PostgresServer server;
  PostgresProxy proxy(server.socket());
  Loop loop;
  SqliteBackend sqlite(directory.file("soak.db"));
  PostgresBackend postgres(loop.context().get_executor(), options_for(proxy));
  REQUIRE(loop.run(sqlite.initialize()));
  REQUIRE(loop.run(postgres.initialize()));

  std::deque<Agent> on_sqlite;
  std::deque<Agent> on_postgres;
  bool is_over = false;
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < agents_of_a_store; ++i) {
    on_sqlite.emplace_back("sqlite-" + std::to_string(i));
    on_postgres.emplace_back("postgres-" + std::to_string(i));
    endings.push_back(loop.start(live(&sqlite, &on_sqlite.back(), &is_over)));
    endings.push_back(loop.start(live(&postgres, &on_postgres.back(), &is_over)));
  }

  std::vector<Sample> samples;
  const auto run_until = [&](SteadyClock::time_point end) {
    while (SteadyClock::now() < end) {
      loop.context().restart();
      loop.context().run_for(std::min<SteadyClock::duration>(500ms, end - SteadyClock::now()));
      samples.push_back(Sample::now());
    }
  };
  const auto begun = SteadyClock::now();
  run_until(begun + whole / 8); // until all connections, caches and threads are there
  samples.clear();
  run_until(begun + whole * 3 / 8);
  const std::size_t first = samples.size();

  std::thread restart([&] { // the calls go on beside it
    server.stop();
    std::this_thread::sleep_for(500ms);
    server.start();
  });
  run_until(begun + whole * 4 / 8);
  restart.join();
  proxy.be_silent(true);
  run_until(SteadyClock::now() + 3s);
  proxy.be_silent(false);
  run_until(std::max(begun + whole * 5 / 8, SteadyClock::now() + 2s));
  const std::size_t last = samples.size();
  run_until(std::max(begun + whole, SteadyClock::now() + 2s));

  is_over = true;
  loop.finish();
  for (const auto& ending : endings) {
    CHECK(ending->has_value());
  }
  std::uint64_t rounds = 0;
  std::uint64_t lives = 0;
  std::size_t errors = 0;
  for (const auto* const agents : {&on_sqlite, &on_postgres}) {
    for (const Agent& agent : *agents) {
      for (const std::string& wrong : agent.wrong) {
        FAIL_CHECK(wrong);
      }
      for (const StorageError& error : agent.errors) {
        INFO(error.what());
        CHECK(agents == &on_postgres);
        CHECK(is_transient(error));
      }
      rounds += agent.rounds;
      lives += agent.lives;
      errors += agent.errors.size();
    }
  }
  CHECK(errors != 0); // the faults were felt
  CHECK(lives >= 2 * agents_of_a_store);
  CHECK(rounds >= 10 * agents_of_a_store);
  CHECK(loop.run(sqlite.get_metrics()) == Metrics());
  CHECK(loop.run(postgres.get_metrics()).total_sessions == 0);

  const auto growth = [&](std::size_t Sample::* of) {
    const std::size_t before = most(samples, 0, first, of);
    const std::size_t after = most(samples, last, samples.size(), of);
    return after > before ? after - before : 0;
  };
  CAPTURE(rounds, errors, samples.size(), most(samples, 0, first, &Sample::bytes));
  CHECK(growth(&Sample::bytes) < std::size_t{4} << 20u);
  // While a connection is replaced there may be two, each with a few descriptors of the proxy's.
  CHECK(growth(&Sample::descriptors) <= 4);
  CHECK(growth(&Sample::threads) == 0);
  WARN(rounds << " rounds, " << errors << " errors, " << samples.back().bytes / 1024 / 1024
              << " MiB, " << samples.back().descriptors << " descriptors, "
              << samples.back().threads << " threads");
}
