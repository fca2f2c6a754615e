// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_BACKEND_HPP
#define AGENTSTORE_DETAIL_POSTGRES_BACKEND_HPP

// The machinery of PostgresBackend; it is included by the header of the class.

#include <agentstore/backends/postgres.hpp>
#include <agentstore/detail/postgres/client.hpp>
#include <agentstore/detail/postgres/store_schema.hpp>
#include <agentstore/detail/postgres/tasks.hpp>

namespace agentstore {

/// What a backend object and its calls share.
class PostgresBackend::State {
public:
  State(boost::asio::any_io_executor executor, const PostgresOptions& options)
      : client_(std::move(executor), options, detail::postgres::store_schema()) {}

  static awaitable<bool> open(std::shared_ptr<State> state) {
    co_await detail::postgres::Client::open(&state->client_);
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<State> state) {
    co_await detail::postgres::Client::close(&state->client_);
  }

  static awaitable<Health> health(std::shared_ptr<State> state) {
    co_return co_await detail::postgres::Client::health(&state->client_);
  }

  /// One call. It owns its arguments and, by `state`, all it works on.
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> run(std::shared_ptr<State> state,
                                              Arguments... arguments) {
    using namespace detail::postgres;
    const Client& client = state->client_;
    const std::string key(calls::key(arguments...));
    client.require_open(Call::name, key);
    Call::check(client.options().limits, arguments...);
    const Surroundings around(client.options().clock, client.options().limits);
    const auto patience_ends = std::chrono::steady_clock::now() + client.options().acquire_timeout +
                               client.options().operation_timeout;
    Task<Call> task;
    for (bool is_done = false; !is_done;) {
      Request request = task.request(around, arguments...);
      if (request.steps.empty()) {
        break; // there is nothing to do
      }
      const Answer answer = co_await client.ask(std::move(request));
      is_done = Client::take(task, answer, Call::name, key);
      if (!is_done && std::chrono::steady_clock::now() > patience_ends) {
        throw StorageError(errc::unavailable, Call::name, key, "others were faster all the time");
      }
    }
    co_return task.result();
  }

private:
  detail::postgres::Client client_;
};

inline PostgresBackend::PostgresBackend(boost::asio::any_io_executor executor,
                                        PostgresOptions options)
    : state_(std::make_shared<State>(std::move(executor), options)) {}

template <class Call, class... Arguments>
awaitable<typename Call::Result> PostgresBackend::route(Arguments... arguments) const {
  return State::run<Call>(state_, std::move(arguments)...);
}

inline awaitable<bool> PostgresBackend::initialize() {
  return State::open(state_);
}

inline awaitable<void> PostgresBackend::close() {
  return State::close(state_);
}

inline awaitable<Health> PostgresBackend::health_check() {
  return State::health(state_);
}

} // namespace agentstore

#endif
