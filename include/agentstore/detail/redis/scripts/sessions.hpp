// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_SESSIONS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_SESSIONS_HPP

// Sessions.

#include <agentstore/authoring/session_update.hpp>
#include <agentstore/detail/redis/scripts/scripts.hpp>

namespace agentstore::detail::redis {

inline const std::string session_function = R"lua(
-- A session as it must be, or nothing if there is none. One that is torn is never a shorter one.
local function session_of(session, messages)
  local kept = read('HLEN', messages)
  local values = read('HMGET', session, 'user', 'status', 'rank', 'filed', 'messages', 'version',
                      'requests', 'errors', 'micros', 'stamp')
  if not values[1] then
    if kept > 0 or read('HLEN', session) > 0 then
      fail('CORRUPTED', 'a part of the session is missing')
    end
    return nil
  end
  for i = 2, 10 do
    if not values[i] or (i > 2 and not string.find(values[i], '^%d+$')) or
        (i > 5 and i < 9 and not can_count(values[i])) then -- version, requests, errors
      fail('CORRUPTED', 'a part of the session is missing')
    end
  end
  if kept ~= tonumber(values[5]) then
    fail('CORRUPTED', 'messages of the session are missing')
  end
  return {user = values[1], status = values[2], rank = values[3], filed = values[4],
          messages = tonumber(values[5]), stamp = values[10]}
end

-- Where a session stands among those of its user, newest first.
local function listed(user, rank, id)
  return user .. '\0' .. rank .. id
end

-- What touch will do.
local function may_touch(session, users)
  read('ZCARD', users)
  may('ZREM', users)
  may('ZADD', users)
  may('HSET', session)
  may('HINCRBY', session)
end

-- SES-10, SES-14: a change moves last_activity, never backwards, and the version. A set that lost
-- its last member would be gone, which a node whose slot is on its way elsewhere takes for moved: so
-- the new place is added first.
local function touch(session, users, id, record, now, rank)
  if rank < record.rank then
    redis.call('ZADD', users, 0, listed(record.user, rank, id))
    redis.call('ZREM', users, listed(record.user, record.rank, id))
    redis.call('HSET', session, 'last_activity', now, 'rank', rank)
  end
  redis.call('HINCRBY', session, 'version', 1)
end

-- What counts up may be at.
local function may_count(counts)
  numbers(counts, 'sessions', 'active', 'messages', 'checkpoints', 'stamp')
  may('HINCRBY', counts)
end
)lua";

/// The keys that all scripts of a session begin with.
inline Command on_session(const Script& script, const Keys& keys, const std::string& session_id) {
  Command command(script);
  command.key(keys.of("session", session_id))
      .key(keys.of("messages", session_id))
      .key(keys.shared_by("users", session_id))
      .key(keys.shared_by("counts", session_id));
  return command;
}

/// The command that begins with those keys and has the arguments id, time, rank.
inline Command change_session(const Script& script, const ScriptContext& context,
                              const std::string& session_id) {
  const Timestamp now = context.clock();
  Command command = on_session(script, context.keys, session_id);
  command.add(session_id).add(micros_of(now)).add(rank_of(now));
  return command;
}

/// SES-01, SES-03, CNC-02: of all that create an id one does; the others change nothing.
template <>
class Scripts<calls::CreateSession> {
public:
  Request request(const ScriptContext& context, std::string& session_id, std::string& user_id,
                  Document& metadata) {
    static const Script script(Script::Kind::writes, session_function + R"lua(
local session, messages, users, counts, idle = unpack(KEYS)
local id, user, now, rank, metadata = unpack(ARGV)
if session_of(session, messages) then
  fail('EXISTS', 'the session exists')
end
read('ZCARD', idle)
may_touch(session, users)
may_count(counts)
may('ZADD', idle)
local stamp = digits(redis.call('HINCRBY', counts, 'stamp', 1))
redis.call('HSET', session, 'user', user, 'status', 'active', 'created', now,
           'last_activity', now, 'requests', 0, 'errors', 0, 'micros', 0, 'version', 1,
           'messages', 0, 'rank', rank, 'filed', rank, 'stamp', stamp, 'metadata', metadata)
redis.call('ZADD', users, 0, listed(user, rank, id))
redis.call('ZADD', idle, 0, rank .. id)
redis.call('HINCRBY', counts, 'sessions', 1)
redis.call('HINCRBY', counts, 'active', 1)
return 1
)lua");
    record_ = new_session(session_id, user_id, std::move(metadata), context.clock());
    Command command = on_session(script, context.keys, session_id);
    command.key(context.keys.shared_by("idle", session_id))
        .add(session_id)
        .add(user_id)
        .add(micros_of(record_.created_at))
        .add(rank_of(record_.created_at))
        .add(record_.metadata.text());
    return Request(std::move(command));
  }
  static bool take(const Response&) { return true; }
  Session result() { return std::move(record_); }

private:
  Session record_;
};

/// What scripts answer of a session's record, for `session_in`.
inline const std::string record_function = R"lua(
local function record_of(session)
  return read('HMGET', session, 'user', 'created', 'last_activity', 'requests', 'errors', 'micros',
              'status', 'metadata', 'version')
end
)lua";

