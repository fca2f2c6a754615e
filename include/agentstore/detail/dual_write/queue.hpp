// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_QUEUE_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_QUEUE_HPP

// The entries that wait for the archive: bounded, in order of each key, and counted.

#include <agentstore/capabilities/archiving.hpp>
#include <agentstore/detail/dual_write/journal.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

namespace agentstore::detail::dual_write {

/// Entries by kind and key. Workers take the oldest first, and of each key one at a time. May be
/// used from any thread.
///
/// Invariant: accepted = archived + dropped + queued. Code that changes one of them changes
/// another.
/// Invariant: the journal, if there is one, gets each entry that comes or leaves, in the order in
/// which they do. So it never holds more entries than the queue may hold.
class Queue {
public:
  Queue(std::size_t max_queued, std::size_t max_bytes, bool drops_oldest, std::size_t max_workers,
        std::shared_ptr<Journal> journal)
      : max_workers_(max_workers), journal_(std::move(journal)) {
    metrics_.max_queued = max_queued;
    metrics_.max_queued_bytes = max_bytes;
    metrics_.drops_oldest = drops_oldest;
    metrics_.is_durable = journal_ != nullptr;
  }

  /// From now on entries are taken in, and not dropped at once. `kept` is what the journal had in
  /// this generation. It replaces what was queued when the queue was closed. False if the queue was
  /// closed meanwhile; the journal may then hold something else. An open queue does not change.
  bool open(std::uint64_t generation, const Journal::Entries& kept) {
    const std::lock_guard lock(mutex_);
    if (is_open_) {
      return true;
    }
    if (generation != generation_) {
      return false;
    }
    metrics_.accepted -= metrics_.queued;
    metrics_.queued = 0;
    metrics_.queued_bytes = 0;
    for (const EntryPtr& entry : kept) {
      if (!take_in(entry)) {
        journal_->remove(*entry);
      }
    }
    is_open_ = true;
    return true;
  }

  /// Takes nothing in from now on. Drops all that is queued or under way, unless the journal keeps
  /// it.
  void close() {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    ++generation_;
    if (!journal_) {
      metrics_.dropped += metrics_.queued;
      metrics_.queued = 0;
      metrics_.queued_bytes = 0;
    }
    ready_.clear();
    blocked_.clear();
    lanes_.clear();
    workers_ = 0;
  }

  /// Counts what the journal did not keep when it was closed after `close`.
  void drop_lost(const Journal::Lost& lost) {
    const std::lock_guard lock(mutex_);
    if (is_open_) {
      return;
    }
    const std::uint64_t records =
        lost.is_all ? metrics_.queued : std::min(lost.records, metrics_.queued);
    metrics_.dropped += records;
    metrics_.queued -= records;
    metrics_.queued_bytes -=
        lost.is_all ? metrics_.queued_bytes : std::min(lost.bytes, metrics_.queued_bytes);
  }

  /// Takes the entry in or drops it. The text is for the journal. Returns the same as `add_worker`.
  std::optional<std::uint64_t> push(EntryPtr entry, std::string others_text) {
    const std::lock_guard lock(mutex_);
    if (!is_open_) {
      ++metrics_.accepted;
      ++metrics_.dropped;
    } else if (const Entry& added = *entry; take_in(std::move(entry)) && journal_) {
      journal_->add(added, std::move(others_text));
    }
    return one_more_worker();
  }

  /// The generation of one more worker, if one is to be started. The worker counts as working from
  /// now on.
  std::optional<std::uint64_t> add_worker() {
    const std::lock_guard lock(mutex_);
    return one_more_worker();
  }

  /// Takes back a worker that could not be started.
  void remove_worker(std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    workers_ -= generation == generation_ ? 1 : 0;
  }

  /// Counts a record that was lost before it became an entry.
  void count_lost() {
    const std::lock_guard lock(mutex_);
    ++metrics_.accepted;
    ++metrics_.dropped;
  }

  /// A worker belongs to the time between one opening and the next closing.
  std::uint64_t generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
  }

