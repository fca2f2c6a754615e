// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_THREAD_STATE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_THREAD_STATE_HPP

/// \file
/// What the rules on threads store, and what they then look at.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/methods/steps.hpp>

#include <functional>

namespace agentstore::conformance::detail {

inline bool has_writes(RuleContext& ctx) {
  return ctx.offers(Interfaces::checkpointer);
}

/// One write by one task, the value of which tells where it belongs.
inline void put_one(RuleContext& ctx, Client& client, const std::string& thread,
                    const std::string& checkpoint) {
  put(ctx, client, thread, checkpoint, "task", WriteList().add("channel", "of " + checkpoint));
}

/// Checkpoints z, y, m, a, b, which is not the order of their ids, each with a write; and writes of
/// two that have not been stored, one put before all else and one behind.
inline std::vector<std::string> make_thread(RuleContext& ctx, Client& client,
                                            const std::string& thread) {
  const std::vector<std::string> ids = {"z", "y", "m", "a", "b"};
  if (has_writes(ctx)) {
    put_one(ctx, client, thread, "earliest");
  }
  for (const std::string& id : ids) {
    store(ctx, client, thread, id, object("of", id), object("meta", id));
    if (has_writes(ctx)) {
      put_one(ctx, client, thread, id);
    }
  }
  if (has_writes(ctx)) {
    put_one(ctx, client, thread, "early");
  }
  return ids;
}

/// A checkpoint is stored: the call, not yet awaited, by whichever interface there is.
inline awaitable<bool> storing(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::string& id, const json& data) {
  return ctx.offers(Interfaces::checkpoints)
             ? client.handle().checkpoints->store_checkpoint(thread, id, data)
             : client.handle().checkpointer->put_checkpoint(thread, id, data);
}
inline awaitable<bool> storing(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::string& id) {
  return storing(ctx, client, thread, id, json(id));
}

/// More checkpoints than anything takes in one go; newest first, as they are listed.
inline std::vector<std::string> make_long_thread(RuleContext& ctx, Client& client,
                                                 const std::string& thread) {
  constexpr int count = 1'030;
  Batch batch(client);
  for (int i = 0; i < count; ++i) {
    const std::string id = "c" + std::to_string(i);
    batch.add(Client::text("store_checkpoint", thread, id), storing(ctx, client, thread, id));
  }
  batch.finish();
  const std::vector<Checkpoint> all = client.list_checkpoints(thread);
  std::vector<std::string> listed = ids(all);
  ctx.expect_same(std::uint64_t{listed.size()}, std::uint64_t{count},
                  "the number of checkpoints of a long thread");
  for (const Checkpoint& checkpoint : all) {
    ctx.expect_same(checkpoint.data.tree(), json(checkpoint.checkpoint_id),
                    "the data of checkpoint " + show(checkpoint.checkpoint_id) +
                        " of a long thread");
  }
  if (has_writes(ctx)) {
    for (const std::string& id : listed) {
      batch.add(Client::text("put_writes", thread, id),
                client.handle().checkpointer->put_writes(thread, id, "task",
                                                         one_write("channel", json("of " + id))));
    }
    batch.finish();
  }
  return listed;
}

/// The writes of a thread that `make_long_thread` has made, of which the first `kept` are there.
inline void expect_long_writes(RuleContext& ctx, Client& client, const std::string& thread,
                               const std::vector<std::string>& listed, std::size_t kept,
                               const std::string& what) {
  for (std::size_t i = 0; i < listed.size() && has_writes(ctx); ++i) {
    std::vector<std::string> expected;
    if (i < kept) {
      expected.push_back("task:0 channel=\"of " + listed[i] + "\"");
    }
    expect_writes(ctx, client, thread, listed[i], expected, "the writes of " + what);
  }
}

/// A read that has begun when a change is made, and made to its end by another handle, is answered
/// as before the change or as behind it. Each has a thread, or a conversation, of its own.
inline void check_read_beside(RuleContext& ctx, Client& client, MethodId read,
                              const std::vector<MethodId>& changes) {
  Rivals rivals(ctx, client);
  for (const MethodId change : changes) {
    for (std::size_t steps = 0;
         steps < 4 && method_of(change).is_offered(ctx.harness().interfaces()); ++steps) {
      const std::string key = std::string(method_of(change).name) + " beside " +
                              std::string(method_of(read).name) + " " + std::to_string(steps);
      if (method_of(read).id == MethodId::get_conversation_history) {
        ctx.need_session(client, key);
        for (const char* content : {"one", "two", "three", "four"}) {
          append(ctx, client, key, content);
        }
      } else {
        make_thread(ctx, client, key);
      }
      Operation changed = method_of(change).prepared(key);
      changed.limit = 2;
      Operation asked = method_of(read).prepared(key);
      asked.checkpoint_id = "b";
      asked.limit = 3;
      const auto start = [&](Client& by) {
        const auto answer = std::make_shared<std::optional<Answer>>();
        return std::pair(
            answer,
            by.driver().start(show(asked),
                              keep_answer(method_of(read).call(by.handle(), asked), answer)));
      };
      const auto finish = [&](Client& by, const auto& started) {
        by.driver().finish(started.second);
        return shown_answer(**started.first);
      };
      const std::string before = finish(client, start(client));
      const auto reading = start(rivals.of(1));
      for (std::size_t i = 0; i < steps; ++i) {
        client.driver().step();
      }
      const bool has_changed = conformance::make(rivals.of(0), changed);
      const std::string found = finish(rivals.of(1), reading);
      const std::string behind = finish(client, start(client));
      ctx.expect(found == before || found == behind,
                 before + " or " + behind + " from " + show(asked) + ", beside " + show(changed),
                 found);
      ctx.expect(has_changed, show(changed) + " to change something", "nothing");
    }
  }
}

/// All that can be seen of a thread.
class ThreadState {
public:
  ThreadState(RuleContext& ctx, Client& client, std::string id) : thread(std::move(id)) {
    checkpoints = client.list_checkpoints(thread);
    latest = client.get_checkpoint(thread);
    for (const Checkpoint& listed : checkpoints) {
      by_id.push_back(client.get_checkpoint(thread, listed.checkpoint_id));
    }
    if (has_writes(ctx)) {
      for (const char* checkpoint : {"earliest", "z", "y", "m", "a", "b", "early", "other"}) {
        writes.push_back(client.get_writes(thread, checkpoint));
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
    for (std::optional<Checkpoint>& checkpoint : copy.by_id) {
      if (checkpoint) {
        checkpoint->thread_id = id;
      }
    }
    return copy;
  }

  void expect_in(RuleContext& ctx, Client& client, const std::string& what) const {
    const ThreadState now(ctx, client, thread);
    ctx.expect_same(now.checkpoints, checkpoints, "the checkpoints of " + what);
    ctx.expect_same(now.latest, latest, "the latest of " + what);
    ctx.expect_same(now.by_id, by_id, "the checkpoints, each by its id, of " + what);
    ctx.expect_same(now.writes, writes, "the pending writes of " + what);
  }

  std::string thread;
  std::vector<Checkpoint> checkpoints;
  std::optional<Checkpoint> latest;
  std::vector<std::optional<Checkpoint>> by_id; ///< of those listed, in their order
  std::vector<std::vector<PendingWrite>> writes;
};

inline void expect_no_thread(RuleContext& ctx, Client& client, const std::string& thread,
                             const std::string& what) {
  ctx.expect_same(ids(client.list_checkpoints(thread)), std::vector<std::string>(),
                  "the checkpoints of " + what);
  ctx.expect_same(client.get_checkpoint(thread), std::optional<Checkpoint>(),
                  "the latest of " + what);
  for (const char* id : {"z", "y", "m", "a", "b"}) {
    ctx.expect_same(client.get_checkpoint(thread, id), std::optional<Checkpoint>(),
                    "a checkpoint of " + what);
  }
  if (has_writes(ctx)) {
    for (const char* id : {"z", "y", "m", "a", "b"}) {
      ctx.expect_same(written(client.get_writes(thread, id)), std::vector<std::string>(),
                      "the pending writes of " + what);
    }
    for (const char* id : {"earliest", "early"}) {
      ctx.expect_same(written(client.get_writes(thread, id)), std::vector<std::string>(),
                      "the early writes of " + what);
    }
  }
  const ThreadPage listed = client.list_threads(thread, Page(1));
  ctx.expect(listed.thread_ids.empty() || listed.thread_ids.front() != thread,
             "no entry in the list of " + what, show(listed));
}

/// Ids that begin with another id, behind whatever somebody may cut them at.
inline std::vector<std::string> longer_ids(const std::string& id) {
  std::vector<std::string> result;
  for (const std::string& separator : separators()) {
    result.push_back(id + separator + "x");
  }
  return result;
}

/// A checkpoint in each of these threads, as small as it can be.
inline void make_small_threads(RuleContext& ctx, Client& client,
                               const std::vector<std::string>& threads) {
  for (const std::string& thread : threads) {
    store(ctx, client, thread, "z", thread);
    if (has_writes(ctx)) {
      put_one(ctx, client, thread, "early");
    }
  }
}

inline void expect_small_threads(RuleContext& ctx, Client& client,
                                 const std::vector<std::string>& threads, const std::string& what) {
  for (const std::string& thread : threads) {
    const std::optional<Checkpoint> found = client.get_checkpoint(thread, "z");
    ctx.expect(found.has_value() && found->data == Document(json(thread)),
               "checkpoint \"z\" of thread " + show(thread) + " to be there " + what, show(found));
    if (has_writes(ctx)) {
      ctx.expect_same(written(client.get_writes(thread, "early")),
                      std::vector<std::string>(1, "task:0 channel=\"of early\""),
                      "the pending writes of thread " + show(thread) + " " + what);
    }
  }
}

/// All of a session but its thread.
class SessionState {
public:
  /// Makes one, with all that it can have, that has the id of a thread.
  SessionState(RuleContext& ctx, Client& client, const std::string& id) : ctx_(ctx), id_(id) {
    if (!ctx.offers(Interfaces::sessions)) {
      return;
    }
    client.create_session(id, "owner", object("of", id));
    if (ctx.offers(Interfaces::conversations)) {
      append(ctx, client, id, "message of " + id);
    }
    if (ctx.offers(Interfaces::contexts)) {
      ctx.expect(client.store_task_context(id, "context of " + id), "the context to be stored",
                 "false");
    }
    session_ = client.get_session(id);
  }

  void expect_in(Client& client, const std::string& what) const {
    if (!session_) {
      return;
    }
    ctx_.expect_same(client.get_session(id_), session_, "the session of " + what);
    if (ctx_.offers(Interfaces::conversations)) {
      ctx_.expect_same(contents(client.history(id_)),
                       std::vector<std::string>(1, "message of " + id_),
                       "the messages of the session of " + what);
    }
    if (ctx_.offers(Interfaces::contexts)) {
      ctx_.expect_same(client.get_task_context(id_), std::optional<json>("context of " + id_),
                       "the context of the session of " + what);
    }
  }

private:
  RuleContext& ctx_;
  std::string id_;
  std::optional<Session> session_;
};

/// THR-04, THR-07: as many writes as those that were removed, and read, are read as they are now.
inline void check_as_many_writes(RuleContext& ctx, Client& client, const std::string& id,
                                 const std::function<void(const std::string&)>& remove) {
  if (!has_writes(ctx)) {
    return;
  }
  make_thread(ctx, client, id);
  expect_writes(ctx, client, id, "b", std::vector<std::string>(1, "task:0 channel=\"of b\""),
                "the writes of a checkpoint");
  remove(id);
  put(ctx, client, id, "b", "task", WriteList().add("channel", "new"));
  expect_writes(ctx, client, id, "b", std::vector<std::string>(1, "task:0 channel=\"new\""),
                "as many writes as a checkpoint had that was removed");
}

} // namespace agentstore::conformance::detail

#endif
