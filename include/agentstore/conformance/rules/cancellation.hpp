// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CANCELLATION_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CANCELLATION_HPP

/// \file
/// CAN: every method, cancelled at every point that can be told apart.

#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/canceller.hpp>
#include <agentstore/conformance/rules/held_writes.hpp>
#include <agentstore/conformance/rules/late_awaits.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

namespace agentstore::conformance {

namespace detail {

/// Reads with a loop of its own on a thread of its own, while the caller's loop stands still: what
/// a call left behind there cannot happen unseen before. A store that needs the caller's loop for
/// its answers gets it after a while.
class SideReader {
public:
  explicit SideReader(RuleContext& ctx) : ctx_(ctx) {}

  std::vector<TaggedWrite::Number> numbers(const TaggedWrite& tagged, Client& client,
                                           const std::string& key) {
    std::vector<TaggedWrite::Number> result;
    std::exception_ptr failure;
    std::atomic<bool> is_over = false;
    std::thread reader([&] {
      Driver driver(ctx_.deadline(), ctx_.transcript());
      try {
        Client mine = client.on(driver);
        result = tagged.numbers(ctx_, mine, key);
      } catch (...) {
        failure = std::current_exception();
        driver.abandon();
      }
      is_over = true;
    });
    constexpr std::chrono::microseconds find(50);
    GrantedTime waited(find);
    while (!is_over) {
      if (waited.count() < quiet_) {
        std::this_thread::sleep_for(find);
      } else {
        quiet_ = {}; // this store needs it
        ctx_.driver().context().restart();
        ctx_.driver().context().run_one_for(std::chrono::milliseconds(2));
      }
    }
    reader.join();
    if (failure) {
      std::rethrow_exception(failure);
    }
    return result;
  }

private:
  RuleContext& ctx_;
  std::chrono::steady_clock::duration quiet_ = std::chrono::milliseconds(100);
};

/// Each method in turn, cancelled at each point.
class Cancelling {
public:
  explicit Cancelling(RuleContext& ctx) : Cancelling(ctx, ctx.open()) {}
  Cancelling(RuleContext& ctx, Client client)
      : ctx_(ctx), client_(std::move(client)), aside_(ctx), canceller_(ctx.driver()) {}

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
    const TaggedWrite* tagged = nullptr;
    std::string key;
    std::string call;
    std::vector<TaggedWrite::Number> found;
  };

  /// A key that is ready for write #2; #1 is there where a write can be repeated.
  std::string prepare(const TaggedWrite& tagged) {
    std::string key = "cancelled " + std::to_string(++keys_);
    tagged.prepare(ctx_, client_, key);
    if (tagged.on_repeat != RepeatEffect::keeps) {
      ctx_.expect(tagged.put(client_, key, 1), tagged.text(key, 1) + " to be true", "false");
    }
    session_.reset();
    if (tagged.needs_session && client_.has_sessions()) {
      session_ = ctx_.must(client_.get_session(key), "the session");
      set_clock_if_any(ctx_, session_->last_activity + std::chrono::hours(1));
    }
    return key;
  }

  /// Cancels write #2, or another that differs in its arguments.
  CancelResult cancel_write(const TaggedWrite& tagged, const std::string& key,
                            const CancelPoint& point, TaggedWrite::Number number = 2) {
    return canceller_.run(tagged.text(key, number), tagged.write(client_.handle(), key, number),
                          point);
  }
  CancelResult cancel_read(const ReadMethod& method, const std::string& key,
                           const CancelPoint& point) {
    const Ids ids = method.ids(key);
    return canceller_.run(method.text(ids), method.read(client_.handle(), ids), point);
  }

  /// Whatever was left behind has its time now.
  void let_pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds slice(5);
    for (GrantedTime passed(slice); passed.count() < time;) {
      ctx_.driver().context().restart();
      ctx_.driver().context().run_one_for(slice);
    }
  }
  void expect_still(const Outcome& outcome) {
    ctx_.expect_same(outcome.tagged->numbers(ctx_, client_, outcome.key), outcome.found,
                     "a while later, what was found at the end of " + outcome.call + ",");
  }

  Outcome find(const TaggedWrite& tagged, const std::string& key, const CancelPoint& point,
               const CancelResult& result, TaggedWrite::Number number = 2);
  void expect_whole_session(const Outcome& outcome, bool is_applied);
  void expect_next_write(const TaggedWrite& tagged, const std::string& key);

