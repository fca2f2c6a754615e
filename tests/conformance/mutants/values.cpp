// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of ids (KEY) or values (VAL), each in one argument of one method. What
// each does wrong stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <cmath>

namespace agentstore::conformance {

namespace mutants {

// KEY-01

/// Knows checkpoints by other ids than those given, and gives back those that it was asked for.
class MapsCheckpointIds : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return ForwardingBackend::store_checkpoint(thread(thread_id), checkpoint(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    return ForwardingBackend::put_checkpoint(thread(thread_id), checkpoint(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    const std::string asked = checkpoint_id.value_or("");
    if (checkpoint_id) {
      checkpoint_id = checkpoint(asked);
    }
    return changed(ForwardingBackend::get_checkpoint(thread(thread_id), std::move(checkpoint_id)),
                   [thread_id, asked](std::optional<Checkpoint>& found) {
                     if (found) {
                       found->thread_id = thread_id;
                       found->checkpoint_id = asked;
                     }
                   });
  }

private:
  virtual std::string thread(const std::string& id) const { return id; }
  virtual std::string checkpoint(const std::string& id) const { return id; }
};

class ThreadsOf255Bytes : public MapsCheckpointIds {
public:
  using MapsCheckpointIds::MapsCheckpointIds;

private:
  std::string thread(const std::string& id) const override {
    std::string cut = id.substr(0, id.size() > max_id_bytes ? id.size() : 255);
    while (agentstore::detail::is_utf8(id) && !agentstore::detail::is_utf8(cut)) {
      cut.pop_back();
    }
    return cut;
  }
};

class CheckpointsAreComposed : public MapsCheckpointIds {
public:
  using MapsCheckpointIds::MapsCheckpointIds;

private:
  std::string checkpoint(const std::string& id) const override {
    return id == "e\xCC\x81" ? "\xC3\xA9" : id;
  }
};

class CheckpointsArePaths : public MapsCheckpointIds {
public:
  using MapsCheckpointIds::MapsCheckpointIds;

private:
  std::string checkpoint(const std::string& id) const override {
    return id.starts_with("../") ? id.substr(3) : id;
  }
};

class CheckpointsAreNumbers : public MapsCheckpointIds {
public:
  using MapsCheckpointIds::MapsCheckpointIds;

private:
  std::string checkpoint(const std::string& id) const override {
    const bool is_number = !id.empty() && id.find_first_not_of("0123456789") == std::string::npos;
    return is_number && id.size() < 19 ? std::to_string(std::stoll(id)) : id;
  }
};

class ThreadsLoseTheirMark : public MapsCheckpointIds {
public:
  using MapsCheckpointIds::MapsCheckpointIds;

private:
  std::string thread(const std::string& id) const override {
    return id.starts_with("\xEF\xBB\xBF") ? id.substr(3) : id;
  }
};

class SessionsInAnyCase : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return ForwardingBackend::create_session(session_id == "A" ? "a" : session_id,
                                             std::move(user_id), std::move(metadata));
  }
};

class UsersAreTrimmed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    while (user_id.size() > 1 && user_id.ends_with(' ')) {
      user_id.pop_back();
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class UsersAreEscaped : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return changed(ForwardingBackend::get_session(std::move(session_id)),
                   [](std::optional<Session>& session) {
                     if (session && session->user_id == "a'b") {
                       session->user_id = "a''b";
                     }
                   });
  }
};

class TasksAreWords : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (task_id.find_first_of("{}?*%") != std::string::npos) {
      return refused<bool>(errc::invalid_argument, "put_writes", thread_id,
                           "a task id holds letters, digits and _-./:@=");
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class ContextsOfShortIds : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (session_id.size() > 512 && session_id.size() <= max_id_bytes) {
      return refused<bool>(errc::invalid_argument, "store_task_context", session_id,
                           "the id is longer than 512 bytes");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

// KEY-02

class EmptyThreadIsDefault : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return ForwardingBackend::store_checkpoint(thread_id.empty() ? "default" : thread_id,
                                               std::move(checkpoint_id), std::move(data),
                                               std::move(metadata));
  }
};

class TasksEndAtNul : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    task_id.resize(std::min(task_id.size(), task_id.find('\0')));
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class LongSessionsAreHashed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (session_id.size() > max_id_bytes) {
      session_id = std::to_string(std::hash<std::string>()(session_id));
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class UsersAreRepaired : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (!agentstore::detail::is_utf8(user_id)) {
      user_id = "?";
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class BadThreadHasNoList : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    if (thread_id.empty()) {
      return answered(std::vector<Checkpoint>());
    }
    return ForwardingBackend::list_checkpoints(std::move(thread_id), limit);
  }
};

class BadSessionHasNoHistory : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (session_id.size() > max_id_bytes) {
      return answered(std::vector<Message>());
    }
    return ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }
};

