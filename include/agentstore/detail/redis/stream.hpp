// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_STREAM_HPP
#define AGENTSTORE_DETAIL_REDIS_STREAM_HPP

// The bytes of a connection: a TCP or Unix socket, plain or under TLS.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/redis/failure.hpp>
#include <agentstore/detail/tls_context.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <sys/socket.h>

namespace agentstore::detail::redis {

class Stream {
public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  explicit Stream(boost::asio::any_io_executor strand) : socket_(strand) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() = default;

  Socket& socket() { return socket_; }

  /// From now on the stream is under TLS, with a server that proves to be `host`.
  static awaitable<boost::system::error_code> secure(Stream* stream, TlsContext context,
                                                     std::string host) {
    namespace ssl = boost::asio::ssl;
    auto& tls = stream->tls_.emplace(stream->socket_, *context);
    stream->context_ = std::move(context);
    ::SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               host.data());
    tls.set_verify_callback(ssl::host_name_verification(host));
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    co_await tls.async_handshake(ssl::stream_base::client, token);
    co_return error;
  }

  template <class Buffer, class Handler>
  void async_write(Buffer buffer, Handler handler) {
    if (tls_) {
      boost::asio::async_write(*tls_, buffer, std::move(handler));
    } else {
      boost::asio::async_write(socket_, buffer, std::move(handler));
    }
  }

  template <class Buffer, class Handler>
  void async_read_some(Buffer buffer, Handler handler) {
    if (tls_) {
      tls_->async_read_some(buffer, std::move(handler));
    } else {
      socket_.async_read_some(buffer, std::move(handler));
    }
  }

  /// TCP_NODELAY lets no small request wait for a larger one. Keep-alive finds out that a host is
  /// gone.
  void set_options() {
    boost::system::error_code ignored; // a Unix socket has no such options
    // NOLINTNEXTLINE(bugprone-unused-return-value): it is the same error
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    // NOLINTNEXTLINE(bugprone-unused-return-value): it is the same error
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  }

  /// Whether there is nothing to read and the other side has not closed the connection. Takes a
  /// system call.
  bool is_quiet() {
    char byte = 0;
    const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored); // NOLINT(bugprone-unused-return-value): it is the same error
  }

private:
  Socket socket_;
  TlsContext context_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

} // namespace agentstore::detail::redis

#endif
