// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_CHECKPOINTS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_CHECKPOINTS_HPP

// Checkpoints and pending writes.

#include <agentstore/detail/redis/scripts/threads.hpp>

namespace agentstore::detail::redis {

/// The stored value is a field of its own, so that the server need not make a new string of it. Lua
/// goes through each byte of every new string.
inline const std::string checkpoint_function = thread_function + fetch_function + R"lua(
-- What was placed and what was stored, of ids that are all to be there.
local function checkpoints_of(checkpoints, ids)
  local fields = {}
  for i = 1, #ids do
    fields[2 * i - 1], fields[2 * i] = placed_of(ids[i]), ids[i]
  end
  return fetch(checkpoints, fields)
end
)lua";

/// CHK-04: an id that is stored again keeps its place and its time. CHK-02: a new one comes behind
/// all others, whatever a clock says.
template <>
class Scripts<calls::PutCheckpoint> {
public:
  static Request request(const ScriptContext& context, std::string& thread_id,
                         std::string& checkpoint_id, const Document& data,
                         const Document& metadata) {
    static const Script script(Script::Kind::writes, placed_function + R"lua(
local checkpoints, order, writes, values, threads, counts = unpack(KEYS)
local thread_id, id, now, content = unpack(ARGV)
local placed, place = placed_of(id), 0
local last = read('ZRANGE', order, '-1', '-1')[1]
local old, is_whole
if last then
  place = tonumber(string.sub(last, 1, 16))
  local found = read('HMGET', checkpoints, placed, placed_of(string.sub(last, 17)))
  old, is_whole = found[1], place and found[2]
else
  is_whole = read('HLEN', checkpoints) == 0
end
if not is_whole or read('EXISTS', writes, values) == 1 then
  fail('CORRUPTED', 'a part of the thread is missing')
end
may('HSET', checkpoints)
if old then
  redis.call('HSET', checkpoints, id, content)
  return 1
end
may('ZADD', order)
if not last then
  read('ZCARD', threads)
  may('ZADD', threads)
end
count_first(counts, 'checkpoints')
place = string.format('%016.0f', place + 1)
redis.call('ZADD', order, '0', place .. id)
redis.call('HSET', checkpoints, id, content, placed, place .. ' ' .. now)
if not last then
  redis.call('ZADD', threads, '0', thread_id)
end
return 1
)lua");
    const std::string_view text = data.text();
    std::string content = std::to_string(text.size()) + "\n";
    content.append(text).append("\n").append(metadata.text());
    Command command = change_thread(script, context.keys, thread_id);
    command.add(thread_id)
        .add(checkpoint_id)
        .add(micros_of(context.clock()))
        .add(std::move(content));
    return Request(std::move(command));
  }
  static bool take(const Response&) { return true; }
  static bool result() { return true; }
};

template <>
class Scripts<calls::StoreCheckpoint> : public Scripts<calls::PutCheckpoint> {};

/// The checkpoint at one index of two lists: the ids, and for each id what is placed and stored.
inline Checkpoint checkpoint_in(Element ids, Element values, std::size_t at,
                                std::string thread_id) {
  Checkpoint checkpoint;
  checkpoint.thread_id = std::move(thread_id);
  checkpoint.checkpoint_id = text_in(ids.at(at).bytes());
  PartReader placed(values.at(2 * at).bytes());
  static_cast<void>(placed.word<std::uint64_t>()); // its place
  checkpoint.created_at = time_in(placed.rest());
  PartReader parts(values.at(2 * at + 1).bytes());
  const auto size = parts.word<std::size_t>();
  checkpoint.data = document_in(parts.line(size));
  checkpoint.metadata = object_in(parts.rest());
  return checkpoint;
}

