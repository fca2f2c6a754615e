// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_LATE_AWAITS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_LATE_AWAITS_HPP

/// \file
/// ASY-01: what a call does follows from the records, the time and the state of the store when it
/// is awaited, not from those when it was made.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>

namespace agentstore::conformance::detail {

/// A call that is made and not awaited yet.
class MadeCall {
public:
  MadeCall(Client& client, Operation call)
      : call_(std::move(call)), waiting_(method_of(call_.kind).call(client.handle(), call_)) {}

  const Operation& call() const { return call_; }
  /// Awaits it. The answer as text, or the code of its error.
  std::string outcome(Client& client);

private:
  Operation call_;
  awaitable<Answer> waiting_;
};

inline std::string MadeCall::outcome(Client& client) {
  const auto answer = std::make_shared<std::optional<Answer>>();
  try {
    client.call(show(call_), keep_answer(std::move(waiting_), answer));
  } catch (const StorageError& error) {
    // A code of the store's own may mean the same.
    const bool is_closed = means(error.code(), errc::closed);
    const auto code = is_closed ? make_error_code(errc::closed) : error.code();
    return "a StorageError with \"" + code.message() + "\"";
  }
  return shown_answer(answer->value());
}

inline std::vector<MadeCall> made_calls(Client& client, const std::vector<Operation>& calls) {
  std::vector<MadeCall> made;
  for (const Operation& call : calls) {
    made.emplace_back(client, call);
  }
  return made;
}

/// Each tells what one tells that is made just now.
inline void expect_as_of_now(RuleContext& ctx, Client& client, std::vector<MadeCall> made,
                             const std::string& when) {
  for (MadeCall& late : made) {
    const std::string outcome = late.outcome(client);
    const std::string now = MadeCall(client, late.call()).outcome(client);
    ctx.expect(outcome == now,
               now + " from " + show(late.call()) + ", made before and awaited " + when, outcome);
  }
}

/// Something more of everything that `fill_for_reads` has made.
inline void add_for_reads(RuleContext& ctx, Client& client, const std::string& key) {
  if (ctx.offers(Interfaces::sessions)) {
    client.update_session(key, SessionUpdate().increment_requests().updates(object("more", 1)));
  }
  if (ctx.offers(Interfaces::conversations)) {
    client.add_message(key, "user", "more");
  }
  if (ctx.offers(Interfaces::contexts)) {
    client.store_task_context(key, "more");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    client.store_checkpoint(key, "the checkpoint_id", "more");
    client.store_checkpoint(key, "another", "more");
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    client.put_writes(key, "the checkpoint_id", "another task", one_write("channel", json(2)));
  }
}

inline void check_late_reads(RuleContext& ctx, Client& client) {
  const std::string key = "read late";
  const std::vector<Operation> reads =
      reads_about(ctx.harness().interfaces(), key, {key}, {"the checkpoint_id", "one before it"});
  std::vector<MadeCall> made = made_calls(client, reads);
  fill_for_reads(ctx, client, key);
  expect_as_of_now(ctx, client, std::move(made), "once there was something");
  made = made_calls(client, reads);
  add_for_reads(ctx, client, key);
  expect_as_of_now(ctx, client, std::move(made), "once there was more");
  made = made_calls(client, reads);
  if (ctx.offers(Interfaces::session_directory)) {
    client.delete_session(key);
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    client.delete_thread(key);
  }
  expect_as_of_now(ctx, client, std::move(made), "once it was deleted");
}

/// Writes that were made before what they need was there, or while it still was.
inline void check_writes_awaited_late(RuleContext& ctx, Client& client) {
  std::size_t count = 0;
  const bool has_sessions = ctx.offers(Interfaces::sessions);
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    const auto next_key = [&] { return "written late " + std::to_string(++count); };
    const auto made = [&](const std::string& key) { return tagged.write(client.handle(), key, 1); };
    const auto outcome = [&](const std::string& key, awaitable<bool> call) -> std::string {
      try {
        return show(client.call(tagged.text(key, 1), std::move(call)));
      } catch (const StorageError& error) {
        return error.code().message();
      }
    };
    std::string key = next_key();
    awaitable<bool> early = made(key);
    tagged.prepare(ctx, client, key);
    ctx.expect_same(outcome(key, std::move(early)), show(true),
                    tagged.text(key, 1) + ", made before there was what it needs,");
    if (tagged.is_readable) {
      ctx.expect_same(tagged.numbers(ctx, client, key), tagged.after({}, 1),
                      "what is found of " + tagged.text(key, 1) +
                          ", made before there was what it needs,");
    }
    key = next_key();
    tagged.prepare(ctx, client, key);
    awaitable<bool> second = made(key);
    tagged.put(client, key, 1);
    const std::string late = outcome(key, std::move(second));
    ctx.expect_same(late, outcome(key, made(key)),
                    tagged.text(key, 1) + ", made before and awaited behind the same call,");
    if (!tagged.needs_session || !has_sessions) {
      continue;
    }
    key = next_key();
    client.create_session(key);
    awaitable<bool> of_ended = made(key);
    client.end_session(key, "done");
    const std::vector<std::string> before = all_answers(ctx, client, key);
    const std::string what = tagged.text(key, 1) + ", made before the session had ended";
    ctx.expect_same(outcome(key, std::move(of_ended)), show(false), what);
    expect_same_answers(ctx, client, key, before, "after " + what);
    if (ctx.offers(Interfaces::session_directory)) {
      key = next_key();
      client.create_session(key);
      awaitable<bool> of_deleted = made(key);
      client.delete_session(key);
      ctx.expect_same(outcome(key, std::move(of_deleted)), show(false),
                      tagged.text(key, 1) + ", made before the session was deleted,");
      client.create_session(key);
      ctx.expect_same(tagged.numbers(ctx, client, key), std::vector<TaggedWrite::Number>(),
                      "what a session made afresh has of " + tagged.text(key, 1));
    }
  }
}

