// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_THREAD_DIRECTORY_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_THREAD_DIRECTORY_HPP

/// \file
/// Mutants of THR: directories of threads that list, delete, copy and prune wrongly.

#include "conformance/mutants/directory_parts.hpp"

#include <set>

namespace agentstore::conformance {

namespace mutants::thread_directory {

using Checkpoints = std::vector<Checkpoint>;
using Writes = std::vector<PendingWrite>;

/// As they are given to `put_writes`, so that those of one call without special channels go back to
/// where they were.
inline std::vector<ChannelWrite> given(const Writes& writes) {
  std::vector<ChannelWrite> result;
  for (const PendingWrite& write : writes) {
    result.emplace_back(write.channel, write.value);
  }
  return result;
}

// THR-01

class PrefixByLike : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    return is_like(id, prefix + "%");
  }
};

class PrefixWithoutCase : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    return lowered(id).starts_with(lowered(prefix));
  }
};

/// Where a prefix holds a star, or a question mark, it is a pattern.
class PrefixByGlob : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    std::string pattern = prefix;
    std::replace(pattern.begin(), pattern.end(), '*', '%');
    std::replace(pattern.begin(), pattern.end(), '?', '_');
    return pattern == prefix ? id.starts_with(prefix) : is_like(id, pattern + "%");
  }
};

/// A thread is its prefix, or has a separator behind it.
class PrefixIsPath : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    return prefix.empty() || id == prefix || id.starts_with(prefix + "/");
  }
};

class PrefixIsLess : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    return id.starts_with(prefix) && id != prefix;
  }
};

/// A range of an index that ends before what is not ASCII.
class PrefixByRange : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool begins_with(const std::string& id, const std::string& prefix) const override {
    return id >= prefix && id < prefix + "\x7f";
  }
};

class OrderWithoutCase : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool is_before(const std::string& a, const std::string& b) const override {
    return lowered(a) != lowered(b) ? lowered(a) < lowered(b) : a < b;
  }
};

class OrderBySignedBytes : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool is_before(const std::string& a, const std::string& b) const override {
    return is_less_signed(a, b);
  }
};

class ListsCheckpointsOnly : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  awaitable<Ids> all_ids() override {
    Ids with_checkpoints;
    const Ids all = co_await ListsThreadsItself::all_ids();
    for (const std::string& id : all) {
      const Checkpoints checkpoints = co_await list_checkpoints(id, 1);
      if (!checkpoints.empty()) {
        with_checkpoints.push_back(id);
      }
    }
    co_return with_checkpoints;
  }
};

/// Lists the sessions' ids, too: each might have a thread.
class ListsSessionsToo : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    sessions_.set(session_id, true);
    return ListsThreadsItself::create_session(std::move(session_id), std::move(user_id),
                                              std::move(metadata));
  }

protected:
  awaitable<Ids> all_ids() override {
    Ids all = co_await ListsThreadsItself::all_ids();
    for (const auto& [id, known] : sessions_.all()) {
      if (std::find(all.begin(), all.end(), id) == all.end()) {
        all.push_back(id);
      }
    }
    co_return all;
  }

private:
  Kept<bool> sessions_;
};

class TakesAnyPrefix : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  void check_prefix(const std::string&) const override {}
};

// THR-02

class ThreadsByOffset : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  json position_of(const Ids&, std::size_t last) const override { return last; }
  bool is_behind(const Ids&, std::size_t i, const json& position) const override {
    return i > position.get<std::size_t>();
  }
};

class RepeatsItsLastThread : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  bool is_behind(const Ids& all, std::size_t i, const json& position) const override {
    return all[i] >= position.get<std::string>();
  }
};

class CursorIsThread : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  std::size_t first_of(const Ids& all, const json& position) const override {
    const auto last = std::find(all.begin(), all.end(), position.get<std::string>());
    return static_cast<std::size_t>(last - all.begin()) + 1; // behind all where it is gone
  }
};

class NoMoreThanAThousand : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  awaitable<Ids> all_ids() override {
    Ids all = co_await ListsThreadsItself::all_ids();
    all.resize(std::min<std::size_t>(all.size(), 1000));
    co_return all;
  }
};

