// SPDX-License-Identifier: Apache-2.0
// Archives that lose, merge or bend what they are given. What each does wrong stands in the table
// at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants::archive {

using Records = std::vector<ArchiveRecord>;
using When = std::optional<Timestamp>;

/// Reads all records of a key, has its way with them, and gives the page asked for.
class RewritesRecords : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<Records> read_archive(ArchiveKind kind, std::string key, std::uint64_t after,
                                  std::size_t limit) override {
    Records all = co_await ForwardingArchive::read_archive(kind, std::move(key), 0, 10'000);
    rewrite(kind, all);
    std::uint64_t sequence = 0;
    for (ArchiveRecord& record : all) {
      record.sequence = ++sequence;
    }
    std::erase_if(all, [after](const ArchiveRecord& record) { return record.sequence <= after; });
    all.resize(std::min(limit, all.size()));
    co_return all;
  }

private:
  virtual void rewrite(ArchiveKind kind, Records& records) const = 0;
};

// ARC-01

class MergesEqualEvents : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    if (kind == ArchiveKind::session_event) {
      const auto same = [](const ArchiveRecord& a, const ArchiveRecord& b) {
        return a.fields == b.fields && a.created_at == b.created_at;
      };
      records.erase(std::unique(records.begin(), records.end(), same), records.end());
    }
  }
};

class ReplacesByCheckpointId : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    if (kind != ArchiveKind::checkpoint) {
      return;
    }
    Records kept;
    for (ArchiveRecord& record : records) {
      std::erase_if(kept, [&record](const ArchiveRecord& before) {
        return before.fields["checkpoint_id"] == record.fields["checkpoint_id"];
      });
      kept.push_back(std::move(record));
    }
    records = std::move(kept);
  }
};

class KeepsLastSnapshotOnly : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    if (kind == ArchiveKind::task_context_snapshot && records.size() > 1) {
      records.erase(records.begin(), records.end() - 1);
    }
  }
};

class SendsTwice : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_session(std::string session_key, Document session_data,
                                              When created_at) override {
    const bool once = co_await ForwardingArchive::append_conversation_session(
        session_key, session_data, created_at);
    const bool again = co_await ForwardingArchive::append_conversation_session(
        std::move(session_key), std::move(session_data), created_at);
    co_return once || again;
  }
};

// ARC-02

class OrdersByTime : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind, Records& records) const override {
    sort_stably(records, [](const ArchiveRecord& a, const ArchiveRecord& b) {
      return a.created_at < b.created_at;
    });
  }
};

class NewestWritesFirst : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    if (kind == ArchiveKind::checkpoint_writes) {
      std::reverse(records.begin(), records.end());
    }
  }
};

/// Two writers fill one block, which goes to the archive the wrong way round.
class SwapsInABlock : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    if (kind == ArchiveKind::conversation_message && records.size() > 16) {
      std::swap(records[15], records[16]);
    }
  }
};

class LosesConcurrentEvents : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       When created_at) override {
    if (!busy_.enter()) {
      co_return true; // somebody else is just writing the block
    }
    busy_.stay();
    const bool done = co_await ForwardingArchive::append_session_event(
        std::move(session_id), std::move(user_id), std::move(event_type), std::move(payload),
        created_at);
    busy_.leave();
    co_return done;
  }

private:
  Busy busy_;
};

/// The same of the kinds that are written less often.
class LosesConcurrentSnapshots : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               When created_at) override {
    if (!busy_.enter()) {
      co_return true;
    }
    busy_.stay();
    const bool done = co_await ForwardingArchive::append_task_context_snapshot(
        std::move(session_id), std::move(context_data), created_at);
    busy_.leave();
    co_return done;
  }

private:
  Busy busy_;
};

class LosesConcurrentWrites : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                           std::string task_id, std::vector<ChannelWrite> writes,
                                           When created_at) override {
    if (!busy_.enter()) {
      co_return true;
    }
    busy_.stay();
    const bool done = co_await ForwardingArchive::append_checkpoint_writes(
        std::move(thread_id), std::move(checkpoint_id), std::move(task_id), std::move(writes),
        created_at);
    busy_.leave();
    co_return done;
  }

private:
  Busy busy_;
};

// ARC-03

/// Keeps other times than those of the appends.
class BendsTime : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind, Records& records) const override {
    for (ArchiveRecord& record : records) {
      record.created_at = bent(record.created_at);
    }
  }
  virtual Timestamp bent(Timestamp time) const = 0;
};

