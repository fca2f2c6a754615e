// SPDX-License-Identifier: Apache-2.0
// Stores that are harmed by a cancellation. What each does wrong stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

namespace agentstore::conformance {

namespace mutants::cancellation {

/// A round trip, and whether it was cancelled.
inline awaitable<bool> is_cancelled_in_round_trip() {
  try {
    co_await round_trip();
    co_return false;
  } catch (const boost::system::system_error&) {
    co_return true;
  }
}

/// From here on a cancellation changes nothing.
inline awaitable<void> shield() {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await boost::asio::this_coro::throw_if_cancelled(false);
}

// CAN-01

/// Waits for an answer that nobody will send.
inline awaitable<void> wait_for_ever() {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::hours(24));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

class CancelledStoreHangs : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_await wait_for_ever();
    }
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id),
                                                             std::move(context));
  }
};

class CancelledReadHangs : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_await wait_for_ever();
    }
    co_return co_await ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }
};

class CancelledReadFindsNothing : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_return std::nullopt;
    }
    co_return co_await ForwardingBackend::get_session(std::move(session_id));
  }
};

class CancelledArchiveHangs : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       std::optional<Timestamp> created_at) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_await wait_for_ever();
    }
    co_return co_await ForwardingArchive::append_session_event(
        std::move(session_id), std::move(user_id), std::move(event_type), std::move(payload),
        created_at);
  }
};

// CAN-02

class CancelledHalfway : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// One write after the other, where the index tells the place.
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::vector<ChannelWrite> first = writes;
    first.resize(writes.size() / 2);
    static_cast<void>(
        co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id, first));
    co_await round_trip();
    co_return co_await ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                                     std::move(task_id), std::move(writes));
  }
};

class CancelledBetweenTables : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// Counters first, then the metadata.
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool done = co_await ForwardingBackend::update_session(session_id, only_counters(update));
    if (!done || !update.metadata_patch()) {
      co_return done;
    }
    co_await round_trip();
    SessionUpdate rest;
    rest.updates(*update.metadata_patch());
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(rest));
  }
};

class CancelledReplacement : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// Takes the old context away before the new one comes.
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const bool there = co_await ForwardingBackend::store_task_context(session_id, json());
    if (!there) {
      co_return false;
    }
    co_await round_trip();
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id),
                                                             std::move(context));
  }
};

/// What a write needs that goes on after the call has ended: all of it by value, and the object.
template <class Call>
awaitable<void> later(Call call, std::chrono::microseconds delay) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, delay);
  co_await timer.async_wait(boost::asio::use_awaitable);
  static_cast<void>(co_await std::move(call));
}

class AppliedAfterTheEnd : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  /// The request has been sent, and the caller is told before its answer.
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    auto call = ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (!is_cancelled) {
      co_return co_await std::move(call);
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    auto rest = later(std::move(call), std::chrono::milliseconds(10));
    boost::asio::co_spawn(executor, std::move(rest), boost::asio::detached);
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
};

class CancelledAndTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_return true;
    }
    co_return co_await ForwardingBackend::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
};

class CancelledAndFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (is_cancelled) {
      co_return false;
    }
    co_return co_await ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
};

/// Appends once more, as it does where an answer is lost.
class CancelledTwice : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, Document metadata,
                                              std::optional<Timestamp> created_at) override {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool done = co_await ForwardingArchive::append_conversation_message(
        session_id, role, content, metadata, created_at);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (!is_cancelled) {
      co_return done;
    }
    co_await shield();
    co_return co_await ForwardingArchive::append_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata),
        created_at);
  }
};

// CAN-03

/// Waits its turn, one call at a time; a cancelled one never gives it back.
class LeaksItsLock : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    while (!busy_.enter()) {
      co_await round_trip();
    }
    co_await round_trip();
    const bool done =
        co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
    busy_.leave();
    co_return done;
  }

private:
  Busy busy_;
};

