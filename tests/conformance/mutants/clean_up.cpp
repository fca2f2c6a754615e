// SPDX-License-Identifier: Apache-2.0
// Stores that remove too much or too little, and stores that count wrongly. What each does wrong
// stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <limits>

namespace agentstore::conformance {

namespace mutants::clean_up {

using std::chrono::microseconds;

// CLN-01

/// Cleans up with another duration than it was told.
class CleansByOther : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    return ForwardingBackend::cleanup_expired_sessions(other(max_idle));
  }

private:
  virtual microseconds other(microseconds max_idle) const = 0;
};

class ExpiresTooLate : public CleansByOther {
public:
  using CleansByOther::CleansByOther;

private:
  microseconds other(microseconds max_idle) const override {
    const bool is_bound = max_idle <= microseconds(0) || max_idle == microseconds::max();
    return is_bound ? max_idle : max_idle + microseconds(1);
  }
};

class ExpiresBySeconds : public CleansByOther {
public:
  using CleansByOther::CleansByOther;

private:
  microseconds other(microseconds max_idle) const override {
    return max_idle > std::chrono::seconds(1) && max_idle < std::chrono::hours(1)
               ? max_idle - microseconds(999'999)
               : max_idle;
  }
};

/// Counts in 32 bits, of microseconds or of what they are divided by.
template <std::int64_t unit>
class ExpiresBy32Bits : public CleansByOther {
public:
  using CleansByOther::CleansByOther;

private:
  microseconds other(microseconds max_idle) const override {
    constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
    const bool is_bound = max_idle < microseconds(0) || max_idle == microseconds::max();
    return is_bound ? max_idle : microseconds((max_idle.count() / unit & most) * unit);
  }
};

class NegativeIsZero : public CleansByOther {
public:
  using CleansByOther::CleansByOther;

private:
  microseconds other(microseconds max_idle) const override {
    return max_idle == microseconds(-1) ? std::chrono::hours(24) : max_idle;
  }
};

class ZeroIsNever : public CleansByOther {
public:
  using CleansByOther::CleansByOther;

private:
  microseconds other(microseconds max_idle) const override {
    return max_idle == microseconds(0) ? microseconds::max() : max_idle;
  }
};

class CountsNoRemoval : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    return changed(ForwardingBackend::cleanup_expired_sessions(max_idle),
                   [](std::uint64_t& removed) { removed = 0; });
  }
};

class CountsActiveRemovals : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    const Metrics before = co_await get_metrics();
    static_cast<void>(co_await ForwardingBackend::cleanup_expired_sessions(max_idle));
    const Metrics after = co_await get_metrics();
    co_return before.active_sessions - after.active_sessions;
  }
};

class CountsMessagesToo : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    const Metrics before = co_await get_metrics();
    const std::uint64_t removed = co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
    const Metrics after = co_await get_metrics();
    co_return removed + before.total_messages - after.total_messages;
  }
};

class OverflowsDeadline : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// now - max_idle, before the beginning of time, taken for a time to come.
  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    return ForwardingBackend::cleanup_expired_sessions(
        max_idle == microseconds::max() ? microseconds(0) : max_idle);
  }
};

// CLN-02

/// A store whose clock can be turned back for a moment. Its calls do not suspend.
class OwnClock : public ForwardingBackend {
public:
  explicit OwnClock(MutantSpace& space) : OwnClock(space, std::make_shared<Turned>()) {}

protected:
  using Turned = std::atomic<Timestamp>;

  static constexpr Timestamp not_turned = Timestamp::max();

  void turn(Timestamp time) { *turned_ = time; }

private:
  OwnClock(MutantSpace& space, const std::shared_ptr<Turned>& turned)
      : ForwardingBackend(std::make_shared<MemoryBackend>(options(space, turned))),
        turned_(turned) {
    turn(not_turned);
  }

  /// The space goes with the harness, and the store with it.
  static MemoryOptions options(MutantSpace& space, const std::shared_ptr<Turned>& turned) {
    MemoryOptions options;
    options.clock = [&space, turned] {
      const Timestamp time = *turned;
      return time == not_turned ? space.now() : time;
    };
    return options;
  }

