// SPDX-License-Identifier: Apache-2.0
// A store in a file: what was acknowledged is there after the process has ended, killed or not.
//
// usage: 3_sqlite FILE
//
// Each run adds a message to the same conversation and shows how long it has become.

#include "run.hpp"

#include <agentstore/backends/sqlite.hpp>

/// Creates the session unless an earlier run has.
agentstore::awaitable<void> ensure_session(agentstore::ISessionStorage* store) {
  try {
    co_await store->create_session("s-1", "ada");
  } catch (const agentstore::StorageError& error) {
    if (!means(error.code(), agentstore::errc::already_exists)) {
      throw;
    }
  }
}

agentstore::awaitable<void> lesson(std::string file) {
  agentstore::SqliteOptions options(std::move(file));
  // By default a call returns after the disk has the data. `normal` is faster, and a loss of power
  // may cost the latest writes, but never tears one.
  options.synchronous = agentstore::SqliteOptions::Synchronous::full;
  agentstore::SqliteBackend store(std::move(options));
  co_await store.initialize(); // creates the file, or brings its tables up to date

  co_await ensure_session(&store);
  co_await store.add_conversation_message("s-1", "user", "Hello again.");

  const agentstore::Health health = co_await store.health_check();
  std::cout << health.backend << ' ' << health.details.at("path") << '\n';
  const auto history = co_await store.get_conversation_history("s-1", 1'000);
  std::cout << "messages so far: " << history.size() << '\n';
  co_await store.close();
}

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: 3_sqlite FILE\n";
    return 2;
  }
  tutorial::run(lesson(arguments[1]));
}
