// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CONSTRUCT_HPP
#define AGENTSTORE_DETAIL_CONSTRUCT_HPP

#include <memory>

namespace agentstore::detail {

/// `std::make_shared<T>(arguments...)` of a T that the caller need not know: the file of an engine
/// includes the definition.
template <class T, class... Arguments>
std::shared_ptr<T> construct(Arguments... arguments);

} // namespace agentstore::detail

#endif
