// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows on one way alone: by one of two methods that do the same, in one
// part of an update, with one kind of write, beside one other call, once a handle has gone. What
// each does wrong stands in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_way {

using Id = MethodId;
using Checkpoints = std::vector<Checkpoint>;
using Writes = std::vector<PendingWrite>;

inline awaitable<std::optional<Checkpoint>> checkpoint_at(std::string thread, std::string id,
                                                          Bug::Next next) {
  Operation read(Id::get_checkpoint, std::move(thread));
  read.checkpoint_id = std::move(id);
  Answer answer = co_await next(std::move(read));
  co_return std::get<std::optional<Checkpoint>>(std::move(answer));
}

// Parts of an update, and of a create

/// An update that is refused for its duration has merged its patch.
template <bool is_negative>
class MergesThoughRefused : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    std::exception_ptr refusal;
    Answer answer;
    try {
      answer = co_await next(std::move(call));
    } catch (const StorageError& error) {
      const bool is_of_duration = (asked.update.processing_time().count() < 0) == is_negative;
      if (!has(asked) || !means(error.code(), errc::invalid_argument) ||
          !asked.update.metadata_patch() || !asked.update.metadata_patch()->is_object() ||
          !is_of_duration) {
        throw;
      }
      refusal = std::current_exception();
    }
    if (!refusal) {
      co_return answer;
    }
    Operation half(Id::update_session, asked.key);
    half.update.updates(*asked.update.metadata_patch());
    static_cast<void>(co_await next(std::move(half)));
    std::rethrow_exception(refusal);
  }
};

/// A merge does something else to an array that stands deep in the metadata.
template <bool appends>
class MergesDeepArrays : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool merges = has(call) && call.update.metadata_patch() &&
                        call.update.metadata_patch()->is_object() &&
                        Document(*call.update.metadata_patch()).fault() == Document::Fault::none;
    if (merges) {
      const std::optional<Session> session = co_await session_of(call.key, next);
      if (session) {
        json patch = *call.update.metadata_patch();
        change(patch, session->metadata.tree(), 0);
        call.update.updates(std::move(patch));
      }
    }
    co_return co_await next(std::move(call));
  }

private:
  static void change(json& patch, const json& target, int depth) {
    if (patch.is_array() && target.is_array() && depth >= 3) {
      json all = target;
      if (appends) {
        all.insert(all.end(), patch.begin(), patch.end());
      }
      patch = std::move(all);
    } else if (patch.is_object() && target.is_object()) {
      for (const auto& [name, value] : target.items()) {
        if (const auto found = patch.find(name); found != patch.end()) {
          change(*found, value, depth + 1);
        }
      }
    }
  }
};

/// A record, as it is written and answered, that has lost something.
using Loss = void (*)(Document&);

inline void lose_large(Document& metadata) {
  if (metadata.most_bytes() > 65'536) {
    metadata = Document::object();
  }
}
inline void lose_wide(Document& metadata) {
  if (metadata.is_object() && metadata.tree().size() > 256) {
    metadata = Document::object();
  }
}
inline void lose_null_members(Document& metadata) {
  if (metadata.fault() == Document::Fault::none && metadata.is_object()) {
    json without = json::object();
    without.merge_patch(metadata.tree());
    metadata = without;
  }
}

/// The metadata of what the call answers have lost something.
template <Loss lose>
class AnswersWithLoss : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const session = std::get_if<Session>(&answer); is_bad && session) {
      lose(session->metadata);
    } else if (auto* const listed = std::get_if<Checkpoints>(&answer); is_bad && listed) {
      for (Checkpoint& checkpoint : *listed) {
        lose(checkpoint.metadata);
      }
    }
    co_return answer;
  }
};

/// What is created has lost something.
template <Loss lose>
class CreatesWithLoss : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      lose(call.metadata);
    }
    return next(std::move(call));
  }
};

