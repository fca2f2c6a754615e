// SPDX-License-Identifier: Apache-2.0

// DualWrite beyond the rules: the records that its header's table promises, pauses, bounds, an
// archive that throws, opens late or never, and an object that goes while an append is under way.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/switched_archive.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

#include <map>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
using conformance::ArchiveState;
using conformance::ArchiveSwitch;
using conformance::SwitchedArchive;

namespace {

static_assert(std::derived_from<DualWrite<MemoryBackend>, ISessionDirectory> &&
              std::derived_from<DualWrite<MemoryBackend>, IThreadDirectory>);
static_assert(!std::derived_from<DualWrite<ForwardingBackend>, ISessionDirectory> &&
              !std::derived_from<DualWrite<ForwardingBackend>, IThreadDirectory>);

/// Until this call has ended, while others are under way: `Loop::run` would wait for those, too.
template <class T>
void wait_for(Loop& loop, const Ending<T>& ending) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!ending.ended && std::chrono::steady_clock::now() < deadline) {
    loop.poll();
  }
  REQUIRE(ending.has_value());
}

/// A dual write in memory whose archive can be switched and read.
class Rig {
public:
  explicit Rig(DualWriteOptions options = quick())
      : store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
              std::make_shared<SwitchedArchive>(archive, by), std::move(options)) {
    REQUIRE(loop.run(store.initialize()));
  }

  static DualWriteOptions quick() {
    DualWriteOptions options;
    options.first_pause = 1ms;
    options.longest_pause = 10ms;
    options.close_limit = 100ms;
    return options;
  }

  std::vector<ArchiveRecord> records(ArchiveKind kind, const std::string& key) {
    return loop.run(archive->read_archive(kind, key, 0, 1'000));
  }
  std::vector<std::string> ids(const std::string& thread) {
    std::vector<std::string> ids;
    for (const ArchiveRecord& record : records(ArchiveKind::checkpoint, thread)) {
      ids.push_back(record.fields.at("checkpoint_id").get<std::string>());
    }
    return ids;
  }
  ArchivingMetrics metrics() { return loop.run(store.get_archiving_metrics()); }
  /// A call while others are under way.
  template <class T>
  T call(awaitable<T> operation) {
    const auto ending = loop.start(std::move(operation));
    wait_for(loop, *ending);
    return *std::move(ending->value);
  }

  Loop loop;
  std::shared_ptr<ArchiveSwitch> by = std::make_shared<ArchiveSwitch>();
  std::shared_ptr<MemoryArchive> archive = std::make_shared<MemoryArchive>();
  DualWrite<MemoryBackend> store;
};

/// Says what it was asked to append and when, and refuses all of it, or throws.
class Refusing : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string, std::string checkpoint_id, Document, Document,
                                    std::optional<Timestamp>) override {
    attempts.push_back(std::chrono::steady_clock::now());
    if (checkpoint_id == "throws") {
      throw std::runtime_error("an archive should not");
    }
    co_return false;
  }

  std::vector<std::chrono::steady_clock::time_point> attempts;
};

/// Counts the appends that are under way together.
class Counting : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata, std::optional<Timestamp> at) override {
    most_of_all = std::max(most_of_all, ++of_all_);
    most_of_a_key = std::max(most_of_a_key, ++of_[thread_id]);
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, 2ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
    --of_all_;
    --of_[thread_id];
    co_return co_await ForwardingArchive::append_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata), at);
  }

  int most_of_all = 0;
  int most_of_a_key = 0;

private:
  int of_all_ = 0;
  std::map<std::string, int> of_;
};

/// Takes as long to close as it is told to.
class ClosingLate : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<void> close() override {
    const auto executor = co_await boost::asio::this_coro::executor;
    while (is_held) {
      boost::asio::steady_timer timer(executor, 1ms);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_await ForwardingArchive::close();
  }

  bool is_held = true;
};

} // namespace

