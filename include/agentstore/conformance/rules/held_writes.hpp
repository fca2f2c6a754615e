// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_HELD_WRITES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_HELD_WRITES_HPP

/// \file
/// CAN-04: writes that wait for what the harness holds, and are cancelled meanwhile.

#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/canceller.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

namespace agentstore::conformance::detail {

class HeldWrites {
public:
  explicit HeldWrites(RuleContext& ctx)
      : ctx_(ctx), client_(ctx.open()), canceller_(ctx.driver()) {}

  /// Each ends while the space is still held, and one that was not true is not applied when it is
  /// let go of.
  void expect_to_end_soon();

private:
  class Write {
  public:
    Write(TaggedWrite what, std::string where) : tagged(std::move(what)), key(std::move(where)) {}

    TaggedWrite tagged;
    std::string key;
    Canceller::Started started;
  };
  using Writes = std::vector<Write>;

  /// The space is held as long as this is there.
  class Hold {
  public:
    explicit Hold(RuleContext& ctx) : ctx_(ctx) { ctx_.hold(true); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { ctx_.hold(false); }

  private:
    RuleContext& ctx_;
  };

  /// More than a backend works on at once, so that some wait for their turn.
  static constexpr int of_each_method = 6;
  static constexpr std::chrono::milliseconds soon{2'000};

  Writes prepare();
  void start(Writes& writes);
  /// Runs until all have ended, or for so long.
  void run(const Writes& writes, std::chrono::milliseconds time);
  static const Write* waiting_one(const Writes& writes);

  RuleContext& ctx_;
  Client client_;
  Canceller canceller_;
};

inline HeldWrites::Writes HeldWrites::prepare() {
  Writes writes;
  for (const TaggedWrite& tagged : tagged_writes(ctx_)) {
    for (int i = 0; i < of_each_method; ++i) {
      const Write& write = writes.emplace_back(tagged, "held " + std::to_string(writes.size()));
      tagged.prepare(ctx_, client_, write.key);
    }
  }
  return writes;
}

inline void HeldWrites::start(Writes& writes) {
  for (Write& write : writes) {
    write.started = canceller_.start(write.tagged.text(write.key, 1) + ", cancelled while it waits",
                                     write.tagged.write(client_.handle(), write.key, 1));
  }
}

inline void HeldWrites::run(const Writes& writes, std::chrono::milliseconds time) {
  constexpr std::chrono::milliseconds slice(5);
  for (GrantedTime passed(slice); waiting_one(writes) != nullptr && passed.count() < time;) {
    ctx_.driver().context().restart();
    ctx_.driver().context().run_one_for(slice);
  }
}

inline const HeldWrites::Write* HeldWrites::waiting_one(const Writes& writes) {
  const auto found = std::find_if(writes.begin(), writes.end(),
                                  [](const Write& write) { return !write.started.call.is_done(); });
  return found == writes.end() ? nullptr : &*found;
}

inline void HeldWrites::expect_to_end_soon() {
  Writes writes = prepare();
  bool has_waited = false;
  bool was_free = false;
  std::string late;
  {
    const Hold hold(ctx_);
    start(writes);
    const UndelayedTimer time;
    run(writes, std::chrono::milliseconds(50));
    was_free = time.elapsed() < soon / 2;
    has_waited = waiting_one(writes) != nullptr;
    for (const Write& write : writes) {
      write.started.cancellation->request();
    }
    run(writes, soon);
    if (const Write* const one = waiting_one(writes)) {
      late = one->started.call.state->call;
    }
  }
  for (const Write& write : writes) {
    canceller_.settle(write.started);
  }
  if (!has_waited) {
    throw NotTestable("no call waits for what the harness holds");
  }
  ctx_.expect(was_free, "calls that wait to leave the caller's thread to others (ASY-05)",
              "a call that blocks it");
  ctx_.expect(late.empty(), "an end soon after its cancellation of " + late,
              "none while what it waits for was held");
  // What was left behind has its time now.
  ctx_.driver().context().restart();
  ctx_.driver().context().run_for(std::chrono::milliseconds(100));
  for (const Write& write : writes) {
    const auto& state = *write.started.call.state;
    const bool is_readable = write.tagged.is_readable;
    ctx_.expect(state.value != false || write.tagged.is_archive,
                "true or an exception from " + state.call, "false");
    if (state.value.value_or(false)) {
      ctx_.expect(!is_readable ||
                      write.tagged.numbers(ctx_, client_, write.key) == write.tagged.after({}, 1),
                  "what " + state.call + " wrote, which was true all the same", "nothing");
      continue;
    }
    ctx_.expect(!is_readable || write.tagged.numbers(ctx_, client_, write.key).empty(),
                "nothing of " + state.call + ", which was not true",
                "it, when what it waited for was let go of");
    ctx_.expect(write.tagged.put(client_, write.key, 2),
                write.tagged.text(write.key, 2) + ", behind " + state.call + ", to be true",
                "false");
  }
  for (const TaggedWrite& tagged : tagged_writes(ctx_)) {
    const std::string key = "let go " + tagged.name;
    tagged.prepare(ctx_, client_, key);
    ctx_.expect(tagged.put(client_, key, 1), tagged.text(key, 1) + " to be true", "false");
  }
}

} // namespace agentstore::conformance::detail

#endif
