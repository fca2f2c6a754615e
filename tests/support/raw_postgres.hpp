// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RAW_POSTGRES_HPP
#define AGENTSTORE_TESTS_SUPPORT_RAW_POSTGRES_HPP

#include <libpq-fe.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace agentstore::test {

/// A connection as any other program has it.
class RawPostgres {
public:
  explicit RawPostgres(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    }
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  }

  /// What `psql -At` prints of it: a line for each row, with | between its columns. Several
  /// statements may stand in one text that has no parameters; the last one's rows count.
  std::string text(const std::string& sql, const std::vector<std::string>& parameters = {}) {
    std::vector<const char*> values;
    for (const std::string& parameter : parameters) {
      values.push_back(parameter.c_str());
    }
    const Result result(parameters.empty() ? PQexec(connection_.get(), sql.c_str())
                                           : PQexecParams(connection_.get(), sql.c_str(),
                                                          static_cast<int>(values.size()), nullptr,
                                                          values.data(), nullptr, nullptr, 0));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
    }
    return lines_of(result.get());
  }
  void execute(const std::string& sql) { text(sql); }

private:
  class Finish {
  public:
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, Finish>;

  static std::string lines_of(const PGresult* result) {
    std::string lines;
    for (int row = 0; row < PQntuples(result); ++row) {
      lines += row == 0 ? "" : "\n";
      for (int column = 0; column < PQnfields(result); ++column) {
        lines += column == 0 ? "" : "|";
        lines += PQgetvalue(result, row, column);
      }
    }
    return lines;
  }

  std::unique_ptr<PGconn, Finish> connection_;
};

} // namespace agentstore::test

#endif
