// SPDX-License-Identifier: Apache-2.0

// A dual write with its queue in a file is killed again and again while its archive is behind. No
// record of a call that was answered is missing. If the archive can recognise repetitions, no
// record is there twice.

#include "support/catch.hpp"
#include "support/faults/kills.hpp"
#include "support/loop.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/sqlite.hpp>
#include <agentstore/archives/sqlite_queue.hpp>
#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/crash/child_process.hpp>
#include <agentstore/testing/forwarding_archive_once.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <random>
#include <set>
#include <sstream>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
using conformance::ChildProcess;

namespace {

constexpr const char* variable = "AGENTSTORE_DUAL_WRITE_CHILD";
constexpr int threads = 4;

const std::size_t wanted_kills = kills(60);

/// A pause, as in an archive that is slower than its store.
awaitable<void> pause() {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, 3ms);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

class SlowOnce : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata,
                                         std::optional<Timestamp> created_at) override {
    co_await pause();
    co_return co_await ForwardingArchiveOnce::append_checkpoint_once(
        std::move(entry_id), std::move(thread_id), std::move(checkpoint_id), std::move(data),
        std::move(metadata), created_at);
  }
};

class Slow : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata,
                                    std::optional<Timestamp> created_at) override {
    co_await pause();
    co_return co_await ForwardingArchive::append_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata),
        created_at);
  }
};

ArchiveForDualWrite slow_archive(const std::string& folder, bool tells_repetitions) {
  auto archive = std::make_shared<SqliteArchive>(folder + "/archive.db");
  if (tells_repetitions) {
    return std::make_shared<SlowOnce>(std::move(archive));
  }
  return std::make_shared<Slow>(std::move(archive));
}

DualWriteOptions options_in(const std::string& folder) {
  DualWriteOptions options;
  options.queue = sqlite_queue(folder + "/queue.db");
  return options;
}

/// Puts checkpoints until it is killed. Writes each answered checkpoint to the pipe.
awaitable<void> put_for_ever(DualWrite<SqliteBackend>* store, std::string thread, int round,
                             int pipe) {
  for (int i = 0;; ++i) {
    const std::string id = std::to_string(round) + "." + std::to_string(i);
    const bool is_put = co_await store->put_checkpoint(thread, id, i);
    const std::string line = (is_put ? thread + " " + id : std::string("failed")) + "\n";
    if (::write(pipe, line.data(), line.size()) != static_cast<::ssize_t>(line.size())) {
      co_return;
    }
  }
}

using Ids = std::map<std::string, std::vector<std::string>>; // by thread

/// Reads the lines that were written whole.
void read_answers(std::string text, Ids& answered) {
  text.resize(text.rfind('\n') + 1);
  std::istringstream lines(text);
  for (std::string thread, id; lines >> thread >> id;) {
    REQUIRE(thread != "failed");
    answered[thread].push_back(id);
  }
}

/// Kills children one after the other, and returns what they had an answer for.
Ids kill_many(const std::string& folder, bool tells_repetitions) {
  Ids answered;
  std::mt19937 random(7); // NOLINT(cert-msc32-c, cert-msc51-cpp): the same moments each time
  std::uniform_int_distribution<int> times(0, 60);
  for (std::size_t round = 0; round < wanted_kills; ++round) {
    ChildProcess child({"child of a dual write"}, variable,
                       folder + " " + (tells_repetitions ? "1 " : "0 ") + std::to_string(round));
    std::string text;
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (text.empty() && std::chrono::steady_clock::now() < deadline) {
      child.read(text, 100ms);
    }
    REQUIRE_FALSE(text.empty());
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(times(random));
    while (std::chrono::steady_clock::now() < until) {
      child.read(text, 1ms);
    }
    child.kill();
    while (child.read(text, 0ms) == ChildProcess::ReadResult::data) {
    }
    read_answers(std::move(text), answered);
  }
  return answered;
}

