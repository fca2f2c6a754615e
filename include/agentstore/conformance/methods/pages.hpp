// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_PAGES_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_PAGES_HPP

/// \file
/// What the lists of both directories have in common: they come in pages.

#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/methods/value_methods.hpp>

#include <functional>
#include <set>

namespace agentstore::conformance::detail {

/// A page of either list by the ids on it.
class IdPage {
public:
  explicit IdPage(const SessionPage& page) : next(page.next) {
    for (const Session& session : page.sessions) {
      ids.push_back(session.session_id);
    }
  }
  explicit IdPage(ThreadPage page) : ids(std::move(page.thread_ids)), next(std::move(page.next)) {}

  std::vector<std::string> ids;
  std::string next;
};

/// All ids of a list, from pages of `size`. `get(page)` gives an IdPage; `between(ids so far)` runs
/// after each page but the last.
template <class Get, class Between>
std::vector<std::string> read_pages(RuleContext& ctx, std::size_t size, const Get& get,
                                    const Between& between) {
  constexpr std::size_t most_pages = 5000;
  std::vector<std::string> all;
  Page page(size);
  for (std::size_t count = 1; count <= most_pages; ++count) {
    const IdPage actual = get(page);
    all.insert(all.end(), actual.ids.begin(), actual.ids.end());
    ctx.expect(actual.ids.size() <= size, "at most " + std::to_string(size) + " items on a page",
               std::to_string(actual.ids.size()));
    if (actual.next.empty()) {
      return all;
    }
    ctx.expect_same(std::uint64_t{actual.ids.size()}, std::uint64_t{size},
                    "the size of a page that is not the last");
    between(all);
    page.after(actual.next);
  }
  throw Violation("a last page", "page after page, more than " + std::to_string(most_pages));
}

template <class Get>
std::vector<std::string> read_pages(RuleContext& ctx, std::size_t size, const Get& get) {
  return read_pages(ctx, size, get, [](const std::vector<std::string>&) {});
}

/// Nothing twice, and each of these once.
inline void expect_once_each(const std::vector<std::string>& actual,
                             const std::vector<std::string>& there_all_the_time,
                             const std::string& when) {
  std::set<std::string> seen;
  for (const std::string& id : actual) {
    if (!seen.insert(id).second) {
      throw Violation("nothing on two pages " + when, show(id) + " twice");
    }
  }
  for (const std::string& id : there_all_the_time) {
    if (!seen.contains(id)) {
      throw Violation("what is there all the time on one page " + when, show(id) + " on none");
    }
  }
}

/// Sizes that a page may not have, and the least and the greatest that it may.
template <class Get>
void expect_page_sizes(RuleContext& ctx, const Get& get) {
  constexpr std::size_t four_gi = std::size_t{1} << 32u;
  for (const std::size_t size :
       {std::size_t{0}, max_page_size + 1, four_gi, four_gi + 1, four_gi + 100, SIZE_MAX}) {
    ctx.expect_error(errc::invalid_argument, [&] { get(Page(size)); });
  }
  for (const std::size_t size : {std::size_t{1}, default_page_size, max_page_size}) {
    get(Page(size));
  }
}

/// Cursors that are no list's.
inline std::vector<std::string> made_up_cursors() {
  return {"x",
          "0",
          "1",
          "-1",
          " ",
          "next",
          "null",
          "{}",
          "[]",
          "\"\"",
          "AAAA",
          "00000000",
          "s1",
          "\xff",
          std::string("\0", 1),
          "a\nb",
          "%",
          "' OR 1=1 --",
          "[[[[[[[[",
          std::string(2000, '5'),
          letters(100'000)};
}

/// Users, or prefixes, of which a program might take one for another.
inline std::vector<std::string> alike_users() {
  return {"u", "uu", "u1", "v", "U", "u ", " u", "u/", "\xC3\xBC"};
}

/// A cursor that is given with the list of one of these is refused with that of any other.
template <class List>
void expect_own_cursors(RuleContext& ctx, const std::vector<std::string>& lists, const List& list) {
  std::vector<std::string> cursors;
  for (const std::string& own : lists) {
    cursors.push_back(list(own, Page(1)).next);
  }
  for (const std::string& other : lists) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      if (other != lists[i]) {
        ctx.expect_error(errc::invalid_argument, [&] { list(other, Page(1).after(cursors[i])); });
      }
    }
  }
}

/// `cursor` with something missing, changed or added, of which none came from a list.
inline std::vector<std::string> spoilt(const std::string& cursor) {
  std::vector<std::string> result;
  for (std::size_t size = 1; size < cursor.size(); ++size) {
    result.push_back(cursor.substr(0, size));
  }
  result.push_back(cursor.substr(cursor.size() / 2));
  for (std::size_t at = 0; at + 1 < cursor.size(); ++at) {
    result.push_back(cursor);
    result.back()[at] = cursor[at] == '1' ? '2' : '1';
  }
  std::string turned = cursor;
  for (char& c : turned) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    c = static_cast<char>(is_letter ? c ^ 0x20 : c);
  }
  if (turned != cursor) {
    result.push_back(turned);
  }
  result.push_back(cursor + cursor);
  result.push_back(cursor + "0");
  result.push_back(" " + cursor);
  return result;
}

