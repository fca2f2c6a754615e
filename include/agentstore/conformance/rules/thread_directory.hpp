// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP

/// \file
/// THR: the rules of IThreadDirectory.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>

#include <array>
#include <functional>

namespace agentstore::conformance {

namespace detail {

inline bool has_writes(RuleContext& ctx) {
  return ctx.offers(Interfaces::checkpointer);
}

/// One write by one task, the value of which tells where it belongs.
inline void put_one(RuleContext& ctx, Client& client, const std::string& thread,
                    const std::string& checkpoint) {
  put(ctx, client, thread, checkpoint, "task", WriteList().add("channel", "of " + checkpoint));
}

/// Checkpoints z, y, m, a, b, which is not the order of their ids, each with a write; and writes of
/// two that have not been stored, one put before all else and one behind.
inline std::vector<std::string> make_thread(RuleContext& ctx, Client& client,
                                            const std::string& thread) {
  const std::vector<std::string> ids = {"z", "y", "m", "a", "b"};
  if (has_writes(ctx)) {
    put_one(ctx, client, thread, "earliest");
  }
  for (const std::string& id : ids) {
    store(ctx, client, thread, id, object("of", id), object("meta", id));
    if (has_writes(ctx)) {
      put_one(ctx, client, thread, id);
    }
  }
  if (has_writes(ctx)) {
    put_one(ctx, client, thread, "early");
  }
  return ids;
}

/// A checkpoint is stored: the call, not yet awaited, by whichever interface there is.
inline awaitable<bool> storing(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::string& id, const json& data) {
  return ctx.offers(Interfaces::checkpoints)
             ? client.handle().checkpoints->store_checkpoint(thread, id, data)
             : client.handle().checkpointer->put_checkpoint(thread, id, data);
}
inline awaitable<bool> storing(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::string& id) {
  return storing(ctx, client, thread, id, json(id));
}

/// More checkpoints than anything takes in one go; newest first, as they are listed.
inline std::vector<std::string> make_long_thread(RuleContext& ctx, Client& client,
                                                 const std::string& thread) {
  constexpr int count = 1'030;
  Batch batch(client);
  for (int i = 0; i < count; ++i) {
    const std::string id = "c" + std::to_string(i);
    batch.add(Client::text("store_checkpoint", thread, id), storing(ctx, client, thread, id));
  }
  batch.finish();
  const std::vector<Checkpoint> all = client.list_checkpoints(thread);
  std::vector<std::string> listed = ids(all);
  ctx.expect_same(std::uint64_t{listed.size()}, std::uint64_t{count},
                  "the number of checkpoints of a long thread");
  for (const Checkpoint& checkpoint : all) {
    ctx.expect_same(checkpoint.data.tree(), json(checkpoint.checkpoint_id),
                    "the data of checkpoint " + show(checkpoint.checkpoint_id) +
                        " of a long thread");
  }
  if (has_writes(ctx)) {
    for (const std::string& id : listed) {
      batch.add(Client::text("put_writes", thread, id),
                client.handle().checkpointer->put_writes(thread, id, "task",
                                                         one_write("channel", json("of " + id))));
    }
    batch.finish();
  }
  return listed;
}

/// The writes of a thread that `make_long_thread` has made, of which the first `kept` are there.
inline void expect_long_writes(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::vector<std::string>& listed, std::size_t kept,
                               const std::string& what) {
  for (std::size_t i = 0; i < listed.size() && has_writes(ctx); ++i) {
    std::vector<std::string> expected;
    if (i < kept) {
      expected.push_back("task:0 channel=\"of " + listed[i] + "\"");
    }
    expect_writes(ctx, client, thread, listed[i], expected, "the writes of " + what);
  }
}

/// All that can be seen of a thread.
class ThreadState {
public:
  ThreadState(RuleContext& ctx, Client& client, std::string id) : thread(std::move(id)) {
    checkpoints = client.list_checkpoints(thread);
    latest = client.get_checkpoint(thread);
    if (has_writes(ctx)) {
      for (const char* checkpoint : {"earliest", "z", "y", "m", "a", "b", "early", "other"}) {
        writes.push_back(client.get_writes(thread, checkpoint));
      }
    }
  }

  /// The same under another id.
  ThreadState as(const std::string& id) const {
    ThreadState copy = *this;
    copy.thread = id;
    for (Checkpoint& checkpoint : copy.checkpoints) {
      checkpoint.thread_id = id;
    }
    if (copy.latest) {
      copy.latest->thread_id = id;
    }
    return copy;
  }

  void expect_in(RuleContext& ctx, Client& client, const std::string& what) const {
    const ThreadState now(ctx, client, thread);
    ctx.expect_same(now.checkpoints, checkpoints, "the checkpoints of " + what);
    ctx.expect_same(now.latest, latest, "the latest of " + what);
    ctx.expect_same(now.writes, writes, "the pending writes of " + what);
  }

