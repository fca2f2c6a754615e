// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_DRIVER_HPP
#define AGENTSTORE_CONFORMANCE_DRIVER_HPP

/// \file
/// Runs awaitables from plain code: the checks of the rules are ordinary functions, each call in
/// them a coroutine that is driven to its end or to its deadline.

#include <agentstore/conformance/outcome.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace agentstore::conformance {

/// How long one call may take, and when the kit last saw progress. One per run of the suite,
/// shared by its threads. After the first hang calls get much less, and less still after some
/// more: a dead backend then costs seconds, not minutes. A harness that asks for little at first
/// gets as much less in proportion.
class Deadline {
public:
  explicit Deadline(std::chrono::milliseconds call) : first_(call), call_(call) { beat(); }

  std::chrono::milliseconds call() const { return call_; }
  /// After how long without progress a thread that makes a call is taken to be blocked.
  std::chrono::milliseconds blocked() const {
    return call() + (hangs_ == 0 ? at_most(1000, 1) : at_most(200, 5));
  }
  /// The same between calls, where a check may think for a while, such as about the order of
  /// concurrent ones.
  std::chrono::milliseconds thinking() const { return std::chrono::seconds(hangs_ == 0 ? 20 : 1); }
  void after_a_hang() {
    constexpr std::size_t some = 5;
    const std::chrono::milliseconds most = ++hangs_ < some ? at_most(200, 5) : at_most(100, 10);
    if (call_.load() > most) {
      call_ = most;
    }
  }

  void beat() { last_beat_ = std::chrono::steady_clock::now().time_since_epoch(); }
  std::chrono::steady_clock::duration since_beat() const {
    return std::chrono::steady_clock::now().time_since_epoch() - last_beat_.load();
  }

private:
  /// So many milliseconds, or that part of what a call had at first.
  std::chrono::milliseconds at_most(int milliseconds, int part) const {
    return std::min(std::chrono::milliseconds(milliseconds), first_ / part);
  }

  std::chrono::milliseconds first_;
  std::atomic<std::chrono::milliseconds> call_;
  std::atomic<std::chrono::steady_clock::duration> last_beat_{};
  std::atomic<std::size_t> hangs_ = 0;
};

/// A call under way; `Driver::finish` gives its result.
template <class T>
class Pending {
public:
  /// Void is kept as a bool that nobody reads.
  using Value = std::conditional_t<std::is_void_v<T>, bool, T>;

  struct State {
    std::atomic<bool> done = false;
    std::optional<Value> value;
    std::exception_ptr error;
    std::thread::id ended_on;
    std::string call;
    std::size_t number = 0;
  };

  bool is_done() const { return state->done.load(std::memory_order_acquire); }

  std::shared_ptr<State> state = std::make_shared<State>();
};

/// An io_context with one thread: the one that calls `finish`.
class Driver {
public:
  Driver(Deadline& deadline, Transcript& transcript)
      : deadline_(deadline), transcript_(transcript) {}
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// A call that has ended may still be known to a thread of the backend, which counts as work of
  /// the context: it goes when that is done, or is left alone.
  ~Driver();

  boost::asio::io_context& context() { return *context_; }
  boost::asio::any_io_executor executor() { return context_->get_executor(); }
  Deadline& deadline() { return deadline_; }
  Transcript& transcript() { return transcript_; }

  /// Starts a call; it makes progress inside `finish` and `step`.
  template <class T>
  Pending<T> start(std::string call, awaitable<T> operation);
  /// The same, cancelled by whoever emits on the slot's signal.
  template <class T>
  Pending<T> start(std::string call, awaitable<T> operation, boost::asio::cancellation_slot slot);

  /// Drives the call to its end; returns its value or throws what it threw, or `Hang`.
  template <class T>
  T finish(Pending<T> pending);

  /// Drives the call to its end, however it ends; throws only `Hang`.
  template <class T>
  void settle(const Pending<T>& pending);

  /// Runs at most one ready handler; false if none was ready.
  bool step() {
    deadline_.beat();
    context_->restart();
    return context_->poll_one() != 0;
  }

  /// Runs until `done()`; false if the deadline of a call came first.
  template <class Done>
  bool run_until(Done done);

  /// Ends what calls that have ended left to be done, for a while: nothing more can be started.
  void wind_down() noexcept;

