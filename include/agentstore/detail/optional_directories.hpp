// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_OPTIONAL_DIRECTORIES_HPP
#define AGENTSTORE_DETAIL_OPTIONAL_DIRECTORIES_HPP

// The directories as bases of a routed backend. Whether it has them depends on what it is made of.

#include <agentstore/authoring/routed_backend.hpp>

#include <type_traits>

namespace agentstore::detail {

/// Stands in for a missing directory. Each directory has a type of its own for that, because a
/// class cannot have the same base twice.
template <class Interface>
class Without {};

template <bool is_there, class Derived>
using SessionDirectoryIf =
    std::conditional_t<is_there, RoutedSessionDirectory<Derived>, Without<ISessionDirectory>>;

template <bool is_there, class Derived>
using ThreadDirectoryIf =
    std::conditional_t<is_there, RoutedThreadDirectory<Derived>, Without<IThreadDirectory>>;

} // namespace agentstore::detail

#endif
