// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_VALUE_METHODS_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_VALUE_METHODS_HPP

/// \file
/// Every argument by which a value gets into a store, and every read: what a rule about all methods
/// loops over. Both follow from `methods()`.
///
///     for (const WriteArgument& argument : write_arguments(ctx)) {
///       const Ids ids = argument.ids("k");
///       argument.prepare(ctx, client, ids);
///       ctx.expect_same(argument.put(client, ids, value), true, argument.label());
///       ctx.expect_same(argument.read(ctx, client, ids), std::optional<json>(value),
///       argument.label());
///     }

#include <agentstore/conformance/check/rule_context.hpp>
#include <agentstore/conformance/methods/call_text.hpp>

#include <atomic>

namespace agentstore::conformance {

/// The id arguments of one call, in the order of the method's parameters.
using Ids = std::vector<std::string>;

/// One value as it was found in a store.
class Found {
public:
  Found() = default;
  Found(Ids the_ids, Document the_value) : ids(std::move(the_ids)), value(std::move(the_value)) {}

  /// The ids as the record has them. An id that the record does not have is the one asked for.
  Ids ids;
  /// Discarded (a kind of JSON that equals nothing) if the record lacks it.
  Document value;
};

/// One argument of one write method that takes a value: how to write it, and read it back.
class WriteArgument {
public:
  WriteArgument(const Method& of, Parameter taken, bool readable)
      : name(of.name), parameter(name_of(taken)), takes(taken_by(taken)), on_repeat(of.on_repeat),
        id_names(of.id_names()), addressing(of.addressing()), is_archive(of.is_archive()),
        is_readable(readable), needs_session(of.needs_session()), method_(&of), taken_(taken) {}

  /// The method's name, e.g. "put_writes".
  std::string_view name;
  /// The argument's name, e.g. "metadata".
  std::string_view parameter;
  /// What the argument takes. Texts are handed over as JSON strings.
  Takes takes;
  RepeatEffect on_repeat;
  /// The method's id parameters. The value is found by the first `addressing` of them. The others
  /// are only kept with it.
  std::vector<std::string_view> id_names;
  std::size_t addressing;
  /// The method refuses and fails by returning false, not by StorageError.
  bool is_archive;
  /// False for an archive that nobody can read.
  bool is_readable;
  /// Needs a session, if the store has sessions.
  bool needs_session;
  /// The method is that of IArchiveOnce, and each call an entry of its own.
  bool is_once = false;

  const Method& method() const { return *method_; }
  bool takes_text() const { return takes == Takes::text || takes == Takes::nonempty_text; }

  /// E.g. `put_writes(value)`, for messages.
  std::string label() const { return full_name() + "(" + std::string(parameter) + ")"; }
  /// The ids for a key of the caller's: it is the first of them.
  Ids ids(const std::string& key) const;
  /// Some value that the argument takes, a different one for each `number`.
  json sample(std::uint64_t number) const;

  /// Makes the value the argument of a call of the method.
  void set(Operation& call, Document value) const { set_argument(call, taken_, std::move(value)); }

  /// Makes what the write needs to be there. To be called once for each first id.
  void prepare(RuleContext& ctx, Client& client, const Ids& ids) const {
    if (needs_session) {
      ctx.need_session(client, ids.front());
    }
  }

  /// The method, called but not yet awaited. The result says whether the method wrote.
  awaitable<bool> write(Handle& handle, Ids ids, Document value) const;
  /// The call as the transcript shows it.
  std::string text(const Ids& ids, const Document& value) const;
  /// Writes, to the end.
  bool put(Client& client, const Ids& ids, const Document& value) const {
    return client.call(text(ids, value), write(client.handle(), ids, value));
  }

  /// All values found at these ids, oldest first. UNTESTED if nobody can read them.
  std::vector<Found> read_all(RuleContext& ctx, Client& client, const Ids& ids) const;
  /// The latest of them.
  std::optional<Found> find(RuleContext& ctx, Client& client, const Ids& ids) const;
  std::optional<json> read(RuleContext& ctx, Client& client, const Ids& ids) const;

private:
  std::string full_name() const { return std::string(name) + (is_once ? "_once" : ""); }
  std::vector<Found> read_archive(RuleContext& ctx, Client& client, const Ids& ids) const;

  const Method* method_;
  Parameter taken_;
};

/// One method that takes ids alone, as one interface has it.
class ReadMethod {
public:
  /// The method is called with the first `id_count` of its ids. The others are optional.
  ReadMethod(const Method& of, const Method::Function& in, std::size_t id_count)
      : name(of.name), id_names(of.id_names()), method_(&of), function_(in) {
    id_names.resize(id_count);
  }

