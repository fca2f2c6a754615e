// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows only once something has happened: another handle has been there, a
// reopen has come twice, there was much, or it was there before. What each does wrong stands in the
// table at the end.

#include "conformance/mutants/another_thread.hpp"
#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_history {

using Id = MethodId;

// After a copy

/// In a copy, what is stored or put again counts as new.
class CopiesAreNew : public KnowsCopies {
public:
  using KnowsCopies::KnowsCopies;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto again = shared<Kept<Operation>>();
    if (is_of_copy(call) && method_of(call.kind).kind == MethodKind::writes) {
      again->set(place(call), call);
    }
    const std::string at = place(call);
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (const std::optional<Operation> last = again->get(at); shows && last) {
      show_as_new(answer, *last, now());
    }
    co_return answer;
  }
};

/// The writes of a copy go with the session of its source.
class CopiesGoWithTheSource : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto sources = shared<Kept<std::string>>();
    const auto gone = shared<Kept<bool>>();
    if (call.kind == Id::copy_thread) {
      sources->add(call.target, call.key);
    } else if (call.kind == Id::delete_session || call.kind == Id::cleanup_expired_sessions) {
      for (const auto& [copy, source] : sources->all()) {
        if (has(call) && (call.kind != Id::delete_session || source == call.key)) {
          gone->set(copy, true);
        }
      }
    }
    const bool is_lost = call.kind == Id::get_writes && gone->has(call.key);
    Answer answer = co_await next(std::move(call));
    if (is_lost) {
      answer = std::vector<PendingWrite>();
    }
    co_return answer;
  }
};

/// A copy has the newest so many of the source.
template <std::size_t most>
class CopiesTheNewest : public KnowsCopies {
public:
  using KnowsCopies::KnowsCopies;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool cuts = is_of_copy(call);
    Answer answer = co_await next(std::move(call));
    if (auto* all = std::get_if<std::vector<Checkpoint>>(&answer); cuts && all) {
      all->resize(std::min(all->size(), most));
    }
    co_return answer;
  }
};

/// A thread that was pruned to nothing is still there, for a copy to it or for its deletion.
class PrunedIsStillThere : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto pruned = shared<Kept<bool>>();
    if (call.kind == Id::prune_thread && call.limit == 0) {
      pruned->set(call.key, true);
    }
    if (has(call) && call.kind == Id::copy_thread && pruned->has(call.target)) {
      throw StorageError(errc::already_exists, "copy_thread", call.target, "pruned");
    }
    const bool lies = has(call) && call.kind == Id::delete_thread && pruned->has(call.key);
    Answer answer = co_await next(std::move(call));
    if (lies) {
      answer = true;
    }
    co_return answer;
  }
};

// By this handle itself

/// A read that is kept until any write but this one is made.
template <Id writer>
class StaleAfter : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string text = show(call);
    if (method_of(call.kind).kind != MethodKind::reads && call.kind != writer) {
      known_.clear();
    }
    const auto known = known_.find(text);
    if (has(call) && known != known_.end()) {
      co_return known->second;
    }
    const bool keeps = has(call);
    Answer answer = co_await next(std::move(call));
    if (keeps) {
      known_.emplace(text, answer);
    }
    co_return answer;
  }

private:
  std::map<std::string, Answer> known_;
};

// By another handle

/// A handle remembers that there was nothing to do, until it makes something itself.
class KeepsRefusals : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    if (call.kind == Id::create_session || call.kind == Id::store_checkpoint) {
      refused_.erase(key);
    }
    if (has(call) && refused_.has(key)) {
      co_return Answer(false);
    }
    const bool keeps = has(call);
    Answer answer = co_await next(std::move(call));
    if (keeps && !is_positive(answer)) {
      refused_.set(key, true);
    }
    co_return answer;
  }

private:
  Kept<bool> refused_;
};

