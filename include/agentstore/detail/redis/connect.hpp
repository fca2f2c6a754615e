// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_CONNECT_HPP
#define AGENTSTORE_DETAIL_REDIS_CONNECT_HPP

// How a connection is made: look up the host, connect to the first of its addresses that answers,
// log in, choose the database.

#include <agentstore/detail/redis/connection.hpp>
#include <agentstore/detail/redis/slot_map.hpp>
#include <agentstore/detail/redis/uri.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>

namespace agentstore::detail::redis {

using ConnectionPtr = std::shared_ptr<Connection>;
using Endpoint = boost::asio::generic::stream_protocol::endpoint;

/// All that is needed to make a connection.
class Terms {
public:
  Terms(Uri the_uri, TlsContext the_tls, std::chrono::milliseconds to_connect,
        std::chrono::milliseconds to_answer)
      : uri(std::move(the_uri)), tls(std::move(the_tls)), connect(to_connect), answer(to_answer) {}

  /// The address of the URI's server. Empty for a Unix socket, because others cannot use its path.
  Address address() const { return uri.is_unix ? Address() : Address(uri.host, uri.port); }

  /// The terms for another node of the cluster.
  /// \param to_confirm how many replicas are to have what is written.
  Terms at(const Address& node, std::size_t to_confirm) const {
    Terms terms(*this);
    terms.replicas = to_confirm;
    if (!node.host.empty()) {
      terms.uri.is_unix = false;
      terms.uri.host = node.host;
      terms.uri.port = node.port;
    }
    return terms;
  }

  Uri uri;
  /// Null for a plain connection.
  TlsContext tls;
  std::chrono::milliseconds connect;
  std::chrono::milliseconds answer;
  std::size_t replicas = 0;
};

/// An attempt to look a name up. The system's look-up cannot be interrupted, so a caller that stops
/// waiting leaves the attempt behind.
class Lookup {
public:
  using Results = boost::asio::ip::tcp::resolver::results_type;

  explicit Lookup(const boost::asio::any_io_executor& executor)
      : resolver(executor), timer(executor) {}

  boost::asio::ip::tcp::resolver resolver;
  boost::asio::steady_timer timer;
  boost::system::error_code error = boost::asio::error::timed_out; // until there is an answer
  Results results;
};

/// The addresses of a host, or of a socket. Throws Failure.
inline awaitable<std::vector<Endpoint>> look_up(boost::asio::any_io_executor strand, Uri uri,
                                                std::chrono::milliseconds limit) {
  std::vector<Endpoint> found;
  if (uri.is_unix) {
    found.emplace_back(boost::asio::local::stream_protocol::endpoint(uri.host));
    co_return found;
  }
  auto lookup = std::make_shared<Lookup>(strand);
  lookup->timer.expires_at(deadline_after(PendingRequest::Clock::now(), limit));
  lookup->resolver.async_resolve(
      uri.host, uri.port,
      [lookup](const boost::system::error_code& error, const Lookup::Results& results) {
        lookup->error = error;
        lookup->results = results;
        lookup->timer.cancel();
      });
  boost::system::error_code ignored;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
  co_await lookup->timer.async_wait(token);
  for (const auto& entry : lookup->results) {
    found.emplace_back(entry.endpoint());
  }
  if (found.empty()) {
    const std::string reason = "the host is not found: " + lookup->error.message();
    throw lookup->error == boost::asio::error::timed_out ? Failure::late(reason)
                                                         : Failure(errc::unavailable, reason);
  }
  co_return found;
}

/// Logs in and chooses the database. Throws Failure.
inline awaitable<void> greet(ConnectionPtr connection, Uri uri) {
  Request request;
  if (!uri.password.empty()) {
    Command login(std::vector<std::string>(1, "AUTH"));
    if (!uri.user.empty()) {
      login.add(uri.user);
    }
    login.add(uri.password);
    request.add(std::move(login));
  }
  if (uri.database != 0) {
    Command choice(std::vector<std::string>(1, "SELECT"));
    choice.add(std::uint64_t{uri.database});
    request.add(std::move(choice));
  }
  if (uri.is_tls) {
    // What the server adds to the handshake comes before its first answer. After that the
    // connection is quiet.
    request.add(Command(std::vector<std::string>(1, "PING")));
  }
  if (request.commands.empty()) {
    co_return;
  }
  const Response response = co_await ask(connection, &Connection::send, std::move(request));
  if (response.failure) {
    Failure failure = *response.failure;
    if (failure.reason.starts_with("ERR DB index") || failure.reason.starts_with("ERR SELECT")) {
      failure.code = errc::invalid_argument;
    }
    // A server that does not know a command repeats what the command's arguments begin with.
    failure.reason = failure.reason.substr(0, failure.reason.find(", with args beginning with"));
    if (!uri.password.empty() && failure.reason.find(uri.password) != std::string::npos) {
      failure.reason = "the server does not take the login, and says why in words with a secret";
    }
    throw Failure(failure);
  }
}

/// Connects to one address. Throws Failure.
inline awaitable<ConnectionPtr> connect_to(boost::asio::any_io_executor strand, Endpoint endpoint,
                                           Terms terms) {
  auto connection = std::make_shared<Connection>(strand, terms.answer, terms.replicas);
  boost::asio::steady_timer timer(strand);
  timer.expires_at(deadline_after(PendingRequest::Clock::now(), terms.connect));
  timer.async_wait(
      [weak = std::weak_ptr<Connection>(connection)](const boost::system::error_code& error) {
        const auto late = weak.lock();
        if (!error && late) {
          const Failure why = Failure::late("no connection within the time for it");
          late->lose(why.reason, why.cause);
        }
      });
  boost::system::error_code error;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
  co_await connection->stream().socket().async_connect(endpoint, token);
  if (connection->is_closed()) {
    throw Failure(connection->failure());
  }
  if (error) {
    throw Failure(errc::unavailable, "no connection: " + error.message(),
                  error == boost::asio::error::connection_refused
                      ? make_error_condition(boost::system::errc::connection_refused)
                      : boost::system::error_condition());
  }
  connection->stream().set_options();
  if (terms.tls) {
    error = co_await Stream::secure(&connection->stream(), terms.tls, terms.uri.host);
  }
  if (error && !connection->is_closed()) {
    throw Failure(errc::unavailable, "no connection by TLS: " + error.message());
  }
  co_await greet(connection, terms.uri);
  if (connection->is_closed()) {
    throw Failure(connection->failure());
  }
  timer.cancel();
  co_return connection;
}

/// A connection that is logged in. Throws Failure.
inline awaitable<ConnectionPtr> connect(boost::asio::any_io_executor strand, Terms terms) {
  const auto endpoints = co_await look_up(strand, terms.uri, terms.connect);
  Failure last;
  for (const Endpoint& endpoint : endpoints) {
    try {
      auto connection = co_await connect_to(strand, endpoint, terms);
      co_return connection;
    } catch (const Failure& failure) {
      last = failure;
    }
    if (last.code != errc::unavailable) {
      break; // no other address would do either
    }
  }
  throw Failure(last);
}

} // namespace agentstore::detail::redis

#endif
