// SPDX-License-Identifier: Apache-2.0
// Dual writes that wait, lose, repeat or miscount. What each does wrong stands in the table at the
// end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/conformance/mutation/building_blocks.hpp>
#include <agentstore/detail/dual_write/restored_entry.hpp>

#include <deque>

namespace agentstore::conformance {

namespace mutants::archiving {

using namespace std::chrono_literals;

DualWriteOptions options_of_mutants() {
  DualWriteOptions options;
  options.max_queued = 20;
  options.max_attempts = 10;
  options.first_pause = 20ms;
  options.longest_pause = 100ms;
  options.close_limit = 500ms;
  return options;
}

/// A dual write as it should be, in memory.
class InMemory : public DualWrite<MemoryBackend> {
public:
  explicit InMemory(MutantSpace& space) : InMemory(space, options_of_mutants()) {}

protected:
  InMemory(MutantSpace& space, DualWriteOptions options)
      : InMemory(space, std::move(options), space.switched_archive()) {}
  InMemory(MutantSpace& space, DualWriteOptions options, ArchiveForDualWrite archive)
      : DualWrite(space.executor(), space.memory(), std::move(archive), std::move(options)) {}
};

/// One that is told something wrong: `Change` is a function of the options.
template <void (*Change)(DualWriteOptions&)>
class WithOptions : public InMemory {
public:
  explicit WithOptions(MutantSpace& space) : InMemory(space, changed_options()) {}

private:
  static DualWriteOptions changed_options() {
    DualWriteOptions options = options_of_mutants();
    Change(options);
    return options;
  }
};

/// One that tells something wrong about its queue.
template <void (*Change)(ArchivingMetrics&)>
class WithMetrics : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<ArchivingMetrics> get_archiving_metrics() override {
    return changed(InMemory::get_archiving_metrics(), Change);
  }
};

// DUA-01

class DrainsAfterACheckpoint : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    const bool is_done = co_await InMemory::put_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
    static_cast<void>(co_await drain(1h));
    co_return is_done;
  }
};

class DrainsBeforeAMessage : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    static_cast<void>(co_await drain(1h));
    co_return co_await InMemory::add_conversation_message(std::move(session_id), std::move(role),
                                                          std::move(content), std::move(metadata));
  }
};

// DUA-02

/// Has a way of its own to the archive.
class AppendsItself : public InMemory {
public:
  explicit AppendsItself(MutantSpace& space) : AppendsItself(space, space.switched_archive()) {}

protected:
  IPermanentStorageBackend& archive() const { return *archive_; }

private:
  AppendsItself(MutantSpace& space, std::shared_ptr<SwitchedArchiveOnce> archive)
      : InMemory(space, options_of_mutants(), archive), archive_(std::move(archive)) {}

  std::shared_ptr<SwitchedArchiveOnce> archive_;
};

class ArchivesWhatIsRefused : public AppendsItself {
public:
  using AppendsItself::AppendsItself;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const bool is_done =
        co_await AppendsItself::add_conversation_message(session_id, role, content, metadata);
    if (!is_done) {
      static_cast<void>(co_await archive().append_conversation_message(
          std::move(session_id), std::move(role), std::move(content), std::move(metadata)));
    }
    co_return is_done;
  }
};

/// Has a way of its own to the hot store, past the queue.
class StoresItself : public InMemory {
public:
  explicit StoresItself(MutantSpace& space)
      : StoresItself(space, options_of_mutants(), space.memory()) {}

  awaitable<bool> initialize() override {
    static_cast<void>(co_await hot_->initialize());
    co_return co_await InMemory::initialize();
  }

protected:
  MemoryBackend& hot() const { return *hot_; }

private:
  StoresItself(MutantSpace& space, DualWriteOptions options, std::shared_ptr<MemoryBackend> hot)
      : InMemory(space, std::move(options)), hot_(std::move(hot)) {}

  std::shared_ptr<MemoryBackend> hot_;
};

class ForgetsContexts : public StoresItself {
public:
  using StoresItself::StoresItself;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return hot().store_task_context(std::move(session_id), std::move(context));
  }
};

class ForgetsStoredCheckpoints : public StoresItself {
public:
  using StoresItself::StoresItself;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return hot().store_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                                  std::move(metadata));
  }
};

