// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_PROBE_HPP
#define AGENTSTORE_CONFORMANCE_PROBE_HPP

/// \file
/// Every way into a store and every way out, as values: what a rule about all methods loops over.
///
///     for (const Probe& probe : probes(w)) {
///       const Ids ids = probe.ids("k");
///       probe.prepare(w, c, ids);
///       w.expect_same(probe.put(c, ids, value), true, probe.label());
///       w.expect_same(probe.read(w, c, ids), std::optional<json>(value), probe.label());
///     }

#include <agentstore/conformance/world.hpp>

namespace agentstore::conformance {

/// The id arguments of one call, in the order of the method's parameters.
using Ids = std::vector<std::string>;

/// One value as it was found in a store.
class Found {
public:
  Found() = default;
  Found(Ids the_ids, json the_value) : ids(std::move(the_ids)), value(std::move(the_value)) {}

  /// As the record read has them; those that it does not have, as they were asked for.
  Ids ids;
  /// Discarded (a kind of JSON that equals nothing) where the record lacks it.
  json value;
};

/// One argument of one write method that takes a value: how to write it, and read it back.
class Probe {
public:
  /// What the argument takes. Texts are handed over as JSON strings.
  enum class Takes { any, object, text, nonempty_text };
  /// What a second write to the same ids does to what is read.
  enum class Again {
    replaces, ///< the second value is there instead of the first
    appends,  ///< both are there
    merges,   ///< a merge patch: the first value with the second merged into it
    keeps,    ///< the first value stays; the second call is refused, or has no effect
  };

  using Write = awaitable<bool> (*)(Handle&, Ids, json);
  using ReadAll = std::vector<Found> (*)(World&, Client&, const Ids&);

  /// The method's name, e.g. "put_writes".
  std::string_view name;
  /// The argument's name, e.g. "metadata".
  std::string_view slot;
  Takes takes = Takes::any;
  Again again = Again::replaces;
  /// The method's id parameters. The first `addressing` of them say where the value is; others
  /// are only kept with it.
  std::vector<std::string_view> id_names;
  std::size_t addressing = 1;
  /// Refuses and fails by false, not by StorageError.
  bool is_archive = false;
  /// False for an archive that nobody can read.
  bool is_readable = true;
  /// Needs a session, where the store has sessions.
  bool needs_session = false;

  bool takes_text() const { return takes == Takes::text || takes == Takes::nonempty_text; }

  /// E.g. `put_writes(value)`, for messages.
  std::string label() const { return std::string(name) + "(" + std::string(slot) + ")"; }
  /// The ids for a key of the caller's: it is the first of them.
  Ids ids(const std::string& key) const;
  /// Some value that the argument takes, another for each `number`.
  json sample(std::uint64_t number) const;

  /// Makes what the write needs to be there. To be called once for each first id.
  void prepare(World& w, Client& c, const Ids& ids) const {
    if (needs_session) {
      w.need_session(c, ids.front());
    }
  }

  /// The method's own awaitable, called but not yet awaited. (create_session's is wrapped: its
  /// result becomes true.)
  awaitable<bool> write(Handle& handle, Ids ids, json value) const {
    return write_(handle, std::move(ids), std::move(value));
  }
  /// The call as the transcript shows it.
  std::string text(const Ids& ids, const json& value) const;
  /// Writes, to the end.
  bool put(Client& c, const Ids& ids, const json& value) const {
    return c.call(text(ids, value), write(c.handle(), ids, value));
  }

  /// All values found at these ids, oldest first. UNTESTED where nobody can read them.
  std::vector<Found> read_all(World& w, Client& c, const Ids& ids) const;
  /// The latest of them.
  std::optional<Found> find(World& w, Client& c, const Ids& ids) const;
  std::optional<json> read(World& w, Client& c, const Ids& ids) const;

private:
  friend class ProbeTable;

  Write write_ = nullptr;
  ReadAll read_all_ = nullptr;
};

/// One method that reads.
class ReadProbe {
public:
  using Read = awaitable<bool> (*)(Handle&, Ids);

  ReadProbe(std::string_view method, std::vector<std::string_view> names, Read call)
      : name(method), id_names(std::move(names)), read_(call) {}

