// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_WRITER_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_WRITER_HPP

// Takes entries from the queue to the archive. The functions below the word "Strand" run on the
// writer's strand, so they may use members without a lock.

#include <agentstore/archives/dual_write_options.hpp>
#include <agentstore/detail/backoff.hpp>
#include <agentstore/detail/deadline.hpp>
#include <agentstore/detail/dual_write/queue.hpp>
#include <agentstore/detail/listed_timer.hpp>
#include <agentstore/detail/process.hpp>
#include <agentstore/detail/strand_call.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <random>

namespace agentstore::detail::dual_write {

/// Invariant: the writer never refers to the hot store, so that an archive that hangs keeps only
/// itself alive.
///
/// In the child of a fork nothing runs on the strand, and the locks may be taken for ever.
class Writer : public ProcessOfOrigin, public std::enable_shared_from_this<Writer> {
public:
  Writer(boost::asio::any_io_executor executor, Target target, DualWriteOptions options)
      : strand_(boost::asio::make_strand(executor)), target_(std::move(target)),
        options_(std::move(options)),
        journal_(options_.queue.make_ ? options_.queue.make_() : nullptr),
        queue_(options_.max_queued, options_.max_queued_bytes,
               options_.when_full == DualWriteOptions::WhenFull::drop_oldest,
               std::max(options_.max_appends, std::size_t{1}), journal_) {}

  const DualWriteOptions& options() const noexcept { return options_; }
  ArchivingMetrics metrics() const {
    ArchivingMetrics metrics = queue_.metrics();
    metrics.repeats_safely = target_.once != nullptr;
    return metrics;
  }
  /// Whether the archive took the record that it was given last.
  bool is_well() const noexcept { return is_well_; }
  /// Whether the journal, if there is one, keeps what is queued.
  bool queue_is_well() const noexcept { return !journal_ || journal_->is_well(); }

  /// A call on the hot store whose record may still come. `close` waits for the call.
  class CallUnderWay {
  public:
    explicit CallUnderWay(std::shared_ptr<Writer> writer) : writer_(std::move(writer)) {
      ++writer_->calls_;
    }
    CallUnderWay(const CallUnderWay&) = delete;
    CallUnderWay& operator=(const CallUnderWay&) = delete;
    ~CallUnderWay() { --writer_->calls_; }

  private:
    std::shared_ptr<Writer> writer_;
  };

  /// Hands a record to the queue. Never throws: a record that cannot be queued is counted as
  /// dropped.
  template <class Append, class... Others>
  void add(std::string key, Others... others) noexcept {
    try {
      auto entry = std::make_shared<const EntryOf<Append, Others...>>(
          next_id(), std::move(key), options_.clock(), std::move(others)...);
      std::string text = journal_ ? entry->others_text() : std::string();
      start_worker(queue_.push(std::move(entry), std::move(text)));
    } catch (...) {
      queue_.count_lost();
    }
  }

  /// Whether queued records are to outlive the process.
  bool is_durable() const noexcept { return journal_ != nullptr; }
  /// Waits until the records so far are durable, or cannot become so. Requires: `is_durable()`.
  awaitable<void> kept() const { return journal_->written(); }

  /// The entries that were queued when the previous process ended.
  class Kept {
  public:
    Kept() = default;
    std::uint64_t generation = 0;
    Journal::Entries entries;
  };

  /// Opens the journal. If the journal throws, nothing has been opened.
  static awaitable<Kept> open_queue(std::shared_ptr<Writer> self) {
    Kept kept;
    kept.generation = self->queue_.generation();
    if (self->journal_) {
      kept.entries = co_await self->journal_->open();
    }
    co_return kept;
  }

  /// Opens the archive. Does not wait for that longer than the options allow.
  static awaitable<void> open(std::shared_ptr<Writer> self, Kept kept) {
    while (!self->queue_.open(kept.generation, kept.entries)) {
      kept = co_await open_queue(self);
    }
    kept.entries.clear();
    while (self->start_worker(self->queue_.add_worker())) {
    }
    co_await run(self, open_on_strand(self));
  }

  /// Whether the queue is empty before the limit has passed.
  static awaitable<bool> drain(std::shared_ptr<Writer> self, std::chrono::milliseconds limit) {
    self->require_here("drain", "");
    co_return co_await run(self, drain_on_strand(self, after(limit)));
  }

