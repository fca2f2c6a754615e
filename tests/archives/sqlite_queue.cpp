// SPDX-License-Identifier: Apache-2.0

// The queue of a dual write in a file: what the next one finds there, when a call is answered, and
// what happens to files that are damaged, foreign, newer, in use, or cannot be written.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/files.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/memory.hpp>
#include <agentstore/archives/sqlite.hpp>
#include <agentstore/archives/sqlite_queue.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/switched_archive.hpp>
#include <agentstore/detail/sqlite/queue_schema.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <filesystem>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
using conformance::ArchiveState;
using conformance::ArchiveSwitch;
using conformance::SwitchedArchiveOnce;

namespace {

SqliteOptions hasty(const std::string& path) {
  SqliteOptions options(path);
  options.busy_timeout = 200ms;
  return options;
}

/// Dual writes over one hot store, one archive and one file, one after the other.
class Rig {
public:
  using Store = DualWrite<MemoryBackend>;

  Rig() { FaultySqliteVfs::instance(); }

  std::unique_ptr<Store> make(DualWriteOptions options = quick()) {
    options.queue = sqlite_queue(hasty(path));
    return std::make_unique<Store>(
        loop.context().get_executor(), hot,
        std::make_shared<SwitchedArchiveOnce>(std::make_shared<MemoryArchive>(archived), by),
        std::move(options));
  }
  std::unique_ptr<Store> open(DualWriteOptions options = quick()) {
    auto store = make(std::move(options));
    REQUIRE(call(store->initialize()));
    return store;
  }

  static DualWriteOptions quick() {
    DualWriteOptions options;
    options.first_pause = 1ms;
    options.longest_pause = 10ms;
    options.open_limit = 20ms;
    options.close_limit = 50ms;
    return options;
  }

  /// A call while others are under way.
  template <class T>
  T call(awaitable<T> operation) {
    const auto ending = loop.start(std::move(operation));
    wait_for(*ending);
    if (ending->error) {
      std::rethrow_exception(ending->error);
    }
    return *std::move(ending->value);
  }
  void close(Store& store) {
    const auto ending = loop.start(store.close());
    wait_for(*ending);
    REQUIRE(ending->has_value());
  }
  template <class T>
  void wait_for(const Ending<T>& ending) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!ending.ended && std::chrono::steady_clock::now() < deadline) {
      loop.poll();
    }
    REQUIRE(ending.ended);
  }

  /// Puts so many, while the archive does not answer.
  void queue(Store& store, const std::string& thread, int first, int last) {
    by->set(ArchiveState::hangs);
    for (int i = first; i <= last; ++i) {
      REQUIRE(call(store.put_checkpoint(thread, std::to_string(i), i)));
    }
  }
  void drain(Store& store) {
    by->set(ArchiveState::works);
    REQUIRE(call(store.drain(60s)));
  }
  std::vector<ArchiveRecord> records(ArchiveKind kind, const std::string& key) {
    MemoryArchive archive(archived);
    REQUIRE(call(archive.initialize()));
    return call(archive.read_archive(kind, key, 0, 1'000));
  }
  std::vector<std::string> ids(const std::string& thread) {
    std::vector<std::string> ids;
    for (const ArchiveRecord& record : records(ArchiveKind::checkpoint, thread)) {
      ids.push_back(record.fields.at("checkpoint_id").get<std::string>());
    }
    return ids;
  }
  static std::vector<std::string> numbers(int first, int last) {
    std::vector<std::string> numbers;
    for (int i = first; i <= last; ++i) {
      numbers.push_back(std::to_string(i));
    }
    return numbers;
  }
  ArchivingMetrics metrics(Store& store) {
    const ArchivingMetrics metrics = call(store.get_archiving_metrics());
    CHECK(metrics.accepted == metrics.archived + metrics.dropped + metrics.queued);
    return metrics;
  }
  /// What a file holds that nobody has open.
  std::string rows() { return RawSqlite(path).text("SELECT COUNT(*) FROM queue"); }

  const TemporaryDirectory directory;
  const std::string path = directory.file("queue.db");
  Loop loop;
  std::shared_ptr<ArchiveSwitch> by = std::make_shared<ArchiveSwitch>();
  std::shared_ptr<MemoryBackend> hot = std::make_shared<MemoryBackend>();
  std::shared_ptr<MemoryArchiveSpace> archived = std::make_shared<MemoryArchiveSpace>();
};

} // namespace

