// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <limits>
#include <map>
#include <new>
#include <system_error>
#include <thread>
#include <unistd.h>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

using SteadyClock = std::chrono::steady_clock;

/// A harness over memory; a test changes what it is to do.
class Scripted {
public:
  static constexpr std::string_view name = "scripted";

  Claims claims() const { return said; }
  std::chrono::milliseconds deadline() const { return std::chrono::milliseconds(300); }

  std::shared_ptr<ForwardingBackend> open(boost::asio::any_io_executor, const std::string& space) {
    if (on_open) {
      on_open();
    }
    std::shared_ptr<MemorySpace>& data = (*spaces)[space];
    if (!data) {
      data = std::make_shared<MemorySpace>();
    }
    return make(std::make_shared<MemoryBackend>(data));
  }

  void drop(const std::string& space) {
    if (on_drop) {
      on_drop();
    }
    spaces->erase(space);
  }

  Claims said;
  std::function<void()> on_open;
  std::function<void()> on_drop;
  std::function<std::shared_ptr<ForwardingBackend>(InnerBackend)> make = [](InnerBackend inner) {
    return std::make_shared<ForwardingBackend>(std::move(inner));
  };
  std::shared_ptr<std::map<std::string, std::shared_ptr<MemorySpace>>> spaces =
      std::make_shared<std::map<std::string, std::shared_ptr<MemorySpace>>>();
};

template <class Backend>
Scripted scripted() {
  Scripted harness;
  harness.make = [](InnerBackend inner) { return std::make_shared<Backend>(std::move(inner)); };
  return harness;
}

Rule rule(const char* id, Rule::Body body, Needs when = needs::anything) {
  return {id, when, "a text", "a hint", body};
}

Rule creates(const char* id = "TST-01") {
  return rule(id, [](RuleContext& ctx) {
    Client client = ctx.open();
    ctx.expect_same(client.create_session("s", "u").user_id, std::string("u"), "the user");
  });
}

RuleResult run(Scripted harness, Rule one) {
  Suite suite(std::make_shared<HarnessAdapter<Scripted>>(std::move(harness)),
              std::vector<Rule>(1, std::move(one)));
  return suite.run(0);
}

bool holds(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

class NeverEnds : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string, std::string, Document) override {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, std::chrono::hours(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return Session();
  }
};

class BlocksTheThread : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string, std::string, Document) override {
    // Left behind, and asleep until the program ends; long enough for each test here.
    std::this_thread::sleep_for(std::chrono::minutes(3));
    co_return Session();
  }
};

/// The same, where there is nothing to await yet.
class BlocksWhereCalled : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    std::this_thread::sleep_for(std::chrono::minutes(3));
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class ThrowsANumber : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string, std::string, Document) override {
    throw 42;
    co_return Session();
  }
};

class ThrowsAForeignError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string, std::string, Document) override {
    throw std::logic_error("the driver's own trouble");
    co_return Session();
  }
};

/// Gets from the machine what it has not.
template <int what>
class LacksSomething : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string, std::string, Document) override {
    switch (what) {
    case 0:
      throw std::bad_alloc();
    case 1:
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    case 2:
      throw boost::system::system_error(make_error_code(boost::system::errc::too_many_files_open));
    default:
      throw std::system_error(std::make_error_code(std::errc::invalid_argument));
    }
    co_return Session();
  }
};

/// Throws where it makes the awaitable, not where it is awaited.
class ThrowsAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string, Document) override {
    throw StorageError(errc::unavailable, "create_session", session_id, "no connection");
  }
};

class Lies : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string,
                                    Document metadata) override {
    return ForwardingBackend::create_session(std::move(session_id), "another", std::move(metadata));
  }
};

class BlocksWhenDestroyed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  BlocksWhenDestroyed(const BlocksWhenDestroyed&) = delete;
  BlocksWhenDestroyed& operator=(const BlocksWhenDestroyed&) = delete;
  ~BlocksWhenDestroyed() override { std::this_thread::sleep_for(std::chrono::minutes(3)); }
};

class NeverCloses : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<void> close() override {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, std::chrono::hours(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
};

} // namespace

