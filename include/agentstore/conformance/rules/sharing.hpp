// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP

/// \file
/// SPC and TWO: stores that must not see each other, and handles and processes that must.

#include <agentstore/conformance/crash/shared_processes.hpp>
#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/values.hpp>

namespace agentstore::conformance {

namespace detail {

/// SPC-01: what is listed, deleted, copied and pruned is of one space.
inline void check_directories_apart(RuleContext& ctx, Client& a, Client& b,
                                    const std::string& key) {
  fill_for_reads(ctx, a, key);
  if (ctx.offers(Interfaces::session_directory)) {
    ctx.expect_same(std::uint64_t{b.list_sessions(key).sessions.size()}, std::uint64_t{0},
                    "the sessions of a user of the other space");
    ctx.expect_same(b.delete_session(key), false, "the deletion of the other space's session");
    ctx.expect_same(std::uint64_t{a.list_sessions(key).sessions.size()}, std::uint64_t{1},
                    "the sessions of a user, after a deletion in the other space");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    ctx.expect_same(b.list_threads(key).thread_ids, std::vector<std::string>(),
                    "the threads of the other space");
    ctx.expect_same(b.copy_thread(key, "copy of " + key), false,
                    "the copy of the other space's thread");
    ctx.expect_same(b.prune_thread(key, 0), std::uint64_t{0},
                    "the pruning of the other space's thread");
    ctx.expect_same(b.delete_thread(key), false, "the deletion of the other space's thread");
    ctx.expect_same(a.list_threads(key).thread_ids, std::vector<std::string>(1, key),
                    "the threads, after a deletion in the other space");
  }
}

/// TWO-01: a write that had nothing to do is made again once the other handle has made something.
inline void check_refusals_are_not_kept(RuleContext& ctx, Client& a, Client& b) {
  const auto expect_only_later = [&](const std::string& what, const auto& call, const auto& make) {
    ctx.expect_same(call(), false, what + " of what is not there");
    make();
    ctx.expect_same(call(), true, what + " of what the other handle has made since");
  };
  if (ctx.offers(Interfaces::sessions)) {
    const auto of_session = [&](const std::string& what, const auto& call) {
      const std::string id = "made later for " + what;
      expect_only_later(what, [&] { return call(id); }, [&] { b.create_session(id); });
    };
    of_session("an update",
               [&](const std::string& id) { return a.update_session(id, SessionUpdate()); });
    of_session("the end", [&](const std::string& id) { return a.end_session(id); });
    if (ctx.offers(Interfaces::conversations)) {
      of_session("an append",
                 [&](const std::string& id) { return a.add_message(id, "user", "hi"); });
    }
    if (ctx.offers(Interfaces::contexts)) {
      of_session("a context", [&](const std::string& id) { return a.store_task_context(id, 1); });
    }
    if (ctx.offers(Interfaces::session_directory)) {
      of_session("the deletion", [&](const std::string& id) { return a.delete_session(id); });
    }
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    const auto of_thread = [&](const std::string& what, const auto& call) {
      const std::string id = "made later for " + what;
      expect_only_later(what, [&] { return call(id); }, [&] { b.store_checkpoint(id, "c", 1); });
    };
    of_thread("the deletion", [&](const std::string& id) { return a.delete_thread(id); });
    of_thread("the copy",
              [&](const std::string& id) { return a.copy_thread(id, "copy of " + id); });
    of_thread("a pruning", [&](const std::string& id) { return a.prune_thread(id, 0) == 1; });
  }
}

/// TWO-01: whatever one handle has read before, and not found before, it reads anew.
inline void check_no_stale_reads(RuleContext& ctx, Client& a, Client& b) {
  std::size_t count = 0;
  const auto expect_equal = [&](Client& writer, Client& reader, const std::string& key,
                                const std::string& what) {
    const std::vector<std::string> fresh = all_answers(ctx, writer, key);
    const std::vector<std::string> read = all_answers(ctx, reader, key);
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      ctx.expect(read[i] == fresh[i], "by the other handle, after " + what + ", " + fresh[i],
                 read[i]);
    }
  };
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    for (const bool turned : {false, true}) {
      Client& writer = turned ? b : a;
      Client& reader = turned ? a : b;
      const std::string key = "stale " + std::to_string(++count);
      all_answers(ctx, reader, key); // so that a cache has what is not there
      tagged.prepare(ctx, writer, key);
      expect_equal(writer, reader, key, "what " + tagged.text(key, 1) + " needs");
      ctx.expect(tagged.put(writer, key, 1), tagged.text(key, 1) + " to be true", "false");
      expect_equal(writer, reader, key, tagged.text(key, 1));
      if (tagged.on_repeat != RepeatEffect::keeps) {
        ctx.expect(tagged.put(writer, key, 2), tagged.text(key, 2) + " to be true", "false");
        expect_equal(writer, reader, key, tagged.text(key, 2));
      }
    }
  }
}

