// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_METHODS_ALL_READS_HPP
#define AGENTSTORE_CONFORMANCE_METHODS_ALL_READS_HPP

/// \file
/// Every read of a key by every method, as text: what must be the same on two handles, after a
/// reopen, or once time has gone by.

#include <agentstore/conformance/check/rule_context.hpp>
#include <agentstore/conformance/methods/call_text.hpp>
#include <agentstore/conformance/methods/method.hpp>

#include <functional>

namespace agentstore::conformance::detail {

/// An answer as text, without what two handles may say differently.
inline std::string shown_answer(Answer answer) {
  return std::visit(
      [](auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return "nothing";
        } else if constexpr (std::is_same_v<T, Metrics>) {
          value.details = json::object();
          return show(value);
        } else if constexpr (std::is_same_v<T, SessionPage>) {
          return show(value.sessions) + (value.next.empty() ? "" : ", and more");
        } else if constexpr (std::is_same_v<T, ThreadPage>) {
          return show(value.thread_ids) + (value.next.empty() ? "" : ", and more");
        } else {
          return show(value);
        }
      },
      answer);
}

/// The reads of a key by each method that reads, with each of these ids where one is taken besides.
/// Sessions are listed of these users.
inline std::vector<Operation> reads_about(unsigned interfaces, const std::string& key,
                                          const std::vector<std::string>& users,
                                          const std::vector<std::string>& checkpoint_ids) {
  std::vector<Operation> result;
  for (const Method& method : methods()) {
    if (method.kind != MethodKind::reads || !method.is_offered(interfaces)) {
      continue;
    }
    Operation call = method.prepared(key);
    if (method.has(Parameter::listed_user_id)) {
      for (const std::string& user : users) {
        call.key = user;
        result.push_back(call);
      }
      continue;
    }
    if (method.has(Parameter::optional_checkpoint_id)) {
      call.checkpoint_id.reset();
      result.push_back(call);
    }
    if (method.has(Parameter::checkpoint_id) || method.has(Parameter::optional_checkpoint_id)) {
      for (const std::string& id : checkpoint_ids) {
        call.checkpoint_id = id;
        result.push_back(call);
      }
      continue;
    }
    result.push_back(call);
  }
  return result;
}

/// Makes a call that keeps its answer where whoever waits for it can look.
inline awaitable<bool> keep_answer(awaitable<Answer> call,
                                   std::shared_ptr<std::optional<Answer>> into) {
  *into = co_await std::move(call);
  co_return true;
}

/// What every read of the store answers about a key that `tagged_writes` or a rule has filled, as
/// text. `around(true)` is called before each read and `around(false)` behind it; where there is
/// one, the text of a read that threw a StorageError is empty.
inline std::vector<std::string> all_answers(RuleContext& ctx, Client& client,
                                            const std::string& key,
                                            const std::function<void(bool)>& around = nullptr) {
  std::vector<std::string> answers;
  for (const Operation& call :
       reads_about(ctx.harness().interfaces(), key, {"user", "user-000000000001", "owner"},
                   {"c-000000000001", "c-000000000002", "one", "checkpoint", "late"})) {
    const auto answer = std::make_shared<std::optional<Answer>>();
    if (around) {
      around(true);
    }
    try {
      client.call(show(call),
                  keep_answer(method_of(call.kind).call(client.handle(), call), answer));
    } catch (const StorageError&) {
      if (!around) {
        throw;
      }
    }
    if (around) {
      around(false);
    }
    answers.push_back(*answer ? show(call) + " = " + shown_answer(**answer) : "");
  }
  return answers;
}

/// Expects the same answers as before.
inline void expect_same_answers(RuleContext& ctx, Client& client, const std::string& key,
                                const std::vector<std::string>& before, const std::string& when) {
  const std::vector<std::string> now = all_answers(ctx, client, key);
  for (std::size_t i = 0; i < before.size(); ++i) {
    ctx.expect(now[i] == before[i], when + " " + before[i], now[i]);
  }
}

} // namespace agentstore::conformance::detail

#endif
