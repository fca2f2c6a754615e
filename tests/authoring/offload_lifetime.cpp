// SPDX-License-Identifier: Apache-2.0

// Contexts that end while or just after a call is awaited on them, in whatever order; deadlines;
// and the child of a fork. The sanitizers see what the checks do not.

#include "support/catch.hpp"
#include "support/faults/forked_child.hpp"
#include "support/loop.hpp"

#include <agentstore/authoring/offloaded_backend.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/detail/memory/space.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <thread>

namespace asio = boost::asio;
using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

using Memory = detail::memory::Space;

/// A store in memory whose reads of a session take as long as a gate is shut.
class Gated : public Memory {
public:
  explicit Gated(std::shared_future<void> gate) : Memory(MemoryOptions()), gate_(std::move(gate)) {}

  std::optional<Session> get_session(const std::string& session_id) {
    gate_.wait();
    return Memory::get_session(session_id);
  }

private:
  std::shared_future<void> gate_;
};

class GatedBackend final : public OffloadedBackend<Gated> {
public:
  explicit GatedBackend(std::shared_future<void> gate)
      : OffloadedBackend("gated", [gate] { return std::make_shared<Gated>(gate); }) {}
};

/// The executor of a context. What another thread gives it is queued, but that thread does not come
/// back before the gate is open.
class Holding {
public:
  /// The gate must outlive the executor and its copies.
  Holding(asio::any_io_executor inner, const std::future<void>& gate)
      : inner_(std::move(inner)), gate_(&gate) {}

  template <class Body>
  void execute(Body&& body) const {
    inner_.execute(std::forward<Body>(body));
    if (std::this_thread::get_id() != home_) {
      gate_->wait();
    }
  }
  asio::execution_context& query(asio::execution::context_t context) const noexcept {
    return asio::query(inner_, context);
  }
  Holding require(asio::execution::blocking_t::never_t never) const { return with(never); }
  Holding require(asio::execution::outstanding_work_t::tracked_t tracked) const {
    return with(tracked);
  }
  Holding require(asio::execution::outstanding_work_t::untracked_t untracked) const {
    return with(untracked);
  }
  friend bool operator==(const Holding& a, const Holding& b) noexcept {
    return a.inner_ == b.inner_;
  }

private:
  template <class Property>
  Holding with(Property property) const {
    Holding result(*this);
    result.inner_ = asio::prefer(inner_, property);
    return result;
  }

  asio::any_io_executor inner_;
  const std::future<void>* gate_;
  std::thread::id home_ = std::this_thread::get_id();
};

std::shared_future<void> open_gate() {
  std::promise<void> gate;
  gate.set_value();
  return gate.get_future().share();
}

} // namespace

TEST_CASE("A context may be destroyed as soon as a call awaited on it has ended", "[lifetime]") {
  asio::thread_pool workers(2);
  for (int round = 0; round < 1'000; ++round) {
    asio::thread_pool callers(1);
    auto work = [round] { return round; };
    auto future = asio::co_spawn(callers, offload(workers.get_executor(), work), asio::use_future);
    CHECK(future.get() == round);
  }
}

TEST_CASE("A context that the end of a call stops may be restarted at once", "[lifetime]") {
  asio::io_context context;
  asio::thread_pool workers(1);
  std::promise<void> opened;
  const std::future<void> gate = opened.get_future();
  auto work = [] { return 1; };
  asio::co_spawn(asio::any_io_executor(Holding(context.get_executor(), gate)),
                 offload(workers.get_executor(), work),
                 [&context](std::exception_ptr, int) { context.stop(); });
  context.run();
  context.restart();
  opened.set_value();
  workers.join();
  CHECK_FALSE(context.stopped());
}

TEST_CASE("A context may be destroyed while work runs, which it waits for", "[lifetime]") {
  asio::thread_pool workers(1);
  asio::thread_pool busy(1);
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> begun = false;
    std::atomic<bool> ended = false;
    std::atomic<int> later = 0;
    std::promise<void> gone;
    asio::post(busy, [gate = gone.get_future().share()] { gate.wait(); });
    {
      Loop loop;
      auto work = [&] {
        begun = true;
        std::this_thread::sleep_for(5ms);
        ended = true;
        return 1;
      };
      auto behind = [&] { return ++later; };
      static_cast<void>(loop.start(offload(workers.get_executor(), work)));
      static_cast<void>(loop.start(offload(busy.get_executor(), behind)));
      loop.poll();
      while (!begun) {
        std::this_thread::yield();
      }
      loop.context().stop();
    }
    CHECK(ended);
    gone.set_value();
    std::promise<void> done;
    asio::post(busy, [&done] { done.set_value(); });
    done.get_future().wait();
    CHECK(later == 0); // what had not begun never does
  }
}

