// SPDX-License-Identifier: Apache-2.0
// Stores that see too much, of other spaces, or too little, of other handles. What each does wrong
// stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants::sharing {

// SPC-01

/// Has the backends of all spaces at hand.
class KnowsAllSpaces : public ForwardingBackend {
public:
  explicit KnowsAllSpaces(MutantSpace& space)
      : ForwardingBackend(space.backend()), common_(space.common().backend()),
        spaces_(space.common().shared<Kept<std::shared_ptr<InnerBackend>>>()) {
    spaces_->set(space.name(), std::make_shared<InnerBackend>(inner()));
  }

  awaitable<bool> initialize() override {
    static_cast<void>(co_await common_.storage().initialize());
    co_return co_await ForwardingBackend::initialize();
  }

protected:
  /// A store of all spaces together.
  const InnerBackend& common() const { return common_; }
  std::vector<std::shared_ptr<InnerBackend>> all() const {
    std::vector<std::shared_ptr<InnerBackend>> result;
    for (const auto& [name, backend] : spaces_->all()) {
      result.push_back(backend);
    }
    return result;
  }

private:
  InnerBackend common_;
  std::shared_ptr<Kept<std::shared_ptr<InnerBackend>>> spaces_;
};

class WritesOfAllSpaces : public KnowsAllSpaces {
public:
  using KnowsAllSpaces::KnowsAllSpaces;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return common().checkpointer().put_writes(std::move(thread_id), std::move(checkpoint_id),
                                              std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return common().checkpointer().get_writes(std::move(thread_id), std::move(checkpoint_id));
  }
};

class CountsAllSpaces : public KnowsAllSpaces {
public:
  using KnowsAllSpaces::KnowsAllSpaces;

  awaitable<Metrics> get_metrics() override {
    Metrics sum;
    for (const auto& space : all()) {
      static_cast<void>(co_await space->storage().initialize());
      const Metrics metrics = co_await space->storage().get_metrics();
      sum.total_sessions += metrics.total_sessions;
      sum.active_sessions += metrics.active_sessions;
      sum.total_messages += metrics.total_messages;
      sum.total_checkpoints += metrics.total_checkpoints;
    }
    co_return sum;
  }
};

class CleansAllSpaces : public KnowsAllSpaces {
public:
  using KnowsAllSpaces::KnowsAllSpaces;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    for (const auto& space : all()) {
      static_cast<void>(co_await space->storage().initialize());
      static_cast<void>(co_await space->storage().cleanup_expired_sessions(max_idle));
    }
    co_return 0;
  }
};

/// The first to create a session anywhere owns its id.
class IdsAreUniqueOverSpaces : public KnowsAllSpaces {
public:
  using KnowsAllSpaces::KnowsAllSpaces;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    static_cast<void>(co_await common().storage().create_session(session_id, user_id));
    co_return co_await KnowsAllSpaces::create_session(std::move(session_id), std::move(user_id),
                                                      std::move(metadata));
  }
};

class ArchiveOfAllSpaces : public ForwardingArchive {
public:
  explicit ArchiveOfAllSpaces(MutantSpace& space) : ForwardingArchive(space.common().archive()) {}
};

// TWO-01

/// Remembers what this handle has read until this handle writes it.
class RemembersSessions : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    read_.erase(session_id);
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    read_.erase(session_id);
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    read_.erase(session_id);
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    if (!read_.has(session_id)) {
      auto found = co_await ForwardingBackend::get_session(session_id);
      if (!found) {
        co_return std::nullopt;
      }
      read_.set(session_id, *std::move(found));
    }
    co_return read_.get(session_id);
  }

private:
  Kept<Session> read_;
};

class RemembersAbsence : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    absent_.erase(session_id);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (absent_.has(session_id)) {
      co_return std::nullopt;
    }
    auto found = co_await ForwardingBackend::get_task_context(session_id);
    if (!found) {
      absent_.set(session_id, true);
    }
    co_return found;
  }

private:
  Kept<bool> absent_;
};

