// SPDX-License-Identifier: Apache-2.0

// Which file a path means: from the constructor on, whatever becomes of folders and of the file.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>

using namespace agentstore;
using namespace agentstore::test;

TEST_CASE("A relative path means the same file after the process has changed its folder",
          "[sqlite]") {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(first.path());
  Loop loop;
  SqliteBackend backend("x.db");
  std::filesystem::current_path(second.path());
  const bool opened = loop.run(backend.initialize());
  const bool stored = loop.run(backend.put_checkpoint("t", "c", 1));
  const auto read = loop.run(backend.get_checkpoint("t"));
  std::filesystem::current_path(before);
  CHECK((opened && stored && read && read->data == json(1)));
  CHECK(std::filesystem::exists(first.file("x.db")));
  CHECK_FALSE(std::filesystem::exists(second.file("x.db")));
}

TEST_CASE("A file that is removed, moved or replaced while it is open takes no write", "[sqlite]") {
  namespace fs = std::filesystem;
  const std::string how =
      GENERATE(as<std::string>(), "removed", "moved", "replaced", "folder moved");
  CAPTURE(how);
  const TemporaryDirectory directory;
  fs::create_directory(directory.path() / "folder");
  const std::string path = directory.file("folder/store.db");
  const std::string aside = directory.file("aside");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  REQUIRE(loop.run(backend.put_checkpoint("t", "0", 0)));
  REQUIRE(loop.run(backend.get_checkpoint("t", "0")));
  if (how == "removed") {
    fs::remove(path);
  } else if (how == "folder moved") {
    fs::rename(directory.path() / "folder", aside);
  } else {
    fs::rename(path, aside);
  }
  if (how == "replaced") {
    fs::copy_file(aside, path);
  }
  CHECK(is_clear(error_of(loop, backend.put_checkpoint("t", "1", 1)), errc::unavailable,
                 "put_checkpoint", path));
  const Health health = loop.run(backend.health_check());
  CHECK(health.status != Health::Status::healthy);
  CHECK(health.issues.size() == 1);

  // Back in its place, it is written to again.
  if (how == "moved") {
    fs::rename(aside, path);
    CHECK(loop.run(backend.put_checkpoint("t", "1", 1)));
    CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
  }
  loop.run(backend.close());
  if (how != "folder moved") {
    CHECK(loop.run(backend.initialize()));
    CHECK(loop.run(backend.put_checkpoint("t", "2", 1)));
  }
}

TEST_CASE("A log that is removed, moved or replaced while the file is open takes no write",
          "[sqlite]") {
  namespace fs = std::filesystem;
  const std::string how = GENERATE(as<std::string>(), "removed", "moved", "replaced");
  const std::string suffix = GENERATE(as<std::string>(), "-wal", "-shm");
  const bool has_reader = GENERATE(true, false);
  CAPTURE(how, suffix, has_reader);
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  const std::string log = path + suffix;
  const std::string aside = directory.file("aside");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  REQUIRE(loop.run(backend.put_checkpoint("t", "0", 0)));
  if (has_reader) {
    REQUIRE(loop.run(backend.get_checkpoint("t", "0")));
  }
  fs::rename(log, aside);
  if (how == "replaced") {
    fs::copy_file(aside, log);
  }
  if (how == "removed") {
    fs::remove(aside);
  }
  CHECK(is_clear(error_of(loop, backend.put_checkpoint("t", "1", 1)), errc::unavailable,
                 "put_checkpoint", suffix));
  const Health health = loop.run(backend.health_check());
  CHECK(health.status != Health::Status::healthy);
  CHECK(health.issues.size() == 1);
  CHECK(fs::exists(log) == (how == "replaced")); // nobody has made a new one

  if (how == "moved") {
    fs::rename(aside, log);
    CHECK(loop.run(backend.put_checkpoint("t", "1", 1)));
    CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
  }
  loop.run(backend.close());
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.put_checkpoint("t", "2", 2)));
  CHECK(loop.run(backend.get_checkpoint("t", "0"))->data == json(0)); // nothing was lost
}

TEST_CASE("A reader never makes a file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  std::filesystem::remove(path); // before the first read, which opens a connection
  CHECK(is_clear(error_of(loop, backend.get_checkpoint("t")), errc::unavailable, "get_checkpoint",
                 path));
  CHECK_FALSE(std::filesystem::exists(path));
  RawSqlite(path).execute("CREATE TABLE other (x)");
  CHECK(error_of(loop, backend.get_checkpoint("t")).has_value());
}

TEST_CASE("A path that is not UTF-8 makes a health report that can be written", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("caf\xe9.db");
  Loop loop;
  SqliteBackend backend(path);
  const Health closed = loop.run(backend.health_check());
  REQUIRE(loop.run(backend.initialize()));
  const Health open = loop.run(backend.health_check());
  CHECK(std::filesystem::exists(path));
  CHECK(open.status == Health::Status::healthy);
  CHECK_NOTHROW(json(closed.details).dump());
  CHECK(json(open.details).dump().find("caf\xef\xbf\xbd.db") != std::string::npos);
}
