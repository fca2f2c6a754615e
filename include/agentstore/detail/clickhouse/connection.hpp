// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_CONNECTION_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_CONNECTION_HPP

// A connection by HTTP, plain or under TLS, and one exchange on it after the other.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/clickhouse/failure.hpp>
#include <agentstore/detail/clickhouse/uri.hpp>
#include <agentstore/detail/deadline.hpp>
#include <agentstore/detail/tls_context.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <openssl/evp.h>
#include <optional>
#include <sstream>
#include <sys/socket.h>
#include <vector>

namespace agentstore::detail::clickhouse {

using Time = std::chrono::steady_clock::time_point;

/// A statement for the server, with what comes after it.
class Query {
public:
  Query() = default;
  explicit Query(std::string the_sql, std::string the_body = std::string())
      : sql(std::move(the_sql)), body(std::move(the_body)) {}

  /// The values that a caller gave stand in it only as hexadecimal digits.
  std::string sql;
  /// The rows of an insert.
  std::string body;
};

/// Requires: everything is called on one strand, one exchange at a time.
class Connection {
public:
  Connection(boost::asio::any_io_executor strand, Uri uri, TlsContext tls)
      : uri_(std::move(uri)), tls_context_(std::move(tls)), stream_(strand) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  /// Connects to the first of the host's addresses that answers. Throws Failure.
  static awaitable<void> connect(std::shared_ptr<Connection> self, std::chrono::milliseconds limit,
                                 Time give_up_at);

  /// Sends one statement and returns the server's answer. Throws Failure. The connection
  /// stays usable after an error of the server, but after no other failure.
  static awaitable<std::string> exchange(std::shared_ptr<Connection> self, Query query,
                                         Time give_up_at);

  /// Whether another exchange may be made: the server has not closed the connection, and is not
  /// about to.
  bool is_usable();

private:
  using Tcp = boost::asio::ip::tcp;
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  /// An attempt to look a name up. The system's look-up cannot be interrupted, so a caller that
  /// stops waiting leaves the attempt behind.
  class Lookup {
  public:
    explicit Lookup(const boost::asio::any_io_executor& executor)
        : resolver(executor), timer(executor) {}

    Tcp::resolver resolver;
    boost::asio::steady_timer timer;
    boost::system::error_code error = boost::asio::error::timed_out; // until there is an answer
    Tcp::resolver::results_type results;
  };

  static awaitable<std::vector<Tcp::endpoint>> look_up(std::shared_ptr<Connection> self,
                                                       Time give_up_at);
  static awaitable<void> secure(std::shared_ptr<Connection> self);
  template <class Stream>
  static awaitable<Response> talk(std::shared_ptr<Connection> self, Stream* stream,
                                  const Request* request);
  Request request_for(Query query) const;

  /// For how long an idle connection is trusted. Servers close theirs after 3 s or more.
  static constexpr std::chrono::milliseconds trusted_idle_time{1'500};

  const Uri uri_;
  const TlsContext tls_context_;
  boost::beast::tcp_stream stream_;
  std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
  boost::beast::flat_buffer buffer_;
  bool is_kept_alive_ = true;
  Time last_used_ = std::chrono::steady_clock::now();
};

// Only machinery below this line.

inline std::string base64(const std::string& text) {
  std::vector<unsigned char> encoded(4 * ((text.size() + 2) / 3) + 1); // with a NUL
  std::vector<unsigned char> bytes(text.begin(), text.end());
  const int size = ::EVP_EncodeBlock(encoded.data(), bytes.data(), static_cast<int>(bytes.size()));
  return {encoded.begin(), encoded.begin() + size};
}

/// `text` as part of a URL.
inline std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr std::string_view plain = "-._~";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || plain.find(c) != std::string_view::npos;
    if (is_plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += hex[byte >> 4u];
      encoded += hex[byte & 0xfu];
    }
  }
  return encoded;
}

inline awaitable<std::vector<boost::asio::ip::tcp::endpoint>>
Connection::look_up(std::shared_ptr<Connection> self, Time give_up_at) {
  auto lookup = std::make_shared<Lookup>(self->stream_.get_executor());
  lookup->timer.expires_at(give_up_at);
  lookup->resolver.async_resolve(
      self->uri_.host, self->uri_.port,
      [lookup](const boost::system::error_code& error, const Tcp::resolver::results_type& results) {
        lookup->error = error;
        lookup->results = results;
        lookup->timer.cancel();
      });
  boost::system::error_code ignored;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
  co_await lookup->timer.async_wait(token);
  std::vector<Tcp::endpoint> found;
  for (const auto& entry : lookup->results) {
    found.push_back(entry.endpoint());
  }
  if (found.empty()) {
    throw Failure(Failure::of_network("the host is not found", lookup->error));
  }
  co_return found;
}

