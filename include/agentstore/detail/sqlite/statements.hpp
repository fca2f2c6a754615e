// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_STATEMENTS_HPP
#define AGENTSTORE_DETAIL_SQLITE_STATEMENTS_HPP

// The methods of the contract as SQL. Their arguments have been checked. A read other than
// list_threads is one statement, and so sees one state of the file. A write runs in a transaction
// that its caller began. If the transaction fails the write may run again, so it leaves its
// arguments as they are.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/cursor.hpp>
#include <agentstore/authoring/session_update.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/detail/iso8601.hpp>
#include <agentstore/detail/sqlite/connection.hpp>
#include <agentstore/document_from_text.hpp>

#include <algorithm>
#include <limits>

namespace agentstore::detail::sqlite {

class Tables {
public:
  Tables(Connection& connection, const Clock& clock, Limits limits)
      : connection_(connection), clock_(clock), limits_(limits) {}

  Session create_session(const std::string& session_id, const std::string& user_id,
                         const Document& metadata) {
    const std::string now = write_time(clock_());
    const auto created = connection_.change(
        "INSERT INTO sessions (session_id, user_id, status, created_at, last_activity,"
        " request_count, error_count, processing_time_us, message_count, version, metadata)"
        " VALUES (?1, ?2, 'active', ?3, ?3, 0, 0, 0, 0, 1, ?4) ON CONFLICT DO NOTHING",
        session_id, user_id, now, metadata.text());
    if (created == 0) {
      throw StorageError(errc::already_exists, "create_session", session_id, "the session exists");
    }
    return get_session(session_id).value();
  }

  std::optional<Session> get_session(const std::string& session_id) {
    Query row = connection_.query(
        "SELECT session_id, user_id, status, created_at, last_activity, request_count,"
        " error_count, processing_time_us, version, metadata FROM sessions WHERE session_id = ?1",
        session_id);
    return row.next() ? std::optional(read_session(row)) : std::nullopt;
  }

  bool update_session(const std::string& session_id, const SessionUpdate& update) {
    std::optional<Session> session = get_session(session_id);
    if (!session || session->status != "active") {
      return false;
    }
    apply_update(*session, update, clock_(), limits_);
    connection_.change("UPDATE sessions SET last_activity = ?2, request_count = ?3,"
                       " error_count = ?4, processing_time_us = ?5, version = ?6, metadata = ?7"
                       " WHERE session_id = ?1",
                       session_id, write_time(session->last_activity),
                       static_cast<std::int64_t>(session->request_count),
                       static_cast<std::int64_t>(session->error_count),
                       session->total_processing_time.count(),
                       static_cast<std::int64_t>(session->version), session->metadata.text());
    return true;
  }

  bool end_session(const std::string& session_id, const std::string& status) {
    return 1 == connection_.change("UPDATE sessions SET status = ?2, version = version + 1,"
                                   " last_activity = MAX(last_activity, ?3)"
                                   " WHERE session_id = ?1 AND status = 'active'",
                                   session_id, status, write_time(clock_()));
  }

