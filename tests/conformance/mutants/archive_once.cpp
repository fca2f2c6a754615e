// SPDX-License-Identifier: Apache-2.0
// Archives that take repetitions for something else. What each does wrong stands in the table at
// the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <cctype>

namespace agentstore::conformance {

namespace mutants::archive_once {

using Records = std::vector<ArchiveRecord>;
using When = std::optional<Timestamp>;
using Base = ForwardingArchiveOnce;

// ONC-01

class IgnoresTheEntryId : public Base {
public:
  using Base::Base;

  awaitable<bool> append_session_event_once(std::string, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    return append_session_event(std::move(session_id), std::move(user_id), std::move(event_type),
                                std::move(payload), created_at);
  }
};

class RepetitionIsFalse : public Base {
public:
  using Base::Base;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata, When created_at) override {
    if (!known_.add(thread_id + "/" + entry_id, true)) {
      return answered(false); // it was not inserted
    }
    return Base::append_checkpoint_once(std::move(entry_id), std::move(thread_id),
                                        std::move(checkpoint_id), std::move(data),
                                        std::move(metadata), created_at);
  }

private:
  Kept<bool> known_;
};

class LatestSnapshotWins : public Base {
public:
  using Base::Base;

  awaitable<bool> append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                                    Document context_data,
                                                    When created_at) override {
    latest_.set(session_id, context_data);
    return Base::append_task_context_snapshot_once(std::move(entry_id), std::move(session_id),
                                                   std::move(context_data), created_at);
  }
  awaitable<Records> read_archive(ArchiveKind kind, std::string key, std::uint64_t after,
                                  std::size_t limit) override {
    Records page = co_await Base::read_archive(kind, key, after, limit);
    const std::optional<Document> latest = latest_.get(key);
    if (kind == ArchiveKind::task_context_snapshot && latest && page.size() == 1) {
      page[0].fields["context_data"] = latest->tree();
    }
    co_return page;
  }

private:
  Kept<Document> latest_;
};

// ONC-02

class EntriesOfAllKeys : public Base {
public:
  using Base::Base;

  awaitable<bool> append_conversation_session_once(std::string entry_id, std::string session_key,
                                                   Document session_data,
                                                   When created_at) override {
    const std::string first_key = keys_.get(entry_id).value_or(session_key);
    keys_.set(entry_id, first_key);
    if (first_key != session_key) {
      return answered(true); // the entry is there
    }
    return Base::append_conversation_session_once(std::move(entry_id), std::move(session_key),
                                                  std::move(session_data), created_at);
  }

private:
  Kept<std::string> keys_;
};

/// Keeps entry ids in a column of its own ways.
class BendsEntryIds : public Base {
public:
  using Base::Base;

  awaitable<bool> append_conversation_message_once(std::string entry_id, std::string session_id,
                                                   std::string role, std::string content,
                                                   Document metadata, When created_at) override {
    return Base::append_conversation_message_once(bent(std::move(entry_id)), std::move(session_id),
                                                  std::move(role), std::move(content),
                                                  std::move(metadata), created_at);
  }

private:
  virtual std::string bent(std::string entry_id) const = 0;
};

class FoldsCase : public BendsEntryIds {
public:
  using BendsEntryIds::BendsEntryIds;

private:
  std::string bent(std::string entry_id) const override {
    for (char& c : entry_id) {
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return entry_id;
  }
};

class CutsEntryIds : public BendsEntryIds {
public:
  using BendsEntryIds::BendsEntryIds;

private:
  std::string bent(std::string entry_id) const override { return entry_id.substr(0, 255); }
};

/// Looks an entry up by its key and its id, joined.
class JoinsKeyAndEntryId : public Base {
public:
  using Base::Base;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    const std::string joined = session_id + "|" + entry_id;
    const std::string key = keys_.get(joined).value_or(session_id);
    keys_.set(joined, key);
    if (key != session_id) {
      return answered(true); // the entry is there
    }
    return Base::append_session_event_once(std::move(entry_id), std::move(session_id),
                                           std::move(user_id), std::move(event_type),
                                           std::move(payload), created_at);
  }

private:
  Kept<std::string> keys_;
};

