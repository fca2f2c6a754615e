// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that shows with arguments of one shape alone: with hardly anything in them,
// with nothing special among them, with a name, a spelling or a time that is rare. What each does
// wrong stands in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/methods/odd_arguments.hpp>

#include <set>

namespace agentstore::conformance {

namespace mutants::by_shape {

using Id = MethodId;

/// Null, or a text or a container with nothing in it.
inline bool is_little(const Document& value) {
  return value.fault() == Document::Fault::none && value.depth() <= 1 && value.tree().empty();
}

/// Writes of which none is special are put in two steps.
class PutsOrdinaryInSteps : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_ordinary =
        std::none_of(call.writes.begin(), call.writes.end(), [](const ChannelWrite& write) {
          return !write.channel.empty() && write_index(write.channel, 0) < 0;
        });
    if (has(call) && is_ordinary && call.writes.size() > 2) {
      Operation half = call;
      half.writes.resize(2);
      static_cast<void>(co_await next(std::move(half)));
      co_await step_aside();
    }
    co_return co_await next(std::move(call));
  }
};

/// Too deep a value is neither stored nor refused.
class DropsTooDeep : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto is_deep = [](const Document& value) {
      return value.fault() == Document::Fault::depth;
    };
    const bool is_any_deep = is_deep(call.value) || is_deep(call.metadata) ||
                             std::any_of(call.writes.begin(), call.writes.end(),
                                         [&](const ChannelWrite& w) { return is_deep(w.value); });
    if (has(call) && is_any_deep) {
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }
};

/// Members whose names are no UTF-8 are left out.
class LeavesOutBadNames : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      leave_out(call.value);
      leave_out(call.metadata);
    }
    return next(std::move(call));
  }

private:
  static void leave_out(Document& value) {
    if (value.fault() != Document::Fault::utf8 || !value.tree().is_object()) {
      return;
    }
    json good = json::object();
    for (const auto& [name, member] : value.tree().items()) {
      if (Document(json(name)).fault() == Document::Fault::none) {
        good[name] = member;
      }
    }
    value = std::move(good);
  }
};

/// What is not found by its id is looked for as an id that was encoded.
template <bool of_checkpoint>
class DecodesColons : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    Operation decoded = call;
    Answer answer = co_await next(std::move(call));
    std::string& id = of_checkpoint && decoded.checkpoint_id ? *decoded.checkpoint_id : decoded.key;
    const std::size_t at = id.find("%3A");
    if (has(decoded) && at != std::string::npos && !is_positive(answer)) {
      id.replace(at, 3, ":");
      answer = co_await next(std::move(decoded));
    }
    co_return answer;
  }
};

/// Of a session that has ended nothing is shown that hardly is anything.
class ForgetsLittleAtTheEnd : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    const std::string id = call.key;
    Answer answer = co_await next(std::move(call));
    std::optional<Session> session;
    if (is_bad) {
      session = co_await session_of(id, next);
    }
    if (session && session->status != "active") {
      if (auto* const context = std::get_if<std::optional<Document>>(&answer)) {
        *context = *context && is_little(**context) ? std::nullopt : *context;
      } else if (auto* const messages = std::get_if<std::vector<Message>>(&answer)) {
        std::erase_if(*messages, [](const Message& each) { return each.content.empty(); });
      }
    }
    co_return answer;
  }
};

/// An end that is no success counts an error.
class EndsWithAnError : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.text == "failed") {
      Operation error(Id::update_session, call.key);
      error.update.mark_error();
      static_cast<void>(co_await next(std::move(error)));
    }
    co_return co_await next(std::move(call));
  }
};

/// A checkpoint that held hardly anything is as new when it is stored again.
class IsNewAfterLittle : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto times = shared<Kept<Timestamp>>();
    const std::string where = place(call);
    if (has(call)) {
      Operation read(Id::get_checkpoint, call.key);
      read.checkpoint_id = call.checkpoint_id;
      const Answer before = co_await found(std::move(read), next);
      const auto& old = std::get<std::optional<Checkpoint>>(before);
      if (old && is_little(old->data)) {
        times->set(where, now());
      }
    }
    const bool reads = call.kind == Id::get_checkpoint && call.checkpoint_id;
    Answer answer = co_await next(std::move(call));
    if (auto* const read = std::get_if<std::optional<Checkpoint>>(&answer);
        reads && read && *read) {
      (*read)->created_at = times->get(where).value_or((*read)->created_at);
    }
    co_return answer;
  }

