// SPDX-License-Identifier: Apache-2.0

// How PostgresBackend keeps neighbours apart, lets go of memory, and sees what is wrong with what
// is there.

#include "support/because.hpp"
#include "support/json_values.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/backends/postgres.hpp>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

PostgresOptions one_connection(const std::string& space) {
  PostgresOptions options = options_for(shared_server().conninfo(), space);
  options.connect_timeout = 60s;
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  options.pool_size = 1;
  return options;
}

} // namespace

TEST_CASE("The server gives up first, and the connection stays", "[postgres]") {
  PostgresOptions options = one_connection("first");
  PostgresRig tables(options);
  options.operation_timeout = 2s;
  PostgresRig rig(options);
  REQUIRE(rig.works());
  tables.loop.run(tables.backend.close());
  REQUIRE(until(rig.loop, [&] { return rig.observer.connections() == 1; }));
  const std::string before = rig.server_processes();
  rig.observer.lock("first", "checkpoints");
  CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "late", 1)), errc::unavailable,
                 "put_checkpoint", "57014"));
  CHECK(rig.observer.blocked() == 0);
  rig.observer.unlock();
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).empty());
  CHECK(rig.server_processes() == before);
}

TEST_CASE("A call does not fail over the one before it, nor happen after it has failed",
          "[postgres]") {
  PostgresOptions options = one_connection("neighbour");
  PostgresRig tables(options);
  options.operation_timeout = 2s;
  PostgresRig rig(options);
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("held", "c", 0)));
  for (const auto delay : {50ms, 1'700ms}) {
    rig.observer.raw().execute("BEGIN; SELECT 1 FROM neighbour.threads WHERE thread_id = 'held'"
                               " FOR UPDATE");
    const auto first = rig.loop.start(rig.backend.put_checkpoint("held", "c", 1));
    REQUIRE(rig.all_blocked(1));
    rig.loop.context().restart();
    rig.loop.context().run_for(delay);
    const auto second = rig.loop.start(rig.backend.put_checkpoint("free", "c", 1));
    rig.loop.finish();
    CHECK(is_clear(error_of(*first), errc::unavailable, "put_checkpoint", "57014"));
    CHECK(second->value == true);
    rig.observer.raw().execute("COMMIT");
    CHECK(rig.loop.run(rig.backend.get_checkpoint("held"))->data == json(0));
  }
}

TEST_CASE("A connection that has carried large values is replaced when small ones follow",
          "[postgres]") {
  PostgresRig rig(one_connection("grown"));
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("small", "c", 1)));
  REQUIRE(until(rig.loop, [&] { return rig.observer.connections() == 1; }));
  const std::string before = rig.server_processes();
  const json large = object_of_size(std::size_t{6} << 20u);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(rig.loop.run(rig.backend.put_checkpoint("large", "c", large)));
    CHECK(rig.loop.run(rig.backend.get_checkpoint("large"))->data == large);
  }
  CHECK(rig.server_processes() == before);
  for (int i = 0; i < 10; ++i) {
    CHECK(rig.loop.run(rig.backend.get_checkpoint("small"))->data == json(1));
  }
  REQUIRE(until(rig.loop, [&] { return rig.observer.connections() == 1; }));
  CHECK(rig.server_processes() != before);
}

TEST_CASE("What no call of ours writes into a column is corrupted", "[postgres]") {
  PostgresRig rig(one_connection("damaged"));
  PostgresBackend& backend = rig.backend;
  const auto damage = [&](const std::string& sql) {
    rig.observer.raw().execute("UPDATE damaged." + sql);
  };
  const auto session_is_corrupted = [&] {
    return is_clear(error_of(rig.loop, backend.get_session("s")), errc::corrupted, "get_session");
  };
  rig.loop.run(backend.create_session("s", "user"));
  REQUIRE(rig.loop.run(backend.add_conversation_message("s", "user", "hello")));
  REQUIRE(rig.loop.run(backend.put_checkpoint("t", "c", 1)));
  for (const char* const change :
       {"request_count = -5|request_count = 0", "error_count = -1|error_count = 0",
        "total_processing_time_us = -5|total_processing_time_us = 0", "version = -1|version = 1",
        "metadata = '[1]'|metadata = '{}'", "metadata = 'null'|metadata = '{}'",
        "metadata = '7'|metadata = '{}'", "created_at = 'infinity'|created_at = now()",
        "last_activity = '-infinity'|last_activity = now()"}) {
    INFO(change);
    const std::string both = change;
    damage("sessions SET " + both.substr(0, both.find('|')));
    CHECK(session_is_corrupted());
    damage("sessions SET " + both.substr(both.find('|') + 1));
    CHECK(rig.loop.run(backend.get_session("s")));
  }
  damage("sessions SET metadata = '[1]'");
  CHECK(is_clear(
      error_of(rig.loop, backend.update_session("s", SessionUpdate().updates(object_of("a", 1)))),
      errc::corrupted, "update_session"));
  damage("messages SET metadata = '[]'");
  CHECK(is_clear(error_of(rig.loop, backend.get_conversation_history("s")), errc::corrupted,
                 "get_conversation_history"));
  damage("checkpoints SET metadata = 'null'");
  CHECK(
      is_clear(error_of(rig.loop, backend.get_checkpoint("t")), errc::corrupted, "get_checkpoint"));
}

