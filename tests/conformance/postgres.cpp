// SPDX-License-Identifier: Apache-2.0
// Holds the PostgreSQL backend and archive to every rule, on a server of their own, behind a proxy
// that makes it fail.

#include "support/postgres_proxy.hpp"
#include "support/postgres_server.hpp"
#include "support/raw_postgres.hpp"

#include <agentstore/archives/postgres.hpp>
#include <agentstore/backends/postgres.hpp>
#include <agentstore/conformance/catch2.hpp>

#include <atomic>

namespace {

using namespace agentstore;

/// The server of this program, or of the one that started it to kill it.
class Server {
public:
  static const Server& get() {
    static const Server server;
    return server;
  }

  /// As the backend connects, and past the proxy.
  std::string conninfo() const { return proxy_ ? proxy_->conninfo() : direct_; }
  const std::string& direct_conninfo() const { return direct_; }

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
    constexpr const char* variable = "AGENTSTORE_TEST_POSTGRES";
    if (const char* const inherited = std::getenv(variable)) {
      direct_ = inherited;
      return;
    }
    server_ = std::make_unique<test::PostgresServer>(std::vector<std::string>{"fsync=off"});
    proxy_ = std::make_unique<test::PostgresProxy>(server_->socket());
    direct_ = server_->conninfo();
    ::setenv(variable, direct_.c_str(), 1);
  }

  std::unique_ptr<test::PostgresServer> server_;
  std::unique_ptr<test::PostgresProxy> proxy_;
  std::string direct_;
};

template <class Store>
class PostgresHarness {
public:
  /// Less than the own limit, which makes values that take long to make and to compare.
  static constexpr std::size_t max_value_bytes = std::size_t{2} << 20u;

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        max_value_bytes);
  }

  std::shared_ptr<Store> open(boost::asio::any_io_executor executor, std::string space) {
    PostgresOptions options(Server::get().conninfo(), std::move(space));
    options.limits.max_value_bytes = max_value_bytes;
    options.clock = [set = clock_] {
      const auto micros = std::chrono::microseconds(set->load());
      return micros.count() != 0 ? Timestamp(micros) : system_clock()();
    };
    return std::make_shared<Store>(executor, std::move(options));
  }

  void drop(std::string space) {
    test::RawPostgres(Server::get().direct_conninfo())
        .execute("DROP SCHEMA IF EXISTS \"" + space + "\" CASCADE");
  }

  void set_clock(Timestamp now) { *clock_ = now.time_since_epoch().count(); }
  void inject(std::string, conformance::Fault fault) { Server::get().inject(fault); }

private:
  using Micros = std::atomic<std::int64_t>; // 0 until it is set
  std::shared_ptr<Micros> clock_ = std::make_shared<Micros>(0);
};

class PostgresBackendHarness : public PostgresHarness<PostgresBackend> {
public:
  static constexpr std::string_view name = "postgres";
};

class PostgresArchiveHarness : public PostgresHarness<PostgresArchive> {
public:
  static constexpr std::string_view name = "postgres-archive";
};

} // namespace

AGENTSTORE_CONFORMANCE(PostgresBackendHarness)
AGENTSTORE_CONFORMANCE(PostgresArchiveHarness)