  std::string_view name;
  std::vector<std::string_view> id_names;

  Ids ids(const std::string& key) const;
  /// The method, called but not yet awaited. The result says whether a read found anything, or
  /// whether a change was made. For a call on the whole store the result is false only if the
  /// method's own result is false.
  awaitable<bool> read(Handle& handle, Ids ids) const;
  std::string text(const Ids& ids) const;
  /// Reads, to the end.
  bool get(Client& client, const Ids& ids) const {
    return client.call(text(ids), read(client.handle(), ids));
  }

private:
  const Method* method_;
  Method::Function function_;
};

/// The write methods of all interfaces that the store has, argument by argument.
std::vector<WriteArgument> write_arguments(RuleContext& ctx);

/// One argument for each method: the first of its arguments.
std::vector<WriteArgument> one_per_method(RuleContext& ctx);

/// All of them, and one argument of each append of an IArchiveOnce, if the archive is one.
std::vector<WriteArgument> write_arguments_and_entries(RuleContext& ctx);

/// The read methods of all interfaces that the store has, `get_metrics` included.
std::vector<ReadMethod> read_methods(RuleContext& ctx);

/// The methods that take ids alone and change something, if `fill_for_reads` was called for the
/// key: their result is then true.
std::vector<ReadMethod> change_methods(RuleContext& ctx);

/// The calls that are neither reads of records nor writes of them; true on an open store.
std::vector<ReadMethod> other_calls(RuleContext& ctx);

/// `close` of each object that has it; true when it has ended.
std::vector<ReadMethod> closings(RuleContext& ctx);

/// The calls that have nothing to do whatever their ids name, and that a store may therefore answer
/// before it has looked at anything: a list of at most none, no writes, an update of nothing, a
/// pruning that keeps all.
std::vector<Operation> idle_calls(RuleContext& ctx, const std::string& key);

/// Makes a call: whether it found or changed anything.
inline bool make(Client& client, const Operation& call) {
  return client.call(show(call), positive_call(client.handle(), call));
}

/// Writes what every ReadMethod finds under its ids for this key. The key may not have been used.
void fill_for_reads(RuleContext& ctx, Client& client, const std::string& key);

// Only machinery below this line.

namespace detail {

inline void set_ids(Operation& operation, Ids ids) {
  std::size_t next = 0;
  for (const Parameter parameter : method_of(operation.kind)) {
    if (is_id(parameter) && next < ids.size()) {
      text_argument(operation, parameter) = std::move(ids[next++]);
    }
  }
}

/// The first `count` of the method's ids for a key.
inline Ids ids_of(const Method& method, std::size_t count, const std::string& key) {
  Operation operation = method.prepared(key);
  Ids ids;
  for (const Parameter parameter : method) {
    if (is_id(parameter) && ids.size() < count) {
      ids.push_back(text_argument(operation, parameter));
    }
  }
  return ids;
}

inline std::string call_text(std::string_view name, const Ids& ids, const std::string& last) {
  std::string text(name);
  text += '(';
  for (const std::string& id : ids) {
    text += (text.back() == '(' ? "" : ", ") + show(id);
  }
  return text + (last.empty() || ids.empty() ? "" : ", ") + last + ")";
}

/// Whether a call on the whole store succeeded. Every answer but false is a success, a count of 0
/// too.
inline awaitable<bool> is_not_false(awaitable<Answer> call) {
  const Answer answer = co_await std::move(call);
  const bool* own = std::get_if<bool>(&answer);
  co_return own == nullptr || *own;
}

inline std::vector<ChannelWrite> one_write(const std::string& channel, Document value) {
  std::vector<ChannelWrite> writes;
  writes.emplace_back(channel, std::move(value));
  return writes;
}

inline const json& at_or_discarded(const json& fields, std::string_view name) {
  static const json discarded(json::value_t::discarded);
  const std::string key(name);
  return fields.is_object() && fields.contains(key) ? fields.at(key) : discarded;
}

/// An entry id that no other call of this process has.
inline std::string new_entry_id() {
  static std::atomic<std::uint64_t> last = 0;
  return "entry " + std::to_string(++last);
}

/// The methods of one kind that the store has, each as every interface has it.
inline std::vector<ReadMethod> methods_of(RuleContext& ctx, MethodKind kind) {
  std::vector<ReadMethod> table;
  for (const Method& method : methods()) {
    const std::size_t ids = method.id_names().size();
    for (const Method::Function& function : method.functions) {
      if (method.kind == kind && function.interface != 0 && ctx.offers(function.interface)) {
        table.emplace_back(method, function, ids);
        if (method.has(Parameter::optional_checkpoint_id)) {
          table.emplace_back(method, function, ids - 1);
        }
      }
    }
  }
  return table;
}

} // namespace detail

inline Ids WriteArgument::ids(const std::string& key) const {
  return detail::ids_of(*method_, id_names.size(), key);
}

inline awaitable<bool> WriteArgument::write(Handle& handle, Ids ids, Document value) const {
  Operation operation = method_->prepared({});
  detail::set_ids(operation, std::move(ids));
  set_argument(operation, taken_, std::move(value));
  if (is_once) {
    operation.entry_id = detail::new_entry_id();
  }
  return is_positive(method_->call(handle, std::move(operation)));
}

inline json WriteArgument::sample(std::uint64_t number) const {
  if (takes_text()) {
    return "sample " + std::to_string(number);
  }
  return object("sample", number);
}

inline std::string WriteArgument::text(const Ids& ids, const Document& value) const {
  return detail::call_text(full_name(), ids, std::string(parameter) + "=" + show(value));
}

inline std::vector<Found> WriteArgument::read_all(RuleContext& ctx, Client& client,
                                                  const Ids& ids) const {
  if (!is_readable) {
    throw NotTestable("the archive is no IArchiveReader, and the harness has no read_archive");
  }
  std::vector<Found> result;
  const auto add = [&](std::initializer_list<std::string> known, const Document& value) {
    Ids found(known);
    found.resize(std::min(known.size(), ids.size()));
    found.insert(found.end(), ids.begin() + static_cast<std::ptrdiff_t>(found.size()), ids.end());
    result.emplace_back(std::move(found), value);
  };
  switch (method_->id) {
  case MethodId::create_session:
  case MethodId::update_session:
  case MethodId::end_session:
    if (const auto session = client.get_session(ids[0])) {
      if (taken_ != Parameter::status) {
        add({session->session_id, session->user_id}, session->metadata);
      } else if (session->status != "active") {
        add({session->session_id}, session->status);
      }
    }
    break;
  case MethodId::add_conversation_message:
    for (const Message& message : client.history(ids[0])) {
      add({}, taken_ == Parameter::role      ? Document(message.role)
              : taken_ == Parameter::content ? Document(message.content)
                                             : message.metadata);
    }
    break;
  case MethodId::store_checkpoint:
  case MethodId::put_checkpoint:
    if (const auto checkpoint = client.get_checkpoint(ids[0], ids[1])) {
      add({checkpoint->thread_id, checkpoint->checkpoint_id},
          taken_ == Parameter::data ? checkpoint->data : checkpoint->metadata);
    }
    break;
  case MethodId::store_task_context:
    if (const auto context = client.get_task_context(ids[0])) {
      add({}, *context);
    }
    break;
  case MethodId::put_writes:
    for (const PendingWrite& write : client.get_writes(ids[0], ids[1])) {
      if (write.task_id == ids[2]) {
        add({}, taken_ == Parameter::channel ? Document(write.channel) : write.value);
      }
    }
    break;
  default:
    return read_archive(ctx, client, ids);
  }
  return result;
}

inline std::vector<Found> WriteArgument::read_archive(RuleContext& ctx, Client& client,
                                                      const Ids& ids) const {
  std::vector<Found> result;
  for (ArchiveRecord& record : ctx.read_archive(client, method_->archive_kind(), ids[0])) {
    // Of writes the parts of the first are looked at.
    const json writes = detail::at_or_discarded(record.fields, "writes");
    if (writes.is_array() && !writes.empty() && writes[0].is_array() && writes[0].size() == 2) {
      record.fields["channel"] = writes[0][0];
      record.fields["value"] = writes[0][1];
    }
    Found found(ids, detail::at_or_discarded(record.fields, parameter));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const json& id = detail::at_or_discarded(record.fields, id_names[i]);
      found.ids[i] = id.is_string() ? id.get<std::string>() : std::string();
    }
    result.push_back(std::move(found));
  }
  return result;
}

