// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_OPERATION_HPP
#define AGENTSTORE_CONFORMANCE_OPERATION_HPP

/// \file
/// A call on a store as a value, and as C++ code.

#include <agentstore/conformance/harness.hpp>
#include <agentstore/conformance/show.hpp>

#include <iterator>

namespace agentstore::conformance {

/// One call of one method with its arguments. It may be made in any state of a store: what comes
/// of it then is for the contract to say. Which members are arguments depends on the kind.
class Operation {
public:
  enum class Kind {
    create_session,
    get_session,
    update_session,
    end_session,
    add_conversation_message,
    get_conversation_history,
    store_checkpoint,
    put_checkpoint,
    get_checkpoint,
    list_checkpoints,
    put_writes,
    get_writes,
    get_task_context,
    store_task_context,
    list_sessions, ///< all pages of it
    delete_session,
    list_threads, ///< all pages of it
    delete_thread,
    copy_thread,
    prune_thread,
    list_checkpoints_before,
    initialize,
    close,
    health_check,
    get_metrics,
    cleanup_expired_sessions,
    append_session_event,
    append_conversation_message,
    append_checkpoint,
    append_checkpoint_writes,
    append_conversation_session,
    append_task_context_snapshot,
    read_archive,
    set_clock, ///< of the harness, not of the store
  };

  Operation() = default;
  explicit Operation(Kind method, std::string first_id = {})
      : kind(method), key(std::move(first_id)) {}

  Kind kind = Kind::get_session;
  /// The first id: of a session or a thread, a key of the archive, a user or a prefix.
  std::string key;
  /// Of the user.
  std::string user_id;
  /// `get_checkpoint` alone can do without.
  std::optional<std::string> checkpoint_id;
  std::string task_id;
  /// Of a copy.
  std::string target;
  /// The role, the status or the type of an event.
  std::string text;
  std::string content;
  /// The data, context or payload.
  json value;
  json metadata = json::object();
  SessionUpdate update;
  std::vector<ChannelWrite> writes;
  /// How many at most, to a page, or to be kept.
  std::size_t limit = 0;
  std::chrono::microseconds max_idle{0};
  /// What an archive record is dated, or what the clock is set to.
  std::optional<Timestamp> time;
  ArchiveKind archive_kind = ArchiveKind::session_event;
  /// Whether the reads of checkpoints go by ICheckpointerBackend rather than ICheckpointStorage.
  bool as_checkpointer = false;
};

/// Calls that are made one after the other.
using Program = std::vector<Operation>;

/// The name of the method.
const char* name_of(Operation::Kind kind);

/// The call on one line, for a person.
std::string show(const Operation& operation);

/// Statements of a coroutine that make the calls, for `store`, `checkpointer`, `archive` and
/// `harness` to be defined by whoever pastes them. What `notes` has for a call follows it as a
/// comment. They keep clear of what g++ 12 miscompiles: nothing is braced inside of a `co_await`.
std::string to_code(const Program& program, const std::vector<std::string>& notes = {});

/// `text` as a C++ literal.
std::string to_literal(const std::string& text);

// Only machinery below this line.

inline const char* name_of(Operation::Kind kind) {
  static constexpr const char* names[] = {"create_session",
                                          "get_session",
                                          "update_session",
                                          "end_session",
                                          "add_conversation_message",
                                          "get_conversation_history",
                                          "store_checkpoint",
                                          "put_checkpoint",
                                          "get_checkpoint",
                                          "list_checkpoints",
                                          "put_writes",
                                          "get_writes",
                                          "get_task_context",
                                          "store_task_context",
                                          "list_sessions",
                                          "delete_session",
                                          "list_threads",
                                          "delete_thread",
                                          "copy_thread",
                                          "prune_thread",
                                          "list_checkpoints_before",
                                          "initialize",
                                          "close",
                                          "health_check",
                                          "get_metrics",
                                          "cleanup_expired_sessions",
                                          "append_session_event",
                                          "append_conversation_message",
                                          "append_checkpoint",
                                          "append_checkpoint_writes",
                                          "append_conversation_session",
                                          "append_task_context_snapshot",
                                          "read_archive",
                                          "set_clock"};
  static_assert(std::size(names) == static_cast<std::size_t>(Operation::Kind::set_clock) + 1);
  return names[static_cast<std::size_t>(kind)];
}

/// Three octal digits never run into what follows, as hexadecimal ones do.
inline std::string to_literal(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += '\\';
      out += static_cast<char>('0' + (byte >> 6u));
      out += static_cast<char>('0' + ((byte >> 3u) & 7u));
      out += static_cast<char>('0' + (byte & 7u));
    } else {
      out += c;
    }
  }
  out += '"';
  // A literal ends at a NUL unless its length is told.
  return text.find('\0') == std::string::npos
             ? out
             : "std::string(" + out + ", " + std::to_string(text.size()) + ")";
}

