// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_STORE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_SQLITE_STORE_SCHEMA_HPP

// The tables of a backend, and how a file gets from any version of them to the newest.

#include <agentstore/detail/sqlite/schema.hpp>

#include <array>

namespace agentstore::detail::sqlite {

/// What leads from version i to i + 1. A step that was once published never changes.
inline constexpr std::array store_schema_steps = {
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

/// What reads a row of each table.
inline constexpr std::array store_samples = {
    "SELECT * FROM sessions LIMIT 1", "SELECT * FROM messages LIMIT 1",
    "SELECT * FROM task_contexts LIMIT 1", "SELECT * FROM checkpoints LIMIT 1",
    "SELECT * FROM pending_writes LIMIT 1"};

/// "agst"
inline const Schema& store_schema() {
  static const Schema schema(0x61677374, store_schema_steps, store_samples);
  return schema;
}

} // namespace agentstore::detail::sqlite

#endif
