// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_HPP

/// \file
/// Runs rules on a harness, each with its watch.

#include <agentstore/conformance/crash_note.hpp>
#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/rule.hpp>

#include <condition_variable>
#include <unistd.h>

namespace agentstore::conformance {

/// The kit with any rules.
class Suite final : public Kit {
public:
  Suite(std::shared_ptr<AnyHarness> harness, std::vector<Rule> rules,
        RunOptions options = RunOptions());

  const std::vector<Rule>& rules() const { return rules_; }

  const RuleResult& run(std::size_t index) override;
  Report run_all() override;
  Report report() const override;

private:
  RuleResult execute(const Rule& rule);

  std::shared_ptr<AnyHarness> harness_;
  std::vector<Rule> rules_;
  RunOptions options_;
  Claims claims_;
  std::shared_ptr<Deadline> deadline_;
  std::vector<RuleResult> results_;
  std::vector<bool> done_;
};

// Only machinery below this line.

/// Runs one rule on a thread of its own, and keeps watch: what blocks that thread for good, a call,
/// a destructor or the harness, can only be left behind, with all it holds.
class RuleRunner {
public:
  static RuleResult run(std::shared_ptr<AnyHarness> harness, std::shared_ptr<Deadline> deadline,
                        const Rule& rule, const std::string& space, std::uint64_t seed,
                        const std::vector<std::string>& child_arguments);

private:
  struct Attempt {
    Attempt(std::shared_ptr<AnyHarness> h, std::shared_ptr<Deadline> d, const std::string& space,
            std::uint64_t seed)
        : harness(std::move(h)), deadline(std::move(d)), world(*harness, *deadline, space, seed) {}

    std::shared_ptr<AnyHarness> harness;
    std::shared_ptr<Deadline> deadline;
    World world;
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    /// As far as it is known: what blocks in the clean-up does not hide what was found before.
    RuleResult result;
  };

  static void check(Attempt& attempt, const Rule& rule, RuleResult& result);
  static void judge(Attempt& attempt, const Rule& rule, RuleResult& result);
  static void break_rule(const World& world, const Rule& rule, RuleResult& result,
                         const std::string& expected, const std::string& came,
                         std::string_view hint);
  static void publish(Attempt& attempt, const RuleResult& result, bool is_over);
  static bool is_decided(const RuleResult& result) {
    return result.verdict == Verdict::broken || result.verdict == Verdict::error;
  }
  static void blame_block(const World& world, const Rule& rule, RuleResult& result);
  static std::string explain(const World& world, const Rule& rule, const std::string& expected,
                             const std::string& came, std::string_view hint);

  static constexpr std::string_view hint_of_hang =
      "post the completion whatever happens, also where a wait is cancelled or the store closes; "
      "let what is waited for have a time limit; wait for nothing that waits for the caller";
  static constexpr std::string_view hint_of_block =
      "hand what blocks to a thread of its own (authoring/offload.hpp); wait with no lock held; in "
      "a destructor wait for no work that needs the caller's thread";
};

inline std::string RuleRunner::explain(const World& world, const Rule& rule,
                                       const std::string& expected, const std::string& came,
                                       std::string_view hint) {
  return "  " + std::string(rule.id) + ": " + std::string(rule.text) + "\n  done:\n" +
         world.transcript_.text() + "  expected: " + expected + "\n  came:     " + came +
         "\n  hint:     " + std::string(hint) + "\n";
}

inline void RuleRunner::break_rule(const World& world, const Rule& rule, RuleResult& result,
                                   const std::string& expected, const std::string& came,
                                   std::string_view hint) {
  result.verdict = Verdict::broken;
  result.reason = "expected " + expected + "; came " + came;
  result.details = explain(world, rule, expected, came, hint);
}

/// The thread of the rule makes no progress: on what does it wait?
inline void RuleRunner::blame_block(const World& world, const Rule& rule, RuleResult& result) {
  const std::string step = world.transcript_.waiting_for();
  if (step.starts_with(Transcript::by_harness)) {
    result.verdict = Verdict::error;
    result.reason = step + " blocks the thread that awaits it";
    result.details = explain(world, rule, "the harness to work", result.reason, hint_of_block);
  } else if (step.empty()) {
    break_rule(world, rule, result, "what follows " + world.transcript_.last_call() + " to end",
               "nothing: it blocks the thread, where it is called or where it is destroyed",
               hint_of_block);
  } else {
    break_rule(world, rule, result, "an end of " + step,
               "nothing: it blocks the thread that awaits it", hint_of_block);
  }
}

inline void RuleRunner::check(Attempt& attempt, const Rule& rule, RuleResult& result) {
  World& world = attempt.world;
  const auto broken = [&](const std::string& expected, const std::string& came) {
    break_rule(world, rule, result, expected, came, rule.hint);
  };
  try {
    rule.body(world);
    result.verdict = Verdict::held;
  } catch (const Hang& hang) {
    break_rule(world, rule, result, hang.expected, hang.came, hint_of_hang);
    world.driver_.abandon();
  } catch (const Violation& violation) {
    broken(violation.expected, violation.came);
  } catch (const Untested& reason) {
    result.verdict = Verdict::untested;
    result.reason = reason.what();
  } catch (const HarnessFailure& failure) {
    result.verdict = Verdict::error;
    result.reason = failure.what();
    result.details = explain(world, rule, "the harness to work", failure.what(), rule.hint);
  } catch (...) {
    broken("an answer to " + world.transcript_.last_call(), describe(std::current_exception()));
  }
}

inline void RuleRunner::judge(Attempt& attempt, const Rule& rule, RuleResult& result) {
  check(attempt, rule, result);
  publish(attempt, result, false);
  try {
    attempt.world.clean_up();
  } catch (const Hang& hang) {
    if (!is_decided(result)) {
      break_rule(attempt.world, rule, result, hang.expected, hang.came, hint_of_hang);
    }
    attempt.world.driver_.abandon();
  } catch (const std::exception& error) {
    attempt.world.driver_.abandon();
    if (!is_decided(result)) {
      result.verdict = Verdict::error;
      result.reason = error.what();
    }
  }
  publish(attempt, result, false);
  attempt.world.leave(); // here, where the destructors of the backend are watched
}

inline void RuleRunner::publish(Attempt& attempt, const RuleResult& result, bool is_over) {
  const std::lock_guard lock(attempt.mutex);
  attempt.result = result;
  attempt.over = is_over;
  attempt.changed.notify_all();
}

inline RuleResult RuleRunner::run(std::shared_ptr<AnyHarness> harness,
                                  std::shared_ptr<Deadline> deadline, const Rule& rule,
                                  const std::string& space, std::uint64_t seed,
                                  const std::vector<std::string>& child_arguments) {
  const auto begin = std::chrono::steady_clock::now();
  deadline->beat();
  const auto attempt = std::make_shared<Attempt>(harness, deadline, space, seed);
  attempt->world.set_child_arguments(child_arguments);
  std::thread thread([attempt, rule] {
    const SignalStack stack;
    RuleResult result;
    judge(*attempt, rule, result);
    publish(*attempt, result, true);
  });

  RuleResult result;
  std::unique_lock lock(attempt->mutex);
  for (;;) {
    attempt->changed.wait_for(lock, std::chrono::milliseconds(50),
                              [&attempt] { return attempt->over; });
    if (attempt->over) {
      lock.unlock();
      thread.join();
      result = std::move(attempt->result);
      break;
    }
    const bool waits = !attempt->world.transcript_.waiting_for().empty();
    if (deadline->since_beat() > (waits ? deadline->blocked() : deadline->thinking())) {
      thread.detach();
      deadline->after_a_hang();
      result = attempt->result;
      if (!is_decided(result)) {
        blame_block(attempt->world, rule, result);
      }
      break;
    }
  }
  result.id = rule.id;
  result.text = rule.text;
  result.reason = one_line(result.reason); // what a backend throws may have more of them
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  return result;
}

inline Suite::Suite(std::shared_ptr<AnyHarness> harness, std::vector<Rule> rules,
                    RunOptions options)
    : harness_(std::move(harness)), rules_(std::move(rules)), options_(options),
      claims_(harness_->claims()), deadline_(std::make_shared<Deadline>(harness_->deadline())),
      results_(rules_.size()), done_(rules_.size(), false) {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    results_[i].id = rules_[i].id;
    results_[i].text = rules_[i].text;
  }
}

