// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_DURABILITY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_DURABILITY_HPP

/// \file
/// DUR: what outlives the handle, and what outlives the process.
///
/// Environment: AGENTSTORE_KILLS=n is how many children DUR-02 kills; 10 where it is not set.

#include <agentstore/conformance/crash/kill_test.hpp>
#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/values.hpp>

namespace agentstore::conformance {

namespace detail {

/// All records of the rule's keys, as they are.
class Snapshot {
public:
  Snapshot(RuleContext& ctx, Client& client, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
      if (ctx.offers(Interfaces::sessions)) {
        sessions.push_back(client.get_session(key));
      }
      if (ctx.offers(Interfaces::conversations)) {
        histories.push_back(client.history(key));
      }
      if (ctx.offers(Interfaces::contexts)) {
        contexts.push_back(client.get_task_context(key));
      }
      if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
        checkpoints.push_back(client.list_checkpoints(key));
      }
      if (ctx.offers(Interfaces::checkpointer)) {
        writes.push_back(client.get_writes(key, "checkpoint"));
      }
      if (ctx.offers(Interfaces::archive) && ctx.harness().can_read_archive()) {
        for (const ArchiveKind kind :
             {ArchiveKind::session_event, ArchiveKind::conversation_message,
              ArchiveKind::checkpoint, ArchiveKind::checkpoint_writes,
              ArchiveKind::conversation_session, ArchiveKind::task_context_snapshot}) {
          records.push_back(ctx.read_archive(client, kind, key));
        }
      }
    }
  }

  static void expect_same(RuleContext& ctx, const Snapshot& actual, const Snapshot& before) {
    for (std::size_t i = 0; i < before.sessions.size(); ++i) {
      ctx.expect_same(actual.sessions[i], before.sessions[i], "a session after a reopen");
    }
    for (std::size_t i = 0; i < before.histories.size(); ++i) {
      ctx.expect_same(actual.histories[i], before.histories[i], "a history after a reopen");
    }
    for (std::size_t i = 0; i < before.contexts.size(); ++i) {
      ctx.expect_same(actual.contexts[i], before.contexts[i], "a task context after a reopen");
    }
    for (std::size_t i = 0; i < before.checkpoints.size(); ++i) {
      ctx.expect_same(actual.checkpoints[i], before.checkpoints[i], "checkpoints after a reopen");
    }
    for (std::size_t i = 0; i < before.writes.size(); ++i) {
      ctx.expect_same(actual.writes[i], before.writes[i], "pending writes after a reopen");
    }
    for (std::size_t i = 0; i < before.records.size(); ++i) {
      ctx.expect_same(actual.records[i], before.records[i], "archive records after a reopen");
    }
  }

  std::vector<std::optional<Session>> sessions;
  std::vector<std::vector<Message>> histories;
  std::vector<std::optional<json>> contexts;
  std::vector<std::vector<Checkpoint>> checkpoints;
  std::vector<std::vector<PendingWrite>> writes;
  std::vector<std::vector<ArchiveRecord>> records;
};

/// The writes that are made once for each of many keys.
inline bool is_of_many(const TaggedWrite& tagged) {
  return tagged.name == "add_conversation_message" || tagged.name == "store_task_context" ||
         tagged.name == "store_checkpoint" || tagged.name == "put_writes";
}

/// One write after the other, each with keys of its own, from one handle to the next.
class Reopening {
public:
  explicit Reopening(RuleContext& ctx) : ctx_(ctx), tagged_writes_(tagged_writes(ctx)) {
    for (std::size_t i = 0; i < tagged_writes_.size(); ++i) {
      keys_.push_back("key " + std::to_string(i));
      expected_.emplace_back();
    }
  }

