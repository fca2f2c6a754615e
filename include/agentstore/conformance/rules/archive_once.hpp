// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_ONCE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_ONCE_HPP

/// \file
/// ONC: the rules of IArchiveOnce, read back as the other archives' are.

#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/canceller.hpp>
#include <agentstore/conformance/rules/values.hpp>

#include <utility>

namespace agentstore::conformance {

namespace detail {

inline bool append_once(Client& client, const std::string& entry_id, const ArchiveAppend& entry,
                        std::optional<Timestamp> at = std::nullopt) {
  Operation call = entry.call;
  call.time = at;
  call.entry_id = entry_id;
  return client.call("append of " + std::string(to_string(entry.kind)) + " " + show(entry.fields) +
                         " once, as entry " + show(entry_id) + (at ? " at " + show(*at) : ""),
                     positive_call(client.handle(), std::move(call)));
}

inline void keep_once(RuleContext& ctx, Client& client, const std::string& entry_id,
                      const ArchiveAppend& entry, std::optional<Timestamp> at = std::nullopt) {
  ctx.expect(append_once(client, entry_id, entry, at), "the append of an entry to be true",
             "false");
}

inline void check_first_entry_stays(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp at = first_of_may();
  const auto firsts = one_of_each("k", "first");
  auto others = one_of_each("k", "other");
  for (ArchiveAppend& other : others) {
    for (const Parameter parameter : method_of(other.call.kind)) {
      std::string& argument = text_argument(other.call, parameter);
      if (&argument != &other.call.key) {
        argument = "an other " + argument;
      }
    }
  }
  for (std::size_t kind = 0; kind < firsts.size(); ++kind) {
    keep_once(ctx, client, "e", firsts[kind], at);
    const auto first = ctx.read_archive(client, firsts[kind].kind, "k");
    keep_once(ctx, client, "e", firsts[kind], at);
    keep_once(ctx, client, "e", others[kind], at + std::chrono::hours(1));
    keep_once(ctx, client, "e", others[kind]);
    for (const json& value : hardly_different()) {
      keep_once(ctx, client, "e", one_of_each("k", value)[kind]);
    }
    ctx.expect_same(ctx.read_archive(client, firsts[kind].kind, "k"), first,
                    "the records of one entry that was repeated");
    const auto records = ctx.read_archive(client, firsts[kind].kind, "k");
    ctx.expect_same(fields_of(records), std::vector<json>(1, firsts[kind].fields),
                    "the records of one entry");
    ctx.expect_same(records.front().created_at, at, "the time of the entry's first append");
  }
  for (const auto& entry : least_of_each("least")) {
    for (int again = 0; again < 3; ++again) {
      keep_once(ctx, client, "e", entry);
    }
    expect_records(ctx, client, entry.kind, entry.call.key, std::vector<json>(1, entry.fields),
                   "the records of one entry with hardly anything in it");
  }
}

/// Ids that are not the same, though they look alike.
inline std::vector<std::string> ids_that_look_alike() {
  return {"e",
          "E",
          "e ",
          " e",
          "e\n",
          "e\t",
          "e/",
          "e%",
          "e1",
          "e0001",
          "1",
          "2",
          "3",
          "01",
          "1.0",
          "-1",
          "\u00e9",
          "e\u0301",
          "0b5ad1f2-7c3e-4e6a-9d1b-2f8c4a6e0d35",
          "0B5AD1F2-7C3E-4E6A-9D1B-2F8C4A6E0D35",
          std::string(1'024, 'e'),
          std::string(1'023, 'e'),
          std::string(64, 'e'),
          std::string(65, 'e'),
          std::string(255, 'e'),
          std::string(255, 'e') + "f",
          std::string(300, 'g') + "h",
          std::string(300, 'g') + "H"};
}

inline void check_other_entries_are_others(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp at = first_of_may();
  const std::vector<std::string> ids = ids_that_look_alike();
  for (const auto& entry : one_of_each("k", 1)) {
    keep(ctx, client, entry, at);
    for (const std::string& id : ids) {
      keep_once(ctx, client, id, entry, at);
    }
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
  // Keys and entry ids that make the same text: all of the second ones are of one key.
  const std::vector<std::string> between = separators();
  const std::size_t kinds = one_of_each("left", 1).size();
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    const auto left = one_of_each("left", 1)[kind];
    for (const std::string& separator : between) {
      keep_once(ctx, client, "right", one_of_each("left" + separator + "middle", 1)[kind], at);
      keep_once(ctx, client, "middle" + separator + "right", left, at);
    }
    expect_records(ctx, client, left.kind, "left", std::vector<json>(between.size(), left.fields),
                   "the records of a key and an entry id that may be run together");
  }
  Client other = ctx.open_other();
  for (const auto& entry : one_of_each("k", 1)) {
    keep_once(ctx, other, "e", entry, at);
    expect_records(ctx, other, entry.kind, "k", std::vector<json>(1, entry.fields),
                   "the records of an entry that is in another space, too,");
  }
}

/// Two appends of one entry that are under way at once, one by each handle.
inline void check_entries_that_meet(RuleContext& ctx, Client& a, Client& b,
                                    const std::string& key) {
  for (const auto& entry : one_of_each(key, 1)) {
    std::vector<Pending<bool>> both;
    for (Client* client : {&a, &b}) {
      Operation call = entry.call;
      call.entry_id = "met";
      both.push_back(client->driver().start("append of " + std::string(to_string(entry.kind)) +
                                                " once, one of two at once",
                                            positive_call(client->handle(), std::move(call))));
    }
    for (const Pending<bool>& call : both) {
      ctx.driver().settle(call);
    }
    for (const Pending<bool>& call : both) {
      ctx.expect(ctx.driver().finish(call), "both of two appends of an entry at once to be true",
                 "false: one met the other of its entry");
    }
    expect_records(ctx, a, entry.kind, key, std::vector<json>(1, entry.fields),
                   "the records of an entry that two appends at once were for");
  }
}

/// Many entries, under way at once, and then the first of them again.
inline void check_many_entries(RuleContext& ctx, Client& client, std::size_t kind,
                               std::size_t others) {
  const auto many = one_of_each("many", 1)[kind];
  keep_once(ctx, client, "e0", many);
  std::vector<Pending<bool>> calls;
  for (std::size_t i = 1; i <= others; ++i) {
    Operation call = many.call;
    call.entry_id = "e" + std::to_string(i);
    calls.push_back(client.driver().start("append of " + std::string(to_string(many.kind)) +
                                              " once, one of many",
                                          positive_call(client.handle(), std::move(call))));
  }
  for (const Pending<bool>& call : calls) {
    client.driver().settle(call);
  }
  for (const Pending<bool>& call : calls) {
    ctx.expect(client.driver().finish(call), "the append of an entry to be true", "false");
  }
  keep_once(ctx, client, "e0", many);
  ctx.expect_same(std::uint64_t{ctx.read_archive(client, many.kind, "many").size()},
                  std::uint64_t{others + 1},
                  "the number of records after an entry from before " + std::to_string(others) +
                      " others was repeated");
}

inline void check_entries_at_any_time(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  constexpr std::size_t rounds = 15;
  for (std::size_t kind = 0; kind < one_of_each("race", 0).size(); ++kind) {
    const std::size_t of_kind = kind == 0 ? rounds : 5;
    std::atomic<int> refused = 0;
    ctx.in_rounds(client, 3, of_kind, [&](std::size_t round, std::size_t writer, Client mine) {
      const std::string value = std::to_string(round) + " of " + std::to_string(writer);
      if (!append_once(mine, "e" + std::to_string(round), one_of_each("race", value)[kind])) {
        ++refused;
      }
    });
    ctx.expect_same(std::uint64_t{static_cast<std::uint64_t>(refused.load())}, std::uint64_t{0},
                    "the number of appends that met another of their entry and were false");
    ctx.expect_same(
        std::uint64_t{ctx.read_archive(client, one_of_each("race", 0)[kind].kind, "race").size()},
        std::uint64_t{of_kind}, "the number of records of entries that were raced for");
    check_many_entries(ctx, client, kind, kind == 0 ? 270 : 130);
  }
  check_entries_that_meet(ctx, client, client, "met on one handle");
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
    check_entries_that_meet(ctx, client, other, "met on two handles");
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

/// Repeats an append until it is true: there is one record then.
inline void expect_one_in_the_end(RuleContext& ctx, Client& client, const std::string& entry_id,
                                  const ArchiveAppend& entry, const std::string& what) {
  bool is_kept = false;
  for (int attempt = 0; !is_kept && attempt < 20; ++attempt) {
    is_kept = append_once(client, entry_id, entry);
  }
  ctx.expect(is_kept, "a repeated append of an entry to be true", "false");
  expect_records(ctx, client, entry.kind, entry.call.key, std::vector<json>(1, entry.fields),
                 "the records of " + what);
}

/// An append that was cancelled can be made again like one that was false.
inline void check_cancelled_entries(RuleContext& ctx, Client& client) {
  Canceller canceller(ctx.driver());
  std::size_t count = 0;
  for (const auto& kind : one_of_each("any", 1)) {
    at_each_point([&](const CancelPoint& point) {
      const ArchiveAppend entry = one_of_each("cancelled " + std::to_string(++count),
                                              1)[static_cast<std::size_t>(kind.kind)];
      Operation call = entry.call;
      call.entry_id = "e";
      const CancelResult result =
          canceller.run("append of " + std::string(to_string(entry.kind)) + " once",
                        positive_call(client.handle(), std::move(call)), point);
      expect_one_in_the_end(ctx, client, "e", entry,
                            "an entry that was cancelled " + point.text() + " and repeated");
      return result.timing;
    });
  }
}

inline void check_repeated_until_true(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  check_cancelled_entries(ctx, client);
  if (!ctx.has_faults()) {
    throw NotTestable("the harness has no inject");
  }
  std::vector<Client> handles(1, client);
  if (ctx.harness().claims().has_shared_handles()) {
    handles.push_back(ctx.open());
  }
  std::size_t failures = 0;
  for (const auto effect : {Fault::Effect::before, Fault::Effect::after}) {
    for (std::size_t first = 1; first <= 4; ++first) {
      for (std::size_t second = 0; second < handles.size(); ++second) {
        const std::string key = "k" + std::to_string(first) + std::to_string(second) +
                                (effect == Fault::Effect::after ? "a" : "b");
        for (const auto& entry : one_of_each(key, 1)) {
          ctx.inject(Fault(effect, first));
          const bool is_kept = append_once(client, "e", entry);
          ctx.inject(Fault());
          failures += is_kept ? 0U : 1U;
          expect_one_in_the_end(ctx, handles[second], "e", entry,
                                "an entry that was repeated until it was true");
        }
      }
    }
  }
  if (failures == 0) {
    throw NotTestable("no fault that was injected made an append false");
  }
}

/// Of no argument is a part lost on this way, whatever its size.
inline void check_entries_keep_arguments(RuleContext& ctx, Client& client) {
  std::size_t count = 0;
  for (WriteArgument& argument : write_arguments(ctx)) {
    if (!argument.is_archive) {
      continue;
    }
    argument.is_once = true;
    const auto expect_kept = [&](const json& value, const std::string& kind = {}) {
      check_round_trip(ctx, client, argument, "kept " + std::to_string(++count), value, kind);
    };
    for (const std::size_t size : {64u, 255u, 256u, 300u, 5'000u, 65'536u, 70'000u}) {
      expect_kept(sized(argument, size), of_bytes(size));
    }
    for (const json& value : odd_values()) {
      if (const auto taken = fitted(argument, value); taken && argument.takes_text()) {
        expect_kept(*taken);
      }
    }
  }
}

inline void check_entries_are_appends(RuleContext& ctx) {
  need_reader(ctx);
  Client client = ctx.open();
  const Timestamp start = first_of_may();
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
  const std::vector<Timestamp> odd = odd_times();
  const json values(odd_values());
  for (const auto& entry : one_of_each("odd", values)) {
    for (std::size_t i = 0; i < odd.size(); ++i) {
      keep_once(ctx, client, "at " + std::to_string(i),
                i == 0 ? entry : one_of_each("odd", i)[static_cast<std::size_t>(entry.kind)],
                odd[i]);
    }
    std::vector<Timestamp> found;
    const auto records = ctx.read_archive(client, entry.kind, "odd");
    for (const ArchiveRecord& record : records) {
      found.push_back(record.created_at);
    }
    ctx.expect_same(found, odd, "the entries' times, of 1969, 1970 and far from both,");
    ctx.expect_same(fields_of(records).front(), entry.fields,
                    "the entries' fields, of odd values,");
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
  check_entries_keep_arguments(ctx, client);
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
  Client client = ctx.open_raw();
  const auto refused = [&](const std::string& id, const ArchiveAppend& entry,
                           const std::string& when) {
    ctx.expect_same(append_once(client, id, entry), false, "an append of an entry " + when);
  };
  if (!ctx.harness().claims().is_opened_by_harness()) {
    for (const auto& entry : one_of_each("k", 1)) {
      refused("later", entry, "before initialize");
    }
  }
  ctx.expect_same(client.initialize(), true, "initialize");
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
