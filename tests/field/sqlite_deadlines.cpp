// SPDX-License-Identifier: Apache-2.0

// The longest time of a call. `op || timer` is a deadline, the busy time-out bounds every wait for
// a lock, and long work lets other calls in.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/faults/locking_process.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/temporary_directory.hpp"
#include "support/waiting.hpp"

#include <agentstore/backends/sqlite.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <future>

namespace asio = boost::asio;
using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

using Now = std::chrono::steady_clock;

/// Whether the call ended by the deadline rather than by itself.
template <class T>
awaitable<bool> misses(awaitable<T> call, std::chrono::milliseconds deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  auto either = std::move(call) || timer.async_wait(asio::use_awaitable);
  const auto ended = co_await std::move(either);
  co_return ended.index() == 1;
}

std::ptrdiff_t missed(const std::vector<std::shared_ptr<Ending<bool>>>& endings) {
  return std::count_if(endings.begin(), endings.end(),
                       [](const auto& ending) { return ending->value.value_or(false); });
}

/// Another connection that locks a file once, when a connection to it has next rolled back.
class LockAfterRollback {
public:
  explicit LockAfterRollback(const std::string& path) {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&LockAfterRollback::watch));
    other_.emplace(path);
    self() = this;
  }
  LockAfterRollback(const LockAfterRollback&) = delete;
  LockAfterRollback& operator=(const LockAfterRollback&) = delete;
  ~LockAfterRollback() {
    self() = nullptr;
    sqlite3_reset_auto_extension();
  }

  void arm() { is_armed_ = true; }
  bool has_locked() const { return has_locked_; }
  void release() { other_->execute("COMMIT"); }

private:
  static std::atomic<LockAfterRollback*>& self() {
    static std::atomic<LockAfterRollback*> one = nullptr;
    return one;
  }
  static int watch(sqlite3* database, const char**, const void*) {
    sqlite3_rollback_hook(database, &LockAfterRollback::lock, nullptr);
    return SQLITE_OK;
  }
  static void lock(void*) {
    LockAfterRollback* const one = self();
    if (one != nullptr && one->is_armed_.exchange(false)) {
      one->other_->execute("BEGIN IMMEDIATE");
      one->has_locked_ = true;
    }
  }

  std::optional<RawSqlite> other_;
  std::atomic<bool> is_armed_ = false;
  std::atomic<bool> has_locked_ = false;
};

} // namespace

TEST_CASE("Writes that wait for another process end at their deadline, and never happen",
          "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 60s;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  LockingProcess other(options.path);
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 64; ++i) {
    endings.push_back(loop.start(misses(backend.put_checkpoint("t", std::to_string(i), i), 100ms)));
  }
  const auto started = Now::now();
  loop.finish(30s); // the lock is still held
  CHECK(Now::now() - started < 5s);
  CHECK(missed(endings) == 64);
  other.release();
  CHECK(loop.run(backend.put_checkpoint("t", "later", 1)));
  CHECK(loop.run(backend.list_checkpoints("t", 100)).size() == 1);
  CHECK(loop.run(backend.health_check()).status == Health::Status::healthy);
}

TEST_CASE("A write whose neighbours give up is not given up", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 60s;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  LockingProcess other(options.path);
  std::vector<std::shared_ptr<Ending<bool>>> impatient;
  std::vector<std::shared_ptr<Ending<bool>>> patient;
  for (int i = 0; i < 20; ++i) {
    impatient.push_back(
        loop.start(misses(backend.put_checkpoint("t", "i" + std::to_string(i), i), 50ms)));
    patient.push_back(loop.start(backend.put_checkpoint("t", "p" + std::to_string(i), i)));
  }
  while (missed(impatient) < 20) { // while the lock is held
    loop.context().restart();
    REQUIRE(loop.context().run_one_for(30s) == 1);
  }
  CHECK(missed(patient) == 0);
  other.release();
  loop.finish();
  for (const auto& put : patient) {
    CHECK(put->value == true);
  }
  CHECK(loop.run(backend.list_checkpoints("t", 100)).size() == 20);
}

TEST_CASE("A write that is cancelled while its group waits for a lock again ends at once",
          "[sqlite]") {
  const TemporaryDirectory directory;
  std::promise<void> entered;
  std::promise<void> released;
  std::atomic<bool> is_gated = false;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 60s;
  options.clock = [&, clock = options.clock] {
    if (is_gated.exchange(false)) {
      entered.set_value();
      released.get_future().wait();
    }
    return clock();
  };
  LockAfterRollback lock(options.path);
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  loop.run(backend.create_session("taken", "u"));

  // The writes behind the first one are one group, and are tried again because of the second one.
  is_gated = true;
  const auto first = loop.start(backend.put_checkpoint("t", "first", 1));
  loop.poll();
  entered.get_future().wait();
  const auto refused = loop.start(backend.create_session("taken", "u"));
  asio::cancellation_signal cancellation;
  bool has_ended = false;
  asio::co_spawn(
      loop.context(), backend.put_checkpoint("t", "cancelled", 1),
      asio::bind_cancellation_slot(cancellation.slot(), [&](std::exception_ptr error, bool) {
        has_ended = error != nullptr;
      }));
  const auto patient = loop.start(backend.put_checkpoint("t", "patient", 1));
  loop.poll();
  lock.arm();
  released.set_value();
  REQUIRE(until(loop, [&] { return lock.has_locked(); }));
  cancellation.emit(asio::cancellation_type::terminal);
  CHECK(until(loop, [&] { return has_ended; })); // while the lock is held
  CHECK_FALSE(refused->ended);
  CHECK_FALSE(patient->ended);
  lock.release();
  loop.finish();
  CHECK(first->value == true);
  CHECK(refused->threw(errc::already_exists));
  CHECK(patient->value == true);
  CHECK(loop.run(backend.list_checkpoints("t", 100)).size() == 2);
}

