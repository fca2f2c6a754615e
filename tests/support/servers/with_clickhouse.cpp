// SPDX-License-Identifier: Apache-2.0

// usage: with_clickhouse [--outage] COMMAND ARGUMENT...
//
// Runs a command with a ClickHouse server of its own: {clickhouse} in an argument becomes its URI,
// to which "/database" may be added. Ends as the command does. With --outage the server is killed
// before the command begins and started again half a second later, and so on while it runs.

#include "support/servers/clickhouse_server.hpp"

#include <atomic>
#include <iostream>

namespace {

void wait(std::chrono::milliseconds time, const std::atomic<bool>& is_over) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!is_over && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

} // namespace

int main(int count, char** values) try {
  using namespace std::chrono_literals;
  using agentstore::test::ClickHouseServer;
  std::vector<std::string> command(values + std::min(count, 1), values + count);
  const bool has_outages = !command.empty() && command.front() == "--outage";
  if (has_outages) {
    command.erase(command.begin());
  }
  if (command.empty()) {
    std::cerr << "usage: with_clickhouse [--outage] COMMAND ARGUMENT...\n";
    return 2;
  }
  ClickHouseServer server;
  const std::string mark = "{clickhouse}";
  for (std::string& word : command) {
    for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;) {
      word.replace(at, mark.size(), server.uri(""));
      word.erase(at + server.uri("").size() - 1, 1); // the slash before the database
    }
  }
  if (!has_outages) {
    return agentstore::test::ServerProcess::call(command);
  }
  server.kill();
  std::atomic<bool> is_over = false;
  int outages = 1;
  std::thread operating([&] {
    // Ever longer in between, so that whatever is to be done is done in the end.
    for (auto up = 300ms; !is_over; up *= 2) {
      wait(500ms, is_over);
      server.start();
      wait(up, is_over);
      if (!is_over) {
        server.kill();
        ++outages;
      }
    }
  });
  const int status = agentstore::test::ServerProcess::call(command);
  is_over = true;
  operating.join();
  std::cout << "the server was killed " << outages << " times\n";
  return status;
} catch (const std::exception& error) {
  std::cerr << "with_clickhouse: " << error.what() << '\n';
  return 1;
}
