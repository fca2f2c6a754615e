// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONTRACT_HPP
#define AGENTSTORE_CONTRACT_HPP

/// \file
/// The rules that all interfaces share. Each interface header adds its own beside the methods.
///
/// A rule has an id that never changes. The conformance kit has a check for each id and reports by
/// id. A backend that keeps all rules of the interfaces it derives from conforms.
///
/// \par Answers
/// A `bool` says whether the store took the request. True: the store now holds what was asked.
/// False: there is no such session, or it has ended. All else that goes wrong throws
/// `StorageError`, which names the method and the key (ERR-02), with a code of `errc`. The archive
/// (IPermanentStorageBackend) alone never throws: there, false says that the record was lost.
/// If several things are wrong with one call, e.g. two arguments are bad, or a bad argument comes
/// to a store that is closed, the error may be that of any of them, unless the method says which.
/// A bad id (KEY-02) and a closed store (LIF-02) are errors also where there is no such session.
/// - ERR-01 A store that fails throws: `unavailable`, `corrupted`, ... It never answers "not
///   found", false or an empty list because it could not look, and a write that threw has been
///   applied whole or not at all.
/// - ERR-02 A StorageError names the call that it ends: its `operation()` is the name of the method
///   that was called, e.g. "put_writes", and its `key()` is an id that was given, whole. It may be
///   the first id, as in this library, or the id that matters. A prefix counts as an id. If the
///   method has no id, or the id itself was wrong, the key is left open. It has a `cause()` only if
///   it is `unavailable`.
/// - ERR-03 If a record was spoilt underneath, so that it can no longer be read as what was
///   written, each read that would answer with it throws `corrupted`, or `initialize` does if that
///   reads all records; or the record is read as it was, from a copy. It is never left out, empty
///   or another value, and records of other keys are read as before.
///
/// \par Ids
/// Session, user, thread, checkpoint and task ids.
/// - KEY-01 An id is opaque: 1 to 1024 bytes of UTF-8 without NUL. Case, spaces, separators,
///   quotes, wildcards, `../`, composed and decomposed letters all count and mean nothing. Two ids
///   are the same if and only if their bytes are.
/// - KEY-02 Any other id is refused with `invalid_argument`, by reads as by writes, and nothing is
///   stored.
///
/// \par Values
/// JSON documents and texts: metadata, data, contexts, channel values, roles, contents, statuses,
/// channels, kinds of events.
/// - VAL-01 What is read is exactly what was stored: 64-bit integers to both limits, signed and
///   unsigned, doubles bit by bit (and still doubles), null members, empty containers, any
///   Unicode, NUL inside strings.
/// - VAL-02 A value of 1 MiB is accepted: a text counts by its bytes, a JSON value by the bytes of
///   its `text()`. A value beyond the limit that the backend states is refused with `too_large`,
///   and nothing is stored.
/// - VAL-03 Nothing that is passed in or returned aliases the store: changing it afterwards
///   changes nothing there.
/// - VAL-04 Invalid UTF-8 in a text, a string or a member name, a NaN or an infinity is refused
///   with `invalid_argument`, and nothing is stored.
/// - VAL-05 A JSON value nested 64 deep is accepted: a scalar has depth 0, a container one more
///   than the deepest value in it. A value deeper than the backend's limit is refused with
///   `invalid_argument`, as text and as tree. A value of depth 100,000 never causes a crash: it is
///   stored or refused.
/// - VAL-06 A Document is one value in both its forms. Put as text it is read as the tree, and put
///   as a tree it is read as the text. A value that is too large in one form is too large in both.
///   The spelling of a text need not be kept.
///
/// \par Asynchrony
/// - ASY-01 Nothing happens, or is thrown, before the await; an awaitable dropped has no effect.
/// - ASY-02 Arguments belong to the operation: the caller's copies may die before the await. (All
///   parameters are by value; a backend that forwards them moves them.)
/// - ASY-03 A value and an exception alike reach the caller on the executor of the coroutine that
///   awaits. A backend may use any executors inside.
/// - ASY-04 Any method may be called from any thread at any time, without outside locking.
/// - ASY-05 A call that waits, for a disk, a server or another call, never blocks the thread of
///   the caller.
///
/// \par Cancellation
/// By the cancellation slot of the awaiting coroutine, as `op || timer` of Asio does it.
/// - CAN-01 A cancelled call ends, by its result or by an exception.
/// - CAN-02 A cancelled write has been applied whole or not at all when its end is reported, and
///   nothing of it is applied afterwards.
/// - CAN-03 The store works on after a cancellation, and so do the calls beside the cancelled one.
/// - CAN-04 A cancelled write that waits for something that somebody else holds, such as the lock
///   of another process, ends soon and has no effect. So `op || timer` is a deadline. (If a harness
///   can make it wait. A backend states what it cannot interrupt, and how long that takes.)
///
/// \par Together
/// - CNC-01 The operations on one session are linearizable: each takes effect at one moment
///   between its call and its return.
/// - CNC-02 Of concurrent attempts to create one session exactly one succeeds; the others throw
///   `already_exists`.
/// - SPC-01 Two stores that were opened on different spaces (files, schemas, prefixes, objects)
///   never see anything of each other.
/// - TWO-01 Two handles on one space see each other's acknowledged writes at once. (If claimed:
///   shared_handles.)
/// - TWO-02 So do handles in several processes: no update of theirs is lost, the writes of each
///   keep their order, and of attempts to create, end, delete, copy or prune the same thing, one
///   succeeds. (If claimed: shared_processes.)
/// - DUR-01 After the last handle is gone and a new one is opened, all that was acknowledged is
///   there. (If claimed: durable.)
/// - DUR-02 The same after a kill -9 at any moment: all that was acknowledged is there, besides at
///   most what was in flight, and nothing is torn. (If claimed: survives_kill.)
/// - MDL-01 Whatever the sequence of calls, the answers are those of a simple sequential model of
///   these rules.
///
/// \par Lifetime
/// Until every call on a backend has ended, the caller keeps the backend alive, and an executor
/// that was given to its constructor running.
/// - LIF-07 Contexts on which calls are awaited, and the backend, may be destroyed in any order,
///   with calls under way or without. Once a context is gone nothing touches it, and no frame of a
///   call that was awaited there is left. A context that was given to a constructor goes last. (If
///   claimed: any_teardown_order.)

#include <agentstore/awaitable.hpp>
#include <agentstore/error.hpp>
#include <agentstore/records.hpp>

#endif