/// Of what it looked up, it drops what does not fit.
class PagesBeforeFilter : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    return changed(
        ForwardingStore::list_threads(std::move(prefix), std::move(page)), [](ThreadPage& came) {
          std::erase_if(came.thread_ids, [](const std::string& id) { return id.ends_with('7'); });
        });
  }
};

class OneThreadTooMany : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    page.size += page.size < max_page_size ? 1u : 0u;
    return ForwardingStore::list_threads(std::move(prefix), std::move(page));
  }
};

class CursorOfAnyPrefix : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  json read(const std::string& prefix, const Page& page) const override {
    for (const char* other : {"", "u", "uu", "v"}) {
      try {
        return read_cursor("list_threads", other, page).value_or(json());
      } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): the next one may fit
      }
    }
    return ListsThreadsItself::read(prefix, page);
  }
};

class WrongThreadCursorIsFirst : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  json read(const std::string& prefix, const Page& page) const override {
    read_cursor("list_threads", prefix, Page(page.size));
    try {
      return ListsThreadsItself::read(prefix, page);
    } catch (const StorageError&) {
      return json();
    }
  }
};

class AnyThreadPageSize : public ListsThreadsItself {
public:
  using ListsThreadsItself::ListsThreadsItself;

protected:
  json read(const std::string& prefix, const Page& page) const override {
    return ListsThreadsItself::read(prefix, Page(1).after(page.cursor));
  }
};

// THR-03

class LeavesEarlyWritesOfThread : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const Writes early = co_await get_writes(thread_id, "early");
    const bool deleted = co_await ForwardingStore::delete_thread(thread_id);
    if (!early.empty()) {
      co_await put_writes(std::move(thread_id), "early", "task", given(early));
    }
    co_return deleted;
  }
};

class LeavesWritesOfThread : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const Writes writes = co_await get_writes(thread_id, "m");
    const bool deleted = co_await ForwardingStore::delete_thread(thread_id);
    if (!writes.empty()) {
      co_await put_writes(std::move(thread_id), "m", "task", given(writes));
    }
    co_return deleted;
  }
};

class DeletesSessionToo : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const bool deleted = co_await ForwardingStore::delete_thread(thread_id);
    if (deleted) {
      co_await delete_session(std::move(thread_id));
    }
    co_return deleted;
  }
};

class DeletesThreadsByPrefix : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const bool deleted = co_await ForwardingStore::delete_thread(thread_id);
    const ThreadPage others = co_await list_threads(thread_id + ":");
    for (const std::string& other : others.thread_ids) {
      co_await ForwardingStore::delete_thread(other);
    }
    co_return deleted;
  }
};

/// A thread without checkpoints is none.
class DeletesCheckpointsOnly : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const Checkpoints latest = co_await list_checkpoints(thread_id, 1);
    if (latest.empty()) {
      co_return false;
    }
    co_return co_await ForwardingStore::delete_thread(std::move(thread_id));
  }
};

class EveryThreadDeletionIsTrue : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    return changed(ForwardingStore::delete_thread(std::move(thread_id)),
                   [](bool& deleted) { deleted = true; });
  }
};

class LooksThenDeletesThread : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const ThreadPage found = co_await list_threads(thread_id, Page(1));
    co_await step_aside();
    co_await ForwardingStore::delete_thread(thread_id);
    co_return !found.thread_ids.empty() && found.thread_ids.front() == thread_id;
  }
};

/// The checkpoints, and then the rest.
class DeletesThreadInSteps : public ForwardingStore {
public:
  explicit DeletesThreadInSteps(MutantSpace& space)
      : ForwardingStore(space.store()), under_way_(space.shared<Kept<bool>>()) {}

  awaitable<bool> delete_thread(std::string thread_id) override {
    if (!under_way_->add(thread_id, true)) {
      co_return false; // of concurrent calls, by any handle, one is true, as it should be
    }
    try {
      const std::uint64_t pruned = co_await prune_thread(thread_id, 0);
      const bool rest = co_await ForwardingStore::delete_thread(thread_id);
      under_way_->erase(thread_id);
      co_return pruned != 0 || rest;
    } catch (...) {
      under_way_->erase(thread_id);
      throw;
    }
  }

private:
  std::shared_ptr<Kept<bool>> under_way_;
};

