// SPDX-License-Identifier: Apache-2.0
// The decorators of a backend that is both directories.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/failing.hpp>

#include <set>

using namespace agentstore;
using namespace agentstore::test;

namespace {

/// Two sessions of one user, each with a thread of two checkpoints.
awaitable<void> fill(IStorageBackend& store) {
  co_await store.initialize();
  for (int i = 0; i < 2; ++i) {
    const std::string id = "s" + std::to_string(i);
    co_await store.create_session(id, "u");
    json data = json(i);
    co_await store.store_checkpoint(id, "c0", data);
    co_await store.store_checkpoint(id, "c1", data);
  }
}

/// Calls every method of both directories; what each of them answered.
awaitable<std::string> call_all(ISessionDirectory& sessions, IThreadDirectory& threads) {
  const SessionPage of_user = co_await sessions.list_sessions("u");
  std::string all = std::to_string(of_user.sessions.size());
  const ThreadPage first = co_await threads.list_threads("s", Page(1));
  all += " " + first.thread_ids.front();
  const auto before = co_await threads.list_checkpoints_before("s0", "c1");
  all += " " + before.front().checkpoint_id;
  const ThreadHead head = co_await threads.get_thread_head("s0", 1);
  all += " " + head.latest->checkpoint_id + head.checkpoint_ids.front();
  const bool copied = co_await threads.copy_thread("s0", "copy");
  const std::uint64_t pruned = co_await threads.prune_thread("copy", 1);
  const bool thread_deleted = co_await threads.delete_thread("copy");
  const bool session_deleted = co_await sessions.delete_session("s0");
  all += copied ? " copied " : " not copied ";
  all += std::to_string(pruned);
  all += thread_deleted && session_deleted ? " deleted" : " not deleted";
  co_return all;
}

class Listening final : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    heard.insert(std::string(operation) + " " + key);
    co_return;
  }

  std::set<std::string> heard;
};

constexpr const char* answers = "2 s0 c0 c1c1 copied 1 deleted";

} // namespace

TEST_CASE("A forwarding store is both directories that the backend in it is") {
  ForwardingStore store(std::make_shared<MemoryBackend>());
  run(fill(store));
  CHECK(run(call_all(store, store)) == answers);
}

TEST_CASE("An intercepting store runs its hooks around the calls of directories") {
  const auto listening = std::make_shared<Listening>();
  InterceptingStore store(std::make_shared<MemoryBackend>(), listening);
  run(fill(store));
  listening->heard.clear();
  CHECK(run(call_all(store, store)) == answers);
  CHECK(listening->heard ==
        std::set<std::string>{"list_sessions u", "list_threads s", "list_checkpoints_before s0",
                              "get_thread_head s0", "copy_thread s0", "prune_thread copy",
                              "delete_thread copy", "delete_session s0"});
}

TEST_CASE("A failing store fails in its directories too, before the effect or after it") {
  const auto faults = std::make_shared<Faults>();
  FailingStore store(std::make_shared<MemoryBackend>(), faults);
  run(fill(store));
  faults->arm(FaultPlan().before().operation("delete_session"));
  CHECK_THROWS_AS(run(store.delete_session("s0")), StorageError);
  CHECK(run(store.get_session("s0")).has_value());
  faults->arm(FaultPlan().after().operation("copy_thread"));
  CHECK_THROWS_AS(run(store.copy_thread("s0", "copy")), StorageError);
  CHECK(run(store.get_checkpoint("copy")).has_value());
  CHECK(faults->failures() == 2);
}

TEST_CASE("A failing store with a plan of its own fails by it") {
  FailingStore store(std::make_shared<MemoryBackend>(), FaultPlan().operation("list_threads"));
  run(fill(store));
  CHECK_THROWS_AS(run(store.list_threads()), StorageError);
  CHECK(run(store.list_threads()).thread_ids.size() == 2);
}
