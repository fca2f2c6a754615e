// SPDX-License-Identifier: Apache-2.0
// Holds OffloadedBackend to every rule, over the store of the reference backend: on one thread, and
// on three at once. Its calls fail by a FailingStore, as harness.hpp advises.

#include "support/harnesses/kit_options.hpp"
#include "support/harnesses/memory_spaces.hpp"

#include <agentstore/authoring/offloaded_backend.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/detail/memory/space.hpp>
#include <agentstore/testing/failing.hpp>

#include <map>

namespace {

using namespace agentstore;
using Store = detail::memory::Space;

template <std::size_t Threads>
class OffloadedHarness {
public:
  auto claims() const {
    return conformance::Claims().shared_handles().any_teardown_order().max_value(
        test::kit_max_value_bytes);
  }

  std::shared_ptr<FailingStore> open(boost::asio::any_io_executor, std::string space) {
    std::shared_ptr<Store>& store = stores_[space];
    if (!store) {
      faults_[space] = std::make_shared<Faults>();
      MemoryOptions options;
      options.limits.max_value_bytes = test::kit_max_value_bytes;
      options.clock = clock_.clock();
      store = std::make_shared<Store>(std::move(options));
    }
    OffloadedOptions options("offloaded");
    options.threads = Threads;
    options.limits.max_value_bytes = test::kit_max_value_bytes;
    auto backend =
        std::make_shared<OffloadedBackend<Store>>(std::move(options), [store] { return store; });
    return std::make_shared<FailingStore>(std::move(backend), faults_[space]);
  }

  void drop(std::string space) { stores_.erase(space); }

  void inject(std::string space, conformance::Fault fault) { test::inject(*faults_[space], fault); }

  void set_clock(Timestamp now) { clock_.set(now); }

private:
  std::map<std::string, std::shared_ptr<Store>> stores_;
  std::map<std::string, std::shared_ptr<Faults>> faults_;
  test::SetClock clock_;
};

class OneThreadHarness : public OffloadedHarness<1> {
public:
  static constexpr std::string_view name = "offloaded";
};

class ThreeThreadsHarness : public OffloadedHarness<3> {
public:
  static constexpr std::string_view name = "offloaded-3-threads";
};

} // namespace

AGENTSTORE_CONFORMANCE(OneThreadHarness)
AGENTSTORE_CONFORMANCE(ThreeThreadsHarness)
