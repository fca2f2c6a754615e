// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_LIFE_CYCLE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_LIFE_CYCLE_HPP

/// \file
/// LIF: the life cycle of IStorageBackend. The archive's own is in ARC-05, ARC-06 and ARC-09.

#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/steps.hpp>

#include <array>

namespace agentstore::conformance {

std::vector<Rule> life_cycle_rules();

// Only machinery below this line.

namespace detail {

/// Every method that must throw `closed` on a backend that is not open does so.
inline void expect_all_closed(World& w, Client& c) {
  const auto closed = [&w](auto action) { w.expect_error(errc::closed, action); };
  closed([&] { c.create_session("s"); });
  closed([&] { c.get_session("s"); });
  closed([&] { c.update_session("s", SessionUpdate()); });
  closed([&] { c.end_session("s"); });
  closed([&] { c.add_message("s", "user", "hi"); });
  closed([&] { c.history("s"); });
  closed([&] { c.store_checkpoint("t", "c", 1); });
  closed([&] { c.get_checkpoint("t"); });
  closed([&] { c.get_checkpoint("t", "c"); });
  closed([&] { c.list_checkpoints("t"); });
  closed([&] { c.get_task_context("s"); });
  closed([&] { c.store_task_context("s", 1); });
  closed([&] { c.get_metrics(); });
  closed([&] { c.cleanup(std::chrono::hours(1)); });
  if (w.offers(Interfaces::checkpointer)) {
    closed([&] { c.put_checkpoint("t", "c", 1); });
    closed([&] { c.put_writes("t", "c", "task", WriteList().add("a", 1)); });
    closed([&] { c.get_writes("t", "c"); });
  }
  if (w.offers(Interfaces::session_directory)) {
    closed([&] { c.list_sessions("u"); });
    closed([&] { c.delete_session("s"); });
  }
  if (w.offers(Interfaces::thread_directory)) {
    closed([&] { c.list_threads(); });
    closed([&] { c.delete_thread("t"); });
    closed([&] { c.copy_thread("t", "target"); });
    closed([&] { c.prune_thread("t", 1); });
    closed([&] { c.list_before("t", "c"); });
  }
}

/// Something of every kind, and all of it read back; equal results mean equal stores.
inline void fill(World& w, Client& c) {
  c.create_session("s", "u", object("a", 1));
  c.update_session("s", SessionUpdate().increment_requests().updates(object("b", 2)));
  append(w, c, "s", "one");
  append(w, c, "s", "two");
  c.store_task_context("s", object("step", 1));
  c.create_session("ended", "u");
  c.end_session("ended", "failed");
  store(w, c, "t", "first", object("n", 1));
  store(w, c, "t", "second", object("n", 2));
  store(w, c, "t", "first", object("n", 3));
  if (w.offers(Interfaces::checkpointer)) {
    put(w, c, "t", "first", "task", WriteList().add("a", 1).add("__error__", "e"));
  }
}

class Contents {
public:
  Contents() = default;

  std::vector<std::optional<Session>> sessions;
  std::vector<Message> messages;
  std::optional<json> context;
  std::vector<Checkpoint> checkpoints;
  std::vector<PendingWrite> writes;
  Metrics metrics;
};

inline Contents contents_of(World& w, Client& c) {
  Contents all;
  all.sessions.push_back(c.get_session("s"));
  all.sessions.push_back(c.get_session("ended"));
  all.messages = c.history("s");
  all.context = c.get_task_context("s");
  all.checkpoints = c.list_checkpoints("t");
  if (w.offers(Interfaces::checkpointer)) {
    all.writes = c.get_writes("t", "first");
  }
  all.metrics = c.get_metrics();
  return all;
}

inline std::string counts(const Metrics& m) {
  return show(m.total_sessions) + " sessions, " + show(m.active_sessions) + " active, " +
         show(m.total_messages) + " messages, " + show(m.total_checkpoints) + " checkpoints";
}

inline void expect_contents(World& w, Client& c, const Contents& before, const std::string& when) {
  const Contents now = contents_of(w, c);
  w.expect_same(now.sessions, before.sessions, "the sessions " + when);
  w.expect_same(now.messages, before.messages, "the messages " + when);
  w.expect_same(now.context, before.context, "the context " + when);
  w.expect_same(now.checkpoints, before.checkpoints, "the checkpoints " + when);
  w.expect_same(now.writes, before.writes, "the pending writes " + when);
  w.expect_same(counts(now.metrics), counts(before.metrics), "the counts " + when);
}

/// Writes under way when the store is closed: each has an end, of which `closed` is one, and what
/// was acknowledged is there when the store is open again.
inline void check_close_beside_writes(World& w, Client& c) {
  std::size_t count = 0;
  for (const std::size_t steps : std::array<std::size_t, 4>{0, 1, 2, 5}) {
    std::vector<Deed> all = deeds(w);
    std::erase_if(all, [](const Deed& deed) { return deed.is_archive; });
    std::vector<std::string> keys;
    for (const Deed& deed : all) {
      keys.push_back("closed " + std::to_string(++count));
      deed.prepare(w, c, keys.back());
    }
    std::vector<Pending<bool>> writes;
    for (std::size_t i = 0; i < all.size(); ++i) {
      writes.push_back(
          c.driver().start(all[i].text(keys[i], 1), all[i].write(c.handle(), keys[i], 1)));
    }
    for (std::size_t i = 0; i < steps; ++i) {
      c.driver().step();
    }
    const Pending<void> closing = c.driver().start("close()", c.handle().backend->close());
    std::vector<bool> done;
    for (const Pending<bool>& write : writes) {
      c.driver().settle(write);
      done.push_back(write.state->value.value_or(false));
      const std::string expected = "true or closed from " + write.state->call + " beside close()";
      if (write.state->error) {
        try {
          std::rethrow_exception(write.state->error);
        } catch (const StorageError& error) {
          w.expect(means(error.code(), errc::closed), expected, describe(write.state->error));
        } catch (...) {
          throw Violation(expected, describe(write.state->error));
        }
      } else {
        w.expect(done.back(), expected, "false");
      }
    }
    c.driver().finish(closing);
    w.expect_same(c.initialize(), true, "initialize after close");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (done[i] && all[i].is_readable) {
        w.expect_same(all[i].numbers(w, c, keys[i]), all[i].after({}, 1),
                      "what is there after " + all[i].text(keys[i], 1) +
                          ", which was true beside close(),");
      }
    }
  }
}

} // namespace detail

