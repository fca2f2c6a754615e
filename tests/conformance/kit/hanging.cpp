// SPDX-License-Identifier: Apache-2.0
// Stores that never answer. All rules together must come to an end soon, and to a verdict.
#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/forwarding_backend.hpp>
#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <future>
#include <thread>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

/// Waits for good, without blocking the thread, and does not listen to a cancellation.
class WaitsForGood : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override { return wait(); }

  static awaitable<void> wait() {
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, std::chrono::hours(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
};

/// Blocks the thread for longer than this test takes.
class BlocksForGood : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override { return wait(); }

  static awaitable<void> wait() {
    std::this_thread::sleep_for(std::chrono::minutes(3));
    co_return;
  }
};

/// The same, once the store is open.
template <class Hangs>
class HangsOnceOpen : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    return operation == "initialize" ? Interceptor::before(operation, std::move(key))
                                     : Hangs::wait();
  }
};

/// Hangs in `close` alone.
template <class Hangs>
class HangsInClose : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    return operation != "close" ? Interceptor::before(operation, std::move(key)) : Hangs::wait();
  }
};

/// Answers well, and then cannot be destroyed.
class StaysForGood : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  StaysForGood(const StaysForGood&) = delete;
  StaysForGood& operator=(const StaysForGood&) = delete;
  ~StaysForGood() override { std::this_thread::sleep_for(std::chrono::minutes(3)); }
};

/// Blocks before there is anything to await.
class BlocksWhereCalled : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  awaitable<bool> initialize() override {
    std::this_thread::sleep_for(std::chrono::minutes(3));
    return ForwardingBackend::initialize();
  }
};

template <class Backend>
class WrappingHarness {
public:
  static constexpr std::string_view name = "wrapping";

  Claims claims() const { return {}; }
  std::shared_ptr<Backend> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<Backend>(std::make_shared<MemoryBackend>());
  }
  void drop(const std::string&) {}
};

/// Opens well, and hangs from then on.
template <class Hangs>
class HangingHarness {
public:
  static constexpr std::string_view name = "hanging";

  Claims claims() const { return Claims().shared_handles().durable(); }
  std::shared_ptr<InterceptingBackend> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<InterceptingBackend>(std::make_shared<MemoryBackend>(),
                                                 std::make_shared<Hangs>());
  }
  void drop(const std::string&) {}
  void set_clock(Timestamp) {}
};

template <class Hangs>
class HangingArchiveHarness {
public:
  static constexpr std::string_view name = "hanging_archive";

  Claims claims() const { return {}; }
  std::shared_ptr<InterceptingArchive> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<InterceptingArchive>(std::make_shared<MemoryArchive>(),
                                                 std::make_shared<Hangs>());
  }
  void drop(const std::string&) {}
};

/// With less to wait for: one store is enough to try the default deadline.
template <class Harness>
class Impatient : public Harness {
public:
  std::chrono::milliseconds deadline() const { return std::chrono::milliseconds(300); }
};

/// A harness that itself never comes back.
class StuckHarness {
public:
  static constexpr std::string_view name = "stuck";

  Claims claims() const { return {}; }
  awaitable<std::shared_ptr<MemoryBackend>> open(boost::asio::any_io_executor, std::string) {
    co_await WaitsForGood::wait();
    co_return nullptr;
  }
  void drop(const std::string&) {}
};

/// The same, blocking the thread.
class BlockingHarness {
public:
  static constexpr std::string_view name = "blocking";

  Claims claims() const { return {}; }
  std::shared_ptr<MemoryBackend> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<MemoryBackend>();
  }
  void drop(const std::string&) { std::this_thread::sleep_for(std::chrono::minutes(3)); }
};

class Judged {
public:
  Report report;
  std::chrono::seconds took{0};
};

/// All rules on one harness, on a thread of its own: they do nothing but wait.
template <class Harness>
std::future<Judged> judging() {
  return std::async(std::launch::async, [] {
    const auto begin = std::chrono::steady_clock::now();
    Judged judged;
    judged.report = Suite(std::make_shared<HarnessAdapter<Harness>>(), all_rules()).run_all();
    judged.took =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
    return judged;
  });
}

Report report_in_time(std::future<Judged>& judging) {
  Judged judged = judging.get();
  INFO(judged.report.to_table());
  CHECK(judged.took.count() < 150); // the deadline of a call for each rule would be far more
  CHECK_FALSE(judged.report.conforms());
  CHECK(judged.report.count(Verdict::not_run) == 0);
  return std::move(judged.report);
}

} // namespace

TEST_CASE("stores that hang are judged soon") {
  using Waits = HangingHarness<WaitsForGood>;
  using Blocks = HangingHarness<BlocksForGood>;
  using WaitsOnceOpen = HangingHarness<HangsOnceOpen<WaitsForGood>>;
  using BlocksOnceOpen = HangingHarness<HangsOnceOpen<BlocksForGood>>;
  std::future<Judged> waits = judging<Waits>();
  std::future<Judged> impatiently = judging<Impatient<Waits>>();
  std::future<Judged> blocks = judging<Impatient<Blocks>>();
  std::future<Judged> waits_once_open = judging<Impatient<WaitsOnceOpen>>();
  std::future<Judged> blocks_once_open = judging<Impatient<BlocksOnceOpen>>();
  std::future<Judged> archive = judging<Impatient<HangingArchiveHarness<WaitsForGood>>>();
  std::future<Judged> harness = judging<Impatient<StuckHarness>>();
  std::future<Judged> drops = judging<Impatient<BlockingHarness>>();
  std::future<Judged> stays = judging<Impatient<WrappingHarness<StaysForGood>>>();
  std::future<Judged> where_called = judging<Impatient<WrappingHarness<BlocksWhereCalled>>>();
  std::future<Judged> closes = judging<Impatient<HangingHarness<HangsInClose<WaitsForGood>>>>();
  std::future<Judged> blocks_in_close =
      judging<Impatient<HangingHarness<HangsInClose<BlocksForGood>>>>();

  // Not one rule holds for a store that completes nothing, with the default deadline too.
  for (std::future<Judged>* nothing :
       {&impatiently, &blocks, &waits, &stays, &where_called, &closes, &blocks_in_close}) {
    const Report report = report_in_time(*nothing);
    CHECK(report.count(Verdict::broken) > 60);
    CHECK(report.count(Verdict::error) == 0);
    CHECK(report.count(Verdict::held) == 0);
  }
  for (std::future<Judged>* nothing_more : {&waits_once_open, &blocks_once_open}) {
    CHECK(report_in_time(*nothing_more).count(Verdict::broken) > 60);
  }
  CHECK(report_in_time(archive).count(Verdict::broken) > 10);
  for (std::future<Judged>* stuck : {&harness, &drops}) {
    const Report report = report_in_time(*stuck);
    INFO(report.to_table());
    CHECK(report.count(Verdict::broken) == 0);
    CHECK(report.count(Verdict::error) > 60);
  }
}
