// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CLEAN_UP_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CLEAN_UP_HPP

/// \file
/// CLN and MET: what clean-up removes, and what the metrics count.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/life_cycle.hpp>

namespace agentstore::conformance {

namespace detail {

/// A session with one of everything that goes with it, the thread of its name included.
inline void full_session(RuleContext& ctx, Client& client, const std::string& id) {
  client.create_session(id, "u", object("of", id));
  append(ctx, client, id, "message of " + id);
  client.store_task_context(id, "context of " + id);
  store(ctx, client, id, "checkpoint", "data of " + id);
  if (ctx.offers(Interfaces::checkpointer)) {
    put(ctx, client, id, "checkpoint", "task", WriteList().add("a", 1));
    put(ctx, client, id, "not stored yet", "task", WriteList().add("a", 1));
  }
}

inline void expect_gone(RuleContext& ctx, Client& client, const std::string& id) {
  ctx.expect_same(client.get_session(id), std::optional<Session>(), "the session removed");
  ctx.expect_same(client.history(id), std::vector<Message>(),
                  "the history of session " + show(id) + " removed");
  ctx.expect_same(client.get_task_context(id), std::optional<json>(),
                  "the context of session " + show(id) + " removed");
  ctx.expect_same(client.get_checkpoint(id), std::optional<Checkpoint>(),
                  "the latest of its thread");
  ctx.expect_same(client.get_checkpoint(id, "checkpoint"), std::optional<Checkpoint>(),
                  "the checkpoint of its thread");
  ctx.expect_same(client.list_checkpoints(id), std::vector<Checkpoint>(),
                  "the checkpoints of its thread");
  if (ctx.offers(Interfaces::checkpointer)) {
    ctx.expect_same(client.get_writes(id, "checkpoint"), std::vector<PendingWrite>(),
                    "the writes of it");
    ctx.expect_same(client.get_writes(id, "not stored yet"), std::vector<PendingWrite>(),
                    "the writes of it that came before their checkpoint");
  }
}

/// Every read of a session and its thread, so that a cache would hold what is to go.
inline void read_all(RuleContext& ctx, Client& client, const std::string& id) {
  client.get_session(id);
  client.history(id);
  client.get_task_context(id);
  client.get_checkpoint(id);
  client.get_checkpoint(id, "checkpoint");
  client.list_checkpoints(id);
  if (ctx.offers(Interfaces::checkpointer)) {
    client.get_writes(id, "checkpoint");
    client.get_writes(id, "not stored yet");
  }
}

/// The least step that the store's clock makes: it may be as coarse as a second.
inline std::chrono::microseconds step_of_clock(RuleContext& ctx, Client& client) {
  using namespace std::chrono_literals;
  const Timestamp second = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  for (const std::chrono::microseconds step : {1us, std::chrono::microseconds(1ms)}) {
    ctx.set_clock(second + step);
    const std::string id = "a session to tell the clock by " + show(step);
    if (client.create_session(id).created_at == second + step) {
      return step;
    }
  }
  return 1s;
}

inline void expect_whole(RuleContext& ctx, Client& client, const std::string& id) {
  ctx.must(client.get_session(id), "the session " + show(id));
  ctx.expect_same(contents(client.history(id)), std::vector<std::string>(1, "message of " + id),
                  "the history of the session that stays");
  ctx.expect_same(client.get_task_context(id), std::optional<json>("context of " + id),
                  "the context of the session that stays");
  expect_checkpoint(ctx, client.get_checkpoint(id), id, "checkpoint", "data of " + id);
  if (ctx.offers(Interfaces::checkpointer)) {
    ctx.expect_same(std::uint64_t{client.get_writes(id, "checkpoint").size()}, std::uint64_t{1},
                    "the number of writes of the session that stays");
  }
}

/// CLN-03: nothing goes, changes or stops working because of its age.
inline void check_nothing_ages(RuleContext& ctx, std::chrono::hours age) {
  const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 7 / 1);
  Client client = ctx.open_in(ctx.space() + "-" + std::to_string(age.count()));
  ctx.set_clock(start);
  // Each call is made on a session of its own, for an earlier one would make it young.
  const std::vector<std::string> kept = {"ended", "updated", "appended", "stored", "to end"};
  for (const std::string& id : kept) {
    full_session(ctx, client, id);
    store(ctx, client, id, "c-000000000001", 1);
  }
  client.end_session("ended", "done");
  const std::string user = ctx.must(client.get_session("ended"), "the session").user_id;
  const auto listed = [&] {
    return ctx.offers(Interfaces::session_directory) ? client.list_sessions(user) : SessionPage();
  };
  std::vector<std::vector<std::string>> before;
  for (const std::string& id : kept) {
    before.push_back(all_answers(ctx, client, id));
  }
  const std::vector<Session> sessions = listed().sessions;
  ctx.set_clock(start + age);
  const std::string later = show(std::int64_t{age.count()}) + " hours later";
  const auto expect_same = [&](const std::string& when) {
    ctx.expect_same(listed().sessions, sessions, later + when + " the sessions listed");
    for (std::size_t i = 0; i < kept.size(); ++i) {
      expect_same_answers(ctx, client, kept[i], before[i], later + when);
    }
  };
  expect_same("");
  client.close();
  client.initialize();
  expect_same(", after a close and an initialize,");
  ctx.expect_error(errc::already_exists, [&] { client.create_session("updated"); });
  expect_same(", after a create that was refused,");
  client.create_session("another", "another user");
  const std::optional<Session> ended = client.get_session("ended");
  ctx.expect_same(client.update_session("updated", SessionUpdate()), true, later + " an update");
  ctx.expect_same(client.add_message("appended", "user", "hi"), true, later + " an append");
  ctx.expect_same(client.store_task_context("stored", 1), true, later + " a context");
  ctx.expect_same(client.end_session("to end"), true, later + " the end");
  if (ctx.offers(Interfaces::thread_directory)) {
    ctx.expect_same(client.copy_thread("ended", "copy"), true, later + " the copy of a thread");
  }
  ctx.expect_same(client.get_session("ended"), ended, later + " a session beside others");
  ctx.close(client);
}

/// CLN-01: durations that are short, or negative, in fewer bits or after a change of unit.
inline void check_long_durations(RuleContext& ctx, Client& client) {
  using namespace std::chrono_literals;
  const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  ctx.set_clock(start);
  client.create_session("idle for half an hour");
  ctx.set_clock(start + 30min);
  for (const std::int64_t count : {std::int64_t{1} << 31u, std::int64_t{1} << 32u}) {
    for (const std::chrono::microseconds max_idle :
         {std::chrono::microseconds(count), std::chrono::microseconds(count * 1ms),
          std::chrono::microseconds(count * 1s)}) {
      ctx.expect_same(client.cleanup(max_idle), std::uint64_t{0},
                      "a clean-up of what is idle for " + show(max_idle));
    }
  }
  ctx.must(client.get_session("idle for half an hour"), "the session idle for half an hour");
  // Times, and what is left when a duration is taken off, may be before 1970.
  for (const Timestamp time : {Timestamp() - 10h, Timestamp() - 30min, Timestamp() + 30min}) {
    client.cleanup(0us);
    ctx.set_clock(time);
    client.create_session("of around 1970");
    ctx.set_clock(time + 59min);
    ctx.expect_same(client.cleanup(1h), std::uint64_t{0},
                    "a clean-up around 1970 before a session is idle for long enough");
    ctx.set_clock(time + 1h);
    ctx.expect_same(client.cleanup(1h), std::uint64_t{1},
                    "a clean-up around 1970 when a session is idle for long enough");
  }
}

/// MET-01: calls that add nothing and remove nothing, of a session that has ended and of one that
/// is not there.
inline void call_in_vain(RuleContext& ctx, Client& client, const std::string& ended,
                         const std::string& nobody) {
  ctx.expect_error(errc::already_exists, [&] { client.create_session(ended); });
  ctx.expect_error(errc::invalid_argument,
                   [&] { client.create_session(nobody, "user", json::array()); });
  for (const std::string& id : {ended, nobody}) {
    client.end_session(id, "again");
    client.update_session(id, SessionUpdate().increment_requests());
    client.add_message(id, "user", "late");
    client.store_task_context(id, "late");
    // Refused, or false: there is no such session.
    ctx.allow_error([&] { client.add_message(id, "", "text"); });
  }
  client.cleanup(std::chrono::microseconds::max());
  if (ctx.offers(Interfaces::session_directory)) {
    client.delete_session(nobody);
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    client.delete_thread(nobody);
    client.prune_thread(nobody, 0);
    client.copy_thread(nobody, "copy");
    ctx.expect_error(errc::already_exists, [&] { client.copy_thread("t", "a"); });
  }
}

/// CLN-02: idle is what `get_session` tells as last_activity, whatever was done last, and whatever
/// the clock was then.
inline void check_idle_as_told(RuleContext& ctx, Client client) {
  using namespace std::chrono_literals;
  const std::chrono::microseconds step = step_of_clock(ctx, client);
  const Timestamp start = first_of_may();
  const auto check = [&](const std::string& what, const auto& call) {
    for (const std::chrono::hours later : {2h, -2h}) {
      client.cleanup(0us);
      ctx.set_clock(start);
      client.create_session("s");
      client.update_session("s", SessionUpdate());
      ctx.set_clock(start + later);
      ctx.allow_error(call); // a call that is refused is no activity
      const Timestamp last = ctx.must(client.get_session("s"), "the session").last_activity;
      const std::string after =
          " after " + what + " when the clock " + (later > 0h ? "had gone on" : "had gone back");
      ctx.set_clock(last + 5h - step);
      ctx.expect_same(client.cleanup(5h), std::uint64_t{0},
                      "a clean-up of a session not yet idle for long enough" + after);
      ctx.set_clock(last + 5h);
      ctx.expect_same(client.cleanup(5h), std::uint64_t{1},
                      "a clean-up of a session just idle for long enough" + after);
    }
  };
  check("an update", [&] { client.update_session("s", SessionUpdate().increment_requests()); });
  check("an append", [&] { client.add_message("s", "user", "hi"); });
  check("a context", [&] { client.store_task_context("s", 1); });
  check("the end", [&] { client.end_session("s"); });
  check("calls once it has ended", [&] {
    client.end_session("s");
    client.update_session("s", SessionUpdate());
    client.add_message("s", "user", "hi");
    client.store_task_context("s", 1);
    client.end_session("s", "again");
  });
  check("an update that was refused",
        [&] { client.update_session("s", SessionUpdate().updates(json::array())); });
  check("an append that was refused", [&] { client.add_message("s", "", "hi"); });
  check("a create that was refused", [&] { client.create_session("s"); });
  check("reads and checkpoints", [&] {
    client.history("s");
    client.get_task_context("s");
    store(ctx, client, "s", "c", 1);
    client.list_checkpoints("s");
  });
}

/// CLN-04: what is touched beside a clean-up goes before it, and the touch is false, or it is not
/// idle any more, and stays.
inline void check_touches_beside_clean_up(RuleContext& ctx, Client client) {
  using namespace std::chrono_literals;
  Rivals rivals(ctx, client);
  const auto touch = [](Handle& handle, std::size_t way) {
    return way == 0 ? handle.sessions->update_session("touched", SessionUpdate())
                    : handle.conversations->add_conversation_message("touched", "user", "hi");
  };
  const auto make_idle = [&] {
    client.cleanup(0us);
    ctx.set_clock(first_of_may());
    for (const char* id : {"idle", "touched", "too"}) {
      client.create_session(id);
    }
    ctx.set_clock(first_of_may() + 2h);
  };
  const auto expect_one_of_both = [&](bool is_touched, std::uint64_t removed,
                                      const std::string& what) {
    const std::string beside = " " + what + " beside a clean-up, which was " + show(is_touched);
    ctx.expect_same(client.get_session("touched").has_value(), is_touched,
                    "whether a session is there after" + beside);
    ctx.expect_same(removed, std::uint64_t{is_touched ? 2u : 3u},
                    "how many idle sessions went, after" + beside);
  };
  const std::array<std::string, 2> names = {"an update", "an append"};
  for (std::size_t way = 0; way < names.size(); ++way) {
    for (std::size_t steps = 0; steps < 3; ++steps) {
      make_idle();
      const auto removal =
          client.driver().start(Client::text("cleanup_expired_sessions", 1h),
                                rivals.of(way).handle().backend->cleanup_expired_sessions(1h));
      for (std::size_t i = 0; i < steps; ++i) {
        client.driver().step();
      }
      const auto touched = client.driver().start(names[way] + " of \"touched\"",
                                                 touch(rivals.of(way + steps).handle(), way));
      const bool is_touched = client.driver().finish(touched);
      expect_one_of_both(is_touched, client.driver().finish(removal), names[way]);
    }
    std::atomic<bool> is_touched = false;
    std::atomic<std::uint64_t> removed = 0;
    make_idle();
    ctx.on_threads(client, 2, [&](std::size_t thread, Client mine) {
      Client rival = rivals.on_thread_of(mine, thread);
      if (thread == 0) {
        removed = rival.cleanup(1h);
      } else {
        is_touched = rival.call(names[way] + " of \"touched\"", touch(rival.handle(), way));
      }
    });
    expect_one_of_both(is_touched, removed, names[way]);
  }
}

} // namespace detail

