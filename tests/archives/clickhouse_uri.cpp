// SPDX-License-Identifier: Apache-2.0
// URIs: what they say, and what is refused without a word of what they hold.

#include "support/catch.hpp"

#include <agentstore/detail/clickhouse/uri.hpp>

namespace {

using namespace agentstore;
using namespace agentstore::detail::clickhouse;

/// Why a text is no URI; empty if it is one.
std::string fault_of(const std::string& text) {
  try {
    Uri::parse(text);
    return "";
  } catch (const std::invalid_argument& refusal) {
    return refusal.what();
  }
}

} // namespace

TEST_CASE("a URI of ClickHouse says where, who and what") {
  const Uri all = Uri::parse("clickhouse://agent:a%40b%2Fc%25@db.example.com:9123/traces_2");
  CHECK(!all.is_tls);
  CHECK(all.host == "db.example.com");
  CHECK(all.port == "9123");
  CHECK(all.user == "agent");
  CHECK(all.password == "a@b/c%");
  CHECK(all.database == "traces_2");

  const Uri least = Uri::parse("clickhouse://db");
  CHECK(least.host == "db");
  CHECK(least.port == "8123");
  CHECK(least.user == "default");
  CHECK(least.password.empty());
  CHECK(least.database == "agentstore");

  CHECK(Uri::parse("clickhouses://db/").is_tls);
  CHECK(Uri::parse("clickhouses://db").port == "8443");
  CHECK(Uri::parse("clickhouse://:word@db").user == "default");
  CHECK(Uri::parse("clickhouse://:word@db").password == "word");
  CHECK(Uri::parse("clickhouse://agent@db").user == "agent");
  CHECK(Uri::parse("clickhouse://a:b:c@db").password == "b:c");
  CHECK(Uri::parse("clickhouse://a:b%3Ac@db").password == "b:c");
  CHECK(Uri::parse("clickhouse://[::1]:7000").host == "::1");
  CHECK(Uri::parse("clickhouse://[::1]:7000").port == "7000");
}

TEST_CASE("the header Host has an address of IPv6 in brackets, without its zone") {
  CHECK(Uri::parse("clickhouse://db").authority() == "db:8123");
  CHECK(Uri::parse("clickhouse://127.0.0.1:7000").authority() == "127.0.0.1:7000");
  CHECK(Uri::parse("clickhouse://[::1]:7000").authority() == "[::1]:7000");
  CHECK(Uri::parse("clickhouses://[fe80::1%25eth0]").authority() == "[fe80::1]:8443");
}

TEST_CASE("what is no URI of ClickHouse is refused, and nothing of it is shown") {
  for (const char* const text : {"",
                                 "clickhouse",
                                 "clickhouse:",
                                 "http://db",
                                 "clickhouse://",
                                 "clickhouse://a:s3cret@",
                                 "clickhouse://a:s3cret@@db",
                                 "clickhouse://a:s3/cret@db",
                                 "clickhouse://a%3As3cret@db",
                                 "clickhouse://a%3As3:cret@db",
                                 "clickhouse://a:s3cret%@db",
                                 "clickhouse://a:s3cret%4@db",
                                 "clickhouse://a:s3cret%0a@db",
                                 "clickhouse://a:s3cret?@db",
                                 "clickhouse://a:s3cret#@db",
                                 "clickhouse://a:s3cret@db:0",
                                 "clickhouse://a:s3cret@db:x",
                                 "clickhouse://a:s3cret@db:65536",
                                 "clickhouse://a:s3cret@[::1",
                                 "clickhouse://db/a-b",
                                 "clickhouse://a:s3cret@db/x%00",
                                 "clickhouse://db/a/b",
                                 "clickhouse://db/a;DROP",
                                 "clickhouse://db/`a`"}) {
    INFO(text);
    const std::string fault = fault_of(text);
    CHECK(fault.starts_with("the URI "));
    CHECK(fault.find("s3") == std::string::npos);
  }
  CHECK(fault_of("clickhouse://db/" + std::string(101, 'a')).find("database") != std::string::npos);
}
