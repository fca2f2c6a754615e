// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SESSION_DIRECTORY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SESSION_DIRECTORY_HPP

/// \file
/// DIR: the rules of ISessionDirectory.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>

#include <array>
#include <set>

namespace agentstore::conformance {

namespace detail {

/// The order of `list_sessions`.
inline bool is_listed_before(const Session& a, const Session& b) {
  return a.last_activity != b.last_activity ? a.last_activity > b.last_activity
                                            : a.session_id < b.session_id;
}

/// As the list must be: each of these sessions as `get_session` returns it.
inline std::vector<Session> as_listed(RuleContext& ctx, Client& client,
                                      const std::vector<std::string>& ids) {
  std::vector<Session> result;
  for (const std::string& id : ids) {
    result.push_back(ctx.must(client.get_session(id), "the session " + show(id)));
  }
  std::sort(result.begin(), result.end(), is_listed_before);
  return result;
}

inline void expect_sessions(RuleContext& ctx, Client& client, const std::string& user,
                            const std::vector<std::string>& ids, const std::string& when) {
  const SessionPage page = client.list_sessions(user, Page(max_page_size));
  ctx.expect_same(page.sessions, as_listed(ctx, client, ids),
                  "the sessions of user " + show(user) + " " + when);
  ctx.expect_same(page.next, std::string(), "the cursor of an only page");
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
inline void check_listed_order(RuleContext& ctx, Client& client) {
  const std::vector<std::string> ids = {"m", "B", "z", "a", "\xC3\xA9", "_", "aa", "M", "a\x7f"};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // By three at a time, a microsecond apart.
    set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(i / 3));
    client.create_session(ids[i], "u", object("number", i));
  }
  expect_sessions(ctx, client, "u", ids, "as they were created");
  set_clock_if_any(ctx, first_of_may() + std::chrono::seconds(10));
  client.update_session("B", SessionUpdate().increment_requests().updates(object("more", 1)));
  client.end_session("aa", "failed");
  if (ctx.offers(Interfaces::conversations)) {
    append(ctx, client, "a", "hello");
  }
  expect_sessions(ctx, client, "u", ids, "after an update, an end and an append");
  if (ctx.has_clock()) {
    ctx.expect_same(client.list_sessions("u", Page(1)).sessions.front().last_activity,
                    first_of_may() + std::chrono::seconds(10), "the newest activity");
  }
  // Neither a clock that goes back nor a call with nothing to do makes the list tell otherwise.
  for (const std::chrono::seconds clock : {std::chrono::seconds(5), std::chrono::seconds(20)}) {
    set_clock_if_any(ctx, first_of_may() + clock);
    const std::string when = " at " + show(clock);
    client.update_session("aa", SessionUpdate()); // it has ended
    client.end_session("aa", "again");
    expect_sessions(ctx, client, "u", ids, "after calls in vain" + when);
    client.update_session(clock.count() > 5 ? "m" : "B", SessionUpdate());
    expect_sessions(ctx, client, "u", ids, "after an update of nothing" + when);
    if (ctx.offers(Interfaces::contexts)) {
      client.store_task_context(clock.count() > 5 ? "_" : "a", 1);
      expect_sessions(ctx, client, "u", ids, "after a context" + when);
    }
    if (ctx.offers(Interfaces::conversations)) {
      append(ctx, client, clock.count() > 5 ? "z" : "a", "more");
      expect_sessions(ctx, client, "u", ids, "after an append" + when);
    }
    client.end_session(clock.count() > 5 ? "M" : "B");
    expect_sessions(ctx, client, "u", ids, "after an end" + when);
  }
}

/// DIR-01: at one time the bytes of the ids decide.
inline void check_order_of_bytes(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(1));
  std::vector<std::string> ids = odd_ids();
  for (const std::string& id : ids) {
    client.create_session(id, "odd");
  }
  expect_sessions(ctx, client, "odd", ids, "whose sessions have odd ids");
  ctx.expect_same(read_pages(ctx, 3, PagesOf(client, "odd")),
                  IdPage(client.list_sessions("odd", Page(max_page_size))).ids,
                  "sessions of odd ids and one time, on pages of 3");
  for (const std::string& user : odd_ids()) {
    const std::string id = "session " + std::to_string(ids.size());
    ids.push_back(id);
    client.create_session(id, user);
    ctx.expect_same(std::uint64_t{client.list_sessions(user).sessions.size()}, std::uint64_t{1},
                    "the number of sessions of user " + show(user));
  }
}

