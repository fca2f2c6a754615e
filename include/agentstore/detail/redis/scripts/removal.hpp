// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_REMOVAL_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_REMOVAL_HPP

// Removes sessions and threads. A removal also takes what is left of a torn one.

#include <agentstore/detail/redis/scripts/sessions.hpp>
#include <agentstore/detail/redis/scripts/threads.hpp>

namespace agentstore::detail::redis {

inline const std::string removal_function = R"lua(
-- What is there of a thread, whole or torn.
local function remains_of(checkpoints, order, writes, values)
  local fields = read('HLEN', checkpoints)
  local others = read('ZCARD', order) + read('ZCARD', writes) + read('HLEN', values)
  return {checkpoints = math.floor(fields / 2), there = fields + others > 0}
end

local function may_remove_thread(checkpoints, order, writes, values, threads, counts)
  read('ZCARD', threads)
  numbers(counts, 'checkpoints')
  may('UNLINK', checkpoints, order, writes, values)
  may('ZREM', threads)
  may('HINCRBY', counts)
end

local function remove_thread(id, thread, checkpoints, order, writes, values, threads, counts)
  redis.call('UNLINK', checkpoints, order, writes, values)
  redis.call('ZREM', threads, id)
  redis.call('HINCRBY', counts, 'checkpoints', digits(-thread.checkpoints))
end
)lua";

/// CLN-03, DIR-04: with a session go its messages, its context and the thread of its id, in one
/// script.
inline const std::string session_removal_function = removal_function + R"lua(
local session, messages, users, counts, idle, checkpoints, order, writes, values, threads =
    unpack(KEYS)

local function may_remove_session()
  read('ZCARD', users)
  read('ZCARD', idle)
  numbers(counts, 'sessions', 'active', 'messages', 'checkpoints')
  may_remove_thread(checkpoints, order, writes, values, threads, counts)
  may('UNLINK', session, messages)
  may('ZREM', users, idle)
  may('HINCRBY', counts)
end

-- Takes a session with all that it has, or what is left of it.
local function remove_session(id, user, status, rank, filed, kept)
  local thread = remains_of(checkpoints, order, writes, values)
  may_remove_session()
  redis.call('UNLINK', session, messages)
  if user and rank then
    redis.call('ZREM', users, listed(user, rank, id))
  end
  if filed then
    redis.call('ZREM', idle, filed .. id)
  end
  if status then
    redis.call('HINCRBY', counts, 'sessions', -1)
  end
  if status == 'active' then
    redis.call('HINCRBY', counts, 'active', -1)
  end
  redis.call('HINCRBY', counts, 'messages', digits(-kept))
  remove_thread(id, thread, checkpoints, order, writes, values, threads, counts)
end
)lua";

inline Command remove_session(const Script& script, const Keys& keys,
                              const std::string& session_id) {
  Command command = on_session(script, keys, session_id);
  command.key(keys.shared_by("idle", session_id));
  add_thread_keys(command, keys, session_id).key(keys.shared_by("threads", session_id));
  command.add(session_id);
  return command;
}

/// DIR-04, DIR-05.
template <>
class Scripts<calls::DeleteSession> : public TrueIfDone {
public:
  static Request request(const ScriptContext& context, std::string& session_id) {
    static const Script script(Script::Kind::removes,
                               session_function + session_removal_function + R"lua(
local user, status, rank, filed = unpack(read('HMGET', session, 'user', 'status', 'rank', 'filed'))
local kept = read('HLEN', messages)
if kept == 0 and read('HLEN', session) == 0 then
  return 0
end
remove_session(ARGV[1], user, status, rank, filed, kept)
return 1
)lua");
    return Request(remove_session(script, context.keys, session_id));
  }
};

/// THR-03, THR-04.
template <>
class Scripts<calls::DeleteThread> : public TrueIfDone {
public:
  static Request request(const ScriptContext& context, std::string& thread_id) {
    static const Script script(Script::Kind::removes, removal_function + R"lua(
local checkpoints, order, writes, values, threads, counts = unpack(KEYS)
local thread = remains_of(checkpoints, order, writes, values)
if not thread.there then
  return 0
end
may_remove_thread(checkpoints, order, writes, values, threads, counts)
remove_thread(ARGV[1], thread, checkpoints, order, writes, values, threads, counts)
return 1
)lua");
    Command command = change_thread(script, context.keys, thread_id);
    command.add(thread_id);
    return Request(std::move(command));
  }
};

