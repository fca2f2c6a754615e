// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SESSIONS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SESSIONS_HPP

/// \file
/// SES: the rules of ISessionStorage.

#include <agentstore/conformance/rules/pages.hpp>

#include <array>

namespace agentstore::conformance {

std::vector<Rule> session_rules();

// Only machinery below this line.

namespace detail {

/// A patch with members to keep, to replace, to remove and to merge into, and what comes of it.
inline json rich_metadata() {
  return json::parse(R"({"keep": [1, {"x": null}], "replace": {"deep": {"a": 1, "b": 2}},
                         "remove": true, "merge": {"old": 1, "both": {"p": 1, "q": 2}},
                         "list": [1, 2]})");
}
inline json rich_patch() {
  return json::parse(R"({"replace": [3], "remove": null, "merge": {"new": 2.5, "both": {"q": null}},
                         "fresh": {"k": "v", "none": null}, "absent": null, "list": [3, null]})");
}
inline json rich_merged() {
  return json::parse(R"({"keep": [1, {"x": null}], "replace": [3],
                         "merge": {"old": 1, "new": 2.5, "both": {"p": 1}}, "fresh": {"k": "v"},
                         "list": [3, null]})");
}

/// The session as it must be: there, and with all but last_activity and version as given.
inline void expect_session(World& w, Client& c, const Session& expected, const std::string& what) {
  Session came = w.must(c.get_session(expected.session_id), what + ": the session");
  came.last_activity = expected.last_activity;
  came.version = expected.version;
  w.expect_same(came, expected, what + ": the session");
}

inline const json& not_objects() {
  static const json values = json::parse(R"([null, [], [1], "text", 7, true])");
  return values;
}

} // namespace detail

