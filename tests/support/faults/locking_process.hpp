// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_LOCKING_PROCESS_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_LOCKING_PROCESS_HPP

#include "support/raw_sqlite.hpp"

#include <cerrno>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace agentstore::test {

/// Another process that holds the write lock of an SQLite file, until it is asked to let go or the
/// object ends.
class LockingProcess {
public:
  explicit LockingProcess(const std::string& path) {
    int to_child[2];
    int to_parent[2];
    if (::pipe(to_child) != 0 || ::pipe(to_parent) != 0) {
      throw std::runtime_error("no pipe");
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::close(to_child[1]);
      char byte = 0;
      try {
        RawSqlite file(path);
        file.execute("BEGIN IMMEDIATE");
        if (::write(to_parent[1], "x", 1) == 1) {
          while (::read(to_child[0], &byte, 1) < 0 && errno == EINTR) {
          }
          file.execute("COMMIT");
        }
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    ::close(to_child[0]);
    ::close(to_parent[1]);
    release_ = to_child[1];
    char byte = 0;
    const bool is_locked = ::read(to_parent[0], &byte, 1) == 1;
    ::close(to_parent[0]);
    if (!is_locked) {
      release();
      throw std::runtime_error("the other process cannot lock the file");
    }
  }
  LockingProcess(const LockingProcess&) = delete;
  LockingProcess& operator=(const LockingProcess&) = delete;
  ~LockingProcess() { release(); }

  /// Ends the process, and so lets go of the lock.
  void release() {
    if (release_ >= 0) {
      ::close(release_);
      release_ = -1;
      int status = 0;
      while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
      }
    }
  }

private:
  ::pid_t child_ = 0;
  int release_ = -1;
};

} // namespace agentstore::test

#endif
