// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_LANGGRAPH_STEPS_HPP
#define AGENTSTORE_TESTS_BENCH_LANGGRAPH_STEPS_HPP

// What the benchmarks of the checkpointer put.

#include "bench/state.hpp"

#include <agentstore/document.hpp>

#include <cstdint>
#include <cstdio>

namespace bench {

/// An id as long as a real one, that grows.
inline std::string new_id() {
  static std::uint64_t count = 0;
  char text[40];
  std::snprintf(text, sizeof text, "1f1e849e-5aec-6990-ffff-%012llx",
                static_cast<unsigned long long>(++count));
  return text;
}

/// A checkpoint of 4 KiB as LangGraph makes them, all of whose channels have changed.
inline agentstore::json checkpoint(const std::string& id, int step) {
  agentstore::json checkpoint;
  checkpoint["v"] = 4;
  checkpoint["id"] = id;
  checkpoint["ts"] = "2026-03-01T12:00:00.000Z";
  checkpoint["channel_values"]["state"] = state(step);
  checkpoint["channel_versions"]["state"] = step;
  checkpoint["versions_seen"]["agent"]["state"] = step - 1;
  return checkpoint;
}

inline agentstore::json versions(int step) {
  agentstore::json versions;
  versions["state"] = step;
  return versions;
}

inline agentstore::json metadata(int step) {
  agentstore::json metadata;
  metadata["source"] = "loop";
  metadata["step"] = step;
  metadata["parents"] = agentstore::json::object();
  return metadata;
}

inline agentstore::json message() {
  agentstore::json message;
  message["role"] = "assistant";
  message["content"] = std::string(180, 'a');
  return message;
}

} // namespace bench

#endif
