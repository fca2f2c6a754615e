// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_ARCHIVED_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_ARCHIVED_HPP

// Which record a call leaves: the table in archives/dual_write.hpp as code.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/detail/dual_write/writer.hpp>

namespace agentstore::detail::dual_write {

/// The user of an event whose call names none.
inline constexpr const char* no_user = "-";

/// The record of `Call`, by `add(writer, result, arguments...)`. The general template makes none.
template <class Call>
struct Archived {
  static constexpr bool leaves_record = false;
};

template <class Call>
struct ArchivedAsEvent {
  static constexpr bool leaves_record = true;

protected:
  static void add_event(Writer& writer, std::string key, std::string user_id, json payload) {
    writer.add<calls::AppendSessionEvent>(std::move(key), std::move(user_id),
                                          std::string(Call::name), Document(std::move(payload)));
  }
};

/// A Document of its own for the archive. The forms that the archive makes of it would otherwise
/// stay with the caller and the hot store, which do not need them.
inline Document own(const Document& value) {
  return value.fresh();
}
inline std::vector<ChannelWrite> own(std::vector<ChannelWrite> writes) {
  for (ChannelWrite& write : writes) {
    write.value = write.value.fresh();
  }
  return writes;
}

template <>
struct Archived<calls::CreateSession> : ArchivedAsEvent<calls::CreateSession> {
  static void add(Writer& writer, const Session&, const std::string& session_id,
                  const std::string& user_id, const Document& metadata) {
    json payload = json::object();
    payload["metadata"] = metadata.tree();
    add_event(writer, session_id, user_id, std::move(payload));
  }
};

template <>
struct Archived<calls::UpdateSession> : ArchivedAsEvent<calls::UpdateSession> {
  static void add(Writer& writer, bool is_done, const std::string& session_id,
                  const SessionUpdate& update) {
    if (is_done) {
      json payload = json::object();
      if (update.metadata_patch()) {
        payload["updates"] = *update.metadata_patch();
      }
      payload["increment_requests"] = update.counts_request();
      payload["mark_error"] = update.counts_error();
      payload["processing_time_us"] = std::int64_t{update.processing_time().count()};
      add_event(writer, session_id, no_user, std::move(payload));
    }
  }
};

template <>
struct Archived<calls::EndSession> : ArchivedAsEvent<calls::EndSession> {
  static void add(Writer& writer, bool is_done, const std::string& session_id,
                  const std::string& status) {
    if (is_done) {
      json payload = json::object();
      payload["status"] = status;
      add_event(writer, session_id, no_user, std::move(payload));
    }
  }
};

template <>
struct Archived<calls::DeleteSession> : ArchivedAsEvent<calls::DeleteSession> {
  static void add(Writer& writer, bool is_done, const std::string& session_id) {
    if (is_done) {
      add_event(writer, session_id, no_user, json::object());
    }
  }
};

template <>
struct Archived<calls::CleanupExpiredSessions> : ArchivedAsEvent<calls::CleanupExpiredSessions> {
  static void add(Writer& writer, std::uint64_t removed, std::chrono::microseconds max_idle) {
    if (removed != 0) {
      json payload = json::object();
      payload["max_idle_us"] = std::int64_t{max_idle.count()};
      payload["removed"] = removed;
      add_event(writer, calls::CleanupExpiredSessions::name, no_user, std::move(payload));
    }
  }
};

template <>
struct Archived<calls::DeleteThread> : ArchivedAsEvent<calls::DeleteThread> {
  static void add(Writer& writer, bool is_done, const std::string& thread_id) {
    if (is_done) {
      add_event(writer, thread_id, no_user, json::object());
    }
  }
};

template <>
struct Archived<calls::CopyThread> : ArchivedAsEvent<calls::CopyThread> {
  static void add(Writer& writer, bool is_done, const std::string& source,
                  const std::string& target) {
    if (is_done) {
      json payload = json::object();
      payload["source"] = source;
      add_event(writer, target, no_user, std::move(payload));
    }
  }
};

template <>
struct Archived<calls::PruneThread> : ArchivedAsEvent<calls::PruneThread> {
  static void add(Writer& writer, std::uint64_t removed, const std::string& thread_id,
                  std::size_t keep) {
    if (removed != 0) {
      json payload = json::object();
      payload["keep"] = keep;
      payload["removed"] = removed;
      add_event(writer, thread_id, no_user, std::move(payload));
    }
  }
};

template <>
struct Archived<calls::AddConversationMessage> {
  static constexpr bool leaves_record = true;
  static void add(Writer& writer, bool is_done, const std::string& session_id,
                  const std::string& role, const std::string& content, const Document& metadata) {
    if (is_done) {
      writer.add<calls::AppendConversationMessage>(session_id, role, content, own(metadata));
    }
  }
};

struct ArchivedCheckpoint {
  static constexpr bool leaves_record = true;
  static void add(Writer& writer, bool is_done, const std::string& thread_id,
                  const std::string& checkpoint_id, const Document& data,
                  const Document& metadata) {
    if (is_done) {
      writer.add<calls::AppendCheckpoint>(thread_id, checkpoint_id, own(data), own(metadata));
    }
  }
};

template <>
struct Archived<calls::StoreCheckpoint> : ArchivedCheckpoint {};
template <>
struct Archived<calls::PutCheckpoint> : ArchivedCheckpoint {};

template <>
struct Archived<calls::PutWrites> {
  static constexpr bool leaves_record = true;
  static void add(Writer& writer, bool is_done, const std::string& thread_id,
                  const std::string& checkpoint_id, const std::string& task_id,
                  const std::vector<ChannelWrite>& writes) {
    if (is_done && !writes.empty()) { // none is true, and stores nothing (WRT-07)
      writer.add<calls::AppendCheckpointWrites>(thread_id, checkpoint_id, task_id, own(writes));
    }
  }
};

template <>
struct Archived<calls::StoreTaskContext> {
  static constexpr bool leaves_record = true;
  static void add(Writer& writer, bool is_done, const std::string& session_id,
                  const Document& context) {
    if (is_done) {
      writer.add<calls::AppendTaskContextSnapshot>(session_id, own(context));
    }
  }
};

} // namespace agentstore::detail::dual_write

#endif
