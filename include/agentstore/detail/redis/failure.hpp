// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_FAILURE_HPP
#define AGENTSTORE_DETAIL_REDIS_FAILURE_HPP

// Why something did not work, in the contract's terms and in words without a secret.

#include <agentstore/detail/server_failure.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace agentstore::detail::redis {

/// A key holds what this library never writes there.
class Corrupted : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What went wrong.
class Failure : public ServerFailure<Failure> {
public:
  using ServerFailure<Failure>::ServerFailure;

  /// The server does not know a script by its digest; nothing has happened.
  bool lacks_script = false;
  /// Another connection may fare better: this one's server became a replica.
  bool retires_connection = false;
};

/// What an exception says.
inline Failure to_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    return failure;
  } catch (const Corrupted& damage) {
    return Failure(errc::corrupted, damage.what());
  } catch (const std::exception& other) {
    return Failure(errc::unavailable, other.what());
  }
}

/// The code for an error of the server, by its first word.
inline errc errc_of(std::string_view kind) {
  if (kind == "WRONGTYPE" || kind == "CORRUPTED") {
    return errc::corrupted;
  }
  if (kind == "EXISTS") {
    return errc::already_exists; // our scripts say so
  }
  if (kind == "INVALID") {
    return errc::invalid_argument; // our scripts say so
  }
  return errc::unavailable;
}

/// Why the server did not do what it was asked for, by the first word.
inline boost::system::error_condition cause_of(std::string_view kind) {
  namespace because = boost::system::errc;
  if (kind == "OOM") {
    return make_error_condition(because::no_space_on_device);
  }
  if (kind == "READONLY") {
    return make_error_condition(because::read_only_file_system);
  }
  return {};
}

/// What the server's error says, without what it adds about the script.
inline Failure failure_of(std::string_view error) {
  error = error.substr(0, error.find(" script: "));
  const std::string_view kind = error.substr(0, error.find(' '));
  Failure failure(errc_of(kind), std::string(error), cause_of(kind));
  const bool is_ours = kind == "CORRUPTED" || kind == "EXISTS" || kind == "INVALID";
  if (is_ours && kind.size() < error.size()) {
    failure.reason.erase(0, kind.size() + 1);
  }
  if (error.find("ompiling script") != std::string_view::npos) {
    failure = Failure(errc::not_supported, "the server is older than Redis 7.0");
  }
  failure.lacks_script = kind == "NOSCRIPT";
  failure.retires_connection =
      kind == "READONLY" || kind == "LOADING" || kind == "NOAUTH" || kind == "MASTERDOWN";
  std::replace_if(
      failure.reason.begin(), failure.reason.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return failure;
}

} // namespace agentstore::detail::redis

#endif
