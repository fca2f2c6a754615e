// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_TASKS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_TASKS_HPP

// What each method asks of the server, and what it makes of the answer. A task has
//
//     Request request(const Surroundings&, arguments of the call...);
//     bool take(const Answer&);  // true: done; false: make another request
//     Result result();
//
// All but the merge of an update are one request, and so one round trip and one transaction. No
// order comes from a clock; times are recorded as the backend's clock has them.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/detail/postgres/operation.hpp>

#include <map>

namespace agentstore::detail::postgres {

/// What a task may need besides its arguments.
class Surroundings {
public:
  Surroundings(const Clock& the_clock, Limits the_limits) : clock(the_clock), limits(the_limits) {}

  const Clock& clock;
  Limits limits;
};

template <class Call>
class Task;

/// A request with one statement that may change something.
inline Request write(const Statement& statement, Parameters parameters) {
  Request request;
  request.add(statement, std::move(parameters));
  return request;
}

/// A request with one statement that changes nothing.
inline Request read(const Statement& statement, Parameters parameters) {
  Request request = write(statement, std::move(parameters));
  request.writes = false;
  return request;
}

// Sessions

/// A number that no other transaction has, nor ever will: the version of a session's metadata is
/// the transaction that wrote it. A count could be met again in another life of the session, after
/// it was deleted and created anew, by an update that read the old one.
inline const std::string this_transaction = "pg_current_xact_id()::text::bigint";

template <>
class Task<calls::CreateSession> {
public:
  Request request(const Surroundings& around, std::string& session_id, std::string& user_id,
                  json& metadata) {
    static const Statement insert(
        "INSERT INTO @.sessions"
        " (session_id, user_id, status, created_at, last_activity, metadata, metadata_version)"
        " VALUES ($1, $2, 'active', $3, $3, $4, " +
            this_transaction + ") ON CONFLICT DO NOTHING",
        {type::text, type::text, type::timestamptz, type::json});
    record_.session_id = session_id;
    record_.user_id = user_id;
    record_.created_at = around.clock();
    record_.last_activity = record_.created_at;
    record_.metadata = std::move(metadata);
    return write(insert, Parameters()
                             .plain(session_id)
                             .plain(user_id)
                             .time(record_.created_at)
                             .document(record_.metadata));
  }
  static bool take(const Answer& answer) {
    if (answer.rows.at(0).affected() == 0) {
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
  session.total_processing_time = std::chrono::microseconds(rows.integer(row, 6));
  session.status = rows.text(row, 7);
  session.metadata = rows.document(row, 8);
  session.version = rows.count(row, 9);
  return session;
}

template <>
class Task<calls::GetSession> {
public:
  static Request request(const Surroundings&, std::string& session_id) {
    static const Statement select(
        "SELECT " + session_columns + " FROM @.sessions WHERE session_id = $1", {type::text});
    return read(select, Parameters().plain(session_id));
  }
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    if (rows.size() != 0) {
      result_ = session_in(rows, 0);
    }
    return true;
  }
  std::optional<Session> result() { return std::move(result_); }

private:
  std::optional<Session> result_;
};

/// A write that is true where it touched a row.
class TrueIfTouched {
public:
  bool take(const Answer& answer) {
    result_ = answer.rows.at(0).affected() != 0;
    return true;
  }
  bool result() const { return result_; }

private:
  bool result_ = false;
};

/// Without a patch an update is one statement. With one, the metadata is read, merged here, for no
/// JSON of the server's keeps every value as it is, and written if no other patch has come in
/// between; else once more. Of those that meet one always succeeds.
template <>
class Task<calls::UpdateSession> {
public:
  Request request(const Surroundings& around, std::string& session_id,
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
        .time(around.clock());
    if (!has_patch) {
      step_ = Step::counting;
      return write(count, std::move(parameters));
    }
    step_ = Step::merging;
    json merged = *std::exchange(metadata_, std::nullopt);
    merged.merge_patch(*update.metadata_patch());
    check(calls::UpdateSession::name, session_id, around.limits)
        .object("metadata, merged,", merged);
    return write(merge, parameters.document(merged).integer(metadata_version_));
  }

  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    switch (step_) {
    case Step::reading:
      if (rows.size() == 0) {
        return true; // no such session, or it has ended
      }
      metadata_ = rows.document(0, 0);
      metadata_version_ = rows.integer(0, 1);
      return false;
    case Step::counting:
      result_ = rows.affected() != 0;
      return true;
    case Step::merging:
      result_ = rows.affected() != 0;
      return result_; // false: another patch was faster, or there is no such session any more
    }
    return true;
  }
  bool result() const { return result_; }

private:
  enum class Step { reading, counting, merging };

