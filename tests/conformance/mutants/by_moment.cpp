// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows at a certain moment: a call is made long before it is awaited, it
// has nothing to do, it is cancelled, or its store is closed meanwhile. What each does wrong stands
// in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_moment {

using Id = MethodId;

/// Shows sessions otherwise than they are, as long as nobody changes them.
class ShowsSessions : public Bug {
public:
  using Bug::Bug;

protected:
  using Change = std::function<void(Session&)>;

  /// From now on, until the version is another one.
  void show_otherwise(const Session& as_it_is, Change change) {
    shared<Kept<Shown>>()->set(as_it_is.session_id, Shown(as_it_is.version, std::move(change)));
  }
  void show(Answer& answer) {
    if (auto* const found = std::get_if<std::optional<Session>>(&answer); found && *found) {
      show(**found);
    } else if (auto* const page = std::get_if<SessionPage>(&answer)) {
      for (Session& session : page->sessions) {
        show(session);
      }
    }
  }

private:
  class Shown {
  public:
    Shown(std::uint64_t of_version, Change how) : version(of_version), change(std::move(how)) {}

    std::uint64_t version;
    Change change;
  };

  void show(Session& session) {
    const std::optional<Shown> shown = shared<Kept<Shown>>()->get(session.session_id);
    if (shown && shown->version == session.version) {
      shown->change(session);
    }
  }
};

// Made long before it is awaited

/// Looks at something when the call is made.
class LooksEarly : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  using Bug::before;
  void before(const Operation& call, const Next& next) override {
    if (has(call)) {
      early_.insert_or_assign(conformance::show(call), Early(next(looked_for(call))));
      times_.set(conformance::show(call), now());
    }
  }

protected:
  /// The session, or the checkpoints of the thread.
  virtual Operation looked_for(const Operation& call) const {
    const bool is_of_thread = method_of(call.kind).interfaces() == Interfaces::thread_directory;
    Operation look(is_of_thread ? Id::list_checkpoints : Id::get_session, call.key);
    look.limit = 1;
    return look;
  }
  Early early(const Operation& call) const { return early_.at(conformance::show(call)); }
  Timestamp time_of(const Operation& call) const {
    return times_.get(conformance::show(call)).value();
  }
  /// Whether what the call is about was there, and a session active.
  bool was_there(const Operation& call) const {
    const Early seen = early(call);
    if (!seen.is_there()) {
      return false;
    }
    const Answer answer = seen.get();
    const auto* const session = std::get_if<std::optional<Session>>(&answer);
    return !session || (*session)->status == "active" || call.kind == Id::delete_session;
  }

private:
  std::map<std::string, Early> early_;
  Kept<Timestamp> times_;
};

/// A read answers what was there when it was made.
class AnswersFromBefore : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      co_return early(call).get();
    }
    co_return co_await next(std::move(call));
  }

protected:
  Operation looked_for(const Operation& call) const override { return call; }
};

/// What was not there when the call was made is not there.
class MissesWhatCame : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && !was_there(call)) {
      co_return call.kind == Id::prune_thread ? Answer(std::uint64_t{0}) : Answer(false);
    }
    co_return co_await next(std::move(call));
  }
};

/// What was there when the call was made is there.
class TrustsWhatItSaw : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool trusts = has(call) && was_there(call);
    Answer answer = co_await next(std::move(call));
    if (bool* const done = std::get_if<bool>(&answer); trusts && done) {
      *done = true;
    }
    co_return answer;
  }
};

/// The time is that at which the call was made.
class TimeOfTheCall : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      Answer answer = co_await next(call);
      show_times(call, answer);
      co_return answer;
    }
    const Timestamp time = time_of(call);
    if (call.kind == Id::cleanup_expired_sessions) {
      call.max_idle += now() - time;
      co_return co_await next(std::move(call));
    }
    const Operation made = call;
    const bool is_new = made.kind == Id::create_session;
    Answer answer = co_await next(std::move(call));
    if (is_positive(answer) && made.kind == method()) {
      shared<Kept<Timestamp>>()->add(place(made), time);
    }
    const std::optional<Session> session = co_await session_of(made.key, next);
    if (session && is_positive(answer)) {
      show_otherwise(*session, [time, is_new](Session& shown) {
        shown.last_activity = time;
        shown.created_at = is_new ? time : shown.created_at;
      });
    }
    co_return answer;
  }

