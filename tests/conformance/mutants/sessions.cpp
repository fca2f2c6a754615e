// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of ISessionStorage, or CNC-02. What each does wrong stands in the
// tables at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <algorithm>

namespace agentstore::conformance {

namespace mutants {

// SES-01

class ReadLosesUser : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session) {
                       session->user_id.resize(std::min<std::size_t>(8, session->user_id.size()));
                     }
                   });
  }
};

class ActivityBeginsLater : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return changed(ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                                     std::move(metadata)),
                   [](Session& session) { session.last_activity += std::chrono::microseconds(1); });
  }
};

class CreateCountsARequest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    SessionUpdate update;
    update.increment_requests();
    const bool counted = co_await ForwardingBackend::update_session(session_id, update);
    created.request_count += counted ? 1u : 0u;
    co_return created;
  }
};

class CreateDropsNulls : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             without_nulls(metadata));
  }
};

class CreateTakesNullMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (metadata.is_null()) {
      metadata = json::object();
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class CreateTakesArrays : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (metadata.is_array()) {
      metadata = object("items", metadata);
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

// SES-02

/// Knows the ids, and looks for another where there is no session of the id asked for.
class FindsAnother : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    ids_.set(session_id, true);
    co_return created;
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    for (const auto& [id, known] : ids_.all()) {
      if (id != session_id && is_taken_for(id, session_id)) {
        return ForwardingBackend::get_session(id);
      }
    }
    return ForwardingBackend::get_session(std::move(session_id));
  }

private:
  virtual bool is_taken_for(const std::string& id, const std::string& asked) const = 0;

  Kept<bool> ids_;
};

class FindsByPrefix : public FindsAnother {
public:
  using FindsAnother::FindsAnother;

private:
  bool is_taken_for(const std::string& id, const std::string& asked) const override {
    return id.starts_with(asked);
  }
};

class FindsByFirstBytes : public FindsAnother {
public:
  using FindsAnother::FindsAnother;

private:
  bool is_taken_for(const std::string& id, const std::string& asked) const override {
    return asked.starts_with(id + ":");
  }
};

class FindsByPattern : public FindsAnother {
public:
  using FindsAnother::FindsAnother;

private:
  bool is_taken_for(const std::string& id, const std::string& asked) const override {
    return matches(id, asked);
  }

  /// LIKE of SQL.
  static bool matches(std::string_view text, std::string_view pattern) {
    if (pattern.empty()) {
      return text.empty();
    }
    if (pattern.front() == '%') {
      return matches(text, pattern.substr(1)) ||
             (!text.empty() && matches(text.substr(1), pattern));
    }
    return !text.empty() && (pattern.front() == '_' || pattern.front() == text.front()) &&
           matches(text.substr(1), pattern.substr(1));
  }
};

class FindsInAnyCase : public FindsAnother {
public:
  using FindsAnother::FindsAnother;

private:
  bool is_taken_for(const std::string& id, const std::string& asked) const override {
    return std::equal(id.begin(), id.end(), asked.begin(), asked.end(), [](char a, char b) {
      const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c + 0; };
      return lower(a) == lower(b);
    });
  }
};

class FindsWithoutSpaces : public FindsAnother {
public:
  using FindsAnother::FindsAnother;

private:
  bool is_taken_for(const std::string& id, const std::string& asked) const override {
    return asked.starts_with(id) && asked.find_first_not_of(' ', id.size()) == std::string::npos;
  }
};

class ReadCreates : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      std::string user = "nobody";
      json metadata = json::object();
      co_await ForwardingBackend::create_session(session_id, std::move(user), std::move(metadata));
    }
    co_return found;
  }
};

class RemembersAbsence : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    if (absent_.has(session_id)) {
      co_return std::nullopt;
    }
    std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      absent_.set(session_id, true);
    }
    co_return found;
  }

private:
  Kept<bool> absent_;
};

class UnknownIsAnError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      throw StorageError(errc::unavailable, "get_session", session_id, "no row was returned");
    }
    co_return found;
  }
};

// SES-03

class CreateReturnsExisting : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::optional<Session> existing = co_await ForwardingBackend::get_session(session_id);
    if (existing) {
      co_return *existing;
    }
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }
};

class CreateRevivesEnded : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    std::optional<Session> existing = co_await ForwardingBackend::get_session(session_id);
    if (existing && existing->status != "active") {
      existing->status = "active";
      existing->user_id = std::move(user_id);
      co_return *existing;
    }
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }
};

class CreateOverwritesMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    SessionUpdate update;
    update.updates(metadata);
    co_await ForwardingBackend::update_session(session_id, std::move(update));
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }
};

class CreateTouchesExisting : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    SessionUpdate touch;
    co_await ForwardingBackend::update_session(session_id, std::move(touch));
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }
};

class CreateThrowsAForeignError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    try {
      co_return co_await ForwardingBackend::create_session(std::move(session_id),
                                                           std::move(user_id), std::move(metadata));
    } catch (const StorageError& error) {
      if (means(error.code(), errc::already_exists)) {
        throw std::runtime_error("UNIQUE constraint failed: sessions.id");
      }
      throw;
    }
  }
};

// SES-04

class MergesOneLevel : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const json patch = update.metadata_patch().value_or(json::object());
    if (patch.is_object()) {
      SessionUpdate removal;
      removal.updates(removal_of(patch));
      co_await ForwardingBackend::update_session(session_id, std::move(removal));
    }
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

/// Changes the patch on its way in, with the metadata it will be merged into at hand.
class ChangesPatch : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.metadata_patch()) {
      const std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
      if (session) {
        update.updates(change(session->metadata, *update.metadata_patch()));
      }
    }
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

private:
  virtual json change(const json& metadata, const json& patch) const = 0;
};

