// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_THREAD_WAIT_HPP
#define AGENTSTORE_CONFORMANCE_THREAD_WAIT_HPP

/// \file
/// How long a thread waited, apart from what a busy machine made of it.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace agentstore::conformance {

/// How long each other thread of this process was ready to run and got no processor, by its id.
/// Empty where the system does not count it.
class RunDelays {
public:
  static RunDelays of_others();

  /// By how much it has grown since then, of all threads together. A thread that has come since
  /// counts from its start, one that has gone not at all.
  std::chrono::nanoseconds since(const RunDelays& earlier) const;

private:
  std::map<std::string, std::chrono::nanoseconds> of_threads_;
};

/// How long this thread has slept: it had left the processor of its own accord.
///
/// On a busy machine a wait of microseconds, for a lock or for a thread that starts, lasts until
/// the system has let run whoever is waited for. A fair look, which costs more, does not count the
/// time for which a thread of this process was ready and not let run. Who sleeps, or waits for one
/// that sleeps or for the disk, gets nothing off for that.
class ThreadWait {
public:
  enum class Look { quick, fair };

  explicit ThreadWait(Look look) : look_(look) {
    if (look == Look::fair) {
      others_ = RunDelays::of_others();
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

  Look look_;
  RunDelays others_;
  Sample begin_;
};

// Only machinery below this line.

namespace detail {

/// The second number of a schedstat: "<run> <delay> <slices>", in nanoseconds. Read without a
/// stream, which costs more than all the rest and is done between any two steps.
inline std::chrono::nanoseconds run_delay(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return {};
  }
  std::string text(64, '\0');
  const auto size = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  std::chrono::nanoseconds::rep delay = 0;
  for (std::size_t i = std::min(text.find(' '), text.size() - 1) + 1;
       i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    delay = delay * 10 + (text[i] - '0');
  }
  return std::chrono::nanoseconds(delay);
}

} // namespace detail

inline RunDelays RunDelays::of_others() {
  const std::string mine = std::to_string(::gettid());
  RunDelays delays;
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

inline std::chrono::nanoseconds RunDelays::since(const RunDelays& earlier) const {
  std::chrono::nanoseconds grown{0};
  for (const auto& [thread, delay] : of_threads_) {
    const auto before = earlier.of_threads_.find(thread);
    const auto from =
        before == earlier.of_threads_.end() ? std::chrono::nanoseconds(0) : before->second;
    grown += std::max(delay - from, std::chrono::nanoseconds(0)); // less: its id was given again
  }
  return grown;
}

inline ThreadWait::Sample ThreadWait::now() const {
  Sample sample;
  if (look_ == Look::fair) {
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

inline std::chrono::nanoseconds ThreadWait::waited() const {
  const Sample end = now();
  if (end.switches == begin_.switches) {
    return std::chrono::nanoseconds(0);
  }
  const std::chrono::nanoseconds asleep =
      (end.wall - begin_.wall) - (end.cpu - begin_.cpu) - (end.delay - begin_.delay);
  return look_ == Look::fair ? asleep - RunDelays::of_others().since(others_) : asleep;
}

} // namespace agentstore::conformance

#endif