/// A handle that once wrote to a session does not ask again whether it is still there.
class WritesOnceAndForAll : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    if (call.kind == Id::end_session || call.kind == Id::delete_session) {
      known_.erase(key);
    } else if (call.kind == Id::cleanup_expired_sessions) {
      for (const auto& [id, is_known] : known_.all()) {
        known_.erase(id);
      }
    }
    const bool writes = has(call);
    Answer answer = co_await next(std::move(call));
    if (bool* done = std::get_if<bool>(&answer); writes && done) {
      *done = *done || known_.has(key);
      known_.set(key, *done);
    }
    co_return answer;
  }

private:
  Kept<bool> known_;
};

/// A handle knows what was there, and does not hear that another has removed it.
class KnowsWhatWasThere : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Id kind = call.kind;
    const std::string key = kind == Id::copy_thread ? call.target : call.key;
    if (has(call) && known_.has(key)) {
      throw StorageError(errc::already_exists, std::string(method_of(kind).name), key, "known");
    }
    Answer answer = co_await next(std::move(call));
    const bool is_of_threads = method() == Id::copy_thread;
    if (kind == (is_of_threads ? Id::get_checkpoint : Id::create_session) && is_positive(answer)) {
      known_.set(key, true);
    }
    co_return answer;
  }

private:
  Kept<bool> known_;
};

/// A handle knows what it made, and does not hear that another has removed it.
class KnowsWhatItMade : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.kind == Id::copy_thread ? call.target : call.key;
    if (has(call) && made_.has(key)) {
      throw StorageError(errc::already_exists, std::string(method_of(call.kind).name), key, "made");
    }
    const bool makes = has(call);
    if (call.kind == Id::delete_thread || call.kind == Id::delete_session) {
      made_.erase(key);
    }
    Answer answer = co_await next(std::move(call));
    if (makes && is_positive(answer)) {
      made_.set(key, true);
    }
    co_return answer;
  }

private:
  Kept<bool> made_;
};

/// What another handle stored first is new when it is stored again.
class NewByAnother : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto first = shared<Kept<const Bug*>>();
    const auto again = shared<Kept<Timestamp>>();
    const std::string at = place(call);
    if (call.kind == Id::store_checkpoint || call.kind == Id::put_checkpoint) {
      if (!first->add(at, this) && first->get(at) != this) {
        again->set(at, now());
      }
    }
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    auto* const found = std::get_if<std::optional<Checkpoint>>(&answer);
    if (const auto time = again->get(at); shows && time && found && *found) {
      (*found)->created_at = *time;
    }
    co_return answer;
  }
};

// After reopens

/// What was written two openings ago is not found.
class LivesThroughOneReopen : public Bug {
public:
  LivesThroughOneReopen(MutantSpace& space, MethodId method) : Bug(space, method) {
    number_ = ++shared<Openings>()->count;
  }

  awaitable<Answer> around(Operation call, Next next) override {
    const auto openings = shared<Openings>();
    if (method_of(call.kind).kind == MethodKind::writes) {
      openings->of.set(call.key, number_);
    }
    const bool is_lost = has(call) && openings->of.get(call.key).value_or(number_) + 2 <= number_;
    Answer answer = co_await next(std::move(call));
    if (is_lost) {
      spoil(answer);
    }
    co_return answer;
  }

protected:
  virtual void spoil(Answer& answer) const { make_empty(answer); }

private:
  class Openings {
  public:
    std::atomic<int> count = 0;
    Kept<int> of;
  };

  int number_;
};

/// The second reopen turns the order.
class TurnsAtTheSecondReopen : public LivesThroughOneReopen {
public:
  using LivesThroughOneReopen::LivesThroughOneReopen;

protected:
  void spoil(Answer& answer) const override {
    if (auto* messages = std::get_if<std::vector<Message>>(&answer)) {
      std::reverse(messages->begin(), messages->end());
    } else if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer)) {
      std::reverse(checkpoints->begin(), checkpoints->end());
    }
  }
};

