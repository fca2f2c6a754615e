// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_SHOW_HPP
#define AGENTSTORE_CONFORMANCE_SHOW_HPP

/// \file
/// Values as text for a person, and the exact comparison of JSON.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_reader.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore::conformance {

/// Whether two JSON values are the same to the last digit: 1 is not 1.0, 0.0 is not -0.0.
/// Values too deep to be compared are not the same as anything.
bool identical(const json& left, const json& right);

/// Whether a value is nested deeper than what can be copied and dumped without danger.
bool is_too_deep(const json& value);

/// \name Values as text, shortened to what helps
/// @{
std::string show(bool value);
std::string show(std::uint64_t value);
std::string show(std::int64_t value);
std::string show(const std::string& value);
std::string show(const char* value);
std::string show(std::chrono::microseconds value);
std::string show(Timestamp value);
std::string show(const json& value);
std::string show(const SessionUpdate& update);
std::string show(const Session& session);
std::string show(const Message& message);
std::string show(const Checkpoint& checkpoint);
std::string show(const ChannelWrite& write);
std::string show(const PendingWrite& write);
std::string show(const Health& health);
std::string show(const Metrics& metrics);
std::string show(const ArchiveRecord& record);
template <class T>
std::string show(const std::optional<T>& value);
template <class T>
std::string show(const std::vector<T>& values);
/// @}

// Only machinery below this line.

namespace detail {

inline constexpr std::size_t deepest_shown = 300;

inline bool is_within_depth(const json& value, std::size_t depth) {
  if (!value.is_structured()) {
    return true;
  }
  if (depth == 0) {
    return false;
  }
  for (const json& member : value) {
    if (!is_within_depth(member, depth - 1)) {
      return false;
    }
  }
  return true;
}

inline std::string clipped(std::string text, std::size_t most = 160) {
  if (text.size() > most) {
    const std::size_t size = text.size();
    text.resize(most);
    text += "... (" + std::to_string(size) + " bytes)";
  }
  return text;
}

inline std::string dumped(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

inline std::string braced(std::string_view type, const json& members) {
  return std::string(type) + clipped(dumped(members), 400);
}

/// The JSON form of a record, which shows all its fields, unless a value in it is too deep.
template <class Record>
std::string show_record(std::string_view type, const Record& record, bool too_deep) {
  return too_deep ? std::string(type) + "{nested too deep to show}" : braced(type, json(record));
}

} // namespace detail

inline bool is_too_deep(const json& value) {
  return !detail::is_within_depth(value, detail::deepest_shown);
}

inline bool identical(const json& left, const json& right) {
  if (left.is_structured() && (is_too_deep(left) || is_too_deep(right))) {
    return false;
  }
  return left.type() == right.type() || (left.is_number_integer() && right.is_number_integer())
             ? left.dump(-1, ' ', false, json::error_handler_t::replace) ==
                   right.dump(-1, ' ', false, json::error_handler_t::replace)
             : false;
}

inline std::string show(bool value) {
  return value ? "true" : "false";
}
inline std::string show(std::uint64_t value) {
  return std::to_string(value);
}
inline std::string show(std::int64_t value) {
  return std::to_string(value);
}
inline std::string show(const std::string& value) {
  return value.size() <= 80
             ? agentstore::detail::quoted(value)
             : agentstore::detail::quoted(value) + " (" + std::to_string(value.size()) + " bytes)";
}
inline std::string show(const char* value) {
  return show(std::string(value));
}
inline std::string show(std::chrono::microseconds value) {
  return std::to_string(value.count()) + "us";
}
inline std::string show(Timestamp value) {
  return to_iso8601(value);
}

inline std::string show(const json& value) {
  if (is_too_deep(value)) {
    return "<JSON nested deeper than " + std::to_string(detail::deepest_shown) + ">";
  }
  return detail::clipped(detail::dumped(value));
}

inline std::string show(const SessionUpdate& update) {
  std::string text = "SessionUpdate()";
  if (update.metadata_patch()) {
    text += ".updates(" + show(*update.metadata_patch()) + ")";
  }
  if (update.counts_request()) {
    text += ".increment_requests()";
  }
  if (update.processing_time().count() != 0) {
    text += ".add_processing_time(" + show(update.processing_time()) + ")";
  }
  if (update.counts_error()) {
    text += ".mark_error()";
  }
  return text;
}

inline std::string show(const Session& session) {
  return detail::show_record("Session", session, is_too_deep(session.metadata));
}
inline std::string show(const Message& message) {
  return detail::show_record("Message", message, is_too_deep(message.metadata));
}
inline std::string show(const Checkpoint& checkpoint) {
  return detail::show_record("Checkpoint", checkpoint,
                             is_too_deep(checkpoint.data) || is_too_deep(checkpoint.metadata));
}
inline std::string show(const ChannelWrite& write) {
  return "(" + show(write.channel) + ", " + show(write.value) + ")";
}
inline std::string show(const PendingWrite& write) {
  return detail::show_record("PendingWrite", write, is_too_deep(write.value));
}
inline std::string show(const Health& health) {
  return detail::braced("Health", json(health));
}
inline std::string show(const Metrics& metrics) {
  return detail::braced("Metrics", json(metrics));
}
inline std::string show(const ArchiveRecord& record) {
  return "ArchiveRecord{" + std::string(to_string(record.kind)) + " #" + show(record.sequence) +
         " " + show(record.created_at) + " " + show(record.fields) + "}";
}

template <class T>
std::string show(const std::optional<T>& value) {
  return value ? show(*value) : "nullopt";
}

template <class T>
std::string show(const std::vector<T>& values) {
  constexpr std::size_t most = 6;
  std::string text = std::to_string(values.size()) + " [";
  for (std::size_t i = 0; i < values.size() && i < most; ++i) {
    text += (i == 0 ? "" : ", ") + show(values[i]);
  }
  return text + (values.size() > most ? ", ...]" : "]");
}

} // namespace agentstore::conformance

#endif
