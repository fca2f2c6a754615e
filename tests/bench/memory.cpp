// SPDX-License-Identifier: Apache-2.0
// What the interfaces cost on top of the work itself, and how the reference backend scales.

#include "bench/allocations.hpp"
#include "bench/bench.hpp"
#include "bench/directories.hpp"

#include <agentstore/backends/memory.hpp>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace {

using namespace agentstore;
using Data = detail::memory::Space;

constexpr int rounds = 15;

const std::string id = "0b1f7c52-9d0e-4c3a-8a55-2f6d1c7e9b34"; // a UUID, as runtimes use them

json metadata() {
  return json::parse(R"({"agent": "support-triage", "model": "m-large-2026-05", "tenant": "t-4711",
                         "tags": ["airline", "refund"], "locale": "en-GB", "attempt": 1})");
}

/// The same session twice: behind the interface, and as the bare data it works on.
class Subjects {
public:
  Subjects() {
    data.create_session(id, "user-7", metadata());
    bench::run(fill());
  }

  awaitable<void> fill() {
    co_await backend.initialize();
    co_await backend.create_session(id, "user-7", metadata());
  }

  MemoryBackend backend;
  IStorageBackend& storage = backend;
  Data data{MemoryOptions()};
};

constexpr int repetitions = 20'000;

awaitable<void> get_awaited(IStorageBackend& storage) {
  for (int i = 0; i < repetitions; ++i) {
    const auto session = co_await storage.get_session(id);
    if (!session) {
      std::abort();
    }
  }
}

void get_direct(Data& data) {
  for (int i = 0; i < repetitions; ++i) {
    calls::GetSession::check(data.limits(), id);
    const auto session = data.get_session(id);
    if (!session) {
      std::abort();
    }
  }
}

awaitable<void> update_awaited(IStorageBackend& storage) {
  for (int i = 0; i < repetitions; ++i) {
    SessionUpdate update;
    update.increment_requests().add_processing_time(std::chrono::microseconds(120));
    if (!co_await storage.update_session(id, std::move(update))) {
      std::abort();
    }
  }
}

void update_direct(Data& data) {
  for (int i = 0; i < repetitions; ++i) {
    SessionUpdate update;
    update.increment_requests().add_processing_time(std::chrono::microseconds(120));
    calls::UpdateSession::check(data.limits(), id, update);
    if (!data.update_session(id, std::move(update))) {
      std::abort();
    }
  }
}

template <class Work>
std::uint64_t allocations_of(Work work) {
  const std::uint64_t before = bench::allocations();
  work();
  return bench::allocations() - before;
}

/// Allocations a call that awaiting adds; start-up of the context aside.
template <class Awaited, class Direct>
double extra_allocations(Awaited awaited, Direct direct) {
  const std::uint64_t more = allocations_of(awaited);
  const std::uint64_t less = allocations_of(direct);
  return static_cast<double>(more > less ? (more - less) / repetitions : 0);
}

// One turn of a conversation, with what a runtime keeps of it.
awaitable<void> turns(IStorageBackend& storage, std::string session, std::string user_text,
                      std::string answer, const std::atomic<bool>& stop, std::uint64_t& done) {
  const json state = metadata();
  co_await storage.create_session(session, "user-7");
  while (!stop) {
    co_await storage.add_conversation_message(session, "user", user_text);
    co_await storage.get_conversation_history(session, 10);
    co_await storage.add_conversation_message(session, "assistant", answer);
    co_await storage.store_checkpoint(session, "step-" + std::to_string(done), state);
    SessionUpdate update;
    update.increment_requests();
    co_await storage.update_session(session, std::move(update));
    ++done;
  }
}

