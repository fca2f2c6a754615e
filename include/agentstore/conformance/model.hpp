// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MODEL_HPP
#define AGENTSTORE_CONFORMANCE_MODEL_HPP

/// \file
/// The contract as a plain sequential program, to hold a backend's answers against.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_reader.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agentstore::conformance {

/// What a store must answer when calls come one after the other.
///
/// Written from the rules alone: it shares no code with any backend, and prefers the obvious to the
/// fast. Copies are independent. It leaves open what the contract leaves open: times and versions
/// of its records are those of their type's default constructor, sequences count from 1.
///
/// Ids and texts are taken to be UTF-8 and values to be small; that much of KEY and VAL is for
/// rules of its own. All else that is `invalid_argument` is so here.
class Model {
public:
  /// A store, open and empty. Without sessions, conversations and contexts begin by themselves.
  explicit Model(bool knows_sessions = true) : knows_sessions_(knows_sessions) {}

  // ISessionStorage
  Session create_session(const std::string& session_id, const std::string& user_id,
                         const json& metadata);
  std::optional<Session> get_session(const std::string& session_id) const;
  bool update_session(const std::string& session_id, const SessionUpdate& update);
  bool end_session(const std::string& session_id, const std::string& status);

  // IConversationStorage
  bool add_conversation_message(const std::string& session_id, const std::string& role,
                                const std::string& content, const json& metadata);
  std::vector<Message> get_conversation_history(const std::string& session_id,
                                                std::size_t limit) const;

  // ICheckpointStorage and ICheckpointerBackend
  bool store_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                        const json& data, const json& metadata);
  std::optional<Checkpoint> get_checkpoint(const std::string& thread_id,
                                           const std::optional<std::string>& checkpoint_id) const;
  std::vector<Checkpoint> list_checkpoints(const std::string& thread_id, std::size_t limit) const;
  bool put_writes(const std::string& thread_id, const std::string& checkpoint_id,
                  const std::string& task_id, const std::vector<ChannelWrite>& writes);
  std::vector<PendingWrite> get_writes(const std::string& thread_id,
                                       const std::string& checkpoint_id) const;

  // ITaskContextStorage
  std::optional<json> get_task_context(const std::string& session_id) const;
  bool store_task_context(const std::string& session_id, const json& context);

  // IStorageBackend
  bool initialize();
  void close();
  Health health_check() const;
  Metrics get_metrics() const;
  std::uint64_t cleanup_expired_sessions(std::chrono::microseconds max_idle);

  // IPermanentStorageBackend and IArchiveReader
  bool append_session_event(const std::string& session_id, const std::string& user_id,
                            const std::string& event_type, const json& payload,
                            std::optional<Timestamp> created_at);
  bool append_conversation_message(const std::string& session_id, const std::string& role,
                                   const std::string& content, const json& metadata,
                                   std::optional<Timestamp> created_at);
  bool append_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                         const json& data, const json& metadata,
                         std::optional<Timestamp> created_at);
  bool append_checkpoint_writes(const std::string& thread_id, const std::string& checkpoint_id,
                                const std::string& task_id, const std::vector<ChannelWrite>& writes,
                                std::optional<Timestamp> created_at);
  bool append_conversation_session(const std::string& session_key, const json& session_data,
                                   std::optional<Timestamp> created_at);
  bool append_task_context_snapshot(const std::string& session_id, const json& context_data,
                                    std::optional<Timestamp> created_at);
  std::vector<ArchiveRecord> read_archive(ArchiveKind kind, const std::string& key) const;

  /// The store's clock; it stands still until it is set.
  void set_clock(Timestamp now) { now_ = now; }

  /// Whether the contract says which sessions a clean-up removes. It does not where a session's
  /// last activity may or may not have been moved, as by its end, and that decides.
  bool decides_cleanup(std::chrono::microseconds max_idle) const;

  bool is_open() const { return is_open_; }
  bool has_session(const std::string& session_id) const {
    return sessions_.find(session_id) != sessions_.end();
  }
  /// Whether messages and contexts of the id can be stored now.
  bool is_writable(const std::string& session_id) const;

  /// All that is in the store, in one text: equal if and only if the stores are.
  std::string fingerprint() const;