/// What comes first is what is awaited first, and what one changes the other does not undo.
inline void check_late_order(RuleContext& ctx, Client& client) {
  const auto turned = [&](const Operation& first, const Operation& second) {
    MadeCall later(client, first);
    MadeCall(client, second).outcome(client);
    later.outcome(client);
  };
  if (ctx.offers(Interfaces::conversations)) {
    ctx.need_session(client, "turned");
    Operation message = method_of(MethodId::add_conversation_message).prepared("turned");
    Operation next = message;
    message.content = "awaited last";
    next.content = "awaited first";
    turned(message, next);
    const std::vector<Message> history = client.history("turned");
    ctx.expect_same(contents(history), std::vector<std::string>({"awaited first", "awaited last"}),
                    "the history in the order of the awaits");
    expect_increasing(history);
  }
  for (const MethodId id : {MethodId::store_checkpoint, MethodId::put_checkpoint}) {
    const Method& method = method_of(id);
    if (method.is_offered(ctx.harness().interfaces())) {
      const std::string thread = "turned by " + std::string(method.name);
      Operation checkpoint = method.prepared(thread);
      Operation next = checkpoint;
      checkpoint.checkpoint_id = "awaited last";
      next.checkpoint_id = "awaited first";
      turned(checkpoint, next);
      ctx.expect_same(ids(client.list_checkpoints(thread)),
                      std::vector<std::string>({"awaited last", "awaited first"}),
                      "the checkpoints in the order of the awaits");
    }
  }
  if (!ctx.offers(Interfaces::sessions)) {
    return;
  }
  client.create_session("changed meanwhile");
  std::vector<TaggedWrite> late = tagged_writes(ctx);
  std::erase_if(late, [](const TaggedWrite& tagged) { return !tagged.needs_session; });
  std::vector<awaitable<bool>> made;
  for (const TaggedWrite& tagged : late) {
    made.push_back(tagged.write(client.handle(), "changed meanwhile", 1));
  }
  const SessionUpdate change = SessionUpdate().updates(object("meanwhile", true));
  client.update_session("changed meanwhile", SessionUpdate(change).increment_requests());
  std::uint64_t version = ctx.must(client.get_session("changed meanwhile"), "the session").version;
  for (const bool ends : {false, true}) { // the end comes last
    for (std::size_t i = 0; i < late.size(); ++i) {
      if ((late[i].method().id == MethodId::end_session) != ends) {
        continue;
      }
      const std::string what = late[i].text("changed meanwhile", 1) + ", made before an update,";
      ctx.expect_same(client.call(what, std::move(made[i])), true, what);
      const Session now = ctx.must(client.get_session("changed meanwhile"), "the session");
      ctx.expect(now.metadata.tree().contains("meanwhile") && now.request_count >= 1 &&
                     now.version >= version,
                 "what the update has changed to stay after " + what, show(now));
      version = now.version;
    }
  }
}

