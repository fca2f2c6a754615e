// SPDX-License-Identifier: Apache-2.0
#define AGENTSTORE_COMPILED
#include "call_all.hpp"

#include <agentstore/backends/postgres.hpp>

agentstore::awaitable<void> use(boost::asio::any_io_executor executor) {
  agentstore::PostgresBackend store(executor, agentstore::PostgresOptions("host=db", "space"));
  co_await call_all(&store);
}