  /// Opens the store, looks at what was there before, writes, looks again, and lets go.
  void visit(bool with_close) {
    Client client = ctx_.open();
    if (before_) {
      Snapshot::expect_same(ctx_, Snapshot(ctx_, client, keys_), *before_);
      repeat(client);
      Snapshot::expect_same(ctx_, Snapshot(ctx_, client, keys_), *before_);
      if (ctx_.offers(Interfaces::backend)) {
        Metrics now = client.get_metrics();
        now.details = metrics_.details; // the backend's own affair
        ctx_.expect(now == metrics_, "metrics after a reopen to be " + show(metrics_), show(now));
      }
    }
    for (int i = 0; i < 3; ++i) {
      write(client);
    }
    before_.emplace(ctx_, client, keys_);
    if (ctx_.offers(Interfaces::backend)) {
      metrics_ = client.get_metrics();
    }
    if (with_close) {
      ctx_.close(client);
    } else {
      ctx_.let_go(client);
    }
  }

private:
  /// What must change nothing: places and first values are to be known still (CHK-04, WRT-02).
  void repeat(Client& client) {
    for (std::size_t i = 0; i < before_->checkpoints.size(); ++i) {
      if (!before_->checkpoints[i].empty()) {
        const Checkpoint& oldest = before_->checkpoints[i].back();
        ctx_.expect(
            client.store_checkpoint(keys_[i], oldest.checkpoint_id, oldest.data, oldest.metadata),
            "storing a checkpoint again to be true", "false");
      }
    }
    for (std::size_t i = 0; i < before_->writes.size(); ++i) {
      if (!before_->writes[i].empty()) {
        std::vector<ChannelWrite> again;
        again.emplace_back("messages", json("another value"));
        ctx_.expect(
            client.put_writes(keys_[i], "checkpoint", before_->writes[i].back().task_id, again),
            "a repeated put_writes to be true", "false");
      }
    }
  }

  void write(Client& client) {
    ++number_;
    for (std::size_t i = 0; i < tagged_writes_.size(); ++i) {
      const TaggedWrite& tagged = tagged_writes_[i];
      if (number_ == 1) {
        tagged.prepare(ctx_, client, keys_[i]);
      } else if (tagged.on_repeat == RepeatEffect::keeps) {
        continue;
      }
      ctx_.expect(tagged.put(client, keys_[i], number_),
                  tagged.text(keys_[i], number_) + " to be true", "false");
      if (tagged.is_readable) {
        expected_[i] = tagged.after(expected_[i], number_);
        ctx_.expect_same(tagged.numbers(ctx_, client, keys_[i]), expected_[i],
                         "the writes by " + std::string(tagged.name) + ", in order,");
      }
    }
  }

  RuleContext& ctx_;
  std::vector<TaggedWrite> tagged_writes_;
  std::vector<std::string> keys_;
  std::vector<std::vector<TaggedWrite::Number>> expected_;
  TaggedWrite::Number number_ = 0;
  std::optional<Snapshot> before_;
  Metrics metrics_;
};

/// More of everything than a store may read in one go when it opens; and what was cleaned up.
inline void check_many_after_reopen(RuleContext& ctx) {
  constexpr std::size_t many = 270;
  const auto id = [](std::size_t i) { return "one of many " + std::to_string(i); };
  {
    Client client = ctx.open_other();
    if (ctx.offers(Interfaces::backend)) {
      client.create_session("cleaned");
      client.cleanup(std::chrono::microseconds(0));
    }
    Batch batch(client);
    for (std::size_t i = 0; i < many && ctx.offers(Interfaces::sessions); ++i) {
      batch.add(Client::text("create_session", id(i), "user"),
                is_positive(as_answer(client.handle().sessions->create_session(id(i), "user"))));
    }
    batch.finish();
    for (const TaggedWrite& tagged : tagged_writes(ctx)) {
      if (is_of_many(tagged)) {
        for (std::size_t i = 0; i < many; ++i) {
          batch.add(tagged.text(id(i), i), tagged.write(client.handle(), id(i), i));
        }
        batch.finish();
      }
    }
    ctx.close(client);
  }
  Client client = ctx.open_other();
  if (ctx.offers(Interfaces::backend)) {
    ctx.expect_same(client.get_session("cleaned"), std::optional<Session>(),
                    "a session that was cleaned up, after a reopen");
  }
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    for (std::size_t i = 0; i < many && is_of_many(tagged); ++i) {
      ctx.expect_same(tagged.numbers(ctx, client, id(i)), std::vector<TaggedWrite::Number>(1, i),
                      "what is there after a reopen of " + tagged.text(id(i), i) +
                          ", one of many,");
    }
  }
  ctx.close(client);
}