// ONC-03

/// Compares an entry id with those of the latest appends of its key.
class KnowsTheLatestEntries : public Base {
public:
  using Base::Base;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    const std::string window = std::to_string(appends_++ / 200);
    return Base::append_session_event_once(entry_id + window, std::move(session_id),
                                           std::move(user_id), std::move(event_type),
                                           std::move(payload), created_at);
  }

private:
  std::atomic<std::size_t> appends_ = 0;
};

/// Keeps entry ids in the memory of the handle, under a name that is no longer the same when they
/// are forgotten.
class ForgetsEntries : public Base {
public:
  using Base::Base;

  awaitable<bool> append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                                std::string checkpoint_id, std::string task_id,
                                                std::vector<ChannelWrite> writes,
                                                When created_at) override {
    return Base::append_checkpoint_writes_once(entry_id + memory(), std::move(thread_id),
                                               std::move(checkpoint_id), std::move(task_id),
                                               std::move(writes), created_at);
  }

private:
  virtual std::string memory() const = 0;
};

class ForgetsEntriesAtClose : public ForgetsEntries {
public:
  using ForgetsEntries::ForgetsEntries;

  awaitable<void> close() override {
    ++closes_;
    return ForgetsEntries::close();
  }

private:
  std::string memory() const override { return std::to_string(closes_); }

  std::atomic<int> closes_ = 0;
};

class EntriesOfAHandle : public ForgetsEntries {
public:
  using ForgetsEntries::ForgetsEntries;

private:
  std::string memory() const override {
    return std::to_string(reinterpret_cast<std::uintptr_t>(this));
  }
};

class LooksThenAdds : public Base {
public:
  using Base::Base;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    const std::string id = session_id + "/" + entry_id;
    if (known_.has(id)) {
      co_return true;
    }
    meeting_.meet(id);
    known_.set(id, true);
    co_return co_await append_session_event(std::move(session_id), std::move(user_id),
                                            std::move(event_type), std::move(payload), created_at);
  }

private:
  Kept<bool> known_;
  Encounter meeting_;
};

// ONC-04

class MarksBeforeItAdds : public Base {
public:
  using Base::Base;

  awaitable<bool> append_conversation_session_once(std::string entry_id, std::string session_key,
                                                   Document session_data,
                                                   When created_at) override {
    if (!known_.add(session_key + "/" + entry_id, true)) {
      return answered(true);
    }
    return append_conversation_session(std::move(session_key), std::move(session_data), created_at);
  }

private:
  Kept<bool> known_;
};

class MarksAfterItAdded : public Base {
public:
  using Base::Base;

  awaitable<bool> append_conversation_message_once(std::string entry_id, std::string session_id,
                                                   std::string role, std::string content,
                                                   Document metadata, When created_at) override {
    const std::string id = session_id + "/" + entry_id;
    if (known_.has(id)) {
      co_return true;
    }
    const bool is_kept =
        co_await append_conversation_message(std::move(session_id), std::move(role),
                                             std::move(content), std::move(metadata), created_at);
    if (is_kept) {
      known_.set(id, true);
    }
    co_return is_kept;
  }

private:
  Kept<bool> known_;
};

// ONC-05

class TimesEntriesItself : public Base {
public:
  using Base::Base;

  awaitable<bool> append_conversation_message_once(std::string entry_id, std::string session_id,
                                                   std::string role, std::string content,
                                                   Document metadata, When) override {
    return Base::append_conversation_message_once(std::move(entry_id), std::move(session_id),
                                                  std::move(role), std::move(content),
                                                  std::move(metadata));
  }
};

