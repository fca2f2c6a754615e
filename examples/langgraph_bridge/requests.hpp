// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_REQUESTS_HPP
#define AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_REQUESTS_HPP

/// \file
/// From a request's JSON to a call on the checkpointer, and from what it returns to the answer's.
/// Values are slices of the request's text, and the answer is put together of the texts that the
/// store gives: no tree is made of what the bridge does not look into. Nothing here knows HTTP;
/// PROTOCOL.md tells the protocol.

#include <agentstore/document_from_text.hpp>
#include <agentstore/document_part.hpp>
#include <agentstore/langgraph/checkpointer.hpp>

#include <array>
#include <limits>
#include <map>
#include <string>
#include <string_view>

namespace langgraph_bridge {

using agentstore::awaitable;
using agentstore::Document;
using agentstore::DocumentPart;
using agentstore::json;
using agentstore::StorageError;
using agentstore::langgraph::Checkpointer;
using agentstore::langgraph::CheckpointTuple;
using agentstore::langgraph::Config;

/// How deep a request may be nested. The stores take 256 levels, of which the checkpointer needs
/// some.
inline constexpr std::size_t max_depth = 260;

/// What is wrong with a request's body, if anything.
class BadBody : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A request's body; throws BadBody if it is no JSON object that can be held.
inline Document parse_body(const std::string& text) {
  Document body;
  try {
    body = Document::from_text(text);
  } catch (const agentstore::TextError& error) {
    throw BadBody("the body is not JSON that can be held: wrong at byte " +
                  std::to_string(error.byte()));
  }
  if (body.depth() > max_depth) {
    throw BadBody("the body is nested deeper than " + std::to_string(max_depth) + " levels");
  }
  if (!body.is_object()) {
    throw BadBody("the body is not a JSON object");
  }
  return body;
}

/// The members of one JSON object of a request, each taken once. What is missing, of the wrong kind
/// or unknown throws `StorageError` with `invalid_argument`, naming it.
///
/// It refers to the body, which must outlive it.
class Members {
public:
  /// `path` is what its members are called by in errors: "" or "config.".
  Members(std::string operation, std::string path, const DocumentPart& object)
      : operation_(std::move(operation)), path_(std::move(path)) {
    if (!object.is_object()) {
      refuse(path_.substr(0, path_.size() - 1), "is not a JSON object");
    }
    for (auto& [name, value] : object.members()) {
      members_.insert_or_assign(std::move(name), value);
    }
  }