/// Merges objects within objects as far as a stack of its own goes.
class MergesFewLevels : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  static constexpr int levels = 8;

  json change(const json& metadata, const json& patch) const override {
    return patch.is_object() ? replaced_below(metadata, patch, levels) : patch;
  }
  /// The patch, with nulls for what it would leave in the objects below so many levels.
  static json replaced_below(const json& old, const json& patch, int level) {
    json result = patch;
    for (const auto& [name, member] : old.items()) {
      if (!result.contains(name)) {
        if (level == 0) {
          result[name] = nullptr;
        }
      } else if (member.is_object() && result[name].is_object()) {
        result[name] = replaced_below(member, result[name], std::max(level - 1, 0));
      }
    }
    return result;
  }
};

/// Leaves out members that are equal to what is there, by an equality of its own.
class ComparesNumbersLoosely : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json& metadata, const json& patch) const override {
    json result = patch;
    for (const auto& [name, member] : metadata.items()) {
      if (result.is_object() && member.is_number() && result.contains(name) &&
          result[name] == member) {
        result.erase(name);
      }
    }
    return result;
  }
};

class IgnoresNulls : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json&, const json& patch) const override {
    return patch.is_object() ? without_null_members(patch) : patch;
  }
};

class IgnoresDeepNulls : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json&, const json& patch) const override {
    json result = patch;
    for (json& member : result) {
      if (member.is_object()) {
        for (json& inner : member) {
          if (inner.is_object()) {
            inner = without_null_members(inner);
          }
        }
      }
    }
    return result;
  }
};

class EmptyPatchClears : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json& metadata, const json& patch) const override {
    return patch.empty() ? removal_of(metadata) : patch;
  }
};

class PatchReplacesAll : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json& metadata, const json& patch) const override {
    if (!patch.is_object() || patch.empty()) {
      return patch;
    }
    json result = removal_of(metadata);
    result.update(patch);
    return result;
  }
};

class ArraysGrow : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json& metadata, const json& patch) const override {
    json result = patch;
    for (auto member = patch.begin(); patch.is_object() && member != patch.end(); ++member) {
      if (member->is_array() && metadata.contains(member.key()) &&
          metadata.at(member.key()).is_array()) {
        json all = metadata.at(member.key());
        all.insert(all.end(), member->begin(), member->end());
        result[member.key()] = std::move(all);
      }
    }
    return result;
  }
};

class DropsNullsInArrays : public ChangesPatch {
public:
  using ChangesPatch::ChangesPatch;

private:
  json change(const json&, const json& patch) const override {
    json result = patch;
    for (json& member : result) {
      if (member.is_array()) {
        json kept = json::array();
        std::copy_if(member.begin(), member.end(), std::back_inserter(kept),
                     [](const json& value) { return !value.is_null(); });
        member = std::move(kept);
      }
    }
    return result;
  }
};

class OnlyFirstPatchCounts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const json patch = update.metadata_patch().value_or(json::object());
    if (!patch.empty() && patch.is_object() && !patched_.add(session_id, true)) {
      update = only_counters(update);
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

private:
  Kept<bool> patched_;
};

class NewObjectsKeepNulls : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const std::optional<Session> before = co_await ForwardingBackend::get_session(session_id);
    const json patch = update.metadata_patch().value_or(json::object());
    const bool updated = co_await ForwardingBackend::update_session(session_id, std::move(update));
    json fresh = json::object();
    for (auto member = patch.begin(); before && member != patch.end(); ++member) {
      if (member->is_object() && !before->metadata.contains(member.key())) {
        fresh[member.key()] = *member;
      }
    }
    if (!fresh.empty()) {
      fresh_.add(session_id, fresh);
    }
    co_return updated;
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    json fresh = fresh_.get(session_id).value_or(Document::object()).tree();
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [fresh](std::optional<Session>& session) {
                     if (session) {
                       edit(session->metadata, [&](json& tree) { tree.update(fresh); });
                     }
                   });
  }

private:
  Kept<Document> fresh_;
};

class BadPatchIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.metadata_patch() && !update.metadata_patch()->is_object()) {
      return answered(false);
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class NullPatchIsEmpty : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.metadata_patch() && update.metadata_patch()->is_null()) {
      update.updates(json::object());
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

/// Counts first and looks at the arguments afterwards.
class CountsBeforeItRefuses : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.counts_request()) {
      SessionUpdate counting;
      counting.increment_requests();
      const bool counted = co_await ForwardingBackend::update_session(session_id, counting);
      update.increment_requests(!counted);
    }
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

// SES-05

/// Changes the counters on their way in.
class ChangesCounters : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    change(update);
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

private:
  virtual void change(SessionUpdate& update) const = 0;
};

class ErrorCountsAsRequest : public ChangesCounters {
public:
  using ChangesCounters::ChangesCounters;

private:
  void change(SessionUpdate& update) const override {
    update.increment_requests(update.counts_request() || update.counts_error());
  }
};

class RequestOrError : public ChangesCounters {
public:
  using ChangesCounters::ChangesCounters;

private:
  void change(SessionUpdate& update) const override {
    update.mark_error(update.counts_error() && !update.counts_request());
  }
};

class TimeInMilliseconds : public ChangesCounters {
public:
  using ChangesCounters::ChangesCounters;

private:
  void change(SessionUpdate& update) const override {
    update.add_processing_time(
        std::chrono::duration_cast<std::chrono::milliseconds>(update.processing_time()));
  }
};

class NegativeTimeIsNone : public ChangesCounters {
public:
  using ChangesCounters::ChangesCounters;

private:
  void change(SessionUpdate& update) const override {
    update.add_processing_time(std::max(update.processing_time(), std::chrono::microseconds(0)));
  }
};

class HugeTimeIsNone : public ChangesCounters {
public:
  using ChangesCounters::ChangesCounters;

private:
  void change(SessionUpdate& update) const override {
    if (update.processing_time() > std::chrono::hours(24 * 365)) {
      update.add_processing_time(std::chrono::microseconds(0));
    }
  }
};

