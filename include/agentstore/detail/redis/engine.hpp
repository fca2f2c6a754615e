// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_ENGINE_HPP
#define AGENTSTORE_DETAIL_REDIS_ENGINE_HPP

// The engine of RedisBackend: one method is one request, or a few, to the router.

#include <agentstore/backends/redis.hpp>
#include <agentstore/detail/engine_backend_members.hpp>
#include <agentstore/detail/printable.hpp>
#include <agentstore/detail/process.hpp>
#include <agentstore/detail/redis/health.hpp>
#include <agentstore/detail/redis/router.hpp>
#include <agentstore/detail/redis/scripts/checkpoints.hpp>
#include <agentstore/detail/redis/scripts/conversations.hpp>
#include <agentstore/detail/redis/scripts/directories.hpp>
#include <agentstore/detail/redis/scripts/removal.hpp>
#include <agentstore/detail/redis/scripts/sessions.hpp>
#include <agentstore/detail/redis/scripts/task_contexts.hpp>

#include <atomic>

namespace agentstore::detail::redis {

class Engine {
public:
  Engine(boost::asio::any_io_executor executor, const RedisOptions& options)
      : options_(options), setup_(options_),
        router_(std::in_place, std::make_shared<Router>(std::move(executor), options_, setup_.keys,
                                                        setup_.fault, setup_.terms(options_))) {}

  static awaitable<bool> open(std::shared_ptr<Engine> engine) {
    engine->router_.require_here("initialize", "");
    if (engine->is_open_) {
      co_return true;
    }
    const Response response = co_await ask(*engine->router_, &Router::open, Request());
    require_success(response, "initialize", "");
    engine->is_open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Engine> engine) {
    engine->router_.require_here("close", "");
    engine->is_open_ = false;
    const Response response = co_await ask(*engine->router_, &Router::close, Request());
    require_success(response, "close", "");
  }

  static awaitable<Health> health(std::shared_ptr<Engine> engine) {
    Health health;
    health.backend = "redis";
    health.details["space"] = printable(engine->options_.space);
    health.details["buckets"] = engine->options_.buckets;
    if (!engine->router_.is_here() || !engine->is_open_) {
      health.issues.emplace_back(engine->router_.is_here() ? "the backend is not open"
                                                           : not_of_this_process);
      co_return health;
    }
    auto request = health_request(*engine->setup_.keys);
    const Response response =
        co_await ask(*engine->router_, &Router::submit_with_all, std::move(request));
    describe(health, response, *engine->setup_.keys, engine->options_.wait_replicas);
    co_return health;
  }

  /// One call. Its frame owns the arguments and shares the engine, so that neither the caller nor
  /// the backend object has to live until its end.
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> call(std::shared_ptr<Engine> engine,
                                               Arguments... arguments) {
    const RedisOptions& options = engine->options_;
    const std::string key(calls::key(arguments...));
    engine->router_.require_here(Call::name, key);
    if (!engine->is_open_) {
      throw StorageError(errc::closed, Call::name, key, "the backend is not open");
    }
    Call::check(options.limits, arguments...);
    const ScriptContext context(options.clock, options.limits, *engine->setup_.keys);
    const auto give_up_at =
        deadline_after(deadline_after(std::chrono::steady_clock::now(), options.acquire_timeout),
                       options.operation_timeout);
    Scripts<Call> scripts;
    for (bool is_done = false; !is_done;) {
      Request request = scripts.request(context, arguments...);
      if (request.commands.empty()) {
        break; // the arguments ask for nothing
      }
      const Response response = co_await ask(*engine->router_, &Router::submit, std::move(request));
      require_success(response, Call::name, key);
      is_done = take(scripts, response, Call::name, key);
      if (is_contended<Call> && !is_done && std::chrono::steady_clock::now() > give_up_at) {
        const Failure late = Failure::late("others were faster all the time");
        throw StorageError(late.code, Call::name, key, late.reason, late.cause);
      }
    }
    co_return scripts.result();
  }

private:
  /// The result of the options. A constructor cannot report a fault in the options, so `open`
  /// reports it.
  class Setup {
  public:
    static constexpr std::size_t most_replicas =
        1'000; // the server's own number is smaller than ours

    explicit Setup(const RedisOptions& options) {
      try {
        uri = Uri::parse(options.uri);
        if (uri.is_tls) {
          tls = make_tls_context(options.ca_file);
        }
      } catch (const std::invalid_argument& refusal) {
        fault = Failure(errc::invalid_argument, refusal.what());
      }
      const bool has_buckets = options.buckets >= 1 && options.buckets <= max_buckets;
      if (!has_buckets) {
        fault = Failure(errc::invalid_argument, "the number of buckets is not from 1 to 1024");
      }
      if (options.wait_replicas > most_replicas) {
        fault = Failure(errc::invalid_argument, "wait_replicas is above 1000");
      }
      if (std::min({options.connect_timeout, options.acquire_timeout, options.operation_timeout}) <=
          std::chrono::milliseconds(0)) {
        fault = Failure(errc::invalid_argument, "a time-out is not above 0");
      }
      keys = std::make_shared<const Keys>(options.prefix, options.space,
                                          has_buckets ? options.buckets : 1);
    }

    Terms terms(const RedisOptions& options) const {
      return Terms(uri, tls, options.connect_timeout, options.operation_timeout);
    }

    Uri uri;
    TlsContext tls;
    std::optional<Failure> fault;
    std::shared_ptr<const Keys> keys;
  };

  /// Whether a call is made again because others were faster, and not because there is more to do.
  template <class Call>
  static constexpr bool is_contended = std::is_same_v<Call, calls::UpdateSession>;

  /// Throws what the caller of `operation` gets for a failure.
  static void require_success(const Response& response, const char* operation,
                              const std::string& key) {
    if (!response.failure) {
      return;
    }
    const Failure& failure = *response.failure;
    if (failure.is_cancellation) {
      throw boost::system::system_error(boost::asio::error::operation_aborted, operation);
    }
    throw StorageError(failure.code, operation, key, failure.reason, failure.cause);
  }

  template <class Scripts>
  static bool take(Scripts& scripts, const Response& response, const char* operation,
                   const std::string& key) {
    try {
      return scripts.take(response);
    } catch (const Corrupted& damage) {
      throw StorageError(errc::corrupted, operation, key, damage.what());
    }
  }

  const RedisOptions options_;
  const Setup setup_;
  const OfThisProcess<std::shared_ptr<Router>> router_; // in a child, no connection is ended
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::redis

#endif