TEST_CASE("a rule that returns is held, and its spaces are dropped") {
  Scripted harness;
  const auto spaces = harness.spaces;
  const RuleResult result =
      run(harness, rule("TST-01", [](RuleContext& ctx) {
            Client a = ctx.open();
            Client b = ctx.open_other();
            a.create_session("s");
            ctx.expect_same(b.get_session("s"), std::optional<Session>(), "s");
          }));
  CHECK(result.verdict == Verdict::held);
  CHECK(result.reason.empty());
  CHECK(result.id == "TST-01");
  CHECK(spaces->empty());
}

TEST_CASE("a broken rule says what was done, what was expected, and what came") {
  const RuleResult result = run(scripted<Lies>(), creates());
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason == "expected the user to be \"u\"; came \"another\"");
  CHECK(holds(result.details, "create_session(\"s\", \"u\", {})\n      -> Session("));
  CHECK(holds(result.details, "expected: the user to be \"u\""));
  CHECK(holds(result.details, "came:     \"another\""));
  CHECK(holds(result.details, "a hint"));
  CHECK(holds(result.details, "a text"));
}

TEST_CASE("a call that never completes is a broken rule, in bounded time") {
  const auto begin = SteadyClock::now();
  const RuleResult result = run(scripted<NeverEnds>(), creates());
  CHECK(SteadyClock::now() - begin < std::chrono::seconds(15));
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "an end of create_session(\"s\", \"u\", {})"));
  CHECK(holds(result.reason, "did not complete in time"));
  CHECK(holds(result.details, "hint:     post the completion"));
}

TEST_CASE("a call that blocks its thread is a broken rule, in bounded time") {
  for (const Scripted& harness : {scripted<BlocksTheThread>(), scripted<BlocksWhereCalled>()}) {
    const auto begin = SteadyClock::now();
    const RuleResult result = run(harness, creates());
    CHECK(SteadyClock::now() - begin < std::chrono::seconds(15));
    CHECK(result.verdict == Verdict::broken);
    CHECK(holds(result.reason, "an end of create_session(\"s\", \"u\", {})"));
    CHECK(holds(result.reason, "blocks the thread"));
    CHECK(holds(result.details, "hint:     hand what blocks to a thread of its own"));
  }
}

TEST_CASE("an exception of a foreign type is a broken rule, with its message") {
  RuleResult result = run(scripted<ThrowsAForeignError>(), creates());
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "not a StorageError: the driver's own trouble"));
  result = run(scripted<ThrowsANumber>(), creates());
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "not a std::exception"));
  CHECK(holds(result.reason, "create_session"));
}

TEST_CASE("an unwanted StorageError is a broken rule, wherever it was thrown") {
  const RuleResult result = run(scripted<ThrowsAtTheCall>(), creates());
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "StorageError: create_session \"s\": no connection"));
}

TEST_CASE("an error of another type than the wanted one is a broken rule") {
  const Rule wants = rule("TST-01", [](RuleContext& ctx) {
    Client client = ctx.open();
    ctx.expect_error(errc::already_exists, [&] { client.create_session("s"); });
  });
  RuleResult result = run(Scripted(), wants);
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "a StorageError with \"already exists\""));
  CHECK(holds(result.reason, "came no error"));
  result = run(scripted<ThrowsANumber>(), wants);
  CHECK(holds(result.reason, "not a std::exception"));
  result = run(scripted<ThrowsAtTheCall>(), wants);
  CHECK(holds(result.reason, "unavailable"));
  result = run(scripted<NeverEnds>(), wants);
  CHECK(holds(result.reason, "did not complete in time"));
}

TEST_CASE("a harness that fails is an ERROR, not a broken rule") {
  Scripted harness;
  harness.on_open = [] { throw std::runtime_error("no server"); };
  RuleResult result = run(harness, creates());
  CHECK(result.verdict == Verdict::error);
  CHECK(holds(result.reason, "open: "));
  CHECK(holds(result.reason, "no server"));

  Scripted with_drop;
  with_drop.on_drop = [] { throw std::runtime_error("no right to drop"); };
  result = run(with_drop, creates());
  CHECK(result.verdict == Verdict::error);
  CHECK(holds(result.reason, "no right to drop"));

  // What the rule found goes before what dropping says.
  Scripted lying = scripted<Lies>();
  lying.on_drop = with_drop.on_drop;
  CHECK(run(lying, creates()).verdict == Verdict::broken);
}

