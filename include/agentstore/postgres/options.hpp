// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_POSTGRES_OPTIONS_HPP
#define AGENTSTORE_POSTGRES_OPTIONS_HPP

/// \file
/// What the PostgreSQL backend and the PostgreSQL archive can be told.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// All but the connection string may stay as it is. Sizes and time-outs are above 0.
class PostgresOptions {
public:
  PostgresOptions() = default;
  explicit PostgresOptions(std::string connection_string, std::string schema = "agentstore")
      : conninfo(std::move(connection_string)), space(std::move(schema)) {}

  /// As libpq documents it, `host=db user=agents sslmode=verify-full` or `postgresql://...`, with
  /// libpq's environment variables and password file for what it leaves out. In a URI an `@` or `/`
  /// of a password is written `%40` or `%2F`; as it is, it is refused. It is never shown: not in an
  /// error, not by health_check.
  std::string conninfo;
  /// The schema that holds the tables: 1 to 63 bytes, not beginning with "pg_". It is created if
  /// it is not there, for which the role needs CREATE on the database; in a schema that is there,
  /// CREATE on the schema; where the tables are there too, no more than to read and write them.
  std::string space = "agentstore";

  /// The most connections at a time. They are opened when they are needed.
  std::size_t pool_size = 8;
  /// How many calls may be on their way on one connection, each a transaction of its own. Where
  /// all connections are busy, a call is sent behind another instead of waiting for its answer.
  std::size_t pipeline_depth = 4;
  /// For one attempt to connect, with everything: TCP, TLS, password.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long a call waits for its turn on a connection, before it throws `unavailable`.
  std::chrono::milliseconds acquire_timeout{5'000};
  /// For how long it then waits for the answer. The server is told to give up by then too
  /// (`statement_timeout`), unless the role or the connection string says when.
  std::chrono::milliseconds operation_timeout{10'000};
  /// A connection that no call has used for so long is closed by the next call that comes.
  std::chrono::milliseconds idle_timeout{300'000};

  /// Asked for every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<PostgresOptions>);

} // namespace agentstore

#endif
