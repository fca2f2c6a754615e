// SPDX-License-Identifier: Apache-2.0
#include "conformance/odd_stores/all.hpp"
#include "support/catch.hpp"

#include <agentstore/conformance/kit.hpp>

#include <algorithm>
#include <set>

using namespace agentstore::conformance;

namespace {

/// VAL-02 and VAL-05 store large values and take most of the time. One store of each kind runs
/// them.
bool is_bulky(std::string_view rule) {
  return rule == "VAL-02" || rule == "VAL-05";
}

/// Whether this store leaves out the bulky rules, because another store of its kind runs them.
bool is_spared(const OddStore& odd_store) {
  const auto is_among = [&](const std::vector<OddStore>& kind) {
    return std::any_of(kind.begin(), kind.end(),
                       [&](const OddStore& other) { return odd_store.name == other.name; });
  };
  const bool is_about_bulk = odd_store.name == "one_lock" || odd_store.name.ends_with("_limits");
  const bool stands_for_all = odd_store.name == "reference" || odd_store.name == "slow";
  return (is_among(choice_odd_stores()) && !is_about_bulk) || // all over the same tables
         is_among(distant_odd_stores()) ||
         (is_among(timing_odd_stores()) && !stands_for_all); // all around the reference
}

std::vector<Rule> rules_for(const OddStore& odd_store) {
  std::vector<Rule> rules = all_rules();
  if (is_spared(odd_store)) {
    std::erase_if(rules, [](const Rule& rule) { return is_bulky(rule.id); });
  }
  return rules;
}

/// Whatever is due holds: no rule asks for more than the headers say.
void expect_conforming(const std::vector<OddStore>& odd_stores, std::size_t least_held) {
  std::set<std::string_view> names;
  for (const OddStore& odd_store : odd_stores) {
    const Report report = run_odd_store(odd_store, rules_for(odd_store));
    INFO(odd_store.oddity);
    INFO(report.to_table());
    for (const RuleResult& rule : report.results) {
      INFO(rule.details);
      CHECK(rule.verdict != Verdict::broken);
      CHECK(rule.verdict != Verdict::error);
      CHECK(rule.verdict != Verdict::not_run);
    }
    CHECK(report.conforms());
    CHECK(report.count(Verdict::held) >= least_held);
    CHECK(names.insert(odd_store.name).second);
  }
}

/// Each second one of them, from the first or from the second on.
std::vector<OddStore> every_second(const std::vector<OddStore>& all, std::size_t first) {
  std::vector<OddStore> some;
  for (std::size_t i = first; i < all.size(); i += 2) {
    some.push_back(all[i]);
  }
  return some;
}

} // namespace

TEST_CASE("Stores that take their time are not blamed", "[odd_stores][timing_1]") {
  expect_conforming(every_second(timing_odd_stores(), 0), 75);
}

TEST_CASE("Other stores that take their time are not blamed", "[odd_stores][timing_2]") {
  expect_conforming(every_second(timing_odd_stores(), 1), 75);
}

TEST_CASE("Stores that are far away are not blamed", "[odd_stores][distant]") {
  expect_conforming(distant_odd_stores(), 75);
}

TEST_CASE("Stores that choose otherwise are not blamed", "[odd_stores][choices]") {
  expect_conforming(choice_odd_stores(), 60);
}

TEST_CASE("Stores that offer less, in every form, are not blamed", "[odd_stores][handles]") {
  expect_conforming(handle_odd_stores(), 15);
}

TEST_CASE("Stores that notice damage sooner or later are not blamed", "[odd_stores][damaged]") {
  for (const OddStore& odd_store : damaged_odd_stores()) {
    std::vector<Rule> rules = all_rules(); // all else is as in the reference
    std::erase_if(rules, [](const Rule& rule) { return rule.id != "ERR-03"; });
    const Report report = run_odd_store(odd_store, std::move(rules));
    INFO(report.to_table());
    CHECK(report.count(Verdict::held) == 1);
  }
}

TEST_CASE("Dual writes whose queue is of another size are not blamed",
          "[odd_stores][dual_writes]") {
  for (const OddStore& odd_store : dual_write_odd_stores()) {
    std::vector<Rule> rules = all_rules(); // all else is as in the hot store
    std::erase_if(rules, [](const Rule& rule) { return !rule.id.starts_with("DUA-"); });
    const Report report = run_odd_store(odd_store, std::move(rules));
    INFO(report.to_table());
    CHECK(report.count(Verdict::broken) + report.count(Verdict::error) == 0);
    CHECK(report.count(Verdict::held) >= 1); // DUA-01, of a queue of any size
  }
}

TEST_CASE("Archives that choose otherwise are not blamed", "[odd_stores][archives]") {
  expect_conforming(archive_odd_stores(), 15);
}

TEST_CASE("Directories that choose otherwise are not blamed", "[odd_stores][directories]") {
  expect_conforming(directory_odd_stores(), 25);
}

TEST_CASE("There are at least twenty odd stores, each with a name of its own", "[odd_stores]") {
  std::set<std::string_view> names;
  for (const OddStore& odd_store : odd_stores()) {
    CHECK(names.insert(odd_store.name).second);
    CHECK_FALSE(odd_store.oddity.empty());
  }
  CHECK(names.size() >= 20);
}
