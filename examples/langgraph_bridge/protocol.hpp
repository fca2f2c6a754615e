// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_PROTOCOL_HPP
#define AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_PROTOCOL_HPP

/// \file
/// From a request's JSON to a call on the checkpointer, and from what it returns to the answer's.
/// Nothing here knows HTTP; main.cpp tells the protocol.

#include <agentstore/langgraph/checkpointer.hpp>

#include <array>
#include <limits>
#include <set>
#include <string>
#include <string_view>

namespace langgraph_bridge {

using agentstore::awaitable;
using agentstore::json;
using agentstore::StorageError;
using agentstore::langgraph::Checkpointer;
using agentstore::langgraph::CheckpointTuple;
using agentstore::langgraph::Config;

/// How deep a request may be nested. The stores take 256 levels, of which the checkpointer needs
/// some.
inline constexpr std::size_t max_depth = 260;

/// A JSON text and what is wrong with it, if anything: then `value` is null.
class ParsedJson {
public:
  json value;
  std::string error;
};

/// Reads a request's body. Its depth is looked at before anything is made of it.
inline ParsedJson parse_json(const std::string& text) {
  ParsedJson parsed;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1U : 0U;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_depth) {
        parsed.error = "the body is nested deeper than " + std::to_string(max_depth) + " levels";
        return parsed;
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  try {
    parsed.value = json::parse(text);
    if (!parsed.value.is_object()) {
      parsed.error = "the body is not a JSON object";
    }
  } catch (const json::parse_error& error) {
    parsed.error = "the body is not JSON: wrong at byte " + std::to_string(error.byte);
  } catch (const json::exception&) {
    parsed.error = "the body is not JSON that can be held: a number is out of range";
  }
  return parsed;
}

/// The members of one JSON object of a request, each taken once. What is missing, of the wrong kind
/// or unknown throws `StorageError` with `invalid_argument`, naming it.
class Members {
public:
  /// `path` is what its members are called by in errors: "" or "config.".
  Members(std::string operation, std::string path, json object)
      : operation_(std::move(operation)), path_(std::move(path)), object_(std::move(object)) {
    if (!object_.is_object()) {
      refuse(path_.substr(0, path_.size() - 1), "is not a JSON object");
    }
  }

  json value(const char* name) {
    json found = take(name);
    if (found.is_null()) {
      refuse(path_ + name, "is missing");
    }
    return found;
  }
  json value_or(const char* name, json otherwise) {
    json found = take(name);
    return found.is_null() ? std::move(otherwise) : std::move(found);
  }
  std::string text(const char* name) { return as_text(name, value(name)); }
  std::optional<std::string> optional_text(const char* name) {
    json found = take(name);
    return found.is_null() ? std::nullopt : std::optional(as_text(name, std::move(found)));
  }
  std::optional<std::size_t> optional_count(const char* name) {
    const json found = take(name);
    if (found.is_null()) {
      return std::nullopt;
    }
    if (!found.is_number_unsigned()) {
      refuse(path_ + name, "is not a whole number from 0 on");
    }
    return found.get<std::size_t>();
  }
  json array(const char* name) {
    json found = value(name);
    if (!found.is_array()) {
      refuse(path_ + name, "is not an array");
    }
    return found;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    for (json& each : array(name)) {
      out.push_back(as_text(name, std::move(each)));
    }
    return out;
  }
  Members object(const char* name) { return {operation_, path_ + name + ".", value(name)}; }

  Config config() {
    Config config(text("thread_id"), optional_text("checkpoint_ns").value_or(std::string()));
    config.checkpoint_id = optional_text("checkpoint_id");
    return config;
  }

  /// To be called when all that is known has been taken.
  void end() const {
    if (!object_.empty()) {
      refuse(path_ + object_.begin().key(), "is not known");
    }
  }

  [[noreturn]] void refuse(const std::string& name, std::string_view why) const {
    throw StorageError(agentstore::errc::invalid_argument, operation_, "",
                       name + " " + std::string(why));
  }

private:
  /// Null stands for a member that is missing.
  json take(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) {
      return nullptr;
    }
    json taken = std::move(*found);
    object_.erase(found);
    return taken;
  }

  std::string as_text(const char* name, json found) const {
    if (!found.is_string()) {
      refuse(path_ + name, "is not a text");
    }
    return std::move(found.get_ref<std::string&>());
  }

  std::string operation_;
  std::string path_;
  json object_;
};

inline json write_config(Config config) {
  json out = json::object();
  out["thread_id"] = std::move(config.thread_id);
  out["checkpoint_ns"] = std::move(config.checkpoint_ns);
  if (config.checkpoint_id) {
    out["checkpoint_id"] = *std::move(config.checkpoint_id);
  }
  return out;
}

inline json write_tuple(CheckpointTuple tuple) {
  json out = json::object();
  out["config"] = write_config(std::move(tuple.config));
  out["checkpoint"] = std::move(tuple.checkpoint);
  out["metadata"] = std::move(tuple.metadata);
  if (tuple.parent_config) {
    out["parent_config"] = write_config(*std::move(tuple.parent_config));
  }
  json& writes = out["pending_writes"] = json::array();
  for (agentstore::PendingWrite& write : tuple.pending_writes) {
    json entry = json::array();
    entry.push_back(std::move(write.task_id));
    entry.push_back(std::move(write.channel));
    entry.push_back(std::move(write.value));
    writes.push_back(std::move(entry));
  }
  return out;
}

