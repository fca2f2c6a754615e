// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_TAGGED_WRITES_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_TAGGED_WRITES_HPP

/// \file
/// Calls of every method that writes or changes, with all arguments filled. What a call has left in
/// the store tells the number of the call, and whether its effect is whole. The rules about
/// cancellation, failure and kill -9 work with them.

#include <agentstore/conformance/methods/value_methods.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

namespace agentstore::conformance {

/// One method that writes or changes. Each of its calls has a number, and all arguments follow from
/// it.
class TaggedWrite {
public:
  using Number = std::uint64_t;
  using Numbers = std::vector<Number>;
  using Find = Numbers (*)(RuleContext&, Client&, const std::string& key);
  using Prepare = void (*)(RuleContext&, Client&, const std::string& key);

  /// `read` gives the numbers that are found. Appends to the archive need no `read`, because they
  /// are all read in one way.
  TaggedWrite(MethodId id, RepeatEffect effect, Find read, Prepare ready = nullptr)
      : name(method_of(id).name), on_repeat(effect),
        removes(method_of(id).kind != MethodKind::writes && effect == RepeatEffect::keeps),
        needs_session(method_of(id).needs_session()), is_archive(method_of(id).is_archive()),
        method_(&method_of(id)), numbers_(read), make_ready_(ready) {
    if (stores_again()) {
      name += ", the same id again";
    }
  }

  /// The method's name. If two writes of the list are by one method, the second name adds the
  /// difference.
  std::string name;
  /// The effect of a call with another number on what the first call has left. It can differ from
  /// the effect of the same call again.
  RepeatEffect on_repeat;
  /// The method removes, and leaves nothing that could show its number. Its effect is found as
  /// `removal`.
  bool removes;
  static constexpr Number removal = 0;
  /// Whether the key must be a session, if the store has sessions.
  bool needs_session;
  bool is_archive;
  /// False for an archive that nobody can read.
  bool is_readable = true;
  /// The method is that of IArchiveOnce, and each call an entry of its own.
  bool is_once = false;

  const Method& method() const { return *method_; }
  /// Whether the calls of all numbers store the same checkpoint.
  bool stores_again() const {
    return method_->has(Parameter::data) && on_repeat == RepeatEffect::replaces;
  }

  /// Numbers from 2 whose calls differ in more than the number: of writes some have a special one,
  /// and some are all ordinary.
  Numbers differing() const {
    Numbers numbers(1, 2);
    if (method_->has(Parameter::writes)) {
      numbers.push_back(3);
    }
    return numbers;
  }

  /// Makes what the write needs to be there; once for each key.
  void prepare(RuleContext& ctx, Client& client, const std::string& key) const {
    if (needs_session) {
      ctx.need_session(client, key);
    }
    if (make_ready_ != nullptr) {
      make_ready_(ctx, client, key);
    }
  }

  /// The method, called but not yet awaited. The result is whether it did anything.
  awaitable<bool> write(Handle& handle, const std::string& key, Number number) const;
  std::string text(const std::string& key, Number number) const {
    return name + "(" + show(key) + ", ... #" + show(number) + ")";
  }
  /// Writes, to the end.
  bool put(Client& client, const std::string& key, Number number) const {
    return client.call(text(key, number), write(client.handle(), key, number));
  }

  /// The numbers of the writes found there, in order. Throws `Violation` if a write is not whole,
  /// or is something that nobody wrote.
  std::vector<Number> numbers(RuleContext& ctx, Client& client, const std::string& key) const;

  /// The numbers that must be found after `number` was written to a place where `before` was found.
  std::vector<Number> after(std::vector<Number> before, Number number) const {
    if (on_repeat == RepeatEffect::replaces) {
      before.clear();
    }
    before.push_back(removes ? removal : number);
    return before;
  }

private:
  const Method* method_;
  Find numbers_;
  Prepare make_ready_;
};

/// All methods of these interfaces that write or change. The same list for the same arguments.
std::vector<TaggedWrite> tagged_writes(unsigned interfaces, bool archive_is_readable);
inline std::vector<TaggedWrite> tagged_writes(RuleContext& ctx) {
  return tagged_writes(ctx.harness().interfaces(), ctx.harness().can_read_archive());
}

/// The same, and the appends of an IArchiveOnce, if the archive is one.
std::vector<TaggedWrite> tagged_writes_and_entries(RuleContext& ctx);

/// A clean-up of all sessions. It is not in the list, because it removes what the other writes work
/// on.
/// Requires: a whole backend, and a space where nothing else is to stay.
TaggedWrite clean_up_write();

// Only machinery below this line.

/// The arguments of the calls, and the numbers that are found by them.
class TaggedWriteTable {
public:
  using Number = TaggedWrite::Number;