class EntryIdInMetadata : public Base {
public:
  using Base::Base;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata, When created_at) override {
    if (metadata.is_object()) {
      edit(metadata, [&entry_id](json& tree) { tree["entry_id"] = entry_id; });
    }
    return Base::append_checkpoint_once(std::move(entry_id), std::move(thread_id),
                                        std::move(checkpoint_id), std::move(data),
                                        std::move(metadata), created_at);
  }
};

// ONC-06

class NoIdIsAnAppend : public Base {
public:
  using Base::Base;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    if (entry_id.empty()) {
      return append_session_event(std::move(session_id), std::move(user_id), std::move(event_type),
                                  std::move(payload), created_at);
    }
    return Base::append_session_event_once(std::move(entry_id), std::move(session_id),
                                           std::move(user_id), std::move(event_type),
                                           std::move(payload), created_at);
  }
};

class ARefusalUsesUpTheId : public Base {
public:
  using Base::Base;

  awaitable<bool> append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                                    Document context_data,
                                                    When created_at) override {
    const std::string id = session_id + "/" + entry_id;
    if (used_up_.has(id)) {
      co_return true;
    }
    const bool is_kept = co_await Base::append_task_context_snapshot_once(
        std::move(entry_id), std::move(session_id), std::move(context_data), created_at);
    if (!is_kept) {
      used_up_.set(id, true);
    }
    co_return is_kept;
  }

private:
  Kept<bool> used_up_;
};

/// Keeps the ids of what was refused as long as the archive is open.
class RefusedIds : public Base {
public:
  using Base::Base;

  awaitable<void> close() override {
    ++closes_;
    return Base::close();
  }

protected:
  /// Whether an append of this id was refused before; then nothing is appended.
  bool is_used_up(const std::string& id) const { return used_up_.has(id + memory()); }
  void use_up(const std::string& id) { used_up_.set(id + memory(), true); }

private:
  std::string memory() const { return "/" + std::to_string(closes_); }

  Kept<bool> used_up_;
  std::atomic<int> closes_ = 0;
};

class ARefusalUsesUpTheIdOfAnEvent : public RefusedIds {
public:
  using RefusedIds::RefusedIds;

  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    const std::string id = session_id + "/" + entry_id;
    if (is_used_up(id)) {
      co_return true;
    }
    const bool has_type = !event_type.empty();
    const bool is_kept = co_await RefusedIds::append_session_event_once(
        std::move(entry_id), std::move(session_id), std::move(user_id), std::move(event_type),
        std::move(payload), created_at);
    if (!is_kept && !has_type) {
      use_up(id);
    }
    co_return is_kept;
  }
};

class ARefusalUsesUpTheIdOfACheckpoint : public RefusedIds {
public:
  using RefusedIds::RefusedIds;

  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata, When created_at) override {
    const std::string id = thread_id + "/" + entry_id;
    if (is_used_up(id)) {
      co_return true;
    }
    const bool is_kept = co_await RefusedIds::append_checkpoint_once(
        std::move(entry_id), std::move(thread_id), std::move(checkpoint_id), std::move(data),
        std::move(metadata), created_at);
    if (!is_kept) {
      use_up(id);
    }
    co_return is_kept;
  }
};

class EntriesAreQueuedWhenClosed : public Base {
public:
  using Base::Base;

  awaitable<void> close() override {
    is_closed_ = true;
    return Base::close();
  }
  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata, When created_at) override {
    const bool is_closed = is_closed_;
    return changed(Base::append_checkpoint_once(std::move(entry_id), std::move(thread_id),
                                                std::move(checkpoint_id), std::move(data),
                                                std::move(metadata), created_at),
                   [is_closed](bool& is_kept) { is_kept = is_kept || is_closed; });
  }

private:
  std::atomic<bool> is_closed_ = false;
};

} // namespace mutants::archive_once

