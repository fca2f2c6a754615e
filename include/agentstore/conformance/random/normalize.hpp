// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RANDOM_NORMALIZE_HPP
#define AGENTSTORE_CONFORMANCE_RANDOM_NORMALIZE_HPP

/// \file
/// What came of a call, in a form that can be compared.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/record_json.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace agentstore::conformance {

/// The outcome of a call in a form that can be compared. A record keeps all but what the contract
/// leaves open, that is times and versions, and the values of sequences. An error keeps its
/// meaning.
json outcome_of(bool answer);
json outcome_of(const Session& session);
json outcome_of(const Message& message);
json outcome_of(const Checkpoint& checkpoint);
json outcome_of(const PendingWrite& write);
json outcome_of(const ArchiveRecord& record);
json outcome_of(const Health& health);
json outcome_of(const Metrics& metrics);
json outcome_of(const std::exception_ptr& error);
json outcome_of(errc error);

// Only machinery below this line.

namespace detail {

/// The times that archive records may be given. Any other time must be the archive's own.
inline const std::array<Timestamp, 2>& given_times() {
  static const std::array<Timestamp, 2> times = {from_iso8601("2001-02-03T04:05:06.789012Z"),
                                                 from_iso8601("1999-12-31T23:59:59.999999Z")};
  return times;
}

} // namespace detail

inline json outcome_of(bool answer) {
  return json(answer);
}

inline json outcome_of(const Session& session) {
  json out = json::object();
  out["session_id"] = session.session_id;
  out["user_id"] = session.user_id;
  out["request_count"] = session.request_count;
  out["error_count"] = session.error_count;
  out["total_processing_time_us"] = session.total_processing_time.count();
  out["status"] = session.status;
  out["metadata"] = session.metadata;
  return out;
}

inline json outcome_of(const Message& message) {
  json out = json::object();
  out["role"] = message.role;
  out["content"] = message.content;
  out["metadata"] = message.metadata;
  return out;
}

inline json outcome_of(const Checkpoint& checkpoint) {
  json out = json::object();
  out["thread_id"] = checkpoint.thread_id;
  out["checkpoint_id"] = checkpoint.checkpoint_id;
  out["data"] = checkpoint.data;
  out["metadata"] = checkpoint.metadata;
  return out;
}

inline json outcome_of(const PendingWrite& write) {
  json out = json::object();
  out["task_id"] = write.task_id;
  out["index"] = write.index;
  out["channel"] = write.channel;
  out["value"] = write.value;
  return out;
}

inline json outcome_of(const ArchiveRecord& record) {
  json out = json::object();
  out["kind"] = std::string(to_string(record.kind));
  out["fields"] = record.fields;
  if (record.kind == ArchiveKind::task_context_snapshot && record.fields.is_object()) {
    out["fields"].erase("version");
  }
  const auto& given = detail::given_times();
  out["created_at"] = std::find(given.begin(), given.end(), record.created_at) != given.end()
                          ? to_iso8601(record.created_at)
                          : "the time of the call";
  return out;
}

inline json outcome_of(const Health& health) {
  json out = json::object();
  out["serves"] = health.status != Health::Status::unhealthy;
  if (health.status == Health::Status::unhealthy) {
    out["gives a reason"] = !health.issues.empty();
  }
  return out;
}

inline json outcome_of(const Metrics& metrics) {
  json out = json::object();
  out["total_sessions"] = metrics.total_sessions;
  out["active_sessions"] = metrics.active_sessions;
  out["total_messages"] = metrics.total_messages;
  out["total_checkpoints"] = metrics.total_checkpoints;
  return out;
}

inline json outcome_of(errc error) {
  json out = json::object();
  out["throws"] = make_error_code(error).message();
  return out;
}

