// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows in one state of a thread or a session: it is long, it was pruned or
// deleted before, it has one checkpoint or none. What each does wrong stands in the table at the
// end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_state {

using Id = MethodId;

/// Knows the places of checkpoints, and which threads have only pending writes.
class KnowsThreads : public Bug {
public:
  using Bug::Bug;

protected:
  /// How many of the thread were stored first after the one that the call names; none if it is new.
  static awaitable<std::optional<std::size_t>> newer_than(Operation call, Next next) {
    const std::vector<Checkpoint> all = co_await all_checkpoints(call.key, std::move(next));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].checkpoint_id == call.checkpoint_id) {
        co_return i;
      }
    }
    co_return std::nullopt;
  }

  static awaitable<std::size_t> size_of(std::string thread, Next next) {
    const std::vector<Checkpoint> all =
        co_await all_checkpoints(std::move(thread), std::move(next));
    co_return all.size();
  }
};

// Long ones

/// Before one that so many are newer than, there is nothing.
template <std::size_t most>
class NothingBehind : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      const std::optional<std::size_t> newer = co_await newer_than(call, next);
      call.limit = newer && *newer >= most ? 0 : call.limit;
    }
    co_return co_await next(std::move(call));
  }
};

/// Stored again, one that so many are newer than has the time of now.
template <std::size_t most>
class RenewsTheOld : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto renewed = shared<Kept<Timestamp>>();
    if (has(call) && co_await newer_than(call, next) >= std::optional<std::size_t>(most)) {
      renewed->set(place(call), now());
    }
    const std::optional<Timestamp> time =
        call.kind == Id::get_checkpoint ? renewed->get(place(call)) : std::nullopt;
    Answer answer = co_await next(std::move(call));
    if (time) {
      std::get<std::optional<Checkpoint>>(answer).value().created_at = *time;
    }
    co_return answer;
  }
};

/// Stored again, one that so many are newer than is the latest, until the next is stored.
template <std::size_t most>
class PutsTheOldInFront : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto front = shared<Kept<std::string>>();
    if (has(call)) {
      const std::optional<std::size_t> newer = co_await newer_than(call, next);
      front->set(call.key, newer && *newer >= most ? *call.checkpoint_id : std::string());
    }
    if (call.kind == Id::get_checkpoint && !call.checkpoint_id &&
        !front->get(call.key).value_or("").empty()) {
      call.checkpoint_id = front->get(call.key);
    }
    co_return co_await next(std::move(call));
  }
};

/// The version has so many bits.
template <unsigned bits>
class VersionOf : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const found = std::get_if<std::optional<Session>>(&answer);
        shows && found && *found) {
      (*found)->version %= 1u << bits;
    }
    co_return answer;
  }
};

/// A clean-up leaves this part of all sessions but the first so many.
template <std::size_t most>
class CleansTheFirst : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<bool>>();
    const auto left = shared<Kept<Answer>>();
    if (call.kind == Id::create_session) {
      made->set(call.key, true);
    } else if (call.kind == Id::cleanup_expired_sessions) {
      std::size_t count = 0;
      for (const auto& [id, is_made] : made->all()) {
        if (++count > most) {
          Operation read(method(), id);
          read.limit = 10;
          left->set(id, co_await next(std::move(read)));
        }
      }
    }
    const std::optional<Answer> old = has(call) ? left->get(call.key) : std::nullopt;
    Answer answer = co_await next(std::move(call));
    if (old && !is_positive(answer)) {
      answer = *old;
    }
    co_return answer;
  }
};

// Two that are one for a cache

/// What was read is kept until something is written, by this key.
class KeepsReads : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (method_of(call.kind).kind != MethodKind::reads) {
      forget();
    }
    const std::optional<std::string> key = has(call) ? key_of(call) : std::nullopt;
    const std::string limit = "\n" + std::to_string(call.limit);
    if (std::optional<Answer> known = key ? find(*key + limit) : std::nullopt) {
      co_return *std::move(known);
    }
    Answer answer = co_await next(std::move(call));
    if (key) {
      const std::lock_guard lock(mutex_);
      known_.emplace(*key + limit, answer);
    }
    co_return answer;
  }