/// Of one key more than a store may read in one go: all that appends.
inline void check_long_after_reopen(RuleContext& ctx) {
  constexpr std::size_t many = 270;
  const std::string space = ctx.space() + "-c";
  std::vector<TaggedWrite> all = tagged_writes(ctx);
  std::erase_if(all, [](const TaggedWrite& tagged) {
    return tagged.on_repeat != RepeatEffect::appends || !tagged.is_readable ||
           tagged.method().kind != MethodKind::writes;
  });
  const auto key = [](std::size_t i) { return "long " + std::to_string(i); };
  std::vector<std::vector<TaggedWrite::Number>> before;
  {
    Client client = ctx.open_in(space);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].prepare(ctx, client, key(i));
      Batch batch(client);
      for (std::size_t n = 1; n <= many; ++n) {
        batch.add(all[i].text(key(i), n), all[i].write(client.handle(), key(i), n));
      }
      batch.finish();
      before.push_back(all[i].numbers(ctx, client, key(i)));
      ctx.expect_same(std::uint64_t{before.back().size()}, std::uint64_t{many},
                      "how many there are after " + std::to_string(many) + " times " + all[i].name);
    }
    ctx.close(client);
  }
  Client client = ctx.open_in(space);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ctx.expect_same(all[i].numbers(ctx, client, key(i)), before[i],
                    "what is there after a reopen of " + std::to_string(many) + " times " +
                        all[i].name);
    ctx.expect(all[i].put(client, key(i), many + 1), all[i].text(key(i), many + 1) + " to be true",
               "false");
    before[i].push_back(many + 1);
    ctx.expect_same(all[i].numbers(ctx, client, key(i)), before[i],
                    "what is there once there was one more, after a reopen, of " + all[i].name);
  }
  ctx.close(client);
  Client between = ctx.open_in(space);
  ctx.close(between);
  Client later = ctx.open_in(space);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ctx.expect_same(all[i].numbers(ctx, later, key(i)), before[i],
                    "what is there after a second reopen of what was made by " + all[i].name);
  }
  ctx.close(later);
}

/// The odd values and ids, by whatever takes them, as they are after a reopen.
inline void check_odd_after_reopen(RuleContext& ctx) {
  const std::string space = ctx.space() + "-d";
  std::vector<WriteArgument> all = write_arguments(ctx);
  std::erase_if(all, [](const WriteArgument& argument) { return !argument.is_readable; });
  class Written {
  public:
    Written(std::size_t which, Ids the_ids, json the_value)
        : argument(which), ids(std::move(the_ids)), value(std::move(the_value)) {}
    std::size_t argument;
    Ids ids;
    json value;
  };
  std::vector<Written> written;
  {
    Client client = ctx.open_in(space);
    json bundle = json::array();
    for (const json& value : odd_values()) {
      bundle.push_back(value);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto put = [&](Ids ids, const json& value) {
        all[i].prepare(ctx, client, ids);
        ctx.expect(all[i].put(client, ids, value), all[i].label() + " to be true", "false");
        written.emplace_back(i, std::move(ids), value);
      };
      std::size_t count = 0;
      for (const json& value : odd_values()) {
        const bool alone = value.is_string() || all[i].takes == Takes::any;
        if (const auto fitted = detail::fitted(all[i], value); fitted && alone) {
          put(all[i].ids("v" + std::to_string(i) + "-" + std::to_string(++count)), *fitted);
        }
      }
      if (!all[i].takes_text()) {
        put(all[i].ids("v" + std::to_string(i) + " bundle"), *detail::fitted(all[i], bundle));
      }
      if (all[i].addressing > 1) { // the first ids may meet between methods
        for (const std::string& id : odd_ids()) {
          Ids ids = all[i].ids("odd " + std::to_string(i));
          ids[1] = id;
          put(std::move(ids), all[i].sample(++count));
        }
      }
    }
    ctx.close(client);
  }
  Client between = ctx.open_in(space); // what outlives one reopen outlives the next
  ctx.close(between);
  Client client = ctx.open_in(space);
  for (const Written& each : written) {
    const WriteArgument& argument = all[each.argument];
    const Found found =
        ctx.must(argument.find(ctx, client, each.ids),
                 "after a reopen what was stored by " + argument.text(each.ids, each.value));
    ctx.expect_same(found.ids, each.ids, argument.label() + ": the ids read after a reopen");
    ctx.expect_same(found.value, each.value, argument.label() + ": the value read after a reopen");
  }
  ctx.close(client);
}