/// A create that is the one before is not refused.
class TakesTheSameCreate : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      const std::optional<Session> there = co_await session_of(call.key, next);
      if (there && there->version == 1 && there->user_id == call.user_id &&
          there->metadata == call.metadata) {
        co_return Answer(*there);
      }
    }
    co_return co_await next(std::move(call));
  }
};

/// Texts up to so many letters are taken, however many bytes they have.
class CountsLetters : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    for (std::string* const id : {&call.key, &call.user_id, &call.task_id, &call.target}) {
      const auto letters = std::count_if(id->begin(), id->end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u;
      });
      const bool is_text = Document(json(*id)).fault() == Document::Fault::none;
      if (has(call) && is_text && id->size() > max_id_bytes && letters <= 1'000) {
        id->resize(1'000); // of letters of two bytes
      }
    }
    return next(std::move(call));
  }
};

// Writes of special channels

/// Once a thread was pruned, the special writes of what is left of it are gone.
template <bool of_checkpoints>
class PrunesSpecialWrites : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto pruned = shared<Kept<bool>>();
    Answer answer = co_await next(std::move(call));
    if (has(asked) && is_positive(answer)) {
      pruned->set(asked.key, true);
    } else if (asked.kind == Id::put_writes) {
      pruned->erase(asked.key);
    } else if (auto* const writes = std::get_if<Writes>(&answer);
               writes && pruned->has(asked.key)) {
      const auto checkpoint = co_await checkpoint_at(asked.key, *asked.checkpoint_id, next);
      if (checkpoint.has_value() == of_checkpoints) {
        std::erase_if(*writes, [](const PendingWrite& write) { return write.index < 0; });
      }
    }
    co_return answer;
  }
};

// Stored again by one of two methods

/// Knows which checkpoints the method has stored again.
class KnowsStoredAgain : public Bug {
public:
  using Bug::Bug;

protected:
  awaitable<Answer> noted(Operation call, Next next) {
    const Operation asked = call;
    const bool is_known = stores(call) && call.checkpoint_id && !call.key.empty();
    Answer answer = co_await next(std::move(call));
    if (is_known) {
      const auto times = shared<Kept<int>>();
      const std::string at = place(asked);
      const int before = times->get(at).value_or(0);
      times->set(at, before == 0 || has(asked) ? before + 1 : before);
    }
    co_return answer;
  }
  bool was_again(const std::string& thread, const std::string& checkpoint) {
    return shared<Kept<int>>()->get(place(thread, checkpoint)).value_or(0) > 1;
  }
};

/// Before what was stored again is all else.
class AllIsBeforeStoredAgain : public KnowsStoredAgain {
public:
  using KnowsStoredAgain::KnowsStoredAgain;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    Answer answer = co_await noted(std::move(call), next);
    if (asked.kind == Id::list_checkpoints_before && asked.limit != 0 &&
        was_again(asked.key, *asked.checkpoint_id)) {
      Checkpoints all = co_await all_checkpoints(asked.key, next);
      std::erase_if(
          all, [&](const Checkpoint& each) { return each.checkpoint_id == *asked.checkpoint_id; });
      all.resize(std::min(all.size(), asked.limit), Checkpoint());
      answer = std::move(all);
    }
    co_return answer;
  }
};

/// A pruning takes what was stored again for new, and keeps it.
class KeepsStoredAgain : public KnowsStoredAgain {
public:
  using KnowsStoredAgain::KnowsStoredAgain;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    Checkpoints before;
    if (asked.kind == Id::prune_thread && asked.limit != 0 && !asked.key.empty()) {
      before = co_await all_checkpoints(asked.key, next);
    }
    Answer answer = co_await noted(std::move(call), next);
    for (std::size_t i = asked.limit; i < before.size(); ++i) {
      if (was_again(asked.key, before[i].checkpoint_id)) {
        Operation back(Id::store_checkpoint, asked.key);
        back.checkpoint_id = before[i].checkpoint_id;
        back.value = before[i].data;
        back.metadata = before[i].metadata;
        static_cast<void>(co_await next(std::move(back)));
        --std::get<std::uint64_t>(answer);
      }
    }
    co_return answer;
  }
};

