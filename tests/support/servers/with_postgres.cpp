// SPDX-License-Identifier: Apache-2.0

// usage: with_postgres COMMAND ARGUMENT...
//
// Runs a command with a PostgreSQL server of its own: {postgres} in an argument becomes the URI of
// its database, to which "&name=value" may be added. Ends as the command does.

#include "support/servers/postgres_server.hpp"

#include <iostream>

int main(int count, char** values) try {
  std::vector<std::string> command(values + std::min(count, 1), values + count);
  if (command.empty()) {
    std::cerr << "usage: with_postgres COMMAND ARGUMENT...\n";
    return 2;
  }
  const agentstore::test::PostgresServer server;
  const std::string mark = "{postgres}";
  for (std::string& word : command) {
    for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;) {
      word.replace(at, mark.size(), server.uri());
    }
  }
  return agentstore::test::PostgresServer::call(command);
} catch (const std::exception& error) {
  std::cerr << "with_postgres: " << error.what() << '\n';
  return 1;
}
