// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_LIFE_CYCLE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_LIFE_CYCLE_HPP

/// \file
/// LIF: the life cycle of IStorageBackend. The archive's own is in ARC-05, ARC-06 and ARC-09.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/runner/caller_context.hpp>

#include <array>

namespace agentstore::conformance {

namespace detail {

/// Every method that must throw `closed` on a backend that is not open does so.
inline void expect_all_closed(RuleContext& ctx, Client& client) {
  const auto closed = [&ctx](auto action) { ctx.expect_error(errc::closed, action); };
  constexpr unsigned archives = Interfaces::archive | Interfaces::archive_reader;
  const unsigned offered = ctx.harness().interfaces() & ~archives;
  for (const Method& method : methods()) {
    const bool works_when_closed = method.id == MethodId::initialize ||
                                   method.id == MethodId::close ||
                                   method.id == MethodId::health_check;
    if (!works_when_closed && method.is_offered(offered)) {
      for (const char* key : {"s", "unknown"}) { // it is closed, whatever is there or not
        closed([&] { make(client, method.prepared(key)); });
      }
    }
  }
  for (const Operation& call : idle_calls(ctx, "s")) {
    if (method_of(call.kind).is_offered(offered)) {
      closed([&] { make(client, call); });
    }
  }
  closed([&] { client.get_checkpoint("s"); });
}

/// Something of every kind, and all of it read back; equal results mean equal stores.
inline void fill(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(123'457));
  client.create_session("s", "u", object("a", 1));
  client.update_session("s", SessionUpdate().increment_requests().updates(object("b", 2)));
  append(ctx, client, "s", "one");
  append(ctx, client, "s", "two");
  client.store_task_context("s", object("step", 1));
  client.create_session("ended", "u");
  client.end_session("ended", "failed");
  store(ctx, client, "t", "first", object("n", 1));
  store(ctx, client, "t", "second", object("n", 2));
  store(ctx, client, "t", "first", object("n", 3));
  if (ctx.offers(Interfaces::checkpointer)) {
    put(ctx, client, "t", "first", "task", WriteList().add("a", 1).add("__error__", "e"));
  }
}

class Contents {
public:
  Contents() = default;

  std::vector<std::optional<Session>> sessions;
  std::vector<Message> messages;
  std::optional<json> context;
  std::vector<Checkpoint> checkpoints;
  std::vector<PendingWrite> writes;
  Metrics metrics;
};

inline Contents contents_of(RuleContext& ctx, Client& client) {
  Contents all;
  all.sessions.push_back(client.get_session("s"));
  all.sessions.push_back(client.get_session("ended"));
  all.messages = client.history("s");
  all.context = client.get_task_context("s");
  all.checkpoints = client.list_checkpoints("t");
  if (ctx.offers(Interfaces::checkpointer)) {
    all.writes = client.get_writes("t", "first");
  }
  all.metrics = client.get_metrics();
  return all;
}

inline std::string counts(const Metrics& m) {
  return show(m.total_sessions) + " sessions, " + show(m.active_sessions) + " active, " +
         show(m.total_messages) + " messages, " + show(m.total_checkpoints) + " checkpoints";
}

inline void expect_contents(RuleContext& ctx, Client& client, const Contents& before,
                            const std::string& when) {
  const Contents now = contents_of(ctx, client);
  ctx.expect_same(now.sessions, before.sessions, "the sessions " + when);
  ctx.expect_same(now.messages, before.messages, "the messages " + when);
  ctx.expect_same(now.context, before.context, "the context " + when);
  ctx.expect_same(now.checkpoints, before.checkpoints, "the checkpoints " + when);
  ctx.expect_same(now.writes, before.writes, "the pending writes " + when);
  ctx.expect_same(counts(now.metrics), counts(before.metrics), "the counts " + when);
}

/// Whether the call has thrown `closed`. Any other exception breaks the rule.
inline bool has_met_close(RuleContext& ctx, const Pending<bool>& call,
                          const std::string& expected) {
  if (!call.state->error) {
    return false;
  }
  try {
    std::rethrow_exception(call.state->error);
  } catch (const StorageError& error) {
    ctx.expect(means(error.code(), errc::closed), expected, describe(call.state->error));
  } catch (...) {
    throw Violation(expected, describe(call.state->error));
  }
  return true;
}

/// Reads that are under way when a handle is closed: theirs answer as before or throw `closed`,
/// and those of another handle answer.
class ReadsBesideClose {
public:
  ReadsBesideClose(RuleContext& ctx, Client client, const std::string& key)
      : ctx_(ctx), client_(std::move(client)) {
    for (const Operation& call :
         reads_about(ctx.harness().interfaces(), key, {key}, {"the checkpoint_id"})) {
      if (call.kind != MethodId::get_metrics && call.kind != MethodId::read_archive) {
        reads_.push_back(std::make_shared<Read>(call));
      }
    }
    for (const auto& read : reads_) {
      client_.call(show(read->call), ask(client_.handle(), read));
      read->expected = shown_answer(read->answer->value());
    }
  }

  void start() {
    for (const auto& read : reads_) {
      read->pending = client_.driver().start(show(read->call), ask(client_.handle(), read));
    }
  }
  void finish(bool is_closed) {
    for (const auto& read : reads_) {
      client_.driver().settle(read->pending);
      const std::string expected = read->expected + (is_closed ? ", or closed," : "") + " from " +
                                   show(read->call) + " beside close() of " +
                                   (is_closed ? "its handle" : "another handle");
      if (!has_met_close(ctx_, read->pending, expected)) {
        const std::string actual = shown_answer(read->answer->value());
        ctx_.expect(actual == read->expected, expected, actual);
      } else {
        ctx_.expect(is_closed, expected, "closed");
      }
    }
  }

private:
  class Read {
  public:
    explicit Read(Operation made) : call(std::move(made)) {}

    Operation call;
    std::string expected;
    std::shared_ptr<std::optional<Answer>> answer = std::make_shared<std::optional<Answer>>();
    Pending<bool> pending;
  };

  static awaitable<bool> ask(Handle& handle, const std::shared_ptr<Read>& read) {
    return keep_answer(method_of(read->call.kind).call(handle, read->call), read->answer);
  }

  RuleContext& ctx_;
  Client client_;
  std::vector<std::shared_ptr<Read>> reads_;
};

/// Calls under way when the store is closed: each has an end, of which `closed` is one, and what
/// was acknowledged is there when the store is open again. Calls by another handle go on.
inline void check_close_beside_writes(RuleContext& ctx, Client& client) {
  std::size_t count = 0;
  fill_for_reads(ctx, client, "read beside close");
  ReadsBesideClose own(ctx, client, "read beside close");
  std::optional<Client> other;
  std::optional<ReadsBesideClose> others;
  if (ctx.harness().claims().has_shared_handles()) {
    other = ctx.open();
    others.emplace(ctx, *other, "read beside close");
  }
  for (const std::size_t steps : std::array<std::size_t, 4>{0, 1, 2, 5}) {
    std::vector<TaggedWrite> all = tagged_writes(ctx);
    std::erase_if(all, [](const TaggedWrite& tagged) { return tagged.is_archive; });
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < all.size() * (other ? 2 : 1); ++i) {
      keys.push_back((i < all.size() ? "closed " : "open ") + std::to_string(++count));
      all[i % all.size()].prepare(ctx, client, keys.back());
    }
    std::vector<Pending<bool>> writes;
    for (std::size_t i = 0; i < all.size(); ++i) {
      writes.push_back(client.driver().start(all[i].text(keys[i], 1),
                                             all[i].write(client.handle(), keys[i], 1)));
    }
    own.start();
    std::vector<Pending<bool>> writes_of_other;
    if (other) {
      others->start();
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string& key = keys[all.size() + i];
        writes_of_other.push_back(
            other->driver().start(all[i].text(key, 1), all[i].write(other->handle(), key, 1)));
      }
    }
    const std::vector<Pending<void>> closings =
        close_beside(client, writes, steps, [&] { return client.handle().backend->close(); });
    std::vector<bool> done;
    for (const Pending<bool>& write : writes) {
      done.push_back(write.state->value.value_or(false));
      const std::string expected = "true or closed from " + write.state->call + " beside close()";
      ctx.expect(has_met_close(ctx, write, expected) || done.back(), expected, "false");
    }
    own.finish(true);
    if (other) {
      others->finish(false);
      for (const Pending<bool>& write : writes_of_other) {
        other->driver().settle(write);
        const std::string expected =
            "true from " + write.state->call + " beside close() of another handle";
        ctx.expect(!has_met_close(ctx, write, expected), expected, "closed");
        done.push_back(write.state->value.value_or(false));
        ctx.expect(done.back(), expected, "false");
      }
    }
    for (const Pending<void>& closing : closings) {
      client.driver().finish(closing);
    }
    ctx.expect_same(client.initialize(), true, "initialize after close");
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const TaggedWrite& tagged = all[i % all.size()];
      if (done[i] && tagged.is_readable) {
        ctx.expect_same(tagged.numbers(ctx, client, keys[i]), tagged.after({}, 1),
                        "what is there after " + tagged.text(keys[i], 1) +
                            ", which was true beside close(),");
      }
    }
  }
}

