// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RAW_CLICKHOUSE_HPP
#define AGENTSTORE_TESTS_SUPPORT_RAW_CLICKHOUSE_HPP

// Statements to a ClickHouse server without the library under test.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <cctype>
#include <stdexcept>
#include <string>

namespace agentstore::test {

class RawClickHouse {
public:
  explicit RawClickHouse(int port) : port_(port) {}

  int port() const { return port_; }

  /// What the server answers. Throws for another status than 200.
  std::string text(const std::string& sql) const {
    namespace http = boost::beast::http;
    boost::asio::io_context context;
    boost::beast::tcp_stream stream(context);
    stream.connect(boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(),
                                                  static_cast<unsigned short>(port_)));
    http::request<http::string_body> request(http::verb::post, "/?wait_end_of_query=1", 11);
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::connection, "close");
    request.body() = sql;
    request.prepare_payload();
    http::write(stream, request);
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    boost::beast::flat_buffer buffer;
    http::read(stream, buffer, parser);
    std::string answer = parser.get().body();
    if (parser.get().result() != http::status::ok) {
      throw std::runtime_error(sql + ": " + answer);
    }
    while (answer.ends_with('\n')) {
      answer.pop_back();
    }
    return answer;
  }

private:
  int port_;
};

/// A name of letters and digits for whatever the kit calls a space.
inline std::string database_of(const std::string& space) {
  std::string name = "kit_";
  for (const char c : space) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

} // namespace agentstore::test

#endif
