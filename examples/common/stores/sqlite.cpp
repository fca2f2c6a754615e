// SPDX-License-Identifier: Apache-2.0

#include "../store_uri.hpp"

#include <agentstore/backends/sqlite.hpp>

namespace example {
namespace {

Store make(boost::asio::any_io_executor, const std::string& uri, const std::string& rest) {
  if (rest.empty()) {
    throw InputError("store URI \"" + uri + "\": the file is missing");
  }
  return Store(std::make_shared<agentstore::SqliteBackend>(rest));
}

[[maybe_unused]] const bool added = add_store_kind("sqlite", {"sqlite:FILE", make});

} // namespace
} // namespace example