  Step step_ = Step::reading;
  std::optional<json> metadata_;
  std::int64_t metadata_version_ = 0;
  bool result_ = false;
};

template <>
class Task<calls::EndSession> : public TrueIfTouched {
public:
  static Request request(const Surroundings& around, std::string& session_id, std::string& status) {
    static const Statement update(
        "UPDATE @.sessions SET status = $2, last_activity = greatest(last_activity, $3),"
        " version = version + 1 WHERE session_id = $1 AND status = 'active'",
        {type::text, type::text, type::timestamptz});
    return write(update,
                 Parameters().plain(session_id).text(std::move(status)).time(around.clock()));
  }
};

// Conversations

template <>
class Task<calls::AddConversationMessage> : public TrueIfTouched {
public:
  static Request request(const Surroundings& around, std::string& session_id, std::string& role,
                         std::string& content, const json& metadata) {
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
                             .time(around.clock())
                             .document(metadata));
  }
};

template <>
class Task<calls::GetConversationHistory> {
public:
  static Request request(const Surroundings&, std::string& session_id, std::size_t limit) {
    static const Statement select(
        "SELECT sequence, role, content, created_at, metadata FROM @.messages"
        " WHERE session_id = $1 ORDER BY sequence DESC LIMIT $2",
        {type::text, type::int8});
    return read(select, Parameters().plain(session_id).count(limit));
  }
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    for (std::size_t row = rows.size(); row-- > 0;) {
      Message& message = result_.emplace_back();
      message.sequence = rows.count(row, 0);
      message.role = rows.text(row, 1);
      message.content = rows.text(row, 2);
      message.timestamp = rows.time(row, 3);
      message.metadata = rows.document(row, 4);
    }
    return true;
  }
  std::vector<Message> result() { return std::move(result_); }

private:
  std::vector<Message> result_;
};

// Checkpoints and pending writes

template <>
class Task<calls::PutCheckpoint> {
public:
  static Request request(const Surroundings& around, std::string& thread_id,
                         std::string& checkpoint_id, const json& data, const json& metadata) {
    static const Statement insert(
        "WITH thread AS (INSERT INTO @.threads AS t (thread_id, last_place) VALUES ($1, 1)"
        " ON CONFLICT (thread_id) DO UPDATE SET last_place = t.last_place + 1"
        " RETURNING last_place)"
        " INSERT INTO @.checkpoints"
        " (thread_id, checkpoint_id, place, created_at, data, metadata)"
        " SELECT $1, $2, last_place, $3, $4, $5 FROM thread"
        " ON CONFLICT (thread_id, checkpoint_id)"
        " DO UPDATE SET data = excluded.data, metadata = excluded.metadata",
        {type::text, type::text, type::timestamptz, type::json, type::json});
    return write(insert, Parameters()
                             .plain(thread_id)
                             .plain(checkpoint_id)
                             .time(around.clock())
                             .document(data)
                             .document(metadata));
  }
  static bool take(const Answer&) { return true; }
  static bool result() { return true; }
};

template <>
class Task<calls::StoreCheckpoint> : public Task<calls::PutCheckpoint> {};

inline const std::string checkpoint_columns =
    "thread_id, checkpoint_id, data, metadata, created_at";

