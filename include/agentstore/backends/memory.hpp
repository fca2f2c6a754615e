// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_MEMORY_HPP
#define AGENTSTORE_BACKENDS_MEMORY_HPP

/// \file
/// The reference backend: a store in the memory of the process, for tests, for caches, and as the
/// plainest answer to what the contract means.

#include <agentstore/authoring/routed_backend.hpp>
#include <agentstore/detail/memory_space.hpp>

#include <atomic>
#include <memory>

namespace agentstore {

/// What a MemorySpace can be told; the defaults suit most.
class MemoryOptions {
public:
  MemoryOptions() = default;

  /// Asked for every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// The data that one or more MemoryBackends work on. It lives as long as the last of them.
class MemorySpace {
public:
  explicit MemorySpace(MemoryOptions options = MemoryOptions())
      : data(std::move(options.clock), options.limits) {}

private:
  friend class MemoryBackend;
  detail::MemorySpaceData data;
};

/// A store in memory. All rules of IStorageBackend, ICheckpointerBackend and the directories hold;
/// it claims shared_handles and, being memory, not durable.
///
/// Its methods never suspend: a call is done when `co_await` returns, on the thread that made it.
/// The data is split over mutexes, each held for one look-up and a copy, so that sessions do not
/// wait for each other.
///
/// Distinct handles and one shared handle alike may be used from any thread. The state of a handle
/// is shared with its calls: a call may even outlive the object.
class MemoryBackend : public RoutedBackend<MemoryBackend>,
                      public RoutedSessionDirectory<MemoryBackend>,
                      public RoutedThreadDirectory<MemoryBackend> {
public:
  /// A handle on a space of its own.
  explicit MemoryBackend(MemoryOptions options = MemoryOptions());
  /// One more handle on a space: each has its own life cycle, all see the same data.
  explicit MemoryBackend(std::shared_ptr<MemorySpace> space);

  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;

private:
  friend RoutedBackend;
  friend RoutedSessionDirectory;
  friend RoutedThreadDirectory;
  class Handle;

  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const;

  std::shared_ptr<Handle> handle_;
};

// Only machinery below this line.

/// What a backend object and its calls share.
class MemoryBackend::Handle {
public:
  using Data = detail::MemorySpaceData;

  explicit Handle(std::shared_ptr<MemorySpace> space) : space_(std::move(space)) {}

  /// One call. It owns its arguments and, by `handle`, all it works on.
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> run(std::shared_ptr<Handle> handle,
                                              Arguments... arguments) {
    if (!handle->open_) {
      throw StorageError(errc::closed, Call::name, std::string(calls::key(arguments...)),
                         "the backend is not open");
    }
    Data& data = handle->space_->data;
    Call::check(data.limits(), arguments...);
    co_return Call::on(data, std::move(arguments)...);
  }

  static awaitable<bool> open(std::shared_ptr<Handle> handle) {
    handle->open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Handle> handle) {
    handle->open_ = false;
    co_return;
  }

  static awaitable<Health> health(std::shared_ptr<Handle> handle) {
    Health health;
    health.backend = "memory";
    if (handle->open_) {
      health.status = Health::Status::healthy;
    } else {
      health.issues.emplace_back("the backend is not open");
    }
    co_return health;
  }

private:
  std::shared_ptr<MemorySpace> space_;
  std::atomic<bool> open_ = false;
};

inline MemoryBackend::MemoryBackend(MemoryOptions options)
    : MemoryBackend(std::make_shared<MemorySpace>(std::move(options))) {}

inline MemoryBackend::MemoryBackend(std::shared_ptr<MemorySpace> space)
    : handle_(std::make_shared<Handle>(std::move(space))) {}

template <class Call, class... Arguments>
awaitable<typename Call::Result> MemoryBackend::route(Arguments... arguments) const {
  return Handle::run<Call>(handle_, std::move(arguments)...);
}

inline awaitable<bool> MemoryBackend::initialize() {
  return Handle::open(handle_);
}

inline awaitable<void> MemoryBackend::close() {
  return Handle::close(handle_);
}

inline awaitable<Health> MemoryBackend::health_check() {
  return Handle::health(handle_);
}

} // namespace agentstore

#endif