class TimeAsFloat : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(
        ForwardingBackend::get_session(std::move(session_id)), [](std::optional<Session>& session) {
          if (session) {
            using Seconds = std::chrono::duration<float>;
            session->total_processing_time = std::chrono::duration_cast<std::chrono::microseconds>(
                Seconds(session->total_processing_time));
          }
        });
  }
};

class NothingToDoIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool changes = update.metadata_patch() || update.counts_request() ||
                         update.counts_error() || update.processing_time().count() != 0;
    return changed(ForwardingBackend::update_session(std::move(session_id), std::move(update)),
                   [changes](bool& updated) { updated = updated && changes; });
  }
};

// SES-06

class UpdateCreates : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      std::string user = "nobody";
      json metadata = json::object();
      co_await ForwardingBackend::create_session(session_id, std::move(user), std::move(metadata));
    }
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

class UpdateIsFalseAndCreates : public UpdateCreates {
public:
  using UpdateCreates::UpdateCreates;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    const bool updated = co_await UpdateCreates::update_session(session_id, std::move(update));
    co_return updated&& found.has_value();
  }
};

class EndOfUnknownIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    const bool ended = co_await ForwardingBackend::end_session(session_id, std::move(status));
    co_return ended || !found;
  }
};

class EndOfUnknownThrows : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      throw StorageError(errc::invalid_argument, "end_session", session_id, "no such session");
    }
    co_return co_await ForwardingBackend::end_session(session_id, std::move(status));
  }
};

class EndBlocksUnknown : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      buried_.set(session_id, true);
    }
    co_return co_await ForwardingBackend::end_session(session_id, std::move(status));
  }

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (buried_.has(session_id)) {
      return refused<Session>(errc::already_exists, "create_session", session_id, "it was ended");
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }

private:
  Kept<bool> buried_;
};

// SES-07

/// Shows an ended session otherwise than it is.
class ChangesEnded : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [this](std::optional<Session>& session) {
                     if (session && session->status != "active") {
                       change(session);
                     }
                   });
  }

private:
  virtual void change(std::optional<Session>& session) const = 0;
};

class EndResetsCounters : public ChangesEnded {
public:
  using ChangesEnded::ChangesEnded;

private:
  void change(std::optional<Session>& session) const override { session->error_count = 0; }
};

class EndMarksMetadata : public ChangesEnded {
public:
  using ChangesEnded::ChangesEnded;

private:
  void change(std::optional<Session>& session) const override {
    session->metadata = with_member(session->metadata, "ended_at", "now");
  }
};

class EndHidesSession : public ChangesEnded {
public:
  using ChangesEnded::ChangesEnded;

private:
  void change(std::optional<Session>& session) const override { session.reset(); }
};

class EndKnowsTwoStatuses : public ChangesEnded {
public:
  using ChangesEnded::ChangesEnded;

private:
  void change(std::optional<Session>& session) const override {
    session->status = session->status.starts_with("failed") ? "failed" : "completed";
  }
};

/// Remembers which sessions ended, to hide what belongs to them.
class KnowsEnded : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const bool ended = co_await ForwardingBackend::end_session(session_id, std::move(status));
    if (ended) {
      ended_.set(session_id, true);
    }
    co_return ended;
  }

protected:
  bool has_ended(const std::string& session_id) const { return ended_.has(session_id); }

private:
  Kept<bool> ended_;
};

class EndHidesHistory : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    const std::size_t shown = has_ended(session_id) ? 0 : limit;
    return ForwardingBackend::get_conversation_history(std::move(session_id), shown);
  }
};

class EndHidesContext : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (has_ended(session_id)) {
      return answered(std::optional<Document>());
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }
};

class EndHidesCheckpoints : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (has_ended(thread_id)) {
      return answered(std::optional<Checkpoint>());
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
};

// SES-08

class EndsTwice : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    const bool ended = co_await ForwardingBackend::end_session(session_id, std::move(status));
    co_return ended || found.has_value();
  }
};

class SecondEndRenames : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    latest_.set(session_id, status);
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::string latest = latest_.get(session_id).value_or("");
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [latest](std::optional<Session>& session) {
                     if (session && !latest.empty()) {
                       session->status = latest;
                     }
                   });
  }

private:
  Kept<std::string> latest_;
};

class SecondEndTouches : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    ends_.set(session_id, ends_.get(session_id).value_or(0) + 1);
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::uint64_t ends = ends_.get(session_id).value_or(0);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [ends](std::optional<Session>& session) {
                     if (session) {
                       session->version += ends;
                     }
                   });
  }

private:
  Kept<std::uint64_t> ends_;
};

class EndLooksThenSets : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    co_await step_aside();
    co_await ForwardingBackend::end_session(session_id, std::move(status));
    co_return found && found->status == "active";
  }
};

class EndLooksThenSetsOnThreads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    others_.meet(session_id); // another coroutine gets no chance
    co_await ForwardingBackend::end_session(session_id, std::move(status));
    co_return found && found->status == "active";
  }

private:
  Encounter others_;
};

class LastOfRacingEndsNames : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    co_await step_aside();
    if (found && found->status == "active") {
      status_.set(session_id, status);
    }
    co_return co_await ForwardingBackend::end_session(session_id, std::move(status));
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::string status = status_.get(session_id).value_or("active");
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [status](std::optional<Session>& session) {
                     if (session) {
                       session->status = status;
                     }
                   });
  }

private:
  Kept<std::string> status_;
};

// SES-09

class OnlyCompletedIsReadOnly : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (status == "completed" || status.empty() || status == "active") {
      return ForwardingBackend::end_session(std::move(session_id), std::move(status));
    }
    const bool first = status_.add(session_id, std::move(status));
    return changed(ForwardingBackend::update_session(std::move(session_id), SessionUpdate()),
                   [first](bool& ended) { ended = ended && first; });
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::string status = status_.get(session_id).value_or("");
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [status](std::optional<Session>& session) {
                     if (session && !status.empty()) {
                       session->status = status;
                     }
                   });
  }

