// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SESSION_DIRECTORY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SESSION_DIRECTORY_HPP

/// \file
/// DIR: the rules of ISessionDirectory.

#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/pages.hpp>

#include <array>

namespace agentstore::conformance {

std::vector<Rule> session_directory_rules();

// Only machinery below this line.

namespace detail {

/// The order of `list_sessions`.
inline bool is_listed_before(const Session& a, const Session& b) {
  return a.last_activity != b.last_activity ? a.last_activity > b.last_activity
                                            : a.session_id < b.session_id;
}

/// As the list must be: each of these sessions as `get_session` returns it.
inline std::vector<Session> as_listed(World& w, Client& c, const std::vector<std::string>& ids) {
  std::vector<Session> result;
  for (const std::string& id : ids) {
    result.push_back(w.must(c.get_session(id), "the session " + show(id)));
  }
  std::sort(result.begin(), result.end(), is_listed_before);
  return result;
}

inline void expect_sessions(World& w, Client& c, const std::string& user,
                            const std::vector<std::string>& ids, const std::string& when) {
  const SessionPage page = c.list_sessions(user, Page(max_page_size));
  w.expect_same(page.sessions, as_listed(w, c, ids),
                "the sessions of user " + show(user) + " " + when);
  w.expect_same(page.next, std::string(), "the cursor of an only page");
}

/// Pages of one user's sessions, for `read_pages`.
class PagesOf {
public:
  PagesOf(Client client, std::string user) : client_(std::move(client)), user_(std::move(user)) {}

  IdPage operator()(const Page& page) const {
    Client client = client_;
    return IdPage(client.list_sessions(user_, page));
  }

private:
  Client client_;
  std::string user_;
};

/// DIR-01: sessions whose activities and ids are in different orders, some of them at one time.
inline void check_listed_order(World& w, Client& c) {
  const std::vector<std::string> ids = {"m", "B", "z", "a", "\xC3\xA9", "_", "aa", "M", "a\x7f"};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // By three at a time.
    set_clock_if_any(w, first_of_may() + std::chrono::seconds(i / 3));
    c.create_session(ids[i], "u", object("number", i));
  }
  expect_sessions(w, c, "u", ids, "as they were created");
  set_clock_if_any(w, first_of_may() + std::chrono::seconds(10));
  c.update_session("B", SessionUpdate().increment_requests().updates(object("more", 1)));
  c.end_session("aa", "failed");
  if (w.offers(Interfaces::conversations)) {
    append(w, c, "a", "hello");
  }
  expect_sessions(w, c, "u", ids, "after an update, an end and an append");
  if (w.has_clock()) {
    w.expect_same(c.list_sessions("u", Page(1)).sessions.front().last_activity,
                  first_of_may() + std::chrono::seconds(10), "the newest activity");
  }
}

/// DIR-01: users whose ids look alike.
inline void check_exact_users(World& w, Client& c) {
  const std::vector<std::string> users = {
      "alice", "Alice", "alic", "alice ", "alice%",   "alic_",     "%",          "_", "alice2", "*",
      "a/b",   "a/b/c", "a",    "'",      "\xC3\xA9", "e\xCC\x81", letters(1024)};
  for (const std::string& user : users) {
    c.create_session("of " + user.substr(0, 900), user);
  }
  c.create_session("alice", "another"); // a session of the id of a user
  for (const std::string& user : users) {
    expect_sessions(w, c, user, std::vector<std::string>(1, "of " + user.substr(0, 900)),
                    "and of nobody else");
  }
  for (const char* nobody : {"nobody", "of alice", "ALICE", "alice2 ", "a/", "?", "al*"}) {
    expect_sessions(w, c, nobody, {}, "who has none");
  }
}

inline std::vector<std::string> create_many(World& w, Client& c, const std::string& user,
                                            std::size_t count, std::size_t at_one_time) {
  std::vector<std::string> ids;
  Batch batch(c);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % at_one_time == 0) {
      batch.finish();
      set_clock_if_any(w, first_of_may() + std::chrono::seconds(i / at_one_time));
    }
    // Not in the order in which they are made.
    ids.push_back(user + "-" + std::to_string(i * 7919 % 100'003));
    batch.add(Client::text("create_session", ids.back(), user),
              true_after(c.handle().sessions->create_session(ids.back(), user)));
  }
  batch.finish();
  return ids;
}

/// DIR-02: many sessions, of which many have one time, in pages of all sizes.
inline void check_many_sessions(World& w, Client& c) {
  constexpr std::size_t count = 2010;
  const std::vector<std::string> ids = create_many(w, c, "many", count, 67);
  for (const std::size_t size : std::array<std::size_t, 3>{1000, 100, 67}) {
    const std::string when = "of " + std::to_string(size);
    std::vector<Session> sessions;
    const std::vector<std::string> came = read_pages(w, size, [&](const Page& page) {
      const SessionPage part = c.list_sessions("many", page);
      sessions.insert(sessions.end(), part.sessions.begin(), part.sessions.end());
      return IdPage(part);
    });
    expect_once_each(came, ids, when);
    w.expect_same(std::uint64_t{came.size()}, std::uint64_t{count},
                  "the sessions on pages " + when);
    for (std::size_t i = 1; i < sessions.size(); ++i) {
      w.expect(is_listed_before(sessions[i - 1], sessions[i]),
               "the order of the list across pages " + when,
               show(sessions[i]) + " after " + show(sessions[i - 1]));
    }
  }
  create_many(w, c, "few", 10, 4);
  for (const std::size_t size : std::array<std::size_t, 6>{1, 2, 5, 9, 10, 11}) {
    w.expect_same(std::uint64_t{read_pages(w, size, PagesOf(c, "few")).size()}, std::uint64_t{10},
                  "the sessions on pages of " + std::to_string(size));
  }
}

/// DIR-02: what others do between two pages.
class Meanwhile {
public:
  explicit Meanwhile(World& w, Client& c) : w_(w), c_(c) {}