TEST_CASE("A dual write archives what its table says") {
  DualWriteOptions options = Rig::quick();
  const Timestamp now(77us);
  options.clock = [now] { return now; };
  Rig rig(options);
  auto& store = rig.store;
  rig.loop.run(store.create_session("s", "u", object_of("a", 1)));
  json patch = object_of("b", nullptr);
  CHECK(rig.loop.run(store.update_session(
      "s", SessionUpdate().updates(patch).mark_error().add_processing_time(5us))));
  CHECK(rig.loop.run(store.update_session("s", SessionUpdate().increment_requests())));
  CHECK(rig.loop.run(store.add_conversation_message("s", "user", "hello", object_of("m", 2))));
  CHECK(rig.loop.run(store.store_task_context("s", json::array())));
  CHECK(rig.loop.run(store.store_checkpoint("s", "1", 1, object_of("c", 3))));
  CHECK(rig.loop.run(store.put_checkpoint("s", "2", 2)));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("w", 4);
  CHECK(rig.loop.run(store.put_writes("s", "2", "task", writes)));
  CHECK(rig.loop.run(store.copy_thread("s", "copy")));
  CHECK(rig.loop.run(store.prune_thread("s", 1)) == 1);
  CHECK(rig.loop.run(store.prune_thread("s", 1)) == 0);
  CHECK(rig.loop.run(store.delete_thread("copy")));
  CHECK_FALSE(rig.loop.run(store.delete_thread("copy")));
  CHECK(rig.loop.run(store.end_session("s", "failed")));
  CHECK(rig.loop.run(store.delete_session("s")));
  CHECK_FALSE(rig.loop.run(store.delete_session("s")));
  CHECK(rig.loop.run(store.cleanup_expired_sessions(0us)) == 0);
  rig.loop.run(store.create_session("idle", "u"));
  CHECK(rig.loop.run(store.cleanup_expired_sessions(0us)) == 1);
  REQUIRE(rig.loop.run(store.drain()));

  const auto expect = [&](ArchiveKind kind, const std::string& key,
                          const std::vector<std::string>& expected) {
    const auto records = rig.records(kind, key);
    REQUIRE(records.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(records[i].created_at == now);
      json fields = records[i].fields;
      fields.erase("version");
      CHECK(fields == json::parse(expected[i]));
    }
  };
  expect(ArchiveKind::session_event, "s",
         {R"({"session_id":"s","user_id":"u","event_type":"create_session",
              "payload":{"metadata":{"a":1}}})",
          R"({"session_id":"s","user_id":"-","event_type":"update_session",
              "payload":{"updates":{"b":null},"increment_requests":false,"mark_error":true,
                         "processing_time_us":5}})",
          R"({"session_id":"s","user_id":"-","event_type":"update_session",
              "payload":{"increment_requests":true,"mark_error":false,"processing_time_us":0}})",
          R"({"session_id":"s","user_id":"-","event_type":"prune_thread",
              "payload":{"keep":1,"removed":1}})",
          R"({"session_id":"s","user_id":"-","event_type":"end_session",
              "payload":{"status":"failed"}})",
          R"({"session_id":"s","user_id":"-","event_type":"delete_session","payload":{}})"});
  expect(ArchiveKind::session_event, "copy",
         {R"({"session_id":"copy","user_id":"-","event_type":"copy_thread",
              "payload":{"source":"s"}})",
          R"({"session_id":"copy","user_id":"-","event_type":"delete_thread","payload":{}})"});
  expect(ArchiveKind::session_event, "cleanup_expired_sessions",
         {R"({"session_id":"cleanup_expired_sessions","user_id":"-",
              "event_type":"cleanup_expired_sessions","payload":{"max_idle_us":0,"removed":1}})"});
  expect(ArchiveKind::conversation_message, "s",
         {R"({"session_id":"s","role":"user","content":"hello","metadata":{"m":2}})"});
  expect(ArchiveKind::task_context_snapshot, "s", {R"({"session_id":"s","context_data":[]})"});
  expect(ArchiveKind::checkpoint, "s",
         {R"({"thread_id":"s","checkpoint_id":"1","data":1,"metadata":{"c":3}})",
          R"({"thread_id":"s","checkpoint_id":"2","data":2,"metadata":{}})"});
  expect(ArchiveKind::checkpoint_writes, "s",
         {R"({"thread_id":"s","checkpoint_id":"2","task_id":"task","writes":[["w",4]]})"});
}

TEST_CASE("The pauses between attempts grow up to the longest, and end with the last") {
  Loop loop;
  const auto archive = std::make_shared<Refusing>(std::make_shared<MemoryArchive>());
  DualWriteOptions options = Rig::quick();
  options.max_attempts = 6;
  options.first_pause = 5ms;
  options.longest_pause = 20ms;
  DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                 archive, options);
  REQUIRE(loop.run(store.initialize()));
  for (const char* const id : {"is false", "throws"}) {
    archive->attempts.clear();
    CHECK(loop.run(store.put_checkpoint("t", id, 1)));
    REQUIRE(loop.run(store.drain()));
    REQUIRE(archive->attempts.size() == 6);
    const std::vector<std::chrono::milliseconds> least = {5ms, 10ms, 20ms, 20ms, 20ms};
    for (std::size_t i = 0; i < least.size(); ++i) {
      CHECK(archive->attempts[i + 1] - archive->attempts[i] >= least[i]);
    }
  }
  const ArchivingMetrics metrics = loop.run(store.get_archiving_metrics());
  CHECK(metrics.accepted == 2);
  CHECK(metrics.dropped == 2);
  CHECK(metrics.retried == 10);
  CHECK(loop.run(store.health_check()).status == Health::Status::degraded);
}

