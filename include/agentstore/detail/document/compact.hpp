// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_COMPACT_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_COMPACT_HPP

// White space outside of strings.
// Requires, for all functions here: the text is JSON.

#include <cstddef>
#include <string>
#include <string_view>

namespace agentstore::detail::document {

/// The position behind the string whose first character is at `inside`.
/// Requires: the string has at least `size` bytes.
inline std::size_t end_of_string(std::string_view text, std::size_t inside, std::size_t size = 0) {
  for (std::size_t from = inside + size;;) {
    const std::size_t quote = text.find('"', from);
    std::size_t backslash = quote;
    while (backslash > inside && text[backslash - 1] == '\\') {
      --backslash;
    }
    from = quote + 1;
    if ((quote - backslash) % 2 == 0) {
      return from;
    }
  }
}

/// The text without white space outside of strings.
/// Requires: the first `known` bytes have none, and do not end within a token.
inline std::string without_space(std::string_view text, std::size_t known) {
  std::string out;
  out.reserve(text.size());
  out.append(text.substr(0, known));
  for (std::size_t at = known; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      ++at;
    } else if (c == '"') {
      const std::size_t end = end_of_string(text, at + 1);
      out.append(text.substr(at, end - at));
      at = end;
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

} // namespace agentstore::detail::document

#endif