/// TWO-01: nor does a handle answer what it has read when the other has changed little, or has made
/// it afresh with as much as before.
inline void check_no_stale_reads_afresh(RuleContext& ctx, Client& a, Client& b, Client& third) {
  const std::string key = "made afresh by another";
  const bool has_threads =
      ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
  const auto fill_session_with = [&](const std::string& value) {
    if (ctx.offers(Interfaces::sessions)) {
      a.create_session(key, "owner", object("of", value));
    }
    if (ctx.offers(Interfaces::conversations)) {
      a.add_message(key, "user", value);
    }
    if (ctx.offers(Interfaces::contexts)) {
      a.store_task_context(key, value);
    }
  };
  const auto fill_thread_with = [&](const std::string& value) {
    for (const char* id : {"one", "late"}) {
      if (has_threads) {
        a.store_checkpoint(key, id, value);
      }
    }
    if (ctx.offers(Interfaces::checkpointer)) {
      a.put_writes(key, "one", "task", WriteList().add("x", value));
    }
  };
  const auto expect_equal = [&](const std::string& what) {
    const std::vector<std::string> fresh = all_answers(ctx, a, key);
    for (Client* const reader : {&b, &third}) {
      const std::vector<std::string> read = all_answers(ctx, *reader, key);
      for (std::size_t i = 0; i < fresh.size(); ++i) {
        ctx.expect(read[i] == fresh[i],
                   (reader == &b ? "by the other handle, after " : "by a third handle, after ") +
                       what + ", " + fresh[i],
                   read[i]);
      }
    }
  };
  fill_session_with("first");
  fill_thread_with("first");
  expect_equal("the first of an id");
  if (ctx.offers(Interfaces::sessions)) {
    a.update_session(key, SessionUpdate().mark_error());
    expect_equal("an update of a counter");
    const Session session = ctx.must(a.get_session(key), "the session");
    set_clock_if_any(ctx, session.last_activity + std::chrono::hours(1));
    a.update_session(key, SessionUpdate());
    expect_equal("an update of nothing");
  }
  if (ctx.offers(Interfaces::session_directory)) {
    a.delete_session(key);
    fill_session_with("other");
    fill_thread_with("other");
    expect_equal("a deletion of the session, which was made afresh");
    b.delete_session(key); // so that both begin anew
    fill_session_with("third");
    fill_thread_with("third");
    expect_equal("another deletion of the session");
    a.delete_session(key);
    fill_session_with("after");
    fill_thread_with("after");
    expect_equal("a session made afresh that is as the one before");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    a.delete_thread(key);
    fill_thread_with("again");
    expect_equal("a deletion of the thread, which was made afresh");
  }
  if (ctx.offers(Interfaces::backend)) {
    a.cleanup(std::chrono::microseconds(0));
    expect_equal("a clean-up");
    fill_session_with("last");
    fill_thread_with("last");
    expect_equal("a session that was made afresh after a clean-up");
    b.close();
    a.update_session(key, SessionUpdate().mark_error().updates(object("more", 1)));
    a.add_message(key, "user", "more");
    a.store_task_context(key, "more");
    fill_thread_with("more");
    if (ctx.offers(Interfaces::checkpointer)) {
      a.put_writes(key, "one", "another task", WriteList().add("x", "more"));
    }
    b.initialize();
    expect_equal("what was done while this one was closed");
  }
}

