// SPDX-License-Identifier: Apache-2.0

// usage: with_redis COMMAND ARGUMENT...
//
// Runs a command with a Redis server of its own, whose file of changes survives it: {redis} in an
// argument becomes its URI, to which "?name=value" may be added. {rediss} is that of a server by
// TLS, whose certificate the command's OpenSSL trusts. Ends as the command does.

#include "support/servers/redis_tls.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace {

bool has(const std::vector<std::string>& words, const std::string& mark) {
  return std::any_of(words.begin(), words.end(), [&mark](const std::string& word) {
    return word.find(mark) != std::string::npos;
  });
}

/// Puts a URI wherever a word has the mark.
void put(std::vector<std::string>& words, const std::string& mark, const std::string& uri) {
  for (std::string& word : words) {
    for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;) {
      word.replace(at, mark.size(), uri);
    }
  }
}

} // namespace

int main(int count, char** values) try {
  std::vector<std::string> command(values + std::min(count, 1), values + count);
  if (command.empty()) {
    std::cerr << "usage: with_redis COMMAND ARGUMENT...\n";
    return 2;
  }
  const std::vector<std::pair<std::string, std::string>> settings = {{"appendonly", "yes"},
                                                                     {"appendfsync", "always"}};
  using namespace agentstore::test;
  if (!has(command, "{rediss}")) {
    const RedisServer server(settings);
    put(command, "{redis}", server.uri());
    return ServerProcess::call(command);
  }
  const Certificate certificate("localhost");
  const RedisTlsServer server(certificate, settings);
  put(command, "{redis}", server.server.uri());
  put(command, "{rediss}", server.uri("localhost"));
  ::setenv("SSL_CERT_FILE", certificate.file().c_str(), 1);
  return ServerProcess::call(command);
} catch (const std::exception& error) {
  std::cerr << "with_redis: " << error.what() << '\n';
  return 1;
}
