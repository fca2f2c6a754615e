// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_RUNTIME_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_RUNTIME_HPP

/// \file
/// An agent runtime's loop. It keeps its state through agentstore's interfaces and nowhere else, so
/// that it can be killed at any moment and goes on where it stopped.
///
/// Each step is a fixed sequence of calls:
///
///     1. put_writes                 a tool's result, so that the tool is not run again
///     2. add_conversation_message   the message
///     3. put_checkpoint             the agent's whole state with the message
///     4. update_session             counters, and in one with them the number of the step
///     5. store_task_context         where the run stands
///
/// Calls 2 and 4 must not be made twice. So the store is never asked to repeat anything: what it
/// holds shows for each of the five how many steps it has been made for, and a run that is taken up
/// again makes just the calls that are missing. A call that was in flight when the runtime died was
/// applied whole or not at all (DUR-02), and both cases look like one of those.

#include "agent_state.hpp"
#include "progress.hpp"

#include <agentstore/agentstore.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <stdexcept>

namespace agent_runtime {

using agentstore::awaitable;
using agentstore::ICheckpointerBackend;
using agentstore::IStorageBackend;

/// What a runtime has done since it was started.
class Tally {
public:
  std::size_t runs = 0;
  /// Runs that an earlier runtime had begun, or had completed.
  std::size_t resumed = 0;
  std::size_t already_complete = 0;
  std::size_t messages = 0;
  std::size_t checkpoints = 0;
  std::size_t writes = 0;
  /// All calls on the store.
  std::size_t operations = 0;
};

/// Drives recorded runs to their ends, several at once.
class Runtime {
public:
  /// All of them must outlive the runtime, and the stores be open.
  Runtime(IStorageBackend& storage, ICheckpointerBackend& checkpointer,
          const std::vector<RecordedRun>& runs, Progress& progress)
      : storage_(storage), checkpointer_(checkpointer), runs_(runs), progress_(progress) {}

  /// Works off all runs, `concurrency` at a time, on the thread of the caller. If one fails, the
  /// others stop after the step they are at, and the failure is thrown.
  void work_off(boost::asio::io_context& context, std::size_t concurrency);

  const Tally& tally() const { return tally_; }

private:
  awaitable<void> worker();

  IStorageBackend& storage_;
  ICheckpointerBackend& checkpointer_;
  const std::vector<RecordedRun>& runs_;
  Progress& progress_;
  std::size_t next_ = 0;
  Tally tally_;
  std::exception_ptr failure_;
};

/// One run, from wherever the store says it stands to its end.
class Agent {
public:
  Agent(IStorageBackend& storage, ICheckpointerBackend& checkpointer, const RecordedRun& run,
        Tally& tally, Progress& progress)
      : storage_(storage), checkpointer_(checkpointer), run_(run), tally_(tally),
        progress_(progress) {}

  /// Finds or creates the run's session. True if steps are left, or the session is to be ended.
  awaitable<bool> take_up();
  /// Whether a step is left.
  bool has_step() const { return in_context_ < run_.messages.size(); }
  awaitable<void> take_step();
  awaitable<void> end();

private:
  awaitable<void> find_progress(agentstore::Session session);
  void check_consistency() const;
  awaitable<json> next_message();
  awaitable<json> tool_result(json recorded);
  awaitable<void> append(json message);
  awaitable<void> checkpoint(json message);
  awaitable<void> count(json message);

  /// Counts a call on the store, which begins when the result is awaited.
  template <class T>
  awaitable<T> counted(awaitable<T> call) {
    ++tally_.operations;
    return call;
  }

  /// A store answers false only if the session is gone or has ended.
  void require(bool accepted, const char* operation) const {
    if (!accepted) {
      fail(std::string(operation) + " was refused: the session is gone or has ended");
    }
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("run \"" + run_.id + "\": " + why);
  }

  IStorageBackend& storage_;
  ICheckpointerBackend& checkpointer_;
  const RecordedRun& run_;
  Tally& tally_;
  Progress& progress_;

