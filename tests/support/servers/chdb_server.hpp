// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_CHDB_SERVER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_CHDB_SERVER_HPP

// Today's ClickHouse behind its HTTP interface: archives/chdb/serve.js with the engine of an npm
// package.

#include "support/raw_clickhouse.hpp"
#include "support/servers/server_process.hpp"

#include <chrono>
#include <thread>

namespace agentstore::test {

class ChdbServer {
public:
  ChdbServer() : port_(ServerProcess::free_port()) {
    process_.start({AGENTSTORE_CHDB_NODE, AGENTSTORE_CHDB "/serve.js", process_.directory(),
                    std::to_string(port_)});
    for (int tries = 0; !answers(); ++tries) {
      if (tries == 3'000 || !process_.is_running()) {
        throw std::runtime_error("the server of chdb does not start");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  int port() const { return port_; }

private:
  bool answers() const {
    try {
      return RawClickHouse(port_).text("SELECT 1") == "1";
    } catch (const std::exception&) {
      return false;
    }
  }

  int port_;
  ServerProcess process_;
};

} // namespace agentstore::test

#endif
