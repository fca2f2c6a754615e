// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_REDIS_OPTIONS_HPP
#define AGENTSTORE_BACKENDS_REDIS_OPTIONS_HPP

/// \file
/// The options of the Redis backend.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace agentstore {

/// Everything but the URI may stay at its default. Time-outs are above 0. A time-out that is longer
/// than the clock can count never ends.
class RedisOptions {
public:
  RedisOptions() = default;
  explicit RedisOptions(std::string server_uri, std::string space_name = "agentstore")
      : uri(std::move(server_uri)), space(std::move(space_name)) {}

  /// `redis://user:password@host:port/database`, the same with `rediss` for TLS, or
  /// `unix://user:password@/path/socket?db=database`, in which only the host or the path is
  /// required. Port 6379 and database 0 are the defaults. Characters that are special in a URI are
  /// percent-encoded in user, password and path, e.g. `%40` for `@`. The password is never shown,
  /// neither in an error nor by health_check.
  std::string uri = "redis://127.0.0.1";
  /// For TLS: a file, in PEM, with the certificates of the authorities by which the server's
  /// certificate is verified. If it is empty, the system's authorities are used. The certificate
  /// must be for the URI's host.
  std::string ca_file;
  /// Names the store within the database; any bytes. Stores of different spaces see nothing of each
  /// other.
  std::string space = "agentstore";
  /// What all keys of the store begin with, any bytes; for an ACL such as `~app:*`.
  std::string prefix;
  /// Over how many hash slots the store is spread, from 1 to 1,024. The number is fixed when the
  /// space is made; `initialize` refuses another number later.
  std::size_t buckets = 16;

  /// How many replicas must have what a call writes before the call ends, at most 1,000. A write
  /// that fewer replicas have within half of `operation_timeout` is `unavailable`, although the
  /// server has it.
  std::size_t wait_replicas = 0;

  /// The time for the look-up of the name, and for each address of a host: TCP, TLS, password.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For how long a call waits for a connection, before it throws `unavailable`. `initialize` waits
  /// for as long as connecting takes.
  std::chrono::milliseconds acquire_timeout{5'000};
  /// For how long a call then waits for the answer.
  std::chrono::milliseconds operation_timeout{10'000};

  /// Gives every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

static_assert(!std::is_aggregate_v<RedisOptions>);

} // namespace agentstore

#endif