TEST_CASE("a reason is one line, and has no outcome of a call that ended well") {
  const Rule refuses = rule("TST-01", [](RuleContext& ctx) {
    Client client = ctx.open();
    ctx.expect_error(errc::already_exists, [&] { client.create_session("s"); });
  });
  CHECK(run(Scripted(), refuses).reason ==
        "expected a StorageError with \"already exists\" from create_session(\"s\", \"user\", {}); "
        "came no error");
  const Rule raises = rule("TST-02", [](RuleContext& ctx) {
    ctx.open().create_session("s");
    throw std::runtime_error("one\n  two");
  });
  CHECK(
      run(Scripted(), raises).reason ==
      "expected an answer to create_session(\"s\", \"user\", {}); came an exception that is not a "
      "StorageError: one two");
}

TEST_CASE("what differs behind the end of a shortened text is shown") {
  const Rule long_ids = rule("TST-01", [](RuleContext& ctx) {
    const std::vector<std::string> came = {"key", std::string(1024, 'x')};
    std::vector<std::string> expected = came;
    expected.back().back() = 'y';
    ctx.expect_same(came, expected, "the ids");
  });
  const RuleResult ids = run(Scripted(), long_ids);
  CHECK(holds(ids.reason, "xxxxxxxxy\"; came "));
  CHECK(holds(ids.reason, "(1024 bytes)], from character "));
  CHECK(ids.reason.ends_with("xxxxxxxxx\""));

  const Rule deep_json = rule("TST-02", [](RuleContext& ctx) {
    json came = object("filler", letters(1000));
    came["n"] = 1;
    json expected = came;
    expected["n"] = 1.0;
    ctx.expect_same(came, expected, "the value");
  });
  const RuleResult value = run(Scripted(), deep_json);
  CHECK(holds(value.reason, "xxx\",\"n\":1.0}; came "));
  CHECK(value.reason.ends_with("xxx\",\"n\":1}"));
}

TEST_CASE("a close that hangs does not go unnoticed") {
  const auto begin = SteadyClock::now();
  const RuleResult result = run(scripted<NeverCloses>(), creates());
  CHECK(SteadyClock::now() - begin < std::chrono::seconds(15));
  CHECK(result.verdict == Verdict::broken);
  CHECK(holds(result.reason, "an end of close()"));
}

TEST_CASE("a destructor that blocks is a broken rule, in bounded time, wherever it runs") {
  const Rule lets_go = rule("TST-02", [](RuleContext& ctx) {
    Client client = ctx.open();
    ctx.close(client);
    ctx.expect_same(ctx.offers(Interfaces::sessions), true, "sessions");
  });
  for (const Rule& one : {creates(), lets_go}) {
    const auto begin = SteadyClock::now();
    const RuleResult result = run(scripted<BlocksWhenDestroyed>(), one);
    CHECK(SteadyClock::now() - begin < std::chrono::seconds(15));
    CHECK(result.verdict == Verdict::broken);
    CHECK(holds(result.reason, "expected an end of the destructor of a handle on \"k"));
    CHECK(holds(result.reason, "blocks the thread"));
  }
}

TEST_CASE("a harness that blocks is an ERROR, in bounded time") {
  const auto block = [] { std::this_thread::sleep_for(std::chrono::minutes(3)); };
  const auto begin = SteadyClock::now();
  Scripted opening;
  opening.on_open = block;
  RuleResult result = run(opening, creates());
  CHECK(result.verdict == Verdict::error);
  CHECK(holds(result.reason, "the harness' open(\"k"));
  CHECK(holds(result.reason, "blocks the thread"));
  Scripted dropping;
  dropping.on_drop = block;
  result = run(dropping, creates());
  CHECK(result.verdict == Verdict::error);
  CHECK(holds(result.reason, "the harness' drop(\"k"));
  CHECK(SteadyClock::now() - begin < std::chrono::seconds(15));
}