/// DIR-01: the order of times is that of numbers, and not of texts.
inline void check_order_of_odd_times(RuleContext& ctx, Client& client) {
  std::vector<std::string> ids;
  for (const Timestamp time : odd_clocks()) {
    set_clock_if_any(ctx, time);
    ids.push_back("of odd time " + std::to_string(ids.size()));
    client.create_session(ids.back(), "odd timer");
  }
  expect_sessions(ctx, client, "odd timer", ids, "whose sessions are of odd times");
}

/// DIR-01: sessions that are large are listed as whole as others.
inline void check_large_sessions(RuleContext& ctx, Client& client) {
  std::vector<std::string> ids;
  for (const std::size_t size : {70'000u, 300'000u, 5u, 900'001u, 900'002u}) {
    ids.push_back("of " + std::to_string(size));
    client.create_session(ids.back(), "large", object("text", letters(size)));
  }
  expect_sessions(ctx, client, "large", ids, "whose metadata is large");
}

/// DIR-01: users whose ids look alike.
inline void check_exact_users(RuleContext& ctx, Client& client) {
  std::set<std::string> users = {"alice",  "Alice", "alic", "alice ", "alice%", "alic_",
                                 "alice2", "*",     "e",    "u",      "a/b/c"};
  for (const auto& more : {odd_ids(), alike_ids()}) {
    users.insert(more.begin(), more.end());
  }
  for (const auto& [one, other] : mistakable_ids()) {
    users.insert(one);
    users.insert(other);
  }
  users.erase("u"); // of other checks
  std::size_t count = 0;
  for (const std::string& user : users) {
    client.create_session("of user " + std::to_string(++count), user);
  }
  client.create_session("alice", "another"); // a session of the id of a user
  count = 0;
  for (const std::string& user : users) {
    expect_sessions(ctx, client, user,
                    std::vector<std::string>(1, "of user " + std::to_string(++count)),
                    "and of nobody else");
  }
  for (const char* nobody : {"nobody", "of user 1", "ALICE", "alice2 ", "al*", "al", "alice\t"}) {
    expect_sessions(ctx, client, nobody, {}, "who has none");
  }
}

inline std::vector<std::string> create_many(RuleContext& ctx, Client& client,
                                            const std::string& user, std::size_t count,
                                            std::size_t at_one_time) {
  std::vector<std::string> ids;
  Batch batch(client);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % at_one_time == 0) {
      batch.finish();
      set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(i / at_one_time));
    }
    // Not in the order in which they are made.
    ids.push_back(user + "-" + std::to_string(i * 7919 % 100'003));
    batch.add(Client::text("create_session", ids.back(), user),
              is_positive(as_answer(client.handle().sessions->create_session(ids.back(), user))));
  }
  batch.finish();
  return ids;
}

/// DIR-02: many sessions, of which many have one time, in pages of all sizes.
inline void check_many_sessions(RuleContext& ctx, Client& client) {
  constexpr std::size_t count = 2010;
  const std::vector<std::string> ids = create_many(ctx, client, "many", count, 67);
  for (const std::size_t size : std::array<std::size_t, 3>{1000, 100, 67}) {
    const std::string when = "of " + std::to_string(size);
    std::vector<Session> sessions;
    const std::vector<std::string> actual = read_pages(ctx, size, [&](const Page& page) {
      const SessionPage part = client.list_sessions("many", page);
      sessions.insert(sessions.end(), part.sessions.begin(), part.sessions.end());
      return IdPage(part);
    });
    expect_once_each(actual, ids, when);
    ctx.expect_same(std::uint64_t{actual.size()}, std::uint64_t{count},
                    "the sessions on pages " + when);
    for (std::size_t i = 1; i < sessions.size(); ++i) {
      ctx.expect(is_listed_before(sessions[i - 1], sessions[i]),
                 "the order of the list across pages " + when,
                 show(sessions[i]) + " after " + show(sessions[i - 1]));
    }
  }
  create_many(ctx, client, "few", 10, 4);
  for (const std::size_t size : std::array<std::size_t, 6>{1, 2, 5, 9, 10, 11}) {
    ctx.expect_same(std::uint64_t{read_pages(ctx, size, PagesOf(client, "few")).size()},
                    std::uint64_t{10}, "the sessions on pages of " + std::to_string(size));
  }
}