  std::string_view name;
  std::vector<std::string_view> id_names;

  Ids ids(const std::string& key) const;
  /// The read, called but not yet awaited; its result is whether it found anything.
  awaitable<bool> read(Handle& handle, Ids ids) const { return read_(handle, std::move(ids)); }
  std::string text(const Ids& ids) const;
  /// Reads, to the end.
  bool get(Client& c, const Ids& ids) const { return c.call(text(ids), read(c.handle(), ids)); }

private:
  Read read_;
};

/// The write methods of all interfaces that the store has, argument by argument.
std::vector<Probe> probes(World& w);

/// One probe for each method: the first of its arguments.
std::vector<Probe> one_per_method(World& w);

/// The read methods of all interfaces that the store has, `get_metrics` included.
std::vector<ReadProbe> read_probes(World& w);

/// The methods that take ids alone and change something, if `fill_for_reads` was called for the
/// key: their result is then true.
std::vector<ReadProbe> change_probes(World& w);

/// The calls that are neither reads of records nor writes of them; true on an open store.
std::vector<ReadProbe> other_calls(World& w);

/// `close` of each object that has it; true when it has ended.
std::vector<ReadProbe> closings(World& w);

/// Writes what every ReadProbe finds under its ids for this key. The key may not have been used.
void fill_for_reads(World& w, Client& c, const std::string& key);

// Only machinery below this line.

namespace detail {

inline Ids default_ids(const std::vector<std::string_view>& names, const std::string& key) {
  Ids ids;
  for (const std::string_view name : names) {
    // Of targets there must be one for each key.
    ids.push_back(ids.empty() ? key : name == "target" ? key + " too" : "the " + std::string(name));
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

/// A call whose answer does not matter, as one that is true.
template <class T>
awaitable<bool> true_after(awaitable<T> call) {
  co_await std::move(call);
  co_return true;
}

template <class T>
bool is_something(const std::optional<T>& value) {
  return value.has_value();
}
template <class T>
bool is_something(const std::vector<T>& values) {
  return !values.empty();
}
inline bool is_something(const Metrics&) {
  return true;
}
inline bool is_something(const Health&) {
  return true;
}
inline bool is_something(const SessionPage& page) {
  return !page.sessions.empty();
}
inline bool is_something(const ThreadPage& page) {
  return !page.thread_ids.empty();
}
inline bool is_something(std::uint64_t) {
  return true;
}

inline awaitable<bool> some(awaitable<std::uint64_t> counting) {
  const std::uint64_t count = co_await std::move(counting);
  co_return count != 0;
}

template <class T>
awaitable<bool> found(awaitable<T> reading) {
  const T result = co_await std::move(reading);
  co_return is_something(result);
}

inline std::vector<ChannelWrite> one_write(const std::string& channel, json value) {
  std::vector<ChannelWrite> writes;
  writes.emplace_back(channel, std::move(value));
  return writes;
}

inline const json& at_or_discarded(const json& fields, std::string_view name) {
  static const json discarded(json::value_t::discarded);
  const std::string key(name);
  return fields.is_object() && fields.contains(key) ? fields.at(key) : discarded;
}

/// What the archive keeps of an append: `part` is 0 for the channel of the first write, 1 for its
/// value, and does not count elsewhere.
inline std::vector<Found> read_records(World& w, Client& c, ArchiveKind kind, const Ids& ids,
                                       const std::vector<std::string_view>& id_names,
                                       std::string_view slot, std::size_t part = 0) {
  std::vector<Found> result;
  for (const ArchiveRecord& record : w.read_archive(c, kind, ids.front())) {
    Found found(ids, at_or_discarded(record.fields, slot));
    if (slot == "writes") {
      const json writes = found.value;
      const bool has_part =
          writes.is_array() && !writes.empty() && writes[0].is_array() && writes[0].size() == 2;
      found.value = has_part ? writes[0][part] : json(json::value_t::discarded);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const json& id = at_or_discarded(record.fields, id_names[i]);
      found.ids[i] = id.is_string() ? id.get<std::string>() : std::string();
    }
    result.push_back(std::move(found));
  }
  return result;
}

} // namespace detail

/// Fills the table; knows each method's parameters.
class ProbeTable {
public:
  static void add_sessions(std::vector<Probe>& table);
  static void add_conversations(std::vector<Probe>& table);
  static void add_checkpoints(std::vector<Probe>& table);
  static void add_contexts(std::vector<Probe>& table);
  static void add_checkpointer(std::vector<Probe>& table);
  static void add_archive(std::vector<Probe>& table, bool is_readable);

private:
  using Names = std::vector<std::string_view>;
  using Takes = Probe::Takes;
  using Again = Probe::Again;

  static Probe& add(std::vector<Probe>& table, std::string_view name, std::string_view slot,
                    Takes takes, Again again, Names ids, Probe::Write write, Probe::ReadAll read) {
    Probe& probe = table.emplace_back();
    probe.name = name;
    probe.slot = slot;
    probe.takes = takes;
    probe.again = again;
    probe.id_names = std::move(ids);
    probe.write_ = write;
    probe.read_all_ = read;
    return probe;
  }

  static void add_archive(std::vector<Probe>& table, bool is_readable, std::string_view name,
                          std::string_view slot, Takes takes, Names ids, Probe::Write write,
                          Probe::ReadAll read) {
    Probe& probe = add(table, name, slot, takes, Again::appends, std::move(ids), write, read);
    probe.is_archive = true;
    probe.is_readable = is_readable;
  }

  static std::vector<Found> read_metadata(World&, Client& c, const Ids& ids) {
    std::vector<Found> result;
    if (const auto session = c.get_session(ids[0])) {
      result.emplace_back(ids, session->metadata);
      result.back().ids[0] = session->session_id;
      if (ids.size() > 1) {
        result.back().ids[1] = session->user_id;
      }
    }
    return result;
  }

  template <class Choose>
  static std::vector<Found> read_messages(Client& c, const Ids& ids, Choose choose) {
    std::vector<Found> result;
    for (const Message& message : c.history(ids[0])) {
      result.emplace_back(ids, choose(message));
    }
    return result;
  }

  static std::vector<Found> read_checkpoint(Client& c, const Ids& ids, json Checkpoint::* slot) {
    std::vector<Found> result;
    if (const auto checkpoint = c.get_checkpoint(ids[0], ids[1])) {
      Ids found;
      found.push_back(checkpoint->thread_id);
      found.push_back(checkpoint->checkpoint_id);
      result.emplace_back(std::move(found), (*checkpoint).*slot);
    }
    return result;
  }
  static std::vector<Found> read_data(World&, Client& c, const Ids& ids) {
    return read_checkpoint(c, ids, &Checkpoint::data);
  }
  static std::vector<Found> read_checkpoint_metadata(World&, Client& c, const Ids& ids) {
    return read_checkpoint(c, ids, &Checkpoint::metadata);
  }

  template <class Choose>
  static std::vector<Found> read_writes(Client& c, const Ids& ids, Choose choose) {
    std::vector<Found> result;
    for (const PendingWrite& write : c.get_writes(ids[0], ids[1])) {
      if (write.task_id == ids[2]) {
        result.emplace_back(ids, choose(write));
      }
    }
    return result;
  }
};

inline void ProbeTable::add_sessions(std::vector<Probe>& table) {
  add(
      table, "create_session", "metadata", Takes::object, Again::keeps, {"session_id", "user_id"},
      [](Handle& h, Ids ids, json value) {
        return detail::true_after(h.sessions->create_session(ids[0], ids[1], std::move(value)));
      },
      &read_metadata);
  add(
      table, "update_session", "updates", Takes::object, Again::merges, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.sessions->update_session(ids[0], SessionUpdate().updates(std::move(value)));
      },
      &read_metadata)
      .needs_session = true;
  add(
      table, "end_session", "status", Takes::nonempty_text, Again::keeps, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.sessions->end_session(ids[0], value.get<std::string>());
      },
      [](World&, Client& c, const Ids& ids) {
        std::vector<Found> result;
        const auto session = c.get_session(ids[0]);
        if (session && session->status != "active") {
          result.emplace_back(ids, session->status);
        }
        return result;
      })
      .needs_session = true;
}

inline void ProbeTable::add_conversations(std::vector<Probe>& table) {
  constexpr std::string_view name = "add_conversation_message";
  add(
      table, name, "metadata", Takes::object, Again::appends, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.conversations->add_conversation_message(ids[0], "user", "text", std::move(value));
      },
      [](World&, Client& c, const Ids& ids) {
        return read_messages(c, ids, [](const Message& m) { return m.metadata; });
      })
      .needs_session = true;
  add(
      table, name, "role", Takes::nonempty_text, Again::appends, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.conversations->add_conversation_message(ids[0], value.get<std::string>(), "text");
      },
      [](World&, Client& c, const Ids& ids) {
        return read_messages(c, ids, [](const Message& m) { return json(m.role); });
      })
      .needs_session = true;
  add(
      table, name, "content", Takes::text, Again::appends, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.conversations->add_conversation_message(ids[0], "user", value.get<std::string>());
      },
      [](World&, Client& c, const Ids& ids) {
        return read_messages(c, ids, [](const Message& m) { return json(m.content); });
      })
      .needs_session = true;
}

