// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_MEMORY_ENGINE_HPP
#define AGENTSTORE_DETAIL_MEMORY_ENGINE_HPP

// The engine of MemoryBackend: a handle on a space.

#include <agentstore/backends/memory.hpp>
#include <agentstore/detail/engine_backend_members.hpp>
#include <agentstore/detail/memory/space.hpp>

#include <atomic>

namespace agentstore::detail::memory {

class Engine {
public:
  explicit Engine(std::shared_ptr<Space> space) : space_(std::move(space)) {}

  /// One call. It owns its arguments and, by `engine`, all it works on.
  template <class Call, class... Arguments>
  static awaitable<typename Call::Result> call(std::shared_ptr<Engine> engine,
                                               Arguments... arguments) {
    if (!engine->is_open_) {
      throw StorageError(errc::closed, Call::name, std::string(calls::key(arguments...)),
                         "the backend is not open");
    }
    Space& space = *engine->space_;
    Call::check(space.limits(), arguments...);
    co_return Call::on(space, std::move(arguments)...);
  }

  static awaitable<bool> open(std::shared_ptr<Engine> engine) {
    engine->is_open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Engine> engine) {
    engine->is_open_ = false;
    co_return;
  }

  static awaitable<Health> health(std::shared_ptr<Engine> engine) {
    Health health;
    health.backend = "memory";
    if (engine->is_open_) {
      health.status = Health::Status::healthy;
    } else {
      health.issues.emplace_back("the backend is not open");
    }
    co_return health;
  }

private:
  std::shared_ptr<Space> space_;
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::memory

#endif
