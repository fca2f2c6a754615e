// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of the life cycle. What each does wrong stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

namespace agentstore::conformance {

namespace mutants::life_cycle {

/// Knows how often it was opened and whether it is open now.
class CountsOpens : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    ++opens_;
    is_open_ = true;
    return ForwardingBackend::initialize();
  }
  awaitable<void> close() override {
    is_open_ = false;
    return ForwardingBackend::close();
  }

protected:
  int opens() const { return opens_; }
  bool is_open() const { return is_open_; }

private:
  std::atomic<int> opens_ = 0;
  std::atomic<bool> is_open_ = false;
};

// LIF-01

class OpeningAgainEmpties : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> initialize() override {
    const bool again = is_open();
    const bool done = co_await CountsOpens::initialize();
    if (again) {
      static_cast<void>(co_await cleanup_expired_sessions(std::chrono::microseconds(0)));
    }
    co_return done;
  }
};

class OpeningAgainForgetsWrites : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (opens() > 1) {
      return answered(std::vector<PendingWrite>());
    }
    return CountsOpens::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }
};

class OpeningAgainIsFalse : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> initialize() override {
    if (is_open()) {
      co_return false;
    }
    co_return co_await CountsOpens::initialize();
  }
};

class OpeningAgainCloses : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> initialize() override {
    if (!is_open()) {
      co_return co_await CountsOpens::initialize();
    }
    co_await close();
    co_return true;
  }
};

// LIF-02

class CountsNothingWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<Metrics> get_metrics() override {
    return is_open() ? CountsOpens::get_metrics() : answered(Metrics());
  }
};

class FindsNothingWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return is_open() ? CountsOpens::get_session(std::move(session_id))
                     : answered(std::optional<Session>());
  }
};

class UnavailableWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    if (!is_open()) {
      return refused<std::uint64_t>(errc::unavailable, "cleanup_expired_sessions", "",
                                    "no connection");
    }
    return CountsOpens::cleanup_expired_sessions(max_idle);
  }
};

class OpensForWrites : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (!is_open()) {
      static_cast<void>(co_await initialize());
    }
    co_return co_await CountsOpens::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(task_id), std::move(writes));
  }
};

class KeepsWhatItRefused : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (!is_open()) {
      refused_.set(thread_id, checkpoint_id);
    }
    return CountsOpens::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(data), std::move(metadata));
  }
  awaitable<bool> initialize() override {
    const bool done = co_await CountsOpens::initialize();
    for (const auto& [thread, checkpoint] : refused_.all()) {
      static_cast<void>(co_await CountsOpens::store_checkpoint(thread, checkpoint, 1));
    }
    co_return done;
  }

private:
  Kept<std::string> refused_;
};

// LIF-03

class StaysOpen : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<void> close() override { co_return; }
};

class ReadsWritesWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return is_open() ? CountsOpens::get_writes(std::move(thread_id), std::move(checkpoint_id))
                     : answered(std::vector<PendingWrite>());
  }
};

class HangsWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (opens() == 0 || is_open()) {
      co_return co_await CountsOpens::get_task_context(std::move(session_id));
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer connection(executor, std::chrono::hours(24));
    co_await connection.async_wait(boost::asio::use_awaitable);
    co_return std::nullopt;
  }
};

class FalseWhenClosed : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    return is_open() || opens() == 0
               ? CountsOpens::end_session(std::move(session_id), std::move(status))
               : answered(false);
  }
};

// LIF-04

class SecondCloseThrows : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<void> close() override {
    if (opens() != 0 && !is_open()) {
      return refused<void>(errc::closed, "close", "", "it was closed before");
    }
    return CountsOpens::close();
  }
};

class CloseBeforeOpeningThrows : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<void> close() override {
    if (opens() == 0) {
      return refused<void>(errc::closed, "close", "", "it was never opened");
    }
    return CountsOpens::close();
  }
};

/// A write-behind cache, written by the next write.
class CloseLosesLastContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    for (auto& [id, value] : waiting_.all()) {
      static_cast<void>(co_await ForwardingBackend::store_task_context(id, value));
    }
    waiting_.set(session_id, context);
    co_return true;
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (waiting_.has(session_id)) {
      return answered(waiting_.get(session_id));
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }
  awaitable<void> close() override {
    for (const auto& [id, value] : waiting_.all()) {
      waiting_.erase(id);
    }
    return ForwardingBackend::close();
  }