  std::shared_ptr<Turned> turned_;
};

class AppendIsNoActivity : public OwnClock {
public:
  using OwnClock::OwnClock;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    turn(Timestamp::min());
    const bool done = co_await OwnClock::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
    turn(not_turned);
    co_return done;
  }
};

class UpdateIsNoActivity : public OwnClock {
public:
  using OwnClock::OwnClock;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    turn(Timestamp::min());
    const bool done = co_await OwnClock::update_session(std::move(session_id), std::move(update));
    turn(not_turned);
    co_return done;
  }
};

class ReadIsActivity : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    static_cast<void>(co_await update_session(session_id, SessionUpdate()));
    co_return co_await ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }
};

class ExpiresByOtherClock : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// Its sessions are younger by a day for the server that removes them.
  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    return ForwardingBackend::cleanup_expired_sessions(
        max_idle > microseconds(0) ? max_idle + std::chrono::hours(1) : max_idle);
  }
};

// CLN-03

/// Keeps what is in a cache with a time to live.
class LivesFor {
public:
  LivesFor(MutantSpace& space, std::chrono::hours time) : space_(&space), time_(time) {}

  void begin(const std::string& key) { begun_.set(key, space_->now()); }
  bool is_over(const std::string& key) const {
    const std::optional<Timestamp> begun = begun_.get(key);
    return begun && space_->now() - *begun > time_;
  }

private:
  MutantSpace* space_;
  std::chrono::hours time_;
  Kept<Timestamp> begun_;
};

class ContextsExpire : public ForwardingBackend {
public:
  explicit ContextsExpire(MutantSpace& space)
      : ForwardingBackend(space.backend()), life_(space, std::chrono::hours(24 * 7)) {}

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    life_.begin(session_id);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    const bool is_over = life_.is_over(session_id);
    return changed(ForwardingBackend::get_task_context(std::move(session_id)),
                   [is_over](std::optional<Document>& context) {
                     context = is_over ? std::nullopt : context;
                   });
  }

private:
  LivesFor life_;
};

class WritesExpire : public ForwardingBackend {
public:
  explicit WritesExpire(MutantSpace& space)
      : ForwardingBackend(space.backend()), life_(space, std::chrono::hours(24 * 365)) {}

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    life_.begin(thread_id);
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const bool is_over = life_.is_over(thread_id);
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [is_over](std::vector<PendingWrite>& writes) {
                     if (is_over) {
                       writes.clear();
                     }
                   });
  }

private:
  LivesFor life_;
};

/// Has a row of a session for good, with the time at which it was made.
class KeepsBirthdays : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session session = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    births_.add(session_id, session.created_at);
    session.created_at = *births_.get(session_id);
    co_return session;
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<Timestamp> birth = births_.get(session_id);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [birth](std::optional<Session>& session) {
                     if (session && birth) {
                       session->created_at = *birth;
                     }
                   });
  }

private:
  Kept<Timestamp> births_;
};

/// Keeps threads, or the writes alone, under names that no session has.
class KeepsWritesApart : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return ForwardingBackend::put_writes("writes of " + thread_id, std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return ForwardingBackend::get_writes("writes of " + thread_id, std::move(checkpoint_id));
  }
};

class KeepsCheckpointsApart : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return ForwardingBackend::store_checkpoint("thread " + thread_id, std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingBackend::get_checkpoint("thread " + thread_id, std::move(checkpoint_id)),
        [thread_id](std::optional<Checkpoint>& found) {
          if (found) {
            found->thread_id = thread_id;
          }
        });
  }
};

/// Removes writes with their checkpoints only, and so not those that came before.
class KeepsEarlyWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    const auto known = co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    if (!known) {
      early_.set(thread_id + "\n" + checkpoint_id, true);
      thread_id = "early " + thread_id;
    }
    co_return co_await ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                                     std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (early_.has(thread_id + "\n" + checkpoint_id)) {
      thread_id = "early " + thread_id;
    }
    return ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> early_;
};