class BadCheckpointIsNotFound : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id && !agentstore::detail::is_utf8(*checkpoint_id)) {
      return answered(std::optional<Checkpoint>());
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
};

class EndOfBadIdIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (session_id.empty()) {
      return answered(false);
    }
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }
};

class BadIdHasAnotherCode : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (checkpoint_id.size() > max_id_bytes) {
      return refused<std::vector<PendingWrite>>(errc::too_large, "get_writes", thread_id,
                                                "the checkpoint id");
    }
    return ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }
};

class BadUserLeavesASession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (user_id.empty()) {
      std::string user = "nobody";
      json none = json::object();
      co_await ForwardingBackend::create_session(session_id, std::move(user), std::move(none));
    }
    co_return co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                         std::move(metadata));
  }
};

// VAL

/// Every argument that takes a JSON value.
enum class Slot {
  session_metadata,
  updates,
  message_metadata,
  data,
  checkpoint_metadata,
  context,
  write
};

/// How deep a value is, if all that is deep in it is its first members.
inline std::size_t depth_of_first(const json& value) {
  std::size_t depth = 0;
  for (const json* at = &value; at->is_structured(); ++depth) {
    if (at->empty()) {
      return depth + 1;
    }
    at = &*at->begin();
  }
  return depth;
}

/// Changes JSON values on their way in, all of one argument. Very deep ones are let alone.
class RewritesValues : public ForwardingBackend {
public:
  RewritesValues(InnerBackend inner, Slot slot)
      : ForwardingBackend(std::move(inner)), slot_(slot) {}

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    change(Slot::session_metadata, metadata);
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (slot_ == Slot::updates && update.metadata_patch() &&
        depth_of_first(*update.metadata_patch()) < max_depth) {
      json patch = *update.metadata_patch();
      change(Slot::updates, patch);
      update.updates(std::move(patch));
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    change(Slot::message_metadata, metadata);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    change(Slot::data, data);
    change(Slot::checkpoint_metadata, metadata);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    for (ChannelWrite& write : writes) {
      change(Slot::write, write.value);
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    change(Slot::context, context);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }

private:
  static constexpr std::size_t max_depth = 2000;

  Slot slot_;

  void change(Slot slot, json& value) {
    if (slot == slot_ && depth_of_first(value) < max_depth) {
      rewrite_all(value);
    }
  }
  void change(Slot slot, Document& value) {
    edit(value, [&](json& tree) { change(slot, tree); });
  }
  void rewrite_all(json& value) {
    rewrite(value);
    for (json& inner : value) {
      if (&inner != &value) { // a scalar is its own only item
        rewrite_all(inner);
      }
    }
  }

  /// Called for the value and for each one in it.
  virtual void rewrite(json& value) const = 0;
};

// VAL-01

class DoublesAreFloats : public RewritesValues {
public:
  explicit DoublesAreFloats(InnerBackend inner) : RewritesValues(std::move(inner), Slot::context) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_float() && std::abs(value.get<double>()) < 1e30) {
      value = static_cast<double>(static_cast<float>(value.get<double>()));
    }
  }
};

class WholeDoublesAreIntegers : public RewritesValues {
public:
  explicit WholeDoublesAreIntegers(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::message_metadata) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_float() && value.get<double>() == 1.0) {
      value = 1;
    }
  }
};

class ZeroHasNoSign : public RewritesValues {
public:
  explicit ZeroHasNoSign(InnerBackend inner) : RewritesValues(std::move(inner), Slot::data) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_float() && value.get<double>() == 0) {
      value = 0.0;
    }
  }
};

class IntegersAreDoubles : public RewritesValues {
public:
  explicit IntegersAreDoubles(InnerBackend inner) : RewritesValues(std::move(inner), Slot::write) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_integer() && value == 9007199254740993) {
      value = 9007199254740992;
    }
  }
};

class UnsignedWrapsAround : public RewritesValues {
public:
  explicit UnsignedWrapsAround(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::updates) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_unsigned()) {
      value = static_cast<std::int64_t>(value.get<std::uint64_t>());
    }
  }
};

class EmptyArraysAreObjects : public RewritesValues {
public:
  explicit EmptyArraysAreObjects(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::session_metadata) {}

private:
  void rewrite(json& value) const override {
    if (value.is_array() && value.empty()) {
      value = json::object();
    }
  }
};

class NullMembersAreDropped : public RewritesValues {
public:
  explicit NullMembersAreDropped(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::checkpoint_metadata) {}

private:
  void rewrite(json& value) const override {
    if (value.is_object()) {
      value = without_null_members(value);
    }
  }
};

