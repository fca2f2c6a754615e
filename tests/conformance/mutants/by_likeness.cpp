// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows where an id is much like another, a text is
// spelled as no dump is, a call has nothing to do or fails beside another, an answer is large. What
// each does wrong stands in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>
#include <agentstore/document_part.hpp>

namespace agentstore::conformance {

namespace mutants::by_likeness {

using Id = MethodId;

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Ids that are much like others

using Normal = std::string (*)(const std::string&);

inline std::string without_joiners(const std::string& id) {
  return replaced(replaced(id, "\xE2\x80\x8D", ""), "\xC2\xAD", "");
}
inline std::string without_control_characters(const std::string& id) {
  std::string kept = id;
  std::erase_if(kept, [](char c) { return c == '\x01' || c == '\x7f'; });
  return kept;
}
inline std::string its_end(const std::string& id) {
  return id.size() > 512 ? id.substr(id.size() - 512) : id;
}
inline std::string its_sum(const std::string& id) {
  std::string bytes = id;
  std::sort(bytes.begin(), bytes.end());
  return bytes;
}
inline std::string its_hash(const std::string& id) {
  std::uint32_t hash = 0;
  for (const char c : id) {
    hash = hash * 31 + static_cast<unsigned char>(c);
  }
  return std::to_string(hash);
}
inline std::string its_path(const std::string& id) {
  const std::size_t up = id.find("/../");
  return up == std::string::npos ? id : id.substr(up + 4);
}

/// Where a call has an id, and of what: a key or a target is that of a thread or a session.
class Place {
public:
  char kind;
  std::string* (*in)(Operation&);
};
inline constexpr Place at_key = {'k', [](Operation& call) { return &call.key; }};
inline constexpr Place at_target = {'k', [](Operation& call) { return &call.target; }};
inline constexpr Place at_task = {'t', [](Operation& call) { return &call.task_id; }};
inline constexpr Place at_checkpoint = {
    'c', [](Operation& call) { return call.checkpoint_id ? &*call.checkpoint_id : nullptr; }};

/// Knows the ids that something was stored under.
class KnowsIds : public Bug {
public:
  using Bug::Bug;

protected:
  awaitable<Answer> noted(Operation call, Next next) {
    std::vector<std::string> ids;
    for (const Place& place : {at_key, at_target, at_task, at_checkpoint}) {
      if (const std::string* const id = place.in(call); id != nullptr && !id->empty()) {
        ids.push_back(place.kind + *id);
      }
    }
    const bool makes =
        method_of(call.kind).kind == MethodKind::writes || call.kind == Id::copy_thread;
    Answer answer = co_await next(std::move(call));
    if (makes && is_positive(answer)) {
      for (const std::string& id : ids) {
        shared<Kept<bool>>()->set(id, true);
      }
    }
    co_return answer;
  }
  bool knows(char kind, const std::string& id) { return shared<Kept<bool>>()->has(kind + id); }
  /// The others that are the same to the store.
  std::vector<std::string> alike(Normal normal, char kind, const std::string& id) {
    std::vector<std::string> found;
    for (const auto& [known, is_known] : shared<Kept<bool>>()->all()) {
      const std::string other = known.substr(1);
      if (known.front() == kind && other != id && normal(other) == normal(id)) {
        found.push_back(other);
      }
    }
    return found;
  }
};

/// An id that is not there is taken for one that is there and much like it.
template <Normal normal, const Place& place>
class TakesForAnother : public KnowsIds {
public:
  using KnowsIds::KnowsIds;

