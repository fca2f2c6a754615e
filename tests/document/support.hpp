// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_DOCUMENT_SUPPORT_HPP
#define AGENTSTORE_TESTS_DOCUMENT_SUPPORT_HPP

#include <agentstore/document.hpp>

#include <algorithm>
#include <cstddef>

namespace agentstore::test {

/// VAL-05: a scalar has 0, a container one more than the deepest value in it.
inline std::size_t depth_of(const json& value) {
  if (!value.is_structured()) {
    return 0;
  }
  std::size_t deepest = 0;
  for (const json& element : value) {
    deepest = std::max(deepest, depth_of(element));
  }
  return deepest + 1;
}

} // namespace agentstore::test

#endif
