// SPDX-License-Identifier: Apache-2.0
// Stores that make an answer of a failure, or a half of a write. What each does wrong stands in
// the table at the end. What fails is the store below, by the harness' `inject` or `damage`.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants::errors {

/// `instead` where the call throws that the store is unavailable.
template <class T>
awaitable<T> if_unavailable(awaitable<T> call, T instead) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError& error) {
    if (!means(error.code(), errc::unavailable)) {
      throw;
    }
  }
  co_return instead;
}

class FailureIsNotFound : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return if_unavailable(ForwardingBackend::get_session(std::move(session_id)),
                          std::optional<Session>());
  }
};

class FailureIsAnEmptyHistory : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return if_unavailable(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                          std::vector<Message>());
  }
};

class FailureIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    return if_unavailable(
        ForwardingBackend::update_session(std::move(session_id), std::move(update)), false);
  }
};

class FailureIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return if_unavailable(ForwardingBackend::store_checkpoint(std::move(thread_id),
                                                              std::move(checkpoint_id),
                                                              std::move(data), std::move(metadata)),
                          true);
  }
};

class FailureCountsNothing : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Metrics> get_metrics() override {
    return if_unavailable(ForwardingBackend::get_metrics(), Metrics());
  }
};

class FailureRemovesNothing : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    return if_unavailable(ForwardingBackend::cleanup_expired_sessions(max_idle), std::uint64_t{0});
  }
};

class FailureIsNotOpened : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    return if_unavailable(ForwardingBackend::initialize(), false);
  }
};

class FailureIsTheCallersMistake : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    try {
      co_return co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    } catch (const StorageError& error) {
      if (means(error.code(), errc::unavailable)) {
        throw StorageError(errc::invalid_argument, "store_task_context", session_id,
                           "the statement failed");
      }
      throw;
    }
  }
};

class FailureOfTheDriver : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    try {
      co_return co_await ForwardingBackend::get_writes(std::move(thread_id),
                                                       std::move(checkpoint_id));
    } catch (const StorageError& error) {
      if (means(error.code(), errc::unavailable)) {
        throw std::runtime_error("the driver's own exception");
      }
      throw;
    }
  }
};

/// Two statements, without a transaction around them.
class WritesInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::vector<ChannelWrite> first = writes;
    first.resize((writes.size() + 1) / 2);
    static_cast<void>(
        co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id, first));
    co_return co_await ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                                     std::move(task_id), std::move(writes));
  }
};

/// A row first, and what belongs into it second.
class CreatesInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id));
    SessionUpdate fill;
    fill.updates(metadata);
    static_cast<void>(co_await ForwardingBackend::update_session(session_id, std::move(fill)));
    created.metadata = std::move(metadata);
    co_return created;
  }
};

class UpdatesInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool done = co_await ForwardingBackend::update_session(session_id, only_counters(update));
    if (!done || !update.metadata_patch()) {
      co_return done;
    }
    SessionUpdate rest;
    rest.updates(*update.metadata_patch());
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(rest));
  }
};

/// Tries again where an answer may have been lost, and so stores twice.
class AppendsAgain : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    std::optional<bool> done;
    try {
      done =
          co_await ForwardingBackend::add_conversation_message(session_id, role, content, metadata);
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::unavailable)) {
        throw;
      }
    }
    if (done) {
      co_return *done;
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
};

class FailedReadIsEmptyArchive : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after, std::size_t limit) override {
    return if_unavailable(ForwardingArchive::read_archive(kind, std::move(key), after, limit),
                          std::vector<ArchiveRecord>());
  }
};

/// Asks for the id first and for the checkpoint then.
class SecondFailureIsNotFound : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    static_cast<void>(co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id));
    try {
      co_return co_await ForwardingBackend::get_checkpoint(std::move(thread_id),
                                                           std::move(checkpoint_id));
    } catch (const StorageError&) {
      co_return std::nullopt;
    }
  }
};

/// Threads first, then all the rest.
class CleansUpInTwoSteps : public KnowsSessions {
public:
  using KnowsSessions::KnowsSessions;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    if (max_idle.count() == 0) {
      co_await remove_threads();
    }
    co_return co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
  }
};

/// What the call throws, as an error that `translate` makes of it.
template <class T>
awaitable<T> renamed(awaitable<T> call,
                     std::function<StorageError(const StorageError&)> translate) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError& error) {
    throw translate(error);
  }
}

/// For an error of this operation and key.
inline std::function<StorageError(const StorageError&)> naming(std::string operation,
                                                               std::string key) {
  return [operation = std::move(operation), key = std::move(key)](const StorageError& error) {
    return StorageError(error.code(), operation, key);
  };
}

class NamesNothing : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return renamed(ForwardingBackend::get_session(std::move(session_id)), naming("", ""));
  }
};

class NamesTheSharedMethod : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    auto translate = naming("put_checkpoint", thread_id);
    return renamed(ForwardingBackend::store_checkpoint(std::move(thread_id),
                                                       std::move(checkpoint_id), std::move(data),
                                                       std::move(metadata)),
                   std::move(translate));
  }
};

