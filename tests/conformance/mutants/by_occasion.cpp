// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows on rare occasions: a handle was closed meanwhile, a third one is
// there, a read is cancelled, an answer is large, a time is odd, a thread has the id of a session.
// What each does wrong stands in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_occasion {

using Id = MethodId;

// Closed meanwhile

/// What a handle has read it keeps until a handle changes something while it is open itself.
class KeepsReadsWhileClosed : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto changes = shared<std::atomic<int>>();
    if (call.kind == Id::close) {
      slept_at_ = changes->load();
    } else if (call.kind == Id::initialize && slept_at_ >= 0) {
      missed_ += changes->load() - slept_at_.exchange(-1);
    }
    const std::string text = show(call) + '\n' + std::to_string(changes->load() - missed_);
    const bool keeps = has(call);
    const bool writes = method_of(call.kind).kind == MethodKind::writes ||
                        method_of(call.kind).kind == MethodKind::changes;
    if (const std::optional<Answer> known = known_.get(text); keeps && known) {
      co_return *known;
    }
    Answer answer = co_await next(std::move(call));
    if (keeps) {
      known_.set(text, answer);
    }
    *changes += writes ? 1 : 0;
    co_return answer;
  }

private:
  Kept<Answer> known_;
  std::atomic<int> slept_at_ = -1;
  std::atomic<int> missed_ = 0;
};

/// What a closed store has refused is done when it is opened.
class DoesItLater : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    try {
      Answer answer = co_await next(std::move(call));
      if (asked.kind == Id::initialize && later_) {
        const Operation later = *std::exchange(later_, std::nullopt);
        static_cast<void>(co_await next(later));
      }
      co_return answer;
    } catch (const StorageError& error) {
      if (has(asked) && !later_ && means(error.code(), errc::closed)) {
        later_ = asked;
      }
      throw;
    }
  }

private:
  std::optional<Operation> later_;
};

/// Counts the closes and openings of all handles that are under way.
class MeetsOthers : public Bug {
public:
  using Bug::Bug;

protected:
  /// Whether another call of these methods was under way meanwhile.
  awaitable<bool> meets(Id first, Id second, const Operation& call) {
    const auto count = shared<Kept<int>>();
    if (call.kind != first && call.kind != second) {
      co_return false;
    }
    const auto all = [&count] { return count->get("").value_or(0); };
    count->set("", all() + 1);
    const int before = all();
    co_await step_far_aside();
    co_return all() != before;
  }
};

/// Of openings at once the first fails.
class FailsToOpenBesideAnother : public MeetsOthers {
public:
  using MeetsOthers::MeetsOthers;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && co_await meets(Id::initialize, Id::initialize, call)) {
      throw StorageError(errc::unavailable, "initialize", "", "the table exists already");
    }
    co_return co_await next(std::move(call));
  }
};

/// Of closes at once the first fails.
class FailsToCloseBesideAnother : public MeetsOthers {
public:
  using MeetsOthers::MeetsOthers;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool fails = has(call) && co_await meets(Id::close, Id::close, call);
    Answer answer = co_await next(std::move(call));
    if (fails) {
      throw StorageError(errc::closed, "close", "", "closed already");
    }
    co_return answer;
  }
};

/// A health check that meets a close, of any handle, throws or tells of it.
template <bool throws>
class HealthMeetsClose : public MeetsOthers {
public:
  using MeetsOthers::MeetsOthers;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto closes = shared<std::atomic<int>>();
    *closes += call.kind == Id::close ? 1 : 0;
    const int before = closes->load();
    const bool looks = has(call);
    Answer answer = co_await next(std::move(call));
    if (looks) {
      co_await step_far_aside();
    }
    if (looks && closes->load() != before) {
      if (throws) {
        throw StorageError(errc::closed, "health_check", "", "closed meanwhile");
      }
      std::get<Health>(answer).status = Health::Status::unhealthy;
    }
    co_return answer;
  }
};

// More handles than two

/// A handle keeps what it has read until it, or the one before or behind it, changes something.
class TellsItsNeighbours : public Bug {
public:
  TellsItsNeighbours(MutantSpace& space, MethodId method) : Bug(space, method) {
    number_ = ++shared<Handles>()->count;
  }

