// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_BECAUSE_HPP
#define AGENTSTORE_TESTS_SUPPORT_BECAUSE_HPP

#include "support/catch.hpp"

#include <agentstore/error.hpp>

#include <optional>

namespace agentstore::test {

/// Whether an error says why the store is unavailable.
inline bool is_because(const std::optional<StorageError>& error, boost::system::errc::errc_t cause,
                       bool transient) {
  UNSCOPED_INFO((error ? error->what() : "no error"));
  return error && error->cause() == cause && is_transient(*error) == transient;
}

} // namespace agentstore::test

#endif
