// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_DUAL_WRITE_HPP
#define AGENTSTORE_ARCHIVES_DUAL_WRITE_HPP

/// \file
/// A hot store with a permanent archive beside it, of any kinds.

#include <agentstore/archives/dual_write_options.hpp>
#include <agentstore/capabilities/archiving.hpp>
#include <agentstore/detail/decorated_store.hpp>
#include <agentstore/detail/dual_write/archived.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <concepts>
#include <memory>

namespace agentstore {

/// An archive of any class for a DualWrite. Made from a `std::shared_ptr` to the archive, which
/// must not be null. If the class is an IArchiveOnce, a repeated append adds no second record.
class ArchiveForDualWrite {
public:
  template <std::derived_from<IPermanentStorageBackend> Archive>
  ArchiveForDualWrite(std::shared_ptr<Archive> archive); // NOLINT(google-explicit-constructor)

private:
  template <class Hot>
  friend class DualWrite;
  detail::dual_write::Target target_;
};

/// A store of class `Hot` that hands all that it stores on to an archive.
///
///     auto hot = std::make_shared<SqliteBackend>("agents.db");
///     auto archive = std::make_shared<SqliteArchive>("archive.db");
///     DualWrite<SqliteBackend> store(executor, hot, archive);
///     co_await store.initialize(); // opens both
///
/// A DualWrite has the interfaces of `Hot`, also the directories if `Hot` has them. Every call is
/// made on the hot store, and its answer or error is the hot store's. What the call has stored
/// becomes a record in a queue, from which the archive gets it (IArchiving, whose rules hold). So a
/// call never waits for the archive, and an archive that is slow, failing or silent costs a call
/// nothing but speed. The queue is in memory, or also in a file (archives/sqlite_queue.hpp), where
/// it outlives the process; then a call waits for a commit of that file. All rules that hold for
/// the hot store hold, and a DualWrite claims what the hot store claims.
///
/// \par What is archived
///
/// | call that has stored something | record | of the key | with |
/// |---|---|---|---|
/// | `create_session` | session event | session | user, `metadata` |
/// | `update_session` | session event | session | what was asked for, see below |
/// | `end_session` | session event | session | `status` |
/// | `delete_session` | session event | session | |
/// | `cleanup_expired_sessions` | session event | its own name | `max_idle_us`, `removed` |
/// | `delete_thread` | session event | thread | |
/// | `copy_thread` | session event | target | `source` |
/// | `prune_thread` | session event | thread | `keep`, `removed` |
/// | `add_conversation_message` | message | session | all arguments |
/// | `store_checkpoint`, `put_checkpoint` | checkpoint | thread | all arguments |
/// | `put_writes`, not empty | checkpoint writes | thread | all arguments |
/// | `store_task_context` | task context snapshot | session | the context |
///
/// Of an update: `updates` if given, `increment_requests`, `mark_error`, `processing_time_us`. An
/// event's type is the name of the call, and its payload an object with what the last column names.
/// Its user is "-", except for `create_session`, because no other call names a user. `put_writes`
/// does not tell which writes the hot store had already and left as they were (WRT-02), so a
/// repeated call leaves a record of all of them again. A record has the time at which its call was
/// answered, by the clock of the options. A call that threw, answered false or removed nothing
/// leaves no record. So a call that was cancelled, or that ended by `unavailable`, leaves no record
/// although it may have stored what it was asked to, and a clean-up that threw leaves none although
/// it may have removed some sessions.
///
/// \par Order, and what it costs
/// For each kind and key one append is under way at a time, so that the order is kept (DUA-02). So
/// if a key is written to faster than the archive answers one append after the other, the queue
/// fills, however many appends could be made at once.
///
/// \par What can be lost
/// Records that do not fit into the queue, and records that the archive keeps refusing. An archive
/// that cannot be opened or reached refuses, too: if it is away for longer than all attempts take,
/// records are dropped, also those in a file. DualWriteOptions::max_attempts says for how long that
/// is. A queue in memory is lost by a kill, by a destructor without `close`, and by a `close` whose
/// limit has passed; the record of an append that is under way then may still be kept. `drain`
/// before a planned end. With a queue in a file none of these three loses the record of a call that
/// was answered before. A call that is under way when the object is destroyed may leave no record.
/// Dropped records are counted in `get_archiving_metrics`. An event holds metadata, a patch or a
/// status inside of an object. So the archive's limits should be above the hot store's, by 1 in
/// depth and some hundred bytes in size, or it refuses the events of the largest ones. If the
/// archive is not an IArchiveOnce, a record may be kept twice: its append was kept but seemed to
/// have failed, or was under way at the end of a process whose queue is in a file.
///
/// \par Life cycle
/// A DualWrite opens and closes both stores. `initialize` opens the queue's file, if there is one,
/// and then the hot store; a failure of these is a failure of `initialize`. If it is the hot store
/// that fails, the file stays open until `close`. Then `initialize` opens the archive, whose
/// failure is not one of `initialize`, because later appends open the archive again. `close` closes
/// the hot store, then archives what is queued, and closes the archive and the file.
///
/// \par Threads, executor
/// For the calls: those of the hot store. The appends are made on a strand of the given executor,
/// which must run for anything to be archived; `drain` and `close` wait for it, too.
///
/// \par Lifetime
/// The executor's context must outlive the object. A call may outlive the object if a call on the
/// hot store may outlive the hot store. The contexts on which calls are awaited may be destroyed
/// before the object or after it if the hot store allows that. An append that is under way keeps
/// the archive alive.
///
/// In the child of a fork every call that leaves a record throws `closed`, and so do `initialize`,
/// `close`, `drain` and `get_archiving_metrics`: make another DualWrite in the child. Queued
/// records are the parent's.
///
/// \par Cancellation
/// That of the hot store; a call that is cancelled while it waits for the queue's file is answered
/// at once. `drain` and `close` run to their end, which comes within their limits, except that
/// `close` also waits for the hot store to close, and for the commits of the queue's file. If
/// `close` is cancelled while the hot store closes, nothing is archived or closed behind it: call
/// `close` again.
///
/// \par Health
/// That of the hot store; also `degraded` if the latest append, or the latest change of the queue's
/// file, failed. Health shows neither an append that hangs nor records that were dropped because
/// they did not fit: see `get_archiving_metrics`.
template <class Hot>
class DualWrite : public RoutedBackend<DualWrite<Hot>>,
                  public detail::SessionDirectoryLike<DualWrite<Hot>, Hot>,
                  public detail::ThreadDirectoryLike<DualWrite<Hot>, Hot>,
                  public IArchiving {
  static_assert(detail::WholeStore<Hot>,
                "the hot store of a DualWrite is an IStorageBackend and an ICheckpointerBackend");

public:
  DualWrite(boost::asio::any_io_executor executor, std::shared_ptr<Hot> hot,
            ArchiveForDualWrite archive, DualWriteOptions options = DualWriteOptions());
  DualWrite(const DualWrite&) = delete;
  DualWrite& operator=(const DualWrite&) = delete;
  ~DualWrite() override;

  // IStorageBackend; the other methods are RoutedBackend's
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;

  // IArchiving
  awaitable<bool> drain(std::chrono::milliseconds limit = default_drain_limit) override;
  awaitable<ArchivingMetrics> get_archiving_metrics() override;

private:
  template <class>
  friend class RoutedBackend;
  template <class>
  friend class RoutedSessionDirectory;
  template <class>
  friend class RoutedThreadDirectory;
  using Writer = detail::dual_write::Writer;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments);
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result>
  stored(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer, Arguments... arguments);
  static awaitable<bool> open(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer);
  static awaitable<void> shut(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer);
  static awaitable<Health> health(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer);
  static awaitable<ArchivingMetrics> metrics(std::shared_ptr<Writer> writer);

