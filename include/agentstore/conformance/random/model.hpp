// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RANDOM_MODEL_HPP
#define AGENTSTORE_CONFORMANCE_RANDOM_MODEL_HPP

/// \file
/// The contract as a plain sequential program, to hold a backend's answers against.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/capabilities/thread_directory.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agentstore::conformance {

/// What a store must answer when calls come one after the other.
///
/// Written from the rules alone: it shares no code with any backend, and prefers the obvious to the
/// fast. Copies are independent. The model leaves open what the contract leaves open. The times and
/// versions of its records are those of a default-constructed record, and sequences count from 1.
///
/// The model takes ids and texts to be UTF-8, and values to be small, because rules of their own
/// check that part of KEY and VAL. It refuses everything else that is `invalid_argument`.
class Model {
public:
  /// A store, open and empty. Without sessions, conversations and contexts begin by themselves.
  explicit Model(bool knows_sessions = true) : knows_sessions_(knows_sessions) {}

  // ISessionStorage
  Session create_session(const std::string& session_id, const std::string& user_id,
                         const Document& metadata);
  std::optional<Session> get_session(const std::string& session_id) const;
  bool update_session(const std::string& session_id, const SessionUpdate& update);
  bool end_session(const std::string& session_id, const std::string& status);

  // IConversationStorage
  bool add_conversation_message(const std::string& session_id, const std::string& role,
                                const std::string& content, const Document& metadata);
  std::vector<Message> get_conversation_history(const std::string& session_id,
                                                std::size_t limit) const;

  // ICheckpointStorage and ICheckpointerBackend
  bool store_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                        const Document& data, const Document& metadata);
  std::optional<Checkpoint> get_checkpoint(const std::string& thread_id,
                                           const std::optional<std::string>& checkpoint_id) const;
  std::vector<Checkpoint> list_checkpoints(const std::string& thread_id, std::size_t limit) const;
  bool put_writes(const std::string& thread_id, const std::string& checkpoint_id,
                  const std::string& task_id, const std::vector<ChannelWrite>& writes);
  std::vector<PendingWrite> get_writes(const std::string& thread_id,
                                       const std::string& checkpoint_id) const;

  // ITaskContextStorage
  std::optional<json> get_task_context(const std::string& session_id) const;
  bool store_task_context(const std::string& session_id, const Document& context);

  // ISessionDirectory and IThreadDirectory. A list is whole, with its pages one after the other. A
  // list of sessions is in the order of their ids, because the model leaves times open.
  std::vector<Session> list_sessions(const std::string& user_id, std::size_t page_size) const;
  bool delete_session(const std::string& session_id);
  std::vector<std::string> list_threads(const std::string& prefix, std::size_t page_size) const;
  bool delete_thread(const std::string& thread_id);
  bool copy_thread(const std::string& source, const std::string& target);
  std::uint64_t prune_thread(const std::string& thread_id, std::size_t keep);
  std::vector<Checkpoint> list_checkpoints_before(const std::string& thread_id,
                                                  const std::string& checkpoint_id,
                                                  std::size_t limit) const;
  ThreadHead get_thread_head(const std::string& thread_id, std::size_t limit) const;

  // IStorageBackend
  bool initialize();
  void close();
  Health health_check() const;
  Metrics get_metrics() const;
  std::uint64_t cleanup_expired_sessions(std::chrono::microseconds max_idle);

  // IPermanentStorageBackend and IArchiveReader
  bool append_session_event(const std::string& session_id, const std::string& user_id,
                            const std::string& event_type, const Document& payload,
                            std::optional<Timestamp> created_at);
  bool append_conversation_message(const std::string& session_id, const std::string& role,
                                   const std::string& content, const Document& metadata,
                                   std::optional<Timestamp> created_at);
  bool append_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                         const Document& data, const Document& metadata,
                         std::optional<Timestamp> created_at);
  bool append_checkpoint_writes(const std::string& thread_id, const std::string& checkpoint_id,
                                const std::string& task_id, const std::vector<ChannelWrite>& writes,
                                std::optional<Timestamp> created_at);
  bool append_conversation_session(const std::string& session_key, const Document& session_data,
                                   std::optional<Timestamp> created_at);
  bool append_task_context_snapshot(const std::string& session_id, const Document& context_data,
                                    std::optional<Timestamp> created_at);
  std::vector<ArchiveRecord> read_archive(ArchiveKind kind, const std::string& key) const;

  /// The store's clock; it stands still until it is set.
  void set_clock(Timestamp now) { now_ = now; }

  /// Whether the contract says which sessions a clean-up removes. It does not if a call such as the
  /// end of a session may or may not have moved its last activity, and the result depends on that.
  bool decides_cleanup(std::chrono::microseconds max_idle) const;

  bool is_open() const { return is_open_; }
  bool has_session(const std::string& session_id) const {
    return at(session_id).session.has_value();
  }
  /// Whether messages and contexts of the id can be stored now.
  bool is_writable(const std::string& session_id) const;

  /// The content of the store in one text. Two texts are equal if and only if the stores are.
  std::string fingerprint() const;

