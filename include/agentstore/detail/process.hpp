// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_PROCESS_HPP
#define AGENTSTORE_DETAIL_PROCESS_HPP

#include <agentstore/error.hpp>

#include <atomic>
#include <memory>
#include <pthread.h>
#include <string>
#include <string_view>
#include <utility>

namespace agentstore::detail {

/// The child of a fork has the objects of its parent, but neither their threads nor a right to
/// their files and connections.
inline constexpr const char* not_of_this_process =
    "the backend was made before a fork: make one of its own in the child";

/// Knows whether it is in the process that made it. Unlike `getpid`, the question costs no call
/// into the kernel.
class ProcessOfOrigin {
public:
  bool is_here() const noexcept { return process_ == current(); }

  /// Throws in the child of a fork.
  void require_here(const char* operation, std::string_view key) const {
    if (!is_here()) {
      throw StorageError(errc::closed, operation, std::string(key), not_of_this_process);
    }
  }

private:
  /// A number that is different in the child of a fork.
  static unsigned current() noexcept {
    [[maybe_unused]] static const int is_watched =
        ::pthread_atfork(nullptr, nullptr, [] { ++forks_; });
    return forks_.load(std::memory_order_relaxed);
  }

  static inline std::atomic<unsigned> forks_ = 0;
  const unsigned process_ = current();
};

/// An object that works in the process that made it. In the child of a fork it is never destroyed.
/// Its destructor would wait for threads that are not there, or end a connection that the parent
/// goes on using.
template <class T>
class OfThisProcess : public ProcessOfOrigin {
public:
  template <class... Arguments>
  explicit OfThisProcess(std::in_place_t, Arguments&&... arguments)
      : object_(std::make_unique<T>(std::forward<Arguments>(arguments)...)) {}
  OfThisProcess(const OfThisProcess&) = delete;
  OfThisProcess& operator=(const OfThisProcess&) = delete;
  ~OfThisProcess() {
    if (!is_here()) {
      static_cast<void>(object_.release());
    }
  }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_.get(); }

private:
  std::unique_ptr<T> object_;
};

} // namespace agentstore::detail

#endif
