// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_DEED_HPP
#define AGENTSTORE_CONFORMANCE_DEED_HPP

/// \file
/// Every write method with all of its arguments filled, such that what is found later tells by
/// itself which write it comes from, and whether it is whole. What the rules about cancellation,
/// failure and kill -9 work with.

#include <agentstore/conformance/probe.hpp>

#include <array>
#include <cstdlib>
#include <map>

namespace agentstore::conformance {

/// One write method. Each write has a number, from which all its arguments follow.
class Deed {
public:
  using Write = awaitable<bool> (*)(Handle&, std::string key, std::uint64_t number);
  using Numbers = std::vector<std::uint64_t> (*)(World&, Client&, const std::string& key);
  using Prepare = void (*)(World&, Client&, const std::string& key);
  using Number = std::uint64_t;

  /// What a further write under the same key does.
  enum class Again {
    adds,     ///< what was written before stays beside it, and in order
    replaces, ///< only the latest is there
    never,    ///< nobody may write there twice
  };

  Deed(std::string_view method, Again again, bool session, Write start, Numbers read)
      : name(method), on_repeat(again), needs_session(session), write_(start), numbers_(read) {}

  /// The method's name; of two deeds by one method the second says what is different.
  std::string_view name;
  Again on_repeat;
  /// It removes, and leaves nothing that could tell its number: done, it is found as `removal`.
  bool removes = false;
  static constexpr Number removal = 0;
  /// Makes what the write needs besides a session.
  Prepare make_ready = nullptr;
  /// Whether the key must be a session, where the store has sessions.
  bool needs_session;
  bool is_archive = false;
  /// False for an archive that nobody can read.
  bool is_readable = true;

  /// Makes what the write needs to be there; once for each key.
  void prepare(World& w, Client& c, const std::string& key) const {
    if (needs_session) {
      w.need_session(c, key);
    }
    if (make_ready != nullptr) {
      make_ready(w, c, key);
    }
  }

  /// The method's own awaitable, called but not yet awaited.
  awaitable<bool> write(Handle& handle, const std::string& key, Number number) const {
    return write_(handle, key, number);
  }
  std::string text(const std::string& key, Number number) const {
    return std::string(name) + "(" + show(key) + ", ... #" + show(number) + ")";
  }
  /// Writes, to the end.
  bool put(Client& c, const std::string& key, Number number) const {
    return c.call(text(key, number), write(c.handle(), key, number));
  }

  /// The numbers of the writes found there, in order. Throws `Violation` where one of them is not
  /// whole, or is something that nobody wrote.
  std::vector<Number> numbers(World& w, Client& c, const std::string& key) const {
    return numbers_(w, c, key);
  }

  /// What must be found when `number` was written to where `before` was found.
  std::vector<Number> after(std::vector<Number> before, Number number) const {
    if (on_repeat == Again::replaces) {
      before.clear();
    }
    before.push_back(removes ? removal : number);
    return before;
  }

private:
  Write write_;
  Numbers numbers_;
};

/// The write methods of all these interfaces. The same list for the same arguments.
std::vector<Deed> deeds(unsigned interfaces, bool archive_is_readable);
inline std::vector<Deed> deeds(World& w) {
  return deeds(w.harness().interfaces(), w.harness().can_read_archive());
}

/// A clean-up of all sessions; not in the list, for it takes away what the others work on. For
/// whole backends, on a space where nothing else is to stay.
Deed clean_up_deed();

// Only machinery below this line.

/// The values of the writes, and what is made of what is found.
class DeedTable {
public:
  using Number = Deed::Number;

  static void add_sessions(std::vector<Deed>& table);
  static void add_conversations(std::vector<Deed>& table);
  static void add_checkpoints(std::vector<Deed>& table);
  static void add_contexts(std::vector<Deed>& table);
  static void add_checkpointer(std::vector<Deed>& table);
  static void add_session_directory(std::vector<Deed>& table);
  static void add_thread_directory(std::vector<Deed>& table);
  static void add_archive(std::vector<Deed>& table, bool is_readable);
  static Deed clean_up();

private:
  static constexpr std::size_t write_count = 4;