  bool add_conversation_message(const std::string& session_id, const std::string& role,
                                const std::string& content, const Document& metadata) {
    const std::string now = write_time(clock_());
    std::int64_t sequence = 0;
    {
      Query session = connection_.query(
          "UPDATE sessions SET message_count = message_count + 1, version = version + 1,"
          " last_activity = MAX(last_activity, ?2)"
          " WHERE session_id = ?1 AND status = 'active' RETURNING message_count",
          session_id, now);
      if (!session.next()) {
        return false;
      }
      sequence = static_cast<std::int64_t>(session.count(0));
    }
    connection_.change("INSERT INTO messages"
                       " (session_id, sequence, role, content, timestamp, metadata)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                       session_id, sequence, role, content, now, metadata.text());
    return true;
  }

  std::vector<Message> get_conversation_history(const std::string& session_id, std::size_t limit) {
    Query row = connection_.query("SELECT sequence, role, content, timestamp, metadata"
                                  " FROM messages WHERE session_id = ?1"
                                  " ORDER BY sequence DESC LIMIT ?2",
                                  session_id, at_most(limit));
    std::vector<Message> messages;
    while (row.next()) {
      Message& message = messages.emplace_back();
      message.sequence = row.count(0);
      message.role = row.text(1);
      message.content = row.text(2);
      message.timestamp = read_time(row.bytes(3));
      message.metadata = object(row.bytes(4));
    }
    std::reverse(messages.begin(), messages.end());
    return messages;
  }

  bool put_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                      const Document& data, const Document& metadata) {
    connection_.change("INSERT INTO checkpoints"
                       " (thread_id, checkpoint_id, created_at, data, metadata)"
                       " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (thread_id, checkpoint_id)"
                       " DO UPDATE SET data = excluded.data, metadata = excluded.metadata",
                       thread_id, checkpoint_id, write_time(clock_()), data.text(),
                       metadata.text());
    return true;
  }

  std::optional<Checkpoint> get_checkpoint(const std::string& thread_id,
                                           const std::optional<std::string>& checkpoint_id) {
    if (!checkpoint_id) {
      std::vector<Checkpoint> latest = list_checkpoints(thread_id, 1);
      return latest.empty() ? std::nullopt : std::optional(std::move(latest.front()));
    }
    Query row = connection_.query("SELECT checkpoint_id, created_at, data, metadata"
                                  " FROM checkpoints WHERE thread_id = ?1 AND checkpoint_id = ?2",
                                  thread_id, *checkpoint_id);
    return row.next() ? std::optional(read_checkpoint(thread_id, row)) : std::nullopt;
  }

  std::vector<Checkpoint> list_checkpoints(const std::string& thread_id, std::size_t limit) {
    Query row = connection_.query("SELECT checkpoint_id, created_at, data, metadata"
                                  " FROM checkpoints WHERE thread_id = ?1"
                                  " ORDER BY position DESC LIMIT ?2",
                                  thread_id, at_most(limit));
    return read_checkpoints(thread_id, row);
  }

  bool put_writes(const std::string& thread_id, const std::string& checkpoint_id,
                  const std::string& task_id, const std::vector<ChannelWrite>& writes) {
    for (std::size_t position = 0; position < writes.size(); ++position) {
      const ChannelWrite& write = writes[position];
      // WRT-03: special channels, whose indices are negative, keep the last value.
      connection_.change("INSERT INTO pending_writes"
                         " (thread_id, checkpoint_id, task_id, idx, channel, value)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                         " ON CONFLICT (thread_id, checkpoint_id, task_id, idx) DO UPDATE"
                         " SET channel = excluded.channel, value = excluded.value WHERE idx < 0",
                         thread_id, checkpoint_id, task_id, write_index(write.channel, position),
                         write.channel, write.value.text());
    }
    return true;
  }

  std::vector<PendingWrite> get_writes(const std::string& thread_id,
                                       const std::string& checkpoint_id) {
    Query row = connection_.query("SELECT task_id, idx, channel, value FROM pending_writes"
                                  " WHERE thread_id = ?1 AND checkpoint_id = ?2"
                                  " ORDER BY task_id, idx",
                                  thread_id, checkpoint_id);
    std::vector<PendingWrite> writes;
    while (row.next()) {
      PendingWrite& write = writes.emplace_back();
      write.task_id = row.text(0);
      write.index = row.integer(1);
      write.channel = row.text(2);
      write.value = document(row.bytes(3));
    }
    return writes;
  }

  std::optional<Document> get_task_context(const std::string& session_id) {
    Query row =
        connection_.query("SELECT context FROM task_contexts WHERE session_id = ?1", session_id);
    return row.next() ? std::optional(document(row.bytes(0))) : std::nullopt;
  }

