// SPDX-License-Identifier: Apache-2.0

// PostgresBackend behind pgbouncer, which hands one server to many clients.

#include "support/faults/postgres_proxy.hpp"
#include "support/servers/pgbouncer.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/detail/postgres/statement_name.hpp>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

const std::string in_transactions = "pool_mode = transaction\nserver_reset_query =\n";
const std::string in_sessions = "pool_mode = session\nserver_reset_query =\n";

bool has_pgbouncer() {
  if (std::string(AGENTSTORE_PGBOUNCER).ends_with("NOTFOUND")) {
    WARN("no pgbouncer is installed: what this test is about is not looked at");
    return false;
  }
  return true;
}

PostgresOptions options_through(const PgBouncer& pooler, const std::string& space) {
  PostgresOptions options = options_for(pooler.conninfo(), space);
  options.acquire_timeout = 30s;
  options.operation_timeout = 30s;
  return options;
}

} // namespace

TEST_CASE("A statement's name follows from what it is", "[postgres]") {
  const auto name = detail::postgres::statement_name("SELECT 1", {20, 25});
  CHECK(name == detail::postgres::statement_name("SELECT 1", {20, 25}));
  CHECK(name.starts_with("agentstore_"));
  CHECK(name.size() < 64); // a server cuts off what is longer
  for (const auto& other : {detail::postgres::statement_name("SELECT 2", {20, 25}),
                            detail::postgres::statement_name("SELECT 1", {25, 20}),
                            detail::postgres::statement_name("SELECT 1", {20}),
                            detail::postgres::statement_name("SELECT 1", {2025})}) {
    CHECK(name != other);
  }
}

TEST_CASE("Two backends that share one server session do not run each other's statements",
          "[postgres]") {
  if (!has_pgbouncer()) {
    return;
  }
  for (const std::string& mode : {in_transactions, in_sessions}) {
    INFO(mode);
    const PgBouncer pooler(shared_server(), mode + "default_pool_size = 1\n");
    PostgresOptions options = options_through(pooler, "met");
    options.pool_size = 1;
    for (int round = 0; round < 5; ++round) {
      Loop loop;
      PostgresBackend one(loop.context().get_executor(), options);
      PostgresBackend other(loop.context().get_executor(), options);
      REQUIRE(loop.run(one.initialize()));
      if (round == 0) {
        loop.run(one.delete_session("precious"));
        loop.run(one.create_session("precious", "user"));
      }
      CHECK_FALSE(loop.run(one.delete_session("no-such")));
      if (mode == in_sessions) {
        loop.run(one.close()); // and leaves its session to the other one
      }
      REQUIRE(loop.run(other.initialize()));
      CHECK(loop.run(other.get_session("precious")));
      if (mode == in_transactions) {
        CHECK_FALSE(loop.run(one.get_session("no-such")));
      }
      CHECK(loop.run(other.get_session("precious")));
    }
  }
}

TEST_CASE("Behind a pooler nothing is left in a session", "[postgres]") {
  if (!has_pgbouncer()) {
    return;
  }
  const PgBouncer pooler(shared_server(), in_transactions + "default_pool_size = 1\n");
  RawPostgres raw(pooler.conninfo());
  const std::string settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name)"
                               " FROM pg_settings WHERE name IN ('search_path',"
                               " 'statement_timeout', 'default_transaction_isolation',"
                               " 'standard_conforming_strings')";
  const std::string before = raw.text(settings);
  PostgresRig rig(options_through(pooler, "left"));
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.create_session("s", "user")).session_id == "s");
  CHECK(rig.loop.run(rig.backend.delete_session("s")));
  CHECK(raw.text(settings) == before);
  CHECK(raw.text("SELECT count(*) FROM pg_prepared_statements") == "0");
}

TEST_CASE("Behind a pooler the settings of a session change nothing", "[postgres]") {
  if (!has_pgbouncer()) {
    return;
  }
  const PgBouncer pooler(shared_server(), in_transactions + "default_pool_size = 1\n");
  RawPostgres(pooler.conninfo())
      .execute("SET default_transaction_isolation = 'serializable';"
               "SET standard_conforming_strings = off; SET search_path = public");
  PostgresRig rig(options_through(pooler, "foreign"));
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.put_checkpoint("t\\'", "c\\", "a\\'b")));
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t\\'"))->data == json("a\\'b"));
}