  static std::vector<TaggedWrite> all();
  static TaggedWrite clean_up();

  /// The call of this number.
  static Operation call(const TaggedWrite& tagged, const std::string& key, Number number);
  /// The records of a key in the archive.
  static std::vector<Number> records(RuleContext& ctx, Client& client, const TaggedWrite& tagged,
                                     const std::string& key);

private:
  static constexpr std::size_t write_count = 4;

  /// A payload that tells one write from all others. Now and then it is larger than what is written
  /// in one piece.
  static json payload(Number number) {
    json value = json::object();
    value["n"] = number;
    value["half"] = static_cast<double>(number) / 2;
    const std::size_t size = number % 7 == 0 ? 5000 : (number * 37) % 300;
    value["filler"] = std::string(size, static_cast<char>('a' + number % 26));
    return value;
  }

  static std::string word(const char* what, Number number) {
    std::string digits = std::to_string(number);
    digits.insert(0, 12 - std::min<std::size_t>(digits.size(), 12), '0'); // so that bytes order it
    return std::string(what) + "-" + digits;
  }

  static Number number_in(const json& value) {
    const auto found = value.is_object() ? value.find("n") : value.end();
    if (!value.is_object() || found == value.end() || !found->is_number_integer()) {
      throw Violation("values that somebody wrote", show(value));
    }
    return found->get<Number>();
  }

  template <class Record>
  static Number whole(const Record& actual, const Record& expected, Number number) {
    if (!detail::same(actual, expected)) {
      throw Violation("all of write #" + show(number) + ", or nothing: " + show(expected),
                      show(actual));
    }
    return number;
  }

  /// One of them special, or all of them ordinary and small.
  static std::vector<ChannelWrite> channel_writes(Number number) {
    const bool is_ordinary = number % 3 == 0;
    std::vector<ChannelWrite> writes;
    writes.emplace_back("messages", is_ordinary ? json(number) : payload(number));
    writes.emplace_back(is_ordinary ? "notes" : "__error__", json(word("note", number)));
    writes.emplace_back("messages", is_ordinary ? json(number) : payload(number + 1));
    writes.emplace_back("done", json(number));
    return writes;
  }