TEST_CASE("a known gap has to be one") {
  Scripted harness = scripted<Lies>();
  harness.said.known_gap("TST-01", "the user is another");
  RuleResult result = run(harness, creates());
  CHECK(result.verdict == Verdict::broken_known);
  CHECK(holds(result.reason, "the user is another (expected the user"));

  Scripted healed;
  healed.said.known_gap("TST-01", "the user is another");
  result = run(healed, creates());
  CHECK(result.verdict == Verdict::error);
  CHECK(holds(result.reason, "a known gap that holds"));
  CHECK(holds(result.reason, "the user is another"));

  CHECK(run(healed, creates("TST-02")).verdict == Verdict::held);
}

TEST_CASE("a known gap in a rule that there is not is an error of the report") {
  Scripted harness;
  harness.said.known_gap("TST-0l", "an l for a 1");
  Suite suite(std::make_shared<HarnessAdapter<Scripted>>(harness), {creates()}, RunOptions());
  const Report report = suite.run_all();
  CHECK_FALSE(report.conforms());
  REQUIRE(report.results.size() == 2);
  CHECK(report.results[0].verdict == Verdict::held);
  CHECK(report.results[1].id == "TST-0l");
  CHECK(report.results[1].verdict == Verdict::error);
  CHECK(holds(report.results[1].reason, "an l for a 1"));
}

TEST_CASE("a rule that is not due is NOT CLAIMED, and is not run") {
  const Rule archive =
      rule("TST-01", [](RuleContext&) { throw Violation("nothing", "a run"); }, needs::archive);
  RuleResult result = run(Scripted(), archive);
  CHECK(result.verdict == Verdict::not_claimed);
  CHECK(holds(result.reason, "does not have the interface"));

  const Needs shared = needs::anything.claim(&Claims::has_shared_handles, "shared_handles");
  const Rule handles = rule("TST-02", [](RuleContext& ctx) { ctx.open(); }, shared);
  result = run(Scripted(), handles);
  CHECK(result.verdict == Verdict::not_claimed);
  CHECK(holds(result.reason, "not claimed: shared_handles"));
  Scripted claiming;
  claiming.said.shared_handles();
  CHECK(run(claiming, handles).verdict == Verdict::held);
}

TEST_CASE("a rule whose hook is missing is UNTESTED") {
  RuleResult result = run(Scripted(), rule("TST-01", [](RuleContext& ctx) {
                            ctx.open();
                            ctx.set_clock(Timestamp());
                          }));
  CHECK(result.verdict == Verdict::untested);
  CHECK(holds(result.reason, "set_clock"));
  result = run(Scripted(), rule("TST-01", [](RuleContext& ctx) { ctx.inject(Fault()); }));
  CHECK(result.verdict == Verdict::untested);
  CHECK(holds(result.reason, "inject"));
}

TEST_CASE("the order is shuffled by the seed, and the verdicts are the same") {
  static std::vector<std::string> order;
  std::vector<Rule> rules;
  rules.push_back(rule("TST-00", [](RuleContext& ctx) {
    order.push_back("0");
    ctx.expect(false, "something", "nothing");
  }));
  rules.push_back(rule("TST-01", [](RuleContext&) { order.push_back("1"); }));
  rules.push_back(rule("TST-02", [](RuleContext&) { order.push_back("2"); }));
  rules.push_back(rule("TST-03", [](RuleContext&) { order.push_back("3"); }));
  rules.push_back(rule("TST-04", [](RuleContext&) {
    order.push_back("4");
    throw NotTestable("for want of anything");
  }));
  rules.push_back(rule("TST-05", [](RuleContext&) { order.push_back("5"); }, needs::archive));

  const auto run_all = [&rules](std::uint64_t seed) {
    order.clear();
    RunOptions options;
    options.seed = seed;
    return Suite(std::make_shared<HarnessAdapter<Scripted>>(), rules, options).run_all();
  };
  std::map<std::vector<std::string>, std::uint64_t> orders;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Report report = run_all(seed);
    CHECK(report.seed == seed);
    CHECK(order.size() == 5);
    orders[order] = seed;
    REQUIRE(report.results.size() == rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
      CHECK(report.results[i].id == rules[i].id); // in their places, whatever the order
    }
    CHECK(report.find("TST-00")->verdict == Verdict::broken);
    CHECK(report.find("TST-01")->verdict == Verdict::held);
    CHECK(report.find("TST-04")->verdict == Verdict::untested);
    CHECK(report.find("TST-05")->verdict == Verdict::not_claimed);
  }
  CHECK(orders.size() > 5);
  const std::vector<std::string> first = orders.begin()->first;
  run_all(orders.begin()->second);
  CHECK(order == first);
}

