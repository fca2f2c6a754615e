// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_FORKED_CHILD_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_FORKED_CHILD_HPP

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace agentstore::test {

#if defined(__SANITIZE_THREAD__)
#define AGENTSTORE_TESTS_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AGENTSTORE_TESTS_THREAD_SANITIZER
#endif
#endif

#if defined(AGENTSTORE_TESTS_THREAD_SANITIZER)
inline constexpr bool is_thread_sanitized = true;
#else
inline constexpr bool is_thread_sanitized = false;
#endif

/// ThreadSanitizer ends a child that makes threads.
inline constexpr bool child_may_have_threads = !is_thread_sanitized;

/// Forks, and returns what `work` returned in the child, or how the child ended. A child that hangs
/// is ended after 20 seconds.
/// Requires: `work` needs nothing that it made any more when it returns, because nothing is
/// destroyed after it.
inline std::string said_by_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) {
    throw std::runtime_error("no pipe");
  }
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    std::string said;
    try {
      said = work();
    } catch (const std::exception& error) {
      said = std::string("threw ") + error.what();
    }
    const bool is_written = ::write(ends[1], said.data(), said.size()) >= 0;
    ::_exit(is_written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  char some[256];
  for (::ssize_t count = 1; count > 0;) {
    count = ::read(ends[0], some, sizeof(some));
    said.append(some, count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    said += " ended by signal " + std::to_string(WTERMSIG(status));
  }
  return said;
}

} // namespace agentstore::test

#endif
