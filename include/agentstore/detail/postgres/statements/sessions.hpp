// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_SESSIONS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_SESSIONS_HPP

// Sessions.

#include <agentstore/authoring/session_update.hpp>
#include <agentstore/detail/postgres/statements/statements.hpp>

namespace agentstore::detail::postgres {

/// The version of a session's metadata is the number of the transaction that wrote it, because no
/// other transaction ever has that number. A counter would start again when a session is deleted
/// and created anew; a merge that read the old session could then overwrite the new one.
inline const std::string this_transaction = "pg_current_xact_id()::text::bigint";

template <>
class Statements<calls::CreateSession> {
public:
  Request request(const StatementContext& context, std::string& session_id, std::string& user_id,
                  Document& metadata) {
    static const Statement insert(
        "INSERT INTO @.sessions"
        " (session_id, user_id, status, created_at, last_activity, metadata, metadata_version)"
        " VALUES ($1, $2, 'active', $3, $3, $4, " +
            this_transaction + ") ON CONFLICT DO NOTHING",
        {type::text, type::text, type::timestamptz, type::json});
    record_ = new_session(session_id, user_id, std::move(metadata), context.clock());
    return write(insert, Parameters()
                             .plain(session_id)
                             .plain(user_id)
                             .time(record_.created_at)
                             .document(record_.metadata));
  }
  static bool take(const Response& response) {
    if (response.rows.at(0).affected() == 0) {
      throw Failure(errc::already_exists, "the session exists");
    }
    return true;
  }
  Session result() { return std::move(record_); }

private:
  Session record_;
};

inline const std::string session_columns =
    "session_id, user_id, created_at, last_activity, request_count, error_count,"
    " total_processing_time_us, status, metadata, version";

inline Session session_in(const Rows& rows, std::size_t row) {
  Session session;
  session.session_id = rows.plain(row, 0);
  session.user_id = rows.plain(row, 1);
  session.created_at = rows.time(row, 2);
  session.last_activity = rows.time(row, 3);
  session.request_count = rows.count(row, 4);
  session.error_count = rows.count(row, 5);
  session.total_processing_time = rows.duration(row, 6);
  session.status = rows.text(row, 7);
  session.metadata = rows.object(row, 8);
  session.version = rows.count(row, 9);
  return session;
}

template <>
class Statements<calls::GetSession> {
public:
  static Request request(const StatementContext&, std::string& session_id) {
    static const Statement select(
        "SELECT " + session_columns + " FROM @.sessions WHERE session_id = $1", {type::text});
    return read(select, Parameters().plain(session_id));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    if (rows.size() != 0) {
      result_ = session_in(rows, 0);
    }
    return true;
  }
  std::optional<Session> result() { return std::move(result_); }

private:
  std::optional<Session> result_;
};

/// An update without a patch is one statement.
///
/// A patch is merged on the client, because PostgreSQL's JSON types do not preserve every value.
/// The merged metadata is written only if metadata_version is unchanged, else the merge is made
/// again. Merges that meet cannot starve each other for ever: one of them always succeeds.
template <>
class Statements<calls::UpdateSession> {
public:
  Request request(const StatementContext& context, std::string& session_id,
                  const SessionUpdate& update) {
    static const Statement select("SELECT metadata, metadata_version FROM @.sessions"
                                  " WHERE session_id = $1 AND status = 'active'",
                                  {type::text});
    static const std::string change =
        "UPDATE @.sessions SET request_count = request_count + $2, error_count = error_count + $3,"
        " total_processing_time_us = total_processing_time_us + $4,"
        " last_activity = greatest(last_activity, $5), version = version + 1";
    static const std::string active = " WHERE session_id = $1 AND status = 'active'";
    static const Statement count(
        change + active, {type::text, type::int8, type::int8, type::int8, type::timestamptz});
    static const Statement merge(change + ", metadata = $6, metadata_version = " +
                                     this_transaction + active + " AND metadata_version = $7",
                                 {type::text, type::int8, type::int8, type::int8, type::timestamptz,
                                  type::json, type::int8});
    const bool has_patch = update.metadata_patch() && !update.metadata_patch()->empty();
    if (has_patch && !metadata_) {
      step_ = Step::reading;
      return read(select, Parameters().plain(session_id));
    }
    Parameters parameters;
    parameters.plain(session_id)
        .integer(update.counts_request() ? 1 : 0)
        .integer(update.counts_error() ? 1 : 0)
        .integer(update.processing_time().count())
        .time(context.clock());
    if (!has_patch) {
      step_ = Step::counting;
      return write(count, std::move(parameters));
    }
    step_ = Step::merging;
    json merged = std::exchange(metadata_, std::nullopt)->tree();
    merged.merge_patch(*update.metadata_patch());
    check(calls::UpdateSession::name, session_id, context.limits)
        .object("metadata, merged,", merged);
    return write(merge, parameters.document(std::move(merged)).integer(metadata_version_));
  }

  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    switch (step_) {
    case Step::reading:
      if (rows.size() == 0) {
        return true; // no such session, or it has ended
      }
      metadata_ = rows.object(0, 0);
      metadata_version_ = rows.integer(0, 1);
      return false;
    case Step::counting:
      result_ = rows.affected() != 0;
      return true;
    case Step::merging:
      result_ = rows.affected() != 0;
      return result_; // false: another patch was faster, or the session is gone; read again
    }
    return true;
  }
  bool result() const { return result_; }

private:
  enum class Step { reading, counting, merging };

  Step step_ = Step::reading;
  std::optional<Document> metadata_;
  std::int64_t metadata_version_ = 0;
  bool result_ = false;
};

template <>
class Statements<calls::EndSession> : public TrueIfTouched {
public:
  static Request request(const StatementContext& context, std::string& session_id,
                         std::string& status) {
    static const Statement update(
        "UPDATE @.sessions SET status = $2, last_activity = greatest(last_activity, $3),"
        " version = version + 1 WHERE session_id = $1 AND status = 'active'",
        {type::text, type::text, type::timestamptz});
    return write(update,
                 Parameters().plain(session_id).text(std::move(status)).time(context.clock()));
  }
};

} // namespace agentstore::detail::postgres

#endif
