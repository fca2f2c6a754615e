// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_MEMORY_SPACE_HPP
#define AGENTSTORE_DETAIL_MEMORY_SPACE_HPP

// The data of MemoryBackend and the rules on it, as plain functions that lock, act and return.
// Requires: the arguments have been checked.
//
// What belongs to one id, a session and the thread of its name, lives in one shard under one mutex.
// So every rule about one session is decided under a single lock. Two locks are held together only
// to copy a thread. No lock is held across a suspension, because no function here suspends.

#include <agentstore/authoring/cursor.hpp>
#include <agentstore/authoring/session_update.hpp>
#include <agentstore/backends/memory.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

namespace agentstore::detail::memory {

class Space {
public:
  explicit Space(MemoryOptions options)
      : clock_(std::move(options.clock)), limits_(options.limits) {}

  Limits limits() const { return limits_; }

  Session create_session(std::string session_id, std::string user_id, Document metadata) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    const auto [found, created] = shard.sessions.try_emplace(session_id);
    if (!created) {
      throw StorageError(errc::already_exists, "create_session", session_id, "the session exists");
    }
    Session& record = found->second.record;
    record = new_session(std::move(session_id), std::move(user_id), std::move(metadata).fresh(),
                         clock_());
    return handed_out(record);
  }

  std::optional<Session> get_session(std::string session_id) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(session_id);
    if (found == shard.sessions.end()) {
      return std::nullopt;
    }
    return handed_out(found->second.record);
  }

  bool update_session(std::string session_id, SessionUpdate update) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    Entry* const entry = shard.active(session_id);
    if (entry == nullptr) {
      return false;
    }
    apply_update(entry->record, update, clock_(), limits_);
    return true;
  }

  bool end_session(std::string session_id, std::string status) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    Entry* const entry = shard.active(session_id);
    if (entry == nullptr) {
      return false;
    }
    entry->record.status = std::move(status);
    touch(entry->record, clock_());
    return true;
  }

  bool add_conversation_message(std::string session_id, std::string role, std::string content,
                                Document metadata) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    Entry* const entry = shard.active(session_id);
    if (entry == nullptr) {
      return false;
    }
    Message message;
    message.sequence = entry->messages.empty() ? 1 : entry->messages.back().sequence + 1;
    message.role = std::move(role);
    message.content = std::move(content);
    message.timestamp = clock_();
    message.metadata = std::move(metadata).fresh();
    touch(entry->record, message.timestamp);
    entry->messages.push_back(std::move(message));
    return true;
  }

  std::vector<Message> get_conversation_history(std::string session_id, std::size_t limit) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(session_id);
    if (found == shard.sessions.end()) {
      return {};
    }
    const std::deque<Message>& messages = found->second.messages;
    const auto count = static_cast<std::ptrdiff_t>(std::min(limit, messages.size()));
    return handed_out(messages.end() - count, messages.end());
  }

  bool put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                      Document metadata) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    Thread& thread = shard.threads[thread_id];
    const auto [place, is_new] =
        thread.place_of.try_emplace(checkpoint_id, thread.pruned + thread.checkpoints.size());
    if (is_new) {
      Checkpoint& added = thread.checkpoints.emplace_back();
      added.thread_id = std::move(thread_id);
      added.checkpoint_id = std::move(checkpoint_id);
      added.created_at = clock_();
    }
    Checkpoint& checkpoint = thread.checkpoints[place->second - thread.pruned];
    checkpoint.data = std::move(data).fresh();
    checkpoint.metadata = std::move(metadata).fresh();
    return true;
  }

  std::optional<Checkpoint> get_checkpoint(std::string thread_id,
                                           std::optional<std::string> checkpoint_id) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.threads.find(thread_id);
    if (found == shard.threads.end() || found->second.checkpoints.empty()) {
      return std::nullopt;
    }
    const Thread& thread = found->second;
    if (!checkpoint_id) {
      return handed_out(thread.checkpoints.back());
    }
    const auto place = thread.place_of.find(*checkpoint_id);
    if (place == thread.place_of.end()) {
      return std::nullopt;
    }
    return handed_out(thread.checkpoints[place->second - thread.pruned]);
  }

  std::vector<Checkpoint> list_checkpoints(std::string thread_id, std::size_t limit) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.threads.find(thread_id);
    if (found == shard.threads.end()) {
      return {};
    }
    const std::deque<Checkpoint>& all = found->second.checkpoints;
    const auto count = static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
    return handed_out(all.rbegin(), all.rbegin() + count);
  }

  bool put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                  std::vector<ChannelWrite> writes) {
    if (writes.empty()) {
      return true;
    }
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    Writes& stored = shard.threads[thread_id].writes[checkpoint_id];
    for (std::size_t position = 0; position < writes.size(); ++position) {
      PendingWrite write;
      write.task_id = task_id;
      write.index = write_index(writes[position].channel, position);
      write.channel = std::move(writes[position].channel);
      write.value = std::move(writes[position].value).fresh();
      const auto key = std::make_pair(task_id, write.index);
      if (write.index < 0) {
        stored.insert_or_assign(key, std::move(write)); // special channels: the last one stays
      } else {
        stored.try_emplace(key, std::move(write)); // others: the first one stays
      }
    }
    return true;
  }

  std::vector<PendingWrite> get_writes(std::string thread_id, std::string checkpoint_id) {
    std::vector<PendingWrite> result;
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    const auto thread = shard.threads.find(thread_id);
    if (thread == shard.threads.end()) {
      return result;
    }
    const auto found = thread->second.writes.find(checkpoint_id);
    if (found == thread->second.writes.end()) {
      return result;
    }
    for (const auto& [key, write] : found->second) {
      result.push_back(handed_out(write));
    }
    return result;
  }

  std::optional<Document> get_task_context(std::string session_id) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(session_id);
    if (found == shard.sessions.end()) {
      return std::nullopt;
    }
    const std::optional<Document>& context = found->second.context;
    return context ? std::optional(context->fresh()) : std::nullopt;
  }

  bool store_task_context(std::string session_id, Document context) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    Entry* const entry = shard.active(session_id);
    if (entry == nullptr) {
      return false;
    }
    entry->context = std::move(context).fresh();
    return true;
  }

  Metrics get_metrics() {
    Metrics metrics;
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      metrics.total_sessions += shard.sessions.size();
      for (const auto& [id, entry] : shard.sessions) {
        metrics.active_sessions += std::uint64_t{entry.is_active()};
        metrics.total_messages += entry.messages.size();
      }
      for (const auto& [id, thread] : shard.threads) {
        metrics.total_checkpoints += thread.checkpoints.size();
      }
    }
    return metrics;
  }

  std::uint64_t cleanup_expired_sessions(std::chrono::microseconds max_idle) {
    std::uint64_t removed = 0;
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      const Timestamp now = clock_();
      removed += std::erase_if(shard.sessions, [&](const auto& session) {
        const Timestamp last = session.second.record.last_activity;
        const auto idle = now > last ? now - last : std::chrono::microseconds(0);
        if (idle < max_idle) {
          return false;
        }
        shard.threads.erase(session.first);
        return true;
      });
    }
    return removed;
  }

  SessionPage list_sessions(std::string user_id, Page page) {
    const auto cursor = read_cursor<SessionPosition>("list_sessions", user_id, page);
    SessionPage result;
    std::vector<Session>& sessions = result.sessions; // the first of them, as a heap
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [id, entry] : shard.sessions) {
        const Session& record = entry.record;
        if (record.user_id == user_id && (!cursor || is_behind(record, *cursor)) &&
            (sessions.size() <= page.size || is_newer(record, sessions.front()))) {
          sessions.push_back(handed_out(record));
          std::push_heap(sessions.begin(), sessions.end(), is_newer);
          if (sessions.size() > page.size + 1) {
            std::pop_heap(sessions.begin(), sessions.end(), is_newer);
            sessions.pop_back();
          }
        }
      }
    }
    std::sort_heap(sessions.begin(), sessions.end(), is_newer);
    finish_page(result, page.size, user_id);
    return result;
  }

  bool delete_session(std::string session_id) {
    Shard& shard = shard_of(session_id);
    const std::lock_guard lock(shard.mutex);
    if (shard.sessions.erase(session_id) == 0) {
      return false;
    }
    shard.threads.erase(session_id);
    return true;
  }

  ThreadPage list_threads(std::string prefix, Page page) {
    const std::string after =
        read_cursor<std::string>("list_threads", prefix, page).value_or(std::string());
    std::set<std::string> ids; // the first of them
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [id, thread] : shard.threads) {
        if (id.starts_with(prefix) && id > after) {
          ids.insert(id);
          if (ids.size() > page.size + 1) {
            ids.erase(std::prev(ids.end()));
          }
        }
      }
    }
    ThreadPage result;
    result.thread_ids.assign(ids.begin(), ids.end());
    finish_page(result, page.size, prefix);
    return result;
  }

  bool delete_thread(std::string thread_id) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    return shard.threads.erase(thread_id) != 0;
  }

  bool copy_thread(std::string source, std::string target) {
    Shard& from = shard_of(source);
    Shard& to = shard_of(target);
    std::unique_lock from_lock(from.mutex, std::defer_lock);
    std::unique_lock to_lock(to.mutex, std::defer_lock);
    if (&from == &to) {
      from_lock.lock();
    } else {
      std::lock(from_lock, to_lock);
    }
    const auto found = from.threads.find(source);
    if (found == from.threads.end()) {
      return false;
    }
    if (to.threads.contains(target)) {
      throw StorageError(errc::already_exists, "copy_thread", source, "the target exists");
    }
    Thread copy = found->second;
    for (Checkpoint& checkpoint : copy.checkpoints) {
      checkpoint.thread_id = target;
    }
    to.threads.emplace(std::move(target), std::move(copy));
    return true;
  }

  std::uint64_t prune_thread(std::string thread_id, std::size_t keep) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.threads.find(thread_id);
    if (found == shard.threads.end()) {
      return 0;
    }
    Thread& thread = found->second;
    std::uint64_t removed = 0;
    for (; thread.checkpoints.size() > keep; ++removed) {
      const std::string& oldest = thread.checkpoints.front().checkpoint_id;
      thread.writes.erase(oldest);
      thread.place_of.erase(oldest);
      thread.checkpoints.pop_front();
      ++thread.pruned;
    }
    if (thread.checkpoints.empty() && thread.writes.empty()) {
      shard.threads.erase(found);
    }
    return removed;
  }

  std::vector<Checkpoint> list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                                                  std::size_t limit) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.threads.find(thread_id);
    if (found == shard.threads.end()) {
      return {};
    }
    const Thread& thread = found->second;
    const auto place = thread.place_of.find(checkpoint_id);
    if (place == thread.place_of.end()) {
      return {};
    }
    const std::size_t before = place->second - thread.pruned;
    const auto newest = thread.checkpoints.rend() - static_cast<std::ptrdiff_t>(before);
    return handed_out(newest, newest + static_cast<std::ptrdiff_t>(std::min(limit, before)));
  }

  ThreadHead get_thread_head(std::string thread_id, std::size_t limit) {
    Shard& shard = shard_of(thread_id);
    const std::lock_guard lock(shard.mutex);
    ThreadHead head;
    const auto found = shard.threads.find(thread_id);
    if (found == shard.threads.end() || found->second.checkpoints.empty()) {
      return head;
    }
    const std::deque<Checkpoint>& checkpoints = found->second.checkpoints;
    head.latest = handed_out(checkpoints.back());
    head.checkpoint_ids.reserve(std::min(limit, checkpoints.size()));
    for (auto each = checkpoints.rbegin(); each != checkpoints.rend() && limit > 0; ++each) {
      head.checkpoint_ids.push_back(each->checkpoint_id);
      --limit;
    }
    return head;
  }