private:
  Kept<std::string> status_;
};

class EmptyUpdateIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool is_empty = !update.metadata_patch() && !update.counts_request() &&
                          !update.counts_error() && update.processing_time().count() == 0;
    if (is_empty) {
      return answered(true);
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class LateAppendIsTrue : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const bool late = has_ended(session_id);
    return changed(ForwardingBackend::add_conversation_message(std::move(session_id),
                                                               std::move(role), std::move(content),
                                                               std::move(metadata)),
                   [late](bool& stored) { stored = stored || late; });
  }
};

class LateMessageIsKept : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (has_ended(session_id)) {
      Message message;
      message.role = role;
      message.content = content;
      late_.set(session_id, message);
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    const std::optional<Message> late = late_.get(session_id);
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [late](std::vector<Message>& messages) {
                     if (late) {
                       messages.push_back(*late);
                     }
                   });
  }

private:
  Kept<Message> late_;
};

class LateContextIsKept : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (has_ended(session_id)) {
      late_.set(session_id, context);
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (std::optional<Document> late = late_.get(session_id)) {
      return answered(std::move(late));
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }

private:
  Kept<Document> late_;
};

class LateUpdateCounts : public KnowsEnded {
public:
  using KnowsEnded::KnowsEnded;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (has_ended(session_id)) {
      late_.set(session_id, true);
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const bool late = late_.has(session_id);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [late](std::optional<Session>& session) {
                     if (session && late) {
                       session->last_activity += std::chrono::seconds(1);
                     }
                   });
  }

private:
  Kept<bool> late_;
};

// SES-10

/// Shows last_activity as it was noted here, where it was.
class NotesActivity : public ForwardingBackend {
public:
  explicit NotesActivity(MutantSpace& space) : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<Timestamp> noted = noted_.get(session_id);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [noted](std::optional<Session>& session) {
                     if (session && noted) {
                       session->last_activity = *noted;
                     }
                   });
  }

protected:
  void note(const std::string& session_id, Timestamp activity) { noted_.set(session_id, activity); }
  void forget(const std::string& session_id) { noted_.erase(session_id); }
  Timestamp now() const { return space_.now(); }

private:
  MutantSpace& space_;
  Kept<Timestamp> noted_;
};

class ActivityFollowsTheClock : public NotesActivity {
public:
  using NotesActivity::NotesActivity;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    note(session_id, now());
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    note(session_id, now());
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class AppendIsNoActivity : public NotesActivity {
public:
  using NotesActivity::NotesActivity;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const std::optional<Session> before = co_await get_session(session_id);
    if (before) {
      note(session_id, before->last_activity);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    forget(session_id);
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class PatchIsNoActivity : public NotesActivity {
public:
  using NotesActivity::NotesActivity;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const std::optional<Session> before = co_await get_session(session_id);
    forget(session_id);
    if (before && update.metadata_patch()) {
      note(session_id, before->last_activity);
    }
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

class ActivityIsCreation : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session) {
                       session->last_activity = session->created_at;
                     }
                   });
  }
};

class HistoryReadIsActivity : public NotesActivity {
public:
  using NotesActivity::NotesActivity;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    note(session_id, now());
    return ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }
};

class ContextReadIsActivity : public NotesActivity {
public:
  using NotesActivity::NotesActivity;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    note(session_id, now());
    return ForwardingBackend::get_task_context(std::move(session_id));
  }
};

class UpdateMovesCreation : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session) {
                       session->created_at = session->last_activity;
                     }
                   });
  }
};

// SES-11

class PatchSetsStatus : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const json patch = update.metadata_patch().value_or(json::object());
    const bool updated = co_await ForwardingBackend::update_session(session_id, std::move(update));
    if (patch.is_object() && patch.contains("status")) {
      std::string status = patch.at("status").get<std::string>();
      co_await ForwardingBackend::end_session(session_id, std::move(status));
    }
    co_return updated;
  }
};

class PatchSetsUser : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session && session->metadata.contains("user_id")) {
                       session->user_id = session->metadata.at("user_id").get<std::string>();
                     }
                   });
  }
};

class PatchLosesFieldNames : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    json patch = update.metadata_patch().value_or(json::object());
    if (patch.is_object()) {
      patch.erase("version");
      update.updates(std::move(patch));
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class MetadataSetsStatusAtCreation : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return changed(ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                                     std::move(metadata)),
                   [](Session& session) {
                     if (session.metadata.contains("status")) {
                       session.status = session.metadata.at("status").get<std::string>();
                     }
                   });
  }
};

// SES-12

/// Reads, lets others go first, and writes: what comes in between is lost in some way.
class UpdatesInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (!busy_.enter()) {
      co_return co_await in_between(session_id, std::move(update));
    }
    co_await step_aside();
    bool updated = false;
    try {
      updated = co_await ForwardingBackend::update_session(session_id, std::move(update));
    } catch (...) {
      busy_.leave();
      throw;
    }
    busy_.leave();
    co_return updated;
  }

private:
  virtual awaitable<bool> in_between(std::string session_id, SessionUpdate update) = 0;

  Busy busy_;
};

class LosesConcurrentUpdates : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string, SessionUpdate) override { return answered(true); }
};

class LosesConcurrentMembers : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, SessionUpdate update) override {
    return ForwardingBackend::update_session(std::move(session_id), only_counters(update));
  }
};

class LosesConcurrentErrors : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, SessionUpdate update) override {
    update.mark_error(false);
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class LosesConcurrentTime : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, SessionUpdate update) override {
    update.add_processing_time(std::chrono::microseconds(0));
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class ConflictIsFalse : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string, SessionUpdate) override { return answered(false); }
};

