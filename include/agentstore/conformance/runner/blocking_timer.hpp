// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_BLOCKING_TIMER_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_BLOCKING_TIMER_HPP

/// \file
/// How long a thread was blocked, or took, less the scheduler delay of a busy machine; and whether
/// a thread is blocked.

#include <agentstore/detail/requirements.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace agentstore::conformance {

/// How long each other thread of this process was ready to run and got no processor, by its id.
/// Empty if the system does not count it.
class SchedulerDelay {
public:
  static SchedulerDelay of_others();

  /// The growth since `earlier`, summed over the threads. A thread that started since then counts
  /// from its start. A thread that has ended does not count.
  std::chrono::nanoseconds since(const SchedulerDelay& earlier) const;

private:
  std::map<std::string, std::chrono::nanoseconds> of_threads_;
};

/// The threads that make the calls of one rule.
class CallingThreads {
public:
  /// The thread that makes it is a calling thread for as long as the object lives.
  class Member {
  public:
    explicit Member(CallingThreads& all) : all_(all), id_(::gettid()) { all_.add(id_); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() { all_.remove(id_); }

  private:
    CallingThreads& all_;
    pid_t id_;
  };

  /// Whether a calling thread runs, or is ready to and gets no processor; it is not blocked then.
  /// False if the system does not report it.
  bool is_any_running() const;

private:
  void add(pid_t thread) {
    const std::lock_guard lock(mutex_);
    threads_.insert(thread);
  }
  void remove(pid_t thread) {
    const std::lock_guard lock(mutex_);
    threads_.erase(thread);
  }

  mutable std::mutex mutex_;
  std::set<pid_t> threads_;
};

/// How long this thread has slept: it had left the processor of its own accord.
///
/// On a busy machine a wait of microseconds, for a lock or for a thread that starts, lasts until
/// the system schedules the thread that is waited for. `fair` precision, which costs more,
/// therefore subtracts the scheduler delay: the time for which threads of this process were ready
/// to run and had no processor. Only that is subtracted. Sleeping and disk waits still count.
class BlockingTimer {
public:
  enum class Precision { quick, fair };

  explicit BlockingTimer(Precision precision) : precision_(precision) {
    if (precision == Precision::fair) {
      others_ = SchedulerDelay::of_others();
    }
    begin_ = now();
  }

  std::chrono::nanoseconds waited() const;

private:
  struct Sample {
    std::chrono::nanoseconds wall{0};
    std::chrono::nanoseconds cpu{0};
    std::chrono::nanoseconds delay{0};
    long switches = 0;
  };

  Sample now() const;

  Precision precision_;
  SchedulerDelay others_;
  Sample begin_;
};

/// The time since it was made, less the scheduler delay of this thread. So a bound on how much a
/// rule tries lets it try as much on a busy machine. Requires: it is used on one thread.
class UndelayedTimer {
public:
  std::chrono::nanoseconds elapsed() const { return now() - begin_; }

private:
  static std::chrono::nanoseconds now();

  std::chrono::nanoseconds begin_ = now();
};

// Only machinery below this line.

namespace detail {

/// How a small file begins; empty if there is none. Read without a stream, which costs more than
/// all the rest and is done between any two steps.
inline std::string beginning_of(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return {};
  }
  std::string text(64, '\0');
  const auto size = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

/// The second number of a schedstat: "<run> <delay> <slices>", in nanoseconds.
inline std::chrono::nanoseconds run_delay(const std::string& path) {
  const std::string text = beginning_of(path);
  std::chrono::nanoseconds::rep delay = 0;
  for (std::size_t i = std::min(text.find(' '), text.size() - 1) + 1;
       i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    delay = delay * 10 + (text[i] - '0');
  }
  return std::chrono::nanoseconds(delay);
}

} // namespace detail

inline bool CallingThreads::is_any_running() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(threads_.begin(), threads_.end(), [](pid_t thread) {
    // "<id> (<name>) <state> ...", of which the name is at most 15 characters, of any kind.
    const std::string stat =
        detail::beginning_of("/proc/self/task/" + std::to_string(thread) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && stat.substr(name_end).starts_with(") R");
  });
}

inline SchedulerDelay SchedulerDelay::of_others() {
  const std::string mine = std::to_string(::gettid());
  SchedulerDelay delays;
  std::error_code none; // a thread may end meanwhile
  for (std::filesystem::directory_iterator thread("/proc/self/task", none), end;
       !none && thread != end; thread.increment(none)) {
    std::string id = thread->path().filename().string();
    if (id != mine) {
      delays.of_threads_.emplace(std::move(id),
                                 detail::run_delay(thread->path().string() + "/schedstat"));
    }
  }
  return delays;
}

inline std::chrono::nanoseconds SchedulerDelay::since(const SchedulerDelay& earlier) const {
  std::chrono::nanoseconds grown{0};
  for (const auto& [thread, delay] : of_threads_) {
    const auto before = earlier.of_threads_.find(thread);
    const auto from =
        before == earlier.of_threads_.end() ? std::chrono::nanoseconds(0) : before->second;
    grown += std::max(delay - from, std::chrono::nanoseconds(0)); // less: its id was given again
  }
  return grown;
}

inline std::chrono::nanoseconds UndelayedTimer::now() {
  return std::chrono::steady_clock::now().time_since_epoch() -
         detail::run_delay("/proc/thread-self/schedstat");
}

inline BlockingTimer::Sample BlockingTimer::now() const {
  Sample sample;
  if (precision_ == Precision::fair) {
    sample.delay = detail::run_delay("/proc/thread-self/schedstat");
  }
  sample.wall = std::chrono::steady_clock::now().time_since_epoch();
  timespec cpu = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  sample.cpu = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
  rusage usage = {};
  ::getrusage(RUSAGE_THREAD, &usage);
  sample.switches = usage.ru_nvcsw; // only those that the thread made itself, by waiting
  return sample;
}

inline std::chrono::nanoseconds BlockingTimer::waited() const {
  const Sample end = now();
  if (end.switches == begin_.switches) {
    return std::chrono::nanoseconds(0);
  }
  const std::chrono::nanoseconds asleep =
      (end.wall - begin_.wall) - (end.cpu - begin_.cpu) - (end.delay - begin_.delay);
  return precision_ == Precision::fair ? asleep - SchedulerDelay::of_others().since(others_)
                                       : asleep;
}

} // namespace agentstore::conformance

#endif