TEST_CASE("What is queued at close is archived by the next on the file, each kind as it was") {
  Rig rig;
  DualWriteOptions options = Rig::quick();
  options.clock = [] { return Timestamp(77us); };
  json odd = object_of("text \"'\\\n \xF0\x9F\x98\x80", json::parse("[1, -0.5, null, {}]"));
  odd["large"] = std::uint64_t{18'446'744'073'709'551'615U};
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a \"channel\"", odd);
  writes.emplace_back("b", nullptr);
  {
    const auto store = rig.open(options);
    rig.by->set(ArchiveState::hangs);
    rig.call(store->create_session("s \"1\"", "u", odd));
    REQUIRE(rig.call(store->add_conversation_message("s \"1\"", "user", "hel\nlo", odd)));
    REQUIRE(rig.call(store->store_task_context("s \"1\"", odd)));
    REQUIRE(rig.call(store->put_checkpoint("t", "c", odd, odd)));
    REQUIRE(rig.call(store->put_writes("t", "c", "task", writes)));
    REQUIRE(rig.call(store->put_writes("t", "c", "none", {}))); // stores nothing: no record
    rig.close(*store);
    CHECK(rig.metrics(*store).queued == 5);
    CHECK(rig.metrics(*store).dropped == 0);
    CHECK(rig.rows() == "5");
  }
  const auto store = rig.open(options);
  rig.drain(*store);
  const ArchivingMetrics metrics = rig.metrics(*store);
  CHECK(metrics.accepted == 5);
  CHECK(metrics.archived == 5);
  CHECK(metrics.is_durable);
  const auto only = [&](ArchiveKind kind, const std::string& key) {
    const auto records = rig.records(kind, key);
    REQUIRE(records.size() == 1);
    CHECK(records[0].created_at == Timestamp(77us));
    return records[0].fields;
  };
  const json event = only(ArchiveKind::session_event, "s \"1\"");
  CHECK(event.at("user_id") == "u");
  CHECK(event.at("payload").at("metadata") == odd);
  const json message = only(ArchiveKind::conversation_message, "s \"1\"");
  CHECK(message.at("content") == "hel\nlo");
  CHECK(message.at("metadata") == odd);
  CHECK(only(ArchiveKind::task_context_snapshot, "s \"1\"").at("context_data") == odd);
  const json checkpoint = only(ArchiveKind::checkpoint, "t");
  CHECK(checkpoint.at("data") == odd);
  CHECK(checkpoint.at("metadata") == odd);
  CHECK(only(ArchiveKind::checkpoint_writes, "t").at("writes") == json(writes));
  rig.close(*store);
  CHECK(rig.rows() == "0");
}

TEST_CASE("A dual write that goes without a close leaves what is queued to the next") {
  Rig rig;
  {
    const auto store = rig.open();
    rig.queue(*store, "t", 1, 5);
  }
  const auto store = rig.open(); // which waits for the file for a moment
  rig.queue(*store, "t", 6, 7);
  rig.drain(*store);
  CHECK(rig.ids("t") == Rig::numbers(1, 7));
  rig.close(*store);
  REQUIRE(rig.call(store->initialize()));
  rig.queue(*store, "t", 8, 9);
  rig.close(*store);
  CHECK(rig.metrics(*store).queued == 2);
  REQUIRE(rig.call(store->initialize()));
  REQUIRE(rig.call(store->initialize()));
  rig.drain(*store);
  CHECK(rig.ids("t") == Rig::numbers(1, 9));
  CHECK(rig.metrics(*store).accepted == 9);
}

TEST_CASE("Bounds and policy go for what is found in the file, too") {
  for (const auto when_full :
       {DualWriteOptions::WhenFull::drop_newest, DualWriteOptions::WhenFull::drop_oldest}) {
    Rig rig;
    DualWriteOptions options = Rig::quick();
    options.when_full = when_full;
    options.max_queued = 6;
    {
      const auto store = rig.open(options);
      rig.queue(*store, "t", 1, 9);
      CHECK(rig.metrics(*store).dropped == 3);
    }
    options.max_queued = 4;
    rig.by->set(ArchiveState::hangs);
    const auto store = rig.open(options);
    CHECK(rig.metrics(*store).accepted == 6);
    CHECK(rig.metrics(*store).dropped == 2);
    rig.drain(*store);
    rig.close(*store);
    CHECK(rig.rows() == "0");
    auto ids = rig.ids("t");
    if (when_full == DualWriteOptions::WhenFull::drop_newest) {
      CHECK(ids == Rig::numbers(1, 4));
    } else {
      // The append of 1 was under way when its dual write went. It ends before or after the others.
      CHECK(std::erase(ids, "1") == 1);
      CHECK(ids == Rig::numbers(6, 9));
    }
  }
}

TEST_CASE("A record that is given up leaves the file") {
  Rig rig;
  DualWriteOptions options = Rig::quick();
  options.max_attempts = 2;
  const auto store = rig.open(options);
  rig.by->set(ArchiveState::refuses);
  CHECK(rig.call(store->put_checkpoint("t", "1", 1)));
  REQUIRE(rig.call(store->drain()));
  CHECK(rig.metrics(*store).dropped == 1);
  rig.close(*store);
  CHECK(rig.rows() == "0");
}

