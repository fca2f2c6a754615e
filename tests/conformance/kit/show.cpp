// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/conformance/check/failures.hpp>
#include <agentstore/conformance/check/show.hpp>

#include <limits>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

json nested(std::size_t depth) {
  json value = json::array();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

} // namespace

TEST_CASE("identical tells numbers apart that == does not") {
  CHECK(identical(json(1), json(1)));
  CHECK(identical(json(1), json(1u)));
  CHECK_FALSE(identical(json(1), json(1.0)));
  CHECK_FALSE(identical(json(0.0), json(-0.0)));
  CHECK(identical(json(-0.0), json(-0.0)));
  CHECK_FALSE(identical(json(0), json(-0.0)));
  CHECK_FALSE(identical(json(0.1), json(0.1f)));
  const json greatest(std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(identical(greatest, json(-1)));
  CHECK_FALSE(identical(json(-1), greatest));
  CHECK(identical(greatest, greatest));
  CHECK_FALSE(
      identical(json(std::numeric_limits<std::int64_t>::min()), json(std::uint64_t{1} << 63u)));
  CHECK_FALSE(identical(json(9007199254740993), json(9007199254740993.0)));
}

TEST_CASE("a time of any year can be shown") {
  using namespace std::chrono;
  CHECK(show(Timestamp(sys_days(year(2026) / 5 / 1))) == "2026-05-01T00:00:00.000000Z");
  CHECK(show(Timestamp(sys_days(year(10'000) / 1 / 1))) == "253402300800000000 us since 1970");
  CHECK(show(Timestamp(sys_days(year(0) / 1 / 1)) - microseconds(1)).ends_with("us since 1970"));
  CHECK(show(Timestamp::max()) == "9223372036854775807 us since 1970");
  CHECK(show(Timestamp::min()) == "-9223372036854775808 us since 1970");
}

TEST_CASE("identical tells kinds apart") {
  const json values = json::parse(R"([null, false, true, 0, 0.0, "", "0", [], {}, [[]], [null]])");
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j) {
      INFO(values[i] << " and " << values[j]);
      CHECK(identical(values[i], values[j]) == (i == j));
    }
  }
  CHECK_FALSE(identical(json(json::value_t::discarded), json(nullptr)));
}

TEST_CASE("identical compares members by name, order and number") {
  const json left = json::parse(R"({"a": [1, {"b": 2.0}], "c": null})");
  CHECK(identical(left, json::parse(R"({"c": null, "a": [1, {"b": 2.0}]})")));
  CHECK_FALSE(identical(left, json::parse(R"({"a": [1, {"b": 2}], "c": null})")));
  CHECK_FALSE(identical(left, json::parse(R"({"a": [1, {"b": 2.0}]})")));
  CHECK_FALSE(identical(left, json::parse(R"({"a": [1, {"b": 2.0}], "d": null})")));
  CHECK_FALSE(identical(json::parse("[1, 2]"), json::parse("[2, 1]")));
  CHECK_FALSE(identical(json::parse("[1]"), json::parse("[1, 1]")));
  const std::string with_nul("a\0b", 3);
  CHECK_FALSE(identical(json(with_nul), json("a")));
}

TEST_CASE("identical ends, however deep the values") {
  CHECK(identical(nested(64), nested(64)));
  CHECK_FALSE(identical(nested(64), nested(65)));
  const json deep = nested(100'000);
  CHECK_FALSE(identical(deep, deep)); // too deep to be compared: the same as nothing
}

TEST_CASE("values are shown as a reader would write them, shortened") {
  CHECK(show(true) == "true");
  CHECK(show(std::uint64_t{7}) == "7");
  CHECK(show(std::int64_t{-7}) == "-7");
  CHECK(show("a\"b\n\xC3\xA9") == "\"a\\\"b\\x0a\\xc3\\xa9\"");
  CHECK(show(std::chrono::microseconds(5)) == "5us");
  CHECK(show(json::parse(R"({"a": [1, null, 1.0]})")) == "{\"a\":[1,null,1.0]}");
  CHECK(show(std::optional<Document>()) == "nullopt");
  CHECK(show(std::optional<Document>(nullptr)) == "null");
  CHECK(show(std::string(1000, 'x')).size() < 120);
  CHECK(show(std::string(1000, 'x')).find("(1000 bytes)") != std::string::npos);
  CHECK(show(json(std::string(1'000'000, 'x'))).size() < 200);
  // What has no JSON text is told from what has.
  CHECK(show(json("a\xff")) == "\"a\\xff\"");
  CHECK(show(json(std::numeric_limits<double>::infinity())) == "inf");
  CHECK(show(nested(100'000)).size() < 200);
}

TEST_CASE("a difference is shown with what is around it") {
  const TextDifference near("abc", "abd");
  CHECK(near.left == "from character 2 on: abc");
  CHECK(near.right == "from character 2 on: abd");
  const TextDifference shorter(std::string(100, 'x'), std::string(90, 'x'));
  CHECK(shorter.left == "from character 90 on: ..." + std::string(40, 'x'));
  CHECK(shorter.right == "from character 90 on: ..." + std::string(30, 'x'));
}

TEST_CASE("a list is shown with its length and its first items") {
  std::vector<std::uint64_t> values;
  CHECK(show(values) == "0 []");
  for (std::uint64_t i = 1; i <= 7; ++i) {
    values.push_back(i);
  }
  CHECK(show(values) == "7 [1, 2, 3, 4, 5, 6, ...]");
}

TEST_CASE("an update and a session are shown with all that they hold") {
  SessionUpdate update;
  CHECK(show(update) == "SessionUpdate()");
  json patch = json::object();
  patch["a"] = 1;
  update.updates(patch).increment_requests().mark_error();
  update.add_processing_time(std::chrono::microseconds(3));
  CHECK(show(update) == "SessionUpdate().updates({\"a\":1}).increment_requests()"
                        ".add_processing_time(3us).mark_error()");
  Session session;
  session.session_id = "s";
  session.user_id = "u";
  session.status = "done";
  session.version = 12;
  for (const char* part : {"\"s\"", "\"u\"", "\"done\"", "version 12"}) {
    CHECK(show(session).find(part) != std::string::npos);
  }
}

TEST_CASE("an exception is described by its kind") {
  const auto described = [](auto error) { return describe(std::make_exception_ptr(error)); };
  CHECK(described(StorageError(errc::closed, "get_session", "k", "not open"))
            .find("StorageError: get_session \"k\"") == 0);
  CHECK(described(std::runtime_error("boom")) == "an exception that is not a StorageError: boom");
  CHECK(described(42) == "an exception that is not a std::exception");
}

TEST_CASE("a transcript keeps the latest calls and how each ended") {
  Transcript transcript;
  CHECK(transcript.text().empty());
  CHECK(transcript.last_call() == "the check");
  for (std::size_t i = 1; i <= Transcript::most_kept + 3; ++i) {
    const std::size_t number = transcript.begin("call " + std::to_string(i));
    transcript.end(number, "end " + std::to_string(i));
  }
  const std::string text = transcript.text();
  CHECK(text.find("(3 calls before)") != std::string::npos);
  CHECK(text.find("call 3\n") == std::string::npos);
  CHECK(text.find("call 4\n      -> end 4") != std::string::npos);
  CHECK(transcript.last_call() == "call 15");
}

TEST_CASE("a transcript knows what is waited for, and keeps steps only while they last") {
  Transcript transcript;
  CHECK(transcript.waiting_for().empty());
  const std::size_t first = transcript.begin("first");
  const std::size_t second = transcript.begin("second");
  transcript.note("a note");
  CHECK(transcript.waiting_for() == "second");
  transcript.end(second, "done");
  CHECK(transcript.waiting_for() == "first");
  const std::string before = transcript.text();
  std::string during;
  transcript.during("a step", [&] { during = transcript.waiting_for(); });
  CHECK(during == "a step");
  CHECK(transcript.text() == before);
  transcript.end(first, "done");
  CHECK(transcript.waiting_for().empty());
}
