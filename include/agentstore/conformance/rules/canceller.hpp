// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CANCELLER_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CANCELLER_HPP

/// \file
/// How the rules of cancellation start calls and cancel them.

#include <agentstore/conformance/check/rule_context.hpp>

namespace agentstore::conformance::detail {

/// Whether a call was still under way when it was cancelled.
enum class CancelTiming {
  in_time,
  at_a_wait, ///< in time, but before the last steps: the call waits for something
  too_late,  ///< the call has ended before
};

/// When to cancel: before the call begins, after so many steps of the caller's event loop, or after
/// so long.
class CancelPoint {
public:
  static CancelPoint after_steps(std::size_t steps) { return CancelPoint(steps, {}); }
  static CancelPoint after(std::chrono::microseconds delay) { return CancelPoint(0, delay); }

  std::string text() const {
    if (delay_.count() != 0) {
      return "after " + show(delay_);
    }
    return steps_ == 0 ? "before it began" : "after " + std::to_string(steps_) + " steps";
  }

  /// Runs the loop until this point, or until the call has ended.
  CancelTiming await(Driver& driver, const Pending<bool>& call) const {
    const auto now = [] { return std::chrono::steady_clock::now(); };
    if (delay_.count() != 0) {
      const auto end = now() + delay_;
      while (!call.is_done() && now() < end) {
        driver.step();
      }
      return call.is_done() ? CancelTiming::too_late : CancelTiming::in_time;
    }
    // A step that does not come is one that waits, for a timer or a thread: cancelled while it
    // does.
    const auto end = now() + std::chrono::milliseconds(100);
    std::size_t made = 0;
    while (made < steps_ && !call.is_done() && now() < end) {
      made += driver.step() ? 1u : 0u;
    }
    if (call.is_done()) {
      return CancelTiming::too_late;
    }
    return made == steps_ ? CancelTiming::in_time : CancelTiming::at_a_wait;
  }

private:
  CancelPoint(std::size_t steps, std::chrono::microseconds delay) : steps_(steps), delay_(delay) {}

  std::size_t steps_;
  std::chrono::microseconds delay_;
};

/// How a call ended that was cancelled.
class CancelResult {
public:
  CancelTiming timing = CancelTiming::too_late;
  /// Nothing if it threw.
  std::optional<bool> value;
};

/// Starts calls and cancels them.
///
/// A signal must outlive what a call leaves in the loop, and that must not be run off here: it is
/// for the rules to see what it does. So the signals are kept, and those of a call that hangs for
/// good.
class Canceller {
public:
  explicit Canceller(Driver& driver) : driver_(driver) {}
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;
  ~Canceller();

  /// A call that is under way.
  class Started {
  public:
    Pending<bool> call;
    std::shared_ptr<Cancellation> cancellation;
  };

  Started start(std::string text, awaitable<bool> call);
  /// Waits for its end, or throws `Timeout`.
  void settle(const Started& started);
  /// Runs one call and cancels it. It ends, by whatever result, or `Timeout` is thrown.
  CancelResult run(std::string text, awaitable<bool> call, const CancelPoint& point);

private:
  using Cancellations = std::vector<std::shared_ptr<Cancellation>>;

  void keep_for_good() {
    static std::mutex mutex;
    static auto* const kept = new Cancellations();
    const std::lock_guard lock(mutex);
    kept->insert(kept->end(), cancellations_.begin(), cancellations_.end());
  }

  Driver& driver_;
  Cancellations cancellations_;
};

inline Canceller::~Canceller() {
  try {
    for (int i = 0; i < 100 && driver_.step(); ++i) {
    }
  } catch (...) {
    keep_for_good(); // whatever the store has put into the loop; the rule has its verdict
  }
}

inline CancelResult Canceller::run(std::string text, awaitable<bool> call,
                                   const CancelPoint& point) {
  const Started started = start(std::move(text) + ", cancelled " + point.text(), std::move(call));
  CancelResult result;
  result.timing = point.await(driver_, started.call);
  if (result.timing != CancelTiming::too_late) {
    started.cancellation->request();
  }
  settle(started);
  Driver::expect_own_thread(*started.call.state);
  result.value = started.call.state->value;
  return result;
}

inline Canceller::Started Canceller::start(std::string text, awaitable<bool> call) {
  Started started;
  started.cancellation = cancellations_.emplace_back(std::make_shared<Cancellation>());
  started.call = driver_.start(std::move(text), std::move(call), started.cancellation);
  return started;
}

inline void Canceller::settle(const Started& started) {
  try {
    driver_.settle(started.call);
  } catch (const Timeout&) {
    keep_for_good();
    throw;
  }
}

/// Calls `attempt(point)` for each point, until later ones make no difference.
template <class Attempt>
void at_each_point(const Attempt& attempt) {
  constexpr std::size_t most_steps = 64;
  for (std::size_t steps = 0; steps < most_steps; ++steps) {
    if (attempt(CancelPoint::after_steps(steps)) != CancelTiming::in_time) {
      break;
    }
  }
  for (const int delay : {20, 100, 500, 2500}) {
    if (attempt(CancelPoint::after(std::chrono::microseconds(delay))) != CancelTiming::in_time) {
      break;
    }
  }
}

} // namespace agentstore::conformance::detail

#endif