/// Every kind of change, to what no list of the rule has.
inline void change_something_else(RuleContext& ctx, Client& client) {
  const bool has_sessions = ctx.offers(Interfaces::sessions);
  if (has_sessions) {
    client.create_session("~ elsewhere", "nobody");
    client.update_session("~ elsewhere", SessionUpdate().increment_requests());
    client.end_session("~ elsewhere", "done");
  }
  if (ctx.offers(Interfaces::session_directory)) {
    client.delete_session("~ elsewhere");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    for (const char* id : {"c1", "c2"}) {
      client.store_checkpoint("~ elsewhere", id, 1);
    }
    client.copy_thread("~ elsewhere", "~ copy");
    client.prune_thread("~ copy", 1);
    client.delete_thread("~ copy");
    client.delete_thread("~ elsewhere");
  }
  if (ctx.offers(Interfaces::backend) && ctx.has_clock()) {
    const Timestamp now = client.create_session("~ now", "nobody").created_at;
    ctx.set_clock(now - std::chrono::years(300));
    client.create_session("~ old", "nobody");
    ctx.set_clock(now + std::chrono::days(2));
    client.cleanup(std::chrono::years(200));
  }
}

/// A cursor is good as often as it is used and however late, whatever is written, on another handle
/// and after a reopen. `ids_behind(client)` are those of the page behind it.
template <class IdsBehind>
void expect_lasting_cursor(RuleContext& ctx, Client& client, const IdsBehind& ids_behind) {
  constexpr int often = 120;
  const std::vector<std::string> ids = ids_behind(client);
  change_something_else(ctx, client);
  ctx.expect_same(ids_behind(client), ids, "what is behind a cursor after changes elsewhere");
  for (int i = 0; i < often; ++i) {
    ctx.expect_same(ids_behind(client), ids, "what is behind a cursor that was used before");
  }
  const Claims claims = ctx.harness().claims();
  if (claims.has_shared_handles()) {
    Client other = ctx.open();
    ctx.expect_same(ids_behind(other), ids, "what is behind a cursor on another handle");
  }
  if (client.has_life_cycle()) {
    client.close();
    ctx.expect_same(client.initialize(), true, "initialize after close");
    ctx.expect_same(ids_behind(client), ids, "what is behind a cursor after a close");
  }
}

template <class Get>
void expect_refused_cursors(RuleContext& ctx, const std::vector<std::string>& cursors,
                            const Get& get) {
  for (const std::string& cursor : cursors) {
    ctx.expect_error(errc::invalid_argument, [&] { get(Page(1).after(cursor)); });
  }
}

/// Many calls at once, so that a store which waits for a disk waits for few of them.
class Batch {
public:
  explicit Batch(Client& client) : client_(client) {}

