// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CRASH_SHARED_PROCESSES_HPP
#define AGENTSTORE_CONFORMANCE_CRASH_SHARED_PROCESSES_HPP

/// \file
/// TWO-02: two children of this program work on one space, and the parent checks the outcome.
///
/// Both children do the same steps, and wait for each other before each step. Each child sends the
/// result of a race as a line through its pipe, because only the parent knows both results.

#include <agentstore/conformance/crash/child_process.hpp>
#include <agentstore/conformance/crash/process_barrier.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>

#include <map>

namespace agentstore::conformance {

/// The rule's check. UNTESTED if the program cannot start itself again.
void check_shared_processes(RuleContext& ctx);

// Only machinery below this line.

namespace detail {

inline constexpr const char* shared_session = "counted by both processes";
inline constexpr const char* shared_thread = "written by both processes";
inline constexpr std::uint64_t shared_rounds = 12;
inline constexpr std::uint64_t shared_checkpoints = 4;

/// The work of one of the two children.
class SharingChild {
public:
  SharingChild(AnyHarness& harness, const json& setting, const ParentPipe& pipe)
      : deadline_(harness.deadline()),
        ctx_(harness, deadline_, setting.at("space").get<std::string>(), 0),
        barrier_(setting.at("barrier").get<std::string>()), me_(setting.at("me").get<int>()),
        pipe_(pipe) {}

  void run() {
    Client client = ctx_.open();
    pipe_.say("ready");
    see(client);
    race(client);
    for (std::uint64_t round = 1; round <= shared_rounds; ++round) {
      write(client, round);
    }
    barrier_.meet(deadline_);
    ctx_.close(client);
    pipe_.say("done");
  }

private:
  /// Each child must read what the other has just written, even if it has read the key before.
  void see(Client& client);
  void race(Client& client);
  /// Both children write to the same session and the same thread.
  void write(Client& client, std::uint64_t round);

  /// Both children make the call at once. Each child reports its own result to the parent.
  template <class Call>
  void compete(const std::string& what, const Call& call) {
    barrier_.meet(deadline_);
    std::uint64_t result = 0;
    try {
      result = std::uint64_t{call()};
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::already_exists)) {
        throw;
      }
    }
    pipe_.say("race " + std::to_string(result) + " " + what);
  }

  Deadline deadline_;
  RuleContext ctx_;
  ProcessBarrier barrier_;
  int me_;
  const ParentPipe& pipe_;
};