/// Hides, as a message would, what a user typed.
class ShortensTheKey : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    auto translate = naming("store_task_context", session_id.substr(0, 255));
    return renamed(ForwardingBackend::store_task_context(std::move(session_id), std::move(context)),
                   std::move(translate));
  }
};

/// Looks at its state in a helper, which knows nothing of the call.
class NamesNoKeyWhenClosed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    auto translate = [](const StorageError& error) {
      const bool is_closed = means(error.code(), errc::closed);
      return is_closed ? StorageError(errc::closed, error.operation(), "") : error;
    };
    return renamed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   std::move(translate));
  }
};

/// Says which of its statements failed, and not which call.
class NamesItsStatement : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Metrics> get_metrics() override {
    auto translate = [](const StorageError& error) {
      const bool failed = means(error.code(), errc::unavailable);
      return failed ? StorageError(errc::unavailable, "SELECT count(*)", "") : error;
    };
    return renamed(ForwardingBackend::get_metrics(), std::move(translate));
  }
};

/// What `instead` makes of the error where the call throws that a record is corrupted.
template <class T, class Instead>
awaitable<T> if_corrupted(awaitable<T> call, Instead instead) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError& error) {
    if (!means(error.code(), errc::corrupted)) {
      throw;
    }
    co_return instead(error);
  }
}

class DamageIsNotFound : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    auto nothing = [](const StorageError&) { return std::optional<Session>(); };
    return if_corrupted(ForwardingBackend::get_session(std::move(session_id)), nothing);
  }
};

/// Takes what it can read of a history.
class DamageIsLeftOut : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    auto rest = [](const StorageError&) { return std::vector<Message>(); };
    return if_corrupted(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                        rest);
  }
};

/// Goes through a thread one checkpoint after the other, and over those that it cannot read.
class ListsWhatCanBeRead : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    std::vector<Checkpoint> found;
    bool is_damaged = false;
    try {
      found = co_await ForwardingStore::list_checkpoints(thread_id, limit);
    } catch (const StorageError& error) {
      is_damaged = means(error.code(), errc::corrupted);
      if (!is_damaged) {
        throw;
      }
    }
    for (int number = 9; is_damaged && number > 0; --number) {
      std::optional<std::string> id = "c" + std::to_string(number);
      auto readable = [](const StorageError&) { return std::optional<Checkpoint>(); };
      auto read = if_corrupted(ForwardingStore::get_checkpoint(thread_id, id), readable);
      const std::optional<Checkpoint> checkpoint = co_await std::move(read);
      if (checkpoint) {
        found.push_back(*checkpoint);
      }
    }
    co_return found;
  }
};

/// The default value of the field that cannot be read.
class DamageIsNull : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    auto null = [](const StorageError&) { return std::optional<Document>(Document()); };
    return if_corrupted(ForwardingBackend::get_task_context(std::move(session_id)), null);
  }
};

/// Says that another try may help.
class DamageIsUnavailable : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    auto again = [](const StorageError& error) -> std::vector<PendingWrite> {
      throw StorageError(errc::unavailable, error.operation(), error.key(), "a row is no JSON");
    };
    return if_corrupted(
        ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)), again);
  }
};

class DamageOfTheParser : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    auto thrown = [](const StorageError&) -> SessionPage {
      throw std::runtime_error("the parser's own exception");
    };
    return if_corrupted(ForwardingStore::list_sessions(std::move(user_id), std::move(page)),
                        thrown);
  }
};

/// Names the row that it cannot read, which tells a caller nothing.
class DamageNamesTheRow : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    auto row = [](const StorageError& error) -> std::optional<Checkpoint> {
      throw StorageError(errc::corrupted, error.operation(), "row 17");
    };
    return if_corrupted(
        ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)), row);
  }
};

/// Once it has met damage, it reads no history any more.
class DamageSpreads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (*is_damaged_) {
      co_return co_await refused<std::vector<Message>>(errc::corrupted, "get_conversation_history",
                                                       session_id, "the file is damaged");
    }
    auto note = [is_damaged = is_damaged_](const StorageError& error) -> std::vector<Message> {
      *is_damaged = true;
      throw error;
    };
    auto call = if_corrupted(ForwardingBackend::get_conversation_history(session_id, limit), note);
    co_return co_await std::move(call);
  }

private:
  std::shared_ptr<std::atomic<bool>> is_damaged_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace mutants::errors