private:
  void show_times(const Operation& call, Answer& answer) {
    show(answer);
    const std::optional<Timestamp> time = shared<Kept<Timestamp>>()->get(place(call));
    if (auto* const found = std::get_if<std::optional<Checkpoint>>(&answer);
        time && found && *found) {
      (*found)->created_at = *time;
    }
    if (auto* const history = std::get_if<std::vector<Message>>(&answer);
        time && history && history->size() == 1) {
      history->front().timestamp = *time;
    }
  }
};

/// The place is that of the call, among calls.
class PlaceOfTheCall : public Bug {
public:
  using Bug::Bug;

  using Bug::before;
  void before(const Operation& call, const Next&) override {
    if (has(call)) {
      places_.set(name_of(call), ++last_);
    }
  }
  awaitable<Answer> around(Operation call, Next next) override {
    Answer answer = co_await next(std::move(call));
    if (auto* const history = std::get_if<std::vector<Message>>(&answer)) {
      sort_stably(*history, [this](const Message& a, const Message& b) {
        return places_.get(a.content).value_or(0) < places_.get(b.content).value_or(0);
      });
    } else if (auto* const list = std::get_if<std::vector<Checkpoint>>(&answer)) {
      sort_stably(*list, [this](const Checkpoint& a, const Checkpoint& b) {
        return places_.get(a.checkpoint_id).value_or(0) > places_.get(b.checkpoint_id).value_or(0);
      });
    }
    co_return answer;
  }

private:
  static std::string name_of(const Operation& call) {
    return call.kind == Id::add_conversation_message ? call.content : *call.checkpoint_id;
  }

  Kept<int> places_;
  std::atomic<int> last_ = 0;
};

/// The session is written back as it was when the call was made.
class WritesBackWhatItSaw : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  awaitable<Answer> around(Operation call, Next next) override {
    std::optional<Session> seen;
    if (has(call) && was_there(call)) {
      const Answer answer = early(call).get();
      seen = std::get<std::optional<Session>>(answer);
      edit(seen->metadata, [&call](json& metadata) {
        metadata.merge_patch(call.update.metadata_patch().value_or(json::object()));
      });
    }
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    if (seen && is_positive(answer)) {
      const std::optional<Session> now = co_await session_of(id, next);
      show_otherwise(now.value(),
                     [metadata = seen->metadata](Session& shown) { shown.metadata = metadata; });
    }
    show(answer);
    co_return answer;
  }
};

/// A clean-up takes the sessions that were idle when it was made.
class CleansWhatItSaw : public LooksEarly {
public:
  using LooksEarly::LooksEarly;

  using LooksEarly::before;
  void before(const Operation& call, const Next& next) override {
    if (!has(call)) {
      return;
    }
    idle_.clear();
    for (const auto& [id, is_known] : shared<Kept<bool>>()->all()) {
      const Early seen(next(Operation(Id::get_session, id)));
      if (!seen.is_there()) {
        continue;
      }
      const Answer answer = seen.get();
      const Session& session = *std::get<std::optional<Session>>(answer);
      if (call.max_idle.count() == 0 || now() - session.last_activity >= call.max_idle) {
        idle_.push_back(id);
      }
    }
  }
  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::create_session) {
      shared<Kept<bool>>()->set(call.key, true);
    }
    if (!has(call) || call.max_idle.count() < 0) {
      co_return co_await next(std::move(call));
    }
    std::uint64_t removed = 0;
    const std::vector<std::string> idle = idle_;
    for (const std::string& id : idle) {
      const Answer answer = co_await next(Operation(Id::delete_session, id));
      removed += is_positive(answer) ? 1u : 0u;
    }
    co_return Answer(removed);
  }

private:
  std::vector<std::string> idle_;
};

/// A call that was made while the store was closed is refused, or the other way round.
template <bool was_open>
class StateOfTheCall : public Bug {
public:
  using Bug::Bug;

  using Bug::before;
  void before(const Operation& call, const Next&) override {
    if (has(call)) {
      is_special_.set(conformance::show(call), is_open_ == was_open);
    }
  }
  awaitable<Answer> around(Operation call, Next next) override {
    const bool special = has(call) && is_special_.get(conformance::show(call)).value_or(false);
    const Id kind = call.kind;
    if (special && !was_open) {
      throw StorageError(errc::closed, std::string(method_of(kind).name), call.key, "closed");
    }
    try {
      Answer answer = co_await next(std::move(call));
      is_open_ = kind == Id::initialize || (is_open_ && kind != Id::close);
      co_return answer;
    } catch (const StorageError& error) {
      if (!special || !was_open || !means(error.code(), errc::closed)) {
        throw;
      }
    }
    co_return kind == Id::get_session ? Answer(std::optional<Session>()) : Answer(false);
  }

private:
  std::atomic<bool> is_open_ = false;
  Kept<bool> is_special_;
};

