// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_PAGINATORS_HPP
#define AGENTSTORE_CAPABILITIES_PAGINATORS_HPP

/// \file
/// Long lists read to their end, a page at a time: the sessions of a user, threads, the checkpoints
/// of a thread, the records of an archive.
///
///     ThreadPaginator threads(store, "user-7/");
///     while (co_await threads.next()) {
///       for (const std::string& id : threads.page()) {
///         co_await store.prune_thread(id, 10);
///       }
///     }
///
/// The body of the loop is the caller's own coroutine: it may await, break and return. A paginator
/// takes no callback, because g++ 12 destroys the captures of a lambda inside of a `co_await`
/// expression twice.
///
/// \par Outcomes
/// `next()` reads the next page. True: `page()` has at least one item. False: there are no more
/// items, `page()` is empty, and further calls are false without asking the store.
///
/// \par Errors
/// `next()` throws what the method of the store throws. The paginator then stays where it was, with
/// its page: the same `next()` may be tried again.
///
/// \par While others write
/// DIR-02, THR-02, THR-08 and IArchiveReader say what is on which page. The loop's body may change
/// and delete sessions and threads of this page and of earlier pages without losing any of the
/// later ones. A page of checkpoints is found by the last checkpoint of the page before. If that
/// has been deleted, there are no more.
///
/// \par Lifetime
/// The store must outlive the paginator, and the paginator each `next()` on it.
///
/// \par Threads, executor, cancellation
/// Requires: one `next()` at a time. Else as the method of the store. A cancelled `next()` leaves
/// the paginator as an error does.
///
/// \par Cost
/// One call of the store for each page, and at most one more that finds the end.

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>

#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace agentstore {

/// What all paginators have, except for `awaitable<bool> next()`.
template <class Item>
class Paginator {
public:
  Paginator(const Paginator&) = delete;
  Paginator& operator=(const Paginator&) = delete;

  /// The items of the page that `next` read; they may be moved from.
  std::vector<Item>& page() noexcept { return page_; }
  const std::vector<Item>& page() const noexcept { return page_; }

protected:
  Paginator() = default;
  ~Paginator() = default;

  /// Makes `items` the page; says whether there are any. An empty page is the last one.
  bool turn_to(std::vector<Item> items, bool is_last) {
    page_ = std::move(items);
    at_end_ = is_last || page_.empty();
    return !page_.empty();
  }

  /// The result of `next` when nothing follows.
  bool at_end() const noexcept { return at_end_; }

private:
  std::vector<Item> page_;
  bool at_end_ = false;
};

/// The sessions of a user, by `list_sessions`, the one with the newest activity first.
class SessionPaginator final : public Paginator<Session> {
public:
  SessionPaginator(ISessionDirectory& store, std::string user_id,
                   std::size_t page_size = default_page_size);
  [[nodiscard]] awaitable<bool> next();

private:
  ISessionDirectory* store_;
  std::string user_id_;
  Page next_;
};

/// The ids of the threads that begin with a prefix, by `list_threads`, in the order of their bytes.
class ThreadPaginator final : public Paginator<std::string> {
public:
  explicit ThreadPaginator(IThreadDirectory& store, std::string prefix = "",
                           std::size_t page_size = default_page_size);
  [[nodiscard]] awaitable<bool> next();

private:
  IThreadDirectory* store_;
  std::string prefix_;
  Page next_;
};

/// The checkpoints of a thread, newest first, by `list_checkpoints` and `list_checkpoints_before`.
/// With a page size of 0 there are none.
class CheckpointPaginator final : public Paginator<Checkpoint> {
public:
  template <class Store>
    requires std::derived_from<Store, ICheckpointerBackend> &&
             std::derived_from<Store, IThreadDirectory>
  CheckpointPaginator(Store& store, std::string thread_id,
                      std::size_t page_size = default_checkpoint_limit)
      : CheckpointPaginator(store, store, std::move(thread_id), page_size) {}
  /// For a store whose two interfaces come from two objects.
  CheckpointPaginator(ICheckpointerBackend& checkpoints, IThreadDirectory& threads,
                      std::string thread_id, std::size_t page_size = default_checkpoint_limit);
  [[nodiscard]] awaitable<bool> next();

private:
  ICheckpointerBackend* checkpoints_;
  IThreadDirectory* threads_;
  std::string thread_id_;
  std::size_t size_;
  std::string last_; // of the page before; empty at the start, as no id is
};

/// The records of one kind and key of an archive, by `read_archive`, in their order. `after` is the
/// sequence of a record that was read before, behind which to go on. With a page size of 0 there
/// are none.
class ArchivePaginator final : public Paginator<ArchiveRecord> {
public:
  ArchivePaginator(IArchiveReader& archive, ArchiveKind kind, std::string key,
                   std::size_t page_size = default_archive_limit, std::uint64_t after = 0);
  [[nodiscard]] awaitable<bool> next();

private:
  IArchiveReader* archive_;
  ArchiveKind kind_;
  std::string key_;
  std::size_t size_;
  std::uint64_t after_;
};

// Only machinery below this line.

inline SessionPaginator::SessionPaginator(ISessionDirectory& store, std::string user_id,
                                          std::size_t page_size)
    : store_(&store), user_id_(std::move(user_id)), next_(page_size) {}

inline awaitable<bool> SessionPaginator::next() {
  SessionPage came;
  if (!at_end()) {
    came = co_await store_->list_sessions(user_id_, next_);
  }
  next_.after(std::move(came.next));
  co_return turn_to(std::move(came.sessions), next_.is_first());
}

inline ThreadPaginator::ThreadPaginator(IThreadDirectory& store, std::string prefix,
                                        std::size_t page_size)
    : store_(&store), prefix_(std::move(prefix)), next_(page_size) {}

inline awaitable<bool> ThreadPaginator::next() {
  ThreadPage came;
  if (!at_end()) {
    came = co_await store_->list_threads(prefix_, next_);
  }
  next_.after(std::move(came.next));
  co_return turn_to(std::move(came.thread_ids), next_.is_first());
}

inline CheckpointPaginator::CheckpointPaginator(ICheckpointerBackend& checkpoints,
                                                IThreadDirectory& threads, std::string thread_id,
                                                std::size_t page_size)
    : checkpoints_(&checkpoints), threads_(&threads), thread_id_(std::move(thread_id)),
      size_(page_size) {}

inline awaitable<bool> CheckpointPaginator::next() {
  std::vector<Checkpoint> came;
  if (!at_end() && last_.empty()) {
    came = co_await checkpoints_->list_checkpoints(thread_id_, size_);
  } else if (!at_end()) {
    came = co_await threads_->list_checkpoints_before(thread_id_, last_, size_);
  }
  if (!came.empty()) {
    last_ = came.back().checkpoint_id;
  }
  const bool is_last = came.size() < size_; // CHK-03, THR-08
  co_return turn_to(std::move(came), is_last);
}

inline ArchivePaginator::ArchivePaginator(IArchiveReader& archive, ArchiveKind kind,
                                          std::string key, std::size_t page_size,
                                          std::uint64_t after)
    : archive_(&archive), kind_(kind), key_(std::move(key)), size_(page_size), after_(after) {}

inline awaitable<bool> ArchivePaginator::next() {
  std::vector<ArchiveRecord> came;
  if (!at_end()) {
    came = co_await archive_->read_archive(kind_, key_, after_, size_);
  }
  if (!came.empty()) {
    after_ = came.back().sequence;
  }
  co_return turn_to(std::move(came), false); // a page may be shorter than was asked for
}

} // namespace agentstore

#endif
