// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_COROUTINE_DRIVER_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_COROUTINE_DRIVER_HPP

/// \file
/// Runs awaitables from plain code. The checks of the rules are ordinary functions, and each call
/// in them is a coroutine that is driven to its end or to its deadline.

#include <agentstore/conformance/check/failures.hpp>
#include <agentstore/conformance/runner/crash_reporter.hpp>
#include <agentstore/conformance/runner/granted_time.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

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

/// How long one call may take, and whether the kit sees progress. There is one object per run of
/// the suite, shared by its threads. After the first hang calls get much less time, and less still
/// after some more hangs. A dead backend then costs seconds, not minutes. A harness that asks for
/// little time at first gets less in the same proportion.
class Deadline {
public:
  explicit Deadline(std::chrono::milliseconds call) : first_(call), call_(call) {}

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

  /// There is progress.
  void beat() { ++beats_; }
  /// The watching thread sees progress by a change of this number.
  std::uint64_t beats() const { return beats_; }

private:
  /// So many milliseconds, or that part of what a call had at first.
  std::chrono::milliseconds at_most(int milliseconds, int part) const {
    return std::min(std::chrono::milliseconds(milliseconds), first_ / part);
  }

  std::chrono::milliseconds first_;
  std::atomic<std::chrono::milliseconds> call_;
  std::atomic<std::uint64_t> beats_ = 0;
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

/// The cancellation of one call. A call that is cancelled before it has begun is cancelled when it
/// begins. Asio does not say what becomes of a coroutine whose signal is emitted before: with Boost
/// 1.81 it runs, with 1.83 the exception leaves `io_context::run`.
class Cancellation {
public:
  void request() {
    is_requested_ = true;
    if (has_begun_) {
      signal_.emit(boost::asio::cancellation_type::all);
    }
  }

  /// The call begins; it says so itself.
  void begin() {
    has_begun_ = true;
    if (is_requested_) {
      signal_.emit(boost::asio::cancellation_type::all);
    }
  }

  boost::asio::cancellation_slot slot() { return signal_.slot(); }

private:
  boost::asio::cancellation_signal signal_;
  bool has_begun_ = false;
  bool is_requested_ = false;
};

/// An io_context with one thread: the one that calls `finish`.
class Driver {
public:
  Driver(Deadline& deadline, Transcript& transcript)
      : deadline_(deadline), transcript_(transcript) {}
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// A thread of the backend may still refer to a call that has ended, which counts as work of the
  /// context. The context is destroyed when that work is done, or else never.
  ~Driver();

  boost::asio::io_context& context() { return *context_; }
  boost::asio::any_io_executor executor() { return context_->get_executor(); }
  Deadline& deadline() { return deadline_; }
  Transcript& transcript() { return transcript_; }

  /// Starts a call; it makes progress inside `finish` and `step`.
  template <class T>
  Pending<T> start(std::string call, awaitable<T> operation);
  /// The same, cancelled by a request on the thread of this driver.
  template <class T>
  Pending<T> start(std::string call, awaitable<T> operation,
                   std::shared_ptr<Cancellation> cancellation);

  /// Drives the call to its end; returns its value or throws what it threw, or `Timeout`. Whatever
  /// a rule is about, `Violation` if a method came back elsewhere (ASY-03) or under another name
  /// (ERR-02).
  template <class T>
  T finish(Pending<T> pending);

  /// Drives the call to its end, however it ends; throws only `Timeout`.
  template <class T>
  void settle(const Pending<T>& pending);

  /// `Violation` if the call with this state did not end on the thread of its driver, which calls.
  template <class State>
  static void expect_own_thread(const State& state);

  /// Runs at most one ready handler; false if none was ready.
  bool step() {
    deadline_.beat();
    context_->restart();
    return context_->poll_one() != 0;
  }

  /// Runs until `done()`; false if the deadline of a call came first.
  template <class Done>
  bool run_until(Done done);

  /// For a while, runs what calls that have ended left to be done. No call can be started any more.
  void wind_down() noexcept;

  /// Leaves the context alone for good, with the frames suspended in it. If another thread came
  /// back to destroyed frames, that would be worse than the lost memory.
  void abandon() {
    // Never destroyed, because those threads may still run when the program ends.
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

  /// Keeps a context for a while after its last call has ended. The backend's thread that posted
  /// the end may still be on its way out of `post`, which touches the context after the caller has
  /// gone on, even if the context has no work. No backend can prevent that. The context of an
  /// application lives longer than one rule.
  static void retire(Context context) {
    constexpr std::size_t most_kept = 64;
    static std::mutex mutex;
    static auto* const retired = new std::deque<Context>();
    Context oldest; // destroyed after the lock, with whatever it owns
    const std::lock_guard lock(mutex);
    retired->push_back(std::move(context));
    if (retired->size() > most_kept) {
      oldest = std::move(retired->front());
      retired->pop_front();
    }
  }

  /// Asio calls it when a call has ended. It does nothing, because the state of the call already
  /// shows the end. It has no executor of its own, so that a cancellation is handed on where it is
  /// emitted and not a step later.
  class CompletionHandler {
  public:
    using cancellation_slot_type = boost::asio::cancellation_slot;

    explicit CompletionHandler(boost::asio::cancellation_slot slot) : slot_(slot) {}
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }
    void operator()(const std::exception_ptr&) const {}

  private:
    boost::asio::cancellation_slot slot_;
  };