class ForgetsDeletedSessions : public StoresItself {
public:
  using StoresItself::StoresItself;

  awaitable<bool> delete_session(std::string session_id) override {
    return hot().delete_session(std::move(session_id));
  }
};

class ForgetsCopies : public StoresItself {
public:
  using StoresItself::StoresItself;

  awaitable<bool> copy_thread(std::string source, std::string target) override {
    return hot().copy_thread(std::move(source), std::move(target));
  }
};

class ArchivesPruningOfNothing : public AppendsItself {
public:
  using AppendsItself::AppendsItself;

  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    const std::uint64_t removed = co_await AppendsItself::prune_thread(thread_id, keep);
    if (removed == 0) {
      static_cast<void>(
          co_await archive().append_session_event(std::move(thread_id), "-", "prune_thread", 0));
    }
    co_return removed;
  }
};

class ArchivesWhatFailed : public AppendsItself {
public:
  using AppendsItself::AppendsItself;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    std::exception_ptr error;
    try {
      co_return co_await AppendsItself::create_session(session_id, user_id, metadata);
    } catch (...) {
      error = std::current_exception();
    }
    static_cast<void>(co_await archive().append_session_event(
        std::move(session_id), std::move(user_id), "create_session", std::move(metadata)));
    std::rethrow_exception(error);
  }
};

/// Stands for a writer that makes something else of a record.
template <class Archive>
class Over : public InMemory {
public:
  explicit Over(MutantSpace& space)
      : InMemory(space, options_of_mutants(), std::make_shared<Archive>(space.switched_archive())) {
  }
};

/// A record that no archive gets.
inline awaitable<bool> nowhere() {
  co_return true;
}

/// `Change` is a function of what a message is made of; if it is false the message is lost.
template <bool (*Change)(std::string& role, std::string& content, Document& metadata)>
class ChangesMessages : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_conversation_message_once(std::string entry_id, std::string session_id,
                                                   std::string role, std::string content,
                                                   Document metadata,
                                                   std::optional<Timestamp> created_at) override {
    if (!Change(role, content, metadata)) {
      return nowhere();
    }
    return ForwardingArchiveOnce::append_conversation_message_once(
        std::move(entry_id), std::move(session_id), std::move(role), std::move(content),
        std::move(metadata), created_at);
  }
};

bool lose_tools(std::string& role, std::string&, Document&) {
  return role != "tool";
}
bool lose_empty_contents(std::string&, std::string& content, Document&) {
  return !content.empty();
}
bool cut_contents(std::string&, std::string& content, Document&) {
  content.resize(std::min<std::size_t>(content.size(), 65'535));
  return true;
}
bool lose_metadata(std::string&, std::string&, Document& metadata) {
  metadata = Document::object();
  return true;
}

bool lose_metadata_of_tools(std::string& role, std::string&, Document& metadata) {
  metadata = role == "tool" ? Document::object() : std::move(metadata);
  return true;
}

class LosesTheSameWritesAgain : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                                std::string checkpoint_id, std::string task_id,
                                                std::vector<ChannelWrite> writes,
                                                std::optional<Timestamp> created_at) override {
    const std::string text = json({checkpoint_id, task_id, writes}).dump();
    if (latest_.get(thread_id) == text) {
      return nowhere();
    }
    latest_.set(thread_id, text);
    return ForwardingArchiveOnce::append_checkpoint_writes_once(
        std::move(entry_id), std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
        std::move(writes), created_at);
  }

private:
  Kept<std::string> latest_;
};

class LosesTheSameAgain : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                                    Document context_data,
                                                    std::optional<Timestamp> created_at) override {
    const std::string text(context_data.text());
    if (latest_.get(session_id) == text) {
      return nowhere();
    }
    latest_.set(session_id, text);
    return ForwardingArchiveOnce::append_task_context_snapshot_once(
        std::move(entry_id), std::move(session_id), std::move(context_data), created_at);
  }

private:
  Kept<std::string> latest_;
};

class LosesNullCheckpoints : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata,
                                         std::optional<Timestamp> created_at) override {
    if (data.is_null()) {
      return nowhere();
    }
    return ForwardingArchiveOnce::append_checkpoint_once(std::move(entry_id), std::move(thread_id),
                                                         std::move(checkpoint_id), std::move(data),
                                                         std::move(metadata), created_at);
  }
};

