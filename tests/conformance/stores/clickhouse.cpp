// SPDX-License-Identifier: Apache-2.0
// Holds the ClickHouse archive to every rule, on a server of its own, behind a proxy that makes it
// fail. The same program is built for the engine of chdb.

#if defined(AGENTSTORE_CHDB)
#include "support/servers/chdb_server.hpp"
#else
#include "support/servers/clickhouse_server.hpp"
#endif
#include "support/faults/http_proxy.hpp"
#include "support/files_in_memory.hpp"
#include "support/harnesses/kit_options.hpp"

#include <agentstore/archives/clickhouse.hpp>
#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

#if defined(AGENTSTORE_CHDB)
using OwnServer = test::ChdbServer;
#else
using OwnServer = test::ClickHouseServer;
#endif

/// The server of this program, or of the one that started it to kill it.
class Server {
public:
  static const Server& get() {
    static const Server server;
    return server;
  }

  /// As the archive connects, and past the proxy.
  int port() const { return proxy_ ? proxy_->port() : port_; }
  test::RawClickHouse raw() const { return test::RawClickHouse(port_); }

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
    constexpr const char* variable = "AGENTSTORE_TEST_CLICKHOUSE";
    if (const char* const inherited = std::getenv(variable)) {
      port_ = std::stoi(inherited);
      return;
    }
    test::keep_files_in_memory();
    server_ = std::make_unique<OwnServer>();
    port_ = server_->port();
    proxy_ = std::make_unique<test::HttpProxy>(port_);
    ::setenv(variable, std::to_string(port_).c_str(), 1);
  }

  std::unique_ptr<OwnServer> server_;
  std::unique_ptr<test::HttpProxy> proxy_;
  int port_ = 0; // is inherited by programs that this one starts
};

class ClickHouseArchiveHarness {
public:
#if defined(AGENTSTORE_CHDB)
  static constexpr std::string_view name = "clickhouse-archive-chdb";
#else
  static constexpr std::string_view name = "clickhouse-archive";
#endif

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        test::kit_max_value_bytes);
  }

  std::shared_ptr<ClickHouseArchive> open(boost::asio::any_io_executor executor,
                                          std::string space) {
    ClickHouseOptions options("clickhouse://127.0.0.1:" + std::to_string(Server::get().port()) +
                              "/" + test::database_of(space));
    options.limits.max_value_bytes = test::kit_max_value_bytes;
    options.linger = std::chrono::milliseconds(0);
    // A machine that is busy breaks no rule. For calls that hang the kit has a deadline of its own.
    options.connect_timeout = options.operation_timeout = std::chrono::minutes(1);
    options.clock = clock_.clock();
    return std::make_shared<ClickHouseArchive>(executor, std::move(options));
  }

  void drop(std::string space) {
    Server::get().raw().text("DROP DATABASE IF EXISTS " + test::database_of(space));
  }

  void set_clock(Timestamp now) { clock_.set(now); }
  void inject(std::string, conformance::Fault fault) { Server::get().inject(fault); }

private:
  test::SetClock clock_;
};

} // namespace

AGENTSTORE_CONFORMANCE(ClickHouseArchiveHarness)