/// THR-07: with a checkpoint go its pending writes. Those of checkpoints that have not been stored
/// yet stay, and with them the thread.
template <>
class Scripts<calls::PruneThread> {
public:
  static Request request(const ScriptContext& context, std::string& thread_id, std::size_t keep) {
    static const Script script(Script::Kind::removes, thread_function + R"lua(
local checkpoints, order, writes, values, threads, counts = unpack(KEYS)
local thread_id, keep = unpack(ARGV)
local thread = thread_of(checkpoints, order, writes, values)
local surplus = thread.checkpoints - tonumber(keep)
if surplus <= 0 then
  return 0
end
read('ZCARD', threads)
numbers(counts, 'checkpoints')
may('HDEL', checkpoints, values)
may('ZREM', writes, threads)
may('ZREMRANGEBYRANK', order)
may('HINCRBY', counts)
-- All is read before the first write: what is empty afterwards is gone, which a node whose slot is
-- on its way elsewhere takes for moved.
local ids = read('ZRANGE', order, 0, surplus - 1)
local gone = {}
for i = 1, #ids do
  ids[i] = string.sub(ids[i], 17)
  if thread.writes > 0 then
    local some = read('ZRANGE', writes, '[' .. ids[i] .. '\0', '(' .. ids[i] .. '\1', 'BYLEX')
    for _, each in ipairs(some) do
      gone[#gone + 1] = each
    end
  end
end
for _, id in ipairs(ids) do
  redis.call('HDEL', checkpoints, id, placed_of(id))
end
for _, each in ipairs(gone) do
  redis.call('ZREM', writes, each)
  redis.call('HDEL', values, each)
end
redis.call('ZREMRANGEBYRANK', order, 0, surplus - 1)
redis.call('HINCRBY', counts, 'checkpoints', digits(-surplus))
if surplus == thread.checkpoints and #gone == thread.writes then
  redis.call('ZREM', threads, thread_id)
end
return surplus
)lua");
    Command command = change_thread(script, context.keys, thread_id);
    command.add(thread_id).add(limit_of(keep));
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    result_ = static_cast<std::uint64_t>(response.only().integer());
    return true;
  }
  std::uint64_t result() const { return result_; }

private:
  std::uint64_t result_ = 0;
};

/// CLN-01, CLN-02, CLN-04: first each bucket tells some of its sessions that may be idle, then each
/// of these has a script of its own that looks at its last activity again.
///
/// A session is not filed anew at each activity. If a clean-up finds a session that has been active
/// since, the session is filed then. So it is found once in a while and not by every clean-up.
template <>
class Scripts<calls::CleanupExpiredSessions> {
public:
  Request request(const ScriptContext& context, std::chrono::microseconds max_idle) {
    static const Script clean(Script::Kind::removes,
                              session_function + session_removal_function + R"lua(
local id, member, limit = unpack(ARGV)
local user, status, rank, filed = unpack(read('HMGET', session, 'user', 'status', 'rank', 'filed'))
local kept = read('HLEN', messages)
if user and status and rank and filed then
  if rank >= limit then
    remove_session(id, user, status, rank, filed, kept)
    return 1
  end
  may('ZADD', idle)
  may('ZREM', idle)
  may('HSET', session)
  read('ZCARD', idle)
  redis.call('ZADD', idle, 0, rank .. id) -- first, as in touch
  redis.call('ZREM', idle, member)
  redis.call('HSET', session, 'filed', rank)
elseif kept == 0 and read('HLEN', session) == 0 then
  read('ZCARD', idle)
  may('ZREM', idle)
  redis.call('ZREM', idle, member) -- of one that was removed meanwhile, or evicted
end
return 0
)lua");
    if (limit_.empty()) {
      limit_ = limit_rank(context.clock(), max_idle);
      from_.assign(context.keys.buckets(), "[" + limit_);
    }
    Request request;
    is_finding_ = found_.empty();
    if (is_finding_) {
      for (std::size_t bucket = 0; bucket < from_.size(); ++bucket) {
        if (!from_[bucket].empty()) {
          std::vector<std::string> words = {
              "ZRANGE", context.keys.shared("idle", bucket), from_[bucket], "+", "BYLEX", "LIMIT",
              "0"};
          words.push_back(std::to_string(page));
          request.add(Command(std::move(words)));
        }
      }
      return request;
    }
    for (const std::string& member : std::exchange(found_, {})) {
      Command command = remove_session(clean, context.keys, member.substr(rank_size));
      command.add(member).add(limit_);
      request.add(std::move(command));
    }
    return request;
  }
  bool take(const Response& response) {
    if (!is_finding_) {
      for (const Reply& each : response.replies) {
        result_ += static_cast<std::uint64_t>(each.root().integer());
      }
      return is_exhausted();
    }
    std::size_t at = 0;
    for (std::string& from : from_) {
      if (!from.empty()) {
        take_found(response.replies.at(at++).root(), from);
      }
    }
    return found_.empty();
  }
  std::uint64_t result() const { return result_; }

private:
  static constexpr std::size_t page = 100;
  static constexpr std::size_t rank_size = 20;

  void take_found(Element members, std::string& from) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      found_.emplace_back(members.at(i).bytes());
      if (found_.back().size() <= rank_size) {
        throw Corrupted("a session that may be idle has no id");
      }
    }
    from = members.size() < page ? std::string() : "(" + found_.back();
  }

  bool is_exhausted() const {
    return std::all_of(from_.begin(), from_.end(),
                       [](const std::string& each) { return each.empty(); });
  }

  /// The rank of the sessions that have been idle for `max_idle`. For 0 these are all sessions,
  /// also a session whose last activity is ahead of this clock.
  static std::string limit_rank(Timestamp now, std::chrono::microseconds max_idle) {
    if (max_idle == std::chrono::microseconds(0)) {
      return std::string(rank_size, '0');
    }
    constexpr std::chrono::microseconds zero{0};
    const auto time = now.time_since_epoch();
    const bool is_before_all = time < zero && max_idle > time - std::chrono::microseconds::min();
    return is_before_all ? std::string(rank_size, '9') : rank_of(now - max_idle);
  }

  std::string limit_;
  /// Where the clean-up of each bucket goes on; empty when the bucket is through.
  std::vector<std::string> from_;
  std::vector<std::string> found_;
  bool is_finding_ = true;
  std::uint64_t result_ = 0;
};

} // namespace agentstore::detail::redis

#endif
