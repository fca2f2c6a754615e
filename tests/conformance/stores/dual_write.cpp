// SPDX-License-Identifier: Apache-2.0
// Holds DualWrite to every rule: in memory, with all hooks, and on files.

#include "support/harnesses/dual_write.hpp"

#include "support/harnesses/kit_options.hpp"
#include "support/harnesses/memory_spaces.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/conformance/switched_archive.hpp>
#include <agentstore/testing/failing.hpp>

#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
#include "support/harnesses/sqlite_dual_write.hpp"
#endif

#include <map>

namespace {

using namespace agentstore;

class MemoryDualWriteHarness {
public:
  static constexpr std::string_view name = "memory-dual-write";

  auto claims() const {
    return conformance::Claims().shared_handles().any_teardown_order().max_value(
        test::kit_max_value_bytes);
  }

  std::shared_ptr<DualWrite<FailingStore>> open(boost::asio::any_io_executor executor,
                                                std::string space) {
    Entry& entry = of(space);
    return std::make_shared<DualWrite<FailingStore>>(
        executor,
        std::make_shared<FailingStore>(std::make_shared<MemoryBackend>(entry.hot), entry.faults),
        std::make_shared<conformance::SwitchedArchiveOnce>(
            std::make_shared<MemoryArchive>(entry.archive), entry.archive_switch),
        test::dual_write_options(DualWriteOptions::WhenFull::drop_newest));
  }
  void drop(std::string space) { entries_.erase(space); }

  void set_clock(Timestamp now) { clock_.set(now); }
  void inject(std::string space, conformance::Fault fault) {
    test::inject(*of(space).faults, fault);
  }
  void set_archive(std::string space, conformance::ArchiveState state) {
    of(space).archive_switch->set(state);
  }
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) {
    return read_all(std::make_shared<MemoryArchive>(of(space).archive), kind, std::move(key));
  }

private:
  class Entry {
  public:
    std::shared_ptr<MemorySpace> hot;
    std::shared_ptr<MemoryArchiveSpace> archive = std::make_shared<MemoryArchiveSpace>();
    std::shared_ptr<Faults> faults = std::make_shared<Faults>();
    std::shared_ptr<conformance::ArchiveSwitch> archive_switch =
        std::make_shared<conformance::ArchiveSwitch>();
  };

  static awaitable<std::vector<ArchiveRecord>> read_all(std::shared_ptr<MemoryArchive> archive,
                                                        ArchiveKind kind, std::string key) {
    static_cast<void>(co_await archive->initialize());
    co_return co_await archive->read_archive(kind, std::move(key), 0, 100'000);
  }

  Entry& of(const std::string& space) {
    Entry& entry = entries_[space];
    if (!entry.hot) {
      MemoryOptions options;
      options.limits.max_value_bytes = test::kit_max_value_bytes;
      options.clock = clock_.clock();
      entry.hot = std::make_shared<MemorySpace>(std::move(options));
    }
    return entry;
  }

  std::map<std::string, Entry> entries_;
  test::SetClock clock_;
};

} // namespace

AGENTSTORE_CONFORMANCE(MemoryDualWriteHarness)
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
using agentstore::test::SqliteDualWriteHarness;
AGENTSTORE_CONFORMANCE(SqliteDualWriteHarness)
#endif
