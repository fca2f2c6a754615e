// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of IConversationStorage. What each does wrong stands in the table at
// the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants {

/// Shows a history otherwise than it is. `limit` is the one that was asked for.
class ChangesHistory : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return changed(
        ForwardingBackend::get_conversation_history(std::move(session_id), limit),
        [this, limit](std::vector<Message>& messages) { change_history(messages, limit); });
  }

private:
  virtual void change_history(std::vector<Message>& messages, std::size_t limit) const = 0;
};

/// Changes a message on its way in.
class ChangesMessage : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    edit(metadata, [&](json& tree) { change_message(role, content, tree); });
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

private:
  virtual void change_message(std::string& role, std::string& content, json& metadata) const = 0;
};

/// Reads the whole history and chooses from it.
class ChoosesHistory : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), all),
                   [this, limit](std::vector<Message>& messages) { choose(messages, limit); });
  }

protected:
  static void keep_newest(std::vector<Message>& messages, std::size_t count) {
    messages.erase(messages.begin(),
                   messages.end() - static_cast<std::ptrdiff_t>(std::min(count, messages.size())));
  }
  static void keep_oldest(std::vector<Message>& messages, std::size_t count) {
    messages.resize(std::min(count, messages.size()));
  }

private:
  virtual void choose(std::vector<Message>& messages, std::size_t limit) const = 0;
};

// CON-01

class NewestFirst : public ChangesHistory {
public:
  using ChangesHistory::ChangesHistory;

private:
  void change_history(std::vector<Message>& messages, std::size_t) const override {
    std::reverse(messages.begin(), messages.end());
  }
};

class SequencesAreEqual : public ChangesHistory {
public:
  using ChangesHistory::ChangesHistory;

private:
  void change_history(std::vector<Message>& messages, std::size_t) const override {
    for (Message& message : messages) {
      message.sequence = 1 + message.sequence / 3;
    }
  }
};

class OrdersByContent : public ChangesHistory {
public:
  using ChangesHistory::ChangesHistory;

private:
  void change_history(std::vector<Message>& messages, std::size_t) const override {
    sort_stably(messages, [](const Message& a, const Message& b) { return a.content < b.content; });
  }
};

class TimestampsAreReadings : public ForwardingBackend {
public:
  explicit TimestampsAreReadings(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    const Timestamp now = space_.now();
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [now](std::vector<Message>& messages) {
                     for (Message& message : messages) {
                       message.timestamp = now;
                     }
                   });
  }

private:
  MutantSpace& space_;
};

class TimestampsAreZero : public ChangesHistory {
public:
  using ChangesHistory::ChangesHistory;

private:
  void change_history(std::vector<Message>& messages, std::size_t) const override {
    for (Message& message : messages) {
      message.timestamp = Timestamp();
    }
  }
};

class TrimsContent : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string& content, json&) const override {
    if (const std::size_t tab = content.find('\t'); tab != std::string::npos) {
      content.replace(tab, 1, " ");
    }
  }
};

class KnowsThreeRoles : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string& role, std::string&, json&) const override {
    if (role == "tool") {
      role = "user";
    }
  }
};

class DropsMetadataWithContent : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string& content, json& metadata) const override {
    if (!content.empty() && metadata.contains("tool_call_id")) {
      metadata = json::object();
    }
  }
};

// CON-02

class GivesOldest : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_oldest(messages, limit);
  }
};

class ZeroGivesAll : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, limit == 0 ? messages.size() : limit);
  }
};

class GivesOneTooMany : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, limit > 50 && limit < messages.size() ? limit + 1 : limit);
  }
};

class BeyondTheEndGivesNone : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, limit > messages.size() ? 0 : limit);
  }
};

class PagesOfFifty : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, std::min<std::size_t>(limit, 50));
  }
};

class LimitIsAnInt : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    const int count = static_cast<int>(limit);
    keep_newest(messages, count < 0 ? 0 : static_cast<std::size_t>(count));
  }
};