inline void SharingChild::see(Client& client) {
  std::vector<TaggedWrite> all = tagged_writes(ctx_);
  std::erase_if(all, [](const TaggedWrite& tagged) { return !tagged.is_readable; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const TaggedWrite& tagged = all[i];
    const std::string key = "seen " + std::to_string(i);
    std::vector<TaggedWrite::Number> expected;
    for (TaggedWrite::Number number = 1; number <= 2; ++number) {
      const bool writes = (i + number + static_cast<std::size_t>(me_)) % 2 == 0;
      if (number == 2 && tagged.on_repeat == RepeatEffect::keeps) {
        break;
      }
      if (number == 1 && writes) {
        tagged.prepare(ctx_, client, key);
      }
      barrier_.meet(deadline_);
      if (!writes) {
        tagged.numbers(ctx_, client, key); // a cache would keep this
      }
      barrier_.meet(deadline_);
      if (writes) {
        ctx_.expect(tagged.put(client, key, number), tagged.text(key, number) + " to be true",
                    "false");
      }
      barrier_.meet(deadline_);
      expected = tagged.after(std::move(expected), number);
      ctx_.expect_same(tagged.numbers(ctx_, client, key), expected,
                       "what " + std::string(writes ? "the same" : "the other") +
                           " process reads after " + tagged.text(key, number));
    }
  }
}

inline void SharingChild::race(Client& client) {
  const bool has_threads =
      ctx_.offers(Interfaces::checkpoints) || ctx_.offers(Interfaces::checkpointer);
  for (std::uint64_t round = 1; round <= shared_rounds; ++round) {
    const std::string id = "raced " + std::to_string(round);
    const std::string of = " of " + show(id);
    if (ctx_.offers(Interfaces::sessions)) {
      compete("create_session" + of, [&] {
        client.create_session(id);
        return true;
      });
      compete("end_session" + of, [&] { return client.end_session(id); });
    }
    if (ctx_.offers(Interfaces::sessions) && ctx_.offers(Interfaces::session_directory)) {
      compete("delete_session" + of, [&] { return client.delete_session(id); });
    }
    if (has_threads && ctx_.offers(Interfaces::thread_directory)) {
      const std::string thread = "thread " + id;
      for (std::uint64_t i = 0; i < shared_checkpoints && me_ == 0; ++i) {
        client.store_checkpoint(thread, "c" + std::to_string(i), i);
      }
      compete("copy_thread" + of, [&] { return client.copy_thread(thread, "copy of " + id); });
      compete("prune_thread" + of, [&] { return client.prune_thread(thread, 1); });
      compete("delete_thread" + of, [&] { return client.delete_thread(thread); });
    }
  }
}

inline void SharingChild::write(Client& client, std::uint64_t round) {
  const std::string mine = "writer " + std::to_string(me_);
  const std::string text = mine + " " + std::to_string(round);
  barrier_.meet(deadline_);
  if (ctx_.offers(Interfaces::sessions)) {
    const auto before = ctx_.must(client.get_session(shared_session), "the session of both");
    ctx_.expect(client.update_session(shared_session, SessionUpdate().increment_requests().updates(
                                                          object(mine, round))),
                "an update of the session of both to be true", "false");
    const auto after = ctx_.must(client.get_session(shared_session), "the session of both");
    ctx_.expect(after.version > before.version,
                "a version greater than " + show(before.version) + " after an update",
                show(after.version));
  }
  if (ctx_.offers(Interfaces::conversations)) {
    ctx_.expect(client.add_message(shared_session, "user", text), "a message to be kept", "false");
  }
  if (ctx_.offers(Interfaces::checkpoints) || ctx_.offers(Interfaces::checkpointer)) {
    client.store_checkpoint(shared_thread, text, round);
  }
  if (ctx_.offers(Interfaces::checkpointer)) {
    std::vector<ChannelWrite> writes;
    writes.emplace_back("channel", json(round));
    client.put_writes(shared_thread, "checkpoint", text, std::move(writes));
  }
}

/// The parent of two children on the rule's space.
class SharedProcesses {
public:
  explicit SharedProcesses(RuleContext& ctx) : ctx_(ctx) {
    if (ctx.child_arguments().empty()) {
      throw NotTestable("this program cannot start itself again");
    }
  }

  void run();

private:
  class Child {
  public:
    std::unique_ptr<ChildProcess> process;
    std::string text;
    bool greeted = false;
    bool done = false;
  };

  void start(Child& child, int me, const std::string& barrier);
  /// Takes the lines that a child has sent since. `over` if the child is gone.
  void take(Child& child, bool over);
  void expect_one_winner_each() const;
  void expect_all_kept(Client& client);
  void expect_in_order(const std::vector<std::string>& texts, const std::string& what);

  RuleContext& ctx_;
  /// The results of each race, by its name.
  std::map<std::string, std::vector<std::uint64_t>> races_;
};

inline void SharedProcesses::start(Child& child, int me, const std::string& barrier) {
  json setting = json::object();
  setting["space"] = ctx_.space();
  setting["barrier"] = barrier;
  setting["me"] = me;
  setting["parent"] = ::getpid();
  child.process =
      std::make_unique<ChildProcess>(ctx_.child_arguments(), child_variable, setting.dump());
}

inline void SharedProcesses::run() {
  using namespace std::chrono_literals;
  Client client = ctx_.open();
  ctx_.need_session(client, shared_session);
  const ProcessBarrier barrier;
  std::array<Child, 2> children;
  const std::size_t entry = ctx_.transcript().begin("two processes on " + show(ctx_.space()));
  for (std::size_t i = 0; i < children.size(); ++i) {
    start(children[i], static_cast<int>(i), barrier.path());
  }
  GrantedTime quiet(20ms);
  std::size_t finished = 0;
  while (finished < children.size()) {
    finished = 0;
    for (Child& child : children) {
      ctx_.deadline().beat();
      const auto came =
          child.done ? ChildProcess::ReadResult::nothing : child.process->read(child.text, 5ms);
      if (came == ChildProcess::ReadResult::data) {
        quiet.restart();
      }
      take(child, came == ChildProcess::ReadResult::end);
      finished += child.done ? 1U : 0U;
    }
    if (quiet.count() > 2 * ctx_.deadline().call() + 30s) {
      throw Violation("two processes to end their work on one space", "no sign of them any more");
    }
  }
  ctx_.transcript().end(entry, "both are done");
  expect_one_winner_each();
  expect_all_kept(client);
}

inline void SharedProcesses::take(Child& child, bool over) {
  for (std::size_t end = child.text.find('\n'); end != std::string::npos;
       end = child.text.find('\n')) {
    const std::string line = child.text.substr(0, end);
    child.text.erase(0, end + 1);
    child.greeted = true;
    if (line == "done") {
      child.done = true;
    } else if (line.starts_with("harness ")) {
      throw HarnessFailure("in a child process: " + line.substr(8));
    } else if (line.starts_with("broken ")) {
      throw Violation("two processes to work on one space as two handles do", line.substr(7));
    } else if (line.starts_with("race ")) {
      const std::size_t name = line.find(' ', 5) + 1;
      races_[line.substr(name)].push_back(std::strtoull(line.c_str() + 5, nullptr, 10));
    }
  }
  if (over && !child.greeted) {
    throw HarnessFailure("this program, started again with the argument \"" +
                         ctx_.child_arguments().front() + "\", does not call run_kill_child; " +
                         child.process->kill());
  }
  if (over && !child.done) {
    throw Violation("a process that ends its work on a space", child.process->kill());
  }
}

inline void SharedProcesses::expect_one_winner_each() const {
  for (const auto& [race, results] : races_) {
    const std::uint64_t expected = race.starts_with("prune") ? shared_checkpoints - 1 : 1;
    ctx_.expect(results.size() == 2 && results[0] + results[1] == expected &&
                    (results[0] == 0 || results[1] == 0),
                show(expected) + " from one of two processes and 0 from the other by " + race,
                show(results));
  }
}

inline void SharedProcesses::expect_in_order(const std::vector<std::string>& texts,
                                             const std::string& what) {
  ctx_.expect_same(std::uint64_t{texts.size()}, 2 * shared_rounds,
                   "how many " + what + " of two processes there are");
  for (const int writer : {0, 1}) {
    std::uint64_t round = 0;
    for (const std::string& text : texts) {
      if (text.starts_with("writer " + std::to_string(writer))) {
        ctx_.expect_same(text, "writer " + std::to_string(writer) + " " + std::to_string(++round),
                         "of the " + what + " by one of two processes the next,");
      }
    }
    ctx_.expect_same(round, shared_rounds, "how many " + what + " of one process there are");
  }
}

inline void SharedProcesses::expect_all_kept(Client& client) {
  if (ctx_.offers(Interfaces::sessions)) {
    const auto session = ctx_.must(client.get_session(shared_session), "the session of both");
    ctx_.expect_same(session.request_count, 2 * shared_rounds,
                     "request_count after updates by two processes");
    json metadata = object("writer 0", shared_rounds);
    metadata["writer 1"] = shared_rounds;
    ctx_.expect_same(session.metadata.tree(), metadata,
                     "the metadata that two processes have merged into");
  }
  if (ctx_.offers(Interfaces::conversations)) {
    std::vector<std::string> texts;
    for (const Message& message : client.history(shared_session)) {
      texts.push_back(message.content);
    }
    expect_in_order(texts, "messages");
  }
  if (ctx_.offers(Interfaces::checkpoints) || ctx_.offers(Interfaces::checkpointer)) {
    std::vector<std::string> ids;
    for (const Checkpoint& checkpoint : client.list_checkpoints(shared_thread)) {
      ids.push_back(checkpoint.checkpoint_id);
    }
    std::reverse(ids.begin(), ids.end());
    expect_in_order(ids, "checkpoints");
  }
  if (ctx_.offers(Interfaces::checkpointer)) {
    ctx_.expect_same(std::uint64_t{client.get_writes(shared_thread, "checkpoint").size()},
                     2 * shared_rounds, "how many writes of two processes there are");
  }
}

} // namespace detail

inline void check_shared_processes(RuleContext& ctx) {
  detail::SharedProcesses(ctx).run();
}

} // namespace agentstore::conformance

#endif