TEST_CASE("a rule is run once, and the report knows what was not run") {
  static int runs = 0;
  runs = 0;
  std::vector<Rule> rules;
  rules.push_back(rule("TST-00", [](RuleContext&) { ++runs; }));
  rules.push_back(rule("TST-01", [](RuleContext&) { ++runs; }));
  Suite suite(std::make_shared<HarnessAdapter<Scripted>>(), rules);
  CHECK(suite.run(0).verdict == Verdict::held);
  CHECK(suite.run(0).verdict == Verdict::held);
  CHECK(runs == 1);
  CHECK(suite.report().find("TST-01")->verdict == Verdict::not_run);
  CHECK_FALSE(suite.report().conforms());
  CHECK(suite.run_all().conforms());
  CHECK(runs == 2);
}

TEST_CASE("the seed of a rule is its own, and the same in each run") {
  static std::map<std::string, std::vector<std::uint64_t>> drawn;
  drawn.clear();
  std::vector<Rule> rules;
  rules.push_back(rule("TST-00", [](RuleContext& ctx) { drawn["0"].push_back(ctx.random()()); }));
  rules.push_back(rule("TST-01", [](RuleContext& ctx) { drawn["1"].push_back(ctx.random()()); }));
  RunOptions options;
  options.seed = 7;
  for (int run = 0; run < 2; ++run) {
    Suite(std::make_shared<HarnessAdapter<Scripted>>(), rules, options).run_all();
  }
  REQUIRE(drawn["0"].size() == 2);
  CHECK(drawn["0"][0] == drawn["0"][1]);
  CHECK(drawn["1"][0] == drawn["1"][1]);
  CHECK(drawn["0"][0] != drawn["1"][0]);
}

TEST_CASE("a seed that is not a number is refused") {
  const char* const was_set = std::getenv("AGENTSTORE_SEED");
  const std::string before = was_set == nullptr ? "" : was_set; // empty counts as not set
  for (const char* text : {"abc", "1x", "-1", " 1", "18446744073709551616"}) {
    REQUIRE(::setenv("AGENTSTORE_SEED", text, 1) == 0);
    INFO(text);
    CHECK_THROWS_AS(RunOptions(), std::invalid_argument);
  }
  REQUIRE(::setenv("AGENTSTORE_SEED", "18446744073709551615", 1) == 0);
  CHECK(RunOptions().seed == std::numeric_limits<std::uint64_t>::max());
  REQUIRE(::setenv("AGENTSTORE_SEED", before.c_str(), 1) == 0);
}

TEST_CASE("no space is used twice") {
  static std::vector<std::string> spaces;
  spaces.clear();
  const Rule notes = rule("TST-01", [](RuleContext& ctx) { spaces.push_back(ctx.space()); });
  for (int i = 0; i < 20; ++i) {
    run(Scripted(), notes);
  }
  std::sort(spaces.begin(), spaces.end());
  CHECK(std::unique(spaces.begin(), spaces.end()) == spaces.end());
  for (const std::string& space : spaces) {
    CHECK(space.size() < 38); // with "-b" still below 40 characters
    CHECK(space.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
  }
}

TEST_CASE("a failure on one of several threads breaks the rule") {
  const RuleResult result = run(Scripted(), rule("TST-01", [](RuleContext& ctx) {
                                  Client client = ctx.open();
                                  ctx.on_threads(client, 4, [&ctx](std::size_t index, Client mine) {
                                    mine.create_session("s" + std::to_string(index));
                                    ctx.expect(index != 2, "no third thread", "one");
                                  });
                                }));
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason == "expected no third thread; came one");
}