// THR-04

/// A deleted thread is one with a mark, which the next checkpoint takes away.
class MarksAsDeleted : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const ThreadPage found = co_await ForwardingStore::list_threads(thread_id, Page(1));
    const bool is_there = !found.thread_ids.empty() && found.thread_ids.front() == thread_id;
    co_return is_there&& deleted_.add(thread_id, true);
  }
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    deleted_.erase(thread_id);
    return ForwardingStore::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    deleted_.erase(thread_id);
    return ForwardingStore::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                           std::move(data), std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (deleted_.has(thread_id)) {
      return answered(std::optional<Checkpoint>());
    }
    return ForwardingStore::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    if (deleted_.has(thread_id)) {
      return answered(Checkpoints());
    }
    return ForwardingStore::list_checkpoints(std::move(thread_id), limit);
  }

private:
  Kept<bool> deleted_;
};

/// Writes are found by the row of their checkpoint: one that comes back brings them back.
class WritesComeBack : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const Writes writes = co_await get_writes(thread_id, "m");
    left_.set(thread_id, writes);
    co_return co_await ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (checkpoint_id == "m" && left_.has(thread_id)) {
      co_await put_writes(thread_id, checkpoint_id, "task", given(*left_.get(thread_id)));
    }
    co_return co_await ForwardingStore::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }

private:
  Kept<Writes> left_;
};

/// When an id was first stored is kept beside the checkpoints.
class TimesComeBack : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    const Checkpoints checkpoints = co_await list_checkpoints(thread_id, SIZE_MAX);
    for (const Checkpoint& checkpoint : checkpoints) {
      times_.set(thread_id + "\n" + checkpoint.checkpoint_id, checkpoint.created_at);
    }
    co_return co_await ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingStore::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)),
        [this](std::optional<Checkpoint>& came) {
          if (came) {
            came->created_at =
                times_.get(came->thread_id + "\n" + came->checkpoint_id).value_or(came->created_at);
          }
        });
  }

private:
  Kept<Timestamp> times_;
};

/// Which (task, index) were written is remembered apart from the values.
class FirstValuesComeBack : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    deleted_.set(thread_id, true);
    return ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (deleted_.has(thread_id)) {
      return answered(true);
    }
    return ForwardingStore::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                       std::move(task_id), std::move(writes));
  }

private:
  Kept<bool> deleted_;
};

/// A thread is one row, read, changed and written back.
class WritesWholeThreads : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    const Checkpoints before = co_await list_checkpoints(thread_id, SIZE_MAX);
    co_await step_aside();
    const Checkpoints now = co_await list_checkpoints(thread_id, SIZE_MAX);
    for (auto old = before.rbegin(); now.empty() && old != before.rend(); ++old) {
      co_await ForwardingStore::put_checkpoint(thread_id, old->checkpoint_id, old->data,
                                               old->metadata);
    }
    co_return co_await ForwardingStore::put_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
};

// THR-05

/// Stores what it reads, in the order in which it comes.
class CopiesNewestFirst : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, target);
    if (copied) {
      co_await ForwardingStore::prune_thread(target, 0);
      const Checkpoints checkpoints = co_await list_checkpoints(source, SIZE_MAX);
      for (const Checkpoint& each : checkpoints) {
        co_await put_checkpoint(target, each.checkpoint_id, each.data, each.metadata);
      }
    }
    co_return copied;
  }
  /// What `created_at` says is another bug's.
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    return changed(ForwardingStore::list_checkpoints(std::move(thread_id), limit),
                   [](Checkpoints& came) {
                     for (Checkpoint& each : came) {
                       each.created_at = Timestamp();
                     }
                   });
  }
};

class CopiesAtItsTime : public ForwardingStore {
public:
  explicit CopiesAtItsTime(MutantSpace& space) : ForwardingStore(space.store()), space_(space) {}

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    copied_.set(target, space_.now());
    return ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    return changed(ForwardingStore::list_checkpoints(std::move(thread_id), limit),
                   [this](Checkpoints& came) {
                     for (Checkpoint& each : came) {
                       each.created_at = copied_.get(each.thread_id).value_or(each.created_at);
                     }
                   });
  }