inline std::vector<Rule> session_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("SES-01", needs::sessions,
           "create returns the record: active, counters 0, metadata as given; get returns an equal "
           "one",
           "look at the defaults of the new record, and at what get builds its record from",
           [](World& w) {
             Client c = w.open();
             for (const json& metadata : {json::object(), detail::rich_metadata()}) {
               const std::string id = metadata.empty() ? "plain" : "rich";
               const Session created = c.create_session(id, "user of " + id, metadata);
               Session expected;
               expected.session_id = id;
               expected.user_id = "user of " + id;
               expected.metadata = metadata;
               expected.created_at = created.created_at;
               expected.last_activity = created.created_at;
               w.expect_same(created, expected, "what create_session returns");
               w.expect_same(w.must(c.get_session(id), "the session"), created,
                             "what get_session returns");
             }
             for (const json& wrong : detail::not_objects()) {
               w.expect_error(errc::invalid_argument,
                              [&] { c.create_session("wrong", "u", wrong); });
             }
             w.expect_same(c.get_session("wrong"), std::optional<Session>(),
                           "a session whose creation was refused");
           }),
      Rule("SES-02", needs::sessions,
           "get of an unknown id is nullopt, of a prefix or an extension of a known one too",
           "a scan by prefix, or a key built by joining, finds what it should not",
           [](World& w) {
             Client c = w.open();
             w.expect_same(c.get_session("nobody"), std::optional<Session>(), "an unknown session");
             w.expect_same(c.get_session("nobody"), std::optional<Session>(),
                           "an unknown session, read again,");
             w.expect_same(c.get_session("abc"), std::optional<Session>(),
                           "a session that is yet to be created");
             c.create_session("abc");
             for (const char* other : {"ab", "a", "abcd", "abc ", " abc", "abc:", "abc/", "ABC",
                                       "abc*", "%", "abc%", "_bc"}) {
               w.expect_same(c.get_session(other), std::optional<Session>(),
                             "a session that is not \"abc\"");
             }
             w.must(c.get_session("abc"), "the session that was created");
           }),
      Rule("SES-03", needs::sessions,
           "create of an existing id, ended ones too, throws already_exists and changes nothing",
           "create must insert, never replace",
           [](World& w) {
             Client c = w.open();
             c.create_session("s", "owner", detail::rich_metadata());
             c.update_session("s", SessionUpdate().increment_requests());
             const auto before = c.get_session("s");
             const auto again = [&] { c.create_session("s", "thief", object("new", 1)); };
             w.expect_error(errc::already_exists, again);
             w.expect_same(c.get_session("s"), before, "the session that existed");
             c.end_session("s", "done");
             const auto ended = c.get_session("s");
             w.expect_error(errc::already_exists, again);
             w.expect_same(c.get_session("s"), ended, "the ended session that existed");
           }),
      Rule("SES-04", needs::sessions,
           "updates merges into the metadata by RFC 7386; empty changes nothing; not an object: "
           "invalid_argument",
           "use a merge patch: null removes, objects merge, all else replaces",
           [](World& w) {
             Client c = w.open();
             Session expected = c.create_session("s", "u", detail::rich_metadata());
             w.expect(c.update_session("s", SessionUpdate().updates(json::object())),
                      "an empty update to be true", "false");
             detail::expect_session(w, c, expected, "after an empty patch");
             w.expect(c.update_session("s", SessionUpdate().updates(detail::rich_patch())),
                      "the update to be true", "false");
             expected.metadata = detail::rich_merged();
             detail::expect_session(w, c, expected, "after a patch");
             w.expect(c.update_session("s", SessionUpdate().updates(object("fresh", 1))),
                      "the update to be true", "false");
             expected.metadata["fresh"] = 1;
             detail::expect_session(w, c, expected, "after a second patch");
             w.expect(c.update_session("s", SessionUpdate().updates(json::parse(
                                                R"({"fresh": {"a": null, "b": {"c": null, "d": 1}},
                                                    "list": {"x": null}})"))),
                      "the update to be true", "false");
             expected.metadata["fresh"] = object("b", object("d", 1));
             expected.metadata["list"] = json::object();
             detail::expect_session(w, c, expected, "after a patch of what was no object");
             for (const json& wrong : detail::not_objects()) {
               w.expect_error(errc::invalid_argument, [&] {
                 c.update_session("s", SessionUpdate().updates(wrong).increment_requests());
               });
             }
             detail::expect_session(w, c, expected, "after patches that were refused");
           }),
      Rule(
          "SES-05", needs::sessions,
          "increment_requests, mark_error and add_processing_time change exactly their own counter",
          "each flag has one field; durations are added in whole microseconds",
          [](World& w) {
            Client c = w.open();
            Session expected = c.create_session("s", "u", object("a", 1));
            const auto update = [&](const SessionUpdate& changes, const std::string& what) {
              w.expect(c.update_session("s", changes), what + " to be true", "false");
              detail::expect_session(w, c, expected, "after " + what);
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
            w.expect_error(errc::invalid_argument, [&] {
              c.update_session("s", SessionUpdate().increment_requests().add_processing_time(-1us));
            });
            w.expect_error(errc::invalid_argument, [&] {
              c.update_session("s", SessionUpdate().increment_requests().add_processing_time(
                                        std::chrono::microseconds::max()));
            });
            detail::expect_session(w, c, expected, "after durations that were refused");
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
            w.expect_error(errc::invalid_argument, [&] {
              c.update_session("s", SessionUpdate().mark_error().add_processing_time(1us));
            });
            detail::expect_session(w, c, expected, "after a duration too much");
            constexpr std::uint64_t more = 300; // than a byte counts
            detail::Batch batch(c);
            for (std::uint64_t i = 0; i < more; ++i) {
              const SessionUpdate both = SessionUpdate().increment_requests().mark_error();
              batch.add(Client::text("update_session", "s", both),
                        c.handle().sessions->update_session("s", both));
            }
            batch.finish();
            expected.request_count += more;
            expected.error_count += more;
            detail::expect_session(w, c, expected, "after 300 updates more");
          }),
      Rule("SES-06", needs::sessions, "update or end of an unknown id is false and creates nothing",
           "an upsert where an update is meant creates sessions",
           [](World& w) {
             Client c = w.open();
             c.create_session("known");
             w.expect_same(c.update_session("unknown", SessionUpdate().increment_requests()), false,
                           "update_session of an unknown session");
             w.expect_same(c.update_session("know", SessionUpdate().updates(object("a", 1))), false,
                           "update_session of a prefix of a session");
             w.expect_same(c.end_session("unknown"), false, "end_session of an unknown session");
             w.expect_same(c.get_session("unknown"), std::optional<Session>(),
                           "the unknown session");
             const Session known = w.must(c.get_session("known"), "the known session");
             w.expect_same(known.request_count, std::uint64_t{0}, "the other session's requests");
             c.create_session("unknown");
           }),
      Rule("SES-07", needs::sessions,
           "end sets the status and keeps counters, metadata, messages and context readable",
           "ending is a change of one field, not a removal",
           [](World& w) {
             Client c = w.open();
             Session expected = c.create_session("s", "u", detail::rich_metadata());
             c.update_session(
                 "s", SessionUpdate().increment_requests().mark_error().add_processing_time(5us));
             expected.request_count = 1;
             expected.error_count = 1;
             expected.total_processing_time = 5us;
             std::vector<Message> messages;
             if (w.offers(Interfaces::conversations)) {
               c.add_message("s", "user", "hello", object("m", 1));
               messages = c.history("s");
             }
             if (w.offers(Interfaces::contexts)) {
               c.store_task_context("s", object("step", 3));
             }
             const bool has_threads =
                 w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer);
             if (has_threads) {
               detail::store(w, c, "s", "c", object("step", 3));
             }
             w.expect(c.end_session("s", "failed: no more \"tokens\""), "end_session to be true",
                      "false");
             expected.status = "failed: no more \"tokens\"";
             detail::expect_session(w, c, expected, "after the end");
             if (w.offers(Interfaces::conversations)) {
               w.expect_same(c.history("s"), messages, "the history after the end");
             }
             if (w.offers(Interfaces::contexts)) {
               w.expect_same(c.get_task_context("s"), std::optional<json>(object("step", 3)),
                             "the context after the end");
             }
             if (has_threads) {
               detail::expect_checkpoint(w, c.get_checkpoint("s"), "s", "c", object("step", 3));
             }
             c.create_session("t");
             w.expect(c.end_session("t"), "end_session to be true", "false");
             w.expect_same(w.must(c.get_session("t"), "the session").status,
                           std::string("completed"), "the status when none is given");
           }),
      Rule("SES-08", needs::sessions,
           "of all calls to end a session exactly one returns true; the first status stays",
           "end must test and set in one step",
           [](World& w) {
             Client c = w.open();
             c.create_session("s");
             w.expect_same(c.end_session("s", "first"), true, "the first end");
             const auto ended = c.get_session("s");
             w.expect_same(c.end_session("s", "second"), false, "the second end");
             w.expect_same(c.get_session("s"), ended, "the session after a second end");
             w.expect_same(c.end_session("s", "first"), false, "the third end");
             w.expect_same(c.get_session("s"), ended, "the session after more ends");

             c.create_session("race");
             std::vector<Pending<bool>> ends;
             for (int i = 0; i < 8; ++i) {
               const std::string status = "end " + std::to_string(i);
               ends.push_back(c.driver().start("end_session(\"race\", \"" + status + "\")",
                                               c.handle().sessions->end_session("race", status)));
             }
             std::string winner;
             int won = 0;
             for (std::size_t i = 0; i < ends.size(); ++i) {
               if (c.driver().finish(ends[i])) {
                 ++won;
                 winner = "end " + std::to_string(i);
               }
             }
             w.expect(won == 1, "one of 8 concurrent ends to be true", std::to_string(won));
             w.expect_same(w.must(c.get_session("race"), "the session").status, winner,
                           "the status after concurrent ends");

             constexpr int rounds = 8;
             for (int round = 0; round < rounds; ++round) {
               c.create_session("race " + std::to_string(round));
             }
             std::array<std::atomic<int>, rounds> wins{};
             w.on_threads(c, 4, [&](std::size_t, Client mine) {
               for (int round = 0; round < rounds; ++round) {
                 wins[static_cast<std::size_t>(round)] +=
                     mine.end_session("race " + std::to_string(round)) ? 1 : 0;
               }
             });
             for (const std::atomic<int>& wins_of_one : wins) {
               w.expect(wins_of_one == 1, "one of 4 ends on threads to be true",
                        std::to_string(wins_of_one));
             }
           }),
      Rule("SES-09", needs::sessions,
           "an ended session is read-only: update, append and store_task_context are false",
           "every write has to look at the status, in the same step",
           [](World& w) {
             Client c = w.open();
             c.create_session("s", "u", object("a", 1));
             c.end_session("s");
             const auto before = c.get_session("s");
             w.expect_same(c.update_session("s", SessionUpdate().updates(object("b", 2))), false,
                           "update_session of an ended session");
             w.expect_same(c.update_session("s", SessionUpdate()), false,
                           "an empty update_session of an ended session");
             if (w.offers(Interfaces::conversations)) {
               w.expect_same(c.add_message("s", "user", "late"), false,
                             "an append to an ended session");
               w.expect_same(c.history("s"), std::vector<Message>(), "the ended session's history");
             }
             if (w.offers(Interfaces::contexts)) {
               w.expect_same(c.store_task_context("s", 1), false,
                             "store_task_context of an ended session");
               w.expect_same(c.get_task_context("s"), std::optional<json>(),
                             "the ended session's context");
             }
             w.expect_same(c.get_session("s"), before, "the ended session");
             c.create_session("t");
             c.end_session("t", "failed");
             w.expect_same(c.update_session("t", SessionUpdate().increment_requests()), false,
                           "update_session of a session that ended otherwise");
             if (w.offers(Interfaces::conversations)) {
               w.expect_same(c.add_message("t", "user", "late"), false,
                             "an append to a session that ended otherwise");
             }
             if (w.offers(Interfaces::contexts)) {
               w.expect_same(c.store_task_context("t", 1), false,
                             "store_task_context of a session that ended otherwise");
             }
           }),
      Rule("SES-10", needs::sessions,
           "updates and appends move last_activity, never backwards; reads do not",
           "take the later of the old value and the clock; leave it alone in reads",
           [](World& w) {
             Client c = w.open();
             const auto now = [&] { return w.must(c.get_session("s"), "the session"); };
             const auto pass_time = [] { std::this_thread::sleep_for(3ms); };
             c.create_session("s");
             pass_time();
             const Session created = now();
             c.history_if_any("s");
             c.context_if_any("s");
             w.expect_same(now(), created, "the session after reads");
             c.update_session("s", SessionUpdate().increment_requests());
             const Session updated = now();
             w.expect(updated.last_activity >= created.last_activity,
                      "last_activity not to go back", show(updated));
             w.expect_same(updated.created_at, created.created_at, "created_at after an update");
             if (w.offers(Interfaces::conversations)) {
               pass_time();
               c.add_message("s", "user", "hi");
               w.expect(now().last_activity >= updated.last_activity,
                        "last_activity not to go back with an append", show(now()));
             }
             // Whether it moves can only be told with a clock that is known to move.
             Timestamp start = now().last_activity + 1h;
             const auto update_later = [&](const SessionUpdate& update, const std::string& what) {
               start += 1min;
               w.set_clock(start);
               c.update_session("s", update);
               w.expect_same(now().last_activity, start, "last_activity after an update" + what);
             };
             update_later(SessionUpdate().increment_requests(), "");
             update_later(SessionUpdate().mark_error(), " by mark_error");
             update_later(SessionUpdate().add_processing_time(1us), " by add_processing_time");
             update_later(SessionUpdate().updates(object("a", 1)), " of the metadata");
             if (w.offers(Interfaces::conversations)) {
               w.set_clock(start + 1min);
               c.add_message("s", "user", "hi");
               w.expect_same(now().last_activity, start + 1min, "last_activity after an append");
             }
             const Timestamp latest = now().last_activity;
             w.set_clock(start - 2h);
             c.update_session("s", SessionUpdate());
             w.expect_same(now().last_activity, latest,
                           "last_activity after an update when the clock went back");
             w.set_clock(latest + 1h);
             c.history_if_any("s");
             c.context_if_any("s");
             w.expect_same(now().last_activity, latest, "last_activity after reads");
           }),
      Rule("SES-11", needs::sessions,
           "updates reaches metadata only: a member named \"status\" or \"user_id\" lands there",
           "keep metadata apart from the record's own fields",
           [](World& w) {
             Client c = w.open();
             Session expected = c.create_session("s", "u");
             const json patch = json::parse(
                 R"({"status": "ended", "user_id": "thief", "session_id": "x", "version": 99,
                     "request_count": 7, "error_count": "many", "created_at": "2001-01-01",
                     "last_activity": 0, "total_processing_time": -1, "metadata": {"a": 1}})");
             w.expect(c.update_session("s", SessionUpdate().updates(patch)),
                      "the update to be true", "false");
             expected.metadata = patch;
             detail::expect_session(w, c, expected, "after a patch with the names of fields");
             w.expect(c.update_session("s", SessionUpdate().increment_requests()),
                      "the session to be active still", "update_session was false");
             const Session made = c.create_session("t", "u", patch);
             w.expect_same(made.status, std::string("active"), "the status of a new session");
             w.expect_same(made.metadata, patch, "the metadata of a new session");
           }),
      Rule(
          "SES-12", needs::sessions,
          "an update is atomic: N concurrent ones all count, merges of different keys both survive",
          "read, change and write must be one step: a lock, a transaction or a single statement",
          [](World& w) {
            constexpr int clients = 8;
            constexpr int rounds = 4;
            Client c = w.open();
            c.create_session("s");
            for (int round = 0; round < rounds; ++round) {
              std::vector<Pending<bool>> updates;
              for (int i = 0; i < clients; ++i) {
                const std::string member = "k" + std::to_string(round * clients + i);
                SessionUpdate update = SessionUpdate()
                                           .updates(object(member, i))
                                           .increment_requests()
                                           .mark_error()
                                           .add_processing_time(3us);
                updates.push_back(
                    c.driver().start(Client::text("update_session", "s", update),
                                     c.handle().sessions->update_session("s", update)));
              }
              for (const auto& update : updates) {
                w.expect(c.driver().finish(update), "every update to be true", "false");
              }
            }
            w.on_threads(c, 4, [&](std::size_t index, Client mine) {
              for (int i = 0; i < clients; ++i) {
                const std::string member = "t" + std::to_string(index) + "." + std::to_string(i);
                mine.update_session("s", SessionUpdate()
                                             .updates(object(member, i))
                                             .increment_requests()
                                             .mark_error()
                                             .add_processing_time(3us));
              }
            });
            const Session after = w.must(c.get_session("s"), "the session");
            const std::uint64_t all = clients * (rounds + 4);
            w.expect_same(after.request_count, all, "request_count after concurrent updates");
            w.expect_same(after.error_count, all, "error_count after concurrent updates");
            w.expect_same(after.total_processing_time, std::chrono::microseconds(3 * all),
                          "total_processing_time after concurrent updates");
            w.expect_same(std::uint64_t{after.metadata.size()}, all,
                          "the number of members merged by concurrent updates");
          }),
      Rule("SES-13", needs::sessions, "the end status is not empty and not \"active\"",
           "check the status before looking for the session",
           [](World& w) {
             Client c = w.open();
             c.create_session("s");
             for (const char* wrong : {"", "active"}) {
               w.expect_error(errc::invalid_argument, [&] { c.end_session("s", wrong); });
             }
             w.expect_same(w.must(c.get_session("s"), "the session").status, std::string("active"),
                           "the status after ends that were refused");
             w.expect(c.end_session("s", "Active "), "any other text to be a status", "false");
             for (const std::string& status :
                  {std::string("Active"), std::string("ACTIVE"), std::string("active "),
                   std::string("actively"), std::string("inactive"), std::string("null"),
                   std::string("0"), std::string(" "), letters(300)}) {
               const std::string id = "ended as " + status;
               c.create_session(id);
               w.expect(c.end_session(id, status),
                        "any other text to be a status, " + show(status) + " too", "false");
               w.expect_same(w.must(c.get_session(id), "the session").status, status,
                             "the status after an end");
               w.expect_same(c.update_session(id, SessionUpdate().increment_requests()), false,
                             "an update of a session that has ended as " + show(status));
               if (w.offers(Interfaces::contexts)) {
                 w.expect_same(c.store_task_context(id, 1), false,
                               "store_task_context of a session that has ended as " + show(status));
               }
               if (w.offers(Interfaces::conversations)) {
                 w.expect_same(c.add_message(id, "user", "late"), false,
                               "an append to a session that has ended as " + show(status));
               }
             }
           }),
      Rule("SES-14", needs::sessions, "version starts at 1 and grows with every change",
           "count changes of the record, of every kind",
           [](World& w) {
             Client c = w.open();
             const Session created = c.create_session("s");
             w.expect_same(created.version, std::uint64_t{1}, "the version of a new session");
             Session last = created;
             const auto expect_growth = [&](const std::string& what) {
               const Session now = w.must(c.get_session("s"), "the session");
               w.expect(now.version > last.version || now == last,
                        "the version to grow with " + what + ", from " + show(last.version),
                        show(now));
               last = now;
             };
             c.update_session("s", SessionUpdate().increment_requests());
             expect_growth("increment_requests");
             c.update_session("s", SessionUpdate().mark_error());
             expect_growth("mark_error");
             c.update_session("s", SessionUpdate().add_processing_time(1us));
             expect_growth("add_processing_time");
             c.update_session("s", SessionUpdate().updates(object("a", 1)));
             expect_growth("updates");
             if (w.offers(Interfaces::conversations)) {
               c.add_message("s", "user", "hi");
               expect_growth("an append");
             }
             const Session before = last;
             c.get_session("s");
             expect_growth("a read");
             w.expect_same(last, before, "the session after a read");
             c.end_session("s");
             expect_growth("the end");
           }),
  };
}

} // namespace agentstore::conformance

#endif