/// The writes of what was pruned are there again once the method has stored it again.
class WritesComeBackByOne : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto lost = shared<Kept<Writes>>();
    if (asked.kind == Id::prune_thread && !asked.key.empty()) {
      for (const Checkpoint& each : co_await all_checkpoints(asked.key, next)) {
        Operation read(Id::get_writes, asked.key);
        read.checkpoint_id = each.checkpoint_id;
        const Answer writes = co_await next(std::move(read));
        lost->set(place(asked.key, each.checkpoint_id), std::get<Writes>(writes));
      }
    }
    Answer answer = co_await next(std::move(call));
    if (asked.kind == Id::delete_thread) {
      for (const auto& [at, writes] : lost->all()) {
        lost->erase(at);
      }
    }
    if (has(asked) && asked.checkpoint_id) {
      const auto writes = lost->get(place(asked));
      lost->erase(place(asked));
      for (const PendingWrite& write : writes.value_or(Writes())) {
        Operation back(Id::put_writes, asked.key);
        back.checkpoint_id = asked.checkpoint_id;
        back.task_id = write.task_id;
        back.writes.emplace_back(write.channel, write.value);
        static_cast<void>(co_await next(std::move(back)));
      }
    }
    co_return answer;
  }
};

/// A checkpoint of a copy is read as what its source has become, by its id.
class CopiesShareWhatIsReplaced : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto sources = shared<Kept<std::string>>();
    if (asked.kind == Id::copy_thread && !asked.key.empty()) {
      for (const Checkpoint& each : co_await all_checkpoints(asked.key, next)) {
        sources->add(place(asked.target, each.checkpoint_id), asked.key);
      }
    }
    Answer answer = co_await next(std::move(call));
    if (stores(asked) && asked.checkpoint_id) {
      sources->erase(place(asked));
    }
    auto* const found = std::get_if<std::optional<Checkpoint>>(&answer);
    if (found && *found && has(asked) && asked.checkpoint_id) {
      if (const auto source = sources->get(place(asked))) {
        const auto now = co_await checkpoint_at(*source, *asked.checkpoint_id, next);
        (*found)->data = now ? now->data : (*found)->data;
      }
    }
    co_return answer;
  }
};

/// What holds nothing is not listed.
class LeavesOutNull : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const listed = std::get_if<Checkpoints>(&answer); is_bad && listed) {
      std::erase_if(*listed, [](const Checkpoint& each) { return each.data.is_null(); });
    }
    co_return answer;
  }
};

// Beside one other call

/// A list lacks what the call works on.
class HidesWhileItWorks : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto hidden = shared<Kept<bool>>();
    const std::string key = call.key;
    const bool hides = has(call) && hidden->add(key, true);
    if (hides) {
      co_await step_aside();
    }
    Answer answer;
    try {
      answer = co_await next(std::move(call));
    } catch (...) {
      hidden->erase(hides ? key : std::string());
      throw;
    }
    if (hides) {
      hidden->erase(key);
    } else if (auto* const page = std::get_if<SessionPage>(&answer)) {
      std::erase_if(page->sessions,
                    [&](const Session& each) { return hidden->has(each.session_id); });
    } else if (auto* const threads = std::get_if<ThreadPage>(&answer)) {
      std::erase_if(threads->thread_ids,
                    [&](const std::string& each) { return hidden->has(each); });
    }
    co_return answer;
  }
};

/// Of a list, one half is read a moment later.
template <bool is_newer>
class ListsInHalves : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    auto* const listed = std::get_if<Checkpoints>(&answer);
    if (has(asked) && listed && listed->size() > 1) {
      co_await step_aside();
      const std::size_t size = listed->size();
      Operation again(Id::list_checkpoints, asked.key);
      again.limit = size;
      const Answer second = co_await next(std::move(again));
      const auto& later = std::get<Checkpoints>(second);
      for (std::size_t i = 0; i < std::min(size, later.size()); ++i) {
        (*listed)[i] = (i < size / 2) == is_newer ? later[i] : (*listed)[i];
      }
    }
    co_return answer;
  }
};

