// SPDX-License-Identifier: Apache-2.0

#include "../archive_uri.hpp"

#include <agentstore/archives/sqlite.hpp>
#include <agentstore/archives/sqlite_queue.hpp>

namespace example {
namespace {

std::string file_of(const std::string& what, const std::string& uri, const std::string& rest) {
  if (rest.empty()) {
    throw InputError(what + " URI \"" + uri + "\": the file is missing");
  }
  return rest;
}

Archive make(boost::asio::any_io_executor, const std::string& uri, const std::string& rest) {
  return Archive(std::make_shared<agentstore::SqliteArchive>(file_of("archive", uri, rest)));
}

agentstore::DualWriteQueue make_queue(boost::asio::any_io_executor, const std::string& uri,
                                      const std::string& rest) {
  return agentstore::sqlite_queue(file_of("archive queue", uri, rest));
}

[[maybe_unused]] const bool added = ArchiveKinds::add("sqlite", {"sqlite:FILE", make});
[[maybe_unused]] const bool added_queue = QueueKinds::add("sqlite", {"sqlite:FILE", make_queue});

} // namespace
} // namespace example
