// SPDX-License-Identifier: Apache-2.0
// Backends that crash, each in a child process.
#include "support/catch.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/crash/child_process.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

#include <sstream>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

constexpr const char* child_variable = "AGENTSTORE_TEST_CRASH";

std::string how_to_crash;

/// Uses up any stack.
std::size_t never_ends(std::size_t depth) {
  const volatile std::size_t next = depth + 1;
  return next == 0 ? 0 : never_ends(next) + next;
}

class Crashes : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    if (how_to_crash == "abort") {
      std::abort();
    }
    if (how_to_crash == "overflow") {
      session_id += std::to_string(never_ends(0));
    }
    ::raise(SIGSEGV);
    co_return co_await ForwardingBackend::get_session(std::move(session_id));
  }
};

class CrashingHarness {
public:
  static constexpr std::string_view name = "crashing";

  Claims claims() const { return {}; }
  std::shared_ptr<Crashes> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<Crashes>(std::make_shared<MemoryBackend>());
  }
  void drop(const std::string&) {}
};

RuleResult run(Rule::Body body) {
  const Rule rule("TST-77", needs::anything, "a text", "a hint", body);
  return Suite(std::make_shared<HarnessAdapter<CrashingHarness>>(), std::vector<Rule>(1, rule))
      .run(0);
}

/// The handler that was there before.
extern "C" void say_chained(int) {
  const ssize_t written = ::write(STDERR_FILENO, "chained", 7);
  static_cast<void>(written);
  ::_exit(3);
}

/// What a child that crashes in this way wrote, and how it ended.
std::string crashed(const std::string& how) {
  ChildProcess child(std::vector<std::string>(1, "crash child"), child_variable, how);
  std::string text;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (child.read(text, std::chrono::milliseconds(20)) != ChildProcess::ReadResult::end &&
         std::chrono::steady_clock::now() < end) {
  }
  return text + "; " + child.kill();
}

} // namespace

TEST_CASE("crash child", "[.][child]") {
  const char* const setting = std::getenv(child_variable);
  REQUIRE(setting != nullptr);
  int descriptor = -1;
  std::istringstream(setting) >> how_to_crash >> descriptor;
  REQUIRE(::dup2(descriptor, STDERR_FILENO) == STDERR_FILENO);
  for (const int signal : {SIGSEGV, SIGABRT}) { // not Catch2's, which would report
    REQUIRE(std::signal(signal, how_to_crash == "chained" ? &say_chained : SIG_DFL) != SIG_ERR);
  }
  run([](RuleContext& ctx) { ctx.open().get_session("s"); });
}

TEST_CASE("a crash says in which rule and call it came, and ends as it would have") {
  for (const std::string how : {"abort", "segv", "overflow", "chained"}) {
#if defined(__SANITIZE_THREAD__)
    if (how == "overflow") {
      continue; // ThreadSanitizer keeps a stack of calls itself, which overflows before
    }
#endif
    const std::string came = crashed(how);
    INFO(how << ": " << came);
    CHECK(came.find("agentstore kit: crashed in TST-77 (AGENTSTORE_SEED=") != std::string::npos);
    CHECK(came.find("the call begun last: get_session(\"s\")\n") != std::string::npos);
    CHECK(came.find("exit code 0") == std::string::npos);
    if (how == "chained") {
      CHECK(came.find("chained; it ended with exit code 3") != std::string::npos);
    } else {
      CHECK(came.find(how == "abort" ? "by signal 6" : "by signal 11") != std::string::npos);
    }
  }
}

TEST_CASE("after a rule the signals are handled as before") {
  struct ::sigaction before = {};
  struct ::sigaction after = {};
  REQUIRE(::sigaction(SIGSEGV, nullptr, &before) == 0);
  CHECK(run([](RuleContext& ctx) { ctx.open(); }).verdict == Verdict::held);
  REQUIRE(::sigaction(SIGSEGV, nullptr, &after) == 0);
  CHECK(after.sa_handler == before.sa_handler);
  CHECK(after.sa_flags == before.sa_flags);
}
