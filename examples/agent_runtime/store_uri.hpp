// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_STORE_URI_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_STORE_URI_HPP

/// \file
/// From a URI to a store. This is the one place of the program that knows any backend by name.

#include "../custom_backend/journal_backend.hpp"
#include "bad_input.hpp"

#include <agentstore/backends/memory.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace agent_runtime {

/// One backend, seen through its two interfaces.
class Store {
public:
  template <class Backend>
  explicit Store(std::shared_ptr<Backend> backend) : storage_(backend), checkpointer_(backend) {}

  agentstore::IStorageBackend& storage() const { return *storage_; }
  agentstore::ICheckpointerBackend& checkpointer() const { return *checkpointer_; }

private:
  std::shared_ptr<agentstore::IStorageBackend> storage_;
  std::shared_ptr<agentstore::ICheckpointerBackend> checkpointer_;
};

/// A scheme, how its URIs are written, and how the store is made of what follows the colon.
class StoreKind {
public:
  std::string_view scheme;
  std::string_view usage;
  Store (*make)(const std::string& rest);
};

inline Store make_memory(const std::string& rest) {
  if (!rest.empty()) {
    throw BadInput("store URI \"memory:" + rest + "\": nothing may follow memory:");
  }
  return Store(std::make_shared<agentstore::MemoryBackend>());
}

inline Store make_journal(const std::string& rest) {
  if (rest.empty()) {
    throw BadInput("store URI \"journal:\": the directory is missing");
  }
  return Store(std::make_shared<example::JournalBackend>(rest));
}

/// One entry for each backend.
inline constexpr StoreKind store_kinds[] = {
    {"memory", "memory:", make_memory},
    {"journal", "journal:DIR", make_journal},
};

/// The URIs there are, for a message.
inline std::string store_uri_usage() {
  std::string text;
  for (const StoreKind& kind : store_kinds) {
    text += text.empty() ? "" : ", ";
    text += kind.usage;
  }
  return text;
}

/// The store that a URI names, not yet open; throws BadInput.
inline Store make_store(const std::string& uri) {
  const std::size_t colon = uri.find(':');
  if (colon != std::string::npos) {
    for (const StoreKind& kind : store_kinds) {
      if (uri.compare(0, colon, kind.scheme) == 0) {
        return kind.make(uri.substr(colon + 1));
      }
    }
  }
  throw BadInput("store URI \"" + uri + "\" is none of " + store_uri_usage());
}

} // namespace agent_runtime

#endif
