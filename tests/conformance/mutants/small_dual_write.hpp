// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_SMALL_DUAL_WRITE_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_SMALL_DUAL_WRITE_HPP

/// \file
/// A dual write as somebody might write it in an afternoon: a list, and a coroutine that appends
/// from it. It is right, unless it is made with a flaw; most flaws concern records of one kind.

#include "conformance/mutants/bug.hpp"

#include <agentstore/conformance/kit.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <deque>

namespace agentstore::conformance::mutants {

enum class Flaw {
  none,
  // of records of one kind
  newest_first,      ///< of those that wait, the newest is archived first
  retries_last,      ///< what was refused goes behind what waits
  tries_once,        ///< what was refused is dropped
  id_for_attempt,    ///< each attempt has an entry id of its own
  lost_by_close,     ///< close drops it at once
  drain_overlooks,   ///< drain does not wait for it
  weighs_nothing,    ///< it has no bytes
  kept_if_cancelled, ///< it is queued if the call was cancelled, whatever was stored
  lost_if_cancelled, ///< it is not queued if the call is cancelled when it has stored
  cuts_keys,         ///< 255 bytes of its key count
  trims_keys,        ///< spaces at the end of its key do not count
  lowers_keys,       ///< capitals in its key do not count
  // of the method
  waits, ///< the method waits until nothing is queued
  // of the whole
  opened_twice_empties, ///< initialize of an open store drops what is queued
  opens_once,           ///< an archive that could not be opened by initialize is not tried again
  waits_to_open,        ///< initialize waits for the archive as long as it takes
  one_drain,            ///< of two that drain at once the first is forgotten
  closed_metrics_throw, ///< before the first initialize there are no metrics
  late_is_not_counted,  ///< what comes when it is closed is not counted
};

/// The records that wait for the archive.
class SmallQueue : public std::enable_shared_from_this<SmallQueue> {
public:
  SmallQueue(MutantSpace& space, Flaw flaw, MethodId append)
      : executor_(space.executor()), archive_(space.switched_archive()), flaw_(flaw),
        append_(append) {
    metrics_.max_queued = 20;
    metrics_.max_queued_bytes = 1u << 20u;
    metrics_.repeats_safely = true;
  }

  Flaw flaw() const { return flaw_; }
  bool has(Flaw flaw, const Operation& record) const {
    return flaw_ == flaw && record.kind == append_;
  }

  static awaitable<void> open(std::shared_ptr<SmallQueue> self) {
    const bool is_again = self->set_open();
    if (self->flaw_ == Flaw::waits_to_open || self->flaw_ == Flaw::opens_once) {
      const bool is_opened = co_await opened(self);
      self->is_archive_open_ = is_opened || (is_again && self->is_archive_open_);
    }
  }

  static awaitable<void> shut(std::shared_ptr<SmallQueue> self) {
    const auto begun = std::chrono::steady_clock::now();
    self->drop_if([&](const Entry& entry) { return self->has(Flaw::lost_by_close, entry.append); });
    while (!self->is_empty() &&
           std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(500)) {
      co_await round_trip(std::chrono::milliseconds(1));
    }
    self->set_closed();
  }

  void push(Operation append) {
    if (take_in(std::move(append))) {
      boost::asio::co_spawn(executor_, work(shared_from_this(), generation()),
                            boost::asio::detached);
    }
  }
  static awaitable<bool> drain(std::shared_ptr<SmallQueue> self, std::chrono::milliseconds limit) {
    const auto begun = std::chrono::steady_clock::now();
    const int mine = ++self->drains_;
    for (;;) {
      const bool is_mine = self->flaw_ != Flaw::one_drain || mine == self->drains_;
      if (is_mine && self->is_drained()) {
        co_return true;
      }
      const auto waited = std::chrono::steady_clock::now() - begun;
      if (std::chrono::duration_cast<std::chrono::milliseconds>(waited) >= limit) {
        co_return false;
      }
      co_await round_trip(std::chrono::milliseconds(1));
    }
  }