class NewestFirstIfLimited : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    if (limit < messages.size()) {
      keep_newest(messages, limit);
      std::reverse(messages.begin(), messages.end());
    }
  }
};

class SequenceIsPlaceInPage : public ChangesHistory {
public:
  using ChangesHistory::ChangesHistory;

private:
  void change_history(std::vector<Message>& messages, std::size_t) const override {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      messages[i].sequence = i + 1;
    }
  }
};

// CON-03

/// Keeps the conversations of several sessions as one, under the key of one of them.
class SharesConversations : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    return ForwardingBackend::add_conversation_message(key(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return ForwardingBackend::get_conversation_history(key(session_id), limit);
  }

private:
  virtual std::string key(const std::string& session_id) const = 0;
};

class ConversationsInAnyCase : public SharesConversations {
public:
  using SharesConversations::SharesConversations;

private:
  std::string key(const std::string& session_id) const override {
    return session_id == "A" ? "a" : session_id;
  }
};

class ConversationsUpToColon : public SharesConversations {
public:
  using SharesConversations::SharesConversations;

private:
  std::string key(const std::string& session_id) const override {
    return session_id.substr(0, session_id.find(':'));
  }
};

class HistoryByPrefix : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    ids_.set(session_id, true);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    std::vector<Message> all;
    for (const auto& [id, known] : ids_.all()) {
      if (id.starts_with(session_id)) {
        std::vector<Message> some = co_await ForwardingBackend::get_conversation_history(id, limit);
        all.insert(all.end(), some.begin(), some.end());
      }
    }
    co_return all;
  }

private:
  Kept<bool> ids_;
};

// CON-04

class KeepsNewestThousand : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, std::min<std::size_t>(limit, 1000));
  }
};

class KeepsOldestThousand : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_oldest(messages, 1000);
    keep_newest(messages, limit);
  }
};

class FirstPageOnly : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    keep_newest(messages, std::min<std::size_t>(limit, 100));
  }
};

class DropsEqualNeighbours : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    const auto end =
        std::unique(messages.begin(), messages.end(), [](const Message& a, const Message& b) {
          return a.role == b.role && a.content == b.content;
        });
    messages.erase(end, messages.end());
    keep_newest(messages, limit);
  }
};

class RepeatsNeverReturn : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const std::string hash = session_id + '\0' + role + '\0' + content + '\0' + metadata.dump();
    if (!seen_.add(hash, true)) {
      return answered(true);
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

private:
  Kept<bool> seen_;
};

class MergesTurns : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    std::vector<Message> merged;
    for (const Message& message : messages) {
      if (!merged.empty() && merged.back().content == message.content) {
        merged.back().content += "\n" + message.content;
      } else {
        merged.push_back(message);
      }
    }
    messages = std::move(merged);
    keep_newest(messages, limit);
  }
};

// CON-05

class OrdersByTime : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    sort_stably(messages,
                [](const Message& a, const Message& b) { return a.timestamp < b.timestamp; });
    keep_newest(messages, limit);
  }
};

class TiesInAnyOrder : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    for (std::size_t i = 1; i < messages.size(); ++i) {
      if (messages[i].timestamp == messages[i - 1].timestamp) {
        std::swap(messages[i], messages[i - 1]);
      }
    }
    keep_newest(messages, limit);
  }
};

class KeyedByTime : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    std::vector<Message> kept;
    for (const Message& message : messages) {
      std::erase_if(
          kept, [&message](const Message& other) { return other.timestamp == message.timestamp; });
      kept.push_back(message);
    }
    messages = std::move(kept);
    keep_newest(messages, limit);
  }
};