  bool store_task_context(const std::string& session_id, const Document& context) {
    return 1 ==
           connection_.change("INSERT INTO task_contexts (session_id, context)"
                              " SELECT session_id, ?2 FROM sessions"
                              " WHERE session_id = ?1 AND status = 'active'"
                              " ON CONFLICT (session_id) DO UPDATE SET context = excluded.context",
                              session_id, context.text());
  }

  Metrics get_metrics() {
    Query row = connection_.query("SELECT COUNT(*), COALESCE(SUM(status = 'active'), 0),"
                                  " COALESCE(SUM(message_count), 0),"
                                  " (SELECT COUNT(*) FROM checkpoints) FROM sessions");
    row.next();
    Metrics metrics;
    metrics.total_sessions = row.count(0);
    metrics.active_sessions = row.count(1);
    metrics.total_messages = row.count(2);
    metrics.total_checkpoints = row.count(3);
    return metrics;
  }

  /// The latest activity of the sessions that are idle now; empty if there can be none.
  std::string idle_since(std::chrono::microseconds max_idle) {
    if (max_idle.count() == 0) { // all, also what a clock that went back has left in the future
      Query row = connection_.query("SELECT COALESCE(MAX(last_activity), '') FROM sessions");
      row.next();
      return std::string(row.text(0));
    }
    const Timestamp now = clock_();
    return max_idle > now - Timestamp(first_day) ? std::string() : write_time(now - max_idle);
  }

  /// Removes so many of the sessions that have been idle since then, the oldest first.
  std::uint64_t remove_idle(const std::string& since, std::int64_t most) {
    for (const char* const sql :
         {"DELETE FROM messages WHERE session_id IN (SELECT session_id FROM sessions"
          " WHERE last_activity <= ?1 ORDER BY last_activity, session_id LIMIT ?2)",
          "DELETE FROM task_contexts WHERE session_id IN (SELECT session_id FROM sessions"
          " WHERE last_activity <= ?1 ORDER BY last_activity, session_id LIMIT ?2)",
          "DELETE FROM checkpoints WHERE thread_id IN (SELECT session_id FROM sessions"
          " WHERE last_activity <= ?1 ORDER BY last_activity, session_id LIMIT ?2)",
          "DELETE FROM pending_writes WHERE thread_id IN (SELECT session_id FROM sessions"
          " WHERE last_activity <= ?1 ORDER BY last_activity, session_id LIMIT ?2)"}) {
      connection_.change(sql, since, most);
    }
    return connection_.change("DELETE FROM sessions WHERE session_id IN (SELECT session_id"
                              " FROM sessions WHERE last_activity <= ?1"
                              " ORDER BY last_activity, session_id LIMIT ?2)",
                              since, most);
  }

  SessionPage list_sessions(const std::string& user_id, const Page& page) {
    const auto cursor = read_cursor<SessionPosition>("list_sessions", user_id, page);
    // No time is above "~", so that the first page begins before every session.
    const std::string last_activity =
        cursor ? write_time(Timestamp(std::chrono::microseconds(cursor->first))) : "~";
    const std::string session_id = cursor ? cursor->second : "";
    Query row = connection_.query(
        "SELECT session_id, user_id, status, created_at, last_activity, request_count,"
        " error_count, processing_time_us, version, metadata FROM sessions WHERE user_id = ?1"
        " AND last_activity <= ?2 AND (last_activity < ?2 OR session_id > ?3)"
        " ORDER BY last_activity DESC, session_id LIMIT ?4",
        user_id, last_activity, session_id, at_most(page.size + 1));
    SessionPage result;
    while (row.next()) {
      result.sessions.push_back(read_session(row));
    }
    finish_page(result, page.size, user_id);
    return result;
  }

  bool delete_session(const std::string& session_id) {
    if (connection_.change("DELETE FROM sessions WHERE session_id = ?1", session_id) == 0) {
      return false;
    }
    connection_.change("DELETE FROM messages WHERE session_id = ?1", session_id);
    connection_.change("DELETE FROM task_contexts WHERE session_id = ?1", session_id);
    delete_thread(session_id);
    return true;
  }