  enum class Others { create, delete_seen, delete_unseen, touch_seen, touch_unseen };

  void check(Others others, const std::string& user) {
    constexpr std::size_t size = 7;
    std::vector<std::string> stable = create_many(w_, c_, user, 60, 3);
    std::vector<std::string> moved;
    const std::string when = "while others " + user;
    const auto between = [&](const std::vector<std::string>& seen) {
      set_clock_if_any(w_, first_of_may() + std::chrono::hours(1 + seen.size()));
      if (others == Others::create) {
        c_.create_session(user + " new " + std::to_string(seen.size()), user);
        return;
      }
      const bool of_seen = others == Others::delete_seen || others == Others::touch_seen;
      const std::string id = of_seen ? seen.back() : unseen(stable, seen);
      if (id.empty()) {
        return;
      }
      if (others == Others::touch_seen || others == Others::touch_unseen) {
        w_.expect(c_.update_session(id, SessionUpdate().increment_requests()),
                  "the update to be true", "false");
      } else {
        w_.expect(c_.delete_session(id), "the deletion to be true", "false");
      }
      std::erase(stable, id);
      if (!of_seen) {
        moved.push_back(id);
      }
    };
    const std::vector<std::string> came = read_pages(w_, size, PagesOf(c_, user), between);
    expect_once_each(came, stable, when);
    // Whether time went by, only a clock that was set can tell.
    for (const std::string& id : moved) {
      w_.expect(!w_.has_clock() || std::find(came.begin(), came.end(), id) == came.end(),
                "none on a later page that was deleted, or went to the front, " + when, show(id));
    }
  }

private:
  /// One that is still to come, from the middle of those.
  static std::string unseen(const std::vector<std::string>& all,
                            const std::vector<std::string>& seen) {
    std::vector<std::string> left;
    for (const std::string& id : all) {
      if (std::find(seen.begin(), seen.end(), id) == seen.end()) {
        left.push_back(id);
      }
    }
    return left.empty() ? std::string() : left[left.size() / 2];
  }