class KeepsContexts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    kept_.set(session_id, context);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (kept_.has(session_id)) {
      return answered(kept_.get(session_id));
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }

private:
  Kept<Document> kept_;
};

/// Knows the sessions, and which of them a clean-up has removed.
/// Remembers what it has read until that is written; a clean-up forgets nothing.
class RemembersHistories : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    read_.erase(session_id);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    auto found = read_.get(session_id);
    if (!found) {
      found = co_await ForwardingBackend::get_conversation_history(session_id, limit);
      read_.set(session_id, *found);
    }
    co_return *std::move(found);
  }

private:
  Kept<std::vector<Message>> read_;
};

class RemembersLatest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    read_.erase(thread_id);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    read_.erase(thread_id);
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id) {
      co_return co_await ForwardingBackend::get_checkpoint(std::move(thread_id),
                                                           std::move(checkpoint_id));
    }
    auto found = read_.get(thread_id);
    if (!found) {
      found = co_await ForwardingBackend::get_checkpoint(thread_id, std::nullopt);
      if (found) {
        read_.set(thread_id, *found);
      }
    }
    co_return found;
  }

private:
  Kept<Checkpoint> read_;
};

class KnowsRemoved : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    known_.set(session_id, true);
    co_return created;
  }
  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    const auto known = known_.all();
    for (const auto& [id, still] : known) {
      co_await before_removal(id);
    }
    const std::uint64_t count = co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
    for (const auto& [id, still] : known) {
      const auto left = co_await ForwardingBackend::get_session(id);
      if (!left) {
        known_.erase(id);
        removed_.set(id, true);
      }
    }
    co_return count;
  }

protected:
  virtual awaitable<void> before_removal(std::string) { co_return; }
  const Kept<bool>& known() const { return known_; }
  const Kept<bool>& removed() const { return removed_; }

private:
  Kept<bool> known_;
  Kept<bool> removed_;
};

class RemovesByPrefix : public KnowsRemoved {
public:
  using KnowsRemoved::KnowsRemoved;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    for (const auto& [id, is_removed] : removed().all()) {
      if (session_id.starts_with(id + ":")) {
        return answered(std::optional<Document>());
      }
    }
    return KnowsRemoved::get_task_context(std::move(session_id));
  }
};

class RemovesThreadsWithoutSession : public KnowsRemoved {
public:
  using KnowsRemoved::KnowsRemoved;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (!removed().all().empty() && !known().has(thread_id)) {
      return answered(std::optional<Checkpoint>());
    }
    return KnowsRemoved::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
};

class RemovedIdsAreTaken : public KnowsRemoved {
public:
  using KnowsRemoved::KnowsRemoved;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (removed().has(session_id)) {
      return refused<Session>(errc::already_exists, "create_session", session_id,
                              "it was there once");
    }
    return KnowsRemoved::create_session(std::move(session_id), std::move(user_id),
                                        std::move(metadata));
  }
};

class VersionGoesOn : public KnowsRemoved {
public:
  using KnowsRemoved::KnowsRemoved;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return changed(
        KnowsRemoved::create_session(session_id, std::move(user_id), std::move(metadata)),
        [again = removed().has(session_id)](Session& session) {
          session.version += again ? 5u : 0u;
        });
  }
};

class HistoryComesBack : public KnowsRemoved {
public:
  using KnowsRemoved::KnowsRemoved;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (removed().has(session_id) && known().has(session_id)) {
      return answered(old_.get(session_id).value_or(std::vector<Message>()));
    }
    return KnowsRemoved::get_conversation_history(std::move(session_id), limit);
  }

private:
  awaitable<void> before_removal(std::string id) override {
    old_.set(id, co_await KnowsRemoved::get_conversation_history(id, 1000));
  }

  Kept<std::vector<Message>> old_;
};

// CLN-04

class AppendOutlivesSession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const auto session = co_await get_session(session_id);
    if (!session || session->status != "active") {
      co_return false;
    }
    co_await step_aside(); // between the look at the session and the insert of the message
    const bool done = co_await ForwardingBackend::add_conversation_message(
        session_id, role, content, std::move(metadata));
    if (!done) {
      Message orphan;
      orphan.sequence = 1;
      orphan.role = std::move(role);
      orphan.content = std::move(content);
      orphans_.set(session_id, std::vector<Message>(1, orphan));
    }
    co_return true;
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (orphans_.has(session_id)) {
      return answered(*orphans_.get(session_id));
    }
    return ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }

