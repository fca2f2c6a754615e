// SPDX-License-Identifier: Apache-2.0

// A server that gives LangGraph.js, or any other client, LangGraph's checkpointer over a store of
// agentstore. The client for LangGraph.js is the package in js/; PROTOCOL.md says what they
// exchange.

#include "../common/store_uri.hpp"
#include "options.hpp"
#include "server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace langgraph_bridge {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_bad_input = 2;

std::string usage() {
  return "usage: langgraph_bridge [--store URI] [--listen HOST:PORT] [--token-file FILE]\n"
         "                        [--allow-remote] [--max-body BYTES] [--grace SECONDS]\n"
         "\n"
         "Serves LangGraph's checkpointer over a store, by HTTP.\n"
         "\n"
         "  --store URI          " +
         example::store_uri_usage() + "; " + Options().store_uri +
         " unless given\n"
         "  --listen HOST:PORT   127.0.0.1:8730 unless given; port 0: any that is free\n"
         "  --token-file FILE    what every request must bring, one line; or in the variable\n"
         "                       " +
         token_variable +
         "\n"
         "  --allow-remote       listen on an address that other machines can reach; needs a "
         "token\n"
         "  --max-body BYTES     the largest request; 67108864 (64 MiB) unless given\n"
         "  --grace SECONDS      how long requests have to end after SIGTERM or SIGINT; 10 unless\n"
         "                       given; 0: as long as they take\n"
         "  --help               print this\n"
         "\n"
         "Exit status: 0 stopped by a signal; 1 the store or the network failed, or the grace was\n"
         "over; 2 bad usage.\n";
}

/// Runs one coroutine to its end on this thread.
void await_here(asio::io_context& context, awaitable<void> work) {
  std::exception_ptr failure;
  const auto keep = [&](std::exception_ptr thrown) { failure = std::move(thrown); };
  asio::co_spawn(context, std::move(work), keep);
  context.restart();
  context.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

awaitable<void> open(agentstore::IStorageBackend* storage) {
  co_await storage->initialize();
}

/// The grace is over. What was acknowledged is stored, so nothing has to be done any more, and
/// whatever hangs is not waited for.
extern "C" void give_up(int) {
  constexpr std::string_view words = "langgraph_bridge: the grace is over, not all has ended\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, words.data(), words.size());
  ::_exit(exit_failure);
}

void run(const Options& options) {
  asio::io_context context(1); // first: it is to outlive the store's threads
  const example::Store store = example::make_store(context.get_executor(), options.store_uri);
  if (store.threads() == nullptr) {
    throw InputError("option --store: this kind of store has no directory of its threads");
  }
  await_here(context, open(&store.storage()));

  ServerOptions settings;
  settings.token = options.token;
  settings.max_body = options.max_body;
  Server server(context, options.listen, Checkpointer(store.checkpointer(), *store.threads()),
                store.storage(), std::move(settings));
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) {
      std::signal(SIGALRM, give_up);
      ::alarm(options.grace);
      server.stop();
    }
  });
  server.start();
  std::cout << "langgraph_bridge: listening on http://" << server.endpoint() << std::endl;
  context.restart();
  context.run();
  await_here(context, store.storage().close());
}

/// One line, whatever the text holds: it may quote what a user typed.
void print_error(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '?';
    }
  }
  std::fprintf(stderr, "langgraph_bridge: %s\n", text.c_str());
}

} // namespace
} // namespace langgraph_bridge

int main(int count, char** values) try {
  const std::vector<std::string> arguments(values + std::min(count, 1), values + count);
  const langgraph_bridge::Options options = langgraph_bridge::parse_options(arguments);
  if (options.help) {
    std::cout << langgraph_bridge::usage();
    return 0;
  }
  langgraph_bridge::run(options);
  return 0;
} catch (const example::InputError& error) {
  langgraph_bridge::print_error(error.what());
  return langgraph_bridge::exit_bad_input;
} catch (const std::exception& error) {
  langgraph_bridge::print_error(error.what());
  return langgraph_bridge::exit_failure;
}
