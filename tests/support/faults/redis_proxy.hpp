// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_REDIS_PROXY_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_REDIS_PROXY_HPP

// Stands between a backend and its server, and fails on demand: goes silent, talks nonsense, or
// breaks connections before or after the server got what was sent.

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

#include <array>
#include <atomic>
#include <hiredis/hiredis.h>
#include <memory>
#include <string>
#include <thread>

namespace agentstore::test {

class RedisProxy {
public:
  explicit RedisProxy(std::string server_socket) : server_(std::move(server_socket)) {
    acceptor_ = std::make_unique<Protocol::acceptor>(context_, Protocol::endpoint(socket()));
    boost::asio::co_spawn(context_, accept(), boost::asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  RedisProxy(const RedisProxy&) = delete;
  RedisProxy& operator=(const RedisProxy&) = delete;
  ~RedisProxy() {
    context_.stop();
    thread_.join();
  }

  std::string socket() const { return directory_.file("socket"); }
  std::string uri() const { return "unix://" + socket(); }

  /// Whether the proxy holds back all that comes, from either side.
  void be_silent(bool silent) { is_silent_ = silent; }
  /// Whether the proxy spoils the server's replies.
  void spoil(bool spoils) { spoils_ = spoils; }

  /// The nth piece that a client sends from now on, and all later ones, break the connection:
  /// before the server gets the piece, or when the server has answered.
  void break_at(std::size_t nth, bool after) {
    breaks_after_ = after;
    left_ = nth;
    is_armed_ = true;
  }
  void heal() { is_armed_ = false; }

  /// How many commands clients have sent.
  std::size_t commands() const { return commands_; }
  std::size_t connections() const { return connections_; }

private:
  using Protocol = boost::asio::local::stream_protocol;
  using Buffer = std::array<char, 65536>;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// Counts the messages of one direction: commands and replies have the same form.
  class Counter {
  public:
    std::size_t count(const Buffer& buffer, std::size_t size) {
      ::redisReaderFeed(reader_.get(), buffer.data(), size);
      std::size_t messages = 0;
      void* message = nullptr;
      while (::redisReaderGetReply(reader_.get(), &message) == REDIS_OK && message != nullptr) {
        ::freeReplyObject(message);
        ++messages;
      }
      return messages;
    }

  private:
    class Free {
    public:
      void operator()(redisReader* reader) const { ::redisReaderFree(reader); }
    };
    std::unique_ptr<redisReader, Free> reader_{::redisReaderCreate()};
  };

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
    Counter from_client;
    Counter from_server;
    std::size_t unanswered = 0;
    bool swallows_answer = false;
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
      ++connections_;
      auto pair = std::make_shared<Pair>(std::move(client), std::move(server));
      boost::asio::co_spawn(context_, forward_requests(pair), boost::asio::detached);
      boost::asio::co_spawn(context_, forward_answers(pair), boost::asio::detached);
    }
  }

  awaitable<std::size_t> read(Protocol::socket& from, Buffer& buffer) {
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

  awaitable<bool> write(Protocol::socket& to, const Buffer& buffer, std::size_t size) {
    boost::system::error_code error;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
    const auto data = boost::asio::buffer(buffer.data(), size);
    co_await boost::asio::async_write(to, data, token);
    co_return !error;
  }

  awaitable<void> forward_requests(std::shared_ptr<Pair> pair) {
    const auto buffer = std::make_unique<Buffer>();
    while (const std::size_t size = co_await read(pair->client, *buffer)) {
      const std::size_t sent = pair->from_client.count(*buffer, size);
      commands_ += sent;
      pair->unanswered += sent;
      if (is_armed_ && sent > 0) {
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
    const auto buffer = std::make_unique<Buffer>();
    while (const std::size_t size = co_await read(pair->server, *buffer)) {
      pair->unanswered -= std::min(pair->unanswered, pair->from_server.count(*buffer, size));
      if (pair->swallows_answer) {
        if (pair->unanswered == 0) {
          break;
        }
        continue;
      }
      if (spoils_) {
        buffer->at(0) = '?';
      }
      if (!co_await write(pair->client, *buffer, size)) {
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
  std::atomic<bool> spoils_ = false;
  std::atomic<bool> is_armed_ = false;
  std::atomic<bool> breaks_after_ = false;
  std::atomic<std::size_t> left_ = 0;
  std::atomic<std::size_t> commands_ = 0;
  std::atomic<std::size_t> connections_ = 0;
};

} // namespace agentstore::test

#endif