class MembersNeedNames : public RewritesValues {
public:
  explicit MembersNeedNames(InnerBackend inner) : RewritesValues(std::move(inner), Slot::data) {}

private:
  void rewrite(json& value) const override {
    if (value.is_object()) {
      value.erase("");
    }
  }
};

class DotsAreReplaced : public RewritesValues {
public:
  explicit DotsAreReplaced(InnerBackend inner) : RewritesValues(std::move(inner), Slot::context) {}

private:
  void rewrite(json& value) const override {
    if (value.is_object() && value.contains("a.b")) {
      value["a_b"] = value["a.b"];
      value.erase("a.b");
    }
  }
};

class TextsEndAtNul : public RewritesValues {
public:
  explicit TextsEndAtNul(InnerBackend inner) : RewritesValues(std::move(inner), Slot::write) {}

private:
  void rewrite(json& value) const override {
    if (value.is_string()) {
      const std::string text = value.get<std::string>();
      value = text.substr(0, text.find('\0'));
    }
  }
};

class NumericTextsAreNumbers : public RewritesValues {
public:
  explicit NumericTextsAreNumbers(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::updates) {}

private:
  void rewrite(json& value) const override {
    if (value == "1") {
      value = 1;
    }
  }
};

/// Changes texts on their way in.
class RewritesTexts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    rewrite_status(status);
    return ForwardingBackend::end_session(std::move(session_id), std::move(status));
  }

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    rewrite_role(role);
    rewrite_content(content);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    for (ChannelWrite& write : writes) {
      rewrite_channel(write.channel);
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }

protected:
  static void cut(std::string& text, std::size_t most) { text.resize(std::min(text.size(), most)); }
  static void cut_at(std::string& text, char last) { cut(text, text.find(last)); }

private:
  virtual void rewrite_status(std::string&) const {}
  virtual void rewrite_role(std::string&) const {}
  virtual void rewrite_content(std::string&) const {}
  virtual void rewrite_channel(std::string&) const {}
};

class LinesEndOneWay : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_content(std::string& text) const override {
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  }
};

class StatusEndsAtNul : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_status(std::string& text) const override {
    if (text.find('\0') > 0) {
      cut_at(text, '\0');
    }
  }
};

class RolesAreThreeBytesUtf8 : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_role(std::string& text) const override {
    if (text.starts_with("\xF0")) {
      text = "?";
    }
  }
};

class ChannelsAreTrimmed : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_channel(std::string& text) const override {
    if (text.find('\t') != std::string::npos) {
      cut_at(text, '\t');
    }
  }
};

// VAL-02

class ContentOf64Kibibytes : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_content(std::string& text) const override { cut(text, 65535); }
};

class RolesOf255Bytes : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_role(std::string& text) const override { cut(text, 255); }
};

class AMebibyteIsTooMuch : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (depth_of_first(context) < 64 && context.dump().size() == std::size_t{1} << 20u) {
      return refused<bool>(errc::too_large, "store_task_context", session_id,
                           "not less than 1 MiB");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

class TooLargeIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    try {
      co_return co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id,
                                                       std::move(writes));
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::too_large)) {
        throw;
      }
    }
    co_return true;
  }
};

class TooLargeIsInvalid : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    try {
      co_return co_await ForwardingBackend::store_checkpoint(thread_id, checkpoint_id,
                                                             std::move(data), std::move(metadata));
    } catch (const StorageError& error) {
      throw StorageError(errc::invalid_argument, error.operation(), error.key(), "row too big");
    }
  }
};

class TooLargeIsStored : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (content.size() > std::size_t{2} << 20u) {
      std::string some = content.substr(0, 1000);
      co_await ForwardingBackend::add_conversation_message(session_id, role, std::move(some),
                                                           metadata);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }
};

// VAL-03

class ContextIsTakenOut : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    std::optional<Document> context = co_await ForwardingBackend::get_task_context(session_id);
    if (context && !taken_.add(session_id, true)) {
      context.reset();
    }
    co_return context;
  }

private:
  Kept<bool> taken_;
};

class WritesAreTakenOut : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    std::vector<PendingWrite> writes =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id);
    if (!writes.empty() && !taken_.add(thread_id + '\0' + checkpoint_id, true)) {
      writes.clear();
    }
    co_return writes;
  }

private:
  Kept<bool> taken_;
};

class ReadsAreMarked : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::move(checkpoint_id));
    if (found && !read_.add(thread_id + '\0' + found->checkpoint_id, true)) {
      found->metadata = with_member(std::move(found->metadata), "seen", true);
    }
    co_return found;
  }

private:
  Kept<bool> read_;
};

class HistoryGrowsWithReads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    std::vector<Message> messages =
        co_await ForwardingBackend::get_conversation_history(session_id, limit);
    if (!messages.empty() && !read_.add(session_id, true)) {
      messages.push_back(messages.back());
    }
    co_return messages;
  }