/// Knows how often it was closed.
class KnowsItsClose : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::close) {
      ++closed_;
    }
    return next(std::move(call));
  }

protected:
  int closed() const { return closed_; }

private:
  int closed_ = 0;
};

/// It puts what is stored again behind all, once it was opened again.
class MovesAfterReopen : public KnowsItsClose {
public:
  using KnowsItsClose::KnowsItsClose;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && closed() > 0) {
      moved_.set(call.key, *call.checkpoint_id);
    }
    const bool lists = call.kind == Id::list_checkpoints;
    const std::string thread = call.key;
    Answer answer = co_await KnowsItsClose::around(std::move(call), std::move(next));
    if (const auto moved = moved_.get(thread); lists && moved) {
      auto& all = std::get<std::vector<Checkpoint>>(answer);
      const auto is_moved = [&moved](const Checkpoint& each) {
        return each.checkpoint_id == *moved;
      };
      const auto at = std::find_if(all.begin(), all.end(), is_moved);
      std::rotate(all.begin(), at, at == all.end() ? at : at + 1);
    }
    co_return answer;
  }

private:
  Kept<std::string> moved_;
};

/// It is unwell when it was closed so often.
template <int often>
class UnwellAfter : public KnowsItsClose {
public:
  using KnowsItsClose::KnowsItsClose;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool spoils = has(call) && closed() >= often;
    Answer answer = co_await KnowsItsClose::around(std::move(call), std::move(next));
    if (spoils) {
      auto& health = std::get<Health>(answer);
      health.status = Health::Status::unhealthy;
      health.issues.emplace_back("closed");
    }
    co_return answer;
  }
};

/// Only the first handle on a space says that it is closed.
class TheFirstAloneIsClosed : public KnowsItsClose {
public:
  TheFirstAloneIsClosed(MutantSpace& space, MethodId method) : KnowsItsClose(space, method) {
    is_first_ = shared<Kept<bool>>()->add("", true);
  }

  awaitable<Answer> around(Operation call, Next next) override {
    const bool lies = has(call) && closed() > 0 && !is_first_;
    Answer answer = co_await KnowsItsClose::around(std::move(call), std::move(next));
    if (lies) {
      auto& health = std::get<Health>(answer);
      health.status = Health::Status::healthy;
      health.issues.clear();
    }
    co_return answer;
  }

private:
  bool is_first_;
};

// After a refusal

/// A refusal comes back on another thread.
class RefusesElsewhere : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool shows = has(call);
    std::exception_ptr error;
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    if (shows) {
      co_await elsewhere_.go();
    }
    std::rethrow_exception(error);
  }

private:
  AnotherThread elsewhere_;
};

/// A refusal names the helper that looked at the argument.
class RefusesByAHelper : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool shows = has(call);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (shows && means(error.code(), errc::invalid_argument)) {
        throw StorageError(error.code(), "check_arguments", error.key(), "refused");
      }
      throw;
    }
  }
};

/// The snapshot behind a refused one has the version of the one before, or the first.
template <bool first>
class VersionOfTheRefused : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const bool appends = has(call);
    const bool reads = call.archive_kind == ArchiveKind::task_context_snapshot;
    Answer answer = co_await next(std::move(call));
    if (appends && !std::get<bool>(answer)) {
      refused_.set(key, true);
    }
    if (auto* records = std::get_if<std::vector<ArchiveRecord>>(&answer);
        reads && records && records->size() > 1 && refused_.has(key)) {
      const ArchiveRecord& before = first ? records->front() : (*records)[records->size() - 2];
      records->back().fields["version"] = before.fields.at("version");
    }
    co_return answer;
  }

private:
  Kept<bool> refused_;
};

/// The time of a call is that of the first on the handle.
class TimeOfTheFirstCall : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && !call.time) {
      first_.add("", now());
      call.time = first_.get("");
    }
    return next(std::move(call));
  }