/// DIR-02: what others do between two pages.
class ConcurrentChanges {
public:
  explicit ConcurrentChanges(RuleContext& ctx, Client& client) : ctx_(ctx), client_(client) {}

  enum class Others { create, delete_seen, delete_unseen, touch_seen, touch_unseen };

  void check(Others others, const std::string& user) {
    constexpr std::size_t size = 7;
    std::vector<std::string> stable = create_many(ctx_, client_, user, 60, 3);
    std::vector<std::string> moved;
    const std::string when = "while others " + user;
    const auto between = [&](const std::vector<std::string>& seen) {
      set_clock_if_any(ctx_, first_of_may() + std::chrono::hours(1 + seen.size()));
      if (others == Others::create) {
        client_.create_session(user + " new " + std::to_string(seen.size()), user);
        return;
      }
      const bool of_seen = others == Others::delete_seen || others == Others::touch_seen;
      const std::string id = of_seen ? seen.back() : unseen(stable, seen);
      if (id.empty()) {
        return;
      }
      if (others == Others::touch_seen || others == Others::touch_unseen) {
        ctx_.expect(client_.update_session(id, SessionUpdate().increment_requests()),
                    "the update to be true", "false");
      } else {
        ctx_.expect(client_.delete_session(id), "the deletion to be true", "false");
      }
      std::erase(stable, id);
      if (!of_seen) {
        moved.push_back(id);
      }
    };
    const std::vector<std::string> actual = read_pages(ctx_, size, PagesOf(client_, user), between);
    expect_once_each(actual, stable, when);
    // Whether time went by, only a clock that was set can tell.
    for (const std::string& id : moved) {
      ctx_.expect(!ctx_.has_clock() || std::find(actual.begin(), actual.end(), id) == actual.end(),
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

  RuleContext& ctx_;
  Client& client_;
};

/// DIR-01: after each call that may change a record, the list has it as `get_session` has.
inline void check_listed_as_read(RuleContext& ctx, Client& client) {
  const std::string id = "listed as read";
  client.create_session(id, id, object("a", 1));
  int hours = 0;
  const auto expect_same = [&](const std::string& what) {
    const SessionPage page = client.list_sessions(id);
    ctx.expect_same(std::uint64_t{page.sessions.size()}, std::uint64_t{1}, "the sessions listed");
    ctx.expect_same(page.sessions.front(), ctx.must(client.get_session(id), "the session"),
                    "the session listed after " + what);
    set_clock_if_any(ctx, first_of_may() + std::chrono::hours(++hours));
  };
  expect_same("its create");
  client.update_session(id, SessionUpdate().increment_requests().updates(object("b", 2)));
  expect_same("an update");
  if (ctx.offers(Interfaces::conversations)) {
    append(ctx, client, id, "hi");
    expect_same("an append");
  }
  if (ctx.offers(Interfaces::contexts)) {
    client.store_task_context(id, 1);
    expect_same("a context");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    store(ctx, client, id, "c", 1);
    expect_same("a checkpoint of its thread");
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    put(ctx, client, id, "c", "task", WriteList().add("a", 1));
    expect_same("pending writes of its thread");
  }
  client.end_session(id, "done");
  expect_same("the end");
}

/// DIR-01: on later pages too, and as it is then. The clock stands still, so that no session
/// changes its place.
inline void check_later_pages_as_read(RuleContext& ctx, Client& client) {
  const std::string user = "of later pages";
  for (const char* id : {"p1", "p2", "p3", "p4"}) {
    client.create_session(id, user, object("a", 1));
  }
  SessionPage page = client.list_sessions(user, Page(1));
  const auto change_all = [&](int round) {
    for (const char* id : {"p1", "p2", "p3", "p4"}) {
      client.update_session(id, SessionUpdate().increment_requests().updates(object("b", round)));
    }
  };
  for (int round = 1; !page.next.empty(); ++round) {
    change_all(round);
    page = client.list_sessions(user, Page(1).after(page.next));
    for (const Session& listed : page.sessions) {
      ctx.expect_same(listed, ctx.must(client.get_session(listed.session_id), "the session"),
                      "a session listed on a later page, once it was updated,");
    }
  }
}

/// DIR-02: pages whose edges lie among sessions of one moment, and of moments before 1970.
inline void check_ties_on_pages(RuleContext& ctx, Client& client) {
  if (!ctx.has_clock()) {
    return;
  }
  const std::vector<std::string> ids = {"A", "B", "a", "a ", "b", "\xC3\x89", "\xC3\xA9"};
  for (const int year : {1900, 1969, 2026}) {
    const std::string user = "of " + std::to_string(year);
    const Timestamp start = std::chrono::sys_days(std::chrono::year(year) / 5 / 1);
    std::vector<std::string> expected;
    for (int day = 3; day > 0; --day) { // the newest first, as they are listed
      ctx.set_clock(start + std::chrono::days(day));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        expected.push_back(user + ", day " + std::to_string(day) + " " + ids[i]);
        client.create_session(expected.back(), user);
        if (i % 2 == 0) {
          client.end_session(expected.back());
        }
      }
    }
    for (const std::size_t size : std::array<std::size_t, 4>{1, 2, 3, 4}) {
      ctx.expect_same(read_pages(ctx, size, PagesOf(client, user)), expected,
                      "the sessions of moments of " + std::to_string(year) + ", on pages of " +
                          std::to_string(size));
    }
  }
}

/// DIR-02: pages are read on one thread while others write.
inline void check_pages_beside_writers(RuleContext& ctx, Client& client) {
  const std::vector<std::string> stable = create_many(ctx, client, "busy", 40, 5);
  set_clock_if_any(ctx, first_of_may() + std::chrono::hours(9));
  ctx.on_threads(client, 3, [&](std::size_t thread, Client mine) {
    for (std::size_t i = 0; i < 6; ++i) {
      if (thread == 0) {
        expect_once_each(read_pages(ctx, 3, PagesOf(mine, "busy")), stable, "beside other threads");
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
inline void make_whole_session(RuleContext& ctx, Client& client, const std::string& id) {
  client.create_session(id, "owner", object("of", id));
  if (ctx.offers(Interfaces::conversations)) {
    append(ctx, client, id, "message of " + id);
    append(ctx, client, id, "another of " + id);
  }
  if (ctx.offers(Interfaces::contexts)) {
    ctx.expect(client.store_task_context(id, object("context", id)), "the context to be stored",
               "false");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    store(ctx, client, id, "one", object("data", id));
    store(ctx, client, id, "two", object("data", id));
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    put(ctx, client, id, "one", "task", WriteList().add("a", 1));
    put(ctx, client, id, "early", "task", WriteList().add("a", 1));
  }
}

/// What of it is there.
inline std::vector<std::string> parts_of(RuleContext& ctx, Client& client, const std::string& id) {
  std::vector<std::string> parts;
  const auto add = [&parts](bool is_there, const char* name) {
    if (is_there) {
      parts.emplace_back(name);
    }
  };
  add(client.get_session(id).has_value(), "session");
  if (ctx.offers(Interfaces::conversations)) {
    add(!client.history(id).empty(), "messages");
  }
  if (ctx.offers(Interfaces::contexts)) {
    add(client.get_task_context(id).has_value(), "context");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    add(!client.list_checkpoints(id).empty(), "checkpoints");
    add(client.get_checkpoint(id).has_value(), "latest");
    add(client.get_checkpoint(id, "one").has_value(), "checkpoint by its id");
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    add(!client.get_writes(id, "one").empty(), "writes");
    add(!client.get_writes(id, "early").empty(), "writes before their checkpoint");
  }
  return parts;
}

inline void expect_parts(RuleContext& ctx, Client& client, const std::string& id,
                         const std::vector<std::string>& expected, const std::string& what) {
  ctx.expect_same(parts_of(ctx, client, id), expected, what);
}

/// DIR-04: of concurrent deletes one is true, and writes that race with it leave nothing.
inline void check_racing_deletes(RuleContext& ctx, Client& client) {
  constexpr std::size_t rounds = 6;
  Rivals rivals(ctx, client);
  std::array<std::atomic<std::uint64_t>, rounds> deleted = {};
  for (std::size_t round = 0; round < rounds; ++round) {
    make_whole_session(ctx, client, "raced " + std::to_string(round));
    const std::string other = "interleaved " + std::to_string(round);
    make_whole_session(ctx, client, other);
    std::vector<awaitable<bool>> calls;
    for (std::size_t i = 0; i < 4; ++i) {
      calls.push_back(rivals.of(i).handle().session_directory->delete_session(other));
    }
    ctx.expect_same(count_true(client, Client::text("delete_session", other), std::move(calls)),
                    std::uint64_t{1}, "how many of concurrent deletes are true");
  }
  ctx.in_rounds(client, 4, rounds, [&](std::size_t round, std::size_t thread, Client mine) {
    const std::string id = "raced " + std::to_string(round);
    if (thread != 0) {
      Client rival = rivals.on_thread_of(mine, thread);
      deleted[round] += rival.delete_session(id) ? 1u : 0u;
      return;
    }
    mine.update_session(id, SessionUpdate().increment_requests());
    if (ctx.offers(Interfaces::conversations)) {
      mine.add_message(id, "user", "late");
    }
    if (ctx.offers(Interfaces::contexts)) {
      mine.store_task_context(id, "late");
    }
  });
  for (std::size_t round = 0; round < rounds; ++round) {
    ctx.expect_same(deleted[round].load(), std::uint64_t{1},
                    "how many of concurrent deletes, on threads, are true");
    expect_parts(ctx, client, "raced " + std::to_string(round), {},
                 "what is left of a session deleted beside writes");
  }
  // A write that is under way when the deletion comes is before it or behind it.
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string id = "written " + std::to_string(round);
    client.create_session(id, "owner");
    std::vector<awaitable<bool>> calls;
    if (ctx.offers(Interfaces::conversations)) {
      calls.push_back(client.handle().conversations->add_conversation_message(id, "user", "late"));
    }
    if (ctx.offers(Interfaces::contexts)) {
      calls.push_back(client.handle().contexts->store_task_context(id, json("late")));
    }
    calls.push_back(
        client.handle().sessions->update_session(id, SessionUpdate().increment_requests()));
    calls.push_back(client.handle().session_directory->delete_session(id));
    count_true(client, "a write or the deletion of " + show(id) + ", begun together",
               std::move(calls));
    expect_parts(ctx, client, id, {}, "what is left of a session deleted beside writes");
  }
}

/// DIR-01: also while a session changes its place.
inline void check_listed_beside_activity(RuleContext& ctx, Client& client) {
  Timestamp now = first_of_may();
  ListedBeside(
      ctx, client,
      [&](const std::string& id, const std::string& user) {
        let_time_pass(ctx, now);
        client.create_session(id, user);
        let_time_pass(ctx, now);
      },
      [](Client& by, const std::string& user) {
        return sorted(IdPage(by.list_sessions(user)).ids);
      })
      .expect_all({MethodId::update_session, MethodId::add_conversation_message,
                   MethodId::store_task_context, MethodId::end_session});
}

} // namespace detail

template <class>
std::vector<Rule> session_directory_rules() {
  return {
      Rule("DIR-01", needs::session_directory,
           "list_sessions gives exactly the sessions of this user, as get_session returns them, "
           "newest activity first, then by the bytes of the id",
           "compare users by their bytes; order by last_activity, and by the id where it is equal",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::expect_sessions(ctx, client, "u", {}, "of an empty store");
             detail::check_listed_order(ctx, client);
             detail::check_order_of_odd_times(ctx, client);
             detail::check_exact_users(ctx, client);
             detail::check_large_sessions(ctx, client);
             detail::check_listed_as_read(ctx, client);
             detail::check_later_pages_as_read(ctx, client);
             detail::check_listed_beside_activity(ctx, client);
             Client other = ctx.open_other();
             detail::check_order_of_bytes(ctx, other);
           }),
      Rule("DIR-02", needs::session_directory,
           "a session without activity is on one page, none on two, while others write; all pages "
           "but the last have the size asked for",
           "go on behind a place, last_activity and id, not behind a number of rows",
           [](RuleContext& ctx) {
             using Others = detail::ConcurrentChanges::Others;
             Client client = ctx.open();
             detail::check_many_sessions(ctx, client);
             detail::ConcurrentChanges changes(ctx, client);
             changes.check(Others::create, "create");
             changes.check(Others::delete_seen, "delete what was seen");
             changes.check(Others::delete_unseen, "delete what is to come");
             changes.check(Others::touch_seen, "update what was seen");
             changes.check(Others::touch_unseen, "update what is to come");
             detail::check_pages_beside_writers(ctx, client);
             detail::check_ties_on_pages(ctx, client);
           }),
      Rule(
          "DIR-03", needs::session_directory,
          "a cursor of another list or user, or of none, and a page size of 0 or above 1,000 are "
          "invalid_argument",
          "a cursor says which list it is of, and shows when it was made up (authoring/cursor.hpp)",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            const std::vector<std::string> users = detail::alike_users();
            for (const std::string& user : users) {
              detail::create_many(ctx, client, user, 3, 1);
            }
            const auto list = [&client](const Page& page) {
              return client.list_sessions("u", page);
            };
            detail::expect_page_sizes(ctx, list);
            const std::string own = client.list_sessions("u", Page(1)).next;
            ctx.expect(!own.empty(), "a cursor on a page that is not the last", "none");
            ctx.expect_same(std::uint64_t{list(Page(2).after(own)).sessions.size()},
                            std::uint64_t{2}, "the sessions behind the first");
            detail::expect_lasting_cursor(ctx, client, [&own](Client& by) {
              return detail::IdPage(by.list_sessions("u", Page(2).after(own))).ids;
            });
            const auto behind = detail::IdPage(list(Page(3).after(own))).ids;
            const std::string first = list(Page(1)).sessions.front().session_id;
            ctx.expect_same(client.delete_session(first), true, "the deletion");
            client.create_session(first, "u");
            detail::expect_once_each(detail::IdPage(list(Page(3).after(own))).ids, behind,
                                     "behind a session that was made afresh");
            std::vector<std::string> others = detail::made_up_cursors();
            if (ctx.offers(Interfaces::thread_directory)) {
              detail::store(ctx, client, "u1", "c", 1);
              detail::store(ctx, client, "u2", "c", 1);
              others.push_back(client.list_threads("u", Page(1)).next);
            }
            detail::expect_refused_cursors(ctx, others, list);
            detail::expect_refused_cursors(ctx, detail::spoilt(own), list);
            detail::expect_own_cursors(ctx, users, [&](const std::string& user, const Page& page) {
              return client.list_sessions(user, page);
            });
            // A page size is refused behind a cursor too.
            ctx.expect_error(errc::invalid_argument, [&] { list(Page(0).after(own)); });
            ctx.expect_error(errc::invalid_argument, [&] { list(Page(1001).after(own)); });
          }),
      Rule("DIR-04", needs::session_directory,
           "delete_session removes what a clean-up does, nothing else, all or nothing; of "
           "concurrent calls one is true",
           "remove by the whole id, from every table, in one transaction",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::vector<std::string> neighbours = {"s:x", "ss", "S", "s ", "s%", "_"};
             detail::make_whole_session(ctx, client, "s");
             const std::vector<std::string> whole = detail::parts_of(ctx, client, "s");
             for (const std::string& id : neighbours) {
               detail::make_whole_session(ctx, client, id);
             }
             {
               Client other = ctx.open_other();
               detail::make_whole_session(ctx, other, "s");
               for (const std::string& separator : detail::separators()) {
                 detail::make_whole_session(ctx, other, "s" + separator + "x");
               }
               ctx.expect_same(other.delete_session("s"), true, "the deletion");
               for (const std::string& separator : detail::separators()) {
                 detail::expect_parts(ctx, other, "s" + separator + "x", whole,
                                      "what is there of " + show("s" + separator + "x") +
                                          ", which was not deleted,");
               }
             }
             ctx.expect_same(client.delete_session("unknown"), false,
                             "the deletion of an unknown session");
             ctx.expect_same(client.delete_session("s"), true, "the deletion");
             detail::expect_parts(ctx, client, "s", {}, "what is left of the session deleted");
             ctx.expect_same(client.delete_session("s"), false,
                             "the deletion of a deleted session");
             for (const std::string& id : neighbours) {
               detail::expect_parts(ctx, client, id, whole,
                                    "what is there of " + show(id) +
                                        ", which was "
                                        "not deleted,");
             }
             detail::expect_sessions(ctx, client, "owner", neighbours, "after a deletion");
             detail::make_whole_session(ctx, client, "ended");
             client.create_session("of user ended", "ended");
             client.end_session("ended");
             ctx.expect_same(client.delete_session("ended"), true,
                             "the deletion of an ended session");
             ctx.must(client.get_session("of user ended"),
                      "a session of a user who has the id of one that was deleted");
             client.delete_session("of user ended");
             detail::expect_parts(ctx, client, "ended", {},
                                  "what is left of the ended session deleted");
             if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
               detail::store(ctx, client, "thread", "one", 1);
               ctx.expect_same(client.delete_session("thread"), false,
                               "the deletion of a session that is only a thread");
               detail::expect_checkpoint(ctx, client.get_checkpoint("thread"), "thread", "one", 1);
             }
             if (ctx.offers(Interfaces::backend)) {
               const Metrics counts = client.get_metrics();
               ctx.expect_same(counts.total_sessions, std::uint64_t{neighbours.size()},
                               "the sessions counted after deletions");
               ctx.expect_same(counts.total_messages, std::uint64_t{2 * neighbours.size()},
                               "the messages counted after deletions");
             }
             detail::check_racing_deletes(ctx, client);
             check_method_under_faults(ctx, client, "delete_session");
           }),
      Rule("DIR-05", needs::session_directory,
           "a write behind a deletion finds no session; the id can be created afresh, with nothing "
           "of what was there",
           "leave no mark of a deleted session that a write or a create could find",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             for (const char* status : {"active", "ended"}) {
               const std::string id = std::string("once ") + status;
               detail::make_whole_session(ctx, client, id);
               client.update_session(id, SessionUpdate().increment_requests().mark_error());
               if (id == "once ended") {
                 client.end_session(id, "done");
               }
               ctx.expect_same(client.delete_session(id), true, "the deletion");
               ctx.expect_same(
                   client.update_session(id, SessionUpdate().updates(object("late", 1))), false,
                   "an update behind the deletion");
               ctx.expect_same(client.end_session(id), false, "an end behind the deletion");
               if (ctx.offers(Interfaces::conversations)) {
                 ctx.expect_same(client.add_message(id, "user", "late"), false,
                                 "an append behind the deletion");
               }
               if (ctx.offers(Interfaces::contexts)) {
                 ctx.expect_same(client.store_task_context(id, "late"), false,
                                 "a context behind the deletion");
               }
               detail::expect_parts(ctx, client, id, {},
                                    "what writes behind the deletion have made");

               const Session created = client.create_session(id, "new owner");
               Session expected;
               expected.session_id = id;
               expected.user_id = "new owner";
               expected.created_at = created.created_at;
               expected.last_activity = created.created_at;
               ctx.expect_same(created, expected, "the session made afresh");
               detail::expect_parts(ctx, client, id, std::vector<std::string>(1, "session"),
                                    "what is there of the session made afresh");
               detail::expect_sessions(ctx, client, "owner", {}, "whose session was deleted");
               ctx.expect(client.update_session(id, SessionUpdate().increment_requests()),
                          "the session made afresh to be active", "an update was false");
               if (ctx.offers(Interfaces::conversations)) {
                 detail::append(ctx, client, id, "first");
                 ctx.expect_same(detail::contents(client.history(id)),
                                 std::vector<std::string>(1, "first"),
                                 "the history of the session made afresh");
               }
               ctx.expect_same(client.end_session(id, "done"), true,
                               "the end of the session made afresh");
               ctx.expect_same(client.delete_session(id), true,
                               "the deletion of the session made afresh");
               detail::expect_parts(ctx, client, id, {}, "what is left after a second deletion");
             }
             detail::check_early_writes_go(ctx, client, [&](const std::string& id) {
               ctx.expect_same(client.delete_session(id), true, "the deletion");
             });
             detail::check_neighbour_goes_on(
                 ctx, client, [] {},
                 [&](const std::string& id) {
                   ctx.expect_same(client.delete_session(id), true, "the deletion");
                 });
             client.create_session("of many");
             detail::fill_with_many(ctx, client, "of many");
             ctx.expect_same(client.delete_session("of many"), true, "the deletion");
             client.create_session("of many");
             detail::expect_none_of_many(ctx, client, "of many",
                                         "a session made afresh, which had very many");
           }),
  };
}

} // namespace agentstore::conformance

#endif
