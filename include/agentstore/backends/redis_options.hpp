// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_REDIS_OPTIONS_HPP
#define AGENTSTORE_BACKENDS_REDIS_OPTIONS_HPP

/// \file
/// What the Redis backend can be told.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// All but the URI may stay as it is. Time-outs are above 0. A time-out that is longer than the
/// clock can count never ends.
class RedisOptions {
public:
  RedisOptions() = default;
  explicit RedisOptions(std::string server_uri, std::string space_name = "agentstore")
      : uri(std::move(server_uri)), space(std::move(space_name)) {}

  /// `redis://user:password@host:port/database`, the same with `rediss` for TLS, or
  /// `unix://user:password@/path/socket?db=database`, where only the host or the path must be
  /// there. Port 6379 and database 0 are taken if none is told. What is special in a URI is
  /// percent-encoded in user, password and path: `%40` for `@`. The password is never shown: not in
  /// an error, not by health_check.
  std::string uri = "redis://127.0.0.1";
  /// For TLS: a file of the certificates of the authorities that the server's one is verified by,
  /// in PEM. The system's ones if there is none. The certificate must be for the URI's host.
  std::string ca_file;
  /// Which store of the database, any bytes. Stores of different spaces see nothing of each other.
  std::string space = "agentstore";
  /// What all keys of the store begin with, any bytes; for an ACL such as `~app:*`.
  std::string prefix;
  /// Over how many hash slots the store is spread, from 1 to 1,024. It is decided when the space is
  /// made; `initialize` refuses another number later.
  std::size_t buckets = 16;

  /// How many replicas are to have what a call writes before it ends. A write that fewer have
  /// within half of `operation_timeout` is `unavailable`, although the server has it.
  std::size_t wait_replicas = 0;

  /// For one attempt to connect, with everything: the look-up of the name, TCP, password. Each
  /// address of a host has this time.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long a call waits for a connection, before it throws `unavailable`.
  std::chrono::milliseconds acquire_timeout{5'000};
  /// For how long it then waits for the answer.
  std::chrono::milliseconds operation_timeout{10'000};

  /// Asked for every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<RedisOptions>);

} // namespace agentstore

#endif