  awaitable<Answer> around(Operation call, Next next) override {
    const auto handles = shared<Handles>();
    const std::string own = std::to_string(number_);
    const std::string text = show(call) + '\n' + std::to_string(handles->told.get(own).value_or(0));
    const bool keeps = has(call);
    const bool writes = method_of(call.kind).kind != MethodKind::reads;
    if (const std::optional<Answer> known = known_.get(text); keeps && known) {
      co_return *known;
    }
    Answer answer = co_await next(std::move(call));
    if (keeps) {
      known_.set(text, answer);
    }
    for (int near = number_ - 1; writes && near <= number_ + 1; ++near) {
      const std::string name = std::to_string(near);
      handles->told.set(name, handles->told.get(name).value_or(0) + 1);
    }
    co_return answer;
  }

private:
  class Handles {
  public:
    std::atomic<int> count = 0;
    Kept<int> told;
  };

  int number_ = 0;
  Kept<Answer> known_;
};

// Cancelled

/// A read that is cancelled answers with what it has by then.
class AnswersHalf : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool halves = has(call);
    Answer answer = co_await next(std::move(call));
    if (halves) {
      bool is_cancelled = false;
      try {
        co_await round_trip();
      } catch (...) {
        is_cancelled = true;
      }
      if (is_cancelled) {
        halve(answer);
      }
    }
    co_return answer;
  }

private:
  static void halve(Answer& answer) {
    const auto half = [](auto& list) { list.resize((list.size() + 1) / 2); };
    if (auto* const history = std::get_if<std::vector<Message>>(&answer)) {
      half(*history);
    } else if (auto* const list = std::get_if<std::vector<Checkpoint>>(&answer)) {
      half(*list);
    } else if (auto* const writes = std::get_if<std::vector<PendingWrite>>(&answer)) {
      half(*writes);
    } else if (auto* const head = std::get_if<ThreadHead>(&answer)) {
      half(head->checkpoint_ids);
    } else if (auto* const metrics = std::get_if<Metrics>(&answer)) {
      metrics->total_messages = 0;
    } else if (auto* const session = std::get_if<std::optional<Session>>(&answer);
               session && *session) {
      (*session)->metadata = json::object();
    }
  }
};

/// What a cancelled call has done all the same its own handle does not see.
class HidesFromItself : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const Id read = method() == Id::store_task_context         ? Id::get_task_context
                    : method() == Id::add_conversation_message ? Id::get_conversation_history
                                                               : Id::get_session;
    if (has(call)) {
      Operation look(read, call.key);
      look.limit = 1'000;
      const Early before(next(std::move(look)));
      try {
        co_await round_trip();
      } catch (...) {
        const Early done(next(asked));
        hidden_.set(call.key, before.get());
        throw;
      }
    }
    Answer answer = co_await next(std::move(call));
    if (method_of(asked.kind).kind != MethodKind::reads) {
      hidden_.erase(asked.key);
    } else if (const auto before = hidden_.get(asked.key); before && asked.kind == read) {
      answer = *before;
    }
    co_return answer;
  }

private:
  Kept<Answer> hidden_;
};

/// Messages go one after the other, and whoever reads meanwhile finds some.
class RemovesInSteps : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<bool>>();
    const auto going = shared<Going>();
    const Operation asked = call;
    if (call.kind == Id::create_session) {
      made->set(call.key, true);
    }
    if (has(call)) {
      for (const auto& [id, is_made] : made->all()) {
        if (asked.key == id || asked.key.empty()) {
          going->of.set(id, true);
        }
      }
      co_await step_far_aside();
    }
    Answer answer = co_await next(std::move(call));
    if (has(asked)) {
      for (const auto& [id, is_going] : going->of.all()) {
        going->of.erase(id);
      }
    }
    if (auto* const history = std::get_if<std::vector<Message>>(&answer);
        history && history->size() > 1 && going->of.has(asked.key)) {
      history->erase(history->begin());
    }
    co_return answer;
  }

private:
  class Going {
  public:
    Kept<bool> of;
  };
};

// Without a close