  static awaitable<ArchivingMetrics> metrics(std::shared_ptr<SmallQueue> self) {
    const std::lock_guard lock(self->mutex_);
    if (self->flaw_ == Flaw::closed_metrics_throw && self->generation_ == 0 && !self->is_open_) {
      throw StorageError(errc::closed, "get_archiving_metrics", "", "it was not opened yet");
    }
    co_return self->metrics_;
  }

  /// Waits until nothing is queued, however long it takes.
  static awaitable<void> wait(std::shared_ptr<SmallQueue> self) {
    while (!self->is_empty()) {
      co_await round_trip(std::chrono::milliseconds(1));
    }
  }

private:
  class Entry {
  public:
    Operation append;
    std::size_t bytes = 0;
    int attempts = 0;
  };

  /// Whether somebody has to begin to work.
  bool take_in(Operation append) {
    const std::lock_guard lock(mutex_);
    if (!is_open_ && flaw_ == Flaw::late_is_not_counted) {
      return false;
    }
    ++metrics_.accepted;
    Entry entry;
    entry.bytes = has(Flaw::weighs_nothing, append) ? 0 : weight(append);
    if (!is_open_ || entries_.size() >= metrics_.max_queued ||
        metrics_.queued_bytes + entry.bytes > metrics_.max_queued_bytes) {
      ++metrics_.dropped;
      return false;
    }
    append.entry_id = new_id();
    change_key(append);
    entry.append = std::move(append);
    metrics_.queued_bytes += entry.bytes;
    ++metrics_.queued;
    entries_.push_back(std::move(entry));
    return !std::exchange(is_working_, true);
  }
  std::uint64_t generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
  }

  static std::string new_id() {
    static std::atomic<std::uint64_t> last = 0;
    return "record " + std::to_string(++last);
  }
  static std::size_t weight(const Operation& append) {
    return 256 +
           archived_fields(append).dump(-1, ' ', false, json::error_handler_t::replace).size();
  }

