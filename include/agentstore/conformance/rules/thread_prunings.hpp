// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_PRUNINGS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_PRUNINGS_HPP

/// \file
/// THR-07: what a pruning removes, and what it leaves.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/rules/thread_state.hpp>

#include <array>
#include <map>

namespace agentstore::conformance::detail {

inline void check_pruning(RuleContext& ctx, Client& client) {
  const std::vector<std::string> ways = ways_to_store(ctx);
  for (const std::size_t keep : great_limits({0, 1, 2, 3, 4, 5, 6})) {
    const std::string id = "t" + std::to_string(keep);
    const std::string when = "after all but " + std::to_string(keep) + " were removed";
    set_clock_if_any(ctx, first_of_may());
    make_thread(ctx, client, id);
    const std::string& way = ways[keep % ways.size()];
    store_by(way, client, id, "z", object("of", "z"),
             object("meta", "z")); // again: the oldest still
    if (has_writes(ctx)) {
      for (const char* checkpoint : {"b", "m", "early"}) {
        put(ctx, client, id, checkpoint, "another task",
            WriteList().add("__error__", 1).add("a", 2).add("__resume__", 3).add("b", 4));
      }
    }
    const ThreadState before(ctx, client, id);
    std::map<std::string, std::vector<PendingWrite>> writes;
    for (const char* checkpoint : {"earliest", "z", "y", "m", "a", "b", "early"}) {
      if (has_writes(ctx)) {
        writes[checkpoint] = client.get_writes(id, checkpoint);
      }
    }
    set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
    const std::size_t kept = std::min<std::size_t>(keep, 5);
    ctx.expect_same(client.prune_thread(id, keep), std::uint64_t{5 - kept},
                    "how many checkpoints were removed for " + std::to_string(keep) +
                        " to be kept");
    std::vector<Checkpoint> expected = before.checkpoints;
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(kept), expected.end());
    ctx.expect_same(client.list_checkpoints(id), expected, "the checkpoints " + when);
    ctx.expect_same(client.get_checkpoint(id),
                    expected.empty() ? std::nullopt : std::optional<Checkpoint>(expected.front()),
                    "the latest " + when);
    for (std::size_t i = 0; i < before.checkpoints.size(); ++i) {
      const std::string& checkpoint = before.checkpoints[i].checkpoint_id;
      ctx.expect_same(client.get_checkpoint(id, checkpoint).has_value(), i < kept,
                      "whether there is checkpoint " + show(checkpoint) + " " + when);
      if (has_writes(ctx)) {
        ctx.expect_same(client.get_writes(id, checkpoint),
                        i < kept ? writes[checkpoint] : std::vector<PendingWrite>(),
                        std::string("the writes of a checkpoint ") +
                            (i < kept ? "that is kept " : "that is gone ") + when);
      }
    }
    for (const char* early : {"earliest", "early"}) {
      if (has_writes(ctx)) {
        ctx.expect_same(client.get_writes(id, early), writes[early], "the early writes " + when);
      }
    }
    for (Checkpoint& again : expected) {
      again.data = "again";
      store_by(way, client, id, again.checkpoint_id, again.data, again.metadata);
    }
    ctx.expect_same(client.list_checkpoints(id), expected,
                    "the checkpoints once those kept were stored again, " + when);
    const bool is_there = kept != 0 || has_writes(ctx);
    ctx.expect_same(client.list_threads(id, Page(1)).thread_ids.size() == 1, is_there,
                    "whether the thread is listed " + when);
    ctx.expect_same(client.prune_thread(id, keep), std::uint64_t{0}, "a second pruning");
    // One that was removed is new when it is stored again, and its writes do not come back.
    if (kept < 5) {
      store_by(way, client, id, "z", "new");
      ctx.expect_same(ids(client.list_checkpoints(id, 1)), std::vector<std::string>(1, "z"),
                      "the latest once a removed checkpoint was stored again");
      if (ctx.has_clock()) {
        ctx.expect_same(ctx.must(client.get_checkpoint(id, "z"), "the checkpoint").created_at,
                        first_of_may() + std::chrono::hours(1),
                        "created_at of a removed checkpoint that was stored again");
      }
      if (has_writes(ctx)) {
        expect_writes(ctx, client, id, "z", {}, "the writes of a removed checkpoint stored again");
      }
      ctx.expect_same(std::uint64_t{client.list_checkpoints(id).size()}, std::uint64_t{kept + 1},
                      "the checkpoints once a removed one was stored again");
    }
  }
}

