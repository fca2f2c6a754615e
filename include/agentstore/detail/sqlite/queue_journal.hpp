// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_QUEUE_JOURNAL_HPP
#define AGENTSTORE_DETAIL_SQLITE_QUEUE_JOURNAL_HPP

// The queue of a DualWrite in a file.

#include <agentstore/archives/sqlite_queue.hpp>
#include <agentstore/detail/dual_write/journal.hpp>
#include <agentstore/detail/dual_write/restored_entry.hpp>
#include <agentstore/detail/sqlite/engine.hpp>
#include <agentstore/detail/sqlite/queue_schema.hpp>
#include <agentstore/document_from_text.hpp>

#include <deque>
#include <map>

namespace agentstore::detail::sqlite {

/// The table of a queue as SQL.
class QueueTable {
public:
  explicit QueueTable(Connection& connection) : connection_(connection) {}

  void add(const std::string& entry_id, ArchiveKind kind, const std::string& key,
           Timestamp created_at, const std::string& others) {
    connection_.change("INSERT INTO queue (entry_id, kind, key, created_at_us, others)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
                       entry_id, to_string(kind), key,
                       std::int64_t{created_at.time_since_epoch().count()}, others);
  }

  void remove(const std::string& entry_id) {
    connection_.change("DELETE FROM queue WHERE entry_id = ?1", entry_id);
  }

  dual_write::Journal::Entries read() {
    Query row = connection_.query("SELECT position, entry_id, kind, key, created_at_us, others"
                                  " FROM queue ORDER BY position");
    dual_write::Journal::Entries entries;
    while (row.next()) {
      dual_write::KeptEntry kept;
      kept.id = row.text(1);
      kept.kind = row.text(2);
      kept.key = row.text(3);
      kept.created_at = Timestamp(std::chrono::microseconds(row.integer(4)));
      try {
        kept.others = document::Reader<std::string_view>::read(
            row.bytes(5), Document::max_depth + dual_write::depth_around_values);
        entries.push_back(dual_write::restore(std::move(kept)));
      } catch (const TextError& error) {
        throw damaged(row.integer(0), error.what());
      } catch (const std::invalid_argument& error) {
        throw damaged(row.integer(0), error.what());
      }
    }
    return entries;
  }

private:
  static Failure damaged(std::int64_t position, const char* why) {
    return {errc::corrupted,
            "the file holds a record at position " + std::to_string(position) + ": " + why};
  }

