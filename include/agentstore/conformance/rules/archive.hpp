// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_HPP

/// \file
/// ARC: the rules of IPermanentStorageBackend, read back by IArchiveReader or the harness' hook.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

#include <array>
#include <limits>
#include <map>

namespace agentstore::conformance {

namespace detail {

/// One append of some kind.
class ArchiveAppend {
public:
  explicit ArchiveAppend(Operation arguments)
      : call(std::move(arguments)), kind(method_of(call.kind).archive_kind()),
        fields(archived_fields(call)) {}

  Operation call;
  ArchiveKind kind;
  /// As ArchiveRecord::fields has them, without `version`.
  json fields;
};

/// One append of each kind, under one key, with a value that tells them from others.
inline std::vector<ArchiveAppend> one_of_each(const std::string& key, const json& value) {
  std::vector<ArchiveAppend> all;
  for (const Method& method : methods()) {
    if (method.is_archive()) {
      Operation call = method.prepared(key);
      call.content = "line one\nline two";
      call.value = value;
      call.metadata = object("v", value);
      call.writes.clear();
      call.writes.emplace_back("a", value);
      call.writes.emplace_back("__error__", nullptr);
      call.writes.emplace_back("a", value);
      all.emplace_back(std::move(call));
    }
  }
  return all;
}

/// Of each kind an append of each value that some take for none, with as little besides; each
/// under a key of its own, which begins with `key`.
inline std::vector<ArchiveAppend> least_of_each(const std::string& key) {
  std::vector<ArchiveAppend> all;
  for (const json& value : least_values()) {
    for (const Method& method : methods()) {
      if (method.is_archive()) {
        const std::string one = key + " " + std::to_string(all.size());
        all.emplace_back(with_least(method.prepared(one), value));
      }
    }
  }
  return all;
}

/// An append of writes that are none.
inline ArchiveAppend without_writes(const std::string& key) {
  Operation call = method_of(MethodId::append_checkpoint_writes).prepared(key);
  call.writes.clear();
  return ArchiveAppend(std::move(call));
}

inline bool append(Client& client, const ArchiveAppend& entry,
                   std::optional<Timestamp> at = std::nullopt) {
  Operation call = entry.call;
  call.time = at;
  return client.call("append of " + std::string(to_string(entry.kind)) + " " + show(entry.fields) +
                         (at ? " at " + show(*at) : ""),
                     positive_call(client.handle(), std::move(call)));
}

inline void keep(RuleContext& ctx, Client& client, const ArchiveAppend& entry,
                 std::optional<Timestamp> at = std::nullopt) {
  ctx.expect(append(client, entry, at), "the append to be true", "false");
}

/// The records without what the archive adds to a snapshot.
inline std::vector<json> fields_of(std::vector<ArchiveRecord> records) {
  std::vector<json> result;
  for (ArchiveRecord& record : records) {
    if (record.kind == ArchiveKind::task_context_snapshot && record.fields.is_object()) {
      record.fields.erase("version");
    }
    result.push_back(std::move(record.fields));
  }
  return result;
}

inline void need_reader(RuleContext& ctx) {
  if (!ctx.harness().can_read_archive()) {
    throw NotTestable("the archive is no IArchiveReader, and the harness has no read_archive");
  }
}

inline void expect_records(RuleContext& ctx, Client& client, ArchiveKind kind,
                           const std::string& key, const std::vector<json>& expected,
                           const std::string& what) {
  ctx.expect_same(fields_of(ctx.read_archive(client, kind, key)), expected, what);
}

/// More records of one key than a page holds; and pages of sizes that one may ask for.
inline void check_long_archive(RuleContext& ctx, Client& client) {
  constexpr int at_least = 270;
  constexpr int at_most = 1'030;
  std::vector<json> expected;
  const UndelayedTimer time;
  for (int i = 0; i < at_most; ++i) {
    if (i >= at_least && time.elapsed() > std::chrono::milliseconds(500)) {
      break; // a store that takes its time
    }
    const auto entry = one_of_each("long", i)[0];
    keep(ctx, client, entry);
    expected.push_back(entry.fields);
  }
  expect_records(ctx, client, ArchiveKind::session_event, "long", expected,
                 "270 records of one key, or more");
  IArchiveReader* const reader = client.handle().archive_reader;
  if (reader == nullptr) {
    return;
  }
  const auto read = [&](std::uint64_t after, std::size_t limit) {
    return client.call(Client::text("read_archive", std::string("session_event"),
                                    std::string("long"), after, std::uint64_t{limit}),
                       reader->read_archive(ArchiveKind::session_event, "long", after, limit));
  };
  for (const std::size_t limit : std::array<std::size_t, 3>{1, SIZE_MAX / 2 + 1, SIZE_MAX}) {
    std::vector<ArchiveRecord> page = read(0, limit);
    ctx.expect(!page.empty() && page.size() <= limit, "some records, at most " + show(limit),
               std::to_string(page.size()));
    ctx.expect_same(fields_of(std::vector<ArchiveRecord>(1, page.front())),
                    std::vector<json>(1, expected.front()), "the first record of a page");
  }
  const std::uint64_t first = read(0, 1).front().sequence;
  for (const std::size_t limit : {SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX}) {
    const std::vector<ArchiveRecord> rest = read(first, limit);
    ctx.expect(!rest.empty(), "the records behind the first, however great the limit", "none");
    ctx.expect_same(fields_of(std::vector<ArchiveRecord>(1, rest.front())),
                    std::vector<json>(1, expected[1]), "the record behind the first");
  }
  for (const std::uint64_t after : {std::numeric_limits<std::uint64_t>::max() / 2 + 1,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    ctx.expect_same(read(after, 10), std::vector<ArchiveRecord>(),
                    "the records behind the last that there can be");
  }
}

/// Reads the records of a key page by page.
inline std::vector<ArchiveRecord> read_in_pages(RuleContext& ctx, Client& client, ArchiveKind kind,
                                                const std::string& key, std::size_t limit,
                                                std::size_t most_pages) {
  std::vector<ArchiveRecord> all;
  for (std::size_t i = 0; i < most_pages; ++i) {
    const std::uint64_t after = all.empty() ? 0 : all.back().sequence;
    const std::vector<ArchiveRecord> page =
        client.call(Client::text("read_archive", std::string(to_string(kind)), key, after,
                                 std::uint64_t{limit}),
                    client.handle().archive_reader->read_archive(kind, key, after, limit));
    ctx.expect(page.size() <= limit, "at most " + show(limit) + " records on a page",
               std::to_string(page.size()));
    if (page.empty()) {
      break;
    }
    all.insert(all.end(), page.begin(), page.end());
  }
  return all;
}

/// Pages of few records, whose times are equal, leap and go back.
inline void check_small_pages(RuleContext& ctx, Client& client) {
  if (client.handle().archive_reader == nullptr) {
    return;
  }
  const Timestamp start = first_of_may();
  const std::string key = "in pages";
  const std::vector<int> hours = {5, 5, 5, 2, 2, 9, 0, 0, 7, 7, 7, 1};
  for (std::size_t i = 0; i < hours.size(); ++i) {
    for (const auto& entry : one_of_each(key, i)) {
      keep(ctx, client, entry, start + std::chrono::hours(hours[i]));
    }
  }
  for (const auto& entry : one_of_each(key, 0)) {
    const std::vector<ArchiveRecord> all = ctx.read_archive(client, entry.kind, key);
    ctx.expect_same(std::uint64_t{all.size()}, std::uint64_t{hours.size()},
                    "the number of records");
    for (const std::size_t limit : std::array<std::size_t, 5>{0, 1, 2, 3, 7}) {
      const std::vector<ArchiveRecord> found =
          read_in_pages(ctx, client, entry.kind, key, limit, hours.size() + 1);
      ctx.expect_same(found, limit == 0 ? std::vector<ArchiveRecord>() : all,
                      "the records, read in pages of " + std::to_string(limit) + ",");
    }
  }
}

/// ARC-01 and ARC-07: of every kind more than a page holds, and of one record's writes too.
inline void check_long_kinds(RuleContext& ctx, Client& client) {
  constexpr int count = 270;
  std::vector<std::vector<json>> expected(6);
  for (int i = 0; i < count; ++i) {
    const auto entries = one_of_each("long, of each kind", i);
    for (std::size_t kind = 1; kind < entries.size(); ++kind) {
      ctx.expect(append(client, entries[kind]), "the append to be true", "false");
      expected[kind].push_back(entries[kind].fields);
    }
  }
  const auto entries = one_of_each("long, of each kind", 0);
  for (std::size_t kind = 1; kind < entries.size(); ++kind) {
    expect_records(ctx, client, entries[kind].kind, "long, of each kind", expected[kind],
                   "270 records of one key and of kind " +
                       std::string(to_string(entries[kind].kind)));
  }
}

/// ARC-02: two handles by turns make one sequence, which stays when one of them is closed.
inline void check_appends_by_turns(RuleContext& ctx) {
  if (!ctx.harness().claims().has_shared_handles()) {
    return;
  }
  Client a = ctx.open();
  Client b = ctx.open();
  const std::string key = "by turns";
  std::vector<std::vector<json>> expected(6);
  const auto append_by = [&](Client& client, int number) {
    const auto entries = one_of_each(key, number);
    for (std::size_t kind = 0; kind < entries.size(); ++kind) {
      keep(ctx, client, entries[kind]);
      expected[kind].push_back(entries[kind].fields);
    }
  };
  const auto expect_all = [&](Client& client, const std::string& what) {
    const auto entries = one_of_each(key, 0);
    for (std::size_t kind = 0; kind < entries.size(); ++kind) {
      expect_records(ctx, client, entries[kind].kind, key, expected[kind], what);
    }
  };
  for (int i = 0; i < 6; ++i) {
    append_by(i % 3 == 1 ? b : a, i);
  }
  expect_all(a, "the records that two handles appended by turns");
  ctx.close(a);
  append_by(b, 6);
  expect_all(b, "the records of a handle beside which another was closed");
  Client c = ctx.open();
  append_by(c, 7);
  append_by(b, 8);
  expect_all(b, "the records of a handle beside which another was opened");
}

/// ARC-02: of each kind, writers on threads lose nothing, and keep their own order.
inline void check_racing_appends(RuleContext& ctx, Client& client) {
  constexpr std::size_t writers = 3;
  constexpr std::size_t rounds = 15;
  for (std::size_t kind = 0; kind < one_of_each("race", 0).size(); ++kind) {
    const auto item = [](std::size_t writer, std::size_t round) {
      return "w" + std::to_string(writer) + "-" + std::to_string(round);
    };
    ctx.in_rounds(client, writers, rounds, [&](std::size_t round, std::size_t writer, Client mine) {
      append(mine, one_of_each("race", item(writer, round))[kind]);
    });
    const auto text = [](const json& fields) {
      return fields.dump(-1, ' ', false, json::error_handler_t::replace);
    };
    std::map<std::string, std::string> names;
    for (std::size_t writer = 0; writer < writers; ++writer) {
      for (std::size_t round = 0; round < rounds; ++round) {
        const std::string name = item(writer, round);
        names[text(one_of_each("race", name)[kind].fields)] = name;
      }
    }
    std::vector<std::string> items;
    for (const json& fields :
         fields_of(ctx.read_archive(client, one_of_each("race", 0)[kind].kind, "race"))) {
      const auto name = names.find(text(fields));
      items.push_back(name == names.end() ? show(fields) : name->second);
    }
    expect_writers_order(ctx, items, writers, rounds);
  }
}

/// ARC-03: the time of an append is that of its await, and stays.
inline void check_times_of_calls(RuleContext& ctx, Client& client, const std::string& key,
                                 const std::vector<Timestamp>& moments) {
  for (const auto& entry : one_of_each(key, 1)) {
    auto there = ctx.read_archive(client, entry.kind, key);
    for (const Timestamp then : moments) {
      // Made before the clock goes on: a call begins when it is awaited (ASY-01).
      auto waiting = positive_call(client.handle(), entry.call);
      ctx.set_clock(then);
      ctx.expect(client.call("an append of " + std::string(to_string(entry.kind)) +
                                 " that was made before the clock was set",
                             std::move(waiting)),
                 "the append to be true", "false");
      keep(ctx, client, entry);
      const auto now_there = ctx.read_archive(client, entry.kind, key);
      ctx.expect_same(std::uint64_t{now_there.size()}, std::uint64_t{there.size() + 2},
                      "the number of records");
      ctx.expect_same(std::vector<ArchiveRecord>(now_there.begin(), now_there.end() - 2), there,
                      "the records of before");
      ctx.expect_same(now_there.back().created_at, then,
                      "the time of a call an hour later, an hour before or weeks later");
      ctx.expect_same(now_there[there.size()].created_at, then,
                      "the time of a call that was made before, and awaited now");
      there = now_there;
    }
  }
}

/// ARC-03: of each kind, the time is told as finely as of any other.
inline void check_one_clock(RuleContext& ctx, Client& client, Timestamp now) {
  ctx.set_clock(now);
  std::optional<Timestamp> told;
  for (const auto& entry : one_of_each("of one moment", 1)) {
    keep(ctx, client, entry);
    const Timestamp at = ctx.read_archive(client, entry.kind, "of one moment").front().created_at;
    expect_moment(ctx, at, now, "the time of a call");
    ctx.expect_same(at, told.value_or(at),
                    "the time of a call, by " + std::string(to_string(entry.kind)) + ",");
    told = at;
  }
}

/// ARC-04: each argument that cannot be kept, by each method.
inline std::vector<ArchiveAppend> bad_appends() {
  std::vector<ArchiveAppend> all;
  for (const Method& method : methods()) {
    if (!method.is_archive()) {
      continue;
    }
    for (const Parameter parameter : method) {
      const Operation good = method.prepared("k");
      const auto add = [&](const auto& spoil) {
        Operation call = good;
        spoil(call);
        all.emplace_back(std::move(call));
      };
      if (is_id(parameter)) {
        for (const char* bad : {"", "\xff"}) {
          add([&](Operation& call) { text_argument(call, parameter) = bad; });
        }
      } else if (taken_by(parameter) == Takes::nonempty_text) {
        for (const char* bad : {"", "\xff"}) {
          add([&](Operation& call) { text_argument(call, parameter) = bad; });
        }
      } else if (taken_by(parameter) == Takes::text) {
        add([&](Operation& call) { text_argument(call, parameter) = "\xff"; });
      } else if (taken_by(parameter) == Takes::object) {
        for (const json& bad : {json(nullptr), json::array(), json("text"), json(7)}) {
          add([&](Operation& call) { call.metadata = bad; });
        }
      } else if (parameter == Parameter::writes) {
        add([&](Operation& call) { call.writes.emplace_back("", json(1)); });
        add([&](Operation& call) { call.writes.emplace_back("\xff", json(1)); });
        add([&](Operation& call) { call.writes.emplace_back("a", json("\xff")); });
      }
    }
  }
  return all;
}

/// ARC-06: what is under way when the archive is closed is kept or lost, as it says.
inline void check_close_beside_appends(RuleContext& ctx, Client& client) {
  std::vector<TaggedWrite> all = tagged_writes_and_entries(ctx);
  std::erase_if(all, [](const TaggedWrite& tagged) { return !tagged.is_archive; });
  for (const std::size_t steps : std::array<std::size_t, 4>{0, 1, 2, 5}) {
    const std::string key = "closed after " + std::to_string(steps);
    std::vector<Pending<bool>> appends;
    for (const TaggedWrite& tagged : all) {
      appends.push_back(client.driver().start(tagged.text(key + tagged.name, 1),
                                              tagged.write(client.handle(), key + tagged.name, 1)));
    }
    const std::vector<Pending<void>> closings =
        close_beside(client, appends, steps, [&] { return client.handle().archive->close(); });
    for (const Pending<bool>& call : appends) {
      ctx.expect(call.state->value.has_value(),
                 "true or false from " + call.state->call + " beside close()",
                 call.state->error ? describe(call.state->error) : "nothing");
    }
    for (const Pending<void>& closing : closings) {
      client.driver().finish(closing);
    }
    ctx.expect_same(client.initialize(), true, "initialize after close");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (*appends[i].state->value) {
        ctx.expect_same(all[i].numbers(ctx, client, key + all[i].name), all[i].after({}, 1),
                        "what is there after " + appends[i].state->call +
                            ", which was true beside close(),");
      }
    }
  }
}

/// ARC-08: versions of one session, in the order of its snapshots.
inline void expect_growing_versions(RuleContext& ctx, const std::vector<ArchiveRecord>& records) {
  std::optional<std::int64_t> last;
  for (const ArchiveRecord& record : records) {
    const auto version = record.fields.find("version");
    ctx.expect(version != record.fields.end() && version->is_number_integer() &&
                   (!last || version->get<std::int64_t>() > *last),
               "a version" + (last ? " greater than " + show(*last) : std::string()), show(record));
    last = version->get<std::int64_t>();
  }
}

/// ARC-08: versions go on growing in a new handle, and after a reopen.
inline void check_versions_of_handles(RuleContext& ctx) {
  const Claims claims = ctx.harness().claims();
  std::int64_t last = 0;
  std::size_t count = 0;
  const auto append_by = [&](Client& client, const std::string& when) {
    keep(ctx, client, one_of_each("versions", 1)[5]);
    const auto records = ctx.read_archive(client, ArchiveKind::task_context_snapshot, "versions");
    ctx.expect_same(std::uint64_t{records.size()}, std::uint64_t{++count},
                    "the number of snapshots " + when);
    const json version = records.back().fields.value("version", json());
    ctx.expect(version.is_number_integer() && (count == 1 || version.get<std::int64_t>() > last),
               "a version greater than " + show(last) + " " + when, show(records.back()));
    last = version.get<std::int64_t>();
  };
  Client first = ctx.open();
  append_by(first, "by the first handle");
  append_by(first, "by the first handle");
  if (claims.has_shared_handles()) {
    Client second = ctx.open();
    append_by(second, "by another handle");
    append_by(first, "by the first handle again");
    append_by(second, "by the other handle again");
    ctx.close(second);
  }
  if (claims.is_durable()) {
    ctx.close(first);
    Client reopened = ctx.open();
    append_by(reopened, "after a reopen");
    append_by(reopened, "after a reopen");
  }
}

} // namespace detail

template <class>
std::vector<Rule> archive_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("ARC-01", needs::archive, "each append adds one record; equal ones stay two",
           "an archive has no keys to replace by",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             const Timestamp at = detail::first_of_may();
             const std::string key = "The key";
             for (const auto& entry : detail::one_of_each(key, detail::names_of_ids())) {
               detail::expect_records(ctx, client, entry.kind, key, std::vector<json>(),
                                      "the records before the first append");
               for (std::size_t count = 1; count <= 3; ++count) {
                 detail::keep(ctx, client, entry, at);
                 detail::expect_records(ctx, client, entry.kind, key,
                                        std::vector<json>(count, entry.fields),
                                        "the records after equal appends");
               }
               for (std::size_t count = 4; count <= 5; ++count) { // nor by when they come
                 detail::keep(ctx, client, entry);
                 detail::expect_records(ctx, client, entry.kind, key,
                                        std::vector<json>(count, entry.fields),
                                        "the records after equal appends without a time");
               }
               const std::vector<std::string> others = {"other",   "The", "The ke", "The key ",
                                                        "the key", "%",   "The_key"};
               for (const std::string& other : others) {
                 detail::expect_records(ctx, client, entry.kind, other, std::vector<json>(),
                                        "the records of another key, " + show(other) + ",");
               }
             }
           }),
      Rule("ARC-02", needs::archive, "the order of one key is kept",
           "order by a sequence of the archive's own, not by created_at",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             const Timestamp start = detail::first_of_may();
             std::vector<std::vector<json>> expected(6);
             for (int i = 0; i < 30; ++i) {
               // Times that go back, stand still, and leap.
               const Timestamp at = start + std::chrono::hours((i * 7) % 5);
               const std::string key = i % 3 == 0 ? "other" : "k";
               const auto entries = detail::one_of_each(key, i);
               for (std::size_t kind = 0; kind < entries.size(); ++kind) {
                 detail::keep(ctx, client, entries[kind], at);
                 if (key == "k") {
                   expected[kind].push_back(entries[kind].fields);
                 }
               }
             }
             const auto entries = detail::one_of_each("k", 0);
             for (std::size_t kind = 0; kind < entries.size(); ++kind) {
               detail::expect_records(ctx, client, entries[kind].kind, "k", expected[kind],
                                      "the records of one key in order");
             }
             detail::check_small_pages(ctx, client);
             detail::check_appends_by_turns(ctx);
             detail::check_racing_appends(ctx, client);
             detail::check_long_archive(ctx, client);
             detail::check_long_kinds(ctx, client);
           }),
      Rule("ARC-03", needs::archive, "created_at as given, else the time of the call",
           "keep microseconds, and times before now",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             const Timestamp given = std::chrono::sys_days(std::chrono::year(2001) / 2 / 3) + 1us;
             // A whole second, which the clocks show that count nothing smaller.
             const Timestamp now = std::chrono::sys_days(std::chrono::year(2001) / 2 / 4) + 1s;
             if (ctx.has_clock()) {
               ctx.set_clock(now);
             }
             const Timestamp before = ctx.has_clock() ? now : system_clock()();
             for (const auto& entry : detail::one_of_each("k", detail::names_of_fields())) {
               detail::keep(ctx, client, entry, given);
               detail::keep(ctx, client, entry);
             }
             const Timestamp after = ctx.has_clock() ? now : system_clock()();
             for (const auto& entry : detail::one_of_each("k", 1)) {
               const auto records = ctx.read_archive(client, entry.kind, "k");
               ctx.expect_same(std::uint64_t{records.size()}, std::uint64_t{2},
                               "the number of records");
               ctx.expect_same(records[0].created_at, given, "the time given");
               // A server's clock need not be ours to the microsecond.
               const auto slack = ctx.has_clock() ? 0s : 60s;
               ctx.expect(records[1].created_at >= before - slack &&
                              records[1].created_at <= after + slack,
                          "a time between " + show(before) + " and " + show(after),
                          show(records[1].created_at));
             }
             if (ctx.has_clock()) {
               detail::check_times_of_calls(ctx, client, "k", {now + 1h, now - 1h, now + 24h * 40});
               detail::check_one_clock(ctx, client, now + 1h + 123'457us);
             }
             // In the order of the appends all the same (ARC-02).
             std::vector<Timestamp> times = detail::odd_times();
             times.insert(times.end(), 2, times.back()); // equal ones stay equal
             for (const auto& entry : detail::one_of_each("odd times", 1)) {
               for (const Timestamp at : times) {
                 detail::keep(ctx, client, entry, at);
               }
               std::vector<Timestamp> kept;
               for (const ArchiveRecord& record :
                    ctx.read_archive(client, entry.kind, "odd times")) {
                 kept.push_back(record.created_at);
               }
               ctx.expect_same(kept, times, "the times given, of 1969, 1970 and far from both,");
             }
           }),
      Rule("ARC-04", needs::archive,
           "a failure is false, never an exception, and never delays the hot path",
           "catch everything; give up in bounded time",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const auto refused = [&](const detail::ArchiveAppend& entry) {
               ctx.expect_same(detail::append(client, entry), false,
                               "an append that cannot be kept");
             };
             for (const std::string& key :
                  {std::string(), std::string("a\0b", 3), std::string("\xff"), letters(1025)}) {
               for (const auto& entry : detail::one_of_each(key, 1)) {
                 refused(entry);
               }
             }
             for (const auto& entry : detail::one_of_each("k", std::string("\xc3\x28"))) {
               refused(entry);
             }
             for (const auto& entry :
                  detail::one_of_each("k", std::numeric_limits<double>::infinity())) {
               refused(entry);
             }
             for (const auto& entry : detail::bad_appends()) {
               refused(entry);
             }
             if (ctx.harness().can_read_archive()) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::expect_records(ctx, client, entry.kind, "k", std::vector<json>(),
                                        "the records after appends that were refused");
               }
             }
             for (const auto& entry : detail::one_of_each("k", 1)) {
               detail::keep(ctx, client, entry);
             }
             check_archive_under_faults(ctx, client);
           }),
      Rule("ARC-05", needs::archive, "initialize never truncates",
           "create what is missing, and only that",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             for (std::size_t round = 1; round <= 3; ++round) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::keep(ctx, client, entry);
               }
               ctx.expect_same(client.initialize(), true, "initialize again");
               if (round == 2) {
                 client.close();
                 ctx.expect_same(client.initialize(), true, "initialize after close");
               }
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::expect_records(ctx, client, entry.kind, "k",
                                        std::vector<json>(round, entry.fields),
                                        "the records after initialize");
               }
             }
             detail::check_two_openings(
                 ctx, client, [&] { return client.handle().archive->initialize(); },
                 detail::one_of_each("opened twice", 1)[0].call,
                 "an append when initialize() was true");
           }),
      Rule("ARC-06", needs::archive, "close flushes",
           "write out what is queued before closing, and close twice without harm",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             std::vector<json> expected;
             for (int i = 0; i < 50; ++i) {
               const auto entry = detail::one_of_each("k", i)[1];
               detail::keep(ctx, client, entry);
               expected.push_back(entry.fields);
             }
             client.close();
             client.close();
             Client again = ctx.open();
             detail::expect_records(ctx, again, ArchiveKind::conversation_message, "k", expected,
                                    "the records after close");
             detail::check_close_beside_appends(ctx, again);
           }),
      Rule("ARC-07", needs::archive, "every field is kept, the writes' tuples too",
           "store all arguments, by their names",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             const json rich = json::parse(
                 R"({"text": "h\u00e9 \u0000 \ud83e\udd93", "null": null, "list": [1, 2.0, "x", {}],
                     "big": 18446744073709551615, "small": -9223372036854775808, "": []})");
             for (const auto& entry : detail::one_of_each("key with: all/'\"%_*", rich)) {
               detail::keep(ctx, client, entry);
               detail::expect_records(ctx, client, entry.kind, "key with: all/'\"%_*",
                                      std::vector<json>(1, entry.fields), "the record");
             }
             for (const auto& entry : detail::least_of_each("least")) {
               detail::keep(ctx, client, entry);
               detail::keep(ctx, client, entry);
               detail::expect_records(ctx, client, entry.kind, entry.call.key,
                                      std::vector<json>(2, entry.fields),
                                      "two records of hardly anything");
             }
             for (const std::size_t writes : std::array<std::size_t, 3>{0, 11, 300}) {
               auto many = detail::one_of_each("writes " + std::to_string(writes), 1)[3].call;
               many.writes.clear();
               for (std::size_t i = 0; i < writes; ++i) {
                 many.writes.emplace_back("channel " + std::to_string(i), json(i));
               }
               const detail::ArchiveAppend entry(std::move(many));
               detail::keep(ctx, client, entry);
               detail::expect_records(ctx, client, entry.kind, entry.call.key,
                                      std::vector<json>(1, entry.fields),
                                      "a record of " + std::to_string(writes) + " writes");
             }
           }),
      Rule("ARC-08", needs::archive, "snapshot versions grow", "number the snapshots of a session",
           [](RuleContext& ctx) {
             detail::need_reader(ctx);
             Client client = ctx.open();
             for (int i = 0; i < 5; ++i) {
               detail::keep(ctx, client, detail::one_of_each("k", i % 2)[5]);
               detail::keep(ctx, client, detail::one_of_each("other", i)[5]);
               if (i == 2) {
                 client.close();
                 client.initialize();
               }
             }
             ctx.expect_same(detail::append(client, detail::one_of_each("k", "\xff")[5]), false,
                             "the append of a snapshot that is no UTF-8");
             detail::keep(ctx, client, detail::one_of_each("k", 6)[5]);
             if (ctx.has_clock()) {
               const Timestamp start = detail::first_of_may();
               for (const int days : {0, 1, 2, 40, 41}) {
                 ctx.set_clock(start + std::chrono::days(days));
                 detail::keep(ctx, client, detail::one_of_each("k", days)[5]);
               }
             }
             const std::size_t count = ctx.has_clock() ? 11 : 6;
             const auto records = ctx.read_archive(client, ArchiveKind::task_context_snapshot, "k");
             ctx.expect_same(std::uint64_t{records.size()}, std::uint64_t{count},
                             "the number of snapshots");
             detail::expect_growing_versions(ctx, records);
             constexpr int many = 270; // more than fit into a byte
             for (int i = 0; i < many; ++i) {
               detail::keep(ctx, client, detail::one_of_each("many", i)[5]);
             }
             detail::expect_growing_versions(
                 ctx, ctx.read_archive(client, ArchiveKind::task_context_snapshot, "many"));
             ctx.close(client);
             detail::check_versions_of_handles(ctx);
           }),
      Rule("ARC-09", needs::archive, "closed: false", "check the state first, in every append",
           [](RuleContext& ctx) {
             Client client = ctx.open_raw();
             const auto expect_closed = [&](const std::string& when) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 ctx.expect_same(detail::append(client, entry), false, "an append " + when);
               }
               ctx.expect_same(detail::append(client, detail::without_writes("k")), false,
                               "an append of no writes " + when);
               if (IArchiveReader* const reader = client.handle().archive_reader) {
                 ctx.expect_error(errc::closed, [&] {
                   client.call("read_archive(session_event, \"k\") " + when,
                               reader->read_archive(ArchiveKind::session_event, "k"));
                 });
               }
             };
             if (!ctx.harness().claims().is_opened_by_harness()) {
               expect_closed("before initialize");
               client.close();
               expect_closed("after a close before initialize");
             }
             ctx.expect_same(client.initialize(), true, "initialize");
             detail::keep(ctx, client, detail::one_of_each("first", 1)[0]);
             client.close();
             client.close();
             expect_closed("after close");
             ctx.expect_same(client.initialize(), true, "initialize after close");
             if (ctx.harness().can_read_archive()) {
               detail::expect_records(ctx, client, ArchiveKind::session_event, "k",
                                      std::vector<json>(),
                                      "the records after appends to a closed archive");
             }
             detail::keep(ctx, client, detail::one_of_each("k", 1)[0]);
           }),
  };
}

} // namespace agentstore::conformance

#endif
