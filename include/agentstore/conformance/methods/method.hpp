// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_METHOD_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_METHOD_HPP

/// \file
/// The one description of the methods of all interfaces: `methods()`, at the end. Every loop over
/// methods takes names, parameters and effects from it, and makes its calls by it:
///
///     for (const Method& method : methods()) {
///       if (method.kind == MethodKind::reads && method.is_offered(ctx.harness().interfaces())) {
///         Operation call = method.prepared("k");
///         client.call(show(call), is_positive(method.call(client.handle(), call)));
///       }
///     }
///
/// A new method needs an enumerator of `MethodId`, a row here, and a case in the model.
/// `WriteArgument::read_all` and `TaggedWriteTable::all` say where its effect is found.

#include <agentstore/conformance/methods/operation.hpp>

#include <algorithm>
#include <bit>
#include <tuple>
#include <variant>

namespace agentstore::conformance {

/// What any method returns; `std::monostate` is for void.
using Answer =
    std::variant<std::monostate, bool, std::uint64_t, Session, std::optional<Session>,
                 std::vector<Message>, std::optional<Checkpoint>, std::vector<Checkpoint>,
                 std::vector<PendingWrite>, std::optional<Document>, Health, Metrics, SessionPage,
                 ThreadPage, ThreadHead, std::vector<ArchiveRecord>>;

/// Whether something was done or found: the answer is neither false nor 0 nor empty.
bool is_positive(const Answer& answer);
/// The same, of the answer of a call.
awaitable<bool> is_positive(awaitable<Answer> call);

/// What a method does.
enum class MethodKind {
  reads,     ///< reads or counts records
  writes,    ///< writes one record, or a part of it, from values
  changes,   ///< removes or copies what is there; takes no values
  maintains, ///< opens, checks or cleans the whole store
  closes,
};

/// What a second write to the same ids does to what is read.
enum class RepeatEffect {
  replaces, ///< the second value is there instead of the first
  appends,  ///< both are there, in order
  merges,   ///< a merge patch: the first value with the second merged into it
  keeps,    ///< the first value stays; the second call is refused, or has no effect
};

/// What a call does if its first id is unknown to the store.
enum class OnMissing {
  creates, ///< it makes what the id names
  nothing, ///< it finds nothing, or has nothing to do: nullopt, an empty list, false or 0
  refused, ///< it writes nothing, because there is no such session: false
  no_id,   ///< the method has no id
};

/// One method.
class Method {
public:
  /// The method as one interface has it.
  class Function {
  public:
    unsigned interface = 0; // one bit of `Interfaces`
    bool (*is_in)(const Handle&) = nullptr;
    awaitable<Answer> (*call)(Handle&, Operation) = nullptr;
  };
  /// `get_checkpoint`, for one, is in two interfaces.
  using Functions = std::array<Function, 2>;

  template <class... Parameters>
  constexpr Method(MethodId the_id, std::string_view method_name, MethodKind of_kind,
                   OnMissing missing, unsigned how_often, Functions in_interfaces,
                   Parameters... in_order)
      : id(the_id), name(method_name), kind(of_kind), on_missing(missing), weight(how_often),
        functions(in_interfaces), count_(sizeof...(in_order)), parameters_{in_order...} {}
  /// A method that writes.
  template <class... Parameters>
  constexpr Method(MethodId the_id, std::string_view method_name, RepeatEffect repeated,
                   OnMissing missing, unsigned how_often, Functions in_interfaces,
                   Parameters... in_order)
      : Method(the_id, method_name, MethodKind::writes, missing, how_often, in_interfaces,
               in_order...) {
    on_repeat = repeated;
  }

  MethodId id;
  std::string_view name;
  MethodKind kind;
  /// Of a method that writes.
  RepeatEffect on_repeat = RepeatEffect::keeps;
  OnMissing on_missing;
  /// How often random programs call it, beside the others.
  unsigned weight;
  Functions functions;