private:
  Kept<bool> read_;
};

// VAL-04

class NanIsNull : public RewritesValues {
public:
  explicit NanIsNull(InnerBackend inner) : RewritesValues(std::move(inner), Slot::context) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_float() && std::isnan(value.get<double>())) {
      value = nullptr;
    }
  }
};

class InfinityIsTheGreatest : public RewritesValues {
public:
  explicit InfinityIsTheGreatest(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::write) {}

private:
  void rewrite(json& value) const override {
    if (value.is_number_float() && std::isinf(value.get<double>())) {
      value = std::numeric_limits<double>::max();
    }
  }
};

class BadTextsAreRepaired : public RewritesValues {
public:
  explicit BadTextsAreRepaired(InnerBackend inner) : RewritesValues(std::move(inner), Slot::data) {}

private:
  void rewrite(json& value) const override {
    if (value.is_string() && !agentstore::detail::is_utf8(value.get<std::string>())) {
      value = "\xEF\xBF\xBD";
    }
  }
};

class BadNamesAreRepaired : public RewritesValues {
public:
  explicit BadNamesAreRepaired(InnerBackend inner)
      : RewritesValues(std::move(inner), Slot::updates) {}

private:
  void rewrite(json& value) const override {
    if (!value.is_object()) {
      return;
    }
    json repaired = json::object();
    for (auto member = value.begin(); member != value.end(); ++member) {
      const bool is_good = agentstore::detail::is_utf8(member.key());
      repaired[is_good ? member.key() : std::string("?")] = *member;
    }
    value = std::move(repaired);
  }
};

class SurrogatesAreTaken : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_content(std::string& text) const override {
    if (text == "\xED\xA0\x80") {
      text = "?";
    }
  }
};

class BadRolesAreRepaired : public RewritesTexts {
public:
  using RewritesTexts::RewritesTexts;

private:
  void rewrite_role(std::string& text) const override {
    if (!agentstore::detail::is_utf8(text)) {
      text = "?";
    }
  }
};

class BadValuesAreForeignErrors : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (depth_of_first(metadata) < 64) {
      static_cast<void>(metadata.dump()); // which throws an error of its own for bad UTF-8
    }
    return ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                             std::move(metadata));
  }
};

class BadMessageIsKept : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (!agentstore::detail::is_utf8(content)) {
      std::string none;
      co_await ForwardingBackend::add_conversation_message(session_id, role, std::move(none),
                                                           metadata);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
  }
};

// VAL-05

class Depth63 : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (depth_of_first(context) > 63) {
      return refused<bool>(errc::invalid_argument, "store_task_context", session_id,
                           "deeper than 63");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

class DeepDataIsNull : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (depth_of_first(data) > 64) {
      data = nullptr;
    }
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
};

class DeepMetadataAreLost : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (depth_of_first(metadata) > 512) {
      return answered(true);
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class DeepIsTooLarge : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    for (const ChannelWrite& write : writes) {
      if (depth_of_first(write.value) > 10'000) {
        return refused<bool>(errc::too_large, "put_writes", thread_id, "nested too deep");
      }
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class DeepIsAForeignError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.metadata_patch() && depth_of_first(*update.metadata_patch()) > 512) {
      throw std::length_error("maximum recursion depth exceeded");
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class RefusedDepthIsKept : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (depth_of_first(metadata) > 256) {
      json none = json::object();
      co_await ForwardingBackend::put_checkpoint(thread_id, checkpoint_id, data, std::move(none));
    }
    co_return co_await ForwardingBackend::put_checkpoint(thread_id, checkpoint_id, std::move(data),
                                                         std::move(metadata));
  }
};

// What is reached only through others, looks like something else, or comes second

/// `change` of each scalar in the value; it is told how deep it is.
inline json with_scalars(json value, const std::function<json(json, std::size_t)>& change,
                         std::size_t depth = 0) {
  if (!value.is_structured()) {
    return change(std::move(value), depth);
  }
  for (json& inner : value) {
    inner = with_scalars(std::move(inner), change, depth + 1);
  }
  return value;
}

class DeepDoublesAreFloats : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    auto narrowed = with_scalars(std::move(context).tree(), [](json value, std::size_t depth) {
      const double number = value.is_number_float() ? value.get<double>() : 0;
      const bool is_narrowed = depth > 3 && number != 0 && std::abs(number) < 1e30;
      return is_narrowed ? json(static_cast<double>(static_cast<float>(number))) : value;
    });
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(narrowed));
  }
};

class TextsThatAreJsonAreParsed : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    auto parsed = with_scalars(std::move(context).tree(), [](json value, std::size_t) {
      const std::string text = value.is_string() ? value.get<std::string>() : std::string();
      if (!text.starts_with('{') && !text.starts_with('[')) {
        return value;
      }
      json inner = json::parse(text, nullptr, false);
      return inner.is_discarded() ? value : inner;
    });
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(parsed));
  }
};

