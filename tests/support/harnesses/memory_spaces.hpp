// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_MEMORY_SPACES_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_MEMORY_SPACES_HPP

// The spaces of harnesses whose stores are in memory, with a clock and with faults that can be set
// from outside.

#include "support/harnesses/kit_options.hpp"
#include "support/harnesses/set_clock.hpp"

#include <agentstore/conformance/harness.hpp>
#include <agentstore/testing/failing.hpp>

#include <map>
#include <memory>
#include <string>

namespace agentstore::test {

/// What a harness' `inject` does to a store that fails by `faults`.
inline void inject(Faults& faults, conformance::Fault fault) {
  using Effect = conformance::Fault::Effect;
  if (fault.effect == Effect::none) {
    faults.disarm();
    return;
  }
  FaultPlan plan;
  plan.at(fault.first).until_disarmed();
  faults.arm(fault.effect == Effect::after ? plan.after() : plan.before());
}

template <class Space, class Options>
class MemorySpaces {
public:
  struct Entry {
    std::shared_ptr<Space> space;
    std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  };

  Entry& of(const std::string& name) {
    Entry& entry = entries_[name];
    if (!entry.space) {
      Options options;
      options.limits.max_value_bytes = kit_max_value_bytes;
      options.clock = clock_.clock();
      entry.space = std::make_shared<Space>(std::move(options));
    }
    return entry;
  }

  void drop(const std::string& name) { entries_.erase(name); }
  void set_clock(Timestamp now) { clock_.set(now); }
  void inject(const std::string& name, conformance::Fault fault) {
    test::inject(*of(name).faults, fault);
  }

private:
  std::map<std::string, Entry> entries_;
  SetClock clock_;
};

} // namespace agentstore::test

#endif