  /// The parameters in order.
  const Parameter* begin() const { return parameters_.data(); }
  const Parameter* end() const { return begin() + count_; }
  bool has(Parameter parameter) const { return std::find(begin(), end(), parameter) != end(); }
  /// The names of the ids, in order.
  std::vector<std::string_view> id_names() const;
  /// The parameters that take JSON, then those that take a text. `writes` counts as the two parts
  /// of its first element.
  std::vector<Parameter> values() const;
  /// How many of the ids, from the first, lead to a value. The others are only kept with it.
  std::size_t addressing() const {
    return is_archive() || has(Parameter::user_id) ? 1 : id_names().size();
  }

  /// The interfaces that have the method, as bits of `Interfaces`.
  unsigned interfaces() const { return functions[0].interface | functions[1].interface; }
  bool is_offered(unsigned offered) const { return (interfaces() & offered) != 0; }
  bool is_archive() const { return interfaces() == Interfaces::archive; }
  /// The kind of the record that an append makes.
  /// Requires: `is_archive()`, and the method is not of the life cycle.
  ArchiveKind archive_kind() const;
  /// Whether the first id must be a session, if the store has sessions.
  bool needs_session() const { return on_missing == OnMissing::refused; }

  /// A call with an argument for each parameter. The first id is the key.
  Operation prepared(const std::string& key) const;
  /// Calls the method of the first of its interfaces that the handle has, or of
  /// ICheckpointerBackend or IArchiveOnce if the operation says so. The result is not yet awaited.
  /// Requires: the handle has one of the interfaces.
  awaitable<Answer> call(Handle& handle, Operation operation) const;

private:
  std::size_t count_;
  std::array<Parameter, 6> parameters_;
};

/// The fields of an append in the archive: the arguments by their names, without `version`.
json archived_fields(const Operation& append);

/// In the order of `MethodId`.
const std::array<Method, 35>& methods();
inline const Method& method_of(MethodId id) {
  return methods()[static_cast<std::size_t>(id)];
}

// Only machinery below this line.

namespace detail {

class IsPositive {
public:
  bool operator()(bool answer) const { return answer; }
  bool operator()(std::uint64_t count) const { return count != 0; }
  template <class T>
  bool operator()(const std::optional<T>& found) const {
    return found.has_value();
  }
  template <class T>
  bool operator()(const std::vector<T>& found) const {
    return !found.empty();
  }
  bool operator()(const SessionPage& page) const { return !page.sessions.empty(); }
  bool operator()(const ThreadPage& page) const { return !page.thread_ids.empty(); }
  bool operator()(const ThreadHead& head) const { return head.latest.has_value(); }
  template <class T>
  bool operator()(const T&) const {
    return true;
  }
};

template <class T>
awaitable<Answer> as_answer(awaitable<T> call) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(call);
    co_return Answer();
  } else {
    T value = co_await std::move(call);
    co_return Answer(std::in_place_type<T>, std::move(value));
  }
}

/// Takes an argument of type T out of an operation.
template <class T>
T take(Operation& o, Parameter parameter) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::move(text_argument(o, parameter));
  } else if constexpr (std::is_same_v<T, std::optional<std::string>>) {
    return std::move(o.checkpoint_id);
  } else if constexpr (std::is_same_v<T, Document>) {
    return std::move(json_argument(o, parameter));
  } else if constexpr (std::is_same_v<T, SessionUpdate>) {
    return std::move(o.update);
  } else if constexpr (std::is_same_v<T, std::vector<ChannelWrite>>) {
    return std::move(o.writes);
  } else if constexpr (std::is_same_v<T, Page>) {
    return Page(o.limit);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    return o.max_idle;
  } else if constexpr (std::is_same_v<T, std::optional<Timestamp>>) {
    return o.time;
  } else if constexpr (std::is_same_v<T, ArchiveKind>) {
    return o.archive_kind;
  } else {
    return parameter == Parameter::after ? T(o.after) : T(o.limit);
  }
}

template <auto Pointer>
class FunctionOf;

template <class T, class Interface, class... Arguments,
          awaitable<T> (Interface::*Pointer)(Arguments...)>