private:
  Kept<std::vector<Message>> orphans_;
};

class ContextOutlivesSession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const auto session = co_await get_session(session_id);
    if (!session || session->status != "active") {
      co_return false;
    }
    co_await step_aside();
    const bool done = co_await ForwardingBackend::store_task_context(session_id, context);
    if (!done) {
      orphans_.set(session_id, std::move(context));
    }
    co_return true;
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (orphans_.has(session_id)) {
      return answered(orphans_.get(session_id));
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }

private:
  Kept<Document> orphans_;
};

class AppendRevivesSession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const auto session = co_await get_session(session_id);
    if (!session || session->status != "active") {
      co_return false;
    }
    co_await step_aside();
    const bool done =
        co_await ForwardingBackend::add_conversation_message(session_id, role, content, metadata);
    if (done) {
      co_return true;
    }
    try { // writes the record back as it was read, to move last_activity
      static_cast<void>(co_await create_session(session_id, session->user_id));
    } catch (const StorageError&) {
      co_return false;
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
};

// MET-01

class EndedAreActive : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [](Metrics& metrics) { metrics.active_sessions = metrics.total_sessions; });
  }
};

/// Counts the successful calls of this handle instead of what is stored.
class CountsCalls : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    ++checkpoints_;
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [this](Metrics& metrics) { metrics.total_checkpoints = checkpoints_; });
  }

private:
  std::atomic<std::uint64_t> checkpoints_ = 0;
};

class CountsMessagesSinceOpened : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    messages_ = 0;
    return ForwardingBackend::initialize();
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    return changed(ForwardingBackend::add_conversation_message(std::move(session_id),
                                                               std::move(role), std::move(content),
                                                               std::move(metadata)),
                   [this](bool& done) { messages_ += done ? 1u : 0u; });
  }
  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [this](Metrics& metrics) { metrics.total_messages = messages_; });
  }

private:
  std::atomic<std::uint64_t> messages_ = 0;
};

/// Counts the sessions of this handle.
class CountsOwnSessions : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(
        std::move(session_id), std::move(user_id), std::move(metadata));
    ++sessions_;
    co_return created;
  }
  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [this](Metrics& metrics) { metrics.total_sessions = sessions_; });
  }

private:
  std::atomic<std::uint64_t> sessions_ = 0;
};

/// Remembers the counts until this handle changes something.
class RemembersCounts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    counts_.erase("");
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    counts_.erase("");
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    counts_.erase("");
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
  awaitable<Metrics> get_metrics() override {
    if (!counts_.has("")) {
      const Metrics now = co_await ForwardingBackend::get_metrics();
      counts_.set("", now);
    }
    co_return *counts_.get("");
  }

private:
  Kept<Metrics> counts_;
};

class CountsEarlyWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// A row for the checkpoint to hang the writes on.
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    early_.set(thread_id + "\n" + checkpoint_id, true);
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [this](Metrics& metrics) { metrics.total_checkpoints += early_.all().size(); });
  }

private:
  Kept<bool> early_;
};

class CleanUpForgetsToCount : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(microseconds max_idle) override {
    const Metrics before = co_await ForwardingBackend::get_metrics();
    const std::uint64_t removed = co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
    const Metrics after = co_await ForwardingBackend::get_metrics();
    still_counted_ += before.total_messages - after.total_messages;
    co_return removed;
  }
  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [this](Metrics& metrics) { metrics.total_messages += still_counted_; });
  }

private:
  std::atomic<std::uint64_t> still_counted_ = 0;
};

