// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_CALLS_HPP
#define AGENTSTORE_AUTHORING_CALLS_HPP

/// \file
/// The methods of IStorageBackend, of ICheckpointerBackend and of the directories as types, so that
/// a backend can say once what it does for all of them. Each type has
///
///     static constexpr const char* name;      // "create_session", for errors
///     static constexpr bool writes;           // whether it may change the store
///     using Result = ...;                     // what it returns
///     static void check(Limits, const A&...); // KEY, VAL, and cursors as cursor.hpp makes them
///                                             // (DIR-03, THR-02): throws, see arguments.hpp
///     static auto on(Store&, A...);           // calls the method of this name on any class
///
/// and `key(arguments...)` gives the id that an error names. `initialize`, `close` and
/// `health_check` are not among them, because every backend does these in its own way.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/cursor.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/storage_backend.hpp>

namespace agentstore::calls {

using Id = std::string;

struct CreateSession {
  static constexpr const char* name = "create_session";
  static constexpr bool writes = true;
  using Result = Session;
  static void check(Limits limits, const Id& session_id, const Id& user_id,
                    const Document& metadata) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .id("user_id", user_id)
        .object("metadata", metadata);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.create_session(std::forward<Arguments>(arguments)...);
  }
};

struct GetSession {
  static constexpr const char* name = "get_session";
  static constexpr bool writes = false;
  using Result = std::optional<Session>;
  static void check(Limits limits, const Id& session_id) {
    agentstore::check(name, session_id, limits).id("session_id", session_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_session(std::forward<Arguments>(arguments)...);
  }
};

struct UpdateSession {
  static constexpr const char* name = "update_session";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& session_id, const SessionUpdate& update) {
    agentstore::check(name, session_id, limits).id("session_id", session_id).update(update);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.update_session(std::forward<Arguments>(arguments)...);
  }
};

struct EndSession {
  static constexpr const char* name = "end_session";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& session_id, const std::string& status) {
    agentstore::check(name, session_id, limits).id("session_id", session_id).end_status(status);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.end_session(std::forward<Arguments>(arguments)...);
  }
};

struct AddConversationMessage {
  static constexpr const char* name = "add_conversation_message";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& session_id, const std::string& role,
                    const std::string& content, const Document& metadata) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .nonempty_text("role", role)
        .text("content", content)
        .object("metadata", metadata);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.add_conversation_message(std::forward<Arguments>(arguments)...);
  }
};

struct GetConversationHistory {
  static constexpr const char* name = "get_conversation_history";
  static constexpr bool writes = false;
  using Result = std::vector<Message>;
  static void check(Limits limits, const Id& session_id, std::size_t) {
    agentstore::check(name, session_id, limits).id("session_id", session_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_conversation_history(std::forward<Arguments>(arguments)...);
  }
};

struct PutCheckpoint {
  static constexpr const char* name = "put_checkpoint";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id,
                    const Document& data, const Document& metadata, const char* operation = name) {
    agentstore::check(operation, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id)
        .value("data", data)
        .object("metadata", metadata);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.put_checkpoint(std::forward<Arguments>(arguments)...);
  }
};

/// CHK-08 Another name for `put_checkpoint`: a class has one `put_checkpoint` for both.
struct StoreCheckpoint : PutCheckpoint {
  static constexpr const char* name = "store_checkpoint";
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id,
                    const Document& data, const Document& metadata) {
    PutCheckpoint::check(limits, thread_id, checkpoint_id, data, metadata, name);
  }
};

struct GetCheckpoint {
  static constexpr const char* name = "get_checkpoint";
  static constexpr bool writes = false;
  using Result = std::optional<Checkpoint>;
  static void check(Limits limits, const Id& thread_id, const std::optional<Id>& checkpoint_id) {
    const auto arguments = agentstore::check(name, thread_id, limits);
    arguments.id("thread_id", thread_id);
    if (checkpoint_id) {
      arguments.id("checkpoint_id", *checkpoint_id);
    }
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_checkpoint(std::forward<Arguments>(arguments)...);
  }
};

struct ListCheckpoints {
  static constexpr const char* name = "list_checkpoints";
  static constexpr bool writes = false;
  using Result = std::vector<Checkpoint>;
  static void check(Limits limits, const Id& thread_id, std::size_t) {
    agentstore::check(name, thread_id, limits).id("thread_id", thread_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.list_checkpoints(std::forward<Arguments>(arguments)...);
  }
};

struct PutWrites {
  static constexpr const char* name = "put_writes";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id, const Id& task_id,
                    const std::vector<ChannelWrite>& channel_writes) {
    agentstore::check(name, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id)
        .id("task_id", task_id)
        .writes(channel_writes);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.put_writes(std::forward<Arguments>(arguments)...);
  }
};

