// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_VERSION_1_HPP
#define AGENTSTORE_TESTS_SUPPORT_VERSION_1_HPP

// The content of the databases that are kept in the tests. They were written by a library that knew
// no later version. Each call was made a second after the call before.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"

#include <agentstore/agentstore.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace agentstore::test {

inline Timestamp second(int number) {
  return Timestamp(std::chrono::microseconds(1'795'445'042'123'456)) + std::chrono::seconds(number);
}

/// Checks all that is in a database. The content of the last message differs between databases,
/// because each keeps a content there that needs special care.
template <class Backend>
void check_version_1(Loop& loop, Backend& backend, const std::string& last_content) {
  const Session first = loop.run(backend.get_session("s-1")).value();
  CHECK(first.user_id == "user 1");
  CHECK(first.status == "active");
  CHECK(first.created_at == second(0));
  CHECK(first.last_activity == second(5));
  CHECK(first.request_count == 1);
  CHECK(first.error_count == 0);
  CHECK(first.total_processing_time == std::chrono::microseconds(1'500));
  CHECK(first.version == 4);
  CHECK(first.metadata.dump() == R"({"a":[1,null,1.5],"b":"\u0000 \"é"})");
  const Session ended = loop.run(backend.get_session("s-2")).value();
  CHECK(ended.status == "failed");
  CHECK(ended.created_at == second(1));
  CHECK(ended.version == 2);

  const std::vector<Message> messages = loop.run(backend.get_conversation_history("s-1"));
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].role == "user");
  CHECK(messages[0].content == "hello");
  CHECK(messages[0].timestamp == second(4));
  CHECK(messages[0].metadata == json::object());
  CHECK(messages[1].content == last_content);
  CHECK(messages[1].metadata == object_of("tokens", 3));
  CHECK(messages[1].sequence > messages[0].sequence);
  CHECK(loop.run(backend.get_task_context("s-1")) == object_of("step", 7));

  const std::vector<Checkpoint> checkpoints = loop.run(backend.list_checkpoints("s-1"));
  REQUIRE(checkpoints.size() == 3);
  CHECK(checkpoints[0].checkpoint_id == "c-3");
  CHECK(checkpoints[1].data == json(-2));
  CHECK(checkpoints[2].checkpoint_id == "c-1");
  CHECK(checkpoints[2].data == object_of("n", 18'446'744'073'709'551'615U));
  CHECK(checkpoints[2].metadata == object_of("source", "loop"));
  CHECK(checkpoints[2].created_at == second(7));
  const std::vector<PendingWrite> writes = loop.run(backend.get_writes("s-1", "c-1"));
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].channel == "__error__");
  CHECK(writes[0].value == json("none"));
  CHECK(writes[1].task_id == "task");
  CHECK(writes[1].channel == "messages");
  CHECK(writes[1].index == 0);
  const Metrics metrics = loop.run(backend.get_metrics());
  CHECK(metrics.total_sessions == 2);
  CHECK(metrics.active_sessions == 1);
  CHECK(metrics.total_messages == 2);
  CHECK(metrics.total_checkpoints == 3);
}

} // namespace agentstore::test

#endif