/// An update that touches alone is written at the close.
class TouchesAtTheClose : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto lost = shared<Kept<Session>>(); // as it was before the touches
    const Operation asked = call;
    const bool touches = has(call) && !call.update.metadata_patch() &&
                         !call.update.counts_request() && !call.update.counts_error() &&
                         call.update.processing_time().count() == 0;
    std::optional<Session> before;
    if (touches && !call.key.empty()) {
      const Answer seen = co_await next(Operation(Id::get_session, call.key));
      before = std::get<std::optional<Session>>(seen);
    }
    if (call.kind == Id::close) {
      touched_.clear();
    }
    Answer answer = co_await next(std::move(call));
    if (before && is_positive(answer)) {
      touched_.try_emplace(asked.key, *before);
    } else if (method_of(asked.kind).kind != MethodKind::reads) {
      touched_.erase(asked.key);
      lost->erase(asked.key);
    }
    if (auto* const found = std::get_if<std::optional<Session>>(&answer); found && *found) {
      *found = lost->get(asked.key).value_or(**found);
    }
    co_return answer;
  }
  ~TouchesAtTheClose() override {
    for (const auto& [id, before] : touched_) {
      shared<Kept<Session>>()->set(id, before);
    }
  }

private:
  std::map<std::string, Session> touched_;
};

// After a reopen

/// Knows which opening it is, and in which each session was written to.
class KnowsOpenings : public Bug {
public:
  KnowsOpenings(MutantSpace& space, MethodId method) : Bug(space, method) {
    number_ = ++shared<Openings>()->count;
  }

protected:
  void note(const std::string& id) { shared<Openings>()->of.set(id, number_); }
  bool is_of_before(const std::string& id) {
    return shared<Openings>()->of.get(id).value_or(number_) < number_;
  }
  std::map<std::string, int> all() { return shared<Openings>()->of.all(); }

private:
  class Openings {
  public:
    std::atomic<int> count = 0;
    Kept<int> of;
  };

  int number_ = 0;
};

/// That a session has ended is forgotten, its status is not.
class TakesMoreAfterReopen : public KnowsOpenings {
public:
  using KnowsOpenings::KnowsOpenings;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool forgets = has(call) && is_of_before(call.key);
    const bool ends = call.kind == Id::end_session;
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    if (ends && is_positive(answer)) {
      note(id);
    } else if (forgets) {
      answer = true;
    }
    co_return answer;
  }
};

/// A session of before is idle since it was created.
class IdleSinceCreatedAfterReopen : public KnowsOpenings {
public:
  using KnowsOpenings::KnowsOpenings;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::create_session) {
      note(call.key);
    }
    std::uint64_t more = 0;
    const std::chrono::microseconds max_idle = call.max_idle;
    const bool cleans = has(call) && max_idle.count() > 0;
    Answer answer = co_await next(std::move(call));
    for (const auto& [id, opening] : all()) {
      if (!cleans || !is_of_before(id)) {
        continue;
      }
      const Answer seen = co_await next(Operation(Id::get_session, id));
      const auto& session = std::get<std::optional<Session>>(seen);
      if (session && now() - session->created_at >= max_idle) {
        static_cast<void>(co_await next(Operation(Id::delete_session, id)));
        ++more;
      }
    }
    if (cleans) {
      answer = std::get<std::uint64_t>(answer) + more;
    }
    co_return answer;
  }
};

// Large answers

/// A list ends where it has a mebibyte.
class EndsAtAMebibyte : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    constexpr std::size_t most = std::size_t{1} << 20u;
    const bool cuts = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const history = std::get_if<std::vector<Message>>(&answer); cuts && history) {
      std::size_t size = 0;
      auto first = history->end();
      while (first != history->begin() && size + std::prev(first)->content.size() <= most) {
        size += (--first)->content.size();
      }
      history->erase(history->begin(), first);
    } else if (auto* const page = std::get_if<SessionPage>(&answer); cuts && page) {
      std::size_t size = 0;
      std::size_t count = 0;
      while (count < page->sessions.size() && size <= most) {
        size += page->sessions[count++].metadata.text().size();
      }
      page->sessions.resize(size > most ? count - 1 : count);
    }
    co_return answer;
  }
};

// Odd times

/// A list goes by times as texts.
class ListsByTextOfTime : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    Answer answer = co_await next(std::move(call));
    if (auto* const page = std::get_if<SessionPage>(&answer); page && page->next.empty()) {
      const auto text = [](const Session& session) {
        return std::to_string(session.last_activity.time_since_epoch().count());
      };
      sort_stably(page->sessions,
                  [&text](const Session& a, const Session& b) { return text(a) > text(b); });
    }
    co_return answer;
  }
};

/// A clean-up leaves sessions whose last activity, or cut-off, is before 1970.
class CleansSince1970 : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.max_idle.count() > 0 && now().time_since_epoch() < call.max_idle) {
      co_return Answer(std::uint64_t{0});
    }
    co_return co_await next(std::move(call));
  }
};

// A thread and a session of one id