/// LIF-01, LIF-04: opened and closed by several calls at once, of one handle or of two.
inline void check_openings_at_once(RuleContext& ctx, const std::string& space) {
  std::vector<Client> handles(1, ctx.open_raw_in(space));
  if (ctx.harness().claims().has_shared_handles()) {
    handles.push_back(ctx.open_raw_in(space));
  }
  const auto at_once = [&](const std::string& call, const auto& make) {
    std::vector<Pending<bool>> calls;
    for (std::size_t i = 0; i < 4; ++i) {
      Client& client = handles[i % handles.size()];
      calls.push_back(client.driver().start(call, make(client.handle().backend)));
    }
    for (const Pending<bool>& each : calls) {
      ctx.expect_same(handles.front().driver().finish(each), true, call + ", several at once,");
    }
  };
  const auto open = [](IStorageBackend* backend) { return backend->initialize(); };
  const auto close = [](IStorageBackend* backend) -> awaitable<bool> {
    co_await backend->close();
    co_return true;
  };
  at_once("initialize()", open);
  fill(ctx, handles.front());
  const Contents before = contents_of(ctx, handles.front());
  at_once("initialize()", open);
  for (Client& client : handles) {
    expect_contents(ctx, client, before, "after several calls to initialize at once");
  }
  at_once("close()", close);
  at_once("initialize()", open);
  for (Client& client : handles) {
    expect_contents(ctx, client, before, "after several closes at once, and as many openings");
  }
}

