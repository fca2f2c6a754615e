// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_PENDING_REQUEST_HPP
#define AGENTSTORE_DETAIL_POSTGRES_PENDING_REQUEST_HPP

// One request to the server, and the caller that waits for its response.

#include <agentstore/detail/handled_request.hpp>
#include <agentstore/detail/postgres/request.hpp>

#include <boost/asio/steady_timer.hpp>

namespace agentstore::detail::postgres {

class PipelinedConnection;

/// A request on its way through the pool.
/// Requires: everything is called on the pool's strand.
class PendingRequest {
public:
  using Clock = std::chrono::steady_clock;
  using Request = postgres::Request;
  using Response = postgres::Response;

  enum class State {
    created, ///< neither queued nor sent; a request to open or close the pool stays so
    queued,  ///< in the pool's queue
    sent,    ///< on a connection
    done     ///< the caller has its response
  };

  explicit PendingRequest(Request what) : request(std::move(what)) {}
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;
  virtual ~PendingRequest() = default;

  /// Whether anybody waits for it. Once the caller's context is destroyed nobody does, and what was
  /// not sent is not to happen.
  virtual bool is_wanted() const { return true; }
  State state() const { return state_; }
  bool is_done() const { return state_ == State::done; }
  /// Until when it may wait: queued for a connection, sent for the response.
  Clock::time_point deadline() const { return deadline_; }
  /// The connection on which it was sent. Null in any other state.
  std::shared_ptr<PipelinedConnection> connection() const {
    return state_ == State::sent ? connection_.lock() : nullptr;
  }

  void mark_queued(Clock::time_point deadline) {
    state_ = State::queued;
    deadline_ = deadline;
  }
  void mark_sent(std::weak_ptr<PipelinedConnection> connection, Clock::time_point deadline) {
    state_ = State::sent;
    connection_ = std::move(connection);
    deadline_ = deadline;
  }

  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }

  /// Gives the caller its response. Only the first one counts.
  void finish(Response response) {
    if (is_done()) {
      return;
    }
    state_ = State::done;
    if (cancel_timer) {
      cancel_timer->cancel();
    }
    deliver(std::move(response));
  }
  void fail(Failure failure) { finish(Response(std::move(failure))); }

  const Request request;
  /// How often it was sent in vain.
  unsigned retries = 0;
  /// The caller cancelled the request after it was sent. A read is then done at once. A write is
  /// not, because its fate must be known first.
  bool is_cancelled = false;
  /// The cancelled request did not end by itself, so the server is to stop it.
  bool is_to_be_stopped = false;
  /// What finish_cancel waits on. The end of the request cancels it.
  std::optional<boost::asio::steady_timer> cancel_timer;

private:
  virtual void deliver(Response response) = 0;

  State state_ = State::created;
  Clock::time_point deadline_;
  std::weak_ptr<PipelinedConnection> connection_;
};

} // namespace agentstore::detail::postgres

#endif