class ConflictIsAnError : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, SessionUpdate) override {
    return refused<bool>(errc::unavailable, "update_session", std::move(session_id),
                         "database is locked");
  }
};

class AppliesConcurrentUpdatesTwice : public UpdatesInTwoSteps {
public:
  using UpdatesInTwoSteps::UpdatesInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, SessionUpdate update) override {
    co_await ForwardingBackend::update_session(session_id, update);
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

class LosesUpdatesOfOtherThreads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (!busy_.enter()) {
      co_return true;
    }
    busy_.stay(); // another coroutine gets no chance
    const bool updated = co_await ForwardingBackend::update_session(session_id, std::move(update));
    busy_.leave();
    co_return updated;
  }

private:
  Busy busy_;
};

// SES-13

class EmptyStatusIsTheDefault : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    return ForwardingBackend::end_session(std::move(session_id),
                                          status.empty() ? "completed" : std::move(status));
  }
};

class EndAsActiveIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (status == "active") {
      return answered(false);
    }
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
};

class RefusedEndEnds : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (status == "active") {
      std::string other = "completed";
      co_await ForwardingBackend::end_session(session_id, std::move(other));
    }
    co_return co_await ForwardingBackend::end_session(session_id, std::move(status));
  }
};

class StatusIsAWord : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    while (status.ends_with(' ')) {
      status.pop_back();
    }
    std::transform(status.begin(), status.end(), status.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
};

// SES-14

/// Shows another version.
class ChangesVersion : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [this](std::optional<Session>& session) {
                     if (session) {
                       change(*session);
                     }
                   });
  }

private:
  virtual void change(Session& session) = 0;
};

class VersionStays : public ChangesVersion {
public:
  using ChangesVersion::ChangesVersion;

private:
  void change(Session& session) override { session.version = 1; }
};

class VersionCountsRequests : public ChangesVersion {
public:
  using ChangesVersion::ChangesVersion;

private:
  void change(Session& session) override { session.version = 1 + session.request_count; }
};

class EndKeepsVersion : public ChangesVersion {
public:
  using ChangesVersion::ChangesVersion;

private:
  void change(Session& session) override {
    session.version -= session.status == "active" ? 0u : 1u;
  }
};

class ReadsGrowVersion : public ChangesVersion {
public:
  using ChangesVersion::ChangesVersion;

private:
  void change(Session& session) override { session.version += reads_++; }

  std::atomic<std::uint64_t> reads_ = 0;
};

class AppendKeepsVersion : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const bool stored = co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    if (stored) {
      appends_.set(session_id, appends_.get(session_id).value_or(0) + 1);
    }
    co_return stored;
  }

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::uint64_t appends = appends_.get(session_id).value_or(0);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [appends](std::optional<Session>& session) {
                     if (session) {
                       session->version -= appends;
                     }
                   });
  }

private:
  Kept<std::uint64_t> appends_;
};

class VersionBeginsAtZero : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return changed(ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                                     std::move(metadata)),
                   [](Session& session) { session.version = 0; });
  }
};

// CNC-02

/// Looks for the session, lets others go first, and creates it: what comes in between goes wrong.
class CreatesInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::optional<Session> there = co_await ForwardingBackend::get_session(session_id);
    co_await step_aside();
    const std::optional<Session> now = co_await ForwardingBackend::get_session(session_id);
    if (!there && now) {
      co_return co_await overtaken(*now, std::move(user_id), std::move(metadata));
    }
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }

private:
  virtual awaitable<Session> overtaken(Session there, std::string user_id, Document metadata) = 0;
};

class RacingCreatesAllSucceed : public CreatesInTwoSteps {
public:
  using CreatesInTwoSteps::CreatesInTwoSteps;

private:
  awaitable<Session> overtaken(Session there, std::string user_id, Document metadata) override {
    there.user_id = std::move(user_id);
    there.metadata = std::move(metadata);
    return answered(std::move(there));
  }
};

class RacingCreatesShareASession : public CreatesInTwoSteps {
public:
  using CreatesInTwoSteps::CreatesInTwoSteps;

private:
  awaitable<Session> overtaken(Session there, std::string, Document) override {
    return answered(std::move(there));
  }
};

class RacingCreateIsLocked : public CreatesInTwoSteps {
public:
  using CreatesInTwoSteps::CreatesInTwoSteps;

private:
  awaitable<Session> overtaken(Session there, std::string, Document) override {
    return refused<Session>(errc::unavailable, "create_session", there.session_id,
                            "database is locked");
  }
};

class LastOfRacingCreatesStays : public CreatesInTwoSteps {
public:
  using CreatesInTwoSteps::CreatesInTwoSteps;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<std::string> user = users_.get(session_id);
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [user](std::optional<Session>& session) {
                     if (session && user) {
                       session->user_id = *user;
                     }
                   });
  }

private:
  awaitable<Session> overtaken(Session there, std::string user_id, Document) override {
    users_.set(there.session_id, std::move(user_id));
    return refused<Session>(errc::already_exists, "create_session", there.session_id,
                            "the session exists");
  }

  Kept<std::string> users_;
};

class CreatesOnThreadsAllSucceed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::optional<Session> there = co_await ForwardingBackend::get_session(session_id);
    others_.meet(session_id); // another coroutine gets no chance
    std::optional<Session> made;
    try {
      made = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                        std::move(metadata));
    } catch (const StorageError&) {
      if (there) {
        throw;
      }
    }
    if (!made) {
      made = co_await ForwardingBackend::get_session(session_id);
    }
    co_return made.value();
  }

private:
  Encounter others_;
};

// What only shows with great numbers, and by other names

class CountsInAByte : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session) {
                       session->request_count %= 256;
                     }
                   });
  }
};

