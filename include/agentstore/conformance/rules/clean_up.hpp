// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CLEAN_UP_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CLEAN_UP_HPP

/// \file
/// CLN and MET: what clean-up removes, and what the metrics count.

#include <agentstore/conformance/rules/life_cycle.hpp>
#include <agentstore/conformance/rules/pages.hpp>

namespace agentstore::conformance {

std::vector<Rule> clean_up_rules();

// Only machinery below this line.

namespace detail {

/// A session with one of everything that goes with it, the thread of its name included.
inline void full_session(World& w, Client& c, const std::string& id) {
  c.create_session(id, "u", object("of", id));
  append(w, c, id, "message of " + id);
  c.store_task_context(id, "context of " + id);
  store(w, c, id, "checkpoint", "data of " + id);
  if (w.offers(Interfaces::checkpointer)) {
    put(w, c, id, "checkpoint", "task", WriteList().add("a", 1));
    put(w, c, id, "not stored yet", "task", WriteList().add("a", 1));
  }
}

inline void expect_gone(World& w, Client& c, const std::string& id) {
  w.expect_same(c.get_session(id), std::optional<Session>(), "the session removed");
  w.expect_same(c.history(id), std::vector<Message>(), "the history of the session removed");
  w.expect_same(c.get_task_context(id), std::optional<json>(), "the context of it");
  w.expect_same(c.get_checkpoint(id), std::optional<Checkpoint>(), "the latest of its thread");
  w.expect_same(c.get_checkpoint(id, "checkpoint"), std::optional<Checkpoint>(),
                "the checkpoint of its thread");
  w.expect_same(c.list_checkpoints(id), std::vector<Checkpoint>(), "the checkpoints of its thread");
  if (w.offers(Interfaces::checkpointer)) {
    w.expect_same(c.get_writes(id, "checkpoint"), std::vector<PendingWrite>(), "the writes of it");
    w.expect_same(c.get_writes(id, "not stored yet"), std::vector<PendingWrite>(),
                  "the writes of it that came before their checkpoint");
  }
}

inline void expect_whole(World& w, Client& c, const std::string& id) {
  w.must(c.get_session(id), "the session " + show(id));
  w.expect_same(contents(c.history(id)), std::vector<std::string>(1, "message of " + id),
                "the history of the session that stays");
  w.expect_same(c.get_task_context(id), std::optional<json>("context of " + id),
                "the context of the session that stays");
  expect_checkpoint(w, c.get_checkpoint(id), id, "checkpoint", "data of " + id);
  if (w.offers(Interfaces::checkpointer)) {
    w.expect_same(std::uint64_t{c.get_writes(id, "checkpoint").size()}, std::uint64_t{1},
                  "the number of writes of the session that stays");
  }
}

} // namespace detail

inline std::vector<Rule> clean_up_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("CLN-01", needs::backend,
           "clean-up removes exactly the sessions idle for max_idle or longer; 0 removes all; "
           "negative: invalid_argument",
           "compare with >=, count what was removed, and look at every status; 0 removes also "
           "what has a last_activity in the future",
           [](World& w) {
             Client c = w.open();
             w.expect_same(c.cleanup(0us), std::uint64_t{0}, "a clean-up of an empty store");
             for (const char* id : {"a", "b", "c"}) {
               c.create_session(id);
               detail::append(w, c, id, "what is counted are sessions");
             }
             c.end_session("b");
             w.expect_error(errc::invalid_argument, [&] { c.cleanup(-1us); });
             w.expect_error(errc::invalid_argument,
                            [&] { c.cleanup(std::chrono::microseconds::min()); });
             w.expect_same(c.cleanup(24h), std::uint64_t{0}, "a clean-up of sessions just made");
             w.expect_same(c.cleanup(std::chrono::microseconds::max()), std::uint64_t{0},
                           "a clean-up with the longest duration");
             w.expect_same(std::uint64_t{c.get_session("a") && c.get_session("b")},
                           std::uint64_t{1}, "whether the sessions are there");
             w.expect_same(c.cleanup(0us), std::uint64_t{3}, "a clean-up of all");
             for (const char* id : {"a", "b", "c"}) {
               w.expect_same(c.get_session(id), std::optional<Session>(), "a session removed");
             }
             w.expect_same(c.cleanup(0us), std::uint64_t{0}, "a clean-up after a clean-up");
             constexpr std::uint64_t many = 270; // more than one removes in one go
             detail::Batch batch(c);
             for (std::uint64_t i = 0; i < many; ++i) {
               const std::string id = "one of many " + std::to_string(i);
               batch.add(Client::text("create_session", id, "user"),
                         detail::true_after(c.handle().sessions->create_session(id, "user")));
             }
             batch.finish();
             w.expect_same(c.cleanup(0us), many, "a clean-up of many sessions");
             w.expect_same(c.get_metrics().total_sessions, std::uint64_t{0},
                           "the sessions left after a clean-up of many");
             // The exact boundary needs a clock that stands where it is put.
             const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
             const auto create_at = [&](const char* id, std::chrono::microseconds age) {
               w.set_clock(start - age);
               c.create_session(id);
               if (age == 10s) {
                 c.end_session(id, "done");
               }
             };
             create_at("older", 10s + 1us);
             create_at("exact", 10s);
             create_at("younger", 10s - 1us);
             create_at("future", -1h);
             w.set_clock(start);
             w.expect_same(c.cleanup(10s), std::uint64_t{2}, "a clean-up at the boundary");
             w.expect_same(c.get_session("exact"), std::optional<Session>(),
                           "the session idle for exactly max_idle");
             w.must(c.get_session("younger"), "the session idle for 1us less");
             w.must(c.get_session("future"), "the session whose activity lies ahead of the clock");
             w.expect_same(c.cleanup(0us), std::uint64_t{2}, "a clean-up of all that is left");
           }),
      Rule("CLN-02", needs::backend, "idle counts from last_activity",
           "compare with last_activity, not with created_at",
           [](World& w) {
             Client c = w.open();
             const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
             w.set_clock(start);
             for (const char* id : {"untouched", "updated", "appended", "read"}) {
               c.create_session(id);
             }
             w.set_clock(start + 1h);
             c.update_session("updated", SessionUpdate().increment_requests());
             detail::append(w, c, "appended", "hi");
             c.get_session("read");
             c.history("read");
             w.expect_same(c.cleanup(30min), std::uint64_t{2}, "a clean-up");
             w.must(c.get_session("updated"), "the session updated");
             w.must(c.get_session("appended"), "the session appended to");
             w.expect_same(c.get_session("untouched"), std::optional<Session>(),
                           "the session untouched");
             w.expect_same(c.get_session("read"), std::optional<Session>(),
                           "the session only read");
           }),
      Rule("CLN-03", needs::backend,
           "with a session go its messages, context, and the checkpoints and writes of the thread "
           "of its name, nothing else; the id can be created afresh",
           "remove by the whole id; look at every table",
           [](World& w) {
             Client c = w.open();
             for (const char* id : {"s", "s:x", "ss", "S"}) {
               detail::full_session(w, c, id);
             }
             detail::store(w, c, "thread without a session", "checkpoint", 1);
             w.expect_same(c.cleanup(0us), std::uint64_t{4}, "a clean-up of all");
             for (const char* id : {"s", "s:x", "ss", "S"}) {
               detail::expect_gone(w, c, id);
             }
             detail::expect_checkpoint(w, c.get_checkpoint("thread without a session"),
                                       "thread without a session", "checkpoint", 1);
             const Session fresh = c.create_session("s", "other");
             w.expect_same(fresh.version, std::uint64_t{1},
                           "the version of the session made afresh");
             w.expect_same(c.history("s"), std::vector<Message>(),
                           "the history of the session made afresh");
             w.expect_same(c.get_task_context("s"), std::optional<json>(),
                           "the context of the session made afresh");
             const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
             w.set_clock(start);
             for (const char* id : {"old", "old:2"}) {
               detail::full_session(w, c, id);
             }
             w.set_clock(start + 1h);
             for (const char* id : {"ol", "old:", "older", "OLD"}) {
               detail::full_session(w, c, id);
             }
             w.set_clock(start + 1h + 1s);
             c.cleanup(1h);
             for (const char* id : {"old", "old:2"}) {
               detail::expect_gone(w, c, id);
             }
             for (const char* id : {"ol", "old:", "older", "OLD"}) {
               detail::expect_whole(w, c, id);
             }
           }),
      Rule("CLN-04", needs::backend, "a racing update or append leaves no half session",
           "remove a session and all that belongs to it in one step",
           [](World& w) {
             Client c = w.open();
             for (int round = 0; round < 8; ++round) {
               const std::string id = "s" + std::to_string(round);
               c.create_session(id);
               w.on_threads(c, 3, [&](std::size_t index, Client mine) {
                 if (index == 0) {
                   mine.cleanup(0us);
                   return;
                 }
                 for (int i = 0; i < 6; ++i) {
                   mine.add_message(id, "user", "m");
                   mine.update_session(id, SessionUpdate().increment_requests());
                   mine.store_task_context(id, i);
                 }
               });
               std::vector<Pending<bool>> writes;
               std::vector<Pending<std::uint64_t>> removals;
               const std::string other = "t" + std::to_string(round);
               c.create_session(other);
               for (int i = 0; i < 3; ++i) {
                 writes.push_back(c.driver().start(
                     Client::text("add_conversation_message", other, "user", "m"),
                     c.handle().conversations->add_conversation_message(other, "user", "m")));
                 writes.push_back(
                     c.driver().start(Client::text("store_task_context", other, "x"),
                                      c.handle().contexts->store_task_context(other, "x")));
                 writes.push_back(
                     c.driver().start(Client::text("update_session", other, SessionUpdate()),
                                      c.handle().sessions->update_session(other, SessionUpdate())));
                 removals.push_back(
                     c.driver().start("cleanup_expired_sessions(0us)",
                                      c.handle().backend->cleanup_expired_sessions(0us)));
               }
               for (const auto& write : writes) {
                 c.driver().finish(write);
               }
               for (const auto& removal : removals) {
                 c.driver().finish(removal);
               }
               // Made before the first clean-up and clean-up takes all: nobody may bring it back.
               for (const std::string& each : {id, other}) {
                 w.expect_same(c.get_session(each), std::optional<Session>(),
                               "a session that was removed");
                 w.expect_same(c.history(each), std::vector<Message>(),
                               "the history of a session that is gone");
                 w.expect_same(c.get_task_context(each), std::optional<json>(),
                               "the context of a session that is gone");
               }
             }
             c.cleanup(0us);
             const Metrics left = c.get_metrics();
             w.expect_same(left.total_sessions, std::uint64_t{0}, "the sessions left");
             w.expect_same(left.total_messages, std::uint64_t{0}, "the messages left");
           }),
      Rule("MET-01", needs::backend,
           "counts are of what is stored now, also after a reopen and from a second handle",
           "count what is there; a counter kept beside the data drifts",
           [](World& w) {
             Client c = w.open();
             const auto expect = [&](Client& by, std::uint64_t sessions, std::uint64_t active,
                                     std::uint64_t messages, std::uint64_t checkpoints,
                                     const std::string& when) {
               Metrics expected;
               expected.total_sessions = sessions;
               expected.active_sessions = active;
               expected.total_messages = messages;
               expected.total_checkpoints = checkpoints;
               w.expect_same(detail::counts(by.get_metrics()), detail::counts(expected),
                             "the counts " + when);
             };
             expect(c, 0, 0, 0, 0, "of an empty store");
             for (const char* id : {"a", "b", "c"}) {
               c.create_session(id);
               detail::append(w, c, id, "one");
             }
             detail::append(w, c, "a", "two");
             detail::store(w, c, "a", "c1", 1);
             detail::store(w, c, "t", "c1", 1);
             detail::store(w, c, "t", "c2", 2);
             expect(c, 3, 3, 4, 3, "of three sessions");
             detail::store(w, c, "t", "c1", 3);
             w.expect_error(errc::already_exists, [&] { c.create_session("a"); });
             c.end_session("b");
             c.end_session("b", "again");
             c.add_message("b", "user", "late");
             if (w.offers(Interfaces::checkpointer)) {
               detail::put(w, c, "t", "c9", "task", detail::WriteList().add("a", 1));
             }
             expect(c, 3, 2, 4, 3, "after an end, and writes that add nothing");
             c.close();
             c.initialize();
             expect(c, 3, 2, 4, 3, "after a reopen");
             if (w.harness().claims().has_shared_handles()) {
               Client second = w.open();
               expect(second, 3, 2, 4, 3, "from a second handle");
               second.create_session("d");
               expect(c, 4, 3, 4, 3, "after a create by the second handle");
               second.end_session("d");
               expect(c, 4, 2, 4, 3, "after an end by the second handle");
             } else {
               c.create_session("d");
               c.end_session("d");
             }
             if (w.offers(Interfaces::checkpointer)) {
               c.put_checkpoint("t", "c1", 4);
               expect(c, 4, 2, 4, 3, "after a checkpoint that was put again");
             }
             if (w.offers(Interfaces::thread_directory)) {
               c.copy_thread("t", "u");
               c.prune_thread("u", 1);
               expect(c, 4, 2, 4, 4, "after a copy that was pruned");
               c.delete_thread("u");
               expect(c, 4, 2, 4, 3, "after the deletion of a thread");
             }
             if (w.offers(Interfaces::session_directory)) {
               c.create_session("e");
               detail::append(w, c, "e", "one");
               c.delete_session("e");
               expect(c, 4, 2, 4, 3, "after the deletion of a session");
             }
             for (const char* status : {"Active", "actively", "inactive", "active "}) {
               c.create_session(status);
               c.end_session(status, status);
             }
             expect(c, 8, 2, 4, 3, "after ends as what only looks active");
             c.cleanup(0us);
             expect(c, 0, 0, 0, 2, "after a clean-up of all");
           }),
  };
}

} // namespace agentstore::conformance

#endif
