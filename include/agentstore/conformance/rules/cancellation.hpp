// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CANCELLATION_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CANCELLATION_HPP

/// \file
/// CAN: every method, cancelled at every moment that can be told apart.

#include <agentstore/conformance/deed.hpp>
#include <agentstore/conformance/rule.hpp>

namespace agentstore::conformance {

std::vector<Rule> cancellation_rules();

// Only machinery below this line.

namespace detail {

/// When to cancel: after so many steps of the caller's event loop, or after so long.
class Moment {
public:
  static Moment after_steps(std::size_t steps) { return Moment(steps, {}); }
  static Moment after(std::chrono::microseconds delay) { return Moment(0, delay); }

  std::string text() const {
    return delay_.count() != 0 ? "after " + show(delay_)
                               : "after " + std::to_string(steps_) + " steps";
  }

  enum class Came {
    in_time,
    at_a_wait, ///< in time, but before the last steps: the call waits for something
    too_late,  ///< the call has ended before
  };

  /// Runs the loop until the moment has come, or the call has ended.
  Came await(Driver& driver, const Pending<bool>& call) const {
    const auto now = [] { return std::chrono::steady_clock::now(); };
    if (delay_.count() != 0) {
      const auto end = now() + delay_;
      while (!call.is_done() && now() < end) {
        driver.step();
      }
      return call.is_done() ? Came::too_late : Came::in_time;
    }
    // A step that does not come is one that waits, for a timer or a thread: cancelled while it
    // does.
    const auto end = now() + std::chrono::milliseconds(100);
    std::size_t made = 0;
    while (made < steps_ && !call.is_done() && now() < end) {
      made += driver.step() ? 1u : 0u;
    }
    if (call.is_done()) {
      return Came::too_late;
    }
    return made == steps_ ? Came::in_time : Came::at_a_wait;
  }

private:
  Moment(std::size_t steps, std::chrono::microseconds delay) : steps_(steps), delay_(delay) {}

  std::size_t steps_;
  std::chrono::microseconds delay_;
};

/// How a call ended that was cancelled.
class Ended {
public:
  Moment::Came came = Moment::Came::too_late;
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

  /// Runs one call and cancels it. It ends, by whatever result, or `Hang` is thrown.
  Ended run(std::string text, awaitable<bool> call, const Moment& moment);

private:
  using Signals = std::vector<std::shared_ptr<boost::asio::cancellation_signal>>;

  void keep_for_good() {
    static std::mutex mutex;
    static auto* const kept = new Signals();
    const std::lock_guard lock(mutex);
    kept->insert(kept->end(), signals_.begin(), signals_.end());
  }

  Driver& driver_;
  Signals signals_;
};

inline Canceller::~Canceller() {
  try {
    for (int i = 0; i < 100 && driver_.step(); ++i) {
    }
  } catch (...) {
    keep_for_good(); // whatever the store has put into the loop; the rule has its verdict
  }
}

inline Ended Canceller::run(std::string text, awaitable<bool> call, const Moment& moment) {
  signals_.push_back(std::make_shared<boost::asio::cancellation_signal>());
  boost::asio::cancellation_signal& signal = *signals_.back();
  const Pending<bool> pending = driver_.start(std::move(text) + ", cancelled " + moment.text(),
                                              std::move(call), signal.slot());
  Ended ended;
  ended.came = moment.await(driver_, pending);
  if (ended.came != Moment::Came::too_late) {
    signal.emit(boost::asio::cancellation_type::all);
  }
  try {
    driver_.settle(pending);
  } catch (const Hang&) {
    keep_for_good();
    throw;
  }
  ended.value = pending.state->value;
  return ended;
}

/// Calls `attempt(moment)` for each moment, until later ones make no difference.
template <class Attempt>
void at_each_moment(const Attempt& attempt) {
  constexpr std::size_t most_steps = 64;
  for (std::size_t steps = 0; steps < most_steps; ++steps) {
    if (attempt(Moment::after_steps(steps)) != Moment::Came::in_time) {
      break;
    }
  }
  for (const int delay : {20, 100, 500, 2500}) {
    if (attempt(Moment::after(std::chrono::microseconds(delay))) != Moment::Came::in_time) {
      break;
    }
  }
}

/// Reads with a loop of its own on a thread of its own, while the caller's loop stands still: what
/// a call left behind there cannot happen unseen before. A store that needs the caller's loop for
/// its answers gets it after a while.
class Aside {
public:
  explicit Aside(World& w) : w_(w) {}

