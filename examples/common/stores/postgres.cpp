// SPDX-License-Identifier: Apache-2.0

#include "../store_uri.hpp"

#include <agentstore/backends/postgres.hpp>

namespace example {
namespace {

/// Takes `space=...` out of the query of a URI, all else of which is libpq's; empty if there is
/// none.
std::string take_space(std::string& uri) {
  const std::string name = "space=";
  const std::size_t query = uri.find('?');
  for (std::size_t begin = query; begin < uri.size(); begin = uri.find('&', begin + 1)) {
    if (uri.compare(begin + 1, name.size(), name) == 0) {
      const std::size_t value = begin + 1 + name.size();
      const std::size_t end = std::min(uri.find('&', value), uri.size());
      const std::string space = uri.substr(value, end - value);
      // What follows moves up behind the mark that is left.
      uri.erase(begin + 1, end + 1 - (begin + 1));
      return space;
    }
  }
  return {};
}

Store make(boost::asio::any_io_executor executor, const std::string& uri, const std::string&) {
  agentstore::PostgresOptions options(uri);
  const std::string space = take_space(options.conninfo);
  if (!space.empty()) {
    options.space = space;
  }
  return Store(std::make_shared<agentstore::PostgresBackend>(executor, std::move(options)));
}

[[maybe_unused]] const bool added =
    add_store_kind("postgresql", {"postgresql://HOST/DATABASE[?space=SCHEMA]", make});

} // namespace
} // namespace example
