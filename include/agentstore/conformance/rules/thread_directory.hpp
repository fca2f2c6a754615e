// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP

/// \file
/// THR: the rules of IThreadDirectory.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/thread_copies.hpp>
#include <agentstore/conformance/rules/thread_prunings.hpp>
#include <agentstore/conformance/rules/thread_state.hpp>

#include <array>

namespace agentstore::conformance {

namespace detail {

/// Pages of the threads of one prefix, for `read_pages`.
class PagesFrom {
public:
  PagesFrom(Client client, std::string prefix)
      : client_(std::move(client)), prefix_(std::move(prefix)) {}

  IdPage operator()(const Page& page) const {
    Client client = client_;
    return IdPage(client.list_threads(prefix_, page));
  }

private:
  Client client_;
  std::string prefix_;
};

// THR-01

inline std::vector<std::string> beginning_with(const std::string& prefix,
                                               std::vector<std::string> ids) {
  std::erase_if(ids, [&prefix](const std::string& id) { return !id.starts_with(prefix); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

inline void check_prefixes(RuleContext& ctx, Client& client) {
  std::vector<std::string> ids = {"a",
                                  "A",
                                  "ab",
                                  "aB",
                                  "a%",
                                  "a%b",
                                  "a_",
                                  "a_b",
                                  "a*",
                                  "a?",
                                  "[a]",
                                  "a/b",
                                  "a/",
                                  "a/b/c",
                                  "A/b",
                                  "%",
                                  "_",
                                  "*",
                                  "b",
                                  "z",
                                  "Z",
                                  " a",
                                  "a ",
                                  "a\\",
                                  "a'b",
                                  "\xC3\xA9",
                                  "e\xCC\x81",
                                  "a\xC3\xA9",
                                  "\xEF\xBF\xBD",
                                  "\xF0\x9F\xA6\x93",
                                  "a\x7f",
                                  "a\x01",
                                  "10",
                                  "9",
                                  letters(1024)};
  const std::vector<std::string> odd = odd_ids();
  ids.insert(ids.end(), odd.begin(), odd.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // Every fourth is there by a pending write alone.
    if (i % 4 == 3 && has_writes(ctx)) {
      put_one(ctx, client, ids[i], "c");
    } else {
      store(ctx, client, ids[i], "c", 1);
    }
  }
  const std::vector<std::string> prefixes = {"",
                                             "a",
                                             "A",
                                             "ab",
                                             "a%",
                                             "a_",
                                             "a*",
                                             "a?",
                                             "[a",
                                             "[ab]",
                                             "a/",
                                             "%",
                                             "_",
                                             "*",
                                             " ",
                                             "a ",
                                             "a\\",
                                             "'",
                                             "\xC3\xA9",
                                             "e",
                                             "\xF0\x9F\xA6\x93",
                                             "a\xF0\x9F\xA6\x93",
                                             "a\xEF\xBF\xBF",
                                             "\xEE\x80\x80",
                                             "zz",
                                             "a/b",
                                             "1",
                                             "B",
                                             "nobody",
                                             letters(1023),
                                             letters(1024),
                                             letters(1022) + "y"};
  for (const std::string& prefix : prefixes) {
    const ThreadPage page = client.list_threads(prefix, Page(max_page_size));
    ctx.expect_same(page.thread_ids, beginning_with(prefix, ids),
                    "the threads that begin with " + show(prefix));
    ctx.expect_same(page.next, std::string(), "the cursor of an only page");
    ctx.expect_same(read_pages(ctx, 2, PagesFrom(client, prefix)), beginning_with(prefix, ids),
                    "the threads that begin with " + show(prefix) + ", two a page,");
  }
  for (const std::string& id : ids) {
    ctx.expect_same(client.list_threads(id, Page(max_page_size)).thread_ids,
                    beginning_with(id, ids), "the threads that begin with the id " + show(id));
  }
  for (const std::size_t length : {63u, 64u, 255u, 256u, 1'000u}) {
    const std::string prefix = "w" + letters(length);
    const std::vector<std::string> alike = numbered(prefix, 1, 5);
    for (const std::string& id : alike) {
      store(ctx, client, id, "c", 1);
    }
    ctx.expect_same(read_pages(ctx, 2, PagesFrom(client, prefix)), alike,
                    "the threads that begin with " + show(prefix) + ", two a page,");
  }
  for (const std::string& bad :
       {letters(1025), letters(100'000), std::string("a\0", 2), std::string("\0", 1),
        std::string("\xff"), std::string("\xC3"), std::string("a\xF0\x9F")}) {
    ctx.expect_error(errc::invalid_argument, [&] { client.list_threads(bad); });
  }
}

/// Nothing but a write makes a thread: no read of it, no empty write, and no change of what is not
/// there. What was asked for in vain is not there, is in nobody's way, and is made by a write like
/// any other.
inline void check_nothing_makes_threads(RuleContext& ctx, Client& client) {
  using Ask = std::function<void(const std::string&)>;
  std::vector<std::pair<std::string, Ask>> asks;
  asks.emplace_back("read", [&](const std::string& id) {
    client.get_checkpoint(id);
    client.get_checkpoint(id, "c");
    client.list_checkpoints(id);
    client.list_before(id, "c");
    client.get_thread_head(id);
    if (has_writes(ctx)) {
      client.get_writes(id, "c");
    }
  });
  if (has_writes(ctx)) {
    asks.emplace_back("given no writes", [&](const std::string& id) {
      put(ctx, client, id, "c", "task", WriteList());
    });
  }
  asks.emplace_back("pruned", [&](const std::string& id) { client.prune_thread(id, 0); });
  asks.emplace_back("copied", [&](const std::string& id) { client.copy_thread(id, id + ", too"); });
  asks.emplace_back("deleted", [&](const std::string& id) { client.delete_thread(id); });
  store(ctx, client, "there", "c", 1);
  for (const auto& each : asks) {
    const std::string vain = "in vain " + each.first;
    const auto asked_for = [&](const std::string& then) {
      std::string id = vain + " and " + then;
      each.second(id);
      return id;
    };
    const std::string what = " a thread that was " + each.first + " before it was there";
    ctx.expect_same(client.delete_thread(asked_for("deleted")), false, "the deletion of" + what);
    ctx.expect_same(client.copy_thread(asked_for("copied"), vain + ", too"), false,
                    "the copy of" + what);
    asked_for("listed");
    ctx.expect_same(client.list_threads(vain).thread_ids, std::vector<std::string>(),
                    "the list of" + what);
    const std::string target = asked_for("copied to");
    ctx.expect_same(client.copy_thread("there", target), true, "the copy to" + what);
    const std::string made = asked_for("made");
    store(ctx, client, made, "c", 1);
    for (const std::string& id : {made, target}) {
      expect_checkpoint(ctx, client.get_checkpoint(id), id, "c", 1);
    }
    ctx.expect_same(client.list_threads(vain).thread_ids, std::vector<std::string>({target, made}),
                    "the list of" + what);
  }
}

// THR-02

inline std::vector<std::string> make_many_threads(RuleContext& ctx, Client& client,
                                                  const std::string& prefix, std::size_t count) {
  std::vector<std::string> ids;
  Batch batch(client);
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(prefix + std::to_string(i * 7919 % 100'003));
    const std::string& id = ids.back();
    if (i % 5 == 4 && has_writes(ctx)) {
      batch.add(Client::text("put_writes", id), client.handle().checkpointer->put_writes(
                                                    id, "c", "t", one_write("channel", json(1))));
    } else if (ctx.offers(Interfaces::checkpoints)) {
      batch.add(Client::text("store_checkpoint", id),
                client.handle().checkpoints->store_checkpoint(id, "c", json(1)));
    } else {
      batch.add(Client::text("put_checkpoint", id),
                client.handle().checkpointer->put_checkpoint(id, "c", json(1)));
    }
  }
  batch.finish();
  return ids;
}

/// What others do between two pages.
enum class OtherThreads { store, delete_seen, delete_unseen };

inline void check_threads_meanwhile(RuleContext& ctx, Client& client, OtherThreads others,
                                    const std::string& prefix) {
  std::vector<std::string> stable = make_many_threads(ctx, client, prefix, 60);
  const auto between = [&](const std::vector<std::string>& seen) {
    const std::string number = std::to_string(seen.size());
    if (others == OtherThreads::store) { // before all, in between, and behind all
      store(ctx, client, prefix + " " + number, "c", 1);
      store(ctx, client, seen.back() + "+" + number, "c", 1);
      store(ctx, client, prefix + "~" + number, "c", 1);
      return;
    }
    std::string gone = seen.back();
    if (others == OtherThreads::delete_unseen) {
      const auto next = std::find_if(stable.begin(), stable.end(),
                                     [&seen](const std::string& id) { return id > seen.back(); });
      if (next == stable.end()) {
        return;
      }
      gone = *next;
    }
    ctx.expect(client.delete_thread(gone), "the deletion to be true", "false");
    std::erase(stable, gone);
  };
  expect_once_each(read_pages(ctx, 7, PagesFrom(client, prefix), between), stable,
                   "while others " + prefix);
}

inline void check_threads_beside_writers(RuleContext& ctx, Client& client) {
  const std::vector<std::string> stable = make_many_threads(ctx, client, "busy ", 40);
  ctx.on_threads(client, 3, [&](std::size_t thread, Client mine) {
    for (std::size_t i = 0; i < 6; ++i) {
      if (thread == 0) {
        expect_once_each(read_pages(ctx, 3, PagesFrom(mine, "busy ")), stable,
                         "beside other threads");
        continue;
      }
      for (std::size_t j = 0; j < 6; ++j) {
        const std::string id = "busy " + std::to_string(17 * i + j) + "t" + std::to_string(thread);
        mine.store_checkpoint(id, "c", json(1));
        if (j % 2 == 0) {
          mine.delete_thread(id);
        }
      }
    }
  });
}

inline void check_thread_pages(RuleContext& ctx, Client& client) {
  constexpr std::size_t count = 2010;
  const std::vector<std::string> many = make_many_threads(ctx, client, "many/", count);
  const std::vector<std::string> sorted = beginning_with("many/", many);
  for (const std::size_t size : std::array<std::size_t, 3>{1000, 100, 67}) {
    const std::vector<std::string> actual = read_pages(ctx, size, PagesFrom(client, "many/"));
    expect_once_each(actual, many, "of " + std::to_string(size));
    ctx.expect_same(actual, sorted, "the threads on pages of " + std::to_string(size));
  }
  make_many_threads(ctx, client, "few/", 10);
  for (const std::size_t size : std::array<std::size_t, 6>{1, 2, 5, 9, 10, 11}) {
    ctx.expect_same(std::uint64_t{read_pages(ctx, size, PagesFrom(client, "few/")).size()},
                    std::uint64_t{10}, "the threads on pages of " + std::to_string(size));
  }
}

inline void check_thread_cursors(RuleContext& ctx, Client& client) {
  for (const char* id : {"u1", "u2", "u3", "uu1", "uu2", "v1", "v2"}) {
    store(ctx, client, id, "c", 1);
  }
  const auto list = [&client](const Page& page) { return client.list_threads("u", page); };
  expect_page_sizes(ctx, list);
  const std::string own = client.list_threads("u", Page(1)).next;
  ctx.expect(!own.empty(), "a cursor on a page that is not the last", "none");
  ctx.expect_same(list(Page(2).after(own)).thread_ids, numbered("u", 2, 3),
                  "the threads behind the first");
  expect_lasting_cursor(ctx, client, [&own](Client& by) {
    return by.list_threads("u", Page(2).after(own)).thread_ids;
  });
  std::vector<std::string> others = made_up_cursors();
  if (ctx.offers(Interfaces::session_directory)) {
    client.create_session("s1", "u");
    client.create_session("s2", "u");
    others.push_back(client.list_sessions("u", Page(1)).next);
  }
  expect_refused_cursors(ctx, others, list);
  expect_refused_cursors(ctx, spoilt(own), list);
  ctx.expect_error(errc::invalid_argument, [&] { list(Page(0).after(own)); });
  ctx.expect_error(errc::invalid_argument, [&] { list(Page(1001).after(own)); });
  // The thread that it stands for may go and come, and all others may go.
  client.delete_thread("u1");
  store(ctx, client, "u1", "c", 1);
  ctx.expect_same(list(Page(2).after(own)).thread_ids, numbered("u", 2, 3),
                  "the threads behind the first, which was deleted and stored again");
  for (const char* id : {"u1", "u2", "u3", "uu1", "uu2"}) {
    client.delete_thread(id);
  }
  ctx.expect_same(list(Page(2).after(own)).thread_ids, std::vector<std::string>(),
                  "the threads behind the first once all went");
  // A cursor of one prefix is no other's, the empty one included.
  std::vector<std::string> prefixes = alike_users();
  for (const std::string& prefix : prefixes) {
    store(ctx, client, prefix + "1", "c", 1);
    store(ctx, client, prefix + "2", "c", 1);
  }
  prefixes.emplace_back();
  expect_own_cursors(ctx, prefixes, [&](const std::string& prefix, const Page& page) {
    return client.list_threads(prefix, page);
  });
}

// THR-03 and THR-04

inline void check_deletions(RuleContext& ctx, Client& client) {
  const std::vector<std::string> neighbours = {"t:x", "tt", "T", "t ", "t%", "_"};
  make_thread(ctx, client, "t");
  const ThreadState whole(ctx, client, "t");
  for (const std::string& id : neighbours) {
    make_thread(ctx, client, id);
  }
  make_small_threads(ctx, client, longer_ids("t-"));
  make_small_threads(ctx, client, std::vector<std::string>(1, "t-"));
  ctx.expect_same(client.delete_thread("t-"), true, "the deletion");
  expect_small_threads(ctx, client, longer_ids("t-"), "after \"t-\" was deleted");
  const SessionState session(ctx, client, "t");
  if (ctx.offers(Interfaces::sessions)) {
    client.create_session("no thread", "owner");
  }
  ctx.expect_same(client.delete_thread("unknown"), false, "the deletion of an unknown thread");
  ctx.expect_same(client.delete_thread("t"), true, "the deletion");
  expect_no_thread(ctx, client, "t", "the thread deleted");
  ctx.expect_same(client.delete_thread("t"), false, "the deletion of a deleted thread");
  for (const std::string& id : neighbours) {
    const ThreadState now(ctx, client, id);
    ctx.expect_same(ids(now.checkpoints), ids(whole.checkpoints),
                    "the checkpoints of a thread that was not deleted");
    ctx.expect_same(now.writes, whole.writes, "the writes of a thread that was not deleted");
  }
  session.expect_in(client, "the id of the deleted thread");
  if (ctx.offers(Interfaces::sessions)) {
    ctx.expect_same(client.delete_thread("no thread"), false,
                    "the deletion of a thread that is only a session");
    ctx.must(client.get_session("no thread"), "the session that has no thread");
  }
  if (has_writes(ctx)) {
    put_one(ctx, client, "only writes", "early");
    ctx.expect_same(client.delete_thread("only writes"), true,
                    "the deletion of a thread of only writes");
    expect_no_thread(ctx, client, "only writes", "the thread of only writes deleted");
  }
}

inline void check_racing_thread_deletions(RuleContext& ctx, Client& client) {
  constexpr std::size_t rounds = 6;
  Rivals rivals(ctx, client);
  std::array<std::atomic<std::uint64_t>, rounds> deleted = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    make_thread(ctx, client, "raced " + std::to_string(round));
    const std::string other = "interleaved " + std::to_string(round);
    make_thread(ctx, client, other);
    std::vector<awaitable<bool>> calls;
    for (std::size_t i = 0; i < 4; ++i) {
      calls.push_back(rivals.of(i).handle().thread_directory->delete_thread(other));
    }
    ctx.expect_same(count_true(client, Client::text("delete_thread", other), std::move(calls)),
                    std::uint64_t{1}, "how many of concurrent deletes are true");
  }
  ctx.in_rounds(client, 4, rounds, [&](std::size_t round, std::size_t index, Client mine) {
    Client rival = rivals.on_thread_of(mine, index);
    deleted[round] += rival.delete_thread("raced " + std::to_string(round)) ? 1u : 0u;
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    ctx.expect_same(deleted[round].load(), std::uint64_t{1},
                    "how many of concurrent deletes, on threads, are true");
    expect_no_thread(ctx, client, "raced " + std::to_string(round), "a thread deleted by several");
  }
}

/// THR-04: what comes behind a deletion is alone.
inline void check_fresh_starts(RuleContext& ctx, Client& client) {
  for (const std::string& way : ways_to_store(ctx)) {
    const std::string id = "again by " + way;
    set_clock_if_any(ctx, first_of_may());
    make_thread(ctx, client, id);
    ctx.expect(client.delete_thread(id), "the deletion to be true", "false");
    set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
    // "m" was there before, "new" was not.
    for (const char* checkpoint : {"new", "m"}) {
      ctx.expect(store_by(way, client, id, checkpoint, json("fresh")), "the store to be true",
                 "false");
    }
    ctx.expect_same(ids(client.list_checkpoints(id)), std::vector<std::string>{"m", "new"},
                    "the checkpoints of a thread that starts afresh");
    expect_checkpoint(ctx, client.get_checkpoint(id), id, "m", "fresh");
    if (ctx.has_clock()) {
      ctx.expect_same(ctx.must(client.get_checkpoint(id, "m"), "the checkpoint").created_at,
                      first_of_may() + std::chrono::hours(1),
                      "created_at of a checkpoint stored afresh");
    }
    for (const char* checkpoint : {"z", "y", "a", "b"}) {
      ctx.expect_same(client.get_checkpoint(id, checkpoint), std::optional<Checkpoint>(),
                      "a checkpoint of before in a thread that starts afresh");
    }
    if (has_writes(ctx)) {
      for (const char* checkpoint : {"z", "y", "m", "a", "b", "early"}) {
        ctx.expect_same(written(client.get_writes(id, checkpoint)), std::vector<std::string>(),
                        "the writes of before in a thread that starts afresh");
      }
      // A first value of before is no first value now (WRT-02).
      put(ctx, client, id, "m", "task", WriteList().add("other", 2));
      expect_writes(ctx, client, id, "m", std::vector<std::string>(1, "task:0 other=2"),
                    "the writes of a thread that starts afresh");
    }
    make_thread(ctx, client, id);
    ctx.expect_same(client.delete_thread(id), true, "the deletion of a thread made afresh");
    expect_no_thread(ctx, client, id, "a thread deleted for the second time");
  }
  if (has_writes(ctx)) {
    make_thread(ctx, client, "again by a write");
    ctx.expect(client.delete_thread("again by a write"), "the deletion to be true", "false");
    put_one(ctx, client, "again by a write", "other");
    ctx.expect_same(ids(client.list_checkpoints("again by a write")), std::vector<std::string>(),
                    "the checkpoints of a thread that starts afresh by a write");
    ctx.expect_same(client.delete_thread("again by a write"), true, "a second deletion");
  }
}

/// THR-04: a write that races with a deletion brings nothing back but itself.
inline void check_late_writes(RuleContext& ctx, Client& client) {
  const auto expect_nothing_old = [&](const std::string& id) {
    for (const Checkpoint& checkpoint : client.list_checkpoints(id)) {
      ctx.expect(checkpoint.checkpoint_id == "late", "nothing of before a deletion beside writes",
                 show(checkpoint));
    }
    if (has_writes(ctx)) {
      for (const char* old : {"z", "b", "early"}) {
        ctx.expect_same(written(client.get_writes(id, old)), std::vector<std::string>(),
                        "the writes of before a deletion beside writes");
      }
    }
  };
  for (int round = 0; round < 6; ++round) {
    const std::string id = "late " + std::to_string(round);
    make_thread(ctx, client, id);
    std::vector<awaitable<bool>> calls;
    if (ctx.offers(Interfaces::checkpoints)) {
      calls.push_back(client.handle().checkpoints->store_checkpoint(id, "late", json(1)));
    }
    if (has_writes(ctx)) {
      calls.push_back(client.handle().checkpointer->put_checkpoint(id, "late", json(1)));
      calls.push_back(
          client.handle().checkpointer->put_writes(id, "late", "t", one_write("channel", json(1))));
    }
    calls.push_back(client.handle().thread_directory->delete_thread(id));
    count_true(client, "a write or the deletion of " + show(id) + ", begun together",
               std::move(calls));
    expect_nothing_old(id);
    const std::string raced = "raced late " + std::to_string(round);
    make_thread(ctx, client, raced);
    ctx.on_threads(client, 2, [&](std::size_t thread, Client mine) {
      if (thread == 0) {
        ctx.expect(mine.delete_thread(raced), "the deletion to be true", "false");
      } else {
        mine.store_checkpoint(raced, "late", json(1));
      }
    });
    expect_nothing_old(raced);
  }
}

// THR-08

inline void check_lists_before(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may()); // at one time, so that it tells nothing
  make_thread(ctx, client, "t");
  for (const std::string& way : ways_to_store(ctx)) {
    store_by(way, client, "t", "y", "again"); // and keeps its place
    store_by(way, client, "t", "m", json(), json::parse(R"({"none": null, "in": {"none": null}})"));
  }
  make_thread(ctx, client, "another");
  store(ctx, client, "another", "x", 1);
  const std::vector<Checkpoint> all = client.list_checkpoints("t");
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::size_t limit : great_limits({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})) {
      const std::size_t count = std::min(limit, all.size() - i - 1);
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      ctx.expect_same(client.list_before("t", all[i].checkpoint_id, limit),
                      std::vector<Checkpoint>(first, first + static_cast<std::ptrdiff_t>(count)),
                      "at most " + std::to_string(limit) + " before " + show(all[i].checkpoint_id));
    }
  }
  const auto expect_none = [&](const char* thread, const char* checkpoint, const char* what) {
    ctx.expect_same(ids(client.list_before(thread, checkpoint)), std::vector<std::string>(), what);
  };
  expect_none("unknown", "b", "what is before a checkpoint of an unknown thread");
  expect_none("t", "unknown", "what is before an unknown checkpoint");
  expect_none("t", "c", "what is before an id between those of others");
  expect_none("t", "zz", "what is before an id behind all others");
  expect_none("t", "x", "what is before a checkpoint of another thread");
  expect_none("t", "early", "what is before a checkpoint that has only writes");
  ctx.expect_same(client.prune_thread("another", 2), std::uint64_t{4}, "the pruning");
  expect_none("another", "m", "what is before a checkpoint that was removed");
  expect_none("another", "b", "what is before the oldest that is kept");
  ctx.expect_same(ids(client.list_before("another", "x")), std::vector<std::string>(1, "b"),
                  "what is before the latest of two that are kept");
}

/// All of a thread in pieces, while it grows at the other end.
inline void check_pieces(RuleContext& ctx, Client& client) {
  constexpr std::size_t count = 47;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < count; ++i) {
    expected.push_back("c" + std::to_string(i * 7919 % 1009));
    store(ctx, client, "long", expected.back(), i);
  }
  const std::vector<std::string> newest_first = reversed(expected);
  for (const std::size_t size : std::array<std::size_t, 3>{1, 7, 46}) {
    std::vector<std::string> actual = ids(client.list_before("long", newest_first.front(), size));
    std::vector<std::string> all = actual;
    while (!actual.empty()) {
      const std::size_t before_piece = all.size() - actual.size();
      ctx.expect_same(std::uint64_t{actual.size()},
                      std::uint64_t{std::min(size, count - 1 - before_piece)},
                      "the length of a piece of " + std::to_string(size));
      ctx.expect(all.size() < 2 * count, "an end of the pieces of a thread",
                 std::to_string(all.size()) + " checkpoints");
      store(ctx, client, "long", "new " + std::to_string(size) + " " + std::to_string(all.size()),
            1);
      actual = ids(client.list_before("long", actual.back(), size));
      all.insert(all.end(), actual.begin(), actual.end());
    }
    ctx.expect_same(all, std::vector<std::string>(newest_first.begin() + 1, newest_first.end()),
                    "a thread read in pieces of " + std::to_string(size));
  }
}

// THR-09

inline void check_heads(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may()); // at one time, so that it tells nothing
  make_thread(ctx, client, "t");
  store(ctx, client, "t", "y", "again"); // and keeps its place
  store(ctx, client, "t", "b", "stored again", object("stored", "again"));
  store(ctx, client, "another", "x", 1);
  const std::vector<Checkpoint> all = client.list_checkpoints("t");
  for (const std::size_t limit : great_limits({0, 1, 2, 4, 5, 6})) {
    ThreadHead expected;
    expected.latest = all.front();
    expected.checkpoint_ids = ids(all);
    expected.checkpoint_ids.resize(std::min(limit, all.size()));
    ctx.expect_same(client.get_thread_head("t", limit), expected,
                    "the head of a thread with at most " + std::to_string(limit) + " ids");
  }
  ctx.expect_same(client.get_thread_head("unknown"), ThreadHead(), "the head of an unknown thread");
  if (has_writes(ctx)) {
    put_one(ctx, client, "only writes", "early");
    ctx.expect_same(client.get_thread_head("only writes"), ThreadHead(),
                    "the head of a thread that has only writes");
  }
  client.prune_thread("t", 2);
  ctx.expect_same(client.get_thread_head("t").checkpoint_ids, std::vector<std::string>{"b", "a"},
                  "the ids of a thread that was pruned");
  const std::vector<std::string> many = make_long_thread(ctx, client, "long");
  ctx.expect_same(client.get_thread_head("long").checkpoint_ids, many, "the ids of a long thread");
}

/// The latest and the ids belong to one moment, though others write.
inline void check_heads_beside_a_writer(RuleContext& ctx, Client& client) {
  constexpr int rounds = 12;
  store(ctx, client, "growing", "c0", 0);
  const auto expect_one_moment = [&ctx](const ThreadHead& head) {
    ctx.expect(head.latest.has_value() && !head.checkpoint_ids.empty() &&
                   head.latest->checkpoint_id == head.checkpoint_ids.front(),
               "a head whose first id is that of its latest checkpoint", show(head));
  };
  for (int round = 0; round < rounds; ++round) {
    const std::string id = "b" + std::to_string(round);
    const auto head =
        client.driver().start(Client::text("get_thread_head", "growing", std::uint64_t{3}),
                              client.handle().thread_directory->get_thread_head("growing", 3));
    const auto stored = client.driver().start(Client::text("store_checkpoint", "growing", id),
                                              storing(ctx, client, "growing", id));
    expect_one_moment(client.driver().finish(head));
    client.driver().finish(stored);
  }
  ctx.on_threads(client, 2, [&](std::size_t thread, Client mine) {
    for (int i = 1; i < 2 * rounds; ++i) {
      if (thread == 0) {
        mine.store_checkpoint("growing", "c" + std::to_string(i), json(i));
      } else {
        expect_one_moment(mine.get_thread_head("growing", 3));
      }
    }
  });
}

/// THR-02: also a thread that is changed meanwhile.
inline void check_listed_beside_changes(RuleContext& ctx, Client& client) {
  ListedBeside(
      ctx, client,
      [&](const std::string& id, const std::string&) {
        for (const char* checkpoint : {"the checkpoint_id", "b", "c"}) {
          store(ctx, client, id, checkpoint, 1);
        }
      },
      [](Client& by, const std::string& name) {
        std::vector<std::string> listed = by.list_threads(name).thread_ids;
        std::erase_if(listed, [](const std::string& id) { return id.ends_with(" too"); }); // copies
        return listed;
      })
      .expect_all({MethodId::store_checkpoint, MethodId::put_checkpoint, MethodId::put_writes,
                   MethodId::prune_thread, MethodId::copy_thread});
}

} // namespace detail

template <class>
std::vector<Rule> thread_directory_rules() {
  return {
      Rule("THR-01", needs::thread_directory,
           "list_threads gives exactly the threads that begin with the prefix, by their bytes; a "
           "prefix that no id could have is invalid_argument",
           "compare bytes: no LIKE, no GLOB, no collation; look at threads of only writes too",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.list_threads().thread_ids, std::vector<std::string>(),
                             "the threads of an empty store");
             if (ctx.offers(Interfaces::sessions)) {
               client.create_session("aa session", "owner");
             }
             detail::check_prefixes(ctx, client);
             detail::check_nothing_makes_threads(ctx, client);
           }),
      Rule("THR-02", needs::thread_directory,
           "a thread is on one page while others write, none on two; all pages but the last have "
           "the size asked for; a cursor of another list or none is invalid_argument",
           "go on behind an id, not behind a number of rows; a cursor says which list it is of",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_thread_pages(ctx, client);
             using Others = detail::OtherThreads;
             detail::check_threads_meanwhile(ctx, client, Others::store, "store");
             detail::check_threads_meanwhile(ctx, client, Others::delete_seen,
                                             "delete what was seen");
             detail::check_threads_meanwhile(ctx, client, Others::delete_unseen,
                                             "delete what is to come");
             detail::check_threads_beside_writers(ctx, client);
             detail::check_listed_beside_changes(ctx, client);
             detail::check_thread_cursors(ctx, client);
           }),
      Rule("THR-03", needs::thread_directory,
           "delete_thread removes all checkpoints and writes of a thread, all or nothing, and "
           "nothing else; of concurrent calls one is true",
           "remove by the whole id, the writes without a checkpoint too, in one transaction",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_deletions(ctx, client);
             detail::check_racing_thread_deletions(ctx, client);
             const auto deleted = detail::make_long_thread(ctx, client, "long");
             ctx.expect_same(client.delete_thread("long"), true, "the deletion of a long thread");
             ctx.expect_same(detail::ids(client.list_checkpoints("long")),
                             std::vector<std::string>(),
                             "the checkpoints of a long thread that was deleted");
             detail::expect_long_writes(ctx, client, "long", deleted, 0,
                                        "a long thread that was deleted");
             check_method_under_faults(ctx, client, "delete_thread");
           }),
      Rule("THR-04", needs::thread_directory,
           "a write behind a deletion starts the thread afresh: nothing of what was there comes "
           "back",
           "remove the rows; a mark that says \"deleted\" is taken away by the next write",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_fresh_starts(ctx, client);
             detail::check_late_writes(ctx, client);
             detail::check_as_many_writes(ctx, client, "as many", [&](const std::string& id) {
               ctx.expect(client.delete_thread(id), "the deletion to be true", "false");
             });
           }),
      Rule("THR-05", needs::thread_directory,
           "copy_thread copies all of a thread, as it is at one moment, or nothing; the two have "
           "nothing in common from then on",
           "copy rows as they are, in the order of the source, in one transaction",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_copies(ctx, client);
             detail::check_copied_values(ctx, client);
             detail::check_copy_goes_on(ctx, client);
             detail::check_independence(ctx, client);
             detail::check_copies_beside_a_writer(ctx, client);
             detail::check_changes_together(ctx, client);
             detail::check_places_under_a_clock(ctx, client);
             detail::check_lists_beside_changes(ctx, client);
             const auto all = detail::make_long_thread(ctx, client, "long");
             ctx.expect_same(client.copy_thread("long", "as long"), true,
                             "the copy of a long thread");
             ctx.expect_same(detail::ids(client.list_checkpoints("as long")), all,
                             "the checkpoints of the copy of a long thread");
             detail::ThreadState(ctx, client, "long")
                 .as("as long")
                 .expect_in(ctx, client, "the copy of a long thread");
             detail::expect_long_writes(ctx, client, "as long", all, all.size(),
                                        "the copy of a long thread");
             check_method_under_faults(ctx, client, "copy_thread");
           }),
      Rule("THR-06", needs::thread_directory,
           "a target that is there throws already_exists and stays as it is; of concurrent copies "
           "to one target one succeeds",
           "look for the target and copy in one step; one of only writes is there too",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_taken_targets(ctx, client);
             detail::check_racing_copies(ctx, client);
           }),
      Rule("THR-07", needs::thread_directory,
           "prune_thread removes all but the newest checkpoints with their writes, keeps all else "
           "as it is, and counts what it removed",
           "by the order in which ids were first stored; writes without a checkpoint stay",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_pruning(ctx, client);
             detail::check_pruning_of_others(ctx, client);
             detail::check_racing_prunings(ctx, client);
             detail::check_prunings_beside_a_writer(ctx, client);
             const auto listed = detail::make_long_thread(ctx, client, "long");
             std::size_t left = listed.size();
             for (const std::size_t keep : {1'029u, 1'000u, 269u, 200u, 129u, 101u, 64u, 20u, 12u,
                                            11u, 10u, 9u, 8u, 7u, 3u}) {
               ctx.expect_same(client.prune_thread("long", keep), std::uint64_t{left - keep},
                               "how many checkpoints of a long thread were removed for " +
                                   std::to_string(keep) + " to be kept");
               left = keep;
               ctx.expect_same(
                   detail::ids(client.list_checkpoints("long")),
                   std::vector<std::string>(listed.begin(),
                                            listed.begin() + static_cast<std::ptrdiff_t>(keep)),
                   "the checkpoints of a long thread that was pruned");
             }
             detail::expect_long_writes(ctx, client, "long", listed, left,
                                        "a long thread that was pruned");
             const auto again = detail::make_long_thread(ctx, client, "pruned at once");
             ctx.expect_same(client.prune_thread("pruned at once", 0), std::uint64_t{again.size()},
                             "how many checkpoints of a long thread were removed");
             detail::expect_long_writes(ctx, client, "pruned at once", again, 0,
                                        "a long thread that was pruned to nothing");
             ctx.expect_same(client.delete_thread("pruned at once"), false,
                             "the deletion of a thread that was pruned to nothing");
             ctx.expect_same(client.copy_thread("long", "pruned at once"), true,
                             "the copy to a thread that was pruned to nothing");
             detail::check_as_many_writes(ctx, client, "as many", [&](const std::string& id) {
               ctx.expect_same(client.prune_thread(id, 0), std::uint64_t{5}, "the pruning");
             });
             check_method_under_faults(ctx, client, "prune_thread");
           }),
      Rule("THR-08", needs::thread_directory,
           "list_checkpoints_before gives the newest of those first stored before the one named, "
           "newest first; none for an unknown one",
           "compare places, not ids nor times; the named one itself is not before itself",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::check_lists_before(ctx, client);
             detail::check_pieces(ctx, client);
             detail::check_read_beside(
                 ctx, client, MethodId::list_checkpoints_before,
                 {MethodId::store_checkpoint, MethodId::prune_thread, MethodId::delete_thread});
             std::vector<std::string> older = detail::make_long_thread(ctx, client, "longer");
             const std::string latest = older.front();
             older.erase(older.begin());
             ctx.expect_same(detail::ids(client.list_before("longer", latest)), older,
                             "what is before the latest of a long thread");
             for (const std::size_t newer : {48u, 98u, 99u, 127u, 255u, 511u, 998u, 1'022u}) {
               const auto first = older.begin() + static_cast<std::ptrdiff_t>(newer) + 1;
               ctx.expect_same(detail::ids(client.list_before("longer", older[newer], 3)),
                               std::vector<std::string>(first, first + 3),
                               "what is before a checkpoint of a long thread, behind " +
                                   std::to_string(newer + 1) + " newer ones,");
             }
           }),
      Rule(
          "THR-09", needs::thread_directory,
          "get_thread_head gives the latest checkpoint and the ids of the newest, newest first, as "
          "they are at one moment; an unknown thread has neither",
          "read both in one step; the limit counts ids, and the latest is there with a limit of 0",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            detail::check_heads(ctx, client);
            detail::check_heads_beside_a_writer(ctx, client);
            detail::check_read_beside(
                ctx, client, MethodId::get_thread_head,
                {MethodId::store_checkpoint, MethodId::prune_thread, MethodId::delete_thread});
          }),
  };
}

} // namespace agentstore::conformance

#endif
