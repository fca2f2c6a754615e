// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of ITaskContextStorage. What each does wrong stands in the table at
// the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants {

/// Shows a context otherwise than it is.
class ChangesContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    return changed(ForwardingBackend::get_task_context(std::move(session_id)),
                   [this](std::optional<Document>& context) { change_context(context); });
  }

private:
  virtual void change_context(std::optional<Document>& context) const = 0;
};

/// Stores something made of the context that is there and the one that comes.
class CombinesContexts : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const std::optional<Document> before = co_await ForwardingBackend::get_task_context(session_id);
    if (before) {
      context = combined(*before, context);
    }
    co_return co_await ForwardingBackend::store_task_context(session_id, std::move(context));
  }

private:
  virtual json combined(const json& before, const json& context) const = 0;
};

// CTX-01

class NoContextIsNull : public ChangesContext {
public:
  using ChangesContext::ChangesContext;

private:
  void change_context(std::optional<Document>& context) const override {
    if (!context) {
      context.emplace(nullptr);
    }
  }
};

class NewSessionsHaveAContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    json context = json::object();
    co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    co_return created;
  }
};

class NoContextIsAnError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    std::optional<Document> context = co_await ForwardingBackend::get_task_context(session_id);
    if (!context) {
      throw StorageError(errc::unavailable, "get_task_context", session_id, "key not found");
    }
    co_return context;
  }
};

class ContextsInAnyCase : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    if (session_id == "S") {
      session_id = "s";
    }
    return ForwardingBackend::get_task_context(std::move(session_id));
  }
};

// CTX-02

class ContextsMerge : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json& before, const json& context) const override {
    json merged = before;
    if (before.is_object() && context.is_object()) {
      merged.update(context);
      return merged;
    }
    return context;
  }
};

class ContextsPatch : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json&, const json& context) const override {
    return context.is_object() ? without_null_members(context) : context;
  }
};

class ListsOfContextsGrow : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json& before, const json& context) const override {
    json all = before;
    if (before.is_array() && context.is_array()) {
      all.insert(all.end(), context.begin(), context.end());
      return all;
    }
    return context;
  }
};

class EmptyContextIsIgnored : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json& before, const json& context) const override {
    return context.empty() ? before : context;
  }
};

/// As `COALESCE(excluded.context, context)`.
class NullKeepsTheOldContext : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json& before, const json& context) const override {
    return context.is_null() ? before : context;
  }
};

class FirstContextStays : public CombinesContexts {
public:
  using CombinesContexts::CombinesContexts;

private:
  json combined(const json& before, const json&) const override { return before; }
};

// CTX-03

class NullContextIsNone : public ChangesContext {
public:
  using ChangesContext::ChangesContext;

private:
  void change_context(std::optional<Document>& context) const override {
    if (context && context->is_null()) {
      context.reset();
    }
  }
};

class FalseContextIsNone : public ChangesContext {
public:
  using ChangesContext::ChangesContext;

private:
  void change_context(std::optional<Document>& context) const override {
    if (context && (*context == false || *context == 0 || *context == json(""))) {
      context.reset();
    }
  }
};

class EmptyArrayIsAnObject : public ChangesContext {
public:
  using ChangesContext::ChangesContext;

private:
  void change_context(std::optional<Document>& context) const override {
    if (context && context->is_array() && context->empty()) {
      context = json::object();
    }
  }
};

class ContextIsAnObject : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    if (!context.is_object()) {
      return refused<bool>(errc::invalid_argument, "store_task_context", session_id,
                           "the context is not an object");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
};

// CTX-04

class ContextIsInMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<Document> context =
        co_await ForwardingBackend::get_task_context(session_id);
    std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    if (session && context) {
      session->metadata = with_member(session->metadata, "context", context->tree());
    }
    co_return session;
  }
};

class MetadataIsAContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    std::optional<Document> context = co_await ForwardingBackend::get_task_context(session_id);
    const std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    if (session && !context && session->metadata.contains("context")) {
      context = session->metadata.at("context");
    }
    co_return context;
  }
};

class UpdatesReachContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const json patch = update.metadata_patch().value_or(json::object());
    std::optional<Document> context = co_await ForwardingBackend::get_task_context(session_id);
    if (context && context->is_object()) {
      edit(*context, [&patch](json& value) { value.merge_patch(patch); });
      co_await ForwardingBackend::store_task_context(session_id, *context);
    }
    co_return co_await ForwardingBackend::update_session(session_id, std::move(update));
  }
};

class ContextReachesUser : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    const std::optional<Document> context =
        co_await ForwardingBackend::get_task_context(session_id);
    std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    if (session && context && context->is_object() && context->contains("user_id")) {
      session->user_id = context->at("user_id").get<std::string>();
    }
    co_return session;
  }
};

// CTX-05

class UnknownContextIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    const bool stored =
        co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    co_return stored || !session;
  }
};

class ContextCreatesSession : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    if (!session) {
      std::string user = "nobody";
      json metadata = json::object();
      co_await ForwardingBackend::create_session(session_id, std::move(user), std::move(metadata));
      co_return false;
    }
    co_return co_await ForwardingBackend::store_task_context(session_id, std::move(context));
  }
};

/// Keeps what was refused.
class KeepsRefusedContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const json copy = context;
    const bool stored =
        co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    if (!stored) {
      refused_.set(session_id, copy);
    }
    co_return stored;
  }

