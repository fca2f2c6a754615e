// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_CONVERSATIONS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_CONVERSATIONS_HPP

// The messages of sessions.

#include <agentstore/detail/postgres/statements/statements.hpp>

namespace agentstore::detail::postgres {

template <>
class Statements<calls::AddConversationMessage> : public TrueIfTouched {
public:
  static Request request(const StatementContext& context, std::string& session_id,
                         std::string& role, std::string& content, const Document& metadata) {
    static const Statement insert(
        "WITH session AS (UPDATE @.sessions SET last_sequence = last_sequence + 1,"
        " last_activity = greatest(last_activity, $4), version = version + 1"
        " WHERE session_id = $1 AND status = 'active' RETURNING last_sequence)"
        " INSERT INTO @.messages (session_id, sequence, role, content, created_at, metadata)"
        " SELECT $1, last_sequence, $2, $3, $4, $5 FROM session",
        {type::text, type::text, type::text, type::timestamptz, type::json});
    return write(insert, Parameters()
                             .plain(session_id)
                             .text(std::move(role))
                             .text(std::move(content))
                             .time(context.clock())
                             .document(metadata));
  }
};

template <>
class Statements<calls::GetConversationHistory> {
public:
  static Request request(const StatementContext&, std::string& session_id, std::size_t limit) {
    static const Statement select(
        "SELECT sequence, role, content, created_at, metadata FROM @.messages"
        " WHERE session_id = $1 ORDER BY sequence DESC LIMIT $2",
        {type::text, type::int8});
    return read(select, Parameters().plain(session_id).count(limit));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    for (std::size_t row = rows.size(); row-- > 0;) {
      Message& message = result_.emplace_back();
      message.sequence = rows.count(row, 0);
      message.role = rows.text(row, 1);
      message.content = rows.text(row, 2);
      message.timestamp = rows.time(row, 3);
      message.metadata = rows.object(row, 4);
    }
    return true;
  }
  std::vector<Message> result() { return std::move(result_); }

private:
  std::vector<Message> result_;
};

} // namespace agentstore::detail::postgres

#endif