  static std::vector<Number> created(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> updated(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> ended(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> messages(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> checkpoints(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> stored_again(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> pending_writes(RuleContext& ctx, Client& client,
                                            const std::string& key);
  static std::vector<Number> context(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> session_removal(RuleContext& ctx, Client& client,
                                             const std::string& key);
  static std::vector<Number> thread_removal(RuleContext& ctx, Client& client,
                                            const std::string& key);
  static std::vector<Number> pruning(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> copies(RuleContext& ctx, Client& client, const std::string& key);

  // A removal needs a session or a thread, with all that the store can keep for it. These functions
  // make it, and find its parts.
  using Parts = std::vector<std::string>;
  static constexpr std::array<const char*, 4> thread_writes = {"zero", "checkpoint",
                                                               "not stored yet", "late"};
  static void fill_session(RuleContext& ctx, Client& client, const std::string& key);
  static void fill_thread(RuleContext& ctx, Client& client, const std::string& key);
  /// As `fill_session` and `fill_thread`, with the mark at the end.
  static void make_session(RuleContext& ctx, Client& client, const std::string& key) {
    fill_session(ctx, client, key);
    client.create_session(ready_mark(key));
  }
  static void make_thread(RuleContext& ctx, Client& client, const std::string& key) {
    fill_thread(ctx, client, key);
    client.store_checkpoint(ready_mark(key), "ready", json());
  }
  static Parts all_of_session(RuleContext& ctx);
  static Parts all_of_thread(RuleContext& ctx);
  static Parts parts_of_session(RuleContext& ctx, Client& client, const std::string& key);
  static Parts parts_of_thread(RuleContext& ctx, Client& client, const std::string& key);
  static std::vector<Number> removal_seen(const Parts& found, const Parts& with,
                                          const Parts& without);
  /// The name of a session or thread that is made last, because making takes several writes.
  /// It shows whether a process that died had made everything.
  static std::string ready_mark(const std::string& key) { return key + " is ready"; }

  static Number number_of(const ArchiveRecord& record);
};

inline std::vector<TaggedWrite> TaggedWriteTable::all() {
  using Id = MethodId;
  using enum RepeatEffect;
  std::vector<TaggedWrite> table = {
      {Id::create_session, keeps, &created},
      {Id::update_session, appends, &updated},
      {Id::end_session, keeps, &ended},
      {Id::add_conversation_message, appends, &messages},
      {Id::store_checkpoint, appends, &checkpoints},
      {Id::store_checkpoint, replaces, &stored_again},
      {Id::store_task_context, replaces, &context},
      {Id::put_checkpoint, appends, &checkpoints},
      {Id::put_checkpoint, replaces, &stored_again},
      {Id::put_writes, appends, &pending_writes},
      {Id::delete_session, keeps, &session_removal, &make_session},
      {Id::delete_thread, keeps, &thread_removal, &make_thread},
      {Id::prune_thread, keeps, &pruning, &make_thread},
      {Id::copy_thread, appends, &copies, &fill_thread},
  };
  for (const Method& method : methods()) {
    if (method.is_archive()) {
      table.emplace_back(method.id, method.on_repeat, nullptr);
    }
  }
  return table;
}

inline TaggedWrite TaggedWriteTable::clean_up() {
  return TaggedWrite(
      MethodId::cleanup_expired_sessions, RepeatEffect::keeps,
      [](RuleContext& ctx, Client& client, const std::string& key) {
        return removal_seen(parts_of_session(ctx, client, key), all_of_session(ctx), Parts());
      },
      &fill_session);
}

inline Operation TaggedWriteTable::call(const TaggedWrite& tagged, const std::string& key,
                                        Number n) {
  const Method& method = tagged.method();
  Operation call = method.prepared(key);
  for (const Parameter parameter : method) {
    switch (parameter) {
    case Parameter::target:
      call.target = key + "/" + word("copy", n);
      break;
    case Parameter::user_id:
      call.user_id = word("user", n);
      break;
    case Parameter::checkpoint_id: // writes are told apart by their tasks
      call.checkpoint_id = tagged.stores_again()           ? "one"
                           : method.has(Parameter::writes) ? "checkpoint"
                                                           : word("c", n);
      break;
    case Parameter::task_id:
      call.task_id = word("t", n);
      break;
    case Parameter::status:
      call.text = word("ended", n);
      break;
    case Parameter::role:
      call.text = word("role", n);
      break;
    case Parameter::event_type:
      call.text = word("event", n);
      break;
    case Parameter::content:
      call.content = payload(n)["filler"].get<std::string>();
      break;
    case Parameter::metadata:
      call.metadata = method.has(Parameter::data) ? object("n", n) : payload(n);
      break;
    case Parameter::updates:
      call.update.updates(object(word("u", n), n)).increment_requests().mark_error();
      call.update.add_processing_time(std::chrono::microseconds(3));
      break;
    case Parameter::writes:
      call.writes = channel_writes(n);
      break;
    case Parameter::max_idle:
      call.max_idle = std::chrono::microseconds(0);
      break;
    default:
      if (takes_json(parameter)) {
        call.value = payload(n);
      }
    }
  }
  return call;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::created(RuleContext&, Client& client,
                                                                  const std::string& key) {
  std::vector<Number> result;
  if (const auto session = client.get_session(key)) {
    const Number n = number_in(session->metadata);
    Session expected;
    expected.session_id = key;
    expected.user_id = word("user", n);
    expected.metadata = payload(n);
    expected.created_at = session->created_at;
    expected.last_activity = session->created_at;
    result.push_back(whole(*session, expected, n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::updated(RuleContext&, Client& client,
                                                                  const std::string& key) {
  std::vector<Number> result;
  if (const auto session = client.get_session(key)) {
    Session expected = *session;
    expected.metadata = json::object();
    for (const auto& member : session->metadata.items()) {
      if (!member.value().is_number_integer()) {
        throw Violation("members of metadata that somebody wrote", show(session->metadata));
      }
      const Number n = member.value().get<Number>();
      expected.metadata = with_member(std::move(expected.metadata), word("u", n), n);
      result.push_back(n);
    }
    expected.request_count = result.size();
    expected.error_count = result.size();
    expected.total_processing_time = std::chrono::microseconds(3) * result.size();
    if (!detail::same(*session, expected)) {
      throw Violation("all of each update_session, or nothing of it: " + show(expected),
                      show(*session));
    }
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::ended(RuleContext&, Client& client,
                                                                const std::string& key) {
  std::vector<Number> result;
  const auto session = client.get_session(key);
  if (session && session->status != "active") {
    const std::size_t dash = session->status.find('-');
    const Number n = std::strtoull(
        session->status.c_str() + (dash == std::string::npos ? 0 : dash + 1), nullptr, 10);
    result.push_back(whole(session->status, word("ended", n), n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::messages(RuleContext&, Client& client,
                                                                   const std::string& key) {
  std::vector<Number> result;
  for (const Message& message : client.history(key)) {
    const Number n = number_in(message.metadata);
    Message expected = message;
    expected.role = word("role", n);
    expected.metadata = payload(n);
    expected.content = expected.metadata["filler"].get<std::string>();
    result.push_back(whole(message, expected, n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::checkpoints(RuleContext&, Client& client,
                                                                      const std::string& key) {
  std::vector<Number> result;
  std::vector<Checkpoint> list = client.list_checkpoints(key);
  std::reverse(list.begin(), list.end());
  for (const Checkpoint& checkpoint : list) {
    const Number n = number_in(checkpoint.metadata);
    Checkpoint expected = checkpoint;
    expected.thread_id = key;
    expected.checkpoint_id = word("c", n);
    expected.data = payload(n);
    expected.metadata = object("n", n);
    result.push_back(whole(checkpoint, expected, n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::stored_again(RuleContext&, Client& client,
                                                                       const std::string& key) {
  std::vector<Number> result;
  if (const auto checkpoint = client.get_checkpoint(key)) {
    const Number n = number_in(checkpoint->metadata);
    Checkpoint expected = *checkpoint;
    expected.thread_id = key;
    expected.checkpoint_id = "one";
    expected.data = payload(n);
    expected.metadata = object("n", n);
    result.push_back(whole(*checkpoint, expected, n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number>
TaggedWriteTable::pending_writes(RuleContext&, Client& client, const std::string& key) {
  std::vector<Number> result;
  std::map<std::string, std::vector<PendingWrite>> tasks;
  for (const PendingWrite& write : client.get_writes(key, "checkpoint")) {
    tasks[write.task_id].push_back(write);
  }
  for (const auto& [task, actual] : tasks) {
    const Number n =
        std::strtoull(task.c_str() + std::min<std::size_t>(2, task.size()), nullptr, 10);
    std::vector<PendingWrite> expected;
    const std::vector<ChannelWrite> written = channel_writes(n);
    for (std::size_t position = 0; position < written.size(); ++position) {
      PendingWrite write;
      write.task_id = word("t", n);
      write.index = write_index(written[position].channel, position);
      write.channel = written[position].channel;
      write.value = written[position].value;
      expected.push_back(std::move(write));
    }
    std::sort(expected.begin(), expected.end(),
              [](const PendingWrite& a, const PendingWrite& b) { return a.index < b.index; });
    result.push_back(whole(actual, expected, n));
  }
  return result;
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::context(RuleContext&, Client& client,
                                                                  const std::string& key) {
  std::vector<Number> result;
  if (const auto context = client.get_task_context(key)) {
    const Number n = number_in(*context);
    result.push_back(whole(*context, payload(n), n));
  }
  return result;
}

inline void TaggedWriteTable::fill_thread(RuleContext& ctx, Client& client,
                                          const std::string& key) {
  for (const char* id : {"zero", "checkpoint", "late"}) { // not in the order of their ids
    client.store_checkpoint(key, id, object("of", id), object("meta", id));
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      client.put_writes(key, id, "task", detail::one_write("channel", json(id)));
    }
  }
}

inline void TaggedWriteTable::fill_session(RuleContext& ctx, Client& client,
                                           const std::string& key) {
  client.create_session(key, "user", object("of", key));
  if (ctx.offers(Interfaces::conversations)) {
    client.add_message(key, "user", "message of " + key);
  }
  if (ctx.offers(Interfaces::contexts)) {
    client.store_task_context(key, object("context", key));
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    fill_thread(ctx, client, key);
  }
}

inline TaggedWriteTable::Parts TaggedWriteTable::parts_of_thread(RuleContext& ctx, Client& client,
                                                                 const std::string& key) {
  Parts found;
  for (const Checkpoint& checkpoint : client.list_checkpoints(key)) {
    found.push_back("checkpoint " + checkpoint.checkpoint_id);
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      if (!client.get_writes(key, id).empty()) {
        found.push_back(std::string("writes of ") + id);
      }
    }
  }
  return found;
}

inline TaggedWriteTable::Parts TaggedWriteTable::parts_of_session(RuleContext& ctx, Client& client,
                                                                  const std::string& key) {
  Parts found;
  if (client.get_session(key)) {
    found.emplace_back("session");
  }
  if (ctx.offers(Interfaces::conversations) && !client.history(key).empty()) {
    found.emplace_back("messages");
  }
  if (ctx.offers(Interfaces::contexts) && client.get_task_context(key)) {
    found.emplace_back("context");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    for (std::string& part : parts_of_thread(ctx, client, key)) {
      found.push_back(std::move(part));
    }
  }
  return found;
}

inline TaggedWriteTable::Parts TaggedWriteTable::all_of_thread(RuleContext& ctx) {
  Parts all = {"checkpoint late", "checkpoint checkpoint", "checkpoint zero"};
  if (ctx.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      all.push_back(std::string("writes of ") + id);
    }
  }
  return all;
}

inline TaggedWriteTable::Parts TaggedWriteTable::all_of_session(RuleContext& ctx) {
  Parts all(1, "session");
  if (ctx.offers(Interfaces::conversations)) {
    all.emplace_back("messages");
  }
  if (ctx.offers(Interfaces::contexts)) {
    all.emplace_back("context");
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    for (std::string& part : all_of_thread(ctx)) {
      all.push_back(std::move(part));
    }
  }
  return all;
}

/// A removal that finds `with`, and is to leave `without`.
inline std::vector<TaggedWrite::Number>
TaggedWriteTable::removal_seen(const Parts& found, const Parts& with, const Parts& without) {
  if (found == with) {
    return {};
  }
  if (found != without) {
    throw Violation("all or nothing of a removal: " + show(with) + " or " + show(without),
                    show(found));
  }
  return std::vector<Number>(1, TaggedWrite::removal);
}

inline std::vector<TaggedWrite::Number>
TaggedWriteTable::session_removal(RuleContext& ctx, Client& client, const std::string& key) {
  if (!client.get_session(ready_mark(key))) {
    return {};
  }
  return removal_seen(parts_of_session(ctx, client, key), all_of_session(ctx), Parts());
}

inline std::vector<TaggedWrite::Number>
TaggedWriteTable::thread_removal(RuleContext& ctx, Client& client, const std::string& key) {
  if (!client.get_checkpoint(ready_mark(key))) {
    return {};
  }
  return removal_seen(parts_of_thread(ctx, client, key), all_of_thread(ctx), Parts());
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::pruning(RuleContext& ctx, Client& client,
                                                                  const std::string& key) {
  if (!client.get_checkpoint(ready_mark(key))) {
    return {};
  }
  Parts kept(1, "checkpoint late");
  if (ctx.offers(Interfaces::checkpointer)) {
    kept.emplace_back("writes of not stored yet");
    kept.emplace_back("writes of late");
  }
  return removal_seen(parts_of_thread(ctx, client, key), all_of_thread(ctx), kept);
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::copies(RuleContext& ctx, Client& client,
                                                                 const std::string& key) {
  std::vector<Number> result;
  const std::string prefix = key + "/copy-";
  const std::vector<Checkpoint> source = client.list_checkpoints(key);
  const Parts parts = parts_of_thread(ctx, client, key);
  Page page(max_page_size);
  do {
    const ThreadPage threads = client.list_threads(prefix, page);
    for (const std::string& id : threads.thread_ids) {
      const Number n = std::strtoull(id.c_str() + prefix.size(), nullptr, 10);
      std::vector<Checkpoint> expected = source;
      for (Checkpoint& checkpoint : expected) {
        checkpoint.thread_id = id;
      }
      whole(client.list_checkpoints(id), expected, n);
      result.push_back(whole(parts_of_thread(ctx, client, id), parts, n));
    }
    page.after(threads.next);
  } while (!page.is_first());
  return result;
}

inline TaggedWrite::Number TaggedWriteTable::number_of(const ArchiveRecord& record) {
  for (const char* name : {"payload", "metadata", "session_data", "context_data"}) {
    if (record.fields.is_object() && record.fields.contains(name)) {
      return number_in(record.fields.at(name));
    }
  }
  // Writes: their last value is the number.
  if (record.fields.is_object() && record.fields.contains("writes")) {
    const json& writes = record.fields.at("writes");
    if (writes.is_array() && writes.size() == write_count && writes.back().is_array() &&
        writes.back().size() == 2 && writes.back()[1].is_number_integer()) {
      return writes.back()[1].get<Number>();
    }
  }
  throw Violation("records that somebody wrote, whole", show(record));
}

inline std::vector<TaggedWrite::Number> TaggedWriteTable::records(RuleContext& ctx, Client& client,
                                                                  const TaggedWrite& tagged,
                                                                  const std::string& key) {
  std::vector<Number> result;
  for (ArchiveRecord& record : ctx.read_archive(client, tagged.method().archive_kind(), key)) {
    const Number n = number_of(record);
    ArchiveRecord expected = record;
    expected.fields = archived_fields(call(tagged, key, n));
    if (record.kind == ArchiveKind::task_context_snapshot && record.fields.contains("version")) {
      expected.fields["version"] = record.fields["version"];
    }
    result.push_back(whole(record, expected, n));
  }
  return result;
}

inline awaitable<bool> TaggedWrite::write(Handle& handle, const std::string& key,
                                          Number number) const {
  Operation call = TaggedWriteTable::call(*this, key, number);
  if (is_once) {
    call.entry_id = detail::new_entry_id();
  }
  return is_positive(method_->call(handle, std::move(call)));
}

inline std::vector<TaggedWrite::Number> TaggedWrite::numbers(RuleContext& ctx, Client& client,
                                                             const std::string& key) const {
  try {
    return numbers_ != nullptr ? numbers_(ctx, client, key)
                               : TaggedWriteTable::records(ctx, client, *this, key);
  } catch (const Timeout&) {
    throw;
  } catch (const Violation& violation) {
    throw Violation(violation.expected + ", as " + name + " wrote to " + show(key),
                    violation.actual);
  }
}

inline TaggedWrite clean_up_write() {
  return TaggedWriteTable::clean_up();
}

inline std::vector<TaggedWrite> tagged_writes(unsigned interfaces, bool archive_is_readable) {
  std::vector<TaggedWrite> table = TaggedWriteTable::all();
  std::erase_if(table, [interfaces](const TaggedWrite& tagged) {
    return !tagged.method().is_offered(interfaces);
  });
  for (TaggedWrite& tagged : table) {
    tagged.is_readable = archive_is_readable || !tagged.is_archive;
  }
  return table;
}

inline std::vector<TaggedWrite> tagged_writes_and_entries(RuleContext& ctx) {
  std::vector<TaggedWrite> table = tagged_writes(ctx);
  const std::vector<TaggedWrite> all = table;
  for (const TaggedWrite& tagged : all) {
    if (tagged.is_archive && ctx.offers(Interfaces::archive_once)) {
      table.push_back(tagged);
      table.back().is_once = true;
      table.back().name += "_once";
    }
  }
  return table;
}

} // namespace agentstore::conformance

#endif
