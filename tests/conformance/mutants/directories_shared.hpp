// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DIRECTORIES_SHARED_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DIRECTORIES_SHARED_HPP

/// \file
/// Directories that break the rules of all methods: a rule that does not look at directories lets
/// them pass.

#include "conformance/mutants/another_thread.hpp"
#include "conformance/mutants/asynchrony.hpp"
#include "conformance/mutants/thread_directory.hpp"

#include <ranges>

namespace agentstore::conformance {

namespace mutants::directories_shared {

/// Looks for the source before it looks at the target's id.
class TakesAnyTarget : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    check("copy_thread", source).id("source", source);
    const ThreadPage found = co_await list_threads(source, Page(1));
    if (found.thread_ids.empty()) {
      co_return false;
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

class ListsWhenClosed : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    try {
      co_return co_await ForwardingStore::list_threads(std::move(prefix), std::move(page));
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::closed)) {
        throw;
      }
    }
    co_return ThreadPage();
  }
};

class DeletesAtTheCall : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    return asynchrony::done_already(ForwardingStore::delete_session(std::move(session_id)));
  }
};

class RefersToDeleted : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const asynchrony::Dying<std::string> argument(std::move(thread_id));
    return remove(argument.reference());
  }

private:
  awaitable<bool> remove(std::shared_ptr<const std::string> thread_id) {
    co_return co_await ForwardingStore::delete_thread(*thread_id);
  }
};

class DeletionEndsElsewhere : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const bool deleted = co_await ForwardingStore::delete_thread(std::move(thread_id));
    co_await elsewhere_.go();
    co_return deleted;
  }

private:
  AnotherThread elsewhere_;
};

/// Cancelled in between, the thread of the session is gone and the session is not.
class StopsHalfWay : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto session = co_await get_session(session_id);
    if (session) {
      co_await delete_thread(session_id);
    }
    co_await step_aside();
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
};

class FailedListIsEmpty : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    try {
      co_return co_await ForwardingStore::list_sessions(std::move(user_id), std::move(page));
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::unavailable)) {
        throw;
      }
    }
    co_return SessionPage();
  }
};

class FailedPruningIsNone : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    try {
      co_return co_await ForwardingStore::prune_thread(std::move(thread_id), keep);
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::unavailable)) {
        throw;
      }
    }
    co_return 0;
  }
};

class ListsThreadsOfAllSpaces : public ForwardingStore {
public:
  explicit ListsThreadsOfAllSpaces(MutantSpace& space)
      : ForwardingStore(space.store()), known_(space.common().shared<Kept<bool>>()) {}

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    known_->set(thread_id, true);
    return ForwardingStore::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    const std::string begin = prefix;
    ThreadPage came = co_await ForwardingStore::list_threads(std::move(prefix), std::move(page));
    for (const auto& [id, known] : known_->all()) {
      if (came.next.empty() && id.starts_with(begin)) {
        came.thread_ids.push_back(id);
      }
    }
    std::sort(came.thread_ids.begin(), came.thread_ids.end());
    const auto end = std::unique(came.thread_ids.begin(), came.thread_ids.end());
    came.thread_ids.erase(end, came.thread_ids.end());
    co_return came;
  }

private:
  std::shared_ptr<Kept<bool>> known_;
};

/// A handle remembers the latest checkpoint until it stores or deletes one itself.
class RemembersTheLatest : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    latest_.erase(thread_id);
    return ForwardingStore::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    latest_.erase(thread_id);
    return ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id) {
      co_return co_await ForwardingStore::get_checkpoint(std::move(thread_id),
                                                         std::move(checkpoint_id));
    }
    if (!latest_.has(thread_id)) {
      const auto latest = co_await ForwardingStore::get_checkpoint(thread_id, std::nullopt);
      if (!latest) {
        co_return std::nullopt;
      }
      latest_.set(thread_id, *latest);
    }
    co_return latest_.get(thread_id);
  }

private:
  Kept<Checkpoint> latest_;
};

/// What was deleted is there again once the store was opened anew: the deletion is in no log.
class ForgetsDeletions : public ForwardingStore {
public:
  using Threads = Kept<std::vector<Checkpoint>>;

  explicit ForgetsDeletions(MutantSpace& space)
      : ForwardingStore(space.store()), deleted_(space.shared<Threads>()) {}

  awaitable<bool> initialize() override {
    const bool done = co_await ForwardingStore::initialize();
    for (const auto& [id, checkpoints] : deleted_->all()) {
      for (const Checkpoint& each : checkpoints | std::views::reverse) {
        co_await put_checkpoint(id, each.checkpoint_id, each.data, each.metadata);
      }
    }
    co_return done;
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    const auto checkpoints = co_await list_checkpoints(thread_id, SIZE_MAX);
    deleted_->set(thread_id, checkpoints);
    co_return co_await ForwardingStore::delete_thread(std::move(thread_id));
  }

private:
  std::shared_ptr<Threads> deleted_;
};

/// Deletes what it saw, whatever has come of it.
class DeletesWhatItSaw : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto session = co_await get_session(session_id);
    co_await step_aside();
    co_await step_aside();
    if (session) {
      co_await ForwardingStore::delete_session(std::move(session_id));
    }
    co_return session.has_value();
  }
};

} // namespace mutants::directories_shared

} // namespace agentstore::conformance

#endif
