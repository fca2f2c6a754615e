// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_POSTGRES_PROXY_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_POSTGRES_PROXY_HPP

// Stands between a backend and its server, and fails on demand: goes silent, or breaks connections
// before or after the server got what was sent.

#include "support/temporary_directory.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace agentstore::test {

class PostgresProxy {
public:
  explicit PostgresProxy(std::string server_socket) : server_(std::move(server_socket)) {
    acceptor_ = std::make_unique<Protocol::acceptor>(
        context_, Protocol::endpoint(directory_.file(".s.PGSQL.5432")));
    boost::asio::co_spawn(context_, accept(), boost::asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;
  ~PostgresProxy() {
    context_.stop();
    thread_.join();
  }

  std::string conninfo() const {
    return "host=" + directory_.path().string() + " port=5432 user=agent dbname=agents";
  }

  /// Whether the proxy holds back all that comes, from either side.
  void be_silent(bool silent) { is_silent_ = silent; }

  /// The nth message of a client from now on, and all later ones, break the connection: before the
  /// server gets it, or when the server has answered.
  void break_at(std::size_t nth, bool after) {
    breaks_after_ = after;
    left_ = nth;
    is_armed_ = true;
  }
  void heal() { is_armed_ = false; }

  /// How often a client has sent something and then waited for an answer, on all connections.
  std::size_t exchanges() const { return exchanges_; }
  /// How much clients have sent.
  std::size_t sent_bytes() const { return sent_bytes_; }

private:
  using Protocol = boost::asio::local::stream_protocol;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// The server's ReadyForQuery, outside of a transaction.
  static constexpr std::string_view ready{"Z\0\0\0\5I", 6};

  class Pair {
  public:
    Pair(Protocol::socket c, Protocol::socket s) : client(std::move(c)), server(std::move(s)) {}

    void close() {
      boost::system::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }

    Protocol::socket client;
    Protocol::socket server;
    bool swallows_answer = false;
    bool is_asking = false;
  };

  bool is_broken() const { return is_armed_ && left_ == 0; }

  awaitable<void> accept() {
    for (;;) {
      Protocol::socket client = co_await acceptor_->async_accept(boost::asio::use_awaitable);
      if (is_broken()) {
        continue; // and closes it
      }
      Protocol::socket server(context_);
      boost::system::error_code error;
      server.connect(Protocol::endpoint(server_), error);
      if (error) {
        continue;
      }
      auto pair = std::make_shared<Pair>(std::move(client), std::move(server));
      boost::asio::co_spawn(context_, forward_requests(pair), boost::asio::detached);
      boost::asio::co_spawn(context_, forward_answers(pair), boost::asio::detached);
    }
  }

  awaitable<std::size_t> read(Protocol::socket& from, std::array<char, 65536>& buffer) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    const auto space = boost::asio::buffer(buffer);
    const std::size_t size = co_await from.async_read_some(space, token);
    while (is_silent_ && !error) {
      boost::asio::steady_timer timer(context_, std::chrono::milliseconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return error ? 0 : size;
  }

  awaitable<bool> write(Protocol::socket& to, const std::array<char, 65536>& buffer,
                        std::size_t size) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    const auto data = boost::asio::buffer(buffer.data(), size);
    co_await boost::asio::async_write(to, data, token);
    co_return !error;
  }

  awaitable<void> forward_requests(std::shared_ptr<Pair> pair) {
    const auto buffer = std::make_unique<std::array<char, 65536>>();
    while (const std::size_t size = co_await read(pair->client, *buffer)) {
      exchanges_ += pair->is_asking ? 0U : 1U; // a message sent in parts counts once
      pair->is_asking = true;
      sent_bytes_ += size;
      if (is_armed_) {
        left_ = left_ > 0 ? left_ - 1 : 0;
        if (left_ == 0 && !breaks_after_) {
          break;
        }
        pair->swallows_answer = left_ == 0;
      }
      if (!co_await write(pair->server, *buffer, size)) {
        break;
      }
    }
    pair->close();
  }

  awaitable<void> forward_answers(std::shared_ptr<Pair> pair) {
    const auto buffer = std::make_unique<std::array<char, 65536>>();
    std::string end; // the last bytes that the server has sent so far
    while (const std::size_t size = co_await read(pair->server, *buffer)) {
      pair->is_asking = false;
      end.append(buffer->data(), size);
      end.erase(0, end.size() - std::min(end.size(), ready.size()));
      if (pair->swallows_answer) {
        if (end == ready) {
          break; // a transaction may have several answers, and its end is the last of them
        }
      } else if (!co_await write(pair->client, *buffer, size)) {
        break;
      }
    }
    pair->close();
  }

  const std::string server_;
  const TemporaryDirectory directory_;
  boost::asio::io_context context_{1};
  std::unique_ptr<Protocol::acceptor> acceptor_;
  std::thread thread_;
  std::atomic<bool> is_silent_ = false;
  std::atomic<bool> is_armed_ = false;
  std::atomic<bool> breaks_after_ = false;
  std::atomic<std::size_t> left_ = 0;
  std::atomic<std::size_t> exchanges_ = 0;
  std::atomic<std::size_t> sent_bytes_ = 0;
};

} // namespace agentstore::test

#endif
