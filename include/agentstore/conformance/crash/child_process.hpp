// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CRASH_CHILD_PROCESS_HPP
#define AGENTSTORE_CONFORMANCE_CRASH_CHILD_PROCESS_HPP

/// \file
/// This program once more, as a child that can be killed and that writes to its parent through a
/// pipe.

#include <agentstore/conformance/check/failures.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace agentstore::conformance {

/// A child that runs the same executable. It is killed and reaped with the object, so that no
/// zombie is left.
///
/// It may be started from any thread of a program with many threads. Its standard output goes
/// nowhere, because it would mix with the parent's report.
class ChildProcess {
public:
  /// `setting` is put into the child's environment as `variable`, followed by a space and the
  /// number of the descriptor that it is to write to. Throws HarnessFailure if it cannot start.
  ChildProcess(const std::vector<std::string>& arguments, const std::string& variable,
               const std::string& setting);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  enum class ReadResult { data, nothing, end };

  /// Waits at most `time` for what the child writes, and adds it to `text`. `end` means that the
  /// child has closed its side of the pipe, so the child is over.
  ReadResult read(std::string& text, std::chrono::milliseconds time);

  /// Kills the child by SIGKILL, waits until it is gone, and returns how it ended; it may have
  /// ended by itself before. What the child wrote can still be read.
  std::string kill();

private:
  /// A descriptor that closes itself.
  class Descriptor {
  public:
    explicit Descriptor(int number = -1) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }

    int get() const { return number_; }
    void reset(int number = -1) {
      if (number_ >= 0) {
        ::close(number_);
      }
      number_ = number;
    }

  private:
    int number_;
  };

  void start(const std::vector<std::string>& arguments, const std::string& definition,
             int writing_end);

  Descriptor reading_end_;
  pid_t pid_ = -1;
  std::string how_ = "it never started";
};

/// The child's end of the pipe. Each text that it says is one line.
class ParentPipe {
public:
  explicit ParentPipe(int descriptor) : descriptor_(descriptor) {}

  /// Ends the program if nobody reads the pipe any more.
  void say(std::string line) const;

private:
  int descriptor_;
};

namespace detail {
/// The variable by which a child knows that it is a child, and what it is to do.
inline constexpr const char* child_variable = "AGENTSTORE_KILL_CHILD";
} // namespace detail

// Only machinery below this line.

inline void ParentPipe::say(std::string line) const {
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t size = ::write(descriptor_, line.data() + at, line.size() - at);
    if (size < 0 && errno != EINTR) {
      std::_Exit(1);
    }
    at += size > 0 ? static_cast<std::size_t>(size) : 0;
  }
}

inline ChildProcess::ChildProcess(const std::vector<std::string>& arguments,
                                  const std::string& variable, const std::string& setting) {
  std::array<int, 2> ends = {-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw HarnessFailure("no pipe: " + std::generic_category().message(errno));
  }
  reading_end_.reset(ends[0]);
  const Descriptor writing_end(
      ends[1]); // closed here at the end, so that the child's is the only one
  start(arguments, variable + "=" + setting + " " + std::to_string(ends[1]), ends[1]);
}

inline ChildProcess::~ChildProcess() {
  kill();
}

inline void ChildProcess::start(const std::vector<std::string>& arguments,
                                const std::string& definition, int writing_end) {
  std::vector<std::string> words;
  words.emplace_back("/proc/self/exe");
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);

  std::string own = definition;
  const std::string_view name = std::string_view(own).substr(0, own.find('=') + 1);
  std::vector<char*> environment;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    if (std::string_view(*entry).substr(0, name.size()) != name) {
      environment.push_back(*entry);
    }
  }
  environment.push_back(own.data());
  environment.push_back(nullptr);

  ::posix_spawn_file_actions_t actions;
  ::posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // Onto itself: that only makes it stay open in the child.
  ::posix_spawn_file_actions_adddup2(&actions, writing_end, writing_end);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  // A child whose parent is gone dies when it next writes, whatever the parent did to the signal.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  ::sigaddset(&signals, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawn(&pid_, words.front().c_str(), &actions, &attributes, argv.data(),
                                  environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    throw HarnessFailure("the program cannot start itself again: " +
                         std::generic_category().message(error));
  }
}

inline ChildProcess::ReadResult ChildProcess::read(std::string& text,
                                                   std::chrono::milliseconds time) {
  ::pollfd waiting = {};
  waiting.fd = reading_end_.get();
  waiting.events = POLLIN;
  if (::poll(&waiting, 1, static_cast<int>(time.count())) <= 0) {
    return ReadResult::nothing; // an interruption by a signal included: the caller asks again
  }
  std::array<char, 4096> buffer = {};
  const ssize_t size = ::read(reading_end_.get(), buffer.data(), buffer.size());
  if (size > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
    return ReadResult::data;
  }
  return size < 0 && errno == EINTR ? ReadResult::nothing : ReadResult::end;
}

inline std::string ChildProcess::kill() {
  if (pid_ < 0) {
    return how_;
  }
  ::kill(pid_, SIGKILL);
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  if (ended < 0) {
    how_ = "nobody can say how it ended"; // to a program that ignores SIGCHLD
  } else if (WIFSIGNALED(status)) {
    how_ = "it ended by signal " + std::to_string(WTERMSIG(status));
  } else {
    how_ = "it ended with exit code " + std::to_string(WEXITSTATUS(status));
  }
  return how_;
}

} // namespace agentstore::conformance

#endif