inline void ProbeTable::add_checkpoints(std::vector<Probe>& table) {
  add(
      table, "store_checkpoint", "data", Takes::any, Again::replaces,
      {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.checkpoints->store_checkpoint(ids[0], ids[1], std::move(value));
      },
      &read_data)
      .addressing = 2;
  add(
      table, "store_checkpoint", "metadata", Takes::object, Again::replaces,
      {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.checkpoints->store_checkpoint(ids[0], ids[1], json(1), std::move(value));
      },
      &read_checkpoint_metadata)
      .addressing = 2;
}

inline void ProbeTable::add_contexts(std::vector<Probe>& table) {
  add(
      table, "store_task_context", "context", Takes::any, Again::replaces, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.contexts->store_task_context(ids[0], std::move(value));
      },
      [](World&, Client& c, const Ids& ids) {
        std::vector<Found> result;
        if (auto context = c.get_task_context(ids[0])) {
          result.emplace_back(ids, *std::move(context));
        }
        return result;
      })
      .needs_session = true;
}

inline void ProbeTable::add_checkpointer(std::vector<Probe>& table) {
  add(
      table, "put_checkpoint", "data", Takes::any, Again::replaces, {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.checkpointer->put_checkpoint(ids[0], ids[1], std::move(value));
      },
      &read_data)
      .addressing = 2;
  add(
      table, "put_checkpoint", "metadata", Takes::object, Again::replaces,
      {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.checkpointer->put_checkpoint(ids[0], ids[1], json(1), std::move(value));
      },
      &read_checkpoint_metadata)
      .addressing = 2;
  const Names ids = {"thread_id", "checkpoint_id", "task_id"};
  add(
      table, "put_writes", "value", Takes::any, Again::keeps, ids,
      [](Handle& h, Ids id, json value) {
        return h.checkpointer->put_writes(id[0], id[1], id[2],
                                          detail::one_write("channel", std::move(value)));
      },
      [](World&, Client& c, const Ids& id) {
        return read_writes(c, id, [](const PendingWrite& write) { return write.value; });
      })
      .addressing = 3;
  add(
      table, "put_writes", "channel", Takes::nonempty_text, Again::keeps, ids,
      [](Handle& h, Ids id, json value) {
        return h.checkpointer->put_writes(id[0], id[1], id[2],
                                          detail::one_write(value.get<std::string>(), json(1)));
      },
      [](World&, Client& c, const Ids& id) {
        return read_writes(c, id, [](const PendingWrite& write) { return json(write.channel); });
      })
      .addressing = 3;
}

