// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_KEYS_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_KEYS_HPP

// The names under which the checkpointer keeps things in a backend.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/langgraph/checkpointer.hpp>

#include <charconv>

namespace agentstore::langgraph::detail {

/// The prefix of all threads of the backend that hold checkpoints.
inline const std::string key_prefix = "lg:";
/// The prefix of a thread that notes an unfinished copy. No key begins with it.
inline const std::string copy_prefix = "lg-copy:";

/// Throws if it is no thread id of LangGraph's.
inline void check_thread(const char* operation, const std::string& thread_id) {
  const auto arguments = check(operation, thread_id);
  arguments.id("thread_id", thread_id);
  if (thread_id.size() > max_key_bytes) {
    arguments.refuse(errc::invalid_argument, "thread_id", "is longer than 1000 bytes");
  }
}

/// The prefix of the keys of a thread, and of no other thread's. The id stands behind its size, so
/// that no id is taken for the beginning of a longer one.
inline std::string prefix_of(const std::string& thread_id) {
  return key_prefix + std::to_string(thread_id.size()) + ":" + thread_id + ":";
}

/// The thread's name in the backend. Throws if the name would be too long or an argument is
/// invalid.
inline std::string key_of(const char* operation, const std::string& thread_id,
                          const std::string& checkpoint_ns) {
  check_thread(operation, thread_id);
  const auto arguments = check(operation, thread_id);
  arguments.id_prefix("checkpoint_ns", checkpoint_ns);
  if (thread_id.size() + checkpoint_ns.size() > max_key_bytes) {
    arguments.refuse(errc::invalid_argument, "thread_id and checkpoint_ns",
                     "are together longer than 1000 bytes");
  }
  return prefix_of(thread_id) + checkpoint_ns;
}

/// The thread and namespace of a key; nullopt if the text is no such key.
inline std::optional<Config> parse_key(const std::string& key) {
  if (!key.starts_with(key_prefix)) {
    return std::nullopt;
  }
  std::size_t size = 0;
  const char* const end = key.data() + key.size();
  const auto [colon, error] = std::from_chars(key.data() + key_prefix.size(), end, size);
  const auto rest = static_cast<std::size_t>(end - colon);
  if (error != std::errc() || rest < 2 || size > rest - 2) {
    return std::nullopt;
  }
  const char* const ns = colon + 1 + size + 1;
  Config config(std::string(colon + 1, size), std::string(ns, end));
  return prefix_of(config.thread_id) + config.checkpoint_ns == key
             ? std::optional(std::move(config))
             : std::nullopt;
}

} // namespace agentstore::langgraph::detail

#endif
