// SPDX-License-Identifier: Apache-2.0

#include "../archive_uri.hpp"
#include "../take_space.hpp"

#include <agentstore/archives/postgres.hpp>

namespace example {
namespace {

Archive make(boost::asio::any_io_executor executor, const std::string& uri, const std::string&) {
  agentstore::PostgresOptions options(uri);
  const std::string space = take_space(options.conninfo);
  if (!space.empty()) {
    options.space = space;
  }
  return Archive(std::make_shared<agentstore::PostgresArchive>(executor, std::move(options)));
}

[[maybe_unused]] const bool added =
    ArchiveKinds::add("postgresql", {"postgresql://HOST/DATABASE[?space=SCHEMA]", make});

} // namespace
} // namespace example