private:
  virtual std::optional<std::string> key_of(const Operation& call) const = 0;

  void forget() {
    const std::lock_guard lock(mutex_);
    known_.clear();
  }
  std::optional<Answer> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? std::nullopt : std::optional<Answer>(found->second);
  }

  std::mutex mutex_;
  std::map<std::string, Answer> known_;
};

/// The two ids joined.
template <char separator>
class JoinsIds : public KeepsReads {
public:
  using KeepsReads::KeepsReads;

private:
  std::optional<std::string> key_of(const Operation& call) const override {
    if (!call.checkpoint_id) {
      return std::nullopt;
    }
    const std::string between = separator == '\0' ? std::string() : std::string(1, separator);
    return call.key + between + *call.checkpoint_id;
  }
};

/// The first so many bytes of an id.
template <std::size_t most>
class CutsIds : public KeepsReads {
public:
  using KeepsReads::KeepsReads;

private:
  std::optional<std::string> key_of(const Operation& call) const override {
    return call.key.substr(0, most);
  }
};

// Pruned ones

/// A pruning that removes something removes the writes that were put before the first checkpoint.
class PrunesTheEarliest : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto earliest = shared<Kept<bool>>();
    const auto pruned = shared<Kept<bool>>();
    if (call.kind == Id::put_writes && co_await size_of(call.key, next) == 0) {
      earliest->set(place(call), true);
    }
    if (stores(call)) {
      earliest->set(place(call), false);
    }
    const bool is_lost = call.kind == Id::get_writes &&
                         earliest->get(place(call)).value_or(false) && pruned->has(call.key);
    const bool prunes = has(call);
    const std::string key = call.key;
    Answer answer = co_await next(std::move(call));
    if (prunes && is_positive(answer)) {
      pruned->set(key, true);
    }
    if (is_lost) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// Once a thread was pruned, what is stored again there has the time of now.
class RenewsPruned : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto pruned = shared<Kept<bool>>();
    const auto renewed = shared<Kept<Timestamp>>();
    if (call.kind == Id::prune_thread) {
      pruned->set(call.key, true);
    } else if (stores(call) && pruned->has(call.key)) {
      renewed->set(place(call), now());
    }
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const all = std::get_if<std::vector<Checkpoint>>(&answer); shows && all) {
      for (Checkpoint& checkpoint : *all) {
        const std::string at = checkpoint.thread_id + '\0' + checkpoint.checkpoint_id;
        checkpoint.created_at = renewed->get(at).value_or(checkpoint.created_at);
      }
    }
    co_return answer;
  }
};

/// A thread of so many checkpoints is copied without the writes of others.
template <std::size_t count>
class CopiesFewWithoutEarly : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto lost = shared<Kept<bool>>();
    const bool copies = has(call) && co_await size_of(call.key, next) == count;
    const std::string target = call.target;
    bool is_lost = false;
    if (call.kind == Id::get_writes && lost->has(call.key)) {
      is_lost = !co_await newer_than(call, next);
    }
    Answer answer = co_await next(std::move(call));
    if (copies && is_positive(answer)) {
      lost->set(target, true);
    }
    if (is_lost) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// A thread that has no checkpoint any more is none, whatever was put for others.
class PrunedIsNone : public KnowsThreads {
public:
  using KnowsThreads::KnowsThreads;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto pruned = shared<Kept<bool>>();
    if (call.kind == Id::prune_thread) {
      pruned->set(call.key, true);
    }
    if (has(call) && pruned->has(call.key) && co_await size_of(call.key, next) == 0) {
      co_return Answer(false);
    }
    co_return co_await next(std::move(call));
  }
};

// Those that were there before

/// Puts to a copy whose source is gone are lost.
class PutsAreTheSources : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto sources = shared<Kept<std::string>>();
    const auto gone = shared<Kept<bool>>();
    if (call.kind == Id::copy_thread) {
      sources->set(call.target, call.key);
    } else if (call.kind == Id::delete_thread) {
      gone->set(call.key, true);
    }
    if (has(call) && gone->has(sources->get(call.key).value_or(""))) {
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }
};

