// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP

/// \file
/// ASY: when things happen, where they complete, and what they never block.

#include <agentstore/conformance/rules/values.hpp>
#include <agentstore/conformance/thread_wait.hpp>

#include <functional>

namespace agentstore::conformance {

std::vector<Rule> asynchrony_rules();

// Only machinery below this line.

namespace detail {

/// Lets whatever is under way in the background come to something.
inline void let_pass(World& w) {
  for (int i = 0; i < 5; ++i) {
    while (w.driver().step()) {
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
inline std::chrono::nanoseconds
longest_wait(Driver& driver, const std::vector<Pending<bool>>& calls, ThreadWait::Look look) {
  std::chrono::nanoseconds longest{0};
  const auto end = std::chrono::steady_clock::now() + driver.deadline().call();
  const auto is_done = [](const Pending<bool>& call) { return call.is_done(); };
  while (!std::all_of(calls.begin(), calls.end(), is_done) &&
         std::chrono::steady_clock::now() < end) {
    const ThreadWait wait(look);
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
inline void expect_no_throw_before_await(Client& c, const std::string& call,
                                         const std::function<awaitable<bool>(Handle&)>& make) {
  try {
    const auto dropped = make(c.handle());
  } catch (...) {
    throw Violation("an awaitable from " + call + ", and nothing before it is awaited",
                    describe(std::current_exception()));
  }
}

/// ASY-01: of the calls that are no writes of records.
inline void check_dropped_life_cycle(World& w, Client& c) {
  const std::string key = "k of the life cycle";
  fill_for_reads(w, c, key);
  const auto expect_all = [&](const std::string& call) {
    let_pass(w);
    for (const ReadProbe& probe : read_probes(w)) {
      w.expect(probe.get(c, probe.ids(key)),
               "what is there, after " + call + " whose awaitable was dropped", "nothing");
    }
  };
  for (const ReadProbe& closing : closings(w)) {
    {
      const auto dropped = closing.read(c.handle(), Ids());
    }
    expect_all("close()");
  }
  if (w.offers(Interfaces::backend)) {
    {
      const auto dropped =
          c.handle().backend->cleanup_expired_sessions(std::chrono::microseconds(0));
    }
    expect_all("cleanup_expired_sessions(0us)");
    if (!w.harness().claims().is_opened_by_harness()) {
      Client closed = w.open_raw_in(w.other_space());
      {
        const auto dropped = closed.handle().backend->initialize();
      }
      let_pass(w);
      w.expect_error(errc::closed, [&] { closed.get_session("any"); });
    }
  }
}

/// ASY-03: the call ends, by whatever, on the thread that awaits it.
inline void expect_home(World& w, Client& c, const std::string& call, awaitable<bool> operation) {
  const Pending<bool> pending = c.driver().start(call, std::move(operation));
  c.driver().settle(pending);
  w.expect(pending.state->ended_on == std::this_thread::get_id(),
           call + " to end on the executor of the caller", "another thread");
}

/// ASY-03: calls that wait for those of other threads come back to their own all the same.
inline void check_home_in_a_crowd(World& w, Client& c) {
  constexpr std::size_t rounds = 3;
  const std::vector<Probe> all = probes(w);
  for (std::size_t p = 0; p < all.size(); ++p) {
    all[p].prepare(w, c, all[p].ids("crowd " + std::to_string(p)));
  }
  w.on_threads(c, 3, [&](std::size_t, Client mine) {
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
        w.expect(call.state->ended_on == std::this_thread::get_id(),
                 call.state->call + ", beside others, to end on the executor of the caller",
                 "another thread");
      }
    }
  });
}

/// How often a call may wait a little: a page fault or a lock held for a moment is no offence.
class Patience {
public:
  static constexpr int calls = 8;

  explicit Patience(ThreadWait::Look look) : look_(look) {}

  void watch(Driver& driver, const std::vector<Pending<bool>>& at_once) {
    constexpr auto bearable = std::chrono::milliseconds(1);
    const std::chrono::nanoseconds wait = longest_wait(driver, at_once, look_);
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
  ThreadWait::Look look_;
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
    complaint = watch(i == 0 ? ThreadWait::Look::quick : ThreadWait::Look::fair);
    if (!complaint) {
      return;
    }
  }
  throw Violation(*complaint);
}

} // namespace detail

inline std::vector<Rule> asynchrony_rules() {
  return {
      Rule("ASY-01", needs::anything,
           "nothing happens before the await; an awaitable dropped unawaited has no effect",
           "do the work inside the coroutine, not in the function that makes it",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               const Ids ids = probe.ids("k" + std::to_string(++count));
               probe.prepare(w, c, ids);
               const json value = probe.sample(count);
               const std::string when = " whose awaitable was dropped";
               const Ids bad = probe.ids("");
               detail::expect_no_throw_before_await(c, probe.text(bad, value), [&](Handle& handle) {
                 return probe.write(handle, bad, value);
               });
               {
                 const auto dropped = probe.write(c.handle(), ids, value);
               }
               detail::let_pass(w);
               if (probe.is_readable) {
                 const auto before = probe.again == Probe::Again::merges
                                         ? std::optional<json>(json::object())
                                         : std::optional<json>();
                 w.expect_same(probe.read(w, c, ids), before, probe.label() + when);
                 auto waiting = probe.write(c.handle(), ids, value);
                 detail::let_pass(w);
                 w.expect_same(probe.read(w, c, ids), before,
                               probe.label() + " that is not awaited yet");
                 w.expect(c.call(probe.text(ids, value), std::move(waiting)),
                          probe.label() + " to be true", "false");
                 w.expect_same(probe.read(w, c, ids), std::optional<json>(value),
                               probe.label() + " once it was awaited");
               } else {
                 w.expect(probe.put(c, ids, value), probe.label() + " to be true", "false");
               }
             }
             for (const ReadProbe& change : change_probes(w)) {
               const std::string key = "k" + std::to_string(++count);
               const std::string call = change.text(change.ids(key));
               fill_for_reads(w, c, key);
               {
                 const auto dropped = change.read(c.handle(), change.ids(key));
               }
               detail::let_pass(w);
               for (const ReadProbe& probe : read_probes(w)) {
                 w.expect(probe.get(c, probe.ids(key)),
                          "what is there, after " + call + " whose awaitable was dropped",
                          "nothing");
               }
               w.expect(change.get(c, change.ids(key)),
                        call + " to be true, after one whose awaitable was dropped", "false");
             }
             for (const auto& calls : {read_probes(w), change_probes(w)}) {
               for (const ReadProbe& probe : calls) {
                 const Ids bad = probe.ids("");
                 detail::expect_no_throw_before_await(
                     c, probe.text(bad), [&](Handle& handle) { return probe.read(handle, bad); });
               }
             }
             detail::check_dropped_life_cycle(w, c);
           }),
      Rule("ASY-02", needs::anything, "arguments may die before the await",
           "take parameters by value, and move them on; a reference to one dangles",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               Ids ids = probe.ids("k" + std::to_string(++count));
               for (std::string& id : ids) {
                 id += letters(200 - id.size());
               }
               probe.prepare(w, c, ids);
               const json value =
                   probe.takes_text() ? json(letters(300)) : object(letters(200), letters(300));
               auto waiting = [&] {
                 Ids arguments = ids;
                 json argument = value;
                 return probe.write(c.handle(), std::move(arguments), std::move(argument));
               }();
               detail::churn(200);
               detail::churn(300);
               w.expect(c.call(probe.text(ids, value), std::move(waiting)),
                        probe.label() + " to be true", "false");
               if (probe.is_readable) {
                 const Found found = w.must(probe.find(w, c, ids), probe.label() + ": the value");
                 w.expect_same(found.ids, ids, probe.label() + ": the ids read");
                 w.expect_same(found.value, value, probe.label() + ": the value read");
               }
             }
             const std::string key = "k" + letters(199);
             fill_for_reads(w, c, key);
             for (const ReadProbe& probe : read_probes(w)) {
               auto waiting = [&] {
                 Ids arguments = probe.ids(key);
                 return probe.read(c.handle(), std::move(arguments));
               }();
               detail::churn(200);
               const std::string text = probe.text(probe.ids(key));
               w.expect(c.call(text, std::move(waiting)), text + " to find what is there",
                        "nothing");
             }
             for (const ReadProbe& probe : change_probes(w)) {
               const std::string own = "k" + std::to_string(++count) + letters(190);
               fill_for_reads(w, c, own);
               auto waiting = [&] {
                 Ids arguments = probe.ids(own);
                 return probe.read(c.handle(), std::move(arguments));
               }();
               detail::churn(own.size());
               const std::string text = probe.text(probe.ids(own));
               w.expect(c.call(text, std::move(waiting)), text + " to be true", "false");
             }
           }),
      Rule("ASY-03", needs::anything,
           "value and exception both complete on the awaiting coroutine's executor",
           "hop home before returning, and before throwing",
           [](World& w) {
             Client c = w.open();
             const auto expect_home = [&](const std::string& call, awaitable<bool> operation) {
               detail::expect_home(w, c, call, std::move(operation));
             };
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               const Ids ids = probe.ids("k" + std::to_string(++count));
               probe.prepare(w, c, ids);
               const json value = probe.sample(1);
               expect_home(probe.text(ids, value), probe.write(c.handle(), ids, value));
               expect_home(probe.text(ids, value), probe.write(c.handle(), ids, value));
               const Ids bad = probe.ids("");
               expect_home(probe.text(bad, value), probe.write(c.handle(), bad, value));
             }
             for (const auto& calls : {read_probes(w), change_probes(w)}) {
               for (const ReadProbe& probe : calls) {
                 for (const char* key : {"k1", "unknown", ""}) {
                   const Ids ids = probe.ids(key);
                   expect_home(probe.text(ids), probe.read(c.handle(), ids));
                 }
               }
             }
             for (const ReadProbe& probe : other_calls(w)) {
               expect_home(probe.text(Ids()), probe.read(c.handle(), Ids()));
             }
             detail::check_home_in_a_crowd(w, c);
             for (const ReadProbe& closing : closings(w)) {
               expect_home(closing.text(Ids()), closing.read(c.handle(), Ids()));
             }
             for (const ReadProbe& opening : other_calls(w)) { // a store that is closed
               expect_home(opening.text(Ids()), opening.read(c.handle(), Ids()));
             }
           }),
      Rule("ASY-04", needs::anything, "any method may be called from any thread at once",
           "guard shared state; nothing may be tied to the thread that opened",
           [](World& w) {
             constexpr std::size_t threads = 4;
             constexpr std::size_t each = 6;
             Client c = w.open();
             const std::vector<Probe> all = probes(w);
             const std::vector<ReadProbe> reads = read_probes(w);
             const auto key = [](std::size_t thread, std::size_t probe, std::size_t i) {
               return "t" + std::to_string(thread) + "-p" + std::to_string(probe) + "-" +
                      std::to_string(i);
             };
             w.on_threads(c, threads, [&](std::size_t thread, Client mine) {
               for (std::size_t i = 0; i < each; ++i) {
                 for (std::size_t p = 0; p < all.size(); ++p) {
                   const Ids ids = all[p].ids(key(thread, p, i));
                   all[p].prepare(w, mine, ids);
                   w.expect(all[p].put(mine, ids, all[p].sample(i)), all[p].label() + " to be true",
                            "false");
                   if (all[p].is_readable && !all[p].is_archive) {
                     w.expect_same(all[p].read(w, mine, ids), std::optional<json>(all[p].sample(i)),
                                   all[p].label() + ": the value read back by the same thread");
                   }
                 }
                 for (const ReadProbe& probe : reads) { // also of what the other threads write
                   probe.get(mine, probe.ids("crowd"));
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
                 w.expect_same(all[p].read(w, c, ids),
                               std::optional<json>(all[p].sample(i / threads)),
                               all[p].label() + ": the value written by another thread");
               }
             }
           }),
      Rule("ASY-05", needs::anything, "a waiting call never blocks the caller's thread",
           "move blocking work to a thread of the backend's own (authoring/offload.hpp)",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               detail::expect_no_complaint([&](ThreadWait::Look look) {
                 detail::Patience alone(look);
                 detail::Patience together(look);
                 for (int i = 0; i < detail::Patience::calls; ++i) {
                   const Ids ids = probe.ids("k" + std::to_string(++count));
                   probe.prepare(w, c, ids);
                   const json value = probe.sample(count);
                   const auto start = [&] {
                     return c.driver().start(probe.text(ids, value),
                                             probe.write(c.handle(), ids, value));
                   };
                   alone.watch(c.driver(), std::vector<Pending<bool>>(1, start()));
                   std::vector<Pending<bool>> three; // of which two may have to wait their turn
                   for (int j = 0; j < 3; ++j) {
                     three.push_back(start());
                   }
                   together.watch(c.driver(), three);
                 }
                 const auto complaint = alone.complaint(probe.label());
                 return complaint ? complaint
                                  : together.complaint(probe.label() + ", three at once,");
               });
             }
             const auto expect_no_wait = [&](const ReadProbe& probe, const Ids& ids) {
               detail::expect_no_complaint([&](ThreadWait::Look look) {
                 detail::Patience patience(look);
                 for (int i = 0; i < detail::Patience::calls; ++i) {
                   const Pending<bool> call =
                       c.driver().start(probe.text(ids), probe.read(c.handle(), ids));
                   patience.watch(c.driver(), std::vector<Pending<bool>>(1, call));
                 }
                 return patience.complaint(std::string(probe.name));
               });
             };
             for (const auto& kind : {read_probes(w), change_probes(w)}) {
               for (const ReadProbe& probe : kind) {
                 expect_no_wait(probe, probe.ids("k1"));
               }
             }
             for (const ReadProbe& probe : other_calls(w)) {
               expect_no_wait(probe, Ids());
             }
             for (const ReadProbe& probe : closings(w)) { // the first of them has something to do
               expect_no_wait(probe, Ids());
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
