// SPDX-License-Identifier: Apache-2.0
// Cancelled calls. A request that was not sent does not happen. A read ends at once. A write that
// was sent is waited for.

#include "support/faults/redis_proxy.hpp"
#include "support/servers/redis_rig.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace {

using namespace agentstore;
using namespace agentstore::test;

/// A call that can be cancelled.
template <class T>
class Cancellable {
public:
  Cancellable(Loop& loop, awaitable<T> call) {
    boost::asio::co_spawn(loop.context(), std::move(call),
                          boost::asio::bind_cancellation_slot(
                              signal_.slot(), [this](const std::exception_ptr& error, T value) {
                                ended = true;
                                if (!error) {
                                  result = std::move(value);
                                  return;
                                }
                                try {
                                  std::rethrow_exception(error);
                                } catch (const boost::system::system_error& system_error) {
                                  was_cancelled =
                                      system_error.code() == boost::asio::error::operation_aborted;
                                } catch (...) {
                                }
                              }));
  }

  void cancel() { signal_.emit(boost::asio::cancellation_type::terminal); }

  bool ended = false;
  bool was_cancelled = false;
  std::optional<T> result;

private:
  boost::asio::cancellation_signal signal_;
};

void run_for(Loop& loop, std::chrono::milliseconds time) {
  loop.context().restart();
  loop.context().run_for(time);
}

} // namespace

TEST_CASE("a read that is cancelled ends at once, and its neighbours go on") {
  RedisServer server;
  RedisRig rig(RedisOptions(server.uri(), "cancel"));
  rig.loop.run(rig.backend.put_checkpoint("t", "c", 1));
  server.freeze();
  Cancellable<std::optional<Checkpoint>> read(rig.loop, rig.backend.get_checkpoint("t"));
  const auto neighbour = rig.loop.start(rig.backend.get_checkpoint("t"));
  run_for(rig.loop, std::chrono::milliseconds(50));
  CHECK(!read.ended);
  read.cancel();
  run_for(rig.loop, std::chrono::milliseconds(20));
  CHECK(read.was_cancelled);
  CHECK(!neighbour->ended);
  server.wake();
  rig.loop.finish();
  CHECK(neighbour->has_value());
  CHECK(rig.works());
}

TEST_CASE("a write that was sent and is cancelled is waited for") {
  RedisServer server;
  RedisRig rig(RedisOptions(server.uri(), "cancel"));
  server.freeze();
  Cancellable<bool> put(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
  run_for(rig.loop, std::chrono::milliseconds(50));
  put.cancel();
  run_for(rig.loop, std::chrono::milliseconds(200));
  CHECK(!put.ended);
  server.wake();
  rig.loop.finish();
  CHECK(put.result == true);
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t")));
}

TEST_CASE("a write that was sent, is cancelled and never answered ends after a second") {
  RedisServer server;
  RedisRig rig(RedisOptions(server.uri(), "cancel"));
  server.freeze();
  Cancellable<bool> put(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
  const auto neighbour = rig.loop.start(rig.backend.put_checkpoint("t-2", "c", 1));
  run_for(rig.loop, std::chrono::milliseconds(50));
  put.cancel();
  const Stopwatch stopwatch;
  run_for(rig.loop, std::chrono::milliseconds(1'500));
  CHECK(put.was_cancelled);
  CHECK(!neighbour->ended);
  server.wake();
  rig.loop.finish();
  CHECK(neighbour->has_value());
  CHECK(rig.works());
}

TEST_CASE("what was not sent when it is cancelled does not happen") {
  RedisServer server;
  RedisProxy proxy(server.socket());
  RedisRig rig(RedisOptions(proxy.uri(), "cancel"));
  for (int i = 0; i < 200; ++i) {
    const std::string id = "c-" + std::to_string(i);
    Cancellable<bool> put(rig.loop, rig.backend.put_checkpoint("t", id, i));
    rig.loop.context().restart();
    for (int steps = 0; steps < i % 10; ++steps) {
      rig.loop.context().poll_one();
    }
    put.cancel();
    rig.loop.finish();
    REQUIRE(put.ended);
    const bool is_there = rig.loop.run(rig.backend.get_checkpoint("t", id)).has_value();
    CHECK(is_there == put.result.has_value());
  }
}
