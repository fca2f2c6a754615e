// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CRASH_PROCESS_BARRIER_HPP
#define AGENTSTORE_CONFORMANCE_CRASH_PROCESS_BARRIER_HPP

/// \file
/// Two children wait for each other at a barrier, so that their next step is a race.

#include <agentstore/conformance/runner/coroutine_driver.hpp>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace agentstore::conformance {

/// A counter in memory that processes share. The parent makes it, both children open it by its
/// path, which is good as long as the parent lives.
class ProcessBarrier {
public:
  /// Throws HarnessFailure if the machine gives no memory for it.
  ProcessBarrier() : ProcessBarrier(::memfd_create("agentstore-barrier", MFD_CLOEXEC), true) {}
  explicit ProcessBarrier(const std::string& path)
      : ProcessBarrier(::open(path.c_str(), O_RDWR | O_CLOEXEC), false) {}
  ProcessBarrier(const ProcessBarrier&) = delete;
  ProcessBarrier& operator=(const ProcessBarrier&) = delete;
  ~ProcessBarrier() {
    ::munmap(count_, sizeof(Count));
    ::close(descriptor_);
  }

  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_);
  }

  /// Waits until the other child has come as often. Throws HarnessFailure if the other child does
  /// not come. That child's own words tell why.
  void meet(Deadline& deadline) {
    using namespace std::chrono_literals;
    met_ += 2;
    count_->fetch_add(1);
    const auto end = std::chrono::steady_clock::now() + 30s + 2 * deadline.call();
    while (count_->load() < met_) {
      deadline.beat();
      if (std::chrono::steady_clock::now() > end) {
        throw HarnessFailure("the other process did not come");
      }
      std::this_thread::sleep_for(20us);
    }
  }

private:
  using Count = std::atomic<std::uint64_t>;
  static_assert(Count::is_always_lock_free, "only then can processes share it");

  ProcessBarrier(int descriptor, bool is_new) : descriptor_(descriptor) {
    void* memory = MAP_FAILED;
    if (descriptor_ >= 0 && (!is_new || ::ftruncate(descriptor_, sizeof(Count)) == 0)) {
      memory = ::mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
    }
    if (memory == MAP_FAILED) {
      const int error = errno;
      if (descriptor_ >= 0) {
        ::close(descriptor_);
      }
      throw HarnessFailure("no memory for processes to share: " +
                           std::generic_category().message(error));
    }
    count_ = is_new ? new (memory) Count(0) : static_cast<Count*>(memory);
  }

  int descriptor_;
  Count* count_ = nullptr;
  std::uint64_t met_ = 0;
};

} // namespace agentstore::conformance

#endif
