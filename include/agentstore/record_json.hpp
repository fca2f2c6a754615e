// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_RECORD_JSON_HPP
#define AGENTSTORE_RECORD_JSON_HPP

/// \file
/// Records to JSON and back: `json j = session;` and `j.get<Session>()`.
///
/// The field names are those of the Python implementation that these interfaces come from, so that
/// its data can be read. Sessions may lack metadata and version there, messages a sequence, and
/// times a zone, which then is UTC. Times are written as `2026-11-23T14:44:02.123456Z`, those
/// outside of the years 0 to 9999 as an integer, microseconds since 1970. `total_processing_time`
/// is in seconds, as in Python. `total_processing_time_us`, an integer, takes precedence if it is
/// present, so that a record comes back as it was, to the microsecond. A channel write is the pair
/// `[channel, value]`.
///
/// Reading throws nlohmann's exceptions for a member that is missing or of the wrong type, and
/// `StorageError` with `invalid_argument` for a text that is not a time or a status, and for a
/// number that is not an integer of the member's range.

#include <agentstore/detail/iso8601.hpp>
#include <agentstore/error.hpp>
#include <agentstore/records.hpp>

#include <cmath>
#include <concepts>
#include <utility>

namespace agentstore {

/// `time` as ISO 8601 in UTC with microseconds. Requires: a year from 0 to 9999.
std::string to_iso8601(Timestamp time);

/// The time that an ISO 8601 text means; without a zone it is UTC.
Timestamp from_iso8601(std::string_view text);

template <std::same_as<json> Json>
void to_json(Json& out, const Session& session);
template <std::same_as<json> Json>
void from_json(const Json& in, Session& session);
template <std::same_as<json> Json>
void to_json(Json& out, const Message& message);
template <std::same_as<json> Json>
void from_json(const Json& in, Message& message);
template <std::same_as<json> Json>
void to_json(Json& out, const Checkpoint& checkpoint);
template <std::same_as<json> Json>
void from_json(const Json& in, Checkpoint& checkpoint);
template <std::same_as<json> Json>
void to_json(Json& out, const ChannelWrite& write);
template <std::same_as<json> Json>
void from_json(const Json& in, ChannelWrite& write);
template <std::same_as<json> Json>
void to_json(Json& out, const PendingWrite& write);
template <std::same_as<json> Json>
void from_json(const Json& in, PendingWrite& write);
template <std::same_as<json> Json>
void to_json(Json& out, const Health& health);
template <std::same_as<json> Json>
void from_json(const Json& in, Health& health);
template <std::same_as<json> Json>
void to_json(Json& out, const Metrics& metrics);
template <std::same_as<json> Json>
void from_json(const Json& in, Metrics& metrics);

// Only machinery below this line.

namespace detail {

/// An integer member that fits into `Integer`. It is checked here, because nlohmann itself rounds
/// and wraps round.
template <class Integer, class Json>
Integer integer_member(const Json& in, const char* name) {
  const auto& member = in.at(name);
  const bool fits = member.is_number_unsigned()
                        ? std::in_range<Integer>(member.template get<std::uint64_t>())
                        : member.is_number_integer() &&
                              std::in_range<Integer>(member.template get<std::int64_t>());
  if (member.is_number() && !fits) {
    throw StorageError(errc::invalid_argument, "from_json", name,
                       "the number is not an integer of the member's range");
  }
  return member.template get<Integer>(); // throws if the member is not a number
}

template <class Json>
Json time_to_json(Timestamp time) {
  using namespace std::chrono;
  const bool has_four_digits =
      time >= sys_days(year(0) / 1 / 1) && time < sys_days(year(10'000) / 1 / 1);
  return has_four_digits ? Json(to_iso8601(time)) : Json(time.time_since_epoch().count());
}

template <class Json>
Timestamp time_member(const Json& in, const char* name) {
  const auto& member = in.at(name);
  if (member.is_number()) {
    return Timestamp(std::chrono::microseconds(integer_member<std::int64_t>(in, name)));
  }
  return from_iso8601(member.template get_ref<const std::string&>());
}

/// A member that must be an object if it is present and not null.
template <class Json>
Json object_member(const Json& in, const char* name) {
  const auto found = in.find(name);
  if (found == in.end() || found->is_null()) {
    return Json::object();
  }
  if (!found->is_object()) {
    throw StorageError(errc::invalid_argument, "from_json", name, "the member is not an object");
  }
  return *found;
}

template <class Json>
std::uint64_t count_member(const Json& in, const char* name, std::uint64_t otherwise) {
  return in.contains(name) ? integer_member<std::uint64_t>(in, name) : otherwise;
}

template <class Json>
std::string text_member(const Json& in, const char* name) {
  return in.at(name).template get_ref<const std::string&>();
}

template <class Json>
std::chrono::microseconds duration_member(const Json& in, const char* name, const char* name_us) {
  constexpr std::int64_t micros_per_second = 1'000'000;
  if (in.contains(name_us)) {
    return std::chrono::microseconds(integer_member<std::int64_t>(in, name_us));
  }
  const auto found = in.find(name);
  if (found == in.end()) {
    return std::chrono::microseconds(0);
  }
  const double micros = found->template get<double>() * static_cast<double>(micros_per_second);
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

template <std::same_as<json> Json>
void to_json(Json& out, const Session& session) {
  out = Json::object();
  out["session_id"] = session.session_id;
  out["user_id"] = session.user_id;
  out["created_at"] = detail::time_to_json<Json>(session.created_at);
  out["last_activity"] = detail::time_to_json<Json>(session.last_activity);
  out["request_count"] = session.request_count;
  out["error_count"] = session.error_count;
  out["total_processing_time"] =
      static_cast<double>(session.total_processing_time.count()) / 1'000'000.0;
  out["total_processing_time_us"] = session.total_processing_time.count();
  out["status"] = session.status;
  out["metadata"] = session.metadata;
  out["version"] = session.version;
}

template <std::same_as<json> Json>
void from_json(const Json& in, Session& session) {
  session.session_id = detail::text_member(in, "session_id");
  session.user_id = detail::text_member(in, "user_id");
  session.created_at = detail::time_member(in, "created_at");
  session.last_activity = detail::time_member(in, "last_activity");
  session.request_count = detail::count_member(in, "request_count", 0);
  session.error_count = detail::count_member(in, "error_count", 0);
  session.total_processing_time =
      detail::duration_member(in, "total_processing_time", "total_processing_time_us");
  session.status = detail::text_member(in, "status");
  session.metadata = detail::object_member(in, "metadata");
  session.version = detail::count_member(in, "version", 1);
}

template <std::same_as<json> Json>
void to_json(Json& out, const Message& message) {
  out = Json::object();
  out["sequence"] = message.sequence;
  out["role"] = message.role;
  out["content"] = message.content;
  out["timestamp"] = detail::time_to_json<Json>(message.timestamp);
  out["metadata"] = message.metadata;
}

template <std::same_as<json> Json>
void from_json(const Json& in, Message& message) {
  message.sequence = detail::count_member(in, "sequence", 0);
  message.role = detail::text_member(in, "role");
  message.content = detail::text_member(in, "content");
  message.timestamp = detail::time_member(in, "timestamp");
  message.metadata = detail::object_member(in, "metadata");
}

template <std::same_as<json> Json>
void to_json(Json& out, const Checkpoint& checkpoint) {
  out = Json::object();
  out["checkpoint_id"] = checkpoint.checkpoint_id;
  out["thread_id"] = checkpoint.thread_id;
  out["data"] = checkpoint.data;
  out["metadata"] = checkpoint.metadata;
  out["created_at"] = detail::time_to_json<Json>(checkpoint.created_at);
}

template <std::same_as<json> Json>
void from_json(const Json& in, Checkpoint& checkpoint) {
  checkpoint.thread_id = detail::text_member(in, "thread_id");
  checkpoint.checkpoint_id = detail::text_member(in, "checkpoint_id");
  checkpoint.data = in.at("data");
  checkpoint.metadata = detail::object_member(in, "metadata");
  checkpoint.created_at = detail::time_member(in, "created_at");
}

template <std::same_as<json> Json>
void to_json(Json& out, const ChannelWrite& write) {
  out = Json::array();
  out.push_back(write.channel);
  out.push_back(write.value);
}

template <std::same_as<json> Json>
void from_json(const Json& in, ChannelWrite& write) {
  write.channel = in.at(0).template get_ref<const std::string&>();
  write.value = in.at(1);
}

template <std::same_as<json> Json>
void to_json(Json& out, const PendingWrite& write) {
  out = Json::object();
  out["task_id"] = write.task_id;
  out["index"] = write.index;
  out["channel"] = write.channel;
  out["value"] = write.value;
}

template <std::same_as<json> Json>
void from_json(const Json& in, PendingWrite& write) {
  write.task_id = detail::text_member(in, "task_id");
  write.index = detail::integer_member<std::int64_t>(in, "index");
  write.channel = detail::text_member(in, "channel");
  write.value = in.at("value");
}

template <std::same_as<json> Json>
void to_json(Json& out, const Health& health) {
  static constexpr const char* names[] = {"healthy", "degraded", "unhealthy"};
  out = Json::object();
  out["status"] = names[static_cast<std::size_t>(health.status)];
  out["storage_backend"] = health.backend;
  out["issues"] = health.issues;
  out["details"] = health.details;
}

template <std::same_as<json> Json>
void from_json(const Json& in, Health& health) {
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
  health.issues = in.at("issues").template get<std::vector<std::string>>();
  health.details = detail::object_member(in, "details");
}

template <std::same_as<json> Json>
void to_json(Json& out, const Metrics& metrics) {
  out = Json::object();
  out["total_sessions"] = metrics.total_sessions;
  out["active_sessions"] = metrics.active_sessions;
  out["total_messages"] = metrics.total_messages;
  out["total_checkpoints"] = metrics.total_checkpoints;
  out["details"] = metrics.details;
}

template <std::same_as<json> Json>
void from_json(const Json& in, Metrics& metrics) {
  metrics.total_sessions = detail::integer_member<std::uint64_t>(in, "total_sessions");
  metrics.active_sessions = detail::integer_member<std::uint64_t>(in, "active_sessions");
  metrics.total_messages = detail::integer_member<std::uint64_t>(in, "total_messages");
  metrics.total_checkpoints = detail::integer_member<std::uint64_t>(in, "total_checkpoints");
  metrics.details = detail::object_member(in, "details");
}

} // namespace agentstore

#endif