private:
  struct Entry {
    Session record;
    // The last activity lies between these two.
    Timestamp earliest;
    Timestamp latest;
  };
  struct Thread {
    std::vector<Checkpoint> checkpoints; // by when the id was first stored
    std::map<std::string, std::vector<PendingWrite>> writes;
  };

  static void require(bool valid, const char* operation, const std::string& key);
  static bool is_id(const std::string& id);
  static json merged(json target, const json& patch);
  static std::int64_t index_of(const ChannelWrite& write, std::size_t position);
  static bool all_named(const std::vector<ChannelWrite>& writes);
  void require_open(const char* operation, const std::string& key) const;
  Entry* active(const std::string& session_id);
  void touch(Entry& entry) const;
  void perhaps_touch(Entry& entry) const;
  std::chrono::microseconds idle_since(Timestamp last) const;
  bool archive(bool valid, ArchiveKind kind, const char* key_name, const std::string& key,
               json fields, std::optional<Timestamp> created_at);

  bool knows_sessions_;
  bool is_open_ = true;
  Timestamp now_;
  std::map<std::string, Entry> sessions_;
  std::map<std::string, std::vector<Message>> conversations_;
  std::map<std::string, json> contexts_;
  std::map<std::string, Thread> threads_;
  std::map<std::pair<ArchiveKind, std::string>, std::vector<ArchiveRecord>> archive_;
};

// Only machinery below this line.

inline void Model::require(bool valid, const char* operation, const std::string& key) {
  if (!valid) {
    throw StorageError(errc::invalid_argument, operation, key);
  }
}

inline void Model::require_open(const char* operation, const std::string& key) const {
  if (!is_open_) {
    throw StorageError(errc::closed, operation, key);
  }
}

inline bool Model::is_id(const std::string& id) {
  return !id.empty() && id.size() <= 1024 && id.find('\0') == std::string::npos;
}

inline bool Model::all_named(const std::vector<ChannelWrite>& writes) {
  for (const ChannelWrite& write : writes) {
    if (write.channel.empty()) {
      return false;
    }
  }
  return true;
}

/// RFC 7386, word by word.
inline json Model::merged(json target, const json& patch) {
  if (!patch.is_object()) {
    return patch;
  }
  if (!target.is_object()) {
    target = json::object();
  }
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      target.erase(name);
    } else {
      json old = target.contains(name) ? target[name] : json();
      target[name] = merged(std::move(old), value);
    }
  }
  return target;
}

inline Model::Entry* Model::active(const std::string& session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end() || found->second.record.status != "active") {
    return nullptr;
  }
  return &found->second;
}

inline bool Model::is_writable(const std::string& session_id) const {
  const auto found = sessions_.find(session_id);
  return !knows_sessions_ || (found != sessions_.end() && found->second.record.status == "active");
}

inline void Model::touch(Entry& entry) const {
  entry.earliest = std::max(entry.earliest, now_);
  entry.latest = std::max(entry.latest, now_);
}

inline void Model::perhaps_touch(Entry& entry) const {
  entry.latest = std::max(entry.latest, now_);
}

inline std::chrono::microseconds Model::idle_since(Timestamp last) const {
  return now_ > last ? now_ - last : std::chrono::microseconds(0);
}

inline Session Model::create_session(const std::string& session_id, const std::string& user_id,
                                     const json& metadata) {
  require(is_id(session_id) && is_id(user_id) && metadata.is_object(), "create_session",
          session_id);
  require_open("create_session", session_id);
  if (has_session(session_id)) {
    throw StorageError(errc::already_exists, "create_session", session_id);
  }
  Entry& entry = sessions_[session_id];
  entry.record.session_id = session_id;
  entry.record.user_id = user_id;
  entry.record.metadata = metadata;
  entry.earliest = now_;
  entry.latest = now_;
  return entry.record;
}

inline std::optional<Session> Model::get_session(const std::string& session_id) const {
  require(is_id(session_id), "get_session", session_id);
  require_open("get_session", session_id);
  if (!has_session(session_id)) {
    return std::nullopt;
  }
  return sessions_.at(session_id).record;
}

inline bool Model::update_session(const std::string& session_id, const SessionUpdate& update) {
  const bool is_object = !update.metadata_patch() || update.metadata_patch()->is_object();
  require(is_id(session_id) && is_object && update.processing_time().count() >= 0, "update_session",
          session_id);
  require_open("update_session", session_id);
  Entry* const entry = active(session_id);
  if (entry == nullptr) {
    return false;
  }
  Session changed = entry->record;
  if (changed.total_processing_time > std::chrono::microseconds::max() - update.processing_time()) {
    throw StorageError(errc::invalid_argument, "update_session", session_id);
  }
  changed.total_processing_time += update.processing_time();
  if (update.metadata_patch()) {
    changed.metadata = merged(changed.metadata, *update.metadata_patch());
  }
  if (update.counts_request()) {
    ++changed.request_count;
  }
  if (update.counts_error()) {
    ++changed.error_count;
  }
  if (changed == entry->record) {
    perhaps_touch(*entry);
  } else {
    touch(*entry);
  }
  entry->record = changed;
  return true;
}