/// What a method does to a thread it does in two steps, between which others may look.
class ChangesInSteps : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto under_way = shared<Kept<bool>>();
    const std::string thread = asked.kind == Id::copy_thread ? asked.target : asked.key;
    if (!has(asked) || thread.empty()) {
      Answer answer = co_await next(std::move(call));
      if (auto* const listed = std::get_if<Checkpoints>(&answer);
          listed && listed->size() > 1 && under_way->has(asked.key)) {
        listed->pop_back();
      }
      co_return answer;
    }
    const bool comes = asked.kind == Id::copy_thread;
    const bool is_alone = under_way->add(thread, true);
    std::exception_ptr failure;
    Answer answer;
    try {
      if (comes) {
        answer = co_await next(std::move(call));
      }
      co_await step_far_aside();
      if (!comes) {
        answer = co_await next(std::move(call));
      }
    } catch (...) {
      failure = std::current_exception();
    }
    if (is_alone) {
      under_way->erase(thread);
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
    co_return answer;
  }
};

/// A clean-up chooses what it removes a moment before. What another call has touched meanwhile goes
/// all the same, but if it was by the method that it looks at again.
template <Id seen>
class CleansWhatItChose : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto made = shared<Kept<bool>>();
    if (!has(asked) || asked.max_idle.count() <= 0) {
      Answer answer = co_await next(std::move(call));
      if (asked.kind == Id::create_session) {
        made->set(asked.key, true);
      }
      if (asked.kind == seen && !asked.key.empty() && is_positive(answer)) {
        made->set(asked.key, false);
      }
      co_return answer;
    }
    std::vector<std::string> chosen;
    for (const auto& [id, is_there] : made->all()) {
      const std::optional<Session> session = co_await session_of(id, next);
      if (session && now() - session->last_activity >= asked.max_idle) {
        made->set(id, true);
        chosen.push_back(id);
      }
    }
    if (!chosen.empty()) {
      co_await step_far_aside();
    }
    std::uint64_t removed = 0;
    for (const std::string& id : chosen) {
      if (made->get(id) == true) {
        const Answer gone = co_await next(Operation(Id::delete_session, id));
        removed += is_positive(gone) ? 1u : 0u;
      }
    }
    Answer rest = co_await next(std::move(call));
    std::get<std::uint64_t>(rest) += removed;
    co_return rest;
  }
};

// Ids and prefixes that are more than they seem

/// What goes by an id goes from all that match it as a pattern.
template <char any, char one>
class RemovesByPattern : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto threads = shared<Kept<bool>>();
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    if ((stores(asked) || asked.kind == Id::put_writes) && is_positive(answer)) {
      threads->set(asked.key, true);
    } else if (has(asked) && is_positive(answer)) {
      for (const auto& [id, is_there] : threads->all()) {
        if (id != asked.key && matches(asked.key, id)) {
          static_cast<void>(co_await next(Operation(Id::delete_thread, id)));
        }
      }
    }
    co_return answer;
  }

private:
  static bool matches(std::string_view pattern, std::string_view id) {
    if (pattern.empty()) {
      return id.empty();
    }
    if (pattern.front() == any) {
      return matches(pattern.substr(1), id) || (!id.empty() && matches(pattern, id.substr(1)));
    }
    return !id.empty() && (pattern.front() == one || pattern.front() == id.front()) &&
           matches(pattern.substr(1), id.substr(1));
  }
};

/// A prefix that ends so is one of no thread: it ends where the next greater byte is not found.
template <char last>
class FindsNoneBehind : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call) && call.key.ends_with(last);
    Answer answer = co_await next(std::move(call));
    if (is_bad) {
      make_empty(answer);
    }
    co_return answer;
  }
};

