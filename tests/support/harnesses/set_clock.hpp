// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_SET_CLOCK_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_SET_CLOCK_HPP

// What a harness' `set_clock` sets.

#include <agentstore/authoring/clock.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace agentstore::test {

/// A clock that can be set from outside, and that tells the system's time until then.
class SetClock {
public:
  Clock clock() const {
    return [set = micros_] {
      const auto micros = std::chrono::microseconds(set->load());
      return micros.count() != 0 ? Timestamp(micros) : system_clock()();
    };
  }
  void set(Timestamp now) { *micros_ = now.time_since_epoch().count(); }

private:
  std::shared_ptr<std::atomic<std::int64_t>> micros_ =
      std::make_shared<std::atomic<std::int64_t>>(0);
};

} // namespace agentstore::test

#endif