class TimeIsADouble : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool done = co_await ForwardingBackend::update_session(session_id, update);
    if (done) {
      const double before = times_.get(session_id).value_or(0);
      times_.set(session_id, before + static_cast<double>(update.processing_time().count()));
    }
    co_return done;
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    auto session = co_await ForwardingBackend::get_session(session_id);
    const double most = 9.2e18; // beyond it there is no such integer
    const double time = times_.get(session_id).value_or(0);
    if (session && time < most) {
      session->total_processing_time = std::chrono::microseconds(static_cast<std::int64_t>(time));
    }
    co_return session;
  }

private:
  Kept<double> times_;
};

class ActiveInAnyCase : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (status == "Active" || status == "ACTIVE") {
      return refused<bool>(errc::invalid_argument, "end_session", std::move(session_id),
                           "a session does not end as active");
    }
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
};

} // namespace mutants

std::vector<Mutant> session_mutants() {
  using namespace mutants;
  return {
      mutant<ReadLosesUser>("SES-01", "read_loses_user", "a read cuts the user id after 8 bytes",
                            "what get_session returns"),
      mutant<ActivityBeginsLater>("SES-01", "activity_begins_later",
                                  "created_at and last_activity come from two readings of a clock",
                                  "what create_session returns"),
      mutant<CreateCountsARequest>("SES-01", "create_counts_a_request",
                                   "creating a session counts as its first request", "requests 1"),
      mutant<CreateDropsNulls>("SES-01", "create_drops_nulls",
                               "null members of the metadata are not kept", "\"keep\":[1,{}]"),
      mutant<CreateTakesNullMetadata>("SES-01", "create_takes_null_metadata",
                                      "metadata of null is taken for an empty object",
                                      "create_session(\"wrong\", \"u\", null)"),
      mutant<CreateTakesArrays>("SES-01", "create_takes_arrays",
                                "metadata that is an array is taken",
                                "create_session(\"wrong\", \"u\", [])"),
      mutant<FindsByPrefix>("SES-02", "finds_by_prefix",
                            "a read scans by prefix and takes what it finds first",
                            "a session that is not \"abc\""),
      mutant<FindsByFirstBytes>("SES-02", "finds_by_first_part",
                                "the key is what stands before the separator",
                                "a session that is not \"abc\""),
      mutant<FindsByPattern>("SES-02", "finds_by_pattern", "the id is used as a pattern of LIKE",
                             "a session that is not \"abc\""),
      mutant<FindsInAnyCase>("SES-02", "finds_in_any_case", "ids are compared without case",
                             "a session that is not \"abc\""),
      mutant<FindsWithoutSpaces>("SES-02", "finds_without_spaces",
                                 "ids are compared without the spaces at their end",
                                 "a session that is not \"abc\""),
      mutant<ReadCreates>("SES-02", "read_creates",
                          "a read of an unknown session is nullopt and leaves one behind",
                          "an unknown session, read again"),
      mutant<RemembersAbsence>("SES-02", "remembers_absence",
                               "that a session is not there is cached and outlives its creation",
                               "the session that was created"),
      mutant<UnknownIsAnError>("SES-02", "unknown_is_an_error",
                               "a session that is not there is an error", "no row was returned"),
      mutant<CreateReturnsExisting>("SES-03", "create_returns_existing",
                                    "creating again returns the session that is there",
                                    "came no error"),
      mutant<CreateRevivesEnded>("SES-03", "create_revives_ended",
                                 "an ended session can be created again", "came no error"),
      mutant<CreateOverwritesMetadata>("SES-03", "create_overwrites_metadata",
                                       "creating again throws, after it has merged the metadata",
                                       "the session that existed"),
      mutant<CreateTouchesExisting>("SES-03", "create_touches_existing",
                                    "creating again throws, and counts as activity",
                                    "the session that existed"),
      mutant<CreateThrowsAForeignError>("SES-03", "create_throws_a_foreign_error",
                                        "the database's own exception comes through",
                                        "not a StorageError: UNIQUE constraint failed"),
      mutant<MergesOneLevel>("SES-04", "merges_one_level",
                             "a member that is an object replaces the old one",
                             "after a patch: the session"),
      mutant<MergesFewLevels>("SES-04", "merges_few_levels",
                              "objects below the eighth level are replaced",
                              "after a patch of rarer members"),
      mutant<ComparesNumbersLoosely>("SES-04", "compares_numbers_loosely",
                                     "1.0 is not stored where 1 is",
                                     "after a patch of rarer members"),
      mutant<IgnoresNulls>("SES-04", "ignores_nulls", "a null removes nothing",
                           "after a patch: the session"),
      mutant<IgnoresDeepNulls>("SES-04", "ignores_deep_nulls", "a null deep in a patch is ignored",
                               "after a patch: the session"),
      mutant<EmptyPatchClears>("SES-04", "empty_patch_clears",
                               "an empty patch empties the metadata",
                               "after an empty patch: the session"),
      mutant<PatchReplacesAll>("SES-04", "patch_replaces_all",
                               "a patch replaces the metadata as a whole",
                               "after a patch: the session"),
      mutant<ArraysGrow>("SES-04", "arrays_grow", "an array is appended to the old one",
                         "after a patch: the session"),
      mutant<DropsNullsInArrays>("SES-04", "drops_nulls_in_arrays",
                                 "nulls are removed from arrays too", "after a patch: the session"),
      mutant<NewObjectsKeepNulls>("SES-04", "new_objects_keep_nulls",
                                  "an object under a new name is stored with its nulls",
                                  "after a patch: the session"),
      mutant<OnlyFirstPatchCounts>("SES-04", "only_first_patch_counts",
                                   "the second patch of a session changes nothing",
                                   "after a second patch: the session"),
      mutant<BadPatchIsFalse>("SES-04", "bad_patch_is_false",
                              "a patch that is not an object is false", "came no error"),
      mutant<NullPatchIsEmpty>("SES-04", "null_patch_is_empty",
                               "a patch of null is taken for an empty one", ".updates(null)"),
      mutant<CountsBeforeItRefuses>("SES-04", "counts_before_it_refuses",
                                    "a refused patch has counted its request",
                                    "after patches that were refused"),
      mutant<ErrorCountsAsRequest>("SES-05", "error_counts_as_request",
                                   "mark_error adds to request_count too", "after mark_error"),
      mutant<RequestOrError>("SES-05", "request_or_error",
                             "an error is not counted together with a request",
                             "after all three at once"),
      mutant<TimeInMilliseconds>("SES-05", "time_in_milliseconds",
                                 "processing time is cut to milliseconds",
                                 "after add_processing_time"),
      mutant<TimeAsFloat>("SES-05", "time_as_float", "the total is kept in a float of seconds",
                          "after add_processing_time"),
      mutant<NegativeTimeIsNone>("SES-05", "negative_time_is_none",
                                 "a negative processing time is ignored", "came no error"),
      mutant<HugeTimeIsNone>("SES-05", "huge_time_is_none",
                             "a processing time that would overflow is ignored", "came no error"),
      mutant<NothingToDoIsFalse>("SES-05", "nothing_to_do_is_false",
                                 "an update that changes no row is false",
                                 "an update of nothing to be true"),
      mutant<CountsBeforeItRefuses>("SES-05", "counts_before_it_refuses_time",
                                    "a refused processing time has counted its request",
                                    "after a duration that was refused"),
      mutant<UpdateCreates>("SES-06", "update_creates", "an update of an unknown id creates it",
                            "update_session of an unknown session"),
      mutant<UpdateIsFalseAndCreates>("SES-06", "update_is_false_and_creates",
                                      "an update of an unknown id is false, and creates it",
                                      "end_session of an unknown session to be false"),
      mutant<EndOfUnknownIsTrue>("SES-06", "end_of_unknown_is_true",
                                 "an end of an unknown id is true",
                                 "end_session of an unknown session"),
      mutant<EndOfUnknownThrows>("SES-06", "end_of_unknown_throws",
                                 "an end of an unknown id is an error", "no such session"),
      mutant<EndBlocksUnknown>("SES-06", "end_blocks_unknown",
                               "an end of an unknown id leaves a tombstone", "it was ended"),
      mutant<EndResetsCounters>("SES-07", "end_resets_counters", "the end resets the errors",
                                "after the end: the session"),
      mutant<EndMarksMetadata>("SES-07", "end_marks_metadata",
                               "the end adds a member to the metadata", "ended_at"),
      mutant<EndHidesSession>("SES-07", "end_hides_session", "an ended session cannot be read",
                              "after the end: the session"),
      mutant<EndKnowsTwoStatuses>("SES-07", "end_knows_two_statuses",
                                  "the status is one of an enumeration",
                                  "after the end: the session"),
      mutant<EndHidesHistory>("SES-07", "end_hides_history", "the end removes the conversation",
                              "the history after the end"),
      mutant<EndHidesContext>("SES-07", "end_hides_context", "the end removes the task context",
                              "the context after the end"),
      mutant<EndHidesCheckpoints>("SES-07", "end_hides_checkpoints",
                                  "the end removes the thread of the same name",
                                  "expected the checkpoint Checkpoint(\"s\", \"c\""),
      mutant<EndsTwice>("SES-08", "ends_twice", "every end of a known session is true",
                        "the second end to be false"),
      mutant<SecondEndRenames>("SES-08", "second_end_renames",
                               "a second end is false, and sets its status",
                               "the session after a second end"),
      mutant<SecondEndTouches>("SES-08", "second_end_touches",
                               "a second end is false, and changes the version",
                               "the session after a second end"),
      mutant<EndLooksThenSets>("SES-08", "end_looks_then_sets",
                               "looking at the status and setting it are two steps",
                               "one of 8 concurrent ends to be true"),
      mutant<EndLooksThenSetsOnThreads>(
          "SES-08", "end_looks_then_sets_on_threads",
          "looking at the status and setting it are two steps, without a suspension between",
          "one of 4 ends on threads to be true"),
      mutant<LastOfRacingEndsNames>("SES-08", "last_of_racing_ends_names",
                                    "one of racing ends is true, another one sets the status",
                                    "the status after concurrent ends"),
      mutant<OnlyCompletedIsReadOnly>("SES-09", "only_completed_is_read_only",
                                      "a session that did not end as completed stays writable",
                                      "update_session of a session that ended otherwise"),
      mutant<EmptyUpdateIsTrue>("SES-09", "empty_update_is_true",
                                "an update of nothing does not look for the session",
                                "an empty update_session of an ended session"),
      mutant<LateAppendIsTrue>("SES-09", "late_append_is_true",
                               "an append to an ended session is true, and lost",
                               "an append to an ended session"),
      mutant<LateMessageIsKept>("SES-09", "late_message_is_kept",
                                "an append to an ended session is false, and stored",
                                "the ended session's history"),
      mutant<LateContextIsKept>("SES-09", "late_context_is_kept",
                                "a context of an ended session is refused by false, and stored",
                                "the ended session's context"),
      mutant<LateUpdateCounts>("SES-09", "late_update_counts",
                               "an update of an ended session is false, and is activity",
                               "the ended session to be"),
      mutant<ActivityFollowsTheClock>("SES-10", "activity_follows_the_clock",
                                      "last_activity goes back with the clock",
                                      "last_activity after an append"),
      mutant<AppendIsNoActivity>("SES-10", "append_is_no_activity",
                                 "an append does not move last_activity",
                                 "last_activity after an append"),
      mutant<PatchIsNoActivity>("SES-10", "patch_is_no_activity",
                                "an update of the metadata does not move last_activity",
                                "last_activity after an update of the metadata"),
      mutant<ActivityIsCreation>("SES-10", "activity_is_creation", "last_activity never moves",
                                 "last_activity after an update"),
      mutant<HistoryReadIsActivity>("SES-10", "history_read_is_activity",
                                    "reading the history moves last_activity",
                                    "the session after reads"),
      mutant<ContextReadIsActivity>("SES-10", "context_read_is_activity",
                                    "reading the task context moves last_activity",
                                    "the session after reads"),
      mutant<UpdateMovesCreation>("SES-10", "update_moves_creation", "an update moves created_at",
                                  "created_at after an update"),
      mutant<PatchSetsStatus>("SES-11", "patch_sets_status",
                              "a member named status ends the session",
                              "after a patch with the names of fields"),
      mutant<PatchSetsUser>("SES-11", "patch_sets_user",
                            "a member named user_id gives the session to another user",
                            "user \"thief\""),
      mutant<PatchLosesFieldNames>("SES-11", "patch_loses_field_names",
                                   "a member named as a field is dropped",
                                   "after a patch with the names of fields"),
      mutant<MetadataSetsStatusAtCreation>("SES-11", "metadata_sets_status_at_creation",
                                           "a new session has the status that its metadata name",
                                           "the status of a new session"),
      mutant<LosesConcurrentUpdates>("SES-12", "loses_concurrent_updates",
                                     "an update that meets another is lost",
                                     "request_count after concurrent updates"),
      mutant<LosesConcurrentMembers>("SES-12", "loses_concurrent_members",
                                     "the patch of an update that meets another is lost",
                                     "the number of members merged by concurrent updates"),
      mutant<LosesConcurrentErrors>("SES-12", "loses_concurrent_errors",
                                    "an error that meets another update is lost",
                                    "error_count after concurrent updates"),
      mutant<LosesConcurrentTime>("SES-12", "loses_concurrent_time",
                                  "a processing time that meets another update is lost",
                                  "total_processing_time after concurrent updates"),
      mutant<ConflictIsFalse>("SES-12", "conflict_is_false",
                              "an update that meets another gives up by false",
                              "every update to be true"),
      mutant<ConflictIsAnError>("SES-12", "conflict_is_an_error",
                                "an update that meets another does not wait for the lock",
                                "database is locked"),
      mutant<AppliesConcurrentUpdatesTwice>(
          "SES-12", "applies_concurrent_updates_twice",
          "an update that meets another is retried once too often",
          "request_count after concurrent updates"),
      mutant<LosesUpdatesOfOtherThreads>("SES-12", "loses_updates_of_other_threads",
                                         "an update that meets one of another thread is lost",
                                         "request_count after concurrent updates"),
      mutant<EmptyStatusIsTheDefault>("SES-13", "empty_status_is_the_default",
                                      "an empty status is taken for the default", "came no error"),
      mutant<EndAsActiveIsFalse>("SES-13", "end_as_active_is_false",
                                 "an end as active is false, not an error", "came no error"),
      mutant<RefusedEndEnds>("SES-13", "refused_end_ends",
                             "an end as active is refused, after it has ended the session",
                             "the status after ends that were refused"),
      mutant<StatusIsAWord>("SES-13", "status_is_a_word",
                            "the status is trimmed and taken to lower case before it is checked",
                            "which no ended session is"),
      mutant<VersionStays>("SES-14", "version_stays", "the version never changes",
                           "the version to grow with increment_requests"),
      mutant<VersionCountsRequests>("SES-14", "version_counts_requests",
                                    "only increment_requests changes the version",
                                    "the version to grow with mark_error"),
      mutant<AppendKeepsVersion>("SES-14", "append_keeps_version",
                                 "an append moves last_activity and not the version",
                                 "the version to grow with an append"),
      mutant<EndKeepsVersion>("SES-14", "end_keeps_version", "the end does not change the version",
                              "the version to grow with the end"),
      mutant<ReadsGrowVersion>("SES-14", "reads_grow_version", "a read changes the version",
                               "the session after a read"),
      mutant<VersionBeginsAtZero>("SES-14", "version_begins_at_zero",
                                  "the version of a new session is 0",
                                  "the version of a new session"),
      mutant<CountsInAByte>("SES-05", "counts_in_a_byte", "after 255 requests comes none",
                            "after 300 updates more"),
      mutant<TimeIsADouble>("SES-05", "time_is_a_double",
                            "the total of processing times is summed up as a double",
                            "a long add_processing_time"),
      mutant<ActiveInAnyCase>("SES-13", "active_in_any_case",
                              "a status that is \"active\" but for its case is refused",
                              "a session does not end as active"),
  };
}

