// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_URI_HPP
#define AGENTSTORE_DETAIL_REDIS_URI_HPP

// Where the server is, and the user's name and password.

#include <agentstore/detail/server_uri.hpp>

namespace agentstore::detail::redis {

class Uri {
public:
  Uri() = default;

  /// Throws std::invalid_argument if the text is no such URI.
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

/// Databases are counted from 0; the server says which of these it has.
inline unsigned database(std::string_view text) {
  return server_uri::number(text, 0, 2'147'483'647, "database");
}

inline void take_host(std::string_view rest, Uri& uri) {
  std::string_view path = rest;
  const auto authority = server_uri::take_before(path, '/');
  if (authority && !path.empty()) {
    uri.database = database(path);
  }
  server_uri::HostAndPort read = server_uri::read_host(authority.value_or(rest));
  uri.host = std::move(read.host);
  if (!read.port.empty()) {
    uri.port = std::move(read.port);
  }
}

inline void take_path(std::string_view rest, Uri& uri) {
  uri.is_unix = true;
  std::string_view query = rest;
  const auto path = server_uri::take_before(query, '?');
  if (path) {
    if (!query.starts_with("db=")) {
      server_uri::refuse("has another query than db=");
    }
    uri.database = database(query.substr(3));
  }
  uri.host = server_uri::decode(path.value_or(rest), "path");
  // The size of sockaddr_un::sun_path, with its NUL.
  if (!uri.host.starts_with('/') || uri.host.size() > 107) {
    server_uri::refuse("has no absolute path of at most 107 bytes");
  }
}

} // namespace uri_detail

inline Uri Uri::parse(std::string_view text) {
  Uri uri;
  std::string_view rest = text;
  const auto scheme = server_uri::take_before(rest, ':');
  if (!scheme || (*scheme != "redis" && *scheme != "unix" && *scheme != "rediss") ||
      !rest.starts_with("//")) {
    server_uri::refuse("does not begin with redis://, rediss:// or unix://");
  }
  uri.is_tls = *scheme == "rediss";
  rest.remove_prefix(2);
  if (text.find('#') != std::string_view::npos) {
    server_uri::refuse("has a #; one in a user or a password is written %23");
  }
  server_uri::Credentials credentials = server_uri::take_credentials(rest);
  uri.user = std::move(credentials.user);
  uri.password = std::move(credentials.password);
  if (uri.password.empty() && !uri.user.empty()) {
    server_uri::refuse("has a user without a password");
  }
  if (*scheme == "unix") {
    uri_detail::take_path(rest, uri);
  } else {
    uri_detail::take_host(rest, uri);
  }
  return uri;
}

} // namespace agentstore::detail::redis

#endif