private:
  class WriteOf {
  public:
    std::string checkpoint_id;
    PendingWrite write;
  };

  /// All that belongs to one id: a session with its data, and the thread of its name.
  class Place {
  public:
    std::optional<Session> session;
    // The session's last activity lies between these two times.
    Timestamp earliest;
    Timestamp latest;
    std::vector<Message> messages;
    std::optional<json> context;
    std::vector<Checkpoint> checkpoints; // by when the id was first stored
    std::vector<WriteOf> writes;         // by task and index

    bool is_active() const { return session && session->status == "active"; }
    bool is_thread() const { return !checkpoints.empty() || !writes.empty(); }
  };

  static void require(bool valid, const char* operation, const std::string& key);
  static bool is_id(const std::string& id);
  static json merged(json target, const json& patch);
  static std::int64_t index_of(const ChannelWrite& write, std::size_t position);
  static bool all_named(const std::vector<ChannelWrite>& writes);
  static bool is_before(const PendingWrite& a, const PendingWrite& b);
  static void put_write(std::vector<WriteOf>& writes, const WriteOf& added);
  void require_open(const char* operation, const std::string& key) const;
  const Place& at(const std::string& id) const;
  void touch(Place& place) const;
  void perhaps_touch(Place& place) const;
  std::chrono::microseconds idle_since(Timestamp last) const;
  bool archive(bool valid, ArchiveKind kind, const char* key_name, const std::string& key,
               json fields, std::optional<Timestamp> created_at);

  bool knows_sessions_;
  bool is_open_ = true;
  Timestamp now_;
  std::map<std::string, Place> places_;
  std::vector<ArchiveRecord> archive_;
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

/// An unknown id gets an empty place. The empty place is never destroyed, because a check that
/// hangs may outlive the program's statics.
inline const Model::Place& Model::at(const std::string& id) const {
  static const auto* const nothing = new Place();
  const auto found = places_.find(id);
  return found != places_.end() ? found->second : *nothing;
}

inline bool Model::is_writable(const std::string& session_id) const {
  return !knows_sessions_ || at(session_id).is_active();
}

inline void Model::touch(Place& place) const {
  place.earliest = std::max(place.earliest, now_);
  place.latest = std::max(place.latest, now_);
}

inline void Model::perhaps_touch(Place& place) const {
  place.latest = std::max(place.latest, now_);
}

inline std::chrono::microseconds Model::idle_since(Timestamp last) const {
  return now_ > last ? now_ - last : std::chrono::microseconds(0);
}

