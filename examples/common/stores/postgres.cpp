// SPDX-License-Identifier: Apache-2.0

#include "../store_uri.hpp"
#include "../take_space.hpp"

#include <agentstore/backends/postgres.hpp>

namespace example {
namespace {

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
