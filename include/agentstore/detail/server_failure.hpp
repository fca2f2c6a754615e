// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SERVER_FAILURE_HPP
#define AGENTSTORE_DETAIL_SERVER_FAILURE_HPP

// Why a server did not do something, in the contract's terms and in words without a secret.

#include <agentstore/error.hpp>

#include <string>
#include <utility>

namespace agentstore::detail {

/// What an engine's own class of failures, `Failure`, begins with. The engine adds what its pool
/// has to know of one.
template <class Failure>
class ServerFailure {
public:
  // Public, for a class inherits its base's constructors with their access.
  // NOLINTBEGIN(bugprone-crtp-constructor-accessibility)
  ServerFailure() = default;
  ServerFailure(errc the_code, std::string the_reason,
                boost::system::error_condition the_cause = {})
      : code(the_code), reason(std::move(the_reason)), cause(the_cause) {}
  // NOLINTEND(bugprone-crtp-constructor-accessibility)

  /// Something took longer than it may.
  static Failure late(std::string reason) {
    return Failure(errc::unavailable, std::move(reason),
                   make_error_condition(boost::system::errc::timed_out));
  }

  static Failure cancellation() {
    Failure failure;
    failure.is_cancellation = true;
    return failure;
  }

  errc code = errc::unavailable;
  std::string reason;
  /// See StorageError.
  boost::system::error_condition cause;
  /// The caller cancelled the call, and gets Asio's exception for that.
  bool is_cancellation = false;
};

} // namespace agentstore::detail

#endif