  std::string thread;
  std::vector<Checkpoint> checkpoints;
  std::optional<Checkpoint> latest;
  std::vector<std::vector<PendingWrite>> writes;
};

inline void expect_no_thread(RuleContext& ctx, Client& client, const std::string& thread,
                             const std::string& what) {
  ctx.expect_same(ids(client.list_checkpoints(thread)), std::vector<std::string>(),
                  "the checkpoints of " + what);
  ctx.expect_same(client.get_checkpoint(thread), std::optional<Checkpoint>(),
                  "the latest of " + what);
  for (const char* id : {"z", "y", "m", "a", "b"}) {
    ctx.expect_same(client.get_checkpoint(thread, id), std::optional<Checkpoint>(),
                    "a checkpoint of " + what);
  }
  if (has_writes(ctx)) {
    for (const char* id : {"z", "y", "m", "a", "b"}) {
      ctx.expect_same(written(client.get_writes(thread, id)), std::vector<std::string>(),
                      "the pending writes of " + what);
    }
    for (const char* id : {"earliest", "early"}) {
      ctx.expect_same(written(client.get_writes(thread, id)), std::vector<std::string>(),
                      "the early writes of " + what);
    }
  }
  const ThreadPage listed = client.list_threads(thread, Page(1));
  ctx.expect(listed.thread_ids.empty() || listed.thread_ids.front() != thread,
             "no entry in the list of " + what, show(listed));
}

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
  for (const char* prefix : {"", "uu", "v"}) {
    others.push_back(client.list_threads(prefix, Page(1)).next);
  }
  if (ctx.offers(Interfaces::session_directory)) {
    client.create_session("s1", "u");
    client.create_session("s2", "u");
    others.push_back(client.list_sessions("u", Page(1)).next);
  }
  expect_refused_cursors(ctx, others, list);
  expect_refused_cursors(ctx, spoilt(own), list);
  ctx.expect_error(errc::invalid_argument, [&] { list(Page(0).after(own)); });
  ctx.expect_error(errc::invalid_argument, [&] { list(Page(1001).after(own)); });
  // That of one prefix is no other's, the empty one included.
  ctx.expect_error(errc::invalid_argument, [&] { client.list_threads("", Page(1).after(own)); });
  ctx.expect_error(errc::invalid_argument, [&] { client.list_threads("u1", Page(1).after(own)); });
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
}

// THR-03 and THR-04

/// Ids that begin with another id, behind whatever somebody may cut them at.
inline std::vector<std::string> longer_ids(const std::string& id) {
  std::vector<std::string> result;
  for (const std::string& separator : separators()) {
    result.push_back(id + separator + "x");
  }
  return result;
}

/// A checkpoint in each of these threads, as small as it can be.
inline void make_small_threads(RuleContext& ctx, Client& client,
                               const std::vector<std::string>& threads) {
  for (const std::string& thread : threads) {
    store(ctx, client, thread, "z", thread);
    if (has_writes(ctx)) {
      put_one(ctx, client, thread, "early");
    }
  }
}

inline void expect_small_threads(RuleContext& ctx, Client& client,
                                 const std::vector<std::string>& threads, const std::string& what) {
  for (const std::string& thread : threads) {
    const std::optional<Checkpoint> found = client.get_checkpoint(thread, "z");
    ctx.expect(found.has_value() && found->data == Document(json(thread)),
               "checkpoint \"z\" of thread " + show(thread) + " to be there " + what, show(found));
    if (has_writes(ctx)) {
      ctx.expect_same(written(client.get_writes(thread, "early")),
                      std::vector<std::string>(1, "task:0 channel=\"of early\""),
                      "the pending writes of thread " + show(thread) + " " + what);
    }
  }
}

/// All of a session but its thread.
class SessionState {
public:
  /// Makes one, with all that it can have, that has the id of a thread.
  SessionState(RuleContext& ctx, Client& client, const std::string& id) : ctx_(ctx), id_(id) {
    if (!ctx.offers(Interfaces::sessions)) {
      return;
    }
    client.create_session(id, "owner", object("of", id));
    if (ctx.offers(Interfaces::conversations)) {
      append(ctx, client, id, "message of " + id);
    }
    if (ctx.offers(Interfaces::contexts)) {
      ctx.expect(client.store_task_context(id, "context of " + id), "the context to be stored",
                 "false");
    }
    session_ = client.get_session(id);
  }