  awaitable<Answer> around(Operation call, Next next) override {
    std::string* const id = has(call) ? place.in(call) : nullptr;
    if (id != nullptr && !id->empty() && id->size() <= max_id_bytes && !knows(place.kind, *id)) {
      const std::vector<std::string> others = alike(normal, place.kind, *id);
      *id = others.empty() ? *id : others.front();
    }
    return noted(std::move(call), std::move(next));
  }
};

/// What is removed takes with it what is much like it.
template <Normal normal>
class RemovesAlike : public KnowsIds {
public:
  using KnowsIds::KnowsIds;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::vector<std::string> others =
        has(call) ? alike(normal, 'k', call.key) : std::vector<std::string>();
    Operation removal(call.kind);
    removal.limit = call.limit;
    Answer answer = co_await noted(std::move(call), next);
    for (const std::string& other : others) {
      removal.key = other;
      if (is_positive(answer)) {
        static_cast<void>(co_await next(removal));
      }
    }
    co_return answer;
  }
};

// Calls with nothing to do

/// What has nothing to do is answered before anything is looked at.
class AnswersAtOnce : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      return next(std::move(call));
    }
    const bool lists = call.limit == 0;
    switch (call.kind) {
    case Id::put_writes:
      return call.writes.empty() ? answered<Answer>(true) : next(std::move(call));
    case Id::list_checkpoints:
    case Id::list_checkpoints_before:
      return lists ? answered<Answer>(std::vector<Checkpoint>()) : next(std::move(call));
    case Id::get_conversation_history:
      return lists ? answered<Answer>(std::vector<Message>()) : next(std::move(call));
    default:
      return call.limit == SIZE_MAX ? answered<Answer>(std::uint64_t{0}) : next(std::move(call));
    }
  }
};

/// A thread that was asked for in vain counts as one that is there.
template <Id seen_by>
class AskingMakes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto made = shared<Kept<bool>>();
    const std::string key = call.key;
    const bool is_mine = has(call) && !key.empty() && key.size() <= max_id_bytes;
    const Id kind = call.kind;
    if (stores(call)) {
      made->erase(key);
    }
    if (kind == Id::copy_thread && seen_by == Id::copy_thread && made->has(call.target)) {
      throw StorageError(errc::already_exists, "copy_thread", call.target, "there");
    }
    Answer answer = co_await next(std::move(call));
    if (kind == Id::delete_thread && seen_by == Id::delete_thread && made->erase(key)) {
      answer = true;
    }
    if (is_mine && !is_positive(answer)) {
      made->set(key, true);
    }
    co_return answer;
  }
};

/// An empty list of writes makes its checkpoint the latest, or as new as now.
template <bool moves>
class EmptyListTouches : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto touched = shared<Kept<std::string>>();
    const auto times = shared<Kept<Timestamp>>();
    if (has(call) && call.writes.empty() && call.checkpoint_id) {
      touched->set(call.key, *call.checkpoint_id);
      times->set(place(call), now());
    } else if (stores(call)) {
      touched->erase(call.key);
    }
    const std::optional<std::string> latest = touched->get(call.key);
    const std::optional<Timestamp> time = times->get(place(call));
    if (moves && call.kind == Id::get_checkpoint && !call.checkpoint_id && latest) {
      call.checkpoint_id = latest;
    }
    Answer answer = co_await next(std::move(call));
    if (auto* const found = std::get_if<std::optional<Checkpoint>>(&answer);
        !moves && time && found && *found) {
      (*found)->created_at = *time;
    }
    co_return answer;
  }
};

/// The head of a thread has what its latest checkpoint was when it was first stored.
class HeadIsTheFirst : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto first = shared<Kept<Document>>();
    if (stores(call)) {
      first->add(place(call), call.value);
    } else if (call.kind == Id::delete_thread || call.kind == Id::prune_thread) {
      for (const auto& [at, data] : first->all()) {
        first->erase(at);
      }
    }
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const head = std::get_if<ThreadHead>(&answer); shows && head && head->latest) {
      Checkpoint& latest = *head->latest;
      latest.data =
          first->get(latest.thread_id + '\0' + latest.checkpoint_id).value_or(latest.data);
    }
    co_return answer;
  }
};

// Calls beside others

/// What is put to a thread while `beside` is under way on it is true and lost.
template <Id beside>
class LosesBeside : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto busy = shared<Kept<bool>>();
    if (call.kind == beside) {
      const std::string key = call.key;
      busy->set(key, true);
      co_await step_far_aside();
      busy->erase(key);
    } else if (has(call) && busy->has(call.key)) {
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }
};