/// Times are those at which the calls were awaited.
inline void check_late_times(RuleContext& ctx, Client& client) {
  using namespace std::chrono_literals;
  if (!ctx.has_clock()) {
    return;
  }
  const Timestamp start = first_of_may();
  const std::string key = "of another time";
  ctx.set_clock(start);
  ctx.need_session(client, key);
  std::vector<MadeCall> made;
  for (const MethodId id :
       {MethodId::create_session, MethodId::update_session, MethodId::add_conversation_message,
        MethodId::store_checkpoint, MethodId::put_checkpoint}) {
    const Method& method = method_of(id);
    if (method.is_offered(ctx.harness().interfaces())) {
      made.emplace_back(client, method.prepared(id == MethodId::create_session ? "new" : key));
    }
  }
  Timestamp time = start;
  for (MadeCall& late : made) {
    time += 1h;
    ctx.set_clock(time);
    late.outcome(client);
    const std::string what = " of " + show(late.call()) + ", made long before,";
    const MethodId id = late.call().kind;
    if (id == MethodId::create_session || id == MethodId::update_session) {
      const Session session = ctx.must(client.get_session(late.call().key), "the session");
      ctx.expect_same(session.last_activity, time, "last_activity" + what);
      ctx.expect(id == MethodId::update_session || session.created_at == time,
                 "created_at" + what + " to be " + show(time), show(session));
    } else if (id == MethodId::add_conversation_message) {
      const std::vector<Message> history = client.history(key);
      ctx.expect(!history.empty(), "the message" + what + " to be there", "no message");
      ctx.expect_same(history.back().timestamp, time, "the timestamp" + what);
      if (ctx.offers(Interfaces::sessions)) {
        ctx.expect_same(ctx.must(client.get_session(key), "the session").last_activity, time,
                        "last_activity" + what);
      }
    } else {
      // Where both are there, the second stores again what the first has stored.
      const Timestamp first =
          id == MethodId::put_checkpoint && ctx.offers(Interfaces::checkpoints) ? time - 1h : time;
      ctx.expect_same(
          ctx.must(client.get_checkpoint(key, late.call().checkpoint_id), "the checkpoint")
              .created_at,
          first, "created_at" + what);
    }
  }
}

/// A clean-up looks at the sessions, and at the clock, when it is awaited. On a space of its own.
inline void check_late_clean_up(RuleContext& ctx, Client client) {
  using namespace std::chrono_literals;
  if (!ctx.has_clock()) {
    return;
  }
  const Timestamp start = first_of_may();
  const auto made = [&](std::chrono::microseconds max_idle) {
    return client.handle().backend->cleanup_expired_sessions(max_idle);
  };
  ctx.set_clock(start);
  client.create_session("active");
  client.create_session("idle");
  ctx.set_clock(start + 2h);
  awaitable<std::uint64_t> early = made(1h);
  client.update_session("active", SessionUpdate());
  ctx.expect_same(
      client.call("cleanup_expired_sessions(1h), made before an update", std::move(early)),
      std::uint64_t{1}, "a clean-up of two sessions, one of them active since the call was made");
  ctx.must(client.get_session("active"), "the session active since the clean-up was made");
  awaitable<std::uint64_t> long_before = made(1h);
  client.create_session("new");
  ctx.set_clock(start + 4h);
  ctx.expect_same(
      client.call("cleanup_expired_sessions(1h), made 2 hours before", std::move(long_before)),
      std::uint64_t{2}, "a clean-up of two sessions, both idle by the time it was awaited");
}

/// Whether a store is open counts when a call is awaited.
inline void check_late_life_cycle(RuleContext& ctx, Client& client) {
  constexpr unsigned archives = Interfaces::archive | Interfaces::archive_reader;
  std::vector<Operation> calls;
  for (const Method& method : methods()) {
    const bool works_when_closed = method.id == MethodId::initialize ||
                                   method.id == MethodId::close ||
                                   method.id == MethodId::health_check;
    if (!works_when_closed && method.is_offered(ctx.harness().interfaces() & ~archives)) {
      calls.push_back(method.prepared("opened late"));
    }
  }
  const auto closed = [](const std::string& outcome) {
    return outcome == "a StorageError with \"" + make_error_code(errc::closed).message() + "\"";
  };
  const auto look = [&] { return client.health_check().status; };
  const Health::Status open = look();
  std::vector<MadeCall> made = made_calls(client, calls);
  awaitable<Health> of_open = client.handle().backend->health_check();
  client.close();
  for (MadeCall& late : made) {
    const std::string outcome = late.outcome(client);
    ctx.expect(closed(outcome), "closed from " + show(late.call()) + ", made before the close",
               outcome);
  }
  ctx.expect_same(client.call("health_check(), made before the close", std::move(of_open)).status,
                  look(), "the status of a store that is closed");
  made = made_calls(client, calls);
  awaitable<Health> of_closed = client.handle().backend->health_check();
  client.initialize();
  for (MadeCall& late : made) {
    const std::string outcome = late.outcome(client);
    ctx.expect(!closed(outcome), "an answer from " + show(late.call()) + ", made while closed",
               outcome);
  }
  ctx.expect_same(client.call("health_check(), made while closed", std::move(of_closed)).status,
                  open, "the status of a store that is open");
}

inline void check_late_awaits(RuleContext& ctx, Client& client) {
  check_late_reads(ctx, client);
  check_writes_awaited_late(ctx, client);
  check_late_order(ctx, client);
  check_late_times(ctx, client);
  if (ctx.offers(Interfaces::backend)) {
    check_late_clean_up(ctx, ctx.open_in(ctx.space() + "-t"));
    check_late_life_cycle(ctx, client);
  }
}

} // namespace agentstore::conformance::detail

#endif