inline awaitable<void> Connection::secure(std::shared_ptr<Connection> self) {
  namespace ssl = boost::asio::ssl;
  auto& tls = self->tls_.emplace(self->stream_, *self->tls_context_);
  std::string host = self->uri_.host;
  boost::system::error_code no_address;
  static_cast<void>(boost::asio::ip::make_address(host, no_address));
  if (no_address) { // an address is verified as one, and never asked for as a name
    ::SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               host.data());
  }
  tls.set_verify_callback(ssl::host_name_verification(host));
  boost::system::error_code error;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
  co_await tls.async_handshake(ssl::stream_base::client, token);
  if (error) {
    throw Failure(Failure::of_network("no connection by TLS", error));
  }
}

inline awaitable<void> Connection::connect(std::shared_ptr<Connection> self,
                                           std::chrono::milliseconds limit, Time give_up_at) {
  const auto until = [limit, give_up_at] {
    return std::min(give_up_at, deadline_after(std::chrono::steady_clock::now(), limit));
  };
  const auto endpoints = co_await look_up(self, until());
  boost::system::error_code error;
  for (const Tcp::endpoint& endpoint : endpoints) {
    self->stream_.expires_at(until());
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await self->stream_.async_connect(endpoint, token);
    if (error) {
      self->stream_.close(); // the next address may need a socket of another kind
      continue;
    }
    boost::system::error_code ignored;
    // NOLINTNEXTLINE(bugprone-unused-return-value): it is the same error
    self->stream_.socket().set_option(Tcp::no_delay(true), ignored);
    if (self->tls_context_) {
      co_await secure(self);
    }
    co_return;
  }
  throw Failure(Failure::of_network("no connection", error));
}

inline Connection::Request Connection::request_for(Query query) const {
  namespace http = boost::beast::http;
  // The server holds its answer back until the statement has ended, so that the status shows how it
  // ended. If the server does not keep to that, the answer itself still shows it.
  const std::string target = "/?wait_end_of_query=1&query=" + percent_encoded(query.sql);
  Request request(http::verb::post, target, 11);
  request.set(http::field::authorization, "Basic " + base64(uri_.user + ":" + uri_.password));
  request.set(http::field::host, uri_.authority());
  request.set(http::field::user_agent, "agentstore");
  request.body() = std::move(query.body);
  request.prepare_payload();
  return request;
}

template <class Stream>
awaitable<Connection::Response> Connection::talk(std::shared_ptr<Connection> self, Stream* stream,
                                                 const Request* request) {
  namespace http = boost::beast::http;
  // Beast's asynchronous way to write a message costs the compiler more than all else here.
  std::ostringstream written;
  written << request->base();
  const std::string header = written.str();
  const std::array<boost::asio::const_buffer, 2> message = {boost::asio::buffer(header),
                                                            boost::asio::buffer(request->body())};
  boost::system::error_code error;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
  co_await boost::asio::async_write(*stream, message, token);
  if (error) {
    throw Failure(Failure::of_network("the request was not sent", error));
  }
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  co_await http::async_read(*stream, self->buffer_, parser, token);
  if (error) {
    throw Failure(Failure::of_network("no answer", error));
  }
  co_return parser.release();
}

inline awaitable<std::string> Connection::exchange(std::shared_ptr<Connection> self, Query query,
                                                   Time give_up_at) {
  self->is_kept_alive_ = false; // until the exchange has ended well
  self->stream_.expires_at(give_up_at);
  const Request request = self->request_for(std::move(query));
  auto talking =
      self->tls_ ? talk(self, &*self->tls_, &request) : talk(self, &self->stream_, &request);
  Response response = co_await std::move(talking);
  self->stream_.expires_never();
  self->is_kept_alive_ = response.keep_alive();
  self->last_used_ = std::chrono::steady_clock::now();
  const bool has_exception_header = response.count("X-ClickHouse-Exception-Code") != 0;
  if (response.result() != boost::beast::http::status::ok || has_exception_header) {
    throw Failure(failure_of(response.body()));
  }
  co_return std::move(response.body());
}

inline bool Connection::is_usable() {
  char byte = 0;
  const auto got = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  const bool is_quiet = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return is_quiet && is_kept_alive_ &&
         std::chrono::steady_clock::now() - last_used_ < trusted_idle_time;
}

} // namespace agentstore::detail::clickhouse

#endif
