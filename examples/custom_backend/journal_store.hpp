// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLE_JOURNAL_STORE_HPP
#define EXAMPLE_JOURNAL_STORE_HPP

#include "journal.hpp"

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/offloaded_backend.hpp>
#include <agentstore/authoring/session_update.hpp>

#include <algorithm>
#include <map>

namespace example {

using namespace agentstore;

/// A value is part of a line that is parsed whole, so it stays small: 1 MiB.
inline Limits journal_limits() {
  Limits limits;
  limits.max_value_bytes = std::size_t{1} << 20u;
  return limits;
}

/// What the entries of a journal add up to.
class Tables {
public:
  struct SessionRow {
    Session record;
    std::vector<Message> messages;
    std::optional<json> context;
  };

  using Writes = std::map<std::pair<std::string, std::int64_t>, PendingWrite>;

  struct ThreadRow {
    std::vector<Checkpoint> checkpoints; // by when the id was first stored
    std::map<std::string, std::size_t> place_of;
    std::map<std::string, Writes> writes; // by checkpoint, which may not be there yet
  };

  std::map<std::string, SessionRow> sessions;
  std::map<std::string, ThreadRow> threads;

  /// Every change there is, as it happens and as it is replayed.
  void apply(json entry) {
    const std::string op = text(entry, "op");
    if (op == "create_session") {
      sessions[text(entry, "session_id")].record =
          new_session(text(entry, "session_id"), text(entry, "user_id"),
                      std::move(entry.at("metadata")), time(entry));
    } else if (op == "update_session") {
      SessionRow& row = sessions.at(text(entry, "session_id"));
      json metadata = std::move(row.record.metadata).tree();
      metadata.merge_patch(entry.at("patch"));
      row.record.metadata = std::move(metadata);
      row.record.request_count += entry.at("requests").get<std::uint64_t>();
      row.record.error_count += entry.at("errors").get<std::uint64_t>();
      row.record.total_processing_time +=
          std::chrono::microseconds(entry.at("micros").get<std::int64_t>());
      touch(row.record, time(entry));
    } else if (op == "end_session") {
      SessionRow& row = sessions.at(text(entry, "session_id"));
      row.record.status = text(entry, "status");
      touch(row.record, time(entry));
    } else if (op == "add_conversation_message") {
      SessionRow& row = sessions.at(text(entry, "session_id"));
      Message message;
      message.sequence = row.messages.size() + 1;
      message.role = text(entry, "role");
      message.content = text(entry, "content");
      message.timestamp = time(entry);
      message.metadata = std::move(entry.at("metadata"));
      touch(row.record, message.timestamp);
      row.messages.push_back(std::move(message));
    } else if (op == "store_task_context") {
      sessions.at(text(entry, "session_id")).context = std::move(entry.at("context"));
    } else if (op == "put_checkpoint") {
      apply_checkpoint(entry);
    } else if (op == "put_writes") {
      apply_writes(entry);
    } else if (op == "cleanup_expired_sessions") {
      for (const json& id : entry.at("session_ids")) {
        sessions.erase(id.get<std::string>());
        threads.erase(id.get<std::string>());
      }
    } else {
      throw std::out_of_range("unknown op " + op);
    }
  }

private:
  void apply_checkpoint(json& entry) {
    ThreadRow& thread = threads[text(entry, "thread_id")];
    const auto [place, is_new] =
        thread.place_of.try_emplace(text(entry, "checkpoint_id"), thread.checkpoints.size());
    if (is_new) {
      Checkpoint& added = thread.checkpoints.emplace_back();
      added.thread_id = text(entry, "thread_id");
      added.checkpoint_id = text(entry, "checkpoint_id");
      added.created_at = time(entry);
    }
    Checkpoint& checkpoint = thread.checkpoints[place->second];
    checkpoint.data = std::move(entry.at("data"));
    checkpoint.metadata = std::move(entry.at("metadata"));
  }