private:
  Kept<Document> waiting_;
};

// LIF-05

class ReopeningRestartsSequence : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    std::vector<Message> messages =
        co_await CountsOpens::get_conversation_history(session_id, limit);
    if (opens() > 1 && !known_.has(session_id)) {
      known_.set(session_id, messages.empty() ? 0 : messages.back().sequence);
    }
    const std::uint64_t before = known_.get(session_id).value_or(0);
    for (Message& message : messages) {
      message.sequence -= message.sequence > before ? before : 0;
    }
    co_return messages;
  }

private:
  Kept<std::uint64_t> known_;
};

class ReopeningForgetsOrder : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id || opens() < 2) {
      co_return co_await CountsOpens::get_checkpoint(std::move(thread_id),
                                                     std::move(checkpoint_id));
    }
    std::optional<Checkpoint> latest; // by id, as a directory lists them
    for (Checkpoint& each : co_await CountsOpens::list_checkpoints(std::move(thread_id), 1000)) {
      if (!latest || latest->checkpoint_id < each.checkpoint_id) {
        latest = std::move(each);
      }
    }
    co_return latest;
  }
};

class ReopensOnce : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<bool> initialize() override {
    if (!is_open() && opens() == 2) {
      co_return false;
    }
    co_return co_await CountsOpens::initialize();
  }
};

class ReopeningRevives : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(CountsOpens::get_session(std::move(session_id)),
                   [revives = opens() > 1](std::optional<Session>& session) {
                     if (revives && session) {
                       session->status = "active";
                     }
                   });
  }
};

// LIF-06

class HealthThrows : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<Health> health_check() override {
    if (!is_open()) {
      return refused<Health>(errc::closed, "health_check", "", "no connection to ask");
    }
    return CountsOpens::health_check();
  }
};

/// Answers with the inner backend's health, changed.
class MisjudgesHealth : public CountsOpens {
public:
  using CountsOpens::CountsOpens;

  awaitable<Health> health_check() override {
    return changed(CountsOpens::health_check(), [this](Health& health) { misjudge(health); });
  }

private:
  virtual void misjudge(Health& health) const = 0;
};

class HealthyWhenClosed : public MisjudgesHealth {
public:
  using MisjudgesHealth::MisjudgesHealth;

private:
  void misjudge(Health& health) const override {
    if (opens() != 0) {
      health.status = Health::Status::healthy;
    }
  }
};

class UnwellWithoutReason : public MisjudgesHealth {
public:
  using MisjudgesHealth::MisjudgesHealth;

private:
  void misjudge(Health& health) const override { health.issues.clear(); }
};

class HealthWithoutName : public MisjudgesHealth {
public:
  using MisjudgesHealth::MisjudgesHealth;

private:
  void misjudge(Health& health) const override { health.backend.clear(); }
};

class ComplainsWhenHealthy : public MisjudgesHealth {
public:
  using MisjudgesHealth::MisjudgesHealth;

private:
  void misjudge(Health& health) const override { health.issues.emplace_back("none"); }
};

class HealthyWhenFailing : public MisjudgesHealth {
public:
  using MisjudgesHealth::MisjudgesHealth;

private:
  void misjudge(Health& health) const override {
    if (is_open()) {
      health.status = Health::Status::healthy;
      health.issues.clear();
    }
  }
};

/// What is under way when it is closed is told to have been done.
class CloseDropsWhatIsUnderWay : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    is_open_ = true;
    return ForwardingBackend::initialize();
  }
  awaitable<void> close() override {
    is_open_ = false;
    co_await ForwardingBackend::close();
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const bool was_open = is_open_;
    co_await step_far_aside();
    if (was_open && !is_open_) {
      co_return true;
    }
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id),
                                                             std::move(context));
  }

private:
  std::atomic<bool> is_open_ = false;
};

/// What is under way when it is closed waits for a server that is gone.
class CloseStrandsWhatIsUnderWay : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<void> close() override {
    ++closed_;
    co_await ForwardingBackend::close();
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const int closed = closed_;
    co_await step_far_aside();
    if (closed != closed_) {
      const auto executor = co_await boost::asio::this_coro::executor;
      boost::asio::steady_timer timer(executor, std::chrono::hours(24));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id),
                                                             std::move(context));
  }