  RuleContext& ctx_;
  Client client_;
  SideReader aside_;
  Canceller canceller_;
  std::size_t keys_ = 0;
  /// The session of the key that was prepared last, if the write needs one.
  std::optional<Session> session_;
};

inline void Cancelling::expect_ends() {
  for (const TaggedWrite& tagged : tagged_writes_and_entries(ctx_)) {
    at_each_point([&](const CancelPoint& point) {
      return cancel_write(tagged, prepare(tagged), point).timing;
    });
  }
  const std::string key = "read";
  fill_for_reads(ctx_, client_, key);
  add_for_reads(ctx_, client_, key);
  for (const Operation& call :
       reads_about(ctx_.harness().interfaces(), key, {key}, {"the checkpoint_id"})) {
    const std::string expected = MadeCall(client_, call).outcome(client_);
    at_each_point([&](const CancelPoint& point) {
      const auto answer = std::make_shared<std::optional<Answer>>();
      const CancelResult result = canceller_.run(
          show(call), keep_answer(method_of(call.kind).call(client_.handle(), call), answer),
          point);
      const std::string actual = result.value ? shown_answer(answer->value()) : expected;
      ctx_.expect(actual == expected,
                  expected + ", or an exception, from " + show(call) + ", cancelled " +
                      point.text(),
                  actual);
      return result.timing;
    });
  }
  for (const ReadMethod& method : other_calls(ctx_)) {
    at_each_point([&](const CancelPoint& point) {
      const CancelResult result = cancel_read(method, key, point);
      // An archive that could not be opened says so by false.
      const bool may_be_false = method.name == "initialize" && ctx_.offers(Interfaces::archive);
      ctx_.expect(result.value.value_or(true) || may_be_false,
                  "what is there, or an exception, from " + method.text(method.ids(key)) +
                      ", cancelled " + point.text(),
                  "nothing");
      return result.timing;
    });
  }
}

inline Cancelling::Outcome Cancelling::find(const TaggedWrite& tagged, const std::string& key,
                                            const CancelPoint& point, const CancelResult& result,
                                            TaggedWrite::Number number) {
  Outcome outcome;
  outcome.tagged = &tagged;
  outcome.key = key;
  outcome.call = tagged.text(key, number) + ", cancelled " + point.text();
  try {
    outcome.found = aside_.numbers(tagged, client_, key);
  } catch (const Timeout&) {
    throw;
  } catch (const Violation& violation) {
    throw Violation(violation.expected + ", after " + outcome.call, violation.actual);
  }
  std::vector<TaggedWrite::Number> before;
  if (tagged.on_repeat != RepeatEffect::keeps) {
    before.push_back(1);
  }
  const std::vector<TaggedWrite::Number> with = tagged.after(before, number);
  ctx_.expect(outcome.found == before || outcome.found == with,
              show(before) + " or " + show(with) + " after " + outcome.call, show(outcome.found));
  ctx_.expect(result.value != true || outcome.found == with,
              show(with) + " after " + outcome.call + ", which was true all the same",
              show(outcome.found));
  ctx_.expect(result.value != false || tagged.is_archive,
              "true or an exception from " + outcome.call, "false");
  if (session_) {
    expect_whole_session(outcome, outcome.found == with);
  }
  return outcome;
}

/// Its times and its version belong to the effect.
inline void Cancelling::expect_whole_session(const Outcome& outcome, bool is_applied) {
  const Session now = ctx_.must(client_.get_session(outcome.key), "the session");
  if (!is_applied) {
    ctx_.expect_same(now, *session_, "the session after " + outcome.call + ", without effect,");
    return;
  }
  const MethodId id = outcome.tagged->method().id;
  const bool moves = id == MethodId::update_session || id == MethodId::add_conversation_message;
  ctx_.expect(now.last_activity > session_->last_activity || !moves || !ctx_.has_clock(),
              "last_activity to move with " + outcome.call + ", which had its effect", show(now));
  ctx_.expect(now.version > session_->version || now == *session_,
              "the version to grow with " + outcome.call + ", which had its effect", show(now));
}