  DocumentPart value(const char* name) {
    const auto found = take(name);
    if (!found) {
      refuse(path_ + name, "is missing");
    }
    return *found;
  }
  Document document(const char* name) { return value(name).document(); }
  json tree_or(const char* name, json otherwise) {
    const auto found = take(name);
    return found ? found->tree() : std::move(otherwise);
  }
  std::string text(const char* name) { return as_text(name, value(name)); }
  std::optional<std::string> optional_text(const char* name) {
    const auto found = take(name);
    return found ? std::optional(as_text(name, *found)) : std::nullopt;
  }
  std::optional<std::size_t> optional_count(const char* name) {
    const json found = tree_or(name, nullptr);
    if (found.is_null()) {
      return std::nullopt;
    }
    if (!found.is_number_unsigned()) {
      refuse(path_ + name, "is not a whole number from 0 on");
    }
    return found.get<std::size_t>();
  }
  std::vector<DocumentPart> array(const char* name) {
    const DocumentPart found = value(name);
    if (!found.is_array()) {
      refuse(path_ + name, "is not an array");
    }
    return found.elements();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    for (const DocumentPart& each : array(name)) {
      out.push_back(as_text(name, each));
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
    if (!members_.empty()) {
      refuse(path_ + members_.begin()->first, "is not known");
    }
  }

  [[noreturn]] void refuse(const std::string& name, std::string_view why) const {
    throw StorageError(agentstore::errc::invalid_argument, operation_, "",
                       name + " " + std::string(why));
  }

private:
  /// Null is as good as missing.
  std::optional<DocumentPart> take(const char* name) {
    auto found = members_.extract(name);
    return found && !found.mapped().is_null() ? std::optional(found.mapped()) : std::nullopt;
  }

  std::string as_text(const char* name, const DocumentPart& found) const {
    if (!found.is_string()) {
      refuse(path_ + name, "is not a text");
    }
    return found.tree().get<std::string>();
  }

  std::string operation_;
  std::string path_;
  std::map<std::string, DocumentPart> members_;
};

// Answers, as text.

/// The text of an object, one member after the other.
class ObjectText {
public:
  /// `value` is the text of a JSON value; the name needs no escapes.
  ObjectText& add(std::string_view name, std::string_view value) {
    text_ += text_.size() == 1 ? "\"" : ",\"";
    text_ += name;
    text_ += "\":";
    text_ += value;
    return *this;
  }
  std::string finish() { return std::move(text_) + "}"; }

private:
  std::string text_ = "{";
};

/// The text of a JSON string.
inline std::string quoted(const std::string& text) {
  return json(text).dump();
}

/// Adds an element to the text of an array that is not closed yet.
inline void add_element(std::string& array, std::string_view value) {
  if (array.size() > 1) {
    array += ',';
  }
  array += value;
}

inline std::string write_config(const Config& config) {
  ObjectText out;
  out.add("thread_id", quoted(config.thread_id));
  out.add("checkpoint_ns", quoted(config.checkpoint_ns));
  if (config.checkpoint_id) {
    out.add("checkpoint_id", quoted(*config.checkpoint_id));
  }
  return out.finish();
}

inline std::string write_tuple(const CheckpointTuple& tuple) {
  ObjectText out;
  out.add("config", write_config(tuple.config));
  out.add("checkpoint", tuple.checkpoint.text());
  out.add("metadata", tuple.metadata.text());
  if (tuple.parent_config) {
    out.add("parent_config", write_config(*tuple.parent_config));
  }
  std::string writes = "[";
  for (const agentstore::PendingWrite& write : tuple.pending_writes) {
    std::string entry = "[";
    add_element(entry, quoted(write.task_id));
    add_element(entry, quoted(write.channel));
    add_element(entry, write.value.text());
    add_element(writes, entry + "]");
  }
  out.add("pending_writes", writes + "]");
  return out.finish();
}

// The operations, each from its request to its answer.

inline awaitable<std::string> get_tuple(Checkpointer saver, Members request) {
  Config config = request.config();
  request.end();
  const std::optional<CheckpointTuple> tuple = co_await saver.get_tuple(std::move(config));
  std::string text = "null";
  if (tuple) {
    text = write_tuple(*tuple);
  }
  co_return ObjectText().add("tuple", text).finish();
}

inline awaitable<std::string> list(Checkpointer saver, Members request) {
  agentstore::langgraph::ListOptions options;
  options.thread_id = request.optional_text("thread_id");
  options.checkpoint_ns = request.optional_text("checkpoint_ns");
  options.checkpoint_id = request.optional_text("checkpoint_id");
  options.before = request.optional_text("before");
  options.filter = request.tree_or("filter", json::object());
  options.limit = request.optional_count("limit");
  request.end();
  const std::vector<CheckpointTuple> tuples = co_await saver.list(std::move(options));
  std::string all = "[";
  for (const CheckpointTuple& tuple : tuples) {
    add_element(all, write_tuple(tuple));
  }
  co_return ObjectText().add("tuples", all + "]").finish();
}

inline awaitable<std::string> put(Checkpointer saver, Members request) {
  Members where = request.object("config");
  Config config = where.config();
  where.end();
  Document checkpoint = request.document("checkpoint");
  Document metadata = request.document("metadata");
  Document new_versions = request.document("new_versions");
  request.end();
  const Config stored = co_await saver.put(std::move(config), std::move(checkpoint),
                                           std::move(metadata), std::move(new_versions));
  co_return ObjectText().add("config", write_config(stored)).finish();
}

inline awaitable<std::string> put_writes(Checkpointer saver, Members request) {
  Members where = request.object("config");
  Config config = where.config();
  where.end();
  std::vector<agentstore::ChannelWrite> writes;
  for (const DocumentPart& each : request.array("writes")) {
    const std::vector<DocumentPart> pair = each.elements();
    if (pair.size() != 2 || !pair[0].is_string()) {
      request.refuse("writes", "holds what is not [channel, value]");
    }
    writes.emplace_back(pair[0].tree().get<std::string>(), pair[1].document());
  }
  std::string task_id = request.text("task_id");
  std::string task_path = request.optional_text("task_path").value_or(std::string());
  request.end();
  co_await saver.put_writes(std::move(config), std::move(writes), std::move(task_id),
                            std::move(task_path));
  co_return "{}";
}

inline awaitable<std::string> delete_thread(Checkpointer saver, Members request) {
  std::string thread_id = request.text("thread_id");
  request.end();
  const bool deleted = co_await saver.delete_thread(std::move(thread_id));
  co_return ObjectText().add("deleted", deleted ? "true" : "false").finish();
}

inline awaitable<std::string> copy_thread(Checkpointer saver, Members request) {
  std::string source = request.text("source");
  std::string target = request.text("target");
  request.end();
  const bool copied = co_await saver.copy_thread(std::move(source), std::move(target));
  co_return ObjectText().add("copied", copied ? "true" : "false").finish();
}

inline awaitable<std::string> prune(Checkpointer saver, Members request) {
  std::vector<std::string> thread_ids = request.texts("thread_ids");
  const std::string strategy = request.optional_text("strategy").value_or("keep_latest");
  request.end();
  if (strategy != "keep_latest" && strategy != "delete") {
    request.refuse("strategy", "is neither \"keep_latest\" nor \"delete\"");
  }
  const auto what = strategy == "delete" ? agentstore::langgraph::PruneStrategy::delete_all
                                         : agentstore::langgraph::PruneStrategy::keep_latest;
  co_await saver.prune(std::move(thread_ids), what);
  co_return "{}";
}

class Operation {
public:
  std::string_view name;
  awaitable<std::string> (*run)(Checkpointer saver, Members request);
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
inline std::string key_of(const Document& body) {
  const DocumentPart request(body);
  const DocumentPart place = request.find("config").value_or(request);
  for (const char* const name : {"thread_id", "source"}) {
    const auto id = place.find(name);
    if (id && id->is_string()) {
      return id->tree().get<std::string>();
    }
  }
  return "";
}

} // namespace langgraph_bridge

#endif