/// CHK-01, CHK-02.
template <>
class Scripts<calls::GetCheckpoint> {
public:
  Request request(const ScriptContext& context, std::string& thread_id,
                  std::optional<std::string>& checkpoint_id) {
    static const Script script(Script::Kind::reads, checkpoint_function + R"lua(
local checkpoints, order, writes, values = unpack(KEYS)
local id = ARGV[1]
thread_of(checkpoints, order, writes, values)
if not id then
  local last = read('ZRANGE', order, '-1', '-1')[1]
  if not last then
    return false
  end
  id = string.sub(last, 17)
elseif read('HSTRLEN', checkpoints, placed_of(id)) == 0 then
  return false
end
return {{id}, checkpoints_of(checkpoints, {id})}
)lua");
    thread_id_ = thread_id;
    Command command = on_thread(script, context.keys, thread_id);
    if (checkpoint_id) {
      command.add(*checkpoint_id);
    }
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    const Element reply = response.only();
    if (!reply.is_null()) {
      result_ = checkpoint_in(reply.at(0), reply.at(1), 0, thread_id_);
    }
    return true;
  }
  std::optional<Checkpoint> result() { return std::move(result_); }

private:
  std::string thread_id_;
  std::optional<Checkpoint> result_;
};

/// CHK-03 and THR-08: some checkpoints of a thread, newest first.
class CheckpointList {
public:
  Request request(const ScriptContext& context, const std::string& thread_id,
                  const std::string& before, std::size_t limit) {
    static const Script script(Script::Kind::reads, checkpoint_function + R"lua(
local checkpoints, order, writes, values = unpack(KEYS)
local limit, before = unpack(ARGV)
thread_of(checkpoints, order, writes, values)
local newest = '+'
if before then
  local value = read('HGET', checkpoints, placed_of(before))
  if not value then
    return {{}, {}}
  end
  newest = '(' .. string.sub(value, 1, 16) .. before
end
local ids = read('ZRANGE', order, newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
for i = 1, #ids do
  ids[i] = string.sub(ids[i], 17)
end
return {ids, checkpoints_of(checkpoints, ids)}
)lua");
    if (limit == 0) {
      return Request();
    }
    thread_id_ = thread_id;
    Command command = on_thread(script, context.keys, thread_id);
    command.add(limit_of(limit));
    if (!before.empty()) {
      command.add(before);
    }
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    const Element ids = response.only().at(0);
    const Element values = response.only().at(1);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      result_.push_back(checkpoint_in(ids, values, i, thread_id_));
    }
    return true;
  }
  std::vector<Checkpoint> result() { return std::move(result_); }

private:
  std::string thread_id_;
  std::vector<Checkpoint> result_;
};

template <>
class Scripts<calls::ListCheckpoints> : public CheckpointList {
public:
  Request request(const ScriptContext& context, std::string& thread_id, std::size_t limit) {
    return CheckpointList::request(context, thread_id, std::string(), limit);
  }
};

template <>
class Scripts<calls::ListCheckpointsBefore> : public CheckpointList {};