private:
  MutantSpace& space_;
  Kept<Timestamp> copied_;
};

/// Copies the writes of the checkpoints that it copies.
class CopiesWithoutEarlyWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const std::string copy = target;
    const bool copied = co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
    if (copied) {
      copies_.set(copy, true);
    }
    co_return copied;
  }
  awaitable<Writes> get_writes(std::string thread_id, std::string checkpoint_id) override {
    if (copies_.has(thread_id) && checkpoint_id == "early") {
      return answered(Writes());
    }
    return ForwardingStore::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> copies_;
};

class CopiesWithoutMetadata : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const Checkpoints checkpoints = co_await list_checkpoints(source, SIZE_MAX);
    const bool copied = co_await ForwardingStore::copy_thread(std::move(source), target);
    for (const Checkpoint& each : checkpoints) {
      if (copied) {
        co_await put_checkpoint(target, each.checkpoint_id, each.data, json::object());
      }
    }
    co_return copied;
  }
};

class CopiesTheLatestOnly : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(std::move(source), target);
    if (copied) {
      co_await prune_thread(std::move(target), 1);
    }
    co_return copied;
  }
};

class MovesThreads : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, std::move(target));
    if (copied) {
      co_await delete_thread(std::move(source));
    }
    co_return copied;
  }
};

/// The copy is the source under another name: what is stored in it is stored in both.
class AliasesThreads : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, target);
    if (copied) {
      source_of_.set(target, source);
    }
    co_return copied;
  }
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (source_of_.has(thread_id)) {
      co_await ForwardingStore::store_checkpoint(*source_of_.get(thread_id), checkpoint_id, data,
                                                 metadata);
    }
    co_return co_await ForwardingStore::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }

private:
  Kept<std::string> source_of_;
};

/// The copy reads from its source what it has not changed itself.
class CopiesLazily : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, target);
    if (copied) {
      source_of_.set(target, source);
    }
    co_return copied;
  }
  awaitable<Writes> get_writes(std::string thread_id, std::string checkpoint_id) override {
    const auto source = source_of_.get(thread_id);
    Writes own = co_await ForwardingStore::get_writes(std::move(thread_id), checkpoint_id);
    if (source) {
      Writes theirs = co_await ForwardingStore::get_writes(*source, std::move(checkpoint_id));
      if (theirs.size() > own.size()) {
        co_return theirs;
      }
    }
    co_return own;
  }

private:
  Kept<std::string> source_of_;
};

class UnknownSourceIsRefused : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const std::string key = source;
    const bool copied = co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
    if (!copied) {
      throw StorageError(errc::invalid_argument, "copy_thread", key, "there is no such thread");
    }
    co_return copied;
  }
};

/// Looks at the target first.
class TargetBeforeSource : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const auto there = co_await get_checkpoint(target, std::nullopt);
    if (there) {
      throw StorageError(errc::already_exists, "copy_thread", source, "looked at the target first");
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

/// The rows of the writes come in a second step; where that fails, the first one stays.
class CopiesInSteps : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, target);
    torn_.set(target, true);
    static_cast<void>(co_await ForwardingStore::get_writes(std::move(source), "any"));
    torn_.erase(target);
    co_return copied;
  }
  awaitable<Writes> get_writes(std::string thread_id, std::string checkpoint_id) override {
    if (torn_.has(thread_id)) {
      return answered(Writes());
    }
    return ForwardingStore::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> torn_;
};

/// Takes as many as there were when it began of those that are there when it ends.
class CopiesWhatMoves : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const Checkpoints before = co_await list_checkpoints(source, SIZE_MAX);
    co_await step_aside();
    const bool copied = co_await ForwardingStore::copy_thread(std::move(source), target);
    if (copied) {
      co_await prune_thread(std::move(target), before.size());
    }
    co_return copied;
  }
};

// THR-06