private:
  std::atomic<int> closed_ = 0;
};

// LIF-07

/// Does its work on a thread of its own, and comes back to wherever the call was awaited.
class ComesBackAnyhow : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  ~ComesBackAnyhow() override { pool_.join(); }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    boost::asio::steady_timer timer(pool_, std::chrono::milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return co_await ForwardingBackend::get_session(std::move(session_id));
  }

private:
  boost::asio::thread_pool pool_{1};
};

/// Learns when the context is gone on which a call is awaited, does not come back then, and lets go
/// of the call with the store.
class KeepsWhatItDoesNotEnd : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  ~KeepsWhatItDoesNotEnd() override { pool_.join(); }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        Hop(), boost::asio::use_awaitable, &pool_, kept_);
    co_return co_await ForwardingBackend::get_session(std::move(session_id));
  }

private:
  using Kept = std::vector<std::shared_ptr<void>>;

  class End : public boost::asio::execution_context::service {
  public:
    using key_type = End;
    static inline boost::asio::execution_context::id id;
    explicit End(boost::asio::execution_context& context)
        : boost::asio::execution_context::service(context) {}

    std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();
    std::shared_ptr<bool> is_over = std::make_shared<bool>(false);

  private:
    void shutdown() override {
      const std::lock_guard lock(*mutex);
      *is_over = true;
    }
  };

  class Hop {
  public:
    template <class Handler>
    void operator()(Handler handler, boost::asio::thread_pool* pool,
                    std::shared_ptr<Kept> kept) const {
      const boost::asio::any_io_executor home = boost::asio::get_associated_executor(handler);
      auto& end =
          boost::asio::use_service<End>(boost::asio::query(home, boost::asio::execution::context));
      auto held = std::make_shared<Handler>(std::move(handler));
      boost::asio::post(*pool, [held, home, kept, mutex = end.mutex, over = end.is_over] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const std::lock_guard lock(*mutex);
        if (*over) {
          kept->push_back(held);
        } else {
          boost::asio::post(home, [held] { std::move (*held)(); });
        }
      });
    }
  };

  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
  boost::asio::thread_pool pool_{1};
};

/// Keeps the context of its last caller at work until the next one comes.
class KeepsItsCallerAtWork : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const boost::asio::any_io_executor home = co_await boost::asio::this_coro::executor;
    {
      const std::lock_guard lock(mutex_);
      last_ = boost::asio::prefer(home, boost::asio::execution::outstanding_work.tracked);
    }
    boost::asio::any_io_executor done;
    auto call = ForwardingBackend::get_session(std::move(session_id));
    const std::optional<Session> result = co_await std::move(call);
    if (!result) { // the last of a caller's calls asks for what is not there
      co_return result;
    }
    const std::lock_guard lock(mutex_);
    std::swap(done, last_);
    co_return result;
  }

private:
  std::mutex mutex_;
  boost::asio::any_io_executor last_;
};

} // namespace mutants::life_cycle

