// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_DIRECTORIES_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_DIRECTORIES_HPP

// The directories of sessions and of threads.

#include <agentstore/detail/postgres/statements/checkpoints.hpp>
#include <agentstore/detail/postgres/statements/sessions.hpp>

namespace agentstore::detail::postgres {

template <>
class Statements<calls::ListSessions> {
public:
  Request request(const StatementContext&, std::string& user_id, const Page& page) {
    static const Statement select("SELECT " + session_columns +
                                      " FROM @.sessions WHERE user_id = $1"
                                      " AND last_activity <= $2"
                                      " AND (last_activity < $2 OR session_id > $3)"
                                      " ORDER BY last_activity DESC, session_id LIMIT $4",
                                  {type::text, type::timestamptz, type::text, type::int8});
    const auto cursor = read_cursor<SessionPosition>(calls::ListSessions::name, user_id, page);
    user_id_ = user_id;
    size_ = page.size;
    Parameters parameters;
    parameters.plain(user_id);
    if (cursor) {
      parameters.time(Timestamp(std::chrono::microseconds(cursor->first))).plain(cursor->second);
    } else {
      parameters.end_of_time().plain("");
    }
    return read(select, parameters.count(size_ + 1));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      result_.sessions.push_back(session_in(rows, row));
    }
    finish_page(result_, size_, user_id_);
    return true;
  }
  SessionPage result() { return std::move(result_); }

private:
  std::string user_id_;
  std::size_t size_ = 0;
  SessionPage result_;
};

template <>
class Statements<calls::DeleteSession> : public TrueIfTouched {
public:
  static Request request(const StatementContext&, std::string& session_id) {
    static const Statement remove("DELETE FROM @.sessions WHERE session_id = $1", {type::text});
    return write(remove, Parameters().plain(session_id));
  }
};

template <>
class Statements<calls::ListThreads> {
public:
  Request request(const StatementContext&, std::string& prefix, const Page& page) {
    static const Statement select("SELECT thread_id FROM @.threads"
                                  " WHERE thread_id >= $1 AND thread_id > $2 AND thread_id < $3"
                                  " ORDER BY thread_id LIMIT $4",
                                  {type::text, type::text, type::text, type::int8});
    const auto after = read_cursor<std::string>(calls::ListThreads::name, prefix, page);
    prefix_ = prefix;
    size_ = page.size;
    // `end` comes after every id with this prefix, because no id has room for so many of the
    // greatest code point.
    std::string end = prefix;
    for (std::size_t i = 0; i <= max_id_bytes / 4; ++i) {
      end += "\xf4\x8f\xbf\xbf";
    }
    return read(select, Parameters()
                            .plain(prefix)
                            .plain(after.value_or(std::string()))
                            .plain(std::move(end))
                            .count(size_ + 1));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      result_.thread_ids.push_back(rows.plain(row, 0));
    }
    finish_page(result_, size_, prefix_);
    return true;
  }
  ThreadPage result() { return std::move(result_); }

private:
  std::string prefix_;
  std::size_t size_ = 0;
  ThreadPage result_;
};

template <>
class Statements<calls::DeleteThread> : public TrueIfTouched {
public:
  static Request request(const StatementContext&, std::string& thread_id) {
    static const Statement remove("DELETE FROM @.threads WHERE thread_id = $1", {type::text});
    return write(remove, Parameters().plain(thread_id));
  }
};

/// Locks a thread. The statements after it in the request see all that was committed before the
/// lock was granted, because each statement has a snapshot of its own at READ COMMITTED.
inline const Statement& lock_thread() {
  static const Statement lock("SELECT 1 FROM @.threads WHERE thread_id = $1 FOR UPDATE",
                              {type::text});
  return lock;
}

