// SPDX-License-Identifier: Apache-2.0
// Holds the Redis backend to every rule, on a server of its own, behind a proxy that makes it fail.

#include "support/faults/redis_proxy.hpp"
#include "support/files_in_memory.hpp"
#include "support/harnesses/redis_harness.hpp"
#include "support/servers/redis_server.hpp"

#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

/// The server of this program, or of the one that started it to kill it.
class Server {
public:
  static const Server& get() {
    static const Server server;
    return server;
  }

  RedisOptions options(std::string space) const {
    return RedisOptions(proxy_ ? proxy_->uri() : "unix://" + socket_, std::move(space));
  }
  void remove_all(const std::string& pattern) const { test::remove_keys(raw(), pattern); }
  /// Past the proxy.
  test::RawRedis raw() const { return test::RawRedis(socket_); }

  void inject(conformance::Fault fault) const {
    using Effect = conformance::Fault::Effect;
    if (fault.effect == Effect::none) {
      proxy_->heal();
    } else {
      proxy_->break_at(fault.first, fault.effect == Effect::after);
    }
  }

private:
  Server() {
    constexpr const char* variable = "AGENTSTORE_TEST_REDIS";
    if (const char* const inherited = std::getenv(variable)) {
      socket_ = inherited;
      return;
    }
    test::keep_files_in_memory();
    const std::vector<std::pair<std::string, std::string>> settings = {{"appendonly", "yes"},
                                                                       {"appendfsync", "always"}};
    server_ = std::make_unique<test::RedisServer>(settings);
    socket_ = server_->socket();
    proxy_ = std::make_unique<test::RedisProxy>(socket_);
    ::setenv(variable, socket_.c_str(), 1);
  }

  std::unique_ptr<test::RedisServer> server_;
  std::unique_ptr<test::RedisProxy> proxy_;
  std::string socket_; // is inherited by programs that this one starts
};

class RedisBackendHarness : public test::RedisHarness<Server> {
public:
  static constexpr std::string_view name = "redis";

  /// Of the record's hash the field that has its text.
  bool damage(std::string space, conformance::Damage what) {
    test::RawRedis raw = Server::get().raw();
    bool is_found = false;
    const std::string pattern = "{" + space + "/*:" + hash_of(what.record) + ":" + what.key;
    for (const std::string& hash : raw.list({"KEYS", pattern})) {
      const std::vector<std::string> fields = raw.list({"HGETALL", hash});
      for (std::size_t i = 1; i < fields.size(); i += 2) {
        if (fields[i].find(what.text) != std::string::npos) {
          raw.text({"HSET", hash, fields[i - 1], "{"});
          is_found = true;
        }
      }
    }
    return is_found;
  }

  void inject(std::string, conformance::Fault fault) { Server::get().inject(fault); }

private:
  static std::string hash_of(conformance::Damage::Record record) {
    using Record = conformance::Damage::Record;
    switch (record) {
    case Record::session:
    case Record::context:
      return "session";
    case Record::message:
      return "messages";
    case Record::checkpoint:
      return "checkpoints";
    case Record::write:
      return "values";
    }
    throw std::invalid_argument("there is no such record");
  }
};

} // namespace

AGENTSTORE_CONFORMANCE(RedisBackendHarness)
