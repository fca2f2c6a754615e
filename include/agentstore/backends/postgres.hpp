// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_POSTGRES_HPP
#define AGENTSTORE_BACKENDS_POSTGRES_HPP

/// \file
/// The store for more than one machine: PostgreSQL. Component `postgres`, on libpq.

#include <agentstore/authoring/routed_backend.hpp>
#include <agentstore/postgres/options.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

/// A store in a schema of a PostgreSQL database, for any number of processes on any number of
/// machines. All rules of IStorageBackend, ICheckpointerBackend and the directories hold, by what
/// the database guarantees at READ COMMITTED; it claims durable, survives_kill and shared_handles,
/// as far as the server's own settings are durable (`fsync`, `synchronous_commit`).
///
///     boost::asio::io_context context;
///     agentstore::PostgresBackend store(
///         context.get_executor(),
///         agentstore::PostgresOptions("host=/run/postgresql dbname=agents", "support"));
///
/// Every method but a merge of metadata is one round trip and one transaction. A merge is two, and
/// two more each time another one of the same session was faster.
///
/// \par The database
/// Any of encoding UTF8, on a server of version 13 or newer. Tables `sessions`, `messages`,
/// `threads`, `checkpoints` and `writes` in the schema `PostgresOptions::space` show ids as they
/// are, JSON as `json` and times as `timestamptz`. In other texts a NUL, which PostgreSQL refuses,
/// stands as U+2400 and 0, and U+2400 itself twice. `DELETE FROM sessions` by hand takes along what
/// belongs to a session. The tables have a version: older ones are migrated by `initialize`, by one
/// process while others wait; newer ones are refused with `not_supported`. The role needs to be no
/// superuser.
///
/// \par Threads, executor
/// The backend has no thread. It works on a strand of the executor it is given, which must be run
/// by somebody while calls are made, and whose context must outlive the object. Arguments are
/// checked, and JSON is written and parsed, by the caller's coroutine. Names of hosts are looked up
/// by Asio's resolver, which has a thread in the context for it; libpq would block on those that
/// come from a service file. While no call is under way nothing of the backend is left in the
/// context: `run` returns.
///
/// \par Connections
/// Up to `pool_size`, opened when there is need. Each is checked before it is used; one that fails
/// is replaced with the next call that needs it, so a server that comes back is used again without
/// a restart. A call that only reads is made once more when its connection breaks; a write whose
/// answer was lost throws `unavailable`. The pool expects a session for itself: behind a pooler use
/// its session mode.
///
/// \par Lifetime
/// Calls keep what they need alive: a backend may be destroyed while they are under way. `close`
/// waits for them; calls that come behind it throw `closed`.
///
/// \par Cancellation
/// A call that was not sent yet ends at once, and nothing of it happens. A read ends at once; its
/// answer is taken in and dropped, and the connection stays. A write that was sent ends with the
/// server's answer, by its result or, if that comes first, by Asio's exception. Where there is no
/// answer within 10 ms, the server is asked to stop the statement, and it ends by its answer to
/// that: applied whole or not at all, and nothing afterwards (CAN-02). Where there is none within
/// another second, because the server or the network hangs, the call ends and its connection is
/// dropped: then, and only then, the write may still be applied later, as it may after a time-out.
///
/// \par Errors
/// As the interfaces say. `unavailable`: no connection within `connect_timeout`, none free within
/// `acquire_timeout`, no answer within `operation_timeout`, or the server cannot do it, e.g.
/// because it is read-only or shuts down, knows no such database, or refuses the password, which
/// may be another tomorrow. `corrupted`: a column does not hold what is written there. `initialize`
/// throws `invalid_argument` for a connection string, a space or an option that is none, and
/// `not_supported` for a newer schema or another encoding. The reason has the server's or libpq's
/// words and the SQLSTATE, never the password.
class PostgresBackend final : public RoutedBackend<PostgresBackend>,
                              public RoutedSessionDirectory<PostgresBackend>,
                              public RoutedThreadDirectory<PostgresBackend> {
public:
  PostgresBackend(boost::asio::any_io_executor executor, PostgresOptions options);

  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  /// Asks the server. `details` has the space, the size of the pool, how many connections are open
  /// and the server's version.
  awaitable<Health> health_check() override;

private:
  friend RoutedBackend;
  friend RoutedSessionDirectory;
  friend RoutedThreadDirectory;
  class State;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const;

  std::shared_ptr<State> state_;
};

} // namespace agentstore

#include <agentstore/detail/postgres/backend.hpp> // only machinery

#endif