  /// Tells one write from all others; now and then larger than what is written in one piece.
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
  static Number whole(const Record& came, const Record& expected, Number number) {
    if (!detail::same(came, expected)) {
      throw Violation("all of write #" + show(number) + ", or nothing: " + show(expected),
                      show(came));
    }
    return number;
  }

  static std::vector<ChannelWrite> channel_writes(Number number) {
    std::vector<ChannelWrite> writes;
    writes.emplace_back("messages", payload(number));
    writes.emplace_back("__error__", json(word("error", number)));
    writes.emplace_back("messages", payload(number + 1));
    writes.emplace_back("done", json(number));
    return writes;
  }

  static std::vector<Number> created(World& w, Client& c, const std::string& key);
  static std::vector<Number> updated(World& w, Client& c, const std::string& key);
  static std::vector<Number> ended(World& w, Client& c, const std::string& key);
  static std::vector<Number> messages(World& w, Client& c, const std::string& key);
  static std::vector<Number> checkpoints(World& w, Client& c, const std::string& key);
  static std::vector<Number> stored_again(World& w, Client& c, const std::string& key);
  static std::vector<Number> pending_writes(World& w, Client& c, const std::string& key);
  static std::vector<Number> context(World& w, Client& c, const std::string& key);
  static std::vector<Number> session_removal(World& w, Client& c, const std::string& key);
  static std::vector<Number> thread_removal(World& w, Client& c, const std::string& key);
  static std::vector<Number> pruning(World& w, Client& c, const std::string& key);
  static std::vector<Number> copies(World& w, Client& c, const std::string& key);

  // What is made for a removal: a session or a thread, with all that can belong to it as far as
  // the store has it; and what of it is found.
  using Parts = std::vector<std::string>;
  static constexpr std::array<const char*, 4> thread_writes = {"zero", "checkpoint",
                                                               "not stored yet", "late"};
  static void fill_session(World& w, Client& c, const std::string& key);
  static void fill_thread(World& w, Client& c, const std::string& key);
  static Parts all_of_session(World& w);
  static Parts all_of_thread(World& w);
  static Parts parts_of_session(World& w, Client& c, const std::string& key);
  static Parts parts_of_thread(World& w, Client& c, const std::string& key);
  static std::vector<Number> removal_seen(const Parts& found, const Parts& with,
                                          const Parts& without);
  /// Making it takes several writes. This session, or thread, is made last: to tell whether all was
  /// made by a process that died.
  static std::string ready_mark(const std::string& key) { return key + " is ready"; }

  /// The fields that an archive is to have of a write.
  static json fields(ArchiveKind kind, const std::string& key, Number number);
  template <ArchiveKind kind>
  static std::vector<Number> records(World& w, Client& c, const std::string& key);
  static Number number_of(const ArchiveRecord& record);
};

inline void DeedTable::add_sessions(std::vector<Deed>& table) {
  table.emplace_back(
      "create_session", Deed::Again::never, false,
      [](Handle& h, std::string key, Number n) {
        return detail::true_after(
            h.sessions->create_session(std::move(key), word("user", n), payload(n)));
      },
      &created);
  table.emplace_back(
      "update_session", Deed::Again::adds, true,
      [](Handle& h, std::string key, Number n) {
        SessionUpdate update;
        update.updates(object(word("u", n), n)).increment_requests().mark_error();
        update.add_processing_time(std::chrono::microseconds(3));
        return h.sessions->update_session(std::move(key), std::move(update));
      },
      &updated);
  table.emplace_back(
      "end_session", Deed::Again::never, true,
      [](Handle& h, std::string key, Number n) {
        return h.sessions->end_session(std::move(key), word("ended", n));
      },
      &ended);
}

inline void DeedTable::add_conversations(std::vector<Deed>& table) {
  table.emplace_back(
      "add_conversation_message", Deed::Again::adds, true,
      [](Handle& h, std::string key, Number n) {
        return h.conversations->add_conversation_message(
            std::move(key), word("role", n), payload(n)["filler"].get<std::string>(), payload(n));
      },
      &messages);
}

inline void DeedTable::add_checkpoints(std::vector<Deed>& table) {
  table.emplace_back(
      "store_checkpoint", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.checkpoints->store_checkpoint(std::move(key), word("c", n), payload(n),
                                               object("n", n));
      },
      &checkpoints);
  table.emplace_back(
      "store_checkpoint, the same id again", Deed::Again::replaces, false,
      [](Handle& h, std::string key, Number n) {
        return h.checkpoints->store_checkpoint(std::move(key), "one", payload(n), object("n", n));
      },
      &stored_again);
}

