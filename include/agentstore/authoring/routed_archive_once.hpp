// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_ROUTED_ARCHIVE_ONCE_HPP
#define AGENTSTORE_AUTHORING_ROUTED_ARCHIVE_ONCE_HPP

#include <agentstore/authoring/archive_calls.hpp>
#include <agentstore/capabilities/archive_once.hpp>

namespace agentstore {

/// IArchiveOnce for authors who treat all its appends alike, as RoutedArchive is
/// IPermanentStorageBackend: every method becomes
///
///     template <class Append, class... Others>
///     awaitable<bool> route_once(std::string entry_id, std::optional<Timestamp> created_at,
///                                std::string key, Others... others);
///
/// of `Derived`, which may be private if `RoutedArchiveOnce` is a friend. Requires of `route_once`:
/// what RoutedArchive requires of `route`. `check_entry_id` checks the entry id, which
/// `Append::check` does not.
template <class Derived>
class RoutedArchiveOnce : public IArchiveOnce {
public:
  awaitable<bool>
  append_session_event_once(std::string entry_id, std::string session_id, std::string user_id,
                            std::string event_type, Document payload,
                            std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendSessionEvent>(std::move(entry_id), created_at,
                                                 std::move(session_id), std::move(user_id),
                                                 std::move(event_type), std::move(payload));
  }
  awaitable<bool>
  append_conversation_message_once(std::string entry_id, std::string session_id, std::string role,
                                   std::string content, Document metadata = Document::object(),
                                   std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendConversationMessage>(std::move(entry_id), created_at,
                                                        std::move(session_id), std::move(role),
                                                        std::move(content), std::move(metadata));
  }
  awaitable<bool>
  append_checkpoint_once(std::string entry_id, std::string thread_id, std::string checkpoint_id,
                         Document data, Document metadata = Document::object(),
                         std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendCheckpoint>(std::move(entry_id), created_at,
                                               std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
  awaitable<bool>
  append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                std::string checkpoint_id, std::string task_id,
                                std::vector<ChannelWrite> writes,
                                std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendCheckpointWrites>(std::move(entry_id), created_at,
                                                     std::move(thread_id), std::move(checkpoint_id),
                                                     std::move(task_id), std::move(writes));
  }
  awaitable<bool>
  append_conversation_session_once(std::string entry_id, std::string session_key,
                                   Document session_data,
                                   std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendConversationSession>(
        std::move(entry_id), created_at, std::move(session_key), std::move(session_data));
  }
  awaitable<bool>
  append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                    Document context_data,
                                    std::optional<Timestamp> created_at = std::nullopt) override {
    return route_once<calls::AppendTaskContextSnapshot>(
        std::move(entry_id), created_at, std::move(session_id), std::move(context_data));
  }

private:
  friend Derived;
  RoutedArchiveOnce() = default;

  template <class Append, class... Others>
  awaitable<bool> route_once(std::string entry_id, std::optional<Timestamp> created_at,
                             std::string key, Others... others) {
    return static_cast<Derived&>(*this).template route_once<Append>(
        std::move(entry_id), created_at, std::move(key), std::move(others)...);
  }
};

/// ONC-06 Throws unless the entry id is an id.
template <class Append>
void check_entry_id(const std::string& entry_id) {
  check(Append::once_name, entry_id).id("entry_id", entry_id);
}

} // namespace agentstore

#endif
