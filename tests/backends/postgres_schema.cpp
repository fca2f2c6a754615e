// SPDX-License-Identifier: Apache-2.0

// The tables of PostgresBackend as others see them: older and newer versions of the library, other
// processes, roles with fewer rights, and a person with psql.

#include "support/files.hpp"
#include "support/json_values.hpp"
#include "support/servers/postgres_rig.hpp"
#include "support/version_1.hpp"

#include <agentstore/archives/postgres.hpp>
#include <agentstore/detail/postgres/store_schema.hpp>

#include <future>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* child_conninfo = "AGENTSTORE_TEST_POSTGRES_CHILD";
constexpr const char* child_space = "AGENTSTORE_TEST_POSTGRES_CHILD_SPACE";

PostgresOptions options_of(const std::string& space) {
  PostgresOptions options = options_for(shared_server().conninfo(), space);
  options.operation_timeout = 60s;
  return options;
}

std::string as_role(const std::string& role) {
  return shared_server().conninfo() + " user=" + role;
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + "\"";
}

std::string newest() {
  return std::to_string(std::size(detail::postgres::store_schema_steps));
}

/// The space "version_1", as a library made it that knew no other version.
void load_version_1() {
  RawPostgres raw(shared_server().conninfo());
  raw.execute("DROP SCHEMA IF EXISTS version_1 CASCADE");
  raw.execute(bytes_of(POSTGRES_VERSION_1_FILE));
}

/// Ends with a NUL, which PostgreSQL refuses, and with the character that stands for it.
const std::string last_content = std::string("and good-bye\0", 13) + "\xe2\x90\x80";

/// What a space has besides its rows, and without its name.
std::string shape_of(const std::string& space) {
  RawPostgres raw(shared_server().admin_conninfo());
  const std::vector<std::string> name(1, space);
  std::string shape;
  for (const char* const sql :
       {"SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
        " (SELECT collname FROM pg_collation WHERE oid = a.attcollation),"
        " (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef"
        " WHERE adrelid = c.oid AND adnum = a.attnum)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND attnum > 0 ORDER BY 1, 2",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1",
        "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE relnamespace = $1::regnamespace ORDER BY 1",
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = $1::regnamespace ORDER BY 1"}) {
    shape += raw.text(sql, name) + "\n";
  }
  for (std::size_t at = 0; (at = shape.find(space, at)) != std::string::npos;) {
    shape.replace(at, space.size(), "@");
  }
  return shape;
}

/// All rows, as text.
std::string rows_of(const std::string& space) {
  RawPostgres raw(shared_server().admin_conninfo());
  return raw.text("SELECT table_to_xml(c.oid, true, false, '') FROM pg_class c"
                  " WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY relname",
                  std::vector<std::string>(1, space));
}

/// Brings a space to the version of a list of steps, as an opening does. The failure, if it was
/// one.
awaitable<std::optional<detail::postgres::Failure>>
migrate(std::string space, const detail::postgres::Schema* schema) {
  using namespace detail::postgres;
  auto executor = co_await boost::asio::this_coro::executor;
  auto connection = std::make_shared<Connection>(executor);
  auto connection_string = std::make_shared<const ConnectionString>(shared_server().conninfo());
  std::optional<Failure> failure;
  try {
    auto settings = connection_string->settings_for(connection_string->hosts().at(0), "");
    co_await Connection::open(connection, connection_string, std::move(settings), 60s, true);
    co_await Schema::ensure(connection, space, schema);
  } catch (const Failure& thrown) {
    failure = thrown;
  }
  co_return failure;
}

/// Ten processes open the space, and meet there: none gets on before all wait for the same lock.
void open_in_ten_processes(const std::string& space) {
  ::setenv(child_conninfo, shared_server().conninfo().c_str(), 1);
  ::setenv(child_space, space.c_str(), 1);
  RawPostgres raw(shared_server().admin_conninfo());
  const std::vector<std::string> name(1, space);
  raw.text("SELECT pg_advisory_lock(hashtextextended('agentstore schema ' || $1, 0))", name);
  std::vector<std::future<void>> children;
  for (int i = 0; i < 10; ++i) {
    children.push_back(std::async(std::launch::async, [] {
      PostgresServer::run(std::vector<std::string>{"/proc/self/exe", "[postgres-child]"});
    }));
  }
  Loop loop;
  CHECK(until(
      loop,
      [&raw] {
        return raw.text("SELECT count(*) FROM pg_locks"
                        " WHERE locktype = 'advisory' AND NOT granted") == "10";
      },
      60s));
  raw.text("SELECT pg_advisory_unlock(hashtextextended('agentstore schema ' || $1, 0))", name);
  for (std::future<void>& child : children) {
    CHECK_NOTHROW(child.get());
  }
  ::unsetenv(child_conninfo);
}

} // namespace

