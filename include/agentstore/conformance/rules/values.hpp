// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_VALUES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_VALUES_HPP

/// \file
/// KEY and VAL: what ids and values every method takes and keeps, argument by argument.

#include <agentstore/conformance/probe.hpp>
#include <agentstore/conformance/rules/steps.hpp>

namespace agentstore::conformance {

std::vector<Rule> value_rules();

// Only machinery below this line.

namespace detail {

inline std::string repeated(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) {
    result += text;
  }
  return result;
}

/// Ids that differ from each other by little, or look like something to somebody.
inline std::vector<std::string> odd_ids() {
  return {"a",
          "A",
          "a ",
          " a",
          " ",
          "a:b",
          "a:",
          ":a",
          "a/b",
          "../a",
          "..",
          "a*",
          "%",
          "a%",
          "_",
          "a_",
          "a'b",
          "'; DROP TABLE sessions; --",
          "a\"b",
          "a\\b",
          "a\nb",
          "a\tb",
          "\x01",
          "\x7f",
          "{a}",
          "$1",
          "null",
          "0",
          "00",
          "-1",
          "1e3",
          "true",
          "#",
          "?",
          "a|b",
          "a||b",
          "\xC3\xA9" /* e acute, composed */,
          "e\xCC\x81" /* decomposed */,
          "\xE6\x97\xA5\xE6\x9C\xAC",
          "\xF0\x9F\xA6\x93",
          std::string("\xEF\xBB\xBF") + "a" /* a BOM first */,
          "a%2Fb",
          "a+b",
          "a b",
          "a.",
          "a\xE2\x80\x8B" /* a space of no width */,
          "\xC3\x89" /* E acute */,
          "\xEF\xBC\xA1" /* a wide A */,
          "\xC3\x9F",
          "ss",
          letters(1024),
          letters(1023) + "y",
          "y" + letters(1023),
          repeated("\xF0\x9F\xA6\x93", 256)};
}

inline std::vector<std::string> bad_utf8() {
  return {
      "\xff",          "a\xff",        "\x80",         "\xE2\x82",         "\xC0\xAF",
      "\xC1\xBF",      "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
      "ok \xC3\x28 ok"};
}

inline std::vector<std::string> bad_ids() {
  std::vector<std::string> result = bad_utf8();
  result.emplace_back();
  result.push_back(letters(1025));
  result.push_back(letters(100'000));
  result.emplace_back("\0", 1);
  result.emplace_back("a\0b", 3);
  result.emplace_back("a\0", 2);
  return result;
}

/// JSON values at the limits of their kinds.
inline std::vector<json> odd_values() {
  std::vector<json> values;
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{9007199254740993},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    values.emplace_back(number);
  }
  values.emplace_back(std::numeric_limits<std::uint64_t>::max());
  for (const double number :
       {0.0, -0.0, 1.0, -1.0, 0.1, 1e3, 1e21, 1e300, 5e-324, std::numeric_limits<double>::max(),
        std::numeric_limits<double>::min(), 1.0 / 3, 123456789.123456789, 9007199254740993.0}) {
    values.emplace_back(number);
  }
  for (const std::string& text : {std::string(),
                                  std::string("\0", 1),
                                  std::string("a\0b", 3),
                                  std::string("\\u0000"),
                                  std::string("\x01\x1f\x7f"),
                                  std::string("\"quoted\" \\ back / slash"),
                                  std::string("line\r\nline\ttab"),
                                  std::string("\xF0\x9F\xA6\x93"),
                                  std::string("e\xCC\x81 \xC3\xA9"),
                                  std::string("\xEF\xBF\xBF \xEF\xBB\xBF"),
                                  std::string("\xE2\x80\xA8\xE2\x80\xA9"),
                                  std::string("1"),
                                  std::string("null"),
                                  std::string("'; DROP TABLE x; --"),
                                  std::string("\xC2\x80\xC2\x85\xC2\x9F"),
                                  std::string("\xF4\x8F\xBF\xBF \xEE\x80\x80 \xEF\xBF\xBE"),
                                  std::string("a\xE2\x80\x8B\xC2\xAD\xEF\xBB\xBF z"),
                                  std::string("  "),
                                  std::string("{\"a\": 1}"),
                                  std::string("[1, 2]"),
                                  std::string("\"\""),
                                  std::string("1e5"),
                                  std::string("NaN"),
                                  std::string("2024-02-29T25:00:00.000+01:00"),
                                  std::string("2024-02-29 01:02:03"),
                                  std::string("<b>&amp;&lt;</b> %20%41 a+b"),
                                  std::string("\\u0041 \\n ${a} {{b}} %s %1 :a @a")}) {
    values.emplace_back(text);
  }
  for (const char* text :
       {"null", "true", "false", "[]", "{}", "[[]]", "{\"a\":{}}", "{\"a\":null}", "[null]",
        R"({"": "", " ": 1, "z": 1, "a": 2, "A": 3, "a.b": {"$c": 1}, "\u0000": "\u0000"})",
        R"({"b": 1, "a": [{"d": 1, "c": [1, 1.0, "1", true]}], "\ud83e\udd93": 1})",
        R"({"0": "a", "1": "b"})", R"({"0": {"1": [{"0": 1}]}})",
        R"({"__proto__": 1, "$ref": "#", "@type": "x", "_id": 7, "id": null, "e\u0301": 1,
            "\u00e9": 2, "\u212b": 3, "\u00c5": 4, "true": 5, "a.b.c": 6, "a[0]": 7})"}) {
    values.push_back(json::parse(text));
  }
  json long_names = json::object();
  long_names[letters(300) + "a"] = 1;
  long_names[letters(300) + "b"] = 2;
  values.push_back(std::move(long_names));
  return values;
}

/// `values` where they are reached only through others, and beside more of them than one counts on.
inline json buried(const json& values) {
  json many = json::array();
  json members = json::object();
  for (int i = 0; i < 1100; ++i) {
    many.push_back(i);
    members["m" + std::to_string(i)] = i;
  }
  json outer = object("a", json::array({object("b", object("c", json::array({values})))}));
  outer["many"] = std::move(many);
  outer["members"] = std::move(members);
  return outer;
}

/// `value` in the form that the argument takes; nothing where it takes only other things.
inline std::optional<json> fitted(const Probe& probe, const json& value) {
  if (probe.takes_text()) {
    const bool fits = value.is_string() && (probe.takes == Probe::Takes::text ||
                                            !value.get_ref<const std::string&>().empty());
    return fits ? std::optional<json>(value) : std::nullopt;
  }
  if (probe.takes == Probe::Takes::object) {
    // A null member would remove, in an update, what is not there.
    const bool removes = probe.again == Probe::Again::merges && !value.is_array();
    return object("v", removes ? json::array({value}) : value);
  }
  return value;
}

/// The write is refused with `code`, or by false where the archive is asked.
inline void expect_refused(World& w, Client& c, const Probe& probe, const Ids& ids,
                           const json& value, errc code) {
  if (probe.is_archive) {
    w.expect_same(probe.put(c, ids, value), false, probe.label() + " of what must be refused");
  } else {
    w.expect_error(code, [&] { probe.put(c, ids, value); });
  }
}

/// What is read where nothing was ever written: nothing, or a session without metadata.
inline void expect_nothing(World& w, Client& c, const Probe& probe, const Ids& ids) {
  if (!probe.is_readable) {
    return;
  }
  const std::optional<json> found = probe.read(w, c, ids);
  if (probe.again == Probe::Again::merges) {
    w.expect_same(found, std::optional<json>(json::object()), probe.label() + " after a refusal");
  } else {
    w.expect_same(found, std::optional<json>(), probe.label() + " after a refusal");
  }
}

inline std::string counts_if_any(World& w, Client& c) {
  if (!w.offers(Interfaces::backend)) {
    return {};
  }
  const Metrics m = c.get_metrics();
  return show(m.total_sessions) + "/" + show(m.active_sessions) + "/" + show(m.total_messages) +
         "/" + show(m.total_checkpoints);
}

/// `depth` objects in each other, built without recursion.
inline json nested(std::size_t depth) {
  json value = json::object();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::object();
    outer["v"] = std::move(value);
    value = std::move(outer);
  }
  return value;
}