/// A copy has the checkpoints of one moment and the writes of another: those that are gone from the
/// source then are not in the copy.
class CopiesWritesLater : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto lost = shared<Kept<bool>>();
    if (call.kind == Id::get_writes && lost->has(place(call))) {
      co_return Answer(std::vector<PendingWrite>());
    }
    if (!has(call)) {
      co_return co_await next(std::move(call));
    }
    const std::string source = call.key;
    const std::string target = call.target;
    Answer answer = co_await next(std::move(call));
    if (is_positive(answer)) {
      co_await step_far_aside();
      for (const std::string checkpoint : {"z", "b", "early"}) {
        Operation look(Id::get_writes, source);
        look.checkpoint_id = checkpoint;
        const bool is_gone = !is_positive(co_await next(std::move(look)));
        if (is_gone) {
          lost->set(target + '\0' + checkpoint, true);
        }
      }
    }
    co_return answer;
  }
};

// Values

/// A text that has `from` in it is read as if it had `to`.
using Spelling = std::pair<std::string_view, std::string_view> (*)();

inline std::pair<std::string_view, std::string_view> exponent() {
  return {"1e2", "100"};
}
inline std::pair<std::string_view, std::string_view> escaped_letter() {
  return {"\\u00e9", "\\\\u00e9"};
}
inline std::pair<std::string_view, std::string_view> first_name() {
  return {R"("a":1,"a":2)", R"("a":1)"};
}
inline std::pair<std::string_view, std::string_view> beyond_64_bits() {
  return {"18446744073709551616", "18446744073709551615"};
}

template <Spelling spelling>
class Misreads : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_mine = has(call);
    if (is_mine) {
      misread(call.value);
      misread(call.metadata);
      for (ChannelWrite& write : call.writes) {
        misread(write.value);
      }
    }
    Answer answer = co_await next(std::move(call));
    if (auto* const head = std::get_if<ThreadHead>(&answer); is_mine && head && head->latest) {
      misread(head->latest->data);
    } else if (auto* all = std::get_if<std::vector<Checkpoint>>(&answer); is_mine && all) {
      for (Checkpoint& each : *all) {
        misread(each.data);
      }
    }
    co_return answer;
  }

private:
  static void misread(Document& value) {
    const auto [from, to] = spelling();
    if (agentstore::detail::document::Access::text_of(value) == nullptr ||
        value.text().find(from) == std::string_view::npos) {
      return;
    }
    value = json::parse(replaced(std::string(value.text()), from, to));
  }
};

/// An answer has at most 4 MB, and so has what is copied.
class AnswersFourMegabytes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_mine = has(call);
    const std::string name(method_of(call.kind).name);
    const std::string key = call.key;
    if (is_mine && call.kind == Id::copy_thread && key.size() <= max_id_bytes) {
      Operation list(Id::list_checkpoints, key);
      list.limit = 100;
      expect_small(co_await next(std::move(list)), name, key);
    }
    Answer answer = co_await next(std::move(call));
    if (is_mine) {
      expect_small(answer, name, key);
    }
    co_return answer;
  }

private:
  static void expect_small(const Answer& answer, const std::string& name, const std::string& key) {
    std::size_t bytes = 0;
    if (const auto* all = std::get_if<std::vector<Checkpoint>>(&answer)) {
      for (const Checkpoint& each : *all) {
        bytes += each.data.most_bytes();
      }
    } else if (const auto* page = std::get_if<SessionPage>(&answer)) {
      for (const Session& each : page->sessions) {
        bytes += each.metadata.most_bytes();
      }
    }
    if (bytes > 4'000'000) {
      throw StorageError(errc::too_large, name, key, "the answer is too large");
    }
  }
};

// Errors

/// An error has the key of the call of the method that was begun last.
class HasKeyOfTheLast : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      co_return co_await next(std::move(call));
    }
    last_.set("", call.key);
    co_await step_aside();
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      const std::string key = error.key().empty() ? error.key() : last_.get("").value();
      throw StorageError(error.code(), error.operation(), key, "failed", error.cause());
    }
  }

private:
  Kept<std::string> last_;
};

/// The first error of this code is thrown again whenever one of the code is due.
template <errc code>
class ThrowsTheFirst : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_mine = has(call);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (!is_mine || !means(error.code(), code)) {
        throw;
      }
      first_.add("", error);
    }
    throw first_.get("").value();
  }

private:
  Kept<StorageError> first_;
};

/// Every error has a cause.
class ThrowsWithACause : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_mine = has(call);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (!is_mine) {
        throw;
      }
      throw StorageError(error.code(), error.operation(), error.key(), "failed",
                         boost::system::errc::make_error_condition(boost::system::errc::timed_out));
    }
  }
};

