// SPDX-License-Identifier: Apache-2.0
// URIs: what they say, and what is refused without a word of what they hold.

#include "support/catch.hpp"

#include <agentstore/detail/redis/uri.hpp>

namespace {

using namespace agentstore;
using namespace agentstore::detail::redis;

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

TEST_CASE("a URI of a host says where, who and what") {
  const Uri all = Uri::parse("redis://agent:a%40b%2Fc%25@db.example.com:7000/3");
  CHECK(!all.is_unix);
  CHECK(all.host == "db.example.com");
  CHECK(all.port == "7000");
  CHECK(all.user == "agent");
  CHECK(all.password == "a@b/c%");
  CHECK(all.database == 3);

  const Uri least = Uri::parse("redis://db");
  CHECK(least.host == "db");
  CHECK(least.port == "6379");
  CHECK(least.user.empty());
  CHECK(least.password.empty());
  CHECK(least.database == 0);

  CHECK(!least.is_tls);
  CHECK(Uri::parse("rediss://db").is_tls);
  CHECK(Uri::parse("redis://:word@db/").password == "word");
  CHECK(Uri::parse("redis://:a:b@db").password == "a:b");
  CHECK(Uri::parse("redis://[::1]:7000").host == "::1");
  CHECK(Uri::parse("redis://[::1]:7000").port == "7000");
  CHECK(Uri::parse("redis://[::1]").port == "6379");
}

TEST_CASE("a URI of a socket has its path") {
  const Uri uri = Uri::parse("unix://agent:word@/run/redis%20server/socket?db=15");
  CHECK(uri.is_unix);
  CHECK(uri.host == "/run/redis server/socket");
  CHECK(uri.user == "agent");
  CHECK(uri.password == "word");
  CHECK(uri.database == 15);
  CHECK(Uri::parse("unix:///socket").database == 0);
}

TEST_CASE("what is no URI is refused, and no part of it is told") {
  const std::vector<std::string> wrong = {
      "",
      "db",
      "redis:db",
      "http://db",
      "redis://",
      "redis://:secret@",
      "redis://:secret@db:0",
      "redis://:secret@db:65536",
      "redis://:secret@db:port",
      "redis://:secret@db:",
      "redis://:secret@db/secret",
      "redis://:secret@db/-1",
      "redis://:secret@db/1x",
      "redis://:secret@db/99999999999",
      "redis://:sec@secret@db",
      "redis://:sec/secret@db",
      "redis://:secret#@db",
      "redis://:secret%@db",
      "redis://:secret%4@db",
      "redis://:secret%zz@db",
      "redis://:secret%00@db",
      "redis://secret@db",
      "redis://secret:@db",
      "redis://[::1",
      "redis://[::1]x",
      "unix://",
      "unix://secret",
      "unix://:secret@socket",
      "unix:///socket?secret",
      "unix:///socket?db=",
      "unix:///socket?db=secret",
      "unix:///" + std::string(107, 'a'),
      "rediss://:secret@",
  };
  for (const std::string& text : wrong) {
    const std::string fault = fault_of(text);
    INFO(text << ": " << fault);
    CHECK(!fault.empty());
    CHECK(fault.find("secret") == std::string::npos);
  }
}