class FunctionOf<Pointer> {
public:
  static constexpr Method::Function value() {
    Method::Function function;
    // The bit of an interface is above those of the interfaces that it derives from.
    function.interface = std::bit_floor(Interfaces::of<Interface>());
    function.is_in = [](const Handle& handle) { return handle.get<Interface>() != nullptr; };
    function.call = [](Handle& handle, Operation operation) {
      return call(handle, operation, std::index_sequence_for<Arguments...>());
    };
    return function;
  }

private:
  template <std::size_t... I>
  static awaitable<Answer> call(Handle& handle, Operation& operation, std::index_sequence<I...>) {
    [[maybe_unused]] const Parameter* parameters = method_of(operation.kind).begin();
    Interface& object = *handle.get<Interface>();
    return as_answer((object.*Pointer)(take<Arguments>(operation, parameters[I])...));
  }
};

template <auto... Pointers>
constexpr Method::Functions in() {
  return {FunctionOf<Pointers>::value()...};
}

} // namespace detail

inline bool is_positive(const Answer& answer) {
  return std::visit(detail::IsPositive(), answer);
}

inline awaitable<bool> is_positive(awaitable<Answer> call) {
  const Answer answer = co_await std::move(call);
  co_return is_positive(answer);
}

/// The call of an operation by its method, and whether it found or changed anything.
inline awaitable<bool> positive_call(Handle& handle, Operation operation) {
  const Method& method = method_of(operation.kind);
  return is_positive(method.call(handle, std::move(operation)));
}

inline std::vector<std::string_view> Method::id_names() const {
  std::vector<std::string_view> names;
  for (const Parameter parameter : *this) {
    if (is_id(parameter)) {
      names.push_back(name_of(parameter));
    }
  }
  return names;
}

inline std::vector<Parameter> Method::values() const {
  std::vector<Parameter> json_values;
  std::vector<Parameter> texts;
  const auto add = [&](Parameter parameter) {
    if (takes_json(parameter)) {
      json_values.push_back(parameter);
    } else if (!is_id(parameter) && taken_by(parameter) != Takes::other) {
      texts.push_back(parameter);
    }
  };
  std::for_each(begin(), end(), add);
  if (has(Parameter::writes)) {
    add(Parameter::value);
    add(Parameter::channel);
  }
  json_values.insert(json_values.end(), texts.begin(), texts.end());
  return json_values;
}

inline ArchiveKind Method::archive_kind() const {
  const int first = static_cast<int>(MethodId::append_session_event);
  return static_cast<ArchiveKind>(static_cast<int>(id) - first);
}

inline Operation Method::prepared(const std::string& key) const {
  Operation operation(id);
  for (const Parameter parameter : *this) {
    const std::string what(name_of(parameter));
    if (is_id(parameter)) {
      // Each key has a target of its own.
      std::string& argument = text_argument(operation, parameter);
      argument = &argument == &operation.key      ? key
                 : parameter == Parameter::target ? key + " too"
                                                  : "the " + what;
    } else if (taken_by(parameter) != Takes::other && parameter != Parameter::updates) {
      set_argument(operation, parameter,
                   taken_by(parameter) == Takes::any      ? json(1)
                   : taken_by(parameter) == Takes::object ? json::object()
                                                          : json("some " + what));
    } else if (parameter == Parameter::writes) {
      detail::first_write(operation);
    }
  }
  operation.limit = has(Parameter::keep) ? 1 : 100;
  operation.max_idle = default_max_idle;
  operation.archive_kind = ArchiveKind::conversation_session;
  return operation;
}

inline json archived_fields(const Operation& append) {
  json fields = json::object();
  for (const Parameter parameter : method_of(append.kind)) {
    if (parameter != Parameter::created_at) {
      fields[std::string(name_of(parameter))] = argument_of(append, parameter);
    }
  }
  return fields;
}

