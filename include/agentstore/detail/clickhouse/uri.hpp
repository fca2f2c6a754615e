// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_URI_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_URI_HPP

// Where the server is, and the user's name and password. No error repeats a part of a URI, because
// any part may belong to a password that was written without percent-encoding.

#include <agentstore/detail/clickhouse/failure.hpp>

#include <optional>

namespace agentstore::detail::clickhouse {

class Uri {
public:
  Uri() = default;

  /// Throws Failure, `invalid_argument`, if the text is no such URI.
  static Uri parse(std::string_view text);

  /// For the header Host. An address of IPv6 stands in brackets there, and without its zone.
  std::string authority() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host.substr(0, host.find('%')) + "]" : host) + ":" + port;
  }

  bool is_tls = false;
  std::string host;
  std::string port;
  std::string user = "default";
  std::string password;
  std::string database = "agentstore";
};

// Only machinery below this line.

namespace uri_detail {

[[noreturn]] inline void refuse(const std::string& what) {
  throw Failure(errc::invalid_argument, "the URI " + what);
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
  if (std::any_of(decoded.begin(), decoded.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    refuse("has a control character in its " + part); // no header of HTTP can hold one
  }
  return decoded;
}

inline void take_credentials(std::string_view& rest, Uri& uri) {
  std::string_view password = rest;
  if (const auto at = take_before(rest, '@')) {
    password = *at;
  } else {
    return;
  }
  if (rest.find('@') != std::string_view::npos) {
    refuse("has two @; one in a user or a password is written %40");
  }
  if (password.find('/') != std::string_view::npos) {
    refuse("has a / before its @; one in a user or a password is written %2F");
  }
  const std::string_view all = password;
  const auto user = take_before(password, ':');
  if (!user) {
    password = std::string_view();
  }
  if (!user.value_or(all).empty()) {
    uri.user = decode(user.value_or(all), "user");
  }
  if (uri.user.find(':') != std::string::npos) {
    refuse("has a colon in its user, which HTTP takes for the end of it");
  }
  uri.password = decode(password, "password");
}

inline void take_port(std::string_view text, Uri& uri) {
  unsigned port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port == 0 ||
      port > 65'535) {
    refuse("has a port that is not a number from 1 to 65535");
  }
  uri.port = std::to_string(port);
}

inline void take_host(std::string_view host, Uri& uri) {
  if (host.starts_with('[')) {
    host.remove_prefix(1);
    const auto address = take_before(host, ']');
    if (!address || (!host.empty() && !host.starts_with(':'))) {
      refuse("has an address of IPv6 without its ]");
    }
    uri.host = decode(*address, "host");
    if (!host.empty()) {
      take_port(host.substr(1), uri);
    }
  } else if (const auto name = take_before(host, ':')) {
    uri.host = decode(*name, "host");
    take_port(host, uri);
  } else {
    uri.host = decode(host, "host");
  }
  if (uri.host.empty()) {
    refuse("has no host");
  }
}

/// A name that needs no quotes in SQL.
inline bool is_plain_name(std::string_view name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view digits = "0123456789";
  constexpr std::size_t longest = 100;
  return !name.empty() && name.size() <= longest &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return letters.find(c) != std::string_view::npos ||
                  digits.find(c) != std::string_view::npos;
         });
}

} // namespace uri_detail

inline Uri Uri::parse(std::string_view text) {
  Uri uri;
  std::string_view rest = text;
  const auto scheme = uri_detail::take_before(rest, ':');
  if (!scheme || (*scheme != "clickhouse" && *scheme != "clickhouses") || !rest.starts_with("//")) {
    uri_detail::refuse("does not begin with clickhouse:// or clickhouses://");
  }
  uri.is_tls = *scheme == "clickhouses";
  uri.port = uri.is_tls ? "8443" : "8123";
  rest.remove_prefix(2);
  if (text.find_first_of("?#") != std::string_view::npos) {
    uri_detail::refuse("has a ? or a #; one in a user or a password is written %3F or %23");
  }
  uri_detail::take_credentials(rest, uri);
  std::string_view database = rest;
  const auto host = uri_detail::take_before(database, '/');
  uri_detail::take_host(host.value_or(rest), uri);
  if (host && !database.empty()) {
    uri.database = uri_detail::decode(database, "database");
  }
  if (!uri_detail::is_plain_name(uri.database)) {
    uri_detail::refuse("has a database whose name is not of letters, digits and _");
  }
  return uri;
}

} // namespace agentstore::detail::clickhouse

#endif
