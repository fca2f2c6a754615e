// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP

/// \file
/// ASY: when things happen, where they complete, and what they never block.

#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/late_awaits.hpp>
#include <agentstore/conformance/rules/values.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

#include <functional>
#include <limits>

namespace agentstore::conformance {

namespace detail {

/// Lets whatever is under way in the background come to something.
inline void let_pass(RuleContext& ctx) {
  for (int i = 0; i < 5; ++i) {
    while (ctx.driver().step()) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// Fills what memory has just become free with something else.
inline void churn(std::size_t size) {
  std::vector<std::string> filler;
  for (int i = 0; i < 64; ++i) {
    filler.emplace_back(size, '#');
  }
}

/// The longest that one handler of these calls kept this thread waiting.
inline std::chrono::nanoseconds longest_wait(Driver& driver,
                                             const std::vector<Pending<bool>>& calls,
                                             BlockingTimer::Precision precision) {
  std::chrono::nanoseconds longest{0};
  const auto end = std::chrono::steady_clock::now() + driver.deadline().call();
  const auto is_done = [](const Pending<bool>& call) { return call.is_done(); };
  while (!std::all_of(calls.begin(), calls.end(), is_done) &&
         std::chrono::steady_clock::now() < end) {
    const BlockingTimer wait(precision);
    const bool ran = driver.step();
    longest = std::max(longest, wait.waited());
    if (!ran) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  for (const Pending<bool>& call : calls) {
    driver.settle(call);
  }
  return longest;
}
/// ASY-01: a call that is refused is refused when it is awaited.
inline void expect_no_throw_before_await(Client& client, const std::string& call,
                                         const std::function<awaitable<bool>(Handle&)>& make) {
  try {
    const auto dropped = make(client.handle());
  } catch (...) {
    throw Violation("an awaitable from " + call + ", and nothing before it is awaited",
                    describe(std::current_exception()));
  }
}

/// ASY-01: what is wrong with other arguments than ids is said when it is awaited, too.
inline void check_bad_arguments_before_await(RuleContext& ctx, Client& client) {
  for (const Method& method : methods()) {
    if (!method.is_offered(ctx.harness().interfaces())) {
      continue;
    }
    const auto expect = [&](const Operation& call) {
      expect_no_throw_before_await(client, show(call), [&](Handle& handle) {
        return is_positive(method.call(handle, call));
      });
    };
    for (const Parameter parameter : method) {
      Operation call = method.prepared("k");
      if (parameter == Parameter::page) {
        call.limit = 0;
      } else if (parameter == Parameter::max_idle) {
        call.max_idle = std::chrono::microseconds(-1);
      } else if (parameter == Parameter::updates) {
        call.update.add_processing_time(std::chrono::microseconds(-1));
      } else if (parameter == Parameter::writes) {
        call.writes.emplace_back("", json(1));
      } else if (is_id(parameter)) {
        text_argument(call, parameter) = "\xff";
      } else if (parameter == Parameter::metadata) {
        call.metadata = json::array();
      } else {
        continue;
      }
      expect(call);
    }
  }
}

/// ASY-01: neither is a bad value refused before, deep inside, too deep or not UTF-8 as it may be.
inline void check_bad_values_before_await(RuleContext& ctx, Client& client) {
  const json nan = std::numeric_limits<double>::quiet_NaN();
  const json bad = "\xff";
  constexpr std::size_t too_deep = 1'000;
  for (const WriteArgument& argument : write_arguments_and_entries(ctx)) {
    const Ids ids = argument.ids("k");
    const auto expect = [&](const std::string& what, const json& value) {
      expect_no_throw_before_await(client, argument.label() + " of " + what, [&](Handle& handle) {
        return argument.write(handle, ids, value);
      });
    };
    if (argument.takes_text()) {
      expect("invalid UTF-8", bad);
      continue;
    }
    expect("NaN", object("v", json::array({1, nan})));
    expect("invalid UTF-8", object("v", json::array({1, bad})));
    expect("a member whose name is invalid UTF-8", object("\xff", 1));
    expect("depth " + std::to_string(too_deep), nested(too_deep));
    if (argument.takes == Takes::any) {
      expect("NaN alone", nan);
      expect("invalid UTF-8 alone", bad);
    } else {
      expect("a list", json::array());
      expect("null", json(nullptr));
    }
  }
}

/// ASY-01: of the calls that are no writes of records.
inline void check_dropped_life_cycle(RuleContext& ctx, Client& client) {
  const std::string key = "k of the life cycle";
  fill_for_reads(ctx, client, key);
  const auto expect_all = [&](const std::string& call) {
    let_pass(ctx);
    for (const ReadMethod& method : read_methods(ctx)) {
      ctx.expect(method.get(client, method.ids(key)),
                 "what is there, after " + call + " whose awaitable was dropped", "nothing");
    }
  };
  for (const ReadMethod& closing : closings(ctx)) {
    {
      const auto dropped = closing.read(client.handle(), Ids());
    }
    expect_all("close()");
  }
  if (ctx.offers(Interfaces::backend)) {
    {
      const auto dropped =
          client.handle().backend->cleanup_expired_sessions(std::chrono::microseconds(0));
    }
    expect_all("cleanup_expired_sessions(0us)");
    if (!ctx.harness().claims().is_opened_by_harness()) {
      Client closed = ctx.open_raw_in(ctx.other_space());
      {
        const auto dropped = closed.handle().backend->initialize();
      }
      let_pass(ctx);
      ctx.expect_error(errc::closed, [&] { closed.get_session("any"); });
    }
  }
}

/// ASY-03: the call ends, by whatever, on the thread that awaits it.
inline void expect_home(RuleContext& ctx, Client& client, const std::string& call,
                        awaitable<bool> operation) {
  const Pending<bool> pending = client.driver().start(call, std::move(operation));
  client.driver().settle(pending);
  ctx.expect(pending.state->ended_on == std::this_thread::get_id(),
             call + " to end on the executor of the caller", "another thread");
}

/// ASY-03: calls that wait for those of other threads come back to their own all the same.
inline void check_home_in_a_crowd(RuleContext& ctx, Client& client) {
  constexpr std::size_t rounds = 3;
  const std::vector<WriteArgument> all = write_arguments_and_entries(ctx);
  for (std::size_t p = 0; p < all.size(); ++p) {
    all[p].prepare(ctx, client, all[p].ids("crowd " + std::to_string(p)));
  }
  ctx.on_threads(client, 3, [&](std::size_t, Client mine) {
    for (std::size_t p = 0; p < all.size(); ++p) {
      const Ids ids = all[p].ids("crowd " + std::to_string(p));
      const json value = all[p].sample(p);
      std::vector<Pending<bool>> calls;
      for (std::size_t round = 0; round < rounds; ++round) {
        calls.push_back(
            mine.driver().start(all[p].text(ids, value), all[p].write(mine.handle(), ids, value)));
      }
      for (const Pending<bool>& call : calls) {
        mine.driver().settle(call);
        ctx.expect(call.state->ended_on == std::this_thread::get_id(),
                   call.state->call + ", beside others, to end on the executor of the caller",
                   "another thread");
      }
    }
  });
}

/// How often a call may wait a little: a page fault or a lock held for a moment is no offence.
class BlockingBudget {
public:
  static constexpr int calls = 8;

  explicit BlockingBudget(BlockingTimer::Precision precision) : precision_(precision) {}

  void watch(Driver& driver, const std::vector<Pending<bool>>& at_once) {
    constexpr auto bearable = std::chrono::milliseconds(1);
    const std::chrono::nanoseconds wait = longest_wait(driver, at_once, precision_);
    blocked_ += wait > bearable ? 1 : 0;
    longest_ = std::max(longest_, wait);
  }
  /// What to say of the call, if there is anything.
  std::optional<Violation> complaint(const std::string& call) const {
    constexpr int tolerated = 5;
    if (blocked_ <= tolerated) {
      return std::nullopt;
    }
    return Violation(
        call + " never to block its thread",
        "waits of up to " + show(std::chrono::duration_cast<std::chrono::microseconds>(longest_)) +
            " in " + std::to_string(blocked_) + " of " + std::to_string(calls) + " calls");
  }

private:
  BlockingTimer::Precision precision_;
  int blocked_ = 0;
  std::chrono::nanoseconds longest_{0};
};

/// What blocks by itself gives a complaint at every look, whatever the machine had to do at one of
/// them.
template <class Watch>
void expect_no_complaint(const Watch& watch) {
  constexpr int looks = 6;
  std::optional<Violation> complaint;
  for (int i = 0; i < looks; ++i) {
    complaint = watch(i == 0 ? BlockingTimer::Precision::quick : BlockingTimer::Precision::fair);
    if (!complaint) {
      return;
    }
  }
  throw Violation(*complaint);
}

} // namespace detail

template <class>
std::vector<Rule> asynchrony_rules() {
  return {
      Rule("ASY-01", needs::anything,
           "nothing happens before the await; an awaitable dropped unawaited has no effect",
           "do the work inside the coroutine, not in the function that makes it",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments_and_entries(ctx)) {
               const Ids ids = argument.ids("k" + std::to_string(++count));
               argument.prepare(ctx, client, ids);
               const json value = argument.sample(count);
               const std::string when = " whose awaitable was dropped";
               const Ids bad = argument.ids("");
               detail::expect_no_throw_before_await(
                   client, argument.text(bad, value),
                   [&](Handle& handle) { return argument.write(handle, bad, value); });
               {
                 const auto dropped = argument.write(client.handle(), ids, value);
               }
               detail::let_pass(ctx);
               if (argument.is_readable) {
                 const auto before = argument.on_repeat == RepeatEffect::merges
                                         ? std::optional<json>(json::object())
                                         : std::optional<json>();
                 ctx.expect_same(argument.read(ctx, client, ids), before, argument.label() + when);
                 auto waiting = argument.write(client.handle(), ids, value);
                 detail::let_pass(ctx);
                 ctx.expect_same(argument.read(ctx, client, ids), before,
                                 argument.label() + " that is not awaited yet");
                 ctx.expect(client.call(argument.text(ids, value), std::move(waiting)),
                            argument.label() + " to be true", "false");
                 ctx.expect_same(argument.read(ctx, client, ids), std::optional<json>(value),
                                 argument.label() + " once it was awaited");
               } else {
                 ctx.expect(argument.put(client, ids, value), argument.label() + " to be true",
                            "false");
               }
             }
             for (const ReadMethod& change : change_methods(ctx)) {
               const std::string key = "k" + std::to_string(++count);
               const std::string call = change.text(change.ids(key));
               fill_for_reads(ctx, client, key);
               {
                 const auto dropped = change.read(client.handle(), change.ids(key));
               }
               detail::let_pass(ctx);
               for (const ReadMethod& method : read_methods(ctx)) {
                 ctx.expect(method.get(client, method.ids(key)),
                            "what is there, after " + call + " whose awaitable was dropped",
                            "nothing");
               }
               ctx.expect(change.get(client, change.ids(key)),
                          call + " to be true, after one whose awaitable was dropped", "false");
             }
             for (const auto& calls : {read_methods(ctx), change_methods(ctx)}) {
               for (const ReadMethod& method : calls) {
                 for (const char* bad_id : {"", "\xff"}) { // a prefix may be empty
                   const Ids bad = method.ids(bad_id);
                   detail::expect_no_throw_before_await(
                       client, method.text(bad),
                       [&](Handle& handle) { return method.read(handle, bad); });
                 }
               }
             }
             detail::check_bad_arguments_before_await(ctx, client);
             detail::check_bad_values_before_await(ctx, client);
             detail::check_dropped_life_cycle(ctx, client);
             detail::check_late_awaits(ctx, client);
           }),
      Rule("ASY-02", needs::anything, "arguments may die before the await",
           "take parameters by value, and move them on; a reference to one dangles",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments_and_entries(ctx)) {
               Ids ids = argument.ids("k" + std::to_string(++count));
               for (std::string& id : ids) {
                 id += letters(200 - id.size());
               }
               argument.prepare(ctx, client, ids);
               const json value =
                   argument.takes_text() ? json(letters(300)) : object(letters(200), letters(300));
               auto waiting = [&] {
                 Ids own_ids = ids;
                 json own_value = value;
                 return argument.write(client.handle(), std::move(own_ids), std::move(own_value));
               }();
               detail::churn(200);
               detail::churn(300);
               ctx.expect(client.call(argument.text(ids, value), std::move(waiting)),
                          argument.label() + " to be true", "false");
               if (argument.is_readable) {
                 const Found found =
                     ctx.must(argument.find(ctx, client, ids), argument.label() + ": the value");
                 ctx.expect_same(found.ids, ids, argument.label() + ": the ids read");
                 ctx.expect_same(found.value, value, argument.label() + ": the value read");
               }
             }
             const std::string key = "k" + letters(199);
             fill_for_reads(ctx, client, key);
             for (const ReadMethod& method : read_methods(ctx)) {
               auto waiting = [&] {
                 Ids own_ids = method.ids(key);
                 return method.read(client.handle(), std::move(own_ids));
               }();
               detail::churn(200);
               const std::string text = method.text(method.ids(key));
               ctx.expect(client.call(text, std::move(waiting)), text + " to find what is there",
                          "nothing");
             }
             for (const ReadMethod& method : change_methods(ctx)) {
               const std::string own = "k" + std::to_string(++count) + letters(190);
               fill_for_reads(ctx, client, own);
               auto waiting = [&] {
                 Ids arguments = method.ids(own);
                 return method.read(client.handle(), std::move(arguments));
               }();
               detail::churn(own.size());
               const std::string text = method.text(method.ids(own));
               ctx.expect(client.call(text, std::move(waiting)), text + " to be true", "false");
             }
           }),
      Rule("ASY-03", needs::anything,
           "value and exception both complete on the awaiting coroutine's executor",
           "hop home before returning, and before throwing",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const auto expect_home = [&](const std::string& call, awaitable<bool> operation) {
               detail::expect_home(ctx, client, call, std::move(operation));
             };
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments_and_entries(ctx)) {
               const Ids ids = argument.ids("k" + std::to_string(++count));
               argument.prepare(ctx, client, ids);
               const json value = argument.sample(1);
               expect_home(argument.text(ids, value), argument.write(client.handle(), ids, value));
               expect_home(argument.text(ids, value), argument.write(client.handle(), ids, value));
               const Ids bad = argument.ids("");
               expect_home(argument.text(bad, value), argument.write(client.handle(), bad, value));
             }
             for (const auto& calls : {read_methods(ctx), change_methods(ctx)}) {
               for (const ReadMethod& method : calls) {
                 for (const char* key : {"k1", "unknown", ""}) {
                   const Ids ids = method.ids(key);
                   expect_home(method.text(ids), method.read(client.handle(), ids));
                 }
               }
             }
             for (const ReadMethod& method : other_calls(ctx)) {
               expect_home(method.text(Ids()), method.read(client.handle(), Ids()));
             }
             detail::check_home_in_a_crowd(ctx, client);
             for (const ReadMethod& closing : closings(ctx)) {
               expect_home(closing.text(Ids()), closing.read(client.handle(), Ids()));
             }
             for (const ReadMethod& opening : other_calls(ctx)) { // a store that is closed
               expect_home(opening.text(Ids()), opening.read(client.handle(), Ids()));
             }
           }),
      Rule("ASY-04", needs::anything, "any method may be called from any thread at once",
           "guard shared state; nothing may be tied to the thread that opened",
           [](RuleContext& ctx) {
             constexpr std::size_t threads = 4;
             constexpr std::size_t each = 6;
             Client client = ctx.open();
             const std::vector<WriteArgument> all = write_arguments_and_entries(ctx);
             const std::vector<ReadMethod> reads = read_methods(ctx);
             const auto key = [](std::size_t thread, std::size_t method, std::size_t i) {
               return "t" + std::to_string(thread) + "-p" + std::to_string(method) + "-" +
                      std::to_string(i);
             };
             ctx.on_threads(client, threads, [&](std::size_t thread, Client mine) {
               for (std::size_t i = 0; i < each; ++i) {
                 for (std::size_t p = 0; p < all.size(); ++p) {
                   const Ids ids = all[p].ids(key(thread, p, i));
                   all[p].prepare(ctx, mine, ids);
                   ctx.expect(all[p].put(mine, ids, all[p].sample(i)),
                              all[p].label() + " to be true", "false");
                   if (all[p].is_readable && !all[p].is_archive) {
                     ctx.expect_same(all[p].read(ctx, mine, ids),
                                     std::optional<json>(all[p].sample(i)),
                                     all[p].label() + ": the value read back by the same thread");
                   }
                 }
                 for (const ReadMethod& method : reads) { // also of what the other threads write
                   method.get(mine, method.ids("crowd"));
                 }
                 if (mine.handle().backend != nullptr) {
                   mine.get_metrics();
                   mine.health_check();
                 }
               }
             });
             for (std::size_t p = 0; p < all.size(); ++p) {
               for (std::size_t i = 0; all[p].is_readable && i < threads * each; ++i) {
                 const Ids ids = all[p].ids(key(i % threads, p, i / threads));
                 ctx.expect_same(all[p].read(ctx, client, ids),
                                 std::optional<json>(all[p].sample(i / threads)),
                                 all[p].label() + ": the value written by another thread");
               }
             }
           }),
      Rule("ASY-05", needs::anything, "a waiting call never blocks the caller's thread",
           "move blocking work to a thread of the backend's own (authoring/offload.hpp)",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments_and_entries(ctx)) {
               detail::expect_no_complaint([&](BlockingTimer::Precision precision) {
                 detail::BlockingBudget alone(precision);
                 detail::BlockingBudget together(precision);
                 for (int i = 0; i < detail::BlockingBudget::calls; ++i) {
                   const Ids ids = argument.ids("k" + std::to_string(++count));
                   argument.prepare(ctx, client, ids);
                   const json value = argument.sample(count);
                   const auto start = [&] {
                     return client.driver().start(argument.text(ids, value),
                                                  argument.write(client.handle(), ids, value));
                   };
                   alone.watch(client.driver(), std::vector<Pending<bool>>(1, start()));
                   std::vector<Pending<bool>> three; // of which two may have to wait their turn
                   for (int j = 0; j < 3; ++j) {
                     three.push_back(start());
                   }
                   together.watch(client.driver(), three);
                 }
                 const auto complaint = alone.complaint(argument.label());
                 return complaint ? complaint
                                  : together.complaint(argument.label() + ", three at once,");
               });
             }
             const auto nothing = [](const Ids&) {};
             const auto expect_no_wait = [&](const ReadMethod& method, const auto& next_ids,
                                             const auto& prepare) {
               detail::expect_no_complaint([&](BlockingTimer::Precision precision) {
                 detail::BlockingBudget budget(precision);
                 for (int i = 0; i < detail::BlockingBudget::calls; ++i) {
                   const Ids ids = next_ids();
                   prepare(ids);
                   const Pending<bool> call =
                       client.driver().start(method.text(ids), method.read(client.handle(), ids));
                   budget.watch(client.driver(), std::vector<Pending<bool>>(1, call));
                 }
                 return budget.complaint(std::string(method.name));
               });
             };
             for (const ReadMethod& method : read_methods(ctx)) {
               expect_no_wait(method, [&] { return method.ids("k1"); }, nothing);
             }
             for (const ReadMethod& method : change_methods(ctx)) {
               expect_no_wait(
                   method, [&] { return method.ids("c" + std::to_string(++count)); },
                   [&](const Ids& ids) { fill_for_reads(ctx, client, ids.front()); });
             }
             const auto none = [] { return Ids(); };
             for (const ReadMethod& method : other_calls(ctx)) {
               expect_no_wait(method, none, nothing);
             }
             for (const ReadMethod& method :
                  closings(ctx)) { // the first of them has something to do
               expect_no_wait(method, none, nothing);
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