  std::shared_ptr<Hot> hot_;
  const detail::OfThisProcess<std::shared_ptr<Writer>> writer_;
};

// Only machinery below this line.

template <std::derived_from<IPermanentStorageBackend> Archive>
ArchiveForDualWrite::ArchiveForDualWrite(std::shared_ptr<Archive> archive) {
  if constexpr (std::derived_from<Archive, IArchiveOnce>) {
    target_.once = archive;
  }
  target_.storage = std::move(archive);
}

template <class Hot>
DualWrite<Hot>::DualWrite(boost::asio::any_io_executor executor, std::shared_ptr<Hot> hot,
                          ArchiveForDualWrite archive, DualWriteOptions options)
    : hot_(std::move(hot)),
      writer_(std::in_place,
              std::make_shared<Writer>(std::move(executor), std::move(archive.target_),
                                       std::move(options))) {}

template <class Hot>
DualWrite<Hot>::~DualWrite() {
  if (writer_.is_here()) {
    (*writer_)->abandon();
  }
}

template <class Hot>
template <class Call, class... Arguments>
awaitable<typename Call::Result> DualWrite<Hot>::route(Arguments... arguments) {
  if constexpr (detail::dual_write::Archived<Call>::leaves_record) {
    return stored<Call>(hot_, *writer_, std::move(arguments)...);
  } else {
    return detail::call_on<Call>(*hot_, std::move(arguments)...);
  }
}