  void change_key(Operation& append) const {
    if (has(Flaw::cuts_keys, append)) {
      append.key.resize(std::min<std::size_t>(append.key.size(), 255));
    } else if (has(Flaw::trims_keys, append)) {
      while (append.key.size() > 1 && append.key.back() == ' ') {
        append.key.pop_back();
      }
    } else if (has(Flaw::lowers_keys, append)) {
      for (char& c : append.key) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      }
    }
  }

  /// Whether it was open already.
  bool set_open() {
    const std::lock_guard lock(mutex_);
    if (is_open_ && flaw_ == Flaw::opened_twice_empties) {
      drop_all();
    }
    return std::exchange(is_open_, true);
  }
  void set_closed() {
    const std::lock_guard lock(mutex_);
    drop_all();
    is_open_ = false;
    ++generation_;
    is_working_ = false;
  }
  void drop_all() {
    metrics_.dropped += metrics_.queued;
    metrics_.queued = 0;
    metrics_.queued_bytes = 0;
    entries_.clear();
  }
  template <class Predicate>
  void drop_if(const Predicate& is_lost) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = entries_.size(); i-- != 0;) {
      if (is_lost(entries_[i])) {
        ++metrics_.dropped;
        leave(i);
      }
    }
  }

  bool is_empty() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty();
  }
  bool is_drained() const {
    const std::lock_guard lock(mutex_);
    return std::all_of(entries_.begin(), entries_.end(), [this](const Entry& entry) {
      return has(Flaw::drain_overlooks, entry.append);
    });
  }

  void leave(std::size_t place) {
    --metrics_.queued;
    metrics_.queued_bytes -= entries_[place].bytes;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(place));
  }

  /// The place of the entry that is archived next.
  std::size_t next() const {
    std::size_t place = 0;
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      if (has(Flaw::newest_first, entries_[0].append) &&
          entries_[i].append.kind == entries_[0].append.kind &&
          entries_[i].append.key == entries_[0].append.key) {
        place = i;
      }
    }
    return place;
  }
  /// The append that is made next. Nothing if there is none, or the queue was closed.
  std::optional<Operation> front(std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) {
      return std::nullopt;
    }
    if (entries_.empty()) {
      is_working_ = false;
      return std::nullopt;
    }
    Entry& entry = entries_[next()];
    Operation append = entry.append;
    if (has(Flaw::id_for_attempt, append)) {
      append.entry_id = new_id();
    }
    return append;
  }
  /// Whether the append is to be made again.
  bool settle(std::uint64_t generation, const Operation& append, bool is_kept) {
    constexpr int most_attempts = 10;
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) {
      return each.append.entry_id == append.entry_id || has(Flaw::id_for_attempt, append);
    });
    if (generation != generation_ || entry == entries_.end()) {
      return false;
    }
    const auto place = static_cast<std::size_t>(entry - entries_.begin());
    if (is_kept) {
      ++metrics_.archived;
      leave(place);
      return false;
    }
    if (++entry->attempts == most_attempts || has(Flaw::tries_once, append)) {
      ++metrics_.dropped;
      leave(place);
      return false;
    }
    ++metrics_.retried;
    if (has(Flaw::retries_last, append)) {
      std::rotate(entry, entry + 1, entries_.end());
    }
    return true;
  }

  static awaitable<bool> opened(std::shared_ptr<SmallQueue> self) {
    bool is_opened = false;
    try {
      is_opened = co_await self->archive_->initialize();
    } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): it is not open
    }
    co_return is_opened;
  }
  static awaitable<bool> append(std::shared_ptr<SmallQueue> self, Operation record) {
    const bool is_open =
        self->flaw_ == Flaw::opens_once ? self->is_archive_open_.load() : co_await opened(self);
    if (!is_open) {
      co_return false;
    }
    Handle handle;
    handle.archive = self->archive_.get();
    handle.archive_once = self->archive_.get();
    bool is_kept = false;
    try {
      is_kept = co_await is_positive(method_of(record.kind).call(handle, std::move(record)));
    } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): it is not kept
    }
    co_return is_kept;
  }

  static awaitable<void> work(std::shared_ptr<SmallQueue> self, std::uint64_t generation) {
    for (;;) {
      const std::optional<Operation> next = self->front(generation);
      if (!next) {
        co_return;
      }
      const bool is_kept = co_await append(self, *next);
      if (self->settle(generation, *next, is_kept)) {
        co_await round_trip(std::chrono::milliseconds(20));
      }
    }
  }

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<SwitchedArchiveOnce> archive_;
  const Flaw flaw_;
  const MethodId append_;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
  ArchivingMetrics metrics_;
  std::uint64_t generation_ = 0;
  bool is_open_ = false;
  bool is_working_ = false;
  std::atomic<bool> is_archive_open_ = false;
  std::atomic<int> drains_ = 0;
};

/// Makes records of what the calls have stored.
class RecordsCalls : public Bug {
public:
  RecordsCalls(MutantSpace& space, MethodId method, std::shared_ptr<SmallQueue> queue)
      : Bug(space, method), queue_(std::move(queue)) {}

  awaitable<Answer> around(Operation call, Next next) override {
    return recorded(std::move(call), std::move(next));
  }

private:
  awaitable<Answer> recorded(Operation call, Next next) {
    if (queue_->flaw() == Flaw::waits && has(call)) {
      co_await SmallQueue::wait(queue_);
    }
    const std::optional<Operation> record = record_of(call);
    const MethodId kind = call.kind;
    Answer answer;
    try {
      if (record && queue_->has(Flaw::kept_if_cancelled, *record)) {
        co_await round_trip(std::chrono::milliseconds(2));
      }
      answer = co_await next(std::move(call));
    } catch (const StorageError&) {
      throw;
    } catch (...) { // it was cancelled
      if (record && queue_->has(Flaw::kept_if_cancelled, *record)) {
        queue_->push(*record);
      }
      throw;
    }
    if (kind == MethodId::initialize) {
      co_await SmallQueue::open(queue_);
    } else if (kind == MethodId::close) {
      co_await SmallQueue::shut(queue_);
    } else if (record && is_positive(answer)) {
      bool is_lost = false;
      if (queue_->has(Flaw::lost_if_cancelled, *record)) {
        is_lost = co_await is_cancelled();
      }
      if (queue_->flaw() == Flaw::late_is_not_counted) {
        co_await round_trip(std::chrono::milliseconds(2));
      }
      if (!is_lost) {
        queue_->push(*record);
      }
    }
    co_return answer;
  }