class KeepsMilliseconds : public BendsTime {
public:
  using BendsTime::BendsTime;

private:
  Timestamp bent(Timestamp time) const override {
    return std::chrono::floor<std::chrono::milliseconds>(time);
  }
};

class KeepsLocalTime : public BendsTime {
public:
  using BendsTime::BendsTime;

private:
  Timestamp bent(Timestamp time) const override { return time + std::chrono::hours(2); }
};

class TimesOfItsOwn : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata, When) override {
    return ForwardingArchive::append_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                                std::move(data), std::move(metadata));
  }
};

class NoTimeIsTheEpoch : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, Document metadata,
                                              When created_at) override {
    return ForwardingArchive::append_conversation_message(std::move(session_id), std::move(role),
                                                          std::move(content), std::move(metadata),
                                                          created_at.value_or(Timestamp()));
  }
};

// ARC-04

class ThrowsForABadKey : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               When created_at) override {
    if (session_id.empty()) {
      throw StorageError(errc::invalid_argument, "append_task_context_snapshot", "",
                         "the id has to be given");
    }
    co_return co_await ForwardingArchive::append_task_context_snapshot(
        std::move(session_id), std::move(context_data), created_at);
  }
};

class ThrowsForBadText : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       When created_at) override {
    static_cast<void>(payload.dump()); // which throws json::type_error
    co_return co_await ForwardingArchive::append_session_event(
        std::move(session_id), std::move(user_id), std::move(event_type), std::move(payload),
        created_at);
  }
};

class AlwaysTrue : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_session(std::string session_key, Document session_data,
                                              When created_at) override {
    return changed(ForwardingArchive::append_conversation_session(
                       std::move(session_key), std::move(session_data), created_at),
                   [](bool& done) { done = true; });
  }
};

class TrueWhenFailing : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata, When created_at) override {
    const bool is_fine = accepts(thread_id, checkpoint_id, data, metadata);
    return changed(ForwardingArchive::append_checkpoint(std::move(thread_id),
                                                        std::move(checkpoint_id), std::move(data),
                                                        std::move(metadata), created_at),
                   [is_fine](bool& done) { done = done || is_fine; });
  }

private:
  static bool accepts(const std::string& thread_id, const std::string& checkpoint_id,
                      const Document& data, const Document& metadata) {
    try {
      check("append_checkpoint", thread_id)
          .id("thread_id", thread_id)
          .id("checkpoint_id", checkpoint_id)
          .value("data", data)
          .object("metadata", metadata);
      return true;
    } catch (const StorageError&) {
      return false;
    }
  }
};

class ReplacesNaN : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               When created_at) override {
    if (context_data.is_number_float()) {
      context_data = json::parse(context_data.dump()); // null where there is no such number
    }
    return ForwardingArchive::append_task_context_snapshot(std::move(session_id),
                                                           std::move(context_data), created_at);
  }
};

class TriesForEver : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, Document metadata,
                                              When created_at) override {
    bool done = false;
    while (!done) {
      done = co_await ForwardingArchive::append_conversation_message(session_id, role, content,
                                                                     metadata, created_at);
      co_await step_aside();
    }
    co_return done;
  }
};

// ARC-05, ARC-06

/// Knows how often it was opened.
class CountsArchiveOpens : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> initialize() override {
    ++opens_;
    is_open_ = true;
    return ForwardingArchive::initialize();
  }
  awaitable<void> close() override {
    is_open_ = false;
    return ForwardingArchive::close();
  }

protected:
  int opens() const { return opens_; }
  bool is_open() const { return is_open_; }

private:
  std::atomic<int> opens_ = 0;
  std::atomic<bool> is_open_ = false;
};

/// Shows only what came after the opening that emptied the file.
class EmptiedByOpening : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<Records> read_archive(ArchiveKind kind, std::string key, std::uint64_t after,
                                  std::size_t limit) override {
    const std::string name = std::string(to_string(kind)) + key;
    if (opens() >= emptying_opening() && !gone_.has(name)) {
      const Records all = co_await CountsArchiveOpens::read_archive(kind, key, 0, 10'000);
      gone_.set(name, all.empty() ? 0 : all.back().sequence);
    }
    co_return co_await CountsArchiveOpens::read_archive(
        kind, std::move(key), std::max(after, gone_.get(name).value_or(0)), limit);
  }

private:
  virtual int emptying_opening() const = 0;

  Kept<std::uint64_t> gone_;
};

