// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REPEATED_CALL_HPP
#define AGENTSTORE_DETAIL_REPEATED_CALL_HPP

// Which calls may be made again, how often, and the pauses between.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/detail/backoff.hpp>
#include <agentstore/detail/deadline.hpp>
#include <agentstore/detail/decorated_store.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>

namespace agentstore::detail {

/// Whether a repeated call of this type may leave the store, and answer, as a single call would.
template <class Call>
inline constexpr bool is_repeatable =
    !Call::writes || std::derived_from<Call, calls::PutCheckpoint> ||
    std::same_as<Call, calls::PutWrites> || std::same_as<Call, calls::StoreTaskContext> ||
    std::same_as<Call, calls::UpdateSession>;

/// Whether a call may be repeated with this argument.
template <class Argument>
bool may_be_repeated(const Argument&) {
  return true;
}
inline bool may_be_repeated(const SessionUpdate& update) {
  return !update.counts_request() && !update.counts_error() &&
         update.processing_time().count() == 0 && may_be_copied(update);
}

/// The attempts that are left of a call.
class Attempts {
public:
  Attempts(std::size_t most, std::chrono::milliseconds first_pause,
           std::chrono::milliseconds longest_pause)
      : left_(most), pause_(first_pause, longest_pause) {}

  /// Whether another attempt may follow an attempt that ended by `error`. Counts the new attempt.
  bool may_follow(const StorageError& error) {
    if (left_ <= 1 || !is_transient(error)) {
      return false;
    }
    --left_;
    return true;
  }
  std::chrono::milliseconds pause() { return pause_.next(); }

private:
  std::size_t left_;
  Backoff pause_;
};

inline awaitable<void> wait(std::chrono::milliseconds pause) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor,
                                  deadline_after(std::chrono::steady_clock::now(), pause));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

} // namespace agentstore::detail

#endif
