// SPDX-License-Identifier: Apache-2.0

// What the bridge does with bad input, slow clients and strangers, and how it stops.

#include "options.hpp"
#include "server.hpp"

#include <agentstore/backends/memory.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>
#include <ctime>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

using namespace langgraph_bridge;
using namespace std::chrono_literals;
using agentstore::json;
using asio::ip::tcp;

namespace {

ServerOptions waiting_for(std::chrono::milliseconds timeout) {
  ServerOptions options;
  options.max_body = 10'000;
  options.max_header = 2'000;
  options.max_connections = 20;
  options.idle_timeout = timeout;
  options.header_timeout = timeout;
  options.body_timeout = timeout;
  return options;
}

/// What this process has used so far.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// For what is to happen without a time-out, however busy the machine is.
ServerOptions patient() {
  return waiting_for(60s);
}

ServerOptions impatient() {
  return waiting_for(400ms);
}

/// A server on a thread of its own, over a store in memory.
class Running {
public:
  explicit Running(ServerOptions options = patient())
      : server_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0),
                Checkpointer(backend_), backend_, std::move(options)) {
    asio::co_spawn(context_, open(&backend_), asio::detached);
    server_.start();
    thread_ = std::thread([this] { context_.run(); });
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { stop(); }

  std::uint16_t port() const { return server_.endpoint().port(); }

  /// Returns when all that was running has been answered.
  void stop() {
    if (thread_.joinable()) {
      asio::post(context_, [this] { server_.stop(); });
      thread_.join();
    }
  }

  /// What follows acts on a store that is not open any more.
  void close_store() { asio::co_spawn(context_, close(&backend_), asio::detached); }

private:
  static awaitable<void> open(agentstore::MemoryBackend* backend) {
    co_await backend->initialize();
  }
  static awaitable<void> close(agentstore::MemoryBackend* backend) { co_await backend->close(); }

  agentstore::MemoryBackend backend_;
  asio::io_context context_{1};
  Server server_;
  std::thread thread_;
};