inline void ProbeTable::add_archive(std::vector<Probe>& table, bool is_readable) {
  add_archive(
      table, is_readable, "append_session_event", "payload", Takes::any, {"session_id", "user_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_session_event(ids[0], ids[1], "event", std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::session_event, ids,
                                    {"session_id", "user_id"}, "payload");
      });
  add_archive(
      table, is_readable, "append_session_event", "event_type", Takes::nonempty_text,
      {"session_id", "user_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_session_event(ids[0], ids[1], value.get<std::string>(), json(1));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::session_event, ids,
                                    {"session_id", "user_id"}, "event_type");
      });
  add_archive(
      table, is_readable, "append_conversation_message", "metadata", Takes::object, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_conversation_message(ids[0], "user", "text", std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::conversation_message, ids, {"session_id"},
                                    "metadata");
      });
  add_archive(
      table, is_readable, "append_conversation_message", "role", Takes::nonempty_text,
      {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_conversation_message(ids[0], value.get<std::string>(), "text");
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::conversation_message, ids, {"session_id"},
                                    "role");
      });
  add_archive(
      table, is_readable, "append_conversation_message", "content", Takes::text, {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_conversation_message(ids[0], "user", value.get<std::string>());
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::conversation_message, ids, {"session_id"},
                                    "content");
      });
  add_archive(
      table, is_readable, "append_checkpoint", "data", Takes::any, {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_checkpoint(ids[0], ids[1], std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::checkpoint, ids,
                                    {"thread_id", "checkpoint_id"}, "data");
      });
  add_archive(
      table, is_readable, "append_checkpoint", "metadata", Takes::object,
      {"thread_id", "checkpoint_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_checkpoint(ids[0], ids[1], json(1), std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::checkpoint, ids,
                                    {"thread_id", "checkpoint_id"}, "metadata");
      });
  add_archive(
      table, is_readable, "append_checkpoint_writes", "value", Takes::any,
      {"thread_id", "checkpoint_id", "task_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_checkpoint_writes(ids[0], ids[1], ids[2],
                                                   detail::one_write("channel", std::move(value)));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::checkpoint_writes, ids,
                                    {"thread_id", "checkpoint_id", "task_id"}, "writes", 1);
      });
  add_archive(
      table, is_readable, "append_checkpoint_writes", "channel", Takes::nonempty_text,
      {"thread_id", "checkpoint_id", "task_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_checkpoint_writes(
            ids[0], ids[1], ids[2], detail::one_write(value.get<std::string>(), json(1)));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::checkpoint_writes, ids,
                                    {"thread_id", "checkpoint_id", "task_id"}, "writes", 0);
      });
  add_archive(
      table, is_readable, "append_conversation_session", "session_data", Takes::any,
      {"session_key"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_conversation_session(ids[0], std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::conversation_session, ids, {"session_key"},
                                    "session_data");
      });
  add_archive(
      table, is_readable, "append_task_context_snapshot", "context_data", Takes::any,
      {"session_id"},
      [](Handle& h, Ids ids, json value) {
        return h.archive->append_task_context_snapshot(ids[0], std::move(value));
      },
      [](World& w, Client& c, const Ids& ids) {
        return detail::read_records(w, c, ArchiveKind::task_context_snapshot, ids, {"session_id"},
                                    "context_data");
      });
}