  World& w_;
  Client& c_;
};

/// DIR-02: pages are read on one thread while others write.
inline void check_pages_beside_writers(World& w, Client& c) {
  const std::vector<std::string> stable = create_many(w, c, "busy", 40, 5);
  set_clock_if_any(w, first_of_may() + std::chrono::hours(9));
  w.on_threads(c, 3, [&](std::size_t thread, Client mine) {
    for (std::size_t i = 0; i < 6; ++i) {
      if (thread == 0) {
        expect_once_each(read_pages(w, 3, PagesOf(mine, "busy")), stable, "beside other threads");
        continue;
      }
      for (std::size_t j = 0; j < 6; ++j) {
        const std::string id =
            "t" + std::to_string(thread) + "-" + std::to_string(i) + "-" + std::to_string(j);
        mine.create_session(id, "busy");
        mine.update_session(id, SessionUpdate().increment_requests());
        if (j % 2 == 0) {
          mine.delete_session(id);
        }
      }
    }
  });
}

/// Everything that can belong to a session, as far as the store has it.
inline void make_whole_session(World& w, Client& c, const std::string& id) {
  c.create_session(id, "owner", object("of", id));
  if (w.offers(Interfaces::conversations)) {
    append(w, c, id, "message of " + id);
    append(w, c, id, "another of " + id);
  }
  if (w.offers(Interfaces::contexts)) {
    w.expect(c.store_task_context(id, object("context", id)), "the context to be stored", "false");
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    store(w, c, id, "one", object("data", id));
    store(w, c, id, "two", object("data", id));
  }
  if (w.offers(Interfaces::checkpointer)) {
    put(w, c, id, "one", "task", WriteList().add("a", 1));
    put(w, c, id, "early", "task", WriteList().add("a", 1));
  }
}

/// What of it is there.
inline std::vector<std::string> parts_of(World& w, Client& c, const std::string& id) {
  std::vector<std::string> parts;
  const auto add = [&parts](bool is_there, const char* name) {
    if (is_there) {
      parts.emplace_back(name);
    }
  };
  add(c.get_session(id).has_value(), "session");
  if (w.offers(Interfaces::conversations)) {
    add(!c.history(id).empty(), "messages");
  }
  if (w.offers(Interfaces::contexts)) {
    add(c.get_task_context(id).has_value(), "context");
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    add(!c.list_checkpoints(id).empty(), "checkpoints");
    add(c.get_checkpoint(id).has_value(), "latest");
    add(c.get_checkpoint(id, "one").has_value(), "checkpoint by its id");
  }
  if (w.offers(Interfaces::checkpointer)) {
    add(!c.get_writes(id, "one").empty(), "writes");
    add(!c.get_writes(id, "early").empty(), "writes before their checkpoint");
  }
  return parts;
}

inline void expect_parts(World& w, Client& c, const std::string& id,
                         const std::vector<std::string>& expected, const std::string& what) {
  w.expect_same(parts_of(w, c, id), expected, what);
}

/// DIR-04: of concurrent deletes one is true, and writes that race with it leave nothing.
inline void check_racing_deletes(World& w, Client& c) {
  constexpr std::size_t rounds = 6;
  std::array<std::atomic<std::uint64_t>, rounds> deleted = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    make_whole_session(w, c, "raced " + std::to_string(round));
    const std::string other = "interleaved " + std::to_string(round);
    make_whole_session(w, c, other);
    std::vector<awaitable<bool>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(c.handle().session_directory->delete_session(other));
    }
    w.expect_same(count_true(c, Client::text("delete_session", other), std::move(calls)),
                  std::uint64_t{1}, "how many of concurrent deletes are true");
  }
  w.on_threads(c, 4, [&](std::size_t thread, Client mine) {
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::string id = "raced " + std::to_string(round);
      if (thread != 0) {
        deleted[round] += mine.delete_session(id) ? 1u : 0u;
        continue;
      }
      mine.update_session(id, SessionUpdate().increment_requests());
      if (w.offers(Interfaces::conversations)) {
        mine.add_message(id, "user", "late");
      }
      if (w.offers(Interfaces::contexts)) {
        mine.store_task_context(id, "late");
      }
    }
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    w.expect_same(deleted[round].load(), std::uint64_t{1},
                  "how many of concurrent deletes, on threads, are true");
    expect_parts(w, c, "raced " + std::to_string(round), {},
                 "what is left of a session deleted beside writes");
  }
  // A write that is under way when the deletion comes is before it or behind it.
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string id = "written " + std::to_string(round);
    c.create_session(id, "owner");
    std::vector<awaitable<bool>> calls;
    if (w.offers(Interfaces::conversations)) {
      calls.push_back(c.handle().conversations->add_conversation_message(id, "user", "late"));
    }
    if (w.offers(Interfaces::contexts)) {
      calls.push_back(c.handle().contexts->store_task_context(id, json("late")));
    }
    calls.push_back(c.handle().sessions->update_session(id, SessionUpdate().increment_requests()));
    calls.push_back(c.handle().session_directory->delete_session(id));
    count_true(c, "a write or the deletion of " + show(id) + ", begun together", std::move(calls));
    expect_parts(w, c, id, {}, "what is left of a session deleted beside writes");
  }
}

} // namespace detail

