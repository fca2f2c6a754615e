// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_POSTGRES_OPTIONS_HPP
#define AGENTSTORE_BACKENDS_POSTGRES_OPTIONS_HPP

/// \file
/// The options of the PostgreSQL backend and the PostgreSQL archive.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// Everything but the connection string may stay at its default. Sizes and time-outs are above 0;
/// idle_timeout may be 0. A time-out that is longer than the clock or the server can count never
/// ends.
class PostgresOptions {
public:
  /// Whether statements are prepared, once for each connection; see `prepared`.
  enum class Prepared { automatic, never };

  PostgresOptions() = default;
  explicit PostgresOptions(std::string connection_string, std::string schema = "agentstore")
      : conninfo(std::move(connection_string)), space(std::move(schema)) {}

  /// As libpq documents it, `host=db user=agents sslmode=verify-full` or `postgresql://...`, with
  /// libpq's environment variables and password file for what it leaves out. In a URI an `@` or `/`
  /// of a user, password or database is written `%40` or `%2F`. A bare `@` or `/` that could be a
  /// part of a password is refused. The password is never shown, neither in an error nor by
  /// health_check.
  std::string conninfo;
  /// The schema that holds the tables: 1 to 63 bytes, not beginning with "pg_". A missing schema is
  /// created, for which the role needs CREATE on the database. If only the tables are missing, the
  /// role needs CREATE on the schema. If the tables are there too, it only needs to read and write
  /// them.
  std::string space = "agentstore";

  /// The most connections at a time. They are opened when they are needed.
  std::size_t pool_size = 8;
  /// How many calls may be under way on one connection, each a transaction of its own. If all
  /// connections are busy, a call is sent behind another call instead of waiting for the other's
  /// answer. The depth is 1 if a connection has no session (see `prepared`), because a pooler may
  /// then give calls that are sent behind each other to different servers, and may cut a call in
  /// two, at the end of one of the pooler's reads.
  std::size_t pipeline_depth = 4;
  /// The backend prepares statements, and makes settings, only on a connection that one server
  /// process serves from open to close: such a connection has a session. With `automatic`, a
  /// connection has a session if the server process that answers has the id that was reported when
  /// the connection was opened; every pooler reports an id of its own. Once a server does not know
  /// a statement that was prepared, all connections count as having no session. `never` is for a
  /// pooler that passes the id on. Without a session each transaction is sent with its BEGIN,
  /// settings and COMMIT, still in one exchange, and nothing is left in the server.
  Prepared prepared = Prepared::automatic;
  /// The time for one whole attempt to connect: TCP, TLS, password. Each address of each host has
  /// this time, and the look-up of each name. A silent host is thus passed over for the next one,
  /// but not among the hosts of a service file, or of a list in which one is empty.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long a call waits for its turn on a connection, before it throws `unavailable`. The
  /// time in which silent hosts are passed over is part of it, so it should be longer than
  /// `connect_timeout` for each of them.
  std::chrono::milliseconds acquire_timeout{15'000};
  /// For how long a call then waits for its answer. If it was sent behind other calls, the time
  /// begins when their answers are there. The server is asked to give up a little earlier
  /// (`statement_timeout`), unless the role or the connection string sets that time. Nothing is
  /// sent behind a call that waits for half a second.
  std::chrono::milliseconds operation_timeout{10'000};
  /// The next call closes a connection that no call has used for this long. With 0 no connection
  /// that is idle is used again.
  std::chrono::milliseconds idle_timeout{300'000};

  /// Gives every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<PostgresOptions>);

} // namespace agentstore

#endif
