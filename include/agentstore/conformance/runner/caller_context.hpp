// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_CALLER_CONTEXT_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_CALLER_CONTEXT_HPP

/// \file
/// An execution context whose memory survives its end, so that it can count later uses.

#include <agentstore/awaitable.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace agentstore::conformance {

/// The context on which calls are awaited as in an application. It counts uses that would be uses
/// of freed memory, if an application had destroyed the context.
class CallerContext final : public boost::asio::execution_context,
                            public std::enable_shared_from_this<CallerContext> {
public:
  static std::shared_ptr<CallerContext> make() {
    return std::shared_ptr<CallerContext>(new CallerContext());
  }
  CallerContext(const CallerContext&) = delete;
  CallerContext& operator=(const CallerContext&) = delete;
  ~CallerContext() { end(); }

  /// Awaits a call, however it ends.
  template <class T>
  void start(awaitable<T> call) {
    boost::asio::co_spawn(boost::asio::any_io_executor(Executor(shared_from_this())),
                          await(Frame(shared_from_this()), std::move(call)), boost::asio::detached);
  }

  /// Runs at most one function; false if there is none.
  bool step() {
    std::unique_ptr<Function> next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) {
        return false;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    next->run();
    return true;
  }
  /// Whether all calls have ended.
  bool is_idle() const { return frames_ == 0; }

  /// Does what a destructor does.
  void end() {
    if (is_gone_) {
      return;
    }
    shutdown();
    for (bool is_empty = false; !is_empty;) {
      std::deque<std::unique_ptr<Function>> left;
      const std::lock_guard lock(mutex_);
      left.swap(queue_);
      is_empty = left.empty();
      is_gone_ = is_empty;
    }
    frames_left_ = frames_.load();
  }

  /// How many frames of calls were left when the context ended.
  std::size_t frames_left() const { return frames_left_; }
  /// How many functions to run came after that, and how many notes of work that begins or ends.
  std::size_t late_functions() const { return late_functions_; }
  std::size_t late_work() const { return late_work_; }

private:
  class Function {
  public:
    Function() = default;
    Function(const Function&) = delete;
    Function& operator=(const Function&) = delete;
    virtual ~Function() = default;
    virtual void run() = 0;
  };

  template <class Body>
  class FunctionOf final : public Function {
  public:
    explicit FunctionOf(Body body) : body_(std::move(body)) {}
    void run() override { std::move(body_)(); }

  private:
    Body body_;
  };

  /// An executor that tracks work notes it as the executors of Asio's own contexts count it.
  class Executor {
  public:
    explicit Executor(std::shared_ptr<CallerContext> context, bool tracks_work = false) noexcept
        : context_(std::move(context)), tracks_work_(tracks_work) {
      note_work();
    }
    Executor(const Executor& other) noexcept : Executor(other.context_, other.tracks_work_) {}
    Executor(Executor&&) noexcept = default;
    Executor& operator=(const Executor&) = delete;
    ~Executor() { note_work(); }

    template <class Body>
    void execute(Body&& body) const {
      context_->add(std::make_unique<FunctionOf<std::decay_t<Body>>>(std::forward<Body>(body)));
    }
    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
      return *context_;
    }
    /// It never runs what it is given at once.
    Executor require(boost::asio::execution::blocking_t::never_t) const { return *this; }
    Executor require(boost::asio::execution::outstanding_work_t::tracked_t) const {
      return Executor(context_, true);
    }
    Executor require(boost::asio::execution::outstanding_work_t::untracked_t) const {
      return Executor(context_);
    }
    friend bool operator==(const Executor& a, const Executor& b) noexcept {
      return a.context_ == b.context_;
    }
    friend bool operator!=(const Executor& a, const Executor& b) noexcept { return !(a == b); }

  private:
    void note_work() const noexcept {
      if (tracks_work_ && context_ && context_->is_gone_) {
        ++context_->late_work_;
      }
    }

    std::shared_ptr<CallerContext> context_;
    bool tracks_work_;
  };

  /// One of the parameters of a call's frame, there as long as the frame is.
  class Frame {
  public:
    explicit Frame(std::shared_ptr<CallerContext> context) : context_(std::move(context)) {
      ++context_->frames_;
    }
    Frame(Frame&&) noexcept = default;
    Frame& operator=(Frame&&) = delete;
    ~Frame() {
      if (context_) {
        --context_->frames_;
      }
    }

  private:
    std::shared_ptr<CallerContext> context_;
  };

  CallerContext() = default;

  template <class T>
  static awaitable<void> await(Frame, awaitable<T> call) {
    static_cast<void>(co_await std::move(call)); // what it throws concerns nobody
  }

  void add(std::unique_ptr<Function> function) {
    const std::lock_guard lock(mutex_);
    if (is_gone_) {
      ++late_functions_;
    } else {
      queue_.push_back(std::move(function));
    }
  }

  std::mutex mutex_;
  std::deque<std::unique_ptr<Function>> queue_;
  std::atomic<bool> is_gone_ = false;
  std::atomic<std::size_t> frames_ = 0;
  std::atomic<std::size_t> frames_left_ = 0;
  std::atomic<std::size_t> late_functions_ = 0;
  std::atomic<std::size_t> late_work_ = 0;
};

} // namespace agentstore::conformance

#endif