inline std::vector<Rule> session_directory_rules() {
  return {
      Rule("DIR-01", needs::session_directory,
           "list_sessions gives exactly the sessions of this user, as get_session returns them, "
           "newest activity first, then by the bytes of the id",
           "compare users by their bytes; order by last_activity, and by the id where it is equal",
           [](World& w) {
             Client c = w.open();
             detail::expect_sessions(w, c, "u", {}, "of an empty store");
             detail::check_listed_order(w, c);
             detail::check_exact_users(w, c);
           }),
      Rule("DIR-02", needs::session_directory,
           "a session without activity is on one page, none on two, while others write; all pages "
           "but the last have the size asked for",
           "go on behind a place, last_activity and id, not behind a number of rows",
           [](World& w) {
             using Others = detail::Meanwhile::Others;
             Client c = w.open();
             detail::check_many_sessions(w, c);
             detail::Meanwhile meanwhile(w, c);
             meanwhile.check(Others::create, "create");
             meanwhile.check(Others::delete_seen, "delete what was seen");
             meanwhile.check(Others::delete_unseen, "delete what is to come");
             meanwhile.check(Others::touch_seen, "update what was seen");
             meanwhile.check(Others::touch_unseen, "update what is to come");
             detail::check_pages_beside_writers(w, c);
           }),
      Rule(
          "DIR-03", needs::session_directory,
          "a cursor of another list or user, or of none, and a page size of 0 or above 1,000 are "
          "invalid_argument",
          "a cursor says which list it is of, and shows when it was made up (authoring/cursor.hpp)",
          [](World& w) {
            Client c = w.open();
            for (const char* user : {"u", "uu", "v"}) {
              detail::create_many(w, c, user, 3, 1);
            }
            const auto list = [&c](const Page& page) { return c.list_sessions("u", page); };
            detail::expect_page_sizes(w, list);
            const std::string own = c.list_sessions("u", Page(1)).next;
            w.expect(!own.empty(), "a cursor on a page that is not the last", "none");
            w.expect_same(std::uint64_t{list(Page(2).after(own)).sessions.size()}, std::uint64_t{2},
                          "the sessions behind the first");
            std::vector<std::string> others = detail::made_up_cursors();
            others.push_back(c.list_sessions("uu", Page(1)).next);
            others.push_back(c.list_sessions("v", Page(2)).next);
            if (w.offers(Interfaces::thread_directory)) {
              detail::store(w, c, "u1", "c", 1);
              detail::store(w, c, "u2", "c", 1);
              others.push_back(c.list_threads("u", Page(1)).next);
            }
            detail::expect_refused_cursors(w, others, list);
            detail::expect_refused_cursors(w, detail::spoilt(own), list);
            // A page size is refused behind a cursor too.
            w.expect_error(errc::invalid_argument, [&] { list(Page(0).after(own)); });
            w.expect_error(errc::invalid_argument, [&] { list(Page(1001).after(own)); });
          }),
      Rule("DIR-04", needs::session_directory,
           "delete_session removes what a clean-up does, nothing else, all or nothing; of "
           "concurrent calls one is true",
           "remove by the whole id, from every table, in one transaction",
           [](World& w) {
             Client c = w.open();
             const std::vector<std::string> neighbours = {"s:x", "ss", "S", "s ", "s%", "_"};
             detail::make_whole_session(w, c, "s");
             const std::vector<std::string> whole = detail::parts_of(w, c, "s");
             for (const std::string& id : neighbours) {
               detail::make_whole_session(w, c, id);
             }
             w.expect_same(c.delete_session("unknown"), false,
                           "the deletion of an unknown session");
             w.expect_same(c.delete_session("s"), true, "the deletion");
             detail::expect_parts(w, c, "s", {}, "what is left of the session deleted");
             w.expect_same(c.delete_session("s"), false, "the deletion of a deleted session");
             for (const std::string& id : neighbours) {
               detail::expect_parts(w, c, id, whole,
                                    "what is there of " + show(id) +
                                        ", which was "
                                        "not deleted,");
             }
             detail::expect_sessions(w, c, "owner", neighbours, "after a deletion");
             detail::make_whole_session(w, c, "ended");
             c.end_session("ended");
             w.expect_same(c.delete_session("ended"), true, "the deletion of an ended session");
             detail::expect_parts(w, c, "ended", {}, "what is left of the ended session deleted");
             if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
               detail::store(w, c, "thread", "one", 1);
               w.expect_same(c.delete_session("thread"), false,
                             "the deletion of a session that is only a thread");
               detail::expect_checkpoint(w, c.get_checkpoint("thread"), "thread", "one", 1);
             }
             if (w.offers(Interfaces::backend)) {
               const Metrics counts = c.get_metrics();
               w.expect_same(counts.total_sessions, std::uint64_t{neighbours.size()},
                             "the sessions counted after deletions");
               w.expect_same(counts.total_messages, std::uint64_t{2 * neighbours.size()},
                             "the messages counted after deletions");
             }
             detail::check_racing_deletes(w, c);
             check_method_under_faults(w, c, "delete_session");
           }),
      Rule("DIR-05", needs::session_directory,
           "a write behind a deletion finds no session; the id can be created afresh, with nothing "
           "of what was there",
           "leave no mark of a deleted session that a write or a create could find",
           [](World& w) {
             Client c = w.open();
             for (const char* status : {"active", "ended"}) {
               const std::string id = std::string("once ") + status;
               detail::make_whole_session(w, c, id);
               c.update_session(id, SessionUpdate().increment_requests().mark_error());
               if (id == "once ended") {
                 c.end_session(id, "done");
               }
               w.expect_same(c.delete_session(id), true, "the deletion");
               w.expect_same(c.update_session(id, SessionUpdate().updates(object("late", 1))),
                             false, "an update behind the deletion");
               w.expect_same(c.end_session(id), false, "an end behind the deletion");
               if (w.offers(Interfaces::conversations)) {
                 w.expect_same(c.add_message(id, "user", "late"), false,
                               "an append behind the deletion");
               }
               if (w.offers(Interfaces::contexts)) {
                 w.expect_same(c.store_task_context(id, "late"), false,
                               "a context behind the deletion");
               }
               detail::expect_parts(w, c, id, {}, "what writes behind the deletion have made");

               const Session created = c.create_session(id, "new owner");
               Session expected;
               expected.session_id = id;
               expected.user_id = "new owner";
               expected.created_at = created.created_at;
               expected.last_activity = created.created_at;
               w.expect_same(created, expected, "the session made afresh");
               detail::expect_parts(w, c, id, std::vector<std::string>(1, "session"),
                                    "what is there of the session made afresh");
               detail::expect_sessions(w, c, "owner", {}, "whose session was deleted");
               w.expect(c.update_session(id, SessionUpdate().increment_requests()),
                        "the session made afresh to be active", "an update was false");
               if (w.offers(Interfaces::conversations)) {
                 detail::append(w, c, id, "first");
                 w.expect_same(detail::contents(c.history(id)),
                               std::vector<std::string>(1, "first"),
                               "the history of the session made afresh");
               }
               w.expect_same(c.delete_session(id), true, "the deletion of the session made afresh");
               detail::expect_parts(w, c, id, {}, "what is left after a second deletion");
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
