// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/json_values.hpp"

#include <agentstore/detail/json_text.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace agentstore;
using detail::from_text;
using detail::to_text;

namespace {

/// Both ways, against nlohmann's own, the kinds of numbers with it.
void expect_same(const json& value) {
  const std::string text = value.dump();
  INFO(text.substr(0, 1'000));
  CHECK((to_text(value) == text));
  const json read = from_text(text);
  CHECK((read == value));
  CHECK((read.dump() == text));
}

void expect_same_reading(const std::string& text) {
  INFO(text.substr(0, 100));
  const json expected = json::parse(text, nullptr, false);
  const json read = from_text(text);
  CHECK(read.is_discarded() == expected.is_discarded());
  CHECK((read.dump() == expected.dump()));
  CHECK(read.type() == expected.type());
}

/// Values of all kinds in all places.
class RandomValues {
public:
  explicit RandomValues(unsigned seed) : random_(seed) {}

  json value(unsigned depth) {
    switch (below(depth == 0 ? 6 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(random_());
    case 3:
      return random_();
    case 4:
      return number();
    case 5:
      return string();
    case 6: {
      json all = json::array();
      for (std::uint64_t left = below(5); left > 0; --left) {
        all.push_back(value(depth - 1));
      }
      return all;
    }
    default: {
      json all = json::object();
      for (std::uint64_t left = below(5); left > 0; --left) {
        all[string()] = value(depth - 1);
      }
      return all;
    }
    }
  }

private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  /// Any finite one, by its bits.
  double number() {
    const double any = std::bit_cast<double>(random_());
    return std::isfinite(any) ? any : 0.1;
  }

  std::string string() {
    static const std::vector<std::string> parts = {"plain",
                                                   "\"",
                                                   "\\",
                                                   "/",
                                                   std::string(1, '\0'),
                                                   "\x01\x1f\x7f",
                                                   "\b\f\n\r\t",
                                                   "\u00e9",
                                                   "\u20ac",
                                                   "\U0001f600",
                                                   "\u2028",
                                                   "\uffff",
                                                   std::string(3'000, 'x')};
    std::string text;
    for (std::uint64_t left = below(6); left > 0; --left) {
      text += parts[below(parts.size())];
    }
    return text;
  }

  std::mt19937_64 random_;
};

} // namespace

TEST_CASE("A value's text is nlohmann's, and read as nlohmann reads it", "[json_text]") {
  RandomValues random(20'261'127);
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

TEST_CASE("A text of others is read as nlohmann reads it, or refused like it", "[json_text]") {
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