/// Such a call begins the thread of its id anew.
class ClearsTheThread : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool clears = has(call);
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    if (clears && is_positive(answer)) {
      static_cast<void>(co_await next(Operation(Id::delete_thread, id)));
    }
    co_return answer;
  }
};

/// Such a call stores a checkpoint of its own in the thread of its id.
class StoresACheckpoint : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool stores = has(call);
    Operation own(Id::store_checkpoint, call.key);
    own.checkpoint_id = "context";
    own.value = call.value;
    Answer answer = co_await next(std::move(call));
    if (stores && is_positive(answer)) {
      static_cast<void>(co_await next(std::move(own)));
    }
    co_return answer;
  }
};

/// What is done to a thread takes the context of the session of its id.
class TakesTheContext : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto taken = shared<Kept<bool>>();
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    if (has(asked) && is_positive(answer)) {
      taken->set(asked.key, true);
    } else if (asked.kind == Id::store_task_context || asked.kind == Id::create_session) {
      taken->erase(asked.key);
    } else if (asked.kind == Id::get_task_context && taken->has(asked.key)) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// A value that is too large is refused, but its session was active.
class ActiveByWhatIsTooLarge : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto active = shared<Kept<Timestamp>>();
    const Operation asked = call;
    try {
      Answer answer = co_await next(std::move(call));
      if (auto* const found = std::get_if<std::optional<Session>>(&answer); found && *found) {
        (*found)->last_activity =
            std::max((*found)->last_activity, active->get(asked.key).value_or(Timestamp::min()));
      }
      co_return answer;
    } catch (const StorageError& error) {
      if (has(asked) && means(error.code(), errc::too_large)) {
        active->set(asked.key, now());
      }
      throw;
    }
  }
};

// Little beside much

/// An update whose patch changes nothing is done, whatever it counts.
class DoneIfNothingMerges : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.update.metadata_patch() && call.update.metadata_patch()->is_object() &&
        call.update.metadata_patch()->size() < 2 && call.update.processing_time().count() == 0) {
      const Answer now = co_await next(Operation(Id::get_session, call.key));
      const auto& session = std::get<std::optional<Session>>(now);
      const json old = session ? session->metadata.tree() : json::object();
      json merged = old;
      merged.merge_patch(*call.update.metadata_patch());
      if (session && session->status == "active" && merged == old) {
        co_return Answer(true);
      }
    }
    co_return co_await next(std::move(call));
  }
};

/// An update that changes nothing, not even the time, is false.
class FalseIfNothingChanges : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call) || call.key.empty()) {
      co_return co_await next(std::move(call));
    }
    const Answer seen = co_await next(Operation(Id::get_session, call.key));
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    if (is_positive(seen) && is_positive(answer)) {
      const Answer now = co_await next(Operation(Id::get_session, id));
      Session before = *std::get<std::optional<Session>>(seen);
      before.version = std::get<std::optional<Session>>(now)->version;
      answer = before != *std::get<std::optional<Session>>(now);
    }
    co_return answer;
  }
};

/// What is written at a time before that of the last write is lost.
class LosesWhatIsOlder : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::optional<Timestamp> last = times_.get(call.key);
    if (method_of(call.kind).kind == MethodKind::writes) {
      times_.set(call.key, last ? std::max(*last, now()) : now());
    }
    if (!has(call) || call.key.empty()) {
      co_return co_await next(std::move(call));
    }
    const bool is_older = last && now() < *last;
    const Answer seen = co_await next(Operation(Id::get_session, call.key));
    const auto& session = std::get<std::optional<Session>>(seen);
    if (is_older && session && session->status == "active") {
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }

private:
  Kept<Timestamp> times_;
};

/// A clean-up, or a count, sees the first mebibyte of sessions.
class SeesAMebibyte : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<std::size_t>>();
    if (call.kind == Id::create_session) {
      made->set(call.key, call.metadata.text().size());
    }
    constexpr std::size_t most = std::size_t{1} << 20u;
    std::size_t size = 0;
    std::uint64_t seen = 0;
    std::vector<std::string> ids;
    for (const auto& [id, bytes] : made->all()) {
      if (has(call)) {
        const Answer found = co_await next(Operation(Id::get_session, id));
        if (is_positive(found) && (size += bytes) <= most) {
          ids.push_back(id);
        }
      }
    }
    const bool cleans = has(call) && call.kind == Id::cleanup_expired_sessions;
    if (size <= most || (cleans && call.max_idle.count() != 0)) {
      co_return co_await next(std::move(call));
    }
    for (const std::string& id : ids) {
      if (cleans) {
        static_cast<void>(co_await next(Operation(Id::delete_session, id)));
      }
      ++seen;
    }
    if (cleans) {
      co_return Answer(seen);
    }
    Answer answer = co_await next(std::move(call));
    std::get<Metrics>(answer).total_sessions = seen;
    co_return answer;
  }
};

