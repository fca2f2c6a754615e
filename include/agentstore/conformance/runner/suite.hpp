// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_SUITE_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_SUITE_HPP

/// \file
/// Runs rules on a harness, each with its watch.

#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/rule.hpp>
#include <agentstore/conformance/runner/crash_reporter.hpp>

#include <condition_variable>
#include <fstream>
#include <system_error>
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

/// Runs one rule on a thread of its own, and watches that thread. If a call, a destructor or the
/// harness blocks it for good, the thread is abandoned together with all that it holds.
class RuleRunner {
public:
  static RuleResult run(std::shared_ptr<AnyHarness> harness, std::shared_ptr<Deadline> deadline,
                        const Rule& rule, const std::string& space, std::uint64_t seed,
                        const std::vector<std::string>& child_arguments);

private:
  struct Attempt {
    Attempt(std::shared_ptr<AnyHarness> h, std::shared_ptr<Deadline> d, const std::string& space,
            std::uint64_t seed)
        : harness(std::move(h)), deadline(std::move(d)), ctx(*harness, *deadline, space, seed) {}

    std::shared_ptr<AnyHarness> harness;
    std::shared_ptr<Deadline> deadline;
    RuleContext ctx;
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    /// The result as far as it is known. A block in the clean-up does not hide what was found
    /// before.
    RuleResult result;
  };

  static void check(Attempt& attempt, const Rule& rule, RuleResult& result);
  static void judge(Attempt& attempt, const Rule& rule, RuleResult& result);
  static void break_rule(const RuleContext& ctx, const Rule& rule, RuleResult& result,
                         const std::string& expected, const std::string& actual,
                         std::string_view hint);
  static void publish(Attempt& attempt, const RuleResult& result, bool is_over);
  static bool is_decided(const RuleResult& result) {
    return result.verdict == Verdict::broken || result.verdict == Verdict::error;
  }
  static bool is_blocked(const Attempt& attempt, GrantedTime::Clock::duration quiet);
  static void blame_block(const RuleContext& ctx, const Rule& rule, RuleResult& result);
  static std::string explain(const RuleContext& ctx, const Rule& rule, const std::string& expected,
                             const std::string& actual, std::string_view hint);

  static constexpr std::string_view hint_of_timeout =
      "post the completion whatever happens, also where a wait is cancelled or the store closes; "
      "let what is waited for have a time limit; wait for nothing that waits for the caller";
  static constexpr std::string_view hint_of_block =
      "hand what blocks to a thread of its own (authoring/offload.hpp); wait with no lock held; in "
      "a destructor wait for no work that needs the caller's thread";
};

inline std::string RuleRunner::explain(const RuleContext& ctx, const Rule& rule,
                                       const std::string& expected, const std::string& actual,
                                       std::string_view hint) {
  return "  " + std::string(rule.id) + ": " + std::string(rule.text) + "\n  done:\n" +
         ctx.transcript_.text() + "  expected: " + expected + "\n  came:     " + actual +
         "\n  hint:     " + std::string(hint) + "\n";
}

inline void RuleRunner::break_rule(const RuleContext& ctx, const Rule& rule, RuleResult& result,
                                   const std::string& expected, const std::string& actual,
                                   std::string_view hint) {
  result.verdict = Verdict::broken;
  result.reason = "expected " + expected + "; came " + actual;
  result.details = explain(ctx, rule, expected, actual, hint);
  if (const char* const name = Transcript::file(); name != nullptr) {
    std::ofstream file(name, std::ios::app);
    file << rule.id << ": " << rule.text << "\n  done:\n"
         << ctx.transcript_.whole_text() << "  expected: " << expected << "\n  came:     " << actual
         << "\n\n";
  }
}

/// Whether the attempt has been without progress for too long.
inline bool RuleRunner::is_blocked(const Attempt& attempt, GrantedTime::Clock::duration quiet) {
  const Deadline& deadline = *attempt.deadline;
  const bool waits = !attempt.ctx.transcript_.waiting_for().empty();
  if (quiet <= (waits ? deadline.blocked() : deadline.thinking())) {
    return false;
  }
  // A thread that runs, or waits only for a processor, has the longer of the two limits.
  return quiet > std::max(deadline.blocked(), deadline.thinking()) ||
         !attempt.ctx.threads_.is_any_running();
}