template <class Hot>
template <class Call, class... Arguments>
awaitable<typename Call::Result> DualWrite<Hot>::stored(std::shared_ptr<Hot> hot,
                                                        std::shared_ptr<Writer> writer,
                                                        Arguments... arguments) {
  writer->require_here(Call::name, calls::key(arguments...));
  if (!(detail::may_be_copied(arguments) && ...)) {
    auto refused = detail::call_on<Call>(*hot, std::move(arguments)...);
    co_return co_await std::move(refused);
  }
  const typename Writer::CallUnderWay under_way(writer);
  auto call = detail::call_on<Call>(*hot, arguments...);
  typename Call::Result result = co_await std::move(call);
  detail::dual_write::Archived<Call>::add(*writer, result, arguments...);
  if (writer->is_durable()) {
    try {
      co_await writer->kept();
    } catch (...) { // NOLINT(bugprone-empty-catch): cancelled; the call has been made all the same
    }
  }
  co_return result;
}

template <class Hot>
awaitable<bool> DualWrite<Hot>::initialize() {
  return open(hot_, *writer_);
}

template <class Hot>
awaitable<bool> DualWrite<Hot>::open(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer) {
  writer->require_here("initialize", "");
  typename Writer::Kept kept = co_await Writer::open_queue(writer);
  const bool is_open = co_await hot->initialize();
  co_await Writer::open(writer, std::move(kept));
  co_return is_open;
}

template <class Hot>
awaitable<void> DualWrite<Hot>::close() {
  return shut(hot_, *writer_);
}

template <class Hot>
awaitable<void> DualWrite<Hot>::shut(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer) {
  writer->require_here("close", "");
  std::exception_ptr error;
  try {
    co_await hot->close();
  } catch (...) {
    error = std::current_exception();
  }
  co_await Writer::close(writer);
  if (error) {
    std::rethrow_exception(error);
  }
}

template <class Hot>
awaitable<Health> DualWrite<Hot>::health_check() {
  return health(hot_, *writer_);
}

template <class Hot>
awaitable<Health> DualWrite<Hot>::health(std::shared_ptr<Hot> hot, std::shared_ptr<Writer> writer) {
  Health health = co_await hot->health_check();
  if (!writer->is_here()) {
    health.status = Health::Status::unhealthy;
    health.issues.emplace_back(detail::not_of_this_process);
    co_return health;
  }
  if (health.status == Health::Status::healthy && !writer->is_well()) {
    health.status = Health::Status::degraded;
    health.issues.emplace_back("the archive does not take what it is given");
  }
  if (health.status != Health::Status::unhealthy && !writer->queue_is_well()) {
    health.status = Health::Status::degraded;
    health.issues.emplace_back("what is queued is in memory alone: its file does not take it");
  }
  co_return health;
}

template <class Hot>
awaitable<bool> DualWrite<Hot>::drain(std::chrono::milliseconds limit) {
  return Writer::drain(*writer_, limit);
}

template <class Hot>
awaitable<ArchivingMetrics> DualWrite<Hot>::get_archiving_metrics() {
  return metrics(*writer_);
}

template <class Hot>
awaitable<ArchivingMetrics> DualWrite<Hot>::metrics(std::shared_ptr<Writer> writer) {
  writer->require_here("get_archiving_metrics", "");
  co_return writer->metrics();
}

} // namespace agentstore

#endif