class SecondOpeningEmpties : public EmptiedByOpening {
public:
  using EmptiedByOpening::EmptiedByOpening;

private:
  int emptying_opening() const override { return 2; }
};

class ReopeningEmpties : public EmptiedByOpening {
public:
  using EmptiedByOpening::EmptiedByOpening;

private:
  int emptying_opening() const override { return 4; }
};

class SecondOpeningIsFalse : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<bool> initialize() override {
    return is_open() ? answered(false) : CountsArchiveOpens::initialize();
  }
};

/// Gathers messages to write eight of them at once, and forgets the rest.
class CloseDropsTheQueue : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, Document metadata,
                                              When created_at) override {
    queue_.emplace_back(std::move(session_id), std::move(role), std::move(content),
                        std::move(metadata), created_at);
    if (queue_.size() < 8) {
      co_return true;
    }
    for (const Entry& entry : std::exchange(queue_, std::vector<Entry>())) {
      const auto& [id, of, text, with, at] = entry;
      static_cast<void>(
          co_await ForwardingArchive::append_conversation_message(id, of, text, with, at));
    }
    co_return true;
  }

private:
  using Entry = std::tuple<std::string, std::string, std::string, json, When>;

  std::vector<Entry> queue_;
};

class SecondArchiveCloseThrows : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<void> close() override {
    if (opens() != 0 && !is_open()) {
      return refused<void>(errc::closed, "close", "", "it was closed before");
    }
    return CountsArchiveOpens::close();
  }
};

// ARC-07

/// Keeps other fields than those of the appends.
class BendsFields : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  void rewrite(ArchiveKind kind, Records& records) const override {
    for (ArchiveRecord& record : records) {
      bend(kind, record.fields);
    }
  }
  virtual void bend(ArchiveKind kind, json& fields) const = 0;
};

class DropsTask : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind, json& fields) const override { fields.erase("task_id"); }
};

class DropsMetadata : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind == ArchiveKind::conversation_message) {
      fields["metadata"] = json::object();
    }
  }
};

class WritesByChannel : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind != ArchiveKind::checkpoint_writes) {
      return;
    }
    json by_channel = json::object();
    for (const json& write : fields["writes"]) {
      by_channel[write[0].get<std::string>()] = write[1];
    }
    json writes = json::array();
    for (auto each = by_channel.begin(); each != by_channel.end(); ++each) {
      json write = json::array();
      write.push_back(each.key());
      write.push_back(*each);
      writes.push_back(std::move(write));
    }
    fields["writes"] = std::move(writes);
  }
};

class NumbersAreDoubles : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind == ArchiveKind::session_event && fields["payload"].is_object()) {
      for (json& member : fields["payload"]) {
        if (member.is_number_unsigned()) {
          member = static_cast<std::uint64_t>(member.get<double>() / 4) * 4;
        }
      }
    }
  }
};

class FoldsLines : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind == ArchiveKind::conversation_message) {
      std::string text = fields["content"].get<std::string>();
      std::replace(text.begin(), text.end(), '\n', ' ');
      fields["content"] = std::move(text);
    }
  }
};

// ARC-08

class VersionsStandStill : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind == ArchiveKind::task_context_snapshot) {
      fields["version"] = 1;
    }
  }
};

class VersionsInAByte : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind kind, json& fields) const override {
    if (kind == ArchiveKind::task_context_snapshot) {
      fields["version"] = fields["version"].get<std::uint64_t>() % 256;
    }
  }
};

class VersionsByContent : public RewritesRecords {
public:
  using RewritesRecords::RewritesRecords;

private:
  /// A new version only where the context is another than before.
  void rewrite(ArchiveKind kind, Records& records) const override {
    std::uint64_t version = 0;
    for (std::size_t i = 0; kind == ArchiveKind::task_context_snapshot && i < records.size(); ++i) {
      const json& context = records[i].fields["context_data"];
      version += i == 0 || records[i - 1].fields["context_data"] != context ? 1u : 0u;
      records[i].fields["version"] = version / 2 + 1;
    }
  }
};

