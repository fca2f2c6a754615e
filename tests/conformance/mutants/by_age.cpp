// SPDX-License-Identifier: Apache-2.0
// Stores in which something goes, changes or stops working because of its age: a time to live that
// was left on, a record of repetitions that expires, a job that tidies up.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_age {

using Id = MethodId;

/// Knows when each key was first written to.
class KnowsAges : public Bug {
public:
  using Bug::Bug;

protected:
  /// Notes the call; whether its key is as old as that.
  bool is_older(const Operation& call, std::chrono::hours age) {
    const auto first = shared<Kept<Timestamp>>();
    if (method_of(call.kind).kind == MethodKind::writes) {
      first->add(call.key, now());
      first->add(call.user_id, now());
    }
    const std::optional<Timestamp> since = first->get(call.key);
    return since && now() - *since > age;
  }
};

/// Nothing is found of what is as old as that.
template <int days>
class HidesOld : public KnowsAges {
public:
  using KnowsAges::KnowsAges;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_old = is_older(call, std::chrono::days(days));
    const bool hides = has(call) && is_old;
    Answer answer = co_await next(std::move(call));
    if (hides) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// What is as old as that takes no more.
template <int days>
class RefusesOld : public KnowsAges {
public:
  using KnowsAges::KnowsAges;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_old = is_older(call, std::chrono::days(days));
    return has(call) && is_old ? refused() : next(std::move(call));
  }

private:
  static awaitable<Answer> refused() { co_return Answer(false); }
};

/// An active session is told to have expired.
template <int days>
class TellsExpired : public KnowsAges {
public:
  using KnowsAges::KnowsAges;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_old = is_older(call, std::chrono::days(days));
    const bool tells = has(call) && is_old;
    Answer answer = co_await next(std::move(call));
    if (auto* session = std::get_if<std::optional<Session>>(&answer);
        tells && session && *session && (*session)->status == "active") {
      (*session)->status = "expired";
    }
    co_return answer;
  }
};

/// What is stored or put again counts as new when the first is as old as that.
template <int hours>
class IsNewAgain : public KnowsAges {
public:
  using KnowsAges::KnowsAges;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string at = place(call);
    const bool is_old = is_older(call, std::chrono::hours(hours));
    if (is_old && method_of(call.kind).kind == MethodKind::writes) {
      again_.set(at, call);
      times_.set(at, now());
    }
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (const std::optional<Operation> again = again_.get(at); shows && again) {
      show_as_new(answer, *again, *times_.get(at));
    }
    co_return answer;
  }

private:
  Kept<Operation> again_;
  Kept<Timestamp> times_;
};

} // namespace mutants::by_age

std::vector<Mutant> age_mutants() {
  using namespace mutants::by_age;
  using mutants::add;
  std::vector<Mutant> all;
  add<HidesOld<1>, Id::get_session, Id::get_conversation_history, Id::get_checkpoint,
      Id::get_task_context>(all, "CLN-03", "hides_after_a_day", "what is a day old is not found",
                            "hours later");
  add<HidesOld<30>, Id::get_session, Id::get_conversation_history, Id::list_checkpoints,
      Id::list_checkpoints_before, Id::get_thread_head, Id::get_writes, Id::get_task_context>(
      all, "CLN-03", "hides_after_a_month", "what is a month old is not found", "hours later");
  add<RefusesOld<1>, Id::update_session, Id::add_conversation_message, Id::store_task_context,
      Id::end_session>(all, "CLN-03", "refuses_after_a_day",
                       "a session that is a day old takes no more", "hours later");
  add<RefusesOld<30>, Id::add_conversation_message, Id::end_session, Id::copy_thread>(
      all, "CLN-03", "refuses_after_a_month", "what is a month old takes no more", "hours later");
  add<TellsExpired<1>, Id::get_session>(all, "CLN-03", "expired_after_a_day",
                                        "a session that is a day old is told to have expired",
                                        "hours later");
  add<TellsExpired<30>, Id::get_session>(all, "CLN-03", "expired_after_a_month",
                                         "a session that is a month old is told to have expired",
                                         "hours later");
  add<IsNewAgain<12>, Id::get_writes>(all, "WRT-02", "new_after_half_a_day",
                                      "repetitions are known for half a day", "long after");
  add<IsNewAgain<480>, Id::get_writes>(all, "WRT-02", "new_after_weeks",
                                       "repetitions are known for weeks", "long after");
  add<IsNewAgain<12>, Id::get_checkpoint>(all, "CHK-04", "new_checkpoint_after_half_a_day",
                                          "what is stored again half a day later is new",
                                          "whether created_at stays");
  add<IsNewAgain<480>, Id::get_checkpoint>(all, "CHK-04", "new_checkpoint_after_weeks",
                                           "what is stored again weeks later is new",
                                           "whether created_at stays");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show only after a while are caught", "[by_age]") {
  agentstore::test::expect_killed(age_mutants(), all_rules());
}
