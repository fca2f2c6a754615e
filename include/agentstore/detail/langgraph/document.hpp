// SPDX-License-Identifier: Apache-2.0
// Before the guard: it includes this header where it needs it.
#include <agentstore/langgraph/checkpointer.hpp>

#ifndef AGENTSTORE_DETAIL_LANGGRAPH_DOCUMENT_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_DOCUMENT_HPP

// A checkpoint as it stands in the backend, and what is known about the order of those that arrived
// before it.
//
// A backend keeps the order of arrival, LangGraph that of the ids. Mostly they are the same. To
// know whether they are without reading all, each document notes what its writer saw: the id that
// had arrived last (`after`), the greatest one until then, and whether they had all come in order.
// The note of a document is sound if the one that arrived just before it is the one that its writer
// saw: then no other writer came in between. So the newest two documents tell; if they do not, for
// several wrote at once, the walk goes on to older ones.

#include <agentstore/authoring/arguments.hpp>

#include <algorithm>
#include <tuple>

namespace agentstore::langgraph::detail {

/// What was there when a document arrived.
class Arrival {
public:
  Arrival() = default;

  /// The id that had arrived last; empty if none had.
  std::string after;
  /// The greatest id of all that had arrived; empty if none had.
  std::string greatest;
  /// Whether each one's id, this one's too, is greater than those that arrived before it.
  bool in_order = true;
};

class Document {
public:
  Document() = default;

  std::string id;
  json checkpoint;
  json metadata = json::object();
  std::optional<std::string> parent;
  Arrival arrival;
  /// Only its place is left.
  bool is_pruned = false;
};

inline json write_arrival(const Arrival& arrival) {
  json out = json::object();
  out["after"] = arrival.after;
  out["greatest"] = arrival.greatest;
  out["in_order"] = arrival.in_order;
  return out;
}

/// The `data` that a document is stored as.
inline json write_document(Document document) {
  json out = json::object();
  out["arrival"] = write_arrival(document.arrival);
  if (document.is_pruned) {
    out["pruned"] = true;
    return out;
  }
  out["checkpoint"] = std::move(document.checkpoint);
  if (document.parent) {
    out["parent"] = *std::move(document.parent);
  }
  return out;
}

[[noreturn]] inline void throw_corrupted(const char* operation, const std::string& key) {
  throw StorageError(errc::corrupted, operation, key, "what is stored there is no checkpoint");
}

inline Document read_document(const char* operation, Checkpoint record) {
  Document document;
  try {
    const json& arrival = record.data.at("arrival");
    arrival.at("after").get_to(document.arrival.after);
    arrival.at("greatest").get_to(document.arrival.greatest);
    arrival.at("in_order").get_to(document.arrival.in_order);
    document.is_pruned = record.data.contains("pruned");
    if (!document.is_pruned) {
      if (record.data.contains("parent")) {
        document.parent = record.data.at("parent").get<std::string>();
      }
      document.checkpoint = std::move(record.data.at("checkpoint"));
    }
  } catch (const json::exception&) {
    throw_corrupted(operation, record.thread_id);
  }
  json& checkpoint = document.checkpoint;
  if (!document.is_pruned &&
      (!checkpoint.is_object() || !checkpoint["channel_values"].is_object() ||
       !checkpoint["channel_versions"].is_object())) {
    throw_corrupted(operation, record.thread_id);
  }
  document.id = std::move(record.checkpoint_id);
  document.metadata = std::move(record.metadata);
  return document;
}

inline std::vector<Document> read_documents(const char* operation,
                                            std::vector<Checkpoint> records) {
  std::vector<Document> documents;
  documents.reserve(records.size());
  for (Checkpoint& record : records) {
    documents.push_back(read_document(operation, std::move(record)));
  }
  return documents;
}

/// What is known of all documents of a key.
class Standing {
public:
  Standing() = default;

