// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_THREADS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_THREADS_HPP

// What all that concerns a thread has in common.

#include <agentstore/detail/redis/scripts/scripts.hpp>

namespace agentstore::detail::redis {

inline const std::string placed_function = R"lua(
-- The field of a checkpoint's place and time, beside that of what was stored.
local function placed_of(id)
  return id .. '\0'
end
)lua";

inline const std::string thread_function = placed_function + R"lua(
-- How many checkpoints and pending writes a thread has. One that is torn is never a shorter one.
local function thread_of(checkpoints, order, writes, values)
  local thread = {checkpoints = read('HLEN', checkpoints) / 2, writes = read('ZCARD', writes)}
  if thread.checkpoints ~= read('ZCARD', order) or thread.writes ~= read('HLEN', values) then
    fail('CORRUPTED', 'a part of the thread is missing')
  end
  return thread
end
)lua";

/// The keys that all scripts of a thread begin with.
inline Command& add_thread_keys(Command& command, const Keys& keys, const std::string& thread_id) {
  return command.key(keys.of("checkpoints", thread_id))
      .key(keys.of("order", thread_id))
      .key(keys.of("writes", thread_id))
      .key(keys.of("values", thread_id));
}

inline Command on_thread(const Script& script, const Keys& keys, const std::string& thread_id) {
  Command command(script);
  add_thread_keys(command, keys, thread_id);
  return command;
}

/// The same, with the keys that threads of a bucket share.
inline Command change_thread(const Script& script, const Keys& keys, const std::string& thread_id) {
  Command command = on_thread(script, keys, thread_id);
  command.key(keys.shared_by("threads", thread_id)).key(keys.shared_by("counts", thread_id));
  return command;
}

/// Where a write of a task stands among those of a thread (WRT-01), and the field of its value.
inline std::string write_member(const std::string& checkpoint_id, const std::string& task_id,
                                std::int64_t index) {
  std::string member = checkpoint_id;
  member.append(1, '\0').append(task_id).append(1, '\0');
  return member + padded(static_cast<std::uint64_t>(index + 4), 20);
}

} // namespace agentstore::detail::redis

#endif
