// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SESSIONS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SESSIONS_HPP

/// \file
/// SES: the rules of ISessionStorage.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/calls_for_nothing.hpp>
#include <agentstore/conformance/rules/merges.hpp>

#include <array>

namespace agentstore::conformance {

namespace detail {

/// The session as it must be: there, and with all but last_activity and version as given.
inline void expect_session(RuleContext& ctx, Client& client, const Session& expected,
                           const std::string& what) {
  Session actual = ctx.must(client.get_session(expected.session_id), what + ": the session");
  actual.last_activity = expected.last_activity;
  actual.version = expected.version;
  ctx.expect_same(actual, expected, what + ": the session");
}

/// SES-10: what is done to the thread that has the session's id, and to other sessions, is no
/// activity.
inline void check_not_active(RuleContext& ctx, Client& client, const Session& session) {
  const std::string& id = session.session_id;
  const auto expect_as_before = [&](const std::string& what) {
    ctx.expect_same(ctx.must(client.get_session(id), "the session"), session,
                    "the session after " + what);
  };
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    store(ctx, client, id, "c", 1);
    client.list_checkpoints(id);
    client.get_checkpoint(id);
    client.get_checkpoint(id, "c");
    expect_as_before("a checkpoint was stored in its thread, and read");
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    client.put_checkpoint(id, "c", 2);
    put(ctx, client, id, "c", "task", WriteList().add("a", 1));
    client.get_writes(id, "c");
    expect_as_before("writes were put to its thread, and read");
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    client.get_thread_head(id);
    client.list_before(id, "c");
    client.list_threads(id);
    client.copy_thread(id, id + " too");
    expect_as_before("its thread was read and copied");
    client.prune_thread(id, 0);
    client.delete_thread(id);
    expect_as_before("its thread was pruned and deleted");
  }
  if (ctx.offers(Interfaces::backend)) {
    client.get_metrics();
    client.health_check();
    client.initialize();
    client.close();
    client.initialize();
    expect_as_before("a close and an initialize");
  }
}

/// SES-11: what metadata says of the status, the user or the times counts nowhere.
inline void check_fields_apart(RuleContext& ctx, Client& client, const json& fields) {
  const auto all_of = [&](const std::string& user) {
    std::set<std::string> found;
    if (ctx.offers(Interfaces::session_directory)) {
      for (const Session& session : client.list_sessions(user, Page(max_page_size)).sessions) {
        found.insert(session.session_id);
      }
    }
    return show(std::vector<std::string>(found.begin(), found.end()));
  };
  const std::string of_thief = all_of("thief");
  const auto counted = [&] {
    return ctx.offers(Interfaces::backend) ? client.get_metrics().active_sessions
                                           : std::uint64_t{0};
  };
  const std::uint64_t active = counted();
  Session ended = client.create_session("says active", "owner", fields);
  ended.metadata = with_member(fields, "status", "active");
  client.update_session("says active", SessionUpdate().updates(object("status", "active")));
  ctx.expect_same(client.end_session("says active", "done"), true, "the end");
  ended.status = "done";
  expect_session(ctx, client, ended, "after its end, while its metadata says that it is active");
  ctx.expect_same(client.update_session("says active", SessionUpdate()), false,
                  "an update of a session that has ended, whose metadata says that it is active,");
  ctx.expect_same(client.end_session("says active", "again"), false,
                  "a second end of a session whose metadata says that it is active");
  if (ctx.offers(Interfaces::conversations)) {
    ctx.expect_same(client.add_message("says active", "user", "late"), false,
                    "an append to one that has ended, whose metadata says that it is active,");
  }
  if (ctx.offers(Interfaces::contexts)) {
    ctx.expect_same(client.store_task_context("says active", 1), false,
                    "a context of one that has ended, whose metadata says that it is active,");
  }
  ctx.expect_same(counted(), active,
                  "the active sessions, one having ended whose metadata says that it is active,");
  const json says_ended = with_member(fields, "status", "completed").tree();
  client.create_session("says ended", "owner", says_ended);
  if (ctx.offers(Interfaces::conversations)) {
    ctx.expect_same(client.add_message("says ended", "user", "hi"), true,
                    "an append to a session whose metadata says that it has ended");
  }
  if (ctx.offers(Interfaces::contexts)) {
    ctx.expect_same(client.store_task_context("says ended", 1), true,
                    "a context of a session whose metadata says that it has ended");
  }
  ctx.expect_same(counted(), active + (ctx.offers(Interfaces::backend) ? 1u : 0u),
                  "the active sessions, one more being there whose metadata says otherwise,");
  ctx.expect_same(client.end_session("says ended"), true,
                  "the end of a session whose metadata says that it has ended");
  ctx.expect_same(all_of("thief"), of_thief,
                  "the sessions of a user that only the metadata of others names");
  if (ctx.offers(Interfaces::session_directory)) {
    ctx.expect_same(all_of("owner"), show(std::vector<std::string>({"says active", "says ended"})),
                    "the sessions of a user whose metadata names another");
  }
}

inline const json& not_objects() {
  static const json values = json::parse(R"([null, [], [1], "text", 7, true])");
  return values;
}

/// SES-10: by however little, where the clock tells it.
inline void check_short_steps(RuleContext& ctx, Client& client, Timestamp now) {
  using namespace std::chrono_literals;
  now += 123'457us;
  ctx.set_clock(now);
  client.create_session("in short steps");
  const auto last_activity = [&] {
    return ctx.must(client.get_session("in short steps"), "the session").last_activity;
  };
  if (last_activity() != now) {
    return; // a clock of seconds, or of milliseconds
  }
  for (const std::chrono::microseconds step : {1us, 999us, 50'000us, 800'000us}) {
    const auto expect_move = [&](const std::string& what) {
      ctx.expect_same(last_activity(), now,
                      "last_activity after " + what + " " + show(step) + " after what came before");
    };
    ctx.set_clock(now += step);
    client.update_session("in short steps", SessionUpdate());
    expect_move("an update");
    if (ctx.offers(Interfaces::conversations)) {
      for (int i = 0; i < 2; ++i) {
        ctx.set_clock(now += step);
        client.add_message("in short steps", "user", "hi");
        expect_move("an append");
      }
    }
  }
}

/// SES-07: what hardly is anything is kept as well when its session ends, by whichever status.
inline void check_ends_of_little(RuleContext& ctx, Client& client) {
  const bool has_threads =
      ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
  int count = 0;
  for (const json& little : least_values()) {
    for (const char* status : {"completed", "failed", " "}) {
      const std::string id = "with little " + std::to_string(++count);
      const json metadata = little.is_object() ? little : object("", little);
      const Session created = client.create_session(id, "user", metadata);
      if (ctx.offers(Interfaces::conversations)) {
        client.add_message(id, "user", "", metadata);
      }
      if (ctx.offers(Interfaces::contexts)) {
        client.store_task_context(id, little);
      }
      if (has_threads) {
        store(ctx, client, id, "c", little, metadata);
      }
      const std::vector<Message> messages = client.history_if_any(id);
      ctx.expect(client.end_session(id, status), "end_session to be true", "false");
      const std::string after = " after the end, " + show(std::string(status));
      Session expected = created;
      expected.status = status;
      expect_session(ctx, client, expected, after);
      ctx.expect_same(client.history_if_any(id), messages, "the history" + after);
      if (ctx.offers(Interfaces::contexts)) {
        ctx.expect_same(client.get_task_context(id), std::optional<json>(little),
                        "the context" + after);
      }
      if (has_threads) {
        expect_checkpoint(ctx, client.get_checkpoint(id), id, "c", little, metadata);
      }
    }
  }
}

} // namespace detail

