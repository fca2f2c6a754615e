// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_REDIS_HPP
#define AGENTSTORE_BACKENDS_REDIS_HPP

/// \file
/// The hot store for more than one machine: Redis. Component `redis`, on hiredis.

#include <agentstore/backends/redis_options.hpp>
#include <agentstore/detail/engine_backend.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace agentstore {

namespace detail::redis {
class Engine;
}

/// A store in a Redis server or a Redis Cluster, for any number of processes on any number of
/// machines. All rules of IStorageBackend, ICheckpointerBackend and the directories hold on both.
///
///     boost::asio::io_context context;
///     agentstore::RedisBackend store(
///         context.get_executor(),
///         agentstore::RedisOptions("redis://agents:secret@db.example.com", "support"));
///
/// \par What holds, and what does not
/// Calls are linearizable, and every handle sees the acknowledged writes of the others, as long as
/// the server stays the same. The backend claims survives_kill only if the server has `appendonly
/// yes` and `appendfsync always`: with `everysec` a crash of the server's machine loses the last
/// second. A server that was killed in the middle of a write to its file cuts the file off, with
/// version 7.0.15 inside of the last transaction. Of that one, which was never acknowledged, a part
/// is then taken up at the second start; the metrics may be too high by one. `redis-check-aof
/// --fix` before the first start avoids that. Replication is asynchronous. A replica that is
/// promoted may lack acknowledged writes, unless each replica that could be promoted has confirmed
/// them (RedisOptions::wait_replicas). An eviction or an expiry removes keys behind the store's
/// back. Reads and writes of a session that lost one of its keys throw `corrupted`, and so do those
/// of a thread that lost one of a pair: `checkpoints` and `order`, or `writes` and `values`. What
/// lost both, or all, is unknown or empty. `delete_session` and `delete_thread` remove what is
/// left. Lists and clean-ups lack what was in a key of a whole bucket. `get_metrics` counts a
/// bucket anew that lost its `counts`, by what is in its `idle` and `threads`. Set
/// `maxmemory-policy noeviction`; `health_check` says if it is not.
///
/// \par Redis Cluster
/// The URI names any node of the cluster. `initialize` finds out that the node is part of a
/// cluster, and asks where the others are. All nodes must be reachable at the addresses that they
/// announce, and with `rediss` have certificates for these addresses. Database 0 is the only one.
///
/// All keys of one id lie in one slot, so that each call is still whole. A call that spans buckets
/// asks the nodes side by side. The buckets lie evenly over the slots: with 16 of them, none of
/// three masters has more than six. A request that a node redirects is sent on. Besides what is
/// said above:
/// - When a master is gone, calls for its slots are `unavailable` until a replica has taken over.
///   So are other calls if the cluster has `cluster-require-full-coverage`. A call that was not
///   sent yet goes to the replica; a write that was sent and not answered is `unavailable`. The
///   replica may lack what was acknowledged last, unless `wait_replicas` is the number of all its
///   replicas. `CLUSTER FAILOVER` loses nothing; calls go to the new master.
/// - A master that the others cannot reach takes writes for up to `cluster-node-timeout`, and they
///   are lost when it comes back.
/// - While a slot moves to another node, a call is served if all keys that its script names are on
///   one of the two, and `unavailable` (`TRYAGAIN`) if not. `list_threads` is always served, and so
///   is `get_metrics` unless it has to count anew. Most other calls for ids of the slot are served
///   again after the move.
///
/// \par Cost
/// Every method is one script on the server and one round trip, at a cost that does not grow with
/// the store, with these exceptions:
/// - A merge of metadata is two round trips, and two more if another merge was faster.
/// - `copy_thread` is two.
/// - `list_threads` and `get_metrics` ask each bucket, in one round trip. If a bucket lost its
///   counts, `get_metrics` takes another one, for a script that goes through all sessions and
///   threads of that bucket, and writes.
/// - `list_sessions` asks each bucket, in one round trip, and then for the records, in another. It
///   is two more if sessions of the page have moved or gone meanwhile.
/// - A clean-up takes two for some 100 sessions of each bucket.
///
/// All calls to a node share one connection. A call of some hundred MB holds up the calls behind
/// it.
///
/// \par Keys
/// `PREFIX{SPACE/BUCKET-N}:TYPE:ID`. A bucket is the CRC-32 of an id modulo the number of buckets.
/// A session, its messages and the thread of its id thus lie in one hash slot. N is the smallest
/// number that puts bucket B of n into the B-th of n equal parts of the slots. `{`, `}` and `%` are
/// percent-encoded in prefix and space.
///
///     session:ID      hash   user, status, created, last_activity, requests, errors, micros,
///                            version, messages (how many), metadata (JSON), context (JSON);
///                            stamp: changes with the metadata; rank, filed: see below
///     messages:ID     hash   sequence -> time, sizes of role and content; role; content; metadata
///     checkpoints:ID  hash   checkpoint -> size of data; data; metadata
///                            checkpoint, NUL -> place, time
///     order:ID        zset   place in 16 digits, checkpoint: the order in which ids were first
///                            stored
///     writes:ID       zset   checkpoint, NUL, task, NUL, index + 4 in 20 digits
///     values:ID       hash   the same -> size of the channel; channel; value
///
/// Each bucket also has these keys, without an ID:
///
///     users           zset   user, NUL, rank, session: the sessions of a user, newest first
///     idle            zset   filed, session: what a clean-up looks through. `filed` is a rank that
///                            the session had once; clean-up brings it up to date
///     threads         zset   the ids of all threads
///     counts          hash   sessions, active, messages, checkpoints; stamp; whole: there unless
///                            the key was lost
///
/// and `PREFIX{SPACE/}:layout`, a hash of the layout's version and the number of buckets. Times are
/// microseconds since 1970. A rank is a number of 20 digits made from a time, and is smaller for a
/// later time. The parts of a value are lines; its first line states their sizes. A newer layout is
/// `not_supported`.
///
/// \par The server
/// Version 7.0 or newer. The user of an ACL needs the keys `~PREFIX{SPACE/*` and the commands
/// `evalsha eval info select hset hget hmget hincrby hlen hdel hstrlen exists zadd zrem
/// zcard zrange zremrangebyrank unlink dump restore rename persist`; with `rediss` `ping`
/// too; on each node of a cluster `cluster|slots asking` too, and `wait` for `wait_replicas`. A
/// script checks all its rights and the types of all its keys before its first write. A script that
/// lacks something has done nothing, and the error names the command.
///
/// \par Threads, executor
/// The backend works on a strand of the executor it is given, with no thread of its own. Requires:
/// the executor runs while calls are made; its context outlives the object. The caller's coroutine
/// checks arguments, and writes and parses values. Asio's resolver looks up names of hosts, for
/// which it has a thread in the context. While no call is under way the backend has no work in the
/// context, so that `run` returns.
///
/// \par Connection
/// There is one connection for each node, and with `wait_replicas` another one for writes, opened
/// when it is needed. A connection is checked before it is used after a pause. The next call
/// replaces a connection that has failed, so that a server that comes back is used again without a
/// restart. A call that only reads is sent once more when its connection breaks. A write whose
/// answer was lost throws `unavailable`. A call without an answer in time fails alone. The calls
/// behind it keep their time and their connection, and later calls get a new connection.
///
/// \par TLS
/// With `rediss` the server's certificate is verified, by the authorities of the system or of
/// RedisOptions::ca_file, and must be for the host. A server without such a certificate is
/// `unavailable`.
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
/// answer is taken in and dropped. What was sent cannot be taken back: a write that was sent ends
/// with the server's answer, applied whole or not at all, and nothing of it happens afterwards
/// (CAN-02). If there is no answer within a second, the server or the network hangs: the call ends.
/// Only then, and after a time-out, the write may still be applied later.
///
/// \par Errors
/// As the interfaces say. `unavailable`: no connection in time, no answer in time, or the server
/// cannot do it, e.g. because it is full (`maxmemory`; reads and removals go on), loads its data,
/// is busy with another script or a replica, lacks a right, or refuses the password, which may be
/// changed later. `too_large`: a call's values are above 512 MiB each or a GiB in all. `corrupted`:
/// a key has a type or content that the backend does not write there, or some of the keys of an id
/// are missing. `initialize`
/// throws `invalid_argument` for a URI, a database or an option that is not valid, and
/// `not_supported` for an older server or a newer layout. The reason has the server's words, never
/// the password. A clean-up takes each session by itself. A clean-up that throws has removed some
/// sessions, each whole.
///
/// \par Health
/// `health_check` asks the server for what calls need. It is `degraded` under an eviction policy
/// other than noeviction, without an append-only file, if the server is full, and if fewer replicas
/// than `wait_replicas` follow it, so that writes are `unavailable`. It is `unhealthy` if the
/// server takes no calls or is a replica. It does not see that a server refuses writes after a
/// failed RDB save or for want of replicas. All masters of a cluster are asked. `details` has the
/// space, the buckets and the server's version.
class RedisBackend final : public detail::EngineBackend<detail::redis::Engine> {
public:
  RedisBackend(boost::asio::any_io_executor executor, RedisOptions options)
      : EngineBackend(
            detail::construct<detail::redis::Engine>(std::move(executor), std::move(options))) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/redis/engine.hpp>
#endif

#endif