  /// Drains, drops the rest, and closes the archive, all within the options' limit. If a journal
  /// keeps the rest, `close` waits for the journal besides.
  static awaitable<void> close(std::shared_ptr<Writer> self) {
    co_await run(self, close_on_strand(self));
  }

  /// Drops all that is queued, or leaves it to the journal. Does not touch the executor, because
  /// the executor's context may be gone.
  void abandon() noexcept {
    queue_.close();
    if (journal_) {
      journal_->abandon();
    }
  }

private:
  /// Runs `work` on the strand to its end, however often the caller cancels.
  static awaitable<bool> run(std::shared_ptr<Writer> self, awaitable<bool> work) {
    auto running = run_on_strand(self->strand_, std::move(work), WhenCancelled::stay);
    const std::optional<bool> result = co_await std::move(running);
    co_return result.value();
  }

  /// False if there was no worker to start, or the worker could not be started.
  bool start_worker(std::optional<std::uint64_t> generation) noexcept {
    if (generation) {
      try {
        boost::asio::co_spawn(strand_, work(shared_from_this(), *generation),
                              boost::asio::detached);
      } catch (const std::bad_alloc&) {
        queue_.remove_worker(*generation);
        return false;
      }
    }
    return generation.has_value();
  }

  static awaitable<void> no_matter_how(awaitable<void> call) {
    try {
      co_await std::move(call);
    } catch (...) { // NOLINT(bugprone-empty-catch)
    }
  }

  using Time = std::chrono::steady_clock::time_point;

  static Time after(std::chrono::milliseconds limit) {
    return deadline_after(std::chrono::steady_clock::now(), limit);
  }

  // Strand

  /// Waits until `condition()` holds. False if the time came first.
  template <class Condition>
  static awaitable<bool> wait(std::shared_ptr<Writer> self, Time until, Condition condition) {
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= until) {
        co_return false;
      }
      boost::asio::steady_timer timer(self->strand_, until);
      const ListedTimer listed(self->timers_, timer);
      boost::system::error_code woken;
      co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
    co_return true;
  }

  /// Lets all waiting coroutines look again.
  void notify() {
    for (boost::asio::steady_timer* const timer : timers_) {
      timer->cancel();
    }
  }

  static awaitable<bool> open_on_strand(std::shared_ptr<Writer> self) {
    const Time until = after(self->options_.open_limit);
    const std::uint64_t generation = self->queue_.generation();
    self->has_failed_to_open_ = false;
    boost::asio::co_spawn(self->strand_, open_archive(self, generation), boost::asio::detached);
    auto is_settled = [self] { return self->is_archive_open_ || self->has_failed_to_open_; };
    co_return co_await wait(self, until, std::move(is_settled));
  }

  /// An archive of this library throws only if it is cancelled, and nobody cancels it here. Other
  /// archives might throw.
  static awaitable<bool> without_exception(awaitable<bool> call) {
    try {
      co_return co_await std::move(call);
    } catch (...) {
      co_return false;
    }
  }

  /// Whether the archive is open. If workers find it closed, one of them opens it and the others
  /// wait.
  static awaitable<bool> open_archive(std::shared_ptr<Writer> self, std::uint64_t generation) {
    auto is_over = [self, generation] { return self->queue_.generation() != generation; };
    // Otherwise a close that was given up would end late, and close the archive that is opened
    // here.
    auto may_open = [self, is_over] { return !self->is_closing_ || is_over(); };
    static_cast<void>(co_await wait(self, Time::max(), std::move(may_open)));
    if (self->is_opening_) {
      auto is_opened = [self, is_over] { return !self->is_opening_ || is_over(); };
      static_cast<void>(co_await wait(self, Time::max(), std::move(is_opened)));
    } else if (!self->is_archive_open_ && !is_over()) {
      self->is_opening_ = true;
      const bool is_open = co_await without_exception(self->target_.storage->initialize());
      self->is_opening_ = false;
      self->is_archive_open_ = is_open && !is_over();
      self->has_failed_to_open_ = !is_open;
      self->is_well_ = is_open;
      self->notify();
    }
    co_return self->is_archive_open_;
  }

  static awaitable<void> work(std::shared_ptr<Writer> self, std::uint64_t generation) {
    for (EntryPtr entry = self->queue_.take(generation); entry;
         entry = self->queue_.take(generation)) {
      const bool is_archived = co_await archive(self, generation, entry);
      self->queue_.settle(generation, *entry, is_archived);
      if (self->queue_.is_empty()) {
        self->notify();
      }
    }
  }

