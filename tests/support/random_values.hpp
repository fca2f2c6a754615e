// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RANDOM_VALUES_HPP
#define AGENTSTORE_TESTS_SUPPORT_RANDOM_VALUES_HPP

#include <agentstore/records.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace agentstore::test {

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

} // namespace agentstore::test

#endif