template <class>
std::vector<Rule> clean_up_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("CLN-01", needs::backend,
           "clean-up removes exactly the sessions idle for max_idle or longer; 0 removes all; "
           "negative: invalid_argument",
           "compare with >=, count what was removed, and look at every status; 0 removes also "
           "what has a last_activity in the future",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.cleanup(0us), std::uint64_t{0}, "a clean-up of an empty store");
             for (const char* id : {"a", "b", "c"}) {
               client.create_session(id);
               detail::append(ctx, client, id, "what is counted are sessions");
             }
             client.end_session("b");
             ctx.expect_error(errc::invalid_argument, [&] { client.cleanup(-1us); });
             ctx.expect_error(errc::invalid_argument,
                              [&] { client.cleanup(std::chrono::microseconds::min()); });
             ctx.expect_same(client.cleanup(24h), std::uint64_t{0},
                             "a clean-up of sessions just made");
             ctx.expect_same(client.cleanup(std::chrono::microseconds::max()), std::uint64_t{0},
                             "a clean-up with the longest duration");
             ctx.expect_same(std::uint64_t{client.get_session("a") && client.get_session("b")},
                             std::uint64_t{1}, "whether the sessions are there");
             ctx.expect_same(client.cleanup(0us), std::uint64_t{3}, "a clean-up of all");
             for (const char* id : {"a", "b", "c"}) {
               ctx.expect_same(client.get_session(id), std::optional<Session>(),
                               "a session removed");
             }
             ctx.expect_same(client.cleanup(0us), std::uint64_t{0}, "a clean-up after a clean-up");
             constexpr std::uint64_t many = 1'010; // more than one removes in one go
             detail::Batch batch(client);
             for (std::uint64_t i = 0; i < many; ++i) {
               const std::string id = "one of many " + std::to_string(i);
               batch.add(Client::text("create_session", id, "user"),
                         is_positive(detail::as_answer(
                             client.handle().sessions->create_session(id, "user"))));
             }
             batch.finish();
             ctx.expect_same(client.cleanup(0us), many, "a clean-up of many sessions");
             ctx.expect_same(client.get_metrics().total_sessions, std::uint64_t{0},
                             "the sessions left after a clean-up of many");
             for (int i = 0; i < 2; ++i) { // more than a mebibyte of them
               client.create_session("large " + std::to_string(i), "u",
                                     object("text", letters(900'000)));
             }
             ctx.expect_same(client.get_metrics().total_sessions, std::uint64_t{2},
                             "the number of large sessions");
             ctx.expect_same(client.cleanup(0us), std::uint64_t{2}, "a clean-up of large sessions");
             // The exact boundary needs a clock that stands where it is put.
             const std::chrono::microseconds step = detail::step_of_clock(ctx, client);
             client.cleanup(0us);
             const Timestamp start = detail::first_of_may();
             const auto create_at = [&](const char* id, std::chrono::microseconds age) {
               ctx.set_clock(start - age);
               client.create_session(id);
               if (age == 10s) {
                 client.end_session(id, "done");
               }
             };
             create_at("older", 10s + step);
             create_at("exact", 10s);
             create_at("younger", 10s - step);
             create_at("future", -1h);
             ctx.set_clock(start);
             ctx.expect_same(client.cleanup(10s), std::uint64_t{2}, "a clean-up at the boundary");
             ctx.expect_same(client.get_session("exact"), std::optional<Session>(),
                             "the session idle for exactly max_idle");
             ctx.must(client.get_session("younger"), "the session idle for less by " + show(step));
             ctx.must(client.get_session("future"),
                      "the session whose activity lies ahead of the clock");
             ctx.expect_same(client.cleanup(0us), std::uint64_t{2},
                             "a clean-up of all that is left");
             detail::check_long_durations(ctx, client);
             client.cleanup(0us);
             for (const std::chrono::microseconds idle :
                  {1us, 999us, 1'500us, std::chrono::microseconds(1'500ms),
                   std::chrono::microseconds(90s), std::chrono::microseconds(24h * 40),
                   std::chrono::microseconds(24h * 400)}) {
               if (idle % step != 0us) {
                 continue;
               }
               ctx.set_clock(start);
               client.create_session("idle");
               ctx.set_clock(start + idle - step);
               ctx.expect_same(client.cleanup(idle), std::uint64_t{0},
                               "a clean-up just before " + show(idle) + " are over");
               ctx.set_clock(start + idle);
               ctx.expect_same(client.cleanup(idle), std::uint64_t{1},
                               "a clean-up when " + show(idle) + " are over");
             }
           }),
      Rule("CLN-02", needs::backend, "idle counts from last_activity",
           "compare with last_activity, not with created_at",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const Timestamp start = detail::first_of_may();
             ctx.set_clock(start);
             for (const char* id :
                  {"untouched", "updated", "appended", "read", "appended, updated",
                   "updated, appended", "appended before", "counted", "timed", "emptily updated"}) {
               client.create_session(id);
             }
             // The last of several activities counts, whatever kind it is of.
             ctx.set_clock(start + 10min);
             detail::append(ctx, client, "appended, updated", "hi");
             client.update_session("updated, appended", SessionUpdate().increment_requests());
             detail::append(ctx, client, "appended before", "hi");
             ctx.set_clock(start + 1h);
             client.update_session("updated", SessionUpdate().increment_requests());
             client.update_session("counted", SessionUpdate().mark_error());
             client.update_session("timed", SessionUpdate().add_processing_time(1us));
             client.update_session("emptily updated", SessionUpdate());
             client.update_session("appended, updated", SessionUpdate().updates(object("a", 1)));
             detail::append(ctx, client, "updated, appended", "hi");
             detail::append(ctx, client, "appended", "hi");
             client.get_session("read");
             client.history("read");
             client.get_task_context("read");
             client.list_checkpoints("read");
             if (ctx.offers(Interfaces::session_directory)) {
               client.list_sessions("user");
             }
             ctx.expect_same(client.cleanup(30min), std::uint64_t{3}, "a clean-up");
             ctx.must(client.get_session("updated"), "the session updated");
             ctx.must(client.get_session("appended"), "the session appended to");
             for (const char* id : {"appended, updated", "updated, appended", "counted", "timed",
                                    "emptily updated"}) {
               ctx.must(client.get_session(id),
                        "the session " + show(std::string(id)) + " just now");
             }
             ctx.expect_same(client.get_session("appended before"), std::optional<Session>(),
                             "the session appended to long ago");
             ctx.expect_same(client.get_session("untouched"), std::optional<Session>(),
                             "the session untouched");
             ctx.expect_same(client.get_session("read"), std::optional<Session>(),
                             "the session only read");
             // Ahead of the clock it is not idle, however long it has been there.
             client.create_session("ahead");
             ctx.set_clock(start + 2h);
             client.update_session("ahead", SessionUpdate());
             ctx.set_clock(start + 100min);
             client.cleanup(30min);
             ctx.must(client.get_session("ahead"), "the session active ahead of the clock");
             // An id that is created afresh has nothing of the activity of before.
             client.cleanup(0us);
             ctx.set_clock(start + 1h);
             client.create_session("counted");
             client.create_session("untouched");
             ctx.set_clock(start + 80min);
             if (ctx.offers(Interfaces::session_directory)) {
               client.delete_session("counted");
               client.create_session("counted");
             }
             ctx.set_clock(start + 89min);
             ctx.expect_same(client.cleanup(30min), std::uint64_t{0},
                             "a clean-up of sessions made afresh and others, none of them idle");
             ctx.set_clock(start + 95min);
             client.cleanup(30min);
             if (ctx.offers(Interfaces::session_directory)) {
               ctx.must(client.get_session("counted"), "the session made afresh a while ago");
             }
             detail::check_idle_as_told(ctx, ctx.open_other());
           }),
      Rule("CLN-03", needs::backend,
           "with a session go its messages, context, and the checkpoints and writes of the thread "
           "of its name, nothing else; the id can be created afresh",
           "remove by the whole id; look at every table",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             for (const char* id : {"s", "s:x", "ss", "S"}) {
               detail::full_session(ctx, client, id);
               detail::read_all(ctx, client, id);
             }
             detail::store(ctx, client, "thread without a session", "checkpoint", 1);
             ctx.expect_same(client.cleanup(0us), std::uint64_t{4}, "a clean-up of all");
             for (const char* id : {"s", "s:x", "ss", "S"}) {
               detail::expect_gone(ctx, client, id);
             }
             detail::expect_checkpoint(ctx, client.get_checkpoint("thread without a session"),
                                       "thread without a session", "checkpoint", 1);
             if (ctx.offers(Interfaces::session_directory)) {
               ctx.expect_same(client.list_sessions("u").sessions, std::vector<Session>(),
                               "the sessions of a user after a clean-up of all");
             }
             if (ctx.offers(Interfaces::thread_directory)) {
               ctx.expect_same(client.list_threads().thread_ids,
                               std::vector<std::string>(1, "thread without a session"),
                               "the threads after a clean-up of all sessions");
               ctx.expect_same(client.get_thread_head("s").checkpoint_ids,
                               std::vector<std::string>(), "the head of a thread that went");
             }
             const Session fresh = client.create_session("s", "other");
             ctx.expect_same(fresh.version, std::uint64_t{1},
                             "the version of the session made afresh");
             ctx.expect_same(client.history("s"), std::vector<Message>(),
                             "the history of the session made afresh");
             ctx.expect_same(client.get_task_context("s"), std::optional<json>(),
                             "the context of the session made afresh");
             detail::check_early_writes_go(ctx, client,
                                           [&](const std::string&) { client.cleanup(0us); });
             if (ctx.has_clock()) {
               Timestamp now = client.create_session("of now", "owner").created_at;
               detail::check_neighbour_goes_on(
                   ctx, client, [&] { detail::let_time_pass(ctx, now); },
                   [&](const std::string&) { client.cleanup(90s); });
             }
             client.create_session("of many");
             detail::fill_with_many(ctx, client, "of many");
             client.cleanup(0us);
             client.create_session("of many");
             detail::expect_none_of_many(ctx, client, "of many",
                                         "a session made afresh, which had very many");
             // Of however many.
             const std::vector<std::string> many = detail::numbered("many ", 1, 120);
             for (const std::string& id : many) {
               detail::full_session(ctx, client, id);
             }
             client.cleanup(0us);
             for (const std::string& id : many) {
               detail::expect_gone(ctx, client, id);
             }
             const Timestamp start = detail::first_of_may();
             ctx.set_clock(start);
             for (const char* id : {"old", "old:2"}) {
               detail::full_session(ctx, client, id);
             }
             ctx.set_clock(start + 1h);
             for (const char* id : {"ol", "old:", "older", "OLD"}) {
               detail::full_session(ctx, client, id);
             }
             ctx.set_clock(start + 1h + 1s);
             client.cleanup(1h);
             for (const char* id : {"old", "old:2"}) {
               detail::expect_gone(ctx, client, id);
             }
             for (const char* id : {"ol", "old:", "older", "OLD"}) {
               detail::expect_whole(ctx, client, id);
             }
             // Neighbours of a session that goes, and threads without a session of their own.
             ctx.set_clock(start + 2h);
             detail::full_session(ctx, client, "n");
             ctx.set_clock(start + 4h);
             std::vector<std::string> sessions;
             for (const std::string& separator : detail::separators()) {
               sessions.push_back("n" + separator + "x");
               detail::full_session(ctx, client, sessions.back());
               detail::store(ctx, client, "n" + separator + "thread", "checkpoint", separator);
             }
             client.create_session("of user n", "n");
             client.cleanup(1h);
             detail::expect_gone(ctx, client, "n");
             ctx.must(client.get_session("of user n"),
                      "the session of a user who has the id of one that was removed");
             for (const std::string& id : sessions) {
               detail::expect_whole(ctx, client, id);
             }
             for (const std::string& separator : detail::separators()) {
               const std::string thread = "n" + separator + "thread";
               detail::expect_checkpoint(ctx, client.get_checkpoint(thread), thread, "checkpoint",
                                         separator);
             }
             // What comes to the place of a session that went finds nothing of it.
             ctx.expect_same(client.create_session("n").created_at, start + 4h,
                             "created_at of the session made afresh");
             detail::store(ctx, client, "n", "checkpoint", "fresh");
             ctx.expect_same(
                 ctx.must(client.get_checkpoint("n", "checkpoint"), "the checkpoint").created_at,
                 start + 4h, "created_at of a checkpoint of the session made afresh");
             if (ctx.offers(Interfaces::checkpointer)) {
               ctx.expect_same(client.get_writes("n", "checkpoint"), std::vector<PendingWrite>(),
                               "the writes of a checkpoint of the session made afresh");
               detail::put(ctx, client, "n", "checkpoint", "task", detail::WriteList().add("b", 2));
               detail::expect_writes(ctx, client, "n", "checkpoint",
                                     std::vector<std::string>(1, "task:0 b=2"),
                                     "the first writes to the session made afresh");
             }
             for (const std::chrono::hours age : {25h, 24h * 8, 24h * 40, 24h * 400, 24h * 4'000}) {
               detail::check_nothing_ages(ctx, age);
             }
           }),
      Rule("CLN-04", needs::backend,
           "a racing update or append leaves no half session, and what it reaches first stays",
           "remove a session and all that belongs to it in one step",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             for (int round = 0; round < 8; ++round) {
               const std::string id = "s" + std::to_string(round);
               client.create_session(id);
               ctx.on_threads(client, 3, [&](std::size_t index, Client mine) {
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
               client.create_session(other);
               for (int i = 0; i < 3; ++i) {
                 writes.push_back(client.driver().start(
                     Client::text("add_conversation_message", other, "user", "m"),
                     client.handle().conversations->add_conversation_message(other, "user", "m")));
                 writes.push_back(client.driver().start(
                     Client::text("store_task_context", other, "x"),
                     client.handle().contexts->store_task_context(other, "x")));
                 writes.push_back(client.driver().start(
                     Client::text("update_session", other, SessionUpdate()),
                     client.handle().sessions->update_session(other, SessionUpdate())));
                 removals.push_back(
                     client.driver().start("cleanup_expired_sessions(0us)",
                                           client.handle().backend->cleanup_expired_sessions(0us)));
               }
               for (const auto& write : writes) {
                 client.driver().finish(write);
               }
               for (const auto& removal : removals) {
                 client.driver().finish(removal);
               }
               // Made before the first clean-up and clean-up takes all: nobody may bring it back.
               for (const std::string& each : {id, other}) {
                 ctx.expect_same(client.get_session(each), std::optional<Session>(),
                                 "a session that was removed");
                 ctx.expect_same(client.history(each), std::vector<Message>(),
                                 "the history of a session that is gone");
                 ctx.expect_same(client.get_task_context(each), std::optional<json>(),
                                 "the context of a session that is gone");
               }
             }
             client.cleanup(0us);
             const Metrics left = client.get_metrics();
             ctx.expect_same(left.total_sessions, std::uint64_t{0}, "the sessions left");
             ctx.expect_same(left.total_messages, std::uint64_t{0}, "the messages left");
             if (ctx.has_clock()) {
               detail::check_touches_beside_clean_up(ctx, client);
             }
           }),
      Rule("MET-01", needs::backend,
           "counts are of what is stored now, also after a reopen and from a second handle",
           "count what is there; a counter kept beside the data drifts",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const Timestamp first_day = detail::first_of_may();
             const auto expect = [&](Client& by, std::uint64_t sessions, std::uint64_t active,
                                     std::uint64_t messages, std::uint64_t checkpoints,
                                     const std::string& when) {
               Metrics expected;
               expected.total_sessions = sessions;
               expected.active_sessions = active;
               expected.total_messages = messages;
               expected.total_checkpoints = checkpoints;
               const Metrics metrics = by.get_metrics();
               ctx.expect_same(detail::counts(metrics), detail::counts(expected),
                               "the counts " + when);
               ctx.expect(metrics.details.is_object(), "details that are a JSON object",
                          show(metrics));
             };
             expect(client, 0, 0, 0, 0, "of an empty store");
             for (const char* id : {"a", "b", "c"}) {
               client.create_session(id);
               detail::append(ctx, client, id, "one");
             }
             detail::append(ctx, client, "a", "two");
             detail::store(ctx, client, "a", "c1", 1);
             detail::store(ctx, client, "t", "c1", 1);
             detail::store(ctx, client, "t", "c2", 2);
             expect(client, 3, 3, 4, 3, "of three sessions");
             detail::store(ctx, client, "t", "c1", 3);
             ctx.expect_error(errc::already_exists, [&] { client.create_session("a"); });
             client.end_session("b");
             client.end_session("b", "again");
             client.add_message("b", "user", "late");
             if (ctx.offers(Interfaces::checkpointer)) {
               detail::put(ctx, client, "t", "c9", "task", detail::WriteList().add("a", 1));
             }
             expect(client, 3, 2, 4, 3, "after an end, and writes that add nothing");
             client.close();
             client.initialize();
             expect(client, 3, 2, 4, 3, "after a reopen");
             if (ctx.harness().claims().has_shared_handles()) {
               Client second = ctx.open();
               expect(second, 3, 2, 4, 3, "from a second handle");
               second.create_session("d");
               expect(client, 4, 3, 4, 3, "after a create by the second handle");
               second.end_session("d");
               expect(client, 4, 2, 4, 3, "after an end by the second handle");
             } else {
               client.create_session("d");
               client.end_session("d");
             }
             if (ctx.offers(Interfaces::checkpointer)) {
               client.put_checkpoint("t", "c1", 4);
               expect(client, 4, 2, 4, 3, "after a checkpoint that was put again");
             }
             if (ctx.offers(Interfaces::thread_directory)) {
               client.copy_thread("t", "u");
               client.prune_thread("u", 1);
               expect(client, 4, 2, 4, 4, "after a copy that was pruned");
               client.delete_thread("u");
               expect(client, 4, 2, 4, 3, "after the deletion of a thread");
             }
             if (ctx.offers(Interfaces::session_directory)) {
               client.create_session("e");
               detail::append(ctx, client, "e", "one");
               client.delete_session("e");
               expect(client, 4, 2, 4, 3, "after the deletion of a session");
             }
             for (const char* status : {"Active", "actively", "inactive", "active "}) {
               client.create_session(status);
               client.end_session(status, status);
             }
             expect(client, 8, 2, 4, 3, "after ends as what only looks active");
             detail::call_in_vain(ctx, client, "b", "nobody");
             expect(client, 8, 2, 4, 3, "after calls that had nothing to do");
             if (ctx.offers(Interfaces::session_directory)) {
               detail::full_session(ctx, client, "f");
               expect(client, 9, 3, 5, 4, "of a session with everything");
               client.end_session("f");
               client.delete_session("f");
               client.delete_session("f");
               expect(client, 8, 2, 4, 3, "after the deletion of one that had ended");
               client.create_session("f");
               client.delete_session("f");
               expect(client, 8, 2, 4, 3, "after the deletion of one made afresh");
             }
             client.cleanup(0us);
             expect(client, 0, 0, 0, 2, "after a clean-up of all");
             if (!ctx.has_clock()) {
               return;
             }
             ctx.set_clock(first_day);
             for (const char* id : {"old", "old and ended"}) {
               detail::full_session(ctx, client, id);
             }
             client.end_session("old and ended");
             ctx.set_clock(first_day + 24h);
             for (const char* id : {"new", "new and ended", "newest"}) {
               detail::full_session(ctx, client, id);
             }
             client.end_session("new and ended");
             expect(client, 5, 3, 5, 7, "before a clean-up of some");
             client.cleanup(12h);
             expect(client, 3, 2, 3, 5, "after a clean-up of some");
           }),
  };
}

} // namespace agentstore::conformance

#endif
