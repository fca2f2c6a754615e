// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_SQLITE_SCHEMA_HPP

// The tables, and how a file gets from any version of them to the newest. A file names its version
// in `PRAGMA user_version` and says by `PRAGMA application_id` that it is ours.

#include <agentstore/detail/sqlite/connection.hpp>

#include <array>

namespace agentstore::detail::sqlite {

/// "agst"
inline constexpr std::int64_t application_id = 0x61677374;

/// What leads from version i to i + 1. A step that was once published never changes.
inline constexpr std::array schema_steps = {
    // 1: All texts are UTF-8; metadata, data, context and value are JSON as text; times are UTC as
    // 2026-11-23T14:44:02.123456Z. Checkpoints are ordered by position, writes by task_id and idx.
    R"sql(
      CREATE TABLE sessions (
        session_id         TEXT PRIMARY KEY,
        user_id            TEXT NOT NULL,
        status             TEXT NOT NULL,
        created_at         TEXT NOT NULL,
        last_activity      TEXT NOT NULL,
        request_count      INTEGER NOT NULL,
        error_count        INTEGER NOT NULL,
        processing_time_us INTEGER NOT NULL,
        message_count      INTEGER NOT NULL,
        version            INTEGER NOT NULL,
        metadata           TEXT NOT NULL
      );
      CREATE TABLE messages (
        session_id TEXT NOT NULL,
        sequence   INTEGER NOT NULL,
        role       TEXT NOT NULL,
        content    TEXT NOT NULL,
        timestamp  TEXT NOT NULL,
        metadata   TEXT NOT NULL,
        PRIMARY KEY (session_id, sequence)
      ) WITHOUT ROWID;
      CREATE TABLE task_contexts (
        session_id TEXT PRIMARY KEY,
        context    TEXT NOT NULL
      );
      CREATE TABLE checkpoints (
        position      INTEGER PRIMARY KEY,
        thread_id     TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        created_at    TEXT NOT NULL,
        data          TEXT NOT NULL,
        metadata      TEXT NOT NULL,
        UNIQUE (thread_id, checkpoint_id)
      );
      CREATE INDEX checkpoints_by_thread ON checkpoints (thread_id);
      CREATE TABLE pending_writes (
        thread_id     TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        task_id       TEXT NOT NULL,
        idx           INTEGER NOT NULL,
        channel       TEXT NOT NULL,
        value         TEXT NOT NULL,
        PRIMARY KEY (thread_id, checkpoint_id, task_id, idx)
      ) WITHOUT ROWID;
    )sql",
    // 2: A clean-up finds the idle sessions, and a list those of a user, without reading all.
    R"sql(
      CREATE INDEX sessions_by_activity ON sessions (last_activity);
      CREATE INDEX sessions_by_user ON sessions (user_id, last_activity DESC, session_id);
    )sql",
};

inline std::int64_t pragma(Connection& connection, const char* sql) {
  Query query = connection.query(sql);
  query.next();
  return query.integer(0);
}

/// The version of the tables in the file, 0 if it has none. Throws if it is not ours to touch.
inline std::int64_t schema_version(Connection& connection) {
  // One statement, which sees the file as it was at one moment: another may just be making it.
  Query row = connection.query("SELECT (SELECT application_id FROM pragma_application_id),"
                               " (SELECT user_version FROM pragma_user_version),"
                               " (SELECT COUNT(*) FROM sqlite_schema)");
  row.next();
  const std::int64_t id = row.integer(0);
  const std::int64_t version = row.integer(1);
  const bool is_empty = row.integer(2) == 0;
  const bool is_new = is_empty && id == 0 && version == 0;
  if (id != application_id && !is_new) {
    throw Failure(errc::invalid_argument, "the file is a database of another program");
  }
  if (version < 0) {
    throw Failure(errc::corrupted, "the file has schema version " + std::to_string(version));
  }
  if (version > static_cast<std::int64_t>(schema_steps.size())) {
    throw Failure(errc::not_supported, "the file has schema version " + std::to_string(version) +
                                           ", newer than " + std::to_string(schema_steps.size()) +
                                           ", the newest known here");
  }
  return version;
}

/// Brings the tables to the newest version, in one transaction, whoever else tries it too.
inline void migrate(Connection& connection) {
  const auto newest = static_cast<std::int64_t>(schema_steps.size());
  if (schema_version(connection) == newest) {
    return;
  }
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (std::int64_t version = schema_version(connection); version < newest; ++version) {
      connection.execute(schema_steps[static_cast<std::size_t>(version)]);
    }
    // A pragma takes no parameters. These are numbers of our own.
    connection.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    connection.execute(("PRAGMA user_version = " + std::to_string(newest)).c_str());
    connection.execute("COMMIT");
  } catch (...) {
    connection.roll_back();
    throw;
  }
}

/// In a transaction: finds out whether there is room, and gives the commit something to write, but
/// leaves all as it is.
inline void try_to_write(Connection& connection) {
  connection.execute("SAVEPOINT room");
  connection.execute("CREATE TABLE room (for_a_page)");
  connection.execute("ROLLBACK TO room");
  connection.execute("RELEASE room");
  const std::int64_t version = pragma(connection, "PRAGMA user_version");
  connection.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

} // namespace agentstore::detail::sqlite

#endif
