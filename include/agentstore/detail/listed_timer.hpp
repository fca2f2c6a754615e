// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LISTED_TIMER_HPP
#define AGENTSTORE_DETAIL_LISTED_TIMER_HPP

// How somebody wakes coroutines that wait on a strand: their timers are listed, and cancelled.

#include <boost/asio/steady_timer.hpp>

#include <set>

namespace agentstore::detail {

using ListedTimers = std::set<boost::asio::steady_timer*>;

/// A timer among those that may be woken, as long as it is waited for.
class ListedTimer {
public:
  ListedTimer(ListedTimers& all, boost::asio::steady_timer& one) : all_(all), one_(one) {
    all_.insert(&one_);
  }
  ListedTimer(const ListedTimer&) = delete;
  ListedTimer& operator=(const ListedTimer&) = delete;
  ~ListedTimer() { all_.erase(&one_); }

private:
  ListedTimers& all_;
  boost::asio::steady_timer& one_;
};

} // namespace agentstore::detail

#endif