TEST_CASE("threads begin each round together, and do not wait for one that has failed") {
  static constexpr std::size_t threads = 4;
  static constexpr std::size_t rounds = 30;
  static std::array<std::atomic<std::size_t>, rounds> ended;
  static std::atomic<bool> is_early;
  for (std::atomic<std::size_t>& count : ended) {
    count = 0;
  }
  is_early = false;
  RuleResult result =
      run(Scripted(), rule("TST-01", [](RuleContext& ctx) {
            Client client = ctx.open();
            ctx.in_rounds(client, threads, rounds, [](std::size_t round, std::size_t, Client) {
              is_early = is_early || (round != 0 && ended[round - 1] != threads);
              ++ended[round];
            });
          }));
  CHECK(result.verdict == Verdict::held);
  CHECK_FALSE(is_early);
  CHECK(ended.back() == threads);

  result = run(Scripted(), rule("TST-02", [](RuleContext& ctx) {
                 Client client = ctx.open();
                 ctx.in_rounds(client, threads, rounds,
                               [&ctx](std::size_t round, std::size_t index, Client) {
                                 ctx.expect(round != 7 || index != 2, "no eighth round", "one");
                                 ++ended[round];
                               });
               }));
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason == "expected no eighth round; came one");
  CHECK(ended[6] == threads + threads);
  CHECK(ended.back() == threads + threads - 1);
}

TEST_CASE("a thread that works is told from one that waits") {
  CallingThreads threads;
  CHECK_FALSE(threads.is_any_running());
  std::promise<void> begun;
  std::promise<void> end;
  std::thread waiting([&] {
    const CallingThreads::Member member(threads);
    begun.set_value();
    end.get_future().wait();
  });
  begun.get_future().wait();
  while (threads.is_any_running()) { // it is on its way to its wait
    std::this_thread::yield();
  }
  {
    const CallingThreads::Member member(threads);
    CHECK(threads.is_any_running());
  }
  CHECK_FALSE(threads.is_any_running());
  end.set_value();
  waiting.join();
}

namespace {

/// Ends after two handlers of others, for each of which the thread stands still as if it got no
/// processor.
awaitable<bool> kept_from_running() {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (int i = 0; i < 2; ++i) {
    boost::asio::post(executor, [] { std::this_thread::sleep_for(std::chrono::milliseconds(80)); });
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
  co_return true;
}

} // namespace

TEST_CASE("the time for which a thread is not let run is not a call's") {
  Deadline deadline(std::chrono::milliseconds(50));
  Transcript transcript;
  Driver driver(deadline, transcript);
  CHECK(driver.finish(driver.start("kept_from_running", kept_from_running())));
}

TEST_CASE("what the machine lacks is an error, and not the backend's fault") {
  const auto verdict_of = [](Scripted harness) {
    const RuleResult result = run(std::move(harness), creates());
    INFO(result.reason);
    CHECK(!result.reason.empty());
    return result.verdict;
  };
  CHECK(verdict_of(scripted<LacksSomething<0>>()) == Verdict::error);
  CHECK(verdict_of(scripted<LacksSomething<1>>()) == Verdict::error);
  CHECK(verdict_of(scripted<LacksSomething<2>>()) == Verdict::error);
  CHECK(verdict_of(scripted<LacksSomething<3>>()) == Verdict::broken);
}

TEST_CASE("the transcript of a broken rule can be had in full") {
  const std::string name = "/tmp/agentstore-transcript-" + std::to_string(::getpid());
  ::setenv("AGENTSTORE_TRANSCRIPT", name.c_str(), 1);
  const RuleResult result = run(Scripted(), rule("TST-01", [](RuleContext& ctx) {
                                  Client client = ctx.open();
                                  for (std::size_t i = 1; i <= 2 * Transcript::most_kept; ++i) {
                                    client.create_session("session " + std::to_string(i));
                                  }
                                  throw Violation("this", "that");
                                }));
  ::unsetenv("AGENTSTORE_TRANSCRIPT");
  CHECK(result.verdict == Verdict::broken);
  CHECK_FALSE(holds(result.details, "\"session 1\""));
  std::ifstream file(name);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::remove(name.c_str());
  CHECK(holds(text, "TST-01: a text"));
  CHECK(holds(text, "create_session(\"session 1\""));
  CHECK(holds(text, "create_session(\"session 24\""));
  CHECK(holds(text, "expected: this"));
}
