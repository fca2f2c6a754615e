// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/conformance/innocents.hpp>
#include <agentstore/conformance/kit.hpp>

#include <algorithm>
#include <set>

using namespace agentstore::conformance;

namespace {

/// The rules that take most of the time, for they store a lot; of one kind of store, one is enough.
bool is_bulky(std::string_view rule) {
  return rule == "VAL-02" || rule == "VAL-05";
}

/// Whether other stores of its kind tell as much about those.
bool is_spared(const Innocent& innocent) {
  const auto is_among = [&](const std::vector<Innocent>& kind) {
    return std::any_of(kind.begin(), kind.end(),
                       [&](const Innocent& other) { return innocent.name == other.name; });
  };
  const bool is_about_bulk = innocent.name == "one_lock" || innocent.name.ends_with("_limits");
  const bool stands_for_all = innocent.name == "reference" || innocent.name == "slow";
  return (is_among(choice_innocents()) && !is_about_bulk) || // all over the same tables
         (is_among(timing_innocents()) && !stands_for_all);  // all around the reference
}

std::vector<Rule> rules_for(const Innocent& innocent) {
  std::vector<Rule> rules = compiled::all_rules();
  if (is_spared(innocent)) {
    std::erase_if(rules, [](const Rule& rule) { return is_bulky(rule.id); });
  }
  return rules;
}

/// Whatever is due holds: no rule asks for more than the headers say.
void expect_conforming(const std::vector<Innocent>& innocents, std::size_t least_held) {
  std::set<std::string_view> names;
  for (const Innocent& innocent : innocents) {
    const Report report = judge(innocent, rules_for(innocent));
    INFO(innocent.oddity);
    INFO(report.to_table());
    for (const RuleResult& rule : report.results) {
      INFO(rule.details);
      CHECK(rule.verdict != Verdict::broken);
      CHECK(rule.verdict != Verdict::error);
      CHECK(rule.verdict != Verdict::not_run);
    }
    CHECK(report.conforms());
    CHECK(report.count(Verdict::held) >= least_held);
    CHECK(names.insert(innocent.name).second);
  }
}

} // namespace

TEST_CASE("Stores that take their time are innocent", "[innocents][timing]") {
  expect_conforming(timing_innocents(), 75);
}

TEST_CASE("Stores that choose otherwise are innocent", "[innocents][choices]") {
  expect_conforming(choice_innocents(), 60);
}

TEST_CASE("Stores that offer less, in every form, are innocent", "[innocents][handles]") {
  expect_conforming(handle_innocents(), 15);
}

TEST_CASE("Archives that choose otherwise are innocent", "[innocents][archives]") {
  expect_conforming(archive_innocents(), 15);
}

TEST_CASE("Directories that choose otherwise are innocent", "[innocents][directories]") {
  expect_conforming(directory_innocents(), 25);
}

TEST_CASE("There are at least twenty innocents, each with a name of its own", "[innocents]") {
  std::set<std::string_view> names;
  for (const Innocent& innocent : innocents()) {
    CHECK(names.insert(innocent.name).second);
    CHECK_FALSE(innocent.oddity.empty());
  }
  CHECK(names.size() >= 20);
}
