// SPDX-License-Identifier: Apache-2.0

// What the query of a --store URI says.

#include "store_uri.hpp"
#include "take_space.hpp"

#include <boost/asio/io_context.hpp>

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <utility>

namespace {

/// The space, and what is left of the URI.
std::pair<std::string, std::string> taken_from(std::string uri) {
  std::string space = example::take_space(uri);
  return {std::move(space), std::move(uri)};
}

std::string refused(const std::string& uri) {
  boost::asio::io_context context;
  try {
    example::make_store(context.get_executor(), uri);
  } catch (const example::InputError& error) {
    return error.what();
  }
  return "";
}

} // namespace

TEST_CASE("A space is taken out of a query, wherever it stands there") {
  using Pair = std::pair<std::string, std::string>;
  CHECK(taken_from("unix:///s?db=1&space=x") == Pair("x", "unix:///s?db=1"));
  CHECK(taken_from("unix:///s?space=x&db=1") == Pair("x", "unix:///s?db=1"));
  CHECK(taken_from("unix:///s?a=1&space=a%26b&b=2") == Pair("a&b", "unix:///s?a=1&b=2"));
  CHECK(taken_from("redis://h/1?space=x") == Pair("x", "redis://h/1"));
  CHECK(taken_from("redis://h?space=") == Pair("", "redis://h"));
  CHECK(taken_from("redis://h/1") == Pair("", "redis://h/1"));
  CHECK(taken_from("redis://h?myspace=x") == Pair("", "redis://h?myspace=x"));
  CHECK_THROWS_AS(taken_from("redis://h?space=%4"), example::InputError);
}

TEST_CASE("An unknown parameter is refused, and named") {
  if (example::store_uri_usage().find("redis:") == std::string::npos) {
    return; // all others know their parameters themselves, or have none
  }
  CHECK(refused("unix:///s?db=1&space=x").empty());
  CHECK(refused("unix:///s?space=x&db=1").empty());
  CHECK(refused("redis://h/1?space=x").empty());
  CHECK(refused("redis://h?spcae=x").find("\"spcae\"") != std::string::npos);
  CHECK(refused("redis://h?space=x&db=1").find("\"db\"") != std::string::npos);
  CHECK(refused("unix:///s?db=1&spcae=x").find("\"spcae\"") != std::string::npos);
  CHECK(refused("unix:///s?space=x&space=y").find("\"space\"") != std::string::npos);
  CHECK(refused("redis://u:a?s3cret@h?space=x").find("s3cret") == std::string::npos);
}