class DatesAreShortened : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    auto shortened = with_scalars(std::move(context).tree(), [](json value, std::size_t) {
      const std::string text = value.is_string() ? value.get<std::string>() : std::string();
      const bool is_date = text.size() > 20 && text[4] == '-' && text[10] == 'T';
      return is_date ? json(text.substr(0, 19) + "Z") : value;
    });
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(shortened));
  }
};

/// An object whose members are 0, 1, 2, ... comes back as a list.
class NumberedObjectsAreLists : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return ForwardingBackend::store_task_context(std::move(session_id),
                                                 listed(std::move(context).tree()));
  }

private:
  static json listed(json value) {
    json list = json::array();
    bool is_list = value.is_object();
    if (value.is_structured()) {
      for (json& inner : value) {
        inner = listed(std::move(inner));
      }
    }
    if (value.is_object()) {
      for (const auto& member : value.items()) {
        is_list = is_list && member.key() == std::to_string(list.size());
        list.push_back(member.value());
      }
    }
    return is_list && !list.empty() ? list : value;
  }
};

class ListsEndAtAThousand : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return ForwardingBackend::store_task_context(std::move(session_id),
                                                 cut(std::move(context).tree()));
  }

private:
  static json cut(json value) {
    if (value.is_array() && value.size() > 1000) {
      value.erase(value.begin() + 1000, value.end());
    }
    if (value.is_structured()) {
      for (json& inner : value) {
        inner = cut(std::move(inner));
      }
    }
    return value;
  }
};

/// Cuts off what is beyond the limit in letters.
class LimitIsInLetters : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const auto is_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; };
    const auto letters = std::count_if(content.begin(), content.end(), is_letter);
    constexpr std::size_t limit = std::size_t{2} << 20u;
    if (content.size() > limit && static_cast<std::size_t>(letters) <= limit) {
      content = "stored elsewhere";
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class FirstWriteIsMeasured : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    for (std::size_t i = 1; i < writes.size(); ++i) {
      const bool is_text = writes[i].value.is_string();
      if (is_text &&
          writes[i].value.get_ref<const std::string&>().size() >= (std::size_t{2} << 20u) - 2) {
        writes[i].value = "stored elsewhere";
      }
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class FirstWriteIsFinite : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    for (std::size_t i = 1; i < writes.size(); ++i) {
      writes[i].value =
          with_scalars(std::move(writes[i].value).tree(), [](json value, std::size_t) {
            const bool is_number = !value.is_number_float() || std::isfinite(value.get<double>());
            return is_number ? value : json();
          });
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class ListsAreTwentyDeep : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    std::size_t depth = 0;
    for (const json* at = &context.tree(); at->is_array() && !at->empty(); at = &at->front()) {
      ++depth;
    }
    if (depth > 20) {
      return refused<bool>(errc::invalid_argument, "store_task_context", std::move(session_id),
                           "lists in lists in lists");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

class IdsAreUrls : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return ForwardingBackend::store_checkpoint(std::move(thread_id),
                                               decoded(std::move(checkpoint_id)), std::move(data),
                                               std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    std::optional<std::string> asked = checkpoint_id;
    if (asked) {
      asked = decoded(std::move(*asked));
    }
    auto checkpoint =
        co_await ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(asked));
    if (checkpoint && checkpoint_id) {
      checkpoint->checkpoint_id = *checkpoint_id;
    }
    co_return checkpoint;
  }

private:
  static std::string decoded(std::string id) {
    for (auto at = id.find("%2F"); at != std::string::npos; at = id.find("%2F")) {
      id.replace(at, 3, "/");
    }
    return id;
  }
};

// VAL-06

/// Whether it was made from text: a second handle of it has the same text, and makes none.
bool is_made_from_text(const Document& value) {
  const Document other = value.fresh();
  return value.fault() == Document::Fault::none && other.text().data() == value.text().data();
}

class TextsAreStrings : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (is_made_from_text(data)) {
      data = std::string(data.text());
    }
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
};

class TextsAreReadByAnotherParser : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (is_made_from_text(context) && context.is_number_unsigned()) {
      context = context.get<double>();
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

class TreesNeedTheirText : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (!metadata.empty() && !is_made_from_text(metadata)) {
      metadata = Document::object();
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class TextsAreNotMeasured : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (is_made_from_text(data) && data.exceeds(most_bytes)) {
      data = nullptr;
    }
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }

private:
  static constexpr std::size_t most_bytes = std::size_t{2} << 20u;
};

class DeepTextsAreTaken : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (!is_made_from_text(context) && context.depth() > 64) {
      return refused<bool>(errc::invalid_argument, "store_task_context", session_id,
                           "nested too deep");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

class DeepTreesAreTaken : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (is_made_from_text(metadata) && metadata.depth() > 64) {
      return refused<bool>(errc::invalid_argument, "add_conversation_message", session_id,
                           "nested too deep");
    }
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class TreesAreNotMeasured : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (!is_made_from_text(data) && data.exceeds(std::size_t{2} << 20u)) {
      data = nullptr;
    }
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
};

} // namespace mutants