class RemembersEnds : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// Updates of a session that this handle believes to be active are said to be done.
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool done = co_await ForwardingBackend::update_session(session_id, std::move(update));
    if (done) {
      active_.set(session_id, true);
    }
    co_return done || active_.has(session_id);
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    active_.erase(session_id);
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }

private:
  Kept<bool> active_;
};

/// Each handle counts requests for itself, from what it has read first.
class CountsRequestsByHandle : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const std::uint64_t requests = requests_.get(session_id).value_or(0);
    requests_.set(session_id, requests + (update.counts_request() ? 1u : 0u));
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::uint64_t requests = requests_.get(session_id).value_or(0);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [requests](std::optional<Session>& session) {
                     if (session) {
                       session->request_count = std::min(session->request_count, requests);
                     }
                   });
  }

private:
  Kept<std::uint64_t> requests_;
};

/// Buffers what it stores, and reads its own buffer; others see it with the next store.
class BuffersCheckpoints : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    co_await flush();
    Checkpoint& checkpoint = buffer_.emplace();
    checkpoint.thread_id = std::move(thread_id);
    checkpoint.checkpoint_id = std::move(checkpoint_id);
    checkpoint.data = std::move(data);
    checkpoint.metadata = std::move(metadata);
    co_return true;
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (buffer_ && buffer_->thread_id == thread_id) {
      return answered(buffer_);
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
  awaitable<void> close() override {
    co_await flush();
    co_await ForwardingBackend::close();
  }

private:
  awaitable<void> flush() {
    if (const auto last = std::exchange(buffer_, std::nullopt)) {
      static_cast<void>(co_await ForwardingBackend::put_checkpoint(
          last->thread_id, last->checkpoint_id, last->data, last->metadata));
    }
  }

  std::optional<Checkpoint> buffer_;
};

/// A pool of connections for all handles, which the first close shuts.
class ClosesForAll : public ForwardingBackend {
public:
  explicit ClosesForAll(MutantSpace& space)
      : ForwardingBackend(space.backend()), is_open_(space.shared<std::atomic<bool>>()) {}

  awaitable<bool> initialize() override {
    *is_open_ = true;
    return ForwardingBackend::initialize();
  }
  awaitable<void> close() override {
    *is_open_ = false;
    return ForwardingBackend::close();
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    if (!*is_open_) {
      return refused<std::optional<Session>>(errc::closed, "get_session", session_id,
                                             "the pool was shut by another handle");
    }
    return ForwardingBackend::get_session(std::move(session_id));
  }

private:
  std::shared_ptr<std::atomic<bool>> is_open_;
};

/// Keeps what was archived in the handle until it is closed.
class ArchivesAtClose : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_session(std::string session_key, Document session_data,
                                              std::optional<Timestamp> created_at) override {
    waiting_.emplace_back(std::move(session_key), std::move(session_data), created_at);
    co_return true;
  }
  awaitable<void> close() override {
    for (const Entry& entry : std::exchange(waiting_, std::vector<Entry>())) {
      const auto& [key, data, at] = entry;
      static_cast<void>(co_await ForwardingArchive::append_conversation_session(key, data, at));
    }
    co_await ForwardingArchive::close();
  }

private:
  using Entry = std::tuple<std::string, json, std::optional<Timestamp>>;

  std::vector<Entry> waiting_;
};

// DUR-01

/// Writes contexts out when it is closed, or not at all.
class KeepsContextsInMemory : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    contexts_.set(session_id, context);
    co_return true;
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (contexts_.has(session_id)) {
      return answered(contexts_.get(session_id));
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }
  awaitable<void> close() override {
    for (const auto& [id, context] : contexts_.all()) {
      static_cast<void>(co_await ForwardingBackend::store_task_context(id, context));
    }
    co_await ForwardingBackend::close();
  }

private:
  Kept<Document> contexts_;
};

