// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_PROGRESS_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_PROGRESS_HPP

#include <chrono>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace agent_runtime {

/// A bar on standard error where that is a terminal; nothing elsewhere.
class Progress {
public:
  Progress(std::size_t total, bool quiet)
      : total_(total), shown_(!quiet && isatty(STDERR_FILENO) != 0) {}

  ~Progress() { finish(); }

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::size_t steps) {
    done_ += steps;
    const auto now = std::chrono::steady_clock::now();
    if (shown_ && now >= next_) {
      next_ = now + std::chrono::milliseconds(50);
      draw();
    }
  }

  /// Clears the line, so that what is printed next begins on an empty one.
  void finish() {
    if (shown_) {
      std::fputs("\r\x1b[K", stderr);
      shown_ = false;
    }
  }

private:
  void draw() const {
    constexpr std::size_t width = 40;
    const std::size_t filled = total_ == 0 ? width : width * done_ / total_;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::fprintf(stderr, "\r[%s] %zu/%zu messages", bar.c_str(), done_, total_);
    std::fflush(stderr);
  }

  std::size_t total_;
  std::size_t done_ = 0;
  bool shown_;
  std::chrono::steady_clock::time_point next_;
};

} // namespace agent_runtime

#endif