class OverwritesTarget : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const ThreadPage found = co_await list_threads(source, Page(1));
    if (source != target && !found.thread_ids.empty() && found.thread_ids.front() == source) {
      co_await delete_thread(target);
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

class CopyToItselfIsTrue : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    if (source == target) {
      return answered(true);
    }
    return ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

/// Says that the target is there after it has written to it.
class DamagesTarget : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const Checkpoints theirs = co_await list_checkpoints(target, SIZE_MAX);
    const std::optional<Checkpoint> latest = co_await get_checkpoint(source, std::nullopt);
    if (!theirs.empty() && latest && source != target) {
      co_await put_checkpoint(target, latest->checkpoint_id, latest->data, latest->metadata);
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

/// A target that has no checkpoint is not there.
class CopiesOverWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const Checkpoints theirs = co_await list_checkpoints(target, 1);
    if (theirs.empty() && source != target) {
      co_await delete_thread(target);
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

class LooksThenCopies : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const ThreadPage found = co_await list_threads(target, Page(1));
    const bool is_free = found.thread_ids.empty() || found.thread_ids.front() != target;
    co_await step_aside();
    if (is_free && source != target) {
      co_await delete_thread(target); // it takes it to be free still
    }
    co_return co_await ForwardingStore::copy_thread(std::move(source), std::move(target));
  }
};

class DeletedTargetsAreTaken : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    deleted_.set(thread_id, true);
    return ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    if (deleted_.has(target)) {
      return refused<bool>(errc::already_exists, "copy_thread", source, "it was there once");
    }
    return ForwardingStore::copy_thread(std::move(source), std::move(target));
  }

private:
  Kept<bool> deleted_;
};

// THR-07

/// Prunes in the order that a mutant says; hides, for it cannot remove.
class PrunesByItself : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    if (keep == 0) { // whatever the order
      co_return co_await ForwardingStore::prune_thread(std::move(thread_id), keep);
    }
    Checkpoints all = co_await list_checkpoints(thread_id, SIZE_MAX);
    sort_stably(all, [this](const Checkpoint& a, const Checkpoint& b) { return is_newer(a, b); });
    std::set<std::string> hidden = hidden_.get(thread_id).value_or(std::set<std::string>());
    std::uint64_t removed = 0;
    for (std::size_t i = keep; i < all.size(); ++i, ++removed) {
      hidden.insert(all[i].checkpoint_id);
    }
    hidden_.set(thread_id, hidden);
    co_return removed;
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    const Checkpoints all = co_await list_checkpoints(std::move(thread_id), SIZE_MAX);
    for (const Checkpoint& each : all) {
      if (!checkpoint_id || each.checkpoint_id == *checkpoint_id) {
        co_return std::optional<Checkpoint>(each);
      }
    }
    co_return std::nullopt;
  }
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    const auto hidden = hidden_.get(thread_id);
    Checkpoints all = co_await ForwardingStore::list_checkpoints(std::move(thread_id), SIZE_MAX);
    std::erase_if(all, [&hidden](const Checkpoint& each) {
      return hidden && hidden->count(each.checkpoint_id) != 0;
    });
    all.resize(std::min(all.size(), limit));
    co_return all;
  }

protected:
  virtual bool is_newer(const Checkpoint& a, const Checkpoint& b) const = 0;

private:
  Kept<std::set<std::string>> hidden_;
};

class PrunesById : public PrunesByItself {
public:
  using PrunesByItself::PrunesByItself;

protected:
  bool is_newer(const Checkpoint& a, const Checkpoint& b) const override {
    return a.checkpoint_id > b.checkpoint_id;
  }
};

class PrunesNewest : public PrunesByItself {
public:
  using PrunesByItself::PrunesByItself;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    places_.erase("");
    const Checkpoints all = co_await list_checkpoints(thread_id, SIZE_MAX);
    std::map<std::string, std::size_t> places;
    for (const Checkpoint& each : all) {
      places[each.checkpoint_id] = places.size();
    }
    places_.set("", places);
    co_return co_await PrunesByItself::prune_thread(std::move(thread_id), keep);
  }

protected:
  bool is_newer(const Checkpoint& a, const Checkpoint& b) const override {
    auto places = *places_.get("");
    return places[a.checkpoint_id] > places[b.checkpoint_id];
  }

private:
  Kept<std::map<std::string, std::size_t>> places_;
};

class KeepsOneMore : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    return ForwardingStore::prune_thread(std::move(thread_id), keep + (keep < 100 ? 1 : 0));
  }
};

