// SPDX-License-Identifier: Apache-2.0

// A server that gives LangGraph.js, or any other client, LangGraph's checkpointer over a store of
// agentstore. The client for LangGraph.js is the package in js/.
//
// The protocol
// ------------
// HTTP/1.1, connections kept alive, JSON in UTF-8 both ways. Each operation of the checkpointer
// (agentstore/langgraph/checkpointer.hpp says what it does) is a path that takes POST, with
// Content-Type: application/json and a JSON object; members with "?" may be missing or null, others
// than these are refused. What follows the arrow is the answer's body, with status 200.
//
//   config          {thread_id, checkpoint_ns?, checkpoint_id?}
//   tuple           {config, checkpoint, metadata, parent_config?,
//                    pending_writes: [[task_id, channel, value], ...]}
//
//   /v1/get_tuple      {thread_id, checkpoint_ns?, checkpoint_id?} -> {tuple}, null if there is
//   none /v1/list           {thread_id?, checkpoint_ns?, checkpoint_id?, before?, filter?, limit?}
//                                                                  -> {tuples: [tuple, ...]}
//   /v1/put            {config, checkpoint, metadata, new_versions} -> {config}
//   /v1/put_writes     {config, writes: [[channel, value], ...], task_id, task_path?} -> {}
//   /v1/delete_thread  {thread_id}                                 -> {deleted}
//   /v1/copy_thread    {source, target}                            -> {copied}
//   /v1/prune          {thread_ids, strategy?}                     -> {}
//                      "keep_latest", unless given, or "delete"
//   /v1/health         GET                                         -> the store's Health; 503 if it
//                                                                     is unhealthy
//
// `before` is a checkpoint id. Of `checkpoint.channel_values` only the channels in `new_versions`
// need to be there. Values are any JSON to the server. js/ sends each value as {type, text} or
// {type, base64}, what its serde makes of it: so it comes back as it was, to the byte. Metadata is
// plain JSON, as filters compare it.
//
// An error has another status and {"error": {code, operation, key, message}}: `key` is the thread
// that the request is about, `code` one of
//
//   400 invalid_argument, bad_request (no HTTP)   401 unauthorized            403 forbidden
//   404 not_found     405 method_not_allowed      409 already_exists          413 too_large
//   415 unsupported_media_type                    431 too_large (the header)
//   500 corrupted, internal                       501 not_supported           503 unavailable,
//   closed
//
// Every request may be repeated: if an answer is lost, the same request again leaves the store as
// the first one did. After 503 the same request may succeed later.
//
// Who may ask
// -----------
// It listens on the loopback interface unless told otherwise, and elsewhere only with
// --allow-remote and a token. With a token every request needs `Authorization: Bearer TOKEN`.
// Without one, any program on this machine may ask, but no web page: a page cannot send JSON to
// another origin unasked, and a Host that is a name is refused. There is no TLS; put a proxy in
// front of it, or a tunnel, where the network is not trusted.
//
// A connection that sends no request, or does so too slowly, is closed. On SIGTERM or SIGINT the
// server takes no more requests, answers those that are running, closes the store and ends.

#include "../common/store_uri.hpp"
#include "options.hpp"
#include "server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>

namespace langgraph_bridge {
namespace {

constexpr int exit_failure = 1;
constexpr int exit_bad_input = 2;

std::string usage() {
  return "usage: langgraph_bridge [--store URI] [--listen HOST:PORT] [--token-file FILE]\n"
         "                        [--allow-remote] [--max-body BYTES]\n"
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
         "  --help               print this\n"
         "\n"
         "Exit status: 0 stopped by a signal; 1 the store or the network failed; 2 bad usage.\n";
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

void run(const Options& options) {
  asio::io_context context(1); // first: it is to outlive the store's threads
  const example::Store store = example::make_store(context.get_executor(), options.store_uri);
  if (store.threads() == nullptr) {
    throw BadInput("option --store: this kind of store has no directory of its threads");
  }
  await_here(context, open(&store.storage()));

  ServerOptions settings;
  settings.token = options.token;
  settings.max_body = options.max_body;
  Server server(context, options.listen, Checkpointer(store.checkpointer(), *store.threads()),
                store.storage(), std::move(settings));
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](const error_code& error, int) {
    if (!error) {
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
} catch (const example::BadInput& error) {
  langgraph_bridge::print_error(error.what());
  return langgraph_bridge::exit_bad_input;
} catch (const std::exception& error) {
  langgraph_bridge::print_error(error.what());
  return langgraph_bridge::exit_failure;
}
