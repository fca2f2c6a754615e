// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_STORE_URI_HPP
#define AGENTSTORE_EXAMPLES_COMMON_STORE_URI_HPP

/// \file
/// From a URI to a store. Nothing here knows a backend by name: each has a file in stores/, which
/// adds its kind. What is not built is not there.

#include "bad_input.hpp"

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/thread_directory.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <algorithm>
#include <cctype>
#include <concepts>
#include <map>
#include <memory>
#include <string>

namespace example {

/// One backend, seen through its interfaces.
class Store {
public:
  template <class Backend>
  explicit Store(std::shared_ptr<Backend> backend) : storage_(backend), checkpointer_(backend) {
    if constexpr (std::derived_from<Backend, agentstore::IThreadDirectory>) {
      threads_ = backend;
    }
  }

  agentstore::IStorageBackend& storage() const { return *storage_; }
  agentstore::ICheckpointerBackend& checkpointer() const { return *checkpointer_; }
  /// Null if the backend is none.
  agentstore::IThreadDirectory* threads() const { return threads_.get(); }

private:
  std::shared_ptr<agentstore::IStorageBackend> storage_;
  std::shared_ptr<agentstore::ICheckpointerBackend> checkpointer_;
  std::shared_ptr<agentstore::IThreadDirectory> threads_;
};

/// How the URIs of a scheme are written, and how the store is made of one.
class StoreKind {
public:
  std::string usage;
  /// Of the whole URI and of what follows the colon; throws BadInput. The executor is for a store
  /// that has no threads of its own.
  Store (*make)(boost::asio::any_io_executor executor, const std::string& uri,
                const std::string& rest);
};

/// By scheme.
inline std::map<std::string, StoreKind>& store_kinds() {
  static std::map<std::string, StoreKind> kinds;
  return kinds;
}

/// For a constant at namespace scope, so that the kind is there before main begins.
inline bool add_store_kind(const std::string& scheme, StoreKind kind) {
  return store_kinds().emplace(scheme, std::move(kind)).second;
}

/// The URIs there are, for a message.
inline std::string store_uri_usage() {
  std::string text;
  for (const auto& [scheme, kind] : store_kinds()) {
    text += text.empty() ? "" : ", ";
    text += kind.usage;
  }
  return text;
}

/// The store that a URI names, not yet open; throws BadInput.
inline Store make_store(boost::asio::any_io_executor executor, const std::string& uri) {
  const auto is_no_part_of_scheme = [](unsigned char c) { return std::isalnum(c) == 0; };
  const auto end = std::find_if(uri.begin(), uri.end(), is_no_part_of_scheme);
  const std::string scheme(uri.begin(), end);
  const auto kind = store_kinds().find(scheme);
  if (end == uri.end() || *end != ':' || kind == store_kinds().end()) {
    // What follows is not shown: it may hold a password.
    throw BadInput("store URI beginning with \"" + scheme + "\" is none of " + store_uri_usage());
  }
  return kind->second.make(std::move(executor), uri, uri.substr(scheme.size() + 1));
}

} // namespace example

#endif