TEST_CASE("One process of ten opens a space", "[.][postgres-child]") {
  if (std::getenv(child_conninfo) == nullptr) {
    return; // it is started by other tests
  }
  PostgresOptions options = options_for(std::getenv(child_conninfo), std::getenv(child_space));
  options.operation_timeout = 120s;
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
  REQUIRE(loop.run(backend.put_checkpoint("processes", std::to_string(::getpid()), 1)));
  loop.run(backend.close());
}

TEST_CASE("Ten processes open a space that is not there yet", "[postgres]") {
  const std::string space = "ten \"processes\" @ é";
  open_in_ten_processes(space);
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of(space));
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.list_checkpoints("processes", 100)).size() == 10);
  RawPostgres raw(shared_server().conninfo());
  CHECK(raw.text("SELECT * FROM " + quoted(space) + ".agentstore_schema") == "store|" + newest());
  CHECK(raw.text("SELECT count(*) FROM pg_namespace WHERE nspname = $1",
                 std::vector<std::string>(1, space)) == "1");
}

TEST_CASE("Ten processes open a space of version 1", "[postgres]") {
  load_version_1();
  open_in_ten_processes("version_1");
  RawPostgres raw(shared_server().conninfo());
  CHECK(raw.text("SELECT * FROM version_1.agentstore_schema") == "store|" + newest());
  CHECK(raw.text("SELECT count(*) FROM version_1.checkpoints"
                 " WHERE thread_id = 'processes'") == "10");
  raw.execute("DELETE FROM version_1.threads WHERE thread_id = 'processes'");
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of("version_1"));
  REQUIRE(loop.run(backend.initialize()));
  check_version_1(loop, backend, last_content);
}

TEST_CASE("A space of version 1 is migrated with all that it holds", "[postgres]") {
  load_version_1();
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of("version_1"));
  REQUIRE(loop.run(backend.initialize()));
  check_version_1(loop, backend, last_content);
  RawPostgres raw(shared_server().conninfo());
  CHECK(raw.text("SELECT version FROM version_1.agentstore_schema") == newest());
  // It is a store like any other now.
  CHECK(loop.run(backend.add_conversation_message("s-1", "user", "more")));
  CHECK(loop.run(backend.get_conversation_history("s-1")).back().content == "more");
  CHECK(loop.run(backend.put_checkpoint("s-1", "c-4", 4)));
  CHECK(loop.run(backend.get_checkpoint("s-1"))->checkpoint_id == "c-4");
  CHECK(loop.run(backend.list_sessions("user 1")).sessions.size() == 1);
  CHECK(loop.run(backend.delete_session("s-1")));
  CHECK(loop.run(backend.list_checkpoints("s-1")).empty());
}

TEST_CASE("From every version a space comes to the same tables as a new one", "[postgres]") {
  Loop loop;
  const auto open = [&loop](const std::string& space) {
    PostgresBackend backend(loop.context().get_executor(), options_of(space));
    return loop.run(backend.initialize());
  };
  REQUIRE(open("fresh"));
  load_version_1();
  REQUIRE(open("version_1"));
  CHECK(shape_of("version_1") == shape_of("fresh"));
  const std::span<const char* const> steps(detail::postgres::store_schema_steps);
  for (std::size_t version = 1; version <= steps.size(); ++version) {
    const std::string space = "from_" + std::to_string(version);
    const detail::postgres::Schema old("store", steps.first(version), {});
    REQUIRE_FALSE(loop.run(migrate(space, &old)));
    RawPostgres raw(shared_server().conninfo());
    REQUIRE(raw.text("SELECT version FROM " + space + ".agentstore_schema") ==
            std::to_string(version));
    REQUIRE(open(space));
    CHECK(shape_of(space) == shape_of("fresh"));
  }
}

