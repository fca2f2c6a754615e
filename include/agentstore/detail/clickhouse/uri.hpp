// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_URI_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_URI_HPP

// Where the server is, and the user's name and password.

#include <agentstore/detail/server_uri.hpp>

#include <algorithm>

namespace agentstore::detail::clickhouse {

class Uri {
public:
  Uri() = default;

  /// Throws std::invalid_argument if the text is no such URI.
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

/// A header of HTTP holds no control character, and there user, password and host go.
inline void require_printable(std::string_view text, const std::string& part) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    server_uri::refuse("has a control character in its " + part);
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
  const auto scheme = server_uri::take_before(rest, ':');
  if (!scheme || (*scheme != "clickhouse" && *scheme != "clickhouses") || !rest.starts_with("//")) {
    server_uri::refuse("does not begin with clickhouse:// or clickhouses://");
  }
  uri.is_tls = *scheme == "clickhouses";
  rest.remove_prefix(2);
  if (text.find_first_of("?#") != std::string_view::npos) {
    server_uri::refuse("has a ? or a #; one in a user or a password is written %3F or %23");
  }
  server_uri::Credentials credentials = server_uri::take_credentials(rest);
  if (!credentials.user.empty()) {
    uri.user = std::move(credentials.user);
  }
  if (uri.user.find(':') != std::string::npos) {
    server_uri::refuse("has a colon in its user, which HTTP takes for the end of it");
  }
  uri.password = std::move(credentials.password);
  std::string_view database = rest;
  const auto authority = server_uri::take_before(database, '/');
  server_uri::HostAndPort read = server_uri::read_host(authority.value_or(rest));
  uri.host = std::move(read.host);
  uri.port = uri.is_tls ? "8443" : "8123";
  if (!read.port.empty()) {
    uri.port = std::move(read.port);
  }
  uri_detail::require_printable(uri.user, "user");
  uri_detail::require_printable(uri.password, "password");
  uri_detail::require_printable(uri.host, "host");
  if (authority && !database.empty()) {
    uri.database = server_uri::decode(database, "database");
  }
  if (!uri_detail::is_plain_name(uri.database)) {
    server_uri::refuse("has a database whose name is not of letters, digits and _");
  }
  return uri;
}

} // namespace agentstore::detail::clickhouse

#endif
