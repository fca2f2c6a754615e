// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CHECK_SHOW_HPP
#define AGENTSTORE_CONFORMANCE_CHECK_SHOW_HPP

/// \file
/// Values as text for a person, and the exact comparison of JSON.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/capabilities/archiving.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentstore::conformance {

/// Whether two JSON values are the same to the last digit: 1 is not 1.0, 0.0 is not -0.0.
/// Values too deep to be compared are not the same as anything.
bool identical(const json& left, const json& right);

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
std::string show(Health::Status status);
std::string show(const Health& health);
std::string show(const Metrics& metrics);
std::string show(const ArchiveRecord& record);
std::string show(const ArchivingMetrics& metrics);
std::string show(const Page& page);
std::string show(const SessionPage& page);
std::string show(const ThreadPage& page);
std::string show(const ThreadHead& head);
template <class T>
std::string show(const std::optional<T>& value);
template <class T>
std::string show(const std::vector<T>& values);
/// @}

/// Where two texts differ first, with a little of what is around it in each.
class TextDifference {
public:
  TextDifference(std::string_view a, std::string_view b);

  /// E.g. `from character 1023 on: ...xxx"`.
  std::string left;
  std::string right;
};

// Only machinery below this line.

namespace detail {

/// While an object lives, values are shown whole on this thread. The difference of two values may
/// lie where a shortened text does not reach.
class ShowsWhole {
public:
  ShowsWhole() : before_(std::exchange(is_on(), true)) {}
  ShowsWhole(const ShowsWhole&) = delete;
  ShowsWhole& operator=(const ShowsWhole&) = delete;
  ~ShowsWhole() { is_on() = before_; }

  /// `most`, or no bound while an object lives.
  static std::size_t at_most(std::size_t most) {
    return is_on() ? std::numeric_limits<std::size_t>::max() : most;
  }

private:
  static bool& is_on() {
    thread_local bool on = false;
    return on;
  }

  bool before_;
};

/// Deeper values are neither compared nor shown: recursion has to end somewhere.
inline constexpr std::size_t max_depth = 300;

/// How many items of a list are shown.
inline constexpr std::size_t most_items = 6;

inline bool is_negative(const json& integer) {
  return !integer.is_number_unsigned() && integer.get<std::int64_t>() < 0;
}

inline bool identical_within(const json& left, const json& right, std::size_t depth) {
  if (left.is_number_integer() && right.is_number_integer()) {
    // Of either type. To nlohmann's ==, the greatest unsigned number is -1.
    return is_negative(left) == is_negative(right) && left == right;
  }
  if (left.type() != right.type()) {
    return false;
  }
  if (left.is_number_float()) {
    return std::bit_cast<std::uint64_t>(left.get<double>()) ==
           std::bit_cast<std::uint64_t>(right.get<double>());
  }
  if (!left.is_structured()) {
    return left == right;
  }
  if (depth == 0 || left.size() != right.size()) {
    return false;
  }
  for (auto l = left.begin(), r = right.begin(); l != left.end(); ++l, ++r) {
    if ((left.is_object() && l.key() != r.key()) || !identical_within(*l, *r, depth - 1)) {
      return false;
    }
  }
  return true;
}

/// Appends `value` as JSON until the text is `most` long, and never goes through more of `value`.
inline void preview(std::string& text, const json& value, std::size_t most, std::size_t depth) {
  if (text.size() > most) {
    return;
  }
  if (value.is_string()) {
    const std::string& whole = value.get_ref<const std::string&>();
    text += agentstore::detail::is_utf8(whole)
                ? json(whole.substr(0, most)).dump(-1, ' ', true, json::error_handler_t::replace)
                : agentstore::detail::quoted(whole, most); // its bytes
  } else if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    text += std::to_string(value.get<double>()); // of which a dump makes null
  } else if (!value.is_structured()) {
    text += value.dump();
  } else if (depth == 0) {
    text += "<deeper>";
  } else {
    const bool object = value.is_object();
    text += object ? '{' : '[';
    for (auto member = value.begin(); member != value.end() && text.size() <= most; ++member) {
      text += member == value.begin() ? "" : ",";
      if (object) {
        preview(text, json(member.key()), most, depth);
        text += ':';
      }
      preview(text, *member, most, depth - 1);
    }
    text += object ? '}' : ']';
  }
}

inline std::string previewed(const json& value, std::size_t most) {
  std::string text;
  preview(text, value, most, max_depth);
  if (text.size() > most) {
    text.resize(most);
    text += "...";
  }
  return text;
}

} // namespace detail

inline bool identical(const json& left, const json& right) {
  return detail::identical_within(left, right, detail::max_depth);
}