inline Session Model::create_session(const std::string& session_id, const std::string& user_id,
                                     const Document& metadata) {
  require(is_id(session_id) && is_id(user_id) && metadata.is_object(), "create_session",
          session_id);
  require_open("create_session", session_id);
  if (has_session(session_id)) {
    throw StorageError(errc::already_exists, "create_session", session_id);
  }
  Session session;
  session.session_id = session_id;
  session.user_id = user_id;
  session.metadata = metadata;
  Place& place = places_[session_id];
  place.session = session;
  place.earliest = now_;
  place.latest = now_;
  return session;
}

inline std::optional<Session> Model::get_session(const std::string& session_id) const {
  require(is_id(session_id), "get_session", session_id);
  require_open("get_session", session_id);
  return at(session_id).session;
}

inline bool Model::update_session(const std::string& session_id, const SessionUpdate& update) {
  const bool is_object = !update.metadata_patch() || update.metadata_patch()->is_object();
  require(is_id(session_id) && is_object && update.processing_time().count() >= 0, "update_session",
          session_id);
  require_open("update_session", session_id);
  if (!at(session_id).is_active()) {
    return false;
  }
  Place& place = places_[session_id];
  Session changed = *place.session;
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
  if (changed == *place.session) {
    perhaps_touch(place);
  } else {
    touch(place);
  }
  place.session = changed;
  return true;
}

inline bool Model::end_session(const std::string& session_id, const std::string& status) {
  require(is_id(session_id) && !status.empty() && status != "active", "end_session", session_id);
  require_open("end_session", session_id);
  if (!at(session_id).is_active()) {
    return false;
  }
  Place& place = places_[session_id];
  place.session->status = status;
  perhaps_touch(place);
  return true;
}

inline bool Model::add_conversation_message(const std::string& session_id, const std::string& role,
                                            const std::string& content, const Document& metadata) {
  require(is_id(session_id) && !role.empty() && metadata.is_object(), "add_conversation_message",
          session_id);
  require_open("add_conversation_message", session_id);
  if (!is_writable(session_id)) {
    return false;
  }
  Place& place = places_[session_id];
  Message message;
  message.sequence = place.messages.size() + 1;
  message.role = role;
  message.content = content;
  message.metadata = metadata;
  place.messages.push_back(message);
  touch(place);
  return true;
}

inline std::vector<Message> Model::get_conversation_history(const std::string& session_id,
                                                            std::size_t limit) const {
  require(is_id(session_id), "get_conversation_history", session_id);
  require_open("get_conversation_history", session_id);
  std::vector<Message> result;
  const std::vector<Message>& all = at(session_id).messages;
  for (std::size_t i = all.size() > limit ? all.size() - limit : 0; i < all.size(); ++i) {
    result.push_back(all[i]);
  }
  return result;
}

inline bool Model::store_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                                    const Document& data, const Document& metadata) {
  require(is_id(thread_id) && is_id(checkpoint_id) && metadata.is_object(), "store_checkpoint",
          thread_id);
  require_open("store_checkpoint", thread_id);
  std::vector<Checkpoint>& checkpoints = places_[thread_id].checkpoints;
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
  for (const Checkpoint& stored : at(thread_id).checkpoints) {
    if (!checkpoint_id || stored.checkpoint_id == *checkpoint_id) {
      result = stored; // without an id, the last one stays
    }
  }
  return result;
}

inline std::vector<Checkpoint> Model::list_checkpoints(const std::string& thread_id,
                                                       std::size_t limit) const {
  require(is_id(thread_id), "list_checkpoints", thread_id);
  require_open("list_checkpoints", thread_id);
  std::vector<Checkpoint> result;
  const std::vector<Checkpoint>& all = at(thread_id).checkpoints;
  for (std::size_t i = all.size(); i != 0 && result.size() < limit; --i) {
    result.push_back(all[i - 1]);
  }
  return result;
}

inline std::int64_t Model::index_of(const ChannelWrite& write, std::size_t position) {
  std::int64_t index = -1;
  for (const char* special : {"__error__", "__scheduled__", "__interrupt__", "__resume__"}) {
    if (write.channel == special) {
      return index;
    }
    --index;
  }
  return static_cast<std::int64_t>(position);
}