/// What is from before the reopen is found by all that lists, copies and removes, and not by the
/// reads alone; and what it was at is known still.
inline void check_changes_after_reopen(RuleContext& ctx) {
  using namespace std::chrono_literals;
  const std::string space = ctx.space() + "-e";
  const Timestamp odd_moment = first_of_may() + 3h + 123'457us;
  const bool has_threads =
      ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
  const auto thread = [](const std::string& what) { return "thread to be " + what; };
  const auto session = [](const std::string& what) { return "session to be " + what; };
  std::optional<Session> updated;
  std::vector<Checkpoint> checkpoints;
  {
    Client client = ctx.open_in(space);
    set_clock_if_any(ctx, odd_moment);
    if (ctx.offers(Interfaces::sessions)) {
      for (const char* what : {"listed", "deleted", "cleaned", "updated", "created again"}) {
        client.create_session(session(what), "owner", object("what", what));
        client.update_session(session(what), SessionUpdate().increment_requests());
        if (ctx.offers(Interfaces::conversations)) {
          append(ctx, client, session(what), "before the reopen");
        }
      }
      updated = client.get_session(session("updated"));
    }
    for (const char* what : {"listed", "deleted", "copied", "pruned", "read", "stored again"}) {
      for (int i = 0; i < 4 && has_threads; ++i) {
        store(ctx, client, thread(what), "c" + std::to_string(9 - i), i);
      }
      if (ctx.offers(Interfaces::checkpointer)) {
        put(ctx, client, thread(what), "c9", "task", WriteList().add("a", 1));
      }
    }
    if (has_threads) {
      checkpoints = client.list_checkpoints(thread("stored again"));
    }
    ctx.close(client);
  }
  Client client = ctx.open_in(space);
  set_clock_if_any(ctx, odd_moment - 2h); // a clock that has gone back meanwhile
  if (updated) {
    ctx.expect_same(client.get_session(session("updated")), updated, "a session after a reopen");
    ctx.expect(client.update_session(session("updated"), SessionUpdate().mark_error()),
               "an update after a reopen to be true", "false");
    const Session now = ctx.must(client.get_session(session("updated")), "the session");
    ctx.expect(now.last_activity >= updated->last_activity && now.version > updated->version &&
                   now.created_at == updated->created_at,
               "last_activity not to go back, and version to grow, with an update after a reopen, "
               "from " +
                   show(*updated),
               show(now));
    ctx.expect_error(errc::already_exists,
                     [&] { client.create_session(session("created again"), "thief"); });
  }
  if (ctx.offers(Interfaces::sessions) && ctx.offers(Interfaces::conversations)) {
    append(ctx, client, session("updated"), "after the reopen");
    const std::vector<Message> history = client.history(session("updated"));
    ctx.expect_same(contents(history),
                    std::vector<std::string>{"before the reopen", "after the reopen"},
                    "a history that goes on after a reopen");
    expect_increasing(history);
  }
  if (has_threads) {
    store(ctx, client, thread("stored again"), "c9", "again");
    std::vector<Checkpoint> expected = checkpoints;
    expected.back().data = "again";
    ctx.expect_same(client.list_checkpoints(thread("stored again")), expected,
                    "the checkpoints once one of before the reopen was stored again");
  }
  if (ctx.offers(Interfaces::session_directory)) {
    const auto listed = [&](const std::string& what) {
      const SessionPage page = client.list_sessions("owner");
      for (const Session& each : page.sessions) {
        if (each.session_id == session(what)) {
          return true;
        }
      }
      return false;
    };
    ctx.expect_same(listed("listed"), true, "whether a session of before the reopen is listed");
    ctx.expect_same(client.delete_session(session("deleted")), true,
                    "the deletion of a session of before the reopen");
    ctx.expect_same(client.get_session(session("deleted")), std::optional<Session>(),
                    "a session of before the reopen that was deleted");
    ctx.expect_same(listed("deleted"), false, "whether a session that was deleted is listed");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    ctx.expect_same(client.list_threads(thread("listed")).thread_ids,
                    std::vector<std::string>(1, thread("listed")),
                    "the threads of before the reopen of this prefix");
    ctx.expect_same(client.delete_thread(thread("deleted")), true,
                    "the deletion of a thread of before the reopen");
    ctx.expect_same(ids(client.list_checkpoints(thread("deleted"))), std::vector<std::string>(),
                    "a thread of before the reopen that was deleted");
    ctx.expect_same(client.copy_thread(thread("copied"), "copy"), true,
                    "the copy of a thread of before the reopen");
    ctx.expect_same(ids(client.list_checkpoints("copy")),
                    std::vector<std::string>({"c6", "c7", "c8", "c9"}),
                    "the copy of a thread of before the reopen");
    ctx.expect_error(errc::already_exists, [&] { client.copy_thread("copy", thread("listed")); });
    ctx.expect_same(client.prune_thread(thread("pruned"), 1), std::uint64_t{3},
                    "the pruning of a thread of before the reopen");
    ctx.expect_same(ids(client.list_checkpoints(thread("pruned"))),
                    std::vector<std::string>(1, "c6"),
                    "a thread of before the reopen that was pruned");
    ctx.expect_same(ids(client.list_before(thread("read"), "c7")),
                    std::vector<std::string>({"c8", "c9"}),
                    "what is before a checkpoint, all of it of before the reopen");
    ctx.expect_same(client.get_thread_head(thread("read")).checkpoint_ids,
                    std::vector<std::string>({"c6", "c7", "c8", "c9"}),
                    "the head of a thread of before the reopen");
    if (ctx.offers(Interfaces::checkpointer)) {
      expect_writes(ctx, client, "copy", "c9", std::vector<std::string>(1, "task:0 a=1"),
                    "the writes of the copy of a thread of before the reopen");
      expect_writes(ctx, client, thread("pruned"), "c9", {},
                    "the writes of before the reopen of a checkpoint that was pruned");
    }
  }
  if (ctx.offers(Interfaces::backend)) {
    const std::uint64_t there = client.get_metrics().total_sessions;
    ctx.expect_same(client.cleanup(0us), there, "a clean-up of sessions of before the reopen");
    for (const char* what : {"listed", "cleaned", "updated"}) {
      ctx.expect_same(client.get_session(session(what)), std::optional<Session>(),
                      "a session of before the reopen that was cleaned up");
      ctx.expect_same(contents(client.history(session(what))), std::vector<std::string>(),
                      "the history of a session of before the reopen that was cleaned up");
    }
    ctx.expect_same(client.get_metrics().total_messages, std::uint64_t{0},
                    "the messages left after a clean-up of what is of before the reopen");
  }
  ctx.close(client);
}

