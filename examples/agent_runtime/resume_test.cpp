// SPDX-License-Identifier: Apache-2.0

// A runtime that dies at any moment before, in or after any call on its store is followed by one
// that goes on exactly where it stopped; and what is not so is found by the verifier.

#include "runtime.hpp"
#include "verify.hpp"

#include <agentstore/authoring/routed_backend.hpp>
#include <agentstore/backends/memory.hpp>

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace agent_runtime {
namespace {

using agentstore::json;

/// A store in memory that is cut off at a chosen moment. Every call on it has two: the one before
/// it takes effect, and the one after it, before the caller hears of it.
class MortalStore final : public agentstore::RoutedBackend<MortalStore> {
public:
  static constexpr std::size_t never = 0;

  /// Nothing gets through from the given moment on; the first is 1.
  void live_until(std::size_t moment) {
    death_ = moment;
    moment_ = 0;
  }
  bool is_dead() const { return death_ != never && moment_ >= death_; }

  awaitable<bool> initialize() override { return memory_.initialize(); }
  awaitable<void> close() override { return memory_.close(); }
  awaitable<agentstore::Health> health_check() override { return memory_.health_check(); }

private:
  friend RoutedBackend;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) {
    return pass(Call::on(memory_, std::move(arguments)...));
  }

  template <class T>
  awaitable<T> pass(awaitable<T> call) {
    live_on();
    T result = co_await std::move(call);
    live_on();
    co_return result;
  }

  void live_on() {
    ++moment_;
    if (is_dead()) {
      throw agentstore::StorageError(agentstore::errc::unavailable, "pass", "", "cut off");
    }
  }

  agentstore::MemoryBackend memory_;
  std::size_t moment_ = 0;
  std::size_t death_ = never;
};

std::vector<RecordedRun> runs_of(const std::vector<std::string>& lines) {
  std::vector<RecordedRun> runs;
  runs.reserve(lines.size());
  for (const std::string& line : lines) {
    runs.push_back(LineReader::read(line));
  }
  return runs;
}

/// Has every kind of step: a request, two tools at once, a tool that fails, a content of each kind.
const char* const long_run = R"({"task_id": "long", "reward": 0, "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How warm is it in Oslo and in Rome?"},
    {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "warmth", "arguments": "Oslo"}},
        {"id": "c2", "type": "function", "function": {"name": "warmth", "arguments": "Rome"}}]},
    {"role": "tool", "tool_call_id": "c1", "name": "warmth", "content": "7"},
    {"role": "tool", "tool_call_id": "c2", "name": "warmth", "content": "Error: no such place"},
    {"role": "assistant", "tool_calls": [{"id": "c1"}]},
    {"role": "tool", "content": "21"},
    {"role": "assistant", "content": [{"type": "text", "text": "7 and 21"}], "cost": 1.0},
    {"role": "user", "content": ""}]})";
const char* const short_run = R"({"task_id": 5, "messages": [
    {"role": "user", "content": "Ready?"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c1"}]},
    {"role": "tool", "tool_call_id": "c1", "content": null}]})";

/// Works the runs off as far as the store lets it.
Tally work(MortalStore& store, const std::vector<RecordedRun>& runs, std::size_t concurrency = 1) {
  boost::asio::io_context context;
  Progress progress(0, true);
  Runtime runtime(store, store, runs, progress);
  try {
    runtime.work_off(context, concurrency);
  } catch (const agentstore::StorageError&) {
    if (!store.is_dead()) {
      throw;
    }
  }
  return runtime.tally();
}