inline std::vector<Rule> life_cycle_rules() {
  return {
      Rule("LIF-01", needs::backend,
           "initialize makes ready and returns true; again: true, nothing changes",
           "a second initialize must not create, truncate or reset",
           [](World& w) {
             Client c = w.open_raw();
             w.expect_same(c.initialize(), true, "initialize");
             detail::fill(w, c);
             const auto before = detail::contents_of(w, c);
             w.expect_same(c.initialize(), true, "initialize again");
             detail::expect_contents(w, c, before, "after initialize again");
             w.expect(c.update_session("s", SessionUpdate()), "the store to be ready still",
                      "update_session was false");
           }),
      Rule("LIF-02", needs::backend, "before initialize every other call throws closed",
           "check the state first, in every method",
           [](World& w) {
             if (w.harness().claims().is_opened_by_harness()) {
               throw Untested("the harness opens backends that are initialized already");
             }
             Client c = w.open_raw();
             detail::expect_all_closed(w, c);
             w.expect_same(c.initialize(), true, "initialize after calls that were refused");
             w.expect_same(detail::counts(c.get_metrics()), detail::counts(Metrics()),
                           "the counts after calls that were refused");
           }),
      Rule("LIF-03", needs::backend, "after close every other call throws closed, none hangs",
           "check the state first, in every method",
           [](World& w) {
             Client c = w.open();
             detail::fill(w, c);
             c.close();
             detail::expect_all_closed(w, c);
           }),
      Rule("LIF-04", needs::backend, "close is idempotent and loses nothing acknowledged",
           "flush before closing; a second close has nothing to do",
           [](World& w) {
             Client c = w.open();
             detail::fill(w, c);
             const auto before = detail::contents_of(w, c);
             c.close();
             c.close();
             w.expect_same(c.initialize(), true, "initialize after close");
             detail::expect_contents(w, c, before, "after two closes and an initialize");
             Client fresh = w.open_raw_in(w.other_space());
             if (!w.harness().claims().is_opened_by_harness()) {
               fresh.close();
             }
             detail::check_close_beside_writes(w, c);
           }),
      Rule("LIF-05", needs::backend, "initialize after close reopens the same data",
           "opening is not creating",
           [](World& w) {
             Client c = w.open();
             detail::fill(w, c);
             for (int round = 0; round < 3; ++round) {
               const auto before = detail::contents_of(w, c);
               c.close();
               w.expect_same(c.initialize(), true, "initialize after close");
               detail::expect_contents(w, c, before, "after a close and an initialize");
               detail::append(w, c, "s", "after reopening");
               detail::store(w, c, "t", "c" + std::to_string(round), round);
               detail::expect_increasing(c.history("s"));
               w.expect_same(w.must(c.get_checkpoint("t"), "the latest").checkpoint_id,
                             "c" + std::to_string(round), "the latest after reopening");
             }
           }),
      Rule("LIF-06", needs::backend,
           "health_check never throws: healthy when open, unhealthy with its reason when not",
           "answer from the state; catch what looking may throw",
           [](World& w) {
             Client c = w.open_raw();
             const auto expect_closed = [&](const std::string& when) {
               const Health health = c.health_check();
               w.expect(health.status == Health::Status::unhealthy && !health.issues.empty(),
                        "unhealthy with an issue " + when, show(health));
             };
             if (!w.harness().claims().is_opened_by_harness()) {
               expect_closed("before initialize");
             }
             c.initialize();
             const Health open = c.health_check();
             w.expect(open.status == Health::Status::healthy && open.issues.empty() &&
                          !open.backend.empty(),
                      "healthy, without issues, with the backend's name", show(open));
             c.close();
             expect_closed("after close");
             c.initialize();
             check_health_under_faults(w, c);
           }),
  };
}

} // namespace agentstore::conformance

#endif
