// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_LIMITS_HPP
#define AGENTSTORE_AUTHORING_LIMITS_HPP

/// \file
/// How large the values of a backend may be.

#include <agentstore/detail/requirements.hpp>

#include <cstddef>

namespace agentstore {

/// How large the values are that a backend accepts. The defaults are those of the backends that
/// come with the library.
class Limits {
public:
  Limits() = default;

  /// The most bytes in one value: of a text, or of the compact dump of a JSON value (VAL-02).
  std::size_t max_value_bytes = std::size_t{16} << 20u;
  /// The greatest depth of a JSON value; a scalar has 0 (VAL-05). The default is low enough for
  /// nlohmann's recursive copy and dump to run on any thread's stack.
  std::size_t max_depth = 256;
};

} // namespace agentstore

#endif