/// Does not write down which id was first stored last.
class ForgetsOrderOfCheckpoints : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    ours_.set(thread_id, true);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    ours_.set(thread_id, true);
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    const bool known = ours_.has(thread_id);
    return changed(ForwardingBackend::list_checkpoints(std::move(thread_id), limit),
                   [known](std::vector<Checkpoint>& list) {
                     if (!known) {
                       std::reverse(list.begin(), list.end());
                     }
                   });
  }

private:
  Kept<bool> ours_;
};

/// Sets the version back to what a count of the messages would give.
class ForgetsVersions : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    ours_.set(session_id, true);
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const bool known = ours_.has(session_id);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [known](std::optional<Session>& session) {
                     if (session && !known) {
                       session->version = 1;
                     }
                   });
  }

private:
  Kept<bool> ours_;
};

/// An archive that is written out by close, and only then; gone with the handle otherwise.
class ArchivesInMemory : public ForwardingArchive {
public:
  explicit ArchivesInMemory(MutantSpace&) : ForwardingArchive(std::make_shared<MemoryArchive>()) {}
};

// What differs by little, and what comes late

/// Joins the name of the space and the id.
class JoinsSpaceAndSession : public ForwardingBackend {
public:
  explicit JoinsSpaceAndSession(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space.name()),
        contexts_(space.common().shared<Kept<Document>>()) {}

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const bool done = co_await ForwardingBackend::store_task_context(session_id, context);
    if (done) {
      contexts_->set(space_ + session_id, std::move(context));
    }
    co_return done;
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    static_cast<void>(co_await ForwardingBackend::get_task_context(session_id));
    co_return contexts_->get(space_ + session_id);
  }

private:
  std::string space_;
  std::shared_ptr<Kept<Document>> contexts_;
};

/// Finds what is of a space by the beginning of a key: what is of longer names, too.
class CleansLongerNames : public ForwardingBackend {
public:
  explicit CleansLongerNames(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space.name()),
        handles_(space.common().shared<Kept<CleansLongerNames*>>()) {
    handles_->set(space_, this);
  }
  CleansLongerNames(const CleansLongerNames&) = delete;
  CleansLongerNames& operator=(const CleansLongerNames&) = delete;
  ~CleansLongerNames() override { handles_->erase(space_); }

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    const std::uint64_t removed = co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
    for (const auto& [name, other] : handles_->all()) {
      if (name != space_ && name.starts_with(space_)) {
        static_cast<void>(co_await other->ForwardingBackend::cleanup_expired_sessions(max_idle));
      }
    }
    co_return removed;
  }

private:
  std::string space_;
  std::shared_ptr<Kept<CleansLongerNames*>> handles_;
};

/// Remembers what it has found, but not that there was nothing.
class RemembersContextsFound : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    found_.erase(session_id);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    auto context = co_await ForwardingBackend::get_task_context(session_id);
    if (context && !found_.add(session_id, *context)) {
      co_return found_.get(session_id);
    }
    co_return context;
  }

private:
  Kept<Document> found_;
};

/// Reads a hundred contexts when it is opened.
class OpensAHundred : public ForwardingBackend {
public:
  explicit OpensAHundred(MutantSpace& space)
      : ForwardingBackend(space.backend()), stored_(space.shared<Kept<std::size_t>>()),
        there_(stored_->all().size()) {}

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const bool done =
        co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    if (done) {
      stored_->add(session_id, stored_->all().size());
    }
    co_return done;
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    const std::size_t number = stored_->get(session_id).value_or(0);
    if (number >= 100 && number < there_) {
      co_return std::nullopt;
    }
    co_return co_await ForwardingBackend::get_task_context(std::move(session_id));
  }

private:
  std::shared_ptr<Kept<std::size_t>> stored_;
  std::size_t there_;
};

} // namespace mutants::sharing

