// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_TEXT_HPP
#define AGENTSTORE_DETAIL_POSTGRES_TEXT_HPP

// PostgreSQL's text holds any Unicode but NUL. A NUL is written as U+2400 SYMBOL FOR NULL and "0",
// that symbol itself twice; every other text is stored as it is. JSON needs none of this: its dump
// has "\u0000" for a NUL, which the type `json` keeps as it stands.

#include <string>
#include <string_view>

namespace agentstore::detail::postgres {

inline constexpr std::string_view symbol_for_null = "\xe2\x90\x80";

/// A text as it is stored.
inline std::string to_column(std::string text) {
  if (text.find('\0') == std::string::npos && text.find(symbol_for_null) == std::string::npos) {
    return text;
  }
  std::string column;
  column.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0') {
      column += symbol_for_null;
      column += '0';
      ++at;
    } else if (text.compare(at, symbol_for_null.size(), symbol_for_null) == 0) {
      column += symbol_for_null;
      column += symbol_for_null;
      at += symbol_for_null.size();
    } else {
      column += text[at++];
    }
  }
  return column;
}

/// The text again. A symbol that stands alone was not written here, and is left as it is.
inline std::string from_column(std::string_view column) {
  std::string text;
  for (;;) {
    const std::size_t at = column.find(symbol_for_null);
    text.append(column.substr(0, at));
    if (at == std::string_view::npos) {
      return text;
    }
    column.remove_prefix(at + symbol_for_null.size());
    if (column.starts_with('0')) {
      text += '\0';
      column.remove_prefix(1);
    } else {
      text += symbol_for_null;
      column.remove_prefix(column.starts_with(symbol_for_null) ? symbol_for_null.size() : 0);
    }
  }
}

} // namespace agentstore::detail::postgres

#endif