TEST_CASE("A call is answered when its record is in the file, and not by the archive") {
  Rig rig;
  const auto store = rig.open();
  rig.by->set(ArchiveState::hangs);
  REQUIRE(rig.call(store->put_checkpoint("t", "0", 0)));
  FaultySqliteVfs::HeldSyncs held(rig.path);
  const auto first = rig.loop.start(store->put_checkpoint("t", "1", 1));
  for (int i = 0; i < 100 && !first->ended; ++i) {
    rig.loop.poll();
    REQUIRE((i != 0 || held.wait()));
  }
  CHECK_FALSE(first->ended);
  CHECK(rig.call(store->get_checkpoint("t", "1"))); // which the hot store has

  // Cancelled, it is answered at once, for it has been made.
  boost::asio::cancellation_signal signal;
  bool has_ended = false;
  const auto keep = [&](std::exception_ptr error, bool is_done) {
    has_ended = true;
    CHECK(!error);
    CHECK(is_done);
  };
  boost::asio::co_spawn(rig.loop.context(), store->put_checkpoint("t", "2", 2),
                        boost::asio::bind_cancellation_slot(signal.slot(), keep));
  rig.loop.poll();
  CHECK_FALSE(has_ended);
  signal.emit(boost::asio::cancellation_type::terminal);
  rig.loop.poll();
  CHECK(has_ended);

  held.release();
  rig.wait_for(*first);
  CHECK(first->value == true);
  rig.close(*store);
  CHECK(rig.rows() == "3");
}

TEST_CASE("A file that cannot be written fails no call, and health says so") {
  Rig rig;
  const auto store = rig.open();
  rig.by->set(ArchiveState::hangs);
  FaultySqliteVfs::instance().inject(rig.path,
                                     conformance::Fault(conformance::Fault::Effect::before));
  CHECK(rig.call(store->put_checkpoint("t", "1", 1)));
  const Health health = rig.call(store->health_check());
  CHECK(health.status == Health::Status::degraded);
  CHECK(health.issues.size() == 1);
  FaultySqliteVfs::instance().inject(rig.path, conformance::Fault());
  CHECK(rig.call(store->put_checkpoint("t", "2", 1)));
  CHECK(rig.call(store->health_check()).status == Health::Status::healthy);
  rig.drain(*store);
  CHECK(rig.ids("t") == Rig::numbers(1, 2));
}

TEST_CASE("What is queued at close and not in the file is dropped, and counted") {
  Rig rig;
  const auto store = rig.open();
  rig.queue(*store, "t", 1, 2);
  SECTION("because it could not be written") {
    auto& vfs = FaultySqliteVfs::instance();
    vfs.inject(rig.path, conformance::Fault(conformance::Fault::Effect::before));
    rig.queue(*store, "t", 3, 5);
    vfs.inject(rig.path, conformance::Fault());
    rig.queue(*store, "t", 6, 6);
    rig.close(*store);
    CHECK(rig.metrics(*store).accepted == 6);
    CHECK(rig.metrics(*store).dropped == 3);
    CHECK(rig.metrics(*store).queued == 3);
    CHECK(rig.rows() == "3");
  }
  SECTION("because the file is gone") {
    const std::uint64_t before = rig.metrics(*store).queued_bytes;
    CHECK(before > 0);
    for (const char* const end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(rig.path + end);
    }
    rig.close(*store);
    CHECK(rig.metrics(*store).accepted == 2);
    CHECK(rig.metrics(*store).dropped == 2);
    CHECK(rig.metrics(*store).queued_bytes == 0);
  }
  const ArchivingMetrics closed = rig.metrics(*store);
  rig.close(*store); // which counts nothing twice
  CHECK(rig.metrics(*store) == closed);
  REQUIRE(rig.call(store->initialize()));
  CHECK(rig.metrics(*store).accepted == closed.accepted);
  CHECK(rig.metrics(*store).queued == closed.queued);
  rig.drain(*store);
  CHECK(rig.metrics(*store).archived == closed.queued);
}

TEST_CASE("What leaves the queue before close is not dropped by it, in the file or not") {
  Rig rig;
  const auto store = rig.open();
  auto& vfs = FaultySqliteVfs::instance();
  vfs.inject(rig.path, conformance::Fault(conformance::Fault::Effect::before));
  rig.queue(*store, "t", 1, 3);
  vfs.inject(rig.path, conformance::Fault());
  rig.drain(*store);
  rig.close(*store);
  CHECK(rig.metrics(*store).archived == 3);
  CHECK(rig.metrics(*store).dropped == 0);
  CHECK(rig.ids("t") == Rig::numbers(1, 3));
}