inline void Cancelling::expect_whole_effects() {
  const std::vector<TaggedWrite> all = tagged_writes_and_entries(ctx_);
  std::vector<Outcome> outcomes;
  for (const TaggedWrite& tagged : all) {
    if (!tagged.is_readable) {
      continue;
    }
    for (const TaggedWrite::Number number : tagged.differing()) {
      at_each_point([&](const CancelPoint& point) {
        const std::string key = prepare(tagged);
        const CancelResult result = cancel_write(tagged, key, point, number);
        outcomes.push_back(find(tagged, key, point, result, number));
        return result.timing;
      });
    }
  }
  if (outcomes.empty()) {
    throw NotTestable("the archive is no IArchiveReader, and the harness has no read_archive");
  }
  let_pass(std::chrono::milliseconds(120));
  for (const Outcome& outcome : outcomes) {
    expect_still(outcome);
  }
  if (ctx_.harness().claims().has_shared_handles()) {
    Client other = ctx_.open();
    for (const Outcome& outcome : outcomes) {
      ctx_.expect_same(outcome.tagged->numbers(ctx_, other, outcome.key), outcome.found,
                       "by another handle, what was found at the end of " + outcome.call + ",");
    }
  }
}

inline void Cancelling::expect_no_half_clean_up() {
  const TaggedWrite tagged = clean_up_write();
  at_each_point([&](const CancelPoint& point) {
    const std::string key = prepare(tagged);
    const CancelResult result = cancel_write(tagged, key, point);
    const Outcome outcome = find(tagged, key, point, result);
    // At once: the next one takes away what this one left.
    let_pass(std::chrono::milliseconds(15));
    expect_still(outcome);
    return result.timing;
  });
}

inline void Cancelling::expect_next_write(const TaggedWrite& tagged, const std::string& key) {
  const std::string next_key = tagged.on_repeat == RepeatEffect::keeps ? prepare(tagged) : key;
  ctx_.expect(tagged.put(client_, next_key, 3),
              tagged.text(next_key, 3) + " after a cancelled one to be true", "false");
  if (tagged.is_readable) {
    const std::vector<TaggedWrite::Number> found = tagged.numbers(ctx_, client_, next_key);
    ctx_.expect(!found.empty() && found.back() == tagged.after({}, 3).back(), "#3 to be the latest",
                show(found));
  }
}

inline void Cancelling::expect_to_work_on() {
  for (const TaggedWrite& tagged : tagged_writes_and_entries(ctx_)) {
    at_each_point([&](const CancelPoint& point) {
      const std::string key = prepare(tagged);
      const CancelResult result = cancel_write(tagged, key, point);
      expect_next_write(tagged, key);
      return result.timing;
    });
  }
  const TaggedWrite some = tagged_writes_and_entries(ctx_).front();
  fill_for_reads(ctx_, client_, "any");
  for (const auto& calls : {read_methods(ctx_), other_calls(ctx_)}) {
    for (const ReadMethod& method : calls) {
      for (const char* key : {"any", "unknown"}) {
        at_each_point([&](const CancelPoint& point) {
          const CancelResult result = cancel_read(method, key, point);
          method.get(client_, method.ids(key));
          return result.timing;
        });
      }
    }
  }
  expect_next_write(some, prepare(some));
}

inline void Cancelling::expect_others_to_work() {
  for (const TaggedWrite& tagged : tagged_writes_and_entries(ctx_)) {
    at_each_point([&](const CancelPoint& point) {
      const std::string key = prepare(tagged);
      const std::string other = tagged.on_repeat == RepeatEffect::keeps ? prepare(tagged) : key;
      const Pending<bool> call =
          ctx_.driver().start(tagged.text(key, 2), tagged.write(client_.handle(), key, 2));
      const CancelResult result =
          canceller_.run(tagged.text(other, 3), tagged.write(client_.handle(), other, 3), point);
      const std::string cancelled = tagged.text(other, 3) + ", cancelled " + point.text();
      const std::string beside = tagged.text(key, 2) + " beside " + cancelled;
      ctx_.expect(ctx_.driver().finish(call), beside + " to be true", "false");
      if (tagged.is_readable && tagged.on_repeat != RepeatEffect::replaces) {
        const std::vector<TaggedWrite::Number> found = tagged.numbers(ctx_, client_, key);
        const TaggedWrite::Number mine = tagged.after({}, 2).back();
        ctx_.expect(std::find(found.begin(), found.end(), mine) != found.end(),
                    "what was written by " + beside, show(found));
      }
      ctx_.expect(result.value != false || tagged.is_archive,
                  "true or an exception from " + cancelled + ", beside another", "false");
      if (tagged.is_readable && result.value == true &&
          tagged.on_repeat != RepeatEffect::replaces) {
        const std::vector<TaggedWrite::Number> found = tagged.numbers(ctx_, client_, other);
        ctx_.expect(
            std::find(found.begin(), found.end(), tagged.after({}, 3).back()) != found.end(),
            "what was written by " + cancelled + ", beside another, which was true", show(found));
      }
      const std::string next = tagged.on_repeat == RepeatEffect::keeps ? prepare(tagged) : key;
      ctx_.expect(tagged.put(client_, next, 4), tagged.text(next, 4) + " after both to be true",
                  "false");
      return result.timing;
    });
  }
}

