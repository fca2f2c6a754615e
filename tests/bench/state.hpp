// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_STATE_HPP
#define AGENTSTORE_TESTS_BENCH_STATE_HPP

// What the benchmarks of databases store.

#include <agentstore/records.hpp>

#include <string>

namespace bench {

/// About 4 KiB of an agent's state.
inline agentstore::json state(int step) {
  using agentstore::json;
  json messages = json::array();
  for (int i = 0; i < 16; ++i) {
    json message;
    message["role"] = i % 2 == 0 ? "user" : "assistant";
    message["content"] = std::string(180, static_cast<char>('a' + i)) + "\n\"quoted\"";
    message["tokens"] = 17 * i;
    messages.push_back(std::move(message));
  }
  json whole;
  whole["step"] = step;
  whole["messages"] = std::move(messages);
  return whole;
}

} // namespace bench

#endif