class LosesSpecialChannels : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                                std::string checkpoint_id, std::string task_id,
                                                std::vector<ChannelWrite> writes,
                                                std::optional<Timestamp> created_at) override {
    std::erase_if(writes,
                  [](const ChannelWrite& write) { return write.channel.starts_with("__"); });
    return ForwardingArchiveOnce::append_checkpoint_writes_once(
        std::move(entry_id), std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
        std::move(writes), created_at);
  }
};

class ForgetsCleanUps : public StoresItself {
public:
  using StoresItself::StoresItself;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    return hot().cleanup_expired_sessions(max_idle);
  }
};

class ArchivesEachCleanedUp : public AppendsItself {
public:
  using AppendsItself::AppendsItself;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    const std::uint64_t removed = co_await AppendsItself::cleanup_expired_sessions(max_idle);
    for (std::uint64_t more = 1; more < removed; ++more) {
      static_cast<void>(co_await archive().append_session_event("cleanup_expired_sessions", "-",
                                                                "cleanup_expired_sessions", more));
    }
    co_return removed;
  }
};

/// `Change` is a function of what an event is made of.
template <void (*Change)(std::string& session_id, std::string& event_type)>
class ChangesEvents : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload,
                                            std::optional<Timestamp> created_at) override {
    Change(session_id, event_type);
    return ForwardingArchiveOnce::append_session_event_once(
        std::move(entry_id), std::move(session_id), std::move(user_id), std::move(event_type),
        std::move(payload), created_at);
  }
};

void name_clean_ups_otherwise(std::string&, std::string& event_type) {
  event_type = event_type == "cleanup_expired_sessions" ? "cleanup" : event_type;
}
void name_prunings_otherwise(std::string&, std::string& event_type) {
  event_type = event_type == "prune_thread" ? "delete_thread" : event_type;
}
void name_ends_otherwise(std::string&, std::string& event_type) {
  event_type = event_type == "end_session" ? "close_session" : event_type;
}
void name_updates_otherwise(std::string&, std::string& event_type) {
  event_type = event_type == "update_session" ? "session_updated" : event_type;
}
void file_copies_elsewhere(std::string& session_id, std::string& event_type) {
  session_id = event_type == "copy_thread" ? "copies" : session_id;
}
void file_clean_ups_elsewhere(std::string& session_id, std::string& event_type) {
  session_id = event_type == "cleanup_expired_sessions" ? "*" : session_id;
}

class FilesCopiesUnderTheirSource : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload,
                                            std::optional<Timestamp> created_at) override {
    if (event_type == "copy_thread") {
      session_id = payload.at("source").get<std::string>();
    }
    return ForwardingArchiveOnce::append_session_event_once(
        std::move(entry_id), std::move(session_id), std::move(user_id), std::move(event_type),
        std::move(payload), created_at);
  }
};

class ArchivesStoredTwice : public AppendsItself {
public:
  using AppendsItself::AppendsItself;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const bool is_done = co_await AppendsItself::end_session(session_id, std::move(status));
    if (is_done) {
      static_cast<void>(
          co_await archive().append_session_event(std::move(session_id), "-", "end_session", 1));
    }
    co_return is_done;
  }
};

// DUA-03 to DUA-05

void hold_more_than_told(DualWriteOptions& options) {
  options.max_queued = 1'000;
}
void tell_less_than_held(ArchivingMetrics& metrics) {
  metrics.max_queued = 5;
}
void tell_the_other_policy(ArchivingMetrics& metrics) {
  metrics.drops_oldest = !metrics.drops_oldest;
}
void forget_what_was_dropped(ArchivingMetrics& metrics) {
  metrics.accepted -= metrics.dropped;
  metrics.dropped = 0;
}

class HoldsMoreThanTold : public WithOptions<&hold_more_than_told> {
public:
  using WithOptions::WithOptions;

  awaitable<ArchivingMetrics> get_archiving_metrics() override {
    return changed(WithOptions::get_archiving_metrics(), &tell_less_than_held);
  }
};