  /// The next entry, which is then under way. If there is none, the worker is to end.
  EntryPtr take(std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) {
      return nullptr;
    }
    if (ready_.empty()) {
      --workers_;
      return nullptr;
    }
    auto next = ready_.extract(ready_.begin());
    Lane& lane = next.mapped()->second;
    EntryPtr entry = std::move(lane.waiting.front().second);
    lane.waiting.pop_front();
    lane.is_under_way = true;
    move_front(std::move(next), blocked_);
    return entry;
  }

  /// Says what became of an entry that was taken.
  void settle(std::uint64_t generation, const Entry& entry, bool is_archived) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) {
      return; // the entry was dropped, or the journal keeps it
    }
    ++(is_archived ? metrics_.archived : metrics_.dropped);
    leave(entry);
    const auto lane = lanes_.find(std::make_pair(entry.kind, entry.key));
    lane->second.is_under_way = false;
    if (lane->second.waiting.empty()) {
      lanes_.erase(lane);
    } else {
      ready_.insert(blocked_.extract(lane->second.waiting.front().first));
    }
  }

  void count_retry() {
    const std::lock_guard lock(mutex_);
    ++metrics_.retried;
  }

  bool is_empty() const {
    const std::lock_guard lock(mutex_);
    return metrics_.queued == 0;
  }

  ArchivingMetrics metrics() const {
    const std::lock_guard lock(mutex_);
    return metrics_;
  }

private:
  class Lane {
  public:
    std::deque<std::pair<std::uint64_t, EntryPtr>> waiting; // with their place among all entries
    bool is_under_way = false;
  };
  using Lanes = std::map<std::pair<ArchiveKind, std::string>, Lane>;
  /// Lanes by the place of the first entry that waits in them.
  using Fronts = std::map<std::uint64_t, Lanes::iterator>;

  std::optional<std::uint64_t> one_more_worker() {
    if (ready_.empty() || workers_ >= max_workers_) {
      return std::nullopt;
    }
    ++workers_;
    return generation_;
  }

  /// False if the entry was dropped.
  bool take_in(EntryPtr entry) {
    ++metrics_.accepted;
    if (make_room(entry->bytes)) {
      try {
        add(std::move(entry));
        return true;
      } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): as if there were no room
      }
    }
    ++metrics_.dropped;
    return false;
  }

  /// False if the entry itself is to be dropped.
  bool make_room(std::size_t bytes) {
    if (bytes > metrics_.max_queued_bytes) {
      return false;
    }
    while (metrics_.queued >= metrics_.max_queued ||
           metrics_.queued_bytes + bytes > metrics_.max_queued_bytes) {
      if (!metrics_.drops_oldest || (ready_.empty() && blocked_.empty())) {
        return false;
      }
      drop_oldest();
    }
    return true;
  }

  void drop_oldest() {
    const bool is_ready =
        blocked_.empty() || (!ready_.empty() && ready_.begin()->first < blocked_.begin()->first);
    Fronts& fronts = is_ready ? ready_ : blocked_;
    auto front = fronts.extract(fronts.begin());
    const auto lane = front.mapped();
    leave(*lane->second.waiting.front().second);
    ++metrics_.dropped;
    lane->second.waiting.pop_front();
    if (lane->second.waiting.empty() && !lane->second.is_under_way) {
      lanes_.erase(lane);
    } else {
      move_front(std::move(front), fronts);
    }
  }

  void add(EntryPtr entry) {
    const std::size_t bytes = entry->bytes;
    const auto lane = lanes_.try_emplace(std::make_pair(entry->kind, entry->key)).first;
    Fronts& fronts = lane->second.is_under_way ? blocked_ : ready_;
    const bool is_front = lane->second.waiting.empty();
    if (is_front) {
      fronts.emplace(next_place_, lane);
    }
    try {
      lane->second.waiting.emplace_back(next_place_, std::move(entry));
    } catch (const std::bad_alloc&) {
      if (is_front) {
        fronts.erase(next_place_);
      }
      throw;
    }
    ++next_place_;
    ++metrics_.queued;
    metrics_.queued_bytes += bytes;
  }

  /// Puts the node under the lane's new front, if there is one. Allocates nothing.
  static void move_front(Fronts::node_type node, Fronts& to) {
    const Lane& lane = node.mapped()->second;
    if (!lane.waiting.empty()) {
      node.key() = lane.waiting.front().first;
      to.insert(std::move(node));
    }
  }

  void leave(const Entry& entry) {
    --metrics_.queued;
    metrics_.queued_bytes -= entry.bytes;
    if (journal_) {
      journal_->remove(entry);
    }
  }

  const std::size_t max_workers_;
  const std::shared_ptr<Journal> journal_;
  mutable std::mutex mutex_;
  ArchivingMetrics metrics_;
  bool is_open_ = false;
  std::uint64_t generation_ = 0;
  std::size_t workers_ = 0;
  std::uint64_t next_place_ = 0;
  Lanes lanes_;
  Fronts ready_;   // lanes whose first entry may be taken
  Fronts blocked_; // lanes that wait for the end of an append
};

} // namespace agentstore::detail::dual_write

#endif