TEST_CASE("An opening that waits for another process ends at its deadline", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 60s;
  Loop loop;
  SqliteBackend backend(options);
  {
    const LockingProcess other(options.path);
    const auto opening = loop.start(misses(backend.initialize(), 100ms));
    loop.finish(20s);
    CHECK(opening->value == true);
    CHECK(error_of(loop, backend.get_checkpoint("t"))->code() == errc::closed);
  }
  CHECK(loop.run(backend.initialize()));
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
}

TEST_CASE("A read ends at its deadline, and the reader works on", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.read_threads = 1;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  // Metrics count all rows: a step or more for each, for seconds.
  RawSqlite(options.path)
      .execute(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
          " INSERT INTO sessions SELECT 's' || i, 'u', 'active', '2026-01-01T00:00:00.000000Z',"
          " '2026-01-01T00:00:00.000000Z', 0, 0, 0, 0, 1, '{}' FROM n");
  const auto begun = Now::now();
  REQUIRE(loop.run(backend.get_metrics()).total_sessions == 100'000);
  const auto whole = Now::now() - begun;
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  const auto started = Now::now();
  for (int i = 0; i < 50; ++i) {
    endings.push_back(loop.start(misses(backend.get_metrics(), 5ms)));
  }
  loop.finish(60s);
  CHECK(missed(endings) >= 48); // at most one was let finish; none of the queue had begun
  CHECK(Now::now() - started < 10 * whole + 1s);
  CHECK(loop.run(backend.get_metrics()).total_sessions == 100'000);
}

TEST_CASE("The busy time-out counts from the call, for however many", "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.busy_timeout = 2s;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  const LockingProcess other(options.path);
  std::vector<std::shared_ptr<Ending<bool>>> puts;
  const auto started = Now::now();
  for (int i = 0; i < 2'000; ++i) {
    puts.push_back(loop.start(backend.put_checkpoint("t", std::to_string(i), i)));
  }
  const auto close = loop.start(backend.close());
  const auto again = loop.start(backend.initialize());
  loop.finish();
  const auto took = Now::now() - started;
  CHECK(took >= options.busy_timeout);
  CHECK(took < 10s); // eight groups of 256, each for itself, would take 16 s
  for (const auto& put : puts) {
    CHECK(put->threw(errc::unavailable));
  }
  CHECK(close->has_value());
  CHECK(again->ended);
}

TEST_CASE("A clean-up of many sessions lets other writes in, and removes them all", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  RawSqlite(path).execute(
      "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
      " INSERT INTO sessions SELECT 's' || i, 'u', 'active', '2026-01-01T00:00:00.000000Z',"
      " '2026-01-01T00:00:00.000000Z', 0, 0, 0, 1, 1, '{}' FROM n;"
      "INSERT INTO messages SELECT session_id, 1, 'user', 'hi', created_at, '{}' FROM sessions;"
      "INSERT INTO task_contexts SELECT session_id, '{}' FROM sessions;"
      "INSERT INTO checkpoints (thread_id, checkpoint_id, created_at, data, metadata)"
      " SELECT session_id, 'c', created_at, '1', '{}' FROM sessions;"
      "INSERT INTO pending_writes SELECT session_id, 'c', 't', 0, 'k', '1' FROM sessions; COMMIT");
  loop.run(backend.create_session("young", "u"));
  loop.run(backend.put_checkpoint("other", "c", 1));
  std::atomic<bool> is_clean = false;
  std::atomic<int> writes_beside = 0;
  auto clean = [&]() -> awaitable<bool> {
    const std::uint64_t removed = co_await backend.cleanup_expired_sessions(24h);
    is_clean = true;
    co_return removed == 10'000;
  };
  auto write = [&]() -> awaitable<bool> {
    bool all = true;
    while (!is_clean) {
      all &= co_await backend.put_checkpoint("other", "c", writes_beside.load());
      ++writes_beside;
    }
    co_return all;
  };
  const auto cleaned = loop.start(clean());
  const auto written = loop.start(write());
  loop.finish();
  CHECK(cleaned->value == true);
  CHECK(written->value == true);
  CHECK(writes_beside >= 10);
  RawSqlite raw(path);
  CHECK(raw.text("SELECT session_id FROM sessions") == "young");
  CHECK(raw.text("SELECT (SELECT COUNT(*) FROM messages), (SELECT COUNT(*) FROM task_contexts),"
                 " (SELECT COUNT(*) FROM checkpoints), (SELECT COUNT(*) FROM pending_writes)") ==
        "0|0|1|0");
}

TEST_CASE("A clean-up ends at its deadline, with whole sessions gone and the others whole",
          "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  RawSqlite(path).execute(
      "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
      " INSERT INTO sessions SELECT 's' || i, 'u', 'active', '2026-01-01T00:00:00.000000Z',"
      " '2026-01-01T00:00:00.000000Z', 0, 0, 0, 1, 1, '{}' FROM n;"
      "INSERT INTO messages SELECT session_id, 1, 'user', 'hi', created_at, '{}' FROM sessions;"
      "COMMIT");
  const auto cleaned = loop.start(misses(backend.cleanup_expired_sessions(24h), 30ms));
  loop.finish(20s);
  CHECK(cleaned->value == true);
  RawSqlite raw(path);
  CHECK(raw.text("SELECT COUNT(*) > 0 FROM sessions") == "1");
  CHECK(raw.text("SELECT COUNT(*) FROM messages") == raw.text("SELECT COUNT(*) FROM sessions"));
  CHECK(raw.text("SELECT COUNT(*) FROM messages WHERE session_id NOT IN"
                 " (SELECT session_id FROM sessions)") == "0");
}
