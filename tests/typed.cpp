// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/record_json.hpp>
#include <agentstore/typed.hpp>

#include <map>
#include <stdexcept>

using namespace agentstore;
using namespace agentstore::test;

namespace {

class Plan {
public:
  Plan() = default;

  std::string goal;
  std::vector<int> steps;

  bool operator==(const Plan&) const = default;
};

void to_json(json& out, const Plan& plan) {
  out = json::object();
  out["goal"] = plan.goal;
  out["steps"] = plan.steps;
}

void from_json(const json& in, Plan& plan) {
  plan.goal = in.at("goal").get<std::string>();
  plan.steps = in.at("steps").get<std::vector<int>>();
}

/// Reads only what it likes, and says so by an exception of its own.
class Picky {};

void from_json(const json&, Picky&) {
  throw std::runtime_error("not to my taste");
}

Plan some_plan() {
  Plan plan;
  plan.goal = "a refund";
  plan.steps.assign(3, 1);
  return plan;
}

std::shared_ptr<MemoryBackend> opened() {
  auto store = std::make_shared<MemoryBackend>();
  CHECK(run(store->initialize()));
  CHECK(run(store->create_session("s-1", "u-1")).session_id == "s-1");
  return store;
}

/// Runs a load that must fail, and checks the error it fails with.
template <class T>
void check_corrupted(awaitable<std::optional<T>> load, const char* operation, const char* key) {
  try {
    static_cast<void>(run(std::move(load)));
    FAIL("the load did not fail");
  } catch (const StorageError& error) {
    CHECK(error.code() == errc::corrupted);
    CHECK(error.operation() == operation);
    CHECK(error.key() == key);
  }
}

} // namespace

TEST_CASE("A task context comes back as the type it was saved as") {
  const auto store = opened();
  CHECK_FALSE(run(load_task_context<Plan>(*store, "s-1")));
  CHECK(run(save_task_context(*store, "s-1", some_plan())));
  CHECK(run(load_task_context<Plan>(*store, "s-1")) == some_plan());
  CHECK(run(store->get_task_context("s-1")) == json(some_plan()));
}

TEST_CASE("Saving converts at the call, so the value may die or change before the await") {
  const auto store = opened();
  auto plan = std::make_unique<Plan>(some_plan());
  auto call = save_task_context(*store, "s-1", *plan);
  plan->goal = "changed";
  plan.reset();
  CHECK(run(std::move(call)));
  CHECK(run(load_task_context<Plan>(*store, "s-1")) == some_plan());
}

TEST_CASE("Saving to an unknown session is false, loading from it nothing") {
  const auto store = opened();
  CHECK_FALSE(run(save_task_context(*store, "nobody", some_plan())));
  CHECK_FALSE(run(load_task_context<Plan>(*store, "nobody")));
}

TEST_CASE("Plain types and JSON itself are saved as they are") {
  const auto store = opened();
  CHECK(run(save_task_context(*store, "s-1", std::vector<int>(1, 7))));
  CHECK(run(store->get_task_context("s-1")) == json::parse("[7]"));
  const json list = json::parse("[[1]]");
  CHECK(run(save_task_context(*store, "s-1", list)));
  CHECK(run(load_task_context<json>(*store, "s-1")) == list);
  CHECK(run(save_task_context(*store, "s-1", std::string("text"))));
  CHECK(run(load_task_context<std::string>(*store, "s-1")) == std::string("text"));
  const json null;
  CHECK(run(save_task_context(*store, "s-1", null)));
  CHECK(run(load_task_context<json>(*store, "s-1")) == null);
}

TEST_CASE("Checkpoints are saved and loaded through either interface, and a class of both") {
  const auto store = opened();
  ICheckpointStorage& checkpoints = *store;
  ICheckpointerBackend& checkpointer = *store;
  Plan plan = some_plan();
  CHECK(run(save_checkpoint(checkpoints, "t", "c-1", plan)));
  plan.goal = "second";
  CHECK(run(save_checkpoint(checkpointer, "t", "c-2", plan, object_of("step", 2))));
  plan.goal = "third";
  CHECK(run(save_checkpoint(*store, "t", "c-3", plan)));
  CHECK(run(load_checkpoint<Plan>(checkpoints, "t")) == plan);
  CHECK(run(load_checkpoint<Plan>(checkpointer, "t")) == plan);
  CHECK(run(load_checkpoint<Plan>(*store, "t", "c-1")) == some_plan());
  CHECK(run(load_checkpoint<Plan>(checkpointer, "t", "c-2"))->goal == "second");
  CHECK_FALSE(run(load_checkpoint<Plan>(*store, "t", "c-4")));
  CHECK_FALSE(run(load_checkpoint<Plan>(*store, "other")));
  const std::optional<Checkpoint> second = run(store->get_checkpoint("t", "c-2"));
  REQUIRE(second);
  CHECK(second->metadata == object_of("step", 2));
}

TEST_CASE("What is not the type is corrupted, and named") {
  const auto store = opened();
  CHECK(run(store->store_task_context("s-1", object_of("goal", 1))));
  check_corrupted(load_task_context<Plan>(*store, "s-1"), "load_task_context", "s-1");
  CHECK(run(store->store_checkpoint("t", "c", nullptr)));
  check_corrupted(load_checkpoint<Plan>(*store, "t"), "load_checkpoint", "t");
  check_corrupted(load_checkpoint<Plan>(*store, "t", "c"), "load_checkpoint", "t");
}

TEST_CASE("What is not the type is corrupted, whatever its from_json throws") {
  const auto store = opened();
  json session = Session();
  session["created_at"] = "yesterday";
  CHECK(run(store->store_task_context("s-1", session)));
  check_corrupted(load_task_context<Session>(*store, "s-1"), "load_task_context", "s-1");
  check_corrupted(load_task_context<Picky>(*store, "s-1"), "load_task_context", "s-1");
}

TEST_CASE("An error of the store itself is passed on") {
  MemoryBackend closed;
  CHECK_THROWS_AS(run(load_task_context<Plan>(closed, "s-1")), StorageError);
  CHECK_THROWS_AS(run(save_checkpoint(closed, "t", "c", some_plan())), StorageError);
}
