// SPDX-License-Identifier: Apache-2.0
#include "call_all.hpp"

agentstore::awaitable<void> use(agentstore::IStorageBackend* store) {
  co_await call_all<agentstore::IStorageBackend>(store);
}