/// Removes so many in one go, and does not go again.
template <std::uint64_t most>
class CleansAtMost : public KnowsSessions {
public:
  using KnowsSessions::KnowsSessions;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    const Metrics metrics = co_await ForwardingStore::get_metrics();
    if (metrics.total_sessions <= most || max_idle.count() != 0) {
      co_return co_await ForwardingStore::cleanup_expired_sessions(max_idle);
    }
    std::uint64_t removed = 0;
    for (const auto& [id, is_known] : known().all()) {
      if (removed == most) {
        break;
      }
      const bool is_removed = co_await ForwardingStore::delete_session(id);
      removed += is_removed ? 1u : 0u;
    }
    co_return removed;
  }
};

/// Whatever begins like "active" is.
class LooksActive : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (status.starts_with("active")) {
      ended_.set(session_id, true);
    }
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
  awaitable<Metrics> get_metrics() override {
    Metrics metrics = co_await ForwardingBackend::get_metrics();
    for (const auto& [id, ended] : ended_.all()) {
      const auto session = co_await ForwardingBackend::get_session(id);
      metrics.active_sessions += session ? 1u : 0u;
    }
    co_return metrics;
  }

private:
  Kept<bool> ended_;
};

} // namespace mutants::clean_up

std::vector<Mutant> clean_up_mutants() {
  using namespace mutants::clean_up;
  return {
      mutant<ExpiresTooLate>("CLN-01", "expires_too_late", "> where >= is meant",
                             "a clean-up at the boundary"),
      mutant<ExpiresBySeconds>("CLN-01", "expires_by_seconds", "idle is rounded up to seconds",
                               "a clean-up at the boundary"),
      mutant<ExpiresBy32Bits<1>>("CLN-01", "expires_by_32_bits",
                                 "microseconds are counted in 32 bits",
                                 "a clean-up of what is idle for"),
      mutant<ExpiresBy32Bits<1'000>>("CLN-01", "expires_by_32_bits_of_milliseconds",
                                     "milliseconds are counted in 32 bits",
                                     "a clean-up of what is idle for"),
      mutant<NegativeIsZero>("CLN-01", "negative_is_taken", "a negative duration is not refused",
                             "\"invalid argument\" from cleanup_expired_sessions"),
      mutant<ZeroIsNever>("CLN-01", "zero_is_never", "0 means that nothing ever expires",
                          "a clean-up of all to be 3"),
      mutant<CountsNoRemoval>("CLN-01", "counts_no_removal", "it removes, and says 0",
                              "a clean-up of all to be 3"),
      mutant<CountsActiveRemovals>("CLN-01", "counts_active_removals",
                                   "ended sessions are removed and not counted",
                                   "a clean-up of all to be 3"),
      mutant<CountsMessagesToo>("CLN-01", "counts_messages_too",
                                "rows of all tables are counted as sessions",
                                "a clean-up of all to be 3"),
      mutant<OverflowsDeadline>("CLN-01", "overflows_deadline",
                                "the time before which to remove overflows",
                                "a clean-up with the longest duration"),
      mutant<AppendIsNoActivity>("CLN-02", "append_keeps_nothing_alive",
                                 "a session that is only appended to expires",
                                 "a clean-up to be 3"),
      mutant<UpdateIsNoActivity>("CLN-02", "update_is_no_activity",
                                 "a session that is only updated expires", "a clean-up to be 3"),
      mutant<ReadIsActivity>("CLN-02", "read_is_activity", "reading a history keeps a session",
                             "a clean-up to be 3"),
      mutant<ExpiresByOtherClock>("CLN-02", "expires_by_other_clock",
                                  "the clock of clean-up is an hour behind that of the writes",
                                  "a clean-up to be 3"),
      mutant<KeepsWritesApart>("CLN-03", "keeps_writes", "pending writes outlive their session",
                               "the writes of it"),
      mutant<KeepsEarlyWrites>("CLN-03", "keeps_early_writes",
                               "writes without a checkpoint outlive their session",
                               "the writes of it that came before their checkpoint"),
      mutant<KeepsCheckpointsApart>("CLN-03", "keeps_checkpoints",
                                    "checkpoints outlive their session",
                                    "the latest of its thread"),
      mutant<KeepsContexts>("CLN-03", "keeps_contexts", "contexts outlive their session",
                            "the context of session"),
      mutant<RemembersHistories>("CLN-03", "remembers_histories",
                                 "a history that was read is still read after a clean-up",
                                 "the history of session"),
      mutant<RemembersLatest>("CLN-03", "remembers_latest",
                              "the latest of a thread is still read after a clean-up",
                              "the latest of its thread"),
      mutant<RemovesByPrefix>("CLN-03", "removes_by_prefix",
                              "the contexts of sessions whose id begins alike go too",
                              "the context of the session that stays"),
      mutant<RemovesThreadsWithoutSession>("CLN-03", "removes_threads_without_session",
                                           "a clean-up takes all threads that are no session's",
                                           "thread without a session"),
      mutant<RemovedIdsAreTaken>("CLN-03", "removed_ids_are_taken",
                                 "the id of a removed session stays taken", "it was there once"),
      mutant<ContextsExpire>("CLN-03", "contexts_expire", "a context lives for a week",
                             "192 hours later get_task_context"),
      mutant<WritesExpire>("CLN-03", "writes_expire", "pending writes live for a year",
                           "9600 hours later get_writes"),
      mutant<KeepsBirthdays>("CLN-03", "keeps_birthdays",
                             "a session that is made afresh has the created_at of before",
                             "created_at of the session made afresh"),
      mutant<VersionGoesOn>("CLN-03", "version_goes_on",
                            "a session made afresh goes on with the old version",
                            "the version of the session made afresh"),
      mutant<HistoryComesBack>("CLN-03", "history_comes_back",
                               "a session made afresh has the old messages",
                               "the history of the session made afresh"),
      mutant<AppendOutlivesSession>("CLN-04", "append_outlives_session",
                                    "a message is stored for a session that has just gone",
                                    "the history of a session that is gone"),
      mutant<ContextOutlivesSession>("CLN-04", "context_outlives_session",
                                     "a context is stored for a session that has just gone",
                                     "the context of a session that is gone"),
      mutant<AppendRevivesSession>("CLN-04", "append_revives_session",
                                   "an append brings back the session that has just gone, empty",
                                   "a session that was removed"),
      mutant<EndedAreActive>("MET-01", "ended_are_active", "ended sessions are counted as active",
                             "the counts after an end"),
      mutant<CountsCalls>("MET-01", "counts_calls", "a checkpoint stored again counts again",
                          "the counts after an end, and writes that add nothing"),
      mutant<CountsMessagesSinceOpened>("MET-01", "counts_since_opened",
                                        "a counter beside the data starts at 0 with each opening",
                                        "the counts after a reopen"),
      mutant<CountsOwnSessions>("MET-01", "counts_own_sessions",
                                "a handle counts the sessions that it created itself",
                                "the counts from a second handle"),
      mutant<RemembersCounts>("MET-01", "remembers_counts",
                              "the counts are cached until this handle writes",
                              "the counts after a create by the second handle"),
      mutant<CountsEarlyWrites>("MET-01", "counts_early_writes",
                                "a checkpoint that only has writes is counted",
                                "the counts after an end, and writes that add nothing"),
      mutant<CleanUpForgetsToCount>("MET-01", "clean_up_forgets_to_count",
                                    "the messages of removed sessions stay counted",
                                    "the counts after a clean-up of all"),
      mutant<CleansAtMost<1'000>>("CLN-01", "cleans_a_thousand",
                                  "a clean-up removes a thousand sessions at most",
                                  "a clean-up of many sessions"),
      mutant<CleansAtMost<100>>("CLN-01", "cleans_a_hundred",
                                "of more than a hundred sessions the others stay",
                                "a clean-up of many sessions"),
      mutant<LooksActive>("MET-01", "looks_active",
                          "a status that begins with \"active\" counts as active",
                          "after ends as what only looks active"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of clean up kill their mutants") {
  agentstore::test::expect_killed(clean_up_mutants(), clean_up_rules());
}

TEST_CASE("each rule of clean up has mutants to kill") {
  agentstore::test::expect_two_for_each(clean_up_mutants(), clean_up_rules());
}

TEST_CASE("the rules of clean up hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(clean_up_rules());
}
