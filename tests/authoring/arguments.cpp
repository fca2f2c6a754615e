// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/texts.hpp"

#include <agentstore/authoring/arguments.hpp>

#include <limits>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

constexpr auto no_error = errc();

/// What a check says: no_error, or the errc it throws. The error must name what it is about.
template <class Check>
errc verdict(const Check& run_check, std::string_view argument) {
  try {
    run_check(check("operation", "key"));
  } catch (const StorageError& error) {
    CHECK(error.operation() == "operation");
    CHECK(error.key() == "key");
    CHECK(std::string(error.what()).find(argument) != std::string::npos);
    return static_cast<errc>(error.code().value());
  }
  return no_error;
}

errc id(const std::string& value) {
  return verdict([&](const ArgumentCheck& arguments) { arguments.id("an_id", value); }, "an_id");
}

errc text(const std::string& value) {
  return verdict([&](const ArgumentCheck& arguments) { arguments.text("a_text", value); },
                 "a_text");
}

errc value(Document value) { // made by moving: json copies a deep value recursively
  return verdict([&](const ArgumentCheck& arguments) { arguments.value("a_value", value); },
                 "a_value");
}

errc value_within(const json& value, std::size_t max_bytes, std::size_t max_depth = 256) {
  Limits limits;
  limits.max_value_bytes = max_bytes;
  limits.max_depth = max_depth;
  try {
    check("operation", "key", limits).value("a_value", value);
  } catch (const StorageError& error) {
    return static_cast<errc>(error.code().value());
  }
  return no_error;
}

json binary() {
  return json::binary(std::vector<std::uint8_t>(3));
}

} // namespace

TEST_CASE("An id has 1 to 1024 bytes") {
  CHECK(id("") == errc::invalid_argument);
  CHECK(id("x") == no_error);
  CHECK(id(std::string(1024, 'x')) == no_error);
  CHECK(id(std::string(1025, 'x')) == errc::invalid_argument);
  std::string of_two_bytes_each;
  while (of_two_bytes_each.size() < 1024) {
    of_two_bytes_each += "\xc3\xa9";
  }
  CHECK(id(of_two_bytes_each) == no_error);
  CHECK(id(of_two_bytes_each + "\xc3\xa9") == errc::invalid_argument);
}

TEST_CASE("An id has no NUL, wherever") {
  CHECK(id(std::string(1, '\0')) == errc::invalid_argument);
  CHECK(id(std::string("\0a", 2)) == errc::invalid_argument);
  CHECK(id(std::string("a\0b", 3)) == errc::invalid_argument);
  CHECK(id(std::string("a\0", 2)) == errc::invalid_argument);
}

TEST_CASE("An id and a text are UTF-8") {
  for (const std::string& good : utf8_texts()) {
    CAPTURE(good);
    CHECK(id(good) == no_error);
    CHECK(text(good) == no_error);
    CHECK(value(json(good)) == no_error);
  }
  for (const std::string& bad : not_utf8_texts()) {
    CAPTURE(bad);
    CHECK(id(bad) == errc::invalid_argument);
    CHECK(text(bad) == errc::invalid_argument);
    CHECK(value(json(bad)) == errc::invalid_argument);
    CHECK(value(object_of("member", bad)) == errc::invalid_argument);
    CHECK(value(object_of(bad.c_str(), 1)) == errc::invalid_argument);
  }
}

TEST_CASE("Anything else in an id means nothing") {
  for (const char* good : {" ", "../../etc/passwd", "a:b", "%", "_", "*", "'; DROP TABLE s; --",
                           "\"", "\\", "\n", "\x01", "{s}", "A", "null"}) {
    CAPTURE(good);
    CHECK(id(good) == no_error);
  }
}

TEST_CASE("A text may be empty, hold a NUL, and be as long as the limit") {
  CHECK(text("") == no_error);
  CHECK(text(std::string("a\0b", 3)) == no_error);
  const std::size_t limit = Limits().max_value_bytes;
  CHECK(text(std::string(limit, 'x')) == no_error);
  CHECK(text(std::string(limit + 1, 'x')) == errc::too_large);
}