private:
  Kept<Timestamp> first_;
};

// Of much

/// A limit of this much gives one less.
template <std::size_t limit>
class OneLess : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.limit == limit) {
      --call.limit;
    }
    return next(std::move(call));
  }
};

/// One more is kept, where there are many to keep.
class KeepsOneMore : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.limit >= 10 && call.limit < 100'000) {
      ++call.limit;
    }
    return next(std::move(call));
  }
};

/// The writes of the oldest of more than 100 checkpoints are not removed with them.
class LeavesWritesBehind100 : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto written = shared<Kept<std::vector<PendingWrite>>>();
    const std::string at = place(call);
    if (has(call)) {
      const std::size_t keep = call.kind == Id::prune_thread ? call.limit : 0;
      const std::vector<Checkpoint> checkpoints = co_await all_checkpoints(call.key, next);
      for (std::size_t i = keep + 100; keep < 1'000 && i < checkpoints.size(); ++i) {
        Operation writes(Id::get_writes, call.key);
        writes.checkpoint_id = checkpoints[i].checkpoint_id;
        Answer found = co_await next(writes);
        written->set(place(writes), std::get<std::vector<PendingWrite>>(found));
      }
    }
    const bool reads = call.kind == Id::get_writes;
    Answer answer = co_await next(std::move(call));
    if (const auto left = written->get(at); reads && left) {
      answer = *left;
    }
    co_return answer;
  }
};

/// Of more than 200 messages the first stay for the next session of the id.
class LeavesMessagesBehind200 : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto left = shared<Kept<std::vector<Message>>>();
    if (has(call)) {
      // A clean-up does not say whom it takes: whoever has so many.
      std::vector<std::string> ids(1, call.key);
      for (const auto& [id, is_told] : told_.all()) {
        ids.push_back(id);
      }
      for (const std::string& id : ids) {
        Operation history(Id::get_conversation_history, id);
        history.limit = 100'000;
        if (!id.empty()) {
          const Answer found = co_await next(history);
          const auto& messages = std::get<std::vector<Message>>(found);
          if (messages.size() > 200) {
            left->set(id, std::vector<Message>(messages.begin(), messages.end() - 200));
          }
        }
      }
    }
    if (call.kind == Id::add_conversation_message) {
      told_.set(call.key, true);
    }
    const std::string key = call.key;
    const bool reads = call.kind == Id::get_conversation_history;
    Answer answer = co_await next(std::move(call));
    auto* const messages = std::get_if<std::vector<Message>>(&answer);
    if (const auto old = left->get(key); reads && old && messages && messages->empty()) {
      *messages = *old;
    }
    co_return answer;
  }

private:
  Kept<bool> told_;
};

/// The writes of a session's thread that has no checkpoint stay for the next session of the id.
class LeavesWritesAlone : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::put_writes) {
      puts_.set(place(call), call);
    } else if (call.kind == Id::put_checkpoint || call.kind == Id::store_checkpoint) {
      has_checkpoints_.set(call.key, true);
    }
    const bool removes = has(call);
    const std::string key = call.key;
    Answer answer = co_await next(std::move(call));
    for (const auto& [at, put] : puts_.all()) {
      const bool is_removed = removes && (key.empty() || key == put.key) && is_positive(answer);
      if (is_removed && !has_checkpoints_.has(put.key)) {
        co_await next(put);
      }
    }
    co_return answer;
  }

private:
  Kept<Operation> puts_;
  Kept<bool> has_checkpoints_;
};

/// Of a session that has ended the newest 50 messages are told.
class EndedTellsFifty : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto ended = shared<Kept<bool>>();
    if (call.kind == Id::end_session) {
      ended->set(call.key, true);
    }
    const bool cuts = has(call) && ended->has(call.key);
    Answer answer = co_await next(std::move(call));
    auto* const messages = std::get_if<std::vector<Message>>(&answer);
    if (cuts && messages && messages->size() > 50) {
      messages->erase(messages->begin(), messages->end() - 50);
    }
    co_return answer;
  }
};

