// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_CONVERSATIONS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_CONVERSATIONS_HPP

// Messages. The session counts them, and the count of the last one is its sequence: there is never
// a gap, and a message that is missing is seen to be.

#include <agentstore/detail/redis/scripts/sessions.hpp>

namespace agentstore::detail::redis {

/// CON-04, CON-06, CON-08, SES-09.
template <>
class Scripts<calls::AddConversationMessage> : public TrueIfDone {
public:
  static Request request(const ScriptContext& context, std::string& session_id, std::string& role,
                         std::string& content, const Document& metadata) {
    static const Script script(Script::Kind::writes, session_function + R"lua(
local session, messages, users, counts = unpack(KEYS)
local id, now, rank, message = unpack(ARGV)
local record = session_of(session, messages)
if not record or record.status ~= 'active' then
  return 0
end
may_touch(session, users)
may('HSET', messages)
local sequence = digits(record.messages + 1)
count_first(counts, 'messages')
redis.call('HSET', messages, sequence, now .. message)
redis.call('HSET', session, 'messages', sequence)
touch(session, users, id, record, now, rank)
return 1
)lua");
    Command command = change_session(script, context, session_id);
    std::string message =
        " " + std::to_string(role.size()) + " " + std::to_string(content.size()) + "\n";
    message.append(role).append("\n").append(content).append("\n").append(metadata.text());
    command.add(std::move(message));
    return Request(std::move(command));
  }
};

/// CON-01, CON-02, SES-07.
template <>
class Scripts<calls::GetConversationHistory> {
public:
  static Request request(const ScriptContext& context, std::string& session_id, std::size_t limit) {
    static const Script script(Script::Kind::reads, session_function + fetch_function + R"lua(
local record = session_of(KEYS[1], KEYS[2])
if not record then
  return {0, {}}
end
local first = math.max(1, record.messages - tonumber(ARGV[1]) + 1)
local sequences = {}
for sequence = first, record.messages do
  sequences[#sequences + 1] = digits(sequence)
end
return {first, fetch(KEYS[2], sequences)}
)lua");
    if (limit == 0) {
      return Request();
    }
    Command command = on_session(script, context.keys, session_id);
    command.add(limit_of(limit));
    return Request(std::move(command));
  }
  bool take(const Response& response) {
    auto sequence = static_cast<std::uint64_t>(response.only().at(0).integer());
    const Element values = response.only().at(1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      PartReader parts(values.at(i).bytes());
      Message& message = result_.emplace_back();
      message.sequence = sequence++;
      message.timestamp = Timestamp(std::chrono::microseconds(parts.word<std::int64_t>()));
      const auto role = parts.word<std::size_t>();
      const auto content = parts.word<std::size_t>();
      message.role = text_in(parts.line(role));
      message.content = text_in(parts.line(content));
      message.metadata = object_in(parts.rest());
    }
    return true;
  }
  std::vector<Message> result() { return std::move(result_); }

private:
  std::vector<Message> result_;
};

} // namespace agentstore::detail::redis

#endif
