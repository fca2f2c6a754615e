// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_ODD_ARGUMENTS_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_ODD_ARGUMENTS_HPP

/// \file
/// Ids, values, texts and times that some program has got wrong. There is one list for all rules.
/// Rules try it on whatever takes such arguments, before a reopen and after it.

#include <agentstore/conformance/check/rule_context.hpp>
#include <agentstore/conformance/methods/method.hpp>
#include <agentstore/document_part.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace agentstore::conformance::detail {

inline std::string repeated(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) {
    result += text;
  }
  return result;
}

/// Ids that differ little from each other, or that a program might take for something else.
inline std::vector<std::string> odd_ids() {
  return {
      "a", "A", "a ", " a", " ", "a:b", "a:", ":a", "a/b", "../a", "..", "a*", "%", "a%", "_", "a_",
      "a'b", "'; DROP TABLE sessions; --", "a\"b", "a\\b", "a\nb", "a\tb", "\x01", "\x7f", "{a}",
      "$1", "null", "0", "00", "-1", "1e3", "true", "#", "?", "a|b", "a||b",
      "\xC3\xA9" /* e acute, composed */, "e\xCC\x81" /* decomposed */, "\xE6\x97\xA5\xE6\x9C\xAC",
      "\xF0\x9F\xA6\x93", std::string("\xEF\xBB\xBF") + "a" /* a BOM first */, "a%2Fb", "a+b",
      "a b", "a.", "a\xE2\x80\x8B" /* a space of no width */, "\xC3\x89" /* E acute */,
      "\xEF\xBC\xA1" /* a wide A */, "\xC3\x9F", "ss", letters(1024), letters(1023) + "y",
      "y" + letters(1023), repeated("\xF0\x9F\xA6\x93", 256),
      // Ids whose order by bytes differs from the order of people, signed bytes, UTF-16 or locales.
      "1", "2", "9", "10", "01", "-", "~", "b", "Z", "z", "a-b", "ab", "a~", "a\x7f", "a\xC2\x80",
      "\xEE\x80\x80" /* U+E000, before U+1F993 by bytes and behind it in UTF-16 */, "\xEF\xBF\xBD",
      "a\xF0\x9F\xA6\x93", "a\xEF\xBF\xBF", "a\xF4\x8F\xBF\xBF" /* the last code point */,
      // Ids that a program might cut, trim or normalise.
      "a\n", "a\r", "a\t", "a/", "/a", "./a", "a\xC2\xA0" /* a space that does not break */,
      "\xEF\xAC\x81" /* the ligature fi */, "fi", "\xC4\xB0" /* I with a dot */, "i", "I",
      "\xCF\x83" /* sigma */, "\xCF\x82" /* a final one */, "\xCE\xA3" /* a capital one */,
      letters(300) + "k", letters(300) + "K", letters(64), letters(255), letters(256),
      // Ids that a program might keep to itself, or hide.
      "__a", "__a__", ".a", "$a", "@a", "!a", "tmp", "test", "system", "default", "latest", "head",
      "index", "meta", "all", "none", "undefined"};
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
  result.push_back(repeated("\xC3\xA9", 513)); // too many bytes, though few letters
  result.emplace_back("\0", 1);
  result.emplace_back("a\0b", 3);
  result.emplace_back("a\0", 2);
  return result;
}

/// Of each way in which an id can be bad, one.
inline std::vector<std::string> some_bad_ids() {
  return {std::string(), "a\xff", letters(1025), std::string("a\0b", 3)};
}

/// An object of more members than a row has columns.
inline json wide_object() {
  json object = json::object();
  for (int i = 0; i < 300; ++i) {
    object["member " + std::to_string(i)] = i;
  }
  return object;
}

