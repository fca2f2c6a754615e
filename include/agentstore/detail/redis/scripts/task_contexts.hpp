// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_TASK_CONTEXTS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_TASK_CONTEXTS_HPP

// Task contexts: a field of their session.

#include <agentstore/detail/redis/scripts/sessions.hpp>

namespace agentstore::detail::redis {

/// CTX-02, CTX-05, SES-09.
template <>
class Scripts<calls::StoreTaskContext> : public TrueIfDone {
public:
  static Request request(const ScriptContext& context, std::string& session_id,
                         const Document& value) {
    static const Script script(Script::Kind::writes, session_function + R"lua(
local record = session_of(KEYS[1], KEYS[2])
if not record or record.status ~= 'active' then
  return 0
end
may('HSET', KEYS[1])
redis.call('HSET', KEYS[1], 'context', ARGV[1])
return 1
)lua");
    Command command = on_session(script, context.keys, session_id);
    command.add(value.text());
    return Request(std::move(command));
  }
};

template <>
class Scripts<calls::GetTaskContext> {
public:
  static Request request(const ScriptContext& context, std::string& session_id) {
    static const Script script(Script::Kind::reads, session_function + R"lua(
if not session_of(KEYS[1], KEYS[2]) then
  return false
end
return read('HGET', KEYS[1], 'context')
)lua");
    return Request(on_session(script, context.keys, session_id));
  }
  bool take(const Response& response) {
    if (!response.only().is_null()) {
      result_ = document_in(response.only().bytes());
    }
    return true;
  }
  std::optional<Document> result() { return std::move(result_); }

private:
  std::optional<Document> result_;
};

} // namespace agentstore::detail::redis

#endif
