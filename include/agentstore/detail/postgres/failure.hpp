// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_FAILURE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_FAILURE_HPP

// Why something did not work, in the contract's terms and in words without a secret.

#include <agentstore/detail/postgres/wire.hpp>

#include <string>
#include <string_view>

namespace agentstore::detail::postgres {

class Failure {
public:
  Failure() = default;
  Failure(errc the_code, std::string the_reason) : code(the_code), reason(std::move(the_reason)) {}

  static Failure cancellation() {
    Failure failure;
    failure.is_cancellation = true;
    return failure;
  }

  errc code = errc::unavailable;
  std::string reason;
  /// The caller's own doing: it gets Asio's exception for it.
  bool is_cancellation = false;
  /// The transaction was rolled back for reasons that a second try may not meet.
  bool is_retriable = false;
  /// The server stopped the statement because it was asked to, or because of a time limit.
  bool is_interruption = false;
  /// The server ends this connection.
  bool ends_connection = false;
};

/// The errors that the server has names for.
inline errc meaning_of(std::string_view sqlstate) {
  if (sqlstate == "22003" || sqlstate == "22008") {
    return errc::invalid_argument; // a number, a time out of range
  }
  if (sqlstate == "XX001" || sqlstate == "XX002") {
    return errc::corrupted; // data, an index
  }
  return errc::unavailable;
}

/// What the server says of a failed statement: its one sentence and its code. The detail and the
/// hint are left out, for they may quote what is stored.
inline Failure failure_of(const PGresult* result) {
  const auto field = [result](int code) {
    const char* const text = PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  const std::string sqlstate = field(PG_DIAG_SQLSTATE);
  Failure failure(meaning_of(sqlstate), field(PG_DIAG_MESSAGE_PRIMARY));
  if (failure.reason.empty()) {
    failure.reason = "the server gave no answer";
  }
  if (!sqlstate.empty()) {
    failure.reason += " (SQLSTATE " + sqlstate + ")";
  }
  failure.is_retriable = sqlstate == "40001" || sqlstate == "40P01";
  failure.is_interruption = sqlstate == "57014";
  const std::string severity = field(PG_DIAG_SEVERITY_NONLOCALIZED);
  failure.ends_connection = severity == "FATAL" || severity == "PANIC";
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