/// JSON values at the limits of their kinds.
inline std::vector<json> odd_values() {
  std::vector<json> values;
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{9007199254740993},
        std::int64_t{-9007199254740993}, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    values.emplace_back(number);
  }
  values.emplace_back(std::numeric_limits<std::uint64_t>::max());
  values.emplace_back(std::uint64_t{1} << 63u);
  for (const double number : {0.0,
                              -0.0,
                              1.0,
                              -1.0,
                              0.1,
                              0.1 + 0.2,
                              1e3,
                              1e15 + 0.3,
                              1e21,
                              1e300,
                              5e-324,
                              std::numeric_limits<double>::max(),
                              std::numeric_limits<double>::min(),
                              1.0 / 3,
                              123456789.123456789,
                              9007199254740993.0,
                              1e16,
                              -3.0,
                              -0.1,
                              2.5e-320,
                              -5e-324}) {
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
                                  std::string("true"),
                                  std::string("\n\n lines around it \t\n"),
                                  std::string("  spaces around it  "),
                                  std::string("100%% '' \"\" \\\\ ``"),
                                  std::string("\xEF\xBF\xBD" /* what stands for bad UTF-8 */),
                                  std::string("\xEF\xB7\x90" /* no character */),
                                  std::string("\xEF\xAC\x81 \xE2\x84\xAB \xEF\xBC\xA1 \xC2\xBD"),
                                  std::string("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 "
                                              "\xE2\x9D\xA4\xEF\xB8\x8F \xE2\x80\xAE"),
                                  std::string("'; DROP TABLE x; --"),
                                  std::string("\xC2\x80\xC2\x85\xC2\x9F"),
                                  std::string("\xF4\x8F\xBF\xBF \xEE\x80\x80 \xEF\xBF\xBE"),
                                  std::string("a\xE2\x80\x8B\xC2\xAD\xEF\xBB\xBF z"),
                                  std::string("  "),
                                  std::string(" "),
                                  std::string("\t"),
                                  std::string("\n"),
                                  std::string("-"),
                                  std::string("{\"a\": 1}"),
                                  std::string("[1, 2]"),
                                  std::string("\"\""),
                                  std::string("1e5"),
                                  std::string("?"),
                                  std::string("\\/ \\\" \\u0041"),
                                  std::string("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"),
                                  std::string("2024-02-29T01:02:03+00:00"),
                                  std::string("NaN"),
                                  std::string("2024-02-29T25:00:00.000+01:00"),
                                  std::string("2024-02-29 01:02:03"),
                                  std::string("<b>&amp;&lt;</b> %20%41 a+b"),
                                  std::string("\\u0041 \\n ${a} {{b}} %s %1 :a @a")}) {
    values.emplace_back(text);
  }
  values.emplace_back("\xEF\xBB\xBFwith a BOM first");
  values.emplace_back("\xEF\xBB\xBF");
  for (
      const char* text :
      {"null",
       "true",
       "false",
       "[]",
       "{}",
       "[[]]",
       "[[[]]]",
       "[{}]",
       "[\"a\"]",
       "[1]",
       R"(["a", "a"])",
       R"([["a", 1], ["b", 2]])",
       R"({" a ": 1, "a": 2, "a ": 3})",
       R"({"$oid": "64b5f0c2a1b2c3d4e5f60718", "n": {"$numberLong": "7"}, "d": {"$date": 0}})",
       R"(["a", "a", {"b": 1}, {"b": 1}, [], []])",
       R"(["false", "0x1F", "+1", "1.0", "00", "-0", "Infinity", "yes", "12:34", "AGVsbG8=", "\ufffd",
           "2024-02-29T01:02:03Z", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"])",
       "{\"a\":{}}",
       "{\"a\":null}",
       "[null]",
       R"({"": "", " ": 1, "z": 1, "a": 2, "A": 3, "a.b": {"$c": 1}, "\u0000": "\u0000"})",
       R"({"b": 1, "a": [{"d": 1, "c": [1, 1.0, "1", true]}], "\ud83e\udd93": 1})",
       R"({"a/b": 1, "a~b": 2, "/": 3, "~": 4, "~0": 5, "~1": 6, "a~1b": 7, "": {"": 8}, "//": 9})",
       R"({"\ufeffa": 1, "a": "\ufeff", "\ufeff": 2})",
       R"({"0": "a", "1": "b"})",
       R"({"0": {"1": [{"0": 1}]}})",
       R"({"__proto__": 1, "$ref": "#", "@type": "x", "_id": 7, "id": null, "e\u0301": 1,
            "\u00e9": 2, "\u212b": 3, "\u00c5": 4, "true": 5, "a.b.c": 6, "a[0]": 7})"}) {
    values.push_back(json::parse(text));
  }
  json long_names = json::object();
  for (const std::size_t size : {63u, 127u, 255u, 300u, 511u, 1023u, 4095u, 65'535u}) {
    long_names[letters(size) + "a"] = 1;
    long_names[letters(size) + "b"] = 2;
  }
  values.push_back(std::move(long_names));
  values.push_back(wide_object());
  values.emplace_back(json::array_t(3'000, json(7)));
  return values;
}

/// An object with the names by which a program might tell what it has had before.
inline json names_of_ids() {
  json named = json::object();
  for (const char* name : {"id",
                           "_id",
                           "ID",
                           "uuid",
                           "key",
                           "seq",
                           "sequence",
                           "hash",
                           "etag",
                           "message_id",
                           "messageId",
                           "event_id",
                           "request_id",
                           "run_id",
                           "entry_id",
                           "client_id",
                           "trace_id",
                           "tool_call_id",
                           "idempotency_key",
                           "dedupe_key",
                           "nonce",
                           "timestamp",
                           "created_at",
                           "version",
                           "index",
                           "session_id",
                           "thread_id",
                           "checkpoint_id",
                           "user_id",
                           "parent_id"}) {
    named[name] = "m1";
  }
  return named;
}

/// An object that says of itself, in several forms, what the record around it says too.
inline json names_of_fields() {
  json named = json::object();
  for (const char* name : {"timestamp", "created_at", "createdAt", "updated_at", "last_activity",
                           "sequence", "version", "index"}) {
    named[name] = 1;
  }
  for (const char* name : {"ts", "time", "date", "at"}) {
    named[name] = "1999-01-01T00:00:00Z";
  }
  for (const char* name : {"role", "content", "text", "status", "event_type", "user_id",
                           "session_id", "thread_id", "checkpoint_id", "task_id", "channel"}) {
    named[name] = "another";
  }
  named["deleted"] = true;
  named["ttl"] = 0;
  return named;
}

/// Objects of one member, which a program might take for what it is called.
inline std::vector<json> wrappers() {
  std::vector<json> all;
  for (const char* name : {"metadata", "data", "value", "payload", "content", "text", "context",
                           "state", "session", "updates", "patch", "$set", "result", "json"}) {
    all.push_back(object(name, object("a", 1)));
  }
  return all;
}

/// Values of which some take each for the one before it, or for none.
inline std::vector<json> hardly_different() {
  return {json(1),
          json(1.0),
          json(1),
          json("1"),
          json(0.0),
          json(-0.0),
          json(0),
          json(false),
          json(),
          json::array(),
          json(""),
          json::object(),
          json(),
          object("n", 1),
          object("n", 1.0),
          object("n", "1"),
          object("n", true),
          json::array({1}),
          json::array({1.0})};
}

/// Values that some take for none.
inline std::vector<json> least_values() {
  return {json(), json::object(), json::array(), json(""), json(0), json(false)};
}

/// The call with as little as each argument that is no id may be: `value` itself where any JSON
/// is taken, or where it is an object.
inline Operation with_least(Operation call, const json& value) {
  const json member = value.is_object() ? value : object("", value);
  for (const Parameter parameter : method_of(call.kind)) {
    if (parameter == Parameter::writes) {
      call.writes.clear();
      call.writes.emplace_back(" ", value);
    } else if (!is_id(parameter) && taken_by(parameter) != Takes::other) {
      const Takes takes = taken_by(parameter);
      set_argument(call, parameter,
                   takes == Takes::any      ? value
                   : takes == Takes::object ? member
                   : takes == Takes::text   ? json("")
                                            : json(" "));
    }
  }
  return call;
}

/// JSON values at the limits of their kinds, as members of one object.
inline json odd_members() {
  json members = json::object();
  for (json& value : odd_values()) {
    members["member " + std::to_string(members.size())] = std::move(value);
  }
  return members;
}

/// Texts that are JSON, and that nobody's `dump` writes in this way: escapes of what needs none,
/// numbers with exponents or beyond 64 bits, names that come twice.
inline std::vector<std::string> odd_spellings() {
  return {R"("\u0041\/\b\f\u000A\u000a\u0022\u005C \ud83e\udd93 \u00e9\u00E9 \u0000 \u007f")",
          // Characters that take two escapes: the first, the last, and what hex digits may be.
          R"("\ud800\udc00\udbff\udfff\uD83D\uDE00 \uD83d\udE00\ud83d\udd93x\ud834\udd1e")",
          R"({"\u0061":1,"\/":2,"e\u0301":3,"\ud83e\udd93":4,"\"":5,"":6})",
          R"({"a":1,"b":2,"a":3,"\u0061":{"a":4,"a":[5]}})",
          "[1e2,1E2,1E+2,1e-2,1.50,100.0,100,10e-1,0.1e1,0e0,-0e1,1.0E+0]", "[-0,-0.0,0.0,-1,0]",
          "[9007199254740993,9007199254740993.0,9007199254740993e0]",
          "[9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809]",
          "[18446744073709551615,18446744073709551616,100000000000000000000000]",
          "[0.1000000000000000055511151231257827,1e-400,2.2250738585072011e-308,1e308]", "1e2",
          "100.0", "-0", "18446744073709551616", R"("\u0041")", R"("\/")", R"({"a":1,"a":2})"};
}

