// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CONVERSATIONS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CONVERSATIONS_HPP

/// \file
/// CON: the rules of IConversationStorage.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/thread_state.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

namespace agentstore::conformance {

template <class>
std::vector<Rule> conversation_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("CON-01", needs::conversations,
           "history is in append order, fields verbatim, sequence strictly increasing",
           "order by a number that the append takes, and return every field",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.need_session(client, "s");
             struct Sample {
               Sample(const char* r, const char* t, json m)
                   : role(r), content(t), metadata(std::move(m)) {}
               std::string role, content;
               json metadata;
             };
             const std::vector<Sample> samples = {
                 Sample("system", "Be brief.", json::object()),
                 Sample("user", "zebra \xF0\x9F\xA6\x93 \n\ttab \"quote\" \\ back", object("n", 1)),
                 Sample("assistant", "", object("tool_calls", json::array({object("id", "c1")}))),
                 Sample("tool", "{\"ok\": true}", object("tool_call_id", "c1")),
                 Sample("system", "Be briefer.", json::object()),
                 Sample("user", "with an id", detail::names_of_ids()),
                 Sample("assistant", "with the same", detail::names_of_ids()),
                 Sample("user", "apple", json::object())};
             for (const Sample& sample : samples) {
               ctx.expect(client.add_message("s", sample.role, sample.content, sample.metadata),
                          "the append to be true", "false");
             }
             const std::vector<Message> history = client.history("s");
             ctx.expect_same(std::uint64_t{history.size()}, std::uint64_t{samples.size()},
                             "the number of messages");
             for (std::size_t i = 0; i < samples.size(); ++i) {
               const std::string what = "message " + std::to_string(i) + "'s ";
               ctx.expect_same(history[i].role, samples[i].role, what + "role");
               ctx.expect_same(history[i].content, samples[i].content, what + "content");
               ctx.expect_same(history[i].metadata, samples[i].metadata, what + "metadata");
             }
             detail::expect_increasing(history);
             ctx.expect_same(client.history("s"), history, "the history read again");
             if (ctx.has_clock()) {
               const Timestamp later = history.back().timestamp + 1h;
               ctx.set_clock(later);
               client.add_message("s", "user", "later", detail::names_of_fields());
               const std::vector<Message> told = client.history("s");
               ctx.expect_same(told.back().timestamp, later, "the timestamp of a message");
               ctx.set_clock(later + 1h);
               if (client.has_sessions()) {
                 client.update_session("s", SessionUpdate().increment_requests());
               }
               ctx.expect_same(client.history("s"), told, "the history once there was an update");
               ctx.need_session(client, "odd times");
               for (const Timestamp at : detail::odd_clocks()) {
                 ctx.set_clock(at);
                 client.add_message("odd times", "user", "hi", detail::names_of_fields());
               }
               const std::vector<Message> odd = client.history("odd times");
               for (std::size_t i = 0; i < odd.size(); ++i) {
                 detail::expect_moment(ctx, odd[i].timestamp, detail::odd_clocks().at(i),
                                       "the timestamp of a message");
               }
             }
           }),
      Rule("CON-02", needs::conversations,
           "limit n gives the newest n, oldest first; 0 none; more than there are, all",
           "cut at the old end, and do not reverse",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.need_session(client, "s");
             // Whoever speaks, the order and the count are the same.
             detail::check_read_beside(ctx, client, MethodId::get_conversation_history,
                                       {MethodId::add_conversation_message});
             const std::vector<std::string> roles = {"system", "user", "assistant", "tool"};
             const std::vector<std::string> told = detail::numbered("m", 1, 60);
             for (std::size_t i = 0; i < told.size(); ++i) {
               ctx.expect(client.add_message("s", roles[i * i % 7 % roles.size()], told[i]),
                          "the append to be true", "false");
             }
             const std::vector<Message> all = client.history("s");
             ctx.expect_same(detail::contents(all), detail::numbered("m", 1, 60),
                             "a history of a limit that is not reached");
             detail::expect_increasing(all);
             for (const int limit : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, 59, 60, 61, 1000}) {
               const int first = std::max(1, 61 - limit);
               const auto actual = client.history("s", static_cast<std::size_t>(limit));
               ctx.expect_same(detail::contents(actual), detail::numbered("m", first, 60),
                               "the newest " + std::to_string(limit) + " messages");
               ctx.expect_same(actual, std::vector<Message>(all.begin() + (first - 1), all.end()),
                               "the same messages as at the end of the whole history");
             }
             ctx.expect_same(client.history("s", 0), std::vector<Message>(),
                             "a history of limit 0");
             for (const std::size_t limit : detail::great_limits()) {
               ctx.expect_same(detail::contents(client.history("s", limit)),
                               detail::numbered("m", 1, 60),
                               "a history of a limit of " + std::to_string(limit));
             }
             const auto by_default =
                 client.call("get_conversation_history(\"s\")",
                             client.handle().conversations->get_conversation_history("s"));
             ctx.expect_same(detail::contents(by_default), detail::numbered("m", 11, 60),
                             "a history without a limit");
           }),
      Rule("CON-03", needs::conversations, "sessions never mix",
           "the session id must be part of the key, whole",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::vector<std::string> ids = {"a", "ab", "a:b", "a:", "A", "b"};
             for (const std::string& id : ids) {
               ctx.need_session(client, id);
             }
             for (int round = 0; round < 3; ++round) {
               for (const std::string& id : ids) {
                 detail::append(ctx, client, id, id + std::to_string(round));
               }
             }
             for (const std::string& id : ids) {
               ctx.expect_same(detail::contents(client.history(id)), detail::numbered(id, 0, 2),
                               "the history of " + show(id));
             }
           }),
      Rule("CON-04", needs::conversations,
           "nothing is dropped, merged or capped: 1,000 messages, equal neighbours",
           "no cap, no trim, no set where a list is meant",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.need_session(client, "s");
             for (int i = 0; i < 3; ++i) {
               detail::append(ctx, client, "s", "same");
             }
             ctx.expect_same(detail::contents(client.history("s")),
                             std::vector<std::string>(3, "same"), "three equal messages");
             // And more, as far as it takes no time.
             std::vector<std::string> all(3, "same");
             const UndelayedTimer time;
             for (const std::string& content : detail::numbered("m", 1, 5'100)) {
               if (all.size() >= 1'003 && time.elapsed() > 150ms) {
                 break;
               }
               detail::append(ctx, client, "s", content);
               all.push_back(content);
             }
             const auto actual = client.history("s", 10'000);
             ctx.expect_same(std::uint64_t{actual.size()}, std::uint64_t{all.size()},
                             "the number of messages");
             ctx.expect_same(detail::contents(actual), all, "1,003 messages, or more");
             detail::expect_increasing(actual);
             ctx.need_session(client, "large");
             std::vector<std::string> large;
             for (char letter = 'a'; letter != 'c'; ++letter) {
               large.emplace_back(900'000, letter);
               detail::append(ctx, client, "large", large.back());
             }
             ctx.expect_same(detail::contents(client.history("large")), large, "large messages");
             if (client.has_sessions()) {
               ctx.expect(client.end_session("s"), "the end to be true", "false");
               ctx.expect_same(client.history("s", 10'000), actual,
                               "1,003 messages, or more, once their session has ended");
             }
           }),
      Rule("CON-05", needs::conversations,
           "order never depends on the clock: equal or backward timestamps change nothing",
           "order by the sequence, not by the timestamp",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.need_session(client, "s");
             const Timestamp start = detail::first_of_may();
             int next = 1;
             for (const auto shift : {0h, 0h, 0h, -5h, 3h, -30h, 0h, 2h, -1h}) {
               ctx.set_clock(start + shift);
               detail::append(ctx, client, "s", "m" + std::to_string(next++));
             }
             const auto actual = client.history("s");
             ctx.expect_same(detail::contents(actual), detail::numbered("m", 1, 9),
                             "the history under a clock that stands still and goes back");
             detail::expect_increasing(actual);
             ctx.expect_same(detail::contents(client.history("s", 3)), detail::numbered("m", 7, 9),
                             "the newest 3 messages");
           }),
      Rule("CON-06", needs::conversations,
           "append to an unknown session is false and stores nothing; its history is empty",
           "look for the session in the step that appends",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.history("nobody"), std::vector<Message>(),
                             "the history of an unknown session");
             if (!client.has_sessions()) {
               detail::append(ctx, client, "opened by its first message", "hi");
               ctx.expect_same(std::uint64_t{client.history("opened by its first message").size()},
                               std::uint64_t{1}, "the number of messages");
               return;
             }
             client.create_session("known");
             ctx.expect_same(client.add_message("nobody", "user", "lost"), false,
                             "an append to an unknown session");
             ctx.expect_same(client.add_message("knowing", "user", "lost"), false,
                             "an append to an unknown session");
             ctx.expect_same(client.history("nobody"), std::vector<Message>(),
                             "the history of an unknown session");
             ctx.expect_same(client.get_session("nobody"), std::optional<Session>(),
                             "the unknown session");
             client.create_session("nobody");
             ctx.expect_same(client.history("nobody"), std::vector<Message>(),
                             "the history of a session just created");
           }),
      Rule("CON-07", needs::conversations, "role is any non-empty text, content may be empty",
           "no enumeration of roles; an empty content is a message",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.need_session(client, "s");
             const std::vector<std::string> roles = {"user",
                                                     "Assistant",
                                                     "function",
                                                     "agent:planner",
                                                     " ",
                                                     "r\xC3\xB4le",
                                                     std::string("a\0b", 3),
                                                     "human",
                                                     "ai",
                                                     "model",
                                                     "developer",
                                                     "bot",
                                                     "USER",
                                                     "system ",
                                                     "tool_result"};
             for (const std::string& role : roles) {
               ctx.expect(client.add_message("s", role, ""), "the append to be true", "false");
             }
             ctx.expect_error(errc::invalid_argument, [&] { client.add_message("s", "", "text"); });
             const auto history = client.history("s");
             ctx.expect_same(std::uint64_t{history.size()}, std::uint64_t{roles.size()},
                             "the number of messages");
             for (std::size_t i = 0; i < roles.size(); ++i) {
               ctx.expect_same(history[i].role, roles[i], "the role");
               ctx.expect_same(history[i].content, std::string(), "an empty content");
             }
           }),
      Rule("CON-08", needs::conversations,
           "concurrent appends: each once, each writer's own order kept",
           "take the sequence and store the message in one step",
           [](RuleContext& ctx) {
             constexpr std::size_t writers = 4;
             constexpr std::size_t each = 25;
             Client client = ctx.open();
             detail::Rivals rivals(ctx, client);
             ctx.need_session(client, "s");
             ctx.in_rounds(
                 client, writers, each, [&](std::size_t round, std::size_t writer, Client mine) {
                   Client rival = rivals.on_thread_of(mine, writer);
                   detail::append(ctx, rival, "s",
                                  "w" + std::to_string(writer) + "-" + std::to_string(round));
                 });
             const auto history = client.history("s");
             detail::expect_increasing(history);
             detail::expect_writers_order(ctx, detail::contents(history), writers, each);

             ctx.need_session(client, "t");
             for (int round = 0; round < 5; ++round) {
               std::vector<Pending<bool>> appends;
               for (std::size_t writer = 0; writer < 8; ++writer) {
                 const std::string content =
                     "w" + std::to_string(writer) + "-" + std::to_string(round);
                 appends.push_back(client.driver().start(
                     Client::text("add_conversation_message", "t", "user", content),
                     rivals.of(writer).handle().conversations->add_conversation_message("t", "user",
                                                                                        content)));
               }
               for (const auto& append : appends) {
                 ctx.expect(client.driver().finish(append), "every append to be true", "false");
               }
             }
             const auto second = client.history("t");
             detail::expect_increasing(second);
             detail::expect_writers_order(ctx, detail::contents(second), 8, 5);
           }),
      Rule(
          "CON-09", needs::conversations, "message metadata is an object, kept exactly",
          "store the JSON, not a summary of it",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            ctx.need_session(client, "s");
            const json rich = json::parse(
                R"({"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{\"a\":1}"}}],
                     "null": null, "empty": {}, "list": [], "number": 1.0, "": "no name",
                     "role": "x", "content": "y", "sequence": 7, "timestamp": "z"})");
            ctx.expect(client.add_message("s", "assistant", "", rich), "the append to be true",
                       "false");
            ctx.expect(client.add_message("s", "user", "hi"), "the append to be true", "false");
            for (const json& wrong : json::parse(R"([null, [], "text", 7, true])")) {
              ctx.expect_error(errc::invalid_argument,
                               [&] { client.add_message("s", "user", "hi", wrong); });
            }
            const auto history = client.history("s");
            ctx.expect_same(std::uint64_t{history.size()}, std::uint64_t{2},
                            "the number of messages");
            ctx.expect_same(history[0].metadata, rich, "the metadata");
            ctx.expect_same(history[0].role, std::string("assistant"),
                            "the role of a message with metadata");
            ctx.expect_same(history[1].metadata, json::object(), "the metadata when none is given");
          }),
  };
}

} // namespace agentstore::conformance

#endif