inline void check_pruning_of_others(RuleContext& ctx, Client& client) {
  for (const char* id : {"p", "p:x", "P", "pp", "p%"}) {
    make_thread(ctx, client, id);
  }
  make_small_threads(ctx, client, longer_ids("p-"));
  make_small_threads(ctx, client, std::vector<std::string>(1, "p-"));
  ctx.expect_same(client.prune_thread("p-", 0), std::uint64_t{1}, "the pruning");
  expect_small_threads(ctx, client, longer_ids("p-"), "after \"p-\" was pruned");
  const SessionState session(ctx, client, "p");
  const ThreadState whole(ctx, client, "pp");
  ctx.expect_same(client.prune_thread("unknown", 0), std::uint64_t{0},
                  "the pruning of an unknown thread");
  ctx.expect_same(client.prune_thread("unknown", 3), std::uint64_t{0},
                  "the pruning of an unknown thread");
  expect_no_thread(ctx, client, "unknown", "an unknown thread that was pruned");
  ctx.expect_same(client.prune_thread("p", 0), std::uint64_t{5}, "the pruning");
  for (const char* id : {"p:x", "P", "pp", "p%"}) {
    const ThreadState now(ctx, client, id);
    ctx.expect_same(ids(now.checkpoints), ids(whole.checkpoints),
                    "the checkpoints of a thread that was not pruned");
    ctx.expect_same(now.writes, whole.writes, "the writes of a thread that was not pruned");
  }
  session.expect_in(client, "the id of the pruned thread");
  store(ctx, client, "no writes", "a", 1);
  ctx.expect_same(client.prune_thread("no writes", 0), std::uint64_t{1}, "the pruning");
  expect_no_thread(ctx, client, "no writes", "a thread that had nothing but what was pruned");
  if (has_writes(ctx)) {
    put_one(ctx, client, "only writes", "early");
    ctx.expect_same(client.prune_thread("only writes", 0), std::uint64_t{0},
                    "the pruning of a thread of only writes");
    expect_writes(ctx, client, "only writes", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the writes of a thread of only writes that was pruned");
  }
}

/// A pruning takes nothing back that is stored beside it.
inline void check_prunings_beside_a_writer(RuleContext& ctx, Client& client) {
  Rivals rivals(ctx, client);
  const auto expect_all = [&](const std::string& id, const std::vector<std::string>& added) {
    std::vector<std::string> newest = ids(client.list_checkpoints(id, added.size()));
    ctx.expect_same(sorted(newest), sorted(added),
                    "the newest of a thread that was pruned beside its writer");
    detail::expect_checkpoint(ctx, client.get_checkpoint(id, "b"), id, "b", "changed");
  };
  for (int round = 0; round < 4; ++round) {
    const std::string id = "pruned beside " + std::to_string(round);
    make_thread(ctx, client, id);
    std::vector<Pending<std::uint64_t>> prunings;
    std::vector<Pending<bool>> stores;
    const std::vector<std::string> added = {"n0", "n1", "n2"};
    const auto prune = [&](std::size_t rival) {
      prunings.push_back(
          client.driver().start(Client::text("prune_thread", id, std::uint64_t{20}),
                                rivals.of(rival).handle().thread_directory->prune_thread(id, 20)));
      prunings.push_back(
          client.driver().start(Client::text("prune_thread", id, std::uint64_t{5}),
                                rivals.of(rival).handle().thread_directory->prune_thread(id, 5)));
    };
    for (std::size_t i = 0; i < added.size(); ++i) {
      prune(i);
      stores.push_back(client.driver().start(Client::text("store_checkpoint", id, added[i]),
                                             storing(ctx, rivals.of(i + 1), id, added[i])));
      if (i == 1) {
        stores.push_back(client.driver().start(Client::text("store_checkpoint", id, "b", "changed"),
                                               storing(ctx, rivals.of(i + 1), id, "b", "changed")));
      }
      if (has_writes(ctx)) {
        ICheckpointerBackend& checkpointer = *rivals.of(i).handle().checkpointer;
        stores.push_back(client.driver().start(
            Client::text("put_writes", id, "b", added[i]),
            checkpointer.put_writes(id, "b", added[i], one_write("channel", json(i)))));
      }
    }
    for (const auto& call : prunings) {
      client.driver().finish(call);
    }
    for (const auto& call : stores) {
      ctx.expect(client.driver().finish(call), call.state->call + " to be true", "false");
    }
    if (has_writes(ctx)) {
      expect_writes(
          ctx, client, id, "b",
          {"n0:0 channel=0", "n1:0 channel=1", "n2:0 channel=2", "task:0 channel=\"of b\""},
          "the writes put to a thread that was pruned beside them");
    }
    expect_all(id, added);
  }
  std::vector<std::string> added;
  make_thread(ctx, client, "pruned on threads");
  ctx.in_rounds(client, 2, 12, [&](std::size_t round, std::size_t thread, Client mine) {
    Client rival = rivals.on_thread_of(mine, thread);
    if (thread == 0) {
      rival.prune_thread("pruned on threads", 40);
    } else {
      store(ctx, rival, "pruned on threads", "n" + std::to_string(round), round);
      if (round == 5) {
        store(ctx, rival, "pruned on threads", "b", "changed");
      }
      added.push_back("n" + std::to_string(round));
    }
  });
  expect_all("pruned on threads", added);
}

/// Of prunings that race each checkpoint is removed by one.
inline void check_racing_prunings(RuleContext& ctx, Client& client) {
  Rivals rivals(ctx, client);
  constexpr std::size_t rounds = 6;
  std::array<std::atomic<std::uint64_t>, rounds> removed_on_threads = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    make_thread(ctx, client, "on threads " + std::to_string(round));
  }
  ctx.in_rounds(client, 4, rounds, [&](std::size_t round, std::size_t thread, Client mine) {
    Client rival = rivals.on_thread_of(mine, thread);
    removed_on_threads[round] += rival.prune_thread("on threads " + std::to_string(round), 2);
  });
  for (const auto& removed : removed_on_threads) {
    ctx.expect_same(removed.load(), std::uint64_t{3},
                    "what concurrent prunings, on threads, removed together");
  }
  for (int round = 0; round < 4; ++round) {
    const std::string id = "raced " + std::to_string(round);
    make_thread(ctx, client, id);
    std::vector<Pending<std::uint64_t>> calls;
    for (std::size_t i = 0; i < 3; ++i) {
      calls.push_back(
          client.driver().start(Client::text("prune_thread", id, std::uint64_t{2}),
                                rivals.of(i).handle().thread_directory->prune_thread(id, 2)));
    }
    std::uint64_t removed = 0;
    for (const auto& call : calls) {
      removed += client.driver().finish(call);
    }
    ctx.expect_same(removed, std::uint64_t{3}, "what concurrent prunings removed together");
    ctx.expect_same(ids(client.list_checkpoints(id)), std::vector<std::string>{"b", "a"},
                    "what concurrent prunings have left");
  }
}

} // namespace agentstore::conformance::detail

#endif
