// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CONTEXTS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CONTEXTS_HPP

/// \file
/// CTX: the rules of ITaskContextStorage.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>

namespace agentstore::conformance {

namespace detail {

/// CTX-04: nor do the session and its context reach the thread that has its id, which was there
/// before, or what is done to the thread the context.
inline void check_thread_apart(RuleContext& ctx, Client& client) {
  const auto fill = [&](const std::string& thread) {
    store(ctx, client, thread, "c", object("of", "thread"));
    if (ctx.offers(Interfaces::checkpointer)) {
      put(ctx, client, thread, "c", "task", WriteList().add("a", 1));
    }
  };
  const auto answers = [&] {
    return show(client.list_checkpoints("s of a thread")) +
           (ctx.offers(Interfaces::checkpointer) ? show(client.get_writes("s of a thread", "c"))
                                                 : std::string());
  };
  fill("s of a thread");
  const std::string before = answers();
  const auto expect_apart = [&](const std::string& what) {
    ctx.expect_same(answers(), before, "the thread of the session, after " + what + ",");
  };
  client.create_session("s of a thread");
  expect_apart("the session was created");
  client.update_session("s of a thread", SessionUpdate().updates(object("a", 1)));
  expect_apart("an update");
  client.store_task_context("s of a thread", object("a", 1));
  expect_apart("a context");
  if (ctx.offers(Interfaces::conversations)) {
    append(ctx, client, "s of a thread", "hi");
    expect_apart("an append");
  }
  client.end_session("s of a thread");
  expect_apart("the end");

  client.create_session("with a thread");
  client.store_task_context("with a thread", "kept");
  const auto expect_kept = [&](const std::string& what) {
    ctx.expect_same(client.get_task_context("with a thread"), std::optional<json>("kept"),
                    "the context of the session once its thread " + what);
  };
  fill("with a thread");
  expect_kept("was written to");
  if (ctx.offers(Interfaces::thread_directory)) {
    client.copy_thread("with a thread", "copied");
    expect_kept("was copied");
    client.prune_thread("with a thread", 0);
    expect_kept("was pruned");
    fill("with a thread");
    client.delete_thread("with a thread");
    expect_kept("was deleted");
  }
}

} // namespace detail

template <class>
std::vector<Rule> context_rules() {
  using Context = std::optional<json>;
  return {
      Rule("CTX-01", needs::contexts, "the context of an unknown session is nullopt",
           "absence is not null, and not an error",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.get_task_context("nobody"), Context(),
                             "an unknown session's context");
             ctx.need_session(client, "s");
             ctx.expect_same(client.get_task_context("s"), Context(),
                             "a context that was never stored");
             ctx.expect(client.store_task_context("s", 1), "the store to be true", "false");
             for (const char* other : {"S", "s ", "", "ss", "%"}) {
               if (*other != '\0') {
                 ctx.expect_same(client.get_task_context(other), Context(),
                                 "another session's context");
               }
             }
           }),
      Rule(
          "CTX-02", needs::contexts, "store replaces the whole value",
          "no merging: what is not in the new value is gone",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            ctx.need_session(client, "s");
            json values = json::parse(
                R"([{"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {}, [1, 2], [3], null, "x", {"a": null}])");
            for (json& value : detail::hardly_different()) {
              values.push_back(std::move(value));
            }
            // What is stored last counts, whatever the clock was then: it stands still, and goes
            // back.
            for (const int hours : {5, 3}) {
              detail::set_clock_if_any(ctx, detail::first_of_may() + std::chrono::hours(hours));
              for (const json& value : values) {
                ctx.expect(client.store_task_context("s", value), "the store to be true", "false");
                ctx.expect_same(client.get_task_context("s"), Context(value), "the context");
                ctx.expect(client.store_task_context("s", value),
                           "the store of an equal context to be true", "false");
                ctx.expect_same(client.get_task_context("s"), Context(value),
                                "the context once an equal one was stored");
              }
            }
          }),
      Rule("CTX-03", needs::contexts, "any JSON value; a stored null is not absence",
           "keep \"there is a value\" apart from the value",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const json values = json::parse(
                 R"([null, false, true, 0, -7, 0.5, "", "text", [], [null], {}, {"k": [{}]}])");
             for (std::size_t i = 0; i < values.size(); ++i) {
               const std::string id = "s" + std::to_string(i);
               ctx.need_session(client, id);
               ctx.expect(client.store_task_context(id, values[i]), "the store to be true",
                          "false");
               ctx.expect_same(client.get_task_context(id), Context(values[i]), "the context");
             }
           }),
      Rule("CTX-04", needs::session_contexts, "the context is apart from the session's metadata",
           "two fields, two places",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const json metadata = json::parse(R"({"context": "m", "metadata": 1})");
             const Session created = client.create_session("s", "u", metadata);
             ctx.expect_same(client.get_task_context("s"), Context(),
                             "the context of a session with metadata");
             const json context = json::parse(R"({"metadata": {"x": 1}, "user_id": "y"})");
             client.store_task_context("s", context);
             Session expected = ctx.must(client.get_session("s"), "the session");
             ctx.expect_same(expected.metadata, metadata,
                             "the metadata after a context was stored");
             expected.last_activity = created.last_activity; // whether it moves is not said
             expected.version = created.version;
             ctx.expect_same(expected, created, "the session after a context was stored");
             client.update_session("s", SessionUpdate().updates(object("context", "new")));
             ctx.expect_same(client.get_task_context("s"), Context(context),
                             "the context after the metadata was updated");
             if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
               detail::check_thread_apart(ctx, client);
             }
           }),
      Rule("CTX-05", needs::session_contexts, "store for an unknown or ended session is false",
           "look for the session in the step that stores",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.store_task_context("nobody", 1), false,
                             "store_task_context of an unknown session");
             ctx.expect_same(client.get_task_context("nobody"), Context(),
                             "the unknown session's context");
             ctx.expect_same(client.get_session("nobody"), std::optional<Session>(),
                             "the unknown session");
             client.create_session("nobody");
             ctx.expect_same(client.get_task_context("nobody"), Context(),
                             "the context of a session just created");
             client.create_session("s");
             client.store_task_context("s", "kept");
             client.end_session("s");
             ctx.expect_same(client.store_task_context("s", "late"), false,
                             "store_task_context of an ended session");
             ctx.expect_same(client.get_task_context("s"), Context("kept"),
                             "the ended session's context");
           }),
  };
}

} // namespace agentstore::conformance

#endif