TEST_CASE("A migration that fails or is broken off leaves everything as it was", "[postgres]") {
  using detail::postgres::Schema;
  std::vector<const char*> steps(std::begin(detail::postgres::store_schema_steps),
                                 std::end(detail::postgres::store_schema_steps));
  steps.push_back("ALTER TABLE @.sessions ADD COLUMN mood text; SELECT 1 / 0;");
  const Schema failing("store", steps, {});
  std::vector<const char*> slow_steps = steps;
  slow_steps.back() = "ALTER TABLE @.sessions ADD COLUMN mood text; SELECT pg_sleep(600);";
  const Schema slow("store", slow_steps, {});
  std::vector<const char*> good_steps = steps;
  good_steps.back() = "ALTER TABLE @.sessions ADD COLUMN mood text;";
  const Schema good("store", good_steps, {});

  load_version_1();
  const std::string shape = shape_of("version_1");
  const std::string rows = rows_of("version_1");
  Loop loop;
  const auto failure = loop.run(migrate("version_1", &failing));
  REQUIRE(failure);
  CHECK(failure->code == errc::unavailable);
  CHECK(failure->reason.find("division by zero") != std::string::npos);
  CHECK(shape_of("version_1") == shape);
  CHECK(rows_of("version_1") == rows);

  Observer observer(shared_server());
  const auto broken_off = loop.start(migrate("version_1", &slow));
  REQUIRE(until(loop, [&observer] {
    return observer.raw().text("SELECT count(*) FROM pg_stat_activity"
                               " WHERE wait_event = 'PgSleep'") == "1";
  }));
  const auto waiting = loop.start(migrate("version_1", &good));
  REQUIRE(until(loop, [&observer] { return observer.blocked() == 1; }));
  CHECK(observer.raw().text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE wait_event = 'PgSleep'") == "t");
  loop.finish();
  REQUIRE(broken_off->has_value());
  CHECK(broken_off->value->has_value());
  REQUIRE(waiting->has_value()); // who waited has made up for it
  CHECK_FALSE(waiting->value->has_value());
  RawPostgres raw(shared_server().conninfo());
  CHECK(raw.text("SELECT version FROM version_1.agentstore_schema") ==
        std::to_string(good_steps.size()));
  CHECK(raw.text("SELECT session_id, mood IS NULL FROM version_1.sessions ORDER BY 1") ==
        "s-1|t\ns-2|t");
}

TEST_CASE("A space of a newer version is refused and left as it is", "[postgres]") {
  load_version_1();
  RawPostgres raw(shared_server().conninfo());
  raw.execute("UPDATE version_1.agentstore_schema SET version = 1000");
  const std::string shape = shape_of("version_1");
  const std::string rows = rows_of("version_1");
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of("version_1"));
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::not_supported, "initialize", "1000"));
  CHECK(error_of(loop, backend.get_session("s-1"))->code() == errc::closed);
  CHECK(shape_of("version_1") == shape);
  CHECK(rows_of("version_1") == rows);
  raw.execute("UPDATE version_1.agentstore_schema SET version = 1");
  REQUIRE(loop.run(backend.initialize()));
  check_version_1(loop, backend, last_content);
}

TEST_CASE("A database of another encoding is refused", "[postgres]") {
  shared_server().admin("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'"
                        " LC_COLLATE 'C' LC_CTYPE 'C'");
  PostgresOptions options = options_of("latin");
  options.conninfo += " dbname=latin";
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  CHECK(
      is_clear(error_of(loop, backend.initialize()), errc::not_supported, "initialize", "LATIN1"));
}

TEST_CASE("A space has the name that the user gives it, or is refused", "[postgres]") {
  Loop loop;
  const std::string longest(63, 'x');
  const std::vector<std::string> names = {"select", "Upper",    "upper",        "a\"b", "a'b",
                                          "a b.c",  "@",        "ü\n",          "$1",   "a\\b",
                                          longest,  "a$body$b", "$body$$body_$"};
  for (const std::string& name : names) {
    INFO(name);
    PostgresBackend backend(loop.context().get_executor(), options_of(name));
    REQUIRE(loop.run(backend.initialize()));
    CHECK(loop.run(backend.put_checkpoint("t", "c", name)));
    CHECK(loop.run(backend.list_checkpoints("t")).size() == 1);
    CHECK(loop.run(backend.get_checkpoint("t"))->data == json(name));
    RawPostgres raw(shared_server().conninfo());
    CHECK(raw.text("SELECT data #>> '{}' FROM " + quoted(name) + ".checkpoints") == name);
  }
  for (const std::string& name : {std::string(), longest + "y", std::string("pg_store"),
                                  std::string("a\0b", 3), std::string("\xff")}) {
    PostgresBackend backend(loop.context().get_executor(), options_of(name));
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize",
                   "63 bytes"));
  }
}

