// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_VERIFY_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_VERIFY_HPP

/// \file
/// Reads completed runs back and compares what the store holds with what was recorded.

#include "agent_state.hpp"

#include <agentstore/agentstore.hpp>

#include <set>
#include <stdexcept>

namespace agent_runtime {

/// The store differs from the record. The message names run, message and field.
class Difference : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// How much has been found as it should be.
class Verified {
public:
  std::size_t runs = 0;
  std::size_t messages = 0;
  std::size_t checkpoints = 0;
  std::size_t writes = 0;
};

/// Compares one run after the other, and throws at the first difference.
class Verifier {
public:
  /// All must outlive the verifier.
  Verifier(agentstore::IStorageBackend& storage, agentstore::ICheckpointerBackend& checkpointer,
           const std::vector<RecordedRun>& runs)
      : storage_(storage), checkpointer_(checkpointer), runs_(runs) {}

  agentstore::awaitable<Verified> verify();

private:
  agentstore::awaitable<void> verify_messages();
  agentstore::awaitable<void> verify_checkpoints();
  agentstore::awaitable<void> verify_writes();
  agentstore::awaitable<void> verify_context();
  void compare_session(const agentstore::Session& session) const;
  void compare_message(std::size_t step, const agentstore::Message& stored) const;
  void compare_checkpoint(std::size_t step, const agentstore::Checkpoint& stored);

  /// Throws unless `stored` is exactly `recorded`: 1 is not 1.0 here.
  void compare(const std::string& what, const json& stored, const json& recorded) const;
  void compare_in_message(std::size_t step, const std::string& field, const json& stored,
                          const json& recorded) const;

  agentstore::IStorageBackend& storage_;
  agentstore::ICheckpointerBackend& checkpointer_;
  const std::vector<RecordedRun>& runs_;