  std::vector<Deed::Number> numbers(const Deed& deed, Client& c, const std::string& key) {
    std::vector<Deed::Number> result;
    std::exception_ptr failure;
    std::atomic<bool> is_over = false;
    std::thread reader([&] {
      Driver driver(w_.deadline(), w_.transcript());
      try {
        Client mine = c.on(driver);
        result = deed.numbers(w_, mine, key);
      } catch (...) {
        failure = std::current_exception();
        driver.abandon();
      }
      is_over = true;
    });
    const auto quiet_until = std::chrono::steady_clock::now() + quiet_;
    while (!is_over) {
      if (std::chrono::steady_clock::now() < quiet_until) {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      } else {
        quiet_ = {}; // this store needs it
        w_.driver().context().restart();
        w_.driver().context().run_one_for(std::chrono::milliseconds(2));
      }
    }
    reader.join();
    if (failure) {
      std::rethrow_exception(failure);
    }
    return result;
  }

private:
  World& w_;
  std::chrono::steady_clock::duration quiet_ = std::chrono::milliseconds(100);
};

/// Each method in turn, cancelled at each moment.
class Cancelling {
public:
  explicit Cancelling(World& w) : Cancelling(w, w.open()) {}
  Cancelling(World& w, Client c) : w_(w), c_(std::move(c)), aside_(w), canceller_(w.driver()) {}

  /// CAN-01: every call ends.
  void expect_ends();
  /// CAN-02: what a cancelled write has done when it ends is all or nothing, and stays so.
  void expect_whole_effects();
  /// CAN-02: the same of a clean-up, on a space of its own. Of several sessions some may be gone,
  /// but none by half.
  void expect_no_half_clean_up();
  /// CAN-03: after each cancelled call the next one works.
  void expect_to_work_on();
  /// CAN-03: a call that another waits for, or that waits with another, works though that one is
  /// cancelled, and so does the next.
  void expect_others_to_work();
  /// CAN-03: nothing runs out where calls are cancelled one after the other.
  void expect_to_bear_many();
  /// CAN-03: on a space of its own: a store that was being opened or closed can be opened.
  void expect_to_open();

private:
  /// One place that was written to and what was found there at the end of the cancelled write.
  class Outcome {
  public:
    const Deed* deed = nullptr;
    std::string key;
    std::string call;
    std::vector<Deed::Number> found;
  };

  /// A key that is ready for write #2; #1 is there where a write can be repeated.
  std::string prepare(const Deed& deed) {
    std::string key = "cancelled " + std::to_string(++keys_);
    deed.prepare(w_, c_, key);
    if (deed.on_repeat != Deed::Again::never) {
      w_.expect(deed.put(c_, key, 1), deed.text(key, 1) + " to be true", "false");
    }
    return key;
  }

  Ended cancel_write(const Deed& deed, const std::string& key, const Moment& moment) {
    return canceller_.run(deed.text(key, 2), deed.write(c_.handle(), key, 2), moment);
  }
  Ended cancel_read(const ReadProbe& probe, const std::string& key, const Moment& moment) {
    const Ids ids = probe.ids(key);
    return canceller_.run(probe.text(ids), probe.read(c_.handle(), ids), moment);
  }

  /// Whatever was left behind has its time now.
  void let_pass(std::chrono::milliseconds time) {
    w_.driver().context().restart();
    w_.driver().context().run_for(time);
  }
  void expect_still(const Outcome& outcome) {
    w_.expect_same(outcome.deed->numbers(w_, c_, outcome.key), outcome.found,
                   "a while later, what was found at the end of " + outcome.call + ",");
  }

  Outcome look(const Deed& deed, const std::string& key, const Moment& moment, const Ended& ended);
  void expect_next_write(const Deed& deed, const std::string& key);