/// The value of a text as it is spelled, as `Document::from_text` makes it, for which a program
/// needs Boost.JSON.
/// Requires: the text is JSON without white space outside of strings, and neither null nor {}.
inline Document spelled(const std::string& text) {
  const auto parse = [](std::string_view whole) { return json::parse(whole); };
  return agentstore::detail::document::Access::of_text(
      text.size(), Document(json::parse(text)).depth(), parse,
      [&text](char* to) { std::memcpy(to, text.data(), text.size()); });
}

/// All of them in one value: an object, in a member of it, or a list.
inline Document spelled_together(bool in_object) {
  std::string list;
  for (const std::string& text : odd_spellings()) {
    list += (list.empty() ? "[" : ",") + text;
  }
  list += "]";
  return spelled(in_object ? R"({"\u0076":)" + list + "}" : list);
}

/// Pairs of ids of which a program might make one into the other. No two pairs share an id, and no
/// id begins with an id of another pair.
inline std::vector<std::pair<std::string, std::string>> mistakable_ids() {
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"a/b", "a%2Fb"},
      {"c/d", "c\\d"},
      {"e/f", "e//f"},
      {"g/h", "g:h"},
      {"i j", "i+j"},
      {"k l", "k  l"},
      {"n:o", "n%3Ao"},
      {"p q", "p%20q"},
      {"r.s", "r%2es"},
      {"t%u", "t%25u"},
      {"v~w", "v~0w"},
      {"B/C", "B~1C"},
      {"D&E", "D&amp;E"},
      {"F\nG", "F\\nG"},
      {"H", "\\u0048"},
      {"m-n", "m_n"},
      {"1", "01"},
      {"2", "2.0"},
      {"3", "+3"},
      {"\xC3\xA9", "e\xCC\x81"},
      {"\xC3\xA8", "\xC3\x88"},
      {"\xC3\xBC", "u"},
      {"\xC3\x9F", "ss"},
      {"A", "\xEF\xBC\xA1"},
      {"fi", "\xEF\xAC\x81"},
      {"\xF0\x9F\xA6\x93", "\xF0\x9F\xA6\x92"},
      {"\xF0\x9F\xA6\x91", "?"},
      {letters(1023) + "a", letters(1023) + "b"},
      {"y" + letters(254) + "a", "y" + letters(254) + "b"},
      {"z" + letters(62) + "a", "z" + letters(62) + "b"},
      {"x" + letters(300) + "k", "x" + letters(300) + "K"},
      {"\xCF\x83", "\xCF\x82"}};
  char last = 'a';
  const auto word = [&last] { return std::string("key") + last++; };
  for (const char* end : {" ", "\n", "\r", "\t", "\xC2\xA0", "/", ".", "%", "_", "\xE2\x80\x8B"}) {
    const std::string plain = word();
    pairs.emplace_back(plain, plain + end);
  }
  for (const char* begin : {" ", "/", "./", "\xEF\xBB\xBF"}) {
    const std::string plain = word();
    pairs.emplace_back(plain, begin + plain);
  }
  for (const char* around : {"'", "\""}) {
    const std::string plain = word();
    pairs.emplace_back(plain, around + plain + around);
  }
  std::string upper = word();
  pairs.emplace_back(upper, upper);
  pairs.back().second[0] = 'K';
  upper = word();
  pairs.emplace_back(upper, upper);
  for (char& c : pairs.back().second) {
    c = static_cast<char>(c - 'a' + 'A');
  }
  return pairs;
}