inline bool Model::is_before(const PendingWrite& a, const PendingWrite& b) {
  return a.task_id != b.task_id ? a.task_id < b.task_id : a.index < b.index;
}

/// Inserts the write at its place by task and index. If a write is there, the new one replaces it
/// on a special channel, and is dropped on any other.
inline void Model::put_write(std::vector<WriteOf>& writes, const WriteOf& added) {
  auto place = writes.begin();
  for (; place != writes.end() && !is_before(added.write, place->write); ++place) {
    const bool is_same = !is_before(place->write, added.write);
    if (is_same && place->checkpoint_id == added.checkpoint_id) {
      if (added.write.index < 0) {
        place->write = added.write;
      }
      return;
    }
  }
  writes.insert(place, added);
}

inline bool Model::put_writes(const std::string& thread_id, const std::string& checkpoint_id,
                              const std::string& task_id, const std::vector<ChannelWrite>& writes) {
  require(is_id(thread_id) && is_id(checkpoint_id) && is_id(task_id) && all_named(writes),
          "put_writes", thread_id);
  require_open("put_writes", thread_id);
  for (std::size_t position = 0; position < writes.size(); ++position) {
    WriteOf added;
    added.checkpoint_id = checkpoint_id;
    added.write.task_id = task_id;
    added.write.index = index_of(writes[position], position);
    added.write.channel = writes[position].channel;
    added.write.value = writes[position].value;
    put_write(places_[thread_id].writes, added);
  }
  return true;
}

inline std::vector<PendingWrite> Model::get_writes(const std::string& thread_id,
                                                   const std::string& checkpoint_id) const {
  require(is_id(thread_id) && is_id(checkpoint_id), "get_writes", thread_id);
  require_open("get_writes", thread_id);
  std::vector<PendingWrite> result;
  for (const WriteOf& stored : at(thread_id).writes) {
    if (stored.checkpoint_id == checkpoint_id) {
      result.push_back(stored.write);
    }
  }
  return result;
}

inline std::optional<json> Model::get_task_context(const std::string& session_id) const {
  require(is_id(session_id), "get_task_context", session_id);
  require_open("get_task_context", session_id);
  return at(session_id).context;
}

inline bool Model::store_task_context(const std::string& session_id, const Document& context) {
  require(is_id(session_id), "store_task_context", session_id);
  require_open("store_task_context", session_id);
  if (!is_writable(session_id)) {
    return false;
  }
  Place& place = places_[session_id];
  place.context = context;
  perhaps_touch(place);
  return true;
}

inline std::vector<Session> Model::list_sessions(const std::string& user_id,
                                                 std::size_t page_size) const {
  require(is_id(user_id) && page_size >= 1 && page_size <= 1000, "list_sessions", user_id);
  require_open("list_sessions", user_id);
  std::vector<Session> result;
  for (const auto& [id, place] : places_) {
    if (place.session && place.session->user_id == user_id) {
      result.push_back(*place.session);
    }
  }
  return result;
}

inline bool Model::delete_session(const std::string& session_id) {
  require(is_id(session_id), "delete_session", session_id);
  require_open("delete_session", session_id);
  if (!has_session(session_id)) {
    return false;
  }
  places_.erase(session_id);
  return true;
}

inline std::vector<std::string> Model::list_threads(const std::string& prefix,
                                                    std::size_t page_size) const {
  require((prefix.empty() || is_id(prefix)) && page_size >= 1 && page_size <= 1000, "list_threads",
          prefix);
  require_open("list_threads", prefix);
  std::vector<std::string> result;
  for (const auto& [id, place] : places_) {
    if (place.is_thread() && id.substr(0, prefix.size()) == prefix) {
      result.push_back(id);
    }
  }
  return result;
}

