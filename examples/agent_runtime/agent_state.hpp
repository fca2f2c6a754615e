// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_AGENT_STATE_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_AGENT_STATE_HPP

/// \file
/// What an agent knows after each step, and in what form it is stored. A step is one message; the
/// first has the number 1.

#include "recorded_run.hpp"

#include <agentstore/records.hpp>

#include <algorithm>

namespace agent_runtime {

/// The whole state of an agent: the data of a checkpoint.
class AgentState {
public:
  /// How many messages it has taken in.
  std::size_t step = 0;
  std::vector<json> messages;
  /// The tool calls that wait for their result, by id.
  std::vector<std::string> open_calls;
  /// Spent on all steps so far.
  std::chrono::microseconds processing_time{0};

  /// Takes in the message of the next step.
  void take(const json& message);
};

void to_json(json& out, const AgentState& state);
void from_json(const json& in, AgentState& state);

/// Where a run stands: the task context of its session.
class Position {
public:
  std::size_t step = 0;
  std::size_t steps = 0;
  /// Who speaks next: "model", "tool" or "user"; "nobody" after the last step.
  std::string waiting_for;

  bool operator==(const Position&) const = default;
};

void to_json(json& out, const Position& position);
void from_json(const json& in, Position& position);

/// The position of a run of `steps` steps whose agent is in `state`.
Position position_of(const AgentState& state, std::size_t steps);

/// The id of the checkpoint after a step.
inline std::string checkpoint_id(std::size_t step) {
  return "step-" + std::to_string(step);
}

/// The id of the task that brought a tool's result in `step`.
std::string tool_task_id(const json& message, std::size_t step);

/// The channel that a tool's result is written to: the agent's messages.
inline constexpr const char* message_channel = "messages";

/// A recorded message as the conversation stores it. Its members beside role and content become the
/// metadata. A content that is no text stays there as it is, under "content"; false stands for none
/// at all, which no recorded message can have. `recorded_form` undoes it exactly.
agentstore::Message stored_form(const json& message);
json recorded_form(const agentstore::Message& message);

// Only machinery below this line.

inline void AgentState::take(const json& message) {
  ++step;
  messages.push_back(message);
  if (is_tool_result(message)) {
    const std::string id = tool_task_id(message, step);
    const auto answered = std::find(open_calls.begin(), open_calls.end(), id);
    if (answered != open_calls.end()) {
      open_calls.erase(answered);
    }
  } else if (const auto calls = message.find("tool_calls"); calls != message.end()) {
    for (const json& call : *calls) {
      if (const auto id = call.find("id"); id != call.end() && id->is_string()) {
        open_calls.push_back(id->get<std::string>());
      }
    }
  }
}

inline void to_json(json& out, const AgentState& state) {
  out = json::object();
  out["step"] = state.step;
  out["messages"] = state.messages;
  out["open_calls"] = state.open_calls;
  out["processing_us"] = state.processing_time.count();
}

inline void from_json(const json& in, AgentState& state) {
  in.at("step").get_to(state.step);
  in.at("messages").get_to(state.messages);
  in.at("open_calls").get_to(state.open_calls);
  state.processing_time = std::chrono::microseconds(in.at("processing_us").get<std::int64_t>());
}

inline void to_json(json& out, const Position& position) {
  out = json::object();
  out["step"] = position.step;
  out["steps"] = position.steps;
  out["waiting_for"] = position.waiting_for;
}

inline void from_json(const json& in, Position& position) {
  in.at("step").get_to(position.step);
  in.at("steps").get_to(position.steps);
  in.at("waiting_for").get_to(position.waiting_for);
}

inline Position position_of(const AgentState& state, std::size_t steps) {
  Position position;
  position.step = state.step;
  position.steps = steps;
  if (state.step == steps) {
    position.waiting_for = "nobody";
  } else if (!state.open_calls.empty()) {
    position.waiting_for = "tool";
  } else if (state.step == 0 || state.messages.back().at("role") == "system" ||
             state.messages.back().at("role") == "assistant") {
    position.waiting_for = "user";
  } else {
    position.waiting_for = "model";
  }
  return position;
}

inline std::string tool_task_id(const json& message, std::size_t step) {
  const auto found = message.find("tool_call_id");
  if (found != message.end() && found->is_string() && is_usable_id(*found)) {
    return *found;
  }
  return checkpoint_id(step); // the record gives no id that a store takes
}

inline agentstore::Message stored_form(const json& message) {
  agentstore::Message stored;
  json rest = message;
  stored.role = rest.at("role").get<std::string>();
  rest.erase("role");
  const auto content = rest.find("content");
  if (content == rest.end()) {
    rest["content"] = false;
  } else if (content->is_string()) {
    stored.content = content->get<std::string>();
    rest.erase("content");
  }
  stored.metadata = std::move(rest);
  return stored;
}

inline json recorded_form(const agentstore::Message& message) {
  json recorded = message.metadata;
  recorded["role"] = message.role;
  const auto content = recorded.find("content");
  if (content == recorded.end()) {
    recorded["content"] = message.content;
  } else if (*content == false) {
    recorded.erase("content");
  }
  return recorded;
}

} // namespace agent_runtime

#endif
