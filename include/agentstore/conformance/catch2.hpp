// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CATCH2_HPP
#define AGENTSTORE_CONFORMANCE_CATCH2_HPP

/// \file
/// The kit as Catch2 tests, for Catch2 2.13 and 3. In a source file of the test program:
///
///     #include <agentstore/conformance/catch2.hpp>
///     struct MyHarness { ... };               // see harness.hpp
///     AGENTSTORE_CONFORMANCE(MyHarness)
///
/// Each rule becomes a test case `<name> <id>`, tagged [conformance] [<name>] [<area>] [<id>]. One
/// more test case, `<name> statement`, runs the rules that have not been run, prints the table and
/// fails unless the backend conforms; a backend never conforms if no rule was run. Register the
/// program with ctest as one entry, by `agentstore_add_conformance_test(target)` of the CMake
/// package, because separate processes for each rule could not judge the whole.
///
/// Environment:
/// - AGENTSTORE_SEED=n replays a run.
/// - AGENTSTORE_REPORT_DIR=dir writes dir/<name>.json, in the form that report.hpp documents, and
///   dir/<name>.html for a person.
/// - AGENTSTORE_TRANSCRIPT=file appends all calls of each broken rule to the file.
/// - AGENTSTORE_KILLS=n is how many children DUR-02 kills; 10 if it is not set.

#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/report_html.hpp>
#if !defined(AGENTSTORE_CONFORMANCE_COMPILED)
#include <agentstore/conformance/conformance.hpp>
#endif

#include <boost/config/helper_macros.hpp>

// The Catch2 that the program already includes, else the installed one, the newer form first.
#if !defined(CATCH_VERSION_MAJOR) && !defined(TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED)
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#elif __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_amalgamated.hpp>
#endif
#endif

#include <array>
#include <fstream>
#include <iostream>
#include <utility>

/// Registers every rule of the contract for a harness. Use it once per harness, at namespace scope,
/// in a source file of the test program itself (the linker would drop it from a static library).
#define AGENTSTORE_CONFORMANCE(...)                                                                \
  [[maybe_unused]] static const bool BOOST_JOIN(agentstore_conformance_, __LINE__) =               \
      ::agentstore::conformance::Catch2Front<__VA_ARGS__>::register_all();

namespace agentstore::conformance {

/// One harness in Catch2. A test needs only the macro above.
template <class Harness>
class Catch2Front {
public:
  static bool register_all() {
    register_rules(std::make_index_sequence<most_rules>());
    add(&run_statement, " statement", "[statement]");
    add(&run_child, " child", "[.][child]");
    return true;
  }

private:
  static constexpr std::size_t most_rules = 160;

  static std::string name() { return std::string(Harness::name); }

  static Kit& kit() {
    static const std::unique_ptr<Kit> instance = [] {
      RunOptions options;
      options.child_arguments.push_back(name() + " child");
      return make_kit(std::make_shared<HarnessAdapter<Harness>>(), options);
    }();
    return *instance;
  }

  template <std::size_t... Indices>
  static void register_rules(std::index_sequence<Indices...>) {
    static constexpr std::array<void (*)(), most_rules> tests = {&run_rule<Indices>...};
    const std::vector<std::string> ids = rule_ids();
    if (ids.size() > tests.size()) {
      throw std::logic_error("there are more rules than Catch2Front registers");
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      add(tests[i], " " + ids[i], "[" + ids[i].substr(0, 3) + "][" + ids[i] + "]");
    }
  }

  template <std::size_t Index>
  static void run_rule() {
    judge(kit().run(Index));
  }

  static void judge(const RuleResult& result) {
    switch (result.verdict) {
    case Verdict::held:
      succeed();
      break;
    case Verdict::broken:
    case Verdict::error:
    case Verdict::not_run:
      fail(std::string(to_string(result.verdict)) + ": " + result.reason + "\n" + result.details);
      break;
    case Verdict::broken_known:
    case Verdict::not_claimed:
    case Verdict::untested:
      skip(std::string(to_string(result.verdict)) + ": " + result.reason);
      break;
    }
  }

  static void run_statement() {
    const Report report = kit().run_all();
    std::cout << report.to_table() << std::endl;
    // Details are printed directly, whole and as they are, because Catch2 would break their lines.
    for (const RuleResult& rule : report.results) {
      if (!rule.details.empty()) {
        std::cout << rule.id << " " << to_string(rule.verdict) << ": " << rule.reason << "\n"
                  << rule.details << std::endl;
      }
    }
    if (const char* folder = std::getenv("AGENTSTORE_REPORT_DIR"); folder != nullptr) {
      const std::string path = std::string(folder) + "/" + name();
      std::ofstream as_json(path + ".json");
      as_json << report.to_json().dump(2) << "\n";
      std::ofstream as_html(path + ".html");
      as_html << to_html(report);
      if (!as_json.flush() || !as_html.flush()) {
        fail("the report cannot be written to AGENTSTORE_REPORT_DIR");
      }
    }
    if (report.conforms()) {
      succeed();
    } else {
      fail(report.statement());
    }
  }

  static void run_child() { run_kill_child(*std::make_shared<HarnessAdapter<Harness>>()); }

  // The macros of Catch2, under either of their names.

  static void add(void (*test)(), const std::string& suffix, const std::string& tags) {
    const std::string all_tags = "[conformance][" + name() + "]" + tags;
#if defined(CATCH_CONFIG_PREFIX_ALL)
    CATCH_REGISTER_TEST_CASE(test, name() + suffix, all_tags);
#else
    REGISTER_TEST_CASE(test, name() + suffix, all_tags);
#endif
  }

  static void succeed() {
#if defined(CATCH_CONFIG_PREFIX_ALL)
    CATCH_SUCCEED();
#else
    SUCCEED();
#endif
  }

  static void fail(const std::string& text) {
#if defined(CATCH_CONFIG_PREFIX_ALL)
    CATCH_FAIL(text);
#else
    FAIL(text);
#endif
  }

  /// Catch2 2 cannot skip. There the test passes, and the table says why.
  static void skip(const std::string& text) {
#if defined(CATCH_SKIP)
    CATCH_SKIP(text);
#elif defined(SKIP)
    SKIP(text);
#else
    static_cast<void>(text);
    succeed();
#endif
  }
};

} // namespace agentstore::conformance

#endif