inline Ids Probe::ids(const std::string& key) const {
  return detail::default_ids(id_names, key);
}

inline json Probe::sample(std::uint64_t number) const {
  if (takes_text()) {
    return "sample " + std::to_string(number);
  }
  return object("sample", number);
}

inline std::string Probe::text(const Ids& ids, const json& value) const {
  return detail::call_text(name, ids, std::string(slot) + "=" + show(value));
}

inline std::vector<Found> Probe::read_all(World& w, Client& c, const Ids& ids) const {
  if (!is_readable) {
    throw Untested("the archive is no IArchiveReader, and the harness has no read_archive");
  }
  return read_all_(w, c, ids);
}

inline std::optional<Found> Probe::find(World& w, Client& c, const Ids& ids) const {
  std::vector<Found> all = read_all(w, c, ids);
  if (all.empty()) {
    return std::nullopt;
  }
  return std::move(all.back());
}

inline std::optional<json> Probe::read(World& w, Client& c, const Ids& ids) const {
  std::optional<Found> latest = find(w, c, ids);
  if (!latest) {
    return std::nullopt;
  }
  return std::move(latest->value);
}

inline std::vector<Probe> probes(World& w) {
  std::vector<Probe> table;
  if (w.offers(Interfaces::sessions)) {
    ProbeTable::add_sessions(table);
  }
  if (w.offers(Interfaces::conversations)) {
    ProbeTable::add_conversations(table);
  }
  if (w.offers(Interfaces::checkpoints)) {
    ProbeTable::add_checkpoints(table);
  }
  if (w.offers(Interfaces::contexts)) {
    ProbeTable::add_contexts(table);
  }
  if (w.offers(Interfaces::checkpointer)) {
    ProbeTable::add_checkpointer(table);
  }
  if (w.offers(Interfaces::archive)) {
    ProbeTable::add_archive(table, w.harness().can_read_archive());
  }
  return table;
}

