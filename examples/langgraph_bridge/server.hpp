// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_SERVER_HPP
#define AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_SERVER_HPP

/// \file
/// The bridge's HTTP: connections, limits, who may ask, and how it stops. PROTOCOL.md tells the
/// protocol.

#include <agentstore/langgraph/checkpointer.hpp>
#include <agentstore/storage_backend.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

namespace langgraph_bridge {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using agentstore::awaitable;
using agentstore::langgraph::Checkpointer;

class ServerOptions {
public:
  /// What a request must bring as `Authorization: Bearer ...`; empty: nothing.
  std::string token;
  /// The most bytes of a request's body.
  std::size_t max_body = std::size_t{64} << 20U;
  std::size_t max_header = std::size_t{16} << 10U;
  /// How many are served at once. More wait until one of them ends.
  std::size_t max_connections = 512;
  /// How long no connection is accepted after one could not be, for want of descriptors.
  std::chrono::milliseconds accept_pause{100};
  /// How long a connection may wait for its next request, a request for the end of its header and
  /// of its body, and an answer until it is taken. Then the connection is closed.
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
};

/// An HTTP server over one checkpointer. It runs on one thread, that of its io_context.
///
///     Server server(context, endpoint, saver, storage, options);
///     server.start();
///     context.run(); // returns after stop(), when the last running request has been answered
class Server {
public:
  /// Listens at once; throws `boost::system::system_error` if it cannot. The stores must outlive
  /// the context's run.
  Server(asio::io_context& context, const asio::ip::tcp::endpoint& endpoint, Checkpointer saver,
         agentstore::IStorageBackend& storage, ServerOptions options);

  asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

  /// Accepts connections until `stop`.
  void start();
  /// Takes no more requests; those that are running are answered.
  void stop();

private:
  class Connection;
  using Request = http::request<http::string_body>;
  using Response = http::response<http::string_body>;

  awaitable<void> accept();
  awaitable<void> wait_for_room(asio::steady_timer::duration time);
  bool is_full() const { return connections_.size() >= options_.max_connections; }
  awaitable<void> serve(std::shared_ptr<Connection> connection);
  awaitable<bool> serve_one(std::shared_ptr<Connection> connection);
  awaitable<Response> answer(Request request);
  std::optional<Response> refuse(const http::request_header<>& header) const;
  bool has_token(const http::request_header<>& header) const;
  bool is_for_us(const http::request_header<>& header) const;

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer room_;
  Checkpointer saver_;
  agentstore::IStorageBackend& storage_;
  ServerOptions options_;
  std::unordered_set<Connection*> connections_;
  bool is_stopping_ = false;
};

} // namespace langgraph_bridge

#endif