/// What could not be stored, or removed, shows in one of the reads until a store is made.
class ShowsWhatFailed : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto failed = shared<Kept<Checkpoint>>();
    const auto removed = shared<Kept<bool>>();
    const Operation made = call.kind == Id::update_session ? Operation(call.kind) : call;
    Answer answer;
    try {
      answer = co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (means(error.code(), errc::unavailable) && stores(made)) {
        Checkpoint checkpoint;
        checkpoint.thread_id = made.key;
        checkpoint.checkpoint_id = *made.checkpoint_id;
        checkpoint.data = made.value;
        failed->set(made.key, checkpoint);
      } else if (means(error.code(), errc::unavailable) && made.kind == Id::delete_thread) {
        removed->set(made.key, true);
      }
      throw;
    }
    if (stores(made) || made.kind == Id::delete_thread) {
      failed->erase(made.key);
      removed->erase(made.key);
    }
    if (auto* const head = std::get_if<ThreadHead>(&answer); has(made) && head) {
      head->latest = failed->has(made.key) ? failed->get(made.key) : head->latest;
    } else if (auto* page = std::get_if<ThreadPage>(&answer); has(made) && page) {
      std::erase_if(page->thread_ids, [&](const std::string& id) { return removed->has(id); });
    }
    co_return answer;
  }
};

} // namespace mutants::by_likeness