inline bool Model::end_session(const std::string& session_id, const std::string& status) {
  require(is_id(session_id) && !status.empty() && status != "active", "end_session", session_id);
  require_open("end_session", session_id);
  Entry* const entry = active(session_id);
  if (entry == nullptr) {
    return false;
  }
  entry->record.status = status;
  perhaps_touch(*entry);
  return true;
}

inline bool Model::add_conversation_message(const std::string& session_id, const std::string& role,
                                            const std::string& content, const json& metadata) {
  require(is_id(session_id) && !role.empty() && metadata.is_object(), "add_conversation_message",
          session_id);
  require_open("add_conversation_message", session_id);
  if (!is_writable(session_id)) {
    return false;
  }
  std::vector<Message>& messages = conversations_[session_id];
  Message message;
  message.sequence = messages.size() + 1;
  message.role = role;
  message.content = content;
  message.metadata = metadata;
  messages.push_back(message);
  if (knows_sessions_) {
    touch(sessions_.at(session_id));
  }
  return true;
}

inline std::vector<Message> Model::get_conversation_history(const std::string& session_id,
                                                            std::size_t limit) const {
  require(is_id(session_id), "get_conversation_history", session_id);
  require_open("get_conversation_history", session_id);
  std::vector<Message> result;
  const auto found = conversations_.find(session_id);
  if (found != conversations_.end()) {
    const std::size_t size = found->second.size();
    for (std::size_t i = size > limit ? size - limit : 0; i < size; ++i) {
      result.push_back(found->second[i]);
    }
  }
  return result;
}

inline bool Model::store_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                                    const json& data, const json& metadata) {
  require(is_id(thread_id) && is_id(checkpoint_id) && metadata.is_object(), "store_checkpoint",
          thread_id);
  require_open("store_checkpoint", thread_id);
  std::vector<Checkpoint>& checkpoints = threads_[thread_id].checkpoints;
  for (Checkpoint& stored : checkpoints) {
    if (stored.checkpoint_id == checkpoint_id) {
      stored.data = data;
      stored.metadata = metadata;
      return true;
    }
  }
  Checkpoint checkpoint;
  checkpoint.thread_id = thread_id;
  checkpoint.checkpoint_id = checkpoint_id;
  checkpoint.data = data;
  checkpoint.metadata = metadata;
  checkpoints.push_back(checkpoint);
  return true;
}

inline std::optional<Checkpoint>
Model::get_checkpoint(const std::string& thread_id,
                      const std::optional<std::string>& checkpoint_id) const {
  require(is_id(thread_id) && (!checkpoint_id || is_id(*checkpoint_id)), "get_checkpoint",
          thread_id);
  require_open("get_checkpoint", thread_id);
  std::optional<Checkpoint> result;
  const auto found = threads_.find(thread_id);
  if (found != threads_.end()) {
    for (const Checkpoint& stored : found->second.checkpoints) {
      if (!checkpoint_id || stored.checkpoint_id == *checkpoint_id) {
        result = stored; // without an id, the last one stays
      }
    }
  }
  return result;
}

inline std::vector<Checkpoint> Model::list_checkpoints(const std::string& thread_id,
                                                       std::size_t limit) const {
  require(is_id(thread_id), "list_checkpoints", thread_id);
  require_open("list_checkpoints", thread_id);
  std::vector<Checkpoint> result;
  const auto found = threads_.find(thread_id);
  if (found != threads_.end()) {
    result.assign(found->second.checkpoints.rbegin(), found->second.checkpoints.rend());
  }
  if (result.size() > limit) {
    result.resize(limit);
  }
  return result;
}

inline std::int64_t Model::index_of(const ChannelWrite& write, std::size_t position) {
  static const std::map<std::string, std::int64_t> special = {
      {"__error__", -1}, {"__scheduled__", -2}, {"__interrupt__", -3}, {"__resume__", -4}};
  const auto found = special.find(write.channel);
  return found != special.end() ? found->second : static_cast<std::int64_t>(position);
}

