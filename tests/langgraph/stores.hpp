// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_LANGGRAPH_STORES_HPP
#define AGENTSTORE_TESTS_LANGGRAPH_STORES_HPP

// The stores that the checkpointer is tested on, and short forms for what the tests do.

#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/langgraph/checkpointer.hpp>
#ifdef AGENTSTORE_TESTS_HAVE_SQLITE
#include <agentstore/backends/sqlite.hpp>
#endif

#include <list>
#include <mutex>

namespace agentstore::test {

/// Where this thread awaits calls. It outlives every backend: the threads of one let go of it only
/// a moment after a call has ended.
inline boost::asio::io_context& context_of_thread() {
  static std::mutex mutex;
  static std::list<boost::asio::io_context> all;
  thread_local boost::asio::io_context* mine = nullptr;
  if (mine == nullptr) {
    const std::lock_guard lock(mutex);
    mine = &all.emplace_back();
  }
  return *mine;
}

/// Awaits a call on this thread.
template <class T>
T finish(awaitable<T> call) {
  return run_on(context_of_thread(), std::move(call));
}

/// Runs `check(checkpointer, backend)` on an empty store of each kind.
template <class Check>
void on_each_store(Check check) {
  SECTION("memory") {
    MemoryBackend backend;
    finish(backend.initialize());
    check(langgraph::Checkpointer(backend), backend);
  }
#ifdef AGENTSTORE_TESTS_HAVE_SQLITE
  SECTION("sqlite") {
    SqliteBackend backend(":memory:");
    finish(backend.initialize());
    check(langgraph::Checkpointer(backend), backend);
    finish(backend.close());
  }
#endif
}

/// A checkpoint as LangGraph makes them, with one version for all of its channels.
inline json checkpoint(const std::string& id, json values = json::object(), int version = 1) {
  json out;
  out["v"] = 4;
  out["id"] = id;
  out["ts"] = "2026-03-01T12:00:00.000Z";
  out["channel_versions"] = json::object();
  for (const auto& [channel, value] : values.items()) {
    out["channel_versions"][channel] = version;
  }
  out["channel_values"] = std::move(values);
  out["versions_seen"] = json::object();
  return out;
}

inline json metadata(int step = 0) {
  return {{"source", step < 0 ? "input" : "loop"}, {"step", step}, {"parents", json::object()}};
}

/// Puts a checkpoint all of whose channels have changed.
inline langgraph::Config put(const langgraph::Checkpointer& saver, langgraph::Config config,
                             json what, json about = metadata()) {
  json versions = what["channel_versions"];
  return finish(
      saver.put(std::move(config), std::move(what), std::move(about), std::move(versions)));
}

inline std::optional<std::string> latest(const langgraph::Checkpointer& saver,
                                         const std::string& thread, const std::string& ns = "") {
  const auto tuple = finish(saver.get_tuple(langgraph::Config(thread, ns)));
  return tuple ? tuple->config.checkpoint_id : std::nullopt;
}

/// What a list gives, each as thread/namespace/id.
inline std::vector<std::string> names(const std::vector<langgraph::CheckpointTuple>& tuples) {
  std::vector<std::string> out;
  for (const auto& tuple : tuples) {
    out.push_back(tuple.config.thread_id + "/" + tuple.config.checkpoint_ns + "/" +
                  tuple.config.checkpoint_id.value());
  }
  return out;
}

inline errc error_of(awaitable<void> call) {
  try {
    finish(std::move(call));
  } catch (const StorageError& error) {
    return static_cast<errc>(error.code().value());
  }
  return errc();
}

template <class T>
errc error_of(awaitable<T> call) {
  return error_of(
      [](awaitable<T> inner) -> awaitable<void> { co_await std::move(inner); }(std::move(call)));
}

} // namespace agentstore::test

#endif
