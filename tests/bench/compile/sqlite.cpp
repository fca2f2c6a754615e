// SPDX-License-Identifier: Apache-2.0
#define AGENTSTORE_COMPILED
#include "call_all.hpp"

#include <agentstore/backends/sqlite.hpp>

agentstore::awaitable<void> use() {
  agentstore::SqliteBackend store("agents.db");
  co_await call_all(&store);
}