  void apply_writes(const json& entry) {
    Writes& stored = threads[text(entry, "thread_id")].writes[text(entry, "checkpoint_id")];
    for (std::size_t position = 0; position < entry.at("writes").size(); ++position) {
      const auto in = entry.at("writes").at(position).get<ChannelWrite>();
      PendingWrite write;
      write.task_id = text(entry, "task_id");
      write.index = write_index(in.channel, position);
      write.channel = in.channel;
      write.value = in.value;
      const auto key = std::make_pair(write.task_id, write.index);
      if (write.index < 0) {
        stored.insert_or_assign(key, std::move(write)); // special channels: the last one stays
      } else {
        stored.try_emplace(key, std::move(write)); // others: the first one stays
      }
    }
  }

  static const std::string& text(const json& entry, const char* name) {
    return entry.at(name).get_ref<const std::string&>();
  }

  static Timestamp time(const json& entry) {
    return Timestamp(std::chrono::microseconds(entry.at("at").get<std::int64_t>()));
  }
};

/// The methods of the contract as plain functions, for one thread, with arguments that have been
/// checked. Open from its construction to its end.
///
/// A write first decides, then appends to the journal what is to happen, and then lets it happen.
class JournalStore {
public:
  JournalStore(const std::filesystem::path& directory, Clock clock)
      : clock_(std::move(clock)), journal_(std::filesystem::absolute(directory)) {
    journal_.replay([this](json entry) { tables_.apply(std::move(entry)); });
  }

  Metrics get_metrics() const {
    Metrics metrics;
    metrics.total_sessions = tables_.sessions.size();
    for (const auto& [id, row] : tables_.sessions) {
      metrics.active_sessions += std::uint64_t{row.record.status == "active"};
      metrics.total_messages += row.messages.size();
    }
    for (const auto& [id, thread] : tables_.threads) {
      metrics.total_checkpoints += thread.checkpoints.size();
    }
    return metrics;
  }

  std::uint64_t cleanup_expired_sessions(std::chrono::microseconds max_idle) {
    const Timestamp now = clock_();
    json expired = json::array();
    for (const auto& [id, row] : tables_.sessions) {
      const Timestamp last = row.record.last_activity;
      if (std::max(now, last) - last >= max_idle) {
        expired.push_back(id);
      }
    }
    if (!expired.empty()) {
      commit("cleanup_expired_sessions", {{"session_ids", expired}});
    }
    return expired.size();
  }

  Session create_session(std::string session_id, std::string user_id, Document metadata) {
    if (tables_.sessions.contains(session_id)) {
      throw StorageError(errc::already_exists, "create_session", session_id, "the session exists");
    }
    commit("create_session", {{"session_id", session_id},
                              {"user_id", std::move(user_id)},
                              {"metadata", std::move(metadata)}});
    return tables_.sessions.at(session_id).record;
  }

  std::optional<Session> get_session(std::string session_id) const {
    const auto* row = find(tables_.sessions, session_id);
    return row == nullptr ? std::nullopt : std::optional(row->record);
  }

  bool update_session(std::string session_id, SessionUpdate update) {
    if (!is_active(session_id)) {
      return false;
    }
    Session updated = tables_.sessions.at(session_id).record;
    apply_update(updated, update, clock_(),
                 journal_limits()); // throws for what the journal must not hold
    const json patch = update.metadata_patch().value_or(json::object());
    commit("update_session", {{"session_id", session_id},
                              {"patch", patch},
                              {"requests", int{update.counts_request()}},
                              {"errors", int{update.counts_error()}},
                              {"micros", update.processing_time().count()}});
    return true;
  }

  bool end_session(std::string session_id, std::string status) {
    if (!is_active(session_id)) {
      return false;
    }
    commit("end_session", {{"session_id", session_id}, {"status", std::move(status)}});
    return true;
  }