  Connection& connection_;
};

/// Each change is a job of its own, and nobody waits for its end. Jobs that meet share a commit.
/// Their order is that of the queue, because one thread does all of them.
class QueueJournal final : public Engine,
                           public dual_write::Journal,
                           public std::enable_shared_from_this<QueueJournal> {
public:
  explicit QueueJournal(SqliteOptions options)
      : Engine(std::move(options), queue_schema(), Handles::one) {}

  awaitable<Entries> open() override { return open_and_read(shared_from_this()); }
  awaitable<void> close() override {
    try {
      open_database().submit(std::make_unique<Look>(shared_from_this()));
    } catch (...) { // NOLINT(bugprone-empty-catch): it is closed
    }
    return Engine::close(shared_from_this());
  }
  awaitable<void> written() override { return wait(shared_from_this()); }

  void add(const dual_write::Entry& entry, std::string others_text) noexcept override {
    submit(entry.id, entry.bytes,
           [kind = entry.kind, key = entry.key, created_at = entry.created_at,
            others = std::move(others_text)](QueueTable table, const std::string& id) {
             table.add(id, kind, key, created_at, others);
           });
  }

  void remove(const dual_write::Entry& entry) noexcept override {
    submit(entry.id, 0, [](QueueTable table, const std::string& id) { table.remove(id); });
  }

  void abandon() noexcept override {
    try {
      open_database().submit(std::make_unique<Shut>(shared_from_this()));
    } catch (...) { // NOLINT(bugprone-empty-catch): then its last owner closes it
    }
  }

  bool is_well() const noexcept override { return !has_failed_; }

  Lost take_lost() override {
    const std::lock_guard lock(mutex_);
    Lost lost;
    lost.is_all = is_gone_.exchange(false);
    for (const auto& [id, bytes] : missing_) {
      ++lost.records;
      lost.bytes += bytes;
    }
    missing_.clear();
    return lost;
  }

private:
  /// A job for the queue, which does not wait for the job.
  class OwnJob : public Job {
  public:
    OwnJob(Manner manner, std::shared_ptr<QueueJournal> journal)
        : Job(manner), journal_(std::move(journal)) {}
    bool is_wanted() const noexcept override { return true; }
    bool begin() const override { return true; }

  protected:
    const std::shared_ptr<QueueJournal> journal_;
  };

  template <class Work>
  class Change final : public OwnJob {
  public:
    Change(std::shared_ptr<QueueJournal> journal, std::string entry_id, std::uint64_t added_bytes,
           Work work)
        : OwnJob(Manner::shared(Manner::Time::max()), std::move(journal)),
          entry_id_(std::move(entry_id)), added_bytes_(added_bytes), work_(std::move(work)) {}
    void attempt(Patience&) override {
      work_(QueueTable(journal_->database().connection()), entry_id_);
    }
    void complete(std::exception_ptr error) const override {
      journal_->end_change(entry_id_, added_bytes_, error == nullptr);
    }

  private:
    std::string entry_id_;
    std::uint64_t added_bytes_;
    Work work_;
  };

  /// Whether the file that is about to be closed is the one that the next `open` reads. Its log is
  /// written into it when it is closed, wherever the log may be.
  class Look final : public OwnJob {
  public:
    explicit Look(std::shared_ptr<QueueJournal> journal)
        : OwnJob(Manner::alone(Manner::Time::max()), std::move(journal)) {}
    void attempt(Patience&) override {
      Database& database = journal_->database();
      if (database.is_open() && database.connection().has_moved()) {
        journal_->is_gone_ = true;
      }
    }
    void complete(std::exception_ptr) const override {}
  };

  class Shut final : public OwnJob {
  public:
    explicit Shut(std::shared_ptr<QueueJournal> journal)
        : OwnJob(Manner::alone(Manner::Time::max()), std::move(journal)) {}
    void attempt(Patience&) override { journal_->database().close_files(); }
    void complete(std::exception_ptr) const override {}
  };

  /// A caller that waits for the end of so many changes.
  class Waiting {
  public:
    std::uint64_t changes;
    std::shared_ptr<AwaitedCall> call;
  };

  class BeginToWait {
  public:
    template <class Handler>
    void operator()(Handler handler, QueueJournal* journal, std::exception_ptr* error) const {
      journal->add_waiting(AwaitedBy<Handler>::make(std::move(handler), error));
    }
  };

  static awaitable<Entries> open_and_read(std::shared_ptr<QueueJournal> self) {
    if (self->database().options().path == ":memory:") {
      throw StorageError(errc::invalid_argument, "initialize", "",
                         "a queue in memory would not outlive the process, :memory:");
    }
    static_cast<void>(co_await Engine::open(self));
    auto read = [](Connection& connection) { return QueueTable(connection).read(); };
    try {
      Database& database = self->open_database();
      Entries entries = co_await database.run(false, database.give_up_at(), std::move(read));
      self->has_failed_ = false;
      co_return entries;
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), "initialize", "", self->explain(failure), failure.cause());
    }
  }

  static awaitable<void> wait(std::shared_ptr<QueueJournal> self) {
    if (!self->is_here()) {
      co_return; // nobody works on what is begun, and the lock may be taken for ever
    }
    std::exception_ptr cancelled;
    auto* const cancelled_here = &cancelled;
    QueueJournal* const journal = self.get();
    auto waited = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        BeginToWait(), boost::asio::use_awaitable, journal, cancelled_here);
    co_await std::move(waited);
    if (cancelled) {
      std::rethrow_exception(cancelled);
    }
  }

  /// The work, on the table and the id, adds or removes this entry; what is removed has no bytes.
  template <class Work>
  void submit(const std::string& entry_id, std::uint64_t added_bytes, Work work) noexcept {
    try {
      auto job = std::make_unique<Change<Work>>(shared_from_this(), entry_id, added_bytes,
                                                std::move(work));
      Database& database = open_database();
      const std::lock_guard lock(mutex_);
      database.submit(std::move(job));
      ++begun_;
    } catch (...) {
      has_failed_ = true;
      const std::lock_guard lock(mutex_);
      note(entry_id, added_bytes, false);
    }
  }

  /// Notes what is missing in the file. Requires: `mutex_` is locked.
  void note(const std::string& entry_id, std::uint64_t added_bytes, bool is_done) noexcept {
    try {
      if (is_done || added_bytes == 0) {
        missing_.erase(entry_id);
      } else {
        missing_.emplace(entry_id, added_bytes);
      }
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): then it is not counted
    }
  }

  void add_waiting(std::shared_ptr<AwaitedCall> call) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_ < begun_) {
        waiting_.push_back(Waiting{begun_, std::move(call)});
        return;
      }
    }
    resume(*call);
  }

  void end_change(const std::string& entry_id, std::uint64_t added_bytes, bool is_done) {
    has_failed_ = !is_done;
    std::vector<std::shared_ptr<AwaitedCall>> done;
    {
      const std::lock_guard lock(mutex_);
      note(entry_id, added_bytes, is_done);
      ++ended_;
      while (!waiting_.empty() && waiting_.front().changes <= ended_) {
        done.push_back(std::move(waiting_.front().call));
        waiting_.pop_front();
      }
    }
    for (const auto& call : done) {
      resume(*call);
    }
  }

  static void resume(AwaitedCall& call) {
    if (call.begin()) {
      call.end(nullptr);
    }
  }

  std::atomic<bool> has_failed_ = false;
  std::atomic<bool> is_gone_ = false;
  std::mutex mutex_;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  std::deque<Waiting> waiting_;
  std::map<std::string, std::uint64_t> missing_; // entries that could not be added, and their bytes
};

/// The definition of what sqlite_queue.hpp declares.
template <class Made>
std::shared_ptr<dual_write::Journal> make_journal(SqliteOptions options) {
  return std::make_shared<Made>(std::move(options));
}

} // namespace agentstore::detail::sqlite

#endif