/// A cursor is good for the list of whoever is much like the one that it was given to.
template <std::string (*bare)(std::string)>
class TakesCursorsOfAlike : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto owners = shared<Kept<std::string>>();
    const Operation asked = call;
    if (has(asked) && !asked.text.empty()) {
      const std::string owner = owners->get(asked.text).value_or(asked.key);
      if (bare(owner) == bare(asked.key)) {
        call.key = owner;
      }
    }
    Answer answer = co_await next(std::move(call));
    if (const auto* const sessions = std::get_if<SessionPage>(&answer)) {
      owners->set(sessions->next, asked.key);
    } else if (const auto* const threads = std::get_if<ThreadPage>(&answer)) {
      owners->set(threads->next, asked.key);
    }
    co_return answer;
  }
};

inline std::string in_small_letters(std::string text) {
  for (char& letter : text) {
    letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
  }
  return text;
}
inline std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

// Handles

/// What a handle has written last is lost with it, if nobody has closed it.
template <Id read>
class LosesTheLastWithItsHandle : public Bug {
public:
  using Bug::Bug;
  ~LosesTheLastWithItsHandle() override {
    if (!last_.empty()) {
      lost_->set(last_, true);
    }
  }

  awaitable<Answer> around(Operation call, Next next) override {
    const auto self = lost_;
    const Operation asked = call;
    Answer answer = co_await next(std::move(call));
    if (has(asked) && is_positive(answer)) {
      last_ = asked.key;
      self->erase(asked.key);
    } else if (asked.kind == Id::close) {
      last_.clear();
    } else if (asked.kind == read && self->has(asked.key)) {
      make_empty(answer);
    }
    co_return answer;
  }

private:
  std::shared_ptr<Kept<bool>> lost_ = shared<Kept<bool>>();
  std::string last_;
};

/// A store is open until it was closed as often as it was opened.
class CountsOpenings : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize) {
      ++count_;
    } else if (has(call) && count_ > 1) {
      --count_;
      return answered(Answer(true));
    } else if (has(call)) {
      count_ = 0;
    }
    return next(std::move(call));
  }

private:
  std::atomic<int> count_ = 0;
};

/// What is from before a later opening has shorter times, as one read tells.
template <class Unit>
class CutsTimesAtOpening : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const Operation asked = call;
    const auto opened = shared<Kept<Timestamp>>();
    Answer answer = co_await next(std::move(call));
    if (asked.kind == Id::initialize && !opened->add("first", now())) {
      opened->set("later", now());
    }
    const Timestamp moment = opened->get("later").value_or(Timestamp());
    const auto cut = [moment](Timestamp& time) {
      time = time < moment ? Timestamp(std::chrono::floor<Unit>(time)) : time;
    };
    if (auto* const listed = std::get_if<Checkpoints>(&answer); has(asked) && listed) {
      for (Checkpoint& each : *listed) {
        cut(each.created_at);
      }
    } else if (auto* const session = std::get_if<std::optional<Session>>(&answer);
               has(asked) && session && *session) {
      cut((*session)->last_activity);
    }
    co_return answer;
  }
};

// Entries

/// An entry has so many bytes of one of its texts.
template <std::string Operation::* text, std::size_t most>
class CutsEntries : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      (call.*text).resize(std::min((call.*text).size(), most));
    }
    return next(std::move(call));
  }
};

} // namespace mutants::by_way