inline bool Model::delete_thread(const std::string& thread_id) {
  require(is_id(thread_id), "delete_thread", thread_id);
  require_open("delete_thread", thread_id);
  if (!at(thread_id).is_thread()) {
    return false;
  }
  places_[thread_id].checkpoints.clear();
  places_[thread_id].writes.clear();
  return true;
}

inline bool Model::copy_thread(const std::string& source, const std::string& target) {
  require(is_id(source) && is_id(target), "copy_thread", source);
  require_open("copy_thread", source);
  if (!at(source).is_thread()) {
    return false;
  }
  if (at(target).is_thread()) {
    throw StorageError(errc::already_exists, "copy_thread", source);
  }
  const Place original = at(source);
  Place& copy = places_[target];
  copy.writes = original.writes;
  for (Checkpoint checkpoint : original.checkpoints) {
    checkpoint.thread_id = target;
    copy.checkpoints.push_back(checkpoint);
  }
  return true;
}

inline std::uint64_t Model::prune_thread(const std::string& thread_id, std::size_t keep) {
  require(is_id(thread_id), "prune_thread", thread_id);
  require_open("prune_thread", thread_id);
  std::uint64_t removed = 0;
  while (at(thread_id).checkpoints.size() > keep) {
    Place& place = places_[thread_id];
    const std::string oldest = place.checkpoints.front().checkpoint_id;
    place.checkpoints.erase(place.checkpoints.begin());
    std::erase_if(place.writes,
                  [&oldest](const WriteOf& write) { return write.checkpoint_id == oldest; });
    ++removed;
  }
  return removed;
}

inline std::vector<Checkpoint> Model::list_checkpoints_before(const std::string& thread_id,
                                                              const std::string& checkpoint_id,
                                                              std::size_t limit) const {
  require(is_id(thread_id) && is_id(checkpoint_id), "list_checkpoints_before", thread_id);
  require_open("list_checkpoints_before", thread_id);
  std::vector<Checkpoint> before;
  for (const Checkpoint& stored : at(thread_id).checkpoints) {
    if (stored.checkpoint_id == checkpoint_id) {
      std::reverse(before.begin(), before.end());
      before.resize(std::min(limit, before.size()));
      return before;
    }
    before.push_back(stored);
  }
  return {};
}

inline ThreadHead Model::get_thread_head(const std::string& thread_id, std::size_t limit) const {
  require(is_id(thread_id), "get_thread_head", thread_id);
  require_open("get_thread_head", thread_id);
  ThreadHead head;
  const auto& checkpoints = at(thread_id).checkpoints;
  if (!checkpoints.empty()) {
    head.latest = checkpoints.back();
  }
  for (std::size_t left = checkpoints.size(); left > 0 && head.checkpoint_ids.size() < limit;) {
    head.checkpoint_ids.push_back(checkpoints[--left].checkpoint_id);
  }
  return head;
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
  for (const auto& [id, place] : places_) {
    metrics.total_sessions += place.session ? 1u : 0u;
    metrics.active_sessions += place.is_active() ? 1u : 0u;
    metrics.total_messages += place.messages.size();
    metrics.total_checkpoints += place.checkpoints.size();
  }
  return metrics;
}

inline bool Model::decides_cleanup(std::chrono::microseconds max_idle) const {
  for (const auto& [id, place] : places_) {
    if (place.session &&
        (idle_since(place.earliest) >= max_idle) != (idle_since(place.latest) >= max_idle)) {
      return false;
    }
  }
  return true;
}

inline std::uint64_t Model::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  require(max_idle.count() >= 0, "cleanup_expired_sessions", "");
  require_open("cleanup_expired_sessions", "");
  std::vector<std::string> expired;
  for (const auto& [id, place] : places_) {
    if (place.session && idle_since(place.latest) >= max_idle) {
      expired.push_back(id);
    }
  }
  for (const std::string& id : expired) {
    places_.erase(id);
  }
  return expired.size();
}

