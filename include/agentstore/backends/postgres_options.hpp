// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_POSTGRES_OPTIONS_HPP
#define AGENTSTORE_BACKENDS_POSTGRES_OPTIONS_HPP

/// \file
/// What the PostgreSQL backend and the PostgreSQL archive can be told.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// All but the connection string may stay as it is. Sizes and time-outs are above 0; idle_timeout
/// may be 0. A time-out that is longer than the clock or the server can count never ends.
class PostgresOptions {
public:
  /// Whether statements are prepared, once for each connection; see `prepared`.
  enum class Prepared { automatic, never };

  PostgresOptions() = default;
  explicit PostgresOptions(std::string connection_string, std::string schema = "agentstore")
      : conninfo(std::move(connection_string)), space(std::move(schema)) {}

  /// As libpq documents it, `host=db user=agents sslmode=verify-full` or `postgresql://...`, with
  /// libpq's environment variables and password file for what it leaves out. In a URI an `@` or `/`
  /// of a user, password or database is written `%40` or `%2F`; where it could be a part of a
  /// password, it is refused as it is. The password is never shown: not in an error, not by
  /// health_check.
  std::string conninfo;
  /// The schema that holds the tables: 1 to 63 bytes, not beginning with "pg_". It is created if
  /// it is not there, for which the role needs CREATE on the database; in a schema that is there,
  /// CREATE on the schema; where the tables are there too, no more than to read and write them.
  std::string space = "agentstore";

  /// The most connections at a time. They are opened when they are needed.
  std::size_t pool_size = 8;
  /// How many calls may be on their way on one connection, each a transaction of its own. Where
  /// all connections are busy, a call is sent behind another instead of waiting for its answer. It
  /// is 1 where a connection has no session (see `prepared`): a pooler may give calls that are sent
  /// behind each other to different servers, cut where one of its reads ended.
  std::size_t pipeline_depth = 4;
  /// Statements are prepared, and settings made, for a whole session only where the connection has
  /// one. `automatic` takes a connection to have a session if the server process that answers has
  /// the id that was told at its start; every pooler tells an id of its own. It takes none to have
  /// one any more when a server does not know a statement that was prepared. `never` is for what
  /// stands in between and passes the id on. Without a session each transaction is sent with its
  /// BEGIN, settings and COMMIT, still in one exchange, and nothing is left in the server.
  Prepared prepared = Prepared::automatic;
  /// For one attempt to connect, with everything: TCP, TLS, password. Each address of each host has
  /// this time, and the look-up of each name. A silent host is thus passed over for the next one.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long a call waits for its turn on a connection, before it throws `unavailable`.
  std::chrono::milliseconds acquire_timeout{5'000};
  /// For how long it then waits for the answer, or, sent behind others, for its own once theirs are
  /// there. The server is told to give up a little earlier (`statement_timeout`), unless the role
  /// or the connection string says when. Nothing is sent behind a call that waits for half a
  /// second.
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
