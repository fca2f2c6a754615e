// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STORE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STORE_SCHEMA_HPP

// The tables of the backend.

#include <agentstore/detail/postgres/schema.hpp>

namespace agentstore::detail::postgres {

// A row of `sessions` stands for its messages and its task context, a row of `threads` for its
// checkpoints and writes. Every writer of those locks that row first.
//
// The row also has a counter that gives each message or checkpoint its place. The row stays locked
// until the transaction that took a number commits. The numbers therefore become visible in their
// order.
//
// Triggers delete what belongs to a deleted row. Foreign keys would not do: the statements of a
// trigger also see what was committed while the deletion waited for the row, an insert pays nothing
// for a trigger, and a thread belongs to a session by its name alone.
//
// Ids compare by their bytes. The unique index of writes has a hash of the task's id, because three
// ids may be too long for one entry of an index.
inline constexpr const char* store_schema_1 = R"(
CREATE TABLE @.sessions (
  session_id text COLLATE "C" PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  status text NOT NULL,
  created_at timestamptz NOT NULL,
  last_activity timestamptz NOT NULL,
  request_count bigint NOT NULL DEFAULT 0,
  error_count bigint NOT NULL DEFAULT 0,
  total_processing_time_us bigint NOT NULL DEFAULT 0,
  metadata json NOT NULL,
  metadata_version bigint NOT NULL DEFAULT 1,
  version bigint NOT NULL DEFAULT 1,
  last_sequence bigint NOT NULL DEFAULT 0,
  task_context json
);
CREATE TABLE @.messages (
  session_id text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  role text NOT NULL,
  content text NOT NULL,
  created_at timestamptz NOT NULL,
  metadata json NOT NULL,
  PRIMARY KEY (session_id, sequence)
);
CREATE TABLE @.threads (
  thread_id text COLLATE "C" PRIMARY KEY,
  last_place bigint NOT NULL
);
CREATE TABLE @.checkpoints (
  thread_id text COLLATE "C" NOT NULL,
  checkpoint_id text COLLATE "C" NOT NULL,
  place bigint NOT NULL,
  created_at timestamptz NOT NULL,
  data json NOT NULL,
  metadata json NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_id)
);
CREATE UNIQUE INDEX checkpoints_in_order ON @.checkpoints (thread_id, place);
CREATE TABLE @.writes (
  thread_id text COLLATE "C" NOT NULL,
  checkpoint_id text COLLATE "C" NOT NULL,
  task_id text COLLATE "C" NOT NULL,
  write_index bigint NOT NULL,
  channel text NOT NULL,
  value json NOT NULL
);
CREATE UNIQUE INDEX writes_once ON @.writes
  (thread_id, checkpoint_id, sha256(replace(task_id, '\', '\\')::bytea), write_index);
CREATE FUNCTION @.delete_with_sessions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  DELETE FROM @.messages m USING gone WHERE m.session_id = gone.session_id;
  DELETE FROM @.threads t USING gone WHERE t.thread_id = gone.session_id;
  RETURN NULL;
END $body$;
CREATE TRIGGER delete_with_sessions AFTER DELETE ON @.sessions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION @.delete_with_sessions();
CREATE FUNCTION @.delete_with_threads() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  DELETE FROM @.checkpoints c USING gone WHERE c.thread_id = gone.thread_id;
  DELETE FROM @.writes w USING gone WHERE w.thread_id = gone.thread_id;
  RETURN NULL;
END $body$;
CREATE TRIGGER delete_with_threads AFTER DELETE ON @.threads
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION @.delete_with_threads();
)";

// For the directory of sessions.
inline constexpr const char* store_schema_2 = R"(
CREATE INDEX sessions_by_activity ON @.sessions (user_id, last_activity DESC, session_id);
)";

inline constexpr const char* store_schema_steps[] = {store_schema_1, store_schema_2};

inline constexpr Table store_tables[] = {
    {"sessions", "INSERT UPDATE DELETE"}, {"messages", "INSERT DELETE"},
    {"threads", "INSERT UPDATE DELETE"},  {"checkpoints", "INSERT UPDATE DELETE"},
    {"writes", "INSERT UPDATE DELETE"},
};

inline Schema store_schema() {
  return Schema("store", store_schema_steps, store_tables);
}

} // namespace agentstore::detail::postgres

#endif