TEST_CASE("A role that may not create can use what is there", "[postgres]") {
  CHECK(shared_server().admin("SELECT rolsuper FROM pg_roles WHERE rolname = 'agent'") == "f");
  shared_server().admin("CREATE ROLE guest LOGIN");
  Loop loop;
  PostgresOptions options = options_of("for_guests");
  options.conninfo = as_role("guest");
  PostgresBackend guest(loop.context().get_executor(), options);
  CHECK(is_clear(error_of(loop, guest.initialize()), errc::unavailable, "initialize",
                 "permission denied"));

  // In a schema that is there it may need no more than CREATE on that.
  shared_server().admin("CREATE SCHEMA by_guests");
  PostgresOptions own = options;
  own.space = "by_guests";
  PostgresBackend maker(loop.context().get_executor(), own);
  CHECK(is_clear(error_of(loop, maker.initialize()), errc::unavailable, "initialize",
                 "permission denied"));
  shared_server().admin("GRANT USAGE, CREATE ON SCHEMA by_guests TO guest");
  REQUIRE(loop.run(maker.initialize()));
  CHECK(loop.run(maker.put_checkpoint("t", "c", 1)));

  // Where the tables are there too, only to read and write them.
  PostgresBackend owner(loop.context().get_executor(), options_of("for_guests"));
  REQUIRE(loop.run(owner.initialize()));
  CHECK(is_clear(error_of(loop, guest.initialize()), errc::unavailable, "initialize",
                 "permission denied"));
  shared_server().admin("GRANT USAGE ON SCHEMA for_guests TO guest");
  shared_server().admin("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA for_guests"
                        " TO guest");
  REQUIRE(loop.run(guest.initialize()));
  loop.run(guest.create_session("s", "user"));
  CHECK(loop.run(guest.add_conversation_message("s", "user", "hello")));
  CHECK(loop.run(guest.put_checkpoint("s", "c", 1)));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  CHECK(loop.run(guest.put_writes("s", "c", "task", writes)));
  CHECK(loop.run(owner.get_conversation_history("s")).size() == 1);
  CHECK(loop.run(guest.delete_session("s")));
  CHECK(loop.run(owner.get_metrics()).total_checkpoints == 0);
}

TEST_CASE("A person can read the tables", "[postgres]") {
  const std::string id = "session/1 'é' \"x\" \\";
  PostgresOptions options = options_of("readable");
  options.clock = [] { return second(0); };
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
  loop.run(backend.create_session(id, "user 1", object_of("a", 1)));
  const std::string content = std::string("NUL \0, ", 7) + "\xe2\x90\x80 and\nnew line";
  CHECK(loop.run(backend.add_conversation_message(id, "user", content)));
  CHECK(loop.run(backend.store_task_context(id, std::string("\0", 1))));
  CHECK(loop.run(backend.put_checkpoint(id, "c-1", object_of("n", 2.5))));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("messages", json(nullptr));
  CHECK(loop.run(backend.put_writes(id, "c-1", "task", writes)));
  CHECK(loop.run(backend.get_conversation_history(id)).at(0).content == content);

  RawPostgres raw(shared_server().conninfo() +
                  " options='-c search_path=readable -c TimeZone=UTC'");
  const std::string now = "2026-11-23 14:44:02.123456+00";
  CHECK(raw.text("SELECT session_id, user_id, status, created_at, last_activity, metadata,"
                 " metadata->>'a', task_context FROM sessions") ==
        id + "|user 1|active|" + now + "|" + now + R"(|{"a":1}|1|"\u0000")");
  CHECK(raw.text("SELECT session_id, sequence, role, content, created_at, metadata"
                 " FROM messages") == id + "|1|user|NUL \xe2\x90\x80" +
                                          "0, \xe2\x90\x80\xe2\x90\x80 and\nnew line|" + now +
                                          "|{}");
  CHECK(raw.text("SELECT thread_id, checkpoint_id, created_at, data, metadata,"
                 " pg_typeof(data), extract(year FROM created_at) FROM checkpoints") ==
        id + "|c-1|" + now + R"(|{"n":2.5}|{}|json|2026)");
  CHECK(raw.text("SELECT thread_id, checkpoint_id, task_id, write_index, channel, value"
                 " FROM writes") == id + "|c-1|task|0|messages|null");
  CHECK(raw.text("SELECT thread_id FROM threads") == id);
  CHECK(raw.text("SELECT table_name, column_name FROM information_schema.columns"
                 " WHERE table_schema = 'readable' AND (column_name LIKE '%\\_at'"
                 " OR column_name = 'last_activity') AND data_type <> 'timestamp with time zone'")
            .empty());
  CHECK(raw.text("SELECT count(*) FROM information_schema.columns"
                 " WHERE table_schema = 'readable' AND data_type = 'json'") == "6");

  // And take a session away, with all that is its own.
  raw.execute("DELETE FROM sessions");
  for (const char* const table : {"messages", "threads", "checkpoints", "writes"}) {
    CHECK(raw.text("SELECT count(*) FROM " + std::string(table)) == "0");
  }
}

