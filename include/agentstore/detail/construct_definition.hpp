// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CONSTRUCT_DEFINITION_HPP
#define AGENTSTORE_DETAIL_CONSTRUCT_DEFINITION_HPP

#include <agentstore/detail/construct.hpp>

#include <utility>

namespace agentstore::detail {

template <class T, class... Arguments>
std::shared_ptr<T> construct(Arguments... arguments) {
  return std::make_shared<T>(std::move(arguments)...);
}

} // namespace agentstore::detail

#endif