/// Archives the rest, and returns what the archive has.
Ids archived_in_the_end(const std::string& folder, bool tells_repetitions) {
  Loop loop;
  DualWrite<SqliteBackend> store(loop.context().get_executor(),
                                 std::make_shared<SqliteBackend>(folder + "/hot.db"),
                                 slow_archive(folder, tells_repetitions), options_in(folder));
  REQUIRE(loop.run(store.initialize()));
  REQUIRE(loop.run(store.drain(60s)));
  loop.run(store.close());
  SqliteArchive archive(folder + "/archive.db");
  REQUIRE(loop.run(archive.initialize()));
  Ids archived;
  for (int i = 0; i < threads; ++i) {
    const std::string thread = "t" + std::to_string(i);
    for (const ArchiveRecord& record :
         loop.run(archive.read_archive(ArchiveKind::checkpoint, thread, 0, 1'000'000))) {
      archived[thread].push_back(record.fields.at("checkpoint_id").get<std::string>());
    }
  }
  return archived;
}

Ids stored_hot(const std::string& folder) {
  Loop loop;
  SqliteBackend hot(folder + "/hot.db");
  REQUIRE(loop.run(hot.initialize()));
  Ids stored;
  for (int i = 0; i < threads; ++i) {
    const std::string thread = "t" + std::to_string(i);
    for (const Checkpoint& checkpoint : loop.run(hot.list_checkpoints(thread, 1'000'000))) {
      stored[thread].push_back(checkpoint.checkpoint_id);
    }
    std::reverse(stored[thread].begin(), stored[thread].end()); // the oldest first
  }
  return stored;
}

/// Those of `all` that are in `some`, in the order of `all`.
std::vector<std::string> common(const std::vector<std::string>& all,
                                const std::vector<std::string>& some) {
  const std::set<std::string> wanted(some.begin(), some.end());
  std::vector<std::string> found;
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const std::string& id) { return wanted.count(id) != 0; });
  return found;
}

} // namespace

TEST_CASE("child of a dual write", "[.]") {
  const char* const text = std::getenv(variable);
  if (text == nullptr) {
    return;
  }
  std::istringstream words(text);
  std::string folder;
  bool tells_repetitions = false;
  int round = 0;
  int pipe = -1;
  words >> folder >> tells_repetitions >> round >> pipe;
  Loop loop;
  DualWrite<SqliteBackend> store(loop.context().get_executor(),
                                 std::make_shared<SqliteBackend>(folder + "/hot.db"),
                                 slow_archive(folder, tells_repetitions), options_in(folder));
  const auto opened = loop.start(store.initialize());
  while (!opened->ended) {
    loop.poll();
  }
  for (int i = 0; i < threads; ++i) {
    loop.start(put_for_ever(&store, "t" + std::to_string(i), round, pipe));
  }
  loop.finish(300s);
}

TEST_CASE("A durable queue loses no answered call to many kills, and repeats none") {
  const TemporaryDirectory directory;
  const std::string folder = directory.path().string();
  const Ids answered = kill_many(folder, true);
  Ids archived = archived_in_the_end(folder, true);
  Ids stored = stored_hot(folder);
  REQUIRE(answered.size() == threads);
  for (const auto& [thread, ids] : answered) {
    const std::vector<std::string>& there = archived[thread];
    CHECK(common(there, ids) == ids);              // each once, in its order
    CHECK(common(stored[thread], there) == there); // nothing twice, and nothing that is not stored
    // At each kill, one call of a thread was under way.
    CHECK(stored[thread].size() - there.size() <= wanted_kills);
  }
}

TEST_CASE("A durable queue loses no answered call where the archive cannot tell repetitions") {
  const TemporaryDirectory directory;
  const std::string folder = directory.path().string();
  const Ids answered = kill_many(folder, false);
  Ids archived = archived_in_the_end(folder, false);
  REQUIRE(answered.size() == threads);
  for (const auto& [thread, ids] : answered) {
    const std::set<std::string> there(archived[thread].begin(), archived[thread].end());
    CHECK(common(ids, std::vector<std::string>(there.begin(), there.end())) == ids);
  }
}