inline Ids ReadProbe::ids(const std::string& key) const {
  return detail::default_ids(id_names, key);
}

inline std::string ReadProbe::text(const Ids& ids) const {
  return detail::call_text(name, ids, {});
}

inline std::vector<ReadProbe> read_probes(World& w) {
  std::vector<ReadProbe> table;
  const std::vector<std::string_view> session = {"session_id"};
  const std::vector<std::string_view> thread = {"thread_id"};
  const std::vector<std::string_view> checkpoint = {"thread_id", "checkpoint_id"};
  if (w.offers(Interfaces::sessions)) {
    table.emplace_back("get_session", session, [](Handle& h, Ids ids) {
      return detail::found(h.sessions->get_session(ids[0]));
    });
  }
  if (w.offers(Interfaces::conversations)) {
    table.emplace_back("get_conversation_history", session, [](Handle& h, Ids ids) {
      return detail::found(h.conversations->get_conversation_history(ids[0]));
    });
  }
  if (w.offers(Interfaces::checkpoints)) {
    table.emplace_back("get_checkpoint", checkpoint, [](Handle& h, Ids ids) {
      return detail::found(h.checkpoints->get_checkpoint(ids[0], ids[1]));
    });
    table.emplace_back("get_checkpoint", thread, [](Handle& h, Ids ids) {
      return detail::found(h.checkpoints->get_checkpoint(ids[0]));
    });
    table.emplace_back("list_checkpoints", thread, [](Handle& h, Ids ids) {
      return detail::found(h.checkpoints->list_checkpoints(ids[0]));
    });
  }
  if (w.offers(Interfaces::checkpointer)) {
    table.emplace_back("get_checkpoint", checkpoint, [](Handle& h, Ids ids) {
      return detail::found(h.checkpointer->get_checkpoint(ids[0], ids[1]));
    });
    table.emplace_back("get_checkpoint", thread, [](Handle& h, Ids ids) {
      return detail::found(h.checkpointer->get_checkpoint(ids[0]));
    });
    table.emplace_back("list_checkpoints", thread, [](Handle& h, Ids ids) {
      return detail::found(h.checkpointer->list_checkpoints(ids[0]));
    });
    table.emplace_back("get_writes", checkpoint, [](Handle& h, Ids ids) {
      return detail::found(h.checkpointer->get_writes(ids[0], ids[1]));
    });
  }
  if (w.offers(Interfaces::contexts)) {
    table.emplace_back("get_task_context", session, [](Handle& h, Ids ids) {
      return detail::found(h.contexts->get_task_context(ids[0]));
    });
  }
  if (w.offers(Interfaces::backend)) {
    table.emplace_back("get_metrics", std::vector<std::string_view>(),
                       [](Handle& h, Ids) { return detail::found(h.backend->get_metrics()); });
  }
  if (w.offers(Interfaces::session_directory)) {
    table.emplace_back("list_sessions", std::vector<std::string_view>(1, "user_id"),
                       [](Handle& h, Ids ids) {
                         return detail::found(h.session_directory->list_sessions(ids[0]));
                       });
  }
  if (w.offers(Interfaces::thread_directory)) {
    table.emplace_back(
        "list_threads", std::vector<std::string_view>(1, "prefix"),
        [](Handle& h, Ids ids) { return detail::found(h.thread_directory->list_threads(ids[0])); });
    table.emplace_back("list_checkpoints_before", checkpoint, [](Handle& h, Ids ids) {
      return detail::found(h.thread_directory->list_checkpoints_before(ids[0], ids[1]));
    });
  }
  if (w.offers(Interfaces::archive_reader)) {
    table.emplace_back(
        "read_archive", std::vector<std::string_view>(1, "key"), [](Handle& h, Ids ids) {
          return detail::found(
              h.archive_reader->read_archive(ArchiveKind::conversation_session, ids[0]));
        });
  }
  return table;
}

