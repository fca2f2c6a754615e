// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_STATE_HPP
#define AGENTSTORE_TESTS_BENCH_STATE_HPP

// What the benchmarks of databases store.

#include <agentstore/records.hpp>

#include <string>

namespace bench {

/// In the messages of a state.
inline constexpr int messages_in_state = 34;

/// About 4 KiB of an agent's state, of some 140 values.
inline agentstore::json state(int step) {
  using agentstore::json;
  json messages = json::array();
  for (int i = 0; i < messages_in_state; ++i) {
    json message;
    message["role"] = i % 2 == 0 ? "user" : "assistant";
    message["content"] = std::string(61, static_cast<char>('a' + i % 26)) + "\n\"quoted\"";
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