TEST_CASE("A text that must not be empty is not") {
  const auto nonempty = [](const std::string& value) {
    return verdict([&](const ArgumentCheck& arguments) { arguments.nonempty_text("role", value); },
                   "role");
  };
  CHECK(nonempty("") == errc::invalid_argument);
  CHECK(nonempty(" ") == no_error);
  CHECK(nonempty("\xff") == errc::invalid_argument);
  CHECK(nonempty(std::string(Limits().max_value_bytes + 1, 'x')) == errc::too_large);
}

TEST_CASE("A JSON value counts by the bytes of its dump, exactly") {
  std::vector<json> values;
  for (const char* written : {"null",
                              "true",
                              "false",
                              "0",
                              "-1",
                              "10",
                              "-9223372036854775808",
                              "18446744073709551615",
                              "[]",
                              "{}",
                              "[[]]",
                              "[1]",
                              "[1,2]",
                              R"({"a":1})",
                              R"({"a":1,"b":[]})",
                              R"("")",
                              R"("plain")",
                              R"("\u0000\u0001\u0008\u0009\u000a\u000b\u000c\u000d\u001f\u007f")",
                              R"("\"\\\/")",
                              R"({"a\"\n\u0002":"é€😀"})",
                              R"(["é",{"k":[null,{"deeper":"x"}]}])"}) {
    values.push_back(json::parse(written));
  }
  for (const double number :
       {0.0, -0.0, 1.0, -1.5, 0.1, 1e21, 1e22, 5e-324, -2.2250738585072014e-308,
        std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest(),
        123456789.123456789, 1.0 / 3.0}) {
    values.emplace_back(number);
    json several = json::array();
    several.push_back(number);
    several.push_back(-number);
    several.push_back("text");
    values.push_back(object_of("numbers", std::move(several)));
  }
  for (int c = 0; c < 128; ++c) {
    values.emplace_back(std::string(3, static_cast<char>(c)));
    values.push_back(object_of("value", std::string(1, static_cast<char>(c))));
  }
  for (const json& one : values) {
    const std::size_t size = one.dump().size();
    CAPTURE(one.dump());
    CHECK(value_within(one, size) == no_error);
    CHECK(value_within(one, size - 1) == errc::too_large);
  }
}

TEST_CASE("The limit of a JSON value is 16 MiB unless told otherwise") {
  const std::size_t limit = Limits().max_value_bytes;
  CHECK(limit == 16u * 1024u * 1024u);
  CHECK(value(object_of_size(1024u * 1024u)) == no_error);
  CHECK(value(object_of_size(limit)) == no_error);
  CHECK(value(object_of_size(limit + 1)) == errc::too_large);
}