std::vector<Mutant> way_mutants() {
  using namespace mutants::by_way;
  using mutants::add;
  std::vector<Mutant> all;
  add<TakesTheSameCreate, Id::create_session>(all, "SES-03", "takes_the_same_create",
                                              "a create that is the one before is not refused",
                                              "already exists");
  add<AnswersWithLoss<&lose_large>, Id::create_session>(all, "SES-01", "answers_without_large",
                                                        "a create answers no metadata above 64 KiB",
                                                        "what create_session returns");
  add<AnswersWithLoss<&lose_wide>, Id::create_session>(
      all, "SES-01", "answers_without_wide", "a create answers no metadata of many members",
      "what create_session returns");
  add<CreatesWithLoss<&lose_null_members>, Id::create_session, Id::store_checkpoint,
      Id::add_conversation_message>(all, "VAL-01", "merges_at_first",
                                    "metadata are merged into nothing", "the value read");
  add<AnswersWithLoss<&lose_null_members>, Id::list_checkpoints, Id::list_checkpoints_before>(
      all, "VAL-01", "lists_without_nulls", "null members of metadata are not listed",
      "the same checkpoint by");
  add<MergesDeepArrays<true>, Id::update_session>(all, "SES-04", "appends_deep_arrays",
                                                  "a deep array is appended", "was merged into");
  add<MergesDeepArrays<false>, Id::update_session>(all, "SES-04", "keeps_deep_arrays",
                                                   "a deep array stays", "was merged into");
  add<MergesThoughRefused<true>, Id::update_session>(all, "SES-05", "merges_though_negative",
                                                     "a patch beside a negative duration is merged",
                                                     "a duration that was refused");
  add<MergesThoughRefused<false>, Id::update_session>(
      all, "SES-05", "merges_though_too_much", "a patch beside a duration too much is merged",
      "a duration that was refused");
  add<CountsLetters, Id::put_writes, Id::create_session, Id::store_checkpoint, Id::copy_thread,
      Id::delete_session>(all, "KEY-02", "counts_letters", "ids are bounded in letters",
                          "\"invalid argument\" from");
  add<PrunesSpecialWrites<true>, Id::prune_thread>(
      all, "THR-07", "prunes_special_writes", "special writes of what is kept go", "that is kept");
  add<PrunesSpecialWrites<false>, Id::prune_thread>(all, "THR-07", "prunes_early_special_writes",
                                                    "special writes without a checkpoint go",
                                                    "the early writes");
  add<AllIsBeforeStoredAgain, Id::put_checkpoint, Id::store_checkpoint>(
      all, "THR-08", "all_is_before_stored_again", "all is before what was stored again", "before");
  add<KeepsStoredAgain, Id::put_checkpoint, Id::store_checkpoint>(
      all, "THR-07", "keeps_stored_again", "what was stored again is new to a pruning",
      "how many checkpoints were removed");
  add<WritesComeBackByOne, Id::put_checkpoint, Id::store_checkpoint>(
      all, "THR-07", "writes_come_back_by_one", "the writes of what was pruned come back",
      "the writes of a removed checkpoint");
  add<CopiesShareWhatIsReplaced, Id::get_checkpoint>(all, "THR-05", "copies_share_what_is_replaced",
                                                     "what is replaced in a source its copy shows",
                                                     "each by its id, of the copy");
  add<LeavesOutNull, Id::list_checkpoints_before>(all, "THR-08", "leaves_out_null",
                                                  "what holds null is not listed", "before");
  add<ListsInHalves<true>, Id::list_checkpoints>(all, "CHK-03", "lists_newer_half_later",
                                                 "the newer half of a list is read later",
                                                 "beside a writer");
  add<ListsInHalves<false>, Id::list_checkpoints>(all, "CHK-03", "lists_older_half_later",
                                                  "the older half of a list is read later",
                                                  "beside a writer");
  add<ChangesInSteps, Id::delete_thread, Id::prune_thread, Id::copy_thread>(
      all, "THR-05", "changes_in_steps", "others see a thread half changed", "listed beside");
  add<CleansWhatItChose<Id::cleanup_expired_sessions>, Id::cleanup_expired_sessions>(
      all, "CLN-04", "cleans_what_it_chose", "what was touched meanwhile is removed",
      "beside a clean-up");
  add<CleansWhatItChose<Id::update_session>, Id::cleanup_expired_sessions>(
      all, "CLN-04", "cleans_what_it_chose_unless_updated", "what was appended to is removed",
      "an append beside a clean-up");
  add<HidesWhileItWorks, Id::update_session, Id::add_conversation_message, Id::end_session>(
      all, "DIR-01", "hides_while_it_works", "a list lacks the session that changes its place",
      "the list beside");
  add<HidesWhileItWorks, Id::store_checkpoint, Id::put_writes, Id::prune_thread, Id::copy_thread>(
      all, "THR-02", "hides_while_it_works", "a list lacks the thread that is written to",
      "the list beside");
  add<RemovesByPattern<'*', '?'>, Id::delete_session, Id::delete_thread, Id::prune_thread>(
      all, "KEY-01", "removes_by_glob", "an id of what goes is a pattern of * and ?",
      "neither deleted nor pruned");
  add<RemovesByPattern<'%', '_'>, Id::delete_session, Id::delete_thread, Id::prune_thread>(
      all, "KEY-01", "removes_by_like", "an id of what goes is a pattern of % and _",
      "neither deleted nor pruned");
  add<FindsNoneBehind<'\x7f'>, Id::list_threads>(all, "THR-01", "finds_none_behind_the_last",
                                                 "no thread begins with a prefix that ends in 7F",
                                                 "the threads that begin with");
  add<FindsNoneBehind<'\xBF'>, Id::list_threads>(all, "THR-01", "finds_none_behind_bf",
                                                 "no thread begins with a prefix that ends in BF",
                                                 "the threads that begin with");
  add<TakesCursorsOfAlike<&in_small_letters>, Id::list_sessions>(
      all, "DIR-03", "cursors_without_case", "a cursor is good for whoever differs in case",
      "\"invalid argument\" from");
  add<TakesCursorsOfAlike<&without_blanks>, Id::list_sessions>(
      all, "DIR-03", "cursors_without_blanks", "a cursor is good for whoever differs in blanks",
      "\"invalid argument\" from");
  add<TakesCursorsOfAlike<&in_small_letters>, Id::list_threads>(
      all, "THR-02", "cursors_without_case", "a cursor is good for what differs in case",
      "\"invalid argument\" from");
  add<TakesCursorsOfAlike<&without_blanks>, Id::list_threads>(
      all, "THR-02", "cursors_without_blanks", "a cursor is good for what differs in blanks",
      "\"invalid argument\" from");
  add<LosesTheLastWithItsHandle<Id::get_task_context>, Id::store_task_context>(
      all, "TWO-01", "loses_the_last_with_its_handle", "the last context of a handle goes with it",
      "was destroyed");
  add<LosesTheLastWithItsHandle<Id::get_conversation_history>, Id::add_conversation_message>(
      all, "TWO-01", "loses_the_last_with_its_handle", "the last message of a handle goes with it",
      "was destroyed");
  add<LosesTheLastWithItsHandle<Id::get_writes>, Id::put_writes>(
      all, "TWO-01", "loses_the_last_with_its_handle", "the last writes of a handle go with it",
      "was destroyed");
  add<CountsOpenings, Id::close>(all, "LIF-03", "counts_openings",
                                 "a store is open until it was closed as often", "\"closed\" from");
  add<CutsTimesAtOpening<std::chrono::seconds>, Id::list_checkpoints>(
      all, "LIF-05", "cuts_times_at_opening", "an opening cuts created_at to seconds",
      "after a close and an initialize");
  add<CutsTimesAtOpening<std::chrono::milliseconds>, Id::get_session>(
      all, "LIF-05", "cuts_times_at_opening", "an opening cuts last_activity to milliseconds",
      "after a close and an initialize");
  all.push_back(mutants::bug_once<CutsEntries<&Operation::text, 255>, Id::append_session_event>(
      "ONC-05", "cuts_entries_255", "an entry has 255 bytes of its type",
      "append_session_event_once(event_type)"));
  all.push_back(
      mutants::bug_once<CutsEntries<&Operation::content, 65'535>, Id::append_conversation_message>(
          "ONC-05", "cuts_entries_65535", "an entry has 65,535 bytes of its content",
          "append_conversation_message_once(content)"));
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show on one way alone are caught", "[by_way]") {
  agentstore::test::expect_killed(way_mutants(), all_rules());
}