inline void DeedTable::add_contexts(std::vector<Deed>& table) {
  table.emplace_back(
      "store_task_context", Deed::Again::replaces, true,
      [](Handle& h, std::string key, Number n) {
        return h.contexts->store_task_context(std::move(key), payload(n));
      },
      &context);
}

inline void DeedTable::add_checkpointer(std::vector<Deed>& table) {
  table.emplace_back(
      "put_checkpoint", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.checkpointer->put_checkpoint(std::move(key), word("c", n), payload(n),
                                              object("n", n));
      },
      &checkpoints);
  table.emplace_back(
      "put_checkpoint, the same id again", Deed::Again::replaces, false,
      [](Handle& h, std::string key, Number n) {
        return h.checkpointer->put_checkpoint(std::move(key), "one", payload(n), object("n", n));
      },
      &stored_again);
  table.emplace_back(
      "put_writes", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.checkpointer->put_writes(std::move(key), "checkpoint", word("t", n),
                                          channel_writes(n));
      },
      &pending_writes);
}

inline void DeedTable::add_archive(std::vector<Deed>& table, bool is_readable) {
  const std::size_t first = table.size();
  table.emplace_back(
      "append_session_event", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_session_event(std::move(key), word("user", n), word("event", n),
                                               payload(n));
      },
      &records<ArchiveKind::session_event>);
  table.emplace_back(
      "append_conversation_message", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_conversation_message(std::move(key), word("role", n),
                                                      word("content", n), payload(n));
      },
      &records<ArchiveKind::conversation_message>);
  table.emplace_back(
      "append_checkpoint", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_checkpoint(std::move(key), word("c", n), payload(n),
                                            object("n", n));
      },
      &records<ArchiveKind::checkpoint>);
  table.emplace_back(
      "append_checkpoint_writes", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_checkpoint_writes(std::move(key), word("c", n), word("t", n),
                                                   channel_writes(n));
      },
      &records<ArchiveKind::checkpoint_writes>);
  table.emplace_back(
      "append_conversation_session", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_conversation_session(std::move(key), payload(n));
      },
      &records<ArchiveKind::conversation_session>);
  table.emplace_back(
      "append_task_context_snapshot", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        return h.archive->append_task_context_snapshot(std::move(key), payload(n));
      },
      &records<ArchiveKind::task_context_snapshot>);
  for (std::size_t i = first; i < table.size(); ++i) {
    table[i].is_archive = true;
    table[i].is_readable = is_readable;
  }
}

