// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_EVERY_CALL_HPP
#define AGENTSTORE_TESTS_SUPPORT_EVERY_CALL_HPP

#include "support/json_values.hpp"

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/permanent_storage_backend.hpp>
#include <agentstore/record_json.hpp>
#include <agentstore/storage_backend.hpp>

#include <functional>
#include <string>
#include <vector>

// Calls every method once, with arguments that are all different, for tests of decorators. A
// decorated store must answer as the bare store does.

namespace agentstore::test {

/// A call of a method, its name, its key, and its answer as JSON.
template <class Target>
class Call {
public:
  using Make = std::function<awaitable<json>(Target&)>;

  Call(const char* method, const char* first_id, Make make_call)
      : operation(method), key(first_id), make(std::move(make_call)) {}

  std::string operation;
  std::string key;
  Make make;
};

namespace call_detail {

template <class T>
awaitable<json> as_json(awaitable<T> call) {
  const T value = co_await std::move(call);
  co_return json(value);
}

template <class T>
awaitable<json> as_json(awaitable<std::optional<T>> call) {
  const std::optional<T> value = co_await std::move(call);
  json result = json::array();
  if (value) {
    result.push_back(*value);
  }
  co_return result;
}

inline awaitable<json> as_json(awaitable<void> call) {
  co_await std::move(call);
  co_return json("done");
}

inline awaitable<json> as_json(awaitable<std::vector<ArchiveRecord>> call) {
  const std::vector<ArchiveRecord> records = co_await std::move(call);
  json result = json::array();
  for (const ArchiveRecord& record : records) {
    result.push_back(record.sequence);
    result.push_back(to_iso8601(record.created_at));
    result.push_back(record.fields);
  }
  co_return result;
}

inline std::vector<ChannelWrite> two_writes() {
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  writes.emplace_back("__error__", 2);
  return writes;
}

} // namespace call_detail

/// All methods of a backend, in an order in which each has something to answer.
template <class Backend>
std::vector<Call<Backend>> backend_calls() {
  using call_detail::as_json;
  using B = Backend;
  return {
      {"health_check", "", [](B& b) { return as_json(b.health_check()); }},
      {"initialize", "", [](B& b) { return as_json(b.initialize()); }},
      {"create_session", "s",
       [](B& b) { return as_json(b.create_session("s", "user", object_of("a", 1))); }},
      {"get_session", "s", [](B& b) { return as_json(b.get_session("s")); }},
      {"update_session", "s",
       [](B& b) { return as_json(b.update_session("s", SessionUpdate().mark_error())); }},
      {"add_conversation_message", "s",
       [](B& b) {
         return as_json(b.add_conversation_message("s", "role", "content", object_of("b", 2)));
       }},
      {"add_conversation_message", "s",
       [](B& b) { return as_json(b.add_conversation_message("s", "role", "again")); }},
      {"get_conversation_history", "s",
       [](B& b) { return as_json(b.get_conversation_history("s", 1)); }},
      {"store_checkpoint", "t",
       [](B& b) { return as_json(b.store_checkpoint("t", "c-1", 3, object_of("c", 4))); }},
      {"put_checkpoint", "t",
       [](B& b) { return as_json(b.put_checkpoint("t", "c-2", 5, object_of("d", 6))); }},
      {"get_checkpoint", "t", [](B& b) { return as_json(b.get_checkpoint("t")); }},
      {"get_checkpoint", "t", [](B& b) { return as_json(b.get_checkpoint("t", "c-1")); }},
      {"list_checkpoints", "t", [](B& b) { return as_json(b.list_checkpoints("t", 1)); }},
      {"put_writes", "t",
       [](B& b) { return as_json(b.put_writes("t", "c-1", "task", call_detail::two_writes())); }},
      {"get_writes", "t", [](B& b) { return as_json(b.get_writes("t", "c-1")); }},
      {"store_task_context", "s", [](B& b) { return as_json(b.store_task_context("s", 7)); }},
      {"get_task_context", "s", [](B& b) { return as_json(b.get_task_context("s")); }},
      {"end_session", "s", [](B& b) { return as_json(b.end_session("s", "failed")); }},
      {"get_session", "s", [](B& b) { return as_json(b.get_session("s")); }},
      {"get_metrics", "", [](B& b) { return as_json(b.get_metrics()); }},
      {"cleanup_expired_sessions", "",
       [](B& b) { return as_json(b.cleanup_expired_sessions(std::chrono::microseconds(0))); }},
      {"get_metrics", "", [](B& b) { return as_json(b.get_metrics()); }},
      {"close", "", [](B& b) { return as_json(b.close()); }},
      {"health_check", "", [](B& b) { return as_json(b.health_check()); }},
  };
}

/// All methods of an archive, likewise.
template <class Archive>
std::vector<Call<Archive>> archive_calls() {
  using call_detail::as_json;
  using A = Archive;
  const auto at = [](int seconds) { return Timestamp(std::chrono::seconds(seconds)); };
  return {
      {"initialize", "", [](A& a) { return as_json(a.initialize()); }},
      {"append_session_event", "s",
       [at](A& a) { return as_json(a.append_session_event("s", "user", "event", 1, at(1))); }},
      {"append_conversation_message", "s",
       [at](A& a) {
         return as_json(
             a.append_conversation_message("s", "role", "content", object_of("a", 2), at(2)));
       }},
      {"append_checkpoint", "t",
       [at](A& a) { return as_json(a.append_checkpoint("t", "c", 3, object_of("b", 4), at(3))); }},
      {"append_checkpoint_writes", "t",
       [at](A& a) {
         return as_json(
             a.append_checkpoint_writes("t", "c", "task", call_detail::two_writes(), at(4)));
       }},
      {"append_conversation_session", "k",
       [at](A& a) { return as_json(a.append_conversation_session("k", 5, at(5))); }},
      {"append_conversation_session", "k",
       [at](A& a) { return as_json(a.append_conversation_session("k", 6, at(6))); }},
      {"append_task_context_snapshot", "s",
       [at](A& a) { return as_json(a.append_task_context_snapshot("s", 7, at(7))); }},
      {"read_archive", "s",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::session_event, "s")); }},
      {"read_archive", "s",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::conversation_message, "s")); }},
      {"read_archive", "t",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::checkpoint, "t")); }},
      {"read_archive", "t",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::checkpoint_writes, "t")); }},
      {"read_archive", "k",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::conversation_session, "k", 1, 1)); }},
      {"read_archive", "s",
       [](A& a) { return as_json(a.read_archive(ArchiveKind::task_context_snapshot, "s")); }},
      {"close", "", [](A& a) { return as_json(a.close()); }},
  };
}

} // namespace agentstore::test

#endif
