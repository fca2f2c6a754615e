// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_DIRECTORIES_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_DIRECTORIES_HPP

// What spans buckets: lists of sessions and threads, metrics, copies.

#include <agentstore/detail/redis/counts.hpp>
#include <agentstore/detail/redis/scripts/sessions.hpp>
#include <agentstore/detail/redis/scripts/threads.hpp>

#include <map>

namespace agentstore::detail::redis {

/// Some members of a sorted set of each bucket, in the order of their bytes.
inline Request range_of_all(const Keys& keys, const std::string& type, const std::string& from,
                            const std::string& to, std::size_t limit) {
  Request request;
  for (std::size_t bucket = 0; bucket < keys.buckets(); ++bucket) {
    std::vector<std::string> words = {
        "ZRANGE", keys.shared(type, bucket), from, to, "BYLEX", "LIMIT", "0"};
    words.push_back(std::to_string(limit));
    request.add(Command(std::move(words)));
  }
  return request;
}

/// The first `limit` of the items that all buckets gave.
inline std::vector<std::string> merged(const Response& response, std::size_t limit) {
  std::vector<std::string> members;
  for (const Reply& each : response.replies) {
    for (std::size_t i = 0; i < each.root().size(); ++i) {
      members.emplace_back(each.root().at(i).bytes());
    }
  }
  std::sort(members.begin(), members.end());
  members.resize(std::min(limit, members.size()));
  return members;
}

/// DIR-01, DIR-02: first the buckets report which sessions come next, then each session gives its
/// record. A session that was removed or became active in between has left its place. A session
/// whose keys have all been evicted has kept its place. The page is filled up from behind.
template <>
class Scripts<calls::ListSessions> {
public:
  Request request(const ScriptContext& context, const std::string& user_id, const Page& page) {
    static const Script script(Script::Kind::reads, session_function + record_function + R"lua(
local session, messages = unpack(KEYS)
local record = session_of(session, messages)
return record and {record.rank, record_of(session)}
)lua");
    if (from_.empty()) {
      const auto cursor = read_cursor<SessionPosition>("list_sessions", user_id, page);
      is_first_page_ = !cursor;
      user_id_ = user_id;
      size_ = page.size;
      stem_ = user_id + std::string(1, '\0');
      from_ = "[" + stem_;
      if (cursor) {
        const Timestamp activity{std::chrono::microseconds(cursor->first)};
        from_ = "(" + stem_ + rank_of(activity) + cursor->second;
      }
    }
    if (found_.empty()) {
      // No session has a greater byte than a rank's digits behind the NUL.
      wanted_ = size_ + 1 - result_.sessions.size();
      return range_of_all(context.keys, "users", from_, "(" + stem_ + "\xff", wanted_);
    }
    Request request;
    for (const std::string& member : found_) {
      Command command = on_session(script, context.keys, id_in(member));
      command.add(id_in(member));
      request.add(std::move(command));
    }
    return request;
  }

  bool take(const Response& response) {
    if (found_.empty()) {
      found_ = merged(response, wanted_);
      is_end_ = found_.size() < wanted_;
      for (const std::string& member : found_) {
        if (member.size() <= stem_.size() + rank_size) {
          throw Corrupted("a session of the list has no id");
        }
      }
      return found_.empty() && finish();
    }
    for (std::size_t i = 0; i < found_.size(); ++i) {
      add(found_[i], response.replies.at(i).root());
    }
    from_ = "(" + found_.back();
    found_.clear();
    return (is_end_ || result_.sessions.size() > size_) && finish();
  }
  SessionPage result() { return std::move(result_); }

private:
  static constexpr std::size_t rank_size = 20;

  std::string id_in(const std::string& member) const {
    return member.substr(stem_.size() + rank_size);
  }

  void add(const std::string& member, Element reply) {
    if (reply.is_null()) {
      return;
    }
    const bool has_moved = member.substr(stem_.size(), rank_size) != reply.at(0).bytes();
    Session session = session_in(reply.at(1), id_in(member));
    const bool is_seen = std::any_of(
        result_.sessions.begin(), result_.sessions.end(),
        [&session](const Session& other) { return other.session_id == session.session_id; });
    // One that became active is at the front of the list, which is on the first page.
    if (session.user_id == user_id_ && !is_seen && (!has_moved || is_first_page_)) {
      result_.sessions.push_back(std::move(session));
    }
  }

  bool finish() {
    std::sort(result_.sessions.begin(), result_.sessions.end(),
              [](const Session& one, const Session& other) {
                return one.last_activity != other.last_activity
                           ? one.last_activity > other.last_activity
                           : one.session_id < other.session_id;
              });
    finish_page(result_, size_, user_id_);
    return true;
  }

