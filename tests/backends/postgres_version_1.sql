-- SPDX-License-Identifier: Apache-2.0
-- A schema of the first version, never changed since: two sessions, of which the first was updated
-- and the second has ended; of the first two messages, a context, three checkpoints and two pending
-- writes; a second between each call and the next.
CREATE SCHEMA version_1;
CREATE TABLE version_1.agentstore_schema (
  component text PRIMARY KEY,
  version integer NOT NULL
);
INSERT INTO version_1.agentstore_schema VALUES ('store', 1);
CREATE TABLE "version_1".sessions (
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
CREATE TABLE "version_1".messages (
  session_id text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  role text NOT NULL,
  content text NOT NULL,
  created_at timestamptz NOT NULL,
  metadata json NOT NULL,
  PRIMARY KEY (session_id, sequence)
);
CREATE TABLE "version_1".threads (
  thread_id text COLLATE "C" PRIMARY KEY,
  last_place bigint NOT NULL
);
CREATE TABLE "version_1".checkpoints (
  thread_id text COLLATE "C" NOT NULL,
  checkpoint_id text COLLATE "C" NOT NULL,
  place bigint NOT NULL,
  created_at timestamptz NOT NULL,
  data json NOT NULL,
  metadata json NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_id)
);
CREATE UNIQUE INDEX checkpoints_in_order ON "version_1".checkpoints (thread_id, place);
CREATE TABLE "version_1".writes (
  thread_id text COLLATE "C" NOT NULL,
  checkpoint_id text COLLATE "C" NOT NULL,
  task_id text COLLATE "C" NOT NULL,
  write_index bigint NOT NULL,
  channel text NOT NULL,
  value json NOT NULL
);
CREATE UNIQUE INDEX writes_once ON "version_1".writes
  (thread_id, checkpoint_id, sha256(replace(task_id, '\', '\\')::bytea), write_index);
CREATE FUNCTION "version_1".delete_with_sessions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  DELETE FROM "version_1".messages m USING gone WHERE m.session_id = gone.session_id;
  DELETE FROM "version_1".threads t USING gone WHERE t.thread_id = gone.session_id;
  RETURN NULL;
END $body$;
CREATE TRIGGER delete_with_sessions AFTER DELETE ON "version_1".sessions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "version_1".delete_with_sessions();
CREATE FUNCTION "version_1".delete_with_threads() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  DELETE FROM "version_1".checkpoints c USING gone WHERE c.thread_id = gone.thread_id;
  DELETE FROM "version_1".writes w USING gone WHERE w.thread_id = gone.thread_id;
  RETURN NULL;
END $body$;
CREATE TRIGGER delete_with_threads AFTER DELETE ON "version_1".threads
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION "version_1".delete_with_threads();

INSERT INTO version_1.sessions (session_id, user_id, status, created_at, last_activity,
  request_count, error_count, total_processing_time_us, metadata, metadata_version, version,
  last_sequence, task_context) VALUES
  ('s-1', 'user 1', 'active', '2026-11-23 14:44:02.123456+00', '2026-11-23 14:44:07.123456+00',
   1, 0, 1500, '{"a":[1,null,1.5],"b":"\u0000 \"é"}', 2, 4, 2, '{"step":7}'),
  ('s-2', 'user 2', 'failed', '2026-11-23 14:44:03.123456+00', '2026-11-23 14:44:05.123456+00',
   0, 0, 0, '{}', 1, 2, 0, NULL);
INSERT INTO version_1.messages (session_id, sequence, role, content, created_at, metadata) VALUES
  ('s-1', 1, 'user', 'hello', '2026-11-23 14:44:06.123456+00', '{}'),
  ('s-1', 2, 'assistant', 'and good-bye␀0␀␀', '2026-11-23 14:44:07.123456+00', '{"tokens":3}');
INSERT INTO version_1.threads (thread_id, last_place) VALUES ('s-1', 3);
INSERT INTO version_1.checkpoints (thread_id, checkpoint_id, place, created_at, data, metadata)
  VALUES
  ('s-1', 'c-1', 1, '2026-11-23 14:44:09.123456+00', '{"n":18446744073709551615}',
   '{"source":"loop"}'),
  ('s-1', 'c-2', 2, '2026-11-23 14:44:10.123456+00', '-2', '{}'),
  ('s-1', 'c-3', 3, '2026-11-23 14:44:11.123456+00', 'null', '{}');
INSERT INTO version_1.writes (thread_id, checkpoint_id, task_id, write_index, channel, value)
  VALUES
  ('s-1', 'c-1', 'task', -1, '__error__', '"none"'),
  ('s-1', 'c-1', 'task', 0, 'messages', '[1]');