template <>
class Statements<calls::CopyThread> {
public:
  static Request request(const StatementContext&, std::string& source, std::string& target) {
    static const Statement copy("WITH target AS (INSERT INTO @.threads (thread_id, last_place)"
                                " SELECT $2, last_place FROM @.threads WHERE thread_id = $1"
                                " ON CONFLICT DO NOTHING RETURNING 1),"
                                " copied AS (INSERT INTO @.checkpoints"
                                " (thread_id, checkpoint_id, place, created_at, data, metadata)"
                                " SELECT $2, checkpoint_id, place, created_at, data, metadata"
                                " FROM @.checkpoints, target WHERE thread_id = $1),"
                                " noted AS (INSERT INTO @.writes"
                                " (thread_id, checkpoint_id, task_id, write_index, channel, value)"
                                " SELECT $2, checkpoint_id, task_id, write_index, channel, value"
                                " FROM @.writes, target WHERE thread_id = $1)"
                                " SELECT 1 FROM target",
                                {type::text, type::text});
    Request request;
    request.add(lock_thread(), Parameters().plain(source));
    request.add(copy, Parameters().plain(source).plain(target));
    return request;
  }
  bool take(const Response& response) {
    result_ = response.rows.at(0).size() != 0;
    if (result_ && response.rows.at(1).size() == 0) {
      throw Failure(errc::already_exists, "the target exists");
    }
    return true;
  }
  bool result() const { return result_; }

private:
  bool result_ = false;
};

template <>
class Statements<calls::PruneThread> {
public:
  static Request request(const StatementContext&, std::string& thread_id, std::size_t keep) {
    static const Statement prune(
        "WITH gone AS (DELETE FROM @.checkpoints WHERE thread_id = $1 AND place <="
        " (SELECT place FROM @.checkpoints WHERE thread_id = $1"
        " ORDER BY place DESC OFFSET $2 LIMIT 1) RETURNING checkpoint_id),"
        " theirs AS (DELETE FROM @.writes w USING gone"
        " WHERE w.thread_id = $1 AND w.checkpoint_id = gone.checkpoint_id)"
        " SELECT count(*) FROM gone",
        {type::text, type::int8});
    static const Statement empty("DELETE FROM @.threads WHERE thread_id = $1"
                                 " AND NOT EXISTS (SELECT FROM @.checkpoints WHERE thread_id = $1)"
                                 " AND NOT EXISTS (SELECT FROM @.writes WHERE thread_id = $1)",
                                 {type::text});
    Request request;
    request.add(lock_thread(), Parameters().plain(thread_id));
    request.add(prune, Parameters().plain(thread_id).count(keep));
    request.add(empty, Parameters().plain(thread_id));
    return request;
  }
  bool take(const Response& response) {
    result_ = response.rows.at(1).count(0, 0);
    return true;
  }
  std::uint64_t result() const { return result_; }

private:
  std::uint64_t result_ = 0;
};

template <>
class Statements<calls::ListCheckpointsBefore> : public CheckpointList {
public:
  static Request request(const StatementContext&, std::string& thread_id,
                         std::string& checkpoint_id, std::size_t limit) {
    static const Statement select(
        "SELECT " + checkpoint_columns +
            " FROM @.checkpoints WHERE thread_id = $1 AND place <"
            " (SELECT place FROM @.checkpoints WHERE thread_id = $1 AND checkpoint_id = $2)"
            " ORDER BY place DESC LIMIT $3",
        {type::text, type::text, type::int8});
    return read(select, Parameters().plain(thread_id).plain(checkpoint_id).count(limit));
  }
};

template <>
class Statements<calls::GetThreadHead> {
public:
  Request request(const StatementContext&, std::string& thread_id, std::size_t limit) {
    static const Statement select(
        "SELECT thread_id, checkpoint_id, CASE WHEN number = 1 THEN data END,"
        " CASE WHEN number = 1 THEN metadata END, created_at"
        " FROM (SELECT *, row_number() OVER (ORDER BY place DESC) AS number"
        " FROM @.checkpoints WHERE thread_id = $1 ORDER BY place DESC LIMIT $2) AS newest"
        " ORDER BY number",
        {type::text, type::int8});
    limit_ = limit;
    return read(select, Parameters().plain(thread_id).count(std::max<std::size_t>(limit, 1)));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    if (rows.size() != 0) {
      result_.latest = checkpoint_in(rows, 0);
    }
    for (std::size_t row = 0; row < std::min(limit_, rows.size()); ++row) {
      result_.checkpoint_ids.push_back(rows.plain(row, 1));
    }
    return true;
  }
  ThreadHead result() { return std::move(result_); }

private:
  std::size_t limit_ = 0;
  ThreadHead result_;
};

} // namespace agentstore::detail::postgres

#endif
