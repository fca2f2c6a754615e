// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/error.hpp>

#include <array>
#include <string>

using agentstore::errc;
using agentstore::StorageError;

namespace {

constexpr std::array all = {errc::invalid_argument, errc::already_exists, errc::too_large,
                            errc::closed,           errc::unavailable,    errc::corrupted,
                            errc::not_supported};

/// The category of a backend that has codes of its own, and maps one of them.
class DriverCategory final : public boost::system::error_category {
public:
  const char* name() const noexcept override { return "driver"; }
  std::string message(int) const override { return "connection refused"; }
  boost::system::error_condition default_error_condition(int value) const noexcept override {
    return value == 7 ? make_error_condition(errc::unavailable)
                      : boost::system::error_condition(value, *this);
  }
};

} // namespace

TEST_CASE("Each errc is a code of the category with a message of its own") {
  for (const errc code : all) {
    const boost::system::error_code as_code = code;
    CHECK(as_code);
    CHECK(&as_code.category() == &agentstore::storage_category());
    CHECK(as_code == code);
    CHECK(as_code.message() != "unknown error");
    for (const errc other : all) {
      CHECK((as_code == make_error_condition(other)) == (code == other));
      CHECK(agentstore::means(as_code, other) == (code == other));
      CHECK((as_code.message() == make_error_code(other).message()) == (code == other));
    }
  }
  CHECK(std::string(agentstore::storage_category().name()) == "agentstore");
  CHECK(agentstore::storage_category().message(99) == "unknown error");
}

TEST_CASE("A code equals the generic condition of the same meaning") {
  namespace generic = boost::system::errc;
  CHECK(make_error_code(errc::invalid_argument) == generic::invalid_argument);
  CHECK(make_error_code(errc::already_exists) == generic::file_exists);
  CHECK(make_error_code(errc::too_large) == generic::value_too_large);
  CHECK(make_error_code(errc::not_supported) == generic::not_supported);
  CHECK(make_error_code(errc::closed) != generic::invalid_argument);
  CHECK(make_error_code(errc::unavailable) != generic::file_exists);
}

TEST_CASE("A code of a backend's own category can mean an errc") {
  static const DriverCategory driver;
  const boost::system::error_code refused(7, driver);
  const boost::system::error_code other(8, driver);
  CHECK(agentstore::means(refused, errc::unavailable));
  CHECK_FALSE(agentstore::means(refused, errc::closed));
  CHECK_FALSE(agentstore::means(other, errc::unavailable));
  const StorageError error(refused, "get_session", "s-1");
  CHECK(error.code() == refused);
  CHECK(std::string(error.what()) == "get_session \"s-1\": connection refused [driver:7]");
}

TEST_CASE("StorageError says what happened to which operation and key") {
  const StorageError error(errc::already_exists, "create_session", "s-17", "the session exists");
  CHECK(error.code() == errc::already_exists);
  CHECK(error.operation() == "create_session");
  CHECK(error.key() == "s-17");
  CHECK(std::string(error.what()) ==
        "create_session \"s-17\": the session exists: already exists [agentstore:2]");
  const StorageError bare(errc::closed, "get_metrics", "");
  CHECK(std::string(bare.what()) == "get_metrics: closed [agentstore:4]");
  CHECK_THROWS_AS(throw StorageError(errc::closed, "close", ""), boost::system::system_error);
}

TEST_CASE("An error says why the store is unavailable, and whether to try again") {
  namespace because = boost::system::errc;
  const auto of = [](because::errc_t cause, errc code = errc::unavailable) {
    return StorageError(code, "get_session", "s", "", make_error_condition(cause));
  };
  const StorageError unknown(errc::unavailable, "get_session", "s");
  CHECK(unknown.cause().value() == 0);
  CHECK(is_transient(unknown));
  CHECK(of(because::timed_out).cause() == because::timed_out);
  CHECK(of(because::timed_out).code() == errc::unavailable);
  CHECK(is_transient(of(because::timed_out)));
  CHECK(is_transient(of(because::connection_refused)));
  CHECK_FALSE(is_transient(of(because::no_space_on_device)));
  CHECK_FALSE(is_transient(of(because::read_only_file_system)));
  for (const errc code : all) {
    CHECK(is_transient(StorageError(code, "close", "")) == (code == errc::unavailable));
  }
  CHECK_FALSE(is_transient(of(because::timed_out, errc::closed)));
  static const DriverCategory driver;
  CHECK(is_transient(StorageError(boost::system::error_code(7, driver), "close", "")));
}

TEST_CASE("A message shows any key escaped and shortened, and key() whole") {
  const std::string hostile("a\"b\\c\n\0\x1b\xff", 9);
  const StorageError error(errc::invalid_argument, "get_session", hostile);
  CHECK(error.key() == hostile);
  CHECK(std::string(error.what()) ==
        R"(get_session "a\"b\\c\x0a\x00\x1b\xff": invalid argument [agentstore:1])");

  const std::string at(80, 'k');
  CHECK(std::string(StorageError(errc::closed, "x", at).what()) ==
        "x \"" + at + "\": closed [agentstore:4]");
  CHECK(std::string(StorageError(errc::closed, "x", at + "k").what()) ==
        "x \"" + at + "\"...: closed [agentstore:4]");
}
