// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_THREAD_DIRECTORY_HPP
#define AGENTSTORE_CAPABILITIES_THREAD_DIRECTORY_HPP

#include <agentstore/capabilities/page.hpp>
#include <agentstore/contract.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agentstore {

/// Some ids of threads, and the cursor of the next page.
class ThreadPage {
public:
  ThreadPage() = default;

  std::vector<std::string> thread_ids;
  /// The cursor of the next page; empty when there is none.
  std::string next;

  bool operator==(const ThreadPage&) const = default;
};

/// The newest end of a thread.
class ThreadHead {
public:
  ThreadHead() = default;

  std::optional<Checkpoint> latest;
  /// The ids of the newest checkpoints, newest first; the id of `latest` is the first.
  std::vector<std::string> checkpoint_ids;

  bool operator==(const ThreadHead&) const = default;
};

static_assert(!std::is_aggregate_v<ThreadPage> && !std::is_aggregate_v<ThreadHead>);

/// Finds, deletes, copies and prunes threads of checkpoints. Optional: a store of checkpoints that
/// can do this derives from it besides ICheckpointStorage or ICheckpointerBackend.
///
/// A thread is there as long as it has a checkpoint or a pending write.
///
/// \par Lifetime, threads, executor, cancellation
/// As in ICheckpointerBackend.
///
/// \par Errors
/// `StorageError` with `invalid_argument` for an id outside of KEY-01, a page size or a cursor
/// outside of what Page says, `closed`, `unavailable`, `corrupted` (ERR-01). The error names the
/// method and an id, or the prefix (ERR-02).
class IThreadDirectory {
public:
  virtual ~IThreadDirectory() = default;

  /// Returns the ids of the threads that begin with `prefix`, page by page.
  ///
  /// THR-01 Exactly those, in the order of their bytes. The prefix counts by its bytes and means
  /// nothing: wildcards, case and separators are letters like others. An empty prefix gives all
  /// threads. A prefix that is longer than an id may be, holds a NUL or is not UTF-8 is
  /// `invalid_argument`.
  /// THR-02 While others write, a thread that is there all the time is on exactly one page, and no
  /// thread is on two. Pages have the size asked for; only the last is shorter, down to none, and
  /// `next` is empty on it alone. A cursor of another list, another prefix or no list at all is
  /// `invalid_argument`; so is a page size of 0 or above 1,000. The cost of a page does not grow
  /// with its number.
  [[nodiscard]] virtual awaitable<ThreadPage> list_threads(std::string prefix = "",
                                                           Page page = Page()) = 0;

  /// Deletes a thread. True: this call deleted it. False: there is no thread of this id.
  ///
  /// THR-03 With a thread go all its checkpoints and all its pending writes, all or nothing, and
  /// nothing else: a session of the same id stays. Of concurrent calls one returns true.
  /// THR-04 A write that comes after the deletion starts the thread afresh: nothing of what was
  /// there comes back.
  [[nodiscard]] virtual awaitable<bool> delete_thread(std::string thread_id) = 0;

  /// Copies a thread to an id that has no thread. True: copied. False: there is no `source`,
  /// whichever id the target is.
  ///
  /// THR-05 Whole or not at all: every checkpoint in its place, with data, metadata and created_at,
  /// and every pending write, also of checkpoints that have not been stored yet. The source stays
  /// as it is, and from then on the two have nothing in common.
  /// THR-06 A `target` that is there, the source itself too, throws `already_exists`, and nothing
  /// is changed. Of concurrent copies to one target one succeeds.
  [[nodiscard]] virtual awaitable<bool> copy_thread(std::string source, std::string target) = 0;

  /// Removes all but the newest `keep` checkpoints of a thread, by the order of CHK-02; returns how
  /// many it removed.
  ///
  /// THR-07 With a checkpoint go its pending writes, all or nothing. Checkpoints that are kept keep
  /// their place, times and writes; writes of checkpoints that have not been stored yet stay. 0
  /// removes all checkpoints. A checkpoint that was removed is new when it is stored again: its
  /// place and its created_at are those of that store. An unknown thread has no checkpoints to
  /// remove.
  [[nodiscard]] virtual awaitable<std::uint64_t> prune_thread(std::string thread_id,
                                                              std::size_t keep) = 0;

  /// Returns the newest `limit` of the checkpoints that were first stored before `checkpoint_id`,
  /// newest first.
  ///
  /// THR-08 By the order of CHK-02; whole records, limit as in CHK-03. An unknown thread or
  /// checkpoint has none before it. With the last id of one list as `checkpoint_id` of the next,
  /// all of a thread is read in pieces.
  [[nodiscard]] virtual awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) = 0;

  /// Returns the latest checkpoint of a thread, and the ids of the newest `limit` without reading
  /// what else they hold.
  ///
  /// THR-09 Both as they are at one moment, by the order of CHK-02; limit as in CHK-03, for the ids
  /// alone: the latest is there whatever the limit. An unknown thread has neither.
  [[nodiscard]] virtual awaitable<ThreadHead>
  get_thread_head(std::string thread_id, std::size_t limit = default_checkpoint_limit) = 0;

protected:
  IThreadDirectory() = default;
  IThreadDirectory(const IThreadDirectory&) = default;
  IThreadDirectory& operator=(const IThreadDirectory&) = default;
};

} // namespace agentstore

#endif