/// Stores with a past: what was stored twice, copied, or active in another order than that of the
/// ids. All of it is after a reopen what it was, and for what is done again then.
inline void check_past_after_reopen(RuleContext& ctx) {
  using namespace std::chrono_literals;
  const std::string space = ctx.space() + "-p";
  const bool has_threads =
      ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
  const std::vector<std::string> checkpoints = {"one", "checkpoint", "late"};
  const std::vector<std::string> threads = {"thread", "other thread"};
  std::vector<std::string> keys = threads;
  Timestamp time = first_of_may();
  const auto pass_time = [&] {
    time += 1h + 1us;
    set_clock_if_any(ctx, time);
  };
  const auto store_again = [&](Client& client) {
    for (const std::string& thread : threads) {
      for (const std::string& id : {checkpoints[1], checkpoints[0]}) {
        store(ctx, client, thread, id, "again", object("again", true));
      }
    }
  };
  std::vector<std::vector<std::string>> before;
  {
    Client client = ctx.open_in(space);
    for (const char* id : {"b", "c", "a"}) {
      if (ctx.offers(Interfaces::sessions)) {
        pass_time();
        keys.emplace_back(id);
        client.create_session(id, "owner", wide_object());
      }
    }
    for (const char* id : {"c", "a", "b"}) {
      if (ctx.offers(Interfaces::sessions) && ctx.offers(Interfaces::conversations)) {
        pass_time();
        client.add_message(id, "user", "hi", wide_object());
      }
    }
    for (const std::string& thread : threads) {
      for (const std::string& id : checkpoints) {
        if (has_threads) {
          pass_time();
          store(ctx, client, thread, id, id, wide_object());
        }
      }
    }
    pass_time();
    if (has_threads) {
      store_again(client);
    }
    if (has_threads && ctx.offers(Interfaces::thread_directory)) {
      keys.emplace_back("copy");
      client.copy_thread("thread", "copy");
    }
    for (const std::string& key : keys) {
      before.push_back(all_answers(ctx, client, key));
    }
    ctx.close(client);
  }
  Client client = ctx.open_in(space);
  pass_time();
  const auto expect_all = [&](const std::string& when) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      expect_same_answers(ctx, client, keys[i], before[i], when);
    }
  };
  expect_all("after a reopen");
  if (has_threads) {
    store_again(client);
  }
  expect_all("once the same was stored again after a reopen");
  ctx.close(client);
}