namespace detail {

/// The append of an operation that has an entry id.
inline awaitable<bool> append_entry(IArchiveOnce& archive, Operation o) {
  std::string id = *std::move(o.entry_id);
  switch (o.kind) {
  case MethodId::append_session_event:
    return archive.append_session_event_once(std::move(id), std::move(o.key), std::move(o.user_id),
                                             std::move(o.text), std::move(o.value), o.time);
  case MethodId::append_conversation_message:
    return archive.append_conversation_message_once(std::move(id), std::move(o.key),
                                                    std::move(o.text), std::move(o.content),
                                                    std::move(o.metadata), o.time);
  case MethodId::append_checkpoint:
    return archive.append_checkpoint_once(std::move(id), std::move(o.key),
                                          o.checkpoint_id.value_or(""), std::move(o.value),
                                          std::move(o.metadata), o.time);
  case MethodId::append_checkpoint_writes:
    return archive.append_checkpoint_writes_once(std::move(id), std::move(o.key),
                                                 o.checkpoint_id.value_or(""), std::move(o.task_id),
                                                 std::move(o.writes), o.time);
  case MethodId::append_conversation_session:
    return archive.append_conversation_session_once(std::move(id), std::move(o.key),
                                                    std::move(o.value), o.time);
  default:
    return archive.append_task_context_snapshot_once(std::move(id), std::move(o.key),
                                                     std::move(o.value), o.time);
  }
}

} // namespace detail

inline awaitable<Answer> Method::call(Handle& handle, Operation operation) const {
  if (operation.entry_id) {
    return detail::as_answer(detail::append_entry(*handle.archive_once, std::move(operation)));
  }
  const bool takes_second =
      functions[1].call != nullptr && (operation.as_checkpointer || !functions[0].is_in(handle));
  return functions[takes_second ? 1 : 0].call(handle, std::move(operation));
}

