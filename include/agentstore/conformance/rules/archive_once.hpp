// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_ONCE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_ONCE_HPP

/// \file
/// ONC: the rules of IArchiveOnce, read back as the other archives' are.

#include <agentstore/conformance/rules/archive.hpp>

#include <utility>

namespace agentstore::conformance {

namespace detail {

/// The append of an entry with an entry id.
inline awaitable<bool> start_once(IArchiveOnce& archive, const std::string& entry_id,
                                  const ArchiveAppend& entry, std::optional<Timestamp> at) {
  const json& fields = entry.fields;
  const auto text = [&fields](const char* name) { return fields.at(name).get<std::string>(); };
  switch (entry.kind) {
  case ArchiveKind::session_event:
    return archive.append_session_event_once(entry_id, text("session_id"), text("user_id"),
                                             text("event_type"), fields.at("payload"), at);
  case ArchiveKind::conversation_message:
    return archive.append_conversation_message_once(entry_id, text("session_id"), text("role"),
                                                    text("content"), fields.at("metadata"), at);
  case ArchiveKind::checkpoint:
    return archive.append_checkpoint_once(entry_id, text("thread_id"), text("checkpoint_id"),
                                          fields.at("data"), fields.at("metadata"), at);
  case ArchiveKind::checkpoint_writes:
    return archive.append_checkpoint_writes_once(
        entry_id, text("thread_id"), text("checkpoint_id"), text("task_id"),
        fields.at("writes").get<std::vector<ChannelWrite>>(), at);
  case ArchiveKind::conversation_session:
    return archive.append_conversation_session_once(entry_id, text("session_key"),
                                                    fields.at("session_data"), at);
  case ArchiveKind::task_context_snapshot:
    break;
  }
  return archive.append_task_context_snapshot_once(entry_id, text("session_id"),
                                                   fields.at("context_data"), at);
}

inline bool append_once(Client& client, const std::string& entry_id, const ArchiveAppend& entry,
                        std::optional<Timestamp> at = std::nullopt) {
  return client.call("append of " + std::string(to_string(entry.kind)) + " " + show(entry.fields) +
                         " once, as entry " + show(entry_id) + (at ? " at " + show(*at) : ""),
                     start_once(*client.handle().archive_once, entry_id, entry, at));
}

inline void keep_once(RuleContext& ctx, Client& client, const std::string& entry_id,
                      const ArchiveAppend& entry, std::optional<Timestamp> at = std::nullopt) {
  ctx.expect(append_once(client, entry_id, entry, at), "the append of an entry to be true",
             "false");
}

inline void check_first_entry_stays(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
  const auto firsts = one_of_each("k", "first");
  const auto others = one_of_each("k", "other");
  for (std::size_t kind = 0; kind < firsts.size(); ++kind) {
    keep_once(ctx, client, "e", firsts[kind], at);
    keep_once(ctx, client, "e", firsts[kind], at);
    keep_once(ctx, client, "e", others[kind], at + std::chrono::hours(1));
    keep_once(ctx, client, "e", others[kind]);
    const auto records = ctx.read_archive(client, firsts[kind].kind, "k");
    ctx.expect_same(fields_of(records), std::vector<json>(1, firsts[kind].fields),
                    "the records of one entry");
    ctx.expect_same(records.front().created_at, at, "the time of the entry's first append");
  }
}

inline void check_other_entries_are_others(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
  // Ids that are not the same, though they look alike, and two that the parts run together make.
  const std::vector<std::string> ids = {"e",
                                        "E",
                                        "e ",
                                        " e",
                                        "e1",
                                        "e0001",
                                        "\u00e9",
                                        "e\u0301",
                                        "0b5ad1f2-7c3e-4e6a-9d1b-2f8c4a6e0d35",
                                        "0B5AD1F2-7C3E-4E6A-9D1B-2F8C4A6E0D35",
                                        std::string(1'024, 'e'),
                                        std::string(1'023, 'e')};
  for (const auto& entry : one_of_each("k", 1)) {
    for (const std::string& id : ids) {
      keep_once(ctx, client, id, entry, at);
    }
    keep(ctx, client, entry, at);
    keep(ctx, client, entry, at);
    keep_once(ctx, client, "e", entry, at);
    expect_records(ctx, client, entry.kind, "k", std::vector<json>(ids.size() + 2, entry.fields),
                   "the records of different entries");
  }
  for (const auto& entry : one_of_each("ke", 1)) {
    keep_once(ctx, client, "e", entry, at);
    expect_records(ctx, client, entry.kind, "ke", std::vector<json>(1, entry.fields),
                   "the records of another key");
  }
  for (const std::string& separator : separators()) { // key and entry id that make the same text
    const std::string key = "left" + separator + "middle";
    keep_once(ctx, client, "middle" + separator + "right", one_of_each("left", 1)[0], at);
    const auto entry = one_of_each(key, 1)[0];
    keep_once(ctx, client, "right", entry, at);
    expect_records(ctx, client, entry.kind, key, std::vector<json>(1, entry.fields),
                   "the records of a key and an entry id that may be run together");
  }
}

inline void check_entries_at_any_time(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  constexpr std::size_t rounds = 15;
  std::atomic<int> refused = 0;
  ctx.in_rounds(client, 3, rounds, [&](std::size_t round, std::size_t writer, Client mine) {
    const std::string value = std::to_string(round) + " of " + std::to_string(writer);
    if (!append_once(mine, "e" + std::to_string(round), one_of_each("race", value)[0])) {
      ++refused;
    }
  });
  ctx.expect_same(std::uint64_t{static_cast<std::uint64_t>(refused.load())}, std::uint64_t{0},
                  "the number of appends that met another of their entry and were false");
  ctx.expect_same(
      std::uint64_t{ctx.read_archive(client, ArchiveKind::session_event, "race").size()},
      std::uint64_t{rounds}, "the number of records of entries that were raced for");
  const auto many = one_of_each("many", 1)[0];
  constexpr std::size_t others = 270;
  for (std::size_t i = 0; i <= others; ++i) {
    keep_once(ctx, client, "e" + std::to_string(i), many);
  }
  keep_once(ctx, client, "e0", many);
  ctx.expect_same(std::uint64_t{ctx.read_archive(client, many.kind, "many").size()},
                  std::uint64_t{others + 1},
                  "the number of records after an entry from before 270 others was repeated");
  const auto entries = one_of_each("k", 1);
  for (const auto& entry : entries) {
    keep_once(ctx, client, "e", entry);
  }
  const auto repeat = [&](Client& again, const std::string& when) {
    for (const auto& entry : entries) {
      keep_once(ctx, again, "e", entry);
      expect_records(ctx, again, entry.kind, "k", std::vector<json>(1, entry.fields),
                     "the records of an entry that is repeated " + when);
    }
  };
  if (ctx.harness().claims().has_shared_handles()) {
    Client other = ctx.open();
    repeat(other, "on another handle");
  }
  for (const int days : {1, 40}) {
    set_clock_if_any(ctx, system_clock()() + std::chrono::days(days));
    repeat(client, "long after");
  }
  client.close();
  client.initialize();
  repeat(client, "after close and initialize");
  if (ctx.harness().claims().is_durable()) {
    ctx.close(std::move(client));
    Client reopened = ctx.open();
    repeat(reopened, "after the archive was opened anew");
  }
}

inline void check_repeated_until_true(RuleContext& ctx) {
  need_reader(ctx);
  if (!ctx.has_faults()) {
    throw NotTestable("the harness has no inject");
  }
  Client client = ctx.open();
  std::size_t failures = 0;
  for (const auto effect : {Fault::Effect::before, Fault::Effect::after}) {
    for (std::size_t first = 1; first <= 4; ++first) {
      const std::string key =
          "k" + std::to_string(first) + (effect == Fault::Effect::after ? "a" : "b");
      for (const auto& entry : one_of_each(key, 1)) {
        ctx.inject(Fault(effect, first));
        bool is_kept = append_once(client, "e", entry);
        ctx.inject(Fault());
        failures += is_kept ? 0U : 1U;
        for (int attempt = 0; !is_kept && attempt < 20; ++attempt) {
          is_kept = append_once(client, "e", entry);
        }
        ctx.expect(is_kept, "a repeated append of an entry to be true", "false");
        expect_records(ctx, client, entry.kind, key, std::vector<json>(1, entry.fields),
                       "the records of an entry that was repeated until it was true");
      }
    }
  }
  if (failures == 0) {
    throw NotTestable("no fault that was injected made an append false");
  }
}

inline void check_entries_are_appends(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
  const json rich = json::parse(R"({"text": "h\u00e9 \u0000", "null": null, "list": [1, 2.0, {}],
                                    "big": 18446744073709551615, "": []})");
  std::vector<std::vector<json>> expected(6);
  std::vector<std::vector<Timestamp>> times(6);
  for (int i = 0; i < 12; ++i) {
    // Entries and appends without an id in turn; times that go back and forth.
    const Timestamp at = start + std::chrono::hours((i * 7) % 5) + std::chrono::microseconds(i);
    const auto entries = one_of_each("k", i % 2 == 0 ? rich : json(i));
    for (std::size_t kind = 0; kind < entries.size(); ++kind) {
      if (i % 3 == 1) {
        keep(ctx, client, entries[kind], at);
      } else {
        keep_once(ctx, client, std::to_string(100 - i), entries[kind], at);
      }
      if (i > 3) { // a repetition has no place of its own
        keep_once(ctx, client, "100", entries[kind], at);
      }
      expected[kind].push_back(entries[kind].fields);
      times[kind].push_back(at);
    }
  }
  const auto entries = one_of_each("k", 0);
  for (std::size_t kind = 0; kind < entries.size(); ++kind) {
    const auto records = ctx.read_archive(client, entries[kind].kind, "k");
    std::vector<Timestamp> found;
    for (const ArchiveRecord& record : records) {
      found.push_back(record.created_at);
    }
    if (entries[kind].kind == ArchiveKind::task_context_snapshot) {
      expect_growing_versions(ctx, records);
    }
    ctx.expect_same(fields_of(records), expected[kind], "the entries' fields, in order");
    ctx.expect(found == times[kind], "the entries' times as they were given", show(records));
  }
  if (ctx.has_clock()) {
    ctx.set_clock(start);
    for (const auto& entry : one_of_each("now", 1)) {
      keep_once(ctx, client, "e", entry);
      const auto records = ctx.read_archive(client, entry.kind, "now");
      ctx.expect_same(std::uint64_t{records.size()}, std::uint64_t{1}, "the number of records");
      ctx.expect_same(records[0].created_at, start, "the time of an entry without one");
    }
    ctx.set_clock(start + std::chrono::hours(1));
    for (const auto& entry : one_of_each("now", 1)) {
      keep_once(ctx, client, "later", entry);
      ctx.expect_same(ctx.read_archive(client, entry.kind, "now").back().created_at,
                      start + std::chrono::hours(1), "the time of a later entry without one");
    }
  }
  for (const ArchiveAppend& entry : one_of_each("empty", 1)) {
    Operation call = entry.call;
    if (method_of(call.kind).has(Parameter::writes)) {
      call.writes.clear();
      const ArchiveAppend empty(std::move(call));
      keep_once(ctx, client, "e", empty);
      expect_records(ctx, client, empty.kind, "empty", std::vector<json>(1, empty.fields),
                     "the records of an entry without writes");
    }
  }
}

/// An entry id is free again at once, whatever the append that had it was refused for.
inline void check_refused_ids_are_free(RuleContext& ctx, Client& client) {
  std::vector<ArchiveAppend> bad = one_of_each("free", std::numeric_limits<double>::quiet_NaN());
  for (const ArchiveAppend& entry : bad_appends()) {
    Operation call = entry.call;
    if (std::exchange(call.key, "free") == "k") { // its key is not what is bad
      bad.emplace_back(std::move(call));
    }
  }
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const std::string id = "refused " + std::to_string(i);
    ctx.expect_same(append_once(client, id, bad[i]), false,
                    "an append of an entry with a bad argument");
    for (const auto& entry : one_of_each("free", id)) {
      if (entry.kind != bad[i].kind) {
        continue;
      }
      keep_once(ctx, client, id, entry);
      if (ctx.harness().can_read_archive()) {
        const auto records = ctx.read_archive(client, entry.kind, "free");
        ctx.expect(!records.empty(), "a record of an entry id that was refused before", "none");
        ctx.expect_same(fields_of(std::vector<ArchiveRecord>(1, records.back())),
                        std::vector<json>(1, entry.fields),
                        "the latest record, of an entry id that was refused before,");
      }
    }
  }
  // That of an entry which is there, too: it is no repetition.
  for (const auto& entry : one_of_each("free", "taken")) {
    keep_once(ctx, client, "taken", entry);
  }
  for (const ArchiveAppend& entry : bad) {
    ctx.expect_same(append_once(client, "taken", entry), false,
                    "an append with a bad argument of an entry that is there");
  }
}

inline void check_bad_entries(RuleContext& ctx) {
  Client client = ctx.open();
  const auto refused = [&](const std::string& id, const ArchiveAppend& entry,
                           const std::string& when) {
    ctx.expect_same(append_once(client, id, entry), false, "an append of an entry " + when);
  };
  for (const std::string& bad :
       {std::string(), std::string("a\0b", 3), std::string("\xff"), std::string(1'025, 'x')}) {
    for (const auto& entry : one_of_each("k", 1)) {
      refused(bad, entry, "with a bad id");
    }
    for (const auto& entry : one_of_each(bad, 1)) {
      refused("e", entry, "with a bad key");
    }
  }
  for (const auto& entry : one_of_each("k", std::numeric_limits<double>::infinity())) {
    refused("e", entry, "with a bad value");
  }
  check_refused_ids_are_free(ctx, client);
  client.close();
  for (const auto& entry : one_of_each("k", 1)) {
    refused("later", entry, "after close");
  }
  for (const auto& entry : one_of_each("free", "taken")) {
    refused("taken", entry, "that is there, after close");
  }
  ctx.expect_same(client.initialize(), true, "initialize after close");
  for (const auto& entry : one_of_each("k", 1)) {
    if (ctx.harness().can_read_archive()) {
      expect_records(ctx, client, entry.kind, "k", std::vector<json>(),
                     "the records after entries that were refused");
    }
    keep_once(ctx, client, "e", entry); // what was refused has not used up its id
    keep_once(ctx, client, "later", entry);
    if (ctx.harness().can_read_archive()) {
      expect_records(ctx, client, entry.kind, "k", std::vector<json>(2, entry.fields),
                     "the records after an entry that was refused before");
    }
  }
}

} // namespace detail

template <class>
std::vector<Rule> archive_once_rules() {
  return {
      Rule("ONC-01", needs::archive_once,
           "the same entry id twice is one record, the first, and both appends are true",
           "look for the entry id before adding, in one step with it",
           &detail::check_first_entry_stays),
      Rule("ONC-02", needs::archive_once,
           "another entry id, key or kind is another record, however equal the rest",
           "compare entry ids as bytes, within one kind and key",
           &detail::check_other_entries_are_others),
      Rule("ONC-03", needs::archive_once,
           "one record whenever, and on whichever handles, its appends are made",
           "keep entry ids with the records, by a unique key of the store",
           &detail::check_entries_at_any_time),
      Rule("ONC-04", needs::archive_once,
           "an append that is repeated until it is true has added one record",
           "keep record and entry id in one step; be true where both are there",
           &detail::check_repeated_until_true),
      Rule("ONC-05", needs::archive_once,
           "the record is the one that the append without an entry id would have made",
           "go the same way as the other append", &detail::check_entries_are_appends),
      Rule("ONC-06", needs::archive_once,
           "false, and nothing stored, for a bad entry id and where the other append is false",
           "check the entry id as any id, and all else before it is used up",
           &detail::check_bad_entries),
  };
}

} // namespace agentstore::conformance

#endif