class RefusesEarlierTimes : public ForwardingBackend {
public:
  explicit RefusesEarlierTimes(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const Timestamp now = space_.now();
    if (latest_.get(session_id).value_or(now) > now) {
      return answered(false);
    }
    latest_.set(session_id, now);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

private:
  MutantSpace& space_;
  Kept<Timestamp> latest_;
};

class NewestByTime : public ChoosesHistory {
public:
  using ChoosesHistory::ChoosesHistory;

private:
  void choose(std::vector<Message>& messages, std::size_t limit) const override {
    while (messages.size() > limit) {
      const auto oldest = std::min_element(
          messages.begin(), messages.end(),
          [](const Message& a, const Message& b) { return a.timestamp < b.timestamp; });
      messages.erase(oldest);
    }
  }
};

// CON-06

class AppendToUnknownIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    return changed(ForwardingBackend::add_conversation_message(std::move(session_id),
                                                               std::move(role), std::move(content),
                                                               std::move(metadata)),
                   [](bool& stored) { stored = true; });
  }
};

class AppendToUnknownWaits : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const std::optional<Session> found = co_await ForwardingBackend::get_session(session_id);
    if (!found) {
      waiting_.set(session_id, content);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    if (const std::optional<std::string> content = waiting_.get(session_id)) {
      std::string role = "user";
      json none = json::object();
      co_await ForwardingBackend::add_conversation_message(session_id, std::move(role), *content,
                                                           std::move(none));
    }
    co_return created;
  }

private:
  Kept<std::string> waiting_;
};

class AppendCreatesSession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const bool stored = co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    if (!stored) {
      std::string user = "nobody";
      json none = json::object();
      co_await ForwardingBackend::create_session(session_id, std::move(user), std::move(none));
    }
    co_return stored;
  }
};

class AppendToUnknownThrows : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const bool stored = co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    if (!stored) {
      throw StorageError(errc::invalid_argument, "add_conversation_message", session_id,
                         "foreign key constraint failed");
    }
    co_return true;
  }
};

/// Has conversations and nothing else, and yet wants a session for each.
class ConversationsWantSessions : public IConversationStorage {
public:
  explicit ConversationsWantSessions(MutantSpace& space) : store_(space.backend()) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    co_await store_.storage().initialize();
    co_return co_await store_.storage().add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    co_await store_.storage().initialize();
    co_return co_await store_.storage().get_conversation_history(std::move(session_id), limit);
  }

private:
  InnerBackend store_;
};

// CON-07

class RolesAreAnEnumeration : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (role.starts_with("agent:")) {
      return refused<bool>(errc::invalid_argument, "add_conversation_message", session_id,
                           "unknown role");
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class RolesAreLowerCase : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string& role, std::string&, json&) const override {
    if (role == "Assistant") {
      role = "assistant";
    }
  }
};

class RolesEndAtNul : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string& role, std::string&, json&) const override {
    role.resize(std::min(role.size(), role.find('\0')));
  }
};

class EmptyRoleIsUser : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string& role, std::string&, json&) const override {
    if (role.empty()) {
      role = "user";
    }
  }
};

class EmptyContentIsNoMessage : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (content.empty() && !role.empty()) {
      return answered(true);
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class RefusedMessageIsKept : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (role.empty()) {
      std::string other = "unknown";
      co_await ForwardingBackend::add_conversation_message(session_id, std::move(other), content,
                                                           metadata);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }
};

// CON-08

/// An append lets others go first before it stores; those that come in between go wrong.
class AppendsInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (!busy_.enter()) {
      co_return co_await in_between(session_id, std::move(role), std::move(content),
                                    std::move(metadata));
    }
    co_await step_aside();
    const bool stored = co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    busy_.leave();
    co_return stored;
  }

private:
  virtual awaitable<bool> in_between(std::string session_id, std::string role, std::string content,
                                     Document metadata) = 0;

  Busy busy_;
};

class LosesConcurrentAppends : public AppendsInTwoSteps {
public:
  using AppendsInTwoSteps::AppendsInTwoSteps;

private:
  awaitable<bool> in_between(std::string, std::string, std::string, Document) override {
    return answered(true);
  }
};