inline TextDifference::TextDifference(std::string_view a, std::string_view b) {
  constexpr std::size_t around = 30;
  std::size_t first = 0;
  while (first < a.size() && first < b.size() && a[first] == b[first]) {
    ++first;
  }
  const auto shown = [first](std::string_view text) {
    const std::size_t begin = first < around ? 0 : first - around;
    const std::string_view part = text.substr(begin, 2 * around);
    return "from character " + std::to_string(first) + " on: " + (begin == 0 ? "" : "...") +
           std::string(part) + (begin + part.size() < text.size() ? "..." : "");
  };
  left = shown(a);
  right = shown(b);
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
  const std::size_t most = detail::ShowsWhole::at_most(80);
  const std::string text = agentstore::detail::quoted(value, most);
  return value.size() <= most ? text : text + " (" + std::to_string(value.size()) + " bytes)";
}
inline std::string show(const char* value) {
  return show(std::string(value));
}
inline std::string show(std::chrono::microseconds value) {
  return std::to_string(value.count()) + "us";
}
inline std::string show(Timestamp value) {
  using namespace std::chrono;
  const bool has_four_digits =
      value >= sys_days(year(0) / 1 / 1) && value < sys_days(year(10'000) / 1 / 1);
  return has_four_digits ? to_iso8601(value)
                         : std::to_string(value.time_since_epoch().count()) + " us since 1970";
}

inline std::string show(const json& value) {
  return detail::previewed(value, detail::ShowsWhole::at_most(160));
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

inline std::string show(const Session& s) {
  return "Session(" + show(s.session_id) + ", user " + show(s.user_id) + ", " + show(s.status) +
         ", requests " + show(s.request_count) + ", errors " + show(s.error_count) + ", time " +
         show(s.total_processing_time) + ", version " + show(s.version) + ", created " +
         show(s.created_at) + ", active " + show(s.last_activity) + ", " + show(s.metadata) + ")";
}
inline std::string show(const Message& m) {
  return "Message(#" + show(m.sequence) + ", " + show(m.role) + ", " + show(m.content) + ", " +
         show(m.timestamp) + ", " + show(m.metadata) + ")";
}
inline std::string show(const Checkpoint& c) {
  return "Checkpoint(" + show(c.thread_id) + ", " + show(c.checkpoint_id) + ", " + show(c.data) +
         ", " + show(c.metadata) + ", created " + show(c.created_at) + ")";
}
inline std::string show(const ChannelWrite& write) {
  return "(" + show(write.channel) + ", " + show(write.value) + ")";
}
inline std::string show(const PendingWrite& w) {
  return "PendingWrite(" + show(w.task_id) + ", " + show(w.index) + ", " + show(w.channel) + ", " +
         show(w.value) + ")";
}
inline std::string show(Health::Status status) {
  switch (status) {
  case Health::Status::healthy:
    return "healthy";
  case Health::Status::degraded:
    return "degraded";
  default:
    return "unhealthy";
  }
}
inline std::string show(const Health& health) {
  return "Health" + show(json(health));
}
inline std::string show(const Metrics& metrics) {
  return "Metrics" + show(json(metrics));
}
inline std::string show(const ArchivingMetrics& metrics) {
  return "ArchivingMetrics(accepted " + show(metrics.accepted) + ", archived " +
         show(metrics.archived) + ", dropped " + show(metrics.dropped) + ", queued " +
         show(metrics.queued) + " of " + show(metrics.max_queued) + " and " +
         show(metrics.queued_bytes) + " of " + show(metrics.max_queued_bytes) + " bytes, retried " +
         show(metrics.retried) + ")";
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
  const std::size_t most = detail::ShowsWhole::at_most(detail::most_items);
  std::string text = std::to_string(values.size()) + " [";
  for (std::size_t i = 0; i < values.size() && i < most; ++i) {
    text += (i == 0 ? "" : ", ") + show(values[i]);
  }
  return text + (values.size() > most ? ", ...]" : "]");
}

inline std::string show(const Page& page) {
  return "Page(" + std::to_string(page.size) + ")" +
         (page.is_first() ? std::string() : ".after(" + show(page.cursor) + ")");
}
inline std::string show(const SessionPage& page) {
  return show(page.sessions) + (page.next.empty() ? ", the last" : ", next " + show(page.next));
}
inline std::string show(const ThreadPage& page) {
  return show(page.thread_ids) + (page.next.empty() ? ", the last" : ", next " + show(page.next));
}
inline std::string show(const ThreadHead& head) {
  return show(head.checkpoint_ids) + ", the latest " + show(head.latest);
}

} // namespace agentstore::conformance

#endif