inline bool Model::put_writes(const std::string& thread_id, const std::string& checkpoint_id,
                              const std::string& task_id, const std::vector<ChannelWrite>& writes) {
  require(is_id(thread_id) && is_id(checkpoint_id) && is_id(task_id) && all_named(writes),
          "put_writes", thread_id);
  require_open("put_writes", thread_id);
  for (std::size_t position = 0; position < writes.size(); ++position) {
    std::vector<PendingWrite>& stored = threads_[thread_id].writes[checkpoint_id];
    PendingWrite write;
    write.task_id = task_id;
    write.index = index_of(writes[position], position);
    write.channel = writes[position].channel;
    write.value = writes[position].value;
    const auto same = std::find_if(stored.begin(), stored.end(), [&](const PendingWrite& other) {
      return other.task_id == write.task_id && other.index == write.index;
    });
    if (same == stored.end()) {
      stored.push_back(write);
    } else if (write.index < 0) {
      *same = write;
    }
  }
  return true;
}

inline std::vector<PendingWrite> Model::get_writes(const std::string& thread_id,
                                                   const std::string& checkpoint_id) const {
  require(is_id(thread_id) && is_id(checkpoint_id), "get_writes", thread_id);
  require_open("get_writes", thread_id);
  std::vector<PendingWrite> result;
  const auto thread = threads_.find(thread_id);
  if (thread != threads_.end()) {
    const auto writes = thread->second.writes.find(checkpoint_id);
    if (writes != thread->second.writes.end()) {
      result = writes->second;
    }
  }
  std::sort(result.begin(), result.end(), [](const PendingWrite& a, const PendingWrite& b) {
    return a.task_id != b.task_id ? a.task_id < b.task_id : a.index < b.index;
  });
  return result;
}

inline std::optional<json> Model::get_task_context(const std::string& session_id) const {
  require(is_id(session_id), "get_task_context", session_id);
  require_open("get_task_context", session_id);
  const auto found = contexts_.find(session_id);
  if (found == contexts_.end()) {
    return std::nullopt;
  }
  return found->second;
}

inline bool Model::store_task_context(const std::string& session_id, const json& context) {
  require(is_id(session_id), "store_task_context", session_id);
  require_open("store_task_context", session_id);
  if (!is_writable(session_id)) {
    return false;
  }
  contexts_[session_id] = context;
  if (knows_sessions_) {
    perhaps_touch(sessions_.at(session_id));
  }
  return true;
}

inline bool Model::initialize() {
  is_open_ = true;
  return true;
}

inline void Model::close() {
  is_open_ = false;
}

inline Health Model::health_check() const {
  Health health;
  health.status = is_open_ ? Health::Status::healthy : Health::Status::unhealthy;
  if (!is_open_) {
    health.issues.emplace_back("closed");
  }
  return health;
}

inline Metrics Model::get_metrics() const {
  require_open("get_metrics", "");
  Metrics metrics;
  metrics.total_sessions = sessions_.size();
  for (const auto& [id, entry] : sessions_) {
    metrics.active_sessions += entry.record.status == "active" ? 1u : 0u;
  }
  for (const auto& [id, messages] : conversations_) {
    metrics.total_messages += messages.size();
  }
  for (const auto& [id, thread] : threads_) {
    metrics.total_checkpoints += thread.checkpoints.size();
  }
  return metrics;
}

inline bool Model::decides_cleanup(std::chrono::microseconds max_idle) const {
  for (const auto& [id, entry] : sessions_) {
    if ((idle_since(entry.earliest) >= max_idle) != (idle_since(entry.latest) >= max_idle)) {
      return false;
    }
  }
  return true;
}

inline std::uint64_t Model::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  require(max_idle.count() >= 0, "cleanup_expired_sessions", "");
  require_open("cleanup_expired_sessions", "");
  std::vector<std::string> expired;
  for (const auto& [id, entry] : sessions_) {
    if (idle_since(entry.latest) >= max_idle) {
      expired.push_back(id);
    }
  }
  for (const std::string& id : expired) {
    sessions_.erase(id);
    conversations_.erase(id);
    contexts_.erase(id);
    threads_.erase(id);
  }
  return expired.size();
}

inline bool Model::archive(bool valid, ArchiveKind kind, const char* key_name,
                           const std::string& key, json fields,
                           std::optional<Timestamp> created_at) {
  if (!valid || !is_id(key) || !is_open_) {
    return false;
  }
  std::vector<ArchiveRecord>& records = archive_[std::make_pair(kind, key)];
  ArchiveRecord record;
  record.kind = kind;
  record.sequence = records.size() + 1;
  record.created_at = created_at.value_or(Timestamp());
  record.fields = std::move(fields);
  record.fields[key_name] = key;
  records.push_back(record);
  return true;
}

