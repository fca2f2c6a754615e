// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_STORE_URI_HPP
#define AGENTSTORE_EXAMPLES_COMMON_STORE_URI_HPP

/// \file
/// From a URI to a store. Nothing here knows a backend by name: each has a file in stores/, which
/// adds its kind. What is not built is not there.

#include "kinds_by_uri.hpp"

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

#include <concepts>
#include <memory>
#include <string>

namespace example {

/// One backend, seen through its interfaces.
class Store {
public:
  template <class Backend>
  explicit Store(std::shared_ptr<Backend> backend) : backend_(backend) {
    if constexpr (std::derived_from<Backend, agentstore::IThreadDirectory>) {
      threads_ = backend;
    }
  }

  agentstore::IStorageBackend& storage() const { return backend_.storage(); }
  agentstore::ICheckpointerBackend& checkpointer() const { return backend_.checkpointer(); }
  /// Null if the backend is none.
  agentstore::IThreadDirectory* threads() const { return threads_.get(); }
  /// For a decorator.
  const agentstore::InnerBackend& backend() const { return backend_; }

private:
  agentstore::InnerBackend backend_;
  std::shared_ptr<agentstore::IThreadDirectory> threads_;
};

using StoreKinds = KindsByUri<Store>;

inline bool add_store_kind(const std::string& scheme, StoreKinds::Kind kind) {
  return StoreKinds::add(scheme, std::move(kind));
}
inline std::string store_uri_usage() {
  return StoreKinds::usage();
}
inline Store make_store(boost::asio::any_io_executor executor, const std::string& uri) {
  return StoreKinds::make(std::move(executor), uri, "store");
}

} // namespace example

#endif
