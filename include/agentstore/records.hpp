// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_RECORDS_HPP
#define AGENTSTORE_RECORDS_HPP

/// \file
/// The values that the interfaces take and return. A record that was handed out never refers to the
/// store (VAL-03). No record is an aggregate, see `SessionUpdate`.

#include <agentstore/document.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace agentstore {

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// How many items a history or a list gives when the caller does not say.
inline constexpr std::size_t default_history_limit = 50;
inline constexpr std::size_t default_checkpoint_limit = 10;

/// After how long without activity a session expires when the caller does not say.
inline constexpr std::chrono::microseconds default_max_idle = std::chrono::hours(24);

/// One session of an agent with a user.
class Session {
public:
  Session() = default;

  std::string session_id;
  std::string user_id;
  Timestamp created_at;
  /// The time of the latest update or append; never earlier than a time returned before (SES-10).
  Timestamp last_activity;
  std::uint64_t request_count = 0;
  std::uint64_t error_count = 0;
  std::chrono::microseconds total_processing_time{0};
  /// "active" until the session is ended, then the status that it was ended with.
  std::string status = "active";
  /// A JSON object.
  Document metadata = Document::object();
  /// 1 when created; greater after every change of the record (SES-14).
  std::uint64_t version = 1;

  bool operator==(const Session&) const = default;
};

/// One message of a conversation.
class Message {
public:
  Message() = default;

  /// Strictly increasing within a conversation; gaps are allowed (CON-01).
  std::uint64_t sequence = 0;
  /// Who speaks: "user", "assistant", "tool", ... any non-empty text.
  std::string role;
  std::string content;
  /// When it was stored, by the store's clock. Says nothing about order (CON-05).
  Timestamp timestamp;
  /// A JSON object.
  Document metadata = Document::object();

  bool operator==(const Message&) const = default;
};

/// The state of a thread of work at one step.
class Checkpoint {
public:
  Checkpoint() = default;

  std::string thread_id;
  std::string checkpoint_id;
  Document data;
  /// A JSON object.
  Document metadata = Document::object();
  /// When the id was first stored, by the store's clock. Says nothing about order (CHK-02).
  Timestamp created_at;

  bool operator==(const Checkpoint&) const = default;
};

/// One value that a task wrote to a channel, as it is handed in.
class ChannelWrite {
public:
  ChannelWrite() = default;
  ChannelWrite(std::string channel_name, Document written)
      : channel(std::move(channel_name)), value(std::move(written)) {}

  std::string channel;
  Document value;

  bool operator==(const ChannelWrite&) const = default;
};

/// One value that a task wrote to a channel, as it is read back.
class PendingWrite {
public:
  PendingWrite() = default;

  std::string task_id;
  /// The position in the call, or the fixed negative index of a special channel (WRT-02, WRT-03).
  std::int64_t index = 0;
  std::string channel;
  Document value;

  bool operator==(const PendingWrite&) const = default;
};

/// The state of a backend. `health_check` always answers with it and never throws (LIF-06).
class Health {
public:
  Health() = default;

  enum class Status { healthy, degraded, unhealthy };

  Status status = Status::unhealthy;
  /// The kind of the backend, e.g. "memory". Never empty in an answer.
  std::string backend;
  /// One sentence for each thing that is wrong; empty when healthy.
  std::vector<std::string> issues;
  /// A JSON object with anything else that the backend reports.
  json details = json::object();

  bool operator==(const Health&) const = default;
};

/// How much a store holds at this moment (MET-01).
class Metrics {
public:
  Metrics() = default;

  std::uint64_t total_sessions = 0;
  /// Sessions whose status is "active".
  std::uint64_t active_sessions = 0;
  std::uint64_t total_messages = 0;
  std::uint64_t total_checkpoints = 0;
  /// A JSON object with anything else that the backend counts.
  json details = json::object();

  bool operator==(const Metrics&) const = default;
};

/// What `ISessionStorage::update_session` is to change; everything is optional.
///
///     SessionUpdate().updates(patch).increment_requests().add_processing_time(120ms)
///
/// The class has constructors and setters, rather than being an aggregate, because g++ 12 destroys
/// temporaries of aggregate type twice when they are arguments inside a `co_await` expression.
/// Every type that a method takes is therefore a non-aggregate, and asserted to be one.
class SessionUpdate {
public:
  SessionUpdate() = default;

  /// Merges `patch`, an object, into the metadata by RFC 7386 (SES-04).
  SessionUpdate& updates(json patch) &;
  SessionUpdate&& updates(json patch) &&;

  /// Adds one to `request_count`.
  SessionUpdate& increment_requests(bool wanted = true) &;
  SessionUpdate&& increment_requests(bool wanted = true) &&;

  /// Adds one to `error_count`.
  SessionUpdate& mark_error(bool wanted = true) &;
  SessionUpdate&& mark_error(bool wanted = true) &&;

  /// Adds to `total_processing_time`; must not be negative. A second call replaces the first.
  SessionUpdate& add_processing_time(std::chrono::microseconds amount) &;
  SessionUpdate&& add_processing_time(std::chrono::microseconds amount) &&;

  /// \name For the backend
  /// @{
  const std::optional<json>& metadata_patch() const noexcept { return patch_; }
  bool counts_request() const noexcept { return counts_request_; }
  bool counts_error() const noexcept { return counts_error_; }
  std::chrono::microseconds processing_time() const noexcept { return processing_time_; }
  /// @}

private:
  std::optional<json> patch_;
  std::chrono::microseconds processing_time_{0};
  bool counts_request_ = false;
  bool counts_error_ = false;
};

// Only machinery below this line.

inline SessionUpdate& SessionUpdate::updates(json patch) & {
  patch_.emplace(std::move(patch));
  return *this;
}

inline SessionUpdate&& SessionUpdate::updates(json patch) && {
  return std::move(updates(std::move(patch)));
}

inline SessionUpdate& SessionUpdate::increment_requests(bool wanted) & {
  counts_request_ = wanted;
  return *this;
}

inline SessionUpdate&& SessionUpdate::increment_requests(bool wanted) && {
  return std::move(increment_requests(wanted));
}

inline SessionUpdate& SessionUpdate::mark_error(bool wanted) & {
  counts_error_ = wanted;
  return *this;
}

inline SessionUpdate&& SessionUpdate::mark_error(bool wanted) && {
  return std::move(mark_error(wanted));
}

inline SessionUpdate& SessionUpdate::add_processing_time(std::chrono::microseconds amount) & {
  processing_time_ = amount;
  return *this;
}

inline SessionUpdate&& SessionUpdate::add_processing_time(std::chrono::microseconds amount) && {
  return std::move(add_processing_time(amount));
}

static_assert(!std::is_aggregate_v<Session> && !std::is_aggregate_v<Message> &&
              !std::is_aggregate_v<Checkpoint> && !std::is_aggregate_v<ChannelWrite> &&
              !std::is_aggregate_v<PendingWrite> && !std::is_aggregate_v<Health> &&
              !std::is_aggregate_v<Metrics> && !std::is_aggregate_v<SessionUpdate>);

} // namespace agentstore

#endif