  ThreadPage list_threads(const std::string& prefix, const Page& page) {
    std::string last =
        read_cursor<std::string>("list_threads", prefix, page).value_or(std::string());
    ThreadPage result;
    while (result.thread_ids.size() <= page.size) {
      // From one id to the next by the indices, however many checkpoints each has.
      Query row = connection_.query(
          "SELECT MIN(id) FROM ("
          "SELECT MIN(thread_id) AS id FROM checkpoints WHERE thread_id > ?1 AND thread_id >= ?2"
          " UNION ALL"
          " SELECT MIN(thread_id) FROM pending_writes WHERE thread_id > ?1 AND thread_id >= ?2)",
          last, prefix);
      row.next();
      if (row.is_null(0)) {
        return result;
      }
      last = row.text(0);
      if (!last.starts_with(prefix)) {
        return result;
      }
      result.thread_ids.push_back(last);
    }
    finish_page(result, page.size, prefix);
    return result;
  }

  bool delete_thread(const std::string& thread_id) {
    const auto checkpoints =
        connection_.change("DELETE FROM checkpoints WHERE thread_id = ?1", thread_id);
    const auto writes =
        connection_.change("DELETE FROM pending_writes WHERE thread_id = ?1", thread_id);
    return checkpoints + writes != 0;
  }

  bool copy_thread(const std::string& source, const std::string& target) {
    if (!has_thread(source)) {
      return false;
    }
    if (has_thread(target)) {
      throw StorageError(errc::already_exists, "copy_thread", source, "the target exists");
    }
    connection_.change("INSERT INTO checkpoints"
                       " (thread_id, checkpoint_id, created_at, data, metadata)"
                       " SELECT ?2, checkpoint_id, created_at, data, metadata FROM checkpoints"
                       " WHERE thread_id = ?1 ORDER BY position",
                       source, target);
    connection_.change("INSERT INTO pending_writes"
                       " (thread_id, checkpoint_id, task_id, idx, channel, value)"
                       " SELECT ?2, checkpoint_id, task_id, idx, channel, value"
                       " FROM pending_writes WHERE thread_id = ?1",
                       source, target);
    return true;
  }

  std::uint64_t prune_thread(const std::string& thread_id, std::size_t keep) {
    constexpr auto position = "SELECT position FROM checkpoints WHERE thread_id = ?1"
                              " ORDER BY position DESC LIMIT 1 OFFSET ?2";
    std::int64_t newest = 0; // of those that go
    {
      Query row = connection_.query(position, thread_id, at_most(keep));
      if (!row.next()) {
        return 0;
      }
      newest = row.integer(0);
    }
    connection_.change("DELETE FROM pending_writes WHERE thread_id = ?1 AND checkpoint_id IN"
                       " (SELECT checkpoint_id FROM checkpoints"
                       " WHERE thread_id = ?1 AND position <= ?2)",
                       thread_id, newest);
    return connection_.change("DELETE FROM checkpoints WHERE thread_id = ?1 AND position <= ?2",
                              thread_id, newest);
  }

  std::vector<Checkpoint> list_checkpoints_before(const std::string& thread_id,
                                                  const std::string& checkpoint_id,
                                                  std::size_t limit) {
    Query row = connection_.query("SELECT checkpoint_id, created_at, data, metadata"
                                  " FROM checkpoints WHERE thread_id = ?1 AND position <"
                                  " (SELECT position FROM checkpoints"
                                  " WHERE thread_id = ?1 AND checkpoint_id = ?2)"
                                  " ORDER BY position DESC LIMIT ?3",
                                  thread_id, checkpoint_id, at_most(limit));
    return read_checkpoints(thread_id, row);
  }

