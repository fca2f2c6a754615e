// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_CLICKHOUSE_OPTIONS_HPP
#define AGENTSTORE_ARCHIVES_CLICKHOUSE_OPTIONS_HPP

/// \file
/// The options of the ClickHouse archive.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// Everything but the URI may stay at its default. Time-outs and sizes are above 0.
class ClickHouseOptions {
public:
  ClickHouseOptions() = default;
  explicit ClickHouseOptions(std::string server_uri) : uri(std::move(server_uri)) {}

  /// `clickhouse://user:password@host:port/database`, or the same with `clickhouses` for TLS, in
  /// which only the host is required. The port is that of the server's HTTP interface; the default
  /// is 8123, and 8443 for TLS. The default user is `default` without a password, and the default
  /// database is `agentstore`. The database's name consists of letters, digits and `_`. Characters
  /// that are special in a URI are percent-encoded in user and password, e.g. `%40` for `@`. A user
  /// cannot have a colon. An address of IPv6 stands in brackets. The password is never shown,
  /// neither in an error nor in the server's log of queries.
  std::string uri = "clickhouse://127.0.0.1";
  /// For TLS: a file, in PEM, with the certificates of the authorities by which the server's
  /// certificate is verified. If it is empty, the system's authorities are used. The certificate
  /// must be for the URI's host.
  std::string ca_file;

  /// The time for one attempt to connect, with the look-up of the name and TLS. Each address of a
  /// host has this time, within operation_timeout.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long an append waits for its insert to begin, before it is false. The insert may then
  /// take as long again. A read, and `initialize`, may take as long in all.
  std::chrono::milliseconds operation_timeout{10'000};

  /// How long the first record of an insert waits for others. ClickHouse works best with few large
  /// inserts. Above some hundred in ten minutes for each table it may refuse more ("too many
  /// parts"). Each kind has one insert under way at a time, so records gather without a linger,
  /// too. The linger is no longer than half of operation_timeout.
  std::chrono::milliseconds linger{5};
  /// How many bytes of records one insert has; a record that is larger goes alone.
  std::size_t max_batch_bytes = std::size_t{4} << 20u;
  /// How many bytes of records of each kind may wait. Beyond that an append is false at once.
  std::size_t max_queued_bytes = std::size_t{64} << 20u;
  /// How many connections there are at most.
  std::size_t max_connections = 8;

  /// Gives the time of an append that brings none. The place of a record among those of its key is
  /// by the machine's clock, not by this one.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<ClickHouseOptions>);

} // namespace agentstore

#endif
