// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_COUNTS_HPP
#define AGENTSTORE_DETAIL_REDIS_COUNTS_HPP

// What each bucket counts of its sessions and threads, and how it is counted anew.

#include <agentstore/detail/redis/keys.hpp>
#include <agentstore/detail/redis/request.hpp>

namespace agentstore::detail::redis {

/// Asks for the counts of a bucket.
inline Command read_counts(const Keys& keys, std::size_t bucket) {
  std::vector<std::string> words = {
      "HMGET", keys.shared("counts", bucket), "sessions", "active", "messages", "checkpoints",
      "whole"};
  return Command(std::move(words));
}

/// Whether counts that were asked for are to be believed. If the key was lost, what has been
/// counted since began at nothing, and has no `whole`. A count goes below 0 when something goes
/// that was not found when it was counted anew.
inline bool are_whole(Element counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts.at(i).is_null() || counts.at(i).bytes().starts_with('-')) {
      return false;
    }
  }
  return true;
}

/// Counts a bucket anew unless its counts are whole, and answers with them. One script finds
/// everything as it is at one moment, so that no change is counted twice or not at all. Only here a
/// script makes names of keys: those of the bucket's ids, in the bucket's slot. Each session and
/// thread counts as much as its removal takes away.
inline Command count_anew(const Keys& keys, std::size_t bucket) {
  // Not refused if the server is full, because it adds next to nothing.
  static const Script script(Script::Kind::removes, R"lua(
local counts, idle, threads = unpack(KEYS)
local stem = ARGV[1]
local found = read('HMGET', counts, 'sessions', 'active', 'messages', 'checkpoints', 'whole')
local is_whole = true
for i = 1, 5 do
  is_whole = is_whole and found[i] and not string.find(found[i], '^%-')
end
if is_whole then
  return found
end
may('HSET', counts)
local sessions, active, messages, checkpoints = 0, 0, 0, 0
local seen = {} -- a session that was evicted and made again is filed twice
for _, member in ipairs(read('ZRANGE', idle, 0, -1)) do
  local id = string.sub(member, 21)
  if not seen[id] then
    seen[id] = true
    local status = read('HGET', stem .. 'session:' .. id, 'status')
    sessions = sessions + (status and 1 or 0)
    active = active + (status == 'active' and 1 or 0)
    messages = messages + read('HLEN', stem .. 'messages:' .. id)
  end
end
for _, id in ipairs(read('ZRANGE', threads, 0, -1)) do
  checkpoints = checkpoints + math.floor(read('HLEN', stem .. 'checkpoints:' .. id) / 2)
end
redis.call('HSET', counts, 'sessions', digits(sessions), 'active', digits(active),
           'messages', digits(messages), 'checkpoints', digits(checkpoints), 'whole', 1)
return {digits(sessions), digits(active), digits(messages), digits(checkpoints), '1'}
)lua");
  return Command(script)
      .key(keys.shared("counts", bucket))
      .key(keys.shared("idle", bucket))
      .key(keys.shared("threads", bucket))
      .add(keys.shared("", bucket));
}

} // namespace agentstore::detail::redis

#endif
