// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_FAILURE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_FAILURE_HPP

// Why something did not work, in the contract's terms and in words without a secret.

#include <agentstore/detail/postgres/codec.hpp>
#include <agentstore/detail/server_failure.hpp>

#include <string>
#include <string_view>

namespace agentstore::detail::postgres {

/// What went wrong, and what the pool may do about it.
class Failure : public ServerFailure<Failure> {
public:
  using ServerFailure<Failure>::ServerFailure;

  /// The transaction was rolled back for a reason that a second attempt may not meet.
  bool is_retriable = false;
  /// See the function of this name.
  bool is_of_another_session = false;
  /// The server stopped the statement because of a request to cancel it or of a time limit.
  bool is_interruption = false;
  /// The connection is of no further use, see `retires_connection`.
  bool retires_connection = false;
  /// So are all other connections: the server has become read-only.
  bool retires_server = false;
};

/// The code for an error of the server.
inline errc errc_of(std::string_view sqlstate) {
  if (sqlstate == "22003" || sqlstate == "22008") {
    return errc::invalid_argument; // a number or a time out of range
  }
  if (sqlstate == "XX001" || sqlstate == "XX002") {
    return errc::corrupted; // data or an index
  }
  return errc::unavailable;
}

/// Why the server did not do what it was asked for.
inline boost::system::error_condition cause_of(std::string_view sqlstate) {
  namespace because = boost::system::errc;
  if (sqlstate == "53100") {
    return make_error_condition(because::no_space_on_device);
  }
  if (sqlstate == "25006") {
    return make_error_condition(because::read_only_file_system);
  }
  if (sqlstate == "57014" || sqlstate == "55P03") { // the time for a statement or a lock is up
    return make_error_condition(because::timed_out);
  }
  return {};
}

/// Whether an error shows that another server prepared the statement. This server does not know the
/// name, or has the name from another client. Nothing of the request happened.
inline bool is_of_another_session(std::string_view sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05";
}

/// Whether after an error of the server another connection would fare better: this server has
/// become read-only, shuts down, or does not have the statement as this connection has prepared it.
inline bool retires_connection(std::string_view sqlstate) {
  return sqlstate == "25006" || sqlstate.starts_with("57P0") || sqlstate == "0A000" ||
         is_of_another_session(sqlstate);
}

/// What the server says about a failed statement: its one sentence and its code. The server's
/// detail and hint are left out because they may quote what is stored.
inline Failure failure_of(const PGresult* result) {
  const auto field = [result](int code) {
    const char* const text = PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  const std::string sqlstate = field(PG_DIAG_SQLSTATE);
  Failure failure(errc_of(sqlstate), field(PG_DIAG_MESSAGE_PRIMARY));
  if (failure.reason.empty()) {
    failure.reason = "the server gave no answer";
  }
  if (!sqlstate.empty()) {
    failure.reason += " (SQLSTATE " + sqlstate + ")";
  }
  failure.cause = cause_of(sqlstate);
  failure.is_of_another_session = is_of_another_session(sqlstate);
  failure.is_retriable =
      sqlstate == "40001" || sqlstate == "40P01" || failure.is_of_another_session;
  failure.is_interruption = sqlstate == "57014";
  failure.retires_connection = retires_connection(sqlstate);
  failure.retires_server = sqlstate == "25006";
  return failure;
}

/// What libpq says, on one line.
inline std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c != '\n' && c != '\t') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) {
    line.pop_back();
  }
  return line;
}

} // namespace agentstore::detail::postgres

#endif