TEST_CASE("Health is what calls will meet", "[postgres]") {
  PostgresRig rig(one_connection("health"));
  REQUIRE(rig.works());
  const auto issue = [&] {
    const Health health = rig.loop.run(rig.backend.health_check());
    return health.status == Health::Status::healthy || health.issues.empty()
               ? std::string("healthy")
               : health.issues.front();
  };
  CHECK(issue() == "healthy");
  auto& raw = rig.observer.raw();
  raw.execute("ALTER ROLE agent SET default_transaction_read_only = on");
  {
    PostgresRig fresh(one_connection("health"));
    const Health health = fresh.loop.run(fresh.backend.health_check());
    CHECK(health.status == Health::Status::unhealthy);
    CHECK(health.issues.at(0).find("read-only") != std::string::npos);
  }
  raw.execute("ALTER ROLE agent RESET default_transaction_read_only");
  raw.execute("UPDATE health.agentstore_schema SET version = version + 1");
  CHECK(issue().find("version") != std::string::npos);
  raw.execute("UPDATE health.agentstore_schema SET version = version - 1");
  CHECK(issue() == "healthy");
  for (const char* const table : {"sessions", "messages", "threads", "checkpoints", "writes"}) {
    raw.execute("ALTER TABLE health." + std::string(table) + " RENAME TO gone");
    CHECK(issue().find(table) != std::string::npos);
    raw.execute("ALTER TABLE health.gone RENAME TO " + std::string(table));
    CHECK(issue() == "healthy");
  }
  rig.loop.run(rig.backend.create_session("s", "u"));
  for (const char* const each :
       {"INSERT sessions", "UPDATE sessions", "DELETE sessions", "INSERT messages",
        "DELETE messages", "INSERT threads", "UPDATE threads", "DELETE threads",
        "INSERT checkpoints", "UPDATE checkpoints", "DELETE checkpoints", "INSERT writes",
        "UPDATE writes", "DELETE writes"}) {
    const std::string both = each;
    const std::string privilege = both.substr(0, both.find(' '));
    const std::string table = both.substr(both.find(' ') + 1);
    raw.execute("REVOKE " + privilege + " ON health." + table + " FROM agent");
    CHECK(issue() == "the role lacks " + privilege + " on " + table);
    if (both == "INSERT messages") {
      CHECK(is_clear(error_of(rig.loop, rig.backend.add_conversation_message("s", "user", "hi")),
                     errc::unavailable, "add_conversation_message", "42501"));
    }
    raw.execute("GRANT " + privilege + " ON health." + table + " TO agent");
    CHECK(issue() == "healthy");
  }
  raw.execute("REVOKE UPDATE, TRUNCATE, REFERENCES, TRIGGER ON health.messages FROM agent");
  raw.execute("REVOKE UPDATE ON health.threads FROM agent;"
              "GRANT UPDATE (last_place) ON health.threads TO agent");
  CHECK(issue() == "healthy"); // no call needs more
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.delete_session("s")));
  raw.execute("DROP SCHEMA health CASCADE");
  CHECK(issue() != "healthy");
}

TEST_CASE("A health check of a space with an odd name finds the privileges", "[postgres]") {
  PostgresRig rig(one_connection("it's \"odd\""));
  CHECK(rig.works());
  rig.observer.raw().execute("REVOKE DELETE ON \"it's \"\"odd\"\"\".writes FROM agent");
  CHECK(rig.loop.run(rig.backend.health_check()).issues ==
        std::vector<std::string>(1, "the role lacks DELETE on writes"));
}