  ThreadHead get_thread_head(const std::string& thread_id, std::size_t limit) {
    // One statement: between two of them another process may write.
    Query row = connection_.query("SELECT checkpoint_id, created_at,"
                                  " CASE WHEN position = latest THEN data END,"
                                  " CASE WHEN position = latest THEN metadata END"
                                  " FROM checkpoints, (SELECT MAX(position) AS latest"
                                  " FROM checkpoints WHERE thread_id = ?1)"
                                  " WHERE thread_id = ?1 ORDER BY position DESC LIMIT ?2",
                                  thread_id, at_most(std::max<std::size_t>(limit, 1)));
    ThreadHead head;
    if (row.next()) {
      head.latest = read_checkpoint(thread_id, row);
      if (limit > 0) {
        head.checkpoint_ids.push_back(head.latest->checkpoint_id);
      }
    }
    while (row.next()) {
      head.checkpoint_ids.emplace_back(row.text(0));
    }
    return head;
  }

private:
  static constexpr std::chrono::sys_days first_day{std::chrono::year(0) / 1 / 1};
  static constexpr std::chrono::sys_days last_day{std::chrono::year(9999) / 12 / 31};

  /// As text, times are ordered as in time only while a year has four digits.
  static std::string write_time(Timestamp time) {
    if (time < first_day || time >= last_day) {
      throw Failure(errc::unavailable, "the clock tells a year that is not from 0 to 9999");
    }
    return format_iso8601(time);
  }

  static Timestamp read_time(std::string_view text) {
    const std::optional<Timestamp> time = parse_iso8601(text);
    if (!time) {
      throw Failure(errc::corrupted, "the file holds a time that cannot be read");
    }
    return *time;
  }

  static Document document(std::string_view text) {
    try {
      return Document::from_text(text);
    } catch (const TextError&) {
      throw Failure(errc::corrupted, "the file holds JSON that cannot be read");
    }
  }

  /// Metadata is an object.
  static Document object(std::string_view text) {
    Document value = document(text);
    if (!value.is_object()) {
      throw Failure(errc::corrupted, "the file holds metadata that is not an object");
    }
    return value;
  }

  static Session read_session(const Query& row) {
    Session session;
    session.session_id = row.text(0);
    session.user_id = row.text(1);
    session.status = row.text(2);
    session.created_at = read_time(row.bytes(3));
    session.last_activity = read_time(row.bytes(4));
    session.request_count = row.count(5);
    session.error_count = row.count(6);
    session.total_processing_time =
        std::chrono::microseconds(static_cast<std::int64_t>(row.count(7)));
    session.version = row.count(8);
    session.metadata = object(row.bytes(9));
    return session;
  }

  static Checkpoint read_checkpoint(const std::string& thread_id, const Query& row) {
    Checkpoint checkpoint;
    checkpoint.thread_id = thread_id;
    checkpoint.checkpoint_id = row.text(0);
    checkpoint.created_at = read_time(row.bytes(1));
    checkpoint.data = document(row.bytes(2));
    checkpoint.metadata = object(row.bytes(3));
    return checkpoint;
  }

  static std::vector<Checkpoint> read_checkpoints(const std::string& thread_id, Query& row) {
    std::vector<Checkpoint> checkpoints;
    while (row.next()) {
      checkpoints.push_back(read_checkpoint(thread_id, row));
    }
    return checkpoints;
  }

  bool has_thread(const std::string& thread_id) {
    return connection_
        .query("SELECT 1 FROM checkpoints WHERE thread_id = ?1 UNION ALL"
               " SELECT 1 FROM pending_writes WHERE thread_id = ?1 LIMIT 1",
               thread_id)
        .next();
  }

  static std::int64_t at_most(std::size_t limit) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    return limit < static_cast<std::size_t>(most) ? static_cast<std::int64_t>(limit) : most;
  }

  Connection& connection_;
  const Clock& clock_;
  Limits limits_;
};

} // namespace agentstore::detail::sqlite

#endif