/// THR-09: both are of one moment, that of the script.
template <>
class Scripts<calls::GetThreadHead> {
public:
  Request request(const ScriptContext& context, std::string& thread_id, std::size_t limit) {
    static const Script script(Script::Kind::reads, checkpoint_function + R"lua(
local checkpoints, order, writes, values = unpack(KEYS)
thread_of(checkpoints, order, writes, values)
local latest = read('ZRANGE', order, '-1', '-1')
local ids = {}
if ARGV[1] ~= '0' then
  ids = read('ZRANGE', order, '+', '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[1])
end
for _, places in ipairs({latest, ids}) do
  for i = 1, #places do
    places[i] = string.sub(places[i], 17)
  end
end
return {latest, checkpoints_of(checkpoints, latest), ids}
)lua");
    thread_id_ = thread_id;
    Command command = on_thread(script, context.keys, thread_id);
    command.add(limit_of(limit));
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    const Element latest = response.only().at(0);
    const Element ids = response.only().at(2);
    if (latest.size() != 0) {
      result_.latest = checkpoint_in(latest, response.only().at(1), 0, thread_id_);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      result_.checkpoint_ids.push_back(text_in(ids.at(i).bytes()));
    }
    return true;
  }
  ThreadHead result() { return std::move(result_); }

private:
  std::string thread_id_;
  ThreadHead result_;
};

/// WRT-02, WRT-03: a write that is there stays. On special channels the last write stays instead.
/// WRT-08: a call is one script.
template <>
class Scripts<calls::PutWrites> {
public:
  static Request request(const ScriptContext& context, std::string& thread_id,
                         std::string& checkpoint_id, std::string& task_id,
                         std::vector<ChannelWrite>& channel_writes) {
    static const Script script(Script::Kind::writes, thread_function + R"lua(
local checkpoints, order, writes, values, threads = unpack(KEYS)
thread_of(checkpoints, order, writes, values)
read('ZCARD', threads)
may('ZADD', writes, threads)
may('HSET', values)
read('HSTRLEN', values, '')
for i = 2, #ARGV, 3 do
  local rule, member, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if rule == 'last' or redis.call('HSTRLEN', values, member) == 0 then
    redis.call('ZADD', writes, '0', member)
    redis.call('HSET', values, member, value)
  end
end
redis.call('ZADD', threads, '0', ARGV[1])
return 1
)lua");
    if (channel_writes.empty()) {
      return Request(); // WRT-07
    }
    Command command = change_thread(script, context.keys, thread_id);
    command.add(thread_id);
    for (std::size_t position = 0; position < channel_writes.size(); ++position) {
      const ChannelWrite& write = channel_writes[position];
      const std::int64_t index = write_index(write.channel, position);
      std::string value = std::to_string(write.channel.size()) + "\n";
      value.append(write.channel).append("\n").append(write.value.text());
      command.add(index < 0 ? "last" : "first")
          .add(write_member(checkpoint_id, task_id, index))
          .add(std::move(value));
    }
    return Request(std::move(command));
  }
  static bool take(const Response&) { return true; }
  static bool result() { return true; }
};

/// WRT-01, WRT-06.
template <>
class Scripts<calls::GetWrites> {
public:
  static Request request(const ScriptContext& context, std::string& thread_id,
                         std::string& checkpoint_id) {
    static const Script script(Script::Kind::reads, thread_function + fetch_function + R"lua(
local checkpoints, order, writes, values = unpack(KEYS)
thread_of(checkpoints, order, writes, values)
local members = read('ZRANGE', writes, '[' .. ARGV[1] .. '\0', '(' .. ARGV[1] .. '\1', 'BYLEX')
return {members, fetch(values, members)}
)lua");
    Command command = on_thread(script, context.keys, thread_id);
    command.add(checkpoint_id);
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    const Element members = response.only().at(0);
    const Element values = response.only().at(1);
    for (std::size_t i = 0; i < members.size(); ++i) {
      result_.push_back(write_in(members.at(i).bytes(), values.at(i).bytes()));
    }
    return true;
  }
  std::vector<PendingWrite> result() { return std::move(result_); }

private:
  static PendingWrite write_in(std::string_view member, std::string_view value) {
    const std::size_t task = member.find('\0') + 1;
    const std::size_t index = member.rfind('\0') + 1;
    if (task == 0 || index <= task) {
      throw Corrupted("a pending write does not tell its task");
    }
    PendingWrite write;
    write.task_id = text_in(member.substr(task, index - task - 1));
    write.index = static_cast<std::int64_t>(number_in<std::uint64_t>(member.substr(index))) - 4;
    PartReader parts(value);
    const auto size = parts.word<std::size_t>();
    write.channel = text_in(parts.line(size));
    write.value = document_in(parts.rest());
    return write;
  }

  std::vector<PendingWrite> result_;
};

} // namespace agentstore::detail::redis

#endif