std::vector<Mutant> value_mutants() {
  using namespace mutants;
  return {
      mutant<SessionsInAnyCase>("KEY-01", "sessions_in_any_case",
                                "sessions that differ in case are one",
                                "create_session \"a\": the session exists"),
      mutant<UsersAreTrimmed>("KEY-01", "users_are_trimmed",
                              "user ids lose the spaces at their end",
                              "create_session(metadata): the ids read"),
      mutant<UsersAreEscaped>("KEY-01", "users_are_escaped",
                              "a quote in a user id comes back doubled", "a''b"),
      mutant<ThreadsOf255Bytes>("KEY-01", "threads_of_255_bytes",
                                "thread ids are cut after 255 bytes",
                                "store_checkpoint(data): the value read"),
      mutant<CheckpointsAreComposed>("KEY-01", "checkpoints_are_composed",
                                     "composed and decomposed letters are the same",
                                     "store_checkpoint(data): the value read"),
      mutant<CheckpointsArePaths>("KEY-01", "checkpoints_are_paths",
                                  "../ is taken for a path and resolved",
                                  "store_checkpoint(data): the value read"),
      mutant<CheckpointsAreNumbers>("KEY-01", "checkpoints_are_numbers",
                                    "ids of digits are compared as numbers",
                                    "store_checkpoint(data): the value read"),
      mutant<ThreadsLoseTheirMark>("KEY-01", "threads_lose_their_mark",
                                   "a byte order mark is not a part of an id",
                                   "store_checkpoint(data): the value read"),
      mutant<TasksAreWords>("KEY-01", "tasks_are_words",
                            "task ids with other characters are refused",
                            "a task id holds letters"),
      mutant<ContextsOfShortIds>("KEY-01", "contexts_of_short_ids",
                                 "session ids of more than 512 bytes have no context",
                                 "the id is longer than 512 bytes"),
      mutant<EmptyThreadIsDefault>("KEY-02", "empty_thread_is_default",
                                   "an empty thread id is taken for a default", "came no error"),
      mutant<TasksEndAtNul>("KEY-02", "tasks_end_at_nul", "a task id ends at its first NUL",
                            "\"a\\x00b\", value="),
      mutant<LongSessionsAreHashed>("KEY-02", "long_sessions_are_hashed",
                                    "session ids that are too long are hashed", "came no error"),
      mutant<UsersAreRepaired>("KEY-02", "users_are_repaired",
                               "user ids that are no UTF-8 are repaired", "came no error"),
      mutant<BadThreadHasNoList>("KEY-02", "bad_thread_has_no_list",
                                 "a list of the empty thread is empty", "from list_checkpoints("),
      mutant<BadSessionHasNoHistory>("KEY-02", "bad_session_has_no_history",
                                     "a history of an id that is too long is empty",
                                     "from get_conversation_history("),
      mutant<BadCheckpointIsNotFound>("KEY-02", "bad_checkpoint_is_not_found",
                                      "a checkpoint id that is no UTF-8 is not found",
                                      "from get_checkpoint("),
      mutant<EndOfBadIdIsFalse>("KEY-02", "end_of_bad_id_is_false",
                                "an end of an empty id is false", "from end_session("),
      mutant<BadIdHasAnotherCode>("KEY-02", "bad_id_has_another_code",
                                  "an id that is too long is too_large",
                                  "came StorageError: get_writes"),
      mutant<BadUserLeavesASession>("KEY-02", "bad_user_leaves_a_session",
                                    "a create that is refused leaves a session",
                                    "create_session(metadata) after ids that were refused"),
      mutant<DoublesAreFloats>("VAL-01", "doubles_are_floats", "doubles are kept as floats",
                               "store_task_context(context): the value read to be 0.1"),
      mutant<WholeDoublesAreIntegers>("VAL-01", "whole_doubles_are_integers", "1.0 comes back as 1",
                                      "add_conversation_message(metadata): the value read"),
      mutant<ZeroHasNoSign>("VAL-01", "zero_has_no_sign", "-0.0 comes back as 0.0",
                            "store_checkpoint(data): the value read to be -0.0; came 0.0"),
      mutant<IntegersAreDoubles>("VAL-01", "integers_are_doubles",
                                 "integers beyond 2^53 are rounded",
                                 "put_writes(value): the value read to be 9007199254740993"),
      mutant<UnsignedWrapsAround>("VAL-01", "unsigned_wraps_around",
                                  "unsigned integers beyond 2^63 are negative",
                                  "update_session(updates): the value read"),
      mutant<EmptyArraysAreObjects>("VAL-01", "empty_arrays_are_objects",
                                    "an empty array comes back as an empty object",
                                    "create_session(metadata): the value read"),
      mutant<NullMembersAreDropped>("VAL-01", "null_members_are_dropped",
                                    "members that are null are dropped",
                                    "store_checkpoint(metadata): the value read"),
      mutant<MembersNeedNames>("VAL-01", "members_need_names", "a member without a name is dropped",
                               "store_checkpoint(data): the value read"),
      mutant<DotsAreReplaced>("VAL-01", "dots_are_replaced",
                              "dots in names of members are replaced",
                              "store_task_context(context): the value read"),
      mutant<TextsEndAtNul>("VAL-01", "texts_end_at_nul", "a string ends at its first NUL",
                            "put_writes(value): the value read"),
      mutant<NumericTextsAreNumbers>("VAL-01", "numeric_texts_are_numbers",
                                     "a string that looks like a number becomes one",
                                     "update_session(updates): the value read"),
      mutant<LinesEndOneWay>("VAL-01", "lines_end_one_way", "carriage returns are dropped",
                             "add_conversation_message(content): the value read"),
      mutant<StatusEndsAtNul>("VAL-01", "status_ends_at_nul", "a status ends at its first NUL",
                              "end_session(status): the value read"),
      mutant<RolesAreThreeBytesUtf8>("VAL-01", "roles_are_three_bytes_utf8",
                                     "characters of four bytes are replaced",
                                     "add_conversation_message(role): the value read"),
      mutant<ChannelsAreTrimmed>("VAL-01", "channels_are_trimmed",
                                 "a channel ends at its first tab",
                                 "put_writes(channel): the value read"),
      mutant<ContentOf64Kibibytes>("VAL-02", "content_of_64_kibibytes",
                                   "content is cut after 65,535 bytes", "content is not UTF-8"),
      mutant<RolesOf255Bytes>("VAL-02", "roles_of_255_bytes", "roles are cut after 255 bytes",
                              "role is not UTF-8"),
      mutant<AMebibyteIsTooMuch>("VAL-02", "a_mebibyte_is_too_much",
                                 "a context of exactly 1 MiB is refused", "not less than 1 MiB"),
      mutant<TooLargeIsTrue>("VAL-02", "too_large_is_true",
                             "a write that is too large is lost, by true", "came no error"),
      mutant<TooLargeIsInvalid>("VAL-02", "too_large_is_invalid",
                                "data that are too large are invalid_argument", "row too big"),
      mutant<TooLargeIsStored>("VAL-02", "too_large_is_stored",
                               "content that is too large is refused, and stored in part",
                               "add_conversation_message(content) after a refusal"),
      mutant<ContextIsTakenOut>("VAL-03", "context_is_taken_out", "a read takes the context away",
                                "store_task_context(context): the number of values read"),
      mutant<WritesAreTakenOut>("VAL-03", "writes_are_taken_out", "a read takes the writes away",
                                "put_writes(value): the number of values read"),
      mutant<ReadsAreMarked>("VAL-03", "reads_are_marked", "a read leaves a mark in the metadata",
                             "store_checkpoint(metadata): the value read, time 2"),
      mutant<HistoryGrowsWithReads>("VAL-03", "history_grows_with_reads",
                                    "a read adds to the conversation",
                                    "the number of values read to be 1; came 2"),
      mutant<NanIsNull>("VAL-04", "nan_is_null", "a NaN is stored as null", "came no error"),
      mutant<InfinityIsTheGreatest>("VAL-04", "infinity_is_the_greatest",
                                    "an infinity is stored as the greatest number",
                                    "came no error"),
      mutant<BadTextsAreRepaired>("VAL-04", "bad_texts_are_repaired",
                                  "strings that are no UTF-8 are repaired", "came no error"),
      mutant<BadNamesAreRepaired>("VAL-04", "bad_names_are_repaired",
                                  "names of members that are no UTF-8 are repaired",
                                  "came no error"),
      mutant<SurrogatesAreTaken>("VAL-04", "surrogates_are_taken",
                                 "an encoded surrogate is taken for UTF-8", "came no error"),
      mutant<BadRolesAreRepaired>("VAL-04", "bad_roles_are_repaired",
                                  "roles that are no UTF-8 are repaired", "came no error"),
      mutant<BadValuesAreForeignErrors>("VAL-04", "bad_values_are_foreign_errors",
                                        "the JSON library's own exception comes through",
                                        "not a StorageError: [json.exception"),
      mutant<BadMessageIsKept>("VAL-04", "bad_message_is_kept",
                               "a message whose content is no UTF-8 is refused, and stored without",
                               "add_conversation_message(content) after a refusal"),
      mutant<TextsAreNotMeasured>("VAL-02", "texts_are_not_measured",
                                  "data that are too large are stored as null if they come as text",
                                  "came no error"),
      mutant<TreesAreNotMeasured>("VAL-02", "trees_are_not_measured",
                                  "data that are too large are stored as null if they come as tree",
                                  "came no error"),
      mutant<DeepTextsAreTaken>("VAL-05", "deep_texts_are_taken",
                                "the depth of a context is limited for trees alone",
                                "store_task_context of depth 65 as text, if"),
      mutant<DeepTreesAreTaken>("VAL-05", "deep_trees_are_taken",
                                "the depth of metadata is limited for texts alone",
                                "add_conversation_message of depth 65 as text, if"),
      mutant<TextsAreStrings>("VAL-06", "texts_are_strings",
                              "data that come as text are stored as a string",
                              "store_checkpoint(data) put as text: the tree read"),
      mutant<TextsAreReadByAnotherParser>("VAL-06", "texts_are_read_by_another_parser",
                                          "an unsigned integer in a text becomes a double",
                                          "store_task_context(context) put as text: the tree read"),
      mutant<TreesNeedTheirText>("VAL-06", "trees_need_their_text",
                                 "metadata that come as a tree are lost",
                                 "add_conversation_message(metadata) put as a tree"),
      mutant<Depth63>("VAL-05", "depth_63", "a context of depth 64 is refused", "deeper than 63"),
      mutant<DeepDataIsNull>("VAL-05", "deep_data_is_null",
                             "data deeper than 64 are stored as null, by true",
                             "store_checkpoint of depth 65, which was taken"),
      mutant<DeepMetadataAreLost>("VAL-05", "deep_metadata_are_lost",
                                  "a message with metadata deeper than 512 is lost, by true",
                                  "add_conversation_message of depth 1000, which was taken"),
      mutant<DeepIsTooLarge>("VAL-05", "deep_is_too_large", "a value that is too deep is too_large",
                             "put_writes of depth 100000 to be taken, or refused"),
      mutant<DeepIsAForeignError>("VAL-05", "deep_is_a_foreign_error",
                                  "a value that is too deep is an error of the parser",
                                  "maximum recursion depth exceeded"),
      mutant<RefusedDepthIsKept>("VAL-05", "refused_depth_is_kept",
                                 "a checkpoint whose metadata are too deep is refused, and stored",
                                 "put_checkpoint(metadata) after a refusal"),
      mutant<IdsAreUrls>("KEY-01", "ids_are_urls", "an escape of URLs in an id is decoded",
                         "store_checkpoint(data)"),
      mutant<DeepDoublesAreFloats>("VAL-01", "deep_doubles_are_floats",
                                   "doubles that lie deep are kept as floats",
                                   "store_task_context(context): the value read"),
      mutant<TextsThatAreJsonAreParsed>("VAL-01", "texts_that_are_json_are_parsed",
                                        "a text that is a document comes back as the document",
                                        "store_task_context(context): the value read"),
      mutant<DatesAreShortened>("VAL-01", "dates_are_shortened",
                                "a text that looks like a time is written as one",
                                "store_task_context(context): the value read"),
      mutant<NumberedObjectsAreLists>("VAL-01", "numbered_objects_are_lists",
                                      "an object with the members 0, 1, ... comes back as a list",
                                      "store_task_context(context): the value read"),
      mutant<ListsEndAtAThousand>("VAL-01", "lists_end_at_a_thousand",
                                  "of a list a thousand items are kept",
                                  "store_task_context(context): the value read"),
      mutant<LimitIsInLetters>("VAL-02", "limit_is_in_letters",
                               "a content is measured in letters, not in bytes",
                               "\"too large\" from add_conversation_message"),
      mutant<FirstWriteIsMeasured>("VAL-02", "first_write_is_measured",
                                   "of the writes of a call only the first is measured",
                                   "\"too large\" from put_writes(\"second\""),
      mutant<FirstWriteIsFinite>("VAL-04", "first_write_is_finite",
                                 "of the writes of a call only the first is checked for NaN",
                                 "from put_writes(\"second\""),
      mutant<ListsAreTwentyDeep>("VAL-05", "lists_are_twenty_deep",
                                 "lists may not be as deep as objects", "lists in lists in lists"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of ids and values kill their mutants") {
  agentstore::test::expect_killed(value_mutants(), value_rules());
}

TEST_CASE("each rule of ids and values has mutants to kill") {
  agentstore::test::expect_two_for_each(value_mutants(), value_rules());
}

TEST_CASE("the rules of ids and values hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(value_rules());
}