/// TWO-01: places, first values, times and versions are the store's and not the handle's.
inline void check_what_both_count(RuleContext& ctx, Client& a, Client& b) {
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    for (int i = 0; i < 6; ++i) {
      store(ctx, i % 2 == 0 ? a : b, "placed by both", "c" + std::to_string(9 - i), i);
    }
    const std::vector<Checkpoint> before = a.list_checkpoints("placed by both");
    ctx.expect_same(ids(before), std::vector<std::string>({"c4", "c5", "c6", "c7", "c8", "c9"}),
                    "the checkpoints that two handles stored by turns");
    if (ctx.offers(Interfaces::checkpointer)) {
      int count = 0;
      for (Client* each : {&a, &b, &a}) {
        put(ctx, *each, "placed by both", "c4", "task", WriteList().add("__error__", ++count));
        expect_writes(ctx, a, "placed by both", "c4",
                      std::vector<std::string>(1, "task:-1 __error__=" + std::to_string(count)),
                      "the writes to a special channel by two handles");
      }
    }
    set_clock_if_any(ctx, before.front().created_at + std::chrono::hours(1));
    for (Client* again : {&b, &a}) {
      for (const Checkpoint& each : before) {
        store(ctx, *again, "placed by both", each.checkpoint_id, each.data, each.metadata);
        ctx.expect_same(again->get_checkpoint("placed by both", each.checkpoint_id),
                        std::optional<Checkpoint>(each),
                        "the other handle's checkpoint once it was stored again");
      }
      ctx.expect_same(again->list_checkpoints("placed by both"), before,
                      "the checkpoints once the other handle's was stored again");
    }
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    put(ctx, a, "written by both", "c", "task", WriteList().add("x", 1));
    put(ctx, b, "written by both", "c", "task", WriteList().add("x", 2).add("y", 3));
    put(ctx, a, "written by both", "c", "task", WriteList().add("x", 4).add("y", 5).add("z", 6));
    for (Client* reader : {&a, &b}) {
      expect_writes(ctx, *reader, "written by both", "c",
                    {"task:0 x=1", "task:1 y=3", "task:2 z=6"},
                    "the writes of two handles, the first of which stay");
    }
  }
  if (ctx.offers(Interfaces::conversations)) {
    ctx.need_session(a, "told by both");
    for (int i = 0; i < 6; ++i) {
      append(ctx, i % 2 == 0 ? a : b, "told by both", "m" + std::to_string(i));
    }
    ctx.expect_same(contents(a.history("told by both")), numbered("m", 0, 5),
                    "the history that two handles wrote by turns");
    expect_increasing(b.history("told by both"));
  }
  if (ctx.offers(Interfaces::sessions)) {
    std::uint64_t version = a.create_session("counted by both").version;
    for (int i = 0; i < 6; ++i) {
      Client& writer = i % 2 == 0 ? b : a;
      Client& reader = i % 2 == 0 ? a : b;
      writer.update_session("counted by both", SessionUpdate().updates(object("a", i)));
      const Session now = ctx.must(reader.get_session("counted by both"), "the session");
      ctx.expect(now.version > version,
                 "a version greater than " + show(version) +
                     " after an update by one of two handles",
                 show(now.version));
      version = now.version;
    }
  }
}