  void expect_in(Client& client, const std::string& what) const {
    if (!session_) {
      return;
    }
    ctx_.expect_same(client.get_session(id_), session_, "the session of " + what);
    if (ctx_.offers(Interfaces::conversations)) {
      ctx_.expect_same(contents(client.history(id_)),
                       std::vector<std::string>(1, "message of " + id_),
                       "the messages of the session of " + what);
    }
    if (ctx_.offers(Interfaces::contexts)) {
      ctx_.expect_same(client.get_task_context(id_), std::optional<json>("context of " + id_),
                       "the context of the session of " + what);
    }
  }

private:
  RuleContext& ctx_;
  std::string id_;
  std::optional<Session> session_;
};

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

/// THR-04, THR-07: as many writes as those that were removed, and read, are read as they are now.
inline void check_as_many_writes(RuleContext& ctx, Client& client, const std::string& id,
                                 const std::function<void(const std::string&)>& remove) {
  if (!has_writes(ctx)) {
    return;
  }
  make_thread(ctx, client, id);
  expect_writes(ctx, client, id, "b", std::vector<std::string>(1, "task:0 channel=\"of b\""),
                "the writes of a checkpoint");
  remove(id);
  put(ctx, client, id, "b", "task", WriteList().add("channel", "new"));
  expect_writes(ctx, client, id, "b", std::vector<std::string>(1, "task:0 channel=\"new\""),
                "as many writes as a checkpoint had that was removed");
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

// THR-05 and THR-06

inline void check_copies(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(123'457));
  make_thread(ctx, client, "source");
  store(ctx, client, "source", "y", "stored again", object("again", true)); // and keeps its place
  if (has_writes(ctx)) {
    put(ctx, client, "source", "a", "task",
        WriteList().add("x", 1).add("__error__", "e").add("y", 2));
    put(ctx, client, "source", "a", "other", WriteList().add("__interrupt__", json()));
  }
  const ThreadState source(ctx, client, "source");
  const SessionState of_source(ctx, client, "source");
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
  ctx.expect_same(client.copy_thread("source", "copy"), true, "the copy");
  source.as("copy").expect_in(ctx, client, "the copy");
  source.expect_in(ctx, client, "the source of a copy");
  for (const Checkpoint& checkpoint : source.as("copy").checkpoints) {
    ctx.expect_same(client.get_checkpoint("copy", checkpoint.checkpoint_id),
                    std::optional<Checkpoint>(checkpoint), "a checkpoint of the copy by its id");
  }
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
  for (const Checkpoint& checkpoint : source.as("copy of odd values").checkpoints) {
    ctx.expect_same(client.get_checkpoint("copy of odd values", checkpoint.checkpoint_id),
                    std::optional<Checkpoint>(checkpoint), "a checkpoint of the copy by its id");
  }
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
  expect_new(copy, "new of the copy", "the copy of a thread that was pruned");
  ctx.expect_same(client.prune_thread(copy, 2), std::uint64_t{expected.size() - 2}, "the pruning");
  expected.resize(2);
  expect_new(copy, "third new", "a copy that was pruned");
  expect_new(copy, "first new", "a copy that was pruned, to which one that was removed came back");
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
      for (std::size_t i = 1; i < expected.writes.size() && i < 4; ++i) {
        expected.writes[i].clear(); // those of z, y and m
      }
    }
    expected.expect_in(ctx, client, "a copy beside a pruning and a deletion");
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
  store(ctx, client, "left", "z", "changed too");
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

// THR-07

inline void check_pruning(RuleContext& ctx, Client& client) {
  for (const std::size_t keep : great_limits({0, 1, 2, 3, 4, 5, 6})) {
    const std::string id = "t" + std::to_string(keep);
    const std::string when = "after all but " + std::to_string(keep) + " were removed";
    set_clock_if_any(ctx, first_of_may());
    make_thread(ctx, client, id);
    store(ctx, client, id, "z", object("of", "z"), object("meta", "z")); // again: the oldest still
    const ThreadState before(ctx, client, id);
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
        ctx.expect_same(std::uint64_t{client.get_writes(id, checkpoint).size()},
                        std::uint64_t{i < kept ? 1u : 0u},
                        std::string("how many writes there are of a checkpoint ") +
                            (i < kept ? "that is kept " : "that is gone ") + when);
      }
    }
    for (const std::string early : {"earliest", "early"}) {
      if (has_writes(ctx)) {
        expect_writes(ctx, client, id, early,
                      std::vector<std::string>(1, "task:0 channel=\"of " + early + "\""),
                      "the early writes " + when);
      }
    }
    for (Checkpoint& again : expected) {
      again.data = "again";
      store(ctx, client, id, again.checkpoint_id, again.data.tree(), again.metadata.tree());
    }
    ctx.expect_same(client.list_checkpoints(id), expected,
                    "the checkpoints once those kept were stored again, " + when);
    const bool is_there = kept != 0 || has_writes(ctx);
    ctx.expect_same(client.list_threads(id, Page(1)).thread_ids.size() == 1, is_there,
                    "whether the thread is listed " + when);
    ctx.expect_same(client.prune_thread(id, keep), std::uint64_t{0}, "a second pruning");
    // One that was removed is new when it is stored again, and its writes do not come back.
    if (kept < 5) {
      store(ctx, client, id, "z", "new");
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

// THR-08

inline void check_lists_before(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may()); // at one time, so that it tells nothing
  make_thread(ctx, client, "t");
  store(ctx, client, "t", "y", "again"); // and keeps its place
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
          }),
  };
}

} // namespace agentstore::conformance

#endif