  std::string user_id_;
  std::string stem_;
  std::string from_;
  std::size_t size_ = 0;
  std::size_t wanted_ = 0;
  bool is_first_page_ = true;
  bool is_end_ = false;
  std::vector<std::string> found_;
  SessionPage result_;
};

/// THR-01, THR-02.
template <>
class Scripts<calls::ListThreads> {
public:
  Request request(const ScriptContext& context, const std::string& prefix, const Page& page) {
    const auto after = read_cursor<std::string>("list_threads", prefix, page);
    prefix_ = prefix;
    size_ = page.size;
    const std::string from = after ? "(" + *after : "[" + prefix;
    // No id has the byte 0xff, because UTF-8 does not have it.
    return range_of_all(context.keys, "threads", from, "(" + prefix + "\xff", size_ + 1);
  }
  bool take(const Response& response) {
    result_.thread_ids = merged(response, size_ + 1);
    finish_page(result_, size_, prefix_);
    return true;
  }
  ThreadPage result() { return std::move(result_); }

private:
  std::string prefix_;
  std::size_t size_ = 0;
  ThreadPage result_;
};

/// MET-01: each bucket counts. A bucket that lost its counts is counted anew.
template <>
class Scripts<calls::GetMetrics> {
public:
  Request request(const ScriptContext& context) {
    Request request;
    for (const std::size_t bucket : lost_) {
      request.add(count_anew(context.keys, bucket));
    }
    for (std::size_t bucket = 0; lost_.empty() && bucket < context.keys.buckets(); ++bucket) {
      request.add(read_counts(context.keys, bucket));
    }
    return request;
  }
  bool take(const Response& response) {
    const bool is_anew = !lost_.empty();
    for (std::size_t i = 0; i < response.replies.size(); ++i) {
      const Element counts = response.replies[i].root();
      if (is_anew || are_whole(counts)) {
        add(counts);
      } else {
        lost_.push_back(i);
      }
    }
    return is_anew || lost_.empty();
  }
  Metrics result() { return std::move(result_); }

private:
  void add(Element counts) {
    result_.total_sessions += number_in<std::uint64_t>(counts.at(0).bytes());
    result_.active_sessions += number_in<std::uint64_t>(counts.at(1).bytes());
    result_.total_messages += number_in<std::uint64_t>(counts.at(2).bytes());
    result_.total_checkpoints += number_in<std::uint64_t>(counts.at(3).bytes());
  }

  /// The buckets whose counts were not whole.
  std::vector<std::size_t> lost_;
  Metrics result_;
};

/// THR-05, THR-06: one script takes a snapshot of the source, another one makes the target of it,
/// which may lie in another slot. The second puts the copy together under names that expire, and
/// gives it its own ones at the end: what the server refuses leaves nothing behind.
template <>
class Scripts<calls::CopyThread> {
public:
  Request request(const ScriptContext& context, const std::string& source,
                  const std::string& target) {
    static const Script take_snapshot(Script::Kind::reads, thread_function + R"lua(
local thread = thread_of(unpack(KEYS))
if thread.checkpoints + thread.writes == 0 then
  return false
end
local snapshot = {thread.checkpoints}
for i = 1, 4 do
  snapshot[i + 1] = read('DUMP', KEYS[i]) or ''
end
return snapshot
)lua");
    static const Script place(Script::Kind::writes, R"lua(
local threads, counts = KEYS[5], KEYS[6]
local id, checkpoints = ARGV[1], ARGV[2]
for i = 1, 4 do
  if read('EXISTS', KEYS[i]) == 1 then
    fail('EXISTS', 'the target exists')
  end
end
read('ZCARD', threads)
numbers(counts, 'checkpoints')
may('RESTORE', KEYS[7], KEYS[8], KEYS[9], KEYS[10])
may('UNLINK', KEYS[7], KEYS[8], KEYS[9], KEYS[10])
may('ZADD', threads)
may('HINCRBY', counts)
for i = 1, 4 do
  if not redis.acl_check_cmd('RENAME', KEYS[i + 6], KEYS[i]) then
    fail('NOPERM', "this user has no permissions to run the 'RENAME' command")
  end
  may('PERSIST', KEYS[i])
end
for i = 1, 4 do
  if ARGV[i + 2] ~= '' then
    local done = redis.pcall('RESTORE', KEYS[i + 6], 60000, ARGV[i + 2], 'REPLACE')
    if done.err then
      redis.call('UNLINK', KEYS[7], KEYS[8], KEYS[9], KEYS[10])
      error(done)
    end
  end
end
for i = 1, 4 do
  if ARGV[i + 2] ~= '' then
    redis.call('RENAME', KEYS[i + 6], KEYS[i])
    redis.call('PERSIST', KEYS[i])
  end
end
redis.call('ZADD', threads, 0, id)
redis.call('HINCRBY', counts, 'checkpoints', checkpoints)
return 1
)lua");
    is_placing_ = snapshot_.has_value();
    if (!is_placing_) {
      return Request(on_thread(take_snapshot, context.keys, source));
    }
    Command command = change_thread(place, context.keys, target);
    for (const char* const part : {"copied:1", "copied:2", "copied:3", "copied:4"}) {
      command.key(context.keys.shared_by(part, target));
    }
    command.add(target);
    for (std::string& part : *snapshot_) {
      command.add(std::move(part));
    }
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    const Element reply = response.only();
    if (is_placing_) {
      result_ = true;
      return true;
    }
    if (reply.is_null()) {
      return true;
    }
    std::vector<std::string>& parts = snapshot_.emplace();
    parts.push_back(std::to_string(reply.at(0).integer()));
    for (std::size_t i = 1; i <= 4; ++i) {
      parts.emplace_back(reply.at(i).bytes());
    }
    return false;
  }
  bool result() const { return result_; }

private:
  std::optional<std::vector<std::string>> snapshot_;
  bool is_placing_ = false;
  bool result_ = false;
};

} // namespace agentstore::detail::redis

#endif