/// Two connections, of which a cancelled read keeps one.
class LeaksConnections : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (in_use_ == 2) {
      throw StorageError(errc::unavailable, "get_writes", thread_id, "no connection is free");
    }
    ++in_use_;
    co_await round_trip();
    auto writes =
        co_await ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id));
    --in_use_;
    co_return writes;
  }

private:
  std::atomic<int> in_use_ = 0;
};

/// The answer to a cancelled call is taken for that to the next.
class AnswersGetOutOfStep : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (is_left_.exchange(false)) {
      throw StorageError(errc::unavailable, "put_checkpoint", thread_id,
                         "an answer to another question");
    }
    is_left_ = true;
    co_await round_trip();
    is_left_ = false;
    co_return co_await ForwardingBackend::put_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }

private:
  std::atomic<bool> is_left_ = false;
};

/// A transaction that is left open swallows the next write.
class SwallowsTheNext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (is_left_open_.exchange(false)) {
      co_return true;
    }
    is_left_open_ = true;
    co_await round_trip();
    is_left_open_ = false;
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id),
                                                             std::move(context));
  }

private:
  std::atomic<bool> is_left_open_ = false;
};

// Of what is no record, and of calls beside each other

class CancelledCleanUpStopsHalfway : public KnowsSessions {
public:
  using KnowsSessions::KnowsSessions;

  /// Threads first, then all the rest.
  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    if (max_idle.count() == 0) {
      co_await remove_threads();
    }
    co_await round_trip();
    co_return co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
  }
};

class CleansUpAfterTheEnd : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    auto call = ForwardingBackend::cleanup_expired_sessions(max_idle);
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    if (!is_cancelled) {
      co_return co_await std::move(call);
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    auto rest = later(std::move(call), std::chrono::milliseconds(5));
    boost::asio::co_spawn(executor, std::move(rest), boost::asio::detached);
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
};

/// One update at a time. A turn that comes to one who was cancelled while it waited is lost.
class TurnGoesToTheCancelled : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto mine = std::make_shared<boost::asio::steady_timer>(executor, std::chrono::hours(1));
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    if (!begin(mine)) {
      static_cast<void>(co_await is_over(mine));
      const auto state = co_await boost::asio::this_coro::cancellation_state;
      if (state.cancelled() != boost::asio::cancellation_type::none) {
        throw boost::system::system_error(boost::asio::error::operation_aborted);
      }
    }
    co_await shield();
    co_await round_trip();
    std::exception_ptr error;
    bool done = false;
    try {
      done = co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
    } catch (...) {
      error = std::current_exception();
    }
    end();
    if (error) {
      std::rethrow_exception(error);
    }
    co_return done;
  }

private:
  using Turn = std::shared_ptr<boost::asio::steady_timer>;

  static awaitable<bool> is_over(Turn turn) {
    try {
      co_await turn->async_wait(boost::asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      co_return true; // called, or cancelled
    }
    co_return false;
  }
  bool begin(Turn mine) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(is_taken_, true)) {
      return true;
    }
    waiting_.push_back(std::move(mine));
    return false;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    is_taken_ = !waiting_.empty();
    if (is_taken_) {
      waiting_.front()->cancel();
      waiting_.erase(waiting_.begin());
    }
  }

  std::mutex mutex_;
  bool is_taken_ = false;
  std::vector<Turn> waiting_;
};

/// Appends that come together are one transaction.
class AbortsTheGroup : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    ++members_;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const bool is_cancelled = co_await is_cancelled_in_round_trip();
    const bool is_alone = --members_ == 0;
    if (is_cancelled) {
      is_aborted_ = !is_alone;
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    }
    if (is_aborted_.exchange(false)) {
      throw StorageError(errc::unavailable, "add_conversation_message", session_id,
                         "the group was aborted");
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }

private:
  std::atomic<int> members_ = 0;
  std::atomic<bool> is_aborted_ = false;
};