/// TWO-01: what a handle has written to before may have ended, or gone, by the other.
inline void check_sessions_that_went(RuleContext& ctx, Client& a, Client& b) {
  const auto expect_writes_of_b = [&](const std::string& id, bool expected, const std::string& of) {
    if (ctx.offers(Interfaces::conversations)) {
      ctx.expect_same(b.add_message(id, "user", "hi"), expected, "an append to a session " + of);
    }
    if (ctx.offers(Interfaces::contexts)) {
      ctx.expect_same(b.store_task_context(id, 1), expected, "a context of a session " + of);
    }
    ctx.expect_same(b.update_session(id, SessionUpdate()), expected,
                    "an update of a session " + of);
  };
  b.create_session("to be ended");
  expect_writes_of_b("to be ended", true, "that is there");
  ctx.expect(a.end_session("to be ended"), "the end to be true", "false");
  expect_writes_of_b("to be ended", false, "that the other handle has ended");
  if (ctx.offers(Interfaces::session_directory)) {
    b.create_session("to be deleted");
    expect_writes_of_b("to be deleted", true, "that is there");
    ctx.expect(a.delete_session("to be deleted"), "the deletion to be true", "false");
    expect_writes_of_b("to be deleted", false, "that the other handle has deleted");
    ctx.expect_same(b.create_session("to be deleted").version, std::uint64_t{1},
                    "the version of a session that the other handle had deleted");
  }
}

/// TWO-01: what a handle has written stays when it goes, without a close, right behind the write.
inline void check_handles_that_went(RuleContext& ctx, Client& a) {
  std::size_t count = 0;
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    const std::string key = "of a handle that went " + std::to_string(++count);
    tagged.prepare(ctx, a, key);
    Client brief = ctx.open();
    ctx.expect(tagged.put(brief, key, 1), tagged.text(key, 1) + " to be true", "false");
    const std::vector<std::string> answers = all_answers(ctx, brief, key);
    ctx.let_go(std::move(brief));
    expect_same_answers(ctx, a, key, answers,
                        "once the handle that made " + tagged.text(key, 1) + " was destroyed,");
  }
}

/// TWO-01: what one handle lists, deletes and copies, the other sees, and its cursors are good.
inline void check_directories_shared(RuleContext& ctx, Client& a, Client& b) {
  if (ctx.offers(Interfaces::session_directory)) {
    a.create_session("one of two", "listed");
    b.create_session("two of two", "listed");
    const SessionPage first = a.list_sessions("listed", Page(1));
    const SessionPage second = b.list_sessions("listed", Page(1).after(first.next));
    ctx.expect_same(std::uint64_t{second.sessions.size()}, std::uint64_t{1},
                    "the sessions on the second page, by the other handle");
    ctx.expect_same(a.delete_session("one of two"), true, "the deletion by one handle");
    ctx.expect_same(b.get_session("one of two"), std::optional<Session>(),
                    "a session that the other handle has deleted");
    ctx.expect_same(b.delete_session("one of two"), false,
                    "the deletion of a session that the other handle has deleted");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    a.store_checkpoint("seen by both", "c", 1);
    b.get_checkpoint("seen by both"); // so that a cache would have it
    ctx.expect_same(a.copy_thread("seen by both", "copied by one"), true, "the copy by one handle");
    ctx.expect_same(b.get_checkpoint("copied by one").has_value(), true,
                    "whether there is what the other handle has copied");
    ctx.expect_same(a.delete_thread("seen by both"), true, "the deletion by one handle");
    ctx.expect_same(b.get_checkpoint("seen by both"), std::optional<Checkpoint>(),
                    "a thread that the other handle has deleted");
    ctx.expect_same(b.copy_thread("copied by one", "seen by both"), true,
                    "the copy to a thread that the other handle has deleted");
    ctx.expect_same(a.delete_thread("seen by both"), true, "the deletion by one handle");
    ctx.expect_same(b.copy_thread("copied by one", "seen by both"), true,
                    "another copy to a thread that the other handle has deleted");
    b.store_checkpoint("pruned by one", "old", 1);
    b.store_checkpoint("pruned by one", "new", 2);
    b.list_checkpoints("pruned by one");
    b.get_checkpoint("pruned by one", "old");
    ctx.expect_same(a.prune_thread("pruned by one", 1), std::uint64_t{1},
                    "the pruning by one handle");
    ctx.expect_same(std::uint64_t{b.list_checkpoints("pruned by one").size()}, std::uint64_t{1},
                    "the number of checkpoints that the other handle has left");
    ctx.expect_same(b.get_checkpoint("pruned by one", "old"), std::optional<Checkpoint>(),
                    "a checkpoint that the other handle has pruned");
  }
}

} // namespace detail