private:
  static awaitable<Answer> found(Operation read, Next next) {
    try {
      co_return co_await next(std::move(read));
    } catch (const StorageError&) {
      co_return Answer(std::optional<Checkpoint>());
    }
  }
};

/// An entry with hardly anything in it is another each time.
class RepeatsLittleEntries : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id && !call.entry_id->empty() && call.content.empty() &&
        is_little(call.value) && call.writes.size() < 2) {
      call.entry_id = std::to_string(++*everywhere<std::atomic<int>>());
    }
    return next(std::move(call));
  }
};

/// An escape that stands for half a character, and is not spelled as a dump spells it, is lost.
class LosesEscapedPairs : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      lose(call.value);
      lose(call.metadata);
      for (ChannelWrite& write : call.writes) {
        lose(write.value);
      }
    }
    return next(std::move(call));
  }

private:
  static void lose(Document& value) {
    constexpr std::string_view pair = "\\uD83D\\uDE00";
    if (value.fault() != Document::Fault::none) {
      return;
    }
    std::string text(value.text());
    if (const std::size_t at = text.find(pair); at != std::string::npos) {
      text.replace(at, pair.size(), "\\uFFFD");
      value = detail::spelled(text);
    }
  }
};

/// A text of one blank is taken for none.
class TakesABlankForNone : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.text == " ") {
      call.text.clear();
    }
    return next(std::move(call));
  }
};

/// The last writes of an append, if they are null.
class LosesLastNulls : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    while (has(call) && !call.writes.empty() && call.writes.back().value.is_null() &&
           !call.writes.back().channel.empty()) {
      call.writes.pop_back();
    }
    return next(std::move(call));
  }
};

// Names, of ids and of members

/// Two ids stand in one key with a word between them.
inline std::string joined(const Operation& call, const char* word) {
  return call.key + word + call.checkpoint_id.value_or("");
}

/// Checkpoints whose ids make the same key are one.
template <char separator>
class JoinsByAWord : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto firsts = shared<Kept<Operation>>();
    const std::string word = std::string(1, separator) + "checkpoints" + separator;
    const bool has_place = call.checkpoint_id && !call.checkpoint_id->empty() && !call.key.empty();
    if (has_place && (stores(call) || has(call))) {
      const std::string key = joined(call, word.c_str());
      if (stores(call)) {
        firsts->add(key, Operation(call.kind, call.key));
      } else if (const auto first = firsts->get(key); first && first->key != call.key) {
        const std::size_t begin = first->key.size() + word.size();
        call.key = first->key;
        call.checkpoint_id = key.substr(begin);
      }
    }
    return next(std::move(call));
  }
};

/// A task and an index are one text.
class JoinsTaskAndIndex : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const writes = std::get_if<std::vector<PendingWrite>>(&answer); is_bad && writes) {
      std::set<std::string> seen;
      std::erase_if(*writes, [&seen](const PendingWrite& write) {
        return !seen.insert(write.task_id + std::to_string(write.index)).second;
      });
    }
    co_return answer;
  }
};

/// What a framework calls its own is not kept.
class DropsItsOwnChannel : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* const writes = std::get_if<std::vector<PendingWrite>>(&answer); is_bad && writes) {
      std::erase_if(*writes, [](const PendingWrite& w) { return w.channel == "__no_writes__"; });
    }
    co_return answer;
  }
};

/// Ids that begin so are the store's own, and not listed.
class HidesItsOwn : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Answer answer = co_await next(std::move(call));
    const auto is_own = [](const std::string& id) { return id.starts_with("__"); };
    if (auto* const threads = std::get_if<ThreadPage>(&answer); is_bad && threads) {
      std::erase_if(threads->thread_ids, is_own);
    } else if (auto* const page = std::get_if<SessionPage>(&answer); is_bad && page) {
      std::erase_if(page->sessions, [&](const Session& each) { return is_own(each.session_id); });
    }
    co_return answer;
  }
};

