// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_POOL_DECISIONS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_POOL_DECISIONS_HPP

// What the pool decides: where a request goes, when a connection is opened, how long to wait. These
// functions know no socket, no clock and no server.

#include <agentstore/detail/deadline.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace agentstore::detail::postgres {

using Time = std::chrono::steady_clock::time_point;

/// How often the pool polls a busy TLS connection. The TLS library may hold back a part of a
/// record, which no wait for the socket sees.
inline constexpr std::chrono::milliseconds tls_poll_interval{50};

using detail::deadline_after;

/// The latest time for opening a connection that tries so many hosts, each with its own share of
/// time.
inline Time time_for_hosts(Time now, std::chrono::milliseconds each, std::size_t hosts) {
  Time deadline = now;
  for (std::size_t i = 0; i < hosts; ++i) {
    deadline = deadline_after(deadline, each);
  }
  return deadline;
}

/// The time limit for an answer, as the server gets it. The server gives up first, so that the
/// connection stays and the fate of a write is known.
inline std::chrono::milliseconds server_time(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds most{std::numeric_limits<std::int32_t>::max()}; // 24.8 days
  const auto margin = std::min(limit / 10, std::chrono::milliseconds(500));
  return std::clamp(limit - margin, std::chrono::milliseconds(1), most);
}

/// A request that has waited for its answer this long gets no further request behind it.
inline constexpr std::chrono::milliseconds patience{500};

/// What the decisions look at of a connection.
class ConnectionView {
public:
  ConnectionView() = default;
  ConnectionView(std::size_t requests, std::optional<Time> until)
      : depth(requests), deadline(until) {}

  bool is_idle() const { return depth == 0; }

  /// How many requests are on it.
  std::size_t depth = 0;
  /// Until when the oldest of them waits for its response.
  std::optional<Time> deadline;
  /// Takes no further request.
  bool is_retiring = false;
  /// The oldest request has waited for long, perhaps for a lock. Requests behind it would wait too.
  bool is_stuck = false;
  bool uses_tls = false;
  /// Whether it has a session. Without a session it takes one request at a time. A pooler lends it
  /// a server until every request that arrived whole is answered. The rest of a request that
  /// arrived in part may reach another server.
  bool has_session = true;
};

/// Whether one more connection may be opened. After a failed attempt, the existing connections must
/// do until `not_before`. A pool without connections tries at once.
inline bool may_open(std::size_t open, std::size_t pool_size, Time now, Time not_before) {
  return open < pool_size && (open == 0 || now >= not_before);
}

/// The index of the connection for the next request: an idle one, else the one with the fewest
/// requests. None if all are full, or if all are busy and a further one may be opened, because a
/// request that is sent behind another one has to wait for it.
inline std::optional<std::size_t> choose_connection(std::span<const ConnectionView> connections,
                                                    std::size_t pipeline_depth,
                                                    bool may_open_more) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    const ConnectionView& each = connections[i];
    const std::size_t most = each.has_session ? pipeline_depth : 1;
    if (!each.is_retiring && !each.is_stuck && each.depth < most &&
        (!best || each.depth < connections[*best].depth)) {
      best = i;
    }
  }
  if (best && !connections[*best].is_idle() && may_open_more) {
    return std::nullopt;
  }
  return best;
}

/// How many connections to open now: one for each request in the queue, as far as there is room.
inline std::size_t connections_to_open(std::size_t queued, std::size_t open, std::size_t opening,
                                       std::size_t pool_size) {
  const std::size_t wanted = queued > opening ? queued - opening : 0;
  const std::size_t taken = open + opening;
  return std::min(wanted, pool_size > taken ? pool_size - taken : 0);
}

/// Whether a connection that has had a large request or response is to go. libpq keeps a
/// connection's buffers for good. The pool keeps such a connection while large values go on, and
/// closes it after 8 small ones.
inline bool is_overgrown(bool has_grown, std::size_t small_ones_since) {
  return has_grown && small_ones_since >= 8;
}

/// How many bytes are large.
inline constexpr std::size_t large_bytes = std::size_t{4} << 20u;

/// When the pool has to look at its requests next, never if nothing has a deadline.
/// \param queue_deadline  the earliest deadline of the requests in the queue
inline Time next_deadline(std::optional<Time> queue_deadline,
                          std::span<const ConnectionView> connections, Time now) {
  Time next = queue_deadline.value_or(Time::max());
  for (const ConnectionView& each : connections) {
    next = std::min(next, each.deadline.value_or(next));
    if (each.uses_tls && !each.is_idle()) {
      next = std::min(next, now + tls_poll_interval);
    }
  }
  return next;
}

} // namespace agentstore::detail::postgres

#endif
