// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_POSTGRES_HPP
#define AGENTSTORE_BACKENDS_POSTGRES_HPP

/// \file
/// The store for more than one machine: PostgreSQL. Component `postgres`, on libpq.

#include <agentstore/backends/postgres_options.hpp>
#include <agentstore/detail/engine_backend.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

namespace detail::postgres {
class Engine;
}

/// A store in a schema of a PostgreSQL database, for any number of processes on any number of
/// machines. All rules of IStorageBackend, ICheckpointerBackend and the directories hold, by what
/// the database guarantees at READ COMMITTED. The backend claims shared_processes, and durable and
/// survives_kill as far as the server's own settings are (`fsync`, `synchronous_commit`).
///
///     boost::asio::io_context context;
///     agentstore::PostgresBackend store(
///         context.get_executor(),
///         agentstore::PostgresOptions("host=/run/postgresql dbname=agents", "support"));
///
/// Every method but a merge of metadata is one round trip and one transaction. A merge is two. It
/// is made again, with two more, if another merge into the same session was faster. A clean-up is
/// one for each 500 sessions that it removes, so that it ends however many there are. If the server
/// stops a statement of it (SQLSTATE 57014), be it for its time, it goes on with fewer sessions at
/// once, down to one, so that it ends however much they hold.
///
/// \par The database
/// Any database of encoding UTF8, on a server of version 13 or newer. Tables `sessions`,
/// `messages`, `threads`, `checkpoints` and `writes` in the schema `PostgresOptions::space` show
/// ids as they are, JSON as `json` and times as `timestamptz`. PostgreSQL refuses a NUL in a text.
/// A column has U+2400 and 0 instead of it, and U+2400 twice instead of U+2400. `DELETE FROM
/// sessions` by hand also deletes what belongs to a session. The tables have a version.
/// `initialize` migrates older ones, in one process while others wait, and refuses newer ones with
/// `not_supported`. A migration, and the wait for another's, must end within `operation_timeout`:
/// raise it for the first start on a large older database. The role need not be a superuser.
///
/// \par Threads, executor
/// The backend works on a strand of the executor it is given, with no thread of its own, except
/// while it asks the server to stop a cancelled write, because libpq blocks then. Requires: the
/// executor runs while calls are made; its context outlives the object.
///
/// The caller's coroutine checks arguments, and writes and parses JSON. Asio's resolver looks up
/// the names of hosts, for which it has a thread in the context; libpq itself would block on names
/// that come from a service file. While no call is under way the backend has no work in the
/// context, so that `run` returns.
///
/// \par Connections
/// There are up to `pool_size` connections, opened when they are needed. An idle connection is
/// checked before it is used. The next call replaces a connection that has failed, so that a server
/// that comes back is used again without a restart. A connection whose server has become read-only
/// is replaced too. With several hosts and `target_session_attrs=read-write` writes move to the
/// next host after an error for each connection. A call that only reads is sent once more when its
/// connection breaks. A write whose answer was lost throws `unavailable`.
///
/// \par Poolers
/// All rules hold behind a pooler as well, such as pgbouncer in session mode, with any
/// `server_reset_query`, or in transaction mode, where each transaction may meet another server.
/// The rules hold because nothing but stored data outlives a transaction (see
/// PostgresOptions::prepared). The pooler needs no special setting. A method takes the server
/// longer, since each statement is parsed and planned again. A connection that waits for its turn
/// in the pooler counts as one that waits for its answer, so that `operation_timeout` covers that
/// wait. Statement mode refuses transactions.
///
/// \par Lifetime
/// Calls keep alive what they need, so a backend may be destroyed while they are under way. `close`
/// waits for them. Calls that come after `close` throw `closed`. The contexts on which calls are
/// awaited may be destroyed before the backend or after it, with calls under way (LIF-07): a
/// request that was sent is then carried out and its answer dropped, and a request that was not
/// sent does not happen.
///
/// In the child of a fork every call on a backend of the parent's throws `closed`, and the parent's
/// connections are left alone, also when the object is destroyed. Make a backend in the child.
///
/// \par Cancellation
/// A call that was not sent yet ends at once, and nothing of it happens. A read ends at once; its
/// answer is taken in and dropped, and the connection stays.
///
/// A write that was sent ends with the server's answer. If there is none within 10 ms, the server
/// is asked to stop the statement, by the protocol's own request, on a short connection of its own,
/// without TLS. It takes no connection slot of the server, and a pooler passes it on. The write
/// ends with the answer to that request. The write is then applied whole or not at all, and nothing
/// of it happens afterwards (CAN-02). If there is no answer within another second either, the
/// server or the network hangs: the call ends and its connection is dropped. Only then, and after a
/// time-out, the write may still be applied later.
///
/// \par Errors
/// As the interfaces say. `unavailable`: no connection within `connect_timeout`, none free within
/// `acquire_timeout`, no answer within `operation_timeout`, or the server cannot do it, e.g.
/// because it is read-only or shuts down, knows no such database, or refuses the password, which
/// may be changed later. `too_large`: the values of a call are above a GiB in all, which is what
/// the protocol takes. `corrupted`: a column holds something that the backend does not write there.
/// `initialize` throws `invalid_argument` for a connection string, a space or an option that is not
/// valid, and `not_supported` for a newer schema or another encoding. The reason has the server's
/// or libpq's words and the SQLSTATE, never the password.
///
/// \par Health
/// `health_check` asks the server for what calls need: the version of the tables, a row of each,
/// the role's privileges on them, and whether the server takes writes. It is `degraded` if only a
/// privilege is lacking. `details` has the space, the size of the pool, how many connections are
/// open and the server's version.
class PostgresBackend final : public detail::EngineBackend<detail::postgres::Engine> {
public:
  PostgresBackend(boost::asio::any_io_executor executor, PostgresOptions options)
      : EngineBackend(
            detail::construct<detail::postgres::Engine>(std::move(executor), std::move(options))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/postgres/engine.hpp>
#endif

#endif
