// SPDX-License-Identifier: Apache-2.0

#include "../store_uri.hpp"

#include <agentstore/backends/memory.hpp>

namespace example {
namespace {

Store make(boost::asio::any_io_executor, const std::string& uri, const std::string& rest) {
  if (!rest.empty()) {
    throw InputError("store URI \"" + uri + "\": nothing may follow memory:");
  }
  return Store(std::make_shared<agentstore::MemoryBackend>());
}

[[maybe_unused]] const bool added = add_store_kind("memory", {"memory:", make});

} // namespace
} // namespace example