std::vector<Mutant> sharing_mutants() {
  using namespace mutants::sharing;
  return {
      mutant<WritesOfAllSpaces>("SPC-01", "writes_of_all_spaces",
                                "pending writes are kept without their space",
                                "put_writes(value): what the other space sees"),
      mutant<CountsAllSpaces>("SPC-01", "counts_all_spaces", "the metrics are those of all spaces",
                              "the counts of one space after writes to the other"),
      mutant<CleansAllSpaces>("SPC-01", "cleans_all_spaces", "a clean-up is one of all spaces",
                              "the counts of one space after a clean-up of the other"),
      mutant<IdsAreUniqueOverSpaces>("SPC-01", "ids_unique_over_spaces",
                                     "an id that is taken in one space is taken in all",
                                     "already exists"),
      mutant<ArchiveOfAllSpaces>("SPC-01", "archive_of_all_spaces", "all spaces share one archive",
                                 "what the other space sees"),
      mutant<RemembersSessions>("TWO-01", "remembers_sessions",
                                "each handle caches the sessions that it has read",
                                "update_session(updates): what the other handle sees"),
      mutant<RemembersAbsence>("TWO-01", "remembers_no_context",
                               "each handle caches that there is no context",
                               "store_task_context(context): what the other handle sees"),
      mutant<RemembersEnds>("TWO-01", "remembers_ends",
                            "a handle does not notice that another has ended a session",
                            "an update by the other handle of a session that has ended"),
      mutant<CountsRequestsByHandle>("TWO-01", "counts_requests_by_handle",
                                     "each handle counts requests for itself",
                                     "request_count after updates by both handles"),
      mutant<BuffersCheckpoints>("TWO-01", "buffers_checkpoints",
                                 "a checkpoint is seen by others one write later",
                                 "put_checkpoint(data): what the other handle sees"),
      mutant<ClosesForAll>("TWO-01", "closes_for_all", "the first close closes all handles",
                           "the pool was shut by another handle"),
      mutant<ArchivesAtClose>("TWO-01", "archives_at_close",
                              "records are written out by close, and seen only then",
                              "what the other handle sees"),
      mutant<KeepsContextsInMemory>("DUR-01", "contexts_by_close",
                                    "contexts are written by close, and lost without it",
                                    "a task context after a reopen"),
      mutant<ForgetsOrderOfCheckpoints>("DUR-01", "forgets_order",
                                        "the order of checkpoints is known to the handle only",
                                        "checkpoints after a reopen"),
      mutant<ForgetsVersions>("DUR-01", "forgets_versions", "versions are known to the handle only",
                              "after a reopen"),
      mutant<ArchivesInMemory>("DUR-01", "archives_in_memory", "an archive goes with its handle",
                               "archive records after a reopen"),
      mutant<JoinsSpaceAndSession>("SPC-01", "joins_space_and_session",
                                   "a name and an id are joined without anything between",
                                   "what the other space sees under a part of an id"),
      mutant<CleansLongerNames>("SPC-01", "cleans_longer_names",
                                "a clean-up reaches the spaces whose names begin with its own",
                                "the counts of one space after a clean-up of the other"),
      mutant<RemembersContextsFound>("TWO-01", "remembers_contexts_found",
                                     "a context that a handle has read is never read again",
                                     "what the other handle sees after a second write"),
      mutant<OpensAHundred>("DUR-01", "opens_a_hundred",
                            "of more than a hundred contexts the others are lost", "one of many,"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

namespace {

/// Without DUR-02 and TWO-02, whose mutants are files that several processes work on.
std::vector<Rule> rules() {
  std::vector<Rule> all = sharing_rules();
  std::erase_if(all, [](const Rule& rule) { return rule.id == "TWO-02"; });
  for (const Rule& rule : durability_rules()) {
    if (rule.id == "DUR-01") {
      all.push_back(rule);
    }
  }
  return all;
}

} // namespace

TEST_CASE("the rules of sharing kill their mutants") {
  agentstore::test::expect_killed(sharing_mutants(), rules());
}

TEST_CASE("each rule of sharing has mutants to kill") {
  agentstore::test::expect_two_for_each(sharing_mutants(), rules());
}

TEST_CASE("the rules of sharing hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(rules());
}