// Long and shared ids

/// A cursor keeps so many bytes of the id that it stands behind.
template <std::size_t most>
class CursorCutsIds : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::optional<std::string> behind = has(call) ? ends_.get(call.text) : std::nullopt;
    Answer answer = co_await next(std::move(call));
    if (auto* const page = std::get_if<SessionPage>(&answer)) {
      if (!page->sessions.empty() && !page->next.empty()) {
        ends_.set(page->next, page->sessions.back().session_id);
      }
      std::erase_if(page->sessions, [&behind](const Session& session) {
        return behind && behind->size() > most &&
               session.session_id.substr(0, most) == behind->substr(0, most);
      });
    }
    co_return answer;
  }

private:
  Kept<std::string> ends_;
};

/// With a session goes whatever is of a user of its id.
class TakesTheUsersSessions : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto users = shared<Kept<std::string>>();
    if (call.kind == Id::create_session) {
      users->set(call.key, call.user_id);
    }
    std::vector<std::string> before;
    for (const auto& [id, user] : users->all()) {
      if (has(call)) {
        const Answer seen = co_await next(Operation(Id::get_session, id));
        if (is_positive(seen)) {
          before.push_back(id);
        }
      }
    }
    Answer answer = co_await next(std::move(call));
    for (const std::string& id : before) {
      const Answer seen = co_await next(Operation(Id::get_session, id));
      for (const auto& [other, user] : users->all()) {
        if (!is_positive(seen) && user == id && other != id) {
          static_cast<void>(co_await next(Operation(Id::delete_session, other)));
        }
      }
    }
    co_return answer;
  }
};

} // namespace mutants::by_occasion

