// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVE_HPP

/// \file
/// ARC: the rules of IPermanentStorageBackend, read back by IArchiveReader or the harness' hook.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/steps.hpp>

#include <array>
#include <limits>

namespace agentstore::conformance {

std::vector<Rule> archive_rules();

// Only machinery below this line.

namespace detail {

/// One append of each kind, under one key, with fields that tell it from others.
class ArchiveAppend {
public:
  ArchiveAppend(ArchiveKind what, json arguments) : kind(what), fields(std::move(arguments)) {}

  ArchiveKind kind;
  /// As ArchiveRecord::fields has them, without `version`.
  json fields;

  awaitable<bool> start(IPermanentStorageBackend& archive,
                        std::optional<Timestamp> at = std::nullopt) const {
    const auto text = [this](const char* name) { return fields.at(name).get<std::string>(); };
    switch (kind) {
    case ArchiveKind::session_event:
      return archive.append_session_event(text("session_id"), text("user_id"), text("event_type"),
                                          fields.at("payload"), at);
    case ArchiveKind::conversation_message:
      return archive.append_conversation_message(text("session_id"), text("role"), text("content"),
                                                 fields.at("metadata"), at);
    case ArchiveKind::checkpoint:
      return archive.append_checkpoint(text("thread_id"), text("checkpoint_id"), fields.at("data"),
                                       fields.at("metadata"), at);
    case ArchiveKind::checkpoint_writes:
      return archive.append_checkpoint_writes(
          text("thread_id"), text("checkpoint_id"), text("task_id"),
          fields.at("writes").get<std::vector<ChannelWrite>>(), at);
    case ArchiveKind::conversation_session:
      return archive.append_conversation_session(text("session_key"), fields.at("session_data"),
                                                 at);
    case ArchiveKind::task_context_snapshot:
      break;
    }
    return archive.append_task_context_snapshot(text("session_id"), fields.at("context_data"), at);
  }
};

inline std::vector<ArchiveAppend> one_of_each(const std::string& key, const json& value) {
  std::vector<ArchiveAppend> all;
  json event = json::object();
  event["session_id"] = key;
  event["user_id"] = "user";
  event["event_type"] = "update";
  event["payload"] = value;
  all.emplace_back(ArchiveKind::session_event, event);
  json message = json::object();
  message["session_id"] = key;
  message["role"] = "tool";
  message["content"] = "line one\nline two";
  message["metadata"] = object("v", value);
  all.emplace_back(ArchiveKind::conversation_message, message);
  json checkpoint = json::object();
  checkpoint["thread_id"] = key;
  checkpoint["checkpoint_id"] = "c1";
  checkpoint["data"] = value;
  checkpoint["metadata"] = object("m", value);
  all.emplace_back(ArchiveKind::checkpoint, checkpoint);
  json writes = json::object();
  writes["thread_id"] = key;
  writes["checkpoint_id"] = "c1";
  writes["task_id"] = "task";
  writes["writes"] = json::array(
      {json::array({"a", value}), json::array({"__error__", nullptr}), json::array({"a", value})});
  all.emplace_back(ArchiveKind::checkpoint_writes, writes);
  json session = json::object();
  session["session_key"] = key;
  session["session_data"] = value;
  all.emplace_back(ArchiveKind::conversation_session, session);
  json snapshot = json::object();
  snapshot["session_id"] = key;
  snapshot["context_data"] = value;
  all.emplace_back(ArchiveKind::task_context_snapshot, snapshot);
  return all;
}

inline bool append(Client& c, const ArchiveAppend& entry,
                   std::optional<Timestamp> at = std::nullopt) {
  return c.call("append of " + std::string(to_string(entry.kind)) + " " + show(entry.fields) +
                    (at ? " at " + show(*at) : ""),
                entry.start(*c.handle().archive, at));
}

inline void keep(World& w, Client& c, const ArchiveAppend& entry,
                 std::optional<Timestamp> at = std::nullopt) {
  w.expect(append(c, entry, at), "the append to be true", "false");
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

inline void need_reader(World& w) {
  if (!w.harness().can_read_archive()) {
    throw Untested("the archive is no IArchiveReader, and the harness has no read_archive");
  }
}

inline void expect_records(World& w, Client& c, ArchiveKind kind, const std::string& key,
                           const std::vector<json>& expected, const std::string& what) {
  w.expect_same(fields_of(w.read_archive(c, kind, key)), expected, what);
}

/// More records of one key than a page holds; and pages of sizes that one may ask for.
inline void check_long_archive(World& w, Client& c) {
  constexpr int count = 270;
  std::vector<json> expected;
  for (int i = 0; i < count; ++i) {
    const auto entry = one_of_each("long", i)[0];
    keep(w, c, entry);
    expected.push_back(entry.fields);
  }
  expect_records(w, c, ArchiveKind::session_event, "long", expected, "270 records of one key");
  IArchiveReader* const reader = c.handle().archive_reader;
  if (reader == nullptr) {
    return;
  }
  const auto read = [&](std::uint64_t after, std::size_t limit) {
    return c.call(Client::text("read_archive", std::string("session_event"), std::string("long"),
                               after, std::uint64_t{limit}),
                  reader->read_archive(ArchiveKind::session_event, "long", after, limit));
  };
  for (const std::size_t limit : std::array<std::size_t, 3>{1, SIZE_MAX / 2 + 1, SIZE_MAX}) {
    std::vector<ArchiveRecord> page = read(0, limit);
    w.expect(!page.empty() && page.size() <= limit, "some records, at most " + show(limit),
             std::to_string(page.size()));
    w.expect_same(fields_of(std::vector<ArchiveRecord>(1, page.front())),
                  std::vector<json>(1, expected.front()), "the first record of a page");
  }
  for (const std::uint64_t after : {std::numeric_limits<std::uint64_t>::max() / 2 + 1,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    w.expect_same(read(after, 10), std::vector<ArchiveRecord>(),
                  "the records behind the last that there can be");
  }
}

} // namespace detail

inline std::vector<Rule> archive_rules() {
  using namespace std::chrono_literals;
  return {
      Rule("ARC-01", needs::archive, "each append adds one record; equal ones stay two",
           "an archive has no keys to replace by",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             const Timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
             for (const auto& entry : detail::one_of_each("k", object("n", 1))) {
               detail::expect_records(w, c, entry.kind, "k", std::vector<json>(),
                                      "the records before the first append");
               for (std::size_t count = 1; count <= 3; ++count) {
                 detail::keep(w, c, entry, at);
                 detail::expect_records(w, c, entry.kind, "k",
                                        std::vector<json>(count, entry.fields),
                                        "the records after equal appends");
               }
             }
             detail::expect_records(w, c, ArchiveKind::session_event, "other", std::vector<json>(),
                                    "the records of another key");
           }),
      Rule("ARC-02", needs::archive, "the order of one key is kept",
           "order by a sequence of the archive's own, not by created_at",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             const Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
             std::vector<std::vector<json>> expected(6);
             for (int i = 0; i < 30; ++i) {
               // Times that go back, stand still, and leap.
               const Timestamp at = start + std::chrono::hours((i * 7) % 5);
               const std::string key = i % 3 == 0 ? "other" : "k";
               const auto entries = detail::one_of_each(key, i);
               for (std::size_t kind = 0; kind < entries.size(); ++kind) {
                 detail::keep(w, c, entries[kind], at);
                 if (key == "k") {
                   expected[kind].push_back(entries[kind].fields);
                 }
               }
             }
             const auto entries = detail::one_of_each("k", 0);
             for (std::size_t kind = 0; kind < entries.size(); ++kind) {
               detail::expect_records(w, c, entries[kind].kind, "k", expected[kind],
                                      "the records of one key in order");
             }
             w.on_threads(c, 3, [](std::size_t writer, Client mine) {
               for (int i = 0; i < 15; ++i) {
                 const std::string item = "w" + std::to_string(writer) + "-" + std::to_string(i);
                 detail::append(mine, detail::one_of_each("race", item)[0]);
               }
             });
             std::vector<std::string> items;
             for (const json& fields :
                  detail::fields_of(w.read_archive(c, ArchiveKind::session_event, "race"))) {
               items.push_back(fields.value("payload", std::string()));
             }
             detail::expect_writers_order(w, items, 3, 15);
             detail::check_long_archive(w, c);
           }),
      Rule("ARC-03", needs::archive, "created_at as given, else the time of the call",
           "keep microseconds, and times before now",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             const Timestamp given = std::chrono::sys_days(std::chrono::year(2001) / 2 / 3) + 1us;
             if (w.has_clock()) {
               w.set_clock(given + 24h);
             }
             const Timestamp before = w.has_clock() ? given + 24h : system_clock()();
             for (const auto& entry : detail::one_of_each("k", 1)) {
               detail::keep(w, c, entry, given);
               detail::keep(w, c, entry);
             }
             const Timestamp after = w.has_clock() ? given + 24h : system_clock()();
             for (const auto& entry : detail::one_of_each("k", 1)) {
               const auto records = w.read_archive(c, entry.kind, "k");
               w.expect_same(std::uint64_t{records.size()}, std::uint64_t{2},
                             "the number of records");
               w.expect_same(records[0].created_at, given, "the time given");
               // A server's clock need not be ours to the microsecond.
               const auto slack = w.has_clock() ? 0s : 60s;
               w.expect(records[1].created_at >= before - slack &&
                            records[1].created_at <= after + slack,
                        "a time between " + show(before) + " and " + show(after),
                        show(records[1].created_at));
             }
           }),
      Rule("ARC-04", needs::archive,
           "a failure is false, never an exception, and never delays the hot path",
           "catch everything; give up in bounded time",
           [](World& w) {
             Client c = w.open();
             const auto refused = [&](const detail::ArchiveAppend& entry) {
               w.expect_same(detail::append(c, entry), false, "an append that cannot be kept");
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
             if (w.harness().can_read_archive()) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::expect_records(w, c, entry.kind, "k", std::vector<json>(),
                                        "the records after appends that were refused");
               }
             }
             for (const auto& entry : detail::one_of_each("k", 1)) {
               detail::keep(w, c, entry);
             }
             check_archive_under_faults(w, c);
           }),
      Rule("ARC-05", needs::archive, "initialize never truncates",
           "create what is missing, and only that",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             for (std::size_t round = 1; round <= 3; ++round) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::keep(w, c, entry);
               }
               w.expect_same(c.initialize(), true, "initialize again");
               if (round == 2) {
                 c.close();
                 w.expect_same(c.initialize(), true, "initialize after close");
               }
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 detail::expect_records(w, c, entry.kind, "k",
                                        std::vector<json>(round, entry.fields),
                                        "the records after initialize");
               }
             }
           }),
      Rule("ARC-06", needs::archive, "close flushes",
           "write out what is queued before closing, and close twice without harm",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             std::vector<json> expected;
             for (int i = 0; i < 50; ++i) {
               const auto entry = detail::one_of_each("k", i)[1];
               detail::keep(w, c, entry);
               expected.push_back(entry.fields);
             }
             c.close();
             c.close();
             Client again = w.open();
             detail::expect_records(w, again, ArchiveKind::conversation_message, "k", expected,
                                    "the records after close");
           }),
      Rule("ARC-07", needs::archive, "every field is kept, the writes' tuples too",
           "store all arguments, by their names",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             const json rich = json::parse(
                 R"({"text": "h\u00e9 \u0000 \ud83e\udd93", "null": null, "list": [1, 2.0, "x", {}],
                     "big": 18446744073709551615, "small": -9223372036854775808, "": []})");
             for (const auto& entry : detail::one_of_each("key with: all/'\"%_*", rich)) {
               detail::keep(w, c, entry);
               detail::expect_records(w, c, entry.kind, "key with: all/'\"%_*",
                                      std::vector<json>(1, entry.fields), "the record");
             }
           }),
      Rule("ARC-08", needs::archive, "snapshot versions grow", "number the snapshots of a session",
           [](World& w) {
             detail::need_reader(w);
             Client c = w.open();
             for (int i = 0; i < 5; ++i) {
               detail::keep(w, c, detail::one_of_each("k", i % 2)[5]);
               detail::keep(w, c, detail::one_of_each("other", i)[5]);
               if (i == 2) {
                 c.close();
                 c.initialize();
               }
             }
             const auto records = w.read_archive(c, ArchiveKind::task_context_snapshot, "k");
             w.expect_same(std::uint64_t{records.size()}, std::uint64_t{5},
                           "the number of snapshots");
             std::int64_t last = 0;
             for (const ArchiveRecord& record : records) {
               const auto version = record.fields.find("version");
               w.expect(version != record.fields.end() && version->is_number_integer() &&
                            version->get<std::int64_t>() > last,
                        "a version greater than " + show(last), show(record));
               last = version->get<std::int64_t>();
             }
           }),
      Rule("ARC-09", needs::archive, "closed: false", "check the state first, in every append",
           [](World& w) {
             Client c = w.open_raw();
             const auto expect_closed = [&](const std::string& when) {
               for (const auto& entry : detail::one_of_each("k", 1)) {
                 w.expect_same(detail::append(c, entry), false, "an append " + when);
               }
             };
             if (!w.harness().claims().is_opened_by_harness()) {
               expect_closed("before initialize");
             }
             w.expect_same(c.initialize(), true, "initialize");
             c.close();
             expect_closed("after close");
             w.expect_same(c.initialize(), true, "initialize after close");
             if (w.harness().can_read_archive()) {
               detail::expect_records(w, c, ArchiveKind::session_event, "k", std::vector<json>(),
                                      "the records after appends to a closed archive");
             }
             detail::keep(w, c, detail::one_of_each("k", 1)[0]);
           }),
  };
}

} // namespace agentstore::conformance

#endif
