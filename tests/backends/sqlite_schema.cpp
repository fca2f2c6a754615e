// SPDX-License-Identifier: Apache-2.0

// The file of SqliteBackend as others see it: older and newer versions of the library, and a person
// with the program sqlite3.

#include "support/catch.hpp"
#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/files.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"
#include "support/version_1.hpp"

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/sqlite/store_schema.hpp>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

/// A file of the first version, made by a library that knew no other, and never made anew: two
/// sessions, of which the first was updated, and the second has ended; of the first two messages, a
/// context, three checkpoints and two pending writes; a second between each call and the next.
void copy_version_1(const std::string& to) {
  write_bytes(to, bytes_of(SQLITE_VERSION_1_FILE));
}

std::string newest() {
  return std::to_string(detail::sqlite::store_schema_steps.size());
}

/// What a file has besides its rows.
std::string shape_of(const std::string& path) {
  RawSqlite raw(path);
  return raw.text("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name") +
         raw.text("PRAGMA user_version") + raw.text("PRAGMA application_id");
}

} // namespace

TEST_CASE("A file of version 1 is migrated with all that it holds", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  copy_version_1(path);
  REQUIRE(RawSqlite(path).text("PRAGMA user_version") == "1");
  {
    Loop loop;
    SqliteBackend backend(path);
    REQUIRE(loop.run(backend.initialize()));
    check_version_1(loop, backend, "and good-bye");
    CHECK(loop.run(backend.health_check()).details["schema_version"] == json(std::stoi(newest())));
    // It is a store like any other now.
    CHECK(loop.run(backend.add_conversation_message("s-1", "user", "more")));
    CHECK(loop.run(backend.get_conversation_history("s-1")).size() == 3);
    loop.run(backend.close());
  }
  CHECK(RawSqlite(path).text("PRAGMA user_version") == newest());
  CHECK(RawSqlite(path).text("PRAGMA integrity_check") == "ok");
}

TEST_CASE("A migration that is broken off anywhere loses nothing and is made up for", "[sqlite]") {
  const TemporaryDirectory directory;
  FaultySqliteVfs& disk = FaultySqliteVfs::instance();
  std::size_t failures = 0;
  for (std::size_t first = 1; first <= 1'000; ++first) {
    const std::string path = directory.file(std::to_string(first) + ".db");
    copy_version_1(path);
    Loop loop;
    std::optional<StorageError> error;
    {
      SqliteBackend backend(path);
      disk.inject(path, conformance::Fault(FaultySqliteVfs::Effect::before, first));
      error = error_of(loop, backend.initialize());
      disk.inject(path, conformance::Fault());
    }
    {
      SqliteBackend backend(path);
      REQUIRE(loop.run(backend.initialize()));
      check_version_1(loop, backend, "and good-bye");
    }
    if (!error) {
      break;
    }
    CHECK(error->code() == errc::unavailable);
    ++failures;
  }
  CHECK(failures > 5);
  CHECK(failures < 1'000);
}

TEST_CASE("From every version a file comes to the same tables as a new one", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  const auto open = [&](const std::string& path) {
    SqliteBackend backend(path);
    return loop.run(backend.initialize());
  };
  const std::string fresh = directory.file("new.db");
  REQUIRE(open(fresh));
  for (std::size_t version = 1; version <= detail::sqlite::store_schema_steps.size(); ++version) {
    const std::string path = directory.file(std::to_string(version) + ".db");
    {
      RawSqlite raw(path);
      for (std::size_t step = 0; step < version; ++step) {
        raw.execute(detail::sqlite::store_schema_steps[step]);
      }
      raw.execute("PRAGMA application_id = " +
                  std::to_string(detail::sqlite::store_schema().application_id));
      raw.execute("PRAGMA user_version = " + std::to_string(version));
    }
    REQUIRE(open(path));
    CHECK(shape_of(path) == shape_of(fresh));
  }
}

TEST_CASE("A file of a newer version is refused and left as it is", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  copy_version_1(path);
  RawSqlite(path).execute("PRAGMA user_version = 1000");
  const std::string before = bytes_of(path);
  Loop loop;
  SqliteBackend backend(path);
  const auto error = error_of(loop, backend.initialize());
  REQUIRE(error);
  CHECK(error->code() == errc::not_supported);
  CHECK(error->operation() == "initialize");
  CHECK(std::string(error->what()).find("1000") != std::string::npos);
  CHECK(std::string(error->what()).find(path) != std::string::npos);
  CHECK(bytes_of(path) == before);
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
  CHECK(error_of(loop, backend.get_session("s-1"))->code() == errc::closed);
}

TEST_CASE("A file of a version that there cannot be is refused", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  for (const char* const damage : {"PRAGMA user_version = -1", "PRAGMA user_version = -2147483648",
                                   "PRAGMA user_version = 0"}) { // with tables
    copy_version_1(path);
    RawSqlite(path).execute(damage);
    const std::string before = bytes_of(path);
    SqliteBackend backend(path);
    const auto error = error_of(loop, backend.initialize());
    REQUIRE(error);
    CHECK(error->code() == errc::corrupted);
    std::filesystem::remove(path);
  }
}

TEST_CASE("A person can read the file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  const std::string id = "session/1 'é' \"x\"";
  {
    SqliteOptions options(path);
    options.clock = [] { return second(0); };
    Loop loop;
    SqliteBackend backend(options);
    REQUIRE(loop.run(backend.initialize()));
    loop.run(backend.create_session(id, "user 1", object_of("a", 1)));
    CHECK(loop.run(backend.add_conversation_message(id, "user", "hello\nworld")));
    CHECK(loop.run(backend.store_task_context(id, json::array())));
    CHECK(loop.run(backend.put_checkpoint(id, "c-1", object_of("n", 2.5))));
    std::vector<ChannelWrite> writes;
    writes.emplace_back("messages", json(nullptr));
    CHECK(loop.run(backend.put_writes(id, "c-1", "task", writes)));
    loop.run(backend.close());
  }
  const std::string now = "2026-11-23T14:44:02.123456Z";
  RawSqlite raw(path);
  CHECK(raw.text("SELECT session_id, user_id, status, created_at, last_activity, metadata,"
                 " json_extract(metadata, '$.a') FROM sessions") ==
        id + "|user 1|active|" + now + "|" + now + "|{\"a\":1}|1");
  CHECK(raw.text("SELECT session_id, sequence, role, content, timestamp, metadata FROM messages") ==
        id + "|1|user|hello\nworld|" + now + "|{}");
  CHECK(raw.text("SELECT session_id, json(context) FROM task_contexts") == id + "|[]");
  CHECK(raw.text("SELECT thread_id, checkpoint_id, created_at, json(data), json(metadata),"
                 " typeof(data), strftime('%Y', created_at) FROM checkpoints") ==
        id + "|c-1|" + now + "|{\"n\":2.5}|{}|text|2026");
  CHECK(raw.text("SELECT thread_id, checkpoint_id, task_id, idx, channel, json(value)"
                 " FROM pending_writes") == id + "|c-1|task|0|messages|null");
  CHECK(raw.text("PRAGMA journal_mode") == "wal");
}