inline void Cancelling::expect_to_bear_many() {
  constexpr std::size_t many = 70; // more than there are connections in a pool
  // A store that takes its time has shown what it does after fewer.
  const UndelayedTimer time;
  const auto is_time_left = [&time] { return time.elapsed() < std::chrono::seconds(2); };
  for (const ReadMethod& method : read_methods(ctx_)) {
    for (std::size_t i = 0; i < many && is_time_left(); ++i) {
      cancel_read(method, "any", CancelPoint::after_steps(1 + i % 3));
    }
    ctx_.expect(method.get(client_, method.ids("any")),
                method.text(method.ids("any")) +
                    " to find what is there, after many cancelled ones",
                "nothing");
  }
  for (const TaggedWrite& tagged : tagged_writes_and_entries(ctx_)) {
    const std::string key = prepare(tagged);
    for (std::size_t i = 0; i < many && is_time_left(); ++i) {
      cancel_write(tagged, key, CancelPoint::after_steps(1 + i % 3));
    }
    const std::string next = prepare(tagged);
    ctx_.expect(tagged.put(client_, next, 3),
                tagged.text(next, 3) + " after many cancelled ones to be true", "false");
  }
}

inline void Cancelling::expect_to_open() {
  const std::string key = "kept";
  fill_for_reads(ctx_, client_, key);
  const auto expect_open = [&](const std::string& after) {
    ctx_.expect(client_.initialize(), "initialize() to be true after " + after, "false");
    for (const ReadMethod& method : read_methods(ctx_)) {
      ctx_.expect(method.get(client_, method.ids(key)),
                  method.text(method.ids(key)) + " to find what is there, after " + after,
                  "nothing");
    }
  };
  for (const ReadMethod& closing : closings(ctx_)) {
    at_each_point([&](const CancelPoint& point) {
      const CancelResult result = cancel_read(closing, key, point);
      expect_open("close(), cancelled " + point.text());
      return result.timing;
    });
  }
  for (const ReadMethod& opening : other_calls(ctx_)) {
    if (opening.name != "initialize") {
      continue;
    }
    at_each_point([&](const CancelPoint& point) {
      client_.close();
      const CancelResult result = cancel_read(opening, key, point);
      expect_open("initialize(), cancelled " + point.text());
      return result.timing;
    });
  }
}

} // namespace detail

template <class>
std::vector<Rule> cancellation_rules() {
  return {
      Rule("CAN-01", needs::anything, "a cancelled call ends, by its result or by an exception",
           "hand the cancellation on to what the call waits for, or let it go on to its end; do "
           "not wait for what the cancellation has stopped",
           [](RuleContext& ctx) { detail::Cancelling(ctx).expect_ends(); }),
      Rule("CAN-02", needs::anything,
           "a cancelled write has been applied whole or not at all when its end is reported, and "
           "nothing of it is applied afterwards",
           "after the first change no await may throw for the cancellation; do not leave a part of "
           "the work to a handler that outlives the call",
           [](RuleContext& ctx) {
             detail::Cancelling(ctx).expect_whole_effects();
             if (ctx.offers(Interfaces::backend)) {
               detail::Cancelling(ctx, ctx.open_other()).expect_no_half_clean_up();
             }
           }),
      Rule("CAN-03", needs::anything, "the store works on after a cancellation",
           "what a call takes, a lock, a connection, a place in a queue, it must give back when it "
           "is cancelled",
           [](RuleContext& ctx) {
             detail::Cancelling store(ctx);
             store.expect_to_work_on();
             store.expect_others_to_work();
             store.expect_to_bear_many();
             Client other = ctx.open_other();
             if (other.has_life_cycle()) {
               detail::Cancelling(ctx, other).expect_to_open();
             }
           }),
      Rule("CAN-04", needs::anything,
           "a cancelled write that waits for what somebody else holds ends soon, and has no effect",
           "take what has not begun out of its queue, and interrupt what waits for a lock; do not "
           "let it go on behind a call that has ended",
           [](RuleContext& ctx) { detail::HeldWrites(ctx).expect_to_end_soon(); }),
  };
}

} // namespace agentstore::conformance

#endif