std::vector<Mutant> creation_mutants() {
  using namespace mutants;
  return {
      mutant<RacingCreatesAllSucceed>("CNC-02", "racing_creates_all_succeed",
                                      "looking for a session and creating it are two steps",
                                      "one of the concurrent creates"),
      mutant<RacingCreatesShareASession>("CNC-02", "racing_creates_share_a_session",
                                         "a create that comes too late returns the other's session",
                                         "one of the concurrent creates"),
      mutant<RacingCreateIsLocked>("CNC-02", "racing_create_is_locked",
                                   "a create that comes too late does not wait for the lock",
                                   "from all creates of"),
      mutant<LastOfRacingCreatesStays>("CNC-02", "last_of_racing_creates_stays",
                                       "a create that fails replaces the user all the same",
                                       "the session of the create that succeeded"),
      mutant<CreatesOnThreadsAllSucceed>(
          "CNC-02", "creates_on_threads_all_succeed",
          "looking for a session and creating it are two steps, without a suspension between",
          "one of the concurrent creates"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of sessions kill their mutants") {
  agentstore::test::expect_killed(session_mutants(), session_rules());
}

TEST_CASE("each rule of sessions has mutants to kill") {
  agentstore::test::expect_two_for_each(session_mutants(), session_rules());
}

TEST_CASE("the rules of sessions hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(session_rules());
}

TEST_CASE("the rule of concurrent creates kills its mutants") {
  agentstore::test::expect_killed(creation_mutants(), random_rules());
  CHECK(creation_mutants().size() >= 2);
}