  static awaitable<bool> is_cancelled() {
    try {
      co_await round_trip(std::chrono::milliseconds(2));
    } catch (const boost::system::system_error&) {
      co_return true;
    }
    co_return false;
  }

  std::optional<Operation> record_of(const Operation& call) const {
    Operation record = call;
    record.time = now();
    switch (call.kind) {
    case MethodId::add_conversation_message:
      record.kind = MethodId::append_conversation_message;
      return record;
    case MethodId::store_checkpoint:
    case MethodId::put_checkpoint:
      record.kind = MethodId::append_checkpoint;
      return record;
    case MethodId::put_writes:
      record.kind = MethodId::append_checkpoint_writes;
      return call.writes.empty() ? std::nullopt : std::optional<Operation>(record);
    case MethodId::store_task_context:
      record.kind = MethodId::append_task_context_snapshot;
      return record;
    default:
      return event_of(call);
    }
  }
  std::optional<Operation> event_of(const Operation& call) const {
    const Method& method = method_of(call.kind);
    const bool is_clean_up = call.kind == MethodId::cleanup_expired_sessions;
    if (method.kind != MethodKind::writes && method.kind != MethodKind::changes && !is_clean_up) {
      return std::nullopt;
    }
    Operation event(MethodId::append_session_event, call.key);
    if (call.kind == MethodId::copy_thread) {
      event.key = call.target;
    } else if (is_clean_up) {
      event.key = method.name;
    }
    event.user_id = call.kind == MethodId::create_session ? call.user_id : "-";
    event.text = method.name;
    event.value = json::object();
    event.time = now();
    return event;
  }

  std::shared_ptr<SmallQueue> queue_;
};

class SmallArchiving final : public IArchiving {
public:
  explicit SmallArchiving(std::shared_ptr<SmallQueue> queue) : queue_(std::move(queue)) {}

  awaitable<bool> drain(std::chrono::milliseconds limit) override {
    return SmallQueue::drain(queue_, limit);
  }
  awaitable<ArchivingMetrics> get_archiving_metrics() override {
    return SmallQueue::metrics(queue_);
  }

private:
  std::shared_ptr<SmallQueue> queue_;
};

template <Flaw flaw, MethodId method>
Handle small_dual_write(MutantSpace& space) {
  auto queue = std::make_shared<SmallQueue>(space, flaw, method);
  Handle handle;
  handle.add(std::shared_ptr<ForwardingStore>(std::make_shared<CallStore>(
      space.store(), std::make_unique<RecordsCalls>(space, method, queue))));
  handle.add(std::make_shared<SmallArchiving>(queue));
  return handle;
}

/// A mutant whose flaw is in what this append or this method does.
template <Flaw flaw, MethodId method = MethodId::append_session_event>
Mutant flawed(std::string_view rule, std::string_view name, std::string_view what,
              std::string_view evidence) {
  Mutant result;
  result.rule = rule;
  result.name = kept(std::string(name) + " of " + std::string(method_of(method).name));
  result.bug = what;
  result.evidence = evidence;
  result.make = &small_dual_write<flaw, method>;
  result.interfaces = Interfaces::of<ForwardingStore>() | Interfaces::archiving;
  return result;
}

/// One for each of these methods.
template <Flaw flaw, MethodId... methods_with_it>
void add_flawed(std::vector<Mutant>& all, std::string_view rule, std::string_view name,
                std::string_view what, std::string_view evidence) {
  (all.push_back(flawed<flaw, methods_with_it>(rule, name, what, evidence)), ...);
}

} // namespace agentstore::conformance::mutants

#endif
