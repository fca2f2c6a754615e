// SPDX-License-Identifier: Apache-2.0

// What SqliteBackend promises beyond the contract: that writes share commits and are acknowledged
// after them, that nobody waits for the disk but the write, and who may share a file.

#include "support/catch.hpp"
#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

using HeldSyncs = FaultySqliteVfs::HeldSyncs;
using Endings = std::vector<std::shared_ptr<Ending<bool>>>;

/// A file, an open backend on it, and the disk below.
class Store {
public:
  Store() : Store(SqliteOptions()) {}
  explicit Store(SqliteOptions options) : disk(FaultySqliteVfs::instance()) {
    options.path = path;
    backend = std::make_unique<SqliteBackend>(std::move(options));
    loop.run(backend->initialize());
    // The first commit of a log syncs its header too.
    loop.run(backend->put_checkpoint("first", "c", 0));
  }

  std::size_t syncs() { return disk.log_syncs(path); }

  /// Checkpoints with these numbers, each of a thread of its own.
  Endings start_puts(int from, int to) {
    Endings endings;
    for (int i = from; i < to; ++i) {
      endings.push_back(loop.start(backend->put_checkpoint("t" + std::to_string(i), "c", i)));
    }
    return endings;
  }

  /// How many of them another program finds.
  std::string stored() {
    return RawSqlite(path).text("SELECT COUNT(*) FROM checkpoints WHERE thread_id LIKE 't%'");
  }

  TemporaryDirectory directory;
  std::string path = directory.file("store.db");
  FaultySqliteVfs& disk;
  Loop loop;
  std::unique_ptr<SqliteBackend> backend;
};

/// How many have been acknowledged.
std::ptrdiff_t taken(const Endings& endings) {
  return std::count_if(endings.begin(), endings.end(),
                       [](const auto& ending) { return ending->value.value_or(false); });
}

std::ptrdiff_t ended(const Endings& endings) {
  return std::count_if(endings.begin(), endings.end(),
                       [](const auto& ending) { return ending->ended; });
}

awaitable<int> tick(int times) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < times; ++i) {
    timer.expires_after(1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  co_return times;
}

} // namespace

TEST_CASE("Writes that queue up behind a commit share the next one", "[sqlite]") {
  Store store;
  const std::size_t before = store.syncs();
  HeldSyncs held(store.path);
  const Endings first = store.start_puts(0, 1);
  store.loop.poll();
  REQUIRE(held.wait());
  const Endings others = store.start_puts(1, 101);
  store.loop.poll();
  held.release();
  store.loop.finish();
  CHECK(taken(first) == 1);
  CHECK(taken(others) == 100);
  CHECK(store.syncs() == before + 2);
  CHECK(store.stored() == "101");
}

TEST_CASE("Writers who wait for their answers need far fewer commits than writes", "[sqlite]") {
  constexpr int writers = 32;
  constexpr int rounds = 8;
  Store store;
  const std::size_t before = store.syncs();
  auto write = [&store](int writer) -> awaitable<bool> {
    bool all = true;
    for (int round = 0; round < rounds; ++round) {
      const int number = writer * rounds + round;
      all &= co_await store.backend->put_checkpoint("t" + std::to_string(number), "c", number);
    }
    co_return all;
  };
  // While the disk is held, every writer has one write in the queue.
  HeldSyncs held(store.path);
  Endings endings;
  for (int writer = 0; writer < writers; ++writer) {
    endings.push_back(store.loop.start(write(writer)));
  }
  store.loop.poll();
  REQUIRE(held.wait());
  held.release();
  store.loop.finish();
  CHECK(taken(endings) == writers);
  CHECK(store.stored() == std::to_string(writers * rounds));
  CHECK(store.syncs() - before < writers * rounds / 2);
}

TEST_CASE("A write that fails takes no other of its commit with it", "[sqlite]") {
  Store store;
  store.loop.run(store.backend->create_session("taken", "somebody", object_of("a", 1)));
  const std::size_t before = store.syncs();
  HeldSyncs held(store.path);
  const Endings first = store.start_puts(0, 1);
  store.loop.poll();
  REQUIRE(held.wait());
  const Endings some = store.start_puts(1, 11);
  const auto refused = store.loop.start(store.backend->create_session("taken", "another"));
  const auto unknown = store.loop.start(store.backend->end_session("unknown", "done"));
  const auto created = store.loop.start(store.backend->create_session("new", "another"));
  const Endings more = store.start_puts(11, 21);
  store.loop.poll();
  held.release();
  store.loop.finish();
  CHECK(refused->threw(errc::already_exists));
  CHECK(unknown->value == false);
  CHECK(created->has_value());
  CHECK(taken(some) + taken(more) == 20);
  CHECK(store.syncs() == before + 2);
  CHECK(store.stored() == "21");
  CHECK(RawSqlite(store.path).text("SELECT session_id, user_id FROM sessions ORDER BY 1") ==
        "new|another\ntaken|somebody");
}

