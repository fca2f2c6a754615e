// SPDX-License-Identifier: Apache-2.0
// Holds the Redis backend to the rules over TLS, and so over TCP.

#include "support/servers/redis_tls.hpp"

#include "support/files_in_memory.hpp"
#include "support/harnesses/redis_harness.hpp"

#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

class TlsServer {
public:
  static const TlsServer& get() {
    static const TlsServer server;
    return server;
  }

  RedisOptions options(std::string space) const {
    RedisOptions options(uri_, std::move(space));
    options.ca_file = ca_file_;
    return options;
  }
  void remove_all(const std::string& pattern) const {
    test::remove_keys(server_->server.raw(), pattern);
  }

private:
  TlsServer() {
    constexpr const char* variable = "AGENTSTORE_TEST_REDIS_TLS";
    constexpr const char* ca_variable = "AGENTSTORE_TEST_REDIS_TLS_CA";
    if (const char* const inherited = std::getenv(variable)) {
      uri_ = inherited;
      ca_file_ = std::getenv(ca_variable);
      return;
    }
    test::keep_files_in_memory();
    certificate_ = std::make_unique<test::Certificate>("localhost");
    const test::RedisTlsServer::Settings durable = {{"appendonly", "yes"},
                                                    {"appendfsync", "always"}};
    server_ = std::make_unique<test::RedisTlsServer>(*certificate_, durable);
    uri_ = server_->uri("localhost");
    ca_file_ = certificate_->file();
    ::setenv(variable, uri_.c_str(), 1);
    ::setenv(ca_variable, ca_file_.c_str(), 1);
  }

  std::unique_ptr<test::Certificate> certificate_;
  std::unique_ptr<test::RedisTlsServer> server_;
  std::string uri_; // both are inherited by programs that this one starts
  std::string ca_file_;
};

class RedisTlsHarness : public test::RedisHarness<TlsServer> {
public:
  static constexpr std::string_view name = "redis-tls";
};

} // namespace

AGENTSTORE_CONFORMANCE(RedisTlsHarness)