  /// Repeats the append until it is true, or has been made often enough.
  static awaitable<bool> archive(std::shared_ptr<Writer> self, std::uint64_t generation,
                                 EntryPtr entry) {
    Backoff pause(self->options_.first_pause, self->options_.longest_pause);
    for (std::size_t attempt = 1;; ++attempt) {
      const bool is_open = self->is_archive_open_ || co_await open_archive(self, generation);
      const bool is_kept = is_open && co_await without_exception(entry->append(self->target_));
      self->is_well_ = is_kept;
      const bool is_last = attempt >= self->options_.max_attempts;
      if (is_kept || is_last || self->queue_.generation() != generation) {
        co_return is_kept;
      }
      // By a part at a time. `abandon` tells nobody, and the caller's loop is not to run for the
      // rest of a long pause.
      constexpr std::chrono::milliseconds part(100);
      for (const Time end = after(pause.next()); std::chrono::steady_clock::now() < end;) {
        auto is_closed = [self, generation] { return self->queue_.generation() != generation; };
        if (co_await wait(self, std::min(end, after(part)), std::move(is_closed))) {
          co_return false;
        }
      }
      self->queue_.count_retry();
    }
  }

  static awaitable<bool> drain_on_strand(std::shared_ptr<Writer> self, Time until) {
    auto is_empty = [self] { return self->queue_.is_empty(); };
    co_return co_await wait(self, until, std::move(is_empty));
  }

  static awaitable<bool> close_on_strand(std::shared_ptr<Writer> self) {
    const Time until = after(self->options_.close_limit);
    // The hot store is closed, so that these calls have ended there and are on their way back.
    while (self->calls_ != 0 && std::chrono::steady_clock::now() < until) {
      auto never = [] { return false; };
      const Time soon = std::min(until, after(std::chrono::milliseconds(1)));
      static_cast<void>(co_await wait(self, soon, std::move(never)));
    }
    static_cast<void>(co_await drain_on_strand(self, until));
    self->queue_.close();
    self->is_archive_open_ = false;
    self->notify();
    if (self->journal_) {
      co_await no_matter_how(self->journal_->close());
      self->queue_.drop_lost(self->journal_->take_lost());
    }
    if (!self->is_closing_) {
      self->is_closing_ = true;
      boost::asio::co_spawn(self->strand_, close_archive(self), boost::asio::detached);
    }
    auto is_closed = [self] { return !self->is_closing_; };
    co_return co_await wait(self, until, std::move(is_closed));
  }

  static awaitable<void> close_archive(std::shared_ptr<Writer> self) {
    auto is_opened = [self] { return !self->is_opening_; };
    static_cast<void>(co_await wait(self, Time::max(), std::move(is_opened)));
    co_await no_matter_how(self->target_.storage->close());
    self->is_closing_ = false;
    self->notify();
  }

  // Any thread

  /// Ids that no other writer makes, in this process or another.
  std::string next_id() {
    constexpr std::size_t most_digits = 20;
    std::string id;
    id.reserve(prefix_.size() + most_digits);
    id += prefix_;
    id += std::to_string(++last_id_);
    return id;
  }

  static std::string random_prefix() {
    std::random_device random;
    std::string text;
    for (int i = 0; i < 4; ++i) {
      text += (i == 0 ? "" : ".") + std::to_string(random());
    }
    return text + "-";
  }

  /// Of this type, so that who starts a worker and the worker are not the last two owners of one:
  /// Asio orders these by a fence, which ThreadSanitizer does not know and would take for a race.
  const boost::asio::any_io_executor strand_;
  const Target target_;
  const DualWriteOptions options_;
  const std::shared_ptr<Journal> journal_; // null if the queue is in memory alone
  Queue queue_;
  const std::string prefix_ = random_prefix();
  std::atomic<std::uint64_t> last_id_ = 0;
  std::atomic<bool> is_well_ = true;
  std::atomic<std::size_t> calls_ = 0;
  // Used on the strand alone.
  bool is_archive_open_ = false;
  bool is_opening_ = false;
  bool is_closing_ = false;
  bool has_failed_to_open_ = false;
  ListedTimers timers_;
};

} // namespace agentstore::detail::dual_write

#endif