class StaysHalfClosed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<void> close() override {
    is_closing_ = true;
    co_await round_trip();
    is_closing_ = false;
    co_await ForwardingBackend::close();
  }
  awaitable<bool> initialize() override {
    if (is_closing_) {
      throw StorageError(errc::unavailable, "initialize", "", "half closed");
    }
    co_return co_await ForwardingBackend::initialize();
  }

private:
  std::atomic<bool> is_closing_ = false;
};

/// Twenty connections, of which a cancelled read keeps one.
class LeaksOneOfTwenty : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (in_use_ == 20) {
      throw StorageError(errc::unavailable, "get_task_context", session_id,
                         "all twenty connections are in use");
    }
    ++in_use_;
    co_await round_trip();
    auto context = co_await ForwardingBackend::get_task_context(std::move(session_id));
    --in_use_;
    co_return context;
  }

private:
  std::atomic<int> in_use_ = 0;
};

// CAN-04

/// As long as somebody else holds the space.
inline awaitable<void> wait_while_held(MutantSpace& space) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (space.is_held()) {
    timer.expires_after(std::chrono::milliseconds(2));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

class WaitsToTheEnd : public ForwardingBackend {
public:
  explicit WaitsToTheEnd(MutantSpace& space) : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    co_await shield();
    co_await wait_while_held(space_);
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }

private:
  MutantSpace& space_;
};

class AppliedWhenLetGo : public ForwardingBackend {
public:
  explicit AppliedWhenLetGo(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    auto call = ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                                  std::move(data), std::move(metadata));
    bool is_cancelled = false;
    try {
      co_await wait_while_held(space_);
    } catch (const boost::system::system_error&) {
      is_cancelled = true;
    }
    if (!is_cancelled) {
      co_return co_await std::move(call);
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    auto rest = when_let_go(space_, std::move(call));
    boost::asio::co_spawn(executor, std::move(rest), boost::asio::detached);
    throw StorageError(errc::unavailable, "put_checkpoint", thread_id, "cancelled");
  }

private:
  static awaitable<void> when_let_go(MutantSpace& space, awaitable<bool> call) {
    co_await wait_while_held(space);
    static_cast<void>(co_await std::move(call));
  }

  MutantSpace& space_;
};

/// No bug: to show what the rule asks for.
class EndsSoon : public ForwardingBackend {
public:
  explicit EndsSoon(MutantSpace& space) : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    co_await wait_while_held(space_);
    co_await shield();
    co_return co_await ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }

private:
  MutantSpace& space_;
};

} // namespace mutants::cancellation