/// `depth` lists in each other.
inline json nested_lists(std::size_t depth) {
  json value = json::array();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

/// How deep objects in each other are, found without recursion.
inline std::size_t nesting(const json& value) {
  std::size_t depth = 0;
  const json* at = &value;
  for (; at->is_object() && !at->empty(); at = &*at->begin()) {
    ++depth;
  }
  return depth + (at->is_object() ? 1u : 0u);
}

/// A value of exactly `bytes`, in the form that the argument takes. It has a letter of two bytes,
/// and in JSON a quote, which takes two in the dump: whoever counts letters, counts what is inside
/// of the quotes, or dumps ASCII alone, counts something else.
inline json sized(const Probe& probe, std::size_t bytes) {
  if (probe.takes_text()) {
    return letters(bytes - 2) + "\xC3\xA9";
  }
  const std::string end = "\xC3\xA9\"";
  return probe.takes == Probe::Takes::object ? object("v", letters(bytes - 12) + end)
                                             : json(letters(bytes - 6) + end);
}

/// A write that stands behind a good one is checked as the first: of one call all are refused.
inline void check_second_write_refused(World& w, Client& c, const json& value, errc code) {
  WriteList writes;
  writes.add("channel", 1).add("channel", value);
  if (w.offers(Interfaces::checkpointer)) {
    w.expect_error(code, [&] { c.put_writes("second", "checkpoint", "task", writes); });
    w.expect_same(written(c.get_writes("second", "checkpoint")), std::vector<std::string>(),
                  "the writes of a call of which the second was refused");
  }
  if (w.offers(Interfaces::archive)) {
    w.expect_same(c.call("append_checkpoint_writes(\"second\", ...)",
                         c.handle().archive->append_checkpoint_writes("second", "checkpoint",
                                                                      "task", writes)),
                  false, "an append of writes of which the second must be refused");
  }
}

/// Uses each of the odd ids as one of the method's ids, all in one store, and reads all back.
inline void check_odd_ids(World& w, Client& c, const Probe& probe, std::size_t varied) {
  std::vector<std::pair<Ids, json>> written;
  std::vector<std::string> prepared;
  for (const std::string& id : odd_ids()) {
    Ids ids = probe.ids("key");
    if (varied >= probe.addressing) {
      ids[0] += std::to_string(written.size());
    }
    ids[varied] = id;
    if (std::find(prepared.begin(), prepared.end(), ids[0]) == prepared.end()) {
      prepared.push_back(ids[0]);
      probe.prepare(w, c, ids);
    }
    const json value = probe.sample(written.size());
    w.expect(probe.put(c, ids, value), probe.label() + " to be true", "false");
    written.emplace_back(std::move(ids), value);
  }
  if (!probe.is_readable) {
    return;
  }
  for (const auto& [ids, value] : written) {
    const Found found = w.must(probe.find(w, c, ids), probe.label() + " with the id as given");
    w.expect_same(found.ids, ids, probe.label() + ": the ids read");
    w.expect_same(found.value, value, probe.label() + ": the value read");
  }
}

inline void check_bad_ids(World& w, Client& c, const ReadProbe& probe) {
  for (std::size_t varied = 0; varied < probe.id_names.size(); ++varied) {
    for (const std::string& bad : bad_ids()) {
      Ids ids = probe.ids("key");
      ids[varied] = bad;
      if (probe.id_names[varied] != "prefix" || !bad.empty()) { // an empty one is for all
        w.expect_error(errc::invalid_argument, [&] { probe.get(c, ids); });
      }
    }
  }
}

/// Writes a value under a key of its own and reads it back.
inline void check_round_trip(World& w, Client& c, const Probe& probe, const std::string& key,
                             const json& value) {
  const Ids ids = probe.ids(key);
  probe.prepare(w, c, ids);
  w.expect(probe.put(c, ids, value), probe.label() + " to be true", "false");
  if (probe.is_readable) {
    const json came = w.must(probe.read(w, c, ids), "the value of " + probe.label());
    w.expect_same(came, value, probe.label() + ": the value read");
  }
}

/// The store refuses the value as one of this argument, and stores nothing.
inline void check_refusal(World& w, Client& c, const Probe& probe, const std::string& key,
                          const json& value, errc code) {
  const Ids ids = probe.ids(key);
  probe.prepare(w, c, ids);
  expect_refused(w, c, probe, ids, value, code);
  expect_nothing(w, c, probe, ids);
}

} // namespace detail