/// What has ended takes nothing after a reopen either.
inline void check_ended_after_reopen(RuleContext& ctx, Client& client, const std::string& id) {
  const std::string of = " of a session that had ended before the reopen";
  ctx.expect_same(client.update_session(id, SessionUpdate()), false, "an update" + of);
  ctx.expect_same(client.end_session(id, "again"), false, "an end" + of);
  if (ctx.offers(Interfaces::conversations)) {
    ctx.expect_same(client.add_message(id, "user", "late"), false, "an append" + of);
  }
  if (ctx.offers(Interfaces::contexts)) {
    ctx.expect_same(client.store_task_context(id, "late"), false, "a context" + of);
  }
}

/// What no call has written for the last time when the handle goes without `close`: ends, removals,
/// and what a session that is made afresh must not find.
inline void check_unclosed(RuleContext& ctx) {
  const std::string space = ctx.space() + "-u";
  const bool has_threads =
      ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
  std::vector<std::vector<std::string>> before;
  const std::vector<std::string> keys = {"ended", "pruned", "deleted", "removed", "touched"};
  {
    Client client = ctx.open_in(space);
    for (const std::string& key : keys) {
      fill_for_reads(ctx, client, key);
    }
    if (ctx.offers(Interfaces::sessions)) {
      ctx.expect_same(client.end_session("ended", "done"), true, "the end");
      const Session session = ctx.must(client.get_session("touched"), "the session");
      set_clock_if_any(ctx, session.last_activity + std::chrono::hours(1));
      client.update_session("touched", SessionUpdate());
    }
    if (ctx.offers(Interfaces::thread_directory)) {
      client.prune_thread("pruned", 0);
      client.delete_thread("deleted");
    }
    if (ctx.offers(Interfaces::session_directory)) {
      ctx.expect_same(client.delete_session("removed"), true, "the deletion");
    }
    for (const std::string& key : keys) {
      before.push_back(all_answers(ctx, client, key));
    }
    ctx.let_go(client);
  }
  Client client = ctx.open_in(space);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    expect_same_answers(ctx, client, keys[i], before[i], "after a reopen without a close");
  }
  if (ctx.offers(Interfaces::sessions)) {
    check_ended_after_reopen(ctx, client, "ended");
    expect_same_answers(ctx, client, "ended", before[0],
                        "after writes to a session that had ended before the reopen");
  }
  if (ctx.offers(Interfaces::session_directory)) {
    client.create_session("removed");
    if (ctx.offers(Interfaces::contexts)) {
      ctx.expect_same(client.get_task_context("removed"), std::optional<json>(),
                      "the context of a session made afresh after a reopen");
    }
    if (ctx.offers(Interfaces::conversations)) {
      ctx.expect_same(client.history("removed"), std::vector<Message>(),
                      "the history of a session made afresh after a reopen");
    }
    if (has_threads) {
      ctx.expect_same(client.list_checkpoints("removed"), std::vector<Checkpoint>(),
                      "the checkpoints of a session made afresh after a reopen");
    }
  }
  if (ctx.offers(Interfaces::backend) && ctx.has_clock()) {
    const Session touched = ctx.must(client.get_session("touched"), "the session");
    ctx.set_clock(touched.last_activity + std::chrono::minutes(30)); // an hour after the others
    client.cleanup(std::chrono::minutes(45));
    ctx.must(client.get_session("touched"), "the session that was active before the reopen");
    ctx.expect_same(client.get_session("ended"), std::optional<Session>(),
                    "a session that was idle before the reopen");
  }
  ctx.close(client);
}

