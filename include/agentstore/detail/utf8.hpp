// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_UTF8_HPP
#define AGENTSTORE_DETAIL_UTF8_HPP

// What a text is made of, eight bytes at a time if that is enough.

#include <boost/nowide/utf/utf.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agentstore::detail {

/// How many bytes at the front are plain ASCII, in steps of eight.
inline std::size_t ascii_prefix(std::string_view text) noexcept {
  std::size_t size = 0;
  for (std::uint64_t word = 0; size + sizeof word <= text.size(); size += sizeof word) {
    std::memcpy(&word, text.data() + size, sizeof word);
    if ((word & 0x8080808080808080u) != 0) {
      break;
    }
  }
  return size;
}

inline bool is_utf8(std::string_view text) {
  namespace utf = boost::nowide::utf;
  text.remove_prefix(ascii_prefix(text));
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const utf::code_point point = utf::utf_traits<char>::decode(at, end);
    if (point == utf::illegal || point == utf::incomplete) {
      return false;
    }
  }
  return true;
}

/// The next character that JSON escapes: a quote, a backslash or a control.
inline const char* end_of_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101u;
  // Whether a byte of the eight is zero.
  constexpr auto has_zero = [](std::uint64_t eight) {
    return ((eight - each) & ~eight & each * 0x80u) != 0;
  };
  for (std::uint64_t eight = 0; end - at >= 8; at += 8) {
    std::memcpy(&eight, at, sizeof eight);
    if (has_zero(eight ^ each * '"') || has_zero(eight ^ each * '\\') ||
        has_zero(eight & each * 0xe0u)) {
      break;
    }
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) {
    ++at;
  }
  return at;
}

} // namespace agentstore::detail

#endif
