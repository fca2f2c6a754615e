// SPDX-License-Identifier: Apache-2.0

#include "../archive_uri.hpp"

#include <agentstore/archives/clickhouse.hpp>

namespace example {
namespace {

Archive make(boost::asio::any_io_executor executor, const std::string& uri, const std::string&) {
  return Archive(std::make_shared<agentstore::ClickHouseArchive>(
      executor, agentstore::ClickHouseOptions(uri)));
}

[[maybe_unused]] const bool added =
    ArchiveKinds::add("clickhouse", {"clickhouse://HOST[:PORT][/DATABASE]", make});
[[maybe_unused]] const bool added_tls =
    ArchiveKinds::add("clickhouses", {"clickhouses://HOST-BY-TLS[:PORT][/DATABASE]", make});

} // namespace
} // namespace example