  bool add_conversation_message(std::string session_id, std::string role, std::string content,
                                Document metadata) {
    if (!is_active(session_id)) {
      return false;
    }
    commit("add_conversation_message", {{"session_id", session_id},
                                        {"role", std::move(role)},
                                        {"content", std::move(content)},
                                        {"metadata", std::move(metadata)}});
    return true;
  }

  std::vector<Message> get_conversation_history(std::string session_id, std::size_t limit) const {
    const auto* row = find(tables_.sessions, session_id);
    if (row == nullptr) {
      return {};
    }
    return {row->messages.end() - count(limit, row->messages), row->messages.end()};
  }

  std::optional<json> get_task_context(std::string session_id) const {
    const auto* row = find(tables_.sessions, session_id);
    return row == nullptr ? std::nullopt : row->context;
  }

  bool store_task_context(std::string session_id, Document context) {
    if (!is_active(session_id)) {
      return false;
    }
    commit("store_task_context", {{"session_id", session_id}, {"context", std::move(context)}});
    return true;
  }

  bool put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                      Document metadata) {
    commit("put_checkpoint", {{"thread_id", thread_id},
                              {"checkpoint_id", std::move(checkpoint_id)},
                              {"data", std::move(data)},
                              {"metadata", std::move(metadata)}});
    return true;
  }

  std::optional<Checkpoint> get_checkpoint(std::string thread_id,
                                           std::optional<std::string> checkpoint_id) const {
    const auto* thread = find(tables_.threads, thread_id);
    if (thread == nullptr || thread->checkpoints.empty()) {
      return std::nullopt;
    }
    if (!checkpoint_id) {
      return thread->checkpoints.back();
    }
    const auto* place = find(thread->place_of, *checkpoint_id);
    return place == nullptr ? std::nullopt : std::optional(thread->checkpoints[*place]);
  }

  std::vector<Checkpoint> list_checkpoints(std::string thread_id, std::size_t limit) const {
    const auto* thread = find(tables_.threads, thread_id);
    if (thread == nullptr) {
      return {};
    }
    const auto newest = thread->checkpoints.rbegin();
    return {newest, newest + count(limit, thread->checkpoints)};
  }

  bool put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                  std::vector<ChannelWrite> writes) {
    if (!writes.empty()) {
      commit("put_writes", {{"thread_id", thread_id},
                            {"checkpoint_id", std::move(checkpoint_id)},
                            {"task_id", std::move(task_id)},
                            {"writes", std::move(writes)}});
    }
    return true;
  }

  std::vector<PendingWrite> get_writes(std::string thread_id, std::string checkpoint_id) const {
    const auto* thread = find(tables_.threads, thread_id);
    const auto* writes = thread == nullptr ? nullptr : find(thread->writes, checkpoint_id);
    std::vector<PendingWrite> result;
    if (writes != nullptr) {
      for (const auto& [key, write] : *writes) {
        result.push_back(write);
      }
    }
    return result;
  }

private:
  template <class Map>
  static const typename Map::mapped_type* find(const Map& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }

  template <class Items>
  static std::ptrdiff_t count(std::size_t limit, const Items& items) {
    return static_cast<std::ptrdiff_t>(std::min(limit, items.size()));
  }

  bool is_active(const std::string& session_id) const {
    const auto* row = find(tables_.sessions, session_id);
    return row != nullptr && row->record.status == "active";
  }

  void commit(const char* operation, json entry) {
    entry["op"] = operation;
    entry["at"] = clock_().time_since_epoch().count();
    bool appended = false;
    try {
      journal_.append(entry);
      appended = true;
      tables_.apply(std::move(entry));
    } catch (const std::exception& error) {
      if (appended || !journal_.good()) {
        // File and tables may have parted. Nothing is answered until a replay has joined them.
        throw FatalStoreError(error.what());
      }
      throw;
    }
  }

  Clock clock_;
  Journal journal_;
  Tables tables_;
};

} // namespace example

#endif