inline std::vector<Checkpoint> checkpoints_in(const Rows& rows) {
  std::vector<Checkpoint> all(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    all[row].thread_id = rows.plain(row, 0);
    all[row].checkpoint_id = rows.plain(row, 1);
    all[row].data = rows.document(row, 2);
    all[row].metadata = rows.document(row, 3);
    all[row].created_at = rows.time(row, 4);
  }
  return all;
}

template <>
class Task<calls::GetCheckpoint> {
public:
  static Request request(const Surroundings&, std::string& thread_id,
                         std::optional<std::string>& checkpoint_id) {
    static const Statement one("SELECT " + checkpoint_columns +
                                   " FROM @.checkpoints"
                                   " WHERE thread_id = $1 AND checkpoint_id = $2",
                               {type::text, type::text});
    static const Statement latest("SELECT " + checkpoint_columns +
                                      " FROM @.checkpoints WHERE thread_id = $1"
                                      " ORDER BY place DESC LIMIT 1",
                                  {type::text});
    if (checkpoint_id) {
      return read(one, Parameters().plain(thread_id).plain(*checkpoint_id));
    }
    return read(latest, Parameters().plain(thread_id));
  }
  bool take(const Answer& answer) {
    std::vector<Checkpoint> found = checkpoints_in(answer.rows.at(0));
    if (!found.empty()) {
      result_ = std::move(found.front());
    }
    return true;
  }
  std::optional<Checkpoint> result() { return std::move(result_); }

private:
  std::optional<Checkpoint> result_;
};

/// A read of checkpoints.
class Checkpoints {
public:
  bool take(const Answer& answer) {
    result_ = checkpoints_in(answer.rows.at(0));
    return true;
  }
  std::vector<Checkpoint> result() { return std::move(result_); }

private:
  std::vector<Checkpoint> result_;
};

template <>
class Task<calls::ListCheckpoints> : public Checkpoints {
public:
  static Request request(const Surroundings&, std::string& thread_id, std::size_t limit) {
    static const Statement select("SELECT " + checkpoint_columns +
                                      " FROM @.checkpoints WHERE thread_id = $1"
                                      " ORDER BY place DESC LIMIT $2",
                                  {type::text, type::int8});
    return read(select, Parameters().plain(thread_id).count(limit));
  }
};

template <>
class Task<calls::PutWrites> {
public:
  static Request request(const Surroundings&, std::string& thread_id, std::string& checkpoint_id,
                         std::string& task_id, std::vector<ChannelWrite>& writes) {
    static const Statement insert(
        "WITH thread AS (INSERT INTO @.threads AS t (thread_id, last_place) VALUES ($1, 0)"
        " ON CONFLICT (thread_id) DO UPDATE SET last_place = t.last_place RETURNING 1)"
        " INSERT INTO @.writes AS w"
        " (thread_id, checkpoint_id, task_id, write_index, channel, value)"
        " SELECT $1, $2, $3, new.write_index, new.channel, new.value"
        " FROM thread, unnest($4, $5, $6) AS new (write_index, channel, value)"
        " ON CONFLICT"
        " (thread_id, checkpoint_id, sha256(replace(task_id, '\\', '\\\\')::bytea), write_index)"
        " DO UPDATE SET channel = excluded.channel, value = excluded.value"
        " WHERE excluded.write_index < 0",
        {type::text, type::text, type::text, type::int8_array, type::text_array, type::json_array});
    if (writes.empty()) {
      return {};
    }
    // A statement takes each index once; of a special channel the last write counts (WRT-03).
    std::map<std::int64_t, ChannelWrite*> by_index;
    for (std::size_t position = 0; position < writes.size(); ++position) {
      by_index[write_index(writes[position].channel, position)] = &writes[position];
    }
    Parameters indices;
    Parameters channels;
    Parameters values;
    for (const auto& [index, one] : by_index) {
      indices.integer(index);
      channels.text(std::move(one->channel));
      values.document(one->value);
    }
    return write(insert, Parameters()
                             .plain(thread_id)
                             .plain(checkpoint_id)
                             .plain(task_id)
                             .array(type::int8, indices)
                             .array(type::text, channels)
                             .array(type::json, values));
  }
  static bool take(const Answer&) { return true; }
  static bool result() { return true; }
};

