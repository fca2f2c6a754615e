// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CLIENT_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CLIENT_HPP

// What the backend and the archive have in common: a pool that is opened and closed, and coroutines
// that wait for its responses.

#include <agentstore/detail/postgres/pool.hpp>
#include <agentstore/detail/printable.hpp>
#include <agentstore/detail/process.hpp>

#include <algorithm>

namespace agentstore::detail::postgres {

/// Requires: the caller of each coroutine keeps the client alive until it ends. The frame of every
/// call of a backend or an archive shares the object that the client is part of.
class Client {
public:
  Client(boost::asio::any_io_executor executor, const PostgresOptions& options,
         const Schema& schema)
      : options_(options), version_(schema.version()), probe_(schema.health_query(), {}),
        pool_(std::in_place, std::make_shared<Pool>(std::move(executor), options, schema)) {}

  const PostgresOptions& options() const { return options_; }
  bool is_open() const { return pool_.is_here() && is_open_; }

  void require_open(const char* operation, const std::string& key) const {
    pool_.require_here(operation, key);
    if (!is_open_) {
      throw StorageError(errc::closed, operation, key, "the backend is not open");
    }
  }

  static awaitable<void> open(Client* client) {
    client->pool_.require_here("initialize", "");
    if (client->is_open_) {
      co_return;
    }
    const Response response = co_await client->start(&Pool::open, Request());
    require_success(response, "initialize", "");
    client->is_open_ = true;
  }

  static awaitable<void> close(Client* client) {
    client->pool_.require_here("close", "");
    client->is_open_ = false;
    const Response response = co_await client->start(&Pool::close, Request());
    require_success(response, "close", "");
  }

  static awaitable<Health> health(Client* client) {
    Health health;
    health.backend = "postgres";
    health.details["space"] = printable(client->options_.space);
    health.details["pool_size"] = client->options_.pool_size;
    if (!client->is_open()) {
      health.issues.emplace_back(client->pool_.is_here() ? "the backend is not open"
                                                         : not_of_this_process);
      co_return health;
    }
    Request request;
    request.writes = false;
    request.add(client->probe_, Parameters());
    const Response response = co_await client->ask(std::move(request));
    health.details["open_connections"] = (*client->pool_)->open_connections();
    health.details["server_version"] = (*client->pool_)->server_version();
    if (!response.failure) {
      add_issues(health, response.rows.at(0), client->version_);
    } else if (response.failure->is_cancellation) {
      health.issues.emplace_back("the check was cancelled");
    } else {
      health.issues.push_back(response.failure->reason);
    }
    co_return health;
  }

  /// Sends a request and waits for its response, a failure or not.
  awaitable<Response> ask(Request request) const {
    return start(&Pool::submit, std::move(request));
  }

  /// Throws what the caller of `operation` gets for a failure.
  static void require_success(const Response& response, const char* operation,
                              const std::string& key) {
    if (response.failure) {
      fail(*response.failure, operation, key);
    }
  }

  /// Hands a response to the statements of a method. Throws what the method's caller gets.
  template <class Statements>
  static bool take(Statements& statements, const Response& response, const char* operation,
                   const std::string& key) {
    require_success(response, operation, key);
    try {
      return statements.take(response);
    } catch (const Failure& failure) {
      fail(failure, operation, key);
    } catch (const Corrupted& damage) {
      throw StorageError(errc::corrupted, operation, key, damage.what());
    }
  }

private:
  /// Adds the faults that calls would meet.
  static void add_issues(Health& health, const Rows& rows, std::size_t version) {
    if (rows.bytes(0, 0) != "off") {
      health.issues.emplace_back("the server is read-only");
    }
    if (rows.is_null(0, 1) || rows.integer(0, 1) != static_cast<std::int64_t>(version)) {
      health.issues.emplace_back("the tables do not have the version that is known here");
    }
    if (health.issues.empty()) {
      health.status = Health::Status::healthy;
    }
    if (!rows.is_null(0, 2)) { // which some calls need and others do not
      health.issues.emplace_back("the role lacks " + std::string(rows.bytes(0, 2)));
      health.status = std::max(health.status, Health::Status::degraded);
    }
  }

  [[noreturn]] static void fail(const Failure& failure, const char* operation,
                                const std::string& key) {
    if (failure.is_cancellation) {
      throw boost::system::system_error(boost::asio::error::operation_aborted, operation);
    }
    throw StorageError(failure.code, operation, key, failure.reason, failure.cause);
  }

  awaitable<Response> start(StartRequest<Pool, PendingRequest>::Member member,
                            Request request) const {
    return detail::ask(*pool_, member, std::move(request));
  }

  const PostgresOptions options_;
  const std::size_t version_;
  const Statement probe_;
  const OfThisProcess<std::shared_ptr<Pool>> pool_; // in a child, no connection is ended
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::postgres

#endif