TEST_CASE("The caller's loop does not run for the rest of a pause once the object is gone") {
  Loop loop;
  const auto archive = std::make_shared<Refusing>(std::make_shared<MemoryArchive>());
  DualWriteOptions options;
  options.first_pause = options.longest_pause = 24h;
  {
    DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                   archive, options);
    const auto opening = loop.start(store.initialize());
    wait_for(loop, *opening);
    wait_for(loop, *loop.start(store.put_checkpoint("t", "is false", 1)));
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (archive->attempts.empty() && std::chrono::steady_clock::now() < deadline) {
      loop.poll();
    }
    REQUIRE(archive->attempts.size() == 1);
  }
  loop.finish(60s); // throws if it has still something to do then
  CHECK(archive->attempts.size() == 1);
}

TEST_CASE("Of a key one append is under way at a time, of several keys as many as allowed") {
  Loop loop;
  const auto archive = std::make_shared<Counting>(std::make_shared<MemoryArchive>());
  DualWriteOptions options = Rig::quick();
  options.max_appends = 3;
  DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                 archive, options);
  REQUIRE(loop.run(store.initialize()));
  for (int i = 0; i < 40; ++i) {
    loop.start(store.put_checkpoint("t" + std::to_string(i % 5), std::to_string(i), i));
  }
  REQUIRE(loop.run(store.drain()));
  CHECK(loop.run(store.get_archiving_metrics()).archived == 40);
  CHECK(archive->most_of_a_key == 1);
  CHECK(archive->most_of_all == 3);
}