template <>
class Task<calls::GetWrites> {
public:
  static Request request(const Surroundings&, std::string& thread_id, std::string& checkpoint_id) {
    static const Statement select("SELECT task_id, write_index, channel, value FROM @.writes"
                                  " WHERE thread_id = $1 AND checkpoint_id = $2"
                                  " ORDER BY task_id, write_index",
                                  {type::text, type::text});
    return read(select, Parameters().plain(thread_id).plain(checkpoint_id));
  }
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    result_.resize(rows.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
      result_[row].task_id = rows.plain(row, 0);
      result_[row].index = rows.integer(row, 1);
      result_[row].channel = rows.text(row, 2);
      result_[row].value = rows.document(row, 3);
    }
    return true;
  }
  std::vector<PendingWrite> result() { return std::move(result_); }

private:
  std::vector<PendingWrite> result_;
};

// Task contexts

template <>
class Task<calls::GetTaskContext> {
public:
  static Request request(const Surroundings&, std::string& session_id) {
    static const Statement select("SELECT task_context FROM @.sessions WHERE session_id = $1",
                                  {type::text});
    return read(select, Parameters().plain(session_id));
  }
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    if (rows.size() != 0 && !rows.is_null(0, 0)) {
      result_ = rows.document(0, 0);
    }
    return true;
  }
  std::optional<json> result() { return std::move(result_); }

private:
  std::optional<json> result_;
};

template <>
class Task<calls::StoreTaskContext> : public TrueIfTouched {
public:
  static Request request(const Surroundings&, std::string& session_id, const json& context) {
    static const Statement update("UPDATE @.sessions SET task_context = $2"
                                  " WHERE session_id = $1 AND status = 'active'",
                                  {type::text, type::json});
    return write(update, Parameters().plain(session_id).document(context));
  }
};

// The whole store

