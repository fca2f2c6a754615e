// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_BACKENDS_MEMORY_HPP
#define AGENTSTORE_BACKENDS_MEMORY_HPP

/// \file
/// The reference backend: a store in the memory of the process, for tests, for caches, and as the
/// plainest answer to what the contract means.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/limits.hpp>
#include <agentstore/detail/engine_backend.hpp>

#include <memory>

namespace agentstore {

namespace detail::memory {
class Engine;
class Space;
} // namespace detail::memory

/// The options of a MemorySpace; the defaults suit most programs.
class MemoryOptions {
public:
  MemoryOptions() = default;

  /// Gives every time that is stored.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// The data that one or more MemoryBackends work on. It lives as long as the last of them.
class MemorySpace {
public:
  explicit MemorySpace(MemoryOptions options = MemoryOptions())
      : space_(detail::construct<detail::memory::Space>(std::move(options))) {}

private:
  friend class MemoryBackend;
  std::shared_ptr<detail::memory::Space> space_;
};

/// A store in memory. All rules of IStorageBackend, ICheckpointerBackend and the directories hold;
/// the backend claims shared_handles, but not durable, because it is only memory.
///
/// Its methods never suspend: a call is done when `co_await` returns, on the thread that made it.
/// The data is split into parts with a mutex each, held for one look-up and a copy, so that
/// sessions do not wait for each other.
///
/// Distinct handles and one shared handle alike may be used from any thread. The state of a handle
/// is shared with its calls: a call may even outlive the object.
///
/// The child of a fork has a copy of the data, and may use it if no thread of the parent was in a
/// call at the fork: the locks of such a call are never let go of in the child.
class MemoryBackend : public detail::EngineBackend<detail::memory::Engine> {
public:
  /// A handle on a space of its own.
  explicit MemoryBackend(MemoryOptions options = MemoryOptions())
      : MemoryBackend(std::make_shared<MemorySpace>(std::move(options))) {}
  /// One more handle on a space: each has its own life cycle, all see the same data.
  explicit MemoryBackend(std::shared_ptr<MemorySpace> space)
      : EngineBackend(detail::construct<detail::memory::Engine>(space->space_)) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/memory/engine.hpp>
#endif

#endif
