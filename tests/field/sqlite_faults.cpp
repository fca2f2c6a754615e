// SPDX-License-Identifier: Apache-2.0

// SqliteBackend under faults. Each fault is a StorageError that says what failed and where. Nothing
// that was acknowledged is lost. When the fault is mended the same object works again.

#include "support/because.hpp"
#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/faults/unprivileged.hpp"
#include "support/files.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>

#include <sys/mount.h>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

/// Makes a file with checkpoints 0 to `count` - 1, of a kilobyte each.
void make_store(const std::string& path, int count) {
  Loop loop;
  SqliteBackend backend(path);
  loop.run(backend.initialize());
  for (int i = 0; i < count; ++i) {
    loop.run(backend.put_checkpoint("t", std::to_string(i), object_of_size(1'024)));
  }
  loop.run(backend.close());
}

/// Whether the backend, not yet open, opens and holds these checkpoints.
bool holds(Loop& loop, SqliteBackend& backend, std::size_t count) {
  return loop.run(backend.initialize()) &&
         loop.run(backend.list_checkpoints("t", 1'000'000)).size() == count;
}

/// A small file system in memory; only root may have one.
class SmallDisk {
public:
  explicit SmallDisk(std::string where)
      : where_(std::move(where)),
        mounted_(::mount("tmpfs", where_.c_str(), "tmpfs", 0, "size=1m") == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(where_.c_str(), MNT_DETACH);
    }
  }

  bool is_there() const { return mounted_; }
  bool enlarge() { return ::mount("tmpfs", where_.c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0; }

private:
  std::string where_;
  bool mounted_;
};

/// Puts checkpoints of a kilobyte until a put fails. Returns how many did not fail.
std::size_t fill(Loop& loop, SqliteBackend& backend, std::optional<StorageError>* error) {
  constexpr std::size_t most = 100'000;
  for (std::size_t i = 0; i < most; ++i) {
    *error = error_of(loop, backend.put_checkpoint("t", std::to_string(i), object_of_size(1'024)));
    if (*error) {
      return i;
    }
  }
  return most;
}

} // namespace

TEST_CASE("An empty path, or one that ends early, is refused", "[sqlite]") {
  Loop loop;
  for (const std::string& path : {std::string(), std::string("a\0b", 3)}) {
    SqliteBackend backend(path);
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize",
                   "the path"));
  }
  CHECK_FALSE(std::filesystem::exists("a"));
}

TEST_CASE("A busy time-out below 0 is refused", "[sqlite]") {
  Loop loop;
  SqliteOptions options(":memory:");
  options.busy_timeout = std::chrono::milliseconds(-1);
  SqliteBackend backend(std::move(options));
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize",
                 "busy_timeout"));
}

TEST_CASE("A folder that is missing", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("missing/store.db");
  Loop loop;
  SqliteBackend backend(path);
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::unavailable, "initialize", path));
  CHECK(error_of(loop, backend.get_checkpoint("t"))->code() == errc::closed);
  CHECK(loop.run(backend.health_check()).status == Health::Status::unhealthy);
  std::filesystem::create_directory(directory.path() / "missing");
  CHECK(holds(loop, backend, 0));
}

TEST_CASE("A folder and a file that may not be written to", "[sqlite]") {
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms(0755));
  const fs::path folder = directory.path() / "folder";
  fs::create_directory(folder);
  const std::string locked = (folder / "new.db").string();
  const std::string read_only = directory.file("store.db");
  make_store(read_only, 3);
  fs::permissions(read_only, fs::perms(0444));
  fs::permissions(folder, fs::perms(0555));
  const std::string before = bytes_of(read_only);

  std::optional<StorageError> in_folder;
  std::optional<StorageError> of_file;
  bool works_again = false;
  const bool possible = as_unprivileged([&] {
    Loop loop;
    SqliteBackend for_folder(locked);
    SqliteBackend for_file(read_only);
    in_folder = error_of(loop, for_folder.initialize());
    of_file = error_of(loop, for_file.initialize());
  });
  if (!possible) {
    WARN("not tested: root cannot be another user here");
    return;
  }
  CHECK(is_clear(in_folder, errc::unavailable, "initialize", locked));
  CHECK(is_clear(of_file, errc::unavailable, "initialize", read_only));
  CHECK(is_because(of_file, boost::system::errc::read_only_file_system, false));
  CHECK(bytes_of(read_only) == before);
  CHECK_FALSE(fs::exists(locked));

  fs::permissions(read_only, fs::perms(0666));
  fs::permissions(directory.path(), fs::perms(0777));
  as_unprivileged([&] {
    Loop loop;
    SqliteBackend backend(read_only);
    works_again = holds(loop, backend, 3) && loop.run(backend.put_checkpoint("t", "3", 3));
  });
  CHECK(works_again);
}