  /// Leaves the context alone for good, with the frames suspended in it: destroying them while
  /// another thread may still come back to them would be worse than the memory.
  void abandon() {
    // Not destroyed at the end of the program either, when those threads may still be there.
    static std::mutex mutex;
    static auto* const graveyard = new std::vector<Context>();
    const std::lock_guard lock(mutex);
    graveyard->push_back(context_);
    work_.reset();
    context_ = std::make_shared<boost::asio::io_context>(1);
  }

private:
  using Context = std::shared_ptr<boost::asio::io_context>;
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  /// Keeps a context for a while after its last call has ended: the thread of a backend that posted
  /// the end may still be on its way out of `post`, which touches the context after the caller has
  /// gone on, work or no work. No backend can prevent that; the context of an application lives
  /// longer than one rule.
  static void retire(Context context) {
    constexpr std::size_t most_kept = 64;
    static std::mutex mutex;
    static auto* const retired = new std::deque<Context>();
    Context oldest; // let go of after the lock: what dies with it is not ours
    const std::lock_guard lock(mutex);
    retired->push_back(std::move(context));
    if (retired->size() > most_kept) {
      oldest = std::move(retired->front());
      retired->pop_front();
    }
  }

  template <class T>
  static awaitable<void> record(awaitable<T> operation,
                                std::shared_ptr<typename Pending<T>::State> state);

  Deadline& deadline_;
  Transcript& transcript_;
  Context context_ = std::make_shared<boost::asio::io_context>(1);
  std::optional<WorkGuard> work_{context_->get_executor()};
  bool is_wound_down_ = false;
};

// Only machinery below this line.

inline Driver::~Driver() {
  wind_down();
}

inline void Driver::wind_down() noexcept {
  if (std::exchange(is_wound_down_, true)) {
    return;
  }
  try {
    work_.reset();
    context_->restart();
    context_->run_for(std::chrono::milliseconds(200));
    if (!context_->stopped()) {
      abandon();
    }
    retire(context_);
  } catch (...) {
    abandon(); // what a handler of the backend throws here is nobody's call
  }
}

template <class T>
awaitable<void> Driver::record(awaitable<T> operation,
                               std::shared_ptr<typename Pending<T>::State> state) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(operation);
      state->value.emplace(true);
    } else {
      state->value.emplace(co_await std::move(operation));
    }
  } catch (...) {
    state->error = std::current_exception();
  }
  state->ended_on = std::this_thread::get_id();
  state->done.store(true, std::memory_order_release);
}

template <class T>
Pending<T> Driver::start(std::string call, awaitable<T> operation) {
  return start(std::move(call), std::move(operation), boost::asio::cancellation_slot());
}

template <class T>
Pending<T> Driver::start(std::string call, awaitable<T> operation,
                         boost::asio::cancellation_slot slot) {
  deadline_.beat();
  Pending<T> pending;
  pending.state->call = call;
  pending.state->number = transcript_.begin(std::move(call));
  boost::asio::co_spawn(*context_, record(std::move(operation), pending.state),
                        boost::asio::bind_cancellation_slot(slot, boost::asio::detached));
  return pending;
}

template <class Done>
bool Driver::run_until(Done done) {
  using Clock = std::chrono::steady_clock;
  // In slices: a call that ends on a foreign thread, against the rules, does not wake the context.
  const auto end = Clock::now() + deadline_.call();
  context_->restart();
  while (!done()) {
    deadline_.beat();
    if (Clock::now() >= end) {
      return false;
    }
    context_->run_one_for(std::chrono::milliseconds(5));
  }
  return true;
}

template <class T>
void Driver::settle(const Pending<T>& pending) {
  if (!run_until([&pending] { return pending.is_done(); })) {
    transcript_.end(pending.state->number, "did not complete");
    deadline_.after_a_hang();
    throw Hang(pending.state->call);
  }
  if (pending.state->error) {
    transcript_.end(pending.state->number, describe(pending.state->error));
  } else if constexpr (std::is_void_v<T>) {
    transcript_.end(pending.state->number, "done");
  } else {
    transcript_.end(pending.state->number, show(*pending.state->value));
  }
}

template <class T>
T Driver::finish(Pending<T> pending) {
  settle(pending);
  if (pending.state->error) {
    std::rethrow_exception(pending.state->error);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(pending.state->value);
  }
}

} // namespace agentstore::conformance

#endif
