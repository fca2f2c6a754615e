// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SERVER_URI_HPP
#define AGENTSTORE_DETAIL_SERVER_URI_HPP

// What the URIs of servers have in common: scheme://user:password@host:port, percent-encoded. All
// of it throws std::invalid_argument for what is no such URI. No error repeats a part of a URI,
// because any part may belong to a password that was written without percent-encoding.

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace agentstore::detail::server_uri {

[[noreturn]] inline void refuse(const std::string& what) {
  throw std::invalid_argument("the URI " + what);
}

/// Takes what stands before the first `delimiter` out of `text`, and the delimiter too. Nothing if
/// `text` has no delimiter.
inline std::optional<std::string_view> take_before(std::string_view& text, char delimiter) {
  const auto at = text.find(delimiter);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

inline std::string decode(std::string_view text, const std::string& part) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const char* const first = text.data() + i + 1;
    if (text.size() - i < 3 || std::from_chars(first, first + 2, value, 16).ptr != first + 2) {
      refuse("has a % in its " + part + " that two hexadecimal digits do not follow");
    }
    decoded += static_cast<char>(value);
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos) {
    refuse("has a NUL in its " + part);
  }
  return decoded;
}

inline unsigned number(std::string_view text, unsigned least, unsigned most,
                       const std::string& part) {
  unsigned value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < least ||
      value > most) {
    refuse("has a " + part + " that is not a number from " + std::to_string(least) + " to " +
           std::to_string(most));
  }
  return value;
}

/// Empty where a URI has none.
class Credentials {
public:
  std::string user;
  std::string password;
};

/// Takes "user:password@" out of `rest`, which has all that comes after "scheme://".
inline Credentials take_credentials(std::string_view& rest) {
  Credentials credentials;
  const auto both = take_before(rest, '@');
  if (!both) {
    return credentials;
  }
  if (rest.find('@') != std::string_view::npos) {
    refuse("has two @; one in a user or a password is written %40");
  }
  if (both->find('/') != std::string_view::npos) {
    refuse("has a / before its @; one in a user or a password is written %2F");
  }
  std::string_view password = *both;
  const auto user = take_before(password, ':');
  credentials.user = decode(user.value_or(*both), "user");
  if (user) {
    credentials.password = decode(password, "password");
  }
  return credentials;
}

class HostAndPort {
public:
  std::string host;
  /// Empty if there is none.
  std::string port;
};

/// Reads "host:port", "host", or an address of IPv6 in brackets with or without a port.
inline HostAndPort read_host(std::string_view text) {
  std::string_view name = text;
  std::string_view after;
  if (text.starts_with('[')) {
    after = text.substr(1);
    const auto address = take_before(after, ']');
    if (!address || (!after.empty() && !after.starts_with(':'))) {
      refuse("has an address of IPv6 without its ]");
    }
    name = *address;
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    name = text.substr(0, colon);
    after = text.substr(colon);
  }
  HostAndPort read;
  read.host = decode(name, "host");
  if (read.host.empty()) {
    refuse("has no host");
  }
  if (!after.empty()) {
    read.port = std::to_string(number(after.substr(1), 1, 65'535, "port"));
  }
  return read;
}

} // namespace agentstore::detail::server_uri

#endif