// With nothing to do

/// What a call does although it has nothing to do.
enum class Slip { touches, counts_a_version, counts_an_error, forgets_history, forgets_context };

/// Its answer is negative, or it throws, and yet something of the session changes.
template <Slip slip>
class SlipsInVain : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto slips = shared<Kept<Timestamp>>();
    const auto made = shared<Kept<bool>>();
    const Operation asked = call;
    std::optional<Answer> answer;
    std::exception_ptr error;
    try {
      answer = co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    if (has(asked) && (!answer || !is_positive(*answer))) {
      for (const auto& [id, is_made] : made->all()) {
        if (asked.key == id || asked.key.empty()) {
          slips->set(id, now());
        }
      }
    }
    if (error) {
      std::rethrow_exception(error);
    }
    if (asked.kind == Id::create_session) {
      made->set(asked.key, true);
      slips->erase(asked.key);
    }
    spoil(asked, *answer, *slips);
    co_return *std::move(answer);
  }

private:
  void spoil(const Operation& call, Answer& answer, const Kept<Timestamp>& slips) {
    if (auto* const found = std::get_if<std::optional<Session>>(&answer); found && *found) {
      if (const std::optional<Timestamp> slipped = slips.get(call.key)) {
        Session& session = **found;
        session.version += slip == Slip::counts_a_version ? 1u : 0u;
        session.error_count += slip == Slip::counts_an_error ? 1u : 0u;
        session.last_activity = slip == Slip::touches ? std::max(session.last_activity, *slipped)
                                                      : session.last_activity;
      }
    }
    const bool forgets =
        (slip == Slip::forgets_history && call.kind == Id::get_conversation_history) ||
        (slip == Slip::forgets_context && call.kind == Id::get_task_context);
    if (forgets && slips.has(call.key)) {
      make_empty(answer);
    }
  }
};

/// Any call of the method is an activity of the session of its id, or of all.
class Touches : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto touched = shared<Kept<Timestamp>>();
    if (has(call)) {
      touched->set(call.key, now());
    }
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    if (auto* const found = std::get_if<std::optional<Session>>(&answer); found && *found) {
      for (const std::string& key : {id, std::string()}) {
        (*found)->last_activity =
            std::max((*found)->last_activity, touched->get(key).value_or(Timestamp::min()));
      }
    }
    co_return answer;
  }
};

/// To an ended session nothing is true, but what would change nothing.
class TrueIfNothingChanges : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      co_return co_await next(std::move(call));
    }
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    if (is_positive(answer)) {
      co_return answer;
    }
    const bool is_update = asked.kind == Id::update_session;
    const Answer now =
        co_await next(Operation(is_update ? Id::get_session : Id::get_task_context, asked.key));
    if (is_update && is_positive(now)) {
      const json old = std::get<std::optional<Session>>(now)->metadata.tree();
      json merged = old;
      merged.merge_patch(asked.update.metadata_patch().value_or(json::object()));
      answer = merged == old && !asked.update.counts_request() && !asked.update.counts_error() &&
               asked.update.processing_time().count() == 0;
    } else if (is_positive(now)) {
      answer = *std::get<std::optional<Document>>(now) == asked.value;
    }
    co_return answer;
  }
};

/// An equal create gives the session that is there.
class CreatesTheSame : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    std::exception_ptr error;
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    if (has(asked) && !asked.key.empty()) {
      const Answer now = co_await next(Operation(Id::get_session, asked.key));
      const auto& session = std::get<std::optional<Session>>(now);
      if (session && session->user_id == asked.user_id && session->metadata == asked.metadata) {
        co_return Answer(*session);
      }
    }
    std::rethrow_exception(error);
  }
};

// Cancelled

/// A call that is cancelled before it had its effect changes this of its session.
template <Slip slip>
class SlipsWhenCancelled : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      Answer answer = co_await next(std::move(call));
      show(answer);
      co_return answer;
    }
    const std::optional<Session> session = co_await session_of(call.key, next);
    try {
      co_await round_trip();
    } catch (...) {
      if (session) {
        show_otherwise(*session, [at = now()](Session& shown) {
          shown.last_activity = slip == Slip::touches ? at : shown.last_activity;
          shown.version += slip == Slip::counts_a_version ? 1u : 0u;
          shown.error_count += slip == Slip::counts_an_error ? 1u : 0u;
        });
      }
      throw;
    }
    co_return co_await next(std::move(call));
  }
};

