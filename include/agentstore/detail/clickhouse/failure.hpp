// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_FAILURE_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_FAILURE_HPP

// Why something did not work, in the contract's terms and in words without a secret.

#include <agentstore/detail/server_failure.hpp>

#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace agentstore::detail::clickhouse {

/// What went wrong.
class Failure : public ServerFailure<Failure> {
public:
  using ServerFailure<Failure>::ServerFailure;

  /// What the network did.
  static Failure of_network(const std::string& what, const boost::system::error_code& error) {
    std::string reason = what + ": " + error.message();
    if (error == boost::beast::error::timeout || error == boost::asio::error::timed_out) {
      return late(std::move(reason));
    }
    return {errc::unavailable, std::move(reason),
            error == boost::asio::error::connection_refused
                ? make_error_condition(boost::system::errc::connection_refused)
                : boost::system::error_condition()};
  }

  /// Whether the server answered with an error of its own. `server_code` is that error, or 0 if the
  /// server did not say which.
  bool is_of_server = false;
  int server_code = 0;
};

/// Why the server did not do what it was asked for, by its code.
inline boost::system::error_condition cause_of(int server_code) {
  namespace because = boost::system::errc;
  switch (server_code) {
  case 159: // it took too long
  case 160: // it would take too long
  case 209: // socket time-out
    return make_error_condition(because::timed_out);
  case 164: // read-only
  case 242: // the table is read-only
    return make_error_condition(because::read_only_file_system);
  case 243: // no room on the disk
    return make_error_condition(because::no_space_on_device);
  default:
    return {};
  }
}

/// What the server's text of an exception says: "Code: 60, e.displayText() = DB::Exception: ...".
inline Failure failure_of(std::string_view text) {
  constexpr std::string_view start = "Code: ";
  Failure failure;
  failure.is_of_server = true;
  if (const auto at = text.find(start); at != std::string_view::npos) {
    const std::string_view number = text.substr(at + start.size());
    std::from_chars(number.data(), number.data() + number.size(), failure.server_code);
    text.remove_prefix(at);
    failure.cause = cause_of(failure.server_code);
  }
  constexpr std::size_t longest = 300;
  failure.reason = "the server says: " + std::string(text.substr(0, longest));
  std::replace_if(
      failure.reason.begin(), failure.reason.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  while (failure.reason.ends_with(' ')) {
    failure.reason.pop_back();
  }
  return failure;
}

/// Whether an insert that failed like this may succeed without some of its rows. A fault of the
/// server itself, or of something before it that speaks without a code, would only occur again.
inline bool may_be_for_a_row(const Failure& failure) {
  constexpr std::array<int, 21> of_the_server = {
      60,  // no such table
      81,  // no such database
      159, // it took too long
      160, // it would take too long
      164, // read-only
      192, // no such user
      193, // wrong password
      194, // password required
      195, // from a wrong address
      201, // quota
      202, // too many queries at once
      209, // socket time-out
      210, // network
      242, // the table is read-only
      243, // no room on the disk
      252, // too many parts
      497, // access denied
      516, // authentication failed
      236, // shutting down
      74,  // cannot read from a file
      75,  // cannot write to a file
  };
  return failure.is_of_server && failure.server_code != 0 &&
         std::find(of_the_server.begin(), of_the_server.end(), failure.server_code) ==
             of_the_server.end();
}

} // namespace agentstore::detail::clickhouse

#endif
