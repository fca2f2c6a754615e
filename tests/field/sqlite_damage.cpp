// SPDX-License-Identifier: Apache-2.0

// If another program, or a fault, has left something wrong in the tables, a call ends with an error
// and never with an answer.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>

using namespace agentstore;
using namespace agentstore::test;

TEST_CASE("A health check sees that a table is gone", "[sqlite]") {
  const std::string table = GENERATE(as<std::string>(), "sessions", "messages", "task_contexts",
                                     "checkpoints", "pending_writes");
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
  RawSqlite(path).execute("DROP TABLE " + table);
  const Health health = loop.run(backend.health_check());
  CHECK(health.status == Health::Status::unhealthy);
  REQUIRE(health.issues.size() == 1);
  CHECK(health.issues[0].find(table) != std::string::npos);
}

TEST_CASE("Damage in a column is an error, never an answer", "[sqlite]") {
  class Damage {
  public:
    const char* table;
    const char* column;
    std::vector<const char*> values;
  };
  const std::vector<const char*> no_text = {"x'00'", "CAST(x'61ff' AS TEXT)"};
  const std::vector<const char*> no_time = {"x'00'", "'now'", "''", "5"};
  const std::vector<const char*> no_count = {"-5", "1.5", "'many'", "x'00'"};
  const std::vector<const char*> no_integer = {"1.5", "'many'", "x'00'"};
  const std::vector<const char*> no_json = {"'{'", "''", "x'00'", "CAST(x'22ff22' AS TEXT)"};
  const std::vector<const char*> no_object = {"'[1]'", "'null'", "'1'",
                                              "'{'",   "x'00'",  "CAST(x'7b22ff223a317d' AS TEXT)"};
  const std::vector<Damage> damages = {
      {"sessions", "user_id", no_text},
      {"sessions", "status", no_text},
      {"sessions", "created_at", no_time},
      {"sessions", "last_activity", no_time},
      {"sessions", "request_count", no_count},
      {"sessions", "error_count", no_count},
      {"sessions", "processing_time_us", no_count},
      {"sessions", "version", no_count},
      {"sessions", "metadata", no_object},
      {"messages", "sequence", no_count},
      {"messages", "role", no_text},
      {"messages", "content", no_text},
      {"messages", "timestamp", no_time},
      {"messages", "metadata", no_object},
      {"task_contexts", "context", no_json},
      {"checkpoints", "checkpoint_id", no_text},
      {"checkpoints", "created_at", no_time},
      {"checkpoints", "data", no_json},
      {"checkpoints", "metadata", no_object},
      {"pending_writes", "task_id", no_text},
      {"pending_writes", "idx", no_integer},
      {"pending_writes", "channel", no_text},
      {"pending_writes", "value", no_json},
  };
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  loop.run(backend.create_session("s", "u"));
  loop.run(backend.add_conversation_message("s", "user", "hi"));
  loop.run(backend.store_task_context("s", json::object()));
  loop.run(backend.put_checkpoint("t", "c", 1));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("channel", 1);
  loop.run(backend.put_writes("t", "c", "task", writes));
  const auto read = [&](const std::string& table) {
    if (table == "sessions") {
      return error_of(loop, backend.get_session("s"));
    }
    if (table == "messages") {
      return error_of(loop, backend.get_conversation_history("s"));
    }
    if (table == "task_contexts") {
      return error_of(loop, backend.get_task_context("s"));
    }
    if (table == "checkpoints") {
      return error_of(loop, backend.get_checkpoint("t"));
    }
    return error_of(loop, backend.get_writes("t", "c"));
  };
  RawSqlite raw(path);
  for (const Damage& damage : damages) {
    const std::string table = damage.table;
    const std::string column = damage.column;
    for (const char* const value : damage.values) {
      CAPTURE(table, column, value);
      CHECK_FALSE(read(table).has_value());
      raw.execute("CREATE TABLE kept AS SELECT * FROM " + table);
      raw.execute("UPDATE " + table + " SET " + column + " = " + value);
      const auto error = read(table);
      CHECK((error && means(error->code(), errc::corrupted)));
      CHECK((error && error->key() == (table[0] == 'c' || table[0] == 'p' ? "t" : "s")));
      raw.execute("DELETE FROM " + table + "; INSERT INTO " + table +
                  " SELECT * FROM kept; DROP TABLE kept");
    }
  }
  raw.execute("UPDATE sessions SET message_count = -5");
  CHECK(error_of(loop, backend.add_conversation_message("s", "user", "hi"))->code() ==
        errc::corrupted);
  CHECK(error_of(loop, backend.get_metrics())->code() == errc::corrupted);
}