namespace detail {

/// The code of one call, argument by argument.
class CallText {
public:
  /// `writes` is what stands for the operation's writes.
  static std::string of(const Operation& operation, const std::string& writes) {
    CallText text;
    text.add(operation, writes);
    return std::string(name_of(operation.kind)) + "(" + text.arguments_ + ")";
  }

  static std::string literal(const json& value) {
    if (value.is_null()) {
      return "json()";
    }
    if (value.is_object() && value.empty()) {
      return "json::object()";
    }
    const std::string dump = value.dump(-1, ' ', true, json::error_handler_t::replace);
    return dump.find(")\"") == std::string::npos ? "json::parse(R\"(" + dump + ")\")"
                                                 : "json::parse(" + to_literal(dump) + ")";
  }

private:
  CallText& code(const std::string& argument) {
    arguments_ += (arguments_.empty() ? "" : ", ") + argument;
    return *this;
  }
  CallText& text(const std::string& value) { return code(to_literal(value)); }
  CallText& value(const json& value) { return code(literal(value)); }
  CallText& id(const std::optional<std::string>& value) {
    return code(value ? to_literal(*value) : "std::nullopt");
  }
  CallText& limit(std::size_t value) { return code(std::to_string(value)); }
  CallText& duration(std::chrono::microseconds value) {
    return code("std::chrono::microseconds(" + std::to_string(value.count()) + ")");
  }
  CallText& time(const std::optional<Timestamp>& value) {
    return code(value ? "from_iso8601(\"" + to_iso8601(*value) + "\")" : "std::nullopt");
  }

  CallText& update(const SessionUpdate& update) {
    std::string chain = "SessionUpdate()";
    if (update.metadata_patch()) {
      chain += ".updates(" + literal(*update.metadata_patch()) + ")";
    }
    if (update.counts_request()) {
      chain += ".increment_requests()";
    }
    if (update.counts_error()) {
      chain += ".mark_error()";
    }
    if (update.processing_time().count() != 0) {
      chain += ".add_processing_time(std::chrono::microseconds(" +
               std::to_string(update.processing_time().count()) + "))";
    }
    return code(chain);
  }