TEST_CASE("A file that is no database is refused and left alone", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("notes.txt");
  const std::string text(5'000, 'x');
  write_bytes(path, text);
  Loop loop;
  SqliteBackend backend(path);
  CHECK(is_clear(error_of(loop, backend.initialize()), errc::corrupted, "initialize", path));
  CHECK(bytes_of(path) == text);
  std::filesystem::remove(path);
  CHECK(holds(loop, backend, 0));
}

TEST_CASE("A database that was cut off is refused, and works when it is whole again", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  make_store(path, 100);
  const std::string whole = bytes_of(path);
  Loop loop;
  for (const std::size_t size : {whole.size() - 4'096, whole.size() / 2, std::size_t{4'096},
                                 std::size_t{1'000}, std::size_t{50}}) {
    INFO("cut off at " << size << " of " << whole.size());
    const std::string cut = whole.substr(0, size);
    write_bytes(path, cut);
    SqliteBackend backend(path);
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::corrupted, "initialize", path));
    CHECK(bytes_of(path) == cut);
    write_bytes(path, whole);
    CHECK(holds(loop, backend, 100));
    loop.run(backend.close());
  }
}

TEST_CASE("Damage inside of a database is an error, never an answer", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  make_store(path, 100);
  const std::string whole = bytes_of(path);
  std::size_t refused = 0;
  for (std::size_t page = 1; page < whole.size() / 4'096; ++page) {
    std::string damaged = whole;
    damaged.replace(page * 4'096, 4'096, std::string(4'096, '\xff'));
    write_bytes(path, damaged);
    Loop loop;
    SqliteBackend backend(path);
    std::size_t found = 0;
    try {
      loop.run(backend.initialize());
      for (int i = 0; i < 100; ++i) {
        found += loop.run(backend.get_checkpoint("t", std::to_string(i))) ? 1U : 0U;
      }
      found += loop.run(backend.list_checkpoints("t", 1'000)).size();
      CHECK(found == 200);
    } catch (const StorageError& error) {
      UNSCOPED_INFO(error.what());
      CHECK(error.code() == errc::corrupted);
      ++refused;
    }
  }
  CHECK(refused > 20);
}

TEST_CASE("A value that another program made unreadable is an error", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  make_store(path, 2);
  RawSqlite(path).execute("UPDATE checkpoints SET data = '{' WHERE checkpoint_id = '0';"
                          "UPDATE checkpoints SET created_at = 'now' WHERE checkpoint_id = '1'");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  for (const char* const id : {"0", "1"}) {
    CHECK(is_clear(error_of(loop, backend.get_checkpoint("t", id)), errc::corrupted,
                   "get_checkpoint", path));
  }
}

TEST_CASE("A database of another program is refused and left as it is", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("other.db");
  const std::string with_id = directory.file("with_id.db");
  const std::string with_version = directory.file("with_version.db");
  RawSqlite(path).execute("CREATE TABLE sessions (id); INSERT INTO sessions VALUES ('a')");
  RawSqlite(with_id).execute("PRAGMA application_id = 7");
  RawSqlite(with_version).execute("PRAGMA user_version = 2");
  Loop loop;
  for (const std::string& file : {path, with_id, with_version}) {
    const std::string before = bytes_of(file);
    SqliteBackend backend(file);
    CHECK(
        is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize", file));
    CHECK(bytes_of(file) == before);
    CHECK_FALSE(std::filesystem::exists(file + "-wal"));
  }
}

TEST_CASE("A file at its largest takes no more, and keeps what it has", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.max_file_bytes = 512 * 1'024;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  std::optional<StorageError> error;
  const std::size_t stored = fill(loop, backend, &error);
  CHECK(is_clear(error, errc::unavailable, "put_checkpoint", options.path));
  CHECK(is_because(error, boost::system::errc::no_space_on_device, false));
  CHECK(stored > 100);
  CHECK(loop.run(backend.list_checkpoints("t", 1'000'000)).size() == stored);
  const Health full = loop.run(backend.health_check());
  CHECK(full.status == Health::Status::degraded);
  CHECK(full.issues.size() == 1);
  loop.run(backend.close());
  CHECK(std::filesystem::file_size(options.path) <= options.max_file_bytes);

  options.max_file_bytes *= 2;
  SqliteBackend larger(options);
  REQUIRE(loop.run(larger.initialize()));
  CHECK(loop.run(larger.put_checkpoint("t", "one more", object_of_size(1'024))));
  CHECK(loop.run(larger.list_checkpoints("t", 1'000'000)).size() == stored + 1);
  CHECK(loop.run(larger.health_check()).status == Health::Status::healthy);
}

TEST_CASE("A disk that is full takes no more, keeps what it has, and works when there is room",
          "[sqlite]") {
  const TemporaryDirectory directory;
  SmallDisk disk(directory.path().string());
  if (!disk.is_there()) {
    WARN("not tested: only root may mount a small disk");
    return;
  }
  const std::string path = directory.file("store.db");
  Loop loop;
  std::size_t stored = 0;
  {
    SqliteBackend backend(path);
    REQUIRE(loop.run(backend.initialize()));
    std::optional<StorageError> error;
    stored = fill(loop, backend, &error);
    CHECK(is_clear(error, errc::unavailable, "put_checkpoint", path));
    CHECK(is_because(error, boost::system::errc::no_space_on_device, false));
    CHECK(stored > 10);
    CHECK(loop.run(backend.list_checkpoints("t", 1'000'000)).size() == stored);
    // The file is filled down to its last page, because a change of a single page needs no more
    // room than the health check does.
    int last = -1;
    for (int i = 0; i < 1'000 && !error_of(loop, backend.put_checkpoint("u", "c", i)); ++i) {
      last = i;
    }
    CHECK(loop.run(backend.health_check()).status == Health::Status::degraded);
    const auto latest = loop.run(backend.get_checkpoint("u"));
    CHECK((latest ? latest->data == json(last) : last == -1));
    REQUIRE(disk.enlarge());
    CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
    CHECK(loop.run(backend.put_checkpoint("t", "one more", 1)));
    ++stored;
    loop.run(backend.close());
  }
  SqliteBackend again(path);
  CHECK(holds(loop, again, stored));
}

TEST_CASE("A lock that another connection holds for too long", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 50ms;
  for (const char* const begin : {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"}) {
    Loop loop;
    SqliteBackend backend(options);
    REQUIRE(loop.run(backend.initialize()));
    CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
    {
      RawSqlite other(options.path);
      other.execute(begin);
      const auto started = std::chrono::steady_clock::now();
      const auto error = error_of(loop, backend.put_checkpoint("t", "c", 2));
      CHECK(std::chrono::steady_clock::now() - started >= options.busy_timeout);
      CHECK(is_clear(error, errc::unavailable, "put_checkpoint", options.path));
      CHECK(is_because(error, boost::system::errc::timed_out, true));
      CHECK(loop.run(backend.get_checkpoint("t"))->data == json(1));
      CHECK(loop.run(backend.health_check()).status == Health::Status::degraded);
      other.execute("COMMIT");
    }
    CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
    CHECK(loop.run(backend.put_checkpoint("t", "c", 2)));
    CHECK(loop.run(backend.get_checkpoint("t"))->data == json(2));
  }
}

TEST_CASE("A lock that is let go of in time is waited for", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 60s;
  make_store(options.path, 0);
  Loop loop;
  SqliteBackend backend(options);
  RawSqlite other(options.path);
  other.execute("BEGIN IMMEDIATE");
  REQUIRE(loop.run(backend.initialize()));
  const auto put = loop.start(backend.put_checkpoint("t", "c", 1));
  loop.context().run_for(100ms);
  CHECK_FALSE(put->ended);
  other.execute("COMMIT");
  loop.finish();
  CHECK(put->has_value());
}

TEST_CASE("A new file that another connection has locked", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 50ms;
  Loop loop;
  SqliteBackend backend(options);
  {
    RawSqlite other(options.path);
    other.execute("BEGIN EXCLUSIVE");
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::unavailable, "initialize",
                   options.path));
    other.execute("COMMIT; BEGIN; SELECT * FROM sqlite_schema");
    // A reader keeps the write-ahead log from being begun.
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::unavailable, "initialize",
                   options.path));
    other.execute("COMMIT");
  }
  CHECK(holds(loop, backend, 0));
}

TEST_CASE("An opening that fails anywhere leaves a file that opens", "[sqlite]") {
  using Effect = FaultySqliteVfs::Effect;
  const TemporaryDirectory directory;
  FaultySqliteVfs& disk = FaultySqliteVfs::instance();
  for (const bool is_new : {true, false}) {
    for (const Effect effect : {Effect::before, Effect::after}) {
      std::size_t failures = 0;
      for (std::size_t first = 1; first <= 1'000; ++first) {
        INFO((is_new ? "a new file" : "an old file") << ", operation " << first);
        const std::string path = directory.file(std::to_string(first) + ".db");
        if (!is_new) {
          make_store(path, 3);
        }
        Loop loop;
        SqliteBackend backend(path);
        disk.inject(path, conformance::Fault(effect, first));
        const auto error = error_of(loop, backend.initialize());
        disk.inject(path, conformance::Fault());
        CHECK((!error || is_clear(error, errc::unavailable, "initialize", path)));
        CHECK(holds(loop, backend, is_new ? 0 : 3));
        CHECK(loop.run(backend.put_checkpoint("u", "c", 1)));
        loop.run(backend.close());
        for (const char* const suffix : {"", "-wal", "-shm", "-journal"}) {
          std::filesystem::remove(path + suffix);
        }
        if (!error) {
          break;
        }
        ++failures;
      }
      CHECK(failures > 5);
      CHECK(failures < 1'000);
    }
  }
}

TEST_CASE("A close while calls are under way loses nothing that was acknowledged", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  for (int round = 0; round < 20; ++round) {
    std::size_t stored = 0;
    Loop loop;
    {
      SqliteBackend backend(path);
      REQUIRE(loop.run(backend.initialize()));
      std::vector<std::shared_ptr<Ending<bool>>> puts;
      std::vector<std::shared_ptr<Ending<std::vector<Checkpoint>>>> lists;
      const std::string thread = "t" + std::to_string(round);
      const auto start = [&](int from, int to) {
        for (int i = from; i < to; ++i) {
          puts.push_back(loop.start(backend.put_checkpoint(thread, std::to_string(i), i)));
          lists.push_back(loop.start(backend.list_checkpoints(thread, 5)));
        }
      };
      start(0, 20);
      if (round % 2 == 0) {
        loop.poll();
      }
      const auto close = loop.start(backend.close());
      start(20, 40);
      const auto again = loop.start(backend.close());
      loop.finish();
      CHECK(close->has_value());
      CHECK(again->has_value());
      for (const auto& put : puts) {
        CHECK((put->has_value() || put->threw(errc::closed)));
        stored += put->has_value() ? 1U : 0U;
      }
      for (const auto& list : lists) {
        CHECK((list->has_value() || list->threw(errc::closed)));
      }
      CHECK(error_of(loop, backend.get_checkpoint(thread))->code() == errc::closed);
      REQUIRE(loop.run(backend.initialize()));
      CHECK(loop.run(backend.list_checkpoints(thread, 100)).size() == stored);
    }
    SqliteBackend reopened(path);
    REQUIRE(loop.run(reopened.initialize()));
    CHECK(loop.run(reopened.list_checkpoints("t" + std::to_string(round), 100)).size() == stored);
  }
}

TEST_CASE("A backend that is destroyed while calls are under way ends them all", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  for (int round = 0; round < 20; ++round) {
    const std::string thread = "t" + std::to_string(round);
    Loop loop;
    auto backend = std::make_unique<SqliteBackend>(path);
    REQUIRE(loop.run(backend->initialize()));
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> gets;
    for (int i = 0; i < 20; ++i) {
      puts.push_back(loop.start(backend->put_checkpoint(thread, std::to_string(i), i)));
      gets.push_back(loop.start(backend->get_checkpoint(thread)));
    }
    if (round % 2 == 0) {
      loop.poll();
    }
    backend.reset();
    loop.finish();
    for (const auto& put : puts) {
      CHECK(put->value == true);
    }
    for (const auto& get : gets) {
      CHECK(get->has_value());
    }
    SqliteBackend reopened(path);
    REQUIRE(loop.run(reopened.initialize()));
    CHECK(loop.run(reopened.list_checkpoints(thread, 100)).size() == 20);
  }
}

TEST_CASE("A call that nobody awaits does nothing, also when the backend is gone", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  auto backend = std::make_unique<SqliteBackend>(path);
  REQUIRE(loop.run(backend->initialize()));
  {
    auto dropped = backend->put_checkpoint("t", "dropped", 1);
    auto kept = backend->put_checkpoint("t", "kept", 1);
    backend.reset();
    CHECK(loop.run(std::move(kept)));
  }
  SqliteBackend reopened(path);
  REQUIRE(loop.run(reopened.initialize()));
  CHECK(loop.run(reopened.list_checkpoints("t")).size() == 1);
}
