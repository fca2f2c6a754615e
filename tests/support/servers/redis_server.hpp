// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_SERVER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_SERVER_HPP

// A Redis server of the test's own, in a directory of its own. It goes with the object, and with
// the program, however that ends.

#include "support/raw_redis.hpp"
#include "support/servers/server_process.hpp"

#include <chrono>
#include <thread>

namespace agentstore::test {

class RedisServer {
public:
  /// Starts a server with these settings, `{"appendonly", "yes"}`, besides. It listens on a Unix
  /// socket and on a free port of 127.0.0.1.
  explicit RedisServer(std::vector<std::pair<std::string, std::string>> settings = {});

  std::string socket() const { return process_.directory() + "/socket"; }
  std::string port() const { return std::to_string(port_); }
  std::string uri() const { return "unix://" + socket(); }
  std::string tcp_uri() const { return "redis://127.0.0.1:" + port(); }
  RawRedis raw() const { return RawRedis(socket()); }

  /// Waits until it answers.
  void start();
  /// Ends it: by SIGTERM after it has written what it has, or by SIGKILL as a loss of power would.
  void stop() { process_.end(SIGTERM); }
  void kill() { process_.end(SIGKILL); }
  /// Stops it as it stands, until `wake`.
  void freeze() const { process_.freeze(); }
  void wake() const { process_.wake(); }

private:
  bool answers() const;

  std::vector<std::pair<std::string, std::string>> settings_;
  int port_ = ServerProcess::free_port();
  ServerProcess process_;
};

// Only machinery below this line.

inline RedisServer::RedisServer(std::vector<std::pair<std::string, std::string>> settings)
    : settings_(std::move(settings)) {
  if (std::getenv("AGENTSTORE_NO_REDIS") != nullptr) {
    throw std::runtime_error("no Redis server is installed"); // and ctest calls it a skip
  }
  start();
}

inline bool RedisServer::answers() const {
  try {
    return raw().text({"PING"}) == "PONG";
  } catch (const std::runtime_error& error) {
    return std::string_view(error.what()).starts_with("NOAUTH");
  }
}

inline void RedisServer::start() {
  std::vector<std::string> words = {AGENTSTORE_REDIS_SERVER,
                                    "--dir",
                                    process_.directory(),
                                    "--unixsocket",
                                    socket(),
                                    "--bind",
                                    "127.0.0.1",
                                    "--port",
                                    port(),
                                    "--logfile",
                                    process_.directory() + "/log",
                                    "--save",
                                    ""};
  for (const auto& [name, value] : settings_) {
    words.push_back("--" + name);
    words.push_back(value.substr(0, value.find(' ')));
    if (const auto space = value.find(' '); space != std::string::npos) {
      words.push_back(value.substr(space + 1)); // a directive of two arguments
    }
  }
  process_.start(words);
  for (int tries = 0; !answers(); ++tries) {
    if (tries == 2'000 || !process_.is_running()) {
      throw std::runtime_error("the Redis server does not start");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

} // namespace agentstore::test

#endif
