// SPDX-License-Identifier: Apache-2.0
// Many agents on one PostgreSQL store: their calls share a pool of connections, on one thread.
//
// usage: 4_postgres_pool CONNECTION-STRING

#include "run.hpp"

#include <agentstore/backends/postgres.hpp>

/// One of many agents: a session of its own, and a few messages. It waits for its own answers only.
agentstore::awaitable<void> agent(agentstore::IStorageBackend* store, int number) {
  const std::string id = "agent-" + std::to_string(number);
  co_await store->create_session(id, "ada");
  for (int i = 0; i < 5; ++i) {
    co_await store->add_conversation_message(id, "assistant", "Working on it.");
  }
  co_await store->end_session(id);
}

agentstore::awaitable<void> open(agentstore::IStorageBackend* store) {
  co_await store->initialize(); // creates the schema and its tables, if need be
  // What an earlier run left: 0 removes all sessions of the schema, however young.
  co_await store->cleanup_expired_sessions(std::chrono::microseconds(0));
}

agentstore::awaitable<void> show(agentstore::IStorageBackend* store) {
  const agentstore::Metrics metrics = co_await store->get_metrics();
  const agentstore::Health health = co_await store->health_check();
  std::cout << metrics.total_messages << " messages over at most " << health.details.at("pool_size")
            << " connections\n";
  co_await store->close(); // waits for calls that are under way
}

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: 4_postgres_pool CONNECTION-STRING\n";
    return 2;
  }
  agentstore::PostgresOptions options(arguments[1], "agentstore_tutorial"); // a schema of its own
  // A call waits for its turn and for its answer, each for so long at most. Behind it is
  // `unavailable`: 5_errors.cpp.
  options.pool_size = 4;
  options.acquire_timeout = std::chrono::seconds(10);
  options.operation_timeout = std::chrono::seconds(10);

  boost::asio::io_context io; // outlives the store
  agentstore::PostgresBackend store(io.get_executor(), options);
  std::vector<agentstore::awaitable<void>> agents;
  for (int i = 0; i < 100; ++i) {
    agents.push_back(agent(&store, i));
  }
  tutorial::run(io, open(&store));
  tutorial::run(io, std::move(agents));
  tutorial::run(io, show(&store));
}
