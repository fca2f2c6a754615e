// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_TASK_CONTEXTS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_TASK_CONTEXTS_HPP

// The task context of a session.

#include <agentstore/detail/postgres/statements/statements.hpp>

namespace agentstore::detail::postgres {

template <>
class Statements<calls::GetTaskContext> {
public:
  static Request request(const StatementContext&, std::string& session_id) {
    static const Statement select("SELECT task_context FROM @.sessions WHERE session_id = $1",
                                  {type::text});
    return read(select, Parameters().plain(session_id));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    if (rows.size() != 0 && !rows.is_null(0, 0)) {
      result_ = rows.document(0, 0);
    }
    return true;
  }
  std::optional<Document> result() { return std::move(result_); }

private:
  std::optional<Document> result_;
};

template <>
class Statements<calls::StoreTaskContext> : public TrueIfTouched {
public:
  static Request request(const StatementContext&, std::string& session_id,
                         const Document& task_context) {
    static const Statement update("UPDATE @.sessions SET task_context = $2"
                                  " WHERE session_id = $1 AND status = 'active'",
                                  {type::text, type::json});
    return write(update, Parameters().plain(session_id).document(task_context));
  }
};

} // namespace agentstore::detail::postgres

#endif