TEST_CASE("A context may be destroyed after the backend, with calls under way", "[lifetime]") {
  for (int round = 0; round < 50; ++round) {
    std::promise<void> gate;
    std::thread opener;
    {
      Loop loop;
      GatedBackend backend(gate.get_future().share());
      loop.run(backend.initialize());
      for (int i = 0; i < 10; ++i) {
        static_cast<void>(loop.start(backend.get_session("s")));
      }
      loop.poll();
      opener = std::thread([&gate, round] {
        std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
        gate.set_value();
      });
      loop.context().stop();
    }
    opener.join();
  }
}

TEST_CASE("A pool on which calls of a backend were awaited may be destroyed before it",
          "[lifetime]") {
  GatedBackend backend(open_gate());
  {
    Loop loop;
    loop.run(backend.initialize());
  }
  for (int round = 0; round < 500; ++round) {
    asio::thread_pool callers(2);
    auto first = asio::co_spawn(callers, backend.get_session("s"), asio::use_future);
    auto second = asio::co_spawn(callers, backend.get_session("t"), asio::use_future);
    CHECK_FALSE(first.get());
    CHECK_FALSE(second.get());
  }
}

TEST_CASE("Work that waits for a thread when its deadline comes ends at once, and never begins",
          "[lifetime]") {
  using namespace asio::experimental::awaitable_operators;
  std::promise<void> gate;
  asio::thread_pool workers(1);
  asio::post(workers, [opened = gate.get_future().share()] { opened.wait(); });
  std::atomic<int> begun = 0;
  Loop loop;
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  auto with_deadline = [&]() -> awaitable<bool> {
    asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
    auto work = [&begun] { return ++begun; };
    auto either = offload(workers.get_executor(), work) || timer.async_wait(asio::use_awaitable);
    const auto ended = co_await std::move(either);
    co_return ended.index() == 1;
  };
  for (int i = 0; i < 64; ++i) {
    endings.push_back(loop.start(with_deadline()));
  }
  loop.finish(20s);
  for (const auto& ending : endings) {
    CHECK(ending->value == true);
  }
  gate.set_value();
  workers.join();
  CHECK(begun == 0);
}

TEST_CASE("In the child of a fork, calls on the parent's threads are refused", "[lifetime]") {
  asio::thread_pool workers(1);
  Loop loop;
  auto two = [] { return 2; };
  REQUIRE(loop.run(offload(workers.get_executor(), two)) == 2);
  auto backend = std::make_unique<GatedBackend>(open_gate());
  REQUIRE(loop.run(backend->initialize()));
  REQUIRE_FALSE(loop.run(backend->get_session("s")));

  const std::string said = said_by_child([&] {
    Loop here;
    std::string all = error_of(here, offload(workers.get_executor(), two)).value().what();
    for (const auto& error :
         {error_of(here, backend->get_session("s")), error_of(here, backend->initialize()),
          error_of(here, backend->close())}) {
      all += std::string("; ") + error.value().what();
    }
    all += "; " + here.run(backend->health_check()).issues.at(0);
    backend.reset(); // does not wait for the parent's threads
    return all;
  });
  CAPTURE(said);
  CHECK(said.find("get_session \"s\": the backend was made before a fork") != std::string::npos);
  CHECK(said.find("initialize: the backend was made before a fork") != std::string::npos);
  CHECK(said.find("close: the backend was made before a fork") != std::string::npos);
  CHECK(said.find("closed [agentstore") != std::string::npos);
  CHECK(said.find("signal") == std::string::npos);
  // The parent's works on.
  CHECK(loop.run(backend->create_session("s", "u")).session_id == "s");
  CHECK(loop.run(offload(workers.get_executor(), two)) == 2);
}