TEST_CASE("Reads that are done together end each in its own way", "[sqlite]") {
  SqliteOptions options;
  options.read_threads = 1;
  Store store(std::move(options));
  store.start_puts(0, 40);
  store.loop.finish();
  RawSqlite(store.path).execute("UPDATE checkpoints SET data = '{' WHERE thread_id = 't7'");
  std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> endings;
  for (int i = 0; i < 41; ++i) { // nobody has put the last
    endings.push_back(store.loop.start(store.backend->get_checkpoint("t" + std::to_string(i))));
  }
  store.loop.finish();
  for (int i = 0; i < 40; ++i) {
    CAPTURE(i);
    const auto& ending = *endings[static_cast<std::size_t>(i)];
    if (i == 7) {
      CHECK(ending.threw(errc::corrupted));
    } else {
      REQUIRE(ending.has_value());
      CHECK(ending.value->value().data == json(i));
    }
  }
  REQUIRE(endings[40]->has_value());
  CHECK_FALSE(endings[40]->value->has_value());
}

TEST_CASE("A write that there is no room for takes no other of its commit with it", "[sqlite]") {
  SqliteOptions options;
  options.max_file_bytes = 256 * 1'024;
  Store store(options);
  HeldSyncs held(store.path);
  const Endings first = store.start_puts(0, 1);
  store.loop.poll();
  REQUIRE(held.wait());
  const Endings some = store.start_puts(1, 11);
  const auto large =
      store.loop.start(store.backend->put_checkpoint("large", "c", object_of_size(1'024 * 1'024)));
  const Endings more = store.start_puts(11, 21);
  store.loop.poll();
  held.release();
  store.loop.finish();
  CHECK(large->threw(errc::unavailable));
  CHECK(taken(some) + taken(more) == 20);
  CHECK(store.stored() == "21");
  CHECK_FALSE(store.loop.run(store.backend->get_checkpoint("large")));
}

TEST_CASE("A shared commit that fails once is made up for, and no write counts twice", "[sqlite]") {
  Store store;
  store.loop.run(store.backend->create_session("s", "u"));
  HeldSyncs held(store.path);
  const Endings first = store.start_puts(0, 1);
  store.loop.poll();
  REQUIRE(held.wait());
  Endings others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(
        store.loop.start(store.backend->add_conversation_message("s", "user", std::to_string(i))));
    others.push_back(
        store.loop.start(store.backend->update_session("s", SessionUpdate().increment_requests())));
  }
  const auto created = store.loop.start(store.backend->create_session("t", "u"));
  store.loop.poll();
  const std::size_t before = store.syncs();
  store.disk.fail_one_sync(store.path, 2); // after the one that is held
  held.release();
  store.loop.finish();
  CHECK(taken(first) == 1);
  CHECK(taken(others) == 10);
  CHECK(created->has_value());
  CHECK(store.syncs() == before + 2); // one that failed, and one for all of them again
  CHECK(
      RawSqlite(store.path).text("SELECT request_count, message_count FROM sessions ORDER BY 1") ==
      "0|0\n5|5");
  const std::vector<Message> messages =
      store.loop.run(store.backend->get_conversation_history("s"));
  REQUIRE(messages.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(messages[i].content == std::to_string(i));
  }
}

TEST_CASE("A commit that fails at the disk is tried again, write by write", "[sqlite]") {
  for (const auto effect : {FaultySqliteVfs::Effect::before, FaultySqliteVfs::Effect::after}) {
    Store store;
    HeldSyncs held(store.path);
    const Endings first = store.start_puts(0, 1);
    store.loop.poll();
    REQUIRE(held.wait());
    const Endings others = store.start_puts(1, 6);
    store.loop.poll();
    // The sync of the first fails, and all that follows.
    store.disk.inject(store.path, conformance::Fault(effect));
    held.release();
    store.loop.finish();
    CHECK(first[0]->threw(errc::unavailable));
    for (const auto& other : others) {
      CHECK(other->threw(errc::unavailable));
    }
    store.disk.inject(store.path, conformance::Fault());
    CHECK(store.stored() == "0");
    const Endings again = store.start_puts(0, 6);
    store.loop.finish();
    CHECK(taken(again) == 6);
    CHECK(store.stored() == "6");
  }
}

TEST_CASE("A write is acknowledged after its commit, and seen by nobody before", "[sqlite]") {
  Store store;
  HeldSyncs held(store.path);
  const Endings puts = store.start_puts(0, 3);
  store.loop.poll();
  REQUIRE(held.wait());
  const Endings late = store.start_puts(3, 5);
  // The event loop goes round many times, and reads are answered by what was there before.
  const auto ticks = store.loop.start(tick(50));
  const auto read = store.loop.start(store.backend->get_checkpoint("t0"));
  const auto older = store.loop.start(store.backend->get_checkpoint("first"));
  const auto health = store.loop.start(store.backend->health_check());
  while (!ticks->ended || !read->ended || !older->ended || !health->ended) {
    store.loop.context().restart();
    REQUIRE(store.loop.context().run_one_for(60s) == 1);
  }
  CHECK(ended(puts) + ended(late) == 0);
  CHECK(store.stored() == "0");
  REQUIRE(read->has_value());
  CHECK_FALSE(read->value->has_value());
  REQUIRE(older->has_value());
  CHECK(older->value->has_value());
  REQUIRE(health->has_value());
  CHECK(health->value->status == Health::Status::healthy);
  held.release();
  store.loop.finish();
  CHECK(taken(puts) + taken(late) == 5);
  CHECK(store.stored() == "5");
}

