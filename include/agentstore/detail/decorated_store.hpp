// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DECORATED_STORE_HPP
#define AGENTSTORE_DETAIL_DECORATED_STORE_HPP

// What routed backends over another store share: the interfaces of that store, and its calls.

#include <agentstore/detail/document/survey.hpp>
#include <agentstore/detail/optional_directories.hpp>

#include <concepts>

namespace agentstore::detail {

template <class Store>
concept WholeStore =
    std::derived_from<Store, IStorageBackend> && std::derived_from<Store, ICheckpointerBackend>;

/// The directory interfaces that `Store` has.
template <class Derived, class Store>
using SessionDirectoryLike =
    SessionDirectoryIf<std::is_base_of_v<ISessionDirectory, Store>, Derived>;
template <class Derived, class Store>
using ThreadDirectoryLike = ThreadDirectoryIf<std::is_base_of_v<IThreadDirectory, Store>, Derived>;

/// Calls the method by its own name. Engines have one call for both names of a put.
template <class Call, class Store, class... Arguments>
awaitable<typename Call::Result> call_on(Store& store, Arguments... arguments) {
  if constexpr (std::is_same_v<Call, calls::StoreCheckpoint>) {
    return store.store_checkpoint(std::move(arguments)...);
  } else {
    return Call::on(store, std::move(arguments)...);
  }
}

/// Whether an argument may be copied. A json is copied recursively, and the json of an update may
/// be too deep for any store.
template <class Argument>
bool may_be_copied(const Argument&) {
  return true;
}
inline bool may_be_copied(const SessionUpdate& update) {
  return !update.metadata_patch() ||
         document::Survey().of(*update.metadata_patch()).fault() != Document::Fault::depth;
}

} // namespace agentstore::detail

#endif