/// A call that is cancelled when it had its effect leaves the time of the session behind.
class LeavesTheTimeBehind : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      Answer answer = co_await next(std::move(call));
      show(answer);
      co_return answer;
    }
    const std::string id = call.key;
    const std::optional<Session> before = co_await session_of(id, next);
    Answer answer = co_await next(std::move(call));
    const std::optional<Session> now = co_await session_of(id, next);
    try {
      co_await round_trip();
    } catch (...) {
      if (now) {
        show_otherwise(*now, [time = before.value().last_activity](Session& shown) {
          shown.last_activity = time;
        });
      }
      throw;
    }
    co_return answer;
  }
};

// Closed meanwhile

/// Counts the closes of all handles.
class CountsCloses : public Bug {
public:
  using Bug::Bug;

protected:
  int closes(const Operation& call) {
    const auto all = shared<std::atomic<int>>();
    own_ += call.kind == Id::close ? 1 : 0;
    return call.kind == Id::close ? ++*all : all->load();
  }
  int own() const { return own_; }

private:
  std::atomic<int> own_ = 0;
};

/// A read that meets the close of its handle finds nothing.
class FindsNothingWhenClosed : public CountsCloses {
public:
  using CountsCloses::CountsCloses;

  awaitable<Answer> around(Operation call, Next next) override {
    closes(call);
    if (!has(call)) {
      co_return co_await next(std::move(call));
    }
    const int before = own();
    Answer answer = co_await next(std::move(call));
    co_await step_far_aside();
    if (own() != before) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// A call is refused when another handle is closed meanwhile.
class RefusedWithAnother : public CountsCloses {
public:
  using CountsCloses::CountsCloses;

  awaitable<Answer> around(Operation call, Next next) override {
    const int before = closes(call);
    if (has(call)) {
      co_await step_far_aside();
      if (closes(Operation(Id::get_session, "")) != before) {
        throw StorageError(errc::closed, std::string(method_of(call.kind).name), call.key,
                           "closed");
      }
    }
    co_return co_await next(std::move(call));
  }
};

/// A write is lost when another handle is closed meanwhile.
class LostWithAnother : public CountsCloses {
public:
  using CountsCloses::CountsCloses;

  awaitable<Answer> around(Operation call, Next next) override {
    const int before = closes(call);
    if (has(call)) {
      co_await step_far_aside();
      if (closes(Operation(Id::get_session, "")) != before) {
        co_return Answer(true);
      }
    }
    co_return co_await next(std::move(call));
  }
};

// While another call is under way

/// What another call does to the same session, while this one writes it back, is lost.
template <Id other>
class LosesBeside : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    if (has(call)) {
      co_return co_await slow(std::move(call), std::move(next));
    }
    const auto running = shared<Running>();
    Answer answer = co_await next(std::move(call));
    if (asked.kind == other && is_positive(answer)) {
      for (const auto& [id, is_running] : running->under_way.all()) {
        if (asked.key == id || asked.key.empty()) {
          running->met.set(id, asked);
        }
      }
    }
    spoil(asked, answer, *running);
    co_return answer;
  }

private:
  class Running {
  public:
    Kept<bool> under_way;
    Kept<Operation> met;
    Kept<bool> hidden;   // messages by their contents
    Kept<Answer> ghosts; // what reads find that should not
  };

  static std::string ghost(Id read, const std::string& id) {
    return std::string(method_of(read).name) + id;
  }

