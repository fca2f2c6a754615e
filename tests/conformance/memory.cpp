// SPDX-License-Identifier: Apache-2.0
// Holds the reference backend and the reference archive to every rule, with all hooks.

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/testing/failing.hpp>

#include <atomic>
#include <map>

namespace {

using namespace agentstore;

/// The spaces of a store in memory, with a clock and with faults that can be set from outside.
template <class Space, class Options>
class Spaces {
public:
  struct Entry {
    std::shared_ptr<Space> space;
    std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  };

  Entry& of(const std::string& name) {
    Entry& entry = entries_[name];
    if (!entry.space) {
      Options options;
      options.limits.max_value_bytes = most;
      options.clock = [set = clock_] {
        const auto micros = std::chrono::microseconds(set->load());
        return micros.count() != 0 ? Timestamp(micros) : system_clock()();
      };
      entry.space = std::make_shared<Space>(std::move(options));
    }
    return entry;
  }

  void drop(const std::string& name) { entries_.erase(name); }
  void set_clock(Timestamp now) { *clock_ = now.time_since_epoch().count(); }

  void inject(const std::string& name, conformance::Fault fault) {
    using Effect = conformance::Fault::Effect;
    Faults& faults = *of(name).faults;
    if (fault.effect == Effect::none) {
      faults.disarm();
      return;
    }
    FaultPlan plan;
    plan.at(fault.first).until_disarmed();
    faults.arm(fault.effect == Effect::after ? plan.after() : plan.before());
  }

  static constexpr std::size_t most = std::size_t{2} << 20u;

private:
  std::map<std::string, Entry> entries_;
  std::shared_ptr<std::atomic<std::int64_t>> clock_ =
      std::make_shared<std::atomic<std::int64_t>>(0); // 0 until it is set
};

template <class Space, class Options, class Backend, class Failing>
class MemoryHarness {
public:
  auto claims() const {
    return conformance::Claims().shared_handles().max_value(Spaces<Space, Options>::most);
  }
  std::shared_ptr<Failing> open(boost::asio::any_io_executor, std::string space) {
    auto& entry = spaces_.of(space);
    return std::make_shared<Failing>(std::make_shared<Backend>(entry.space), entry.faults);
  }
  void drop(std::string space) { spaces_.drop(space); }
  void set_clock(Timestamp now) { spaces_.set_clock(now); }
  void inject(std::string space, conformance::Fault fault) { spaces_.inject(space, fault); }

private:
  Spaces<Space, Options> spaces_;
};

class MemoryBackendHarness
    : public MemoryHarness<MemorySpace, MemoryOptions, MemoryBackend, FailingStore> {
public:
  static constexpr std::string_view name = "memory";
};

class MemoryArchiveHarness : public MemoryHarness<MemoryArchiveSpace, MemoryArchiveOptions,
                                                  MemoryArchive, FailingArchive> {
public:
  static constexpr std::string_view name = "memory-archive";
};

} // namespace

AGENTSTORE_CONFORMANCE(MemoryBackendHarness)
AGENTSTORE_CONFORMANCE(MemoryArchiveHarness)
