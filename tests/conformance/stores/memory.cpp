// SPDX-License-Identifier: Apache-2.0
// Holds the reference backend and the reference archive to every rule, with all hooks but `damage`,
// which memory does not suffer.

#include "support/harnesses/kit_options.hpp"
#include "support/harnesses/memory_spaces.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/testing/failing.hpp>

namespace {

using namespace agentstore;

template <class Space, class Options, class Backend, class Failing>
class MemoryHarness {
public:
  auto claims() const {
    return conformance::Claims().shared_handles().any_teardown_order().max_value(
        test::kit_max_value_bytes);
  }
  std::shared_ptr<Failing> open(boost::asio::any_io_executor, std::string space) {
    auto& entry = spaces_.of(space);
    return std::make_shared<Failing>(std::make_shared<Backend>(entry.space), entry.faults);
  }
  void drop(std::string space) { spaces_.drop(space); }
  void set_clock(Timestamp now) { spaces_.set_clock(now); }
  void inject(std::string space, conformance::Fault fault) { spaces_.inject(space, fault); }

private:
  test::MemorySpaces<Space, Options> spaces_;
};

class MemoryBackendHarness
    : public MemoryHarness<MemorySpace, MemoryOptions, MemoryBackend, FailingStore> {
public:
  static constexpr std::string_view name = "memory";
};

class MemoryArchiveHarness : public MemoryHarness<MemoryArchiveSpace, MemoryArchiveOptions,
                                                  MemoryArchive, FailingArchiveOnce> {
public:
  static constexpr std::string_view name = "memory-archive";
};

} // namespace

AGENTSTORE_CONFORMANCE(MemoryBackendHarness)
AGENTSTORE_CONFORMANCE(MemoryArchiveHarness)