  AgentState state_;
  /// What the step under way is measured from.
  std::chrono::steady_clock::time_point step_began_;
  /// For how many steps call 2, 3, 4 and 5 have been made. Call 3 is `state_.step`.
  std::size_t in_history_ = 0;
  std::size_t in_counters_ = 0;
  std::size_t in_context_ = 0;
  /// What the session has of `state_.processing_time`.
  std::chrono::microseconds counted_time_{0};
  /// What call 1 has been made for since the latest checkpoint, by an earlier runtime.
  std::vector<agentstore::PendingWrite> pending_;
};

/// What the session says about its run from the start.
json session_metadata(const RecordedRun& run);

// Only machinery below this line.

inline json session_metadata(const RecordedRun& run) {
  json metadata = json::object();
  metadata["run"] = run.about;
  metadata["steps"] = run.messages.size();
  metadata["step"] = 0;
  return metadata;
}

inline awaitable<bool> Agent::take_up() {
  std::optional<agentstore::Session> session = co_await counted(storage_.get_session(run_.id));
  if (!session) {
    (void)co_await counted(
        storage_.create_session(run_.id, "recorded-user", session_metadata(run_)));
    co_return true;
  }
  json expected = session_metadata(run_);
  expected["step"] = session->metadata.value("step", json());
  if (session->metadata != expected || !expected["step"].is_number_integer()) {
    fail("the store has a session of this id that belongs to another run");
  }
  if (session->status != "active") {
    if (expected["step"] != run_.messages.size()) {
      fail("the session was ended at step " + expected["step"].dump());
    }
    ++tally_.already_complete;
    progress_.advance(run_.messages.size());
    co_return false;
  }
  co_await find_progress(*std::move(session));
  ++tally_.resumed;
  progress_.advance(in_context_);
  co_return true;
}

inline awaitable<void> Agent::find_progress(agentstore::Session session) {
  session.metadata.at("step").get_to(in_counters_);
  counted_time_ = session.total_processing_time;

  const auto latest =
      co_await counted(agentstore::load_checkpoint<AgentState>(checkpointer_, run_.id));
  if (latest) {
    state_ = *latest;
  }
  const auto position =
      co_await counted(agentstore::load_task_context<Position>(storage_, run_.id));
  if (position) {
    in_context_ = position->step;
  }
  const auto history =
      co_await counted(storage_.get_conversation_history(run_.id, run_.messages.size() + 1));
  in_history_ = history.size();
  for (std::size_t i = 0; i < std::min(in_history_, run_.messages.size()); ++i) {
    if (recorded_form(history[i]) != run_.messages[i]) {
      fail("message " + std::to_string(i + 1) + " in the store is not the recorded one");
    }
  }
  check_consistency();
  if (state_.step > 0 && in_history_ == in_context_) {
    pending_ = co_await counted(checkpointer_.get_writes(run_.id, checkpoint_id(state_.step)));
  }
}

/// Each call is made after the one before it, and a step after the whole step before it.
inline void Agent::check_consistency() const {
  const bool in_order = in_context_ <= in_counters_ && in_counters_ <= state_.step &&
                        state_.step <= in_history_ && in_history_ <= in_context_ + 1 &&
                        in_history_ <= run_.messages.size();
  if (!in_order) {
    fail("the store holds " + std::to_string(in_history_) + " messages, checkpoints to step " +
         std::to_string(state_.step) + ", counters to step " + std::to_string(in_counters_) +
         " and a context of step " + std::to_string(in_context_) + ", which no runtime leaves");
  }
}

inline awaitable<void> Agent::take_step() {
  step_began_ = std::chrono::steady_clock::now();
  const std::size_t step = in_context_ + 1;
  const json message = co_await next_message();
  if (in_history_ < step) {
    co_await append(message);
  }
  if (state_.step < step) {
    co_await checkpoint(message);
  }
  if (in_counters_ < step) {
    co_await count(message);
  }
  const Position position = position_of(state_, run_.messages.size());
  const bool stored = co_await counted(agentstore::save_task_context(storage_, run_.id, position));
  require(stored, "store_task_context");
  in_context_ = step;
  progress_.advance(1);
}

/// Where a live runtime would wait for its model, a tool or the user, this one lets the other
/// agents have a turn and then reads from the record.
inline awaitable<json> Agent::next_message() {
  const json recorded = run_.messages[in_context_];
  if (in_history_ > in_context_) {
    co_return recorded; // the store has it already, and it is the same
  }
  const auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
  if (is_tool_result(recorded)) {
    co_return co_await tool_result(recorded);
  }
  co_return recorded;
}

/// The result of a tool that has finished since the latest checkpoint is taken from its pending
/// write; any other tool is run now, and its result put there.
inline awaitable<json> Agent::tool_result(json recorded) {
  const std::string task = tool_task_id(recorded, in_context_ + 1);
  for (const agentstore::PendingWrite& write : std::exchange(pending_, {})) {
    if (write.task_id == task && write.channel == message_channel) {
      if (write.value != recorded) {
        fail("the pending write of \"" + task + "\" is not the recorded result");
      }
      co_return write.value;
    }
  }
  std::vector<agentstore::ChannelWrite> writes;
  writes.emplace_back(message_channel, recorded);
  const bool stored = co_await counted(
      checkpointer_.put_writes(run_.id, checkpoint_id(state_.step), task, std::move(writes)));
  require(stored, "put_writes");
  ++tally_.writes;
  co_return recorded;
}

inline awaitable<void> Agent::append(json message) {
  agentstore::Message form = stored_form(message);
  const bool stored = co_await counted(storage_.add_conversation_message(
      run_.id, std::move(form.role), std::move(form.content), std::move(form.metadata)));
  require(stored, "add_conversation_message");
  ++in_history_;
  ++tally_.messages;
}

/// The time of a step is settled here, so that a runtime which dies before it is counted leaves the
/// next one no doubt about it.
inline awaitable<void> Agent::checkpoint(json message) {
  using std::chrono::microseconds;
  state_.take(message);
  state_.processing_time +=
      std::chrono::ceil<microseconds>(std::chrono::steady_clock::now() - step_began_);
  json metadata = json::object();
  metadata["step"] = state_.step;
  metadata["role"] = message.at("role");
  const bool stored = co_await counted(agentstore::save_checkpoint(
      checkpointer_, run_.id, checkpoint_id(state_.step), state_, std::move(metadata)));
  require(stored, "put_checkpoint");
  ++tally_.checkpoints;
}

inline awaitable<void> Agent::count(json message) {
  json patch = json::object();
  patch["step"] = state_.step;
  auto update = agentstore::SessionUpdate()
                    .updates(std::move(patch))
                    .increment_requests(is_request(message))
                    .mark_error(is_error(message))
                    .add_processing_time(state_.processing_time - counted_time_);
  const bool stored = co_await counted(storage_.update_session(run_.id, std::move(update)));
  require(stored, "update_session");
  in_counters_ = state_.step;
  counted_time_ = state_.processing_time;
}

inline awaitable<void> Agent::end() {
  const bool ended = co_await counted(storage_.end_session(run_.id, run_.outcome));
  require(ended, "end_session");
}

inline awaitable<void> Runtime::worker() {
  while (!failure_ && next_ < runs_.size()) {
    const RecordedRun& run = runs_[next_++];
    Agent agent(storage_, checkpointer_, run, tally_, progress_);
    ++tally_.runs;
    if (!co_await agent.take_up()) {
      continue;
    }
    while (!failure_ && agent.has_step()) {
      co_await agent.take_step();
    }
    if (!failure_) {
      co_await agent.end();
    }
  }
}

inline void Runtime::work_off(boost::asio::io_context& context, std::size_t concurrency) {
  std::size_t workers = std::min(concurrency, runs_.size());
  if (workers == 0) {
    return;
  }
  const auto end_worker = [&](std::exception_ptr failure) {
    if (failure && !failure_) {
      failure_ = std::move(failure);
    }
    if (--workers == 0) {
      context.stop(); // an archive may have more to do
    }
  };
  for (std::size_t i = workers; i != 0; --i) {
    boost::asio::co_spawn(context, worker(), end_worker);
  }
  context.restart();
  context.run();
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

} // namespace agent_runtime

#endif
