// SPDX-License-Identifier: Apache-2.0
// Holds TimeoutBackend and RetryBackend to every rule, over the reference backend.

#include "support/harnesses/kit_options.hpp"
#include "support/harnesses/memory_spaces.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/decorators/retry.hpp>
#include <agentstore/decorators/timeout.hpp>
#include <agentstore/testing/failing.hpp>

namespace {

using namespace agentstore;
using namespace std::chrono_literals;

/// Stores in memory, of which `Decorate` makes what is tested.
template <class Decorate>
class DecoratedHarness {
public:
  auto claims() const {
    return conformance::Claims().shared_handles().any_teardown_order().max_value(
        test::kit_max_value_bytes);
  }

  auto open(boost::asio::any_io_executor, std::string space) {
    auto& entry = spaces_.of(space);
    return Decorate()(
        std::make_shared<FailingStore>(std::make_shared<MemoryBackend>(entry.space), entry.faults));
  }
  void drop(std::string space) { spaces_.drop(space); }
  void set_clock(Timestamp now) { spaces_.set_clock(now); }
  void inject(std::string space, conformance::Fault fault) { spaces_.inject(space, fault); }

private:
  using Spaces = test::MemorySpaces<MemorySpace, MemoryOptions>;

  Spaces spaces_;
};

class WithTimeout {
public:
  auto operator()(std::shared_ptr<FailingStore> store) const {
    return std::make_shared<TimeoutBackend<FailingStore>>(std::move(store), 60s);
  }
};

class WithRetry {
public:
  auto operator()(std::shared_ptr<FailingStore> store) const {
    RetryOptions options;
    options.max_attempts = 3;
    options.first_pause = 1ms;
    return std::make_shared<RetryBackend<FailingStore>>(std::move(store), options);
  }
};

class TimeoutHarness : public DecoratedHarness<WithTimeout> {
public:
  static constexpr std::string_view name = "memory-timeout";
};

class RetryHarness : public DecoratedHarness<WithRetry> {
public:
  static constexpr std::string_view name = "memory-retry";
};

} // namespace

AGENTSTORE_CONFORMANCE(TimeoutHarness)
AGENTSTORE_CONFORMANCE(RetryHarness)