/// The thread of the rule makes no progress: on what does it wait?
inline void RuleRunner::blame_block(const RuleContext& ctx, const Rule& rule, RuleResult& result) {
  const std::string step = ctx.transcript_.waiting_for();
  if (step.starts_with(Transcript::by_harness)) {
    result.verdict = Verdict::error;
    result.reason = step + " blocks the thread that awaits it";
    result.details = explain(ctx, rule, "the harness to work", result.reason, hint_of_block);
  } else if (step.empty()) {
    break_rule(ctx, rule, result, "what follows " + ctx.transcript_.last_call() + " to end",
               "nothing: it blocks the thread, where it is called or where it is destroyed",
               hint_of_block);
  } else {
    break_rule(ctx, rule, result, "an end of " + step,
               "nothing: it blocks the thread that awaits it", hint_of_block);
  }
}

inline void RuleRunner::check(Attempt& attempt, const Rule& rule, RuleResult& result) {
  RuleContext& ctx = attempt.ctx;
  const auto broken = [&](const std::string& expected, const std::string& actual) {
    break_rule(ctx, rule, result, expected, actual, rule.hint);
  };
  try {
    rule.body(ctx);
    result.verdict = Verdict::held;
  } catch (const Timeout& timeout) {
    break_rule(ctx, rule, result, timeout.expected, timeout.actual, hint_of_timeout);
    ctx.driver_.abandon();
  } catch (const Violation& violation) {
    broken(violation.expected, violation.actual);
  } catch (const NotTestable& reason) {
    result.verdict = Verdict::untested;
    result.reason = reason.what();
  } catch (const HarnessFailure& failure) {
    result.verdict = Verdict::error;
    result.reason = failure.what();
    result.details = explain(ctx, rule, "the harness to work", failure.what(), rule.hint);
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    const std::string lack = machine_fault(error);
    if (lack.empty()) {
      broken("an answer to " + ctx.transcript_.last_call(), describe(error));
    } else {
      result.verdict = Verdict::error;
      result.reason =
          "the machine has no more to give, in " + ctx.transcript_.last_call() + ": " + lack;
      result.details =
          explain(ctx, rule, "the machine to have what the rule takes", lack, rule.hint);
    }
  }
}

inline void RuleRunner::judge(Attempt& attempt, const Rule& rule, RuleResult& result) {
  check(attempt, rule, result);
  publish(attempt, result, false);
  try {
    attempt.ctx.clean_up();
  } catch (const Timeout& timeout) {
    if (!is_decided(result)) {
      break_rule(attempt.ctx, rule, result, timeout.expected, timeout.actual, hint_of_timeout);
    }
    attempt.ctx.driver_.abandon();
  } catch (const std::exception& error) {
    attempt.ctx.driver_.abandon();
    if (!is_decided(result)) {
      result.verdict = Verdict::error;
      result.reason = error.what();
    }
  }
  publish(attempt, result, false);
  attempt.ctx.leave(); // here, where the destructors of the backend are watched
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
  attempt->ctx.set_child_arguments(child_arguments);
  RuleResult result;
  std::thread thread;
  try {
    thread = std::thread([attempt, rule] {
      const SignalStack stack;
      const CallingThreads::Member member(attempt->ctx.threads_);
      RuleResult found;
      judge(*attempt, rule, found);
      publish(*attempt, found, true);
    });
  } catch (const std::system_error& error) {
    result.id = rule.id;
    result.text = rule.text;
    result.verdict = Verdict::error;
    result.reason = std::string("the machine starts no thread for the rule: ") + error.what();
    return result;
  }

  constexpr std::chrono::milliseconds between_looks(50);
  GrantedTime quiet(between_looks);
  std::uint64_t beats = deadline->beats();
  std::unique_lock lock(attempt->mutex);
  for (;;) {
    attempt->changed.wait_for(lock, between_looks, [&attempt] { return attempt->over; });
    if (attempt->over) {
      lock.unlock();
      thread.join();
      result = std::move(attempt->result);
      break;
    }
    const std::uint64_t beats_now = deadline->beats();
    if (std::exchange(beats, beats_now) != beats_now) {
      quiet.restart();
      continue;
    }
    if (is_blocked(*attempt, quiet.count())) {
      thread.detach();
      deadline->after_a_hang();
      result = attempt->result;
      if (!is_decided(result)) {
        blame_block(attempt->ctx, rule, result);
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
  const CrashReporter note(rule.id, options_.seed);
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