/// An append is known by a name in its value.
class DropsKnownIds : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto known = shared<Kept<bool>>();
    const Document& value =
        method_of(call.kind).has(Parameter::metadata) ? call.metadata : call.value;
    const bool is_object = has(call) && value.fault() == Document::Fault::none && value.is_object();
    if (is_object && value.tree().contains("message_id") &&
        !known->add(call.key + '\0' + value.tree()["message_id"].dump(), true)) {
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }
};

/// An object of one member, which has its name, is taken for its member.
class UnwrapsMetadata : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      unwrap(call.metadata);
      unwrap(call.value);
      if (call.update.metadata_patch()) {
        Document patch = *call.update.metadata_patch();
        unwrap(patch);
        call.update.updates(patch.tree());
      }
    }
    return next(std::move(call));
  }

private:
  static void unwrap(Document& value) {
    if (value.fault() == Document::Fault::none && value.is_object() && value.tree().size() == 1 &&
        value.tree().begin().key() == "metadata" && value.tree()["metadata"].is_object()) {
      value = json(value.tree()["metadata"]);
    }
  }
};

/// What is equal to nlohmann's == is not stored.
class KeepsWhatIsEqual : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool patches = call.update.metadata_patch() && call.update.metadata_patch()->is_object();
    const bool is_good = has(call) && call.value.fault() == Document::Fault::none;
    if (is_good && call.kind == Id::store_task_context) {
      const std::string id = call.key;
      const Document value = call.value;
      Answer answer = co_await next(std::move(call));
      const auto kept = shared<Kept<json>>();
      if (const auto before = kept->get(id); before && *before == value.tree()) {
        Operation back(Id::store_task_context, id);
        back.value = *before;
        static_cast<void>(co_await next(std::move(back)));
      } else if (is_positive(answer)) {
        kept->set(id, value.tree());
      }
      co_return answer;
    }
    if (has(call) && patches) {
      const std::optional<Session> session = co_await session_of(call.key, next);
      json merged = session ? session->metadata.tree() : json::object();
      merged.merge_patch(*call.update.metadata_patch());
      if (session && merged == session->metadata.tree()) {
        call.update.updates(json::object());
      }
    }
    co_return co_await next(std::move(call));
  }
};

// Times and places

/// A list is in the order of its times.
class ListsByTime : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto copies = shared<Kept<bool>>();
    if (call.kind == Id::copy_thread) {
      copies->set(call.target, true);
    }
    const bool is_bad = has(call) && copies->has(call.key);
    Answer answer = co_await next(std::move(call));
    if (auto* const listed = std::get_if<std::vector<Checkpoint>>(&answer); is_bad && listed) {
      sort_stably(*listed, [](const Checkpoint& a, const Checkpoint& b) {
        return a.created_at > b.created_at;
      });
    }
    co_return answer;
  }
};

/// What came before has an earlier time.
class LeavesOutLaterTimes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_bad = has(call);
    Operation read(Id::get_checkpoint, call.key);
    read.checkpoint_id = call.checkpoint_id;
    Answer answer = co_await next(std::move(call));
    if (auto* const listed = std::get_if<std::vector<Checkpoint>>(&answer);
        is_bad && listed && !listed->empty()) {
      const Answer found = co_await next(std::move(read));
      const auto& at = std::get<std::optional<Checkpoint>>(found);
      std::erase_if(*listed, [&at](const Checkpoint& each) {
        return at && each.created_at > at->created_at;
      });
    }
    co_return answer;
  }
};

/// The special writes of what is not stored yet are not copied.
class CopiesNoEarlySpecials : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto copies = shared<Kept<bool>>();
    if (has(call)) {
      copies->set(call.target, true);
    }
    const bool of_copy = call.kind == Id::get_writes && copies->has(call.key);
    Operation read(Id::get_checkpoint, call.key);
    read.checkpoint_id = call.checkpoint_id;
    Answer answer = co_await next(std::move(call));
    if (auto* const writes = std::get_if<std::vector<PendingWrite>>(&answer);
        of_copy && writes && !is_positive(co_await next(std::move(read)))) {
      std::erase_if(*writes, [](const PendingWrite& write) { return write.index < 0; });
    }
    co_return answer;
  }
};