private:
  // A reader gets a handle of its own, so that the forms that it makes go with it.

  static void detach(Session& record) { record.metadata = record.metadata.fresh(); }
  static void detach(Message& message) { message.metadata = message.metadata.fresh(); }
  static void detach(Checkpoint& checkpoint) {
    checkpoint.data = checkpoint.data.fresh();
    checkpoint.metadata = checkpoint.metadata.fresh();
  }
  static void detach(PendingWrite& write) { write.value = write.value.fresh(); }

  template <class Record>
  static Record handed_out(Record record) {
    detach(record);
    return record;
  }

  template <class Iterator>
  static std::vector<typename Iterator::value_type> handed_out(Iterator begin, Iterator end) {
    std::vector<typename Iterator::value_type> records(begin, end);
    for (auto& record : records) {
      detach(record);
    }
    return records;
  }

  /// The order of `list_sessions`.
  static bool is_newer(const Session& one, const Session& other) {
    return one.last_activity != other.last_activity ? one.last_activity > other.last_activity
                                                    : one.session_id < other.session_id;
  }

  static bool is_behind(const Session& record, const SessionPosition& position) {
    const auto activity = record.last_activity.time_since_epoch().count();
    return activity != position.first ? activity < position.first
                                      : record.session_id > position.second;
  }

  struct Entry {
    Session record;
    std::deque<Message> messages;
    std::optional<Document> context;

    bool is_active() const { return record.status == "active"; }
  };

  using Writes = std::map<std::pair<std::string, std::int64_t>, PendingWrite>;

  struct Thread {
    std::deque<Checkpoint> checkpoints; // by when the id was first stored
    std::size_t pruned = 0;             // how many were removed before the first
    std::unordered_map<std::string, std::size_t> place_of;
    std::unordered_map<std::string, Writes> writes; // by checkpoint, which may not be there yet
  };

  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Entry> sessions;
    std::unordered_map<std::string, Thread> threads;

    /// The session if it is there and may be written to.
    Entry* active(const std::string& session_id) {
      const auto found = sessions.find(session_id);
      return found != sessions.end() && found->second.is_active() ? &found->second : nullptr;
    }
  };

  Shard& shard_of(const std::string& id) {
    return shards_[std::hash<std::string>()(id) % shards_.size()];
  }

  Clock clock_;
  Limits limits_;
  std::array<Shard, 64> shards_;
};

} // namespace agentstore::detail::memory

#endif