TEST_CASE("A value that another program made unreadable is an error", "[postgres]") {
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of("damaged"));
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
  RawPostgres raw(shared_server().conninfo());
  raw.execute(R"(UPDATE damaged.checkpoints SET data = '"\ud800"')"); // half a character
  CHECK(is_clear(error_of(loop, backend.get_checkpoint("t")), errc::corrupted, "get_checkpoint"));
  CHECK(
      is_clear(error_of(loop, backend.list_checkpoints("t")), errc::corrupted, "list_checkpoints"));
  CHECK(loop.run(backend.put_checkpoint("t", "c", 2)));
  CHECK(loop.run(backend.get_checkpoint("t"))->data == json(2));
}

TEST_CASE("The role's own settings change nothing", "[postgres]") {
  load_version_1();
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"default_transaction_isolation", "serializable"},
      {"search_path", "nowhere"},
      {"TimeZone", "Asia/Kathmandu"},
      {"DateStyle", "German"},
      {"client_encoding", "LATIN1"},
      {"standard_conforming_strings", "off"},
      {"extra_float_digits", "-15"}};
  for (const auto& [name, value] : settings) {
    shared_server().admin("ALTER ROLE agent SET " + name + " = '" + value + "'");
  }
  {
    Loop loop;
    PostgresBackend backend(loop.context().get_executor(), options_of("version_1"));
    REQUIRE(loop.run(backend.initialize()));
    check_version_1(loop, backend, last_content);
    std::vector<ChannelWrite> writes;
    writes.emplace_back("a", 1);
    CHECK(loop.run(backend.put_writes("t", "c", "a\\b", writes)));
    CHECK(loop.run(backend.put_writes("t", "c", "a\\b", writes)));
    CHECK(loop.run(backend.get_writes("t", "c")).size() == 1);
    PostgresBackend other(loop.context().get_executor(), options_of("other_settings"));
    REQUIRE(loop.run(other.initialize()));
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    for (int i = 0; i < 50; ++i) {
      const std::string name = std::to_string(i);
      puts.push_back(loop.start(backend.put_checkpoint("t", name, "é\\")));
    }
    loop.finish();
    for (const auto& put : puts) {
      CHECK(put->value == true);
    }
    CHECK(loop.run(backend.get_checkpoint("t"))->data == json("é\\"));
  }
  for (const auto& [name, value] : settings) {
    shared_server().admin("ALTER ROLE agent RESET " + name);
  }
}

TEST_CASE("The store and the archive may have the same space", "[postgres]") {
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options_of("shared"));
  PostgresArchive archive(loop.context().get_executor(), options_of("shared"));
  const auto one = loop.start(backend.initialize());
  const auto other = loop.start(archive.initialize());
  loop.finish();
  const auto error = error_of(*one);
  INFO((error ? error->what() : "no error"));
  CHECK(one->value == true);
  CHECK(other->value == true);
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
  CHECK(loop.run(archive.append_checkpoint("t", "c", 1)));
  CHECK(loop.run(archive.read_archive(ArchiveKind::checkpoint, "t")).size() == 1);
  RawPostgres raw(shared_server().conninfo());
  CHECK(raw.text("SELECT component FROM shared.agentstore_schema ORDER BY 1") == "archive\nstore");
}