struct GetWrites {
  static constexpr const char* name = "get_writes";
  static constexpr bool writes = false;
  using Result = std::vector<PendingWrite>;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id) {
    agentstore::check(name, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_writes(std::forward<Arguments>(arguments)...);
  }
};

struct GetTaskContext {
  static constexpr const char* name = "get_task_context";
  static constexpr bool writes = false;
  using Result = std::optional<Document>;
  static void check(Limits limits, const Id& session_id) {
    agentstore::check(name, session_id, limits).id("session_id", session_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_task_context(std::forward<Arguments>(arguments)...);
  }
};

struct StoreTaskContext {
  static constexpr const char* name = "store_task_context";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& session_id, const Document& context) {
    agentstore::check(name, session_id, limits)
        .id("session_id", session_id)
        .value("context", context);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.store_task_context(std::forward<Arguments>(arguments)...);
  }
};

struct GetMetrics {
  static constexpr const char* name = "get_metrics";
  static constexpr bool writes = false;
  using Result = Metrics;
  static void check(Limits) {}
  template <class Store>
  static auto on(Store& store) {
    return store.get_metrics();
  }
};

struct CleanupExpiredSessions {
  static constexpr const char* name = "cleanup_expired_sessions";
  static constexpr bool writes = true;
  using Result = std::uint64_t;
  static void check(Limits limits, std::chrono::microseconds max_idle) {
    agentstore::check(name, "", limits).max_idle(max_idle);
  }
  template <class Store>
  static auto on(Store& store, std::chrono::microseconds max_idle) {
    return store.cleanup_expired_sessions(max_idle);
  }
};

struct ListSessions {
  static constexpr const char* name = "list_sessions";
  static constexpr bool writes = false;
  using Result = SessionPage;
  static void check(Limits limits, const Id& user_id, const Page& page) {
    agentstore::check(name, user_id, limits).id("user_id", user_id);
    read_cursor(name, user_id, page);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.list_sessions(std::forward<Arguments>(arguments)...);
  }
};

struct DeleteSession {
  static constexpr const char* name = "delete_session";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& session_id) {
    agentstore::check(name, session_id, limits).id("session_id", session_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.delete_session(std::forward<Arguments>(arguments)...);
  }
};

struct ListThreads {
  static constexpr const char* name = "list_threads";
  static constexpr bool writes = false;
  using Result = ThreadPage;
  static void check(Limits limits, const Id& prefix, const Page& page) {
    agentstore::check(name, prefix, limits).id_prefix("prefix", prefix);
    read_cursor(name, prefix, page);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.list_threads(std::forward<Arguments>(arguments)...);
  }
};

struct DeleteThread {
  static constexpr const char* name = "delete_thread";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& thread_id) {
    agentstore::check(name, thread_id, limits).id("thread_id", thread_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.delete_thread(std::forward<Arguments>(arguments)...);
  }
};

struct CopyThread {
  static constexpr const char* name = "copy_thread";
  static constexpr bool writes = true;
  using Result = bool;
  static void check(Limits limits, const Id& source, const Id& target) {
    agentstore::check(name, source, limits).id("source", source).id("target", target);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.copy_thread(std::forward<Arguments>(arguments)...);
  }
};

struct PruneThread {
  static constexpr const char* name = "prune_thread";
  static constexpr bool writes = true;
  using Result = std::uint64_t;
  static void check(Limits limits, const Id& thread_id, std::size_t) {
    agentstore::check(name, thread_id, limits).id("thread_id", thread_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.prune_thread(std::forward<Arguments>(arguments)...);
  }
};

struct ListCheckpointsBefore {
  static constexpr const char* name = "list_checkpoints_before";
  static constexpr bool writes = false;
  using Result = std::vector<Checkpoint>;
  static void check(Limits limits, const Id& thread_id, const Id& checkpoint_id, std::size_t) {
    agentstore::check(name, thread_id, limits)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.list_checkpoints_before(std::forward<Arguments>(arguments)...);
  }
};

struct GetThreadHead {
  static constexpr const char* name = "get_thread_head";
  static constexpr bool writes = false;
  using Result = ThreadHead;
  static void check(Limits limits, const Id& thread_id, std::size_t) {
    agentstore::check(name, thread_id, limits).id("thread_id", thread_id);
  }
  template <class Store, class... Arguments>
  static auto on(Store& store, Arguments&&... arguments) {
    return store.get_thread_head(std::forward<Arguments>(arguments)...);
  }
};

/// The id that the arguments of a call begin with, if they begin with one.
template <class... Others>
std::string_view key(const Id& first, const Others&...) noexcept {
  return first;
}
inline std::string_view key() noexcept {
  return {};
}
inline std::string_view key(std::chrono::microseconds) noexcept {
  return {};
}

} // namespace agentstore::calls

#endif
