// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_RECORD_JSON_HPP
#define AGENTSTORE_RECORD_JSON_HPP

/// \file
/// Records to JSON and back: `json j = session;` and `j.get<Session>()`.
///
/// The field names are those of the Python implementation these interfaces come from, so its data
/// can be read: sessions without metadata and version, messages without a sequence, times with a
/// zone or, as UTC, without. Times are written as `2026-11-23T14:44:02.123456Z`,
/// `total_processing_time` as seconds. A channel write is the pair `[channel, value]`.
///
/// Reading throws nlohmann's exceptions for a member that is missing or of the wrong type, and
/// `StorageError` with `invalid_argument` for a text that is not a time or a status.

#include <agentstore/detail/iso8601.hpp>
#include <agentstore/error.hpp>
#include <agentstore/records.hpp>

#include <cmath>

namespace agentstore {

/// `time` as ISO 8601 in UTC with microseconds.
std::string to_iso8601(Timestamp time);

/// The time that an ISO 8601 text means; without a zone it is UTC.
Timestamp from_iso8601(std::string_view text);

void to_json(json& out, const Session& session);
void from_json(const json& in, Session& session);
void to_json(json& out, const Message& message);
void from_json(const json& in, Message& message);
void to_json(json& out, const Checkpoint& checkpoint);
void from_json(const json& in, Checkpoint& checkpoint);
void to_json(json& out, const ChannelWrite& write);
void from_json(const json& in, ChannelWrite& write);
void to_json(json& out, const PendingWrite& write);
void from_json(const json& in, PendingWrite& write);
void to_json(json& out, const Health& health);
void from_json(const json& in, Health& health);
void to_json(json& out, const Metrics& metrics);
void from_json(const json& in, Metrics& metrics);

// Only machinery below this line.

namespace detail {

inline Timestamp time_member(const json& in, const char* name) {
  return from_iso8601(in.at(name).get_ref<const std::string&>());
}

/// A member that must be an object where it is present and not null.
inline json object_member(const json& in, const char* name) {
  const auto found = in.find(name);
  if (found == in.end() || found->is_null()) {
    return json::object();
  }
  if (!found->is_object()) {
    throw StorageError(errc::invalid_argument, "from_json", name, "the member is not an object");
  }
  return *found;
}

/// A count; nlohmann itself would wrap a negative number round.
inline std::uint64_t count_member(const json& in, const char* name) {
  const json& member = in.at(name);
  if (member.is_number() && !member.is_number_unsigned() && member.get<double>() < 0) {
    throw StorageError(errc::invalid_argument, "from_json", name, "the count is negative");
  }
  return member.get<std::uint64_t>();
}

inline std::uint64_t count_member(const json& in, const char* name, std::uint64_t otherwise) {
  return in.contains(name) ? count_member(in, name) : otherwise;
}

inline std::string text_member(const json& in, const char* name) {
  return in.at(name).get_ref<const std::string&>();
}

inline std::chrono::microseconds seconds_member(const json& in, const char* name) {
  constexpr std::int64_t micros_per_second = 1'000'000;
  const auto found = in.find(name);
  if (found == in.end()) {
    return std::chrono::microseconds(0);
  }
  const double micros = found->get<double>() * static_cast<double>(micros_per_second);
  if (std::isnan(micros) || std::abs(micros) > 9.2e18) {
    throw StorageError(errc::invalid_argument, "from_json", name, "the duration is out of range");
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(micros + (micros < 0 ? -0.5 : 0.5)));
}

} // namespace detail

inline std::string to_iso8601(Timestamp time) {
  return detail::format_iso8601(time);
}

inline Timestamp from_iso8601(std::string_view text) {
  const std::optional<Timestamp> time = detail::parse_iso8601(text);
  if (!time) {
    throw StorageError(errc::invalid_argument, "from_iso8601", std::string(text),
                       "the text is not an ISO 8601 time");
  }
  return *time;
}

inline void to_json(json& out, const Session& session) {
  out = json::object();
  out["session_id"] = session.session_id;
  out["user_id"] = session.user_id;
  out["created_at"] = to_iso8601(session.created_at);
  out["last_activity"] = to_iso8601(session.last_activity);
  out["request_count"] = session.request_count;
  out["error_count"] = session.error_count;
  out["total_processing_time"] =
      static_cast<double>(session.total_processing_time.count()) / 1'000'000.0;
  out["status"] = session.status;
  out["metadata"] = session.metadata;
  out["version"] = session.version;
}

inline void from_json(const json& in, Session& session) {
  session.session_id = detail::text_member(in, "session_id");
  session.user_id = detail::text_member(in, "user_id");
  session.created_at = detail::time_member(in, "created_at");
  session.last_activity = detail::time_member(in, "last_activity");
  session.request_count = detail::count_member(in, "request_count", 0);
  session.error_count = detail::count_member(in, "error_count", 0);
  session.total_processing_time = detail::seconds_member(in, "total_processing_time");
  session.status = detail::text_member(in, "status");
  session.metadata = detail::object_member(in, "metadata");
  session.version = detail::count_member(in, "version", 1);
}

inline void to_json(json& out, const Message& message) {
  out = json::object();
  out["sequence"] = message.sequence;
  out["role"] = message.role;
  out["content"] = message.content;
  out["timestamp"] = to_iso8601(message.timestamp);
  out["metadata"] = message.metadata;
}

inline void from_json(const json& in, Message& message) {
  message.sequence = detail::count_member(in, "sequence", 0);
  message.role = detail::text_member(in, "role");
  message.content = detail::text_member(in, "content");
  message.timestamp = detail::time_member(in, "timestamp");
  message.metadata = detail::object_member(in, "metadata");
}

inline void to_json(json& out, const Checkpoint& checkpoint) {
  out = json::object();
  out["checkpoint_id"] = checkpoint.checkpoint_id;
  out["thread_id"] = checkpoint.thread_id;
  out["data"] = checkpoint.data;
  out["metadata"] = checkpoint.metadata;
  out["created_at"] = to_iso8601(checkpoint.created_at);
}

inline void from_json(const json& in, Checkpoint& checkpoint) {
  checkpoint.thread_id = detail::text_member(in, "thread_id");
  checkpoint.checkpoint_id = detail::text_member(in, "checkpoint_id");
  checkpoint.data = in.at("data");
  checkpoint.metadata = detail::object_member(in, "metadata");
  checkpoint.created_at = detail::time_member(in, "created_at");
}

inline void to_json(json& out, const ChannelWrite& write) {
  out = json::array();
  out.push_back(write.channel);
  out.push_back(write.value);
}

inline void from_json(const json& in, ChannelWrite& write) {
  write.channel = in.at(0).get_ref<const std::string&>();
  write.value = in.at(1);
}

inline void to_json(json& out, const PendingWrite& write) {
  out = json::object();
  out["task_id"] = write.task_id;
  out["index"] = write.index;
  out["channel"] = write.channel;
  out["value"] = write.value;
}

inline void from_json(const json& in, PendingWrite& write) {
  write.task_id = detail::text_member(in, "task_id");
  write.index = in.at("index").get<std::int64_t>();
  write.channel = detail::text_member(in, "channel");
  write.value = in.at("value");
}

inline void to_json(json& out, const Health& health) {
  static constexpr const char* names[] = {"healthy", "degraded", "unhealthy"};
  out = json::object();
  out["status"] = names[static_cast<std::size_t>(health.status)];
  out["storage_backend"] = health.backend;
  out["issues"] = health.issues;
  out["details"] = health.details;
}

inline void from_json(const json& in, Health& health) {
  const std::string status = detail::text_member(in, "status");
  if (status == "healthy") {
    health.status = Health::Status::healthy;
  } else if (status == "degraded" || status == "warning") {
    health.status = Health::Status::degraded;
  } else if (status == "unhealthy") {
    health.status = Health::Status::unhealthy;
  } else {
    throw StorageError(errc::invalid_argument, "from_json", status, "the text is not a status");
  }
  health.backend = detail::text_member(in, "storage_backend");
  health.issues = in.at("issues").get<std::vector<std::string>>();
  health.details = detail::object_member(in, "details");
}

inline void to_json(json& out, const Metrics& metrics) {
  out = json::object();
  out["total_sessions"] = metrics.total_sessions;
  out["active_sessions"] = metrics.active_sessions;
  out["total_messages"] = metrics.total_messages;
  out["total_checkpoints"] = metrics.total_checkpoints;
  out["details"] = metrics.details;
}

inline void from_json(const json& in, Metrics& metrics) {
  metrics.total_sessions = detail::count_member(in, "total_sessions");
  metrics.active_sessions = detail::count_member(in, "active_sessions");
  metrics.total_messages = detail::count_member(in, "total_messages");
  metrics.total_checkpoints = detail::count_member(in, "total_checkpoints");
  metrics.details = detail::object_member(in, "details");
}

} // namespace agentstore

#endif
