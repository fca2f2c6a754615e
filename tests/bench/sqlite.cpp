// SPDX-License-Identifier: Apache-2.0
// The SQLite backend over a plain loop on SQLite's C API that does the same work: the same table
// and settings, the same 4 KiB of JSON text that is put and read, one prepared statement and one
// commit for each checkpoint. The backend validates the text, the loop does not; neither looks into
// what was read. Durable means synchronous=FULL.

#include "bench/bench.hpp"
#include "bench/directories.hpp"
#include "bench/state.hpp"

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/sqlite/store_schema.hpp> // for the raw loop
#include <agentstore/document_from_text.hpp>

#include <boost/asio/detached.hpp>

#include <cstdlib>
#include <filesystem>

using namespace agentstore;

namespace {

namespace sql = agentstore::detail::sqlite;

const std::string thread = "thread-7";

/// A database of the backend's own schema, in a directory that goes with the object.
class Database {
public:
  explicit Database(const std::string& name)
      : directory_(std::filesystem::current_path() / ("sqlite-bench-" + name)) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { std::filesystem::remove_all(directory_); }

  std::string path() const { return (directory_ / "bench.db").string(); }

private:
  std::filesystem::path directory_;
};

/// What a program would do that has only SQLite.
class Raw {
public:
  explicit Raw(const std::string& path) : connection_(path, sql::Missing::is_created) {
    connection_.execute("PRAGMA journal_mode = WAL");
    connection_.execute("PRAGMA synchronous = FULL");
    sql::migrate(connection_, sql::store_schema());
  }

  void put(const std::string& id, const std::string& text) {
    connection_.change("INSERT INTO checkpoints"
                       " (thread_id, checkpoint_id, created_at, data, metadata)"
                       " VALUES (?1, ?2, '2026-11-23T14:44:02.123456Z', ?3, '{}')"
                       " ON CONFLICT (thread_id, checkpoint_id)"
                       " DO UPDATE SET data = excluded.data, metadata = excluded.metadata",
                       thread, id, text);
  }

  std::string latest() {
    auto row = connection_.query("SELECT checkpoint_id, created_at, data, metadata"
                                 " FROM checkpoints WHERE thread_id = ?1"
                                 " ORDER BY position DESC LIMIT 1",
                                 thread);
    if (!row.next()) {
      std::abort();
    }
    return std::string(row.text(2));
  }

  void execute(const char* statement) { connection_.execute(statement); }

private:
  sql::Connection connection_;
};

std::string new_id() {
  static int count = 0;
  return "step-" + std::to_string(++count);
}

/// What a program has in hand when it comes to put it.
const std::string text = bench::state(7).dump();

awaitable<void> puts(IStorageBackend& storage, int count) {
  for (int i = 0; i < count; ++i) {
    Document data = Document::from_text(text);
    co_await storage.store_checkpoint(thread, new_id(), std::move(data));
  }
}

awaitable<void> gets(IStorageBackend& storage, int count) {
  for (int i = 0; i < count; ++i) {
    const auto checkpoint = co_await storage.get_checkpoint(thread);
    if (!checkpoint) {
      std::abort();
    }
  }
}

awaitable<void> appends(IStorageBackend& storage, std::string session, int count) {
  const std::string content(100, 'x');
  for (int i = 0; i < count; ++i) {
    if (!co_await storage.add_conversation_message(session, "user", content)) {
      std::abort();
    }
  }
}

double puts_over_raw(int clients, int each) {
  const Database ours("ours");
  const Database theirs("raw");
  SqliteBackend backend(ours.path());
  Raw raw(theirs.path());
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  return bench::ratio(
      9,
      [&] {
        for (int i = 0; i < clients * each; ++i) {
          raw.put(new_id(), text);
        }
      },
      [&] {
        boost::asio::io_context context(1);
        bench::run_clients(context, clients, [&](int) { return puts(backend, each); });
      });
}

double gets_over_raw(int clients, int each) {
  const Database database("get");
  SqliteBackend backend(database.path());
  bench::run([](IStorageBackend& storage) -> awaitable<void> {
    co_await storage.initialize();
    co_await puts(storage, 100);
  }(backend));
  Raw raw(database.path());
  return bench::ratio(
      9,
      [&] {
        for (int i = 0; i < clients * each; ++i) {
          raw.latest();
        }
      },
      [&] {
        boost::asio::io_context context(1);
        bench::run_clients(context, clients, [&](int) { return gets(backend, each); });
      });
}

/// Without the disk's own time (synchronous=NORMAL), which would hide the growth.
double append_cost_growth() {
  const Database database("append");
  SqliteOptions options(database.path());
  options.synchronous = SqliteOptions::Synchronous::normal;
  SqliteBackend backend(std::move(options));
  bench::run([](IStorageBackend& storage) -> awaitable<void> {
    co_await storage.initialize();
    co_await storage.create_session("short", "user-7");
    co_await storage.create_session("long", "user-7");
    co_await appends(storage, "short", 1'000);
  }(backend));
  Raw(database.path())
      .execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
               " INSERT INTO messages SELECT 'long', i, 'user', printf('%0100d', i),"
               " '2026-11-23T14:44:02.123456Z', '{}' FROM n;"
               " UPDATE sessions SET message_count = 1000000 WHERE session_id = 'long'");
  return bench::ratio(
      15, [&] { bench::run(appends(backend, "long", 200)); },
      [&] { bench::run(appends(backend, "short", 200)); });
}

double session_page_cost_growth() {
  const Database database("pages");
  SqliteOptions options(database.path());
  options.synchronous = SqliteOptions::Synchronous::normal; // only so that it is soon filled
  SqliteBackend backend(std::move(options));
  bench::run(
      [](IStorageBackend& storage) -> awaitable<void> { co_await storage.initialize(); }(backend));
  return bench::session_page_cost_growth(backend);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  json results;
  results["sqlite.durable_put_1_client_over_raw"] = puts_over_raw(1, 300);
  results["sqlite.durable_put_64_clients_over_raw"] = puts_over_raw(64, 40);
  results["sqlite.get_1_client_over_raw"] = gets_over_raw(1, 2'000);
  results["sqlite.get_64_clients_over_raw"] = gets_over_raw(64, 100);
  results["sqlite.append_cost_growth"] = append_cost_growth();
  results["sqlite.session_page_cost_growth"] = session_page_cost_growth();
  return bench::write(argv[1], results);
}