inline std::optional<Found> WriteArgument::find(RuleContext& ctx, Client& client,
                                                const Ids& ids) const {
  std::vector<Found> all = read_all(ctx, client, ids);
  if (all.empty()) {
    return std::nullopt;
  }
  return std::move(all.back());
}

inline std::optional<json> WriteArgument::read(RuleContext& ctx, Client& client,
                                               const Ids& ids) const {
  std::optional<Found> latest = find(ctx, client, ids);
  if (!latest) {
    return std::nullopt;
  }
  return std::move(latest->value);
}

inline std::vector<WriteArgument> write_arguments(RuleContext& ctx) {
  std::vector<WriteArgument> table;
  for (const Method& method : methods()) {
    if (method.kind == MethodKind::writes && method.is_offered(ctx.harness().interfaces())) {
      const bool is_readable = !method.is_archive() || ctx.harness().can_read_archive();
      for (const Parameter parameter : method.values()) {
        table.emplace_back(method, parameter, is_readable);
      }
    }
  }
  return table;
}

inline Ids ReadMethod::ids(const std::string& key) const {
  return detail::ids_of(*method_, id_names.size(), key);
}

inline awaitable<bool> ReadMethod::read(Handle& handle, Ids ids) const {
  Operation operation = method_->prepared({});
  operation.checkpoint_id.reset();
  detail::set_ids(operation, std::move(ids));
  awaitable<Answer> call = function_.call(handle, std::move(operation));
  const bool is_of_records =
      method_->kind == MethodKind::reads || method_->kind == MethodKind::changes;
  return is_of_records ? is_positive(std::move(call)) : detail::is_not_false(std::move(call));
}