inline bool Model::append_session_event(const std::string& session_id, const std::string& user_id,
                                        const std::string& event_type, const json& payload,
                                        std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["user_id"] = user_id;
  fields["event_type"] = event_type;
  fields["payload"] = payload;
  return archive(is_id(user_id) && !event_type.empty(), ArchiveKind::session_event, "session_id",
                 session_id, std::move(fields), created_at);
}

inline bool Model::append_conversation_message(const std::string& session_id,
                                               const std::string& role, const std::string& content,
                                               const json& metadata,
                                               std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["role"] = role;
  fields["content"] = content;
  fields["metadata"] = metadata;
  return archive(!role.empty() && metadata.is_object(), ArchiveKind::conversation_message,
                 "session_id", session_id, std::move(fields), created_at);
}

inline bool Model::append_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                                     const json& data, const json& metadata,
                                     std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["checkpoint_id"] = checkpoint_id;
  fields["data"] = data;
  fields["metadata"] = metadata;
  return archive(is_id(checkpoint_id) && metadata.is_object(), ArchiveKind::checkpoint, "thread_id",
                 thread_id, std::move(fields), created_at);
}

inline bool Model::append_checkpoint_writes(const std::string& thread_id,
                                            const std::string& checkpoint_id,
                                            const std::string& task_id,
                                            const std::vector<ChannelWrite>& writes,
                                            std::optional<Timestamp> created_at) {
  json pairs = json::array();
  for (const ChannelWrite& write : writes) {
    json pair = json::array();
    pair.push_back(write.channel);
    pair.push_back(write.value);
    pairs.push_back(std::move(pair));
  }
  json fields = json::object();
  fields["checkpoint_id"] = checkpoint_id;
  fields["task_id"] = task_id;
  fields["writes"] = std::move(pairs);
  return archive(is_id(checkpoint_id) && is_id(task_id) && all_named(writes),
                 ArchiveKind::checkpoint_writes, "thread_id", thread_id, std::move(fields),
                 created_at);
}

inline bool Model::append_conversation_session(const std::string& session_key,
                                               const json& session_data,
                                               std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["session_data"] = session_data;
  return archive(true, ArchiveKind::conversation_session, "session_key", session_key,
                 std::move(fields), created_at);
}

inline bool Model::append_task_context_snapshot(const std::string& session_id,
                                                const json& context_data,
                                                std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["context_data"] = context_data;
  return archive(true, ArchiveKind::task_context_snapshot, "session_id", session_id,
                 std::move(fields), created_at);
}

inline std::vector<ArchiveRecord> Model::read_archive(ArchiveKind kind,
                                                      const std::string& key) const {
  require(is_id(key), "read_archive", key);
  require_open("read_archive", key);
  const auto found = archive_.find(std::make_pair(kind, key));
  return found != archive_.end() ? found->second : std::vector<ArchiveRecord>();
}

inline std::string Model::fingerprint() const {
  json all = json::array();
  all.push_back(is_open_);
  all.push_back(now_.time_since_epoch().count());
  for (const auto& [id, entry] : sessions_) {
    json session = entry.record;
    session["microseconds"] = entry.record.total_processing_time.count();
    session["earliest"] = entry.earliest.time_since_epoch().count();
    session["latest"] = entry.latest.time_since_epoch().count();
    all.push_back(std::move(session));
  }
  all.push_back("conversations");
  for (const auto& [id, messages] : conversations_) {
    all.push_back(id);
    all.push_back(messages);
  }
  all.push_back("contexts");
  for (const auto& [id, context] : contexts_) {
    all.push_back(id);
    all.push_back(context);
  }
  all.push_back("threads");
  for (const auto& [id, thread] : threads_) {
    all.push_back(id);
    all.push_back(thread.checkpoints);
    for (const auto& [checkpoint, writes] : thread.writes) {
      all.push_back(checkpoint);
      all.push_back(writes);
    }
  }
  all.push_back("archive");
  for (const auto& [key, records] : archive_) {
    all.push_back(static_cast<int>(key.first));
    all.push_back(key.second);
    for (const ArchiveRecord& record : records) {
      all.push_back(record.created_at.time_since_epoch().count());
      all.push_back(record.fields);
    }
  }
  return all.dump();
}

} // namespace agentstore::conformance

#endif
