// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_TAKE_SPACE_HPP
#define AGENTSTORE_EXAMPLES_COMMON_TAKE_SPACE_HPP

#include "input_error.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace example {

/// What %XX in a part of a URI stands for.
inline std::string percent_decoded(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    const char* const end = digits + std::min<std::size_t>(2, text.size() - i - 1);
    const auto read = std::from_chars(digits, end, byte, 16);
    if (read.ec != std::errc() || read.ptr != digits + 2) {
      throw InputError("space=" + text + ": a % is followed by two hexadecimal digits");
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

/// Takes `space=...` out of the query of a URI, decoded, all else of which is the store's; empty if
/// there is none.
inline std::string take_space(std::string& uri) {
  const std::string name = "space=";
  const std::size_t query = uri.find('?');
  for (std::size_t begin = query; begin < uri.size(); begin = uri.find('&', begin + 1)) {
    if (uri.compare(begin + 1, name.size(), name) == 0) {
      const std::size_t value = begin + 1 + name.size();
      const std::size_t end = std::min(uri.find('&', value), uri.size());
      const std::string space = uri.substr(value, end - value);
      if (end == uri.size()) {
        uri.erase(begin);
      } else {
        uri.erase(begin + 1, end - begin); // what follows moves up behind the mark
      }
      return percent_decoded(space);
    }
  }
  return {};
}

/// Throws InputError if the query of a URI has another parameter than `known`, or any if `known` is
/// empty. What stands before an @ is no query, and is not shown: it may be a password.
inline void check_parameters(const std::string& uri, const std::string& known) {
  const std::size_t query = uri.find('?');
  if (query == std::string::npos || uri.find('@', query) != std::string::npos) {
    return;
  }
  for (std::size_t begin = query; begin < uri.size(); begin = uri.find('&', begin + 1)) {
    const std::string name = uri.substr(begin + 1, uri.find_first_of("=&", begin + 1) - begin - 1);
    if (name.empty() || name != known) {
      throw InputError("store URI: unknown parameter \"" + name + "\"");
    }
  }
}

} // namespace example

#endif