/// Later pages show sessions as they were when the first was read.
class ShowsOldSessionsLater : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto seen = shared<Kept<Session>>();
    const bool is_later = !call.text.empty();
    const bool is_bad = has(call);
    Operation all = call;
    Answer answer = co_await next(std::move(call));
    auto* const page = std::get_if<SessionPage>(&answer);
    if (is_bad && page != nullptr && !is_later) {
      all.limit = max_page_size;
      const Answer whole = co_await next(std::move(all));
      for (const Session& session : std::get<SessionPage>(whole).sessions) {
        seen->set(session.session_id, session);
      }
    } else if (is_bad && page != nullptr) {
      for (Session& session : page->sessions) {
        session = seen->get(session.session_id).value_or(session);
      }
    }
    co_return answer;
  }
};

/// An activity is one if it comes long enough after the last.
class ThrottlesActivity : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const auto lags = shared<Kept<Timestamp>>();
    const std::string id = call.key;
    const bool is_bad = has(call);
    const bool reads = call.kind == Id::get_session;
    std::optional<Session> before;
    if (is_bad) {
      before = co_await session_of(id, next);
    } else if (!reads) {
      lags->erase(id);
    }
    Answer answer = co_await next(std::move(call));
    if (is_bad && before && is_positive(answer)) {
      const Timestamp shown = lags->get(id).value_or(before->last_activity);
      if (now() - shown < std::chrono::seconds(1) && now() > shown) {
        lags->set(id, shown);
      } else {
        lags->erase(id);
      }
    }
    if (auto* const session = std::get_if<std::optional<Session>>(&answer);
        reads && session && *session) {
      (*session)->last_activity = lags->get(id).value_or((*session)->last_activity);
    }
    co_return answer;
  }
};

} // namespace mutants::by_shape