TEST_CASE("A clean-up that takes longer than a statement may is done in pieces", "[postgres]") {
  PostgresOptions options = one_connection("clean_up");
  options.operation_timeout = 2s;
  options.pool_size = 2;
  PostgresRig rig(options);
  auto& raw = rig.observer.raw();
  raw.execute("INSERT INTO clean_up.sessions (session_id, user_id, status, created_at,"
              " last_activity, metadata) SELECT 's' || i, 'u', 'active', '2020-01-01',"
              " '2020-01-01', '{}' FROM generate_series(1, 12000) AS i");
  raw.execute("INSERT INTO clean_up.messages (session_id, sequence, role, content, created_at,"
              " metadata) SELECT session_id, 1, 'user', 'hi', created_at, '{}'"
              " FROM clean_up.sessions");
  // Every fifth session takes its time: all of them more than one statement has, a piece of them a
  // twentieth of that.
  raw.execute("CREATE FUNCTION clean_up.slowly() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN IF OLD.session_id ~ ''[05]$'' THEN PERFORM pg_sleep(0.001); END IF;"
              " RETURN OLD; END';"
              "CREATE TRIGGER slowly BEFORE DELETE ON clean_up.sessions FOR EACH ROW"
              " EXECUTE FUNCTION clean_up.slowly()");
  rig.loop.run(rig.backend.create_session("young", "u"));
  rig.loop.run(rig.backend.put_checkpoint("other", "c", 1));
  const Stopwatch stopwatch;
  const auto removed = rig.loop.start(rig.backend.cleanup_expired_sessions(24h));
  REQUIRE(until(rig.loop, [&] {
    return raw.text("SELECT count(*) < 12001 FROM"
                    " clean_up.sessions") == "t";
  }));
  CHECK_FALSE(removed->ended);
  CHECK(rig.loop.run(rig.backend.put_checkpoint("other", "c", 2)));
  rig.loop.finish();
  CHECK(stopwatch.elapsed() > options.operation_timeout);
  CHECK(removed->value == 12'000);
  CHECK(raw.text("SELECT string_agg(session_id, ' ') FROM clean_up.sessions") == "young");
  CHECK(raw.text("SELECT count(*) FROM clean_up.messages") == "0");
  CHECK(rig.loop.run(rig.backend.get_checkpoint("other"))->data == json(2));
  // All, and to the last one of a piece.
  raw.execute("DROP TRIGGER slowly ON clean_up.sessions");
  raw.execute("INSERT INTO clean_up.sessions (session_id, user_id, status, created_at,"
              " last_activity, metadata) SELECT 's' || i, 'u', 'active', '2020-01-01',"
              " '2020-01-01', '{}' FROM generate_series(1, 999) AS i");
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(0us)) == 1'000);
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(0us)) == 0);
}

TEST_CASE("A clean-up of sessions that are too heavy for a statement goes on with fewer",
          "[postgres]") {
  PostgresRig tables(one_connection("heavy"));
  auto& raw = tables.observer.raw();
  const auto add = [&raw](const std::string& name, int count) {
    const std::string ids = " FROM generate_series(1, " + std::to_string(count) + ") AS i";
    raw.execute("INSERT INTO heavy.sessions (session_id, user_id, status, created_at,"
                " last_activity, metadata) SELECT '" +
                name + "' || i, 'u', 'active', '2020-01-01', '2020-01-01', '{}'" + ids);
  };
  add("a", 130);
  raw.execute("INSERT INTO heavy.messages (session_id, sequence, role, content, created_at,"
              " metadata) SELECT session_id, n, 'user', 'hi', created_at, '{}'"
              " FROM heavy.sessions, generate_series(1, 20) AS n");
  // A message takes a millisecond, so that a statement has the time for 30 sessions at most. A
  // session named "z1" takes longer than any statement may.
  raw.execute("CREATE FUNCTION heavy.slowly() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN PERFORM pg_sleep(0.001); RETURN OLD; END';"
              "CREATE TRIGGER slowly BEFORE DELETE ON heavy.messages FOR EACH ROW"
              " EXECUTE FUNCTION heavy.slowly();"
              "CREATE FUNCTION heavy.never() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN PERFORM pg_sleep(60); RETURN OLD; END';"
              "CREATE TRIGGER never BEFORE DELETE ON heavy.sessions FOR EACH ROW"
              " WHEN (OLD.session_id = 'z1') EXECUTE FUNCTION heavy.never()");
  PostgresOptions options = one_connection("heavy");
  options.conninfo += " options='-c statement_timeout=700ms'";
  PostgresRig rig(options);
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(24h)) == 130);
  CHECK(raw.text("SELECT count(*) FROM heavy.sessions") == "0");
  CHECK(raw.text("SELECT count(*) FROM heavy.messages") == "0");

  add("y", 3);
  add("z", 1);
  const auto error = error_of(rig.loop, rig.backend.cleanup_expired_sessions(24h));
  CHECK(is_clear(error, errc::unavailable, "cleanup_expired_sessions", "57014"));
  CHECK(is_because(error, boost::system::errc::timed_out, true));
  CHECK(raw.text("SELECT string_agg(session_id, ' ') FROM heavy.sessions") == "z1");
  CHECK(rig.works());
}