/// The second deletion of a thread leaves this of it.
class DeletesOnce : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto deleted = shared<Kept<bool>>();
    const auto left = shared<Kept<Answer>>();
    if (call.kind == Id::delete_thread && !deleted->add(call.key, true)) {
      for (const char* id : {"m", "early"}) {
        Operation read(method(), call.key);
        read.checkpoint_id = id;
        const std::string at = place(read);
        left->set(at, co_await next(std::move(read)));
      }
    }
    const std::optional<Answer> old = has(call) ? left->get(place(call)) : std::nullopt;
    Answer answer = co_await next(std::move(call));
    if (old && !is_positive(answer)) {
      answer = *old;
    }
    co_return answer;
  }
};

/// The second end of an id says false, though its session was made afresh.
class EndsOnce : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto ended = shared<Kept<bool>>();
    const bool ends = has(call);
    const std::string key = call.key;
    Answer answer = co_await next(std::move(call));
    if (ends && is_positive(answer) && !ended->add(key, true)) {
      answer = false;
    }
    co_return answer;
  }
};

// What the clock tells

/// Changes each time of an answer.
class ChangesTimes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool changes = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const found = std::get_if<std::optional<Session>>(&answer);
        changes && found && *found) {
      (*found)->created_at = shown((*found)->created_at);
    } else if (auto* const checkpoint = std::get_if<std::optional<Checkpoint>>(&answer);
               changes && checkpoint && *checkpoint) {
      (*checkpoint)->created_at = shown((*checkpoint)->created_at);
    } else if (auto* const messages = std::get_if<std::vector<Message>>(&answer);
               changes && messages) {
      for (Message& message : *messages) {
        message.timestamp = shown(message.timestamp);
      }
    }
    co_return answer;
  }

private:
  virtual Timestamp shown(Timestamp time) const = 0;
};

/// Seconds in 32 bits.
class Wraps2038 : public ChangesTimes {
public:
  using ChangesTimes::ChangesTimes;

private:
  Timestamp shown(Timestamp time) const override {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto few = static_cast<std::int32_t>(seconds.time_since_epoch().count());
    return Timestamp(std::chrono::seconds(few)) + (time - seconds);
  }
};

/// Nothing before 1970.
class BeginsIn1970 : public ChangesTimes {
public:
  using ChangesTimes::ChangesTimes;

private:
  Timestamp shown(Timestamp time) const override { return std::max(time, Timestamp()); }
};

/// An idle time is cut to this unit.
template <std::int64_t unit>
class CutsIdle : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.max_idle > std::chrono::microseconds(0)) {
      call.max_idle -= call.max_idle % std::chrono::microseconds(unit);
    }
    return next(std::move(call));
  }
};

/// No idle time is longer than so many days.
template <int days>
class IdleForAtMost : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      call.max_idle = std::min<std::chrono::microseconds>(call.max_idle, std::chrono::days(days));
    }
    return next(std::move(call));
  }
};

// What was before the call

/// A cursor is good until this is done.
template <Id writer>
class CursorDies : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto is_dead = shared<Kept<bool>>();
    if (has(call) && call.text.empty()) {
      is_dead->set("", false);
    } else if (has(call) && is_dead->get("").value_or(false)) {
      throw StorageError(errc::invalid_argument, std::string(method_of(call.kind).name), call.key,
                         "the cursor is too old");
    }
    const bool writes = call.kind == writer;
    Answer answer = co_await next(std::move(call));
    if (writes && is_positive(answer)) {
      is_dead->set("", true);
    }
    co_return answer;
  }
};

/// Once a call has failed, the next one of the same is answered without being made.
class AnswersWhatFailed : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto failed = shared<Kept<bool>>();
    const std::string at = identity(call);
    const bool is_mine = has(call);
    if (is_mine && failed->has(at)) {
      co_return instead(call);
    }
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (is_mine && means(error.code(), errc::unavailable)) {
        failed->set(at, true);
      }
      throw;
    }
  }

private:
  /// What two calls have in common that are the same.
  virtual std::string identity(const Operation& call) const = 0;
  virtual Answer instead(const Operation& call) const = 0;
};

/// It is true, and not done.
class FailedIsDone : public AnswersWhatFailed {
public:
  using AnswersWhatFailed::AnswersWhatFailed;

private:
  std::string identity(const Operation& call) const override {
    return place(call) + '\0' + call.task_id + '\0' + call.target;
  }
  Answer instead(const Operation&) const override { return true; }
};