/// What a runtime complains of; "nothing" if it completes the runs.
std::string complaint(MortalStore& store, const std::vector<RecordedRun>& runs) {
  store.live_until(MortalStore::never);
  try {
    work(store, runs);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing";
}

/// Shows both when it does not.
bool contains(const std::string& text, const std::string& part) {
  UNSCOPED_INFO("\"" << part << "\" in \"" << text << "\"");
  return text.find(part) != std::string::npos;
}

template <class T>
void await_here(awaitable<T> call) {
  boost::asio::io_context context;
  std::exception_ptr failure;
  const auto keep = [&](std::exception_ptr thrown, const T&) { failure = std::move(thrown); };
  boost::asio::co_spawn(context, std::move(call), keep);
  context.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

/// The first difference, or "none".
std::string difference(MortalStore& store, const std::vector<RecordedRun>& runs) {
  store.live_until(MortalStore::never);
  Verifier verifier(store, store, runs);
  try {
    await_here(verifier.verify());
  } catch (const Difference& found) {
    return found.what();
  }
  return "none";
}

/// How many moments it takes to work all runs off.
std::size_t count_moments(const std::vector<RecordedRun>& runs) {
  MortalStore store;
  await_here(store.initialize());
  const Tally tally = work(store, runs);
  REQUIRE(difference(store, runs) == "none");
  return 2 * tally.operations;
}

TEST_CASE("A run that dies at any moment is completed, and nothing of it is repeated") {
  const std::size_t concurrency_of[] = {1, 2};
  const auto runs = runs_of({long_run, short_run});
  const std::size_t moments = count_moments(runs);
  REQUIRE(moments == 2 * (12 * 4 + 4 + 2 * 3)); // steps, tool results, begin and end of two runs
  for (std::size_t i = 0; i < 2 * moments; ++i) {
    const std::size_t moment = 1 + i / 2;
    const std::size_t concurrency = concurrency_of[i % 2];
    CAPTURE(moment, concurrency);
    MortalStore store;
    await_here(store.initialize());
    store.live_until(moment);
    const Tally before = work(store, runs, concurrency);
    REQUIRE(store.is_dead());
    store.live_until(MortalStore::never);
    const Tally after = work(store, runs, concurrency);
    REQUIRE(difference(store, runs) == "none");
    // The call that was in flight may have been made without being counted.
    const std::size_t made = before.messages + after.messages;
    REQUIRE((made == 12 || made == 11));
    REQUIRE(before.writes + after.writes <= 4);
    REQUIRE(before.checkpoints + after.checkpoints <= 12);
  }
}

TEST_CASE("A run that dies again while it is resumed is completed all the same") {
  const auto runs = runs_of({short_run});
  const std::size_t moments = count_moments(runs);
  for (std::size_t first = 1; first <= moments; ++first) {
    bool died_again = true;
    for (std::size_t second = 1; died_again; ++second) {
      CAPTURE(first, second);
      MortalStore store;
      await_here(store.initialize());
      store.live_until(first);
      work(store, runs);
      store.live_until(second);
      work(store, runs);
      died_again = store.is_dead();
      store.live_until(MortalStore::never);
      work(store, runs);
      REQUIRE(difference(store, runs) == "none");
    }
  }
}

TEST_CASE("A completed run is left alone") {
  const auto runs = runs_of({long_run, short_run});
  MortalStore store;
  await_here(store.initialize());
  work(store, runs);
  const Tally again = work(store, runs);
  CHECK(again.already_complete == 2);
  CHECK(again.resumed == 0);
  CHECK(again.operations == 2);
}

TEST_CASE("A store that holds another run under the id is refused") {
  const auto runs = runs_of({short_run});
  const std::size_t moments = count_moments(runs);
  auto others = runs;
  others[0].messages[0]["content"] = "Steady?";
  MortalStore store;
  await_here(store.initialize());
  store.live_until(moments - 2); // the session is not ended yet
  work(store, runs);
  store.live_until(MortalStore::never);
  CHECK(contains(complaint(store, others), "message 1"));
  others[0].messages.pop_back();
  CHECK(contains(complaint(store, others), "another run"));
}

/// The line of `long_run` with one thing changed.
std::vector<RecordedRun> changed(const std::string& pointer, const json& value) {
  json line = json::parse(long_run);
  line[json::json_pointer(pointer)] = value;
  return runs_of({line.dump()});
}

TEST_CASE("The verifier names the first difference to the record") {
  const auto runs = runs_of({long_run});
  MortalStore store;
  await_here(store.initialize());
  work(store, runs);
  REQUIRE(difference(store, runs) == "none");

  const auto names = [&](const std::vector<RecordedRun>& others, const std::string& what) {
    CHECK(contains(difference(store, others), "run \"long\" (line 0), " + what));
  };
  names(changed("/messages/1/content", "How warm is it?"), "message 2, content:");
  names(changed("/messages/0/role", "developer"), "message 1, role:");
  names(changed("/messages/2/content", ""), "message 3, content:");
  names(changed("/messages/2/tool_calls/1/id", "c3"), "message 3, tool_calls:");
  names(changed("/messages/5/content", json()), "message 6, content present:");
  names(changed("/messages/7/cost", 1), "message 8, cost:");
  names(changed("/messages/8/extra", json()), "message 9, extra present:");
  names(changed("/messages/9", json::parse(R"({"role": "user"})")), "number of messages:");
  names(changed("/reward", 1), "status:");
  names(changed("/added", 1), "metadata:");
  auto elsewhere = runs;
  elsewhere[0].id = "other";
  CHECK(contains(difference(store, elsewhere), "run \"other\" (line 0), session present:"));
}

TEST_CASE("The verifier finds what is in the store besides, or changed there") {
  const auto runs = runs_of({long_run});
  const std::size_t moments = count_moments(runs);
  MortalStore store;
  await_here(store.initialize());
  store.live_until(moments - 2); // the session is not ended yet
  work(store, runs);
  store.live_until(MortalStore::never);

  SECTION("a request counted twice") {
    await_here(store.update_session("long", agentstore::SessionUpdate().increment_requests()));
    work(store, runs);
    CHECK(contains(difference(store, runs), "request_count:"));
  }
  SECTION("an error counted twice") {
    await_here(store.update_session("long", agentstore::SessionUpdate().mark_error()));
    work(store, runs);
    CHECK(contains(difference(store, runs), "error_count:"));
  }
  SECTION("time counted twice") {
    const auto update =
        agentstore::SessionUpdate().add_processing_time(std::chrono::microseconds(1));
    await_here(store.update_session("long", update));
    work(store, runs);
    CHECK(contains(difference(store, runs), "total_processing_time"));
  }
  SECTION("another message") {
    await_here(store.add_conversation_message("long", "user", "One more.", json::object()));
    CHECK(contains(complaint(store, runs), "which no runtime leaves"));
    CHECK(contains(difference(store, runs), "number of messages:"));
  }
  SECTION("another write") {
    work(store, runs);
    std::vector<agentstore::ChannelWrite> writes;
    writes.emplace_back("notes", 1);
    await_here(store.put_writes("long", "step-4", "c9", writes));
    CHECK(contains(difference(store, runs), "message 4, writes"));
  }
  SECTION("another checkpoint") {
    work(store, runs);
    await_here(store.put_checkpoint("long", "step-10", json(), json::object()));
    CHECK(contains(difference(store, runs), "number of checkpoints:"));
  }
  SECTION("a checkpoint replaced") {
    work(store, runs);
    await_here(store.put_checkpoint("long", "step-3", json(), json::object()));
    CHECK(contains(difference(store, runs), "message 3, checkpoint"));
  }
  SECTION("another task context") {
    await_here(store.store_task_context("long", json("elsewhere")));
    CHECK(contains(complaint(store, runs), "load_task_context"));
    CHECK(contains(difference(store, runs), "task context:"));
  }
}

} // namespace
} // namespace agent_runtime