TEST_CASE("Behind a pooler a method is one exchange too", "[postgres]") {
  if (!has_pgbouncer()) {
    return;
  }
  const PgBouncer pooler(shared_server(), in_transactions + "default_pool_size = 1\n");
  PostgresProxy proxy(pooler.socket());
  PostgresOptions options = options_through(pooler, "pooled_exchanges");
  options.conninfo = proxy.conninfo();
  options.pool_size = 1;
  PostgresRig rig(options);
  // libpq sends in two parts. On a busy machine an answer may come between them. A client that
  // waited for that answer would need two exchanges each time.
  int in_one = 0;
  for (int i = 0; i < 10; ++i) {
    const std::size_t before = proxy.exchanges();
    CHECK(rig.loop.run(rig.backend.put_checkpoint("t", std::to_string(i), i)));
    in_one += proxy.exchanges() - before == 1 ? 1 : 0;
  }
  CHECK(in_one > 0);
}

TEST_CASE("Many coroutines over few servers", "[postgres]") {
  if (!has_pgbouncer()) {
    return;
  }
  // A pooler looks at 4 KiB at a time, which may end in the middle of a call. If the call before it
  // is answered just then, the rest must not go to another server.
  constexpr int count = 600;
  const auto text = [](int i) { return std::string(static_cast<std::size_t>(i * 7), 'x'); };
  const PgBouncer pooler(shared_server(), in_transactions + "default_pool_size = 2\n");
  PostgresRig rig(options_through(pooler, "crowd"));
  REQUIRE(rig.loop.run(rig.backend.create_session("s", "user")).version == 1);
  std::vector<std::shared_ptr<Ending<bool>>> writes;
  for (int i = 0; i < count; ++i) {
    writes.push_back(rig.loop.start(rig.backend.put_checkpoint("t", std::to_string(i), text(i))));
    writes.push_back(rig.loop.start(rig.backend.add_conversation_message("s", "user", text(i))));
    writes.push_back(rig.loop.start(rig.backend.store_task_context("s", i)));
  }
  rig.loop.finish();
  for (const auto& write : writes) {
    CHECK(write->value == true);
  }
  for (int i = 0; i < count; ++i) {
    const auto checkpoint = rig.loop.run(rig.backend.get_checkpoint("t", std::to_string(i)));
    REQUIRE(checkpoint);
    CHECK(checkpoint->data == json(text(i)));
  }
  std::size_t characters = 0;
  for (const Message& message : rig.loop.run(rig.backend.get_conversation_history("s", 1'000))) {
    characters += message.content.size();
  }
  CHECK(characters == std::size_t{count} * (count - 1) / 2 * 7);
}

TEST_CASE("Nothing is prepared where that is not wanted", "[postgres]") {
  for (const auto prepared :
       {PostgresOptions::Prepared::never, PostgresOptions::Prepared::automatic}) {
    PostgresOptions options = options_for(shared_server().conninfo(), "unprepared");
    options.prepared = prepared;
    options.pool_size = 1;
    PostgresProxy proxy(shared_server().socket());
    options.conninfo = proxy.conninfo();
    PostgresRig rig(options);
    for (int i = 0; i < 3; ++i) {
      REQUIRE(rig.works());
    }
    // A call that is prepared sends its text only once.
    const std::size_t before = proxy.sent_bytes();
    CHECK(rig.loop.run(rig.backend.get_session("s")) == std::nullopt);
    const std::size_t first = proxy.sent_bytes() - before;
    CHECK(rig.loop.run(rig.backend.get_session("s")) == std::nullopt);
    const std::size_t second = proxy.sent_bytes() - before - first;
    CHECK((second < first) == (prepared == PostgresOptions::Prepared::automatic));
  }
}

TEST_CASE("A server that forgets what a connection has prepared costs no call", "[postgres]") {
  // A role of its own cannot reach into another session, so the server's own extension point does:
  // a trigger that forgets every statement of the session that fires it.
  PostgresOptions options = options_for(shared_server().conninfo(), "forgetful");
  options.pool_size = 1;
  PostgresRig rig(options);
  REQUIRE(rig.works());
  rig.observer.raw().execute(
      "CREATE FUNCTION forgetful.forget() RETURNS trigger LANGUAGE plpgsql AS"
      " $$BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END$$;"
      "CREATE TRIGGER forget AFTER INSERT ON forgetful.sessions"
      " FOR EACH STATEMENT EXECUTE FUNCTION forgetful.forget()");
  const std::string before = rig.server_processes();
  CHECK(rig.loop.run(rig.backend.create_session("s", "user")).session_id == "s");
  CHECK(rig.works()); // the statements prepared on the connection are gone
  CHECK(rig.server_processes() != before);
  CHECK(rig.loop.run(rig.backend.create_session("t", "user")).session_id == "t");
  CHECK(rig.works());
}
