// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_HTTP_PROXY_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_HTTP_PROXY_HPP

// Stands between a client and its HTTP server, and fails on demand: goes silent, breaks connections
// before or after the server got a request, or adds to what the server answers.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace agentstore::test {

class HttpProxy {
public:
  explicit HttpProxy(int server_port)
      : server_(boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(server_port)),
        acceptor_(context_, Protocol::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
    boost::asio::co_spawn(context_, accept(), boost::asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  HttpProxy(const HttpProxy&) = delete;
  HttpProxy& operator=(const HttpProxy&) = delete;
  ~HttpProxy() {
    context_.stop();
    thread_.join();
  }

  int port() const { return acceptor_.local_endpoint().port(); }

  /// Whether the proxy holds back all that comes, from either side.
  void be_silent(bool silent) { is_silent_ = silent; }
  /// The nth request from now on, and all later ones, break the connection: before the server gets
  /// the request, or when the server has answered.
  void break_at(std::size_t nth, bool after) {
    breaks_after_ = after;
    left_ = nth;
    is_armed_ = true;
  }
  void heal() { is_armed_ = false; }
  /// What is put behind the body of each answer.
  void append(std::string text) {
    const std::lock_guard lock(mutex_);
    appended_ = std::move(text);
  }

  std::size_t requests() const { return requests_; }
  std::size_t connections() const { return connections_; }

private:
  using Protocol = boost::asio::ip::tcp;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using Body = boost::beast::http::string_body;

  awaitable<void> accept() {
    for (;;) {
      Protocol::socket client = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      ++connections_;
      boost::asio::co_spawn(context_, serve(std::move(client)),
                            [](const std::exception_ptr&) {}); // a side has gone
    }
  }

  awaitable<void> be_quiet_while_silent() {
    while (is_silent_) {
      boost::asio::steady_timer timer(context_, std::chrono::milliseconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  }

  awaitable<void> serve(Protocol::socket socket) {
    namespace http = boost::beast::http;
    boost::beast::tcp_stream client(std::move(socket));
    boost::beast::tcp_stream server(context_);
    co_await server.async_connect(server_, boost::asio::use_awaitable);
    client.socket().set_option(Protocol::no_delay(true)); // or each step waits for 40 ms
    server.socket().set_option(Protocol::no_delay(true));
    boost::beast::flat_buffer from_client;
    boost::beast::flat_buffer from_server;
    for (;;) {
      http::request_parser<Body> request;
      request.body_limit(boost::none);
      co_await http::async_read(client, from_client, request, boost::asio::use_awaitable);
      ++requests_;
      co_await be_quiet_while_silent();
      bool breaks = false;
      if (is_armed_) {
        left_ = left_ > 0 ? left_ - 1 : 0;
        breaks = left_ == 0;
      }
      if (breaks && !breaks_after_) {
        co_return;
      }
      const auto asked = request.release();
      co_await http::async_write(server, asked, boost::asio::use_awaitable);
      http::response_parser<Body> response;
      response.body_limit(boost::none);
      co_await http::async_read(server, from_server, response, boost::asio::use_awaitable);
      co_await be_quiet_while_silent();
      if (breaks) {
        co_return;
      }
      auto answer = response.release();
      {
        const std::lock_guard lock(mutex_);
        answer.body() += appended_;
      }
      answer.chunked(false);
      answer.prepare_payload();
      co_await http::async_write(client, answer, boost::asio::use_awaitable);
    }
  }

  const Protocol::endpoint server_;
  boost::asio::io_context context_{1};
  Protocol::acceptor acceptor_;
  std::mutex mutex_;
  std::string appended_;
  std::atomic<bool> is_silent_ = false;
  std::atomic<bool> is_armed_ = false;
  std::atomic<bool> breaks_after_ = false;
  std::atomic<std::size_t> left_ = 0;
  std::atomic<std::size_t> requests_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::thread thread_;
};

} // namespace agentstore::test

#endif
