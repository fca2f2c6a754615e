// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_STORED_CHECKPOINT_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_STORED_CHECKPOINT_HPP

// Checkpoints and pending writes as they stand in the backend.
//
// A record's `data` is LangGraph's checkpoint itself, so that it passes through as it came. What
// the checkpointer adds stands beside LangGraph's metadata, which is small:
//
//     {"metadata": {...}, "notes": {"after": "...", "greatest": "...", "in_order": true,
//                                   "parent": "...", "has_sends": true, "pruned": true}}
//
// order.hpp explains the first three. The others are members of StoredCheckpoint, and are written
// if they apply.

#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/detail/langgraph/order.hpp>
#include <agentstore/document_part.hpp>

#include <algorithm>
#include <tuple>

namespace agentstore::langgraph::detail {

class StoredCheckpoint {
public:
  StoredCheckpoint() = default;

  std::string id;
  /// Null if it is pruned.
  Document checkpoint;
  Document metadata = Document::object();
  std::optional<std::string> parent;
  OrderNote order;
  /// Whether pending sends, as formats before 4 have them, are writes of the parent.
  bool has_sends = false;
  /// Only its place in the order is left.
  bool is_pruned = false;
};

/// The `metadata` of the record.
inline Document write_metadata(StoredCheckpoint& stored) {
  json notes = json::object();
  notes["after"] = std::move(stored.order.after);
  notes["greatest"] = std::move(stored.order.until_after.greatest);
  notes["in_order"] = stored.order.until_after.in_order;
  if (stored.parent) {
    notes["parent"] = *std::move(stored.parent);
  }
  if (stored.has_sends) {
    notes["has_sends"] = true;
  }
  if (stored.is_pruned) {
    notes["pruned"] = true;
  }
  std::vector<std::pair<std::string, Document>> members;
  members.emplace_back("metadata", std::move(stored.metadata));
  members.emplace_back("notes", std::move(notes));
  return make_object(std::move(members));
}

[[noreturn]] inline void throw_corrupted(const char* operation, const std::string& key) {
  throw StorageError(errc::corrupted, operation, key, "what is stored there is no checkpoint");
}

/// False if the value holds no such notes.
inline bool read_notes(const DocumentPart& notes, StoredCheckpoint& stored) {
  std::optional<std::string> after;
  std::optional<std::string> greatest;
  std::optional<json> in_order;
  for (const auto& [name, note] : notes.members()) {
    if (name == "in_order") {
      in_order = note.tree();
    } else if (name == "after" || name == "greatest" || name == "parent") {
      if (!note.is_string()) {
        return false;
      }
      (name == "after" ? after : name == "parent" ? stored.parent : greatest) = note.string();
    } else {
      stored.has_sends = stored.has_sends || name == "has_sends";
      stored.is_pruned = stored.is_pruned || name == "pruned";
    }
  }
  if (!after || !greatest || !in_order || !in_order->is_boolean()) {
    return false;
  }
  stored.order =
      OrderNote(*std::move(after), OrderSummary(*std::move(greatest), *in_order == true));
  return true;
}

inline StoredCheckpoint read_stored(const char* operation, Checkpoint record) {
  StoredCheckpoint stored;
  const DocumentPart whole(record.metadata);
  const auto metadata = whole.find("metadata");
  const auto notes = whole.find("notes");
  if (!metadata || !metadata->is_object() || !notes || !read_notes(*notes, stored)) {
    throw_corrupted(operation, record.thread_id);
  }
  if (!stored.is_pruned && !record.data.is_object()) {
    throw_corrupted(operation, record.thread_id);
  }
  stored.id = std::move(record.checkpoint_id);
  stored.checkpoint = std::move(record.data);
  stored.metadata = metadata->document();
  return stored;
}

inline std::vector<StoredCheckpoint> read_stored(const char* operation,
                                                 std::vector<Checkpoint> records) {
  std::vector<StoredCheckpoint> all;
  all.reserve(records.size());
  for (Checkpoint& record : records) {
    all.push_back(read_stored(operation, std::move(record)));
  }
  return all;
}

/// Each value becomes `{"value": ...}`, with the task path beside it if there is one.
inline std::vector<ChannelWrite> write_writes(std::vector<ChannelWrite> writes,
                                              const std::string& task_path) {
  for (ChannelWrite& write : writes) {
    std::vector<std::pair<std::string, Document>> members;
    if (!task_path.empty()) {
      members.emplace_back("task_path", task_path);
    }
    members.emplace_back("value", std::move(write.value));
    write.value = make_object(std::move(members));
  }
  return writes;
}

/// In LangGraph's order, by task path, then the backend's, by task id and index.
inline std::vector<PendingWrite> read_writes(const char* operation, const std::string& key,
                                             std::vector<PendingWrite> writes) {
  std::vector<std::pair<std::string, PendingWrite>> by_path;
  by_path.reserve(writes.size());
  for (PendingWrite& write : writes) {
    const DocumentPart stored(write.value);
    const auto value = stored.find("value");
    const auto path = stored.find("task_path");
    if (!value || (path && !path->is_string())) {
      throw_corrupted(operation, key);
    }
    std::string task_path = path ? path->string() : std::string();
    write.value = value->document();
    by_path.emplace_back(std::move(task_path), std::move(write));
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