  void add(const Operation& o, const std::string& writes) {
    using Kind = Operation::Kind;
    switch (o.kind) {
    case Kind::create_session:
      text(o.key).text(o.user_id).value(o.metadata);
      break;
    case Kind::get_session:
    case Kind::get_task_context:
      text(o.key);
      break;
    case Kind::update_session:
      text(o.key).update(o.update);
      break;
    case Kind::end_session:
      text(o.key).text(o.text);
      break;
    case Kind::add_conversation_message:
      text(o.key).text(o.text).text(o.content).value(o.metadata);
      break;
    case Kind::get_conversation_history:
    case Kind::list_checkpoints:
      text(o.key).limit(o.limit);
      break;
    case Kind::store_checkpoint:
    case Kind::put_checkpoint:
      text(o.key).id(o.checkpoint_id).value(o.value).value(o.metadata);
      break;
    case Kind::get_checkpoint:
    case Kind::get_writes:
      text(o.key).id(o.checkpoint_id);
      break;
    case Kind::put_writes:
      text(o.key).id(o.checkpoint_id).text(o.task_id).code(writes);
      break;
    case Kind::store_task_context:
      text(o.key).value(o.value);
      break;
    case Kind::list_sessions:
    case Kind::list_threads:
      text(o.key).code("Page(" + std::to_string(o.limit) + ")");
      break;
    case Kind::delete_session:
    case Kind::delete_thread:
      text(o.key);
      break;
    case Kind::copy_thread:
      text(o.key).text(o.target);
      break;
    case Kind::prune_thread:
      text(o.key).limit(o.limit);
      break;
    case Kind::list_checkpoints_before:
      text(o.key).id(o.checkpoint_id).limit(o.limit);
      break;
    case Kind::initialize:
    case Kind::close:
    case Kind::health_check:
    case Kind::get_metrics:
      break;
    case Kind::cleanup_expired_sessions:
      duration(o.max_idle);
      break;
    case Kind::append_session_event:
      text(o.key).text(o.user_id).text(o.text).value(o.value).time(o.time);
      break;
    case Kind::append_conversation_message:
      text(o.key).text(o.text).text(o.content).value(o.metadata).time(o.time);
      break;
    case Kind::append_checkpoint:
      text(o.key).id(o.checkpoint_id).value(o.value).value(o.metadata).time(o.time);
      break;
    case Kind::append_checkpoint_writes:
      text(o.key).id(o.checkpoint_id).text(o.task_id).code(writes).time(o.time);
      break;
    case Kind::append_conversation_session:
    case Kind::append_task_context_snapshot:
      text(o.key).value(o.value).time(o.time);
      break;
    case Kind::read_archive:
      code("ArchiveKind::" + std::string(to_string(o.archive_kind))).text(o.key);
      code("0").limit(o.limit);
      break;
    case Kind::set_clock:
      time(o.time);
      break;
    }
  }

  std::string arguments_;
};

/// The name of the object that has the method, as code calls it.
inline const char* object_of(const Operation& operation) {
  using Kind = Operation::Kind;
  switch (operation.kind) {
  case Kind::put_checkpoint:
  case Kind::put_writes:
  case Kind::get_writes:
    return "checkpointer";
  case Kind::get_checkpoint:
  case Kind::list_checkpoints:
    return operation.as_checkpointer ? "checkpointer" : "store";
  case Kind::append_session_event:
  case Kind::append_conversation_message:
  case Kind::append_checkpoint:
  case Kind::append_checkpoint_writes:
  case Kind::append_conversation_session:
  case Kind::append_task_context_snapshot:
  case Kind::read_archive:
    return "archive";
  case Kind::set_clock:
    return "harness";
  default:
    return "store";
  }
}

} // namespace detail

inline std::string show(const Operation& operation) {
  return detail::CallText::of(operation, show(operation.writes));
}

inline std::string to_code(const Program& program, const std::vector<std::string>& notes) {
  std::string code;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const Operation& operation = program[i];
    const bool has_writes = operation.kind == Operation::Kind::put_writes ||
                            operation.kind == Operation::Kind::append_checkpoint_writes;
    const std::string writes = has_writes ? "writes" + std::to_string(i + 1) : "";
    if (has_writes) {
      code += "std::vector<ChannelWrite> " + writes + ";\n";
      for (const ChannelWrite& write : operation.writes) {
        code += writes + ".emplace_back(" + to_literal(write.channel) + ", " +
                detail::CallText::literal(write.value) + ");\n";
      }
    }
    code += operation.kind == Operation::Kind::set_clock ? "" : "co_await ";
    code += std::string(detail::object_of(operation)) + "." +
            detail::CallText::of(operation, writes) + ";";
    code += i < notes.size() ? " // " + notes[i] + "\n" : "\n";
  }
  return code;
}

} // namespace agentstore::conformance

#endif
