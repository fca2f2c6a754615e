// SPDX-License-Identifier: Apache-2.0
// The page about rules and mutants in conformance/mutation/mutant.hpp, as it stands there:
// own_rule.cmake compares the two.
#include "support/catch.hpp"

#include <agentstore/conformance/mutation/mutant.hpp>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

// clang-format off: the lines of the page end earlier
void check_ends_once(RuleContext& ctx) {
  Client client = ctx.open(); // on a new, empty store
  client.create_session("s");
  ctx.expect_same(client.end_session("s"), true, "the first end");
  ctx.expect_same(client.end_session("s"), false, "the second end");
  ctx.expect_error(errc::invalid_argument, [&] { client.end_session(""); });
}
const Rule ends_once("MINE-01", needs::sessions, "a session is ended once",
                     "look whether the row was changed", &check_ends_once);

class EndsTwice : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    return changed(ForwardingBackend::end_session(std::move(session_id), std::move(status)),
                   [](bool& ended) { ended = true; });
  }
};
const Mutant ends_twice = mutant<EndsTwice>("MINE-01", "ends_twice", "every end is true",
                                            "the second end to be false; came true");
const Mutant no_bug = mutant<ForwardingBackend>("MINE-01", "no_bug", "", "");

const std::vector<Rule> my_rules = {ends_once};
bool is_proved() {
  return run_mutant(ends_twice, my_rules).is_killed() &&
         run_mutant(no_bug, my_rules).result.verdict == Verdict::held;
}
template <class MyHarness>
Report run_my_rules() {
  return Suite(std::make_shared<HarnessAdapter<MyHarness>>(), my_rules).run_all();
}
// clang-format on

struct MemoryHarness {
  static constexpr std::string_view name = "memory";
  Claims claims() const { return Claims(); }
  std::shared_ptr<MemoryBackend> open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<MemoryBackend>();
  }
  void drop(const std::string&) {}
};

} // namespace

TEST_CASE("a rule of one's own is proved by a mutant, and runs on a harness of one's own") {
  INFO(run_mutant(ends_twice, my_rules).text());
  CHECK(is_proved());
  const Report report = run_my_rules<MemoryHarness>();
  INFO(report.to_table());
  CHECK(report.conforms());
  CHECK(report.count(Verdict::held) == 1);
}
