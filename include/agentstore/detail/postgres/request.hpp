// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_REQUEST_HPP
#define AGENTSTORE_DETAIL_POSTGRES_REQUEST_HPP

// What goes to the server at a time, and what comes back.

#include <agentstore/detail/postgres/failure.hpp>

#include <algorithm>
#include <optional>

namespace agentstore::detail::postgres {

/// The text of a statement, with the types of its parameters.
///
/// Each connection prepares it once and then knows it by its address.
/// Requires: it lives as long as any connection; statements are static.
class Statement {
public:
  Statement(std::string sql_text, std::vector<Oid> parameter_types)
      : sql(std::move(sql_text)), types(std::move(parameter_types)) {}

  /// Has "@" where the schema's name is to stand.
  std::string sql;
  std::vector<Oid> types;
};

/// Replaces each "@" by the name of the schema, which is quoted already.
inline std::string with_schema(std::string_view sql, std::string_view quoted_schema) {
  std::string text;
  for (const char c : sql) {
    if (c == '@') {
      text += quoted_schema;
    } else {
      text += c;
    }
  }
  return text;
}

/// Statements that are sent together and are one transaction.
class Request {
public:
  Request() = default;

  Request& add(const Statement& statement, Parameters parameters) {
    steps.emplace_back(&statement, std::move(parameters));
    return *this;
  }

  /// Whether a message of the protocol would be too long. The server ends the connection over a
  /// message of a GiB.
  bool is_too_large(std::size_t limit = (std::size_t{1} << 30u) - 65'536) const {
    return std::any_of(steps.begin(), steps.end(), [limit](const auto& step) {
      return step.second.bytes() + step.first->sql.size() > limit;
    });
  }

  std::vector<std::pair<const Statement*, Parameters>> steps;
  /// A request that only reads may be sent again when its connection breaks.
  bool writes = true;
};

/// The results of all statements of a request, or what went wrong.
class Response {
public:
  Response() = default;
  explicit Response(Failure why) : failure(std::move(why)) {}

  std::vector<Rows> rows;
  std::optional<Failure> failure;
};

} // namespace agentstore::detail::postgres

#endif