/// 0 is no limit.
class KeepZeroIsAll : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    return ForwardingStore::prune_thread(std::move(thread_id), keep == 0 ? SIZE_MAX : keep);
  }
};

class GreatKeepOverflows : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    // As an int64, the greatest is -1.
    return ForwardingStore::prune_thread(std::move(thread_id), keep == SIZE_MAX ? 0 : keep);
  }
};

class PruneLeavesWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const Writes writes = co_await get_writes(thread_id, "z");
    const std::uint64_t removed = co_await ForwardingStore::prune_thread(thread_id, keep);
    if (removed != 0 && !writes.empty()) {
      co_await put_writes(std::move(thread_id), "z", "task", given(writes));
    }
    co_return removed;
  }
};

/// All writes of checkpoints that are not in the table go.
class PruneDropsEarlyWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    pruned_.set(thread_id, true);
    return ForwardingStore::prune_thread(std::move(thread_id), keep);
  }
  awaitable<Writes> get_writes(std::string thread_id, std::string checkpoint_id) override {
    if (pruned_.has(thread_id) && checkpoint_id == "early") {
      return answered(Writes());
    }
    return ForwardingStore::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> pruned_;
};

class PruneDropsAllWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    pruned_.set(thread_id, true);
    return ForwardingStore::prune_thread(std::move(thread_id), keep);
  }
  awaitable<Writes> get_writes(std::string thread_id, std::string checkpoint_id) override {
    if (pruned_.has(thread_id) && checkpoint_id != "early") {
      return answered(Writes());
    }
    return ForwardingStore::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> pruned_;
};

class CountsWhatIsKept : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    co_await ForwardingStore::prune_thread(thread_id, keep);
    const Checkpoints kept = co_await list_checkpoints(std::move(thread_id), SIZE_MAX);
    co_return kept.size();
  }
};

/// What is kept is written anew.
class PruneRenewsTimes : public ForwardingStore {
public:
  explicit PruneRenewsTimes(MutantSpace& space) : ForwardingStore(space.store()), space_(space) {}

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    pruned_.set(thread_id, space_.now());
    return ForwardingStore::prune_thread(std::move(thread_id), keep);
  }
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    return changed(ForwardingStore::list_checkpoints(std::move(thread_id), limit),
                   [this](Checkpoints& came) {
                     for (Checkpoint& each : came) {
                       each.created_at = pruned_.get(each.thread_id).value_or(each.created_at);
                     }
                   });
  }

private:
  MutantSpace& space_;
  Kept<Timestamp> pruned_;
};

class UnknownIsNotPruned : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const ThreadPage found = co_await list_threads(thread_id, Page(1));
    if (found.thread_ids.empty()) {
      throw StorageError(errc::invalid_argument, "prune_thread", thread_id,
                         "there is no such thread");
    }
    co_return co_await ForwardingStore::prune_thread(std::move(thread_id), keep);
  }
};

class LooksThenPrunes : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const Checkpoints all = co_await list_checkpoints(thread_id, SIZE_MAX);
    co_await step_aside();
    co_await ForwardingStore::prune_thread(std::move(thread_id), keep);
    co_return all.size() > keep ? all.size() - keep : 0;
  }
};

/// One checkpoint after the other.
class PrunesInSteps : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const Checkpoints all = co_await list_checkpoints(thread_id, SIZE_MAX);
    std::uint64_t removed = 0;
    for (std::size_t left = all.size(); left > keep; --left) {
      removed += co_await ForwardingStore::prune_thread(thread_id, left - 1);
    }
    co_return removed;
  }
};

// THR-08

/// Makes the list itself, of all checkpoints newest first.
class ListsBeforeItself : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Checkpoints> list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                                                 std::size_t limit) override {
    check("list_checkpoints_before", thread_id)
        .id("thread_id", thread_id)
        .id("checkpoint_id", checkpoint_id);
    const Checkpoints all = co_await list_checkpoints(std::move(thread_id), SIZE_MAX);
    co_return before(all, checkpoint_id, limit);
  }

