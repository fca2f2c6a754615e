// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_STORES_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_STORES_HPP

// What the functions of a checkpointer are given.

#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>

#include <memory>

namespace agentstore::langgraph::detail {

class LatestCache;

/// What a checkpointer works on: the backend by its two interfaces, and what was last read of it.
class Stores {
public:
  Stores(ICheckpointerBackend& checkpoints, IThreadDirectory& threads,
         std::shared_ptr<LatestCache> cache)
      : checkpoints_(&checkpoints), threads_(&threads), cache_(std::move(cache)) {}

  ICheckpointerBackend& checkpoints() const noexcept { return *checkpoints_; }
  IThreadDirectory& threads() const noexcept { return *threads_; }
  LatestCache& cache() const noexcept { return *cache_; }

private:
  ICheckpointerBackend* checkpoints_;
  IThreadDirectory* threads_;
  std::shared_ptr<LatestCache> cache_;
};

} // namespace agentstore::langgraph::detail

#endif
