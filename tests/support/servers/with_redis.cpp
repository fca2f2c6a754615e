// SPDX-License-Identifier: Apache-2.0

// usage: with_redis COMMAND ARGUMENT...
//
// Runs a command with a Redis server of its own, whose file of changes survives it: {redis} in an
// argument becomes its URI, to which "?name=value" may be added. Ends as the command does.

#include "support/servers/redis_server.hpp"

#include <algorithm>
#include <iostream>

int main(int count, char** values) try {
  std::vector<std::string> command(values + std::min(count, 1), values + count);
  if (command.empty()) {
    std::cerr << "usage: with_redis COMMAND ARGUMENT...\n";
    return 2;
  }
  const std::vector<std::pair<std::string, std::string>> settings = {{"appendonly", "yes"},
                                                                     {"appendfsync", "always"}};
  const agentstore::test::RedisServer server(settings);
  const std::string mark = "{redis}";
  for (std::string& word : command) {
    for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;) {
      word.replace(at, mark.size(), server.uri());
    }
  }
  return agentstore::test::ServerProcess::call(command);
} catch (const std::exception& error) {
  std::cerr << "with_redis: " << error.what() << '\n';
  return 1;
}