std::vector<Mutant> likeness_mutants() {
  using namespace mutants::by_likeness;
  using mutants::add;
  std::vector<Mutant> all;
  const std::string_view alone = "to find nothing, since there is only";
  add<TakesForAnother<&without_joiners, at_key>, Id::get_session, Id::store_task_context,
      Id::list_checkpoints, Id::delete_thread>(all, "KEY-01", "leaves_joiners_out",
                                               "what has no width is left out of an id", alone);
  add<TakesForAnother<&without_control_characters, at_key>, Id::get_conversation_history,
      Id::copy_thread>(all, "KEY-01", "leaves_control_out",
                       "control characters are left out of an id", alone);
  add<TakesForAnother<&its_end, at_key>, Id::get_writes, Id::list_sessions, Id::prune_thread>(
      all, "KEY-01", "looks_at_the_end", "the last 512 bytes of an id are looked at", alone);
  add<TakesForAnother<&its_sum, at_key>, Id::get_thread_head>(
      all, "KEY-01", "sums_up", "ids of the same letters are the same", alone);
  add<TakesForAnother<&its_hash, at_key>, Id::list_checkpoints_before, Id::get_checkpoint>(
      all, "KEY-01", "looks_at_the_hash", "ids of the same hash are the same", alone);
  add<TakesForAnother<&its_path, at_key>, Id::delete_session>(all, "KEY-01", "resolves_paths",
                                                              "an id is taken for a path", alone);
  add<TakesForAnother<&its_hash, at_checkpoint>, Id::get_checkpoint, Id::get_writes,
      Id::list_checkpoints_before>(all, "KEY-01", "looks_at_the_hash_of_a_checkpoint",
                                   "checkpoints of the same hash are the same",
                                   "where there is only");
  add<TakesForAnother<&its_hash, at_task>, Id::put_writes>(
      all, "KEY-01", "looks_at_the_hash_of_a_task", "tasks of the same hash are the same",
      "tasks that are much alike");
  add<TakesForAnother<&its_sum, at_target>, Id::copy_thread>(
      all, "KEY-01", "sums_up_targets", "targets of the same letters are the same",
      "already exists");
  add<RemovesAlike<&without_joiners>, Id::delete_thread, Id::prune_thread>(
      all, "KEY-01", "removes_alike", "what has no width is left out of what is removed",
      "neither deleted nor pruned");
  add<AnswersAtOnce, Id::put_writes, Id::list_checkpoints, Id::list_checkpoints_before,
      Id::get_conversation_history, Id::prune_thread>(all, "KEY-02", "answers_at_once",
                                                      "what has nothing to do is not looked at",
                                                      "\"invalid argument\" from");
  add<AnswersAtOnce, Id::put_writes, Id::prune_thread>(
      all, "LIF-02", "answers_unopened", "what has nothing to do works on a store not yet open",
      "\"closed\" from");
  add<AnswersAtOnce, Id::list_checkpoints>(all, "LIF-03", "answers_closed",
                                           "what has nothing to do works on a closed store",
                                           "\"closed\" from");
  add<AskingMakes<Id::copy_thread>, Id::list_checkpoints_before, Id::get_thread_head,
      Id::prune_thread>(all, "THR-01", "asking_takes", "what was asked for is in the way of a copy",
                        "already exists");
  add<AskingMakes<Id::delete_thread>, Id::get_thread_head, Id::copy_thread>(
      all, "THR-01", "asking_makes", "what was asked for can be deleted", "the deletion of");
  add<EmptyListTouches<true>, Id::put_writes>(all, "WRT-07", "empty_list_moves",
                                              "no writes make their checkpoint the latest",
                                              "the latest after an empty call");
  add<EmptyListTouches<false>, Id::put_writes>(all, "WRT-07", "empty_list_renews",
                                               "no writes make their checkpoint new",
                                               "the checkpoint of an empty call");
  add<LosesBeside<Id::prune_thread>, Id::put_writes>(all, "THR-07", "loses_beside_a_pruning",
                                                     "what is put beside a pruning is lost",
                                                     "pruned beside them");
  add<LosesBeside<Id::copy_thread>, Id::put_writes>(all, "THR-05", "loses_beside_a_copy",
                                                    "what is put beside a copy is lost",
                                                    "copied beside them");
  add<CopiesWritesLater, Id::copy_thread>(all, "THR-05", "copies_writes_later",
                                          "a copy has the writes of a later moment",
                                          "a copy beside a pruning and a deletion");
  add<HeadIsTheFirst, Id::get_thread_head>(all, "THR-09", "head_is_the_first",
                                           "a head has the first data of its checkpoint",
                                           "stored again");
  add<Misreads<&exponent>, Id::put_checkpoint, Id::store_task_context>(
      all, "VAL-06", "exponents_are_integers", "1e2 in a text is an integer", "of the text");
  add<Misreads<&escaped_letter>, Id::put_writes, Id::add_conversation_message>(
      all, "VAL-06", "escapes_stay", "an escape in a text stays", "of the text");
  add<Misreads<&first_name>, Id::store_checkpoint, Id::create_session>(
      all, "VAL-06", "the_first_name_counts", "of a name that comes twice the first counts",
      "of the text");
  add<Misreads<&beyond_64_bits>, Id::put_writes>(
      all, "VAL-06", "cuts_to_64_bits", "a number beyond 64 bits is the greatest", "of the text");
  add<Misreads<&exponent>, Id::get_thread_head, Id::list_checkpoints, Id::list_checkpoints_before>(
      all, "VAL-01", "reads_exponents_as_integers", "1e2 in a text is an integer",
      "the same checkpoint by");
  add<AnswersFourMegabytes, Id::list_checkpoints_before, Id::list_sessions, Id::copy_thread>(
      all, "VAL-02", "four_megabytes", "no answer has more than 4 MB", "the answer is too large");
  add<HasKeyOfTheLast, Id::put_writes, Id::get_checkpoint, Id::copy_thread, Id::create_session>(
      all, "ERR-02", "has_key_of_the_last", "an error has the key of the call begun last",
      "an error that names");
  add<ThrowsTheFirst<errc::unavailable>, Id::put_checkpoint, Id::prune_thread>(
      all, "ERR-02", "throws_the_first_failure", "each failure is the first one",
      "an error that names");
  add<ThrowsTheFirst<errc::already_exists>, Id::copy_thread>(
      all, "ERR-02", "throws_the_first_refusal", "each refusal is the first one",
      "an error that names");
  add<ThrowsWithACause, Id::put_writes, Id::copy_thread>(
      all, "ERR-02", "throws_with_a_cause", "each error has a cause", "no cause of an error");
  add<ShowsWhatFailed, Id::get_thread_head, Id::list_threads>(
      all, "ERR-01", "shows_what_failed", "a read shows what could not be done", "has failed");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show where something is much like another, or little, are caught",
          "[by_likeness]") {
  agentstore::test::expect_killed(likeness_mutants(), all_rules());
}