void try_once(DualWriteOptions& options) {
  options.max_attempts = 1;
}
void pause_for_ever(DualWriteOptions& options) {
  options.first_pause = options.longest_pause = 24h;
}
void try_for_ever(DualWriteOptions& options) {
  options.max_attempts = std::numeric_limits<std::size_t>::max();
}
void take_dropped_for_archived(ArchivingMetrics& metrics) {
  metrics.archived += metrics.dropped;
  metrics.dropped = 0;
}

// DUA-06

void accept_when_archived(ArchivingMetrics& metrics) {
  metrics.accepted = metrics.archived;
}
void weigh_nothing(ArchivingMetrics& metrics) {
  metrics.queued_bytes = 0;
}
void count_all_attempts(ArchivingMetrics& metrics) {
  metrics.retried += metrics.archived;
}
void count_what_waits(ArchivingMetrics& metrics) {
  metrics.queued -= metrics.queued != 0 ? 1 : 0; // and not what is under way
}

// DUA-07

class IsAlwaysDrained : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<bool> drain(std::chrono::milliseconds limit) override {
    return changed(InMemory::drain(limit), [](bool& is_empty) { is_empty = true; });
  }
};

/// Takes the limit for one of 32 bits.
class DrainsFor32Bits : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<bool> drain(std::chrono::milliseconds limit) override {
    return InMemory::drain(std::chrono::milliseconds(static_cast<std::int32_t>(limit.count())));
  }
};

class GivesUpDraining : public InMemory {
public:
  using InMemory::InMemory;

  awaitable<bool> drain(std::chrono::milliseconds) override { return InMemory::drain(0ms); }
};

// DUA-08

void close_at_leisure(DualWriteOptions& options) {
  options.close_limit = 24h;
}
void close_at_once(DualWriteOptions& options) {
  options.close_limit = 0ms;
}

void take_dropped_for_kept(ArchivingMetrics& metrics) {
  metrics.is_durable = true;
}

// DUA-09

class HasNoEntryIds : public InMemory {
public:
  explicit HasNoEntryIds(MutantSpace& space)
      : InMemory(space, options_of_mutants(),
                 std::make_shared<ForwardingArchive>(space.switched_archive())) {}

  awaitable<ArchivingMetrics> get_archiving_metrics() override {
    return changed(InMemory::get_archiving_metrics(),
                   [](ArchivingMetrics& metrics) { metrics.repeats_safely = true; });
  }
};

/// Stands for a writer that makes an entry id for each attempt.
class FreshIds : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata,
                                         std::optional<Timestamp> created_at) override {
    return ForwardingArchiveOnce::append_checkpoint_once(
        entry_id + "/" + std::to_string(++attempts_), std::move(thread_id),
        std::move(checkpoint_id), std::move(data), std::move(metadata), created_at);
  }

private:
  std::atomic<int> attempts_ = 0;
};

// DUA-10

/// What a space keeps of a queue, for all its handles.
class KeptQueue {
public:
  std::mutex mutex;
  std::deque<agentstore::detail::dual_write::KeptEntry> entries;
};

/// A queue that outlives its store as it should, in memory.
class GoodJournal : public agentstore::detail::dual_write::Journal {
public:
  explicit GoodJournal(std::shared_ptr<KeptQueue> kept) : kept_(std::move(kept)) {}

  awaitable<Entries> open() override { co_return entries(); }
  awaitable<void> close() override { co_return; }
  void abandon() noexcept override {}
  void add(const agentstore::detail::dual_write::Entry& entry,
           std::string others) noexcept override {
    agentstore::detail::dual_write::KeptEntry kept;
    kept.id = entry.id;
    kept.kind = to_string(entry.kind);
    kept.key = entry.key;
    kept.created_at = entry.created_at;
    kept.others = Document(json::parse(others));
    const std::lock_guard lock(kept_->mutex);
    kept_->entries.push_back(std::move(kept));
  }
  void remove(const agentstore::detail::dual_write::Entry& entry) noexcept override {
    const std::lock_guard lock(kept_->mutex);
    std::erase_if(kept_->entries, [&](const auto& kept) { return kept.id == entry.id; });
  }
  awaitable<void> written() override { co_return; }
  bool is_well() const noexcept override { return true; }

protected:
  Entries entries() {
    const std::lock_guard lock(kept_->mutex);
    Entries entries;
    for (const auto& kept : kept_->entries) {
      entries.push_back(agentstore::detail::dual_write::restore(kept));
    }
    return entries;
  }
  void forget() {
    const std::lock_guard lock(kept_->mutex);
    kept_->entries.clear();
  }

private:
  std::shared_ptr<KeptQueue> kept_;
};

