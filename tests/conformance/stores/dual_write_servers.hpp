// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_STORES_DUAL_WRITE_SERVERS_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_STORES_DUAL_WRITE_SERVERS_HPP

// What the harnesses of dual writes on servers share: the archive on ClickHouse, and servers that
// the children find by the environment.

#include "support/files_in_memory.hpp"
#include "support/harnesses/dual_write.hpp"
#include "support/harnesses/kit_options.hpp"
#include "support/servers/clickhouse_server.hpp"

#include <agentstore/archives/clickhouse.hpp>
#include <agentstore/archives/dual_write.hpp>
#include <agentstore/authoring/offload.hpp>
#include <agentstore/conformance/switched_archive.hpp>

#include <boost/asio/thread_pool.hpp>

#include <cstdlib>

namespace agentstore::test {

/// A server of this program, or of the one that started it to kill it.
template <class Server>
class Inherited {
public:
  /// `address_of(server)` says where it is.
  template <class Address, class... Settings>
  Inherited(const char* variable, Address address_of, Settings... settings) {
    if (const char* const inherited = std::getenv(variable)) {
      address_ = inherited;
      return;
    }
    server_ = std::make_unique<Server>(std::move(settings)...);
    address_ = address_of(*server_);
    ::setenv(variable, address_.c_str(), 1);
  }
  const std::string& address() const { return address_; }

private:
  std::unique_ptr<Server> server_;
  std::string address_;
};

/// A space is one of the hot store and a database of ClickHouse.
template <class Hot>
class ServersHarness {
public:
  ServersHarness() {
    keep_files_in_memory(); // ClickHouse makes some thirty files for each insert
    clickhouse();
  }

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        kit_max_value_bytes);
  }

  void set_clock(Timestamp now) { clock_.set(now); }
  void set_archive(std::string space, conformance::ArchiveState state) {
    switches_.of(space)->set(state);
  }
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) {
    return read_all(archive_options(space), kind, std::move(key));
  }

protected:
  std::shared_ptr<DualWrite<Hot>> beside_archive(boost::asio::any_io_executor executor,
                                                 std::shared_ptr<Hot> hot,
                                                 const std::string& space) {
    auto archive = std::make_shared<ClickHouseArchive>(executor, archive_options(space));
    return std::make_shared<DualWrite<Hot>>(
        executor, std::move(hot),
        std::make_shared<conformance::SwitchedArchiveOnce>(std::move(archive), switches_.of(space)),
        dual_write_options(DualWriteOptions::WhenFull::drop_newest));
  }

  /// What is the same for the options of all hot stores.
  template <class Options>
  Options with_limits(Options options) const {
    return for_the_kit(std::move(options), clock_);
  }

  /// Drops the space on both servers, beside the context: appends that are still under way there go
  /// on meanwhile, and the server waits for them.
  template <class DropHot>
  awaitable<void> drop_beside(std::string space, DropHot drop_hot) {
    switches_.erase(space);
    return offload(pool_.get_executor(), [space = std::move(space), drop_hot] {
      drop_hot(space);
      clickhouse().text("DROP DATABASE IF EXISTS " + database_of(space));
    });
  }

private:
  static RawClickHouse clickhouse() {
    static const Inherited<ClickHouseServer> server(
        "AGENTSTORE_TEST_CLICKHOUSE",
        [](const ClickHouseServer& one) { return std::to_string(one.port()); });
    return RawClickHouse(std::stoi(server.address()));
  }

  static ClickHouseOptions archive_options(const std::string& space) {
    ClickHouseOptions options("clickhouse://127.0.0.1:" + std::to_string(clickhouse().port()) +
                              "/" + database_of(space));
    options.linger = std::chrono::milliseconds(0);
    options.limits.max_value_bytes = kit_max_value_bytes;
    return options;
  }

  static awaitable<std::vector<ArchiveRecord>> read_all(ClickHouseOptions options, ArchiveKind kind,
                                                        std::string key) {
    const auto executor = co_await boost::asio::this_coro::executor;
    ClickHouseArchive archive(executor, std::move(options));
    static_cast<void>(co_await archive.initialize());
    auto records = co_await archive.read_archive(kind, std::move(key), 0, 100'000);
    co_await archive.close();
    co_return records;
  }

  SetClock clock_;
  ArchiveSwitches switches_;
  boost::asio::thread_pool pool_{1};
};

} // namespace agentstore::test

#endif