TEST_CASE("A record as deep as a value may be is found in the file") {
  Rig rig;
  MemoryOptions deep;
  deep.limits.max_depth = Document::max_depth;
  rig.hot = std::make_shared<MemoryBackend>(deep);
  MemoryArchiveOptions archive;
  archive.limits = deep.limits;
  rig.archived = std::make_shared<MemoryArchiveSpace>(archive);
  const json deepest = nested(Document::max_depth);
  const json metadata = nested(Document::max_depth - 1);
  {
    const auto store = rig.open();
    rig.by->set(ArchiveState::hangs);
    rig.call(store->create_session("s", "u", metadata));
    REQUIRE(rig.call(store->put_checkpoint("t", "c", deepest, deepest)));
    std::vector<ChannelWrite> writes;
    writes.emplace_back("w", deepest);
    REQUIRE(rig.call(store->put_writes("t", "c", "task", writes)));
    rig.close(*store);
  }
  const auto store = rig.open();
  rig.drain(*store);
  CHECK(rig.metrics(*store).archived == 3);
  CHECK(rig.records(ArchiveKind::checkpoint, "t").at(0).fields.at("data") == deepest);
  CHECK(rig.records(ArchiveKind::checkpoint_writes, "t").at(0).fields.at("writes")[0][1] ==
        deepest);
  CHECK(rig.records(ArchiveKind::session_event, "s").at(0).fields.at("payload").at("metadata") ==
        metadata);
}

TEST_CASE("A queue's file is for one dual write at a time") {
  Rig rig;
  const auto first = rig.open();
  const auto second = rig.make();
  CHECK(is_clear(error_of(rig.loop, second->initialize()), errc::unavailable, "initialize",
                 rig.path));
  rig.queue(*first, "t", 1, 2);
  rig.close(*first);
  REQUIRE(rig.call(second->initialize()));
  rig.drain(*second);
  CHECK(rig.ids("t") == Rig::numbers(1, 2));
  CHECK(
      is_clear(error_of(rig.loop, first->initialize()), errc::unavailable, "initialize", rig.path));
}

TEST_CASE("A file that is no queue is refused by name, before anything is opened") {
  const auto refused = [](Rig& rig, errc code) {
    const std::string before = bytes_of(rig.path);
    const auto store = rig.make();
    CHECK(is_clear(error_of(rig.loop, store->initialize()), code, "initialize", rig.path));
    CHECK(error_of(rig.loop, store->put_checkpoint("t", "1", 1))->code() == errc::closed);
    return bytes_of(rig.path) == before;
  };
  SECTION("no database") {
    Rig rig;
    write_bytes(rig.path, std::string(10'000, 'x'));
    CHECK(refused(rig, errc::corrupted));
  }
  SECTION("the database of another program") {
    Rig rig;
    RawSqlite(rig.path).execute("CREATE TABLE queue (position)");
    CHECK(refused(rig, errc::invalid_argument));
  }
  SECTION("an archive") {
    Rig rig;
    {
      SqliteArchive archive(rig.path);
      REQUIRE(rig.call(archive.initialize()));
      REQUIRE(rig.loop.run(archive.append_conversation_session("k", 1)));
      const auto closed = rig.loop.start(archive.close());
      rig.wait_for(*closed);
    }
    CHECK(refused(rig, errc::invalid_argument));
  }
  SECTION("a newer version") {
    Rig rig;
    rig.close(*rig.open());
    RawSqlite(rig.path).execute("PRAGMA user_version = 1000");
    CHECK(refused(rig, errc::not_supported));
  }
  SECTION("a record that is none") {
    const char* const damages[] = {"UPDATE queue SET others = '[1'",
                                   "UPDATE queue SET others = '[1, 2]'",
                                   "UPDATE queue SET others = '[\"c\", 1]'",
                                   "UPDATE queue SET others = '{}'",
                                   "UPDATE queue SET others = x'00'",
                                   "UPDATE queue SET kind = 'session'",
                                   "UPDATE queue SET kind = 'session_event'",
                                   "UPDATE queue SET created_at_us = 'today'",
                                   "UPDATE queue SET kind = 'checkpoint_writes'"};
    for (const char* const damage : damages) {
      INFO(damage);
      Rig rig;
      {
        const auto store = rig.open();
        rig.queue(*store, "t", 1, 1);
        rig.close(*store);
      }
      rig.by->set(ArchiveState::works);
      RawSqlite(rig.path).execute(damage);
      refused(rig, errc::corrupted);
    }
  }
  SECTION("memory") {
    Rig rig;
    DualWriteOptions options;
    options.queue = sqlite_queue(":memory:");
    DualWrite<MemoryBackend> store(rig.loop.context().get_executor(), rig.hot,
                                   std::make_shared<MemoryArchive>(), options);
    CHECK(is_clear(error_of(rig.loop, store.initialize()), errc::invalid_argument, "initialize",
                   ":memory:"));
  }
}