std::vector<Mutant> occasion_mutants() {
  using namespace mutants::by_occasion;
  using mutants::add;
  std::vector<Mutant> all;
  add<KeepsReadsWhileClosed, Id::get_session, Id::get_conversation_history, Id::get_task_context,
      Id::list_sessions, Id::get_checkpoint, Id::get_writes, Id::get_metrics>(
      all, "TWO-01", "keeps_reads_while_closed",
      "what another does while a handle is closed it misses", "while this one was closed");
  add<DoesItLater, Id::update_session, Id::add_conversation_message, Id::end_session,
      Id::store_checkpoint, Id::delete_session>(
      all, "LIF-03", "does_it_later", "what a closed store has refused it does when it is opened",
      "after calls that were refused");
  add<FailsToOpenBesideAnother, Id::initialize>(all, "LIF-01", "fails_to_open_beside_another",
                                                "of openings at once one fails",
                                                "the table exists already");
  add<FailsToCloseBesideAnother, Id::close>(all, "LIF-01", "fails_to_close_beside_another",
                                            "of closes at once one fails", "closed already");
  add<HealthMeetsClose<true>, Id::health_check>(all, "LIF-06", "health_throws_beside_close",
                                                "a health check that meets a close throws",
                                                "closed meanwhile");
  add<HealthMeetsClose<false>, Id::health_check>(
      all, "LIF-06", "health_of_another", "a health check tells of the close of another handle",
      "beside one that is being closed");
  add<TellsItsNeighbours, Id::get_session, Id::get_conversation_history, Id::get_task_context,
      Id::list_sessions, Id::get_checkpoint, Id::get_writes, Id::get_metrics>(
      all, "TWO-01", "tells_its_neighbours", "a third handle does not hear of what the first does",
      "by a third handle");
  add<AnswersHalf, Id::get_session, Id::get_conversation_history, Id::list_checkpoints,
      Id::get_writes, Id::get_thread_head, Id::get_metrics>(
      all, "CAN-01", "answers_half", "a read that is cancelled answers what it has by then",
      "or an exception, from");
  add<HidesFromItself, Id::update_session, Id::store_task_context>(
      all, "CAN-02", "hides_from_itself",
      "what a cancelled call has done all the same its handle does not see", "by another handle");
  add<RemovesInSteps, Id::delete_session, Id::cleanup_expired_sessions>(
      all, "CNC-01", "removes_in_steps", "a removal leaves a part to whoever reads meanwhile",
      "concurrent calls");
  add<TakesMoreAfterReopen, Id::update_session, Id::end_session, Id::add_conversation_message,
      Id::store_task_context>(all, "DUR-01", "takes_more_after_reopen",
                              "after a reopen a session that has ended takes more",
                              "of a session that had ended before the reopen");
  add<IdleSinceCreatedAfterReopen, Id::cleanup_expired_sessions>(
      all, "DUR-01", "idle_since_created_after_reopen",
      "after a reopen a session is idle since it was created", "active before the reopen");
  add<TouchesAtTheClose, Id::update_session>(all, "DUR-01", "touches_at_the_close",
                                             "an update of nothing is written at the close",
                                             "after a reopen without a close");
  add<EndsAtAMebibyte, Id::get_conversation_history>(
      all, "CON-04", "ends_at_a_mebibyte", "a history has no more than 1 MiB", "large messages");
  add<EndsAtAMebibyte, Id::list_sessions>(all, "DIR-01", "ends_at_a_mebibyte",
                                          "a list has no more than 1 MiB", "metadata is large");
  add<ListsByTextOfTime, Id::list_sessions>(all, "DIR-01", "lists_by_text_of_time",
                                            "a list goes by times as texts", "of odd times");
  add<CleansSince1970, Id::cleanup_expired_sessions>(all, "CLN-01", "cleans_since_1970",
                                                     "nothing goes if the cut-off is before 1970",
                                                     "around 1970");
  add<ClearsTheThread, Id::create_session, Id::update_session, Id::add_conversation_message,
      Id::store_task_context, Id::end_session>(all, "CTX-04", "clears_the_thread",
                                               "it begins the thread of its id anew",
                                               "the thread of the session");
  add<StoresACheckpoint, Id::create_session, Id::add_conversation_message, Id::store_task_context,
      Id::end_session>(all, "CTX-04", "stores_a_checkpoint",
                       "it stores a checkpoint in the thread of its id",
                       "the thread of the session");
  add<TakesTheContext, Id::store_checkpoint, Id::put_writes, Id::prune_thread, Id::delete_thread,
      Id::copy_thread>(all, "CTX-04", "takes_the_context",
                       "it takes the context of the session of its id",
                       "the context of the session once its thread");
  add<ActiveByWhatIsTooLarge, Id::update_session, Id::add_conversation_message,
      Id::store_task_context>(all, "SES-14", "active_by_what_is_too_large",
                              "what is too large is an activity", "which had nothing to do");
  add<DoneIfNothingMerges, Id::update_session>(
      all, "SES-05", "done_if_nothing_merges",
      "an update whose patch changes nothing counts nothing", "counters beside a patch");
  add<FalseIfNothingChanges, Id::update_session>(all, "SES-10", "false_if_nothing_changes",
                                                 "an update that changes nothing is false",
                                                 "to be true at the time of the one before");
  add<LosesWhatIsOlder, Id::store_task_context>(
      all, "CTX-02", "loses_what_is_older", "a context of an older time is lost", "the context");
  add<LosesWhatIsOlder, Id::update_session>(all, "SES-10", "loses_what_is_older",
                                            "an update at an older time is lost",
                                            "what an update has set when the clock went back");
  add<LosesWhatIsOlder, Id::end_session>(all, "SES-10", "loses_what_is_older",
                                         "an end at an older time is lost",
                                         "when the clock went back");
  add<SeesAMebibyte, Id::cleanup_expired_sessions, Id::get_metrics>(
      all, "CLN-01", "sees_a_mebibyte", "it sees the first mebibyte of sessions", "large sessions");
  add<CursorCutsIds<255>, Id::list_sessions>(all, "DIR-01", "cursor_cuts_ids",
                                             "a cursor keeps 255 bytes of an id",
                                             "the size of a page that is not the last");
  add<TakesTheUsersSessions, Id::delete_session>(all, "DIR-04", "takes_the_users_sessions",
                                                 "what is of a user of its id goes with a session",
                                                 "a session of a user who has the id");
  add<TakesTheUsersSessions, Id::cleanup_expired_sessions>(
      all, "CLN-03", "takes_the_users_sessions", "what is of a user of its id goes with a session",
      "of a user who has the id");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show on rare occasions are caught", "[by_occasion]") {
  agentstore::test::expect_killed(occasion_mutants(), all_rules());
}
