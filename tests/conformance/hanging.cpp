// SPDX-License-Identifier: Apache-2.0
// Stores that never answer. All rules together must come to an end soon, and to a verdict.
#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/runner.hpp>
#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

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

/// With less to wait for: the default deadline is tried elsewhere here.
template <class Harness>
class Impatient : public Harness {
public:
  std::chrono::milliseconds deadline() const { return std::chrono::seconds(1); }
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

template <class Harness>
Report report_within_a_minute() {
  const auto begin = std::chrono::steady_clock::now();
  Report report =
      Suite(std::make_shared<HarnessAdapter<Harness>>(), compiled::all_rules()).run_all();
  const auto took =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  INFO(report.to_table());
  CHECK(took.count() < 60);
  CHECK_FALSE(report.conforms());
  CHECK(report.count(Verdict::not_run) == 0);
  return report;
}

} // namespace

TEST_CASE("a store that never completes a call is judged in under a minute") {
  const Report report = report_within_a_minute<HangingHarness<WaitsForGood>>();
  CHECK(report.count(Verdict::broken) > 60);
  CHECK(report.count(Verdict::error) == 0);
  CHECK(report.count(Verdict::held) == 0);
}

TEST_CASE("a store that blocks its thread is judged in under a minute") {
  const Report report = report_within_a_minute<HangingHarness<BlocksForGood>>();
  CHECK(report.count(Verdict::broken) > 60);
  CHECK(report.count(Verdict::error) == 0);
  CHECK(report.count(Verdict::held) == 0);
}

TEST_CASE("a store that opens and completes nothing more is judged in under a minute") {
  const Report report =
      report_within_a_minute<Impatient<HangingHarness<HangsOnceOpen<WaitsForGood>>>>();
  CHECK(report.count(Verdict::broken) > 60);
}

TEST_CASE("a store that opens and blocks from then on is judged in under a minute") {
  const Report report =
      report_within_a_minute<Impatient<HangingHarness<HangsOnceOpen<BlocksForGood>>>>();
  CHECK(report.count(Verdict::broken) > 60);
}

TEST_CASE("an archive that never completes a call is judged in under a minute") {
  const Report report = report_within_a_minute<Impatient<HangingArchiveHarness<WaitsForGood>>>();
  CHECK(report.count(Verdict::broken) > 10);
}

TEST_CASE("a harness that never opens is an ERROR in under a minute") {
  const Report report = report_within_a_minute<Impatient<StuckHarness>>();
  CHECK(report.count(Verdict::broken) == 0);
  CHECK(report.count(Verdict::error) > 60);
}