  /// Empty if there is none.
  std::string greatest;
  bool in_order = true;
};

/// What the newest documents, newest first, tell about all; nullopt if they do not suffice. `whole`
/// says that there are no others.
inline std::optional<Standing> standing_of(const std::vector<Document>& newest, bool whole) {
  Standing standing;
  for (std::size_t i = 0; i < newest.size(); ++i) {
    const Document& document = newest[i];
    standing.greatest = std::max(standing.greatest, document.id);
    standing.in_order = standing.in_order && (i == 0 || document.id < newest[i - 1].id);
    if (i + 1 < newest.size() && document.arrival.after == newest[i + 1].id) {
      standing.greatest = std::max(standing.greatest, document.arrival.greatest);
      standing.in_order = standing.in_order && document.arrival.in_order;
      return standing;
    }
  }
  return whole ? std::optional(std::move(standing)) : std::nullopt;
}

/// The document of this id among some; null if it is not.
inline Document* find_document(std::vector<Document>& documents, const std::string& id) {
  const auto found = std::find_if(documents.begin(), documents.end(),
                                  [&](const Document& each) { return each.id == id; });
  return found != documents.end() ? &*found : nullptr;
}

// Channels.

/// Whether `one` comes before `other` as a channel's version: numbers by value, all else as text.
inline bool version_less(const json& one, const json& other) {
  if (one.is_number() && other.is_number()) {
    return one < other;
  }
  const auto text = [](const json& version) {
    return version.is_string() ? version.get<std::string>() : version.dump();
  };
  return text(one) < text(other);
}

/// Whether a document has the channel in this version, be it with a value or empty.
inline bool has_version(const Document& document, const std::string& channel, const json& version) {
  if (document.is_pruned) {
    return false;
  }
  const json& versions = document.checkpoint.at("channel_versions");
  const auto found = versions.find(channel);
  return found != versions.end() && *found == version;
}

/// Moves the channel's value from a document, if it has one there.
inline void take_value(Document& from, const std::string& channel, json& values) {
  json& stored = from.checkpoint.at("channel_values");
  const auto found = stored.find(channel);
  if (found != stored.end()) {
    values[channel] = std::move(*found);
  }
}

inline constexpr auto pending_sends_channel = "__pregel_tasks";

/// What formats before 4 kept as writes of the parent becomes a channel.
inline void add_pending_sends(json& checkpoint, std::vector<PendingWrite> writes_of_parent) {
  json sends = json::array();
  for (PendingWrite& write : writes_of_parent) {
    if (write.channel == pending_sends_channel) {
      sends.push_back(std::move(write.value));
    }
  }
  json& versions = checkpoint["channel_versions"];
  const auto greatest = std::max_element(versions.begin(), versions.end(), version_less);
  json version = 1;
  if (greatest != versions.end()) {
    version = *greatest;
  }
  versions[pending_sends_channel] = std::move(version);
  checkpoint["channel_values"][pending_sends_channel] = std::move(sends);
}

inline bool keeps_sends_as_writes(const json& checkpoint) {
  const auto format = checkpoint.find("v");
  return format != checkpoint.end() && format->is_number() && *format < 4;
}

// Pending writes.

inline std::vector<ChannelWrite> write_writes(std::vector<ChannelWrite> writes,
                                              const std::string& task_path) {
  for (ChannelWrite& write : writes) {
    json stored = json::object();
    stored["value"] = std::move(write.value);
    if (!task_path.empty()) {
      stored["task_path"] = task_path;
    }
    write.value = std::move(stored);
  }
  return writes;
}

/// In LangGraph's order, by task path, then the backend's, by task id and index.
inline std::vector<PendingWrite> read_writes(const char* operation, const std::string& key,
                                             std::vector<PendingWrite> writes) {
  std::vector<std::pair<std::string, PendingWrite>> by_path;
  by_path.reserve(writes.size());
  for (PendingWrite& write : writes) {
    try {
      std::string path = write.value.value("task_path", std::string());
      json value = std::move(write.value.at("value"));
      write.value = std::move(value);
      by_path.emplace_back(std::move(path), std::move(write));
    } catch (const json::exception&) {
      throw_corrupted(operation, key);
    }
  }
  std::sort(by_path.begin(), by_path.end(), [](const auto& one, const auto& other) {
    return std::tie(one.first, one.second.task_id, one.second.index) <
           std::tie(other.first, other.second.task_id, other.second.index);
  });
  std::transform(by_path.begin(), by_path.end(), writes.begin(),
                 [](auto& each) { return std::move(each.second); });
  return writes;
}

} // namespace agentstore::langgraph::detail

#endif
