// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_DIRECTORY_HPP

/// \file
/// THR: the rules of IThreadDirectory.

#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/pages.hpp>

#include <array>

namespace agentstore::conformance {

std::vector<Rule> thread_directory_rules();

// Only machinery below this line.

namespace detail {

inline bool has_writes(World& w) {
  return w.offers(Interfaces::checkpointer);
}

/// One write by one task, the value of which tells where it belongs.
inline void put_one(World& w, Client& c, const std::string& thread, const std::string& checkpoint) {
  put(w, c, thread, checkpoint, "task", WriteList().add("channel", "of " + checkpoint));
}

/// Checkpoints z, y, m, a, b, which is not the order of their ids, each with a write; and a write
/// of one that has not been stored.
inline std::vector<std::string> make_thread(World& w, Client& c, const std::string& thread) {
  const std::vector<std::string> ids = {"z", "y", "m", "a", "b"};
  for (const std::string& id : ids) {
    store(w, c, thread, id, object("of", id), object("meta", id));
    if (has_writes(w)) {
      put_one(w, c, thread, id);
    }
  }
  if (has_writes(w)) {
    put_one(w, c, thread, "early");
  }
  return ids;
}

/// A checkpoint is stored: the call, not yet awaited, by whichever interface there is.
inline awaitable<bool> storing(World& w, Client& c, const std::string& thread,
                               const std::string& id) {
  return w.offers(Interfaces::checkpoints)
             ? c.handle().checkpoints->store_checkpoint(thread, id, json(id))
             : c.handle().checkpointer->put_checkpoint(thread, id, json(id));
}

/// More checkpoints than anything takes in one go; newest first, as they are listed.
inline std::vector<std::string> make_long_thread(World& w, Client& c, const std::string& thread) {
  constexpr int count = 270;
  Batch batch(c);
  for (int i = 0; i < count; ++i) {
    const std::string id = "c" + std::to_string(i);
    batch.add(Client::text("store_checkpoint", thread, id), storing(w, c, thread, id));
  }
  batch.finish();
  std::vector<std::string> listed = ids(c.list_checkpoints(thread));
  w.expect_same(std::uint64_t{listed.size()}, std::uint64_t{count},
                "the number of checkpoints of a long thread");
  return listed;
}

/// All that can be seen of a thread.
class ThreadState {
public:
  ThreadState(World& w, Client& c, std::string id) : thread(std::move(id)) {
    checkpoints = c.list_checkpoints(thread);
    latest = c.get_checkpoint(thread);
    if (has_writes(w)) {
      for (const char* checkpoint : {"z", "y", "m", "a", "b", "early", "other"}) {
        writes.push_back(c.get_writes(thread, checkpoint));
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

  void expect_in(World& w, Client& c, const std::string& what) const {
    const ThreadState now(w, c, thread);
    w.expect_same(now.checkpoints, checkpoints, "the checkpoints of " + what);
    w.expect_same(now.latest, latest, "the latest of " + what);
    w.expect_same(now.writes, writes, "the pending writes of " + what);
  }

  std::string thread;
  std::vector<Checkpoint> checkpoints;
  std::optional<Checkpoint> latest;
  std::vector<std::vector<PendingWrite>> writes;
};

inline void expect_no_thread(World& w, Client& c, const std::string& thread,
                             const std::string& what) {
  w.expect_same(ids(c.list_checkpoints(thread)), std::vector<std::string>(),
                "the checkpoints of " + what);
  w.expect_same(c.get_checkpoint(thread), std::optional<Checkpoint>(), "the latest of " + what);
  for (const char* id : {"z", "y", "m", "a", "b"}) {
    w.expect_same(c.get_checkpoint(thread, id), std::optional<Checkpoint>(),
                  "a checkpoint of " + what);
  }
  if (has_writes(w)) {
    for (const char* id : {"z", "y", "m", "a", "b"}) {
      w.expect_same(written(c.get_writes(thread, id)), std::vector<std::string>(),
                    "the pending writes of " + what);
    }
    w.expect_same(written(c.get_writes(thread, "early")), std::vector<std::string>(),
                  "the early writes of " + what);
  }
  const ThreadPage listed = c.list_threads(thread, Page(1));
  w.expect(listed.thread_ids.empty() || listed.thread_ids.front() != thread,
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

inline void check_prefixes(World& w, Client& c) {
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
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // Every fourth is there by a pending write alone.
    if (i % 4 == 3 && has_writes(w)) {
      put_one(w, c, ids[i], "c");
    } else {
      store(w, c, ids[i], "c", 1);
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
                                             "zz",
                                             "a/b",
                                             "1",
                                             "B",
                                             "nobody",
                                             letters(1023),
                                             letters(1024),
                                             letters(1022) + "y"};
  for (const std::string& prefix : prefixes) {
    const ThreadPage page = c.list_threads(prefix, Page(max_page_size));
    w.expect_same(page.thread_ids, beginning_with(prefix, ids),
                  "the threads that begin with " + show(prefix));
    w.expect_same(page.next, std::string(), "the cursor of an only page");
    w.expect_same(read_pages(w, 2, PagesFrom(c, prefix)), beginning_with(prefix, ids),
                  "the threads that begin with " + show(prefix) + ", two a page,");
  }
  for (const std::string& bad :
       {letters(1025), letters(100'000), std::string("a\0", 2), std::string("\0", 1),
        std::string("\xff"), std::string("\xC3"), std::string("a\xF0\x9F")}) {
    w.expect_error(errc::invalid_argument, [&] { c.list_threads(bad); });
  }
}

// THR-02

inline std::vector<std::string> make_many_threads(World& w, Client& c, const std::string& prefix,
                                                  std::size_t count) {
  std::vector<std::string> ids;
  Batch batch(c);
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(prefix + std::to_string(i * 7919 % 100'003));
    const std::string& id = ids.back();
    if (i % 5 == 4 && has_writes(w)) {
      batch.add(Client::text("put_writes", id),
                c.handle().checkpointer->put_writes(id, "c", "t", one_write("channel", json(1))));
    } else if (w.offers(Interfaces::checkpoints)) {
      batch.add(Client::text("store_checkpoint", id),
                c.handle().checkpoints->store_checkpoint(id, "c", json(1)));
    } else {
      batch.add(Client::text("put_checkpoint", id),
                c.handle().checkpointer->put_checkpoint(id, "c", json(1)));
    }
  }
  batch.finish();
  return ids;
}

/// What others do between two pages.
enum class OtherThreads { store, delete_seen, delete_unseen };

inline void check_threads_meanwhile(World& w, Client& c, OtherThreads others,
                                    const std::string& prefix) {
  std::vector<std::string> stable = make_many_threads(w, c, prefix, 60);
  const auto between = [&](const std::vector<std::string>& seen) {
    const std::string number = std::to_string(seen.size());
    if (others == OtherThreads::store) { // before all, in between, and behind all
      store(w, c, prefix + " " + number, "c", 1);
      store(w, c, seen.back() + "+" + number, "c", 1);
      store(w, c, prefix + "~" + number, "c", 1);
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
    w.expect(c.delete_thread(gone), "the deletion to be true", "false");
    std::erase(stable, gone);
  };
  expect_once_each(read_pages(w, 7, PagesFrom(c, prefix), between), stable,
                   "while others " + prefix);
}

inline void check_threads_beside_writers(World& w, Client& c) {
  const std::vector<std::string> stable = make_many_threads(w, c, "busy ", 40);
  w.on_threads(c, 3, [&](std::size_t thread, Client mine) {
    for (std::size_t i = 0; i < 6; ++i) {
      if (thread == 0) {
        expect_once_each(read_pages(w, 3, PagesFrom(mine, "busy ")), stable,
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

inline void check_thread_pages(World& w, Client& c) {
  constexpr std::size_t count = 2010;
  const std::vector<std::string> many = make_many_threads(w, c, "many/", count);
  const std::vector<std::string> sorted = beginning_with("many/", many);
  for (const std::size_t size : std::array<std::size_t, 3>{1000, 100, 67}) {
    const std::vector<std::string> came = read_pages(w, size, PagesFrom(c, "many/"));
    expect_once_each(came, many, "of " + std::to_string(size));
    w.expect_same(came, sorted, "the threads on pages of " + std::to_string(size));
  }
  make_many_threads(w, c, "few/", 10);
  for (const std::size_t size : std::array<std::size_t, 6>{1, 2, 5, 9, 10, 11}) {
    w.expect_same(std::uint64_t{read_pages(w, size, PagesFrom(c, "few/")).size()},
                  std::uint64_t{10}, "the threads on pages of " + std::to_string(size));
  }
}

inline void check_thread_cursors(World& w, Client& c) {
  for (const char* id : {"u1", "u2", "u3", "uu1", "uu2", "v1", "v2"}) {
    store(w, c, id, "c", 1);
  }
  const auto list = [&c](const Page& page) { return c.list_threads("u", page); };
  expect_page_sizes(w, list);
  const std::string own = c.list_threads("u", Page(1)).next;
  w.expect(!own.empty(), "a cursor on a page that is not the last", "none");
  w.expect_same(list(Page(2).after(own)).thread_ids, numbered("u", 2, 3),
                "the threads behind the first");
  std::vector<std::string> others = made_up_cursors();
  for (const char* prefix : {"", "uu", "v"}) {
    others.push_back(c.list_threads(prefix, Page(1)).next);
  }
  if (w.offers(Interfaces::session_directory)) {
    c.create_session("s1", "u");
    c.create_session("s2", "u");
    others.push_back(c.list_sessions("u", Page(1)).next);
  }
  expect_refused_cursors(w, others, list);
  expect_refused_cursors(w, spoilt(own), list);
  w.expect_error(errc::invalid_argument, [&] { list(Page(0).after(own)); });
  w.expect_error(errc::invalid_argument, [&] { list(Page(1001).after(own)); });
  // That of one prefix is no other's, the empty one included.
  w.expect_error(errc::invalid_argument, [&] { c.list_threads("", Page(1).after(own)); });
  w.expect_error(errc::invalid_argument, [&] { c.list_threads("u1", Page(1).after(own)); });
}

// THR-03 and THR-04

inline void check_deletions(World& w, Client& c) {
  const std::vector<std::string> neighbours = {"t:x", "tt", "T", "t ", "t%", "_"};
  make_thread(w, c, "t");
  const ThreadState whole(w, c, "t");
  for (const std::string& id : neighbours) {
    make_thread(w, c, id);
  }
  if (w.offers(Interfaces::sessions)) {
    c.create_session("t", "owner", object("a", 1));
    c.create_session("no thread", "owner");
  }
  w.expect_same(c.delete_thread("unknown"), false, "the deletion of an unknown thread");
  w.expect_same(c.delete_thread("t"), true, "the deletion");
  expect_no_thread(w, c, "t", "the thread deleted");
  w.expect_same(c.delete_thread("t"), false, "the deletion of a deleted thread");
  for (const std::string& id : neighbours) {
    const ThreadState now(w, c, id);
    w.expect_same(ids(now.checkpoints), ids(whole.checkpoints),
                  "the checkpoints of a thread that was not deleted");
    w.expect_same(now.writes, whole.writes, "the writes of a thread that was not deleted");
  }
  if (w.offers(Interfaces::sessions)) {
    w.expect_same(
        w.must(c.get_session("t"), "the session of the id of the deleted thread").metadata,
        object("a", 1), "the metadata of that session");
    w.expect_same(c.delete_thread("no thread"), false,
                  "the deletion of a thread that is only a session");
    w.must(c.get_session("no thread"), "the session that has no thread");
  }
  if (has_writes(w)) {
    put_one(w, c, "only writes", "early");
    w.expect_same(c.delete_thread("only writes"), true, "the deletion of a thread of only writes");
    expect_no_thread(w, c, "only writes", "the thread of only writes deleted");
  }
}

inline void check_racing_thread_deletions(World& w, Client& c) {
  constexpr std::size_t rounds = 6;
  std::array<std::atomic<std::uint64_t>, rounds> deleted = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    make_thread(w, c, "raced " + std::to_string(round));
    const std::string other = "interleaved " + std::to_string(round);
    make_thread(w, c, other);
    std::vector<awaitable<bool>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(c.handle().thread_directory->delete_thread(other));
    }
    w.expect_same(count_true(c, Client::text("delete_thread", other), std::move(calls)),
                  std::uint64_t{1}, "how many of concurrent deletes are true");
  }
  w.on_threads(c, 3, [&](std::size_t, Client mine) {
    for (std::size_t round = 0; round < rounds; ++round) {
      deleted[round] += mine.delete_thread("raced " + std::to_string(round)) ? 1u : 0u;
    }
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    w.expect_same(deleted[round].load(), std::uint64_t{1},
                  "how many of concurrent deletes, on threads, are true");
    expect_no_thread(w, c, "raced " + std::to_string(round), "a thread deleted by several");
  }
}

/// THR-04: what comes behind a deletion is alone.
inline void check_fresh_starts(World& w, Client& c) {
  for (const std::string& way : ways_to_store(w)) {
    const std::string id = "again by " + way;
    set_clock_if_any(w, first_of_may());
    make_thread(w, c, id);
    w.expect(c.delete_thread(id), "the deletion to be true", "false");
    set_clock_if_any(w, first_of_may() + std::chrono::hours(1));
    // "m" was there before, "new" was not.
    for (const char* checkpoint : {"new", "m"}) {
      w.expect(store_by(way, c, id, checkpoint, json("fresh")), "the store to be true", "false");
    }
    w.expect_same(ids(c.list_checkpoints(id)), std::vector<std::string>{"m", "new"},
                  "the checkpoints of a thread that starts afresh");
    expect_checkpoint(w, c.get_checkpoint(id), id, "m", "fresh");
    if (w.has_clock()) {
      w.expect_same(w.must(c.get_checkpoint(id, "m"), "the checkpoint").created_at,
                    first_of_may() + std::chrono::hours(1),
                    "created_at of a checkpoint stored afresh");
    }
    for (const char* checkpoint : {"z", "y", "a", "b"}) {
      w.expect_same(c.get_checkpoint(id, checkpoint), std::optional<Checkpoint>(),
                    "a checkpoint of before in a thread that starts afresh");
    }
    if (has_writes(w)) {
      for (const char* checkpoint : {"z", "y", "m", "a", "b", "early"}) {
        w.expect_same(written(c.get_writes(id, checkpoint)), std::vector<std::string>(),
                      "the writes of before in a thread that starts afresh");
      }
      // A first value of before is no first value now (WRT-02).
      put(w, c, id, "m", "task", WriteList().add("other", 2));
      expect_writes(w, c, id, "m", std::vector<std::string>(1, "task:0 other=2"),
                    "the writes of a thread that starts afresh");
    }
  }
  if (has_writes(w)) {
    make_thread(w, c, "again by a write");
    w.expect(c.delete_thread("again by a write"), "the deletion to be true", "false");
    put_one(w, c, "again by a write", "other");
    w.expect_same(ids(c.list_checkpoints("again by a write")), std::vector<std::string>(),
                  "the checkpoints of a thread that starts afresh by a write");
    w.expect_same(c.delete_thread("again by a write"), true, "a second deletion");
  }
}

/// THR-04: a write that races with a deletion brings nothing back but itself.
inline void check_late_writes(World& w, Client& c) {
  const auto expect_nothing_old = [&](const std::string& id) {
    for (const Checkpoint& checkpoint : c.list_checkpoints(id)) {
      w.expect(checkpoint.checkpoint_id == "late", "nothing of before a deletion beside writes",
               show(checkpoint));
    }
    if (has_writes(w)) {
      for (const char* old : {"z", "b", "early"}) {
        w.expect_same(written(c.get_writes(id, old)), std::vector<std::string>(),
                      "the writes of before a deletion beside writes");
      }
    }
  };
  for (int round = 0; round < 6; ++round) {
    const std::string id = "late " + std::to_string(round);
    make_thread(w, c, id);
    std::vector<awaitable<bool>> calls;
    if (w.offers(Interfaces::checkpoints)) {
      calls.push_back(c.handle().checkpoints->store_checkpoint(id, "late", json(1)));
    }
    if (has_writes(w)) {
      calls.push_back(c.handle().checkpointer->put_checkpoint(id, "late", json(1)));
      calls.push_back(
          c.handle().checkpointer->put_writes(id, "late", "t", one_write("channel", json(1))));
    }
    calls.push_back(c.handle().thread_directory->delete_thread(id));
    count_true(c, "a write or the deletion of " + show(id) + ", begun together", std::move(calls));
    expect_nothing_old(id);
    const std::string raced = "raced late " + std::to_string(round);
    make_thread(w, c, raced);
    w.on_threads(c, 2, [&](std::size_t thread, Client mine) {
      if (thread == 0) {
        w.expect(mine.delete_thread(raced), "the deletion to be true", "false");
      } else {
        mine.store_checkpoint(raced, "late", json(1));
      }
    });
    expect_nothing_old(raced);
  }
}

// THR-05 and THR-06

inline void check_copies(World& w, Client& c) {
  set_clock_if_any(w, first_of_may());
  make_thread(w, c, "source");
  store(w, c, "source", "y", "stored again", object("again", true)); // and keeps its place
  if (has_writes(w)) {
    put(w, c, "source", "a", "task", WriteList().add("x", 1).add("__error__", "e").add("y", 2));
    put(w, c, "source", "a", "other", WriteList().add("__interrupt__", json()));
  }
  const ThreadState source(w, c, "source");
  set_clock_if_any(w, first_of_may() + std::chrono::hours(1));
  w.expect_same(c.copy_thread("source", "copy"), true, "the copy");
  source.as("copy").expect_in(w, c, "the copy");
  source.expect_in(w, c, "the source of a copy");
  for (const Checkpoint& checkpoint : source.as("copy").checkpoints) {
    w.expect_same(c.get_checkpoint("copy", checkpoint.checkpoint_id),
                  std::optional<Checkpoint>(checkpoint), "a checkpoint of the copy by its id");
  }
  w.expect_same(c.copy_thread("copy", "copy of the copy"), true, "the copy of a copy");
  source.as("copy of the copy").expect_in(w, c, "the copy of a copy");
  w.expect_same(c.copy_thread("unknown", "from nothing"), false, "a copy of an unknown thread");
  expect_no_thread(w, c, "from nothing", "the copy of an unknown thread");
  w.expect_same(c.copy_thread("unknown", "copy"), false,
                "a copy of an unknown thread to one that is there");
  w.expect_same(c.copy_thread("unknown", "unknown"), false,
                "a copy of an unknown thread to itself");
  source.as("copy").expect_in(w, c, "the thread that a copy of an unknown one had as target");
  if (w.offers(Interfaces::sessions)) {
    w.expect_same(c.get_session("copy"), std::optional<Session>(), "a session of the copy's id");
    c.create_session("session", "owner");
    w.expect_same(c.copy_thread("source", "session"), true, "a copy to the id of a session");
  }
  if (has_writes(w)) {
    put_one(w, c, "only writes", "early");
    w.expect_same(c.copy_thread("only writes", "copy of writes"), true,
                  "the copy of a thread of only writes");
    expect_writes(w, c, "copy of writes", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the writes of the copy of a thread of only writes");
  }
}

/// THR-05: from then on the two have nothing in common.
inline void check_independence(World& w, Client& c) {
  make_thread(w, c, "left");
  w.expect_same(c.copy_thread("left", "right"), true, "the copy");
  const ThreadState left(w, c, "left");
  const ThreadState right(w, c, "right");
  // A checkpoint changed, one added and an early write met, in the copy alone.
  store(w, c, "right", "m", "changed");
  store(w, c, "right", "other", 1);
  store(w, c, "right", "early", 1);
  if (has_writes(w)) {
    put_one(w, c, "right", "other");
    put(w, c, "right", "b", "second", WriteList().add("__error__", "e"));
    expect_writes(w, c, "right", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the early writes of the copy once their checkpoint is stored");
  }
  left.expect_in(w, c, "the source after its copy has changed");
  w.expect_same(ids(c.list_checkpoints("right", 2)), std::vector<std::string>{"early", "other"},
                "what was added to the copy");
  // And in the source alone.
  const ThreadState changed(w, c, "right");
  store(w, c, "left", "z", "changed too");
  store(w, c, "left", "new", 1);
  if (has_writes(w)) {
    put(w, c, "left", "z", "second", WriteList().add("x", 1));
  }
  changed.expect_in(w, c, "the copy after its source has changed");
  c.prune_thread("left", 2);
  changed.expect_in(w, c, "the copy after its source was pruned");
  w.expect(c.delete_thread("left"), "the deletion of the source to be true", "false");
  changed.expect_in(w, c, "the copy after its source was deleted");
  w.expect(c.delete_thread("right"), "the deletion of the copy to be true", "false");
  expect_no_thread(w, c, "right", "the copy deleted");
}

/// THR-05: a copy beside a writer is of one moment, so that it holds the first so many checkpoints.
inline void check_copies_beside_a_writer(World& w, Client& c) {
  constexpr int most = 30;
  for (int round = 0; round < 3; ++round) {
    const std::string source = "growing " + std::to_string(round);
    store(w, c, source, "c0", 0);
    std::vector<awaitable<bool>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(
          c.handle().thread_directory->copy_thread(source, source + "~" + std::to_string(i)));
      calls.push_back(storing(w, c, source, "b" + std::to_string(i)));
    }
    count_true(c, "a copy of " + show(source) + ", or a store to it, begun together",
               std::move(calls));
    w.on_threads(c, 2, [&](std::size_t thread, Client mine) {
      for (int i = 1; i < most; ++i) {
        if (thread == 0) {
          mine.store_checkpoint(source, "c" + std::to_string(i), json(i));
        } else if (i % 4 == 0) {
          mine.copy_thread(source, source + "+" + std::to_string(i));
        }
      }
    });
    const std::vector<std::string> all = reversed(ids(c.list_checkpoints(source)));
    const std::vector<std::string> copies = c.list_threads(source, Page(100)).thread_ids;
    w.expect_same(std::uint64_t{copies.size()}, std::uint64_t{1 + 4 + 7},
                  "the number of copies made beside a writer, and their source");
    for (const std::string& copy : copies) {
      const std::vector<std::string> came = reversed(ids(c.list_checkpoints(copy)));
      const auto count = static_cast<std::ptrdiff_t>(std::min(came.size(), all.size()));
      w.expect_same(came, std::vector<std::string>(all.begin(), all.begin() + count),
                    "the checkpoints of a copy made beside a writer");
      w.expect(!came.empty(), "a copy made beside a writer to hold what was there", "nothing");
    }
  }
}

inline void check_taken_targets(World& w, Client& c) {
  make_thread(w, c, "source");
  store(w, c, "target", "own", "own data");
  const ThreadState source(w, c, "source");
  const ThreadState target(w, c, "target");
  w.expect_error(errc::already_exists, [&] { c.copy_thread("source", "target"); });
  target.expect_in(w, c, "a target that was there");
  source.expect_in(w, c, "the source of a copy that was refused");
  w.expect_error(errc::already_exists, [&] { c.copy_thread("source", "source"); });
  source.expect_in(w, c, "a thread copied to itself");
  if (has_writes(w)) {
    put_one(w, c, "only writes", "early");
    const ThreadState writes(w, c, "only writes");
    w.expect_error(errc::already_exists, [&] { c.copy_thread("source", "only writes"); });
    writes.expect_in(w, c, "a target that has only writes");
  }
  w.expect_same(c.copy_thread("source", "deleted"), true, "the copy");
  w.expect(c.delete_thread("deleted"), "the deletion to be true", "false");
  w.expect_same(c.copy_thread("source", "deleted"), true, "the copy to a thread that was deleted");
  source.as("deleted").expect_in(w, c, "a copy to a thread that was deleted");
}

inline void check_racing_copies(World& w, Client& c) {
  constexpr std::size_t rounds = 6;
  std::vector<ThreadState> sources;
  for (const char* id : {"first", "second"}) {
    make_thread(w, c, id);
    store(w, c, id, std::string("only of ") + id, 1);
    sources.emplace_back(w, c, id);
  }
  const auto expect_one_source = [&](const std::string& target) {
    const std::string latest = w.must(c.get_checkpoint(target), "the copy").checkpoint_id;
    sources[latest == "only of first" ? 0 : 1].as(target).expect_in(
        w, c, "a target that several copied to");
  };
  std::array<std::atomic<std::uint64_t>, rounds> copied = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string target = "interleaved " + std::to_string(round);
    std::vector<awaitable<bool>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(
          c.handle().thread_directory->copy_thread(sources[i % 2 == 0 ? 0 : 1].thread, target));
    }
    w.expect_same(count_true(c, "one of several copies to " + show(target), std::move(calls),
                             errc::already_exists),
                  std::uint64_t{1}, "how many of concurrent copies to one target succeed");
    expect_one_source(target);
  }
  w.on_threads(c, 4, [&](std::size_t thread, Client mine) {
    for (std::size_t round = 0; round < rounds; ++round) {
      try {
        copied[round] +=
            mine.copy_thread(sources[thread % 2].thread, "raced " + std::to_string(round)) ? 1u
                                                                                           : 0u;
      } catch (const StorageError& error) {
        if (!means(error.code(), errc::already_exists)) {
          throw;
        }
      }
    }
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    w.expect_same(copied[round].load(), std::uint64_t{1},
                  "how many of concurrent copies to one target, on threads, succeed");
    expect_one_source("raced " + std::to_string(round));
  }
}

// THR-07

inline void check_pruning(World& w, Client& c) {
  for (const std::size_t keep : std::array<std::size_t, 7>{0, 1, 2, 4, 5, 6, SIZE_MAX}) {
    const std::string id = "t" + std::to_string(keep);
    const std::string when = "after all but " + std::to_string(keep) + " were removed";
    set_clock_if_any(w, first_of_may());
    make_thread(w, c, id);
    store(w, c, id, "z", object("of", "z"), object("meta", "z")); // again: the oldest still
    const ThreadState before(w, c, id);
    set_clock_if_any(w, first_of_may() + std::chrono::hours(1));
    const std::size_t kept = std::min<std::size_t>(keep, 5);
    w.expect_same(c.prune_thread(id, keep), std::uint64_t{5 - kept},
                  "how many checkpoints were removed for " + std::to_string(keep) + " to be kept");
    std::vector<Checkpoint> expected = before.checkpoints;
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(kept), expected.end());
    w.expect_same(c.list_checkpoints(id), expected, "the checkpoints " + when);
    w.expect_same(c.get_checkpoint(id),
                  expected.empty() ? std::nullopt : std::optional<Checkpoint>(expected.front()),
                  "the latest " + when);
    for (std::size_t i = 0; i < before.checkpoints.size(); ++i) {
      const std::string& checkpoint = before.checkpoints[i].checkpoint_id;
      w.expect_same(c.get_checkpoint(id, checkpoint).has_value(), i < kept,
                    "whether there is checkpoint " + show(checkpoint) + " " + when);
      if (has_writes(w)) {
        w.expect_same(std::uint64_t{c.get_writes(id, checkpoint).size()},
                      std::uint64_t{i < kept ? 1u : 0u},
                      std::string("how many writes there are of a checkpoint ") +
                          (i < kept ? "that is kept " : "that is gone ") + when);
      }
    }
    if (has_writes(w)) {
      expect_writes(w, c, id, "early", std::vector<std::string>(1, "task:0 channel=\"of early\""),
                    "the early writes " + when);
    }
    const bool is_there = kept != 0 || has_writes(w);
    w.expect_same(c.list_threads(id, Page(1)).thread_ids.size() == 1, is_there,
                  "whether the thread is listed " + when);
    w.expect_same(c.prune_thread(id, keep), std::uint64_t{0}, "a second pruning");
    // One that was removed is new when it is stored again, and its writes do not come back.
    if (kept < 5) {
      store(w, c, id, "z", "new");
      w.expect_same(ids(c.list_checkpoints(id, 1)), std::vector<std::string>(1, "z"),
                    "the latest once a removed checkpoint was stored again");
      if (has_writes(w)) {
        expect_writes(w, c, id, "z", {}, "the writes of a removed checkpoint stored again");
      }
      w.expect_same(std::uint64_t{c.list_checkpoints(id).size()}, std::uint64_t{kept + 1},
                    "the checkpoints once a removed one was stored again");
    }
  }
}

inline void check_pruning_of_others(World& w, Client& c) {
  for (const char* id : {"p", "p:x", "P", "pp", "p%"}) {
    make_thread(w, c, id);
  }
  if (w.offers(Interfaces::sessions)) {
    c.create_session("p", "owner");
  }
  const ThreadState whole(w, c, "pp");
  w.expect_same(c.prune_thread("unknown", 0), std::uint64_t{0}, "the pruning of an unknown thread");
  w.expect_same(c.prune_thread("unknown", 3), std::uint64_t{0}, "the pruning of an unknown thread");
  expect_no_thread(w, c, "unknown", "an unknown thread that was pruned");
  w.expect_same(c.prune_thread("p", 0), std::uint64_t{5}, "the pruning");
  for (const char* id : {"p:x", "P", "pp", "p%"}) {
    const ThreadState now(w, c, id);
    w.expect_same(ids(now.checkpoints), ids(whole.checkpoints),
                  "the checkpoints of a thread that was not pruned");
    w.expect_same(now.writes, whole.writes, "the writes of a thread that was not pruned");
  }
  if (w.offers(Interfaces::sessions)) {
    w.must(c.get_session("p"), "the session of the id of the pruned thread");
  }
  store(w, c, "no writes", "a", 1);
  w.expect_same(c.prune_thread("no writes", 0), std::uint64_t{1}, "the pruning");
  expect_no_thread(w, c, "no writes", "a thread that had nothing but what was pruned");
  if (has_writes(w)) {
    put_one(w, c, "only writes", "early");
    w.expect_same(c.prune_thread("only writes", 0), std::uint64_t{0},
                  "the pruning of a thread of only writes");
    expect_writes(w, c, "only writes", "early",
                  std::vector<std::string>(1, "task:0 channel=\"of early\""),
                  "the writes of a thread of only writes that was pruned");
  }
}

/// Of prunings that race each checkpoint is removed by one.
inline void check_racing_prunings(World& w, Client& c) {
  for (int round = 0; round < 4; ++round) {
    const std::string id = "raced " + std::to_string(round);
    make_thread(w, c, id);
    std::vector<Pending<std::uint64_t>> calls;
    for (int i = 0; i < 3; ++i) {
      calls.push_back(c.driver().start(Client::text("prune_thread", id, std::uint64_t{2}),
                                       c.handle().thread_directory->prune_thread(id, 2)));
    }
    std::uint64_t removed = 0;
    for (const auto& call : calls) {
      removed += c.driver().finish(call);
    }
    w.expect_same(removed, std::uint64_t{3}, "what concurrent prunings removed together");
    w.expect_same(ids(c.list_checkpoints(id)), std::vector<std::string>{"b", "a"},
                  "what concurrent prunings have left");
  }
}

// THR-08

inline void check_lists_before(World& w, Client& c) {
  set_clock_if_any(w, first_of_may()); // at one time, so that it tells nothing
  make_thread(w, c, "t");
  store(w, c, "t", "y", "again"); // and keeps its place
  make_thread(w, c, "another");
  store(w, c, "another", "x", 1);
  const std::vector<Checkpoint> all = c.list_checkpoints("t");
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::size_t limit : std::array<std::size_t, 7>{0, 1, 2, 3, 4, 5, SIZE_MAX}) {
      const std::size_t count = std::min(limit, all.size() - i - 1);
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      w.expect_same(c.list_before("t", all[i].checkpoint_id, limit),
                    std::vector<Checkpoint>(first, first + static_cast<std::ptrdiff_t>(count)),
                    "at most " + std::to_string(limit) + " before " + show(all[i].checkpoint_id));
    }
  }
  const auto expect_none = [&](const char* thread, const char* checkpoint, const char* what) {
    w.expect_same(ids(c.list_before(thread, checkpoint)), std::vector<std::string>(), what);
  };
  expect_none("unknown", "b", "what is before a checkpoint of an unknown thread");
  expect_none("t", "unknown", "what is before an unknown checkpoint");
  expect_none("t", "c", "what is before an id between those of others");
  expect_none("t", "zz", "what is before an id behind all others");
  expect_none("t", "x", "what is before a checkpoint of another thread");
  expect_none("t", "early", "what is before a checkpoint that has only writes");
  w.expect_same(c.prune_thread("another", 2), std::uint64_t{4}, "the pruning");
  expect_none("another", "m", "what is before a checkpoint that was removed");
  expect_none("another", "b", "what is before the oldest that is kept");
  w.expect_same(ids(c.list_before("another", "x")), std::vector<std::string>(1, "b"),
                "what is before the latest of two that are kept");
}

/// All of a thread in pieces, while it grows at the other end.
inline void check_pieces(World& w, Client& c) {
  constexpr std::size_t count = 47;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < count; ++i) {
    expected.push_back("c" + std::to_string(i * 7919 % 1009));
    store(w, c, "long", expected.back(), i);
  }
  const std::vector<std::string> newest_first = reversed(expected);
  for (const std::size_t size : std::array<std::size_t, 3>{1, 7, 46}) {
    std::vector<std::string> came = ids(c.list_before("long", newest_first.front(), size));
    std::vector<std::string> all = came;
    while (!came.empty()) {
      w.expect(all.size() < 2 * count, "an end of the pieces of a thread",
               std::to_string(all.size()) + " checkpoints");
      store(w, c, "long", "new " + std::to_string(size) + " " + std::to_string(all.size()), 1);
      came = ids(c.list_before("long", came.back(), size));
      all.insert(all.end(), came.begin(), came.end());
    }
    w.expect_same(all, std::vector<std::string>(newest_first.begin() + 1, newest_first.end()),
                  "a thread read in pieces of " + std::to_string(size));
  }
}

} // namespace detail

inline std::vector<Rule> thread_directory_rules() {
  return {
      Rule("THR-01", needs::thread_directory,
           "list_threads gives exactly the threads that begin with the prefix, by their bytes; a "
           "prefix that no id could have is invalid_argument",
           "compare bytes: no LIKE, no GLOB, no collation; look at threads of only writes too",
           [](World& w) {
             Client c = w.open();
             w.expect_same(c.list_threads().thread_ids, std::vector<std::string>(),
                           "the threads of an empty store");
             if (w.offers(Interfaces::sessions)) {
               c.create_session("aa session", "owner");
             }
             detail::check_prefixes(w, c);
           }),
      Rule("THR-02", needs::thread_directory,
           "a thread is on one page while others write, none on two; all pages but the last have "
           "the size asked for; a cursor of another list or none is invalid_argument",
           "go on behind an id, not behind a number of rows; a cursor says which list it is of",
           [](World& w) {
             Client c = w.open();
             detail::check_thread_pages(w, c);
             using Others = detail::OtherThreads;
             detail::check_threads_meanwhile(w, c, Others::store, "store");
             detail::check_threads_meanwhile(w, c, Others::delete_seen, "delete what was seen");
             detail::check_threads_meanwhile(w, c, Others::delete_unseen, "delete what is to come");
             detail::check_threads_beside_writers(w, c);
             detail::check_thread_cursors(w, c);
           }),
      Rule("THR-03", needs::thread_directory,
           "delete_thread removes all checkpoints and writes of a thread, all or nothing, and "
           "nothing else; of concurrent calls one is true",
           "remove by the whole id, the writes without a checkpoint too, in one transaction",
           [](World& w) {
             Client c = w.open();
             detail::check_deletions(w, c);
             detail::check_racing_thread_deletions(w, c);
             detail::make_long_thread(w, c, "long");
             w.expect_same(c.delete_thread("long"), true, "the deletion of a long thread");
             w.expect_same(detail::ids(c.list_checkpoints("long")), std::vector<std::string>(),
                           "the checkpoints of a long thread that was deleted");
             check_method_under_faults(w, c, "delete_thread");
           }),
      Rule("THR-04", needs::thread_directory,
           "a write behind a deletion starts the thread afresh: nothing of what was there comes "
           "back",
           "remove the rows; a mark that says \"deleted\" is taken away by the next write",
           [](World& w) {
             Client c = w.open();
             detail::check_fresh_starts(w, c);
             detail::check_late_writes(w, c);
           }),
      Rule("THR-05", needs::thread_directory,
           "copy_thread copies all of a thread, as it is at one moment, or nothing; the two have "
           "nothing in common from then on",
           "copy rows as they are, in the order of the source, in one transaction",
           [](World& w) {
             Client c = w.open();
             detail::check_copies(w, c);
             detail::check_independence(w, c);
             detail::check_copies_beside_a_writer(w, c);
             const auto all = detail::make_long_thread(w, c, "long");
             w.expect_same(c.copy_thread("long", "as long"), true, "the copy of a long thread");
             w.expect_same(detail::ids(c.list_checkpoints("as long")), all,
                           "the checkpoints of the copy of a long thread");
             check_method_under_faults(w, c, "copy_thread");
           }),
      Rule("THR-06", needs::thread_directory,
           "a target that is there throws already_exists and stays as it is; of concurrent copies "
           "to one target one succeeds",
           "look for the target and copy in one step; one of only writes is there too",
           [](World& w) {
             Client c = w.open();
             detail::check_taken_targets(w, c);
             detail::check_racing_copies(w, c);
           }),
      Rule("THR-07", needs::thread_directory,
           "prune_thread removes all but the newest checkpoints with their writes, keeps all else "
           "as it is, and counts what it removed",
           "by the order in which ids were first stored; writes without a checkpoint stay",
           [](World& w) {
             Client c = w.open();
             detail::check_pruning(w, c);
             detail::check_pruning_of_others(w, c);
             detail::check_racing_prunings(w, c);
             auto newest = detail::make_long_thread(w, c, "long");
             w.expect_same(c.prune_thread("long", 3), std::uint64_t{newest.size() - 3},
                           "how many checkpoints of a long thread were removed");
             newest.resize(3);
             w.expect_same(detail::ids(c.list_checkpoints("long")), newest,
                           "the checkpoints of a long thread that was pruned");
             check_method_under_faults(w, c, "prune_thread");
           }),
      Rule("THR-08", needs::thread_directory,
           "list_checkpoints_before gives the newest of those first stored before the one named, "
           "newest first; none for an unknown one",
           "compare places, not ids nor times; the named one itself is not before itself",
           [](World& w) {
             Client c = w.open();
             detail::check_lists_before(w, c);
             detail::check_pieces(w, c);
           }),
  };
}

} // namespace agentstore::conformance

#endif