std::vector<Mutant> life_cycle_mutants() {
  using namespace mutants::life_cycle;
  return {
      mutant<OpeningAgainEmpties>("LIF-01", "opening_again_empties",
                                  "initialize of an open store begins afresh",
                                  "the sessions after initialize again"),
      mutant<OpeningAgainForgetsWrites>("LIF-01", "opening_again_forgets_writes",
                                        "initialize of an open store forgets the pending writes",
                                        "the pending writes after initialize again"),
      mutant<OpeningAgainIsFalse>("LIF-01", "opening_again_is_false",
                                  "initialize of an open store is false", "initialize again to be"),
      mutant<OpeningAgainCloses>("LIF-01", "opening_again_closes",
                                 "initialize of an open store turns it off", "not open"),
      mutant<CountsNothingWhenClosed>("LIF-02", "counts_nothing_when_closed",
                                      "the metrics of a closed store are zeros",
                                      "\"closed\" from get_metrics"),
      mutant<FindsNothingWhenClosed>("LIF-02", "finds_nothing_when_closed",
                                     "in a closed store no session is found",
                                     "\"closed\" from get_session"),
      mutant<UnavailableWhenClosed>("LIF-02", "unavailable_when_closed",
                                    "a closed store calls itself unavailable", "no connection"),
      mutant<OpensForWrites>("LIF-02", "opens_for_writes",
                             "the first put_writes opens a closed store",
                             "\"closed\" from put_writes"),
      mutant<KeepsWhatItRefused>("LIF-02", "keeps_what_it_refused",
                                 "what a closed store refused is stored once it is opened",
                                 "the counts after calls that were refused"),
      mutant<StaysOpen>("LIF-03", "stays_open", "close does nothing", "\"closed\" from"),
      mutant<ReadsWritesWhenClosed>("LIF-03", "no_writes_when_closed",
                                    "the writes of a closed store are an empty list",
                                    "\"closed\" from get_writes"),
      mutant<HangsWhenClosed>("LIF-03", "hangs_when_closed",
                              "a read of a closed store waits for it to be opened",
                              "an end of get_task_context"),
      mutant<FalseWhenClosed>("LIF-03", "false_when_closed",
                              "end_session of a closed store is false",
                              "\"closed\" from end_session"),
      mutant<SecondCloseThrows>("LIF-04", "second_close_throws", "closing a closed store throws",
                                "it was closed before"),
      mutant<CloseBeforeOpeningThrows>("LIF-04", "close_before_opening_throws",
                                       "closing a store that was never opened throws",
                                       "it was never opened"),
      mutant<CloseLosesLastContext>("LIF-04", "close_loses_last_context",
                                    "what is in a write-behind cache is lost by close",
                                    "the context after two closes"),
      mutant<ReopeningRestartsSequence>("LIF-05", "reopening_restarts_sequence",
                                        "the sequence of messages starts afresh with each opening",
                                        "sequence to increase strictly"),
      mutant<ReopeningForgetsOrder>("LIF-05", "reopening_forgets_order",
                                    "after a reopen the order of checkpoints is that of their ids",
                                    "the latest after reopening"),
      mutant<ReopensOnce>("LIF-05", "reopens_once", "a store can be reopened only once",
                          "initialize after close to be true"),
      mutant<ReopeningRevives>("LIF-05", "reopening_revives",
                               "after a reopen all sessions are active",
                               "the sessions after a close and an initialize"),
      mutant<HealthThrows>("LIF-06", "health_throws", "the health of a closed store is thrown",
                           "no connection to ask"),
      mutant<HealthyWhenClosed>("LIF-06", "healthy_when_closed", "a closed store is healthy",
                                "unhealthy with an issue after close"),
      mutant<UnwellWithoutReason>("LIF-06", "unwell_without_reason",
                                  "unhealthy, and nobody learns why", "unhealthy with an issue"),
      mutant<HealthWithoutName>("LIF-06", "health_without_name", "health without a backend's name",
                                "and the backend's name"),
      mutant<ComplainsWhenHealthy>("LIF-06", "complains_when_healthy", "a healthy store has issues",
                                   "healthy without issues"),
      mutant<HealthyWhenFailing>("LIF-06", "healthy_when_failing",
                                 "a store that fails is healthy as long as it is open",
                                 "a store that fails not to be healthy"),
      mutant<CloseDropsWhatIsUnderWay>("LIF-04", "close_drops_what_is_under_way",
                                       "a store under way at the close is true and not done",
                                       "which was true beside close()"),
      mutant<CloseStrandsWhatIsUnderWay>("LIF-04", "close_strands_what_is_under_way",
                                         "a store under way at the close never ends",
                                         "an end of store_task_context"),
      mutant<ComesBackAnyhow>("LIF-07", "comes_back_anyhow",
                              "a call of another thread comes back to a context that is gone",
                              "a call came back to it"),
      mutant<KeepsWhatItDoesNotEnd>("LIF-07", "keeps_what_it_does_not_end",
                                    "a call whose context is gone is let go of with the store",
                                    "the frame of a call was left until later"),
      mutant<KeepsItsCallerAtWork>("LIF-07", "keeps_its_caller_at_work",
                                   "the context of the last caller is held at work",
                                   "it was told of work"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of life cycle kill their mutants") {
  agentstore::test::expect_killed(life_cycle_mutants(), life_cycle_rules());
}

TEST_CASE("each rule of life cycle has mutants to kill") {
  agentstore::test::expect_two_for_each(life_cycle_mutants(), life_cycle_rules());
}

TEST_CASE("the rules of life cycle hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(life_cycle_rules());
}