inline std::vector<Deed::Number> DeedTable::created(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  if (const auto session = c.get_session(key)) {
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

inline std::vector<Deed::Number> DeedTable::updated(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  if (const auto session = c.get_session(key)) {
    Session expected = *session;
    expected.metadata = json::object();
    for (const auto& member : session->metadata.items()) {
      if (!member.value().is_number_integer()) {
        throw Violation("members of metadata that somebody wrote", show(session->metadata));
      }
      const Number n = member.value().get<Number>();
      expected.metadata[word("u", n)] = n;
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

inline std::vector<Deed::Number> DeedTable::ended(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  const auto session = c.get_session(key);
  if (session && session->status != "active") {
    const std::size_t dash = session->status.find('-');
    const Number n = std::strtoull(
        session->status.c_str() + (dash == std::string::npos ? 0 : dash + 1), nullptr, 10);
    result.push_back(whole(session->status, word("ended", n), n));
  }
  return result;
}

inline std::vector<Deed::Number> DeedTable::messages(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  for (const Message& message : c.history(key)) {
    const Number n = number_in(message.metadata);
    Message expected = message;
    expected.role = word("role", n);
    expected.metadata = payload(n);
    expected.content = expected.metadata["filler"].get<std::string>();
    result.push_back(whole(message, expected, n));
  }
  return result;
}

inline std::vector<Deed::Number> DeedTable::checkpoints(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  std::vector<Checkpoint> list = c.list_checkpoints(key);
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

inline std::vector<Deed::Number> DeedTable::stored_again(World&, Client& c,
                                                         const std::string& key) {
  std::vector<Number> result;
  if (const auto checkpoint = c.get_checkpoint(key)) {
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

inline std::vector<Deed::Number> DeedTable::pending_writes(World&, Client& c,
                                                           const std::string& key) {
  std::vector<Number> result;
  std::map<std::string, std::vector<PendingWrite>> tasks;
  for (const PendingWrite& write : c.get_writes(key, "checkpoint")) {
    tasks[write.task_id].push_back(write);
  }
  for (const auto& [task, came] : tasks) {
    const Number n =
        std::strtoull(task.c_str() + std::min<std::size_t>(2, task.size()), nullptr, 10);
    std::vector<PendingWrite> expected;
    const std::vector<ChannelWrite> written = channel_writes(n);
    for (const std::size_t position :
         {std::size_t{1}, std::size_t{0}, std::size_t{2}, std::size_t{3}}) {
      PendingWrite write;
      write.task_id = word("t", n);
      write.index = write_index(written[position].channel, position);
      write.channel = written[position].channel;
      write.value = written[position].value;
      expected.push_back(std::move(write));
    }
    result.push_back(whole(came, expected, n));
  }
  return result;
}

inline std::vector<Deed::Number> DeedTable::context(World&, Client& c, const std::string& key) {
  std::vector<Number> result;
  if (const auto context = c.get_task_context(key)) {
    const Number n = number_in(*context);
    result.push_back(whole(*context, payload(n), n));
  }
  return result;
}

inline void DeedTable::fill_thread(World& w, Client& c, const std::string& key) {
  for (const char* id : {"zero", "checkpoint", "late"}) { // not in the order of their ids
    c.store_checkpoint(key, id, object("of", id), object("meta", id));
  }
  if (w.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      c.put_writes(key, id, "task", detail::one_write("channel", json(id)));
    }
  }
}

inline void DeedTable::fill_session(World& w, Client& c, const std::string& key) {
  c.create_session(key, "user", object("of", key));
  if (w.offers(Interfaces::conversations)) {
    c.add_message(key, "user", "message of " + key);
  }
  if (w.offers(Interfaces::contexts)) {
    c.store_task_context(key, object("context", key));
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    fill_thread(w, c, key);
  }
}

inline DeedTable::Parts DeedTable::parts_of_thread(World& w, Client& c, const std::string& key) {
  Parts found;
  for (const Checkpoint& checkpoint : c.list_checkpoints(key)) {
    found.push_back("checkpoint " + checkpoint.checkpoint_id);
  }
  if (w.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      if (!c.get_writes(key, id).empty()) {
        found.push_back(std::string("writes of ") + id);
      }
    }
  }
  return found;
}

inline DeedTable::Parts DeedTable::parts_of_session(World& w, Client& c, const std::string& key) {
  Parts found;
  if (c.get_session(key)) {
    found.emplace_back("session");
  }
  if (w.offers(Interfaces::conversations) && !c.history(key).empty()) {
    found.emplace_back("messages");
  }
  if (w.offers(Interfaces::contexts) && c.get_task_context(key)) {
    found.emplace_back("context");
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    for (std::string& part : parts_of_thread(w, c, key)) {
      found.push_back(std::move(part));
    }
  }
  return found;
}

inline DeedTable::Parts DeedTable::all_of_thread(World& w) {
  Parts all = {"checkpoint late", "checkpoint checkpoint", "checkpoint zero"};
  if (w.offers(Interfaces::checkpointer)) {
    for (const char* id : thread_writes) {
      all.push_back(std::string("writes of ") + id);
    }
  }
  return all;
}

inline DeedTable::Parts DeedTable::all_of_session(World& w) {
  Parts all(1, "session");
  if (w.offers(Interfaces::conversations)) {
    all.emplace_back("messages");
  }
  if (w.offers(Interfaces::contexts)) {
    all.emplace_back("context");
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    for (std::string& part : all_of_thread(w)) {
      all.push_back(std::move(part));
    }
  }
  return all;
}

/// A removal that finds `with`, and is to leave `without`.
inline std::vector<Deed::Number> DeedTable::removal_seen(const Parts& found, const Parts& with,
                                                         const Parts& without) {
  if (found == with) {
    return {};
  }
  if (found != without) {
    throw Violation("all or nothing of a removal: " + show(with) + " or " + show(without),
                    show(found));
  }
  return std::vector<Number>(1, Deed::removal);
}

inline std::vector<Deed::Number> DeedTable::session_removal(World& w, Client& c,
                                                            const std::string& key) {
  if (!c.get_session(ready_mark(key))) {
    return {};
  }
  return removal_seen(parts_of_session(w, c, key), all_of_session(w), Parts());
}

inline std::vector<Deed::Number> DeedTable::thread_removal(World& w, Client& c,
                                                           const std::string& key) {
  if (!c.get_checkpoint(ready_mark(key))) {
    return {};
  }
  return removal_seen(parts_of_thread(w, c, key), all_of_thread(w), Parts());
}

inline std::vector<Deed::Number> DeedTable::pruning(World& w, Client& c, const std::string& key) {
  if (!c.get_checkpoint(ready_mark(key))) {
    return {};
  }
  Parts kept(1, "checkpoint late");
  if (w.offers(Interfaces::checkpointer)) {
    kept.emplace_back("writes of not stored yet");
    kept.emplace_back("writes of late");
  }
  return removal_seen(parts_of_thread(w, c, key), all_of_thread(w), kept);
}

inline std::vector<Deed::Number> DeedTable::copies(World& w, Client& c, const std::string& key) {
  std::vector<Number> result;
  const std::string prefix = key + "/copy-";
  const std::vector<Checkpoint> source = c.list_checkpoints(key);
  const Parts parts = parts_of_thread(w, c, key);
  Page page(max_page_size);
  do {
    const ThreadPage threads = c.list_threads(prefix, page);
    for (const std::string& id : threads.thread_ids) {
      const Number n = std::strtoull(id.c_str() + prefix.size(), nullptr, 10);
      std::vector<Checkpoint> expected = source;
      for (Checkpoint& checkpoint : expected) {
        checkpoint.thread_id = id;
      }
      whole(c.list_checkpoints(id), expected, n);
      result.push_back(whole(parts_of_thread(w, c, id), parts, n));
    }
    page.after(threads.next);
  } while (!page.is_first());
  return result;
}

inline void DeedTable::add_session_directory(std::vector<Deed>& table) {
  table.emplace_back(
      "delete_session", Deed::Again::never, false,
      [](Handle& h, std::string key, Number) {
        return h.session_directory->delete_session(std::move(key));
      },
      &session_removal);
  table.back().removes = true;
  table.back().make_ready = [](World& w, Client& c, const std::string& key) {
    fill_session(w, c, key);
    c.create_session(ready_mark(key));
  };
}

inline Deed DeedTable::clean_up() {
  Deed deed(
      "cleanup_expired_sessions", Deed::Again::never, false,
      [](Handle& h, std::string, Number) {
        return detail::some(h.backend->cleanup_expired_sessions(std::chrono::microseconds(0)));
      },
      [](World& w, Client& c, const std::string& key) {
        return removal_seen(parts_of_session(w, c, key), all_of_session(w), Parts());
      });
  deed.removes = true;
  deed.make_ready = &fill_session;
  return deed;
}

inline void DeedTable::add_thread_directory(std::vector<Deed>& table) {
  const Deed::Prepare make_ready = [](World& w, Client& c, const std::string& key) {
    fill_thread(w, c, key);
    c.store_checkpoint(ready_mark(key), "ready", json());
  };
  table.emplace_back(
      "delete_thread", Deed::Again::never, false,
      [](Handle& h, std::string key, Number) {
        return h.thread_directory->delete_thread(std::move(key));
      },
      &thread_removal);
  table.back().removes = true;
  table.back().make_ready = make_ready;
  table.emplace_back(
      "prune_thread", Deed::Again::never, false,
      [](Handle& h, std::string key, Number) {
        return detail::some(h.thread_directory->prune_thread(std::move(key), 1));
      },
      &pruning);
  table.back().removes = true;
  table.back().make_ready = make_ready;
  table.emplace_back(
      "copy_thread", Deed::Again::adds, false,
      [](Handle& h, std::string key, Number n) {
        std::string target = key + "/" + word("copy", n);
        return h.thread_directory->copy_thread(std::move(key), std::move(target));
      },
      &copies);
  table.back().make_ready = &fill_thread;
}

inline json DeedTable::fields(ArchiveKind kind, const std::string& key, Number n) {
  json result = json::object();
  switch (kind) {
  case ArchiveKind::session_event:
    result["session_id"] = key;
    result["user_id"] = word("user", n);
    result["event_type"] = word("event", n);
    result["payload"] = payload(n);
    break;
  case ArchiveKind::conversation_message:
    result["session_id"] = key;
    result["role"] = word("role", n);
    result["content"] = word("content", n);
    result["metadata"] = payload(n);
    break;
  case ArchiveKind::checkpoint:
    result["thread_id"] = key;
    result["checkpoint_id"] = word("c", n);
    result["data"] = payload(n);
    result["metadata"] = object("n", n);
    break;
  case ArchiveKind::checkpoint_writes:
    result["thread_id"] = key;
    result["checkpoint_id"] = word("c", n);
    result["task_id"] = word("t", n);
    result["writes"] = channel_writes(n);
    break;
  case ArchiveKind::conversation_session:
    result["session_key"] = key;
    result["session_data"] = payload(n);
    break;
  case ArchiveKind::task_context_snapshot:
    result["session_id"] = key;
    result["context_data"] = payload(n);
    break;
  }
  return result;
}

inline Deed::Number DeedTable::number_of(const ArchiveRecord& record) {
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

template <ArchiveKind kind>
std::vector<Deed::Number> DeedTable::records(World& w, Client& c, const std::string& key) {
  std::vector<Number> result;
  for (ArchiveRecord& record : w.read_archive(c, kind, key)) {
    const Number n = number_of(record);
    ArchiveRecord expected = record;
    expected.fields = fields(kind, key, n);
    if (kind == ArchiveKind::task_context_snapshot && record.fields.contains("version")) {
      expected.fields["version"] = record.fields["version"];
    }
    result.push_back(whole(record, expected, n));
  }
  return result;
}

inline Deed clean_up_deed() {
  return DeedTable::clean_up();
}

inline std::vector<Deed> deeds(unsigned interfaces, bool archive_is_readable) {
  std::vector<Deed> table;
  const auto offers = [interfaces](unsigned wanted) { return (interfaces & wanted) != 0; };
  if (offers(Interfaces::sessions)) {
    DeedTable::add_sessions(table);
  }
  if (offers(Interfaces::conversations)) {
    DeedTable::add_conversations(table);
  }
  if (offers(Interfaces::checkpoints)) {
    DeedTable::add_checkpoints(table);
  }
  if (offers(Interfaces::contexts)) {
    DeedTable::add_contexts(table);
  }
  if (offers(Interfaces::checkpointer)) {
    DeedTable::add_checkpointer(table);
  }
  if (offers(Interfaces::session_directory)) {
    DeedTable::add_session_directory(table);
  }
  if (offers(Interfaces::thread_directory)) {
    DeedTable::add_thread_directory(table);
  }
  if (offers(Interfaces::archive)) {
    DeedTable::add_archive(table, archive_is_readable);
  }
  return table;
}

} // namespace agentstore::conformance

#endif