  awaitable<Answer> slow(Operation call, Next next) {
    const auto running = shared<Running>();
    const std::string id = call.key;
    const Answer context = co_await next(Operation(Id::get_task_context, id));
    std::optional<Session> written = co_await session_of(id, next);
    running->under_way.set(id, true);
    if (method() == Id::end_session) { // of which the others must come first
      co_await step_far_aside();
    }
    Answer answer = co_await next(std::move(call));
    if (method() != Id::end_session) {
      written = co_await session_of(id, next);
    }
    Operation read(Id::get_conversation_history, id);
    read.limit = 100;
    const Answer history = co_await next(std::move(read));
    const Answer stored = co_await next(Operation(Id::get_task_context, id));
    co_await step_far_aside();
    running->under_way.erase(id);
    const std::optional<Operation> met = running->met.get(id);
    running->met.erase(id);
    if (!met || !is_positive(answer)) {
      co_return answer;
    }
    if (other == Id::update_session) {
      Operation undo(Id::update_session, id);
      undo.update.updates(removal_of(*met->update.metadata_patch()));
      static_cast<void>(co_await next(std::move(undo)));
      if (const auto now = co_await session_of(id, next)) { // which may have ended
        show_otherwise(*now, [metadata = written.value().metadata](Session& shown) {
          shown.metadata = metadata;
        });
      }
    } else if (other == Id::add_conversation_message) {
      running->hidden.set(met->content, true);
    } else if (other == Id::store_task_context) {
      running->ghosts.set("lost" + id, context);
    } else if (other == Id::end_session) {
      const std::optional<Session> now = co_await session_of(id, next);
      show_otherwise(now.value(), [](Session& shown) { shown.status = "active"; });
    } else if (other == Id::create_session) {
      static_cast<void>(co_await next(Operation(Id::delete_session, id)));
    } else {
      running->ghosts.set(ghost(Id::get_conversation_history, id), history);
      running->ghosts.set(ghost(Id::get_task_context, id), stored);
      if (method() == Id::update_session) {
        running->ghosts.set(ghost(Id::get_session, id), Answer(written));
      }
    }
    co_return answer;
  }

  void spoil(const Operation& call, Answer& answer, const Running& running) {
    show(answer);
    if (auto* const history = std::get_if<std::vector<Message>>(&answer)) {
      std::erase_if(*history, [&running](const Message& message) {
        return running.hidden.has(message.content);
      });
    }
    if (const std::optional<Answer> lost = running.ghosts.get("lost" + call.key);
        lost && call.kind == Id::get_task_context) {
      answer = *lost;
    }
    if (const std::optional<Answer> found = running.ghosts.get(ghost(call.kind, call.key));
        found && !is_positive(answer)) {
      answer = *found;
    }
  }
};

// What another handle does

/// A handle keeps what it has read until a handle does anything but this.
template <Id by_another>
class StaleAfterAnother : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto changes = shared<std::atomic<int>>();
    const std::string text = conformance::show(call) + '\n' + std::to_string(changes->load());
    const bool writes = method_of(call.kind).kind != MethodKind::reads;
    const Id kind = call.kind;
    if (const std::optional<Answer> known = known_.get(text); has(call) && known) {
      co_return *known;
    }
    const bool keeps = has(call);
    Answer answer = co_await next(std::move(call));
    if (keeps) {
      known_.set(text, answer);
    } else if (writes && kind != by_another) {
      ++*changes;
    } else if (writes) {
      for (const auto& [old, is_known] : known_.all()) {
        known_.erase(old);
      }
    }
    co_return answer;
  }

private:
  Kept<Answer> known_;
};

/// A handle keeps what it has read of a session until its version is another one, or until it
/// writes itself.
class StaleWhileTheVersionIs : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  awaitable<Answer> around(Operation call, Next next) override {
    if (method_of(call.kind).kind != MethodKind::reads) {
      for (const auto& [old, is_known] : known_.all()) {
        known_.erase(old);
      }
    }
    if (!has(call)) {
      co_return co_await next(std::move(call));
    }
    const std::optional<Session> session = co_await session_of(call.key, next);
    const std::string version = session ? std::to_string(session->version) : "none";
    const std::string text = conformance::show(call) + '\n' + version;
    if (const std::optional<Answer> known = known_.get(text)) {
      co_return *known;
    }
    Answer answer = co_await next(std::move(call));
    known_.set(text, answer);
    co_return answer;
  }

private:
  Kept<Answer> known_;
};

// Idle for how long

/// A clean-up goes by an index of activities, in which this call has the time of the clock.
class CleansByAnIndex : public ShowsSessions {
public:
  using ShowsSessions::ShowsSessions;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto index = shared<Kept<Timestamp>>();
    if (call.kind == Id::cleanup_expired_sessions && call.max_idle.count() > 0) {
      co_return co_await cleaned(call.max_idle, *index, next);
    }
    const Operation asked = call;
    std::optional<Answer> answer;
    std::exception_ptr error;
    try {
      answer = co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    const std::optional<Session> session = co_await session_of(asked.key, next);
    if (session && method_of(asked.kind).kind == MethodKind::writes) {
      index->set(asked.key, has(asked) ? now() : session->last_activity);
    }
    if (error) {
      std::rethrow_exception(error);
    }
    co_return *std::move(answer);
  }

private:
  awaitable<Answer> cleaned(std::chrono::microseconds max_idle, const Kept<Timestamp>& index,
                            Next next) {
    std::uint64_t removed = 0;
    for (const auto& [id, time] : index.all()) {
      if (now() - time >= max_idle) {
        const Answer answer = co_await next(Operation(Id::delete_session, id));
        removed += is_positive(answer) ? 1u : 0u;
      }
    }
    co_return Answer(removed);
  }
};