inline RuleResult Suite::execute(const Rule& rule) {
  RuleResult result;
  result.id = rule.id;
  result.text = rule.text;
  result.reason = rule.when.missing(harness_->interfaces(), claims_);
  if (!result.reason.empty()) {
    result.verdict = Verdict::not_claimed;
    return result;
  }
  // Unique over processes and time, so that a store that many runs share keeps them apart.
  static std::atomic<unsigned> counter = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string space = "k" + std::to_string(::getpid()) + "-" +
                            std::to_string(now.count() / 1000 % 1'000'000'000'000) + "-" +
                            std::to_string(++counter);
  std::uint64_t seed = options_.seed;
  for (const char c : rule.id) {
    seed = seed * 1099511628211u + static_cast<unsigned char>(c);
  }
  const CrashNote note(rule.id, options_.seed);
  result = RuleRunner::run(harness_, deadline_, rule, space, seed, options_.child_arguments);
  if (result.verdict == Verdict::broken) {
    result.details += "  replay:   AGENTSTORE_SEED=" + std::to_string(options_.seed) + "\n";
  }

  const auto gap = claims_.known_gaps().find(result.id);
  if (gap != claims_.known_gaps().end()) {
    if (result.verdict == Verdict::broken) {
      result.verdict = Verdict::broken_known;
      result.reason = gap->second + " (" + result.reason + ")";
    } else if (result.verdict == Verdict::held) {
      result.verdict = Verdict::error;
      result.reason = "a known gap that holds: take it out of the claims (" + gap->second + ")";
    }
  }
  return result;
}

inline const RuleResult& Suite::run(std::size_t index) {
  if (!done_[index]) {
    results_[index] = execute(rules_[index]);
    done_[index] = true;
  }
  return results_[index];
}

inline Report Suite::run_all() {
  std::vector<std::size_t> order(rules_.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::mt19937_64 random(options_.seed);
  std::shuffle(order.begin(), order.end(), random);
  for (const std::size_t index : order) {
    run(index);
  }
  return report();
}

inline Report Suite::report() const {
  Report report;
  report.harness = harness_->name();
  report.claims = claims_.names();
  report.seed = options_.seed;
  report.results = results_;
  for (const auto& gap : claims_.known_gaps()) {
    if (report.find(gap.first) == nullptr) {
      RuleResult mistaken;
      mistaken.id = gap.first;
      mistaken.text = "no rule of the contract";
      mistaken.verdict = Verdict::error;
      mistaken.reason = "a known gap in a rule that there is not (" + gap.second + ")";
      report.results.push_back(std::move(mistaken));
    }
  }
  return report;
}

} // namespace agentstore::conformance

#endif
