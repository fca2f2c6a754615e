// SPDX-License-Identifier: Apache-2.0
// Stores whose bugs show in combinations of calls only, one after the other or at once. What each
// does wrong stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants::random {

// CNC-01

/// Reads, lets others in, and writes: of two updates in the window the later overwrites the other.
class LosesUpdates : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (!has_window()) {
      co_return co_await ForwardingBackend::update_session(std::move(session_id),
                                                           std::move(update));
    }
    const auto before = co_await get_session(session_id);
    co_await step_aside();
    const auto now = co_await get_session(session_id);
    const bool is_overwritten =
        before && now && before->version != now->version && now->status == "active";
    if (is_overwritten) {
      co_return true; // by one that has read what this one has read, and wrote after it
    }
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

private:
  virtual bool has_window() = 0;
};

class LosesAnyUpdate : public LosesUpdates {
public:
  using LosesUpdates::LosesUpdates;

private:
  bool has_window() override { return true; }
};

class LosesEveryFourthUpdate : public LosesUpdates {
public:
  explicit LosesEveryFourthUpdate(MutantSpace& space)
      : LosesUpdates(space.backend()), count_(space.shared<std::atomic<unsigned>>()) {}

private:
  bool has_window() override { return ++*count_ % 4 == 0; }

  std::shared_ptr<std::atomic<unsigned>> count_;
};

/// Counters and metadata are written by two statements, between which others read.
class ShowsHalfAnUpdate : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool done = co_await ForwardingBackend::update_session(session_id, only_counters(update));
    if (!done || !update.metadata_patch()) {
      co_return done;
    }
    co_await step_aside();
    SessionUpdate rest;
    rest.updates(*update.metadata_patch());
    static_cast<void>(
        co_await ForwardingBackend::update_session(std::move(session_id), std::move(rest)));
    co_return true;
  }
};

/// Reads from a copy that follows the store by one call.
class ReadsAFollower : public ForwardingBackend {
public:
  explicit ReadsAFollower(MutantSpace& space)
      : ForwardingBackend(space.backend()), follower_(space.shared<Kept<Session>>()) {}

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const auto before = co_await ForwardingBackend::get_session(session_id);
    const bool done = co_await ForwardingBackend::update_session(session_id, std::move(update));
    if (done && before && before->request_count > 2) {
      follower_->set(session_id, *before);
    }
    co_return done;
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<Session> old = follower_->get(session_id);
    if (old && follower_->erase(session_id)) {
      return answered(old);
    }
    return ForwardingBackend::get_session(std::move(session_id));
  }

private:
  std::shared_ptr<Kept<Session>> follower_;
};

/// Looks whether the session is active, and ends it in a further step.
class EndsTwiceAtOnce : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const auto session = co_await get_session(session_id);
    if (!session || session->status != "active") {
      co_return co_await ForwardingBackend::end_session(std::move(session_id), std::move(status));
    }
    co_await step_aside();
    static_cast<void>(
        co_await ForwardingBackend::end_session(std::move(session_id), std::move(status)));
    co_return true;
  }
};

/// Says that an update was done which came while the session was being ended.
class UpdatesWhileEnding : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const auto session = co_await get_session(session_id);
    co_await step_aside();
    const bool done =
        co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
    co_return done || (session && session->status == "active");
  }
};

/// An append that comes while another is written takes its place.
class LosesAppendsAtOnce : public ForwardingBackend {
public:
  explicit LosesAppendsAtOnce(MutantSpace& space)
      : ForwardingBackend(space.backend()), busy_(space.shared<Busy>()) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (!busy_->enter()) {
      co_await step_aside();
      const auto session = co_await get_session(session_id);
      co_return session && session->status == "active";
    }
    co_await step_aside();
    const bool done = co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
    busy_->leave();
    co_return done;
  }

private:
  std::shared_ptr<Busy> busy_;
};

/// While an append is written a reader does not see the newest message.
class HidesNewestMessage : public ForwardingBackend {
public:
  explicit HidesNewestMessage(MutantSpace& space)
      : ForwardingBackend(space.backend()), writing_(space.shared<std::atomic<int>>()) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    ++*writing_;
    co_await step_aside();
    const bool done = co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
    --*writing_;
    co_return done;
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    const bool hides = *writing_ > 1;
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [hides](std::vector<Message>& messages) {
                     if (hides && !messages.empty()) {
                       messages.pop_back();
                     }
                   });
  }

private:
  std::shared_ptr<std::atomic<int>> writing_;
};

// MDL-01

/// Counts what was done to a key.
class CountsByKey : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

protected:
  int count(const std::string& key) {
    const int next = counts_.get(key).value_or(0) + 1;
    counts_.set(key, next);
    return next;
  }

private:
  Kept<int> counts_;
};