/// Keeps no records of one kind.
template <ArchiveKind kind>
class KeepsNone : public GoodJournal {
public:
  using GoodJournal::GoodJournal;

  void add(const agentstore::detail::dual_write::Entry& entry,
           std::string others) noexcept override {
    if (entry.kind != kind) {
      GoodJournal::add(entry, std::move(others));
    }
  }
};

template <class Journal>
class WithJournal : public InMemory {
public:
  explicit WithJournal(MutantSpace& space) : InMemory(space, options(space)) {}

private:
  static DualWriteOptions options(MutantSpace& space) {
    DualWriteOptions options = options_of_mutants();
    auto kept = space.shared<KeptQueue>();
    options.queue = DualWriteQueue([kept] { return std::make_shared<Journal>(kept); });
    return options;
  }
};

class ForgetsAtClose : public GoodJournal {
public:
  using GoodJournal::GoodJournal;

  awaitable<void> close() override {
    forget();
    co_return;
  }
};

class ForgetsWhenDestroyed : public GoodJournal {
public:
  using GoodJournal::GoodJournal;

  awaitable<Entries> open() override {
    is_open_ = true;
    return GoodJournal::open();
  }
  awaitable<void> close() override {
    is_open_ = false;
    return GoodJournal::close();
  }
  void abandon() noexcept override {
    if (is_open_) {
      forget();
    }
  }

private:
  bool is_open_ = false;
};

class GivesTheNewestFirst : public GoodJournal {
public:
  using GoodJournal::GoodJournal;

  awaitable<Entries> open() override {
    Entries all = entries();
    std::reverse(all.begin(), all.end());
    co_return all;
  }
};

} // namespace mutants::archiving