std::vector<Mutant> cancellation_mutants() {
  using namespace mutants::cancellation;
  return {
      mutant<CancelledStoreHangs>("CAN-01", "cancelled_store_hangs",
                                  "a cancelled store waits for an answer that does not come",
                                  "an end of store_task_context"),
      mutant<CancelledReadHangs>("CAN-01", "cancelled_read_hangs",
                                 "a cancelled read waits for an answer that does not come",
                                 "an end of get_conversation_history"),
      mutant<CancelledReadFindsNothing>("CAN-01", "cancelled_read_finds_nothing",
                                        "a cancelled read is \"not found\"",
                                        "or an exception, from get_session"),
      mutant<CancelledArchiveHangs>("CAN-01", "cancelled_archive_hangs",
                                    "a cancelled append waits for an answer that does not come",
                                    "an end of append_session_event"),
      mutant<CancelledHalfway>("CAN-02", "cancelled_halfway",
                               "a cancelled put_writes leaves the first half", "put_writes"),
      mutant<CancelledBetweenTables>("CAN-02", "cancelled_between_tables",
                                     "a cancelled update leaves the counters without the metadata",
                                     "after update_session"),
      mutant<CancelledReplacement>("CAN-02", "cancelled_replacement",
                                   "a cancelled store has removed what was there",
                                   "after store_task_context"),
      mutant<AppliedAfterTheEnd>("CAN-02", "applied_after_the_end",
                                 "a cancelled append comes through after its end was reported",
                                 "a while later, what was found at the end of"),
      mutant<CancelledAndTrue>("CAN-02", "cancelled_and_true",
                               "a cancelled store that did nothing is true",
                               "which was true all the same"),
      mutant<CancelledAndFalse>("CAN-02", "cancelled_and_false",
                                "a cancelled end is \"no such session\"",
                                "true or an exception from end_session"),
      mutant<CancelledTwice>("CAN-02", "cancelled_twice", "a cancelled append is made twice",
                             "after append_conversation_message"),
      mutant<LeaksItsLock>("CAN-03", "leaks_its_lock", "a cancelled update keeps its lock for ever",
                           "an end of update_session"),
      mutant<LeaksConnections>("CAN-03", "leaks_connections",
                               "a cancelled read keeps its connection", "no connection is free"),
      mutant<AnswersGetOutOfStep>("CAN-03", "answers_get_out_of_step",
                                  "the answer to a cancelled call goes to the next one",
                                  "an answer to another question"),
      mutant<SwallowsTheNext>("CAN-03", "swallows_the_next",
                              "after a cancelled store the next one is lost",
                              "#3 to be the latest"),
      mutant<CancelledCleanUpStopsHalfway>(
          "CAN-02", "cancelled_clean_up_stops_halfway",
          "a cancelled clean-up has removed threads and leaves their sessions",
          "after cleanup_expired_sessions("),
      mutant<CleansUpAfterTheEnd>("CAN-02", "cleans_up_after_the_end",
                                  "a cancelled clean-up comes through after its end was reported",
                                  "what was found at the end of cleanup_expired_sessions"),
      mutant<TurnGoesToTheCancelled>(
          "CAN-03", "turn_goes_to_the_cancelled",
          "a lock is handed to a call that was cancelled while it waited",
          "an end of update_session"),
      mutant<AbortsTheGroup>("CAN-03", "aborts_the_group",
                             "a cancelled append takes the one beside it with it",
                             "the group was aborted"),
      mutant<StaysHalfClosed>("CAN-03", "stays_half_closed",
                              "a store whose close was cancelled cannot be opened", "half closed"),
      mutant<LeaksOneOfTwenty>("CAN-03", "leaks_one_of_twenty",
                               "a cancelled read keeps one of many connections",
                               "all twenty connections are in use"),
      mutant<WaitsToTheEnd>("CAN-04", "waits_to_the_end",
                            "a cancelled append waits until the lock is let go",
                            "an end soon after its cancellation of add_conversation_message"),
      mutant<AppliedWhenLetGo>("CAN-04", "applied_when_let_go",
                               "a cancelled put ends at once and goes on behind its back",
                               "nothing of put_checkpoint"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of cancellation kill their mutants") {
  agentstore::test::expect_killed(cancellation_mutants(), cancellation_rules());
}

TEST_CASE("a store whose cancelled writes end soon is not blamed, nor one that never waits") {
  using mutants::cancellation::EndsSoon;
  const auto verdict = [](const Mutant& store) {
    return run_mutant(store, cancellation_rules()).result.verdict;
  };
  CHECK(verdict(mutant<EndsSoon>("CAN-04", "ends_soon", "", "")) == Verdict::held);
  CHECK(verdict(mutant<agentstore::ForwardingBackend>("CAN-04", "no_bug", "", "")) ==
        Verdict::untested);
}

TEST_CASE("each rule of cancellation has mutants to kill") {
  agentstore::test::expect_two_for_each(cancellation_mutants(), cancellation_rules());
}

TEST_CASE("the rules of cancellation hold for what the mutants are made of") {
  std::vector<Rule> rules = cancellation_rules();
  rules.pop_back(); // CAN-04, which is not seen where nothing waits
  agentstore::test::expect_held_without_bug(rules);
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(rules);
}
