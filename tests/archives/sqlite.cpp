// SPDX-License-Identifier: Apache-2.0

// SqliteArchive: its file as others see it, many handles and processes on one file, and what
// happens where things go wrong: false in time, nothing lost that was acknowledged, and the same
// object works again when the fault is mended.

#include "support/catch.hpp"
#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/files.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/archives/sqlite.hpp>
#include <agentstore/conformance/crash/child_process.hpp>
#include <agentstore/detail/sqlite/archive_schema.hpp>

#include <map>
#include <sstream>
#include <thread>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
using conformance::ChildProcess;

namespace {

constexpr const char* variable = "AGENTSTORE_SQLITE_ARCHIVE_CHILD";
constexpr int writers = 8;
constexpr int rounds = 25;

SqliteOptions patient(const std::string& path) {
  SqliteOptions options(path);
  options.busy_timeout = 60s; // where two processors have ten other things to do
  return options;
}

SqliteOptions hasty(const std::string& path) {
  SqliteOptions options(path);
  options.busy_timeout = 50ms;
  return options;
}

std::vector<ArchiveRecord> records_of(Loop& loop, SqliteArchive& archive, const std::string& key) {
  return loop.run(archive.read_archive(ArchiveKind::conversation_session, key, 0, 1'000'000));
}

awaitable<bool> append_numbers(SqliteArchive& archive, std::string name) {
  bool all = true;
  for (int round = 0; round < rounds; ++round) {
    all &= co_await archive.append_conversation_session(name, round);
    all &= co_await archive.append_conversation_session("all", name);
  }
  co_return all;
}

/// Many writers on a handle of its own. Returns what went wrong.
std::string hammer(const std::string& path, const std::string& name) {
  try {
    Loop loop;
    SqliteArchive archive(patient(path));
    if (!loop.run(archive.initialize())) {
      return "the archive does not open";
    }
    std::vector<std::shared_ptr<Ending<bool>>> endings;
    for (int writer = 0; writer < writers; ++writer) {
      endings.push_back(loop.start(append_numbers(archive, name + "-" + std::to_string(writer))));
    }
    loop.finish(300s);
    for (const auto& ending : endings) {
      if (ending->error) {
        std::rethrow_exception(ending->error);
      }
      if (!ending->value.value()) {
        return "an append was false";
      }
    }
    loop.run(archive.close());
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// That each record of two hammers is there once, in the order of its writer.
void check_all_there(const std::string& path) {
  Loop loop;
  SqliteArchive archive(patient(path));
  REQUIRE(loop.run(archive.initialize()));
  std::map<std::string, int> shared;
  for (const ArchiveRecord& record : records_of(loop, archive, "all")) {
    ++shared[record.fields.at("session_data").get<std::string>()];
  }
  for (const char* const name : {"first", "second"}) {
    for (int writer = 0; writer < writers; ++writer) {
      const std::string key = std::string(name) + "-" + std::to_string(writer);
      const auto records = records_of(loop, archive, key);
      REQUIRE(records.size() == rounds);
      std::uint64_t last = 0;
      for (int round = 0; round < rounds; ++round) {
        const ArchiveRecord& record = records[static_cast<std::size_t>(round)];
        CHECK(record.sequence > last);
        CHECK(record.fields.at("session_data") == json(round));
        last = record.sequence;
      }
      CHECK(shared[key] == rounds);
    }
  }
  CHECK(shared.size() == 2 * writers);
  CHECK(RawSqlite(path).text("PRAGMA integrity_check") == "ok");
}

/// The last line that a child says is what went wrong, and "ok" if nothing did.
std::string outcome(ChildProcess& child) {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + 300s;
  while (child.read(text, 100ms) != ChildProcess::ReadResult::end) {
    if (std::chrono::steady_clock::now() > deadline) {
      return "the child does not end: " + text;
    }
  }
  return text.empty() ? "the child said nothing: " + child.kill() : text;
}

/// What a file has besides its rows.
std::string shape_of(const std::string& path) {
  RawSqlite raw(path);
  return raw.text("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name") +
         raw.text("PRAGMA user_version") + raw.text("PRAGMA application_id");
}

void make_archive(const std::string& path, int count) {
  Loop loop;
  SqliteArchive archive(path);
  REQUIRE(loop.run(archive.initialize()));
  for (int i = 0; i < count; ++i) {
    CHECK(loop.run(archive.append_conversation_session("k", i)));
  }
  loop.run(archive.close());
}

/// Whether an archive that is not open opens and holds so many.
bool holds(Loop& loop, SqliteArchive& archive, std::size_t count) {
  return loop.run(archive.initialize()) && records_of(loop, archive, "k").size() == count;
}

} // namespace

TEST_CASE("child that shares an archive", "[.]") {
  const char* const text = std::getenv(variable);
  if (text == nullptr) {
    return; // not a child
  }
  std::string path;
  std::string name;
  int pipe = -1;
  std::istringstream(text) >> path >> name >> pipe;
  const std::string wrong = hammer(path, name);
  const std::string answer = wrong.empty() ? "ok" : wrong;
  CHECK(::write(pipe, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()));
}

TEST_CASE("Two handles of one process archive to one file, which both make", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  std::string first;
  std::string second;
  std::thread other([&] { second = hammer(path, "second"); });
  first = hammer(path, "first");
  other.join();
  CHECK(first == "");
  CHECK(second == "");
  check_all_there(path);
}

TEST_CASE("Two processes archive to one file, which both make", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  const std::vector<std::string> arguments(1, "child that shares an archive");
  ChildProcess first(arguments, variable, path + " first");
  ChildProcess second(arguments, variable, path + " second");
  CHECK(outcome(first) == "ok");
  CHECK(outcome(second) == "ok");
  check_all_there(path);
}

TEST_CASE("A person can read the archive's file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  const std::string id = "session/1 'é' \"x\"";
  {
    Loop loop;
    SqliteOptions options(path);
    options.clock = [] { return Timestamp(1'764'000'000'000'042us); };
    SqliteArchive archive(options);
    REQUIRE(loop.run(archive.initialize()));
    CHECK(loop.run(archive.append_conversation_message(id, "user", "hello\nworld")));
    CHECK(loop.run(archive.append_task_context_snapshot(id, json::array(), Timestamp(-1us))));
    CHECK(loop.run(archive.append_checkpoint(id, "c", 2.5, json::object(), Timestamp::min())));
    CHECK(loop.run(archive.append_checkpoint(id, "c", 2.5, json::object(), Timestamp::max())));
    loop.run(archive.close());
  }
  RawSqlite raw(path);
  CHECK(raw.text("SELECT sequence, key, created_at, fields->>'content' FROM archive"
                 " WHERE kind = 'conversation_message'") ==
        "1|" + id + "|2025-11-24T16:00:00.000042Z|hello\nworld");
  CHECK(raw.text("SELECT created_at, created_at_us, json(fields) FROM archive"
                 " WHERE kind = 'task_context_snapshot'") ==
        R"(1969-12-31T23:59:59.999999Z|-1|{"context_data":[],"session_id":"session/1 'é' \"x\""})");
  CHECK(raw.text("SELECT created_at FROM archive WHERE kind = 'checkpoint'") == "NULL\nNULL");
  CHECK(raw.text("PRAGMA journal_mode") == "wal");
}

TEST_CASE("Every time comes back from an archive's file as it was given", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  SqliteArchive archive(directory.file("archive.db"));
  REQUIRE(loop.run(archive.initialize()));
  const std::vector<Timestamp> times = {Timestamp::min(),
                                        Timestamp::max(),
                                        Timestamp(),
                                        Timestamp(-1us),
                                        Timestamp(1us),
                                        Timestamp(-62'167'219'200'000'001us),
                                        Timestamp(253'402'300'800'000'000us)};
  for (const Timestamp time : times) {
    CHECK(loop.run(archive.append_conversation_session("k", 1, time)));
  }
  const auto records = records_of(loop, archive, "k");
  REQUIRE(records.size() == times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    CHECK(records[i].created_at == times[i]);
  }
}

TEST_CASE("From every version an archive's file comes to the same table as a new one", "[sqlite]") {
  using detail::sqlite::archive_schema;
  const TemporaryDirectory directory;
  Loop loop;
  const std::string fresh = directory.file("new.db");
  make_archive(fresh, 0);
  CHECK(RawSqlite(fresh).text("PRAGMA user_version") == std::to_string(archive_schema().newest()));
  for (std::size_t version = 1; version <= archive_schema().steps.size(); ++version) {
    const std::string path = directory.file(std::to_string(version) + ".db");
    {
      RawSqlite raw(path);
      for (std::size_t step = 0; step < version; ++step) {
        raw.execute(archive_schema().steps[step]);
      }
      raw.execute("PRAGMA application_id = " + std::to_string(archive_schema().application_id));
      raw.execute("PRAGMA user_version = " + std::to_string(version));
      raw.execute(
          "INSERT INTO archive (kind, key, created_at_us, fields) VALUES"
          " ('conversation_session', 'k', 7, '{\"session_key\":\"k\",\"session_data\":1}')");
    }
    SqliteArchive archive(path);
    REQUIRE(loop.run(archive.initialize()));
    const auto records = records_of(loop, archive, "k");
    REQUIRE(records.size() == 1);
    CHECK(records[0].created_at == Timestamp(7us));
    CHECK(records[0].fields.at("session_data") == json(1));
    loop.run(archive.close());
    CHECK(shape_of(path) == shape_of(fresh));
  }
}

TEST_CASE("A file that is not an archive's, or a newer one, is refused and left as it is",
          "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  Loop loop;
  SECTION("newer") {
    make_archive(path, 1);
    RawSqlite(path).execute("PRAGMA user_version = 1000");
  }
  SECTION("of a backend") {
    SqliteBackend backend(path);
    REQUIRE(loop.run(backend.initialize()));
    loop.run(backend.close());
  }
  SECTION("of another program") {
    RawSqlite(path).execute("CREATE TABLE theirs (x)");
  }
  SECTION("no database") {
    write_bytes(path, std::string(5'000, 'x'));
  }
  const std::string before = bytes_of(path);
  SqliteArchive archive(hasty(path));
  CHECK_FALSE(loop.run(archive.initialize()));
  CHECK_FALSE(loop.run(archive.append_conversation_session("k", 1)));
  const auto error = error_of(loop, archive.read_archive(ArchiveKind::conversation_session, "k"));
  REQUIRE(error);
  CHECK(error->code() == errc::closed);
  CHECK(error->operation() == "read_archive");
  CHECK(error->key() == "k");
  CHECK(bytes_of(path) == before);
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_CASE("A backend refuses the file of an archive, and leaves it as it is", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  make_archive(path, 1);
  const std::string before = bytes_of(path);
  Loop loop;
  SqliteBackend backend(path);
  const auto error = error_of(loop, backend.initialize());
  REQUIRE(error);
  CHECK(error->code() == errc::invalid_argument);
  CHECK(bytes_of(path) == before);
}

TEST_CASE("An archive that cannot be opened says false, and opens when it can", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  const std::string folder = directory.file("missing");
  SqliteArchive archive(folder + "/archive.db");
  CHECK_FALSE(loop.run(archive.initialize()));
  CHECK_FALSE(loop.run(archive.append_conversation_session("k", 1)));
  loop.run(archive.close());
  std::filesystem::create_directory(folder);
  CHECK(loop.run(archive.initialize()));
  CHECK(loop.run(archive.append_conversation_session("k", 1)));
  CHECK(records_of(loop, archive, "k").size() == 1);

  SqliteArchive nowhere((std::string()));
  CHECK_FALSE(loop.run(nowhere.initialize()));
  SqliteArchive cut_off(std::string("a\0b", 3));
  CHECK_FALSE(loop.run(cut_off.initialize()));
  SqliteOptions negative(directory.file("negative.db"));
  negative.busy_timeout = -1ms;
  SqliteArchive impatient(negative);
  CHECK_FALSE(loop.run(impatient.initialize()));
}

TEST_CASE("An append that waits for another's lock is false in time, and one later is kept",
          "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  Loop loop;
  SqliteArchive archive(hasty(path));
  REQUIRE(loop.run(archive.initialize()));
  RawSqlite other(path);
  other.execute("BEGIN IMMEDIATE");
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 20; ++i) {
    appends.push_back(loop.start(archive.append_conversation_session("k", i)));
  }
  loop.finish();
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  for (const auto& append : appends) {
    REQUIRE(append->has_value());
    CHECK_FALSE(*append->value);
  }
  CHECK(records_of(loop, archive, "k").empty()); // reads wait for no lock
  other.execute("ROLLBACK");
  CHECK(loop.run(archive.append_conversation_session("k", 1)));
  CHECK(records_of(loop, archive, "k").size() == 1);
}

TEST_CASE("A disk that fails loses the record that it was told of, and no other", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  FaultySqliteVfs& disk = FaultySqliteVfs::instance();
  Loop loop;
  SqliteArchive archive(path);
  REQUIRE(loop.run(archive.initialize()));
  std::vector<json> kept;
  std::size_t lost = 0;
  for (std::size_t first = 1; first <= 6; ++first) {
    disk.inject(path, conformance::Fault(FaultySqliteVfs::Effect::before, first));
    for (int i = 0; i < 3; ++i) {
      const json value = std::to_string(first) + "." + std::to_string(i);
      if (loop.run(archive.append_conversation_session("k", value))) {
        kept.push_back(value);
      } else {
        ++lost;
      }
    }
    disk.inject(path, conformance::Fault());
    CHECK(loop.run(archive.append_conversation_session("k", "mended")));
    kept.emplace_back("mended");
  }
  CHECK(lost > 0);
  std::vector<json> there;
  for (const ArchiveRecord& record : records_of(loop, archive, "k")) {
    there.push_back(record.fields.at("session_data"));
  }
  CHECK(there == kept);
}

TEST_CASE("An archive at its largest loses records and keeps what it has", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("archive.db"));
  options.max_file_bytes = std::uint64_t{256} << 10u;
  Loop loop;
  SqliteArchive archive(options);
  REQUIRE(loop.run(archive.initialize()));
  std::size_t kept = 0;
  while (loop.run(archive.append_conversation_session("k", object_of_size(8'000)))) {
    REQUIRE(++kept < 1'000);
  }
  CHECK(kept > 10);
  CHECK(records_of(loop, archive, "k").size() == kept);
  CHECK_FALSE(loop.run(archive.append_conversation_session("k", object_of_size(8'000))));
  CHECK(records_of(loop, archive, "k").size() == kept);
}

TEST_CASE("A record that another program damaged is an error, never an answer", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("archive.db");
  make_archive(path, 3);
  for (const char* const damage :
       {"fields = '{'", "fields = ''", "fields = '[]'", "fields = '1'", "fields = '{\"a\":nan}'",
        "fields = x'7b7d'", "fields = CAST(x'7b22ff223a317d' AS TEXT)",
        "fields = '{}', created_at_us = 'now'", "fields = '{}', created_at_us = 1.5"}) {
    CAPTURE(damage);
    RawSqlite(path).execute(std::string("UPDATE archive SET ") + damage + " WHERE sequence = 2");
    Loop loop;
    SqliteArchive archive(path);
    REQUIRE(loop.run(archive.initialize()));
    const auto error = error_of(loop, archive.read_archive(ArchiveKind::conversation_session, "k"));
    REQUIRE(error);
    CHECK(error->code() == errc::corrupted);
    CHECK(error->operation() == "read_archive");
    CHECK(error->key() == "k");
    CHECK(std::string(error->what()).find(path) != std::string::npos);
    CHECK(loop.run(archive.read_archive(ArchiveKind::conversation_session, "k", 2)).size() == 1);
    loop.run(archive.close());
  }
}

TEST_CASE("A close while appends are under way loses nothing that was acknowledged", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  SqliteArchive archive(directory.file("archive.db"));
  REQUIRE(loop.run(archive.initialize()));
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 200; ++i) {
    appends.push_back(loop.start(archive.append_conversation_session("k", i)));
  }
  loop.poll();
  loop.run(archive.close());
  std::size_t acknowledged = 0;
  for (const auto& append : appends) {
    REQUIRE(append->has_value());
    acknowledged += *append->value ? 1U : 0U;
  }
  CHECK(acknowledged > 0);
  CHECK(holds(loop, archive, acknowledged));
}

TEST_CASE("A call on an archive with a file may outlive the object", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  auto archive = std::make_unique<SqliteArchive>(directory.file("archive.db"));
  REQUIRE(loop.run(archive->initialize()));
  auto append = archive->append_task_context_snapshot("k", 1);
  auto read = archive->read_archive(ArchiveKind::task_context_snapshot, "k");
  archive.reset();
  CHECK(loop.run(std::move(append)));
  CHECK(loop.run(std::move(read)).size() == 1);
}

TEST_CASE("An archive in memory is its object's alone", "[sqlite]") {
  Loop loop;
  SqliteArchive archive(":memory:");
  SqliteArchive other(":memory:");
  REQUIRE(loop.run(archive.initialize()));
  REQUIRE(loop.run(other.initialize()));
  CHECK(loop.run(archive.append_conversation_session("k", 1)));
  CHECK(records_of(loop, archive, "k").size() == 1);
  CHECK(records_of(loop, other, "k").empty());
  loop.run(archive.close());
  CHECK(holds(loop, archive, 1));
}