TEST_CASE("The queue is bounded by what its records weigh") {
  DualWriteOptions options = Rig::quick();
  options.max_queued_bytes = 60'000; // a text may weigh six times its bytes
  options.when_full = DualWriteOptions::WhenFull::drop_oldest;
  Rig rig(options);
  rig.by->set(ArchiveState::hangs);
  CHECK(rig.call(rig.store.put_checkpoint("t", "0", object_of_size(1'000))));
  CHECK(rig.call(rig.store.put_checkpoint("t", "larger than all", object_of_size(60'000))));
  for (int i = 1; i <= 20; ++i) {
    CHECK(rig.call(rig.store.put_checkpoint("t", std::to_string(i), object_of_size(1'000))));
    CHECK(rig.call(rig.store.get_archiving_metrics()).queued_bytes <= 60'000);
  }
  const ArchivingMetrics metrics = rig.call(rig.store.get_archiving_metrics());
  CHECK(metrics.queued >= 5);
  CHECK(metrics.queued < 20);
  CHECK(metrics.dropped == 22 - metrics.queued);
  rig.by->set(ArchiveState::works);
  REQUIRE(rig.loop.run(rig.store.drain()));
  const auto ids = rig.ids("t");
  REQUIRE(ids.size() == metrics.queued);
  CHECK(ids.front() == "0"); // its append was under way
  CHECK(ids.back() == "20");
  CHECK(rig.metrics().queued_bytes == 0);
}

TEST_CASE("The oldest record is dropped, of whatever key it is") {
  DualWriteOptions options = Rig::quick();
  options.max_queued = 4;
  options.when_full = DualWriteOptions::WhenFull::drop_oldest;
  Rig rig(options);
  rig.by->set(ArchiveState::hangs);
  for (const char* const id : {"a1", "a2", "b1", "b2", "b3", "a3"}) {
    CHECK(rig.call(rig.store.put_checkpoint(std::string(id, 1), id, 1)));
    rig.loop.poll(); // so that a1 and b1 are under way
  }
  rig.by->set(ArchiveState::works);
  REQUIRE(rig.loop.run(rig.store.drain()));
  CHECK(rig.ids("a") == std::vector<std::string>{"a1", "a3"});
  CHECK(rig.ids("b") == std::vector<std::string>{"b1", "b3"});
}

TEST_CASE("An archive that does not open at first is opened when it can be") {
  Loop loop;
  const auto by = std::make_shared<ArchiveSwitch>();
  const auto archive = std::make_shared<MemoryArchive>();
  DualWriteOptions options = Rig::quick();
  options.open_limit = 20ms;
  DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                 std::make_shared<SwitchedArchive>(archive, by), options);
  by->set(ArchiveState::refuses);
  REQUIRE(loop.run(store.initialize()));
  CHECK(loop.run(store.health_check()).status == Health::Status::degraded);
  loop.start(store.put_checkpoint("t", "c", 1));
  loop.start(store.put_checkpoint("other", "c", 1));
  loop.poll();
  by->set(ArchiveState::works);
  REQUIRE(loop.run(store.drain()));
  CHECK(loop.run(archive->read_archive(ArchiveKind::checkpoint, "t")).size() == 1);
  CHECK(loop.run(archive->read_archive(ArchiveKind::checkpoint, "other")).size() == 1);
  CHECK(loop.run(store.health_check()).status == Health::Status::healthy);
  CHECK(loop.run(store.get_archiving_metrics()).dropped == 0);
}

TEST_CASE("An archive that hangs when it is opened does not keep the store from opening") {
  Loop loop;
  const auto by = std::make_shared<ArchiveSwitch>();
  const auto archive = std::make_shared<MemoryArchive>();
  DualWriteOptions options = Rig::quick();
  options.open_limit = 20ms;
  DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                 std::make_shared<SwitchedArchive>(archive, by), options);
  by->set(ArchiveState::hangs);
  const auto opened = loop.start(store.initialize());
  wait_for(loop, *opened);
  CHECK(opened->value == true);
  loop.start(store.put_checkpoint("t", "c", 1));
  loop.poll();
  by->set(ArchiveState::works);
  REQUIRE(loop.run(store.drain()));
  CHECK(loop.run(archive->read_archive(ArchiveKind::checkpoint, "t")).size() == 1);
}

TEST_CASE("A dual write that goes while an append is under way leaves nothing behind it") {
  Loop loop;
  const auto by = std::make_shared<ArchiveSwitch>();
  const auto archive = std::make_shared<MemoryArchive>();
  const auto hot = std::make_shared<MemoryBackend>();
  {
    DualWrite<MemoryBackend> store(loop.context().get_executor(), hot,
                                   std::make_shared<SwitchedArchive>(archive, by), Rig::quick());
    REQUIRE(loop.run(store.initialize()));
    by->set(ArchiveState::hangs);
    for (int i = 0; i < 3; ++i) {
      loop.start(store.put_checkpoint("t", std::to_string(i), i));
      loop.poll();
    }
  }
  CHECK(hot.use_count() == 1); // an archive that hangs keeps no hot store
  by->set(ArchiveState::works);
  loop.finish();
  // What was under way has its end, and what waited is gone.
  CHECK(loop.run(archive->read_archive(ArchiveKind::checkpoint, "t")).size() == 1);
}

TEST_CASE("A closed dual write drops nothing that it did not count, and opens again") {
  Rig rig;
  CHECK(rig.loop.run(rig.store.put_checkpoint("t", "1", 1)));
  rig.loop.run(rig.store.close());
  rig.loop.run(rig.store.close());
  CHECK(error_of(rig.loop, rig.store.put_checkpoint("t", "2", 1))->code() == errc::closed);
  CHECK(rig.metrics().accepted == 1);
  CHECK(rig.metrics().archived == 1);
  REQUIRE(rig.loop.run(rig.store.initialize()));
  REQUIRE(rig.loop.run(rig.store.initialize()));
  CHECK(rig.loop.run(rig.store.put_checkpoint("t", "3", 1)));
  REQUIRE(rig.loop.run(rig.store.drain()));
  CHECK(rig.ids("t") == std::vector<std::string>{"1", "3"});
}

TEST_CASE("A close that was given up does not close the archive that is opened after it") {
  Loop loop;
  const auto archive = std::make_shared<MemoryArchive>();
  const auto closing_late = std::make_shared<ClosingLate>(archive);
  DualWrite<MemoryBackend> store(loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                                 closing_late, Rig::quick());
  REQUIRE(loop.run(store.initialize()));
  const auto closed = loop.start(store.close());
  wait_for(loop, *closed);
  const auto opened = loop.start(store.initialize());
  loop.poll();
  closing_late->is_held = false;
  loop.finish();
  REQUIRE(opened->value == true);
  CHECK(loop.run(store.put_checkpoint("t", "1", 1)));
  REQUIRE(loop.run(store.drain()));
  CHECK(loop.run(archive->read_archive(ArchiveKind::checkpoint, "t")).size() == 1);
}