inline std::string ReadMethod::text(const Ids& ids) const {
  return detail::call_text(name, ids, {});
}

inline std::vector<ReadMethod> read_methods(RuleContext& ctx) {
  return detail::methods_of(ctx, MethodKind::reads);
}

inline std::vector<ReadMethod> change_methods(RuleContext& ctx) {
  return detail::methods_of(ctx, MethodKind::changes);
}

inline std::vector<ReadMethod> other_calls(RuleContext& ctx) {
  return detail::methods_of(ctx, MethodKind::maintains);
}

inline std::vector<ReadMethod> closings(RuleContext& ctx) {
  return detail::methods_of(ctx, MethodKind::closes);
}

inline std::vector<Operation> idle_calls(RuleContext& ctx, const std::string& key) {
  std::vector<Operation> calls;
  for (const Method& method : methods()) {
    const bool can_be_idle = method.has(Parameter::limit) || method.has(Parameter::writes) ||
                             method.has(Parameter::updates) || method.has(Parameter::keep);
    if (can_be_idle && method.is_offered(ctx.harness().interfaces())) {
      Operation call = method.prepared(key);
      call.limit = method.has(Parameter::keep) ? SIZE_MAX : 0;
      call.writes.clear();
      calls.push_back(std::move(call));
    }
  }
  return calls;
}

inline std::vector<WriteArgument> one_per_method(RuleContext& ctx) {
  std::vector<WriteArgument> result;
  for (WriteArgument& argument : write_arguments(ctx)) {
    if (result.empty() || result.back().name != argument.name) {
      result.push_back(std::move(argument));
    }
  }
  return result;
}

inline std::vector<WriteArgument> write_arguments_and_entries(RuleContext& ctx) {
  std::vector<WriteArgument> result = write_arguments(ctx);
  if (ctx.offers(Interfaces::archive_once)) {
    for (WriteArgument& argument : one_per_method(ctx)) {
      if (argument.is_archive) {
        argument.is_once = true;
        result.push_back(std::move(argument));
      }
    }
  }
  return result;
}

inline void fill_for_reads(RuleContext& ctx, Client& client, const std::string& key) {
  if (ctx.offers(Interfaces::sessions)) {
    client.create_session(key, key); // a user of the same id, to be listed by it
  }
  if (ctx.offers(Interfaces::conversations)) {
    client.add_message(key, "user", "hello");
  }
  if (ctx.offers(Interfaces::contexts)) {
    client.store_task_context(key, object("step", 1));
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    client.store_checkpoint(key, "one before it", object("state", 0));
    client.store_checkpoint(key, "the checkpoint_id", object("state", 1));
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    client.put_writes(key, "the checkpoint_id", "task", detail::one_write("channel", json(1)));
  }
  if (ctx.offers(Interfaces::archive)) {
    const bool kept =
        client.call(detail::call_text("append_conversation_session", Ids(1, key), "1"),
                    client.handle().archive->append_conversation_session(key, json(1)));
    ctx.expect(kept, "the append to be true", "false");
  }
}

} // namespace agentstore::conformance

#endif