/// A connection that sends and receives bytes. Nothing that it waits for takes longer than 30 s.
class Client {
public:
  explicit Client(const Running& server) : port_(server.port()), socket_(context_) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port_));
    const timeval limit{30, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  enum Later { later };
  /// One that has a socket and is not connected yet.
  Client(const Running& server, Later) : port_(server.port()), socket_(context_) {
    socket_.open(tcp::v4());
  }
  void connect(const Running& server) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), server.port()));
  }

  /// As much as the server takes.
  void send(const std::string& text) {
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer(text), ignored);
  }

  /// All until the server closes; "(timeout)" at the end if it does not.
  std::string read_all() {
    return read([](const std::string&) { return false; });
  }

  /// All up to such an end, or as `read_all`.
  std::string read_to(const std::string& end) {
    return read([&end](const std::string& text) { return text.ends_with(end); });
  }

  /// Whether the server has neither sent anything nor closed.
  bool is_kept_waiting() {
    char one = 0;
    return ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  /// One response with a body of a known length.
  std::string read_one() {
    http::response<http::string_body> response;
    boost::system::error_code error;
    http::read(socket_, buffer_, response, error);
    return error ? error.message() : std::to_string(response.result_int()) + " " + response.body();
  }

private:
  template <class IsEnough>
  std::string read(const IsEnough& is_enough) {
    std::string text;
    while (!is_enough(text)) {
      char piece[4096];
      const auto size = ::recv(socket_.native_handle(), piece, sizeof piece, 0);
      if (size > 0) {
        text.append(piece, static_cast<std::size_t>(size));
      } else {
        return size == 0 || errno == ECONNRESET ? text : text + "(timeout)";
      }
    }
    return text;
  }

  std::uint16_t port_;
  asio::io_context context_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

std::string request(const std::string& operation, const std::string& body,
                    const std::string& fields = "") {
  return "POST /v1/" + operation +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

/// The status and body of what the server answers, after which it closes.
std::pair<int, json> send_raw(const Running& server, const std::string& text) {
  Client client(server);
  client.send(text);
  const std::string answer = client.read_all();
  const std::size_t body = answer.find("\r\n\r\n");
  INFO(answer);
  REQUIRE(answer.starts_with("HTTP/1.1 "));
  REQUIRE(body != std::string::npos);
  return {std::stoi(answer.substr(9, 3)), json::parse(answer.substr(body + 4))};
}

constexpr auto closing = "Connection: close\r\n";

/// The answer to a request that is well-formed HTTP.
std::pair<int, json> ask(const Running& server, const std::string& operation,
                         const std::string& body, const std::string& fields = "") {
  return send_raw(server, request(operation, body, closing + fields));
}

const std::string good_put =
    R"({"config": {"thread_id": "t"}, "checkpoint": {"id": "c1"}, "metadata": {},)"
    R"( "new_versions": {}})";

std::string error_of(const std::pair<int, json>& answer) {
  return std::to_string(answer.first) + " " +
         answer.second.at("error").at("code").get<std::string>();
}

} // namespace

TEST_CASE("A good request is answered, and another on the same connection") {
  const Running server;
  Client client(server);
  client.send(request("put", good_put));
  CHECK(client.read_one() ==
        R"(200 {"config":{"thread_id":"t","checkpoint_ns":"","checkpoint_id":"c1"}})");
  // Two at once, the second in pieces.
  const std::string second = request("delete_thread", R"({"thread_id": "t"})");
  client.send(request("get_tuple", R"({"thread_id": "none"})") + second.substr(0, 20));
  CHECK(client.read_one() == R"(200 {"tuple":null})");
  client.send(second.substr(20));
  CHECK(client.read_one() == R"(200 {"deleted":true})");
  client.send("GET /v1/health HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  CHECK(client.read_one().starts_with("200 {"));
}

TEST_CASE("Values come back as they were spelled") {
  const Running server;
  Client client(server);
  // A number's end, an exponent, an escape, names that are twice there, and their order.
  const std::string odd =
      R"({"z":1.50,"a":1e2,"\u0061b":"\u0061\/","a":-0.0,"n":[12345678901234567890,1E+2]})";
  client.send(
      request("put", R"({"config": {"thread_id": "t"}, "checkpoint": {"id": "c1", "own": )" + odd +
                         R"(, "channel_versions": {"x": 1.50}, "channel_values": {"x": )" + odd +
                         R"(}}, "metadata": {"m": )" + odd + R"(}, "new_versions": {"x": 1.50}})"));
  CHECK(client.read_one().starts_with("200 "));
  client.send(request("put_writes", R"({"config": {"thread_id": "t", "checkpoint_id": "c1"},)"
                                    R"( "task_id": "task", "writes": [["w", )" +
                                        odd + "]]}"));
  CHECK(client.read_one() == "200 {}");
  const std::string written = R"("pending_writes":[["task","w",)" + odd + "]]";
  for (const char* const ask : {"get_tuple", "list"}) {
    client.send(request(ask, R"({"thread_id": "t"})"));
    const std::string answer = client.read_one();
    INFO(answer);
    CHECK(answer.find(R"("own":)" + odd) != std::string::npos);
    CHECK(answer.find(R"("channel_versions":{"x":1.50})") != std::string::npos);
    CHECK(answer.find(R"("channel_values":{"x":)" + odd + "}") != std::string::npos);
    CHECK(answer.find(R"("metadata":{"m":)" + odd + "}") != std::string::npos);
    CHECK(answer.find(written) != std::string::npos);
  }
}

TEST_CASE("Without its token nothing is answered") {
  ServerOptions options = patient();
  options.token = "s3cret";
  const Running server(options);
  for (const char* const field :
       {"", "Authorization: Bearer \r\n", "Authorization: Bearer s3cre\r\n",
        "Authorization: Bearer s3crets\r\n", "Authorization: Bearer S3cret\r\n",
        "Authorization: Basic s3cret\r\n", "Authorization: s3cret\r\n"}) {
    INFO(field);
    CHECK(error_of(ask(server, "put", good_put, field)) == "401 unauthorized");
    CHECK(error_of(ask(server, "nowhere", "{}", field)) == "401 unauthorized");
    CHECK(error_of(send_raw(server, "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n" +
                                        std::string(field) + "\r\n")) == "401 unauthorized");
  }
  const auto answer =
      ask(server, "list", "{}", "Authorization: Bearer s3cret\r\nHost: bridge.example\r\n");
  CHECK(answer.first == 200);
  CHECK(answer.second["tuples"].empty());
}

TEST_CASE("Without a token the Host must be an address or localhost") {
  const Running server;
  const auto with_host = [&](const std::string& host) {
    return send_raw(server,
                    "GET /v1/health HTTP/1.1\r\nConnection: close\r\nHost: " + host + "\r\n\r\n")
        .first;
  };
  CHECK(with_host("localhost:80") == 200);
  CHECK(with_host("127.0.0.1:80") == 200);
  CHECK(with_host("[::1]:80") == 200);
  CHECK(with_host("evil.example") == 403);
  CHECK(with_host("localhost.evil.example:80") == 403);
  CHECK(with_host("127.0.0.1.evil.example") == 403);
  CHECK(with_host("") == 403);
}

TEST_CASE("Unknown paths, methods and kinds of body are refused") {
  const Running server;
  CHECK(error_of(ask(server, "nowhere", "{}")) == "404 not_found");
  CHECK(error_of(ask(server, "", "{}")) == "404 not_found");
  CHECK(error_of(ask(server, "put?x=1", good_put)) == "404 not_found");
  CHECK(error_of(ask(server, "put/", good_put)) == "404 not_found");
  CHECK(error_of(send_raw(server, "POST /put HTTP/1.1\r\nHost: localhost\r\n\r\n")) ==
        "404 not_found");
  CHECK(error_of(send_raw(server, "GET /v1/put HTTP/1.1\r\nHost: localhost\r\n\r\n")) ==
        "405 method_not_allowed");
  CHECK(error_of(send_raw(server, "POST /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")) ==
        "405 method_not_allowed");
  for (const char* const type :
       {"", "Content-Type: text/plain\r\n", "Content-Type: application\r\n",
        "Content-Type: application/json2\r\n"}) {
    CHECK(error_of(send_raw(server, "POST /v1/list HTTP/1.1\r\nHost: localhost\r\n" +
                                        std::string(type) + "Content-Length: 2\r\n\r\n{}")) ==
          "415 unsupported_media_type");
  }
  CHECK(send_raw(server, "POST /v1/list HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                         "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2"
                         "\r\n\r\n{}")
            .first == 200);
}

TEST_CASE("A body that is too large is refused before it is read") {
  const Running server;
  const auto refused = ask(server, "put", std::string(10'001, ' '));
  CHECK(error_of(refused) == "413 too_large");
  CHECK(refused.second["error"]["operation"] == "put");
  CHECK(error_of(send_raw(server, "POST /v1/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                  "application/json\r\nContent-Length: 99999999999999\r\n\r\n")) ==
        "413 too_large");
  // Of unknown length, and far more than any buffer takes.
  const std::string chunk = "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  std::string chunked = "POST /v1/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        "application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) {
    chunked += chunk;
  }
  CHECK(error_of(send_raw(server, chunked)) == "413 too_large");
  std::string all = good_put;
  all.resize(10'000, ' ');
  CHECK(ask(server, "put", all).first == 200);
}

TEST_CASE("A header that is too large, or is none, is refused") {
  const Running server;
  CHECK(error_of(ask(server, "list", "{}", "X: " + std::string(2'000, 'x') + "\r\n")) ==
        "431 too_large");
  for (const char* const text :
       {"hello\r\n\r\n", "\x16\x03\x01\x02\x01\x01\r\n\r\n", "POST /v1/list HTTP/9.9\r\n\r\n",
        "POST\r\n\r\n", "POST /v1/list HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/list HTTP/1.1\r\nno colon\r\n\r\n"}) {
    INFO(text);
    CHECK(error_of(send_raw(server, text)) == "400 bad_request");
  }
}

TEST_CASE("A body that is not the JSON it should be is refused, and says where") {
  const Running server;
  const auto message = [&](const std::string& operation, const std::string& body) {
    const auto answer = ask(server, operation, body);
    CHECK(error_of(answer) == "400 invalid_argument");
    CHECK(answer.second["error"]["operation"] == operation);
    return answer.second["error"]["message"].get<std::string>();
  };
  const auto says = [&](const std::string& operation, const std::string& body,
                        const std::string& what) {
    const std::string text = message(operation, body);
    INFO(text << " for " << body);
    CHECK(text.find(what) != std::string::npos);
  };
  says("list", "", "not JSON that can be held: wrong at byte 0");
  says("list", "{", "not JSON");
  says("list", "{} {}", "not JSON that can be held: wrong at byte 3");
  says("list", "{'a': 1}", "not JSON");
  says("list", "{\"thread_id\": \"\xff\"}", "not JSON");
  says("list", R"({"thread_id": "\ud800"})", "not JSON");
  says("list", R"({"filter": {"a": 1e999}})", "wrong at byte 17");
  says("list", "[]", "not a JSON object");
  says("list", "null", "not a JSON object");
  says("list", "{\"filter\": " + std::string(9'000, '['), "wrong at byte");
  says("list", "{\"filter\": " + std::string(260, '[') + std::string(260, ']') + "}",
       "nested deeper");
  says("list", R"({"limit": -1})", "limit is not a whole number");
  says("list", R"({"limit": 1.5})", "limit is not a whole number");
  says("list", R"({"limit": "1"})", "limit is not a whole number");
  says("list", R"({"limit": 99999999999999999999})", "limit is not a whole number");
  says("list", R"({"before": 1})", "before is not a text");
  says("list", R"({"filter": [1]})", "filter is not a JSON object");
  says("list", R"({"thread_id": ""})", "thread_id is empty");
  says("list", R"({"threadid": "t"})", "threadid is not known");
  says("get_tuple", "{}", "thread_id is missing");
  says("get_tuple", R"({"thread_id": 1})", "thread_id is not a text");
  says("get_tuple", R"({"thread_id": "a\u0000b"})", "NUL");
  says("put", "{}", "config is missing");
  says("put", R"({"config": 1})", "config is not a JSON object");
  says("put", R"({"config": {}})", "config.thread_id is missing");
  says("put", R"({"config": {"thread_id": "t", "x": 1}})", "config.x is not known");
  says("put", R"({"config": {"thread_id": "t"}})", "checkpoint is missing");
  says("put",
       R"({"config": {"thread_id": "t"}, "checkpoint": {}, "metadata": {}, "new_versions": {}})",
       "no id");
  says("put_writes", R"({"config": {"thread_id": "t"}, "writes": [["a"]], "task_id": "x"})",
       "writes holds what is not");
  says("put_writes", R"({"config": {"thread_id": "t"}, "writes": [], "task_id": "x"})",
       "checkpoint_id is missing");
  says("put_writes", R"({"config": {"thread_id": "t", "checkpoint_id": "c"}, "writes": {}})",
       "writes is not an array");
  says("delete_thread", R"({"thread_id": null})", "thread_id is missing");
  says("copy_thread", R"({"source": "t"})", "target is missing");
  says("prune", R"({"thread_ids": "t"})", "thread_ids is not an array");
  says("prune", R"({"thread_ids": [1]})", "thread_ids is not a text");
  says("prune", R"({"thread_ids": [], "strategy": "all"})", "strategy is neither");
  CHECK(ask(server, "list", "{}").second["tuples"].empty());
}

TEST_CASE("An error names operation and key") {
  Running server;
  CHECK(ask(server, "put", good_put).first == 200);
  const auto taken = ask(server, "copy_thread", R"({"source": "t", "target": "t"})");
  CHECK(error_of(taken) == "409 already_exists");
  CHECK(taken.second["error"]["key"] == "t");
  server.close_store();
  const auto closed = ask(server, "put", good_put);
  CHECK(error_of(closed) == "503 closed");
  CHECK(closed.second["error"]["operation"] == "put");
  CHECK(closed.second["error"]["key"] == "t");
  const auto health = send_raw(server, "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n"
                                       "Connection: close\r\n\r\n");
  CHECK(health.first == 503);
  CHECK(health.second["status"] == "unhealthy");
}

namespace {

/// One that has sent nothing, one in the middle of a header and one in that of a body.
class SlowClients {
public:
  explicit SlowClients(const Running& server) : silent(server), in_header(server), in_body(server) {
    in_header.send("POST /v1/list HTTP/1.1\r\nHost: local");
    in_body.send(request("put", good_put).substr(0, request("put", good_put).size() - 1));
  }

  Client silent;
  Client in_header;
  Client in_body;
};

} // namespace

TEST_CASE("A slow client keeps no one waiting") {
  const Running server;
  SlowClients slow(server);
  CHECK(ask(server, "list", "{}").first == 200);
  CHECK(slow.silent.is_kept_waiting());
  CHECK(slow.in_header.is_kept_waiting());
  CHECK(slow.in_body.is_kept_waiting());
}

TEST_CASE("A slow client is let go") {
  const Running server(impatient());
  SlowClients slow(server);
  CHECK(slow.silent.read_all().empty());
  CHECK(slow.in_header.read_all().empty());
  CHECK(slow.in_body.read_all().empty());
  CHECK(ask(server, "list", "{}").second["tuples"].empty());
}

TEST_CASE("A client that sends a header byte by byte has no more time than others") {
  const Running server(impatient());
  Client client(server);
  // Never for as long as the time-out, together far longer.
  client.send("POST /v1/list HTTP/1.1\r\nHost: localhost\r\n");
  const auto begin = std::chrono::steady_clock::now();
  while (client.is_kept_waiting() && std::chrono::steady_clock::now() - begin < 30s) {
    client.send("x");
    std::this_thread::sleep_for(20ms);
  }
  CHECK(client.read_all().empty());
  CHECK(std::chrono::steady_clock::now() - begin < 30s);
}

TEST_CASE("More connections than allowed wait until others have ended") {
  const Running server;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(server));
    if (i < 19) {
      clients.back()->send(request("list", "{}"));
      CHECK(clients.back()->read_one().starts_with("200"));
    }
  }
  Client one_more(server);
  one_more.send(request("list", "{}"));
  std::this_thread::sleep_for(200ms);
  CHECK(one_more.is_kept_waiting());
  // Where all connections are taken, one that has been served is closed.
  clients.back()->send(request("list", "{}"));
  CHECK(clients.back()->read_all().starts_with("HTTP/1.1 200"));
  CHECK(one_more.read_one().starts_with("200"));
}

TEST_CASE("A server without descriptors waits, and works again when there are some") {
  const Running server;
  {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    Client early(server);
    early.send(request("list", "{}"));
    REQUIRE(early.read_one().starts_with("200"));
    Client waiting(server, Client::later);
    const int free = ::dup(0);
    REQUIRE(free >= 0);
    ::close(free);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(free); // every lower one is taken
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    waiting.connect(server);
    waiting.send(request("list", "{}"));
    const auto cpu = processor_time();
    std::this_thread::sleep_for(1s);
    const auto used = processor_time() - cpu;
    const bool waits = waiting.is_kept_waiting();
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(waits);
    CHECK(used < 300ms); // it does not try without a pause
    CHECK(waiting.read_one().starts_with("200"));
  }
}

TEST_CASE("A client that waits to be told to go on is told") {
  const Running server;
  Client client(server);
  const std::string whole =
      request("put", good_put, "Expect: 100-continue\r\nConnection: close\r\n");
  client.send(whole.substr(0, whole.size() - good_put.size()));
  CHECK(client.read_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(good_put);
  CHECK(client.read_all().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("Stopping closes what is idle and takes nothing more") {
  Running server;
  Client idle(server);
  idle.send(request("list", "{}"));
  CHECK(idle.read_one() == R"(200 {"tuples":[]})");
  Client half(server);
  half.send("POST /v1/list HTTP/1.1\r\nHost: local");
  const auto begin = std::chrono::steady_clock::now();
  const std::uint16_t port = server.port();
  server.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 30s); // without their time-outs
  CHECK(idle.read_all().empty());
  CHECK(half.read_all().empty());
  asio::io_context context;
  tcp::socket socket(context);
  boost::system::error_code error;
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), error);
  CHECK(error == asio::error::connection_refused);
}

// The command line.

namespace {

std::string refused(const std::vector<std::string>& arguments) {
  try {
    parse_options(arguments);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A variable of the environment for the time of a test.
class Variable {
public:
  explicit Variable(const char* value) { setenv(token_variable, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(token_variable); }
};

} // namespace

TEST_CASE("It listens on this machine alone unless it is told otherwise and has a token") {
  unsetenv(token_variable);
  CHECK(parse_options({}).listen.address().is_loopback());
  CHECK(parse_options({"--listen", "localhost:0"}).listen.address().to_string() == "127.0.0.1");
  CHECK(parse_options({"--listen=[::1]:8"}).listen.port() == 8);
  CHECK(parse_options({"--listen", "127.0.0.2:8"}).listen.address().to_string() == "127.0.0.2");
  for (const char* const address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:80"}) {
    CHECK(has(refused({"--listen", address}), "--allow-remote"));
    CHECK(has(refused({"--listen", address, "--allow-remote"}), "needs a token"));
    const Variable token("s3cret");
    CHECK(has(refused({"--listen", address}), "--allow-remote"));
    CHECK(refused({"--listen", address, "--allow-remote"}).empty());
  }
  for (const char* const wrong : {"", "8730", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                                  "127.0.0.1:65536", "127.0.0.1:-1", "bridge.example:80", ":80"}) {
    INFO(wrong);
    CHECK(has(refused({"--listen", wrong}), "--listen"));
  }
}

TEST_CASE("The token comes from a file or the environment, and is in no message") {
  const std::string path = "langgraph_bridge_token";
  const auto write = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  };
  {
    const Variable variable("from-variable");
    CHECK(parse_options({}).token == "from-variable");
    write("from-file\n");
    CHECK(parse_options({"--token-file", path}).token == "from-file");
  }
  for (const char* const wrong : {"", "\n", "two words s3cret\n", "s3cr\xc3\xa9t"}) {
    write(wrong);
    const std::string message = refused({"--token-file", path});
    CHECK(has(message, path));
    CHECK_FALSE(has(message, "s3cr"));
  }
  const Variable variable("s3cret with spaces");
  CHECK(has(refused({}), token_variable));
  CHECK_FALSE(has(refused({}), "s3cret"));
  std::remove(path.c_str());
  CHECK(has(refused({"--token-file", path}), path));
}

TEST_CASE("What is wrong with the command line is named") {
  unsetenv(token_variable);
  CHECK(has(refused({"--stroe", "memory:"}), "--stroe"));
  CHECK(has(refused({"more"}), "more"));
  CHECK(has(refused({"--store"}), "--store"));
  CHECK(has(refused({"--max-body", "1G"}), "1G"));
  CHECK(has(refused({"--allow-remote=yes"}), "--allow-remote"));
  CHECK(has(refused({"--grace", "-1"}), "--grace"));
  CHECK(has(refused({"--grace", "1.5"}), "1.5"));
  CHECK(parse_options({}).grace == 10);
  CHECK(parse_options({"--grace", "0"}).grace == 0);
  CHECK(parse_options({"--max-body", "5"}).max_body == 5);
  CHECK(parse_options({"--help"}).help);
}
