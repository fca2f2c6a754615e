// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ASYNCHRONY_HPP

/// \file
/// ASY: when things happen, where they complete, and what they never block.

#include <agentstore/conformance/rules/values.hpp>

#include <ctime>
#include <sys/resource.h>

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

/// How long this thread did not run though it was not taken off the processor: it waited.
class ThreadWait {
public:
  ThreadWait() : begin_(now()) {}

  std::chrono::nanoseconds waited() const {
    const Sample end = now();
    return end.switches == begin_.switches ? std::chrono::nanoseconds(0)
                                           : (end.wall - begin_.wall) - (end.cpu - begin_.cpu);
  }

private:
  struct Sample {
    std::chrono::nanoseconds wall{0};
    std::chrono::nanoseconds cpu{0};
    long switches = 0;
  };

  static Sample now() {
    Sample sample;
    sample.wall = std::chrono::steady_clock::now().time_since_epoch();
    timespec cpu = {};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    sample.cpu = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
    rusage usage = {};
    ::getrusage(RUSAGE_THREAD, &usage);
    sample.switches = usage.ru_nvcsw; // only those that the thread made itself, by waiting
    return sample;
  }

  Sample begin_;
};

/// The longest that one handler of the call kept this thread waiting.
inline std::chrono::nanoseconds longest_wait(Driver& driver, const Pending<bool>& pending) {
  std::chrono::nanoseconds longest{0};
  const auto end = std::chrono::steady_clock::now() + driver.deadline().call();
  while (!pending.is_done() && std::chrono::steady_clock::now() < end) {
    const ThreadWait wait;
    const bool ran = driver.step();
    longest = std::max(longest, wait.waited());
    if (!ran) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  driver.settle(pending);
  return longest;
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
               const Pending<bool> pending = c.driver().start(call, std::move(operation));
               c.driver().settle(pending);
               w.expect(pending.state->ended_on == std::this_thread::get_id(),
                        call + " to end on the executor of the caller", "another thread");
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
           }),
      Rule("ASY-04", needs::anything, "any method may be called from any thread at once",
           "guard shared state; nothing may be tied to the thread that opened",
           [](World& w) {
             constexpr std::size_t threads = 4;
             constexpr std::size_t each = 6;
             Client c = w.open();
             const std::vector<Probe> all = probes(w);
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
             constexpr int calls = 8;
             constexpr int tolerated = 5; // a page fault or a lock held for a moment is no offence
             const auto bearable = std::chrono::milliseconds(1);
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               int blocked = 0;
               std::chrono::nanoseconds longest{0};
               for (int i = 0; i < calls; ++i) {
                 const Ids ids = probe.ids("k" + std::to_string(++count));
                 probe.prepare(w, c, ids);
                 const json value = probe.sample(count);
                 const auto wait = detail::longest_wait(
                     c.driver(),
                     c.driver().start(probe.text(ids, value), probe.write(c.handle(), ids, value)));
                 blocked += wait > bearable ? 1 : 0;
                 longest = std::max(longest, wait);
               }
               w.expect(blocked <= tolerated, probe.label() + " never to block its thread",
                        "waits of up to " +
                            show(std::chrono::duration_cast<std::chrono::microseconds>(longest)) +
                            " in " + std::to_string(blocked) + " of " + std::to_string(calls) +
                            " calls");
             }
             for (const auto& kind : {read_probes(w), change_probes(w)}) {
               for (const ReadProbe& probe : kind) {
                 int blocked = 0;
                 for (int i = 0; i < calls; ++i) {
                   const Ids ids = probe.ids("k1");
                   const auto wait = detail::longest_wait(
                       c.driver(), c.driver().start(probe.text(ids), probe.read(c.handle(), ids)));
                   blocked += wait > bearable ? 1 : 0;
                 }
                 w.expect(blocked <= tolerated,
                          std::string(probe.name) + " never to block its thread",
                          "waits in " + std::to_string(blocked) + " of " + std::to_string(calls) +
                              " calls");
               }
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
