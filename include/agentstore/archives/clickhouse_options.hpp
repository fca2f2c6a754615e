// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_CLICKHOUSE_OPTIONS_HPP
#define AGENTSTORE_ARCHIVES_CLICKHOUSE_OPTIONS_HPP

/// \file
/// What the ClickHouse archive can be told.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// All but the URI may stay as it is. Time-outs and sizes are above 0.
class ClickHouseOptions {
public:
  ClickHouseOptions() = default;
  explicit ClickHouseOptions(std::string server_uri) : uri(std::move(server_uri)) {}

  /// `clickhouse://user:password@host:port/database`, or the same with `clickhouses` for TLS, where
  /// only the host must be there. It is the server's HTTP interface: port 8123 is taken if none is
  /// told, and 8443 for TLS; the user `default` without a password, and the database `agentstore`,
  /// whose name is of letters, digits and `_`. What is special in a URI is percent-encoded in user
  /// and password: `%40` for `@`. The password is never shown: not in an error, and not in the
  /// server's log of queries.
  std::string uri = "clickhouse://127.0.0.1";
  /// For TLS: a file of the certificates of the authorities that the server's one is verified by,
  /// in PEM. The system's ones if there is none. The certificate must be for the URI's host.
  std::string ca_file;

  /// For one attempt to connect, with the look-up of the name and TLS. Each address of a host has
  /// this time.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long an append waits for its insert to begin, before it is false; for how long the
  /// insert may then take; and for how long a read may take in all.
  std::chrono::milliseconds operation_timeout{10'000};

  /// How long the first record of an insert waits for others. ClickHouse likes few large inserts:
  /// above some hundred in ten minutes for each table it may refuse more ("too many parts"). Each
  /// kind has one insert under way at a time, so records gather without this, too. It is no longer
  /// than half of operation_timeout.
  std::chrono::milliseconds linger{5};
  /// How many bytes of records one insert has; a record that is larger goes alone.
  std::size_t max_batch_bytes = std::size_t{4} << 20u;
  /// How many bytes of records of each kind may wait. Above it an append is false at once.
  std::size_t max_queued_bytes = std::size_t{64} << 20u;
  /// How many connections there are at most.
  std::size_t max_connections = 8;

  /// Asked where an append brings no time of its own. The place of a record among those of its key
  /// is by the machine's clock, whatever this one says.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<ClickHouseOptions>);

} // namespace agentstore

#endif
