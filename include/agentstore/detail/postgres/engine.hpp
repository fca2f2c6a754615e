// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_ENGINE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_ENGINE_HPP

// The engine of PostgresBackend: one method is one request, or two, to the pool of a Client.

#include <agentstore/backends/postgres.hpp>
#include <agentstore/detail/engine_backend_members.hpp>
#include <agentstore/detail/postgres/client.hpp>
#include <agentstore/detail/postgres/statements/checkpoints.hpp>
#include <agentstore/detail/postgres/statements/conversations.hpp>
#include <agentstore/detail/postgres/statements/directories.hpp>
#include <agentstore/detail/postgres/statements/maintenance.hpp>
#include <agentstore/detail/postgres/statements/sessions.hpp>
#include <agentstore/detail/postgres/statements/task_contexts.hpp>
#include <agentstore/detail/postgres/store_schema.hpp>

namespace agentstore::detail::postgres {

class Engine {
public:
  Engine(boost::asio::any_io_executor executor, const PostgresOptions& options)
      : client_(std::move(executor), options, store_schema()) {}

  static awaitable<bool> open(std::shared_ptr<Engine> engine) {
    co_await Client::open(&engine->client_);
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Engine> engine) {
    co_await Client::close(&engine->client_);
  }

  static awaitable<Health> health(std::shared_ptr<Engine> engine) {
    co_return co_await Client::health(&engine->client_);
  }

  /// One call. Its frame owns the arguments and shares the engine, so that neither the caller nor
  /// the backend object has to live until its end.
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> call(std::shared_ptr<Engine> engine,
                                               Arguments... arguments) {
    const Client& client = engine->client_;
    const std::string key(calls::key(arguments...));
    client.require_open(Call::name, key);
    Call::check(client.options().limits, arguments...);
    const StatementContext context(client.options().clock, client.options().limits);
    const auto give_up_at = deadline_after(
        deadline_after(std::chrono::steady_clock::now(), client.options().acquire_timeout),
        client.options().operation_timeout);
    Statements<Call> statements;
    for (bool is_done = false; !is_done;) {
      Request request = statements.request(context, arguments...);
      if (request.steps.empty()) {
        break; // the arguments ask for nothing
      }
      const Response response = co_await client.ask(std::move(request));
      if (asks_for_less(statements, response)) {
        continue;
      }
      is_done = Client::take(statements, response, Call::name, key);
      if (is_contended<Call> && !is_done && std::chrono::steady_clock::now() > give_up_at) {
        const Failure late = Failure::late("others were faster all the time");
        throw StorageError(late.code, Call::name, key, late.reason, late.cause);
      }
    }
    co_return statements.result();
  }

private:
  /// Whether the server stopped a request, and the statements have a smaller one to try.
  template <class Statements>
  static bool asks_for_less(Statements& statements, const Response& response) {
    if constexpr (requires { statements.ask_for_less(); }) {
      return response.failure && response.failure->is_interruption &&
             !response.failure->is_cancellation && statements.ask_for_less();
    } else {
      return false;
    }
  }

  /// Whether a call is made again because others were faster, and not because there is more to do.
  template <class Call>
  static constexpr bool is_contended = std::is_same_v<Call, calls::UpdateSession>;

  Client client_;
};

} // namespace agentstore::detail::postgres

#endif
