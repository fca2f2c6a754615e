// SPDX-License-Identifier: Apache-2.0
// A test of one's own runtime: whichever of its calls on the store fails, before or after it took
// effect, the next run ends where it should.

#include "run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/failing.hpp>

#include <stdexcept>

/// What is tested: asks for an answer, keeps both messages, and says so by a checkpoint. Each step
/// looks whether an earlier run has made it, for an append may not be made twice.
agentstore::awaitable<void> answer(agentstore::IStorageBackend* store) {
  const std::vector<std::string> texts = {"What is the weather in Oslo?", "Rain."};
  const auto session = co_await store->get_session("s-1");
  if (!session) {
    co_await store->create_session("s-1", "ada");
  }
  const auto history = co_await store->get_conversation_history("s-1");
  for (std::size_t i = history.size(); i < texts.size(); ++i) {
    const std::string role = i == 0 ? "user" : "assistant";
    co_await store->add_conversation_message("s-1", role, texts.at(i));
  }
  co_await store->store_checkpoint("s-1", "answered", agentstore::json(true));
}

/// Lets a call fail by the plan, and then lets the next run finish. Says whether one failed.
agentstore::awaitable<void> test(agentstore::FaultPlan plan, bool* failed) {
  auto faults = std::make_shared<agentstore::Faults>();
  agentstore::FailingBackend store(std::make_shared<agentstore::MemoryBackend>(), faults);
  co_await store.initialize();

  faults->arm(plan);
  try {
    co_await answer(&store);
  } catch (const agentstore::StorageError& error) {
    std::cout << error.what() << '\n';
  }
  *failed = faults->failures() == 1;

  faults->disarm();
  co_await answer(&store);
  const auto history = co_await store.get_conversation_history("s-1");
  const auto latest = co_await store.get_checkpoint("s-1");
  if (history.size() != 2 || !latest || latest->checkpoint_id != "answered") {
    throw std::runtime_error("the next run ended elsewhere");
  }
}

int main() {
  // The n-th call fails, for each n, until there is no n-th call.
  int calls = 0;
  for (bool failed = true; failed; calls += int{failed}) {
    const auto n = static_cast<std::uint64_t>(calls) + 1;
    tutorial::run(test(agentstore::FaultPlan().before().at(n), &failed));
    tutorial::run(test(agentstore::FaultPlan().after().at(n), &failed));
  }
  std::cout << "survives the failure of each of its " << calls << " calls\n";
}