std::vector<Mutant> error_mutants() {
  using namespace mutants::errors;
  return {
      mutant<FailureIsNotFound>("ERR-01", "failure_is_not_found",
                                "a session that cannot be read is not there",
                                "or what is there, from get_session"),
      mutant<FailureIsAnEmptyHistory>("ERR-01", "failure_is_an_empty_history",
                                      "a history that cannot be read is empty",
                                      "or what is there, from get_conversation_history"),
      mutant<FailureIsFalse>("ERR-01", "failure_is_false",
                             "an update that fails is \"no such session\"",
                             "from update_session(\"failing"),
      mutant<FailureIsTrue>("ERR-01", "failure_is_true", "a checkpoint that is lost is true",
                            "which was true under a fault"),
      mutant<FailureCountsNothing>("ERR-01", "failure_counts_nothing",
                                   "what cannot be counted is 0", "get_metrics"),
      mutant<FailureRemovesNothing>("ERR-01", "failure_removes_nothing",
                                    "a clean-up that fails has removed 0",
                                    "from a clean-up of a store that fails"),
      mutant<FailureIsNotOpened>("ERR-01", "failure_is_not_opened",
                                 "initialize is false instead of an exception",
                                 "from initialize()"),
      mutant<FailureIsTheCallersMistake>("ERR-01", "failure_is_the_callers_mistake",
                                         "a failure is called an invalid argument",
                                         "the statement failed"),
      mutant<FailureOfTheDriver>("ERR-01", "failure_of_the_driver",
                                 "what is thrown is no StorageError", "the driver's own exception"),
      mutant<WritesInTwoSteps>("ERR-01", "writes_in_two_steps",
                               "a put_writes that fails leaves the first half",
                               "all of write #2, or nothing"),
      mutant<CreatesInTwoSteps>("ERR-01", "creates_in_two_steps",
                                "a create that fails leaves a session without metadata",
                                "all of write #2, or nothing"),
      mutant<UpdatesInTwoSteps>("ERR-01", "updates_in_two_steps",
                                "an update that fails leaves its counters", "update_session"),
      mutant<AppendsAgain>("ERR-01", "appends_again",
                           "an append whose answer was lost is made twice",
                           "add_conversation_message"),
      mutant<FailedReadIsEmptyArchive>("ERR-01", "failed_read_is_empty_archive",
                                       "an archive that cannot be read is empty",
                                       "or what is there, from read_archive"),
      mutant<SecondFailureIsNotFound>("ERR-01", "second_failure_is_not_found",
                                      "of a read in two steps the second may fail unseen",
                                      "or what is there, from get_checkpoint"),
      mutant<CleansUpInTwoSteps>("ERR-01", "cleans_up_in_two_steps",
                                 "a clean-up that fails has removed threads already",
                                 "all or nothing of a removal"),
      mutant<NamesNothing>("ERR-02", "names_nothing", "its errors name no method and no key",
                           "came an error that names nothing"),
      mutant<NamesTheSharedMethod>("ERR-02", "names_the_shared_method",
                                   "of two methods that do the same, errors name the other",
                                   "; came an error that names put_checkpoint"),
      mutant<ShortensTheKey>("ERR-02", "shortens_the_key", "its errors name a part of a long key",
                             "(255 bytes)"),
      mutant<NamesNoKeyWhenClosed>("ERR-02", "names_no_key_when_closed",
                                   "that it is closed it says without the key",
                                   "get_conversation_history and the key \"\": "),
      mutant<NamesItsStatement>("ERR-02", "names_its_statement",
                                "a failure names what failed inside", "SELECT count(*)"),
      mutant<DamageIsNotFound>("ERR-03", "damage_is_not_found",
                               "a session that is spoilt is not there",
                               "\"corrupted\" from get_session"),
      mutant<DamageIsLeftOut>("ERR-03", "damage_is_left_out",
                              "a history with a message that is spoilt is empty",
                              "\"corrupted\" from get_conversation_history"),
      mutant<ListsWhatCanBeRead>("ERR-03", "lists_what_can_be_read",
                                 "a checkpoint that is spoilt is missing from the list",
                                 "\"corrupted\" from list_checkpoints"),
      mutant<DamageIsNull>("ERR-03", "damage_is_null", "a context that is spoilt is null",
                           "\"corrupted\" from get_task_context"),
      mutant<DamageIsUnavailable>("ERR-03", "damage_is_unavailable",
                                  "what is spoilt for good may be there later", "a row is no JSON"),
      mutant<DamageOfTheParser>("ERR-03", "damage_of_the_parser",
                                "what is thrown is no StorageError", "the parser's own exception"),
      mutant<DamageNamesTheRow>("ERR-03", "damage_names_the_row",
                                "an error names a row instead of the key", "row 17"),
      mutant<DamageSpreads>("ERR-03", "damage_spreads",
                            "after one record that is spoilt no other is read",
                            "the file is damaged"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of errors kill their mutants") {
  agentstore::test::expect_killed(error_mutants(), error_rules());
}

TEST_CASE("each rule of errors has mutants to kill") {
  agentstore::test::expect_two_for_each(error_mutants(), error_rules());
}

TEST_CASE("the rules of errors hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(error_rules());
  // Of an archive no records are spoilt.
  std::vector<Rule> of_archives = error_rules();
  std::erase_if(of_archives, [](const Rule& rule) { return rule.id == "ERR-03"; });
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(of_archives);
}