/// Ids of which a program might make any other into the first: by what it leaves out, decodes, sums
/// up or takes for a pattern.
inline std::vector<std::string> alike_ids() {
  return {"word",
          "wo\xE2\x80\x8Drd" /* a joiner of no width */,
          "wo\xC2\xADrd" /* a soft hyphen */,
          "word\xEF\xB8\x8F" /* a variation selector */,
          "wo\xCC\x81rd" /* an accent */,
          "wo\x01rd",
          "word\x7f",
          "\xF0\x9D\x90\xB0ord" /* a bold w */,
          "word\xE3\x80\x80" /* a wide space */,
          "w%6Frd",
          "w&#111;rd",
          "w\\ord",
          "%ord",
          "w*d",
          "w?rd",
          "w_rd",
          "w[o]rd",
          "w.rd",
          "a/../word",
          "drow" /* the same sum */,
          "wosE" /* the same hash, 31 times what was before */,
          "wosC" /* 33 times */};
}

/// Ids that differ in one byte, and in their length: a program might look at a part of them.
inline std::vector<std::string> long_alike_ids() {
  constexpr std::size_t length = 1'000;
  std::vector<std::string> ids = {letters(length), letters(length + 1)};
  for (const std::size_t at : {0u, 1u, 8u, 16u, 32u, 64u, 128u, 191u, 256u, 512u, 768u, 998u}) {
    ids.push_back(letters(at) + "y" + letters(length - at - 1));
  }
  return ids;
}