/// A call that reads, not yet awaited, and one of its end.
inline awaitable<bool> some_read(RuleContext& ctx, Client& client, const std::string& key) {
  const ReadMethod method = read_methods(ctx).front();
  return method.read(client.handle(), method.ids(key));
}
inline void expect_to_work(RuleContext& ctx, Client& client) {
  for (const ReadMethod& method : read_methods(ctx)) {
    method.get(client, method.ids("after"));
  }
  const TaggedWrite tagged = tagged_writes(ctx).front();
  tagged.prepare(ctx, client, "after");
  ctx.expect(tagged.put(client, "after", 1),
             "the store to work on after a context of calls under way was destroyed", "false");
}

/// Calls under way on a context of their own, `steps` further than begun, when the context is
/// destroyed: before the store, or after it.
inline std::shared_ptr<CallerContext> tear_down(RuleContext& ctx, const std::string& space,
                                                std::size_t steps, bool is_store_first) {
  std::optional<Client> client = ctx.open_in(space);
  const std::vector<TaggedWrite> all = tagged_writes_and_entries(ctx);
  const bool can_read = !read_methods(ctx).empty();
  const auto caller = CallerContext::make();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string key = "torn " + std::to_string(i);
    all[i].prepare(ctx, *client, key);
    caller->start(all[i].write(client->handle(), key, 1));
    if (can_read) {
      caller->start(some_read(ctx, *client, key));
    }
  }
  for (std::size_t i = 0; i < steps; ++i) {
    caller->step();
    client->driver().step();
  }
  std::this_thread::sleep_for(steps * std::chrono::microseconds(20)); // for a store with threads
  if (is_store_first) {
    ctx.let_go(*std::exchange(client, std::nullopt));
    caller->end();
  } else {
    caller->end();
    expect_to_work(ctx, *client);
  }
  return caller;
}

/// All calls are done when the context is destroyed.
inline std::shared_ptr<CallerContext> tear_down_idle(RuleContext& ctx) {
  Client client = ctx.open();
  const auto caller = CallerContext::make();
  for (const ReadMethod& method : read_methods(ctx)) {
    for (int i = 0; i < 5; ++i) {
      caller->start(method.read(client.handle(), method.ids("s")));
    }
  }
  const bool are_done = ctx.driver().run_until([&caller] {
    while (caller->step()) {
    }
    return caller->is_idle();
  });
  ctx.expect(are_done, "calls on a context of their own to end", "they did not");
  caller->end();
  expect_to_work(ctx, client);
  return caller;
}