protected:
  std::optional<Document> refused_one(const std::string& session_id) const {
    return refused_.get(session_id);
  }

private:
  Kept<Document> refused_;
};

class EndedContextIsReplaced : public KeepsRefusedContext {
public:
  using KeepsRefusedContext::KeepsRefusedContext;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    std::optional<Document> context = co_await ForwardingBackend::get_task_context(session_id);
    const std::optional<Document> late = refused_one(session_id);
    if (context && late) {
      context = late;
    }
    co_return context;
  }
};

class ContextWaitsForSession : public KeepsRefusedContext {
public:
  using KeepsRefusedContext::KeepsRefusedContext;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingBackend::create_session(session_id, std::move(user_id),
                                                                 std::move(metadata));
    if (std::optional<Document> early = refused_one(session_id)) {
      co_await ForwardingBackend::store_task_context(session_id, *std::move(early));
    }
    co_return created;
  }
};

class EndedContextIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const std::optional<Session> session = co_await ForwardingBackend::get_session(session_id);
    const bool stored =
        co_await ForwardingBackend::store_task_context(session_id, std::move(context));
    co_return stored || session.has_value();
  }
};

} // namespace mutants

std::vector<Mutant> context_mutants() {
  using namespace mutants;
  return {
      mutant<NoContextIsNull>("CTX-01", "no_context_is_null",
                              "a context that was never stored is null",
                              "an unknown session's context to be nullopt; came null"),
      mutant<NewSessionsHaveAContext>("CTX-01", "new_sessions_have_a_context",
                                      "a new session has an empty object as its context",
                                      "a context that was never stored to be nullopt; came {}"),
      mutant<NoContextIsAnError>("CTX-01", "no_context_is_an_error",
                                 "a context that is not there is an error", "key not found"),
      mutant<ContextsInAnyCase>("CTX-01", "contexts_in_any_case",
                                "sessions that differ in case share a context",
                                "another session's context"),
      mutant<ContextsMerge>("CTX-02", "contexts_merge", "a context is merged into the old one",
                            "the context to be {\"b\":{\"d\":3}}"),
      mutant<ContextsPatch>("CTX-02", "contexts_patch", "null members of a new context are dropped",
                            "the context to be {\"a\":null}"),
      mutant<ListsOfContextsGrow>("CTX-02", "lists_of_contexts_grow",
                                  "an array is appended to the old one",
                                  "once an equal one was stored"),
      mutant<EmptyContextIsIgnored>("CTX-02", "empty_context_is_ignored",
                                    "an empty object replaces nothing", "the context to be {}"),
      mutant<NullKeepsTheOldContext>("CTX-02", "null_keeps_the_old_context",
                                     "a context of null replaces nothing",
                                     "the context to be null"),
      mutant<FirstContextStays>("CTX-02", "first_context_stays", "a context is stored once",
                                "the context to be {\"b\":{\"d\":3}}"),
      mutant<NullContextIsNone>("CTX-03", "null_context_is_none",
                                "a context of null is taken for none",
                                "the context to be null; came nullopt"),
      mutant<FalseContextIsNone>("CTX-03", "false_context_is_none",
                                 "a context that is false or 0 is taken for none",
                                 "the context to be false; came nullopt"),
      mutant<EmptyArrayIsAnObject>("CTX-03", "empty_array_is_an_object",
                                   "an empty array comes back as an empty object",
                                   "the context to be []; came {}"),
      mutant<ContextIsAnObject>("CTX-03", "context_is_an_object",
                                "only objects are taken for contexts",
                                "the context is not an object"),
      mutant<ContextIsInMetadata>("CTX-04", "context_is_in_metadata",
                                  "the context is a member of the metadata",
                                  "the metadata after a context was stored"),
      mutant<MetadataIsAContext>("CTX-04", "metadata_is_a_context",
                                 "a member of the metadata is taken for the context",
                                 "the context of a session with metadata"),
      mutant<UpdatesReachContext>("CTX-04", "updates_reach_context",
                                  "updates of the metadata are merged into the context",
                                  "the context after the metadata was updated"),
      mutant<ContextReachesUser>("CTX-04", "context_reaches_user",
                                 "a member of the context named user_id replaces the user",
                                 "the session after a context was stored"),
      mutant<UnknownContextIsTrue>("CTX-05", "unknown_context_is_true",
                                   "a context of an unknown session is lost, by true",
                                   "store_task_context of an unknown session"),
      mutant<ContextCreatesSession>("CTX-05", "context_creates_session",
                                    "a context of an unknown session creates it",
                                    "the unknown session to be nullopt"),
      mutant<ContextWaitsForSession>("CTX-05", "context_waits_for_session",
                                     "a refused context turns up once the session is created",
                                     "the context of a session just created"),
      mutant<EndedContextIsReplaced>("CTX-05", "ended_context_is_replaced",
                                     "a context of an ended session is refused, and stored",
                                     "the ended session's context"),
      mutant<EndedContextIsTrue>("CTX-05", "ended_context_is_true",
                                 "a context of an ended session is lost, by true",
                                 "store_task_context of an ended session"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of task contexts kill their mutants") {
  agentstore::test::expect_killed(context_mutants(), context_rules());
}

TEST_CASE("each rule of task contexts has mutants to kill") {
  agentstore::test::expect_two_for_each(context_mutants(), context_rules());
}

TEST_CASE("the rules of task contexts hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(context_rules());
}