protected:
  virtual Checkpoints before(const Checkpoints& all, const std::string& id,
                             std::size_t limit) const {
    const auto named = std::find_if(
        all.begin(), all.end(), [&id](const Checkpoint& each) { return each.checkpoint_id == id; });
    return named == all.end() ? Checkpoints()
                              : cut(Checkpoints(std::next(named), all.end()), limit);
  }
  static Checkpoints cut(Checkpoints list, std::size_t limit) {
    list.resize(std::min(list.size(), limit));
    return list;
  }
};

class BeforeIsInclusive : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    const auto named = std::find_if(
        all.begin(), all.end(), [&id](const Checkpoint& each) { return each.checkpoint_id == id; });
    return cut(Checkpoints(named, all.end()), limit);
  }
};

class BeforeById : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    Checkpoints result = all;
    std::erase_if(result, [&id](const Checkpoint& each) { return each.checkpoint_id >= id; });
    return cut(std::move(result), limit);
  }
};

class BeforeByTime : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    const auto named = std::find_if(
        all.begin(), all.end(), [&id](const Checkpoint& each) { return each.checkpoint_id == id; });
    Checkpoints result;
    for (const Checkpoint& each : all) {
      if (named != all.end() && each.created_at < named->created_at) {
        result.push_back(each);
      }
    }
    return cut(std::move(result), limit);
  }
};

class BeforeFromTheOldest : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    Checkpoints list = ListsBeforeItself::before(all, id, SIZE_MAX);
    std::reverse(list.begin(), list.end());
    list = cut(std::move(list), limit);
    std::reverse(list.begin(), list.end());
    return list;
  }
};

class BeforeOldestFirst : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    Checkpoints list = ListsBeforeItself::before(all, id, limit);
    std::reverse(list.begin(), list.end());
    return list;
  }
};

class BeforeUnknownIsAll : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    const bool is_there = std::any_of(
        all.begin(), all.end(), [&id](const Checkpoint& each) { return each.checkpoint_id == id; });
    return is_there ? ListsBeforeItself::before(all, id, limit) : cut(all, limit);
  }
};

class BeforeZeroIsAll : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    return ListsBeforeItself::before(all, id, limit == 0 ? SIZE_MAX : limit);
  }
};

class BeforeWithoutData : public ListsBeforeItself {
public:
  using ListsBeforeItself::ListsBeforeItself;

protected:
  Checkpoints before(const Checkpoints& all, const std::string& id,
                     std::size_t limit) const override {
    Checkpoints list = ListsBeforeItself::before(all, id, limit);
    for (Checkpoint& each : list) {
      each.data = json();
    }
    return list;
  }
};

// THR-09

class HeadInTwoReads : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadHead> get_thread_head(std::string thread_id, std::size_t limit) override {
    ThreadHead head = co_await ForwardingStore::get_thread_head(thread_id, 0);
    co_await step_aside();
    ThreadHead later = co_await ForwardingStore::get_thread_head(std::move(thread_id), limit);
    head.checkpoint_ids = std::move(later.checkpoint_ids);
    co_return head;
  }
};

class HeadChanged : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadHead> get_thread_head(std::string thread_id, std::size_t limit) override {
    ThreadHead head = co_await ForwardingStore::get_thread_head(std::move(thread_id), limit);
    change(head, limit);
    co_return head;
  }

protected:
  virtual void change(ThreadHead& head, std::size_t limit) const = 0;
};

class HeadWithoutLatestForZero : public HeadChanged {
public:
  using HeadChanged::HeadChanged;

protected:
  void change(ThreadHead& head, std::size_t limit) const override {
    if (limit == 0) {
      head.latest.reset();
    }
  }
};

class HeadIdsById : public HeadChanged {
public:
  using HeadChanged::HeadChanged;

protected:
  void change(ThreadHead& head, std::size_t) const override {
    std::sort(head.checkpoint_ids.rbegin(), head.checkpoint_ids.rend());
  }
};

class HeadIdsOldestFirst : public HeadChanged {
public:
  using HeadChanged::HeadChanged;

protected:
  void change(ThreadHead& head, std::size_t) const override {
    std::reverse(head.checkpoint_ids.begin(), head.checkpoint_ids.end());
  }
};

