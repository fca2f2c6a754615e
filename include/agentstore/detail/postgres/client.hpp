// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CLIENT_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CLIENT_HPP

// What the backend and the archive have in common: a pool with a life cycle, asked by coroutines.

#include <agentstore/detail/postgres/pool.hpp>

namespace agentstore::detail::postgres {

/// Part of what an object shares with its calls, whose frames keep it alive.
class Client {
public:
  Client(boost::asio::any_io_executor executor, const PostgresOptions& options,
         const Schema& schema)
      : options_(options), pool_(std::make_shared<Pool>(std::move(executor), options, schema)) {}

  const PostgresOptions& options() const { return options_; }
  bool is_open() const { return is_open_; }

  void require_open(const char* operation, const std::string& key) const {
    if (!is_open_) {
      throw StorageError(errc::closed, operation, key, "the backend is not open");
    }
  }

  static awaitable<void> open(Client* client) {
    if (client->is_open_) {
      co_return;
    }
    const Answer answer = co_await client->start(&Pool::open, Request());
    require_success(answer, "initialize", "");
    client->is_open_ = true;
  }

  static awaitable<void> close(Client* client) {
    client->is_open_ = false;
    const Answer answer = co_await client->start(&Pool::close, Request());
    require_success(answer, "close", "");
  }

  static awaitable<Health> health(Client* client) {
    static const Statement probe("SELECT 1", {});
    Health health;
    health.backend = "postgres";
    health.details["space"] = client->options_.space;
    health.details["pool_size"] = client->options_.pool_size;
    if (!client->is_open_) {
      health.issues.emplace_back("the backend is not open");
      co_return health;
    }
    Request request;
    request.writes = false;
    request.add(probe, Parameters());
    const Answer answer = co_await client->ask(std::move(request));
    health.details["open_connections"] = client->pool_->open_connections();
    health.details["server_version"] = client->pool_->server_version();
    if (!answer.failure) {
      health.status = Health::Status::healthy;
    } else if (answer.failure->is_cancellation) {
      health.issues.emplace_back("the check was cancelled");
    } else {
      health.issues.push_back(answer.failure->reason);
    }
    co_return health;
  }

  /// Sends a request and waits for its answer, a failure or not.
  awaitable<Answer> ask(Request request) const { return start(&Pool::submit, std::move(request)); }

  /// Throws what a failure means to the caller of `operation`.
  static void require_success(const Answer& answer, const char* operation, const std::string& key) {
    if (answer.failure) {
      fail(*answer.failure, operation, key);
    }
  }

  /// Hands a task its answer.
  template <class Task>
  static bool take(Task& task, const Answer& answer, const char* operation,
                   const std::string& key) {
    require_success(answer, operation, key);
    try {
      return task.take(answer);
    } catch (const Failure& failure) {
      fail(failure, operation, key);
    } catch (const Corrupted& damage) {
      throw StorageError(errc::corrupted, operation, key, damage.what());
    }
  }

private:
  [[noreturn]] static void fail(const Failure& failure, const char* operation,
                                const std::string& key) {
    if (failure.is_cancellation) {
      throw boost::system::system_error(boost::asio::error::operation_aborted, operation);
    }
    throw StorageError(failure.code, operation, key, failure.reason);
  }

  awaitable<Answer> start(Start<Pool>::Member member, Request request) const {
    return wait(pool_, member, std::move(request));
  }

  static awaitable<Answer> wait(std::shared_ptr<Pool> pool, Start<Pool>::Member member,
                                Request request) {
    Answer answer;
    Request* const request_here = &request;
    Answer* const answer_here = &answer;
    auto operation = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        Start<Pool>(), boost::asio::use_awaitable, pool, member, request_here, answer_here);
    co_await std::move(operation);
    co_return answer;
  }

  const PostgresOptions options_;
  const std::shared_ptr<Pool> pool_;
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::postgres

#endif
