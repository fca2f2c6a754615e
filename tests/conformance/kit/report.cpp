// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/conformance/report.hpp>
#include <agentstore/conformance/report_html.hpp>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

RuleResult result(const char* id, Verdict verdict) {
  RuleResult one;
  one.id = id;
  one.text = std::string("the text of ") + id;
  one.verdict = verdict;
  one.reason = verdict == Verdict::held ? "" : std::string("the reason of ") + id;
  one.details = verdict == Verdict::broken ? "the details" : "";
  one.took = std::chrono::milliseconds(7);
  return one;
}

Report report_of(const std::vector<Verdict>& verdicts) {
  Report report;
  report.harness = "mine";
  report.claims = {"durable", "max_value(5)"};
  report.seed = 42;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    report.results.push_back(result(("TST-" + std::to_string(i)).c_str(), verdicts[i]));
  }
  return report;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a report of nothing never conforms") {
  CHECK_FALSE(report_of({}).conforms());
  CHECK(report_of({}).statement() == "mine: no conformance statement: no rule was run");
  CHECK_FALSE(report_of({Verdict::not_claimed, Verdict::not_claimed}).conforms());
  CHECK_FALSE(report_of({Verdict::untested}).conforms());
  CHECK_FALSE(report_of({Verdict::broken_known}).conforms());
}

TEST_CASE("a report conforms if what is due was run and held") {
  CHECK(report_of({Verdict::held}).conforms());
  CHECK(report_of({Verdict::held, Verdict::not_claimed}).conforms());
  CHECK(report_of({Verdict::held, Verdict::untested}).conforms());
  CHECK(report_of({Verdict::held, Verdict::broken_known}).conforms());
  for (const Verdict wrong : {Verdict::broken, Verdict::not_run, Verdict::error}) {
    const Report report = report_of({Verdict::held, wrong});
    INFO(to_string(wrong));
    CHECK_FALSE(report.conforms());
    CHECK(holds(report.statement(), "mine: no conformance statement: 1 "));
    CHECK(holds(report.statement(), std::string(to_string(wrong))));
  }
}

TEST_CASE("the statement says what held, what is claimed, and what is left open") {
  const std::string statement = report_of({Verdict::held, Verdict::held, Verdict::broken_known,
                                           Verdict::untested, Verdict::not_claimed})
                                    .statement();
  CHECK(holds(statement, "mine conforms to the agentstore contract"));
  CHECK(holds(statement, "2 rules held"));
  CHECK(holds(statement, "claims {durable, max_value(5)}"));
  CHECK(holds(statement, "1 known gap"));
  CHECK(holds(statement, "1 untested for want of a hook"));
  const std::string plain = report_of({Verdict::held}).statement();
  CHECK_FALSE(holds(plain, "known gap"));
  CHECK_FALSE(holds(plain, "untested"));
}

TEST_CASE("a report counts and finds") {
  const Report report = report_of({Verdict::held, Verdict::broken, Verdict::held});
  CHECK(report.count(Verdict::held) == 2);
  CHECK(report.count(Verdict::broken) == 1);
  CHECK(report.count(Verdict::error) == 0);
  REQUIRE(report.find("TST-1") != nullptr);
  CHECK(report.find("TST-1")->verdict == Verdict::broken);
  CHECK(report.find("TST-9") == nullptr);
}

TEST_CASE("the table has every rule, the reasons, the seed and the statement") {
  const Report report = report_of({Verdict::held, Verdict::broken, Verdict::not_claimed});
  const std::string table = report.to_table();
  for (const RuleResult& rule : report.results) {
    CHECK(holds(table, rule.id));
    CHECK(holds(table, rule.text));
  }
  CHECK(holds(table, "the reason of TST-1"));
  CHECK_FALSE(holds(table, "the reason of TST-2")); // it is not due: nothing to explain
  CHECK(holds(table, "seed 42"));
  CHECK(holds(table, "harness mine"));
  CHECK(holds(table, "NOT CLAIMED"));
  CHECK(holds(table, report.statement()));
  CHECK_FALSE(holds(table, "Not shown by this")); // it would be read as a statement
  CHECK(holds(report_of({Verdict::held}).to_table(), "Not shown by this"));
  CHECK(holds(report_of({Verdict::held}).to_table(), "ThreadSanitizer"));
}

TEST_CASE("the JSON form is as documented") {
  const Report report = report_of({Verdict::held, Verdict::broken});
  const json out = report.to_json();
  const std::vector<std::string> members = {"claims", "compiler", "conforms", "contract",
                                            "counts", "harness",  "library",  "rules",
                                            "seed",   "statement"};
  std::vector<std::string> found;
  for (auto member = out.begin(); member != out.end(); ++member) {
    found.push_back(member.key());
  }
  CHECK(found == members);
  CHECK(out["harness"] == "mine");
  CHECK(out["seed"] == 42);
  CHECK(out["claims"] == json(report.claims));
  CHECK(out["conforms"] == false);
  CHECK(out["statement"] == report.statement());
  for (const char* text : {"compiler", "contract", "library"}) {
    REQUIRE(out[text].is_string());
    CHECK_FALSE(out[text].get<std::string>().empty());
  }
  const json counts = json::parse(R"json({"HELD": 1, "BROKEN": 1, "BROKEN(known)": 0,
                                          "NOT CLAIMED": 0, "UNTESTED": 0, "NOT RUN": 0,
                                          "ERROR": 0})json");
  CHECK(out["counts"] == counts);
  REQUIRE(out["rules"].size() == 2);
  const json rule = json::parse(
      R"({"id": "TST-1", "text": "the text of TST-1", "verdict": "BROKEN",
          "reason": "the reason of TST-1", "details": "the details", "milliseconds": 7})");
  CHECK(out["rules"][1] == rule);
}

TEST_CASE("a report with any text is JSON that can be written") {
  Report report = report_of({Verdict::broken});
  report.results[0].reason = "\"quoted\"\n\x01";
  CHECK(json::parse(report.to_json().dump()) == report.to_json());
}

TEST_CASE("a report as a page says what the others do, and nothing in it is markup") {
  Report report = report_of({Verdict::held, Verdict::broken, Verdict::untested, Verdict::error});
  report.results[1].reason = "expected <b> & \"c\"; came \x01";
  report.results[1].details = "  done:\n    get_session(\"<script>\")\n";
  const std::string page = to_html(report);
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(holds(page, "mine: no conformance statement: 1 BROKEN, 1 ERROR"));
  CHECK(holds(page, "expected &lt;b&gt; &amp; &quot;c&quot;; came &#xFFFD;"));
  CHECK(holds(page, "get_session(&quot;&lt;script&gt;&quot;)"));
  CHECK(holds(page, "the text of TST-2"));
  CHECK(holds(page, "durable, max_value(5)"));
  CHECK_FALSE(holds(page, "<script"));
  CHECK_FALSE(holds(page, "http"));
}