class HeadIdsBehindLatest : public HeadChanged {
public:
  using HeadChanged::HeadChanged;

protected:
  void change(ThreadHead& head, std::size_t) const override {
    if (!head.checkpoint_ids.empty()) {
      head.checkpoint_ids.erase(head.checkpoint_ids.begin());
    }
  }
};

/// Copies as many as a page holds.
class CopiesAHundred : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool done = co_await ForwardingStore::copy_thread(std::move(source), target);
    if (done) {
      static_cast<void>(co_await ForwardingStore::prune_thread(std::move(target), 100));
    }
    co_return done;
  }
};

/// Numbers the checkpoints of a thread in the order in which they were first stored, rightly but
/// for what a mutant overrides.
class KeepsPlaces : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const bool stored = co_await ForwardingStore::store_checkpoint(
        thread_id, checkpoint_id, std::move(data), std::move(metadata));
    add(thread_id, checkpoint_id);
    co_return stored;
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    return store_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                            std::move(metadata));
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    places_.erase(thread_id);
    return ForwardingStore::delete_thread(std::move(thread_id));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    const bool copied = co_await ForwardingStore::copy_thread(source, target);
    if (copied) {
      Places places = places_.get(source).value_or(Places());
      places.is_copy = true;
      when_copied(places);
      places_.set(target, places);
    }
    co_return copied;
  }
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const std::uint64_t removed = co_await ForwardingStore::prune_thread(thread_id, keep);
    const Checkpoints kept = co_await ForwardingStore::list_checkpoints(thread_id, SIZE_MAX);
    Places places = places_.get(thread_id).value_or(Places());
    std::erase_if(places.of, [&kept](const auto& place) {
      return std::none_of(kept.begin(), kept.end(), [&place](const Checkpoint& each) {
        return each.checkpoint_id == place.first;
      });
    });
    when_pruned(places);
    places_.set(thread_id, places);
    co_return removed;
  }
  awaitable<Checkpoints> list_checkpoints(std::string thread_id, std::size_t limit) override {
    Checkpoints all = co_await ForwardingStore::list_checkpoints(thread_id, SIZE_MAX);
    Places places = places_.get(thread_id).value_or(Places());
    sort_stably(all, [&places](const Checkpoint& a, const Checkpoint& b) {
      return places.of[a.checkpoint_id] > places.of[b.checkpoint_id];
    });
    all.resize(std::min(all.size(), limit));
    co_return all;
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id) {
      co_return co_await ForwardingStore::get_checkpoint(std::move(thread_id),
                                                         std::move(checkpoint_id));
    }
    const Checkpoints latest = co_await list_checkpoints(std::move(thread_id), 1);
    co_return latest.empty() ? std::nullopt : std::optional<Checkpoint>(latest.front());
  }

protected:
  class Places {
  public:
    std::map<std::string, std::size_t> of;
    std::size_t next = 0;
    bool is_copy = false;
  };

  virtual void when_copied(Places&) const {}
  virtual void when_pruned(Places&) const {}

private:
  void add(const std::string& thread_id, const std::string& checkpoint_id) {
    Places places = places_.get(thread_id).value_or(Places());
    if (places.of.try_emplace(checkpoint_id, places.next).second) {
      ++places.next;
    }
    places_.set(thread_id, places);
  }

  Kept<Places> places_;
};

/// After a copy the next place is the number of checkpoints, as if none had ever been removed.
class CopiesCountAnew : public KeepsPlaces {
public:
  using KeepsPlaces::KeepsPlaces;

private:
  void when_copied(Places& places) const override { places.next = places.of.size(); }
};

/// Only the places of what was stored here, and not copied, are never given again.
class PrunedCopiesCountAnew : public KeepsPlaces {
public:
  using KeepsPlaces::KeepsPlaces;

private:
  void when_pruned(Places& places) const override {
    if (places.is_copy) {
      places.next = places.of.size();
    }
  }
};

class PrunesAHundred : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const auto all = co_await ForwardingStore::list_checkpoints(thread_id, 100000);
    if (all.size() > 100) {
      keep = std::max(keep, all.size() - 100);
    }
    co_return co_await ForwardingStore::prune_thread(std::move(thread_id), keep);
  }
};

} // namespace mutants::thread_directory

} // namespace agentstore::conformance

#endif