/// What was created, or copied to, is there already.
class FailedIsThere : public AnswersWhatFailed {
public:
  using AnswersWhatFailed::AnswersWhatFailed;

private:
  std::string identity(const Operation& call) const override {
    return call.kind == Id::copy_thread ? call.target : call.key;
  }
  Answer instead(const Operation& call) const override {
    throw StorageError(errc::already_exists, std::string(method_of(call.kind).name), identity(call),
                       "there");
  }
};

/// A read that fails is answered as the last time.
class AnswersAsBefore : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto last = shared<Kept<Answer>>();
    const std::string text = show(call);
    const bool is_mine = has(call);
    try {
      Answer answer = co_await next(std::move(call));
      if (is_mine) {
        last->set(text, answer);
      }
      co_return answer;
    } catch (const StorageError& error) {
      if (!is_mine || !means(error.code(), errc::unavailable) || !last->has(text)) {
        throw;
      }
    }
    co_return *last->get(text);
  }
};

/// Special channels are found without case, or without blanks.
template <bool by_case>
class FindsSpecial : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    for (ChannelWrite& write : call.writes) {
      for (const std::string special :
           {"__error__", "__scheduled__", "__interrupt__", "__resume__"}) {
        std::string looked_at;
        for (const char c : write.channel) {
          if (by_case) {
            looked_at += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
          } else if (c != ' ') {
            looked_at += c;
          }
        }
        if (has(call) && looked_at == special) {
          write.channel = special;
        }
      }
    }
    return next(std::move(call));
  }
};

// After a reopen

/// Shows what was read through the second handle and later ones in its own way.
class TurnsAtReopen : public Bug {
public:
  TurnsAtReopen(MutantSpace& space, MethodId method) : Bug(space, method) {
    const auto handles = shared<Kept<bool>>();
    is_later_ = !handles->add("", true);
  }

  awaitable<Answer> around(Operation call, Next next) override {
    const bool turns = has(call) && is_later_;
    Answer answer = co_await next(std::move(call));
    if (turns) {
      turn(answer);
    }
    co_return answer;
  }

private:
  virtual void turn(Answer& answer) const = 0;

  bool is_later_;
};

class ListsByIdAtReopen : public TurnsAtReopen {
public:
  using TurnsAtReopen::TurnsAtReopen;

private:
  void turn(Answer& answer) const override {
    auto& sessions = std::get<SessionPage>(answer).sessions;
    std::sort(sessions.begin(), sessions.end(), [](const Session& one, const Session& other) {
      return one.session_id < other.session_id;
    });
  }
};

class LosesMembersAtReopen : public TurnsAtReopen {
public:
  using TurnsAtReopen::TurnsAtReopen;

private:
  void turn(Answer& answer) const override {
    for (Message& message : std::get<std::vector<Message>>(answer)) {
      if (message.metadata.size() > 3) {
        message.metadata = Document::object();
      }
    }
  }
};

// What metadata says

/// Knows what the metadata of a session says of a field, and the session itself.
class ReadsMetadata : public Bug {
public:
  using Bug::Bug;

protected:
  static awaitable<std::optional<Session>> session_of(std::string id, Next next) {
    std::optional<Session> result;
    try {
      const Answer answer = co_await next(Operation(Id::get_session, std::move(id)));
      result = std::get<std::optional<Session>>(answer);
    } catch (const StorageError&) { // e.g. a bad id
    }
    co_return result;
  }
  static std::string said(const Session& session, const char* field) {
    const json& metadata = session.metadata.tree();
    const auto found = metadata.find(field);
    return found != metadata.end() && found->is_string() ? found->get<std::string>() : "";
  }
};

/// A session is active if its metadata says so, whatever its status is.
class ActiveByMetadata : public ReadsMetadata {
public:
  using ReadsMetadata::ReadsMetadata;

  awaitable<Answer> around(Operation call, Next next) override {
    std::optional<Session> session;
    if (has(call)) {
      session = co_await session_of(call.key, next);
    }
    const std::string status = session ? said(*session, "status") : "";
    if (!status.empty() && status != "active") {
      co_return Answer(false);
    }
    Answer answer = co_await next(std::move(call));
    if (status == "active") {
      answer = true;
    }
    co_return answer;
  }
};

