// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_OPERATION_HPP
#define AGENTSTORE_DETAIL_POSTGRES_OPERATION_HPP

// One request to the server and who waits for its answer.

#include <agentstore/detail/postgres/failure.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>

namespace agentstore::detail::postgres {

/// Statements that are sent together and are one transaction.
class Request {
public:
  Request() = default;

  Request& add(const Statement& statement, Parameters parameters) {
    steps.emplace_back(&statement, std::move(parameters));
    return *this;
  }

  std::vector<std::pair<const Statement*, Parameters>> steps;
  /// A request that only reads may be made twice.
  bool writes = true;
};

/// The answers to all statements of a request, or what went wrong.
class Answer {
public:
  Answer() = default;
  explicit Answer(Failure why) : failure(std::move(why)) {}

  std::vector<Rows> rows;
  std::optional<Failure> failure;
};

/// Lives on the strand of a pool, from when it is posted there to its one end.
class Operation {
public:
  using Clock = std::chrono::steady_clock;

  explicit Operation(Request what) : request(std::move(what)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  /// Gives the answer to who waits; once, later ones are nobody's.
  void end(Answer answer) {
    if (is_over_) {
      return;
    }
    is_over_ = true;
    if (patience) {
      patience->cancel();
    }
    deliver(std::move(answer));
  }
  void fail(Failure failure) { end(Answer(std::move(failure))); }

  bool is_over() const { return is_over_; }

  const Request request;
  /// Until when it may wait: in the queue for a connection, then for the answer.
  Clock::time_point deadline;
  /// How often it was sent in vain.
  unsigned retries = 0;
  /// Cancelled by its caller after it was sent; the fate of a write must be known before its end.
  bool is_cancelled = false;
  /// What its cancellation waits on.
  std::optional<boost::asio::steady_timer> patience;

private:
  virtual void deliver(Answer answer) = 0;

  bool is_over_ = false;
};

/// An operation on behalf of a handler, which is called on its own executor.
template <class Handler>
class HandledOperation final : public Operation {
public:
  HandledOperation(Request what, Handler handler, Answer* answer)
      : Operation(std::move(what)),
        home_(boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                  boost::asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)), answer_(answer) {}

private:
  using Home =
      decltype(boost::asio::prefer(boost::asio::get_associated_executor(std::declval<Handler&>()),
                                   boost::asio::execution::outstanding_work.tracked));

  void deliver(Answer answer) override {
    // The work that is counted at home goes with the handler.
    auto home = std::move(*home_);
    home_.reset();
    boost::asio::post(home, [handler = std::move(*handler_), answer = std::move(answer),
                             here = answer_]() mutable {
      *here = std::move(answer);
      std::move(handler)();
    });
    handler_.reset();
  }

  std::optional<Home> home_;
  std::optional<Handler> handler_;
  Answer* answer_;
};

/// Starts an operation: an initiation for Asio. `Pool` takes it by the member `start` on its
/// strand, and hears by `cancel` of the caller's cancellation.
template <class Pool>
class Start {
public:
  using Member = void (Pool::*)(std::shared_ptr<Operation>);

  template <class Handler>
  void operator()(Handler handler, std::shared_ptr<Pool> pool, Member start, Request* request,
                  Answer* answer) const {
    namespace asio = boost::asio;
    auto slot = asio::get_associated_cancellation_slot(handler);
    std::shared_ptr<Operation> operation = std::make_shared<HandledOperation<Handler>>(
        std::move(*request), std::move(handler), answer);
    if (slot.is_connected()) {
      slot.assign([weak_pool = std::weak_ptr<Pool>(pool),
                   weak = std::weak_ptr<Operation>(operation)](asio::cancellation_type type) {
        const auto there = weak_pool.lock();
        const auto cancelled = weak.lock();
        if (type != asio::cancellation_type::none && there && cancelled) {
          asio::post(there->strand(), [there, cancelled] { there->cancel(cancelled); });
        }
      });
    }
    asio::post(pool->strand(), [pool, start, operation = std::move(operation)]() mutable {
      ((*pool).*start)(std::move(operation));
    });
  }
};

} // namespace agentstore::detail::postgres

#endif