inline std::size_t kill_count() {
  const char* text = std::getenv("AGENTSTORE_KILLS");
  const unsigned long wanted = text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
  return wanted != 0 ? wanted : 10;
}

} // namespace detail

template <class>
std::vector<Rule> durability_rules() {
  return {
      Rule("DUR-01", needs::anything.claim(&Claims::is_durable, "durable"),
           "after the last handle is gone and a new one is opened, all that was acknowledged is "
           "there",
           "look at what is kept in the object only: places in an order, versions, created_at, "
           "counters; and at what is written by close alone",
           [](RuleContext& ctx) {
             if (ctx.offers(Interfaces::archive) && !ctx.harness().can_read_archive()) {
               throw NotTestable("the archive is no IArchiveReader, and the harness has no "
                                 "read_archive");
             }
             // No whole number of anything, so that what a time loses shows.
             detail::set_clock_if_any(ctx, detail::first_of_may() +
                                               std::chrono::microseconds(3'723'123'457));
             detail::Reopening store(ctx);
             store.visit(true);
             // An archive may hold back until close what it has accepted (ARC-06); no other store.
             store.visit(ctx.offers(Interfaces::archive));
             store.visit(true);
             detail::check_many_after_reopen(ctx);
             detail::check_long_after_reopen(ctx);
             detail::check_odd_after_reopen(ctx);
             detail::check_changes_after_reopen(ctx);
             if (!ctx.offers(Interfaces::archive)) {
               detail::check_past_after_reopen(ctx);
               detail::check_unclosed(ctx);
             }
           }),
      Rule("DUR-02", needs::anything.claim(&Claims::does_survive_kill, "survives_kill"),
           "after a kill -9 at any moment all that was acknowledged is there, besides at most what "
           "was in flight, and nothing is torn",
           "acknowledge only after the write has reached the file or the server; write so that a "
           "part of a record is never taken for a whole one, and never over what is there",
           [](RuleContext& ctx) {
             constexpr std::size_t rounds_on_one_space = 3; // a store that recovered must again
             const std::size_t kills = detail::kill_count();
             std::optional<KillTest> test;
             for (std::size_t i = 0; i < kills; ++i) {
               if (i % rounds_on_one_space == 0) {
                 test.emplace(ctx, ctx.space() + "-" + std::to_string(i));
               }
               test->round();
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