/// The metrics count what metadata says.
class CountsByMetadata : public ReadsMetadata {
public:
  using ReadsMetadata::ReadsMetadata;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<bool>>();
    if (call.kind == Id::create_session) {
      made->set(call.key, true);
    }
    const bool counts = has(call);
    Answer answer = co_await next(std::move(call));
    if (counts) {
      std::uint64_t active = 0;
      for (const auto& [id, is_made] : made->all()) {
        const std::optional<Session> session = co_await session_of(id, next);
        const std::string status = session ? said(*session, "status") : "";
        active += session && (status.empty() ? session->status : status) == "active" ? 1u : 0u;
      }
      std::get<Metrics>(answer).active_sessions = active;
    }
    co_return answer;
  }
};

/// The sessions of a user are also those whose metadata names the user, and not another.
class ListsByMetadata : public ReadsMetadata {
public:
  using ReadsMetadata::ReadsMetadata;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string user = call.key;
    Answer answer = co_await next(std::move(call));
    if (auto* const page = std::get_if<SessionPage>(&answer)) {
      std::erase_if(page->sessions, [&user](const Session& session) {
        const std::string named = said(session, "user_id");
        return !named.empty() && named != user;
      });
    }
    co_return answer;
  }
};

/// Such a call changes this of the session's record.
enum class Change { counts_a_request, counts_an_error, is_created_again, keeps_the_version };

template <Change change>
class ChangesBesides : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto changed = shared<Kept<std::uint64_t>>();
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    const bool is_little = !asked.update.counts_request() && !asked.update.counts_error() &&
                           asked.update.processing_time().count() == 0;
    if (has(asked) && is_positive(answer) && is_little) {
      changed->set(asked.key, changed->get(asked.key).value_or(0) + 1);
    } else if (asked.kind == Id::create_session) {
      changed->erase(asked.key);
    }
    auto* const found = std::get_if<std::optional<Session>>(&answer);
    const std::uint64_t often = changed->get(asked.key).value_or(0);
    if (found && *found && often != 0) {
      Session& session = **found;
      session.request_count += change == Change::counts_a_request ? often : 0;
      session.error_count += change == Change::counts_an_error ? often : 0;
      session.version -= change == Change::keeps_the_version ? std::min(often, session.version) : 0;
      session.created_at =
          change == Change::is_created_again ? session.last_activity : session.created_at;
    }
    co_return answer;
  }
};

} // namespace mutants::by_state

