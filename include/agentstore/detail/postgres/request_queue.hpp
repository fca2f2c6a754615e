// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_REQUEST_QUEUE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_REQUEST_QUEUE_HPP

// Requests that wait for a connection.

#include <agentstore/detail/postgres/pending_request.hpp>

#include <algorithm>
#include <deque>
#include <iterator>

namespace agentstore::detail::postgres {

/// Requests in the order in which they are sent. A request that was sent in vain goes before all
/// others.
///
/// Invariant: every request in it is in state queued.
/// Invariant: the deadlines of `fresh_` never fall, and those of `again_` never rise, because every
/// request gets the same time from when it is added. The earliest deadline is therefore at an end.
class RequestQueue {
public:
  using Time = PendingRequest::Clock::time_point;
  using Requests = std::vector<std::shared_ptr<PendingRequest>>;

  bool empty() const { return size() == 0; }
  std::size_t size() const { return fresh_.size() + again_.size(); }

  void push_back(std::shared_ptr<PendingRequest> request, Time deadline) {
    request->mark_queued(deadline);
    fresh_.push_back(std::move(request));
  }

  /// For a request that was sent in vain.
  void push_front(std::shared_ptr<PendingRequest> request, Time deadline) {
    request->mark_queued(deadline);
    again_.push_front(std::move(request));
  }

  /// Requires: the queue is not empty.
  std::shared_ptr<PendingRequest> pop_front() {
    auto& first = again_.empty() ? fresh_ : again_;
    auto request = std::move(first.front());
    first.pop_front();
    return request;
  }

  void erase(const std::shared_ptr<PendingRequest>& request) {
    std::erase(fresh_, request);
    std::erase(again_, request);
  }

  std::optional<Time> earliest_deadline() const {
    std::optional<Time> earliest;
    if (!fresh_.empty()) {
      earliest = fresh_.front()->deadline();
    }
    if (!again_.empty()) {
      earliest = std::min(earliest.value_or(Time::max()), again_.back()->deadline());
    }
    return earliest;
  }

  /// Takes out the requests whose deadline has come.
  Requests take_expired(Time now) {
    Requests expired;
    for (; !again_.empty() && again_.back()->deadline() <= now; again_.pop_back()) {
      expired.push_back(std::move(again_.back()));
    }
    std::reverse(expired.begin(), expired.end());
    for (; !fresh_.empty() && fresh_.front()->deadline() <= now; fresh_.pop_front()) {
      expired.push_back(std::move(fresh_.front()));
    }
    return expired;
  }

  /// Takes out all of them.
  Requests take_all() {
    Requests all(std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
    std::move(fresh_.begin(), fresh_.end(), std::back_inserter(all));
    again_.clear();
    fresh_.clear();
    return all;
  }

private:
  std::deque<std::shared_ptr<PendingRequest>> fresh_;
  std::deque<std::shared_ptr<PendingRequest>> again_;
};

} // namespace agentstore::detail::postgres

#endif