std::vector<Mutant> archive_once_mutants() {
  using namespace mutants::archive_once;
  return {
      mutant<IgnoresTheEntryId>("ONC-01", "ignores_the_entry_id",
                                "an event with an entry id is one more record each time",
                                "the records of one entry"),
      mutant<RepetitionIsFalse>("ONC-01", "repetition_is_false",
                                "a checkpoint that is there already is reported as lost",
                                "the append of an entry to be true; came false"),
      mutant<LatestSnapshotWins>("ONC-01", "latest_snapshot_wins",
                                 "a repetition replaces the record", "the records of one entry"),
      mutant<EntriesOfAllKeys>("ONC-02", "entries_of_all_keys",
                               "an entry id is looked for under all keys",
                               "the records of another key"),
      mutant<FoldsCase>("ONC-02", "entry_ids_fold_case",
                        "entry ids that differ by case are the same",
                        "the records of different entries"),
      mutant<CutsEntryIds>("ONC-02", "cuts_entry_ids", "of an entry id 255 bytes are compared",
                           "the records of different entries"),
      mutant<JoinsKeyAndEntryId>("ONC-02", "joins_key_and_entry_id",
                                 "a key and an entry id are looked up as one text",
                                 "a key and an entry id that may be run together"),
      mutant<KnowsTheLatestEntries>("ONC-03", "knows_the_latest_entries",
                                    "entry ids are known for 200 appends",
                                    "an entry from before 270 others was repeated"),
      mutant<ForgetsEntriesAtClose>("ONC-03", "forgets_entries_at_close",
                                    "entry ids are known until the archive is closed",
                                    "an entry that is repeated after close and initialize"),
      mutant<EntriesOfAHandle>("ONC-03", "entries_of_a_handle",
                               "each handle knows the entry ids of its own appends",
                               "an entry that is repeated on another handle"),
      mutant<LooksThenAdds>("ONC-03", "looks_then_adds",
                            "two appends of an entry both find that it is not there",
                            "the number of records of entries that were raced for"),
      mutant<MarksBeforeItAdds>("ONC-04", "marks_before_it_adds",
                                "an entry whose append failed is taken for one that is there",
                                "the records of an entry that was"),
      mutant<MarksAfterItAdded>("ONC-04", "marks_after_it_added",
                                "an entry that was kept and reported as lost is kept again",
                                "an entry that was repeated until it was true"),
      mutant<TimesEntriesItself>("ONC-05", "times_entries_itself",
                                 "the time given for a message with an entry id is dropped",
                                 "the entries' times as they were given"),
      mutant<EntryIdInMetadata>("ONC-05", "entry_id_in_metadata",
                                "the entry id is kept in the checkpoint's metadata",
                                "the entries' fields, in order"),
      mutant<NoIdIsAnAppend>("ONC-06", "no_id_is_an_append",
                             "an empty entry id makes an append without one",
                             "an append of an entry with a bad id"),
      mutant<ARefusalUsesUpTheId>("ONC-06", "a_refusal_uses_up_the_id",
                                  "the entry id of a refused append cannot be used again",
                                  "an entry id that was refused before"),
      mutant<ARefusalUsesUpTheIdOfAnEvent>(
          "ONC-06", "a_refusal_uses_up_the_id_of_an_event",
          "until it is closed, the id of an event without a type cannot be used again",
          "of an entry id that was refused before"),
      mutant<ARefusalUsesUpTheIdOfACheckpoint>(
          "ONC-06", "a_refusal_uses_up_the_id_of_a_checkpoint",
          "until it is closed, the id of a checkpoint that was refused cannot be used again",
          "of an entry id that was refused before"),
      mutant<EntriesAreQueuedWhenClosed>("ONC-06", "entries_are_queued_when_closed",
                                         "an entry is taken by a closed archive, and lost",
                                         "an append of an entry after close"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of entry ids kill their mutants") {
  agentstore::test::expect_killed(archive_once_mutants(), archive_once_rules());
}

TEST_CASE("each rule of entry ids has mutants to kill") {
  agentstore::test::expect_two_for_each(archive_once_mutants(), archive_once_rules());
}

TEST_CASE("the rules of entry ids hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchiveOnce>(
      archive_once_rules());
}