TEST_CASE("A JSON value is as deep as the limit and no deeper, and 100,000 deep is no crash") {
  CHECK(value_within(json(1), 1000, 0) == no_error);
  CHECK(value_within(json::array(), 1000, 0) == errc::invalid_argument);
  CHECK(value_within(json::array(), 1000, 1) == no_error);
  CHECK(value(nested(64)) == no_error);
  CHECK(value(nested(256)) == no_error);
  CHECK(value(nested(257)) == errc::invalid_argument);
  CHECK(value(nested(100'000)) == errc::invalid_argument);
  json arrays = json::array();
  for (int depth = 1; depth < 257; ++depth) {
    json outer = json::array();
    outer.push_back(1);
    outer.push_back(std::move(arrays));
    arrays = std::move(outer);
  }
  CHECK(value(arrays) == errc::invalid_argument);
  CHECK(value(arrays[1]) == no_error);
}

TEST_CASE("A JSON value holds finite numbers and JSON only, at any place") {
  const double infinite = std::numeric_limits<double>::infinity();
  std::vector<json> wrong = {json(infinite), json(-infinite),
                             json(std::numeric_limits<double>::quiet_NaN()), binary(),
                             json(json::value_t::discarded)};
  for (const json& one : wrong) {
    CHECK(value(one) == errc::invalid_argument);
    CHECK(value(object_of("member", one)) == errc::invalid_argument);
    json first = json::array();
    first.push_back(one);
    first.push_back("behind");
    CHECK(value(first) == errc::invalid_argument);
    json last = json::array();
    last.push_back("before");
    last.push_back(object_of("member", one));
    CHECK(value(last) == errc::invalid_argument);
  }
}

TEST_CASE("An object is an object, and its members are checked") {
  const auto object = [](const json& given) {
    return verdict([&](const ArgumentCheck& arguments) { arguments.object("metadata", given); },
                   "metadata");
  };
  CHECK(object(json::object()) == no_error);
  CHECK(object(object_of("a", nullptr)) == no_error);
  for (const char* other : {"null", "true", "1", "1.5", "\"{}\"", "[]", "[{}]"}) {
    CAPTURE(other);
    CHECK(object(json::parse(other)) == errc::invalid_argument);
  }
  CHECK(object(binary()) == errc::invalid_argument);
  CHECK(object(object_of("a", "\xff")) == errc::invalid_argument);
  CHECK(object(object_of_size(Limits().max_value_bytes + 1)) == errc::too_large);
}

TEST_CASE("An update has an object as its patch and a duration from 0 on") {
  const auto patch = [](json given) {
    const SessionUpdate update = SessionUpdate().updates(std::move(given));
    return verdict([&](const ArgumentCheck& arguments) { arguments.update(update); }, "updates");
  };
  const auto time = [](std::chrono::microseconds amount) {
    const SessionUpdate update = SessionUpdate().add_processing_time(amount);
    return verdict([&](const ArgumentCheck& arguments) { arguments.update(update); },
                   "add_processing_time");
  };
  CHECK(patch(json::object()) == no_error);
  CHECK(patch(object_of("gone", nullptr)) == no_error);
  CHECK(patch(nullptr) == errc::invalid_argument);
  CHECK(patch(json::array()) == errc::invalid_argument);
  CHECK(patch(nested(257)) == errc::invalid_argument);
  CHECK(patch(object_of_size(Limits().max_value_bytes + 1)) == errc::too_large);
  CHECK(time(0us) == no_error);
  CHECK(time(std::chrono::microseconds::max()) == no_error);
  CHECK(time(-1us) == errc::invalid_argument);
  CHECK(time(std::chrono::microseconds::min()) == errc::invalid_argument);
}

TEST_CASE("An end status is a text but active") {
  const auto status = [](const std::string& value) {
    return verdict([&](const ArgumentCheck& arguments) { arguments.end_status(value); }, "status");
  };
  CHECK(status("completed") == no_error);
  CHECK(status("Active") == no_error);
  CHECK(status("active ") == no_error);
  CHECK(status("active") == errc::invalid_argument);
  CHECK(status("") == errc::invalid_argument);
  CHECK(status("\xed\xa0\x80") == errc::invalid_argument);
}

TEST_CASE("An idle time is not negative") {
  const auto idle = [](std::chrono::microseconds duration) {
    return verdict([&](const ArgumentCheck& arguments) { arguments.max_idle(duration); },
                   "max_idle");
  };
  CHECK(idle(0us) == no_error);
  CHECK(idle(std::chrono::microseconds::max()) == no_error);
  CHECK(idle(-1us) == errc::invalid_argument);
  CHECK(idle(std::chrono::microseconds::min()) == errc::invalid_argument);
}

TEST_CASE("Every write of a list is checked") {
  const auto writes = [](std::string channel, Document written, std::string_view named) {
    std::vector<ChannelWrite> list;
    list.emplace_back("good", nullptr);
    list.emplace_back(std::move(channel), std::move(written));
    return verdict([&](const ArgumentCheck& arguments) { arguments.writes(list); }, named);
  };
  const std::size_t limit = Limits().max_value_bytes;
  CHECK(writes("channel", nested(256), "") == no_error);
  CHECK(writes("", 1, "channel") == errc::invalid_argument);
  CHECK(writes("\xff", 1, "channel") == errc::invalid_argument);
  CHECK(writes(std::string(limit + 1, 'c'), 1, "channel") == errc::too_large);
  CHECK(writes("channel", nested(257), "value") == errc::invalid_argument);
  CHECK(writes("channel", "\xff", "value") == errc::invalid_argument);
  CHECK(writes("channel", object_of_size(limit + 1), "value") == errc::too_large);
  CHECK_NOTHROW(check("operation", "key").writes(std::vector<ChannelWrite>()));
}

TEST_CASE("The checks chain, and the first fault is the one that is told") {
  try {
    check("operation", "key").id("first", "good").id("second", "").id("third", "");
    FAIL("nothing was refused");
  } catch (const StorageError& error) {
    CHECK(std::string(error.what()) ==
          "operation \"key\": second is empty: invalid argument [agentstore:1]");
  }
}
