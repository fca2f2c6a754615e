// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/authoring/offload.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/rules/cancellation.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/slow.hpp>
#include <agentstore/testing/yielding.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>

namespace agentstore::conformance {
namespace {

namespace asio = boost::asio;

/// Stores in memory, with what `make` puts around them.
template <class Space, class Handled>
class LayerHarness {
public:
  static constexpr std::string_view name = "layer";
  using Make = std::shared_ptr<Handled> (*)(const std::shared_ptr<Space>&);

  LayerHarness() = default;
  explicit LayerHarness(Make make) : make_(make) {}

  Claims claims() const { return Claims().shared_handles(); }
  std::chrono::milliseconds deadline() const { return std::chrono::seconds(1); }
  std::shared_ptr<Handled> open(asio::any_io_executor, const std::string& space) {
    std::shared_ptr<Space>& data = spaces_[space];
    if (!data) {
      data = std::make_shared<Space>();
    }
    return make_(data);
  }
  void drop(const std::string& space) { spaces_.erase(space); }

private:
  Make make_ = nullptr;
  std::map<std::string, std::shared_ptr<Space>> spaces_;
};

RuleResult judge(std::shared_ptr<AnyHarness> harness, const std::string& id) {
  for (const Rule& rule : cancellation_rules()) {
    if (rule.id == id) {
      return Suite(std::move(harness), std::vector<Rule>(1, rule)).run(0);
    }
  }
  throw std::logic_error("no rule " + id);
}

using Memory = std::shared_ptr<MemoryBackend>;
using BackendHarness = LayerHarness<MemorySpace, ForwardingBackend>;

template <class Layer>
RuleResult judge_backend(const std::string& id) {
  BackendHarness harness([](const std::shared_ptr<MemorySpace>& space) {
    auto memory = std::make_shared<MemoryBackend>(space);
    return std::make_shared<ForwardingBackend>(std::make_shared<Layer>(std::move(memory)));
  });
  return judge(std::make_shared<HarnessAdapter<BackendHarness>>(std::move(harness)), id);
}

void expect_held(const RuleResult& result) {
  INFO(result.id << " " << to_string(result.verdict) << " " << result.reason << "\n"
                 << result.details);
  CHECK(result.verdict == Verdict::held);
}

void expect_broken(const RuleResult& result, const std::string& evidence) {
  INFO(result.id << " " << to_string(result.verdict) << " " << result.reason);
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason.find(evidence) != std::string::npos);
}

class Hopping : public YieldingBackend {
public:
  explicit Hopping(Memory memory) : YieldingBackend(std::move(memory), 3, 2) {}
};

class Slow : public SlowBackend {
public:
  explicit Slow(Memory memory) : SlowBackend(std::move(memory), std::chrono::milliseconds(1)) {}
};

/// Looks at the session on a thread of its own before each append and store of a context.
class Threaded : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  ~Threaded() override { pool_.join(); }

  awaitable<bool> add_conversation_message(std::string id, std::string role, std::string content,
                                           Document metadata) override {
    return behind(ForwardingBackend::add_conversation_message(
        std::move(id), std::move(role), std::move(content), std::move(metadata)));
  }
  awaitable<bool> store_task_context(std::string id, Document context) override {
    return behind(ForwardingBackend::store_task_context(std::move(id), std::move(context)));
  }

private:
  awaitable<bool> behind(awaitable<bool> call) {
    auto work = offload(asio::any_io_executor(pool_.get_executor()),
                        [] { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
    co_await std::move(work);
    co_return co_await std::move(call);
  }

  asio::thread_pool pool_{1};
};

awaitable<void> hop() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

/// CAN-01: waits for what the cancellation has stopped.
class WaitsForEver : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<std::optional<Document>> get_task_context(std::string id) override {
    return after_work(ForwardingBackend::get_task_context(std::move(id)));
  }

private:
  static awaitable<std::optional<Document>> after_work(awaitable<std::optional<Document>> call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await hop();
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      asio::steady_timer never(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      co_await never.async_wait(asio::use_awaitable);
    }
    co_return co_await std::move(call);
  }
};

/// CAN-02: an await between two changes.
class InTwoParts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<bool> update_session(std::string id, SessionUpdate update) override {
    SessionUpdate first;
    first.increment_requests(update.counts_request());
    SessionUpdate rest = std::move(update);
    rest.increment_requests(false);
    auto begin = ForwardingBackend::update_session(id, std::move(first));
    const bool there = co_await std::move(begin);
    co_await hop();
    auto end = ForwardingBackend::update_session(id, std::move(rest));
    co_return co_await std::move(end) && there;
  }
};

