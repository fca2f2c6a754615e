// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_ROUTED_ARCHIVE_HPP
#define AGENTSTORE_AUTHORING_ROUTED_ARCHIVE_HPP

#include <agentstore/authoring/archive_calls.hpp>

namespace agentstore {

/// An archive, for authors who treat all appends alike: each is one record of a kind, with a key
/// and fields. Derive with the class itself as `Derived`, and override `initialize` and `close`.
/// Every other method becomes
///
///     template <class Append, class... Others>
///     awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
///                           Others... others);
///
/// of `Derived`, which may be private if `RoutedArchive` is a friend. `Append` is a type of
/// archive_calls.hpp. `key` and `others` are the method's arguments except created_at, which comes
/// first here so that the rest is a pack. The short forms work on the deriving class.
///
/// An archive whose calls share its state with it, and so may outlive it:
///
///     class MyArchive final : public RoutedArchive<MyArchive> {
///       ...
///       friend RoutedArchive;
///       template <class Append, class... Others>
///       awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
///                             Others... others) const {
///         return append<Append>(state_, created_at, std::move(key), std::move(others)...);
///       }
///       template <class Append, class... Others>
///       static awaitable<bool> append(std::shared_ptr<State> state,
///                                     std::optional<Timestamp> created_at, std::string key,
///                                     Others... others) {
///         try {
///           Append::check(state->limits, key, others...);
///           json fields = Append::fields(key, std::move(others)...);
///           co_await state->store(Append::kind, std::move(key), std::move(fields), created_at);
///           co_return true;
///         } catch (const std::exception&) {
///           co_return false;
///         }
///       }
///     };
///
/// Requires of `route`: it is lazy (ASY-01), so `Append::check` belongs inside of what is awaited.
/// It never throws; false says that the record was lost, also for a refused argument or a closed
/// archive. Only a cancellation may surface as the exception that Asio throws for it. Without a
/// created_at the record has the time of the call (ARC-03).
template <class Derived>
class RoutedArchive : public IPermanentStorageBackend {
public:
  awaitable<bool>
  append_session_event(std::string session_id, std::string user_id, std::string event_type,
                       Document payload,
                       std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendSessionEvent>(created_at, std::move(session_id), std::move(user_id),
                                            std::move(event_type), std::move(payload));
  }
  awaitable<bool>
  append_conversation_message(std::string session_id, std::string role, std::string content,
                              Document metadata = Document::object(),
                              std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendConversationMessage>(created_at, std::move(session_id),
                                                   std::move(role), std::move(content),
                                                   std::move(metadata));
  }
  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata = Document::object(),
                                    std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendCheckpoint>(created_at, std::move(thread_id),
                                          std::move(checkpoint_id), std::move(data),
                                          std::move(metadata));
  }
  awaitable<bool>
  append_checkpoint_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                           std::vector<ChannelWrite> writes,
                           std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendCheckpointWrites>(created_at, std::move(thread_id),
                                                std::move(checkpoint_id), std::move(task_id),
                                                std::move(writes));
  }
  awaitable<bool>
  append_conversation_session(std::string session_key, Document session_data,
                              std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendConversationSession>(created_at, std::move(session_key),
                                                   std::move(session_data));
  }
  awaitable<bool>
  append_task_context_snapshot(std::string session_id, Document context_data,
                               std::optional<Timestamp> created_at = std::nullopt) override {
    return route<calls::AppendTaskContextSnapshot>(created_at, std::move(session_id),
                                                   std::move(context_data));
  }

private:
  friend Derived;
  RoutedArchive() = default;

  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp> created_at, std::string key, Others... others) {
    return static_cast<Derived&>(*this).template route<Append>(created_at, std::move(key),
                                                               std::move(others)...);
  }
};

} // namespace agentstore

#endif
