// SPDX-License-Identifier: Apache-2.0
// Holds DualWrite to the rules between files, with its queue in a file, too.

#include "support/harnesses/sqlite_dual_write.hpp"

#include <agentstore/archives/sqlite_queue.hpp>
#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

/// A space is three files, of which the queue's is for one handle at a time.
class DurableDualWriteHarness : public test::SqliteDualWriteHarness {
public:
  static constexpr std::string_view name = "sqlite-dual-write-durable";

  auto claims() const {
    return conformance::Claims().durable().survives_kill().any_teardown_order().max_value(
        test::kit_max_value_bytes);
  }

  std::shared_ptr<DualWrite<SqliteBackend>> open(boost::asio::any_io_executor executor,
                                                 std::string space) {
    DualWriteOptions dual_write = test::dual_write_options(DualWriteOptions::WhenFull::drop_oldest);
    dual_write.queue = sqlite_queue(options(space + "-queue"));
    return open_with(std::move(dual_write), std::move(executor), space);
  }
  void drop(std::string space) {
    SqliteFileHarness::drop(space + "-queue");
    SqliteDualWriteHarness::drop(space);
  }
};

} // namespace

AGENTSTORE_CONFORMANCE(DurableDualWriteHarness)