inline json outcome_of(const std::exception_ptr& error) {
  json out = json::object();
  try {
    std::rethrow_exception(error);
  } catch (const StorageError& e) {
    for (const errc code :
         {errc::invalid_argument, errc::already_exists, errc::too_large, errc::closed,
          errc::unavailable, errc::corrupted, errc::not_supported}) {
      if (means(e.code(), code)) {
        return outcome_of(code);
      }
    }
    out["throws"] = std::string("a StorageError of no errc: ") + e.what();
  } catch (const std::exception& e) {
    out["throws"] = std::string("an exception that is not a StorageError: ") + e.what();
  } catch (...) {
    out["throws"] = "an exception that is not a std::exception";
  }
  return out;
}

namespace detail {

template <class Record>
json optional_outcome(const std::optional<Record>& record) {
  return record ? outcome_of(*record) : json();
}

template <class Record>
json list_outcome(const std::vector<Record>& records) {
  json out = json::array();
  for (const Record& record : records) {
    out.push_back(outcome_of(record));
  }
  return out;
}

inline json head_outcome(const ThreadHead& head) {
  json out = json::object();
  out["latest"] = optional_outcome(head.latest);
  out["checkpoint_ids"] = head.checkpoint_ids;
  return out;
}

/// Does as `list_outcome`, for records that must have increasing sequences.
template <class Record>
json sequence_outcome(const std::vector<Record>& records) {
  json out = list_outcome(records);
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].sequence <= records[i - 1].sequence) {
      out.push_back("a sequence that does not increase");
      break;
    }
  }
  return out;
}

/// A stored null is not the same as nothing.
inline json context_outcome(const std::optional<json>& context) {
  if (!context) {
    return json();
  }
  json out = json::object();
  out["context"] = *context;
  return out;
}

/// All items of a list that comes in pages, and what is wrong with the pages.
template <class Item>
class Gathered {
public:
  Gathered() = default;

  /// Takes a page of `size`. True if another page is to come.
  bool add(const std::vector<Item>& page, const std::string& next, std::size_t size) {
    constexpr std::size_t most = 10'000; // a store that gives more pages gives them for ever
    items.insert(items.end(), page.begin(), page.end());
    const bool is_last = next.empty();
    if (page.size() > size || (page.size() != size && !is_last) || ++pages_ > most) {
      fault = "a page of " + std::to_string(page.size()) + " items, " +
              (is_last ? "the last" : "not the last");
      return false;
    }
    return !is_last;
  }

  std::vector<Item> items;
  std::string fault;

private:
  std::size_t pages_ = 0;
};

/// Sessions by their ids, because it cannot be seen from outside which session is newer. Their
/// order must agree with their times.
inline json outcome_of_list(Gathered<Session> list) {
  for (std::size_t i = 1; i < list.items.size(); ++i) {
    const Session& one = list.items[i - 1];
    const Session& other = list.items[i];
    if (one.last_activity < other.last_activity ||
        (one.last_activity == other.last_activity && one.session_id > other.session_id)) {
      list.fault = other.session_id + " comes after " + one.session_id;
    }
  }
  std::sort(list.items.begin(), list.items.end(),
            [](const Session& a, const Session& b) { return a.session_id < b.session_id; });
  json out = list_outcome(list.items);
  if (!list.fault.empty()) {
    out.push_back(list.fault);
  }
  return out;
}
inline json outcome_of_list(const std::vector<Session>& sessions) {
  return list_outcome(sessions);
}
inline json outcome_of_list(const std::vector<std::string>& ids) {
  return json(ids);
}
inline json outcome_of_list(const Gathered<std::string>& list) {
  json out = list.items;
  if (!list.fault.empty()) {
    out.push_back(list.fault);
  }
  return out;
}

/// The records that pages of `limit` amount to: all, or none for pages of 0.
inline json pages_of(const std::vector<ArchiveRecord>& all, std::size_t limit) {
  return sequence_outcome(limit == 0 ? std::vector<ArchiveRecord>() : all);
}

} // namespace detail

} // namespace agentstore::conformance

#endif
