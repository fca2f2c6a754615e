// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_REDIS_CALLS_HPP
#define AGENTSTORE_TESTS_SUPPORT_REDIS_CALLS_HPP

// Every method, so that each uses all the keys and commands that it ever does.

#include "support/every_call.hpp"

#include <agentstore/backends/redis.hpp>

namespace agentstore::test {

inline SessionUpdate merge_of(json patch) {
  return SessionUpdate().updates(std::move(patch)).increment_requests();
}

/// In an order in which each has something to do.
inline std::vector<Call<RedisBackend>> redis_calls() {
  using call_detail::as_json;
  using B = RedisBackend;
  return {
      {"create_session", "s",
       [](B& b) { return as_json(b.create_session("s", "user", object_of("a", 1))); }},
      {"create_session", "s-2", [](B& b) { return as_json(b.create_session("s-2", "user")); }},
      {"get_session", "s", [](B& b) { return as_json(b.get_session("s")); }},
      {"update_session", "s",
       [](B& b) { return as_json(b.update_session("s", SessionUpdate().mark_error())); }},
      {"update_session", "s",
       [](B& b) { return as_json(b.update_session("s", merge_of(object_of("b", 2)))); }},
      {"add_conversation_message", "s",
       [](B& b) { return as_json(b.add_conversation_message("s", "role", "content")); }},
      {"get_conversation_history", "s",
       [](B& b) { return as_json(b.get_conversation_history("s", 1)); }},
      {"store_task_context", "s", [](B& b) { return as_json(b.store_task_context("s", 7)); }},
      {"get_task_context", "s", [](B& b) { return as_json(b.get_task_context("s")); }},
      {"put_checkpoint", "s", [](B& b) { return as_json(b.put_checkpoint("s", "c-1", 3)); }},
      {"put_checkpoint", "s", [](B& b) { return as_json(b.put_checkpoint("s", "c-2", 4)); }},
      {"put_checkpoint", "s", [](B& b) { return as_json(b.put_checkpoint("s", "c-1", 5)); }},
      {"get_checkpoint", "s", [](B& b) { return as_json(b.get_checkpoint("s")); }},
      {"get_checkpoint", "s", [](B& b) { return as_json(b.get_checkpoint("s", "c-1")); }},
      {"list_checkpoints", "s", [](B& b) { return as_json(b.list_checkpoints("s")); }},
      {"list_checkpoints_before", "s",
       [](B& b) { return as_json(b.list_checkpoints_before("s", "c-2")); }},
      {"put_writes", "s",
       [](B& b) { return as_json(b.put_writes("s", "c-1", "task", call_detail::two_writes())); }},
      {"get_writes", "s", [](B& b) { return as_json(b.get_writes("s", "c-1")); }},
      {"list_sessions", "user",
       [](B& b) -> awaitable<json> {
         const SessionPage page = co_await b.list_sessions("user");
         co_return page.sessions.size();
       }},
      {"list_threads", "",
       [](B& b) -> awaitable<json> {
         const ThreadPage page = co_await b.list_threads();
         co_return page.thread_ids.size();
       }},
      {"get_metrics", "", [](B& b) { return as_json(b.get_metrics()); }},
      {"copy_thread", "s", [](B& b) { return as_json(b.copy_thread("s", "t")); }},
      {"prune_thread", "s", [](B& b) { return as_json(b.prune_thread("s", 1)); }},
      {"delete_thread", "t", [](B& b) { return as_json(b.delete_thread("t")); }},
      {"end_session", "s", [](B& b) { return as_json(b.end_session("s", "done")); }},
      {"delete_session", "s", [](B& b) { return as_json(b.delete_session("s")); }},
      {"cleanup_expired_sessions", "",
       [](B& b) { return as_json(b.cleanup_expired_sessions(std::chrono::microseconds(0))); }},
  };
}

} // namespace agentstore::test

#endif
