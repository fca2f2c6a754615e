// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_CALL_TEXT_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_CALL_TEXT_HPP

/// \file
/// Calls as text for a person, and as C++ code.

#include <agentstore/conformance/check/show.hpp>
#include <agentstore/conformance/methods/method.hpp>

namespace agentstore::conformance {

/// Calls that are made one after the other.
using Program = std::vector<Operation>;

/// The call on one line, for a person.
std::string show(const Operation& operation);

/// Statements of a coroutine that make the calls. The reader of the code defines `store`,
/// `checkpointer`, `archive` and `harness`. A call's text in `notes` follows it as a comment.
/// Nothing is braced inside of a `co_await`, because g++ 12 miscompiles that.
std::string to_code(const Program& program, const std::vector<std::string>& notes = {});

/// `text` as a C++ literal.
std::string to_literal(const std::string& text);

// Only machinery below this line.

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
  // A literal ends at a NUL unless its length is given.
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
    return std::string(method_of(operation.kind).name) + "(" + text.arguments_ + ")";
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
  void code(const std::string& argument) {
    arguments_ += (arguments_.empty() ? "" : ", ") + argument;
  }
  void id(const std::optional<std::string>& value) {
    code(value ? to_literal(*value) : "std::nullopt");
  }
  void duration(std::chrono::microseconds value) {
    code("std::chrono::microseconds(" + std::to_string(value.count()) + ")");
  }
  void time(const std::optional<Timestamp>& value) {
    code(value ? "from_iso8601(\"" + to_iso8601(*value) + "\")" : "std::nullopt");
  }

  void update(const SessionUpdate& update) {
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
    code(chain);
  }

  void add(const Operation& operation, const std::string& writes) {
    for (const Parameter parameter : method_of(operation.kind)) {
      add(operation, parameter, writes);
    }
  }

  void add(const Operation& o, Parameter parameter, const std::string& writes) {
    switch (parameter) {
    case Parameter::checkpoint_id:
    case Parameter::optional_checkpoint_id:
      id(o.checkpoint_id);
      break;
    case Parameter::updates:
      update(o.update);
      break;
    case Parameter::writes:
      code(writes);
      break;
    case Parameter::limit:
    case Parameter::keep:
      code(std::to_string(o.limit));
      break;
    case Parameter::page:
      code("Page(" + std::to_string(o.limit) + ")");
      break;
    case Parameter::max_idle:
      duration(o.max_idle);
      break;
    case Parameter::created_at:
    case Parameter::clock:
      time(o.time);
      break;
    case Parameter::archive_kind:
      code("ArchiveKind::" + std::string(to_string(o.archive_kind)));
      break;
    case Parameter::after:
      code("0");
      break;
    default: {
      const json argument = argument_of(o, parameter);
      code(takes_json(parameter) ? literal(argument) : to_literal(argument.get<std::string>()));
      break;
    }
    }
  }

  std::string arguments_;
};

/// The name of the object that has the method, as code calls it.
inline const char* object_of(const Operation& operation) {
  const unsigned interfaces = method_of(operation.kind).interfaces();
  switch (interfaces) {
  case 0:
    return "harness";
  case Interfaces::archive:
  case Interfaces::archive_reader:
    return "archive";
  case Interfaces::checkpointer:
    return "checkpointer";
  default:
    return operation.as_checkpointer ? "checkpointer" : "store";
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
    const bool has_writes = method_of(operation.kind).has(Parameter::writes);
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