class StoresConcurrentAppendsTwice : public AppendsInTwoSteps {
public:
  using AppendsInTwoSteps::AppendsInTwoSteps;

private:
  awaitable<bool> in_between(std::string session_id, std::string role, std::string content,
                             Document metadata) override {
    co_await ForwardingBackend::add_conversation_message(session_id, role, content, metadata);
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }
};

class SequencesCollide : public AppendsInTwoSteps {
public:
  using AppendsInTwoSteps::AppendsInTwoSteps;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [this](std::vector<Message>& messages) {
                     for (std::size_t i = 1; i < messages.size(); ++i) {
                       if (collided_.has(messages[i].content)) {
                         messages[i].sequence = messages[i - 1].sequence;
                       }
                     }
                   });
  }

private:
  awaitable<bool> in_between(std::string session_id, std::string role, std::string content,
                             Document metadata) override {
    collided_.set(content, true);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  Kept<bool> collided_;
};

/// Acknowledges what comes in between, and stores it when the history is read: last in, first out.
class WritesBehindBackwards : public AppendsInTwoSteps {
public:
  using AppendsInTwoSteps::AppendsInTwoSteps;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    for (;;) {
      std::optional<std::pair<std::string, std::string>> next = take();
      if (!next) {
        break;
      }
      std::string role = "user";
      json metadata = json::object();
      co_await ForwardingBackend::add_conversation_message(next->first, std::move(role),
                                                           next->second, std::move(metadata));
    }
    co_return co_await ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }

private:
  awaitable<bool> in_between(std::string session_id, std::string, std::string content,
                             Document) override {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(session_id), std::move(content));
    return answered(true);
  }

  std::optional<std::pair<std::string, std::string>> take() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      return std::nullopt;
    }
    std::pair<std::string, std::string> last = std::move(waiting_.back());
    waiting_.pop_back();
    return last;
  }

  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> waiting_;
};

class LosesAppendsOfOtherThreads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (!busy_.enter()) {
      co_return true;
    }
    busy_.stay(); // another coroutine gets no chance
    const bool stored = co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    busy_.leave();
    co_return stored;
  }

private:
  Busy busy_;
};

// CON-09

class KeepsKnownMembers : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string&, json& metadata) const override {
    if (metadata.is_object()) {
      metadata.erase("list");
    }
  }
};

class DropsNullMembers : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string&, json& metadata) const override {
    if (metadata.is_object()) {
      metadata = without_null_members(metadata);
    }
  }
};

class MetadataTouchesMessage : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return changed(ForwardingBackend::get_conversation_history(std::move(session_id), limit),
                   [](std::vector<Message>& messages) {
                     for (Message& message : messages) {
                       if (message.metadata.contains("role")) {
                         message.role = message.metadata.at("role").get<std::string>();
                       }
                     }
                   });
  }
};

class MessageTakesNullMetadata : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string&, json& metadata) const override {
    if (metadata.is_null()) {
      metadata = json::object();
    }
  }
};

class MessageTakesTextMetadata : public ChangesMessage {
public:
  using ChangesMessage::ChangesMessage;

private:
  void change_message(std::string&, std::string&, json& metadata) const override {
    if (metadata.is_string()) {
      metadata = object("text", metadata);
    }
  }
};

} // namespace mutants