TEST_CASE("Every commit is synced, or none, as the options say", "[sqlite]") {
  for (const auto synchronous :
       {SqliteOptions::Synchronous::full, SqliteOptions::Synchronous::normal}) {
    SqliteOptions options;
    options.synchronous = synchronous;
    Store store(options);
    const std::size_t before = store.syncs();
    for (int i = 0; i < 10; ++i) {
      CHECK(store.loop.run(store.backend->put_checkpoint("t", "c", i)));
    }
    CHECK(store.syncs() - before == (synchronous == SqliteOptions::Synchronous::full ? 10U : 0U));
  }
}

TEST_CASE("A store in memory lives as long as its object, over close and initialize", "[sqlite]") {
  Loop loop;
  SqliteBackend backend(":memory:");
  SqliteBackend another(":memory:");
  for (SqliteBackend* each : {&backend, &another}) {
    REQUIRE(loop.run(each->initialize()));
  }
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
  loop.run(backend.close());
  CHECK(error_of(loop, backend.get_checkpoint("t"))->code() == errc::closed);
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.get_checkpoint("t"))->data == json(1));
  CHECK_FALSE(loop.run(another.get_checkpoint("t")));
  const SqliteBackend third(":memory:");
}

TEST_CASE("A value of the default limit is stored, and one that is larger is not", "[sqlite]") {
  Store store;
  const json largest = std::string(Limits().max_value_bytes - 2, 'x'); // and its quotes
  REQUIRE(store.loop.run(store.backend->put_checkpoint("large", "c", largest)));
  CHECK((store.loop.run(store.backend->get_checkpoint("large")).value().data == largest));
  const json larger = std::string(Limits().max_value_bytes - 1, 'x');
  CHECK(error_of(store.loop, store.backend->put_checkpoint("large", "d", larger))->code() ==
        errc::too_large);
}

TEST_CASE("A path is a path, also one that looks like SQLite's URIs", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  Loop loop;
  {
    SqliteBackend backend("file:x?mode=memory");
    CHECK(loop.run(backend.initialize()));
    CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
    CHECK(loop.run(backend.get_checkpoint("t")));
    loop.run(backend.close());
  }
  std::filesystem::current_path(here);
  CHECK(std::filesystem::exists(directory.path() / "file:x?mode=memory"));
}

TEST_CASE("A closed store leaves one file, which holds everything", "[sqlite]") {
  Store store;
  CHECK(store.loop.run(store.backend->put_checkpoint("t", "c", 1)));
  CHECK(store.loop.run(store.backend->get_checkpoint("t")));
  CHECK(std::filesystem::exists(store.path + "-wal"));
  store.loop.run(store.backend->close());
  CHECK_FALSE(std::filesystem::exists(store.path + "-wal"));
  CHECK_FALSE(std::filesystem::exists(store.path + "-shm"));
  CHECK(store.stored() == "1");
}

TEST_CASE("One thread of the application's is enough, also to close while calls wait", "[sqlite]") {
  const TemporaryDirectory directory;
  boost::asio::thread_pool threads(std::size_t{1});
  Loop loop;
  {
    SqliteOptions options(directory.file("store.db"));
    options.executor = threads.get_executor();
    SqliteBackend backend(options);
    for (int round = 0; round < 5; ++round) {
      REQUIRE(loop.run(backend.initialize()));
      Endings puts;
      std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> gets;
      for (int i = 0; i < 20; ++i) {
        puts.push_back(loop.start(backend.put_checkpoint("t", std::to_string(i), i)));
        gets.push_back(loop.start(backend.get_checkpoint("t")));
      }
      const auto close = loop.start(backend.close());
      loop.finish();
      CHECK(close->has_value());
      CHECK(ended(puts) == 20);
      for (const auto& get : gets) {
        CHECK((get->has_value() || get->threw(errc::closed)));
      }
    }
  }
  threads.join();
}

TEST_CASE("Blocking work is done on the executor of the options", "[sqlite]") {
  const TemporaryDirectory directory;
  boost::asio::thread_pool threads(std::size_t{2});
  std::atomic<int> here = 0;
  std::atomic<int> elsewhere = 0;
  Loop loop;
  {
    SqliteOptions options(directory.file("store.db"));
    options.executor = threads.get_executor();
    options.clock = [&, executor = threads.get_executor()] {
      ++(executor.running_in_this_thread() ? here : elsewhere);
      return system_clock()();
    };
    SqliteBackend backend(options);
    REQUIRE(loop.run(backend.initialize()));
    CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
    CHECK(loop.run(backend.get_checkpoint("t")));
  }
  threads.join();
  CHECK(here == 1);
  CHECK(elsewhere == 0);
}