std::vector<Mutant> state_mutants() {
  using namespace mutants::by_state;
  using mutants::add;
  std::vector<Mutant> all;
  add<NothingBehind<100>, Id::list_checkpoints_before>(
      all, "THR-08", "nothing_behind_100", "of a long thread the newest 100 are looked at",
      "what is before a checkpoint of a long thread");
  add<NothingBehind<1000>, Id::list_checkpoints_before>(
      all, "THR-08", "nothing_behind_1000", "of a long thread the newest 1,000 are looked at",
      "what is before a checkpoint of a long thread");
  add<RenewsTheOld<10>, Id::store_checkpoint>(all, "CHK-04", "renews_behind_10",
                                              "what is older than the newest 10 counts as new",
                                              "newer ones");
  add<RenewsTheOld<100>, Id::store_checkpoint>(all, "CHK-04", "renews_behind_100",
                                               "what is older than the newest 100 counts as new",
                                               "newer ones");
  add<PutsTheOldInFront<20>, Id::store_checkpoint>(all, "CHK-04", "in_front_behind_20",
                                                   "what is older than the newest 20 is the latest",
                                                   "the latest of many");
  add<PutsTheOldInFront<100>, Id::store_checkpoint>(
      all, "CHK-04", "in_front_behind_100", "what is older than the newest 100 is the latest",
      "the latest of many");
  add<VersionOf<6>, Id::get_session>(all, "SES-14", "version_of_6_bits", "a version has 6 bits",
                                     "the version to grow");
  add<VersionOf<8>, Id::get_session>(all, "SES-14", "version_of_8_bits", "a version is a byte",
                                     "the version to grow");
  add<CleansTheFirst<50>, Id::get_task_context, Id::get_conversation_history>(
      all, "CLN-03", "cleans_the_first_50", "a clean-up leaves parts behind the first 50 sessions",
      "many ");
  add<CleansTheFirst<100>, Id::get_task_context, Id::get_conversation_history>(
      all, "CLN-03", "cleans_the_first_100",
      "a clean-up leaves parts behind the first 100 sessions", "many ");
  add<JoinsIds<'\0'>, Id::get_checkpoint>(
      all, "CHK-06", "joins_ids", "what was read is kept by two ids joined", "the checkpoint");
  add<JoinsIds<':'>, Id::get_checkpoint>(all, "CHK-06", "joins_ids_by_a_colon",
                                         "what was read is kept by two ids and a colon",
                                         "the checkpoint");
  add<JoinsIds<'\0'>, Id::list_checkpoints_before>(all, "CHK-06", "joins_ids",
                                                   "what was read is kept by two ids joined",
                                                   "how many are before the only one");
  add<JoinsIds<':'>, Id::list_checkpoints_before>(all, "CHK-06", "joins_ids_by_a_colon",
                                                  "what was read is kept by two ids and a colon",
                                                  "how many are before the only one");
  add<CutsIds<250>, Id::list_checkpoints>(all, "CHK-06", "cuts_ids_at_250",
                                          "what was read is kept by 250 bytes of an id",
                                          "the checkpoint");
  add<CutsIds<1000>, Id::list_checkpoints>(all, "CHK-06", "cuts_ids_at_1000",
                                           "what was read is kept by 1,000 bytes of an id",
                                           "the checkpoint");
  add<PrunesTheEarliest, Id::prune_thread>(all, "THR-07", "prunes_the_earliest",
                                           "what was put before all that is removed goes with it",
                                           "the early writes");
  add<RenewsPruned, Id::list_checkpoints>(all, "THR-07", "renews_pruned",
                                          "once a thread was pruned a store makes new",
                                          "once those kept were stored again");
  add<CopiesFewWithoutEarly<0>, Id::copy_thread>(
      all, "THR-05", "copies_none_without_early",
      "a thread of no checkpoint is copied without early writes", "the copy of");
  add<CopiesFewWithoutEarly<1>, Id::copy_thread>(
      all, "THR-05", "copies_one_without_early",
      "a thread of one checkpoint is copied without early writes",
      "the copy of a thread pruned to 1");
  add<PrunedIsNone, Id::copy_thread, Id::delete_thread>(
      all, "THR-05", "pruned_is_none", "a thread that was pruned to its early writes is none",
      "pruned to 0");
  add<PutsAreTheSources, Id::put_writes>(all, "THR-05", "puts_are_the_sources",
                                         "a copy whose source is gone takes no writes",
                                         "whose source was deleted");
  add<DeletesOnce, Id::get_writes>(all, "THR-04", "deletes_once",
                                   "the second deletion of a thread leaves its writes",
                                   "a thread deleted for the second time");
  add<DeletesOnce, Id::get_checkpoint>(all, "THR-04", "deletes_once",
                                       "the second deletion of a thread leaves a checkpoint",
                                       "a thread deleted for the second time");
  add<EndsOnce, Id::end_session>(all, "DIR-05", "ends_once",
                                 "that a session was ended is remembered beyond its deletion",
                                 "the end of the session made afresh");
  add<Wraps2038, Id::get_session>(all, "SES-01", "wraps_in_2038", "seconds have 32 bits",
                                  "of an odd time");
  add<Wraps2038, Id::get_checkpoint>(all, "CHK-01", "wraps_in_2038", "seconds have 32 bits",
                                     "created_at of a checkpoint");
  add<Wraps2038, Id::get_conversation_history>(
      all, "CON-01", "wraps_in_2038", "seconds have 32 bits", "the timestamp of a message");
  add<BeginsIn1970, Id::get_session>(all, "SES-01", "begins_in_1970",
                                     "there is no time before 1970", "of an odd time");
  add<BeginsIn1970, Id::get_checkpoint>(all, "CHK-01", "begins_in_1970",
                                        "there is no time before 1970", "checkpoint");
  add<BeginsIn1970, Id::get_conversation_history>(all, "CON-01", "begins_in_1970",
                                                  "there is no time before 1970",
                                                  "the timestamp of a message");
  add<CutsIdle<1'000>, Id::cleanup_expired_sessions>(
      all, "CLN-01", "cuts_idle_to_ms", "idle times are milliseconds", "a clean-up just before");
  add<CutsIdle<1'000'000>, Id::cleanup_expired_sessions>(
      all, "CLN-01", "cuts_idle_to_s", "idle times are seconds", "a clean-up just before");
  add<IdleForAtMost<30>, Id::cleanup_expired_sessions>(all, "CLN-01", "idle_for_a_month",
                                                       "no idle time is longer than 30 days",
                                                       "a clean-up just before");
  add<IdleForAtMost<365>, Id::cleanup_expired_sessions>(all, "CLN-01", "idle_for_a_year",
                                                        "no idle time is longer than a year",
                                                        "a clean-up just before");
  add<CursorDies<Id::cleanup_expired_sessions>, Id::list_sessions>(
      all, "DIR-03", "clean_up_ends_cursors", "a clean-up ends all cursors",
      "the cursor is too old");
  add<CursorDies<Id::end_session>, Id::list_sessions>(all, "DIR-03", "an_end_ends_cursors",
                                                      "the end of a session ends all cursors",
                                                      "the cursor is too old");
  add<CursorDies<Id::copy_thread>, Id::list_threads>(
      all, "THR-02", "a_copy_ends_cursors", "a copy ends all cursors", "the cursor is too old");
  add<CursorDies<Id::prune_thread>, Id::list_threads>(all, "THR-02", "a_pruning_ends_cursors",
                                                      "a pruning ends all cursors",
                                                      "the cursor is too old");
  add<FailedIsDone, Id::put_writes, Id::store_checkpoint, Id::add_conversation_message>(
      all, "ERR-01", "failed_is_done", "what failed once counts as done", "behind one that failed");
  add<FailedIsThere, Id::create_session, Id::copy_thread>(all, "ERR-01", "failed_is_there",
                                                          "what could not be made is there already",
                                                          "already exists");
  add<AnswersAsBefore, Id::get_metrics, Id::get_conversation_history, Id::list_checkpoints>(
      all, "ERR-01", "answers_as_before", "a read that fails is answered as the last time",
      "from a store that fails, or");
  add<FindsSpecial<true>, Id::put_writes>(all, "WRT-03", "special_without_case",
                                          "special channels are found without case",
                                          "a channel that only looks special");
  add<FindsSpecial<false>, Id::put_writes>(all, "WRT-03", "special_without_blanks",
                                           "special channels are found without blanks",
                                           "a channel that only looks special");
  add<ListsByIdAtReopen, Id::list_sessions>(all, "DUR-01", "lists_by_id_at_reopen",
                                            "after a reopen sessions are listed by id",
                                            "after a reopen");
  add<LosesMembersAtReopen, Id::get_conversation_history>(
      all, "DUR-01", "loses_members_at_reopen",
      "after a reopen metadata of more than three members is lost", "after a reopen");
  add<ActiveByMetadata, Id::end_session, Id::add_conversation_message, Id::store_task_context>(
      all, "SES-11", "active_by_metadata", "a session is active if its metadata says so",
      "whose metadata says");
  add<CountsByMetadata, Id::get_metrics>(all, "SES-11", "counts_by_metadata",
                                         "active is what says so in its metadata",
                                         "whose metadata says");
  add<ListsByMetadata, Id::list_sessions>(all, "SES-11", "lists_by_metadata",
                                          "a session is of the user that its metadata names",
                                          "whose metadata names another");
  add<ChangesBesides<Change::counts_a_request>, Id::add_conversation_message,
      Id::store_task_context>(all, "SES-05", "counts_a_request", "it counts as a request",
                              "after messages and a context");
  add<ChangesBesides<Change::counts_an_error>, Id::add_conversation_message>(
      all, "SES-05", "counts_an_error", "it counts as an error", "after messages and a context");
  add<ChangesBesides<Change::is_created_again>, Id::add_conversation_message, Id::update_session>(
      all, "SES-10", "is_created_again", "it changes created_at", "created_at after an update");
  add<ChangesBesides<Change::keeps_the_version>, Id::update_session>(
      all, "SES-14", "keeps_the_version", "an update that counts nothing is no new version",
      "the version to grow with");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show in one state of a thread or a session are caught", "[by_state]") {
  agentstore::test::expect_killed(state_mutants(), all_rules());
}