std::vector<Mutant> conversation_mutants() {
  using namespace mutants;
  return {
      mutant<NewestFirst>("CON-01", "newest_first", "the history comes newest first",
                          "message 0's role to be \"system\""),
      mutant<SequencesAreEqual>("CON-01", "sequences_are_equal",
                                "several messages have one sequence number",
                                "sequence to increase strictly"),
      mutant<OrdersByContent>("CON-01", "orders_by_content",
                              "messages come in the order of their texts", "message 0's role"),
      mutant<TimestampsAreReadings>("CON-01", "timestamps_are_readings",
                                    "the timestamp is the time of the reading",
                                    "the history read again"),
      mutant<TimestampsAreZero>("CON-01", "timestamps_are_zero", "the timestamp is not kept",
                                "the timestamp of a message"),
      mutant<TrimsContent>("CON-01", "trims_content", "white space in the content is changed",
                           "message 1's content"),
      mutant<KnowsThreeRoles>("CON-01", "knows_three_roles",
                              "a role that is not known is stored as another",
                              "message 3's role to be \"tool\""),
      mutant<DropsMetadataWithContent>("CON-01", "drops_metadata_with_content",
                                       "the metadata of tool results are not kept",
                                       "message 3's metadata"),
      mutant<GivesOldest>("CON-02", "gives_oldest", "a limit gives the oldest messages",
                          "the newest 1 messages to be"),
      mutant<ZeroGivesAll>("CON-02", "zero_gives_all", "a limit of 0 is none",
                           "a history of limit 0"),
      mutant<GivesOneTooMany>("CON-02", "gives_one_too_many",
                              "a limit beyond a page gives one message too many",
                              "the newest 59 messages to be"),
      mutant<BeyondTheEndGivesNone>("CON-02", "beyond_the_end_gives_none",
                                    "a limit beyond the number of messages gives none",
                                    "a history of a limit that is not reached to be"),
      mutant<PagesOfFifty>("CON-02", "pages_of_fifty", "no more than 50 messages are given",
                           "a history of a limit that is not reached to be"),
      mutant<LimitIsAnInt>("CON-02", "limit_is_an_int", "the greatest limit is taken for negative",
                           "a history of a limit of 2147483648"),
      mutant<NewestFirstIfLimited>("CON-02", "newest_first_if_limited",
                                   "a history that is cut comes newest first",
                                   "the newest 2 messages to be"),
      mutant<SequenceIsPlaceInPage>("CON-02", "sequence_is_place_in_page",
                                    "the sequence is counted from the first message given",
                                    "the same messages as at the end of the whole history"),
      mutant<ConversationsInAnyCase>("CON-03", "conversations_in_any_case",
                                     "sessions that differ in case share a conversation",
                                     "the history of \"a\""),
      mutant<ConversationsUpToColon>("CON-03", "conversations_up_to_colon",
                                     "sessions that are equal up to a colon share a conversation",
                                     "the history of \"a\""),
      mutant<HistoryByPrefix>("CON-03", "history_by_prefix",
                              "a history holds those of the sessions it is a prefix of",
                              "the history of \"a\""),
      mutant<KeepsNewestThousand>("CON-04", "keeps_newest_thousand",
                                  "of more than 1,000 messages the oldest are dropped",
                                  "the number of messages to be"),
      mutant<KeepsOldestThousand>("CON-04", "keeps_oldest_thousand",
                                  "of more than 1,000 messages the newest are dropped",
                                  "the number of messages to be"),
      mutant<FirstPageOnly>("CON-04", "first_page_only", "only the first page is given",
                            "the number of messages to be"),
      mutant<DropsEqualNeighbours>("CON-04", "drops_equal_neighbours",
                                   "a message that equals the one before it is dropped",
                                   "three equal messages"),
      mutant<RepeatsNeverReturn>("CON-04", "repeats_never_return",
                                 "a message that equals any before it is dropped",
                                 "three equal messages"),
      mutant<MergesTurns>("CON-04", "merges_turns", "equal messages are merged into one",
                          "three equal messages"),
      mutant<OrdersByTime>("CON-05", "orders_by_time", "messages are ordered by their timestamps",
                           "under a clock that stands still and goes back"),
      mutant<TiesInAnyOrder>("CON-05", "ties_in_any_order",
                             "messages of the same moment come in any order",
                             "under a clock that stands still and goes back"),
      mutant<KeyedByTime>("CON-05", "keyed_by_time",
                          "of messages of the same moment only the last is kept",
                          "under a clock that stands still and goes back"),
      mutant<RefusesEarlierTimes>("CON-05", "refuses_earlier_times",
                                  "no append while the clock is behind the last message",
                                  "the append to be true; came false"),
      mutant<NewestByTime>("CON-05", "newest_by_time",
                           "the newest n are those of the latest timestamps",
                           "the newest 3 messages"),
      mutant<AppendToUnknownIsTrue>("CON-06", "append_to_unknown_is_true",
                                    "an append to an unknown session is true",
                                    "an append to an unknown session to be false"),
      mutant<AppendToUnknownWaits>("CON-06", "append_to_unknown_waits",
                                   "an append to an unknown session turns up once it is created",
                                   "the history of a session just created"),
      mutant<AppendCreatesSession>("CON-06", "append_creates_session",
                                   "an append to an unknown session is false, and creates it",
                                   "the unknown session to be nullopt"),
      mutant<AppendToUnknownThrows>("CON-06", "append_to_unknown_throws",
                                    "an append to an unknown session is an error",
                                    "foreign key constraint failed"),
      mutant<ConversationsWantSessions>(
          "CON-06", "conversations_want_sessions",
          "a store of conversations alone does not open one with its first message",
          "the append to be true; came false"),
      mutant<RolesAreAnEnumeration>("CON-07", "roles_are_an_enumeration", "not every role is taken",
                                    "unknown role"),
      mutant<RolesAreLowerCase>("CON-07", "roles_are_lower_case", "roles lose their capitals",
                                "the role to be \"Assistant\""),
      mutant<RolesEndAtNul>("CON-07", "roles_end_at_nul", "a role ends at its first NUL",
                            "the role to be \"a\\x00b\""),
      mutant<EmptyRoleIsUser>("CON-07", "empty_role_is_user", "an empty role is taken for \"user\"",
                              "came no error"),
      mutant<EmptyContentIsNoMessage>("CON-07", "empty_content_is_no_message",
                                      "a message without content is not stored",
                                      "the number of messages to be 15; came 0"),
      mutant<RefusedMessageIsKept>("CON-07", "refused_message_is_kept",
                                   "a message without a role is refused, and stored",
                                   "the number of messages to be 15; came 16"),
      mutant<LosesConcurrentAppends>("CON-08", "loses_concurrent_appends",
                                     "an append that meets another is lost", "each item once"),
      mutant<StoresConcurrentAppendsTwice>("CON-08", "stores_concurrent_appends_twice",
                                           "an append that meets another is stored twice",
                                           "each item once"),
      mutant<SequencesCollide>("CON-08", "sequences_collide",
                               "appends that meet have the same sequence number",
                               "sequence to increase strictly"),
      mutant<WritesBehindBackwards>("CON-08", "writes_behind_backwards",
                                    "appends that meet are acknowledged, and stored in any order",
                                    "each writer's own order"),
      mutant<LosesAppendsOfOtherThreads>("CON-08", "loses_appends_of_other_threads",
                                         "an append that meets one of another thread is lost",
                                         "each item once"),
      mutant<KeepsKnownMembers>("CON-09", "keeps_known_members",
                                "not every member of the metadata is kept", "the metadata to be"),
      mutant<DropsNullMembers>("CON-09", "drops_null_members",
                               "members of the metadata that are null are not kept",
                               "the metadata to be"),
      mutant<MetadataTouchesMessage>("CON-09", "metadata_touches_message",
                                     "a member of the metadata named role replaces the role",
                                     "the role of a message with metadata"),
      mutant<MessageTakesNullMetadata>("CON-09", "message_takes_null_metadata",
                                       "metadata of null are taken for an empty object",
                                       "add_conversation_message(\"s\", \"user\", \"hi\", null)"),
      mutant<MessageTakesTextMetadata>(
          "CON-09", "message_takes_text_metadata", "metadata that are a text are taken",
          "add_conversation_message(\"s\", \"user\", \"hi\", \"text\""),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of conversations kill their mutants") {
  agentstore::test::expect_killed(conversation_mutants(), conversation_rules());
}

TEST_CASE("each rule of conversations has mutants to kill") {
  agentstore::test::expect_two_for_each(conversation_mutants(), conversation_rules());
}

TEST_CASE("the rules of conversations hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(conversation_rules());
}