/// Times before and after every moment that a program might count from.
inline std::vector<Timestamp> odd_times() {
  using namespace std::chrono_literals;
  using std::chrono::sys_days;
  using std::chrono::year;
  std::vector<Timestamp> times = {Timestamp(0us),        Timestamp(1us),
                                  Timestamp(-1us),       Timestamp(999'999us),
                                  Timestamp(-999'999us), Timestamp(-1'000'001us)};
  for (const int of_year : {1, 1582, 1899, 1900, 1969, 2001, 2038, 2100, 2106, 2262, 2555, 9999}) {
    times.emplace_back(sys_days(year(of_year) / 12 / 31) + 23h + 59min + 59s + 999'999us);
    times.emplace_back(sys_days(year(of_year) / 1 / 1) + 1us);
  }
  times.emplace_back(sys_days(year(2024) / 2 / 29) + 12h + 1ms);
  return times;
}

/// Those of them that a clock may tell in the lifetime of a store, and the last of May. A harness
/// may take 0 for no time.
inline std::vector<Timestamp> odd_clocks() {
  using std::chrono::sys_days;
  using std::chrono::year;
  std::vector<Timestamp> times = odd_times();
  std::erase_if(times, [](Timestamp time) {
    return time == Timestamp() || time < sys_days(year(1582) / 1 / 1) ||
           time > sys_days(year(2600) / 1 / 1);
  });
  times.emplace_back(sys_days(year(2026) / 5 / 31)); // for what comes after
  return times;
}

/// A time that was taken from a clock which stands at `clock`, and which may count in seconds.
inline void expect_moment(RuleContext& ctx, Timestamp actual, Timestamp clock,
                          const std::string& what) {
  const std::chrono::microseconds off = actual > clock ? actual - clock : clock - actual;
  ctx.expect(off < std::chrono::seconds(1), what + " to be " + show(clock), show(actual));
}

/// These limits, and limits that become 0 or negative in fewer bits.
inline std::vector<std::size_t> great_limits(std::vector<std::size_t> limits = {}) {
  constexpr std::size_t one = 1;
  limits.insert(limits.end(), {(one << 31u) - 1, one << 31u, one << 32u, (one << 32u) + 1,
                               SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX});
  return limits;
}

/// By their bytes.
inline std::vector<std::string> sorted(std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

} // namespace agentstore::conformance::detail

#endif
