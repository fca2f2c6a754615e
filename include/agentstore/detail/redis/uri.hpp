// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_URI_HPP
#define AGENTSTORE_DETAIL_REDIS_URI_HPP

// Where the server is, and the user's name and password. No error repeats a part of a URI, because
// any part may belong to a password that was written without percent-encoding.

#include <agentstore/detail/redis/failure.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace agentstore::detail::redis {

class Uri {
public:
  Uri() = default;

  /// Throws Failure, `invalid_argument`, if the text is no such URI.
  static Uri parse(std::string_view text);

  bool is_unix = false;
  bool is_tls = false;
  /// A host's name or address, or the path of a socket.
  std::string host;
  std::string port = "6379";
  std::string user;
  std::string password;
  unsigned database = 0;
};

// Only machinery below this line.

namespace uri_detail {

[[noreturn]] inline void refuse(std::string_view what) {
  throw Failure(errc::invalid_argument, "the URI " + std::string(what));
}

/// Takes what stands before `delimiter` out of `text`, and the delimiter too. Nothing if `text` has
/// no delimiter.
inline std::optional<std::string_view> take_before(std::string_view& text, std::size_t delimiter) {
  if (delimiter == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view before = text.substr(0, delimiter);
  text.remove_prefix(delimiter + 1);
  return before;
}

inline std::string decode(std::string_view text, std::string_view part) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const char* const first = text.data() + i + 1;
    if (text.size() - i < 3 || std::from_chars(first, first + 2, value, 16).ptr != first + 2) {
      refuse("has a % in its " + std::string(part) + " that two hexadecimal digits do not follow");
    }
    decoded += static_cast<char>(value);
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos) {
    refuse("has a NUL in its " + std::string(part));
  }
  return decoded;
}

inline unsigned number(std::string_view text, unsigned max, std::string_view part) {
  unsigned value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size() ||
      value > max) {
    refuse("has a " + std::string(part) + " that is not a number from 0 to " + std::to_string(max));
  }
  return value;
}

/// Databases are counted from 0; the server says which of these it has.
inline constexpr unsigned max_database = 2'147'483'647;

inline void take_credentials(std::string_view& rest, Uri& uri) {
  const std::size_t at = rest.find('@');
  if (rest.find('@', at + 1) != std::string_view::npos && at != std::string_view::npos) {
    refuse("has two @; one in a user or a password is written %40");
  }
  auto credentials = take_before(rest, at);
  if (!credentials) {
    return;
  }
  if (credentials->find('/') != std::string_view::npos) {
    refuse("has a / before its @; one in a user or a password is written %2F");
  }
  std::string_view password = *credentials;
  const auto user = take_before(password, password.find(':'));
  uri.user = decode(user.value_or(*credentials), "user");
  if (user) {
    uri.password = decode(password, "password");
  }
  if (uri.password.empty() && !uri.user.empty()) {
    refuse("has a user without a password");
  }
}

inline void take_host(std::string_view rest, Uri& uri) {
  std::string_view path = rest;
  const auto authority = take_before(path, rest.find('/'));
  std::string_view host = authority.value_or(rest);
  if (authority && !path.empty()) {
    uri.database = number(path, max_database, "database");
  }
  std::string_view port;
  if (host.starts_with('[')) {
    host.remove_prefix(1);
    std::string_view after = host;
    const auto address = take_before(after, host.find(']'));
    if (!address || (!after.empty() && !after.starts_with(':'))) {
      refuse("has an address of IPv6 without its ]");
    }
    host = *address;
    port = after;
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty()) {
    const unsigned value = number(port.substr(1), 65'535, "port");
    if (value == 0) {
      refuse("has port 0");
    }
    uri.port = std::to_string(value);
  }
  uri.host = decode(host, "host");
  if (uri.host.empty()) {
    refuse("has no host");
  }
}

inline void take_path(std::string_view rest, Uri& uri) {
  uri.is_unix = true;
  std::string_view query = rest;
  const auto path = take_before(query, rest.find('?'));
  if (path) {
    if (!query.starts_with("db=")) {
      refuse("has another query than db=");
    }
    uri.database = number(query.substr(3), max_database, "database");
  }
  uri.host = decode(path.value_or(rest), "path");
  // The size of sockaddr_un::sun_path, with its NUL.
  if (!uri.host.starts_with('/') || uri.host.size() > 107) {
    refuse("has no absolute path of at most 107 bytes");
  }
}

} // namespace uri_detail

inline Uri Uri::parse(std::string_view text) {
  Uri uri;
  std::string_view rest = text;
  const auto scheme = uri_detail::take_before(rest, rest.find(':'));
  if (!scheme || (*scheme != "redis" && *scheme != "unix" && *scheme != "rediss") ||
      !rest.starts_with("//")) {
    uri_detail::refuse("does not begin with redis://, rediss:// or unix://");
  }
  uri.is_tls = *scheme == "rediss";
  rest.remove_prefix(2);
  if (text.find('#') != std::string_view::npos) {
    uri_detail::refuse("has a #; one in a user or a password is written %23");
  }
  uri_detail::take_credentials(rest, uri);
  if (*scheme == "unix") {
    uri_detail::take_path(rest, uri);
  } else {
    uri_detail::take_host(rest, uri);
  }
  return uri;
}

} // namespace agentstore::detail::redis

#endif