inline void check_teardown(RuleContext& ctx) {
  std::vector<std::shared_ptr<CallerContext>> callers(1, tear_down_idle(ctx));
  std::size_t round = 0;
  for (const bool is_store_first : {false, true}) {
    for (const std::size_t steps : std::array<std::size_t, 6>{0, 1, 4, 16, 32, 64}) {
      const std::string space = ctx.space() + "-" + std::to_string(++round);
      callers.push_back(tear_down(ctx, space, steps, is_store_first));
    }
  }
  // What a store does late, it does by then.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  ctx.driver().run_until([until] { return std::chrono::steady_clock::now() > until; });
  for (const auto& caller : callers) {
    const std::string no = "no use of a context after its end";
    ctx.expect(caller->late_functions() == 0, no, "a call came back to it");
    ctx.expect(caller->frames_left() == 0, no, "the frame of a call was left until later");
    ctx.expect(caller->late_work() == 0, no, "it was told of work");
  }
}

} // namespace detail

template <class>
std::vector<Rule> life_cycle_rules() {
  return {
      Rule("LIF-01", needs::backend,
           "initialize makes ready and returns true; again: true, nothing changes",
           "a second initialize must not create, truncate or reset",
           [](RuleContext& ctx) {
             Client client = ctx.open_raw();
             ctx.expect_same(client.initialize(), true, "initialize");
             detail::fill(ctx, client);
             const auto before = detail::contents_of(ctx, client);
             ctx.expect_same(client.initialize(), true, "initialize again");
             detail::expect_contents(ctx, client, before, "after initialize again");
             ctx.expect(client.update_session("s", SessionUpdate()), "the store to be ready still",
                        "update_session was false");
             detail::check_two_openings(
                 ctx, client, [&] { return client.handle().backend->initialize(); },
                 method_of(MethodId::get_session).prepared("s"),
                 "the session, when initialize() was true");
             detail::check_openings_at_once(ctx, ctx.space() + "-o");
           }),
      Rule("LIF-02", needs::backend, "before initialize every other call throws closed",
           "check the state first, in every method",
           [](RuleContext& ctx) {
             if (ctx.harness().claims().is_opened_by_harness()) {
               throw NotTestable("the harness opens backends that are initialized already");
             }
             Client client = ctx.open_raw();
             detail::expect_all_closed(ctx, client);
             ctx.expect_same(client.initialize(), true, "initialize after calls that were refused");
             ctx.expect_same(detail::counts(client.get_metrics()), detail::counts(Metrics()),
                             "the counts after calls that were refused");
           }),
      Rule("LIF-03", needs::backend, "after close every other call throws closed, none hangs",
           "check the state first, in every method",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::fill(ctx, client);
             const auto before = detail::contents_of(ctx, client);
             client.initialize(); // one close is enough, however often it was opened
             client.close();
             detail::expect_all_closed(ctx, client);
             client.initialize();
             detail::expect_contents(ctx, client, before, "after calls that were refused");
             if (ctx.offers(Interfaces::checkpointer)) {
               ctx.expect_same(client.get_writes("s", "the checkpoint_id"),
                               std::vector<PendingWrite>(),
                               "the pending writes after calls that were refused");
             }
           }),
      Rule("LIF-04", needs::backend, "close is idempotent and loses nothing acknowledged",
           "flush before closing; a second close has nothing to do",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::fill(ctx, client);
             const auto before = detail::contents_of(ctx, client);
             client.close();
             client.close();
             ctx.expect_same(client.initialize(), true, "initialize after close");
             detail::expect_contents(ctx, client, before, "after two closes and an initialize");
             Client fresh = ctx.open_raw_in(ctx.other_space());
             if (!ctx.harness().claims().is_opened_by_harness()) {
               fresh.close();
               fresh.close();
             }
             ctx.expect_same(fresh.initialize(), true, "initialize after a close before it");
             detail::fill(ctx, fresh);
             detail::append(ctx, fresh, "s", "three");
             const auto of_fresh = detail::contents_of(ctx, fresh);
             fresh.close();
             ctx.expect_same(fresh.initialize(), true, "initialize after close");
             detail::expect_contents(ctx, fresh, of_fresh,
                                     "of a store that was closed before its first initialize");
             detail::check_close_beside_writes(ctx, client);
           }),
      Rule("LIF-05", needs::backend, "initialize after close reopens the same data",
           "opening is not creating",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::fill(ctx, client);
             for (int round = 0; round < 3; ++round) {
               const auto before = detail::contents_of(ctx, client);
               detail::set_clock_if_any(ctx, detail::first_of_may() + std::chrono::days(1 + round));
               client.close();
               ctx.expect_same(client.initialize(), true, "initialize after close");
               detail::expect_contents(ctx, client, before, "after a close and an initialize");
               const Checkpoint& oldest = before.checkpoints.back();
               detail::store(ctx, client, "t", oldest.checkpoint_id, oldest.data, oldest.metadata);
               if (ctx.offers(Interfaces::checkpointer)) {
                 client.put_checkpoint("t", oldest.checkpoint_id, oldest.data, oldest.metadata);
               }
               ctx.expect_same(client.list_checkpoints("t"), before.checkpoints,
                               "the checkpoints once the oldest was stored again after reopening");
               detail::append(ctx, client, "s", "after reopening");
               detail::store(ctx, client, "t", "c" + std::to_string(round), round);
               detail::expect_increasing(client.history("s"));
               ctx.expect_same(ctx.must(client.get_checkpoint("t"), "the latest").checkpoint_id,
                               "c" + std::to_string(round), "the latest after reopening");
             }
           }),
      Rule("LIF-06", needs::backend,
           "health_check never throws: healthy when open, unhealthy with its reason when not",
           "answer from the state; catch what looking may throw",
           [](RuleContext& ctx) {
             Client client = ctx.open_raw();
             const auto expect_details = [&ctx](const Health& health) {
               ctx.expect(health.details.is_object(), "details that are a JSON object",
                          show(health));
             };
             const auto expect_closed = [&](Client& closed, const std::string& when) {
               const Health health = closed.health_check();
               const auto is_empty = [](const std::string& issue) { return issue.empty(); };
               ctx.expect(health.status == Health::Status::unhealthy && !health.issues.empty() &&
                              std::none_of(health.issues.begin(), health.issues.end(), is_empty),
                          "unhealthy with an issue " + when, show(health));
               expect_details(health);
             };
             if (!ctx.harness().claims().is_opened_by_harness()) {
               expect_closed(client, "before initialize");
             }
             client.initialize();
             const Health open = client.health_check();
             const bool healthy = open.status == Health::Status::healthy && open.issues.empty();
             const bool degraded = open.status == Health::Status::degraded && !open.issues.empty();
             ctx.expect((healthy || degraded) && !open.backend.empty(),
                        "healthy without issues, or degraded with the reason, and the backend's "
                        "name",
                        show(open));
             expect_details(open);
             const bool is_shared = ctx.harness().claims().has_shared_handles();
             Client other = is_shared ? ctx.open() : ctx.open_other();
             for (int round = 0; round < 3; ++round) {
               client.close();
               expect_closed(client, "after close");
               ctx.expect_same(other.health_check().status, open.status,
                               "the health of a handle beside one that was closed");
               client.initialize();
               ctx.expect_same(client.health_check().status, open.status,
                               "the health after a close and an initialize");
             }
             const auto ask = [](Client& asked) {
               return asked.driver().start("health_check()",
                                           asked.handle().backend->health_check());
             };
             for (const std::size_t steps : std::array<std::size_t, 3>{0, 1, 3}) {
               const Pending<Health> own = ask(client);
               const Pending<Health> of_other = ask(other);
               for (std::size_t i = 0; i < steps; ++i) {
                 client.driver().step();
               }
               client.close();
               client.driver().finish(own); // whatever it is, it does not throw
               ctx.expect_same(other.driver().finish(of_other).status, open.status,
                               "the health of a handle beside one that is being closed");
               client.initialize();
             }
             other.close();
             expect_closed(other, "after its close");
             check_health_under_faults(ctx, client);
           }),
      Rule("LIF-07", needs::life_cycle.claim(&Claims::has_any_teardown_order, "any_teardown_order"),
           "contexts on which calls are awaited, and the store, may be destroyed in any order",
           "a service of the execution context hears of its end: let go of its calls then",
           detail::check_teardown),
  };
}

} // namespace agentstore::conformance

#endif