/// A list goes by such an index.
class ListsByAnIndex : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto index = shared<Kept<Timestamp>>();
    if (has(call)) {
      index->set(call.key, now());
    }
    Answer answer = co_await next(std::move(call));
    if (auto* const page = std::get_if<SessionPage>(&answer); page && page->next.empty()) {
      sort_stably(page->sessions, [&index](const Session& a, const Session& b) {
        return index->get(a.session_id).value_or(a.last_activity) >
               index->get(b.session_id).value_or(b.last_activity);
      });
    }
    co_return answer;
  }
};

// Counted

/// Such a call counts one session less, or more, that is active.
template <bool of_negative, int difference>
class MisCounts : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto off = shared<std::atomic<int>>();
    const Operation asked = call;
    std::optional<Answer> answer;
    std::exception_ptr error;
    bool has_ended = false;
    if (asked.kind == Id::delete_session && has(asked) && !asked.key.empty()) {
      const Answer seen = co_await next(Operation(Id::get_session, asked.key));
      const auto& session = std::get<std::optional<Session>>(seen);
      has_ended = session && session->status != "active";
    }
    try {
      answer = co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    const bool is_negative = !answer || !is_positive(*answer);
    if (has(asked) && (of_negative ? is_negative : !is_negative && has_ended)) {
      *off += difference;
    }
    if (error) {
      std::rethrow_exception(error);
    }
    if (auto* const metrics = std::get_if<Metrics>(&*answer)) {
      metrics->active_sessions += static_cast<std::uint64_t>(std::int64_t{off->load()});
    }
    co_return *std::move(answer);
  }
};

} // namespace mutants::by_moment