template <class>
std::vector<Rule> sharing_rules() {
  return {
      Rule("SPC-01", needs::anything, "two spaces never see each other",
           "the space must be part of every key, and of every scan",
           [](RuleContext& ctx) {
             Client a = ctx.open();
             Client b = ctx.open_other();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               const Ids ids = argument.ids("k" + std::to_string(++count));
               argument.prepare(ctx, a, ids);
               ctx.expect(argument.put(a, ids, argument.sample(1)),
                          argument.label() + " to be true", "false");
               if (!argument.is_readable) {
                 continue;
               }
               ctx.expect_same(argument.read(ctx, b, ids), std::optional<json>(),
                               argument.label() + ": what the other space sees");
               // The name of the other space is that of the first and "-b": together with the id
               // they must not be taken for each other.
               const std::string plain = "j" + std::to_string(count);
               const Ids joined = argument.ids("-b" + plain);
               argument.prepare(ctx, a, joined);
               ctx.expect(argument.put(a, joined, argument.sample(3)),
                          argument.label() + " to be true", "false");
               ctx.expect_same(argument.read(ctx, b, argument.ids(plain)), std::optional<json>(),
                               argument.label() +
                                   ": what the other space sees under a part of an id");
               argument.prepare(ctx, b, ids);
               ctx.expect(argument.put(b, ids, argument.sample(2)),
                          argument.label() + " to be true", "false");
               const auto expect_own = [&](Client& client, int number) {
                 const std::vector<Found> found = argument.read_all(ctx, client, ids);
                 ctx.expect_same(std::uint64_t{found.size()}, std::uint64_t{1},
                                 argument.label() + ": the number of values in one space");
                 ctx.expect_same(found[0].value,
                                 argument.sample(static_cast<std::uint64_t>(number)),
                                 argument.label() + ": the value of one space");
               };
               expect_own(a, 1);
               expect_own(b, 2);
             }
             if (ctx.offers(Interfaces::backend)) {
               const std::string before = detail::counts_if_any(ctx, a);
               b.create_session("only in b");
               b.store_checkpoint("t", "only in b", 1);
               ctx.expect_same(detail::counts_if_any(ctx, a), before,
                               "the counts of one space after writes to the other");
               b.cleanup(std::chrono::microseconds(0));
               ctx.expect_same(detail::counts_if_any(ctx, a), before,
                               "the counts of one space after a clean-up of the other");
             }
             if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
               ctx.expect_same(a.get_checkpoint("t"), std::optional<Checkpoint>(),
                               "the latest of a thread of the other space");
             }
             detail::check_directories_apart(ctx, a, b, "listed");
             detail::check_directories_apart(ctx, b, a, "listed too"); // names may be prefixes
             if (ctx.offers(Interfaces::backend)) {
               const std::string before = detail::counts_if_any(ctx, b);
               a.cleanup(std::chrono::microseconds(0));
               ctx.expect_same(detail::counts_if_any(ctx, b), before,
                               "the counts of one space after a clean-up of the other");
             }
           }),
      Rule(
          "TWO-01", needs::anything.claim(&Claims::has_shared_handles, "shared_handles"),
          "two handles on one space see each other's acknowledged writes",
          "no cache that another handle's write does not reach",
          [](RuleContext& ctx) {
            Client a = ctx.open();
            Client b = ctx.open();
            std::size_t count = 0;
            for (const WriteArgument& argument : write_arguments(ctx)) {
              for (int turn = 0; turn < 2; ++turn) {
                Client& writer = turn == 0 ? a : b;
                Client& reader = turn == 0 ? b : a;
                const Ids ids = argument.ids("k" + std::to_string(++count));
                argument.prepare(ctx, writer, ids);
                if (argument.is_readable) {
                  argument.read(ctx, reader, ids); // so that a cache would have the old state
                }
                const json value = argument.sample(count);
                ctx.expect(argument.put(writer, ids, value), argument.label() + " to be true",
                           "false");
                if (argument.is_readable) {
                  ctx.expect_same(argument.read(ctx, reader, ids), std::optional<json>(value),
                                  argument.label() + ": what the other handle sees");
                }
                if (argument.is_readable && argument.on_repeat != RepeatEffect::keeps) {
                  const json second = argument.sample(count + 1000);
                  ctx.expect(argument.put(writer, ids, second), argument.label() + " to be true",
                             "false");
                  ctx.expect_same(argument.read(ctx, reader, ids), std::optional<json>(second),
                                  argument.label() +
                                      ": what the other handle sees after a second write");
                }
              }
            }
            if (ctx.offers(Interfaces::sessions)) {
              a.create_session("shared");
              for (int i = 0; i < 4; ++i) {
                (i % 2 == 0 ? a : b).update_session("shared", SessionUpdate().increment_requests());
              }
              ctx.expect_same(ctx.must(b.get_session("shared"), "the session").request_count,
                              std::uint64_t{4}, "request_count after updates by both handles");
              ctx.expect(a.end_session("shared"), "the end by one handle to be true", "false");
              ctx.expect_same(b.update_session("shared", SessionUpdate()), false,
                              "an update by the other handle of a session that has ended");
              ctx.expect_error(errc::already_exists, [&] { b.create_session("shared"); });
            }
            detail::check_directories_shared(ctx, a, b);
            detail::check_no_stale_reads(ctx, a, b);
            detail::check_refusals_are_not_kept(ctx, a, b);
            detail::check_what_both_count(ctx, a, b);
            if (ctx.offers(Interfaces::sessions)) {
              detail::check_sessions_that_went(ctx, a, b);
            }
            const auto apart = [&] { return ctx.open_in(ctx.space() + "-c"); };
            Client of_a = apart();
            Client of_b = apart();
            Client third = apart();
            detail::check_no_stale_reads_afresh(ctx, of_a, of_b, third);
            detail::check_handles_that_went(ctx, a);
            a.close_if_possible();
            if (b.has_sessions()) {
              ctx.must(b.get_session("shared"), "the session, after the other handle was closed");
            }
            if (ctx.offers(Interfaces::backend)) {
              b.create_session("cleaned");
              b.add_message("cleaned", "user", "hi");
              b.store_task_context("cleaned", 1);
              b.history("cleaned");
              b.get_task_context("cleaned");
              ctx.expect_same(a.initialize(), true, "initialize of the other handle");
              a.cleanup(std::chrono::microseconds(0));
              ctx.expect_same(b.get_session("cleaned"), std::optional<Session>(),
                              "a session that the other handle has cleaned up");
              ctx.expect_same(b.history("cleaned"), std::vector<Message>(), "the history of it");
              ctx.expect_same(b.get_task_context("cleaned"), std::optional<json>(),
                              "the context of it");
              ctx.expect_same(b.get_metrics().total_sessions, std::uint64_t{0},
                              "the sessions after a clean-up by the other handle");
              ctx.expect_same(b.add_message("cleaned", "user", "hi"), false,
                              "an append to a session that the other handle has cleaned up");
              b.create_session("cleaned");
              ctx.expect_same(b.add_message("cleaned", "user", "hi"), true,
                              "an append to a session made afresh after a clean-up by the other");
            }
          }),
      Rule("TWO-02", needs::anything.claim(&Claims::has_shared_processes, "shared_processes"),
           "processes on one space see each other's writes, lose none, and win a race alone",
           "let the file or the server decide, in one transaction: a lock, a counter or a cache in "
           "memory is of one process",
           &check_shared_processes),
  };
}

} // namespace agentstore::conformance

#endif