/// CAN-02: goes on in the background when it is cancelled.
class GoesOn : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<bool> put_checkpoint(std::string thread, std::string id, Document data,
                                 Document metadata) override {
    auto call = ForwardingBackend::put_checkpoint(std::move(thread), std::move(id), std::move(data),
                                                  std::move(metadata));
    const auto executor = co_await asio::this_coro::executor;
    const auto done =
        std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    asio::co_spawn(executor, in_background(std::move(call), done), asio::detached);
    try {
      co_await done->async_wait(asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      // Woken, by the end of the work or by a cancellation.
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw StorageError(errc::unavailable, "put_checkpoint", "", "cancelled");
    }
    co_return true;
  }

private:
  static awaitable<void> in_background(awaitable<bool> call,
                                       std::shared_ptr<asio::steady_timer> done) {
    for (int i = 0; i < 5; ++i) {
      co_await hop();
    }
    static_cast<void>(co_await std::move(call));
    done->cancel();
  }
};

/// CAN-02: true, although it has done nothing.
class SaysTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<bool> end_session(std::string id, std::string status) override {
    auto call = ForwardingBackend::end_session(std::move(id), std::move(status));
    try {
      co_await hop();
      co_return co_await std::move(call);
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted) {
        throw;
      }
    }
    co_return true;
  }
};

/// CAN-03: does not give back what it has taken.
class KeepsItsTurn : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<bool> add_conversation_message(std::string id, std::string role, std::string content,
                                           Document metadata) override {
    while (taken_) {
      co_await hop();
    }
    taken_ = true;
    co_await hop();
    auto call = ForwardingBackend::add_conversation_message(
        std::move(id), std::move(role), std::move(content), std::move(metadata));
    const bool there = co_await std::move(call);
    taken_ = false;
    co_return there;
  }

private:
  std::atomic<bool> taken_ = false;
};

/// Waits twice and counts.
awaitable<bool> wait_twice(std::shared_ptr<int> waited) {
  for (int i = 0; i < 2; ++i) {
    co_await hop();
    ++*waited;
  }
  co_return true;
}

bool is_aborted(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& aborted) {
    return aborted.code() == asio::error::operation_aborted;
  }
}

/// How often a call waited that was cancelled after so many steps.
int waits_of_cancelled(int steps) {
  Deadline deadline(std::chrono::seconds(1));
  Transcript transcript;
  Driver driver(deadline, transcript);
  const auto cancellation = std::make_shared<Cancellation>();
  const auto waited = std::make_shared<int>(0);
  const auto call = driver.start("wait_twice", wait_twice(waited), cancellation);
  for (int i = 0; i < steps; ++i) {
    REQUIRE(driver.step());
  }
  cancellation->request();
  driver.settle(call);
  CHECK(is_aborted(call.state->error));
  CHECK(driver.finish(driver.start("another", wait_twice(std::make_shared<int>(0)))));
  return *waited;
}

const std::vector<std::string> ids = {"CAN-01", "CAN-02", "CAN-03"};

TEST_CASE("a call that is cancelled before it begins does nothing, and others go on") {
  CHECK(waits_of_cancelled(0) == 0);
}

TEST_CASE("a call that has begun is cancelled at the wait it is at, not at the next") {
  CHECK(waits_of_cancelled(1) == 1);
}

TEST_CASE("stores that bear cancellation hold the rules") {
  for (const std::string& id : ids) {
    expect_held(judge_backend<ForwardingBackend>(id));
    expect_held(judge_backend<Hopping>(id));
    expect_held(judge_backend<Slow>(id));
    expect_held(judge_backend<Threaded>(id));
  }
}

TEST_CASE("archives that bear cancellation hold the rules") {
  using Harness = LayerHarness<MemoryArchiveSpace, YieldingArchive>;
  for (const std::string& id : ids) {
    Harness harness([](const std::shared_ptr<MemoryArchiveSpace>& space) {
      auto memory = std::make_shared<MemoryArchive>(space);
      return std::make_shared<YieldingArchive>(std::move(memory), 1, 1);
    });
    expect_held(judge(std::make_shared<HarnessAdapter<Harness>>(std::move(harness)), id));
  }
}

TEST_CASE("a cancelled call that does not end breaks CAN-01") {
  expect_broken(judge_backend<WaitsForEver>("CAN-01"), "get_task_context");
}

TEST_CASE("a cancelled write that is done in part, late, or only said breaks CAN-02") {
  expect_broken(judge_backend<InTwoParts>("CAN-02"),
                "all of each update_session, or nothing of it");
  expect_broken(judge_backend<GoesOn>("CAN-02"),
                "a while later, what was found at the end of put_checkpoint");
  expect_broken(judge_backend<SaysTrue>("CAN-02"), "which was true all the same");
}

TEST_CASE("a store that is stuck after a cancellation breaks CAN-03") {
  expect_broken(judge_backend<KeepsItsTurn>("CAN-03"), "add_conversation_message");
}

} // namespace
} // namespace agentstore::conformance