  const RecordedRun* run_ = nullptr;
  /// The state of the run's agent, step by step, as its checkpoints must have it; and when they
  /// have all been compared, at its end.
  AgentState state_;
  Verified verified_;
};

// Only machinery below this line.

inline agentstore::awaitable<Verified> Verifier::verify() {
  for (const RecordedRun& run : runs_) {
    run_ = &run;
    state_ = AgentState();
    const auto session = co_await storage_.get_session(run.id);
    compare("session present", session.has_value(), true);
    co_await verify_messages();
    co_await verify_checkpoints();
    co_await verify_writes();
    co_await verify_context();
    compare_session(*session);
    ++verified_.runs;
  }
  co_return verified_;
}

inline agentstore::awaitable<void> Verifier::verify_messages() {
  const std::vector<json>& recorded = run_->messages;
  const auto stored = co_await storage_.get_conversation_history(run_->id, recorded.size() + 1);
  for (std::size_t i = 0; i < std::min(stored.size(), recorded.size()); ++i) {
    compare_message(i + 1, stored[i]);
    if (i > 0 && stored[i].sequence <= stored[i - 1].sequence) {
      compare_in_message(i + 1, "sequence", stored[i].sequence, "more than that of the one before");
    }
  }
  compare("number of messages", stored.size(), recorded.size());
  verified_.messages += stored.size();
}

inline void Verifier::compare_message(std::size_t step, const agentstore::Message& stored) const {
  const json found = recorded_form(stored);
  const json& recorded = run_->messages[step - 1];
  std::set<std::string> fields;
  for (const auto& [field, value] : recorded.items()) {
    fields.insert(field);
  }
  for (const auto& [field, value] : found.items()) {
    fields.insert(field);
  }
  for (const std::string& field : fields) {
    compare_in_message(step, field + " present", found.contains(field), recorded.contains(field));
    compare_in_message(step, field, found.at(field), recorded.at(field));
  }
}

inline agentstore::awaitable<void> Verifier::verify_checkpoints() {
  const std::size_t steps = run_->messages.size();
  const auto newest_first = co_await storage_.list_checkpoints(run_->id, steps + 1);
  compare("number of checkpoints", newest_first.size(), steps);
  for (std::size_t step = 1; step <= steps; ++step) {
    compare_checkpoint(step, newest_first[steps - step]);
  }
  const auto latest = co_await checkpointer_.get_checkpoint(run_->id);
  compare("latest checkpoint present", latest.has_value(), true);
  compare_in_message(steps, "latest checkpoint", *latest, newest_first.front());
  verified_.checkpoints += steps;
}

inline void Verifier::compare_checkpoint(std::size_t step, const agentstore::Checkpoint& stored) {
  compare_in_message(step, "checkpoint id", stored.checkpoint_id, checkpoint_id(step));
  compare_in_message(step, "checkpoint thread", stored.thread_id, run_->id);

  const auto time_before = state_.processing_time;
  state_.take(run_->messages[step - 1]);
  // How long a step took is not in the record: it must be more than nothing, and all of them
  // together are compared with the session's total.
  const json& time = stored.data.is_object() ? stored.data.value("processing_us", json()) : json();
  compare_in_message(step, "checkpoint processing_us is a number", time.is_number_integer(), true);
  state_.processing_time = std::chrono::microseconds(time.get<std::int64_t>());
  compare_in_message(step, "checkpoint processing_us grows", state_.processing_time > time_before,
                     true);
  compare_in_message(step, "checkpoint data", stored.data, json(state_));

  json metadata = json::object();
  metadata["step"] = step;
  metadata["role"] = run_->messages[step - 1].at("role");
  compare_in_message(step, "checkpoint metadata", stored.metadata, metadata);
}

/// A tool's result of one step is a pending write of the checkpoint before it.
inline agentstore::awaitable<void> Verifier::verify_writes() {
  for (std::size_t step = 1; step <= run_->messages.size(); ++step) {
    const auto stored = co_await checkpointer_.get_writes(run_->id, checkpoint_id(step));
    std::vector<agentstore::PendingWrite> expected;
    if (step < run_->messages.size() && is_tool_result(run_->messages[step])) {
      agentstore::PendingWrite& write = expected.emplace_back();
      write.task_id = tool_task_id(run_->messages[step], step + 1);
      write.channel = message_channel;
      write.value = run_->messages[step];
    }
    compare_in_message(step, "writes since its checkpoint", json(stored), json(expected));
    verified_.writes += stored.size();
  }
}

inline agentstore::awaitable<void> Verifier::verify_context() {
  const auto stored = co_await storage_.get_task_context(run_->id);
  compare("task context present", stored.has_value(), true);
  compare("task context", *stored, json(position_of(state_, run_->messages.size())));
}

inline void Verifier::compare_session(const agentstore::Session& session) const {
  const auto count = [this](bool (*counts)(const json&)) {
    return std::count_if(run_->messages.begin(), run_->messages.end(), counts);
  };
  json metadata = json::object();
  metadata["run"] = run_->about;
  metadata["steps"] = run_->messages.size();
  metadata["step"] = run_->messages.size();
  compare("session_id", session.session_id, run_->id);
  compare("status", session.status, run_->outcome);
  compare("request_count", session.request_count, count(is_request));
  compare("error_count", session.error_count, count(is_error));
  compare("total_processing_time in microseconds", session.total_processing_time.count(),
          state_.processing_time.count());
  compare("metadata", session.metadata, metadata);
}

/// Two JSON values for a person: not the whole of long ones, but the place where they part.
inline std::string describe_difference(const json& stored, const json& recorded) {
  const std::string a = stored.dump(-1, ' ', true, json::error_handler_t::replace);
  const std::string b = recorded.dump(-1, ' ', true, json::error_handler_t::replace);
  const auto place = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  const auto excerpt = [](const std::string& text) {
    constexpr std::size_t most = 60;
    return text.size() > most ? text.substr(0, most) + "..." : text;
  };
  return "stored " + excerpt(a) + ", recorded " + excerpt(b) + ", different at byte " +
         std::to_string(place + 1);
}

inline void Verifier::compare(const std::string& what, const json& stored,
                              const json& recorded) const {
  // Values that are equal may still be an integer and a double; texts that look alike when they
  // are shown may still have different bytes.
  constexpr auto replace = json::error_handler_t::replace;
  if (stored != recorded ||
      stored.dump(-1, ' ', false, replace) != recorded.dump(-1, ' ', false, replace)) {
    throw Difference("run \"" + run_->id + "\" (line " + std::to_string(run_->line) + "), " + what +
                     ": " + describe_difference(stored, recorded));
  }
}

inline void Verifier::compare_in_message(std::size_t step, const std::string& field,
                                         const json& stored, const json& recorded) const {
  compare("message " + std::to_string(step) + ", " + field, stored, recorded);
}

} // namespace agent_runtime

#endif
