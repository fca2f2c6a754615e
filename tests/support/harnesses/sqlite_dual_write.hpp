// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_SQLITE_DUAL_WRITE_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_SQLITE_DUAL_WRITE_HPP

// How the kit gets at a dual write between files.

#include "support/harnesses/dual_write.hpp"
#include "support/harnesses/sqlite_harness.hpp"

#include <agentstore/archives/sqlite.hpp>
#include <agentstore/conformance/switched_archive.hpp>

namespace agentstore::test {

/// A space is two files.
class SqliteDualWriteHarness : public SqliteFileHarness<SqliteBackend> {
public:
  static constexpr std::string_view name = "sqlite-dual-write";

  std::shared_ptr<DualWrite<SqliteBackend>> open(boost::asio::any_io_executor executor,
                                                 std::string space) {
    return open_with(dual_write_options(DualWriteOptions::WhenFull::drop_oldest),
                     std::move(executor), space);
  }
  void drop(std::string space) {
    SqliteFileHarness::drop(space + "-archive");
    SqliteFileHarness::drop(space);
  }

  void set_archive(std::string space, conformance::ArchiveState state) {
    switches_.of(space)->set(state);
  }
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) {
    return read_all(std::make_shared<SqliteArchive>(options(space + "-archive")), kind,
                    std::move(key));
  }

protected:
  std::shared_ptr<DualWrite<SqliteBackend>> open_with(DualWriteOptions dual_write,
                                                      boost::asio::any_io_executor executor,
                                                      const std::string& space) {
    auto archive = std::make_shared<SqliteArchive>(options(space + "-archive"));
    return std::make_shared<DualWrite<SqliteBackend>>(
        executor, std::make_shared<SqliteBackend>(options(space)),
        std::make_shared<conformance::SwitchedArchiveOnce>(std::move(archive), switches_.of(space)),
        std::move(dual_write));
  }

private:
  static awaitable<std::vector<ArchiveRecord>> read_all(std::shared_ptr<SqliteArchive> archive,
                                                        ArchiveKind kind, std::string key) {
    static_cast<void>(co_await archive->initialize());
    auto records = co_await archive->read_archive(kind, std::move(key), 0, 100'000);
    co_await archive->close();
    co_return records;
  }

  ArchiveSwitches switches_;
};

} // namespace agentstore::test

#endif
