// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_OPERATION_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_OPERATION_HPP

/// \file
/// A call of any method as a value: the method, and its arguments by parameter.

#include <agentstore/conformance/harness.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore::conformance {

/// Every method of every interface. `methods()` describes them in this order.
enum class MethodId {
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
  list_sessions,
  delete_session,
  list_threads,
  delete_thread,
  copy_thread,
  prune_thread,
  list_checkpoints_before,
  get_thread_head,
  initialize,
  close,
  health_check,
  get_metrics,
  cleanup_expired_sessions,
  append_session_event, // the appends stand in the order of ArchiveKind
  append_conversation_message,
  append_checkpoint,
  append_checkpoint_writes,
  append_conversation_session,
  append_task_context_snapshot,
  read_archive,
  set_clock, ///< of the harness, not of a store
};

/// A parameter by its meaning. The ids up to `source` are the first id of a method.
enum class Parameter {
  session_id,
  thread_id,
  session_key,
  listed_user_id,
  prefix,
  key,
  source,
  clock, ///< what the clock is set to
  target,
  user_id,
  checkpoint_id,
  optional_checkpoint_id,
  task_id,
  status,
  role,
  event_type,
  content,
  data,
  context,
  payload,
  session_data,
  context_data,
  metadata,
  updates,
  writes,
  value,   ///< of the first of `writes`
  channel, ///< of the first of `writes`
  limit,
  keep,
  page,
  max_idle,
  created_at,
  archive_kind,
  after,
};

/// What a parameter takes. `other` is all that is neither an id nor a value nor a text.
enum class Takes { id, any, object, text, nonempty_text, other };

/// The parameter's name in the interfaces.
std::string_view name_of(Parameter parameter);
Takes taken_by(Parameter parameter);
inline bool is_id(Parameter parameter) {
  return taken_by(parameter) == Takes::id;
}
inline bool takes_json(Parameter parameter) {
  return taken_by(parameter) == Takes::any || taken_by(parameter) == Takes::object;
}

/// One call of one method with its arguments. It may be made in any state of a store; the contract
/// says what comes of it. Which members are arguments depends on the method.
class Operation {
public:
  using Kind = MethodId;

  Operation() = default;
  explicit Operation(Kind method, std::string first_id = {})
      : kind(method), key(std::move(first_id)) {}

  Kind kind = Kind::get_session;
  /// The first id: of a session or a thread, a key of the archive, a user or a prefix.
  std::string key;
  /// Of the user.
  std::string user_id;
  /// Only `get_checkpoint` can do without it.
  std::optional<std::string> checkpoint_id;
  std::string task_id;
  /// Of a copy.
  std::string target;
  /// The role, the status or the type of an event.
  std::string text;
  std::string content;
  /// The data, context or payload.
  Document value;
  Document metadata = Document::object();
  SessionUpdate update;
  std::vector<ChannelWrite> writes;
  /// How many at most, to a page, or to be kept.
  std::size_t limit = 0;
  std::chrono::microseconds max_idle{0};
  /// What an archive record is dated, or what the clock is set to.
  std::optional<Timestamp> time;
  ArchiveKind archive_kind = ArchiveKind::session_event;
  /// The records of an archive that are read come behind this sequence.
  std::uint64_t after = 0;
  /// With it an append is the one of IArchiveOnce.
  std::optional<std::string> entry_id;
  /// Whether the reads of checkpoints go by ICheckpointerBackend rather than ICheckpointStorage.
  bool as_checkpointer = false;
};

/// \name The argument for a parameter that takes an id or a text, or JSON
/// @{
std::string& text_argument(Operation& operation, Parameter parameter);
Document& json_argument(Operation& operation, Parameter parameter);
/// @}

/// The argument as JSON, of `writes` as well.
json argument_of(Operation operation, Parameter parameter);
/// Sets the argument from JSON, that of `updates`, `value` and `channel` as well.
void set_argument(Operation& operation, Parameter parameter, Document value);

// Only machinery below this line.

namespace detail {

class ParameterText {
public:
  std::string_view name;
  Takes takes;
};

inline const ParameterText& text_of(Parameter parameter) {
  static constexpr std::array<ParameterText, 34> all = {{
      {"session_id", Takes::id},
      {"thread_id", Takes::id},
      {"session_key", Takes::id},
      {"user_id", Takes::id},
      {"prefix", Takes::id},
      {"key", Takes::id},
      {"source", Takes::id},
      {"now", Takes::other},
      {"target", Takes::id},
      {"user_id", Takes::id},
      {"checkpoint_id", Takes::id},
      {"checkpoint_id", Takes::id},
      {"task_id", Takes::id},
      {"status", Takes::nonempty_text},
      {"role", Takes::nonempty_text},
      {"event_type", Takes::nonempty_text},
      {"content", Takes::text},
      {"data", Takes::any},
      {"context", Takes::any},
      {"payload", Takes::any},
      {"session_data", Takes::any},
      {"context_data", Takes::any},
      {"metadata", Takes::object},
      {"updates", Takes::object},
      {"writes", Takes::other},
      {"value", Takes::any},
      {"channel", Takes::nonempty_text},
      {"limit", Takes::other},
      {"keep", Takes::other},
      {"page", Takes::other},
      {"max_idle", Takes::other},
      {"created_at", Takes::other},
      {"kind", Takes::other},
      {"after", Takes::other},
  }};
  return all[static_cast<std::size_t>(parameter)];
}

inline ChannelWrite& first_write(Operation& operation) {
  return operation.writes.empty() ? operation.writes.emplace_back("channel", json(1))
                                  : operation.writes.front();
}

} // namespace detail

inline std::string_view name_of(Parameter parameter) {
  return detail::text_of(parameter).name;
}

inline Takes taken_by(Parameter parameter) {
  return detail::text_of(parameter).takes;
}

inline std::string& text_argument(Operation& operation, Parameter parameter) {
  switch (parameter) {
  case Parameter::target:
    return operation.target;
  case Parameter::user_id:
    return operation.user_id;
  case Parameter::checkpoint_id:
  case Parameter::optional_checkpoint_id:
    return operation.checkpoint_id ? *operation.checkpoint_id : operation.checkpoint_id.emplace();
  case Parameter::task_id:
    return operation.task_id;
  case Parameter::status:
  case Parameter::role:
  case Parameter::event_type:
    return operation.text;
  case Parameter::content:
    return operation.content;
  case Parameter::channel:
    return detail::first_write(operation).channel;
  default: // the first id
    return operation.key;
  }
}

inline Document& json_argument(Operation& operation, Parameter parameter) {
  return parameter == Parameter::metadata ? operation.metadata : operation.value;
}

inline json argument_of(Operation operation, Parameter parameter) {
  if (parameter == Parameter::writes) {
    return json(operation.writes);
  }
  return takes_json(parameter) ? json_argument(operation, parameter).tree()
                               : json(text_argument(operation, parameter));
}

inline void set_argument(Operation& operation, Parameter parameter, Document value) {
  if (parameter == Parameter::updates) {
    operation.update.updates(std::move(value).tree());
  } else if (parameter == Parameter::value) {
    detail::first_write(operation).value = std::move(value);
  } else if (takes_json(parameter)) {
    json_argument(operation, parameter) = std::move(value);
  } else {
    text_argument(operation, parameter) = value.get<std::string>();
  }
}

} // namespace agentstore::conformance

#endif
