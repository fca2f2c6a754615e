// SPDX-License-Identifier: Apache-2.0
// The server is killed under load, again and again. Nothing that was acknowledged is lost, and
// nothing is torn.

#include "support/servers/redis_rig.hpp"

#include <algorithm>
#include <random>

namespace {

using namespace agentstore;
using namespace agentstore::test;

/// The answers that one writer got.
class Writer {
public:
  explicit Writer(int number) : id("w-" + std::to_string(number)) {}

  std::string id;
  std::uint64_t messages = 0;
  std::vector<std::string> checkpoints;
  /// The step that was under way when the server was killed. It may be there or not.
  int next = 0;
};

/// Writes until the server is gone.
awaitable<void> write_on(RedisBackend* store, Writer* writer) {
  try {
    for (;;) {
      const std::string step = std::to_string(writer->next++);
      if (co_await store->add_conversation_message(writer->id, "user", step)) {
        ++writer->messages;
      }
      if (co_await store->put_checkpoint(writer->id, step, writer->next)) {
        writer->checkpoints.push_back(step);
      }
    }
  } catch (const StorageError& error) {
    CHECK(means(error.code(), errc::unavailable));
  }
}

/// Copies a thread again and again until the server is gone.
awaitable<void> copy_on(RedisBackend* store, int* copied) {
  try {
    for (;;) {
      const std::string target = "copy-" + std::to_string(*copied);
      co_await store->copy_thread("source", target);
      ++*copied;
    }
  } catch (const StorageError& error) {
    CHECK(means(error.code(), errc::unavailable));
  }
}

} // namespace

TEST_CASE("a server that is killed under load 50 times loses nothing that was acknowledged") {
  RedisServer server({{"appendonly", "yes"}, {"appendfsync", "always"}});
  RedisOptions options(server.uri(), "killed");
  RedisRig rig(options);
  std::vector<Writer> writers;
  for (int i = 0; i < 16; ++i) {
    writers.emplace_back(i);
    rig.loop.run(rig.backend.create_session(writers.back().id, "user"));
  }
  std::mt19937 random(17);
  std::size_t acknowledged = 0;
  for (int round = 0; round < 50; ++round) {
    for (Writer& writer : writers) {
      rig.loop.start(write_on(&rig.backend, &writer));
    }
    rig.loop.context().restart();
    rig.loop.context().run_for(std::chrono::milliseconds(20 + random() % 80));
    server.kill();
    rig.loop.finish();
    server.start();
    for (Writer& writer : writers) {
      const auto history = rig.loop.run(
          rig.backend.get_conversation_history(writer.id, std::numeric_limits<std::size_t>::max()));
      const auto checkpoints = rig.loop.run(
          rig.backend.list_checkpoints(writer.id, std::numeric_limits<std::size_t>::max()));
      // The step that was under way is there whole or not at all.
      REQUIRE(history.size() >= writer.messages);
      REQUIRE(history.size() <= writer.messages + 1);
      for (const std::string& each : writer.checkpoints) {
        REQUIRE(std::any_of(checkpoints.begin(), checkpoints.end(),
                            [&each](const auto& stored) { return stored.checkpoint_id == each; }));
      }
      acknowledged += writer.checkpoints.size();
      REQUIRE(rig.loop.run(rig.backend.get_session(writer.id)));
      // The next round begins with a thread that has nothing, so that it stays short.
      rig.loop.run(rig.backend.delete_thread(writer.id));
      writer.checkpoints.clear();
      writer.messages = history.size();
    }
  }
  INFO(acknowledged);
  CHECK(acknowledged > 100);
  const Metrics metrics = rig.loop.run(rig.backend.get_metrics());
  CHECK(metrics.total_sessions == 16);
  std::uint64_t messages = 0;
  for (const Writer& writer : writers) {
    messages += writer.messages;
  }
  // Redis 7.0.15 counts a record twice if a kill cut its file inside of a MULTI (see RedisBackend),
  // which few of the 50 do.
  constexpr std::uint64_t few = 5;
  CHECK(metrics.total_checkpoints <= few);
  CHECK(metrics.total_messages >= messages);
  CHECK(metrics.total_messages <= messages + few);
}

TEST_CASE("a kill while threads are copied between buckets leaves each copy whole or none") {
  constexpr std::size_t count = 20;
  std::mt19937 random(5);
  for (int round = 0; round < 8; ++round) {
    RedisServer server({{"appendonly", "yes"}, {"appendfsync", "always"}});
    RedisRig rig(RedisOptions(server.uri(), "copies"));
    const std::string text(50'000, 'x');
    for (std::size_t i = 0; i < count; ++i) {
      const std::string id = "c-" + std::to_string(i);
      rig.loop.run(rig.backend.put_checkpoint("source", id, text));
      std::vector<ChannelWrite> writes(1, ChannelWrite("channel", text));
      rig.loop.run(rig.backend.put_writes("source", id, "task", writes));
    }
    int copied = 0;
    rig.loop.start(copy_on(&rig.backend, &copied));
    rig.loop.context().restart();
    for (int waits = 0; copied == 0 && waits < 600; ++waits) {
      rig.loop.context().run_for(std::chrono::milliseconds(100));
    }
    REQUIRE(copied > 0);
    rig.loop.context().run_for(std::chrono::milliseconds(random() % 80));
    server.kill();
    rig.loop.finish();
    server.start();
    const auto threads = rig.loop.run(rig.backend.list_threads("copy-", Page(1'000))).thread_ids;
    std::size_t checkpoints = count;
    for (int i = 0; i <= copied; ++i) {
      const std::string target = "copy-" + std::to_string(i);
      INFO("round " << round << " " << target << " of " << copied);
      const std::size_t found =
          rig.loop.run(rig.backend.list_checkpoints(target, count + 1)).size();
      const bool is_listed = std::find(threads.begin(), threads.end(), target) != threads.end();
      CHECK((found == count || (found == 0 && i == copied))); // the last one was under way
      CHECK(is_listed == (found != 0));
      checkpoints += found;
      for (std::size_t at = 0; at < count; ++at) {
        const auto writes = rig.loop.run(rig.backend.get_writes(target, "c-" + std::to_string(at)));
        CHECK(writes.size() == found / count);
      }
    }
    CHECK(rig.loop.run(rig.backend.get_metrics()).total_checkpoints == checkpoints);
    CHECK(server.raw().list({"KEYS", "*}:copied:*"}).empty()); // what a copy was put together under
    CHECK(rig.works());
  }
}
