// SPDX-License-Identifier: Apache-2.0
// Keeps a session, its conversation and a checkpoint in a store, and reads them back.

#include <agentstore/backends/memory.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>

agentstore::awaitable<void> first_steps() {
  agentstore::MemoryBackend store; // any other IStorageBackend does the same
  co_await store.initialize();

  co_await store.create_session("s-1", "ada");
  co_await store.add_conversation_message("s-1", "user", "What is the weather in Oslo?");
  co_await store.add_conversation_message("s-1", "assistant", "Five degrees, and rain.");

  // JSON gets a name before it is awaited: g++ 12 takes no braces inside a co_await expression.
  const agentstore::json state = {{"step", 1}, {"city", "Oslo"}};
  co_await store.store_checkpoint("s-1", "step-1", state);

  const auto history = co_await store.get_conversation_history("s-1");
  for (const agentstore::Message& message : history) {
    std::cout << message.role << ": " << message.content << '\n';
  }
  const auto latest = co_await store.get_checkpoint("s-1");
  std::cout << latest.value().checkpoint_id << ": " << latest.value().data << '\n';

  const bool ended = co_await store.end_session("s-1");
  std::cout << (ended ? "session ended" : "no such session") << '\n';
  co_await store.close();
}

int main() {
  boost::asio::io_context io;
  boost::asio::co_spawn(io, first_steps(), [](std::exception_ptr error) {
    if (error) {
      std::rethrow_exception(error);
    }
  });
  io.run();
}
