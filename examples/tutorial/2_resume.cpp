// SPDX-License-Identifier: Apache-2.0
// Work that goes on where it stopped: after each step its state is stored as a checkpoint, and it
// begins with the latest.

#include "run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/typed.hpp>

/// What the agent has to remember; nlohmann's macro makes it JSON and back.
class Plan {
public:
  int step = 0;
  std::vector<std::string> visited;

  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Plan, step, visited)
};

/// Visits the cities that have not been visited, at most so many.
agentstore::awaitable<void> travel(agentstore::ICheckpointStorage* store, int most) {
  const std::vector<std::string> cities = {"Oslo", "Rome", "Lima", "Bonn"};

  const auto latest = co_await agentstore::load_checkpoint<Plan>(*store, "trip-7");
  Plan plan = latest.value_or(Plan());
  std::cout << "begins at step " << plan.step << '\n';

  for (int done = 0; done < most && plan.visited.size() < cities.size(); ++done) {
    plan.visited.push_back(cities.at(plan.visited.size()));
    ++plan.step;
    // An id of the step's own: if the answer is lost and the step is stored once more, it is still
    // one checkpoint.
    const std::string id = "step-" + std::to_string(plan.step);
    co_await agentstore::save_checkpoint(*store, "trip-7", id, plan);
  }
}

agentstore::awaitable<void> lesson() {
  agentstore::MemoryBackend store; // one that outlives the process: 3_sqlite.cpp
  co_await store.initialize();

  co_await travel(&store, 3); // stops in the middle, as if the process had been killed
  co_await travel(&store, 3); // goes on

  const auto plan = co_await agentstore::load_checkpoint<Plan>(store, "trip-7");
  for (const std::string& city : plan.value().visited) {
    std::cout << city << ' ';
  }
  // Every step is still there, the newest first.
  const auto steps = co_await store.list_checkpoints("trip-7");
  std::cout << "in " << steps.size() << " steps\n";
  co_await store.close();
}

int main() {
  tutorial::run(lesson());
}
