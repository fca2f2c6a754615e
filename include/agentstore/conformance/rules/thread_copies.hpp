// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_COPIES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_COPIES_HPP

/// \file
/// THR-05, THR-06: what a copy of a thread has, and what it shares with nobody.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/rules/thread_state.hpp>

#include <array>

namespace agentstore::conformance::detail {

inline void check_copies(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(123'457));
  make_thread(ctx, client, "source");
  store(ctx, client, "source", "y", "stored again", object("again", true)); // and keeps its place
  if (has_writes(ctx)) {
    put(ctx, client, "source", "a", "task",
        WriteList().add("x", 1).add("__error__", "e").add("y", 2));
    put(ctx, client, "source", "a", "other", WriteList().add("__interrupt__", json()));
    for (const char* not_stored : {"earliest", "early"}) {
      put(ctx, client, "source", not_stored, "other", WriteList().add("__resume__", 1).add("x", 2));
    }
  }
  const ThreadState source(ctx, client, "source");
  const SessionState of_source(ctx, client, "source");
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
  ctx.expect_same(client.copy_thread("source", "copy"), true, "the copy");
  source.as("copy").expect_in(ctx, client, "the copy");
  source.expect_in(ctx, client, "the source of a copy");
  ctx.expect_same(client.copy_thread("copy", "copy of the copy"), true, "the copy of a copy");
  source.as("copy of the copy").expect_in(ctx, client, "the copy of a copy");
  ctx.expect_same(client.copy_thread("unknown", "from nothing"), false,
                  "a copy of an unknown thread");
  expect_no_thread(ctx, client, "from nothing", "the copy of an unknown thread");
  ctx.expect_same(client.copy_thread("unknown", "copy"), false,
                  "a copy of an unknown thread to one that is there");
  ctx.expect_same(client.copy_thread("unknown", "unknown"), false,
                  "a copy of an unknown thread to itself");
  source.as("copy").expect_in(ctx, client,
                              "the thread that a copy of an unknown one had as target");
  of_source.expect_in(client, "the id of the source of a copy");
  if (ctx.offers(Interfaces::sessions)) {
    ctx.expect_same(client.get_session("copy"), std::optional<Session>(),
                    "a session of the copy's id");
    if (ctx.offers(Interfaces::conversations)) {
      ctx.expect_same(client.history("copy"), std::vector<Message>(), "messages of the copy's id");
    }
    if (ctx.offers(Interfaces::contexts)) {
      ctx.expect_same(client.get_task_context("copy"), std::optional<json>(),
                      "a context of the copy's id");
    }
    const SessionState of_target(ctx, client, "session");
    ctx.expect_same(client.copy_thread("source", "session"), true, "a copy to the id of a session");
    of_target.expect_in(client, "the id of the target of a copy");
    // The session of the source takes the source along (DIR-05, CLN-03), and nothing of a copy.
    if (ctx.offers(Interfaces::session_directory)) {
      ctx.expect_same(client.delete_session("source"), true, "the deletion of the session");
      source.as("copy").expect_in(ctx, client, "the copy once its source went with a session");
    }
    if (ctx.offers(Interfaces::backend)) {
      const SessionState of_copy(ctx, client, "copy of the copy");
      client.cleanup(std::chrono::microseconds(0));
      source.as("copy").expect_in(ctx, client, "the copy after a clean-up of its source");
    }
  }
  if (has_writes(ctx)) {
    put_one(ctx, client, "only writes", "early");
    ctx.expect_same(client.copy_thread("only writes", "copy of writes"), true,
                    "the copy of a thread of only writes");
    expect_writes(ctx, client, "copy of writes", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the writes of the copy of a thread of only writes");
    // Few checkpoints are all of a thread as little as many are.
    for (const std::size_t keep : {1u, 0u}) {
      const std::string few = "pruned to " + std::to_string(keep);
      make_thread(ctx, client, few);
      client.prune_thread(few, keep);
      const ThreadState left(ctx, client, few);
      ctx.expect_same(client.copy_thread(few, "copy of " + few), true, "the copy of " + few);
      left.as("copy of " + few).expect_in(ctx, client, "the copy of a thread " + few);
      ctx.expect_same(client.delete_thread(few), true, "the deletion of a thread " + few);
      expect_no_thread(ctx, client, few, "a deleted thread " + few);
    }
  }
}

/// THR-05: whatever the values are.
inline void check_copied_values(RuleContext& ctx, Client& client) {
  json metadata = wide_object();
  metadata["values"] = odd_values();
  store(ctx, client, "of odd values", "odd", odd_values(), metadata);
  store(ctx, client, "of odd values", "spelled", spelled_together(false), spelled_together(true));
  constexpr std::size_t mebibyte = 1u << 20u;
  store(ctx, client, "of odd values", "large", letters(mebibyte - 2));
  std::vector<std::vector<PendingWrite>> writes;
  if (has_writes(ctx)) {
    WriteList all;
    for (const json& value : odd_values()) {
      all.add("value", value);
    }
    for (const char* special : {"__error__", "__scheduled__", "__interrupt__", "__resume__"}) {
      all.add(special, special);
    }
    put(ctx, client, "of odd values", "odd", "task", all);
    writes.push_back(client.get_writes("of odd values", "odd"));
  }
  const ThreadState source(ctx, client, "of odd values");
  ctx.expect_same(client.copy_thread("of odd values", "copy of odd values"), true, "the copy");
  source.as("copy of odd values").expect_in(ctx, client, "the copy of odd values");
  ctx.expect_same(detail::ids(client.list_before("copy of odd values", "large")),
                  std::vector<std::string>({"spelled", "odd"}),
                  "what is before the latest of a copy");
  if (has_writes(ctx)) {
    ctx.expect_same(client.get_writes("copy of odd values", "odd"), writes.front(),
                    "the writes of the copy of odd values");
    // In a copy too a special channel keeps the last value, any other the first (WRT-02, WRT-03).
    for (const char* thread : {"of odd values", "copy of odd values"}) {
      put(ctx, client, thread, "odd", "task",
          WriteList().add("value", "again").add("__error__", "again"));
    }
    ctx.expect_same(client.get_writes("copy of odd values", "odd"),
                    client.get_writes("of odd values", "odd"),
                    "the writes of the copy once they were put again");
  }
}

/// THR-05: what the source had first, the copy has had first, and its writes however many.
inline void check_copy_goes_on(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may());
  make_thread(ctx, client, "model");
  if (has_writes(ctx)) {
    WriteList many;
    for (int i = 0; i < 300; ++i) {
      many.add("channel", i);
    }
    put(ctx, client, "model", "many", "task", many);
  }
  ctx.expect_same(client.copy_thread("model", "image"), true, "the copy");
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
  std::vector<Checkpoint> expected = client.list_checkpoints("image");
  store(ctx, client, "image", "z", "again", object("again", true));
  ctx.expect_same(std::uint64_t{expected.size()}, std::uint64_t{5}, "the checkpoints of the copy");
  expected.back().data = "again";
  expected.back().metadata = object("again", true);
  ctx.expect_same(client.list_checkpoints("image"), expected,
                  "the checkpoints of a copy once its first was stored again");
  ctx.expect_same(client.get_checkpoint("image", "z"), std::optional<Checkpoint>(expected.back()),
                  "the checkpoint of a copy that was stored again");
  if (has_writes(ctx)) {
    put(ctx, client, "image", "b", "task", WriteList().add("channel", 2));
    expect_writes(ctx, client, "image", "b", std::vector<std::string>(1, "task:0 channel=\"of b\""),
                  "the writes of a copy once they were put again");
    ctx.expect_same(client.get_writes("image", "many"), client.get_writes("model", "many"),
                    "the many writes of a copy");
  }
}

/// THR-05, THR-07: what is stored once a thread was pruned comes behind all that it has, and so it
/// does in copies of it. `id` has two checkpoints.
inline void check_places_after_pruning(RuleContext& ctx, Client& client, const std::string& id) {
  std::vector<std::string> expected = ids(client.list_checkpoints(id));
  const auto expect_new = [&](const std::string& thread, const std::string& checkpoint,
                              const std::string& what) {
    store(ctx, client, thread, checkpoint, checkpoint);
    expected.insert(expected.begin(), checkpoint);
    ctx.expect_same(ids(client.list_checkpoints(thread)), expected, "the checkpoints of " + what);
    const Checkpoint latest = ctx.must(client.get_checkpoint(thread), "the latest of " + what);
    ctx.expect_same(latest.checkpoint_id, checkpoint, "the latest of " + what);
  };
  expect_new(id, "first new", "a thread that was pruned");
  expect_new(id, "second new", "a thread that was pruned");
  const std::string copy = id + ", pruned and copied";
  ctx.expect_same(client.copy_thread(id, copy), true, "the copy");
  for (const std::string& there : reversed(expected)) {
    store(ctx, client, copy, there, "again");
    ctx.expect_same(ids(client.list_checkpoints(copy)), expected,
                    "the checkpoints of the copy of a thread that was pruned, once " + show(there) +
                        " was stored again");
  }
  expect_new(copy, "new of the copy", "the copy of a thread that was pruned");
  ctx.expect_same(client.prune_thread(copy, 2), std::uint64_t{expected.size() - 2}, "the pruning");
  expected.resize(2);
  expect_new(copy, "third new", "a copy that was pruned");
  expect_new(copy, "first new", "a copy that was pruned, to which one that was removed came back");
}

/// THR-05, THR-07, THR-08: in a thread, and in a copy of it, what was stored later comes later, and
/// not what the clock, which went back, says is later.
inline void check_places_under_a_clock(RuleContext& ctx, Client& client) {
  if (!ctx.has_clock()) {
    return;
  }
  const std::string source = "under a clock";
  std::vector<std::string> expected;
  for (const int hour : {3, 5, 1, 4, 2}) {
    ctx.set_clock(first_of_may() + std::chrono::hours(hour));
    expected.insert(expected.begin(), "at " + std::to_string(hour));
    store(ctx, client, source, expected.front(), hour);
  }
  const std::string copy = source + ", copied";
  ctx.expect_same(client.copy_thread(source, copy), true, "the copy");
  for (const std::string& thread : {source, copy}) {
    ctx.expect_same(ids(client.list_checkpoints(thread)), expected,
                    "the checkpoints stored under a clock that went back");
    ctx.expect_same(client.get_thread_head(thread).checkpoint_ids, expected,
                    "the head of what was stored under a clock that went back");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::vector<std::string> older(expected.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                           expected.end());
      ctx.expect_same(ids(client.list_before(thread, expected[i])), older,
                      "what is before " + show(expected[i]) + ", under a clock that went back");
    }
    ctx.expect_same(client.prune_thread(thread, 2), std::uint64_t{3}, "the pruning");
    ctx.expect_same(ids(client.list_checkpoints(thread)),
                    std::vector<std::string>(expected.begin(), expected.begin() + 2),
                    "what a pruning keeps of what was stored under a clock that went back");
  }
}

/// THR-03, THR-05, THR-07: a deletion, a pruning and a copy of one thread, begun together in any
/// order, each do their whole work: the thread is gone, and the copy is of one moment.
inline void check_changes_together(RuleContext& ctx, Client& client) {
  Rivals rivals(ctx, client);
  for (std::size_t round = 0; round < 3; ++round) {
    const std::string id = "changed together " + std::to_string(round);
    const std::string target = id + ", copied";
    make_thread(ctx, client, id);
    const ThreadState whole(ctx, client, id);
    std::optional<Pending<bool>> deletion;
    std::optional<Pending<bool>> copy;
    std::optional<Pending<std::uint64_t>> pruning;
    for (std::size_t turn = round; turn < round + 3; ++turn) {
      IThreadDirectory& directory = *rivals.of(turn).handle().thread_directory;
      if (turn % 3 == 0) {
        copy = client.driver().start(Client::text("copy_thread", id, target),
                                     directory.copy_thread(id, target));
      } else if (turn % 3 == 1) {
        pruning = client.driver().start(Client::text("prune_thread", id, std::uint64_t{2}),
                                        directory.prune_thread(id, 2));
      } else {
        deletion =
            client.driver().start(Client::text("delete_thread", id), directory.delete_thread(id));
      }
    }
    const bool is_copied = client.driver().finish(*copy);
    const std::uint64_t removed = client.driver().finish(*pruning);
    ctx.expect_same(client.driver().finish(*deletion), true,
                    "the deletion beside a pruning and a copy");
    ctx.expect(removed == 0 || removed == 3, "a pruning beside a deletion to remove 3 or nothing",
               show(removed));
    expect_no_thread(ctx, client, id, "a thread deleted beside a pruning and a copy");
    if (!is_copied) {
      expect_no_thread(ctx, client, target, "a copy that was behind the deletion");
      continue;
    }
    ThreadState expected = whole.as(target);
    if (client.list_checkpoints(target).size() == 2) { // the copy was behind the pruning
      expected.checkpoints.resize(2);
      expected.by_id.resize(2);
      for (std::size_t i = 1; i < expected.writes.size() && i < 4; ++i) {
        expected.writes[i].clear(); // those of z, y and m
      }
    }
    expected.expect_in(ctx, client, "a copy beside a pruning and a deletion");
  }
}

/// THR-03, THR-05, THR-07: a list beside a deletion, a pruning or a copy has all of before or all
/// of behind it.
inline void check_lists_beside_changes(RuleContext& ctx, Client& client) {
  using Ids = std::vector<std::string>;
  Rivals rivals(ctx, client);
  const Ids whole = {"b", "a", "m", "y", "z"};
  for (const MethodId method :
       {MethodId::delete_thread, MethodId::prune_thread, MethodId::copy_thread}) {
    const bool copies = method == MethodId::copy_thread;
    const bool prunes = method == MethodId::prune_thread;
    const Ids before = copies ? Ids() : whole;
    const Ids behind = copies ? whole : Ids(whole.begin(), whole.begin() + (prunes ? 2 : 0));
    for (std::size_t steps = 0; steps < 3; ++steps) {
      Operation call = method_of(method).prepared("listed beside " + std::to_string(steps));
      call.key += method_of(method).name;
      call.target = call.key + ", copied";
      call.limit = 2;
      make_thread(ctx, client, call.key);
      const auto changing = client.driver().start(
          show(call), is_positive(method_of(method).call(rivals.of(0).handle(), call)));
      for (std::size_t i = 0; i < steps; ++i) {
        client.driver().step();
      }
      const Ids found = ids(rivals.of(1).list_checkpoints(copies ? call.target : call.key));
      const bool has_changed = client.driver().finish(changing);
      ctx.expect(found == before || found == behind,
                 show(before) + " or " + show(behind) + " listed beside " + show(call),
                 show(found));
      ctx.expect(has_changed, show(call) + " to change something", "nothing");
    }
  }
}

/// THR-05: from then on the two have nothing in common.
inline void check_independence(RuleContext& ctx, Client& client) {
  make_thread(ctx, client, "left");
  ctx.expect_same(client.copy_thread("left", "right"), true, "the copy");
  const ThreadState left(ctx, client, "left");
  const ThreadState right(ctx, client, "right");
  // A checkpoint changed, one added and an early write met, in the copy alone.
  store(ctx, client, "right", "m", "changed");
  store(ctx, client, "right", "other", 1);
  store(ctx, client, "right", "early", 1);
  if (has_writes(ctx)) {
    put_one(ctx, client, "right", "other");
    put(ctx, client, "right", "b", "second", WriteList().add("__error__", "e"));
    expect_writes(ctx, client, "right", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the early writes of the copy once their checkpoint is stored");
  }
  left.expect_in(ctx, client, "the source after its copy has changed");
  ctx.expect_same(ids(client.list_checkpoints("right", 2)),
                  std::vector<std::string>{"early", "other"}, "what was added to the copy");
  // And in the source alone.
  const ThreadState changed(ctx, client, "right");
  for (const std::string& way : ways_to_store(ctx)) {
    for (const char* id : {"z", "b"}) {
      store_by(way, client, "left", id, "changed too", object("by", way));
      changed.expect_in(ctx, client, "the copy once its source had " + way);
    }
  }
  store(ctx, client, "left", "new", 1);
  if (has_writes(ctx)) {
    put(ctx, client, "left", "z", "second", WriteList().add("x", 1));
  }
  changed.expect_in(ctx, client, "the copy after its source has changed");
  client.prune_thread("left", 2);
  changed.expect_in(ctx, client, "the copy after its source was pruned");
  check_places_after_pruning(ctx, client, "left");
  ctx.expect(client.delete_thread("left"), "the deletion of the source to be true", "false");
  changed.expect_in(ctx, client, "the copy after its source was deleted");
  if (has_writes(ctx)) {
    put_one(ctx, client, "right", "after the source");
    expect_writes(ctx, client, "right", "after the source",
                  std::vector<std::string>(1, "task:0 channel=\"of after the source\""),
                  "the writes put to a copy whose source was deleted");
  }
  ctx.expect(client.delete_thread("right"), "the deletion of the copy to be true", "false");
  expect_no_thread(ctx, client, "right", "the copy deleted");
}

/// THR-05: a copy beside a writer is of one moment, so that it holds the first so many checkpoints.
inline void check_copies_beside_a_writer(RuleContext& ctx, Client& client) {
  constexpr int most = 30;
  Rivals rivals(ctx, client);
  for (int round = 0; round < 3; ++round) {
    const std::string source = "growing " + std::to_string(round);
    store(ctx, client, source, "c0", 0);
    std::vector<awaitable<bool>> calls;
    for (std::size_t i = 0; i < 4; ++i) {
      calls.push_back(rivals.of(i).handle().thread_directory->copy_thread(
          source, source + "~" + std::to_string(i)));
      calls.push_back(storing(ctx, rivals.of(i + 1), source, "b" + std::to_string(i)));
      if (has_writes(ctx)) {
        calls.push_back(rivals.of(i + 1).handle().checkpointer->put_writes(
            source, "c0", "w" + std::to_string(i), WriteList().add("first", 1).add("second", 2)));
      }
    }
    count_true(client, "a copy of " + show(source) + ", or a store to it, begun together",
               std::move(calls));
    ctx.on_threads(client, 2, [&](std::size_t thread, Client mine) {
      for (int i = 1; i < most; ++i) {
        Client rival = rivals.on_thread_of(mine, thread);
        if (thread == 0) {
          rival.store_checkpoint(source, "c" + std::to_string(i), json(i));
        } else if (i % 4 == 0) {
          rival.copy_thread(source, source + "+" + std::to_string(i));
        }
      }
    });
    if (has_writes(ctx)) {
      const auto count_writes = [&client](const std::string& thread) {
        return std::uint64_t{client.get_writes(thread, "c0").size()};
      };
      ctx.expect_same(count_writes(source), std::uint64_t{8},
                      "the number of writes put to a source that was copied beside them");
      for (std::size_t i = 0; i < 4; ++i) {
        const std::uint64_t copied = count_writes(source + "~" + std::to_string(i));
        ctx.expect(copied % 2 == 0, "both writes of a call or none, in a copy made beside it",
                   show(copied));
      }
    }
    const std::vector<std::string> all = reversed(ids(client.list_checkpoints(source)));
    ctx.expect_same(std::uint64_t{all.size()}, std::uint64_t{most + 4},
                    "the number of checkpoints of a source that was copied beside its writer");
    const std::vector<std::string> copies = client.list_threads(source, Page(100)).thread_ids;
    ctx.expect_same(std::uint64_t{copies.size()}, std::uint64_t{1 + 4 + 7},
                    "the number of copies made beside a writer, and their source");
    for (const std::string& copy : copies) {
      const std::vector<std::string> actual = reversed(ids(client.list_checkpoints(copy)));
      const auto count = static_cast<std::ptrdiff_t>(std::min(actual.size(), all.size()));
      ctx.expect_same(actual, std::vector<std::string>(all.begin(), all.begin() + count),
                      "the checkpoints of a copy made beside a writer");
      ctx.expect(!actual.empty(), "a copy made beside a writer to hold what was there", "nothing");
    }
  }
}

inline void check_taken_targets(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may());
  make_thread(ctx, client, "source");
  store(ctx, client, "target", "own", "own data");
  const ThreadState source(ctx, client, "source");
  const ThreadState target(ctx, client, "target");
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
  ctx.expect_error(errc::already_exists, [&] { client.copy_thread("source", "target"); });
  target.expect_in(ctx, client, "a target that was there");
  source.expect_in(ctx, client, "the source of a copy that was refused");
  ctx.expect_error(errc::already_exists, [&] { client.copy_thread("source", "source"); });
  source.expect_in(ctx, client, "a thread copied to itself");
  if (has_writes(ctx)) {
    put_one(ctx, client, "only writes", "early");
    const ThreadState writes(ctx, client, "only writes");
    ctx.expect_error(errc::already_exists, [&] { client.copy_thread("source", "only writes"); });
    writes.expect_in(ctx, client, "a target that has only writes");
  }
  ctx.expect_same(client.copy_thread("source", "deleted"), true, "the copy");
  ctx.expect(client.delete_thread("deleted"), "the deletion to be true", "false");
  ctx.expect_same(client.copy_thread("source", "deleted"), true,
                  "the copy to a thread that was deleted");
  source.as("deleted").expect_in(ctx, client, "a copy to a thread that was deleted");
}

inline void check_racing_copies(RuleContext& ctx, Client& client) {
  constexpr std::size_t rounds = 6;
  Rivals rivals(ctx, client);
  std::vector<ThreadState> sources;
  for (const char* id : {"first", "second"}) {
    make_thread(ctx, client, id);
    store(ctx, client, id, std::string("only of ") + id, 1);
    sources.emplace_back(ctx, client, id);
  }
  const auto expect_one_source = [&](const std::string& target) {
    const std::string latest = ctx.must(client.get_checkpoint(target), "the copy").checkpoint_id;
    sources[latest == "only of first" ? 0 : 1].as(target).expect_in(
        ctx, client, "a target that several copied to");
  };
  std::array<std::atomic<std::uint64_t>, rounds> copied = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string target = "interleaved " + std::to_string(round);
    std::vector<awaitable<bool>> calls;
    for (std::size_t i = 0; i < 4; ++i) {
      calls.push_back(
          rivals.of(i).handle().thread_directory->copy_thread(sources[i % 2].thread, target));
    }
    ctx.expect_same(count_true(client, "one of several copies to " + show(target), std::move(calls),
                               errc::already_exists),
                    std::uint64_t{1}, "how many of concurrent copies to one target succeed");
    expect_one_source(target);
  }
  ctx.in_rounds(client, 4, rounds, [&](std::size_t round, std::size_t thread, Client mine) {
    const std::string target = "raced " + std::to_string(round);
    try {
      Client rival = rivals.on_thread_of(mine, thread);
      copied[round] += rival.copy_thread(sources[thread % 2].thread, target) ? 1u : 0u;
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::already_exists)) {
        throw;
      }
    }
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    ctx.expect_same(copied[round].load(), std::uint64_t{1},
                    "how many of concurrent copies to one target, on threads, succeed");
    expect_one_source("raced " + std::to_string(round));
  }
}

} // namespace agentstore::conformance::detail

#endif
