// SPDX-License-Identifier: Apache-2.0
// Stores whose bug shows in rare moments alone: when they are closed and are asked for what
// they know not to be there, or when a call was cancelled. What each does wrong stands in the table
// at the end.

#include "conformance/mutants/another_thread.hpp"
#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_closing {

using Id = MethodId;

/// Knows whether it is open.
class KnowsIfOpen : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize || call.kind == Id::close) {
      is_open_ = call.kind == Id::initialize;
    }
    return has(call) && !is_open_ ? closed(std::move(call), std::move(next))
                                  : next(std::move(call));
  }

protected:
  virtual awaitable<Answer> closed(Operation call, Next next) = 0;

private:
  std::atomic<bool> is_open_ = false;
};

/// Knows of some ids that they are not there, closed or not.
template <class Nothing>
class KnowsTheUnknown : public KnowsIfOpen {
public:
  using KnowsIfOpen::KnowsIfOpen;

protected:
  awaitable<Answer> closed(Operation call, Next next) override {
    return call.key == "unknown" ? answered(Answer(Nothing())) : next(std::move(call));
  }
};

/// Comes back on another thread if it is closed.
class EndsElsewhereWhenClosed : public KnowsIfOpen {
public:
  using KnowsIfOpen::KnowsIfOpen;

protected:
  awaitable<Answer> closed(Operation call, Next next) override {
    return elsewhere(std::move(call), std::move(next));
  }

private:
  awaitable<Answer> elsewhere(Operation call, Next next) {
    std::exception_ptr error;
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    co_await other_.go();
    std::rethrow_exception(error);
  }

  AnotherThread other_;
};

/// Comes back on another thread if it is cancelled while it waits.
class EndsElsewhereWhenCancelled : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) ? wait(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  awaitable<Answer> wait(Operation call, Next next) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    std::exception_ptr error;
    try {
      co_await round_trip();
    } catch (const boost::system::system_error&) {
      error = std::current_exception();
    }
    if (error) {
      co_await other_.go();
      std::rethrow_exception(error);
    }
    co_return co_await next(std::move(call));
  }

  AnotherThread other_;
};

} // namespace mutants::by_closing

std::vector<Mutant> closing_mutants() {
  using namespace mutants;
  using namespace mutants::by_closing;
  std::vector<Mutant> all;
  const std::string_view no_error = "no error";
  const std::string_view unknown = "what is not there is known though it is closed";
  add<KnowsTheUnknown<std::optional<Session>>, Id::get_session>(all, "LIF-03", "knows_the_unknown",
                                                                unknown, no_error);
  add<KnowsTheUnknown<std::optional<Document>>, Id::get_task_context>(
      all, "LIF-03", "knows_the_unknown", unknown, no_error);
  add<KnowsTheUnknown<bool>, Id::update_session, Id::end_session, Id::add_conversation_message,
      Id::delete_session, Id::delete_thread, Id::copy_thread>(all, "LIF-03", "knows_the_unknown",
                                                              unknown, no_error);
  add<EndsElsewhereWhenClosed, Id::get_session, Id::list_sessions, Id::put_writes,
      Id::prune_thread>(all, "LIF-03", "ends_elsewhere_when_closed",
                        "an error comes on another thread if it is closed",
                        "to come back on the executor");
  add<EndsElsewhereWhenCancelled, Id::get_session, Id::create_session, Id::list_checkpoints,
      Id::put_writes, Id::copy_thread, Id::append_checkpoint>(
      all, "CAN-01", "ends_elsewhere_when_cancelled", "a cancelled call ends on another thread",
      "to come back on the executor");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show in rare moments are caught", "[by_closing]") {
  agentstore::test::expect_killed(closing_mutants(), all_rules());
}
