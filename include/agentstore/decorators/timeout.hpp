// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DECORATORS_TIMEOUT_HPP
#define AGENTSTORE_DECORATORS_TIMEOUT_HPP

/// \file
/// A deadline for every call on a store.

#include <agentstore/detail/call_in_time.hpp>
#include <agentstore/detail/decorated_store.hpp>

#include <chrono>
#include <memory>

namespace agentstore {

/// A store of class `Inner` whose calls are cancelled when they have taken too long.
///
///     TimeoutBackend store(std::make_shared<SqliteBackend>("agents.db"), std::chrono::seconds(2));
///
/// A TimeoutBackend is an IStorageBackend and an ICheckpointerBackend, and has the directories that
/// `Inner` has. A DualWrite goes around a TimeoutBackend, not into it. All rules that hold for the
/// inner store hold.
///
/// \par Errors
/// Those of the inner store. A call whose time is up throws `unavailable`, with the method, the key
/// and the cause `timed_out`; `health_check` answers `unhealthy`. A write that timed out was
/// applied whole or not at all, and is not applied afterwards, as far as the inner store promises
/// this for a cancelled call (CAN-02); PostgresBackend and RedisBackend do not if the server hangs.
/// A clean-up that timed out may have removed some sessions. The call ends when the inner call has
/// ended. So a deadline is kept as well as the store heeds a cancellation, and a
/// call that was done in spite of the cancellation gives its result.
///
/// \par The limit
/// The limit is the time of a call, `initialize`, `close` and `health_check` included, from when it
/// is awaited. A limit that the clock cannot express never ends. With a limit that is not above 0,
/// `initialize` throws `invalid_argument`.
///
/// \par Threads, executor
/// As the inner store. The inner calls are made on a strand of the awaiting coroutine's executor.
///
/// \par Lifetime
/// The object shares ownership of the inner store, and so do its calls. A call may outlive the
/// object if a call on the inner store may outlive the inner store.
///
/// \par Cancellation
/// That of the inner store.
///
/// \par Cost
/// A timer, a strand and four coroutine frames a call.
template <class Inner>
class TimeoutBackend : public RoutedBackend<TimeoutBackend<Inner>>,
                       public detail::SessionDirectoryLike<TimeoutBackend<Inner>, Inner>,
                       public detail::ThreadDirectoryLike<TimeoutBackend<Inner>, Inner> {
  static_assert(detail::WholeStore<Inner>,
                "a TimeoutBackend is over an IStorageBackend and ICheckpointerBackend");

public:
  /// \param inner must not be null.
  TimeoutBackend(std::shared_ptr<Inner> inner, std::chrono::milliseconds limit)
      : inner_(std::move(inner)), limit_(limit) {}

  // IStorageBackend; the other methods are RoutedBackend's
  awaitable<bool> initialize() override {
    return open(limit_, in_time("initialize", "", inner_->initialize()));
  }
  awaitable<void> close() override { return in_time("close", "", inner_->close()); }
  awaitable<Health> health_check() override {
    return health(in_time("health_check", "", inner_->health_check()));
  }

private:
  template <class>
  friend class RoutedBackend;
  template <class>
  friend class RoutedSessionDirectory;
  template <class>
  friend class RoutedThreadDirectory;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    std::string key(calls::key(arguments...));
    return in_time(Call::name, std::move(key),
                   detail::call_on<Call>(*inner_, std::move(arguments)...));
  }

  template <class Result>
  awaitable<Result> in_time(const char* operation, std::string key, awaitable<Result> call) const {
    return detail::call_in_time(inner_, limit_, operation, std::move(key), std::move(call));
  }

  static awaitable<bool> open(std::chrono::milliseconds limit, awaitable<bool> call) {
    if (limit <= std::chrono::milliseconds(0)) {
      throw StorageError(errc::invalid_argument, "initialize", "", "the limit is not above 0");
    }
    co_return co_await std::move(call);
  }

  static awaitable<Health> health(awaitable<Health> call) {
    Health health;
    try {
      health = co_await std::move(call);
    } catch (const StorageError& error) {
      health.issues.emplace_back(error.what());
    }
    co_return health;
  }

  std::shared_ptr<Inner> inner_;
  std::chrono::milliseconds limit_;
};

} // namespace agentstore

#endif
