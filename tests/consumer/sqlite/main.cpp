// SPDX-License-Identifier: Apache-2.0

#include <agentstore/backends/sqlite.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>

namespace {

agentstore::awaitable<void> remember() {
  agentstore::SqliteBackend store(":memory:");
  co_await store.initialize();
  co_await store.create_session("s-1", "ada");
  co_await store.add_conversation_message("s-1", "assistant", "5 degrees, and rain");
  const auto health = co_await store.health_check();
  const auto history = co_await store.get_conversation_history("s-1");
  std::cout << health.backend << ": " << history.at(0).content << "\n";
}

} // namespace

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, remember(), [](const std::exception_ptr& error) {
    if (error) {
      std::rethrow_exception(error);
    }
  });
  context.run();
}