template <>
class Task<calls::GetMetrics> {
public:
  static Request request(const Surroundings&) {
    static const Statement select(
        "SELECT count(*), count(*) FILTER (WHERE status = 'active'),"
        " (SELECT count(*) FROM @.messages), (SELECT count(*) FROM @.checkpoints)"
        " FROM @.sessions",
        {});
    return read(select, Parameters());
  }
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
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

template <>
class Task<calls::CleanupExpiredSessions> {
public:
  static Request request(const Surroundings& around, std::chrono::microseconds max_idle) {
    // Locked in one order, so that two clean-ups that meet wait for each other, and no more.
    static const Statement remove(
        "WITH idle AS MATERIALIZED (SELECT session_id FROM @.sessions WHERE last_activity <= $1"
        " ORDER BY session_id FOR UPDATE)"
        " DELETE FROM @.sessions s USING idle WHERE s.session_id = idle.session_id",
        {type::timestamptz});
    Parameters limit;
    if (max_idle == std::chrono::microseconds(0)) {
      limit.end_of_time(); // also what lies ahead of the clock
    } else {
      limit.time_before(around.clock(), max_idle);
    }
    return write(remove, std::move(limit));
  }
  bool take(const Answer& answer) {
    result_ = answer.rows.at(0).affected();
    return true;
  }
  std::uint64_t result() const { return result_; }

private:
  std::uint64_t result_ = 0;
};

// The directories

template <>
class Task<calls::ListSessions> {
public:
  Request request(const Surroundings&, std::string& user_id, const Page& page) {
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
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    for (std::size_t row = 0; row < std::min(rows.size(), size_); ++row) {
      result_.sessions.push_back(session_in(rows, row));
    }
    if (rows.size() > size_) {
      const Session& last = result_.sessions.back();
      const SessionPosition position(last.last_activity.time_since_epoch().count(),
                                     last.session_id);
      result_.next = make_cursor(calls::ListSessions::name, user_id_, position);
    }
    return true;
  }
  SessionPage result() { return std::move(result_); }

private:
  std::string user_id_;
  std::size_t size_ = 0;
  SessionPage result_;
};

template <>
class Task<calls::DeleteSession> : public TrueIfTouched {
public:
  static Request request(const Surroundings&, std::string& session_id) {
    static const Statement remove("DELETE FROM @.sessions WHERE session_id = $1", {type::text});
    return write(remove, Parameters().plain(session_id));
  }
};

template <>
class Task<calls::ListThreads> {
public:
  Request request(const Surroundings&, std::string& prefix, const Page& page) {
    static const Statement select("SELECT thread_id FROM @.threads"
                                  " WHERE thread_id >= $1 AND thread_id > $2 AND thread_id < $3"
                                  " ORDER BY thread_id LIMIT $4",
                                  {type::text, type::text, type::text, type::int8});
    const auto after = read_cursor<std::string>(calls::ListThreads::name, prefix, page);
    prefix_ = prefix;
    size_ = page.size;
    // Behind all ids with this prefix: none has so many of the greatest code point.
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
  bool take(const Answer& answer) {
    const Rows& rows = answer.rows.at(0);
    for (std::size_t row = 0; row < std::min(rows.size(), size_); ++row) {
      result_.thread_ids.push_back(rows.plain(row, 0));
    }
    if (rows.size() > size_) {
      result_.next = make_cursor(calls::ListThreads::name, prefix_, result_.thread_ids.back());
    }
    return true;
  }
  ThreadPage result() { return std::move(result_); }

private:
  std::string prefix_;
  std::size_t size_ = 0;
  ThreadPage result_;
};

template <>
class Task<calls::DeleteThread> : public TrueIfTouched {
public:
  static Request request(const Surroundings&, std::string& thread_id) {
    static const Statement remove("DELETE FROM @.threads WHERE thread_id = $1", {type::text});
    return write(remove, Parameters().plain(thread_id));
  }
};

/// Locks a thread; the statements behind it see all that was committed until then.
inline const Statement& lock_thread() {
  static const Statement lock("SELECT 1 FROM @.threads WHERE thread_id = $1 FOR UPDATE",
                              {type::text});
  return lock;
}

template <>
class Task<calls::CopyThread> {
public:
  static Request request(const Surroundings&, std::string& source, std::string& target) {
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
  bool take(const Answer& answer) {
    result_ = answer.rows.at(0).size() != 0;
    if (result_ && answer.rows.at(1).size() == 0) {
      throw Failure(errc::already_exists, "the target exists");
    }
    return true;
  }
  bool result() const { return result_; }

private:
  bool result_ = false;
};

template <>
class Task<calls::PruneThread> {
public:
  static Request request(const Surroundings&, std::string& thread_id, std::size_t keep) {
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
  bool take(const Answer& answer) {
    result_ = answer.rows.at(1).count(0, 0);
    return true;
  }
  std::uint64_t result() const { return result_; }

private:
  std::uint64_t result_ = 0;
};

template <>
class Task<calls::ListCheckpointsBefore> : public Checkpoints {
public:
  static Request request(const Surroundings&, std::string& thread_id, std::string& checkpoint_id,
                         std::size_t limit) {
    static const Statement select(
        "SELECT " + checkpoint_columns +
            " FROM @.checkpoints WHERE thread_id = $1 AND place <"
            " (SELECT place FROM @.checkpoints WHERE thread_id = $1 AND checkpoint_id = $2)"
            " ORDER BY place DESC LIMIT $3",
        {type::text, type::text, type::int8});
    return read(select, Parameters().plain(thread_id).plain(checkpoint_id).count(limit));
  }
};

} // namespace agentstore::detail::postgres

#endif