inline bool Model::archive(bool valid, ArchiveKind kind, const char* key_name,
                           const std::string& key, json fields,
                           std::optional<Timestamp> created_at) {
  if (!valid || !is_id(key) || !is_open_) {
    return false;
  }
  ArchiveRecord record;
  record.kind = kind;
  record.sequence = archive_.size() + 1;
  record.created_at = created_at.value_or(Timestamp());
  record.fields = std::move(fields);
  record.fields[key_name] = key;
  archive_.push_back(record);
  return true;
}

inline bool Model::append_session_event(const std::string& session_id, const std::string& user_id,
                                        const std::string& event_type, const Document& payload,
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
                                               const Document& metadata,
                                               std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["role"] = role;
  fields["content"] = content;
  fields["metadata"] = metadata;
  return archive(!role.empty() && metadata.is_object(), ArchiveKind::conversation_message,
                 "session_id", session_id, std::move(fields), created_at);
}

inline bool Model::append_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                                     const Document& data, const Document& metadata,
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
                                               const Document& session_data,
                                               std::optional<Timestamp> created_at) {
  json fields = json::object();
  fields["session_data"] = session_data;
  return archive(true, ArchiveKind::conversation_session, "session_key", session_key,
                 std::move(fields), created_at);
}

inline bool Model::append_task_context_snapshot(const std::string& session_id,
                                                const Document& context_data,
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
  // The kinds have their keys under three names.
  const char* const key_name =
      kind == ArchiveKind::checkpoint || kind == ArchiveKind::checkpoint_writes ? "thread_id"
      : kind == ArchiveKind::conversation_session                               ? "session_key"
                                                                                : "session_id";
  std::vector<ArchiveRecord> result;
  for (const ArchiveRecord& record : archive_) {
    if (record.kind == kind && record.fields[key_name] == key) {
      result.push_back(record);
    }
  }
  return result;
}

inline std::string Model::fingerprint() const {
  std::string all;
  // Each part with its length: parts do not run into each other.
  const auto add_text = [&all](const std::string& text) {
    all += std::to_string(text.size()) + ':' + text;
  };
  const auto add_number = [&all](auto number) {
    all += std::to_string(static_cast<std::int64_t>(number)) + ';';
  };
  const auto add_value = [&add_text](const json& value) { add_text(value.dump()); };
  add_number(is_open_ ? 1 : 0);
  add_number(now_.time_since_epoch().count());
  for (const auto& [id, place] : places_) {
    add_text(id);
    add_number(place.session ? 1 : 0);
    if (place.session) {
      add_text(place.session->user_id);
      add_text(place.session->status);
      add_value(place.session->metadata);
      add_number(place.session->request_count);
      add_number(place.session->error_count);
      add_number(place.session->total_processing_time.count());
      add_number(place.earliest.time_since_epoch().count());
      add_number(place.latest.time_since_epoch().count());
    }
    add_number(place.context ? 1 : 0);
    add_value(place.context.value_or(json()));
    add_number(place.messages.size());
    for (const Message& message : place.messages) {
      add_text(message.role);
      add_text(message.content);
      add_value(message.metadata);
    }
    add_number(place.checkpoints.size());
    for (const Checkpoint& checkpoint : place.checkpoints) {
      add_text(checkpoint.checkpoint_id);
      add_value(checkpoint.data);
      add_value(checkpoint.metadata);
    }
    add_number(place.writes.size());
    for (const WriteOf& stored : place.writes) {
      add_text(stored.checkpoint_id);
      add_text(stored.write.task_id);
      add_number(stored.write.index);
      add_text(stored.write.channel);
      add_value(stored.write.value);
    }
  }
  for (const ArchiveRecord& record : archive_) {
    add_number(static_cast<int>(record.kind));
    add_number(record.created_at.time_since_epoch().count());
    add_value(record.fields);
  }
  return all;
}

} // namespace agentstore::conformance

#endif