inline const std::array<Method, 35>& methods() {
  using Id = MethodId;
  using P = Parameter;
  using enum MethodKind;
  using enum RepeatEffect;
  using enum OnMissing;
  using detail::in;
  static constexpr std::array<Method, 35> all = {{
      {Id::create_session, "create_session", keeps, creates, 9,
       in<&ISessionStorage::create_session>(), P::session_id, P::user_id, P::metadata},
      {Id::get_session, "get_session", reads, nothing, 6, in<&ISessionStorage::get_session>(),
       P::session_id},
      {Id::update_session, "update_session", merges, refused, 9,
       in<&ISessionStorage::update_session>(), P::session_id, P::updates},
      {Id::end_session, "end_session", keeps, refused, 3, in<&ISessionStorage::end_session>(),
       P::session_id, P::status},
      {Id::add_conversation_message, "add_conversation_message", appends, refused, 8,
       in<&IConversationStorage::add_conversation_message>(), P::session_id, P::role, P::content,
       P::metadata},
      {Id::get_conversation_history, "get_conversation_history", reads, nothing, 5,
       in<&IConversationStorage::get_conversation_history>(), P::session_id, P::limit},
      {Id::store_checkpoint, "store_checkpoint", replaces, creates, 7,
       in<&ICheckpointStorage::store_checkpoint>(), P::thread_id, P::checkpoint_id, P::data,
       P::metadata},
      {Id::put_checkpoint, "put_checkpoint", replaces, creates, 4,
       in<&ICheckpointerBackend::put_checkpoint>(), P::thread_id, P::checkpoint_id, P::data,
       P::metadata},
      {Id::get_checkpoint, "get_checkpoint", reads, nothing, 5,
       in<&ICheckpointStorage::get_checkpoint, &ICheckpointerBackend::get_checkpoint>(),
       P::thread_id, P::optional_checkpoint_id},
      {Id::list_checkpoints, "list_checkpoints", reads, nothing, 5,
       in<&ICheckpointStorage::list_checkpoints, &ICheckpointerBackend::list_checkpoints>(),
       P::thread_id, P::limit},
      {Id::put_writes, "put_writes", keeps, creates, 7, in<&ICheckpointerBackend::put_writes>(),
       P::thread_id, P::checkpoint_id, P::task_id, P::writes},
      {Id::get_writes, "get_writes", reads, nothing, 5, in<&ICheckpointerBackend::get_writes>(),
       P::thread_id, P::checkpoint_id},
      {Id::get_task_context, "get_task_context", reads, nothing, 4,
       in<&ITaskContextStorage::get_task_context>(), P::session_id},
      {Id::store_task_context, "store_task_context", replaces, refused, 7,
       in<&ITaskContextStorage::store_task_context>(), P::session_id, P::context},
      {Id::list_sessions, "list_sessions", reads, nothing, 5,
       in<&ISessionDirectory::list_sessions>(), P::listed_user_id, P::page},
      {Id::delete_session, "delete_session", changes, nothing, 3,
       in<&ISessionDirectory::delete_session>(), P::session_id},
      {Id::list_threads, "list_threads", reads, nothing, 5, in<&IThreadDirectory::list_threads>(),
       P::prefix, P::page},
      {Id::delete_thread, "delete_thread", changes, nothing, 2,
       in<&IThreadDirectory::delete_thread>(), P::thread_id},
      {Id::copy_thread, "copy_thread", changes, nothing, 5, in<&IThreadDirectory::copy_thread>(),
       P::source, P::target},
      {Id::prune_thread, "prune_thread", changes, nothing, 4, in<&IThreadDirectory::prune_thread>(),
       P::thread_id, P::keep},
      {Id::list_checkpoints_before, "list_checkpoints_before", reads, nothing, 4,
       in<&IThreadDirectory::list_checkpoints_before>(), P::thread_id, P::checkpoint_id, P::limit},
      {Id::get_thread_head, "get_thread_head", reads, nothing, 4,
       in<&IThreadDirectory::get_thread_head>(), P::thread_id, P::limit},
      {Id::initialize, "initialize", maintains, no_id, 1,
       in<&IStorageBackend::initialize, &IPermanentStorageBackend::initialize>()},
      {Id::close, "close", closes, no_id, 1,
       in<&IStorageBackend::close, &IPermanentStorageBackend::close>()},
      {Id::health_check, "health_check", maintains, no_id, 1, in<&IStorageBackend::health_check>()},
      {Id::get_metrics, "get_metrics", reads, no_id, 4, in<&IStorageBackend::get_metrics>()},
      {Id::cleanup_expired_sessions, "cleanup_expired_sessions", maintains, no_id, 3,
       in<&IStorageBackend::cleanup_expired_sessions>(), P::max_idle},
      {Id::append_session_event, "append_session_event", appends, creates, 3,
       in<&IPermanentStorageBackend::append_session_event>(), P::session_id, P::user_id,
       P::event_type, P::payload, P::created_at},
      {Id::append_conversation_message, "append_conversation_message", appends, creates, 3,
       in<&IPermanentStorageBackend::append_conversation_message>(), P::session_id, P::role,
       P::content, P::metadata, P::created_at},
      {Id::append_checkpoint, "append_checkpoint", appends, creates, 3,
       in<&IPermanentStorageBackend::append_checkpoint>(), P::thread_id, P::checkpoint_id, P::data,
       P::metadata, P::created_at},
      {Id::append_checkpoint_writes, "append_checkpoint_writes", appends, creates, 3,
       in<&IPermanentStorageBackend::append_checkpoint_writes>(), P::thread_id, P::checkpoint_id,
       P::task_id, P::writes, P::created_at},
      {Id::append_conversation_session, "append_conversation_session", appends, creates, 3,
       in<&IPermanentStorageBackend::append_conversation_session>(), P::session_key,
       P::session_data, P::created_at},
      {Id::append_task_context_snapshot, "append_task_context_snapshot", appends, creates, 3,
       in<&IPermanentStorageBackend::append_task_context_snapshot>(), P::session_id,
       P::context_data, P::created_at},
      {Id::read_archive, "read_archive", reads, nothing, 9, in<&IArchiveReader::read_archive>(),
       P::archive_kind, P::key, P::after, P::limit},
      {Id::set_clock, "set_clock", maintains, no_id, 4, Method::Functions(), P::clock},
  }};
  return all;
}

} // namespace agentstore::conformance

#endif
