// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_KIT_HPP
#define AGENTSTORE_CONFORMANCE_KIT_HPP

/// \file
/// The kit as its fronts see it. This is enough to run the kit, without including the rules.
///
/// The rules are a hundred checks and take long to compile. A test that is to build fast includes
/// only this header and links the rules, compiled once. With CMake it links
/// `agentstore::conformance_compiled` instead of `agentstore::conformance`. This target defines
/// AGENTSTORE_CONFORMANCE_COMPILED and the functions below. Without it, conformance.hpp defines the
/// functions.

#include <agentstore/conformance/harness.hpp>
#include <agentstore/conformance/report.hpp>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace agentstore::conformance {

class Rule;

/// How the kit is run.
class RunOptions {
public:
  /// The seed comes from AGENTSTORE_SEED if that is set, else from the clock. Throws
  /// std::invalid_argument if AGENTSTORE_SEED is not a number.
  RunOptions();

  std::uint64_t seed;
  /// The arguments with which this program runs `run_kill_child`. Empty if it cannot (DUR-02,
  /// TWO-02).
  std::vector<std::string> child_arguments;
};

/// The rules on one harness, in this process. Requires: no two threads use the kit at once.
class Kit {
public:
  virtual ~Kit() = default;

  /// The result of a rule, by its place among all rules. Runs the rule if that has not been done. A
  /// rule that cannot be checked ends as an ERROR; nothing is thrown.
  virtual const RuleResult& run(std::size_t index) = 0;

  /// Runs all rules that have not been run, in an order that the seed shuffles.
  virtual Report run_all() = 0;

  /// The results so far. `results` has every rule in its place, and behind them an ERROR for each
  /// known gap whose id is no rule's.
  virtual Report report() const = 0;
};

/// \name Templates only so that they may be defined in one source file or in all, see
/// rules/areas.hpp
/// @{

/// The rules of the contract, by area, for those who include rule.hpp and run them one by one.
template <class = void>
std::vector<Rule> all_rules();

/// The ids of the rules, each in its place.
template <class = void>
std::vector<std::string> rule_ids();

/// The kit with all rules.
template <class = void>
std::unique_ptr<Kit> make_kit(std::shared_ptr<AnyHarness> harness,
                              RunOptions options = RunOptions());

/// Runs the program as the child that DUR-02 or TWO-02 has started, by
/// `RunOptions::child_arguments`. Returns only if the program is not such a child.
template <class = void>
void run_kill_child(AnyHarness& harness);
/// @}

// Only machinery below this line.

inline RunOptions::RunOptions()
    : seed(static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) %
           1'000'000'000) {
  if (const char* text = std::getenv("AGENTSTORE_SEED"); text != nullptr && *text != '\0') {
    const char* const end = text + std::strlen(text);
    const std::from_chars_result read = std::from_chars(text, end, seed);
    if (read.ec != std::errc() || read.ptr != end) {
      throw std::invalid_argument("AGENTSTORE_SEED is \"" + std::string(text) +
                                  "\", which is not a number from 0 to 2^64 - 1");
    }
  }
}

} // namespace agentstore::conformance

#endif
