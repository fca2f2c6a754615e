// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_COMPILE_CALL_ALL_HPP
#define AGENTSTORE_TESTS_BENCH_COMPILE_CALL_ALL_HPP

#include <agentstore/agentstore.hpp>

/// Calls the 16 methods of IStorageBackend on a store of any type. It is compiled and never run.
template <class Store>
agentstore::awaitable<void> call_all(Store* store) {
  co_await store->initialize();
  co_await store->create_session("s", "u");
  co_await store->get_session("s");
  co_await store->update_session("s", agentstore::SessionUpdate());
  co_await store->add_conversation_message("s", "user", "hello");
  co_await store->get_conversation_history("s", 10);
  co_await store->store_checkpoint("s", "c", agentstore::json());
  co_await store->get_checkpoint("s", "c");
  co_await store->list_checkpoints("s", 10);
  co_await store->store_task_context("s", agentstore::json());
  co_await store->get_task_context("s");
  co_await store->end_session("s", "done");
  co_await store->get_metrics();
  co_await store->health_check();
  co_await store->cleanup_expired_sessions(std::chrono::hours(1));
  co_await store->close();
}

#endif
