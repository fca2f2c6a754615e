// SPDX-License-Identifier: Apache-2.0

#include "server.hpp"

#include "requests.hpp"

#include <agentstore/record_json.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <cstdio>

namespace langgraph_bridge {

namespace beast = boost::beast;
using boost::system::error_code;

class Server::Connection {
public:
  explicit Connection(asio::ip::tcp::socket socket) : stream(std::move(socket)) {}

  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  /// From when a request is whole until its answer has been sent.
  bool is_busy = false;
};

namespace {

http::response<http::string_body> make_response(http::status status, std::string body) {
  http::response<http::string_body> response(status, 11);
  response.set(http::field::content_type, "application/json");
  response.set(http::field::cache_control, "no-store");
  response.body() = std::move(body);
  return response;
}

http::response<http::string_body> make_error(http::status status, std::string_view code,
                                             std::string_view operation, std::string_view key,
                                             std::string_view message) {
  json error = json::object();
  error["code"] = code;
  error["operation"] = operation;
  error["key"] = key;
  error["message"] = message;
  json body = json::object();
  body["error"] = std::move(error);
  return make_response(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

http::response<http::string_body> make_error(const StorageError& error, std::string_view operation,
                                             std::string_view key) {
  using agentstore::errc;
  class Kind {
  public:
    errc code;
    http::status status;
    std::string_view name;
  };
  constexpr std::array kinds = {
      Kind{errc::invalid_argument, http::status::bad_request, "invalid_argument"},
      Kind{errc::already_exists, http::status::conflict, "already_exists"},
      Kind{errc::too_large, http::status::payload_too_large, "too_large"},
      Kind{errc::closed, http::status::service_unavailable, "closed"},
      Kind{errc::unavailable, http::status::service_unavailable, "unavailable"},
      Kind{errc::not_supported, http::status::not_implemented, "not_supported"},
      Kind{errc::corrupted, http::status::internal_server_error, "corrupted"},
  };
  for (const Kind& kind : kinds) {
    if (means(error.code(), kind.code)) {
      return make_error(kind.status, kind.name, operation, key, error.what());
    }
  }
  return make_error(http::status::internal_server_error, "internal", operation, key, error.what());
}

/// The operation that a path names, e.g. "put" of "/v1/put".
std::string_view operation_of(std::string_view target) {
  constexpr std::string_view prefix = "/v1/";
  return target.substr(0, prefix.size()) == prefix ? target.substr(prefix.size())
                                                   : std::string_view();
}

/// Compares in a time that does not tell how much of them is equal.
bool equal_secrets(std::string_view one, std::string_view other) {
  unsigned difference = one.size() == other.size() ? 0U : 1U;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const char against = other.empty() ? '\0' : other[i % other.size()];
    difference |= static_cast<unsigned>(one[i] != against);
  }
  return difference == 0;
}

} // namespace

Server::Server(asio::io_context& context, const asio::ip::tcp::endpoint& endpoint,
               Checkpointer saver, agentstore::IStorageBackend& storage, ServerOptions options)
    : acceptor_(context, endpoint), room_(context), saver_(saver), storage_(storage),
      options_(std::move(options)) {}

void Server::start() {
  asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
}

void Server::stop() {
  is_stopping_ = true;
  acceptor_.close();
  room_.cancel();
  for (Connection* const connection : connections_) {
    if (!connection->is_busy) {
      connection->stream.close();
    }
  }
}

awaitable<void> Server::accept() {
  while (!is_stopping_) {
    if (is_full()) {
      // Who connects now waits in the kernel's queue until a connection has ended.
      co_await wait_for_room(asio::steady_timer::duration::max());
      continue;
    }
    error_code error;
    auto accepted =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) {
      co_return;
    }
    if (error) {
      // There are no descriptors or no memory. It would fail again at once.
      co_await wait_for_room(options_.accept_pause);
      continue;
    }
    auto connection = std::make_shared<Connection>(std::move(accepted));
    connections_.insert(connection.get());
    asio::co_spawn(acceptor_.get_executor(), serve(std::move(connection)), asio::detached);
  }
}

/// Returns when a connection has ended, or after this time, or when the server stops.
awaitable<void> Server::wait_for_room(asio::steady_timer::duration time) {
  const auto now = asio::steady_timer::clock_type::now();
  const auto most = asio::steady_timer::time_point::max() - now;
  room_.expires_at(now + std::min<asio::steady_timer::duration>(time, most));
  error_code ended;
  co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

awaitable<void> Server::serve(std::shared_ptr<Connection> connection) {
  try {
    connection->stream.socket().set_option(asio::ip::tcp::no_delay(true));
    while (!is_stopping_ && co_await serve_one(connection)) {
    }
    connection->is_busy = false;
    connection->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send);
    // What the client is still sending is read, so that the answer reaches it.
    connection->stream.expires_after(std::chrono::seconds(2));
    error_code ended;
    for (std::size_t left = options_.max_body; left > 0 && !ended && !is_stopping_;) {
      connection->buffer.clear();
      const std::size_t size = co_await connection->stream.async_read_some(
          connection->buffer.prepare(std::size_t{64} << 10U),
          asio::redirect_error(asio::use_awaitable, ended));
      left -= std::min(left, size);
    }
  } catch (const std::exception&) {
    // The client went away, or was too slow. There is no one to tell.
    connection->stream.close();
  }
  connection->stream.close();
  connections_.erase(connection.get());
  room_.cancel();
}

/// One request and its answer. False: the connection is to be closed.
awaitable<bool> Server::serve_one(std::shared_ptr<Connection> connection) {
  beast::tcp_stream& stream = connection->stream;
  beast::flat_buffer& buffer = connection->buffer;
  connection->is_busy = false;
  if (buffer.size() == 0) {
    stream.expires_after(options_.idle_timeout);
    buffer.commit(co_await stream.async_read_some(buffer.prepare(std::size_t{4} << 10U),
                                                  asio::use_awaitable));
  }
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(options_.max_header));
  parser.body_limit(options_.max_body);
  stream.expires_after(options_.header_timeout);
  error_code error;
  co_await http::async_read_header(stream, buffer, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  std::optional<Response> refused;
  if (!error) {
    refused = refuse(parser.get());
  }
  if (!error && !refused) {
    stream.expires_after(options_.body_timeout);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, 11);
      co_await http::async_write(stream, go_on, asio::use_awaitable);
    }
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
  }
  if (error == http::error::body_limit) {
    refused = make_error(http::status::payload_too_large, "too_large",
                         operation_of(parser.get().target()), "",
                         "the body is larger than " + std::to_string(options_.max_body) + " bytes");
  } else if (error == http::error::header_limit) {
    refused =
        make_error(http::status::request_header_fields_too_large, "too_large", "", "",
                   "the header is larger than " + std::to_string(options_.max_header) + " bytes");
  } else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message) {
    refused = make_error(http::status::bad_request, "bad_request", "", "",
                         "the request is not HTTP/1.1: " + error.message());
  } else if (error) {
    co_return false; // it went away, or was too slow
  }

  connection->is_busy = true;
  Response response;
  if (refused) {
    response = *std::move(refused);
    response.keep_alive(false);
  } else {
    Request request = parser.release();
    const bool keep_alive = request.keep_alive();
    response = co_await answer(std::move(request));
    // Where others may wait for a connection, one that has been served makes room.
    response.keep_alive(keep_alive && !is_stopping_ && !is_full());
  }
  response.prepare_payload();
  stream.expires_after(options_.write_timeout);
  co_await http::async_write(stream, response, asio::use_awaitable);
  co_return response.keep_alive();
}