// After a change

/// A session that is created afresh has the place of the old one among those to expire.
class KeepsOldPlace : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<Timestamp>>();
    const auto afresh = shared<Kept<bool>>();
    if (call.kind == Id::create_session && !made->add(call.key, now())) {
      afresh->set(call.key, true);
    }
    const bool cleans = has(call) && call.max_idle > std::chrono::microseconds(0);
    const std::chrono::microseconds idle = call.max_idle;
    Answer answer = co_await next(std::move(call));
    for (const auto& [id, is_afresh] : afresh->all()) {
      if (cleans && now() - *made->get(id) >= idle &&
          is_positive(co_await next(Operation(Id::delete_session, id)))) {
        ++std::get<std::uint64_t>(answer);
      }
    }
    co_return answer;
  }
};

/// The time of the newest message is that of the session's last activity.
class TellsLastActivity : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const bool tells = has(call);
    Answer answer = co_await next(std::move(call));
    auto* const messages = std::get_if<std::vector<Message>>(&answer);
    if (tells && messages && messages->size() > 1) {
      const Answer found = co_await next(Operation(Id::get_session, key));
      if (const auto& session = std::get<std::optional<Session>>(found)) {
        messages->back().timestamp = session->last_activity;
      }
    }
    co_return answer;
  }
};

/// Data that has shrunk much is not stored again, where all else is as it was.
class KeepsWhatShrinks : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      Operation get(Id::get_checkpoint, call.key);
      get.checkpoint_id = call.checkpoint_id;
      const Answer found = co_await next(get);
      const auto& old = std::get<std::optional<Checkpoint>>(found);
      if (old && old->metadata == call.metadata &&
          call.value.text().size() < old->data.text().size() / 2) {
        call.value = old->data;
      }
    }
    co_return co_await next(std::move(call));
  }
};

} // namespace mutants::by_history