template <class>
std::vector<Rule> session_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("SES-01", needs::sessions,
           "create returns the record: active, counters 0, metadata as given; get returns an equal "
           "one",
           "look at the defaults of the new record, and at what get builds its record from",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::vector<json> all = {json::object(),
                                            detail::rich_metadata(),
                                            detail::wide_object(),
                                            object("values", json(detail::odd_values())),
                                            object("text", letters(70'000)),
                                            object("text", letters(900'000))};
             for (std::size_t number = 0; number < all.size(); ++number) {
               const json& metadata = all[number];
               const std::string id = "s" + std::to_string(number);
               const Session created = client.create_session(id, "user of " + id, metadata);
               Session expected;
               expected.session_id = id;
               expected.user_id = "user of " + id;
               expected.metadata = metadata;
               expected.created_at = created.created_at;
               expected.last_activity = created.created_at;
               ctx.expect_same(created, expected, "what create_session returns");
               ctx.expect_same(ctx.must(client.get_session(id), "the session"), created,
                               "what get_session returns");
             }
             if (ctx.has_clock()) {
               std::size_t count = 0;
               for (const Timestamp at : detail::odd_clocks()) {
                 ctx.set_clock(at);
                 const Session created =
                     client.create_session("of an odd time " + std::to_string(++count));
                 detail::expect_moment(ctx, created.created_at, at, "created_at of a session");
                 ctx.expect_same(ctx.must(client.get_session(created.session_id), "the session"),
                                 created, "what get_session returns of an odd time");
               }
             }
             for (const json& wrong : detail::not_objects()) {
               ctx.expect_error(errc::invalid_argument,
                                [&] { client.create_session("wrong", "u", wrong); });
             }
             ctx.expect_same(client.get_session("wrong"), std::optional<Session>(),
                             "a session whose creation was refused");
           }),
      Rule("SES-02", needs::sessions,
           "get of an unknown id is nullopt, of a prefix or an extension of a known one too",
           "a scan by prefix, or a key built by joining, finds what it should not",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.get_session("nobody"), std::optional<Session>(),
                             "an unknown session");
             ctx.expect_same(client.get_session("nobody"), std::optional<Session>(),
                             "an unknown session, read again,");
             ctx.expect_same(client.get_session("abc"), std::optional<Session>(),
                             "a session that is yet to be created");
             client.create_session("abc");
             for (const char* other : {"ab", "a", "abcd", "abc ", " abc", "abc:", "abc/", "ABC",
                                       "abc*", "%", "abc%", "_bc"}) {
               ctx.expect_same(client.get_session(other), std::optional<Session>(),
                               "a session that is not \"abc\"");
             }
             ctx.must(client.get_session("abc"), "the session that was created");
           }),
      Rule("SES-03", needs::sessions,
           "create of an existing id, ended ones too, throws already_exists and changes nothing",
           "create must insert, never replace",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::optional<Session> created =
                 client.create_session("s", "owner", detail::rich_metadata());
             ctx.expect_error(errc::already_exists, [&] {
               client.create_session("s", "owner", detail::rich_metadata());
             });
             ctx.expect_same(client.get_session("s"), created, "the session that existed");
             client.update_session("s", SessionUpdate().increment_requests());
             const auto before = client.get_session("s");
             const auto again = [&] { client.create_session("s", "thief", object("new", 1)); };
             ctx.expect_error(errc::already_exists, again);
             ctx.expect_same(client.get_session("s"), before, "the session that existed");
             client.end_session("s", "done");
             const auto ended = client.get_session("s");
             ctx.expect_error(errc::already_exists, again);
             ctx.expect_same(client.get_session("s"), ended, "the ended session that existed");
           }),
      Rule("SES-04", needs::sessions,
           "updates merges into the metadata by RFC 7386; empty changes nothing; not an object: "
           "invalid_argument",
           "use a merge patch: null removes, objects merge, all else replaces",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             Session expected = client.create_session("s", "u", detail::rich_metadata());
             ctx.expect(client.update_session("s", SessionUpdate().updates(json::object())),
                        "an empty update to be true", "false");
             detail::expect_session(ctx, client, expected, "after an empty patch");
             ctx.expect(client.update_session("s", SessionUpdate().updates(detail::rich_patch())),
                        "the update to be true", "false");
             expected.metadata = detail::rich_merged();
             detail::expect_session(ctx, client, expected, "after a patch");
             ctx.expect(client.update_session("s", SessionUpdate().updates(object("fresh", 1))),
                        "the update to be true", "false");
             expected.metadata = with_member(expected.metadata, "fresh", 1);
             detail::expect_session(ctx, client, expected, "after a second patch");
             ctx.expect(
                 client.update_session("s", SessionUpdate().updates(json::parse(
                                                R"({"fresh": {"a": null, "b": {"c": null, "d": 1}},
                                                    "list": {"x": null}})"))),
                 "the update to be true", "false");
             expected.metadata =
                 with_member(expected.metadata, "fresh", object("b", object("d", 1)));
             expected.metadata = with_member(expected.metadata, "list", json::object());
             detail::expect_session(ctx, client, expected, "after a patch of what was no object");
             ctx.expect(client.update_session("s", SessionUpdate().updates(json::parse(
                                                       R"({"bare": {}, "in": {"bare": {}, "x": {}},
                                                           "fresh": {}, "merge": {"both": {}}})"))),
                        "the update to be true", "false");
             expected.metadata = with_member(expected.metadata, "bare", json::object());
             expected.metadata =
                 with_member(expected.metadata, "in", json::parse(R"({"bare": {}, "x": {}})"));
             detail::expect_session(ctx, client, expected,
                                    "after a patch of empty objects, which are there or change "
                                    "nothing");
             Session odd = client.create_session("odd", "u", detail::odd_metadata());
             ctx.expect(client.update_session("odd", SessionUpdate().updates(detail::odd_patch())),
                        "the update to be true", "false");
             odd.metadata = detail::odd_merged();
             detail::expect_session(ctx, client, odd, "after a patch of rarer members");
             std::size_t count = 0;
             auto pairs = detail::merges();
             const std::vector<json> alike = detail::hardly_different();
             for (std::size_t i = 1; i < alike.size(); ++i) {
               pairs.emplace_back(object("n", alike[i - 1]), object("n", alike[i]));
             }
             json names = json::object();
             json none = json::object();
             for (const json& value : detail::odd_values()) {
               if (value.is_string()) {
                 names[value.get<std::string>()] = object(value.get<std::string>(), 1);
                 none[value.get<std::string>()] = nullptr;
               }
             }
             pairs.emplace_back(json::object(), names);
             pairs.emplace_back(names, none);
             for (const auto& [before, patch] : pairs) {
               const std::string id = "merged " + std::to_string(++count);
               Session merged = client.create_session(id, "u", before);
               ctx.expect(client.update_session(id, SessionUpdate().updates(patch)),
                          "the update to be true", "false");
               merged.metadata = detail::merged(before, patch);
               detail::expect_session(ctx, client, merged,
                                      "after " + show(patch) + " was merged into " + show(before));
             }
             for (const json& wrong : detail::not_objects()) {
               ctx.expect_error(errc::invalid_argument, [&] {
                 client.update_session("s", SessionUpdate().updates(wrong).increment_requests());
               });
             }
             detail::expect_session(ctx, client, expected, "after patches that were refused");
             if (const auto limit = ctx.harness().claims().max_value_bytes()) {
               const auto update = [&](const char* member) {
                 client.update_session("large",
                                       SessionUpdate()
                                           .updates(object(member, letters(*limit * 2 / 3)))
                                           .increment_requests()
                                           .mark_error()
                                           .add_processing_time(1us));
               };
               client.create_session("large");
               update("one");
               const auto before = client.get_session("large");
               ctx.expect_error(errc::too_large, [&] { update("two"); });
               ctx.expect_same(client.get_session("large"), before,
                               "the session after a merge beyond the limit");
             }
           }),
      Rule(
          "SES-05", needs::sessions,
          "increment_requests, mark_error and add_processing_time change exactly their own counter",
          "each flag has one field; durations are added in whole microseconds",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            Session expected = client.create_session("s", "u", object("a", 1));
            const auto update = [&](const SessionUpdate& changes, const std::string& what) {
              ctx.expect(client.update_session("s", changes), what + " to be true", "false");
              detail::expect_session(ctx, client, expected, "after " + what);
            };
            update(SessionUpdate(), "an update of nothing");
            expected.request_count = 1;
            update(SessionUpdate().increment_requests(), "increment_requests");
            expected.error_count = 1;
            update(SessionUpdate().mark_error(), "mark_error");
            for (const auto amount : {1us, 333'333us, std::chrono::microseconds(86'400'000'001)}) {
              expected.total_processing_time += amount;
              update(SessionUpdate().add_processing_time(amount), "add_processing_time");
            }
            expected.request_count = 2;
            expected.error_count = 2;
            expected.total_processing_time += 7us;
            update(SessionUpdate().increment_requests().mark_error().add_processing_time(7us),
                   "all three at once");
            const auto expect_refused = [&](std::chrono::microseconds amount) {
              ctx.expect_error(errc::invalid_argument, [&] {
                client.update_session("s", SessionUpdate()
                                               .increment_requests()
                                               .mark_error()
                                               .updates(object("refused", 1))
                                               .add_processing_time(amount));
              });
              detail::expect_session(ctx, client, expected, "after a duration that was refused");
            };
            expect_refused(-1us);
            expect_refused(std::chrono::microseconds::max());
            // Beyond 32 bits of milliseconds, and beyond what a double counts, up to the last one.
            constexpr auto most = std::chrono::microseconds::max();
            for (const auto amount : {std::chrono::microseconds(2'147'483'648'001),
                                      std::chrono::microseconds(9'007'199'254'740'993), 1us}) {
              expected.total_processing_time += amount;
              update(SessionUpdate().add_processing_time(amount), "a long add_processing_time");
            }
            const auto rest = most - expected.total_processing_time;
            expected.total_processing_time = most;
            update(SessionUpdate().add_processing_time(rest), "the longest add_processing_time");
            expect_refused(1us);
            constexpr std::uint64_t more = 300; // than a byte counts
            detail::Batch batch(client);
            for (std::uint64_t i = 0; i < more; ++i) {
              const SessionUpdate both = SessionUpdate().increment_requests().mark_error();
              batch.add(Client::text("update_session", "s", both),
                        client.handle().sessions->update_session("s", both));
            }
            batch.finish();
            expected.request_count += more;
            expected.error_count += more;
            detail::expect_session(ctx, client, expected, "after 300 updates more");
            // Whatever else the update says, and if that changes nothing.
            for (const json& patch : {json::object(), object("a", 1), object("not there", nullptr),
                                      json(), detail::names_of_ids(), detail::names_of_ids()}) {
              SessionUpdate with = SessionUpdate().increment_requests().mark_error();
              with.add_processing_time(std::chrono::microseconds(0));
              if (patch.is_object()) {
                with.updates(patch);
                expected.metadata = detail::merged(expected.metadata.tree(), patch);
              }
              ++expected.request_count;
              ++expected.error_count;
              update(with, "counters beside a patch of " + show(patch));
            }
            // Whoever speaks, and whatever is stored besides, no counter counts it.
            for (const char* role : {"user", "assistant", "tool", "system", "error"}) {
              if (ctx.offers(Interfaces::conversations)) {
                client.add_message("s", role, "error", object("error", true));
              }
            }
            if (ctx.offers(Interfaces::contexts)) {
              client.store_task_context("s", object("request_count", 7));
            }
            detail::expect_session(ctx, client, expected, "after messages and a context");
          }),
      Rule("SES-06", needs::sessions, "update or end of an unknown id is false and creates nothing",
           "an upsert where an update is meant creates sessions",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.create_session("known");
             ctx.expect_same(client.update_session("unknown", SessionUpdate().increment_requests()),
                             false, "update_session of an unknown session");
             ctx.expect_same(client.update_session("know", SessionUpdate().updates(object("a", 1))),
                             false, "update_session of a prefix of a session");
             ctx.expect_same(client.end_session("unknown"), false,
                             "end_session of an unknown session");
             ctx.expect_same(client.get_session("unknown"), std::optional<Session>(),
                             "the unknown session");
             const Session known = ctx.must(client.get_session("known"), "the known session");
             ctx.expect_same(known.request_count, std::uint64_t{0}, "the other session's requests");
             client.create_session("unknown");
           }),
      Rule("SES-07", needs::sessions,
           "end sets the status and keeps counters, metadata, messages and context readable",
           "ending is a change of one field, not a removal",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             Session expected = client.create_session("s", "u", detail::rich_metadata());
             client.update_session(
                 "s", SessionUpdate().increment_requests().mark_error().add_processing_time(5us));
             expected.request_count = 1;
             expected.error_count = 1;
             expected.total_processing_time = 5us;
             std::vector<Message> messages;
             if (ctx.offers(Interfaces::conversations)) {
               client.add_message("s", "user", "hello", object("m", 1));
               messages = client.history("s");
             }
             if (ctx.offers(Interfaces::contexts)) {
               client.store_task_context("s", object("step", 3));
             }
             const bool has_threads =
                 ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer);
             if (has_threads) {
               detail::store(ctx, client, "s", "c", object("step", 3));
             }
             ctx.expect(client.end_session("s", "failed: no more \"tokens\""),
                        "end_session to be true", "false");
             expected.status = "failed: no more \"tokens\"";
             detail::expect_session(ctx, client, expected, "after the end");
             if (ctx.offers(Interfaces::conversations)) {
               ctx.expect_same(client.history("s"), messages, "the history after the end");
             }
             if (ctx.offers(Interfaces::contexts)) {
               ctx.expect_same(client.get_task_context("s"), std::optional<json>(object("step", 3)),
                               "the context after the end");
             }
             if (has_threads) {
               detail::expect_checkpoint(ctx, client.get_checkpoint("s"), "s", "c",
                                         object("step", 3));
             }
             client.create_session("t");
             client.update_session("t", SessionUpdate().mark_error());
             ctx.expect(client.end_session("t"), "end_session to be true", "false");
             const Session ended = ctx.must(client.get_session("t"), "the session");
             ctx.expect_same(ended.status, std::string("completed"),
                             "the status when none is given");
             ctx.expect_same(ended.error_count, std::uint64_t{1}, "the errors after that end");
             detail::check_ends_of_little(ctx, client);
           }),
      Rule("SES-08", needs::sessions,
           "of all calls to end a session exactly one returns true; the first status stays",
           "end must test and set in one step",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.create_session("s");
             ctx.expect_same(client.end_session("s", "first"), true, "the first end");
             const auto ended = client.get_session("s");
             ctx.expect_same(client.end_session("s", "second"), false, "the second end");
             ctx.expect_same(client.get_session("s"), ended, "the session after a second end");
             ctx.expect_same(client.end_session("s", "first"), false, "the third end");
             ctx.expect_same(client.get_session("s"), ended, "the session after more ends");

             client.create_session("race");
             detail::Rivals rivals(ctx, client);
             std::vector<Pending<bool>> ends;
             for (std::size_t i = 0; i < 8; ++i) {
               const std::string status = "end " + std::to_string(i);
               ends.push_back(client.driver().start(
                   "end_session(\"race\", \"" + status + "\")",
                   rivals.of(i).handle().sessions->end_session("race", status)));
             }
             std::string winner;
             int won = 0;
             for (std::size_t i = 0; i < ends.size(); ++i) {
               if (client.driver().finish(ends[i])) {
                 ++won;
                 winner = "end " + std::to_string(i);
               }
             }
             ctx.expect(won == 1, "one of 8 concurrent ends to be true", std::to_string(won));
             ctx.expect_same(ctx.must(client.get_session("race"), "the session").status, winner,
                             "the status after concurrent ends");

             constexpr std::size_t rounds = 24;
             for (std::size_t round = 0; round < rounds; ++round) {
               client.create_session("race " + std::to_string(round));
             }
             std::array<std::atomic<int>, rounds> wins{};
             ctx.in_rounds(
                 client, 4, rounds, [&](std::size_t round, std::size_t index, Client mine) {
                   Client rival = rivals.on_thread_of(mine, index);
                   wins[round] += rival.end_session("race " + std::to_string(round)) ? 1 : 0;
                 });
             for (const std::atomic<int>& wins_of_one : wins) {
               ctx.expect(wins_of_one == 1, "one of 4 ends on threads to be true",
                          std::to_string(wins_of_one));
             }
           }),
      Rule("SES-09", needs::sessions,
           "an ended session is read-only: update, append and store_task_context are false",
           "every write has to look at the status, in the same step",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.create_session("s", "u", object("a", 1));
             client.end_session("s");
             const auto before = client.get_session("s");
             ctx.expect_same(client.update_session("s", SessionUpdate().updates(object("b", 2))),
                             false, "update_session of an ended session");
             ctx.expect_same(client.update_session("s", SessionUpdate()), false,
                             "an empty update_session of an ended session");
             if (ctx.offers(Interfaces::conversations)) {
               ctx.expect_same(client.add_message("s", "user", "late"), false,
                               "an append to an ended session");
               ctx.expect_same(client.history("s"), std::vector<Message>(),
                               "the ended session's history");
             }
             if (ctx.offers(Interfaces::contexts)) {
               ctx.expect_same(client.store_task_context("s", 1), false,
                               "store_task_context of an ended session");
               ctx.expect_same(client.get_task_context("s"), std::optional<json>(),
                               "the ended session's context");
             }
             ctx.expect_same(client.get_session("s"), before, "the ended session");
             client.create_session("t");
             client.end_session("t", "failed");
             ctx.expect_same(client.update_session("t", SessionUpdate().increment_requests()),
                             false, "update_session of a session that ended otherwise");
             if (ctx.offers(Interfaces::conversations)) {
               ctx.expect_same(client.add_message("t", "user", "late"), false,
                               "an append to a session that ended otherwise");
             }
             if (ctx.offers(Interfaces::contexts)) {
               ctx.expect_same(client.store_task_context("t", 1), false,
                               "store_task_context of a session that ended otherwise");
             }
           }),
      Rule("SES-10", needs::sessions,
           "updates and appends move last_activity, never backwards; reads do not",
           "take the later of the old value and the clock; leave it alone in reads",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::optional<Timestamp> created_at;
             const auto now = [&] {
               Session session = ctx.must(client.get_session("s"), "the session");
               ctx.expect_same(session.created_at, created_at.value_or(session.created_at),
                               "created_at after an update, or whatever else was done");
               created_at = session.created_at;
               return session;
             };
             const auto pass_time = [] { std::this_thread::sleep_for(3ms); };
             client.create_session("s");
             pass_time();
             const Session created = now();
             client.history_if_any("s");
             client.context_if_any("s");
             ctx.expect_same(now(), created, "the session after reads");
             client.update_session("s", SessionUpdate().increment_requests());
             const Session updated = now();
             ctx.expect(updated.last_activity >= created.last_activity,
                        "last_activity not to go back", show(updated));
             ctx.expect_same(updated.created_at, created.created_at, "created_at after an update");
             if (ctx.offers(Interfaces::conversations)) {
               pass_time();
               client.add_message("s", "user", "hi");
               ctx.expect(now().last_activity >= updated.last_activity,
                          "last_activity not to go back with an append", show(now()));
             }
             // Whether it moves can only be told with a clock that is known to move.
             Timestamp start = now().last_activity + 1h;
             const auto update_later = [&](const SessionUpdate& update, const std::string& what) {
               start += 1min;
               ctx.set_clock(start);
               ctx.expect(client.update_session("s", update), "the update to be true", "false");
               ctx.expect_same(now().last_activity, start, "last_activity after an update" + what);
               if (!update.counts_request()) { // at the same time, it may change nothing at all
                 ctx.expect(client.update_session("s", update),
                            "an update to be true at the time of the one before", "false");
               }
             };
             update_later(SessionUpdate().increment_requests(), "");
             update_later(SessionUpdate().mark_error(), " by mark_error");
             update_later(SessionUpdate().add_processing_time(1us), " by add_processing_time");
             update_later(SessionUpdate().updates(object("a", 1)), " of the metadata");
             update_later(SessionUpdate().updates(object("a", 1)), " that changes nothing");
             update_later(SessionUpdate().updates(json::object()), " by an empty patch");
             update_later(SessionUpdate(), " by nothing");
             const bool is_shared = ctx.harness().claims().has_shared_handles();
             Client other = is_shared ? ctx.open() : client; // which did not create it
             if (ctx.offers(Interfaces::conversations)) {
               detail::Batch batch(client);
               for (int i = 0; i < 130; ++i) {
                 batch.add(
                     Client::text("add_conversation_message", std::string("s"), "user", "hi"),
                     client.handle().conversations->add_conversation_message("s", "user", "hi"));
               }
               batch.finish();
               for (Client* by : {&other, &client}) {
                 ctx.set_clock(start + 1min);
                 by->add_message("s", "user", "hi");
                 ctx.expect_same(now().last_activity, start + 1min,
                                 "last_activity after an append");
                 ctx.set_clock(start - 2h);
                 by->add_message("s", "user", "hi");
                 ctx.expect_same(now().last_activity, start + 1min,
                                 "last_activity after an append when the clock went back");
                 start += 1min;
               }
             }
             const Timestamp latest = now().last_activity;
             const auto expect_no_way_back = [&](const std::string& what) {
               ctx.expect_same(now().last_activity, latest,
                               "last_activity after " + what + " when the clock went back");
             };
             ctx.set_clock(start - 2h);
             client.update_session("s", SessionUpdate());
             expect_no_way_back("an update");
             const std::uint64_t errors = now().error_count;
             for (const int value : {1, 2}) { // the second at the same time
               client.update_session("s", SessionUpdate().updates(object("b", value)).mark_error());
               expect_no_way_back("an update of the metadata");
               ctx.expect_same(json(now().metadata.tree().value("b", 0)), json(value),
                               "what an update has set when the clock went back");
             }
             ctx.expect_same(now().error_count, errors + 2,
                             "what updates have counted when the clock went back");
             if (ctx.offers(Interfaces::conversations)) {
               client.add_message("s", "user", "hi");
               expect_no_way_back("an append");
             }
             if (ctx.offers(Interfaces::contexts)) {
               client.store_task_context("s", object("step", 1));
               expect_no_way_back("a context was stored");
             }
             ctx.set_clock(latest + 1h);
             client.history_if_any("s");
             client.context_if_any("s");
             ctx.expect_same(now().last_activity, latest, "last_activity after reads");
             if (ctx.offers(Interfaces::session_directory)) {
               client.list_sessions("user");
               ctx.expect_same(now().last_activity, latest, "last_activity after a list");
             }
             detail::check_not_active(ctx, client, now());
             detail::check_short_steps(ctx, client, latest + 2h);
             ctx.set_clock(start - 3h);
             client.end_session("s", "done");
             ctx.expect(now().last_activity >= latest,
                        "last_activity not to go back with an end when the clock went back",
                        show(now()));
             ctx.expect_same(now().status, std::string("done"),
                             "the status after an end when the clock went back");
           }),
      Rule("SES-11", needs::sessions,
           "updates reaches metadata only: a member named \"status\" or \"user_id\" lands there",
           "keep metadata apart from the record's own fields",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             Session expected = client.create_session("s", "u");
             const json patch = json::parse(
                 R"({"status": "ended", "user_id": "thief", "session_id": "x", "version": 99,
                     "request_count": 7, "error_count": "many", "created_at": "2001-01-01",
                     "last_activity": 0, "total_processing_time": -1, "metadata": {"a": 1}})");
             ctx.expect(client.update_session("s", SessionUpdate().updates(patch)),
                        "the update to be true", "false");
             expected.metadata = patch;
             detail::expect_session(ctx, client, expected,
                                    "after a patch with the names of fields");
             ctx.expect(client.update_session("s", SessionUpdate().increment_requests()),
                        "the session to be active still", "update_session was false");
             const Session made = client.create_session("t", "u", patch);
             ctx.expect_same(made.status, std::string("active"), "the status of a new session");
             ctx.expect_same(made.metadata, patch, "the metadata of a new session");
             detail::check_fields_apart(ctx, client, patch);
           }),
      Rule(
          "SES-12", needs::sessions,
          "an update is atomic: N concurrent ones all count, merges of different keys both survive",
          "read, change and write must be one step: a lock, a transaction or a single statement",
          [](RuleContext& ctx) {
            constexpr int clients = 8;
            constexpr int rounds = 4;
            Client client = ctx.open();
            detail::Rivals rivals(ctx, client);
            client.create_session("s");
            for (int round = 0; round < rounds; ++round) {
              std::vector<Pending<bool>> updates;
              for (int i = 0; i < clients; ++i) {
                Handle& handle = rivals.of(static_cast<std::size_t>(i)).handle();
                const std::string member = "k" + std::to_string(round * clients + i);
                SessionUpdate update = SessionUpdate()
                                           .updates(object(member, i))
                                           .increment_requests()
                                           .mark_error()
                                           .add_processing_time(3us);
                updates.push_back(
                    client.driver().start(Client::text("update_session", "s", update),
                                          handle.sessions->update_session("s", update)));
              }
              for (const auto& update : updates) {
                ctx.expect(client.driver().finish(update), "every update to be true", "false");
              }
            }
            constexpr std::size_t threads = 4;
            constexpr std::size_t each = 16;
            ctx.in_rounds(
                client, threads, each, [&](std::size_t round, std::size_t index, Client mine) {
                  Client rival = rivals.on_thread_of(mine, index);
                  const std::string member =
                      "t" + std::to_string(index) + "." + std::to_string(round);
                  rival.update_session("s", SessionUpdate()
                                                .updates(object(member, round))
                                                .increment_requests()
                                                .mark_error()
                                                .add_processing_time(3us));
                  if (ctx.offers(Interfaces::conversations)) {
                    detail::append(ctx, rival, "s",
                                   "w" + std::to_string(index) + "-" + std::to_string(round));
                  }
                  if (ctx.offers(Interfaces::contexts)) {
                    rival.store_task_context("s", member);
                  }
                });
            if (ctx.offers(Interfaces::conversations)) {
              detail::expect_writers_order(ctx, detail::contents(client.history("s")), threads,
                                           each);
            }
            const Session after = ctx.must(client.get_session("s"), "the session");
            const std::uint64_t all = clients * rounds + threads * each;
            ctx.expect_same(after.request_count, all, "request_count after concurrent updates");
            ctx.expect_same(after.error_count, all, "error_count after concurrent updates");
            ctx.expect_same(after.total_processing_time, std::chrono::microseconds(3 * all),
                            "total_processing_time after concurrent updates");
            ctx.expect_same(std::uint64_t{after.metadata.size()}, all,
                            "the number of members merged by concurrent updates");
          }),
      Rule("SES-13", needs::sessions, "the end status is not empty and not \"active\"",
           "check the status before looking for the session",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.create_session("s");
             for (const char* wrong : {"", "active"}) {
               ctx.expect_error(errc::invalid_argument, [&] { client.end_session("s", wrong); });
             }
             ctx.expect_same(ctx.must(client.get_session("s"), "the session").status,
                             std::string("active"), "the status after ends that were refused");
             ctx.expect(client.end_session("s", "Active "), "any other text to be a status",
                        "false");
             for (const std::string& status : {std::string("Active"),
                                               std::string("ACTIVE"),
                                               std::string("active "),
                                               std::string("actively"),
                                               std::string("inactive"),
                                               std::string("null"),
                                               std::string("0"),
                                               std::string(" "),
                                               std::string("deleted"),
                                               std::string("DELETED"),
                                               std::string("removed"),
                                               std::string("archived"),
                                               std::string("expired"),
                                               std::string("closed"),
                                               std::string("failed"),
                                               std::string("error"),
                                               std::string("cancelled"),
                                               std::string("false"),
                                               std::string("\xEF\xBB\xBF"),
                                               letters(300)}) {
               const std::string id = "ended as " + status;
               client.create_session(id);
               ctx.expect(client.end_session(id, status),
                          "any other text to be a status, " + show(status) + " too", "false");
               ctx.expect_same(
                   ctx.must(client.get_session(id), "the session that has ended as " + show(status))
                       .status,
                   status, "the status after an end");
               ctx.expect_same(ctx.must(client.get_session(id), "the session").error_count,
                               std::uint64_t{0}, "error_count after an end as " + show(status));
               if (ctx.offers(Interfaces::session_directory)) {
                 const SessionPage listed = client.list_sessions("user", Page(max_page_size));
                 ctx.expect(std::any_of(listed.sessions.begin(), listed.sessions.end(),
                                        [&id](const Session& s) { return s.session_id == id; }),
                            "a session that has ended as " + show(status) +
                                " in the list of its user",
                            "none");
               }
               ctx.expect_same(client.update_session(id, SessionUpdate().increment_requests()),
                               false, "an update of a session that has ended as " + show(status));
               if (ctx.offers(Interfaces::contexts)) {
                 ctx.expect_same(client.store_task_context(id, 1), false,
                                 "store_task_context of a session that has ended as " +
                                     show(status));
               }
               if (ctx.offers(Interfaces::conversations)) {
                 ctx.expect_same(client.add_message(id, "user", "late"), false,
                                 "an append to a session that has ended as " + show(status));
               }
             }
           }),
      Rule("SES-14", needs::sessions, "version starts at 1 and grows with every change",
           "count changes of the record, of every kind",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const Session created = client.create_session("s");
             ctx.expect_same(created.version, std::uint64_t{1}, "the version of a new session");
             Session last = created;
             const auto expect_growth = [&](const std::string& what) {
               const Session now = ctx.must(client.get_session("s"), "the session");
               ctx.expect(now.version > last.version || now == last,
                          "the version to grow with " + what + ", from " + show(last.version),
                          show(now));
               last = now;
             };
             client.update_session("s", SessionUpdate().increment_requests());
             expect_growth("increment_requests");
             client.update_session("s", SessionUpdate().mark_error());
             expect_growth("mark_error");
             client.update_session("s", SessionUpdate().add_processing_time(1us));
             expect_growth("add_processing_time");
             client.update_session("s", SessionUpdate().updates(object("a", 1)));
             expect_growth("updates");
             client.update_session("s", SessionUpdate().updates(object("a", nullptr)));
             expect_growth("a patch that only removes");
             if (ctx.offers(Interfaces::conversations)) {
               client.add_message("s", "user", "hi");
               expect_growth("an append");
             }
             // Whatever moves last_activity changes the record.
             const auto pass_time = [&] { detail::set_clock_if_any(ctx, last.last_activity + 1h); };
             pass_time();
             client.update_session("s", SessionUpdate());
             expect_growth("an update of nothing");
             pass_time();
             client.update_session("s", SessionUpdate().updates(json::object()));
             expect_growth("an empty patch");
             pass_time();
             client.update_session("s", SessionUpdate().updates(object("a", nullptr)));
             expect_growth("a patch that changes nothing");
             if (ctx.offers(Interfaces::conversations)) {
               pass_time();
               client.add_message("s", "user", "hi");
               expect_growth("an append an hour later");
             }
             if (ctx.offers(Interfaces::contexts)) {
               pass_time();
               client.store_task_context("s", 1);
               expect_growth("a context");
             }
             const Session before = last;
             client.get_session("s");
             expect_growth("a read");
             ctx.expect_same(last, before, "the session after a read");
             // However large it has become.
             for (int fifties = 0; fifties < 6; ++fifties) {
               detail::Batch batch(client);
               for (int i = 0; i < 50; ++i) {
                 batch.add(
                     Client::text("update_session", "s", SessionUpdate().increment_requests()),
                     client.handle().sessions->update_session(
                         "s", SessionUpdate().increment_requests()));
               }
               batch.finish();
               expect_growth("50 updates");
             }
             client.end_session("s");
             expect_growth("the end");
             const auto expect_untouched = [&](const std::string& what) {
               detail::set_clock_if_any(ctx, last.last_activity + 1h);
               ctx.expect_same(ctx.must(client.get_session(last.session_id), "the session"), last,
                               "the session after " + what);
             };
             client.end_session("s", "again");
             expect_untouched("a second end");
             client.update_session("s", SessionUpdate().increment_requests());
             expect_untouched("an update once it has ended");
             for (const bool has_ended : {false, true}) {
               const std::string id = has_ended ? "ended for good" : "left alone";
               detail::CallsForNothing(ctx, client, id, has_ended).make_all();
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