// The operations, each from its request to its answer.

inline awaitable<json> get_tuple(Checkpointer saver, Members request) {
  Config config = request.config();
  request.end();
  std::optional<CheckpointTuple> tuple = co_await saver.get_tuple(std::move(config));
  json answer = json::object();
  answer["tuple"] = nullptr;
  if (tuple) {
    answer["tuple"] = write_tuple(*std::move(tuple));
  }
  co_return answer;
}

inline awaitable<json> list(Checkpointer saver, Members request) {
  agentstore::langgraph::ListOptions options;
  options.thread_id = request.optional_text("thread_id");
  options.checkpoint_ns = request.optional_text("checkpoint_ns");
  options.checkpoint_id = request.optional_text("checkpoint_id");
  options.before = request.optional_text("before");
  options.filter = request.value_or("filter", json::object());
  options.limit = request.optional_count("limit");
  request.end();
  std::vector<CheckpointTuple> tuples = co_await saver.list(std::move(options));
  json answer = json::object();
  json& all = answer["tuples"] = json::array();
  for (CheckpointTuple& tuple : tuples) {
    all.push_back(write_tuple(std::move(tuple)));
  }
  co_return answer;
}

inline awaitable<json> put(Checkpointer saver, Members request) {
  Members where = request.object("config");
  Config config = where.config();
  where.end();
  json checkpoint = request.value("checkpoint");
  json metadata = request.value("metadata");
  json new_versions = request.value("new_versions");
  request.end();
  Config stored = co_await saver.put(std::move(config), std::move(checkpoint), std::move(metadata),
                                     std::move(new_versions));
  json answer = json::object();
  answer["config"] = write_config(std::move(stored));
  co_return answer;
}

inline awaitable<json> put_writes(Checkpointer saver, Members request) {
  Members where = request.object("config");
  Config config = where.config();
  where.end();
  std::vector<agentstore::ChannelWrite> writes;
  for (json& each : request.array("writes")) {
    if (!each.is_array() || each.size() != 2 || !each[0].is_string()) {
      request.refuse("writes", "holds what is not [channel, value]");
    }
    writes.emplace_back(std::move(each[0].get_ref<std::string&>()), std::move(each[1]));
  }
  std::string task_id = request.text("task_id");
  std::string task_path = request.optional_text("task_path").value_or(std::string());
  request.end();
  co_await saver.put_writes(std::move(config), std::move(writes), std::move(task_id),
                            std::move(task_path));
  co_return json::object();
}

inline awaitable<json> delete_thread(Checkpointer saver, Members request) {
  std::string thread_id = request.text("thread_id");
  request.end();
  const bool deleted = co_await saver.delete_thread(std::move(thread_id));
  json answer = json::object();
  answer["deleted"] = deleted;
  co_return answer;
}

inline awaitable<json> copy_thread(Checkpointer saver, Members request) {
  std::string source = request.text("source");
  std::string target = request.text("target");
  request.end();
  const bool copied = co_await saver.copy_thread(std::move(source), std::move(target));
  json answer = json::object();
  answer["copied"] = copied;
  co_return answer;
}

inline awaitable<json> prune(Checkpointer saver, Members request) {
  std::vector<std::string> thread_ids = request.texts("thread_ids");
  const std::string strategy = request.optional_text("strategy").value_or("keep_latest");
  request.end();
  if (strategy != "keep_latest" && strategy != "delete") {
    request.refuse("strategy", "is neither \"keep_latest\" nor \"delete\"");
  }
  const auto what = strategy == "delete" ? agentstore::langgraph::PruneStrategy::delete_all
                                         : agentstore::langgraph::PruneStrategy::keep_latest;
  co_await saver.prune(std::move(thread_ids), what);
  co_return json::object();
}

class Operation {
public:
  std::string_view name;
  awaitable<json> (*run)(Checkpointer saver, Members request);
};

inline constexpr std::array operations = {
    Operation{"get_tuple", get_tuple},
    Operation{"list", list},
    Operation{"put", put},
    Operation{"put_writes", put_writes},
    Operation{"delete_thread", delete_thread},
    Operation{"copy_thread", copy_thread},
    Operation{"prune", prune},
};

/// The operation of a name; null if there is none.
inline const Operation* find_operation(std::string_view name) {
  for (const Operation& operation : operations) {
    if (operation.name == name) {
      return &operation;
    }
  }
  return nullptr;
}

/// The thread that a request is about, for an error that does not name it itself.
inline std::string key_of(const json& request) {
  const json* at = &request;
  if (at->is_object() && at->contains("config")) {
    at = &at->at("config");
  }
  for (const char* const name : {"thread_id", "source"}) {
    if (at->is_object() && at->contains(name) && at->at(name).is_string()) {
      return at->at(name).get<std::string>();
    }
  }
  return "";
}

} // namespace langgraph_bridge

#endif
