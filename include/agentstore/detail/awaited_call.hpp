// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_AWAITED_CALL_HPP
#define AGENTSTORE_DETAIL_AWAITED_CALL_HPP

// A call is awaited on one context while a thread of another context works on it. This file says
// how the call comes back, how it is cancelled, and what happens to it if the awaiting context is
// destroyed.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unistd.h>
#include <utility>

namespace agentstore::detail {

class AwaitedCall;

/// The calls that are awaited on one execution context.
class AwaitedCalls {
public:
  void add(std::shared_ptr<AwaitedCall> call);

  /// Called when the context is about to be destroyed. Calls that were not begun never are. Calls
  /// that were begun are asked to stop, and waited for. No thread of a store touches the context
  /// afterwards.
  void end_all();

  // The lock is held around a fork. Otherwise the child might find it taken by a thread that the
  // child does not have.
  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  void after_fork_in_child() {
    process_ = ::getpid();
    begun_ = 0;
    mutex_.unlock();
  }

private:
  friend AwaitedCall;
  using List = std::list<std::shared_ptr<AwaitedCall>>;

  ::pid_t process_ = ::getpid();
  std::mutex mutex_;
  std::condition_variable none_is_begun_;
  List calls_;            // calls that have not ended
  std::size_t begun_ = 0; // how many of the calls were begun
};

/// One awaited call. Its owners are the list above and the worker.
class AwaitedCall : public std::enable_shared_from_this<AwaitedCall> {
public:
  AwaitedCall(const AwaitedCall&) = delete;
  AwaitedCall& operator=(const AwaitedCall&) = delete;
  virtual ~AwaitedCall() = default;

  /// The worker takes the call up. From here on the caller waits for `end`. False if the call has
  /// already ended; the worker must then not touch the awaiting frame.
  bool begin() {
    const std::lock_guard lock(calls_->mutex_);
    if (stage_ != Stage::waiting) {
      return false;
    }
    stage_ = Stage::begun;
    ++calls_->begun_;
    return true;
  }

  /// Ends a call that was begun. From here on the error belongs to the caller alone.
  void end(std::exception_ptr error) {
    if (error_ != nullptr) {
      *error_ = std::move(error);
    }
    resume();
    const std::lock_guard lock(calls_->mutex_);
    calls_->calls_.erase(here_);
    if (--calls_->begun_ == 0) {
      calls_->none_is_begun_.notify_all();
    }
  }

  /// Runs on the caller's executor. A call that was not begun ends at once. A call that was begun
  /// is asked to stop.
  void cancel() {
    is_unwanted_ = true;
    const auto self = shared_from_this(); // keeps the call if the frame goes
    {
      const std::lock_guard lock(calls_->mutex_);
      if (stage_ != Stage::waiting) {
        return;
      }
      stage_ = Stage::ended;
      calls_->calls_.erase(here_);
    }
    *error_ =
        std::make_exception_ptr(boost::system::system_error(boost::asio::error::operation_aborted));
    resume();
  }

  /// Whether the caller no longer wants the result.
  bool is_unwanted() const noexcept { return is_unwanted_.load(std::memory_order_relaxed); }

protected:
  AwaitedCall(std::shared_ptr<AwaitedCalls> calls, std::exception_ptr* error)
      : calls_(std::move(calls)), error_(error) {}

private:
  friend AwaitedCalls;
  enum class Stage { waiting, begun, ended };

  /// Resumes the caller, on its executor.
  virtual void resume() = 0;
  /// Destroys the handler, and with it the awaiting frame.
  virtual void drop() = 0;