  World& w_;
  Client c_;
  Aside aside_;
  Canceller canceller_;
  std::size_t keys_ = 0;
};

inline void Cancelling::expect_ends() {
  for (const Deed& deed : deeds(w_)) {
    at_each_moment(
        [&](const Moment& moment) { return cancel_write(deed, prepare(deed), moment).came; });
  }
  const std::string key = "read";
  fill_for_reads(w_, c_, key);
  for (const auto& calls : {read_probes(w_), other_calls(w_)}) {
    for (const ReadProbe& probe : calls) {
      at_each_moment([&](const Moment& moment) {
        const Ended ended = cancel_read(probe, key, moment);
        // An archive that could not be opened says so by false.
        const bool may_be_false = probe.name == "initialize" && w_.offers(Interfaces::archive);
        w_.expect(ended.value.value_or(true) || may_be_false,
                  "what is there, or an exception, from " + probe.text(probe.ids(key)) +
                      ", cancelled " + moment.text(),
                  "nothing");
        return ended.came;
      });
    }
  }
}

inline Cancelling::Outcome Cancelling::look(const Deed& deed, const std::string& key,
                                            const Moment& moment, const Ended& ended) {
  Outcome outcome;
  outcome.deed = &deed;
  outcome.key = key;
  outcome.call = deed.text(key, 2) + ", cancelled " + moment.text();
  try {
    outcome.found = aside_.numbers(deed, c_, key);
  } catch (const Hang&) {
    throw;
  } catch (const Violation& violation) {
    throw Violation(violation.expected + ", after " + outcome.call, violation.came);
  }
  std::vector<Deed::Number> before;
  if (deed.on_repeat != Deed::Again::never) {
    before.push_back(1);
  }
  const std::vector<Deed::Number> with = deed.after(before, 2);
  w_.expect(outcome.found == before || outcome.found == with,
            show(before) + " or " + show(with) + " after " + outcome.call, show(outcome.found));
  w_.expect(ended.value != true || outcome.found == with,
            show(with) + " after " + outcome.call + ", which was true all the same",
            show(outcome.found));
  w_.expect(ended.value != false || deed.is_archive, "true or an exception from " + outcome.call,
            "false");
  return outcome;
}

inline void Cancelling::expect_whole_effects() {
  const std::vector<Deed> all = deeds(w_);
  std::vector<Outcome> outcomes;
  for (const Deed& deed : all) {
    if (!deed.is_readable) {
      continue;
    }
    at_each_moment([&](const Moment& moment) {
      const std::string key = prepare(deed);
      const Ended ended = cancel_write(deed, key, moment);
      outcomes.push_back(look(deed, key, moment, ended));
      return ended.came;
    });
  }
  if (outcomes.empty()) {
    throw Untested("the archive is no IArchiveReader, and the harness has no read_archive");
  }
  let_pass(std::chrono::milliseconds(120));
  for (const Outcome& outcome : outcomes) {
    expect_still(outcome);
  }
}

inline void Cancelling::expect_no_half_clean_up() {
  const Deed deed = clean_up_deed();
  at_each_moment([&](const Moment& moment) {
    const std::string key = prepare(deed);
    const Ended ended = cancel_write(deed, key, moment);
    const Outcome outcome = look(deed, key, moment, ended);
    // At once: the next one takes away what this one left.
    let_pass(std::chrono::milliseconds(15));
    expect_still(outcome);
    return ended.came;
  });
}

inline void Cancelling::expect_next_write(const Deed& deed, const std::string& key) {
  const std::string next_key = deed.on_repeat == Deed::Again::never ? prepare(deed) : key;
  w_.expect(deed.put(c_, next_key, 3), deed.text(next_key, 3) + " after a cancelled one to be true",
            "false");
  if (deed.is_readable) {
    const std::vector<Deed::Number> found = deed.numbers(w_, c_, next_key);
    w_.expect(!found.empty() && found.back() == deed.after({}, 3).back(), "#3 to be the latest",
              show(found));
  }
}

inline void Cancelling::expect_to_work_on() {
  for (const Deed& deed : deeds(w_)) {
    at_each_moment([&](const Moment& moment) {
      const std::string key = prepare(deed);
      const Ended ended = cancel_write(deed, key, moment);
      expect_next_write(deed, key);
      return ended.came;
    });
  }
  const Deed some = deeds(w_).front();
  fill_for_reads(w_, c_, "any");
  for (const auto& calls : {read_probes(w_), other_calls(w_)}) {
    for (const ReadProbe& probe : calls) {
      for (const char* key : {"any", "unknown"}) {
        at_each_moment([&](const Moment& moment) {
          const Ended ended = cancel_read(probe, key, moment);
          probe.get(c_, probe.ids(key));
          return ended.came;
        });
      }
    }
  }
  expect_next_write(some, prepare(some));
}

inline void Cancelling::expect_others_to_work() {
  for (const Deed& deed : deeds(w_)) {
    at_each_moment([&](const Moment& moment) {
      const std::string key = prepare(deed);
      const std::string other = deed.on_repeat == Deed::Again::never ? prepare(deed) : key;
      const Pending<bool> call =
          w_.driver().start(deed.text(key, 2), deed.write(c_.handle(), key, 2));
      const Ended ended =
          canceller_.run(deed.text(other, 3), deed.write(c_.handle(), other, 3), moment);
      const std::string beside =
          deed.text(key, 2) + " beside one that was cancelled " + moment.text();
      w_.expect(w_.driver().finish(call), beside + " to be true", "false");
      if (deed.is_readable && deed.on_repeat != Deed::Again::replaces) {
        const std::vector<Deed::Number> found = deed.numbers(w_, c_, key);
        const Deed::Number mine = deed.after({}, 2).back();
        w_.expect(std::find(found.begin(), found.end(), mine) != found.end(),
                  "what was written by " + beside, show(found));
      }
      const std::string next = deed.on_repeat == Deed::Again::never ? prepare(deed) : key;
      w_.expect(deed.put(c_, next, 4), deed.text(next, 4) + " after both to be true", "false");
      return ended.came;
    });
  }
}

inline void Cancelling::expect_to_bear_many() {
  constexpr std::size_t many = 70; // more than there are connections in a pool
  // A store that takes its time has shown what it does after fewer.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const auto is_time_left = [end] { return std::chrono::steady_clock::now() < end; };
  for (const ReadProbe& probe : read_probes(w_)) {
    for (std::size_t i = 0; i < many && is_time_left(); ++i) {
      cancel_read(probe, "any", Moment::after_steps(1 + i % 3));
    }
    w_.expect(probe.get(c_, probe.ids("any")),
              probe.text(probe.ids("any")) + " to find what is there, after many cancelled ones",
              "nothing");
  }
  for (const Deed& deed : deeds(w_)) {
    const std::string key = prepare(deed);
    for (std::size_t i = 0; i < many && is_time_left(); ++i) {
      cancel_write(deed, key, Moment::after_steps(1 + i % 3));
    }
    const std::string next = prepare(deed);
    w_.expect(deed.put(c_, next, 3), deed.text(next, 3) + " after many cancelled ones to be true",
              "false");
  }
}

inline void Cancelling::expect_to_open() {
  const std::string key = "kept";
  fill_for_reads(w_, c_, key);
  const auto expect_open = [&](const std::string& after) {
    w_.expect(c_.initialize(), "initialize() to be true after " + after, "false");
    for (const ReadProbe& probe : read_probes(w_)) {
      w_.expect(probe.get(c_, probe.ids(key)),
                probe.text(probe.ids(key)) + " to find what is there, after " + after, "nothing");
    }
  };
  for (const ReadProbe& closing : closings(w_)) {
    at_each_moment([&](const Moment& moment) {
      const Ended ended = cancel_read(closing, key, moment);
      expect_open("close(), cancelled " + moment.text());
      return ended.came;
    });
  }
  for (const ReadProbe& opening : other_calls(w_)) {
    if (opening.name != "initialize") {
      continue;
    }
    at_each_moment([&](const Moment& moment) {
      c_.close();
      const Ended ended = cancel_read(opening, key, moment);
      expect_open("initialize(), cancelled " + moment.text());
      return ended.came;
    });
  }
}

} // namespace detail

inline std::vector<Rule> cancellation_rules() {
  return {
      Rule("CAN-01", needs::anything, "a cancelled call ends, by its result or by an exception",
           "hand the cancellation on to what the call waits for, or let it go on to its end; do "
           "not wait for what the cancellation has stopped",
           [](World& w) { detail::Cancelling(w).expect_ends(); }),
      Rule("CAN-02", needs::anything,
           "a cancelled write has been applied whole or not at all when its end is reported, and "
           "nothing of it is applied afterwards",
           "after the first change no await may throw for the cancellation; do not leave a part of "
           "the work to a handler that outlives the call",
           [](World& w) {
             detail::Cancelling(w).expect_whole_effects();
             if (w.offers(Interfaces::backend)) {
               detail::Cancelling(w, w.open_other()).expect_no_half_clean_up();
             }
           }),
      Rule("CAN-03", needs::anything, "the store works on after a cancellation",
           "what a call takes, a lock, a connection, a place in a queue, it must give back when it "
           "is cancelled",
           [](World& w) {
             detail::Cancelling store(w);
             store.expect_to_work_on();
             store.expect_others_to_work();
             store.expect_to_bear_many();
             Client other = w.open_other();
             if (other.has_life_cycle()) {
               detail::Cancelling(w, other).expect_to_open();
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