std::vector<Mutant> shape_mutants() {
  using namespace mutants::by_shape;
  using mutants::add;
  std::vector<Mutant> all;
  add<PutsOrdinaryInSteps, Id::put_writes>(all, "WRT-08", "puts_ordinary_in_steps",
                                           "writes without a special one are put in two steps",
                                           "4 writes");
  add<PutsOrdinaryInSteps, Id::put_writes>(all, "CAN-02", "leaves_half_of_ordinary",
                                           "half of the writes stay when a call is cancelled",
                                           "all of write #3");
  add<DropsTooDeep, Id::store_task_context, Id::store_checkpoint, Id::put_writes,
      Id::add_conversation_message>(all, "VAL-05", "drops_too_deep",
                                    "too deep a value is taken and not stored",
                                    "which was taken, to be there");
  add<DropsTooDeep, Id::append_checkpoint, Id::append_conversation_session>(
      all, "VAL-05", "drops_too_deep", "too deep a value is taken and not archived",
      "which was taken, to be there");
  add<LeavesOutBadNames, Id::create_session, Id::add_conversation_message, Id::store_checkpoint,
      Id::store_task_context>(all, "VAL-04", "leaves_out_bad_names",
                              "members whose names are no UTF-8 are left out",
                              "\"invalid argument\" from");
  add<LeavesOutBadNames, Id::append_checkpoint, Id::append_session_event>(
      all, "VAL-04", "leaves_out_bad_names", "members whose names are no UTF-8 are left out",
      "of what must be refused");
  add<DecodesColons<true>, Id::get_checkpoint, Id::get_writes, Id::list_checkpoints_before>(
      all, "KEY-01", "decodes_colons", "a checkpoint is also found by its id as in a URL",
      "where there");
  add<DecodesColons<false>, Id::get_checkpoint, Id::list_checkpoints, Id::get_session,
      Id::get_task_context>(all, "KEY-01", "decodes_colons_of_keys",
                            "what is there is also found by its id as in a URL", "to find nothing");
  add<ForgetsLittleAtTheEnd, Id::get_task_context, Id::get_conversation_history>(
      all, "SES-07", "forgets_little_at_the_end", "what hardly is anything is gone after the end",
      "after the end");
  add<EndsWithAnError, Id::end_session>(all, "SES-07", "ends_with_an_error",
                                        "a session that failed has one error more",
                                        "after the end");
  add<IsNewAfterLittle, Id::store_checkpoint, Id::put_checkpoint>(
      all, "CHK-04", "is_new_after_little", "what held hardly anything is new when stored again",
      "stored again");
  mutants::add_once<RepeatsLittleEntries>(all, "ONC-01", "repeats_little_entries",
                                          "an entry with hardly anything in it is added again",
                                          "entry");
  add<LosesEscapedPairs, Id::store_task_context, Id::store_checkpoint, Id::put_writes>(
      all, "VAL-06", "loses_escaped_pairs", "escaped characters of two parts are lost",
      "of the text");
  add<TakesABlankForNone, Id::append_session_event>(all, "VAL-01", "takes_a_blank_for_none",
                                                    "a text of one blank is refused",
                                                    "append_session_event(event_type) to be true");
  add<TakesABlankForNone, Id::end_session>(all, "VAL-01", "takes_a_blank_for_none",
                                           "a text of one blank is refused",
                                           "an answer to end_session");
  add<LosesLastNulls, Id::append_checkpoint_writes>(all, "ARC-07", "loses_last_nulls",
                                                    "writes of null that come last are left out",
                                                    "two records of hardly anything");
  add<JoinsByAWord<':'>, Id::get_checkpoint>(
      all, "CHK-06", "joins_by_a_word", "thread and checkpoint are joined by a word", "checkpoint");
  add<JoinsByAWord<'/'>, Id::get_checkpoint>(
      all, "CHK-06", "joins_by_a_path", "thread and checkpoint are joined by a path", "checkpoint");
  add<JoinsTaskAndIndex, Id::get_writes>(all, "WRT-05", "joins_task_and_index",
                                         "a task and an index are one text",
                                         "whose ids end like indices");
  add<DropsItsOwnChannel, Id::get_writes>(all, "WRT-03", "drops_its_own_channel",
                                          "a channel of a framework is not kept",
                                          "that only looks special");
  add<HidesItsOwn, Id::list_threads>(all, "THR-01", "hides_its_own",
                                     "ids that begin with __ are not listed", "that begin with");
  add<HidesItsOwn, Id::list_sessions>(all, "DIR-01", "hides_its_own",
                                      "ids that begin with __ are not listed", "the sessions");
  add<DropsKnownIds, Id::add_conversation_message>(
      all, "CON-01", "drops_known_ids", "a message_id comes once", "the number of messages");
  add<DropsKnownIds, Id::append_session_event, Id::append_conversation_session>(
      all, "ARC-01", "drops_known_ids", "a message_id comes once", "equal appends");
  add<UnwrapsMetadata, Id::create_session, Id::update_session, Id::store_checkpoint,
      Id::store_task_context, Id::append_session_event>(
      all, "VAL-01", "unwraps_metadata", "metadata in metadata are unwrapped", "the value read");
  add<KeepsWhatIsEqual, Id::update_session>(all, "SES-04", "keeps_what_is_equal",
                                            "a patch of 1 for 1.0 changes nothing",
                                            "was merged into");
  add<KeepsWhatIsEqual, Id::store_task_context>(
      all, "CTX-02", "keeps_what_is_equal", "a context of 1 for 1.0 is not stored", "the context");
  add<ListsByTime, Id::list_checkpoints>(all, "THR-05", "lists_copies_by_time",
                                         "a copy is in the order of its times",
                                         "under a clock that went back");
  add<LeavesOutLaterTimes, Id::list_checkpoints_before>(all, "THR-05", "leaves_out_later_times",
                                                        "what has a later time is not before",
                                                        "under a clock that went back");
  add<CopiesNoEarlySpecials, Id::copy_thread>(all, "THR-05", "copies_no_early_specials",
                                              "early special writes are not copied", "the copy");
  add<ShowsOldSessionsLater, Id::list_sessions>(all, "DIR-01", "shows_old_sessions_later",
                                                "later pages are as old as the first",
                                                "listed on a later page");
  add<ThrottlesActivity, Id::add_conversation_message, Id::update_session>(
      all, "SES-10", "throttles_activity", "activities count once a second",
      "after what came before");
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that show with arguments of one shape alone are caught", "[by_shape]") {
  agentstore::test::expect_killed(shape_mutants(), all_rules());
}