  void add(const std::string& text, awaitable<bool> call) {
    calls_.push_back(client_.driver().start(text, std::move(call)));
    if (calls_.size() == most) {
      finish();
    }
  }
  void finish() {
    for (const Pending<bool>& call : calls_) {
      if (!client_.driver().finish(call)) {
        throw Violation(call.state->call + " to be true", "false");
      }
    }
    calls_.clear();
  }

private:
  static constexpr std::size_t most = 50;

  Client& client_;
  std::vector<Pending<bool>> calls_;
};

/// More of everything of an id than a store may remove in one go: messages of its session, and
/// checkpoints and writes of its thread, as far as the store has them.
inline void fill_with_many(RuleContext& ctx, Client& client, const std::string& id) {
  constexpr int many = 520;
  Batch batch(client);
  Handle& handle = client.handle();
  for (int i = 0; i < many; ++i) {
    const std::string number = std::to_string(i);
    if (ctx.offers(Interfaces::conversations)) {
      batch.add(Client::text("add_conversation_message", id, "user", number),
                handle.conversations->add_conversation_message(id, "user", number));
    }
    if (ctx.offers(Interfaces::checkpointer)) {
      batch.add(Client::text("put_checkpoint", id, number),
                handle.checkpointer->put_checkpoint(id, number, json(i)));
      batch.add(Client::text("put_writes", id, number),
                handle.checkpointer->put_writes(id, number, "task", one_write("a", json(i))));
    } else if (ctx.offers(Interfaces::checkpoints)) {
      batch.add(Client::text("store_checkpoint", id, number),
                handle.checkpoints->store_checkpoint(id, number, json(i)));
    }
  }
  batch.finish();
}

/// Nothing of what `fill_with_many` made is there.
inline void expect_none_of_many(RuleContext& ctx, Client& client, const std::string& id,
                                const std::string& what) {
  if (ctx.offers(Interfaces::conversations)) {
    ctx.expect_same(client.history(id), std::vector<Message>(), "the history of " + what);
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    ctx.expect_same(client.list_checkpoints(id), std::vector<Checkpoint>(),
                    "the checkpoints of " + what);
  }
  for (const char* checkpoint : {"0", "1", "99", "199", "255", "499", "519"}) {
    if (ctx.offers(Interfaces::checkpointer)) {
      ctx.expect_same(client.get_writes(id, checkpoint), std::vector<PendingWrite>(),
                      "the writes of " + what);
    }
  }
}

/// A session whose thread has nothing but early writes, removed by `remove`, leaves none behind.
template <class Remove>
void check_early_writes_go(RuleContext& ctx, Client& client, const Remove& remove) {
  const std::string id = "of early writes";
  if (ctx.offers(Interfaces::checkpointer)) {
    client.create_session(id);
    put(ctx, client, id, "early", "task", WriteList().add("a", 1));
    remove(id);
    client.create_session(id);
    expect_writes(ctx, client, id, "early", {},
                  "the writes of a session made afresh, which had early writes alone");
    put(ctx, client, id, "early", "task", WriteList().add("a", 1));
    expect_writes(ctx, client, id, "early", std::vector<std::string>(1, "task:0 a=1"),
                  "the same writes to a session made afresh");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    client.create_session("copied to");
    client.store_checkpoint("copied from", "c", 1);
    ctx.expect_same(client.copy_thread("copied from", "copied to"), true, "the copy");
    remove("copied to");
    ctx.expect_same(client.list_checkpoints("copied to"), std::vector<Checkpoint>(),
                    "the checkpoints that were copied to the id of a session which went");
  }
}

