// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_STEPS_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_STEPS_HPP

/// \file
/// Steps that the checks of several areas take: append, store and put something, and expect it.

#include <agentstore/conformance/methods/call_text.hpp>
#include <agentstore/conformance/rule.hpp>

#include <thread>

namespace agentstore::conformance::detail {

inline void set_clock_if_any(RuleContext& ctx, Timestamp now) {
  if (ctx.has_clock()) {
    ctx.set_clock(now);
  }
}

/// A minute, where a clock can be set, which stands at `now` then; or long enough for any clock to
/// have moved.
inline void let_time_pass(RuleContext& ctx, Timestamp& now) {
  now += std::chrono::minutes(1);
  if (ctx.has_clock()) {
    ctx.set_clock(now);
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

inline Timestamp first_of_may() {
  return std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
}

inline std::vector<std::string> contents(const std::vector<Message>& messages) {
  std::vector<std::string> result;
  for (const Message& message : messages) {
    result.push_back(message.content);
  }
  return result;
}

inline std::vector<std::string> numbered(const std::string& prefix, int first, int last) {
  std::vector<std::string> result;
  for (int i = first; i <= last; ++i) {
    result.push_back(prefix + std::to_string(i));
  }
  return result;
}

/// Of two `initialize` at once none is too early: when the second has ended, `call` is answered.
template <class Initialize>
void check_two_openings(RuleContext& ctx, Client& client, const Initialize& initialize,
                        const Operation& call, const std::string& expected) {
  const auto start = [&] {
    return client.driver().start("initialize(), one of two at once", initialize());
  };
  client.close();
  const Pending<bool> first = start();
  const Pending<bool> second = start();
  client.driver().settle(second);
  const Pending<bool> between = client.driver().start(
      show(call) + " once the second initialize() has ended", positive_call(client.handle(), call));
  client.driver().settle(between);
  client.driver().settle(first); // nothing is under way when the check breaks off
  ctx.expect_same(client.driver().finish(second), true, "the second initialize of two at once");
  ctx.expect(between.state->value.value_or(false), expected,
             between.state->error ? describe(between.state->error) : "nothing");
  static_cast<void>(client.driver().finish(between));
  ctx.expect_same(client.driver().finish(first), true, "the first initialize of two at once");
}

/// Two closes at once beside calls that have come `steps` further. All of them have ended then.
template <class Close>
std::vector<Pending<void>> close_beside(Client& client, const std::vector<Pending<bool>>& calls,
                                        std::size_t steps, const Close& close) {
  for (std::size_t i = 0; i < steps; ++i) {
    client.driver().step();
  }
  std::vector<Pending<void>> closings;
  for (int i = 0; i < 2; ++i) {
    closings.push_back(client.driver().start("close(), one of two at once", close()));
  }
  for (const Pending<bool>& call : calls) {
    client.driver().settle(call);
  }
  for (const Pending<void>& closing : closings) {
    client.driver().settle(closing);
  }
  return closings;
}

inline void append(RuleContext& ctx, Client& client, const std::string& id,
                   const std::string& content) {
  ctx.expect(client.add_message(id, "user", content), "the append to be true", "false");
}

inline void expect_increasing(const std::vector<Message>& messages) {
  for (std::size_t i = 1; i < messages.size(); ++i) {
    if (messages[i].sequence <= messages[i - 1].sequence) {
      throw Violation("sequence to increase strictly",
                      show(messages[i]) + " after " + show(messages[i - 1]));
    }
  }
}

/// Each of the given writers' items once, and in the writer's own order; nothing else.
inline void expect_writers_order(RuleContext& ctx, const std::vector<std::string>& all,
                                 std::size_t writers, std::size_t each) {
  std::vector<std::size_t> next(writers, 0);
  for (const std::string& item : all) {
    bool known = false;
    for (std::size_t writer = 0; writer < writers && !known; ++writer) {
      known = item == "w" + std::to_string(writer) + "-" + std::to_string(next[writer]);
      next[writer] += known ? 1u : 0u;
    }
    ctx.expect(known, "each writer's own order, each item once", item + " out of its place");
  }
  ctx.expect_same(std::uint64_t{all.size()}, std::uint64_t{writers * each},
                  "each writer's own order, each item once: the number of items");
}

inline void store(RuleContext& ctx, Client& client, const std::string& thread,
                  const std::string& id, Document data, Document metadata = Document::object()) {
  ctx.expect(client.store_checkpoint(thread, id, std::move(data), std::move(metadata)),
             "the store to be true", "false");
}

/// The methods that store a checkpoint: `put_checkpoint` has to keep the same rules.
inline std::vector<std::string> ways_to_store(RuleContext& ctx) {
  std::vector<std::string> ways(1, "store_checkpoint");
  if (ctx.offers(Interfaces::checkpoints) && ctx.offers(Interfaces::checkpointer)) {
    ways.emplace_back("put_checkpoint");
  }
  return ways;
}

/// Stores a checkpoint by one of those methods.
inline bool store_by(const std::string& way, Client& client, const std::string& thread,
                     const std::string& id, Document data, Document metadata = Document::object()) {
  return way == "put_checkpoint"
             ? client.put_checkpoint(thread, id, std::move(data), std::move(metadata))
             : client.store_checkpoint(thread, id, std::move(data), std::move(metadata));
}

inline std::vector<std::string> ids(const std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> result;
  for (const Checkpoint& checkpoint : checkpoints) {
    result.push_back(checkpoint.checkpoint_id);
  }
  return result;
}

inline std::vector<std::string> reversed(std::vector<std::string> list) {
  std::reverse(list.begin(), list.end());
  return list;
}

/// Expects this checkpoint. The time is taken from `actual`.
inline void expect_checkpoint(RuleContext& ctx, const std::optional<Checkpoint>& actual,
                              const std::string& thread, const std::string& id,
                              const Document& data, const json& metadata = json::object()) {
  Checkpoint expected;
  expected.thread_id = thread;
  expected.checkpoint_id = id;
  expected.data = data;
  expected.metadata = metadata;
  ctx.expect(actual.has_value(), "the checkpoint " + show(expected), "nullopt");
  expected.created_at = actual->created_at;
  ctx.expect_same(*actual, expected, "the checkpoint");
}

/// Texts that may join ids and may also stand in them, the empty text among them.
inline std::vector<std::string> separators() {
  return {"", ":", "::", "/", "|", "||", ",", ";", "#", "@", "=", "+", "~", "&", "$", "->", ".",
          "-", "--", "_", "__", "\x1f", "\x1e", "%3A", "\\", "}{", " ", "\t", "\n",
          // What a key may have between two ids of its own.
          ":checkpoint:", ":checkpoints:", "/checkpoints/", ":writes:", "/writes/",
          ":task:", ":c:", ":w:"};
}

/// `{{channel, value}, ...}`, made without an initializer list.
class WriteList {
public:
  WriteList() = default;
  WriteList& add(const std::string& channel, json value) {
    list_.emplace_back(channel, std::move(value));
    return *this;
  }
  operator std::vector<ChannelWrite>() const { return list_; }

private:
  std::vector<ChannelWrite> list_;
};

inline void put(RuleContext& ctx, Client& client, const std::string& thread,
                const std::string& checkpoint, const std::string& task, const WriteList& writes) {
  ctx.expect(client.put_writes(thread, checkpoint, task, writes), "put_writes to be true", "false");
}

/// The writes as text, `task:index channel=value`, in the order they came.
inline std::vector<std::string> written(const std::vector<PendingWrite>& writes) {
  std::vector<std::string> result;
  for (const PendingWrite& write : writes) {
    result.push_back(write.task_id + ":" + std::to_string(write.index) + " " + write.channel + "=" +
                     show(write.value));
  }
  return result;
}

inline void expect_writes(RuleContext& ctx, Client& client, const std::string& thread,
                          const std::string& checkpoint, const std::vector<std::string>& expected,
                          const std::string& what) {
  ctx.expect_same(written(client.get_writes(thread, checkpoint)), expected, what);
}

} // namespace agentstore::conformance::detail

#endif
