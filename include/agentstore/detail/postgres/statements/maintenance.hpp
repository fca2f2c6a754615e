// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_MAINTENANCE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_MAINTENANCE_HPP

// Metrics and clean-up, which concern the whole store.

#include <agentstore/detail/postgres/statements/statements.hpp>

namespace agentstore::detail::postgres {

template <>
class Statements<calls::GetMetrics> {
public:
  static Request request(const StatementContext&) {
    static const Statement select(
        "SELECT count(*), count(*) FILTER (WHERE status = 'active'),"
        " (SELECT count(*) FROM @.messages), (SELECT count(*) FROM @.checkpoints)"
        " FROM @.sessions",
        {});
    return read(select, Parameters());
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    result_.total_sessions = rows.count(0, 0);
    result_.active_sessions = rows.count(0, 1);
    result_.total_messages = rows.count(0, 2);
    result_.total_checkpoints = rows.count(0, 3);
    return true;
  }
  Metrics result() { return std::move(result_); }

private:
  Metrics result_;
};

/// A request removes a limited number of sessions, each with all that it has. A request for all of
/// them would run into the time for a statement, and then nothing would ever be removed. If so many
/// are still too heavy, fewer are asked for.
template <>
class Statements<calls::CleanupExpiredSessions> {
public:
  Request request(const StatementContext& context, std::chrono::microseconds max_idle) {
    // The rows are locked in one order, so that two clean-ups that meet do not deadlock.
    static const Statement remove(
        "WITH idle AS MATERIALIZED (SELECT session_id FROM @.sessions"
        " WHERE last_activity <= $1 AND session_id > $2"
        " ORDER BY session_id LIMIT $3 FOR UPDATE),"
        " gone AS (DELETE FROM @.sessions s USING idle WHERE s.session_id = idle.session_id"
        " RETURNING s.session_id)"
        " SELECT count(*), max(session_id) FROM gone",
        {type::timestamptz, type::text, type::int8});
    if (!since_) {
      since_ = context.clock();
    }
    Parameters limit;
    if (max_idle == std::chrono::microseconds(0)) {
      limit.end_of_time(); // every session, also one whose last activity is ahead of this clock
    } else {
      limit.time_before(*since_, max_idle);
    }
    limit.plain(last_).count(sessions_in_a_transaction_);
    return write(remove, std::move(limit));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    const std::uint64_t removed = rows.count(0, 0);
    result_ += removed;
    if (removed != 0) {
      last_ = rows.plain(0, 1);
    }
    return removed < sessions_in_a_transaction_;
  }
  /// Makes the next request smaller, after one that ran into the time for a statement. False if it
  /// was for one session. The server does not say whether a lock cost the time, so the steps are
  /// large: each may cost that time again.
  bool ask_for_less() {
    const bool was_for_many = sessions_in_a_transaction_ > 1;
    sessions_in_a_transaction_ = std::max<std::size_t>(sessions_in_a_transaction_ / 8, 1);
    return was_for_many;
  }
  std::uint64_t result() const { return result_; }

private:
  std::size_t sessions_in_a_transaction_ = 500;
  std::optional<Timestamp> since_;
  std::string last_; // of the sessions that were removed; all others are greater
  std::uint64_t result_ = 0;
};

} // namespace agentstore::detail::postgres

#endif
