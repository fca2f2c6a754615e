// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_PENDING_REQUEST_HPP
#define AGENTSTORE_DETAIL_REDIS_PENDING_REQUEST_HPP

// One request to the server, and the caller that waits for its response.

#include <agentstore/detail/handled_request.hpp>
#include <agentstore/detail/redis/request.hpp>

#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace agentstore::detail::redis {

class Connection;
class Part;

/// A request on its way through the client.
/// Requires: everything is called on the client's strand.
class PendingRequest {
public:
  using Clock = std::chrono::steady_clock;
  using Request = redis::Request;
  using Response = redis::Response;

  explicit PendingRequest(Request what) : request(std::move(what)) {}
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;
  virtual ~PendingRequest() = default;

  /// Whether anybody waits for it. Once the caller's context is destroyed nobody does, and what was
  /// not sent is not to happen.
  virtual bool is_wanted() const { return true; }
  /// Whether the caller has its response.
  bool is_done() const { return is_done_; }
  /// Until when it may wait: queued for a connection, sent for the response.
  Clock::time_point deadline() const { return deadline_; }
  /// The connection on which it was sent. Null before that.
  std::shared_ptr<Connection> connection() const { return connection_.lock(); }

  /// Whether a server may have got it.
  bool is_sent() const { return is_sent_; }

  void mark_queued(Clock::time_point deadline) {
    connection_.reset();
    is_sent_ = false;
    deadline_ = std::min(deadline, give_up_at);
  }
  void mark_sent(std::weak_ptr<Connection> connection, Clock::time_point deadline) {
    connection_ = std::move(connection);
    is_sent_ = true;
    deadline_ = std::min(deadline, give_up_at);
    expect_replies();
  }
  void expect_replies() {
    replies_.clear();
    replies_.resize(request.commands.size());
    missing_ = replies_.size();
  }

  /// The request is done only after one more confirmation.
  void expect_confirmation() { ++missing_; }
  void confirm() { finish_if_complete(); }

  /// Takes the reply to one of its commands. The last one finishes it.
  void take(std::size_t index, Reply reply) {
    replies_[index].emplace(std::move(reply));
    finish_if_complete();
  }
  /// One of its commands has no reply.
  void miss(const Failure& why) {
    if (!missed_) {
      missed_ = why;
    }
    finish_if_complete();
  }

  /// Gives the caller its response. Only the first one counts.
  void finish(Response response) {
    if (is_done_) {
      return;
    }
    is_done_ = true;
    if (grace) {
      grace->cancel();
    }
    deliver(std::move(response));
  }
  void fail(Failure failure) { finish(Response(std::move(failure))); }
  /// Other parts go on with its commands, so the request has no response.
  void drop() { is_done_ = true; }

  /// The commands of a whole request move on into the parts that go to the nodes.
  Request request;
  std::vector<std::weak_ptr<Part>> parts;
  /// The time at which the request is over, however many ways it has gone.
  Clock::time_point give_up_at = Clock::time_point::max();
  /// How often it was sent in vain.
  unsigned retries = 0;
  /// The caller cancelled the request after it was sent. A write is then not done at once, because
  /// its fate must be known first.
  bool is_cancelled = false;
  /// For how long a cancelled write still waits. The end of the request cancels it.
  std::optional<boost::asio::steady_timer> grace;

private:
  virtual void deliver(Response response) = 0;

  void finish_if_complete() {
    if (--missing_ != 0) {
      return;
    }
    if (missed_) {
      return fail(*missed_);
    }
    Response response;
    for (std::optional<Reply>& each : replies_) {
      if (each->root().is_error() && !response.failure) {
        response.failure = failure_of(each->root().bytes());
      }
      response.replies.push_back(std::move(*each));
    }
    replies_.clear();
    finish(std::move(response));
  }

  bool is_done_ = false;
  bool is_sent_ = false;
  Clock::time_point deadline_;
  std::weak_ptr<Connection> connection_;
  std::vector<std::optional<Reply>> replies_;
  std::size_t missing_ = 0;
  std::optional<Failure> missed_;
};

using PendingPtr = std::shared_ptr<PendingRequest>;

} // namespace agentstore::detail::redis

#endif
