// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_NUMBERS_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_NUMBERS_HPP

// Numbers for which Boost.JSON's parser is not exact. Each is rare, so what costs time here is
// slow.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace agentstore::detail::document {

/// Whether the nearest double to the digits is finite, by the same conversion that makes trees.
inline bool is_in_range(std::string_view digits) {
  return !nlohmann::json::parse(digits, nullptr, false).is_discarded();
}

/// A copy of the same size in which exponents of nine digits and more are zero. If the text is no
/// JSON, the copy is no JSON either, from the same byte on.
inline std::string with_small_exponents(std::string_view text) {
  constexpr std::string_view digits = "0123456789";
  std::string copy(text);
  bool is_in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_in_string) {
      if (c == '\\') {
        ++at; // whatever is escaped
      }
      is_in_string = c != '"';
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == 'e' || c == 'E') {
      std::size_t begin = at + 1;
      if (begin < text.size() && (text[begin] == '+' || text[begin] == '-')) {
        ++begin;
      }
      const std::size_t end = std::min(text.find_first_not_of(digits, begin), text.size());
      if (end >= begin + 9) {
        copy.replace(begin, end - begin, end - begin, '0');
        at = end - 1;
      }
    }
  }
  return copy;
}

} // namespace agentstore::detail::document

#endif
