// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RUNNER_CRASH_REPORTER_HPP
#define AGENTSTORE_CONFORMANCE_RUNNER_CRASH_REPORTER_HPP

/// \file
/// A crash of the backend ends the process before there is a report. The reporter at least says in
/// which rule the crash happened, and what call was begun last.

#include <agentstore/detail/requirements.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unistd.h>

namespace agentstore::conformance {

/// While a reporter lives, a crash on any thread writes a line to stderr. The previous handler runs
/// after that: the system's, a sanitizer's or Catch2's. If several reporters live, the latest one
/// writes the line.
class CrashReporter {
public:
  CrashReporter(std::string_view rule, std::uint64_t seed);
  ~CrashReporter();
  CrashReporter(const CrashReporter&) = delete;
  CrashReporter& operator=(const CrashReporter&) = delete;

  /// Notes a call for the reporter that lives, if there is one.
  static void begin(std::string_view call);

private:
  class Handlers;
};

/// A separate stack for the signal handlers of this thread, because a crash may be an overflow of
/// its ordinary stack. A thread that has such a stack already, as under a sanitizer, keeps it.
class SignalStack {
public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

private:
  std::unique_ptr<char[]> memory_;
};

// Only machinery below this line.

/// What the process has once. Never destroyed: a thread that was left behind may crash at the end.
class CrashReporter::Handlers {
public:
  static Handlers& instance() {
    static auto* const handlers = new Handlers();
    return *handlers;
  }

  void add(std::string_view rule, std::uint64_t seed) {
    const std::string text = "\nagentstore kit: crashed in " + std::string(rule) +
                             " (AGENTSTORE_SEED=" + std::to_string(seed) + ")\n";
    const std::lock_guard lock(mutex_);
    size_ = text.copy(text_.data(), text_.size());
    latest_ = nullptr;
    if (users_++ == 0) {
      install();
    }
  }

  void remove() {
    const std::lock_guard lock(mutex_);
    if (--users_ == 0) {
      restore();
    }
  }

  void begin(std::string_view call) {
    const std::lock_guard lock(mutex_);
    if (users_ == 0) {
      return;
    }
    // Into the line that is not the latest: a handler may be about to write that.
    Line& line = &lines_.front() == latest_ ? lines_.back() : lines_.front();
    const std::string text = "  the call begun last: " + std::string(call.substr(0, 200)) + "\n";
    line.size = text.copy(line.text.data(), line.text.size());
    latest_ = &line;
  }

private:
  using Action = struct ::sigaction;

  class Line {
  public:
    std::array<char, 240> text = {};
    std::size_t size = 0;
  };

  static constexpr std::array<int, 5> signals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

  void install() {
    Action action = {};
    action.sa_sigaction = &handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < signals.size(); ++i) {
      ::sigaction(signals[i], &action, &before_[i]);
    }
  }

  void restore() {
    for (std::size_t i = 0; i < signals.size(); ++i) {
      Action now = {};
      ::sigaction(signals[i], nullptr, &now);
      if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &handle) {
        ::sigaction(signals[i], &before_[i], nullptr); // else another handler came later, and stays
      }
    }
  }

  static void write(const char* text, std::size_t size) {
    const ssize_t written = ::write(STDERR_FILENO, text, size);
    static_cast<void>(written);
  }

  /// Only what a signal handler may do.
  static void handle(int signal, siginfo_t* info, void*) {
    const int error = errno;
    const Handlers& self = instance();
    write(self.text_.data(), self.size_);
    if (const Line* const line = self.latest_) {
      write(line->text.data(), line->size);
    }
    for (std::size_t i = 0; i < signals.size(); ++i) {
      if (signals[i] == signal) {
        ::sigaction(signal, &self.before_[i], nullptr);
      }
    }
    // A fault recurs when this handler returns, so the previous handler sees the real place. A
    // signal sent by kill() does not recur, so it is raised again.
    if (info->si_code <= 0) {
      ::raise(signal);
    }
    errno = error;
  }

  std::mutex mutex_;
  std::size_t users_ = 0;
  std::array<Action, signals.size()> before_ = {};
  std::array<char, 160> text_ = {};
  std::atomic<std::size_t> size_ = 0;
  std::array<Line, 2> lines_;
  std::atomic<const Line*> latest_ = nullptr;
};

inline CrashReporter::CrashReporter(std::string_view rule, std::uint64_t seed) {
  Handlers::instance().add(rule, seed);
}

inline CrashReporter::~CrashReporter() {
  Handlers::instance().remove();
}

inline void CrashReporter::begin(std::string_view call) {
  Handlers::instance().begin(call);
}

inline SignalStack::SignalStack() {
  ::stack_t before = {};
  if (::sigaltstack(nullptr, &before) == 0 && (before.ss_flags & SS_DISABLE) != 0) {
    constexpr std::size_t size = std::size_t{256} << 10u;
    memory_ = std::make_unique_for_overwrite<char[]>(size);
    ::stack_t own = {};
    own.ss_sp = memory_.get();
    own.ss_size = size;
    ::sigaltstack(&own, nullptr);
  }
}

inline SignalStack::~SignalStack() {
  if (memory_) {
    ::stack_t none = {};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
}

} // namespace agentstore::conformance

#endif