  const std::shared_ptr<AwaitedCalls> calls_;
  std::exception_ptr* const error_; // in the awaiting frame
  // Under the lock of the list.
  AwaitedCalls::List::iterator here_;
  Stage stage_ = Stage::waiting;
  std::atomic<bool> is_unwanted_ = false;
};

inline void AwaitedCalls::add(std::shared_ptr<AwaitedCall> call) {
  const std::lock_guard lock(mutex_);
  AwaitedCall& added = *call;
  added.here_ = calls_.insert(calls_.end(), std::move(call));
}

inline void AwaitedCalls::end_all() {
  if (process_ != ::getpid()) {
    return; // the child has no workers, and the lock may be taken for ever
  }
  List never_begun;
  {
    std::unique_lock lock(mutex_);
    for (auto next = calls_.begin(); next != calls_.end();) {
      const auto here = next++;
      (*here)->is_unwanted_ = true;
      if ((*here)->stage_ == AwaitedCall::Stage::waiting) {
        (*here)->stage_ = AwaitedCall::Stage::ended;
        never_begun.splice(never_begun.end(), calls_, here);
      }
    }
    none_is_begun_.wait(lock, [this] { return begun_ == 0; });
  }
  for (const auto& call : never_begun) {
    call->drop();
  }
}

/// Ends the calls of a context before the context is destroyed. Asio shuts down the services of a
/// context, the newest first, before it destroys any part of the context.
class AwaitedCallsService final : public boost::asio::execution_context::service {
public:
  using key_type = AwaitedCallsService;
  static inline boost::asio::execution_context::id id;

  explicit AwaitedCallsService(boost::asio::execution_context& context)
      : boost::asio::execution_context::service(context) {}

  const std::shared_ptr<AwaitedCalls>& calls() const { return calls_; }

private:
  void shutdown() override { calls_->end_all(); }
  void notify_fork(boost::asio::execution_context::fork_event event) override {
    switch (event) {
    case boost::asio::execution_context::fork_prepare:
      return calls_->before_fork();
    case boost::asio::execution_context::fork_parent:
      return calls_->after_fork_in_parent();
    case boost::asio::execution_context::fork_child:
      return calls_->after_fork_in_child();
    }
  }

  const std::shared_ptr<AwaitedCalls> calls_ = std::make_shared<AwaitedCalls>();
};

/// A call with the handler that resumes its caller.
template <class Handler>
class AwaitedBy final : public AwaitedCall {
public:
  using Home = boost::asio::any_io_executor;

  /// Makes the call of `handler` and registers it with its context. If the caller can cancel, the
  /// call is also registered with the caller's slot. The error that the call ends with is stored in
  /// `*error`, in the awaiting frame.
  static std::shared_ptr<AwaitedCall> make(Handler handler, std::exception_ptr* error) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto call = make_without_slot(std::move(handler), error);
    if (slot.is_connected()) {
      slot.assign(Cancel(call));
    }
    return call;
  }

  /// The same, for a worker that handles cancellation itself. `error` may be null if the call never
  /// ends with an error.
  static std::shared_ptr<AwaitedCall> make_without_slot(Handler handler,
                                                        std::exception_ptr* error) {
    namespace asio = boost::asio;
    const Home home = asio::get_associated_executor(handler);
    auto& context = asio::query(home, asio::execution::context);
    auto calls = asio::use_service<AwaitedCallsService>(context).calls();
    auto call = std::make_shared<AwaitedBy>(calls, std::move(handler), home, error);
    calls->add(call);
    return call;
  }

  AwaitedBy(std::shared_ptr<AwaitedCalls> calls, Handler handler, const Home& home,
            std::exception_ptr* error)
      : AwaitedCall(std::move(calls), error),
        home_(boost::asio::require(home, boost::asio::execution::blocking.never)),
        handler_(std::move(handler)) {}

private:
  class Cancel {
  public:
    explicit Cancel(std::weak_ptr<AwaitedCall> call) : call_(std::move(call)) {}
    void operator()(boost::asio::cancellation_type) const {
      if (const auto call = call_.lock()) {
        call->cancel();
      }
    }

  private:
    std::weak_ptr<AwaitedCall> call_;
  };

  void resume() override {
    // `post` touches the context after the caller has resumed. It may: the context waits for this
    // call before it is destroyed. A work guard here would do harm. If it were the last one,
    // letting it go would stop the context, which its owner may just have restarted.
    const Home home = std::move(home_);
    auto go_on = [handler = std::move(*handler_)]() mutable { std::move(handler)(); };
    handler_.reset();
    boost::asio::post(home, std::move(go_on));
  }
  void drop() override {
    handler_.reset();
    home_ = Home();
  }

  /// `require` makes an executor of its own, which shares no count of owners with the caller's: its
  /// last owners may be the caller and the worker at once. Asio orders them by a fence, which
  /// ThreadSanitizer does not know and would take for a race.
  Home home_;
  std::optional<Handler> handler_;
};

} // namespace agentstore::detail

#endif
