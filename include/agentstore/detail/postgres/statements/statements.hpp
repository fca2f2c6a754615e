// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_STATEMENTS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_STATEMENTS_HPP

// What each method asks of the server, and what it makes of the response. `Statements<Call>` has
//
//     Request request(const StatementContext&, arguments of the call...);
//     bool take(const Response&);  // true: done; false: make another request
//     Result result();
//
// and, if the server may have been asked for too much at once,
//
//     bool ask_for_less();         // true: make a smaller request
//
// No function here waits for anything. Each method but a merge of metadata and a clean-up makes one
// request, which is one round trip and one transaction. Rows get their order from counters, never
// from a clock: the clocks of two machines differ. Times are recorded as the backend's clock gives
// them.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/detail/postgres/request.hpp>

namespace agentstore::detail::postgres {

/// What a method may need besides its arguments.
class StatementContext {
public:
  StatementContext(const Clock& the_clock, Limits the_limits)
      : clock(the_clock), limits(the_limits) {}

  const Clock& clock;
  Limits limits;
};

/// The statements of one method, by its call.
template <class Call>
class Statements;

/// A request with one statement that may change something.
inline Request write(const Statement& statement, Parameters parameters) {
  Request request;
  request.add(statement, std::move(parameters));
  return request;
}

/// A request with one statement that changes nothing.
inline Request read(const Statement& statement, Parameters parameters) {
  Request request = write(statement, std::move(parameters));
  request.writes = false;
  return request;
}

/// The part of a write whose result is whether it touched a row.
class TrueIfTouched {
public:
  bool take(const Response& response) {
    result_ = response.rows.at(0).affected() != 0;
    return true;
  }
  bool result() const { return result_; }

private:
  bool result_ = false;
};

} // namespace agentstore::detail::postgres

#endif
