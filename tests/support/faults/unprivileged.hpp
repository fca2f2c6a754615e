// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_UNPRIVILEGED_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_UNPRIVILEGED_HPP

#include <functional>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace agentstore::test {

/// Does `work` as a user who, unlike root, is bound to the permissions of files. It runs on a
/// thread of its own, and the threads that it starts inherit the user. False if that is not
/// possible.
inline bool as_unprivileged(const std::function<void()>& work) {
  if (::geteuid() != 0) {
    work();
    return true;
  }
  bool possible = false;
  std::thread thread([&] {
    // Not by setresuid(), which changes every thread of the process.
    constexpr long nobody = 65'534;
    possible = ::syscall(SYS_setresuid, -1L, nobody, -1L) == 0;
    if (possible) {
      work();
    }
  });
  thread.join();
  ::prctl(PR_SET_DUMPABLE, 1); // the change has cleared it, and a leak checker needs it
  return possible;
}

} // namespace agentstore::test

#endif
