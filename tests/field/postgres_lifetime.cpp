// SPDX-License-Identifier: Apache-2.0

// Contexts and a PostgresBackend or a PostgresArchive that end in any order.

#include "support/faults/teardown.hpp"
#include "support/servers/postgres_server.hpp"

#include <agentstore/archives/postgres.hpp>
#include <agentstore/backends/postgres.hpp>

using namespace agentstore;
using namespace agentstore::test;

TEST_CASE("A context and a backend may be destroyed in any order", "[postgres]") {
  const PostgresServer server;
  const auto make = [&server](boost::asio::any_io_executor executor) {
    return std::make_unique<PostgresBackend>(std::move(executor),
                                             PostgresOptions(server.conninfo(), "lifetime"));
  };
  check_teardown_orders(make);
  check_unsent_is_dropped(make);
}

TEST_CASE("A context and a PostgreSQL archive may be destroyed in any order", "[postgres]") {
  const PostgresServer server;
  check_teardown_orders([&server](boost::asio::any_io_executor executor) {
    return std::make_unique<PostgresArchive>(std::move(executor),
                                             PostgresOptions(server.conninfo(), "lifetime"));
  });
}