bool Server::has_token(const http::request_header<>& header) const {
  constexpr std::string_view scheme = "Bearer ";
  const auto field = header[http::field::authorization];
  const std::string_view given(field.data(), field.size());
  return given.substr(0, scheme.size()) == scheme &&
         equal_secrets(given.substr(scheme.size()), options_.token);
}

/// Whether the Host is an address, or localhost: what a web page that was led here by a name of its
/// own cannot send.
bool Server::is_for_us(const http::request_header<>& header) const {
  const auto field = header[http::field::host];
  std::string host(field.data(), field.size());
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  error_code error;
  (void)asio::ip::make_address(host, error);
  return !error || host == "localhost";
}

/// What is wrong with a request by its header alone.
std::optional<Server::Response> Server::refuse(const http::request_header<>& header) const {
  const std::string_view target(header.target().data(), header.target().size());
  const std::string_view operation = operation_of(target);
  const auto error = [&](http::status status, std::string_view code, std::string_view message) {
    return make_error(status, code, operation, "", message);
  };
  if (!options_.token.empty() && !has_token(header)) {
    Response response = error(http::status::unauthorized, "unauthorized",
                              "the request needs the token: Authorization: Bearer ...");
    response.set(http::field::www_authenticate, "Bearer");
    return response;
  }
  if (options_.token.empty() && !is_for_us(header)) {
    return error(http::status::forbidden, "forbidden",
                 "the Host of the request is neither an address nor localhost");
  }
  const bool is_health = operation == "health";
  if (!is_health && find_operation(operation) == nullptr) {
    return error(http::status::not_found, "not_found", "there is no such path");
  }
  if (header.method() != (is_health ? http::verb::get : http::verb::post)) {
    Response response = error(http::status::method_not_allowed, "method_not_allowed",
                              is_health ? "this path takes GET" : "this path takes POST");
    response.set(http::field::allow, is_health ? "GET" : "POST");
    return response;
  }
  const auto type = header[http::field::content_type];
  if (!is_health && !beast::iequals(type.substr(0, type.find(';')), "application/json")) {
    return error(http::status::unsupported_media_type, "unsupported_media_type",
                 "the Content-Type is not application/json");
  }
  return std::nullopt;
}

awaitable<Server::Response> Server::answer(Request request) {
  const std::string operation(operation_of({request.target().data(), request.target().size()}));
  if (operation == "health") {
    const agentstore::Health health = co_await storage_.health_check();
    const bool is_well = health.status != agentstore::Health::Status::unhealthy;
    co_return make_response(is_well ? http::status::ok : http::status::service_unavailable,
                            json(health).dump());
  }
  std::string key;
  try {
    const Document body = parse_body(request.body());
    request.body() = std::string();
    key = key_of(body);
    Members members(operation, "", DocumentPart(body));
    std::string text = co_await find_operation(operation)->run(saver_, std::move(members));
    co_return make_response(http::status::ok, std::move(text));
  } catch (const BadBody& error) {
    co_return make_error(http::status::bad_request, "invalid_argument", operation, "",
                         error.what());
  } catch (const StorageError& error) {
    co_return make_error(error, operation, key);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "langgraph_bridge: %s: %s\n", operation.c_str(), error.what());
    co_return make_error(http::status::internal_server_error, "internal", operation, key,
                         "the bridge failed; its log says why");
  }
}

} // namespace langgraph_bridge
