// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_LATEST_CACHE_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_LATEST_CACHE_HPP

// What a checkpointer last read of the namespaces that it works on, so that a put need not read.

#include <agentstore/detail/langgraph/order.hpp>

#include <mutex>
#include <unordered_map>

namespace agentstore::langgraph::detail {

/// The checkpoint of a namespace that had arrived last, and what was known of all up to it.
class Latest {
public:
  Latest(std::string latest_id, OrderSummary known)
      : id(std::move(latest_id)), summary(std::move(known)) {}

  std::string id;
  OrderSummary summary;
};

/// The latest checkpoints by key. An entry may be out of date: a note that is made from it is right
/// nevertheless (order.hpp), but has more ids in its gap, which a reader has to look at. Any thread
/// may call any method.
class LatestCache {
public:
  /// What was read from the store. What a call has just put is not kept: another writer's
  /// checkpoint may have arrived before it.
  void keep(const std::string& key, Latest latest) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= max_entries) {
      entries_.clear();
    }
    entries_.insert_or_assign(key, Entry(std::move(latest)));
  }

  /// For a put. After some puts the entry is given up, which bounds the gap.
  std::optional<Latest> use(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
      return std::nullopt;
    }
    if (found->second.uses == max_uses) {
      entries_.erase(found);
      return std::nullopt;
    }
    ++found->second.uses;
    return found->second.latest;
  }

  /// How many ids a reader is to ask for, so that the note's `after` is among them if nobody else
  /// writes.
  std::size_t expected_ids(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return 2 + (found != entries_.end() ? found->second.uses : max_uses);
  }

  /// For calls that delete checkpoints.
  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
  }

private:
  static constexpr std::size_t max_entries = 4'096;
  static constexpr std::size_t max_uses = 16;

  class Entry {
  public:
    explicit Entry(Latest what) : latest(std::move(what)) {}

    Latest latest;
    std::size_t uses = 0;
  };

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

} // namespace agentstore::langgraph::detail

#endif