/// Turns a second, each thread with sessions of its own.
double turn_rate(std::size_t threads) {
  MemoryBackend backend;
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  std::atomic<bool> stop = false;
  struct alignas(64) Counter {
    std::uint64_t turns = 0;
  };
  std::vector<Counter> counters(threads);
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      bench::run(turns(backend, "session-" + std::to_string(i), std::string(120, 'u'),
                       std::string(400, 'a'), stop, counters[i].turns));
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  stop = true;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < threads; ++i) {
    workers[i].join();
    all += counters[i].turns;
  }
  return static_cast<double>(all);
}

double turn_scaling() {
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const double one = turn_rate(1);
    ratios.push_back(turn_rate(2) / one);
  }
  return bench::median(std::move(ratios));
}

awaitable<void> append(IStorageBackend& storage, std::string session, int count) {
  for (int i = 0; i < count; ++i) {
    co_await storage.add_conversation_message(session, "user", "What about my refund?");
  }
}

awaitable<void> start(IStorageBackend& storage, std::string session, int messages) {
  co_await storage.create_session(session, "user-7");
  co_await append(storage, session, messages);
}

/// One append at 100,000 messages over one at 100. The short conversations are many, so that both
/// sides append equally often.
double append_cost_growth() {
  constexpr int appends = 50;
  constexpr int conversations = 40;
  MemoryBackend backend;
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  bench::run(start(backend, "long", 100'000));
  int next = 0;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const int first = next;
    for (int i = 0; i < conversations; ++i) {
      bench::run(start(backend, "short-" + std::to_string(next++), 100));
    }
    double at_100 = 0;
    double at_100_000 = 0;
    for (int i = 0; i < conversations; ++i) {
      at_100 += bench::seconds(
          [&] { bench::run(append(backend, "short-" + std::to_string(first + i), appends)); });
      at_100_000 += bench::seconds([&] { bench::run(append(backend, "long", appends)); });
    }
    ratios.push_back(at_100_000 / at_100);
  }
  return bench::median(std::move(ratios));
}

awaitable<void> store(IStorageBackend& storage, std::string thread, int count) {
  const json state = metadata();
  for (int i = 0; i < count; ++i) {
    co_await storage.store_checkpoint(thread, "step-" + std::to_string(i), state);
  }
}

awaitable<void> latest(IStorageBackend& storage, std::string thread) {
  for (int i = 0; i < repetitions; ++i) {
    const auto checkpoint = co_await storage.get_checkpoint(thread);
    if (!checkpoint) {
      std::abort();
    }
  }
}

double latest_checkpoint_cost_growth() {
  MemoryBackend backend;
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  bench::run(store(backend, "long", 10'000));
  bench::run(store(backend, "short", 10));
  return bench::ratio(
      rounds, [&] { bench::run(latest(backend, "long")); },
      [&] { bench::run(latest(backend, "short")); });
}

double session_page_cost_growth() {
  MemoryBackend backend;
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  return bench::session_page_cost_growth(backend);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " RESULTS.json\n";
    return 2;
  }
  nlohmann::json results;
  Subjects subjects;
  const auto get_via_interface = [&] { bench::run(get_awaited(subjects.storage)); };
  const auto get_plain = [&] { get_direct(subjects.data); };
  const auto update_via_interface = [&] { bench::run(update_awaited(subjects.storage)); };
  const auto update_plain = [&] { update_direct(subjects.data); };
  results["memory.get_session.awaited_over_direct"] =
      bench::ratio(rounds, get_via_interface, get_plain);
  results["memory.get_session.extra_allocations"] = extra_allocations(get_via_interface, get_plain);
  results["memory.update_session.awaited_over_direct"] =
      bench::ratio(rounds, update_via_interface, update_plain);
  results["memory.update_session.extra_allocations"] =
      extra_allocations(update_via_interface, update_plain);
  results["memory.turn_scaling_2_threads"] = turn_scaling();
  results["memory.append_cost_growth"] = append_cost_growth();
  results["memory.latest_checkpoint_cost_growth"] = latest_checkpoint_cost_growth();
  results["memory.session_page_cost_growth"] = session_page_cost_growth();
  return bench::write(argv[1], results);
}