class VersionsSinceOpened : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               When created_at) override {
    const int version = ++next_;
    versions_.set(std::to_string(all_++), version);
    return CountsArchiveOpens::append_task_context_snapshot(std::move(session_id),
                                                            std::move(context_data), created_at);
  }
  awaitable<bool> initialize() override {
    next_ = 0;
    return CountsArchiveOpens::initialize();
  }
  awaitable<Records> read_archive(ArchiveKind kind, std::string key, std::uint64_t after,
                                  std::size_t limit) override {
    Records page = co_await CountsArchiveOpens::read_archive(kind, std::move(key), after, limit);
    for (ArchiveRecord& record : page) {
      if (kind == ArchiveKind::task_context_snapshot) { // of two keys in turn
        record.fields["version"] =
            versions_.get(std::to_string(2 * (record.sequence - 1))).value_or(0);
      }
    }
    co_return page;
  }

private:
  std::atomic<int> next_ = 0;
  std::atomic<int> all_ = 0;
  Kept<int> versions_;
};

class SnapshotWithoutVersion : public BendsFields {
public:
  using BendsFields::BendsFields;

private:
  void bend(ArchiveKind, json& fields) const override { fields.erase("version"); }
};

// ARC-09

class TrueBeforeOpening : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<bool> append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                           std::string task_id, std::vector<ChannelWrite> writes,
                                           When created_at) override {
    if (opens() == 0) {
      return answered(true); // queued, it thinks
    }
    return CountsArchiveOpens::append_checkpoint_writes(
        std::move(thread_id), std::move(checkpoint_id), std::move(task_id), std::move(writes),
        created_at);
  }
};

class TrueAfterClose : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       When created_at) override {
    if (opens() != 0 && !is_open()) {
      return answered(true);
    }
    return CountsArchiveOpens::append_session_event(std::move(session_id), std::move(user_id),
                                                    std::move(event_type), std::move(payload),
                                                    created_at);
  }
};

class ThrowsWhenClosed : public CountsArchiveOpens {
public:
  using CountsArchiveOpens::CountsArchiveOpens;

  awaitable<bool> append_conversation_session(std::string session_key, Document session_data,
                                              When created_at) override {
    if (!is_open()) {
      return refused<bool>(errc::closed, "append_conversation_session", session_key,
                           "open the archive first");
    }
    return CountsArchiveOpens::append_conversation_session(std::move(session_key),
                                                           std::move(session_data), created_at);
  }
};

class GreatestLimitIsNone : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after, std::size_t limit) override {
    return ForwardingArchive::read_archive(kind, std::move(key), after, limit + 1 == 0 ? 0 : limit);
  }
};

class ReadsTwoPages : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after, std::size_t limit) override {
    auto page = co_await ForwardingArchive::read_archive(kind, std::move(key), after, limit);
    if (after >= 200) {
      page.clear();
    }
    co_return page;
  }
};

} // namespace mutants::archive

