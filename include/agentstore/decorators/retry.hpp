// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DECORATORS_RETRY_HPP
#define AGENTSTORE_DECORATORS_RETRY_HPP

/// \file
/// Calls on a store that are made again if that is safe.

#include <agentstore/detail/decorated_store.hpp>
#include <agentstore/detail/repeated_call.hpp>

#include <memory>

namespace agentstore {

/// The options of a RetryBackend; the defaults suit most programs.
class RetryOptions {
public:
  RetryOptions() = default;

  /// How often a call is made at most. 0 means one.
  std::size_t max_attempts = 5;
  /// The pauses between attempts. Each is twice the one before, up to the longest. Less than 0
  /// means 0.
  std::chrono::milliseconds first_pause{50};
  std::chrono::milliseconds longest_pause{2'000};
};

/// A store of class `Inner` whose calls are made again when they failed for a cause that may pass
/// by itself (`is_transient`).
///
///     RetryBackend store(std::make_shared<PostgresBackend>(executor, options));
///
/// A RetryBackend is an IStorageBackend and an ICheckpointerBackend, and has the directories that
/// `Inner` has. A TimeoutBackend inside of a RetryBackend limits each attempt; a TimeoutBackend
/// around it limits all attempts together.
///
/// \par What is made again
/// A call that failed may have been applied. So only calls with the same effect when they are
/// applied twice are made again:
/// - all reads, and `initialize`;
/// - `store_checkpoint`, `put_checkpoint`, `put_writes` and `store_task_context`;
/// - `update_session` with nothing but a patch of the metadata.
///
/// An append, an increment, or a call whose answer says what it has changed is never made again:
/// `create_session`, `end_session`, `add_conversation_message`, `cleanup_expired_sessions`, and the
/// calls that delete, copy and prune. `close` and `health_check` are made once.
///
/// A write that is made again replaces a write of another caller that came in between. Callers that
/// share a key and cannot accept this must repeat their calls themselves.
///
/// \par Errors
/// Those of the inner store; after several attempts, that of the last one.
///
/// \par Threads, executor
/// As the inner store. A pause holds up nobody.
///
/// \par Lifetime
/// The object shares ownership of the inner store, and so do its calls. A call may outlive the
/// object if a call on the inner store may outlive the inner store.
///
/// \par Cancellation
/// That of the inner store. A pause ends at once by Asio's exception, and no call is made again. If
/// the attempt before had failed, whether it was applied is unknown, as after any failure.
///
/// \par Cost
/// One coroutine frame a call, and a copy of the arguments if the call may be repeated.
template <class Inner>
class RetryBackend : public RoutedBackend<RetryBackend<Inner>>,
                     public detail::SessionDirectoryLike<RetryBackend<Inner>, Inner>,
                     public detail::ThreadDirectoryLike<RetryBackend<Inner>, Inner> {
  static_assert(detail::WholeStore<Inner>,
                "a RetryBackend is over an IStorageBackend and ICheckpointerBackend");

public:
  /// \param inner must not be null.
  explicit RetryBackend(std::shared_ptr<Inner> inner, RetryOptions options = RetryOptions())
      : inner_(std::move(inner)), options_(options) {}

  // IStorageBackend; the other methods are RoutedBackend's
  awaitable<bool> initialize() override { return open(inner_, attempts()); }
  awaitable<void> close() override { return inner_->close(); }
  awaitable<Health> health_check() override { return inner_->health_check(); }

private:
  template <class>
  friend class RoutedBackend;
  template <class>
  friend class RoutedSessionDirectory;
  template <class>
  friend class RoutedThreadDirectory;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    if constexpr (detail::is_repeatable<Call>) {
      return repeated<Call>(inner_, attempts(), std::move(arguments)...);
    } else {
      return detail::call_on<Call>(*inner_, std::move(arguments)...);
    }
  }

  template <class Call, class... Arguments>
  static awaitable<typename Call::Result>
  repeated(std::shared_ptr<Inner> inner, detail::Attempts attempts, Arguments... arguments) {
    if (!(detail::may_be_repeated(arguments) && ...)) {
      auto once = detail::call_on<Call>(*inner, std::move(arguments)...);
      co_return co_await std::move(once);
    }
    for (;;) {
      try {
        auto call = detail::call_on<Call>(*inner, arguments...);
        co_return co_await std::move(call);
      } catch (const StorageError& error) {
        if (!attempts.may_follow(error)) {
          throw;
        }
      }
      co_await detail::wait(attempts.pause());
    }
  }

  static awaitable<bool> open(std::shared_ptr<Inner> inner, detail::Attempts attempts) {
    for (;;) {
      try {
        co_return co_await inner->initialize();
      } catch (const StorageError& error) {
        if (!attempts.may_follow(error)) {
          throw;
        }
      }
      co_await detail::wait(attempts.pause());
    }
  }

  detail::Attempts attempts() const {
    return {options_.max_attempts, options_.first_pause, options_.longest_pause};
  }

  std::shared_ptr<Inner> inner_;
  RetryOptions options_;
};

} // namespace agentstore

#endif