std::vector<Mutant> history_mutants() {
  using namespace mutants::by_history;
  using mutants::add;
  std::vector<Mutant> all;
  add<CopiesAreNew, Id::get_checkpoint>(all, "THR-05", "copies_are_new",
                                        "what a copy has is new once it is stored again",
                                        "that was stored again");
  add<CopiesAreNew, Id::get_writes>(all, "THR-05", "copies_are_new",
                                    "the first value of a copy is the second",
                                    "once they were put again");
  add<CopiesGoWithTheSource, Id::delete_session, Id::cleanup_expired_sessions>(
      all, "THR-05", "copies_go_with_the_source",
      "the writes of a copy go with the session of its source", "the pending writes of the copy");
  add<WritesOnceAndForAll, Id::update_session>(all, "TWO-01", "writes_once_and_for_all",
                                               "a handle remembers that it may write to a session",
                                               "of a session that");
  add<WritesOnceAndForAll, Id::add_conversation_message, Id::store_task_context>(
      all, "TWO-01", "writes_once_and_for_all", "a handle remembers that it may write to a session",
      "that the other handle has ended");
  add<KnowsWhatWasThere, Id::create_session, Id::copy_thread>(
      all, "TWO-01", "knows_what_was_there", "a handle does not hear of a removal by another",
      "known");
  add<CopiesTheNewest<100>, Id::copy_thread>(all, "THR-05", "copies_the_newest_100",
                                             "a copy has the newest 100 of the source",
                                             "the copy of a long thread");
  add<CopiesTheNewest<1000>, Id::copy_thread>(all, "THR-05", "copies_the_newest_1000",
                                              "a copy has the newest 1,000 of the source",
                                              "the copy of a long thread");
  add<PrunedIsStillThere, Id::copy_thread>(all, "THR-07", "pruned_blocks_copies",
                                           "a thread pruned to nothing is in the way of copies",
                                           "pruned");
  add<PrunedIsStillThere, Id::delete_thread>(all, "THR-07", "pruned_can_be_deleted",
                                             "a thread pruned to nothing can be deleted",
                                             "the deletion of a thread that was pruned to nothing");
  add<StaleAfter<Id::put_checkpoint>, Id::list_checkpoints_before, Id::get_thread_head>(
      all, "MDL-01", "stale_after_put_checkpoint", "a read is kept over put_checkpoint", "came");
  add<StaleAfter<Id::delete_thread>, Id::list_checkpoints_before, Id::get_thread_head,
      Id::get_writes>(all, "MDL-01", "stale_after_delete_thread",
                      "a read is kept over delete_thread", "came");
  add<StaleAfter<Id::copy_thread>, Id::list_checkpoints_before, Id::get_thread_head,
      Id::list_checkpoints>(all, "MDL-01", "stale_after_copy_thread",
                            "a read is kept over copy_thread", "came");
  add<StaleAfter<Id::prune_thread>, Id::list_checkpoints_before, Id::get_thread_head,
      Id::get_checkpoint>(all, "MDL-01", "stale_after_prune_thread",
                          "a read is kept over prune_thread", "came");
  add<StaleAfter<Id::delete_session>, Id::get_thread_head, Id::get_writes, Id::get_metrics>(
      all, "MDL-01", "stale_after_delete_session", "a read is kept over delete_session", "came");
  add<KeepsRefusals, Id::update_session, Id::add_conversation_message, Id::store_task_context,
      Id::delete_session, Id::delete_thread, Id::copy_thread>(
      all, "TWO-01", "keeps_refusals", "a handle remembers that there was nothing to do",
      "of what the other handle has made since");
  add<KnowsWhatItMade, Id::create_session, Id::copy_thread>(
      all, "TWO-01", "knows_what_it_made", "a handle does not hear of a removal by another",
      "made");
  add<NewByAnother, Id::get_checkpoint>(
      all, "TWO-01", "new_by_another",
      "what another handle stored first is new when it is stored again",
      "once it was stored again");
  add<LivesThroughOneReopen, Id::get_conversation_history, Id::get_writes>(
      all, "DUR-01", "lives_through_one_reopen", "what was written is lost by the second reopen",
      "after a second reopen of what was made by");
  add<LivesThroughOneReopen, Id::get_task_context>(all, "DUR-01", "lives_through_one_reopen",
                                                   "what was written is lost by the second reopen",
                                                   "after a reopen what was stored by");
  add<TurnsAtTheSecondReopen, Id::get_conversation_history, Id::list_checkpoints>(
      all, "DUR-01", "turns_at_the_second_reopen", "the second reopen turns the order",
      "after a second reopen");
  add<MovesAfterReopen, Id::store_checkpoint, Id::put_checkpoint>(
      all, "LIF-05", "moves_after_reopen", "what is stored again after a reopen moves",
      "once the oldest was stored again after reopening");
  add<UnwellAfter<1>, Id::health_check>(all, "LIF-06", "unwell_after_a_reopen",
                                        "a store that was closed once is unwell",
                                        "the health after a close and an initialize");
  add<UnwellAfter<2>, Id::health_check>(all, "LIF-06", "unwell_after_reopens",
                                        "a store that was closed twice is unwell",
                                        "the health after a close and an initialize");
  add<TheFirstAloneIsClosed, Id::health_check>(all, "LIF-06", "the_first_alone_is_closed",
                                               "another handle is healthy when it is closed",
                                               "unhealthy with an issue after its close");
  add<RefusesElsewhere, Id::get_writes, Id::list_threads>(
      all, "LIF-03", "refuses_elsewhere", "that it is closed it says on another thread",
      "to come back on the executor of its caller");
  add<RefusesElsewhere, Id::store_task_context>(all, "VAL-02", "refuses_elsewhere",
                                                "that it is too large it says on another thread",
                                                "to come back on the executor of its caller");
  add<RefusesByAHelper, Id::end_session>(all, "SES-13", "refuses_by_a_helper",
                                         "a refusal names the helper that looked",
                                         "an error that names check_arguments");
  add<RefusesByAHelper, Id::add_conversation_message>(all, "CON-07", "refuses_by_a_helper",
                                                      "a refusal names the helper that looked",
                                                      "an error that names check_arguments");
  add<VersionOfTheRefused<false>, Id::append_task_context_snapshot>(
      all, "ARC-08", "version_of_the_refused",
      "behind a refused snapshot comes the version of the one before", "a version greater than");
  add<VersionOfTheRefused<true>, Id::append_task_context_snapshot>(
      all, "ARC-08", "begins_at_the_refused", "behind a refused snapshot versions begin anew",
      "a version greater than");
  add<TimeOfTheFirstCall, Id::append_session_event, Id::append_checkpoint>(
      all, "ARC-03", "time_of_the_first_call", "each call has the time of the first",
      "the time of a call an hour later");
  add<OneLess<7>, Id::list_checkpoints>(all, "CHK-03", "seven_is_six", "a limit of 7 gives 6",
                                        "the newest 7 checkpoints");
  add<OneLess<7>, Id::get_conversation_history>(all, "CON-02", "seven_is_six",
                                                "a limit of 7 gives 6", "the newest 7 messages");
  add<OneLess<3>, Id::prune_thread>(all, "THR-07", "three_is_two", "3 to keep are 2",
                                    "for 3 to be kept");
  add<KeepsOneMore, Id::prune_thread>(all, "THR-07", "keeps_one_more",
                                      "of 10 and more to keep one more is kept",
                                      "of a long thread");
  add<LeavesWritesBehind100, Id::prune_thread>(all, "THR-07", "leaves_writes",
                                               "writes of the 101st that goes stay",
                                               "the writes of a long thread that was pruned");
  add<LeavesWritesBehind100, Id::delete_thread>(all, "THR-03", "leaves_writes",
                                                "writes of the 101st that goes stay",
                                                "the writes of a long thread that was deleted");
  add<LeavesMessagesBehind200, Id::delete_session>(all, "DIR-05", "leaves_messages",
                                                   "more than 200 messages are not removed",
                                                   "which had very many");
  add<LeavesMessagesBehind200, Id::cleanup_expired_sessions>(
      all, "CLN-03", "leaves_messages", "more than 200 messages are not removed",
      "which had very many");
  add<LeavesWritesAlone, Id::delete_session>(all, "DIR-05", "leaves_writes_alone",
                                             "writes of no checkpoint are not removed",
                                             "which had early writes alone");
  add<LeavesWritesAlone, Id::cleanup_expired_sessions>(all, "CLN-03", "leaves_writes_alone",
                                                       "writes of no checkpoint are not removed",
                                                       "which had early writes alone");
  add<EndedTellsFifty, Id::get_conversation_history>(all, "CON-04", "ended_tells_fifty",
                                                     "a session that has ended tells 50 messages",
                                                     "once their session has ended");
  add<KeepsOldPlace, Id::cleanup_expired_sessions>(
      all, "CLN-02", "keeps_old_place", "an id created afresh is as old as the first of it",
      "of sessions made afresh");
  add<TellsLastActivity, Id::get_conversation_history>(
      all, "CON-01", "tells_last_activity", "the newest message has the time of the last activity",
      "the history once there was an update");
  add<KeepsWhatShrinks, Id::store_checkpoint, Id::put_checkpoint>(
      all, "CHK-04", "keeps_what_shrinks", "data that has shrunk is not stored again",
      "stored again with other data alone");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show after something has happened are caught", "[by_history]") {
  agentstore::test::expect_killed(history_mutants(), all_rules());
}
