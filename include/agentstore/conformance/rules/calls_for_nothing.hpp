// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CALLS_FOR_NOTHING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CALLS_FOR_NOTHING_HPP

/// \file
/// SES-14: calls that change nothing.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/pages.hpp>

namespace agentstore::conformance::detail {

/// Calls that have nothing to do, or are refused, an hour later: whatever is read of the session
/// and of what belongs to it stays as it is.
class CallsForNothing {
public:
  CallsForNothing(RuleContext& ctx, Client client, std::string id, bool has_ended);

  void make_all();

private:
  /// The outcome of the call is the business of other rules; here it must not be true.
  template <class Call>
  void make(const std::string& what, const Call& call) {
    ctx_.allow_error([&] {
      ctx_.expect(!call(),
                  what + (has_ended_ ? " of a session that has ended" : "") +
                      " to change nothing, or to throw",
                  "it says that it has changed something");
    });
    ctx_.expect_same(ctx_.must(client_.get_session(id_), "the session"), session_,
                     "the session after " + what +
                         ", a call that was refused or which had nothing to do,");
  }
  void write_in_vain();
  void look_in_vain();

  RuleContext& ctx_;
  Client client_;
  std::string id_;
  bool has_ended_;
  Session session_;
  std::vector<std::string> answers_;
};

inline CallsForNothing::CallsForNothing(RuleContext& ctx, Client client, std::string id,
                                        bool has_ended)
    : ctx_(ctx), client_(std::move(client)), id_(std::move(id)), has_ended_(has_ended) {
  fill_for_reads(ctx_, client_, id_);
  client_.update_session(id_, SessionUpdate().updates(object("a", 1)).increment_requests());
  if (has_ended_) {
    client_.end_session(id_, "done");
  }
  session_ = ctx_.must(client_.get_session(id_), "the session");
  set_clock_if_any(ctx_, session_.last_activity + std::chrono::hours(1));
  answers_ = all_answers(ctx_, client_, id_);
}

inline void CallsForNothing::make_all() {
  write_in_vain();
  look_in_vain();
  expect_same_answers(ctx_, client_, id_, answers_,
                      std::string("after calls that had nothing to do with a session") +
                          (has_ended_ ? " that has ended," : ","));
}

inline void CallsForNothing::write_in_vain() {
  using namespace std::chrono_literals;
  const auto update = [&](const std::string& what, const SessionUpdate& changes) {
    make("an update " + what, [&] { return client_.update_session(id_, changes); });
  };
  const auto create = [&](const std::string& user, const Document& metadata) {
    make("a create by " + show(user), [&] {
      client_.create_session(id_, user, metadata);
      return true;
    });
  };
  create(session_.user_id, session_.metadata);
  create(session_.user_id, json::object());
  create("another user", object("b", 2));
  create(session_.user_id, json::array());
  update("that is no object", SessionUpdate().updates(json::array()).increment_requests());
  update("of a negative duration", SessionUpdate().mark_error().add_processing_time(-1us));
  update("of invalid UTF-8", SessionUpdate().mark_error().updates(object("x", "\xff")));
  const auto context = [&](const std::string& what, const Document& value) {
    if (ctx_.offers(Interfaces::contexts)) {
      make(what, [&] { return client_.store_task_context(id_, value); });
    }
  };
  const auto append = [&](const std::string& what, const std::string& role,
                          const std::string& content, const Document& metadata) {
    if (ctx_.offers(Interfaces::conversations)) {
      make(what, [&] { return client_.add_message(id_, role, content, metadata); });
    }
  };
  append("an append without a role", "", "x", json::object());
  append("an append of invalid UTF-8", "user", "\xff", json::object());
  append("an append with a list as metadata", "user", "x", json::array());
  context("a context of invalid UTF-8", "\xff");
  if (const auto limit = ctx_.harness().claims().max_value_bytes()) {
    const std::string large = letters(*limit + 1);
    update("that is too large", SessionUpdate().mark_error().updates(object("a", large)));
    append("an append that is too large", "user", large, json::object());
    context("a context that is too large", large);
  }
  for (const std::string& status : {std::string(), std::string("active")}) {
    make("an end as " + show(status), [&] { return client_.end_session(id_, status); });
  }
  if (!has_ended_) {
    return;
  }
  update("of nothing", SessionUpdate());
  update("by an empty patch", SessionUpdate().updates(json::object()));
  update("by what is there", SessionUpdate().updates(object("a", 1)));
  update("that removes what is not there", SessionUpdate().updates(object("b", nullptr)));
  update("by no time", SessionUpdate().add_processing_time(0us));
  update("of everything",
         SessionUpdate().increment_requests().mark_error().updates(object("a", 2)));
  append("an append", "user", "late", json::object());
  append("an append of what is there", "user", "hello", json::object());
  context("a context", "late");
  context("the context that is there", object("step", 1));
  make("a second end", [&] { return client_.end_session(id_, "again"); });
  make("the same end", [&] { return client_.end_session(id_, "done"); });
}

inline void CallsForNothing::look_in_vain() {
  using namespace std::chrono_literals;
  const std::string nobody = "not " + id_;
  make("an update of another", [&] { return client_.update_session(nobody, SessionUpdate()); });
  make("the end of another", [&] { return client_.end_session(nobody); });
  if (ctx_.offers(Interfaces::conversations)) {
    make("an append to another", [&] { return client_.add_message(nobody, "user", "x"); });
    make("a history of limit 0", [&] { return !client_.history(id_, 0).empty(); });
  }
  if (ctx_.offers(Interfaces::contexts)) {
    make("a context of another", [&] { return client_.store_task_context(nobody, 1); });
  }
  if (ctx_.offers(Interfaces::session_directory)) {
    make("the deletion of another", [&] { return client_.delete_session(nobody); });
    make("a list of no user", [&] { return !client_.list_sessions(nobody).sessions.empty(); });
    make("a page of 0", [&] { return !client_.list_sessions("user", Page(0)).sessions.empty(); });
  }
  if (ctx_.offers(Interfaces::thread_directory)) {
    make("the deletion of another thread", [&] { return client_.delete_thread(nobody); });
    make("a copy of another thread", [&] { return client_.copy_thread(nobody, id_ + " too"); });
    make("a copy to a thread that is there", [&] { return client_.copy_thread(id_, id_); });
    make("a pruning of nothing", [&] { return client_.prune_thread(id_, 100) != 0; });
  }
  if (ctx_.offers(Interfaces::backend)) {
    make("a clean-up of nothing", [&] { return client_.cleanup(24h) != 0; });
    make("a clean-up that is refused", [&] { return client_.cleanup(-1us) != 0; });
    client_.initialize();
    client_.health_check();
  }
}

} // namespace agentstore::conformance::detail

#endif
