// SPDX-License-Identifier: Apache-2.0

#include "../../custom_backend/journal_backend.hpp"
#include "../store_uri.hpp"

namespace example {
namespace {

Store make(boost::asio::any_io_executor, const std::string& uri, const std::string& rest) {
  if (rest.empty()) {
    throw InputError("store URI \"" + uri + "\": the directory is missing");
  }
  return Store(std::make_shared<JournalBackend>(rest));
}

[[maybe_unused]] const bool added = add_store_kind("journal", {"journal:DIR", make});

} // namespace
} // namespace example