/// A session that stays when `remove` takes away another is as it was, and its history goes on.
/// `between` runs when the one that goes has been made.
template <class Between, class Remove>
void check_neighbour_goes_on(RuleContext& ctx, Client& client, const Between& between,
                             const Remove& remove) {
  if (!ctx.offers(Interfaces::conversations)) {
    return;
  }
  for (const char* id : {"that goes", "that stays"}) {
    client.create_session(id, "owner");
    for (int i = 0; i < 3; ++i) {
      append(ctx, client, id, "before");
    }
    between();
  }
  const std::vector<Message> before = client.history("that stays");
  const Session session = ctx.must(client.get_session("that stays"), "the session");
  remove("that goes");
  ctx.expect_same(client.get_session("that stays"), std::optional<Session>(session),
                  "a session once another has gone");
  append(ctx, client, "that stays", "behind");
  std::vector<Message> behind = client.history("that stays");
  expect_increasing(behind);
  behind.pop_back();
  ctx.expect_same(behind, before, "a history once another session has gone");
  ctx.expect(ctx.must(client.get_session("that stays"), "the session").version > session.version,
             "the version to grow once another session has gone", "the same, or less");
}

/// How many of these calls, started together, return true. A call that throws `tolerated` does not
/// count.
inline std::uint64_t count_true(Client& client, const std::string& text,
                                std::vector<awaitable<bool>> calls,
                                std::optional<errc> tolerated = std::nullopt) {
  std::vector<Pending<bool>> pending;
  for (awaitable<bool>& call : calls) {
    pending.push_back(client.driver().start(text, std::move(call)));
  }
  std::uint64_t count = 0;
  for (const Pending<bool>& call : pending) {
    try {
      count += client.driver().finish(call) ? 1u : 0u;
    } catch (const StorageError& error) {
      if (!tolerated || !means(error.code(), *tolerated)) {
        throw;
      }
    }
  }
  return count;
}

/// The handles by which calls race: the given one and, if a space may have several, a second.
class Rivals {
public:
  /// Requires: `client` is on the rule's own space.
  Rivals(RuleContext& ctx, const Client& client) : handles_(1, client) {
    if (ctx.harness().claims().has_shared_handles()) {
      handles_.push_back(ctx.open());
    }
  }

  /// The handle for the call, or the thread, of this number.
  Client& of(std::size_t number) { return handles_[number % handles_.size()]; }
  /// The same handle on the thread of `mine`.
  Client on_thread_of(Client& mine, std::size_t number) const {
    return handles_[number % handles_.size()].on(mine.driver());
  }

private:
  std::vector<Client> handles_;
};

/// Of three ids that begin with a name, each made by `make(id, name)`, `list(client, name)` gives
/// all, sorted, while a call that leaves them there works on one of them.
class ListedBeside {
public:
  using Make = std::function<void(const std::string& id, const std::string& name)>;
  using List = std::function<std::vector<std::string>(Client&, const std::string& name)>;

  ListedBeside(RuleContext& ctx, const Client& client, Make make, List list)
      : ctx_(ctx), rivals_(ctx, client), make_(std::move(make)), list_(std::move(list)) {}

  void expect_all(const std::vector<MethodId>& calls) {
    for (const MethodId id : calls) {
      if (method_of(id).is_offered(ctx_.harness().interfaces())) {
        for (std::size_t steps = 0; steps < 4; ++steps) {
          expect_all(method_of(id), steps);
        }
      }
    }
  }

private:
  void expect_all(const Method& method, std::size_t steps) {
    const std::string name = std::string(method.name) + " " + std::to_string(steps);
    const std::vector<std::string> ids = {name + " 1", name + " 2", name + " 3"};
    for (const std::string& id : ids) {
      make_(id, name);
    }
    Client& client = rivals_.of(0);
    const Operation call = method.prepared(ids[1]);
    const Pending<bool> changing =
        client.driver().start(show(call), is_positive(method.call(client.handle(), call)));
    for (std::size_t i = 0; i < steps; ++i) {
      client.driver().step();
    }
    const std::vector<std::string> listed = list_(rivals_.of(1), name);
    const bool has_changed = client.driver().finish(changing);
    ctx_.expect_same(listed, ids, "the list beside " + show(call));
    ctx_.expect(has_changed, show(call) + " to change something", "nothing");
  }

  RuleContext& ctx_;
  Rivals rivals_;
  Make make_;
  List list_;
};

} // namespace agentstore::conformance::detail

#endif