class SecondContextIsLost : public CountsByKey {
public:
  using CountsByKey::CountsByKey;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const auto session = co_await get_session(session_id);
    if (session && session->status == "active" && count(session_id) % 2 == 0) {
      co_return true;
    }
    co_return co_await CountsByKey::store_task_context(std::move(session_id), std::move(context));
  }
};

/// The latest of a thread is remembered, and a store of an older id taken for the latest.
class LateRetryIsLatest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const bool done = co_await ForwardingBackend::store_checkpoint(
        thread_id, checkpoint_id, std::move(data), std::move(metadata));
    latest_.set(thread_id, checkpoint_id);
    co_return done;
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (!checkpoint_id) {
      checkpoint_id = latest_.get(thread_id);
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<std::string> latest_;
};

/// An error that is recorded for a task clears what it wrote before.
class ErrorClearsWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [](std::vector<PendingWrite>& writes) {
                     const bool has_failed =
                         std::any_of(writes.begin(), writes.end(),
                                     [](const PendingWrite& write) { return write.index == -1; });
                     if (has_failed) {
                       std::erase_if(writes,
                                     [](const PendingWrite& write) { return write.index > 0; });
                     }
                   });
  }
};

/// A page that is exactly full loses its oldest message.
class FullPageIsShort : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [limit](std::vector<Message>& messages) {
                     if (messages.size() == limit && limit > 1) {
                       messages.erase(messages.begin());
                     }
                   });
  }
};

/// The end of a session takes its pending writes with it.
class EndClearsWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const bool done = co_await ForwardingBackend::end_session(session_id, std::move(status));
    if (done) {
      ended_.set(session_id, true);
    }
    co_return done;
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (ended_.has(thread_id)) {
      return answered(std::vector<PendingWrite>());
    }
    return ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Kept<bool> ended_;
};

} // namespace mutants::random

std::vector<Mutant> random_mutants() {
  using namespace mutants::random;
  return {
      mutant<LosesAnyUpdate>("CNC-01", "loses_any_update",
                             "an update reads, lets others in, and writes", "none explains all"),
      mutant<LosesEveryFourthUpdate>("CNC-01", "loses_every_fourth_update",
                                     "the same on every fourth update only", "none explains all"),
      mutant<ShowsHalfAnUpdate>("CNC-01", "shows_half_an_update",
                                "a reader sees the counters without the metadata",
                                "none explains all"),
      mutant<ReadsAFollower>("CNC-01", "reads_a_follower", "a read may miss the latest update",
                             "none explains all"),
      mutant<EndsTwiceAtOnce>("CNC-01", "ends_twice_at_once", "two ends at once are both true",
                              "none explains all"),
      mutant<UpdatesWhileEnding>("CNC-01", "updates_while_ending",
                                 "an update that comes too late is true all the same",
                                 "none explains all"),
      mutant<LosesAppendsAtOnce>("CNC-01", "loses_appends_at_once",
                                 "of two appends at once one is lost", "conversation"),
      mutant<HidesNewestMessage>("CNC-01", "hides_newest_message",
                                 "a message that was there is not there for a while",
                                 "conversation"),
      mutant<SecondContextIsLost>("MDL-01", "second_context_is_lost",
                                  "each second store of a context does nothing",
                                  "from get_task_context"),
      mutant<LateRetryIsLatest>("MDL-01", "late_retry_is_latest",
                                "a checkpoint stored again becomes the latest",
                                "from get_checkpoint"),
      mutant<ErrorClearsWrites>("MDL-01", "error_clears_writes",
                                "an error hides what the task wrote before", "from get_writes"),
      mutant<FullPageIsShort>("MDL-01", "full_page_is_short",
                              "a page that is exactly full lacks its oldest message",
                              "from get_conversation_history"),
      mutant<EndClearsWrites>("MDL-01", "end_clears_writes",
                              "with a session end the pending writes of its thread",
                              "from get_writes"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

namespace {

/// Without CNC-02, whose mutants are in the table of sessions.
std::vector<Rule> rules() {
  std::vector<Rule> all = random_rules();
  std::erase_if(all, [](const Rule& rule) { return rule.id == "CNC-02"; });
  return all;
}

} // namespace

TEST_CASE("the rules of random calls kill their mutants, whatever the seed") {
  constexpr std::uint64_t seeds = 8;
  for (const Mutant& mutant : random_mutants()) {
    std::uint64_t killed = 0;
    std::string last;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      RunOptions options;
      options.seed = seed;
      const MutationResult result = run_mutant(mutant, rules(), options);
      killed += result.is_killed() ? 1u : 0u;
      last = result.is_killed() ? last : result.text();
    }
    INFO(mutant.name << " is killed with " << killed << " seeds of " << seeds << "; " << last);
    CHECK(killed >= seeds - 3);
  }
}

TEST_CASE("each rule of random calls has mutants to kill") {
  agentstore::test::expect_two_for_each(random_mutants(), rules());
}

TEST_CASE("the rules of random calls hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(rules());
}