inline Session session_in(Element fields, std::string session_id) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.at(i).is_null()) {
      throw Corrupted("a part of the session is missing");
    }
  }
  Session session;
  session.session_id = std::move(session_id);
  session.user_id = text_in(fields.at(0).bytes());
  session.created_at = time_in(fields.at(1).bytes());
  session.last_activity = time_in(fields.at(2).bytes());
  session.request_count = number_in<std::uint64_t>(fields.at(3).bytes());
  session.error_count = number_in<std::uint64_t>(fields.at(4).bytes());
  session.total_processing_time = duration_in(fields.at(5).bytes());
  session.status = text_in(fields.at(6).bytes());
  session.metadata = object_in(fields.at(7).bytes());
  session.version = number_in<std::uint64_t>(fields.at(8).bytes());
  return session;
}

template <>
class Scripts<calls::GetSession> {
public:
  Request request(const ScriptContext& context, std::string& session_id) {
    static const Script script(Script::Kind::reads, session_function + record_function + R"lua(
if not session_of(KEYS[1], KEYS[2]) then
  return false
end
return record_of(KEYS[1])
)lua");
    session_id_ = session_id;
    return Request(on_session(script, context.keys, session_id));
  }
  bool take(const Response& response) {
    if (!response.only().is_null()) {
      result_ = session_in(response.only(), session_id_);
    }
    return true;
  }
  std::optional<Session> result() { return std::move(result_); }

private:
  std::string session_id_;
  std::optional<Session> result_;
};

/// SES-04, SES-05, SES-12: an update is one script. A patch is merged here, because the server's
/// JSON loses integers and empty arrays. The merged metadata is written only if the stamp is
/// unchanged, else the merge is made again. A bucket never uses a stamp twice, so a merge that read
/// a deleted session cannot overwrite the next session of that id. Merges that meet cannot starve
/// each other for ever: one of them always succeeds.
template <>
class Scripts<calls::UpdateSession> {
public:
  Request request(const ScriptContext& context, std::string& session_id,
                  const SessionUpdate& update) {
    static const Script metadata(Script::Kind::reads, session_function + R"lua(
local record = session_of(KEYS[1], KEYS[2])
if not record or record.status ~= 'active' then
  return false
end
return {read('HGET', KEYS[1], 'metadata'), record.stamp}
)lua");
    static const Script change(Script::Kind::writes, session_function + R"lua(
local session, messages, users, counts = unpack(KEYS)
local id, now, rank, requests, errors, micros, metadata, stamp = unpack(ARGV)
local record = session_of(session, messages)
if not record or record.status ~= 'active' then
  return 0
end
if stamp and stamp ~= record.stamp then
  return -1
end
may_touch(session, users)
may_count(counts)
-- The first write is the only one that can fail, and has then changed nothing.
local added = redis.pcall('HINCRBY', session, 'micros', micros)
if type(added) == 'table' then
  if not string.find(added.err, 'overflow') then
    fail('CORRUPTED', 'a number is to stand where none does')
  end
  fail('INVALID', 'add_processing_time overflows the total')
end
redis.call('HINCRBY', session, 'requests', requests)
redis.call('HINCRBY', session, 'errors', errors)
if stamp then
  stamp = digits(redis.call('HINCRBY', counts, 'stamp', 1))
  redis.call('HSET', session, 'metadata', metadata, 'stamp', stamp)
end
touch(session, users, id, record, now, rank)
return 1
)lua");
    const bool has_patch = update.metadata_patch() && !update.metadata_patch()->empty();
    is_reading_ = has_patch && !metadata_;
    if (is_reading_) {
      return Request(on_session(metadata, context.keys, session_id));
    }
    Command command = change_session(change, context, session_id);
    command.add(std::uint64_t{update.counts_request()})
        .add(std::uint64_t{update.counts_error()})
        .add(std::to_string(update.processing_time().count()));
    if (has_patch) {
      json merged = std::exchange(metadata_, std::nullopt)->tree();
      merged.merge_patch(*update.metadata_patch());
      check(calls::UpdateSession::name, session_id, context.limits)
          .object("metadata, merged,", merged);
      command.add(Document(std::move(merged)).text()).add(stamp_);
    }
    return Request(std::move(command));
  }

  bool take(const Response& response) {
    const Element reply = response.only();
    if (!is_reading_) {
      result_ = reply.integer() > 0;
      return reply.integer() >= 0; // below: another patch was faster; read again
    }
    if (reply.is_null()) {
      return true; // no such session, or it has ended
    }
    metadata_ = object_in(reply.at(0).bytes());
    stamp_ = reply.at(1).bytes();
    return false;
  }
  bool result() const { return result_; }

private:
  bool is_reading_ = false;
  std::optional<Document> metadata_;
  std::string stamp_;
  bool result_ = false;
};

/// SES-07, SES-08, SES-09: of all that end a session one does, and its status stays.
template <>
class Scripts<calls::EndSession> : public TrueIfDone {
public:
  static Request request(const ScriptContext& context, std::string& session_id,
                         std::string& status) {
    static const Script script(Script::Kind::writes, session_function + R"lua(
local session, messages, users, counts = unpack(KEYS)
local id, now, rank, status = unpack(ARGV)
local record = session_of(session, messages)
if not record or record.status ~= 'active' then
  return 0
end
may_touch(session, users)
may_count(counts)
redis.call('HSET', session, 'status', status)
redis.call('HINCRBY', counts, 'active', -1)
touch(session, users, id, record, now, rank)
return 1
)lua");
    Command command = change_session(script, context, session_id);
    command.add(std::move(status));
    return Request(std::move(command));
  }
};

} // namespace agentstore::detail::redis

#endif