inline std::vector<Rule> value_rules() {
  return {
      Rule("KEY-01", needs::anything,
           "an id is opaque: 1 to 1024 bytes of UTF-8 without NUL; all of it counts and means "
           "nothing",
           "compare ids by their bytes; pass them as parameters, never in a text",
           [](World& w) {
             std::size_t count = 0;
             for (const Probe& probe : one_per_method(w)) {
               for (std::size_t varied = 0; varied < probe.id_names.size(); ++varied) {
                 Client c = w.open_in(w.space() + "-" + std::to_string(++count));
                 detail::check_odd_ids(w, c, probe, varied);
                 w.close(c);
               }
             }
           }),
      Rule("KEY-02", needs::anything,
           "any other id is refused with invalid_argument, by reads too, and nothing is stored",
           "check every id of every method before doing anything",
           [](World& w) {
             Client c = w.open();
             const std::string before = detail::counts_if_any(w, c);
             for (const Probe& probe : one_per_method(w)) {
               for (std::size_t varied = 0; varied < probe.id_names.size(); ++varied) {
                 for (const std::string& bad : detail::bad_ids()) {
                   Ids ids = probe.ids("key");
                   ids[varied] = bad;
                   detail::expect_refused(w, c, probe, ids, probe.sample(1),
                                          errc::invalid_argument);
                 }
                 if (varied != 0 && probe.is_readable) {
                   Ids ids = probe.ids("key");
                   w.expect_same(probe.read(w, c, ids), std::optional<json>(),
                                 probe.label() + " after ids that were refused");
                 }
               }
             }
             for (const auto& calls : {read_probes(w), change_probes(w)}) {
               for (const ReadProbe& probe : calls) {
                 detail::check_bad_ids(w, c, probe);
               }
             }
             w.expect_same(detail::counts_if_any(w, c), before,
                           "the counts after ids that were refused");
           }),
      Rule("VAL-01", needs::anything,
           "a round trip is exact: integers to both limits, doubles, null members, empty "
           "containers, any Unicode, NUL inside strings",
           "store the bytes of the dump; a database's own JSON type rewrites",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               json bundle = json::array();
               for (const json& value : detail::odd_values()) {
                 bundle.push_back(value);
                 const bool alone = value.is_string() || probe.takes == Probe::Takes::any;
                 if (const auto fitted = detail::fitted(probe, value); fitted && alone) {
                   detail::check_round_trip(w, c, probe, "v" + std::to_string(++count), *fitted);
                 }
               }
               if (!probe.takes_text()) {
                 detail::check_round_trip(w, c, probe, "v" + std::to_string(++count),
                                          *detail::fitted(probe, bundle));
                 detail::check_round_trip(w, c, probe, "v" + std::to_string(++count),
                                          *detail::fitted(probe, detail::buried(bundle)));
               }
             }
           }),
      Rule("VAL-02", needs::anything,
           "1 MiB is accepted; beyond the backend's stated limit: too_large, nothing stored",
           "measure the text, or the compact dump, before storing",
           [](World& w) {
             constexpr std::size_t mebibyte = 1u << 20u;
             Client c = w.open();
             const auto limit = w.harness().claims().max_value_bytes();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               if (probe.takes == Probe::Takes::nonempty_text && probe.slot != "role") {
                 continue; // channels, statuses and kinds of events are no values
               }
               for (const std::size_t bytes : {mebibyte - 1, mebibyte}) {
                 detail::check_round_trip(w, c, probe, "v" + std::to_string(++count),
                                          detail::sized(probe, bytes));
               }
               if (limit) {
                 detail::check_round_trip(w, c, probe, "v" + std::to_string(++count),
                                          detail::sized(probe, *limit));
                 detail::check_refusal(w, c, probe, "v" + std::to_string(++count),
                                       detail::sized(probe, *limit + 1), errc::too_large);
               }
             }
             if (limit) {
               detail::check_second_write_refused(w, c, json(letters(*limit - 1)), errc::too_large);
             }
           }),
      Rule("VAL-03", needs::anything, "nothing returned or passed in aliases the store",
           "copy on the way in and on the way out; a read takes nothing away",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               if (!probe.is_readable) {
                 continue;
               }
               const Ids ids = probe.ids("k" + std::to_string(++count));
               probe.prepare(w, c, ids);
               const json value = probe.takes_text() ? json(letters(100))
                                                     : object("v", object("long", letters(100)));
               json passed = value;
               w.expect(probe.put(c, ids, passed), probe.label() + " to be true", "false");
               passed = "changed after the call";
               for (int again = 0; again < 3; ++again) {
                 std::vector<Found> found = probe.read_all(w, c, ids);
                 w.expect_same(std::uint64_t{found.size()}, std::uint64_t{1},
                               probe.label() + ": the number of values read");
                 w.expect_same(found[0].value, value,
                               probe.label() + ": the value read, time " +
                                   std::to_string(again + 1));
                 found[0].value = "changed after the read";
               }
             }
           }),
      Rule("VAL-04", needs::anything,
           "invalid UTF-8, NaN and infinities: invalid_argument, nothing stored",
           "check values on the way in: nlohmann's dump throws too late, or writes null",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               std::vector<json> bad;
               for (const std::string& text : detail::bad_utf8()) {
                 bad.emplace_back(text);
                 if (!probe.takes_text()) {
                   bad.push_back(object("deep", json::array({1, object("in", text)})));
                   bad.push_back(object("name " + text, 1));
                 }
               }
               if (!probe.takes_text()) {
                 for (const double number : {std::numeric_limits<double>::quiet_NaN(),
                                             std::numeric_limits<double>::infinity(),
                                             -std::numeric_limits<double>::infinity()}) {
                   bad.emplace_back(number);
                   bad.push_back(object("deep", json::array({1, number})));
                 }
               }
               for (const json& value : bad) {
                 const json fitted =
                     probe.takes == Probe::Takes::object ? object("v", value) : value;
                 detail::check_refusal(w, c, probe, "k" + std::to_string(++count), fitted,
                                       errc::invalid_argument);
               }
             }
             detail::check_second_write_refused(
                 w, c, object("deep", std::numeric_limits<double>::quiet_NaN()),
                 errc::invalid_argument);
             detail::check_second_write_refused(w, c, json("\xff"), errc::invalid_argument);
           }),
      Rule("VAL-05", needs::anything,
           "depth 64 is accepted; beyond the backend's limit invalid_argument; 100,000 deep never "
           "crashes",
           "measure the depth without recursion, or turn back at the limit",
           [](World& w) {
             Client c = w.open();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               if (probe.takes_text()) {
                 continue;
               }
               for (const std::size_t depth : {63u, 64u}) {
                 detail::check_round_trip(w, c, probe, "k" + std::to_string(++count),
                                          detail::nested(depth));
               }
               const bool takes_any = probe.takes == Probe::Takes::any;
               detail::check_round_trip(w, c, probe, "k" + std::to_string(++count),
                                        takes_any ? detail::nested_lists(64)
                                                  : object("v", detail::nested_lists(63)));
               for (const std::size_t depth : {65u, 1'000u, 100'000u}) {
                 const Ids ids = probe.ids("k" + std::to_string(++count));
                 probe.prepare(w, c, ids);
                 json deep = detail::nested(depth);
                 const std::string call =
                     std::string(probe.name) + " of depth " + std::to_string(depth);
                 try {
                   const bool taken = c.call(call, probe.write(c.handle(), ids, std::move(deep)));
                   w.expect(taken || probe.is_archive, call + " to be true, or refused", "false");
                   if (taken && probe.is_readable && depth <= 1'000) {
                     const json came =
                         w.must(probe.read(w, c, ids), call + ", which was taken, to be there");
                     w.expect(detail::nesting(came) == depth,
                              call + ", which was taken, to be read as deep",
                              show(std::uint64_t{detail::nesting(came)}));
                   }
                 } catch (const StorageError& error) {
                   w.expect(!probe.is_archive && means(error.code(), errc::invalid_argument),
                            call + " to be taken, or refused with invalid_argument",
                            std::string("StorageError: ") + error.what());
                   detail::expect_nothing(w, c, probe, ids);
                 }
               }
               detail::check_round_trip(w, c, probe, "k" + std::to_string(++count),
                                        probe.sample(1));
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