std::vector<Mutant> moment_mutants() {
  using namespace mutants::by_moment;
  using mutants::add;
  std::vector<Mutant> all;
  add<AnswersFromBefore, Id::get_session, Id::get_conversation_history, Id::get_task_context,
      Id::list_sessions, Id::get_checkpoint, Id::list_checkpoints, Id::get_writes, Id::list_threads,
      Id::list_checkpoints_before, Id::get_thread_head, Id::get_metrics>(
      all, "ASY-01", "answers_from_before", "what was there when the read was made is answered",
      "made before and awaited");
  add<MissesWhatCame, Id::update_session, Id::end_session, Id::add_conversation_message,
      Id::store_task_context, Id::delete_session, Id::delete_thread, Id::prune_thread,
      Id::copy_thread>(all, "ASY-01", "misses_what_came",
                       "what was not there when the call was made is not found",
                       "made before there was");
  add<TrustsWhatItSaw, Id::update_session, Id::end_session, Id::add_conversation_message,
      Id::store_task_context, Id::delete_session, Id::delete_thread>(
      all, "ASY-01", "trusts_what_it_saw", "what was there when the call was made is there still",
      "made before");
  add<TimeOfTheCall, Id::create_session, Id::update_session, Id::add_conversation_message,
      Id::store_checkpoint, Id::put_checkpoint>(all, "ASY-01", "time_of_the_call",
                                                "the time is that at which the call was made",
                                                "made long before");
  add<TimeOfTheCall, Id::cleanup_expired_sessions>(
      all, "ASY-01", "time_of_the_call", "idle is what was idle when the clean-up was made",
      "by the time it was awaited");
  add<CleansWhatItSaw, Id::cleanup_expired_sessions>(
      all, "ASY-01", "cleans_what_it_saw", "what goes are the sessions that were idle at the call",
      "active since");
  add<PlaceOfTheCall, Id::add_conversation_message, Id::store_checkpoint, Id::put_checkpoint>(
      all, "ASY-01", "place_of_the_call", "places are given when calls are made",
      "in the order of the awaits");
  add<WritesBackWhatItSaw, Id::update_session, Id::end_session, Id::add_conversation_message,
      Id::store_task_context>(all, "ASY-01", "writes_back_what_it_saw",
                              "the session is as it was when the call was made",
                              "what the update has changed to stay");
  add<StateOfTheCall<false>, Id::get_session, Id::add_conversation_message, Id::get_metrics>(
      all, "ASY-01", "closed_at_the_call", "a store that was closed at the call is closed",
      "made while closed");
  add<StateOfTheCall<true>, Id::get_session, Id::end_session, Id::delete_thread>(
      all, "ASY-01", "open_at_the_call", "a store that was open at the call is open",
      "made before the close");

  add<SlipsInVain<Slip::touches>, Id::add_conversation_message, Id::store_task_context,
      Id::create_session>(all, "SES-14", "touches_in_vain",
                          "a call with nothing to do is an activity", "which had nothing to do");
  add<SlipsInVain<Slip::touches>, Id::cleanup_expired_sessions>(
      all, "SES-14", "touches_in_vain", "a clean-up of nothing is an activity of all sessions",
      "which had nothing to do");
  add<SlipsInVain<Slip::counts_a_version>, Id::add_conversation_message, Id::store_task_context,
      Id::create_session, Id::cleanup_expired_sessions>(all, "SES-14", "versions_in_vain",
                                                        "a call with nothing to do makes a version",
                                                        "which had nothing to do");
  add<SlipsInVain<Slip::counts_an_error>, Id::add_conversation_message, Id::store_task_context,
      Id::create_session>(all, "SES-14", "errors_in_vain",
                          "a call with nothing to do counts as an error",
                          "which had nothing to do");
  add<SlipsInVain<Slip::forgets_history>, Id::update_session, Id::end_session,
      Id::add_conversation_message, Id::create_session, Id::cleanup_expired_sessions>(
      all, "SES-14", "forgets_history", "a call with nothing to do removes the history",
      "after calls that had nothing to do");
  add<SlipsInVain<Slip::forgets_context>, Id::update_session, Id::end_session,
      Id::store_task_context, Id::create_session, Id::cleanup_expired_sessions>(
      all, "SES-14", "forgets_context", "a call with nothing to do removes the context",
      "after calls that had nothing to do");
  add<TrueIfNothingChanges, Id::update_session, Id::store_task_context>(
      all, "SES-14", "true_if_nothing_changes",
      "what changes nothing is true once the session has ended",
      "that has ended to change nothing");
  add<CreatesTheSame, Id::create_session>(all, "SES-14", "creates_the_same",
                                          "an equal create gives the session that is there",
                                          "a create by");
  add<Touches, Id::store_checkpoint, Id::put_writes, Id::get_checkpoint, Id::list_checkpoints,
      Id::get_writes, Id::prune_thread, Id::delete_thread, Id::copy_thread, Id::get_thread_head,
      Id::get_metrics, Id::initialize, Id::close>(
      all, "SES-10", "touches", "what is no update or append of the session is an activity",
      "the session after");

  add<SlipsWhenCancelled<Slip::touches>, Id::update_session, Id::add_conversation_message,
      Id::store_task_context, Id::end_session>(all, "CAN-02", "touches_when_cancelled",
                                               "a cancelled call without effect is an activity",
                                               "without effect");
  add<SlipsWhenCancelled<Slip::counts_a_version>, Id::update_session, Id::add_conversation_message,
      Id::store_task_context, Id::end_session>(all, "CAN-02", "versions_when_cancelled",
                                               "a cancelled call without effect makes a version",
                                               "without effect");
  add<SlipsWhenCancelled<Slip::counts_an_error>, Id::add_conversation_message,
      Id::store_task_context, Id::end_session>(all, "CAN-02", "errors_when_cancelled",
                                               "a cancelled call without effect counts as an error",
                                               "without effect");
  add<LeavesTheTimeBehind, Id::update_session, Id::add_conversation_message>(
      all, "CAN-02", "leaves_the_time_behind",
      "a cancelled call has its effect, but is no activity", "last_activity to move with");

  add<FindsNothingWhenClosed, Id::get_session, Id::get_conversation_history, Id::get_task_context,
      Id::list_sessions, Id::get_checkpoint, Id::list_checkpoints, Id::get_writes,
      Id::list_threads>(all, "LIF-04", "finds_nothing_when_closed",
                        "a read that meets a close finds nothing", "beside close() of its handle");
  add<RefusedWithAnother, Id::get_session, Id::get_conversation_history, Id::update_session,
      Id::add_conversation_message, Id::store_checkpoint, Id::put_writes>(
      all, "LIF-04", "refused_with_another", "the close of one handle refuses the calls of another",
      "beside close() of another handle");
  add<LostWithAnother, Id::update_session, Id::add_conversation_message, Id::end_session,
      Id::store_task_context, Id::store_checkpoint, Id::put_writes>(
      all, "LIF-04", "lost_with_another", "the close of one handle loses the writes of another",
      "which was true beside close()");
  add<LosesBeside<Id::update_session>, Id::end_session, Id::add_conversation_message,
      Id::store_task_context>(all, "CNC-01", "loses_an_update_beside",
                              "an update beside another call is lost", "concurrent calls");
  add<LosesBeside<Id::add_conversation_message>, Id::update_session, Id::end_session,
      Id::store_task_context>(all, "CNC-01", "loses_an_append_beside",
                              "an append beside another call is lost", "concurrent calls");
  add<LosesBeside<Id::store_task_context>, Id::update_session, Id::end_session,
      Id::add_conversation_message>(all, "CNC-01", "loses_a_context_beside",
                                    "a context beside another call is lost", "concurrent calls");
  add<LosesBeside<Id::end_session>, Id::update_session, Id::add_conversation_message,
      Id::store_task_context>(all, "CNC-01", "loses_an_end_beside",
                              "an end beside another call is lost", "concurrent calls");
  add<LosesBeside<Id::create_session>, Id::delete_session>(
      all, "CNC-01", "loses_a_create_beside", "a deletion takes what was made afresh meanwhile",
      "concurrent calls");
  add<LosesBeside<Id::delete_session>, Id::update_session, Id::add_conversation_message,
      Id::store_task_context>(all, "CNC-01", "survives_a_deletion_beside",
                              "what is written beside a deletion stays", "concurrent calls");
  add<LosesBeside<Id::cleanup_expired_sessions>, Id::update_session, Id::add_conversation_message,
      Id::store_task_context>(all, "CNC-01", "survives_a_clean_up_beside",
                              "what is written beside a clean-up stays", "concurrent calls");

  add<StaleAfterAnother<Id::cleanup_expired_sessions>, Id::get_session,
      Id::get_conversation_history, Id::get_task_context, Id::list_sessions, Id::get_checkpoint,
      Id::list_checkpoints, Id::get_writes, Id::list_threads, Id::get_thread_head,
      Id::list_checkpoints_before, Id::get_metrics>(
      all, "TWO-01", "stale_after_clean_up", "a read is kept over a clean-up by another handle",
      "after a clean-up");
  add<StaleAfterAnother<Id::delete_session>, Id::get_session, Id::get_conversation_history,
      Id::get_task_context, Id::list_sessions, Id::get_writes, Id::get_metrics>(
      all, "TWO-01", "stale_after_deletion", "a read is kept over a deletion by another handle",
      "by the other handle, after");
  add<StaleAfterAnother<Id::update_session>, Id::list_sessions>(
      all, "TWO-01", "stale_after_update", "a read is kept over an update by another handle",
      "by the other handle, after");
  add<StaleWhileTheVersionIs, Id::get_session, Id::get_conversation_history>(
      all, "TWO-01", "stale_while_the_version_is", "what is made afresh has a version of before",
      "by the other handle, after");

  add<CleansByAnIndex, Id::update_session, Id::add_conversation_message, Id::store_task_context,
      Id::end_session, Id::create_session>(all, "CLN-02", "cleans_by_an_index",
                                           "a clean-up goes by an index that a call spoils",
                                           "a clean-up of a session");
  add<ListsByAnIndex, Id::update_session, Id::add_conversation_message, Id::store_task_context,
      Id::end_session>(all, "DIR-01", "lists_by_an_index",
                       "a list goes by an index that a call spoils", "the sessions of user");
  add<MisCounts<true, 1>, Id::create_session, Id::add_conversation_message, Id::store_task_context,
      Id::copy_thread, Id::delete_thread>(all, "MET-01", "counts_in_vain",
                                          "a call with nothing to do is counted", "the counts");
  add<MisCounts<true, -1>, Id::end_session, Id::delete_session, Id::cleanup_expired_sessions>(
      all, "MET-01", "discounts_in_vain", "a call with nothing to do is counted", "the counts");
  add<MisCounts<false, -1>, Id::delete_session>(
      all, "MET-01", "discounts_the_ended",
      "the deletion of an ended session counts as of an active", "the counts");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show at a certain moment are caught", "[by_moment]") {
  agentstore::test::expect_killed(moment_mutants(), all_rules());
}
