// SPDX-License-Identifier: Apache-2.0
// Before the guard: it includes this header where it needs it.
#include <agentstore/langgraph/checkpointer.hpp>

#ifndef AGENTSTORE_DETAIL_LANGGRAPH_SEEN_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_SEEN_HPP

// What a checkpointer last saw of the namespaces that it works on.

#include <agentstore/detail/langgraph/document.hpp>

#include <mutex>
#include <unordered_map>

namespace agentstore::langgraph::detail {

/// The document of a key that had arrived last, and what was known of all until then.
class Top {
public:
  Top(std::string last, Standing all) : id(std::move(last)), standing(std::move(all)) {}

  std::string id;
  Standing standing;
};

/// It may be out of date, and what is noted from it is sound all the same: a document that says it
/// came after `id` is believed only if it did, and until `id` nothing has changed.
///
/// Any thread may call any method.
class Seen {
public:
  /// What was seen in the store itself, not what a call has just put there: behind that, another
  /// may have come in between.
  void keep(const std::string& key, Top top) {
    const std::lock_guard lock(mutex_);
    if (tops_.size() >= most) {
      tops_.clear();
    }
    tops_.insert_or_assign(key, std::move(top));
  }

  /// For one document that is to be put on top.
  std::optional<Top> take(const std::string& key) {
    const std::lock_guard lock(mutex_);
    auto node = tops_.extract(key);
    return node ? std::optional(std::move(node.mapped())) : std::nullopt;
  }

private:
  static constexpr std::size_t most = 4'096;

  std::mutex mutex_;
  std::unordered_map<std::string, Top> tops_;
};

} // namespace agentstore::langgraph::detail

#endif