inline std::vector<ReadProbe> change_probes(World& w) {
  std::vector<ReadProbe> table;
  const std::vector<std::string_view> thread = {"thread_id"};
  if (w.offers(Interfaces::session_directory)) {
    table.emplace_back(
        "delete_session", std::vector<std::string_view>(1, "session_id"),
        [](Handle& h, Ids ids) { return h.session_directory->delete_session(ids[0]); });
  }
  if (w.offers(Interfaces::thread_directory)) {
    table.emplace_back("delete_thread", thread, [](Handle& h, Ids ids) {
      return h.thread_directory->delete_thread(ids[0]);
    });
    table.emplace_back("prune_thread", thread, [](Handle& h, Ids ids) {
      return detail::some(h.thread_directory->prune_thread(ids[0], 1));
    });
    const std::vector<std::string_view> two = {"source", "target"};
    table.emplace_back("copy_thread", two, [](Handle& h, Ids ids) {
      return h.thread_directory->copy_thread(ids[0], ids[1]);
    });
  }
  return table;
}

inline std::vector<ReadProbe> other_calls(World& w) {
  std::vector<ReadProbe> table;
  const std::vector<std::string_view> no_ids;
  if (w.offers(Interfaces::backend)) {
    table.emplace_back("initialize", no_ids,
                       [](Handle& h, Ids) { return h.backend->initialize(); });
    table.emplace_back("health_check", no_ids,
                       [](Handle& h, Ids) { return detail::found(h.backend->health_check()); });
    table.emplace_back("cleanup_expired_sessions", no_ids, [](Handle& h, Ids) {
      return detail::found(h.backend->cleanup_expired_sessions());
    });
  }
  if (w.offers(Interfaces::archive)) {
    table.emplace_back("initialize", no_ids,
                       [](Handle& h, Ids) { return h.archive->initialize(); });
  }
  return table;
}

inline std::vector<ReadProbe> closings(World& w) {
  std::vector<ReadProbe> table;
  const std::vector<std::string_view> no_ids;
  if (w.offers(Interfaces::backend)) {
    table.emplace_back("close", no_ids,
                       [](Handle& h, Ids) { return detail::true_after(h.backend->close()); });
  }
  if (w.offers(Interfaces::archive)) {
    table.emplace_back("close", no_ids,
                       [](Handle& h, Ids) { return detail::true_after(h.archive->close()); });
  }
  return table;
}

inline std::vector<Probe> one_per_method(World& w) {
  std::vector<Probe> result;
  for (Probe& probe : probes(w)) {
    if (result.empty() || result.back().name != probe.name) {
      result.push_back(std::move(probe));
    }
  }
  return result;
}

inline void fill_for_reads(World& w, Client& c, const std::string& key) {
  if (w.offers(Interfaces::sessions)) {
    c.create_session(key, key); // a user of the same id, to be listed by it
  }
  if (w.offers(Interfaces::conversations)) {
    c.add_message(key, "user", "hello");
  }
  if (w.offers(Interfaces::contexts)) {
    c.store_task_context(key, object("step", 1));
  }
  if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
    c.store_checkpoint(key, "one before it", object("state", 0));
    c.store_checkpoint(key, "the checkpoint_id", object("state", 1));
  }
  if (w.offers(Interfaces::checkpointer)) {
    c.put_writes(key, "the checkpoint_id", "task", detail::one_write("channel", json(1)));
  }
  if (w.offers(Interfaces::archive)) {
    const bool kept = c.call(detail::call_text("append_conversation_session", Ids(1, key), "1"),
                             c.handle().archive->append_conversation_session(key, json(1)));
    w.expect(kept, "the append to be true", "false");
  }
}

} // namespace agentstore::conformance

#endif