std::vector<Mutant> archive_mutants() {
  using namespace mutants::archive;
  return {
      mutant<MergesEqualEvents>("ARC-01", "merges_equal_events",
                                "an equal event is taken for a retry",
                                "the records after equal appends"),
      mutant<ReplacesByCheckpointId>("ARC-01", "replaces_by_checkpoint_id",
                                     "a checkpoint replaces the one of its id",
                                     "the records after equal appends"),
      mutant<KeepsLastSnapshotOnly>("ARC-01", "keeps_last_snapshot_only",
                                    "a snapshot replaces the one before",
                                    "the records after equal appends"),
      mutant<SendsTwice>("ARC-01", "sends_twice", "each conversation session is sent twice",
                         "the records after equal appends"),
      mutant<OrdersByTime>("ARC-02", "archive_orders_by_time", "records are ordered by created_at",
                           "the records of one key in order"),
      mutant<NewestWritesFirst>("ARC-02", "newest_writes_first", "the newest writes come first",
                                "the records of one key in order"),
      mutant<SwapsInABlock>("ARC-02", "swaps_in_a_block",
                            "where two blocks meet, two messages change places",
                            "the records of one key in order"),
      mutant<LosesConcurrentEvents>("ARC-02", "loses_concurrent_events",
                                    "an event that comes while another is written is dropped",
                                    "each writer's own order"),
      mutant<LosesConcurrentSnapshots>("ARC-02", "loses_concurrent_snapshots",
                                       "a snapshot that comes while another is written is dropped",
                                       "each writer's own order"),
      mutant<LosesConcurrentWrites>("ARC-02", "loses_concurrent_writes",
                                    "writes that come while others are written are dropped",
                                    "each writer's own order"),
      mutant<KeepsMilliseconds>("ARC-03", "keeps_milliseconds", "times are kept to the millisecond",
                                "the time given"),
      mutant<KeepsLocalTime>("ARC-03", "keeps_local_time", "times are shifted by a time zone",
                             "the time given"),
      mutant<TimesOfItsOwn>("ARC-03", "times_of_its_own",
                            "the time given for a checkpoint is dropped", "the time given"),
      mutant<NoTimeIsTheEpoch>("ARC-03", "no_time_is_the_epoch",
                               "a message without a time is one of 1970", "a time between"),
      mutant<ThrowsForABadKey>("ARC-04", "throws_for_a_bad_key", "an empty key is thrown, not told",
                               "the id has to be given"),
      mutant<ThrowsForBadText>("ARC-04", "throws_for_bad_text",
                               "invalid UTF-8 escapes as an exception of the JSON library",
                               "not a StorageError"),
      mutant<AlwaysTrue>("ARC-04", "always_true", "fire and forget: each append is true",
                         "an append that cannot be kept"),
      mutant<TrueWhenFailing>("ARC-04", "true_when_failing",
                              "an append is true although the store failed",
                              "which was true under a fault"),
      mutant<ReplacesNaN>("ARC-04", "replaces_nan", "an infinity is kept as null",
                          "an append that cannot be kept"),
      mutant<TriesForEver>("ARC-04", "tries_for_ever", "an append is tried again until it is kept",
                           "an end of append of conversation_message"),
      mutant<SecondOpeningEmpties>("ARC-05", "second_opening_empties",
                                   "initialize of an open archive truncates it",
                                   "the records after initialize"),
      mutant<ReopeningEmpties>("ARC-05", "reopening_empties", "a reopen truncates the archive",
                               "the records after initialize"),
      mutant<SecondOpeningIsFalse>("ARC-05", "second_opening_is_false",
                                   "initialize of an open archive is false",
                                   "initialize again to be true"),
      mutant<CloseDropsTheQueue>("ARC-06", "close_drops_the_queue",
                                 "what is queued at close is lost", "the records after close"),
      mutant<SecondArchiveCloseThrows>("ARC-06", "second_archive_close_throws",
                                       "closing a closed archive throws", "it was closed before"),
      mutant<DropsTask>("ARC-07", "drops_task", "writes are kept without their task", "the record"),
      mutant<DropsMetadata>("ARC-07", "drops_metadata", "messages are kept without their metadata",
                            "the record"),
      mutant<WritesByChannel>("ARC-07", "writes_by_channel",
                              "of two writes to a channel one is kept", "the record"),
      mutant<NumbersAreDoubles>("ARC-07", "numbers_are_doubles", "large integers lose digits",
                                "the record"),
      mutant<FoldsLines>("ARC-07", "folds_lines", "a content is kept as one line", "the record"),
      mutant<VersionsStandStill>("ARC-08", "versions_stand_still", "each snapshot is version 1",
                                 "a version greater than 1"),
      mutant<VersionsInAByte>("ARC-08", "versions_in_a_byte", "a version has 8 bits",
                              "a version greater than 255"),
      mutant<VersionsByContent>("ARC-08", "versions_by_content",
                                "the version grows only now and then", "a version greater than"),
      mutant<VersionsSinceOpened>("ARC-08", "versions_since_opened",
                                  "versions start afresh with each opening",
                                  "a version greater than"),
      mutant<SnapshotWithoutVersion>("ARC-08", "snapshot_without_version",
                                     "snapshots have no version", "expected a version"),
      mutant<TrueBeforeOpening>("ARC-09", "true_before_opening",
                                "an append before initialize is true, and lost",
                                "an append before initialize"),
      mutant<TrueAfterClose>("ARC-09", "true_after_close",
                             "an append after close is true, and lost", "an append after close"),
      mutant<ThrowsWhenClosed>("ARC-09", "throws_when_closed", "a closed archive throws",
                               "open the archive first"),
      mutant<GreatestLimitIsNone>("ARC-02", "greatest_limit_is_none",
                                  "one more than the greatest limit is 0",
                                  "some records, at most 18446744073709551615"),
      mutant<ReadsTwoPages>("ARC-02", "reads_two_pages",
                            "there are no records behind the second page",
                            "270 records of one key"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of archives kill their mutants") {
  agentstore::test::expect_killed(archive_mutants(), archive_rules());
}

TEST_CASE("each rule of archives has mutants to kill") {
  agentstore::test::expect_two_for_each(archive_mutants(), archive_rules());
}

TEST_CASE("the rules of archives hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(archive_rules());
}