std::vector<Mutant> archiving_mutants() {
  using namespace mutants::archiving;
  constexpr std::string_view in_the_next_one = ", in the next one";
  return {
      mutant<DrainsAfterACheckpoint>("DUA-01", "drains_after_a_checkpoint",
                                     "put_checkpoint waits until the archive has the record",
                                     "an end of put_checkpoint"),
      mutant<DrainsBeforeAMessage>("DUA-01", "drains_before_a_message",
                                   "a message waits for the records before it",
                                   "an end of add_conversation_message"),
      mutant<ArchivesWhatIsRefused>("DUA-02", "archives_what_is_refused",
                                    "a message that was not stored is archived",
                                    "the messages that are archived"),
      mutant<ForgetsContexts>("DUA-02", "forgets_contexts", "task contexts are not archived",
                              "the contexts that are archived"),
      mutant<ArchivesStoredTwice>("DUA-02", "archives_ends_twice",
                                  "the end of a session leaves two records",
                                  "the events of a session"),
      mutant<ForgetsStoredCheckpoints>("DUA-02", "forgets_stored_checkpoints",
                                       "what store_checkpoint stores is not archived",
                                       "the records of store_checkpoint(data)"),
      mutant<ForgetsDeletedSessions>("DUA-02", "forgets_deleted_sessions",
                                     "the deletion of a session leaves no record",
                                     "records after delete_session("),
      mutant<ForgetsCopies>("DUA-02", "forgets_copies", "a copy of a thread leaves no record",
                            "records after copy_thread("),
      mutant<ArchivesPruningOfNothing>("DUA-02", "archives_pruning_of_nothing",
                                       "a pruning that removes nothing is archived",
                                       "records after prune_thread("),
      mutant<ArchivesWhatFailed>("DUA-02", "archives_what_failed",
                                 "a session whose creation threw is archived",
                                 "the events of a session"),
      mutant<ForgetsCleanUps>("DUA-02", "forgets_clean_ups", "a clean-up leaves no record",
                              "what was queued after a clean-up of several sessions"),
      mutant<ArchivesEachCleanedUp>("DUA-02", "archives_each_cleaned_up",
                                    "a clean-up leaves an event for each session",
                                    "events of the key \"cleanup_expired_sessions\""),
      mutant<Over<ChangesEvents<&name_clean_ups_otherwise>>>(
          "DUA-02", "names_clean_ups_otherwise", "the event of a clean-up has a type of its own",
          "the type of the latest event of the key \"cleanup_expired_sessions\""),
      mutant<Over<ChangesEvents<&name_prunings_otherwise>>>(
          "DUA-02", "names_prunings_otherwise", "a pruning is archived as a deletion",
          "the type of the latest event of the key \"prune_thread"),
      mutant<Over<ChangesEvents<&name_ends_otherwise>>>(
          "DUA-02", "names_ends_otherwise", "the end of a session is archived by another name",
          "the type of event 3 of a session"),
      mutant<Over<ChangesEvents<&name_updates_otherwise>>>("DUA-02", "names_updates_otherwise",
                                                           "an update is archived by another name",
                                                           "the type of event 2 of a session"),
      mutant<Over<FilesCopiesUnderTheirSource>>("DUA-02", "files_copies_under_their_source",
                                                "the event of a copy has its source's key",
                                                "event of the key \"copy_thread"),
      mutant<Over<ChangesEvents<&file_copies_elsewhere>>>(
          "DUA-02", "files_copies_elsewhere", "the event of a copy has another key",
          "the number of records after copy_thread"),
      mutant<Over<ChangesEvents<&file_clean_ups_elsewhere>>>(
          "DUA-02", "files_clean_ups_elsewhere", "the event of a clean-up has another key",
          "events of the key \"cleanup_expired_sessions\""),
      mutant<Over<ChangesMessages<&lose_tools>>>("DUA-02", "loses_tools",
                                                 "messages of the role tool are not archived",
                                                 "the records of add_conversation_message(role)"),
      mutant<Over<ChangesMessages<&lose_empty_contents>>>(
          "DUA-02", "loses_empty_contents", "messages without content are not archived",
          "the records of add_conversation_message(content)"),
      mutant<Over<ChangesMessages<&cut_contents>>>(
          "DUA-02", "cuts_contents", "of a content 65,535 bytes are archived",
          "the records of add_conversation_message(content)"),
      mutant<Over<ChangesMessages<&lose_metadata>>>(
          "DUA-02", "loses_metadata", "the metadata of messages are not archived",
          "the records of add_conversation_message(metadata)"),
      mutant<Over<LosesTheSameAgain>>("DUA-02", "loses_the_same_again",
                                      "a context that is the same again is not archived",
                                      "the records of store_task_context(context)"),
      mutant<Over<LosesTheSameWritesAgain>>("DUA-02", "loses_the_same_writes_again",
                                            "writes that are the same again are not archived",
                                            "the writes that are archived"),
      mutant<Over<ChangesMessages<&lose_metadata_of_tools>>>(
          "DUA-02", "loses_metadata_of_tools", "the metadata of tools' messages are not archived",
          "the records of add_conversation_message(role)"),
      mutant<Over<LosesNullCheckpoints>>("DUA-02", "loses_null_checkpoints",
                                         "checkpoints of null are not archived",
                                         "the records of store_checkpoint(data)"),
      mutant<Over<LosesSpecialChannels>>("DUA-02", "loses_special_channels",
                                         "writes to channels of LangGraph's own are not archived",
                                         "the writes that are archived"),
      mutant<HoldsMoreThanTold>("DUA-03", "holds_more_than_told",
                                "the queue grows beyond its bound", "at most 5 records"),
      mutant<WithMetrics<&tell_the_other_policy>>("DUA-03", "drops_the_others",
                                                  "the newest are dropped where it says the oldest",
                                                  "the records that were not dropped"),
      mutant<WithMetrics<&forget_what_was_dropped>>("DUA-03", "forgets_what_was_dropped",
                                                    "what is dropped is not counted",
                                                    "the number of records accepted"),
      mutant<WithOptions<&try_once>>("DUA-04", "tries_once", "an append that failed is given up",
                                     "the records after the archive failed"),
      mutant<WithOptions<&pause_for_ever>>("DUA-04", "pauses_for_ever",
                                           "an append that failed is not made again in time",
                                           "drain to be true"),
      mutant<WithOptions<&try_for_ever>>("DUA-05", "tries_for_ever_again",
                                         "a record that is refused stays in the queue",
                                         "a record that the archive keeps refusing"),
      mutant<WithMetrics<&take_dropped_for_archived>>(
          "DUA-05", "takes_dropped_for_archived", "a record that was given up counts as archived",
          "the number of records that were dropped"),
      mutant<WithMetrics<&accept_when_archived>>("DUA-06", "accepts_when_archived",
                                                 "a record is counted when the archive has it",
                                                 "archived and dropped and queued together"),
      mutant<WithMetrics<&count_what_waits>>("DUA-06", "counts_what_waits",
                                             "an append that is under way is counted nowhere",
                                             "archived and dropped and queued together"),
      mutant<WithMetrics<&count_all_attempts>>("DUA-06", "counts_all_attempts",
                                               "the first attempt counts as repeated",
                                               "attempts that were repeated, where none failed"),
      mutant<WithMetrics<&weigh_nothing>>("DUA-06", "weighs_nothing",
                                          "what is queued is not weighed",
                                          "what is queued to weigh something"),
      mutant<IsAlwaysDrained>("DUA-07", "is_always_drained", "drain is true at its limit",
                              "drain of a queue that is not empty"),
      mutant<DrainsFor32Bits>("DUA-07", "drains_for_32_bits",
                              "the greatest limit is taken for one in the past",
                              "drain with a limit far ahead"),
      mutant<GivesUpDraining>("DUA-07", "gives_up_draining", "drain does not wait",
                              "drain to wait for its limit"),
      mutant<WithOptions<&close_at_leisure>>("DUA-08", "closes_at_leisure",
                                             "close waits for an archive that hangs",
                                             "an end of close"),
      mutant<WithOptions<&close_at_once>>("DUA-08", "closes_at_once", "close drops what is queued",
                                          "the records after close"),
      mutant<WithMetrics<&take_dropped_for_kept>>("DUA-08", "says_that_it_keeps",
                                                  "close drops what it says that it keeps",
                                                  "what is queued after close"),
      mutant<HasNoEntryIds>("DUA-09", "has_no_entry_ids", "appends are repeated without an id",
                            "the records of appends that seemed to fail"),
      mutant<Over<FreshIds>>("DUA-09", "makes_ids_for_attempts",
                             "each attempt of an append has an entry id of its own",
                             "the records of appends that seemed to fail"),
      mutant<WithJournal<ForgetsAtClose>>("DUA-10", "forgets_its_queue_at_close",
                                          "a durable queue is emptied by close",
                                          "what was queued at close"),
      mutant<WithJournal<ForgetsWhenDestroyed>>(
          "DUA-10", "forgets_its_queue_when_destroyed",
          "a durable queue that is not closed goes with the store",
          "what was queued when the store was destroyed"),
      mutant<WithJournal<KeepsNone<ArchiveKind::session_event>>>(
          "DUA-10", "keeps_no_events", "a durable queue keeps no events", in_the_next_one),
      mutant<WithJournal<KeepsNone<ArchiveKind::conversation_message>>>(
          "DUA-10", "keeps_no_messages", "a durable queue keeps no messages", in_the_next_one),
      mutant<WithJournal<KeepsNone<ArchiveKind::checkpoint_writes>>>(
          "DUA-10", "keeps_no_writes", "a durable queue keeps no writes", in_the_next_one),
      mutant<WithJournal<KeepsNone<ArchiveKind::task_context_snapshot>>>(
          "DUA-10", "keeps_no_contexts", "a durable queue keeps no contexts", in_the_next_one),
      mutant<WithJournal<GivesTheNewestFirst>>("DUA-10", "gives_the_newest_first",
                                               "what was queued is archived in another order",
                                               "what was queued at close"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of dual writes kill their mutants") {
  agentstore::test::expect_killed(archiving_mutants(), archiving_rules());
}

TEST_CASE("each rule of dual writes has mutants to kill") {
  agentstore::test::expect_two_for_each(archiving_mutants(), archiving_rules());
}

TEST_CASE("the rules of dual writes hold for what the mutants are made of") {
  using namespace mutants::archiving; // with a durable queue, so that no rule is left out
  agentstore::test::expect_held_without_bug<WithJournal<GoodJournal>>(archiving_rules());
}
