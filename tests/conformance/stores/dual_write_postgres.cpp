// SPDX-License-Identifier: Apache-2.0
// Holds DualWrite to the rules with its hot store on PostgreSQL and its archive on ClickHouse.

#include "conformance/stores/dual_write_servers.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/postgres_server.hpp"

#include <agentstore/backends/postgres.hpp>
#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

class PostgresDualWriteHarness : public test::ServersHarness<PostgresBackend> {
public:
  static constexpr std::string_view name = "postgres-dual-write";

  PostgresDualWriteHarness() { postgres(); }

  std::shared_ptr<DualWrite<PostgresBackend>> open(boost::asio::any_io_executor executor,
                                                   std::string space) {
    auto options = with_limits(PostgresOptions(postgres(), space));
    return beside_archive(executor, std::make_shared<PostgresBackend>(executor, options), space);
  }
  awaitable<void> drop(std::string space) {
    return drop_beside(std::move(space), [](const std::string& schema) {
      test::RawPostgres(postgres()).execute("DROP SCHEMA IF EXISTS \"" + schema + "\" CASCADE");
    });
  }

private:
  /// Only this program is killed and never the server, so that the server need not wait for its
  /// disk.
  static const std::string& postgres() {
    static const test::Inherited<test::PostgresServer> server(
        "AGENTSTORE_TEST_POSTGRES", [](const test::PostgresServer& one) { return one.conninfo(); },
        std::vector<std::string>(1, "fsync=off"));
    return server.address();
  }
};

} // namespace

AGENTSTORE_CONFORMANCE(PostgresDualWriteHarness)
