// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_POINTS_INTO_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_POINTS_INTO_HPP

#include <concepts>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace agentstore::detail::document {

/// Whether a T that is read from a json points into that json: a view, a pointer, or a container,
/// an optional or a tuple of such.
template <class T>
inline constexpr bool points_into =
    std::is_pointer_v<T> || std::is_reference_v<T> || std::ranges::view<T>;

template <class T>
  requires(!std::ranges::view<T> && !std::same_as<T, typename T::value_type>)
inline constexpr bool points_into<T> = points_into<std::remove_cv_t<typename T::value_type>>;

template <class First, class Second>
inline constexpr bool points_into<std::pair<First, Second>> =
    points_into<std::remove_cv_t<First>> || points_into<std::remove_cv_t<Second>>;

template <class... Parts>
inline constexpr bool points_into<std::tuple<Parts...>> =
    (points_into<std::remove_cv_t<Parts>> || ...);

} // namespace agentstore::detail::document

#endif
