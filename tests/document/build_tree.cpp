// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/random_values.hpp"

#include <agentstore/detail/document/build_tree.hpp>

#include <limits>

using namespace agentstore;
using detail::document::parse_tree;

namespace {

/// Both ways, against nlohmann's own, the kinds of numbers with it.
void expect_same(const json& value) {
  const std::string text = value.dump();
  INFO(text.substr(0, 1'000));
  CHECK((Document(value).text() == text));
  const json read = parse_tree(text);
  CHECK((read == value));
  CHECK((read.dump() == text));
}

void expect_same_reading(const std::string& text) {
  INFO(text.substr(0, 100));
  const json expected = json::parse(text, nullptr, false);
  const json read = parse_tree(text);
  CHECK(read.is_discarded() == expected.is_discarded());
  CHECK((read.dump() == expected.dump()));
  CHECK(read.type() == expected.type());
}

} // namespace

TEST_CASE("A value's text is nlohmann's, and read as nlohmann reads it", "[document]") {
  test::RandomValues random(20'261'127);
  for (int i = 0; i < 2'000; ++i) {
    expect_same(random.value(4));
  }
  expect_same(std::numeric_limits<std::int64_t>::min());
  expect_same(std::numeric_limits<std::uint64_t>::max());
  expect_same(std::numeric_limits<double>::max());
  expect_same(std::numeric_limits<double>::denorm_min());
  expect_same(-0.0);
  expect_same(5.0);
  expect_same(test::nested(900));
}

TEST_CASE("A text of others is read as nlohmann reads it, or refused like it", "[document]") {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "1 2",
                           "[1,]",
                           "{\"a\":}",
                           "[",
                           "\"open",
                           "{\"a\":1,\"a\":2}",
                           " [ 1 , 2 ]\n",
                           "-0",
                           "-0.0",
                           "1E3",
                           "0.1e-400",
                           "1e400",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "123456789012345678901234567890.5",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "\"\\u0000\"",
                           "\"\\ud83d\\ude00\"",
                           "\"\\ud83d\"",
                           "\"\\x\"",
                           "\"\xff\"",
                           "// no\n1",
                           "[1] x",
                           "NaN",
                           "{1:2}",
                           "\"tab\there\"",
                           "0.30000000000000004",
                           "2.2250738585072011e-308",
                           "9007199254740993.0"}) {
    expect_same_reading(text);
  }
  // Deeper than the quick way goes.
  expect_same_reading(std::string(1'200, '[') + std::string(1'200, ']'));
}
