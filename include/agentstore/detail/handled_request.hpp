// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_HANDLED_REQUEST_HPP
#define AGENTSTORE_DETAIL_HANDLED_REQUEST_HPP

// How a coroutine sends a request to a server's client, which works on a strand of another
// executor, and gets the response.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/awaited_call.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace agentstore::detail {

/// A request on behalf of a coroutine. `Pending` is the client's class of requests on their way,
/// with types `Request` and `Response`. It is made from a `Request` and delivers a `Response`.
template <class Pending>
class HandledRequest final : public Pending {
public:
  using Request = typename Pending::Request;
  using Response = typename Pending::Response;

  /// \param response where the response is put, in the awaiting frame.
  HandledRequest(Request what, std::shared_ptr<AwaitedCall> call, Response* response)
      : Pending(std::move(what)), call_(std::move(call)), response_(response) {}

  bool is_wanted() const override { return !call_->is_unwanted(); }

private:
  void deliver(Response response) override {
    if (call_->begin()) { // else the caller's context, and so the frame, is gone
      *response_ = std::move(response);
      call_->end(nullptr);
    }
  }

  std::shared_ptr<AwaitedCall> call_;
  Response* response_;
};

/// Starts a request: an initiation for Asio. The target's member `start` gets the request, on the
/// target's strand. The target's member `cancel` is called there if the caller cancels.
template <class Target, class Pending>
class StartRequest {
public:
  using Member = void (Target::*)(std::shared_ptr<Pending>);

  template <class Handler>
  void operator()(Handler handler, std::shared_ptr<Target> target, Member start,
                  typename Pending::Request* request, typename Pending::Response* response) const {
    namespace asio = boost::asio;
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto call = AwaitedBy<Handler>::make_without_slot(std::move(handler), nullptr);
    std::shared_ptr<Pending> pending =
        std::make_shared<HandledRequest<Pending>>(std::move(*request), std::move(call), response);
    if (slot.is_connected()) {
      slot.assign([weak_target = std::weak_ptr<Target>(target),
                   weak = std::weak_ptr<Pending>(pending)](asio::cancellation_type type) {
        const auto there = weak_target.lock();
        const auto cancelled = weak.lock();
        if (type != asio::cancellation_type::none && there && cancelled) {
          asio::post(there->strand(), [there, cancelled] { there->cancel(cancelled); });
        }
      });
    }
    asio::post(target->strand(), [target, start, pending = std::move(pending)]() mutable {
      ((*target).*start)(std::move(pending));
    });
  }
};

/// Starts a request and waits for its response. `target` is kept alive until then.
template <class Target, class Pending>
awaitable<typename Pending::Response> ask(std::shared_ptr<Target> target,
                                          void (Target::*member)(std::shared_ptr<Pending>),
                                          typename Pending::Request request) {
  typename Pending::Response response;
  auto* const request_here = &request;
  auto* const response_here = &response;
  auto operation = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      StartRequest<Target, Pending>(), boost::asio::use_awaitable, target, member, request_here,
      response_here);
  co_await std::move(operation);
  co_return response;
}

} // namespace agentstore::detail

#endif
