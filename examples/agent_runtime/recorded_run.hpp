// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_RECORDED_RUN_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_RECORDED_RUN_HPP

/// \file
/// The input: recorded runs, one a line.
///
///     {"task_id": "refund-7", "reward": 1.0, "messages": [{"role": "user", "content": "..."},
///     ...]}
///
/// `messages` are chat-completions messages. `reward` may be missing; every other member of a run
/// or a message is taken along as it is.

#include "../common/input_error.hpp"

#include <agentstore/authoring/arguments.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace agent_runtime {

using example::InputError;

using agentstore::json;

/// One run as it was recorded.
class RecordedRun {
public:
  /// The `task_id` as text; the name of the run's session and thread.
  std::string id;
  /// Where it stands in the file.
  std::size_t line = 0;
  std::vector<json> messages;
  /// The members beside `messages`.
  json about;
  /// What the session is ended with: "failed" if there is a reward and it is 0 or less.
  std::string outcome = "completed";
};

/// Reads a file of runs; throws InputError naming file and line.
std::vector<RecordedRun> read_recorded_runs(const std::string& path);

inline bool is_tool_result(const json& message) {
  return message.at("role") == "tool";
}

/// A user's message is a request to the agent.
inline bool is_request(const json& message) {
  return message.at("role") == "user";
}

/// A tool reports a failure as a text that begins so.
inline bool is_error(const json& message) {
  const auto content = message.find("content");
  return is_tool_result(message) && content != message.end() && content->is_string() &&
         content->get_ref<const std::string&>().starts_with("Error");
}

/// Whether a text of the record, which is UTF-8, can name something in a store (KEY-01).
inline bool is_usable_id(const std::string& text) {
  return !text.empty() && text.size() <= agentstore::max_id_bytes &&
         text.find('\0') == std::string::npos;
}

// The machinery of read_recorded_runs.

/// Checks one line and makes a run of it. Failures say what is wrong, and not yet where.
class LineReader {
public:
  static RecordedRun read(const std::string& text) {
    json line = parse(text);
    require(line.is_object(), "not a JSON object");
    RecordedRun run;
    run.id = task_id(line);
    run.outcome = outcome(line);
    run.messages = messages(line);
    line.erase("messages");
    run.about = std::move(line);
    return run;
  }

private:
  /// Every backend takes values nested 64 deep; what is stored adds a little to what is read.
  static constexpr int max_depth = 60;

  static void require(bool holds, const std::string& otherwise) {
    if (!holds) {
      throw InputError(otherwise);
    }
  }

  static json parse(const std::string& text) {
    const json::parser_callback_t turn_back_when_deep = [](int depth, json::parse_event_t, json&) {
      require(depth <= max_depth, "nested deeper than " + std::to_string(max_depth));
      return true;
    };
    try {
      return json::parse(text, turn_back_when_deep);
    } catch (const json::parse_error& error) {
      throw InputError("not JSON: wrong at byte " + std::to_string(error.byte));
    } catch (const json::exception&) {
      throw InputError("not JSON: a number is out of range");
    }
  }

  static std::string task_id(const json& line) {
    const auto found = line.find("task_id");
    require(found != line.end(), "task_id is missing");
    require(found->is_string() || found->is_number_integer(),
            "task_id is neither a text nor a whole number");
    std::string id = found->is_string() ? found->get<std::string>() : found->dump();
    require(is_usable_id(id), "task_id is empty, longer than 1024 bytes or holds a NUL");
    return id;
  }

  static std::string outcome(const json& line) {
    const auto reward = line.find("reward");
    if (reward == line.end() || reward->is_null()) {
      return "completed";
    }
    require(reward->is_number(), "reward is not a number");
    return reward->get<double>() > 0 ? "completed" : "failed";
  }

  static std::vector<json> messages(const json& line) {
    const auto found = line.find("messages");
    require(found != line.end(), "messages is missing");
    require(found->is_array(), "messages is not an array");
    require(!found->empty(), "messages is empty");
    std::size_t number = 0;
    for (const json& message : *found) {
      ++number;
      check_message(message, "message " + std::to_string(number) + ": ");
    }
    require(!is_tool_result(found->front()), "message 1: a run cannot begin with a tool result");
    return found->get<std::vector<json>>();
  }

  static void check_message(const json& message, const std::string& where) {
    require(message.is_object(), where + "not a JSON object");
    const auto role = message.find("role");
    require(role != message.end(), where + "role is missing");
    require(role->is_string() && !role->get_ref<const std::string&>().empty(),
            where + "role is not a text");
    const auto content = message.find("content");
    require(content == message.end() || content->is_string() || content->is_null() ||
                content->is_array(),
            where + "content is neither a text nor null nor an array of parts");
    check_text(message, "tool_call_id", where);
    check_tool_calls(message, where);
  }

  static void check_tool_calls(const json& message, const std::string& where) {
    const auto calls = message.find("tool_calls");
    if (calls == message.end() || calls->is_null()) {
      return;
    }
    require(calls->is_array(), where + "tool_calls is not an array");
    for (const json& call : *calls) {
      require(call.is_object(), where + "a tool call is not a JSON object");
      check_text(call, "id", where + "tool call: ");
    }
  }

  static void check_text(const json& object, const char* name, const std::string& where) {
    const auto found = object.find(name);
    require(found == object.end() || found->is_null() || found->is_string(),
            where + name + " is not a text");
  }
};

inline std::vector<RecordedRun> read_recorded_runs(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw InputError(path + ": is a directory");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(path + ": cannot be read: " + std::strerror(errno));
  }
  std::vector<RecordedRun> runs;
  std::map<std::string, std::size_t> line_of;
  std::string text;
  for (std::size_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    try {
      RecordedRun run = LineReader::read(text);
      run.line = number;
      const auto [same, is_new] = line_of.try_emplace(run.id, number);
      if (!is_new) {
        throw InputError("task_id \"" + run.id + "\" is that of line " +
                         std::to_string(same->second));
      }
      runs.push_back(std::move(run));
    } catch (const InputError& error) {
      throw InputError(path + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (file.bad()) {
    throw InputError(path + ": cannot be read to its end");
  }
  if (runs.empty()) {
    throw InputError(path + ": holds no run");
  }
  return runs;
}

} // namespace agent_runtime

#endif