  /// The method that a call is of, if its text begins with that, as "put_writes(" does.
  static std::string_view method_in(std::string_view call) {
    const std::string_view name = call.substr(0, call.find('('));
    const bool is_name = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos;
    return is_name ? name : std::string_view();
  }
  template <class State>
  static void expect_own_end(const State& state);

  template <class T>
  static awaitable<void> record(awaitable<T> operation,
                                std::shared_ptr<typename Pending<T>::State> state,
                                std::shared_ptr<Cancellation> cancellation);

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
    abandon(); // no call is left to get an exception of the backend's handler
  }
}

template <class T>
awaitable<void> Driver::record(awaitable<T> operation,
                               std::shared_ptr<typename Pending<T>::State> state,
                               std::shared_ptr<Cancellation> cancellation) {
  if (cancellation) {
    cancellation->begin();
  }
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
  // What `co_spawn` itself awaits after this would throw out of the context.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  state->done.store(true, std::memory_order_release);
}

template <class T>
Pending<T> Driver::start(std::string call, awaitable<T> operation) {
  return start(std::move(call), std::move(operation), nullptr);
}

template <class T>
Pending<T> Driver::start(std::string call, awaitable<T> operation,
                         std::shared_ptr<Cancellation> cancellation) {
  deadline_.beat();
  Pending<T> pending;
  pending.state->call = call;
  CrashReporter::begin(call);
  pending.state->number = transcript_.begin(std::move(call));
  const CompletionHandler handler(cancellation ? cancellation->slot()
                                               : boost::asio::cancellation_slot());
  boost::asio::co_spawn(
      *context_, record(std::move(operation), pending.state, std::move(cancellation)), handler);
  return pending;
}

template <class Done>
bool Driver::run_until(Done done) {
  // In slices: a call that ends on a foreign thread, against the rules, does not wake the context.
  constexpr std::chrono::milliseconds slice(5);
  constexpr int busiest = 10; // a machine so busy that a slice takes so many times as long
  GrantedTime time(slice);
  context_->restart();
  while (!done()) {
    deadline_.beat();
    if (time.count() >= deadline_.call() || time.on_the_wall() / busiest >= deadline_.call()) {
      return false;
    }
    context_->run_one_for(slice);
  }
  return true;
}

template <class T>
void Driver::settle(const Pending<T>& pending) {
  if (!run_until([&pending] { return pending.is_done(); })) {
    transcript_.end(pending.state->number, "did not complete");
    deadline_.after_a_hang();
    throw Timeout(pending.state->call);
  }
  if (pending.state->error) {
    transcript_.end(pending.state->number, describe(pending.state->error));
  } else if constexpr (std::is_void_v<T>) {
    transcript_.end(pending.state->number, "done");
  } else {
    transcript_.end(pending.state->number, show(*pending.state->value));
  }
}

template <class State>
void Driver::expect_own_thread(const State& state) {
  if (state.ended_on != std::this_thread::get_id()) {
    throw Violation(state.call + " to come back on the executor of its caller (ASY-03)",
                    "an end on another thread: a post is missing");
  }
}

template <class State>
void Driver::expect_own_end(const State& state) {
  const std::string_view method = method_in(state.call);
  if (method.empty()) {
    return;
  }
  expect_own_thread(state);
  try {
    if (state.error) {
      std::rethrow_exception(state.error);
    }
  } catch (const StorageError& error) {
    // A store that fails has more to answer for (ERR-01); how it names that, ERR-02 looks at.
    if (error.operation() != method && !means(error.code(), errc::unavailable)) {
      const std::string name = error.operation().empty() ? "nothing" : error.operation();
      throw Violation("an error that names " + std::string(method),
                      "an error that names " + name + ": " + error.what());
    }
  } catch (...) { // NOLINT(bugprone-empty-catch): for the rule to look at
  }
}

template <class T>
T Driver::finish(Pending<T> pending) {
  settle(pending);
  expect_own_end(*pending.state);
  if (pending.state->error) {
    std::rethrow_exception(pending.state->error);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(pending.state->value);
  }
}

} // namespace agentstore::conformance

#endif
