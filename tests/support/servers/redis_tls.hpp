// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_TLS_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_TLS_HPP

#include "support/servers/certificate.hpp"
#include "support/servers/redis_server.hpp"

namespace agentstore::test {

/// A server that takes TLS alone at its TCP port.
class RedisTlsServer {
public:
  using Settings = std::vector<std::pair<std::string, std::string>>;

  explicit RedisTlsServer(const Certificate& certificate, Settings besides = {})
      : server(with_tls(certificate, std::move(besides))) {}

  std::string uri(const std::string& host) const {
    return "rediss://" + host + ":" + std::to_string(port);
  }

  const int port = ServerProcess::free_port();
  RedisServer server;

private:
  Settings with_tls(const Certificate& certificate, Settings settings) const {
    settings.insert(settings.end(), {{"port", "0"},
                                     {"tls-port", std::to_string(port)},
                                     {"tls-cert-file", certificate.file()},
                                     {"tls-key-file", certificate.key()},
                                     {"tls-auth-clients", "no"}});
    return settings;
  }
};

} // namespace agentstore::test

#endif
