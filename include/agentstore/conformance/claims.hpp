// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CLAIMS_HPP
#define AGENTSTORE_CONFORMANCE_CLAIMS_HPP

/// \file
/// The claims of a backend beyond the rules that bind all backends.

#include <agentstore/detail/requirements.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agentstore::conformance {

/// The claims of one harness: `Claims().durable().shared_handles()`.
///
/// A rule that depends on a claim is run if the claim is made, else reported NOT CLAIMED.
class Claims {
public:
  Claims() = default;

  /// DUR-01: the data outlive the last handle within the process and beyond it.
  Claims& durable() { return set(durable_); }
  /// DUR-02: acknowledged data outlive a kill -9. Implies durable. Needs `open` to find the same
  /// data under the same space name in another process.
  Claims& survives_kill() {
    set(durable_);
    return set(survives_kill_);
  }
  /// TWO-01: two handles may be open on one space at a time, and see each other's writes.
  Claims& shared_handles() { return set(shared_handles_); }
  /// TWO-02: the same of handles in several processes. Implies shared_handles. Needs `open` to find
  /// the same data under the same space name in another process.
  Claims& shared_processes() {
    set(shared_handles_);
    return set(shared_processes_);
  }
  /// LIF-07: the contexts on which calls are awaited may be destroyed before the handle or after
  /// it, with calls under way.
  Claims& any_teardown_order() { return set(any_teardown_order_); }
  /// VAL-02: the most bytes in one value; more is `too_large`. At least 1 MiB.
  Claims& max_value(std::size_t bytes) {
    max_value_ = bytes;
    return *this;
  }
  /// `open` gives backends that are already initialized. LIF-02 cannot be tested then.
  Claims& opened_by_harness() { return set(opened_by_harness_); }
  /// A rule that the backend is known to break. The rule is still run and must still fail. It shows
  /// as BROKEN(known), and as an ERROR once it holds. So a gap that shows in some runs only, such
  /// as a race, cannot be a known gap. An id that is no rule's is an ERROR of the report.
  Claims& known_gap(std::string rule_id, std::string reason) {
    known_gaps_[std::move(rule_id)] = std::move(reason);
    return *this;
  }

  bool is_durable() const { return durable_; }
  bool does_survive_kill() const { return survives_kill_; }
  bool has_shared_handles() const { return shared_handles_; }
  bool has_shared_processes() const { return shared_processes_; }
  bool has_any_teardown_order() const { return any_teardown_order_; }
  bool is_opened_by_harness() const { return opened_by_harness_; }
  std::optional<std::size_t> max_value_bytes() const { return max_value_; }
  const std::map<std::string, std::string>& known_gaps() const { return known_gaps_; }

  /// The claims by name, for reports.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    const auto add = [&result](bool claimed, const char* name) {
      if (claimed) {
        result.emplace_back(name);
      }
    };
    add(durable_, "durable");
    add(survives_kill_, "survives_kill");
    add(shared_handles_, "shared_handles");
    add(shared_processes_, "shared_processes");
    add(any_teardown_order_, "any_teardown_order");
    add(opened_by_harness_, "opened_by_harness");
    if (max_value_) {
      result.push_back("max_value(" + std::to_string(*max_value_) + ")");
    }
    return result;
  }

private:
  Claims& set(bool& claim) {
    claim = true;
    return *this;
  }

  bool durable_ = false;
  bool survives_kill_ = false;
  bool shared_handles_ = false;
  bool shared_processes_ = false;
  bool any_teardown_order_ = false;
  bool opened_by_harness_ = false;
  std::optional<std::size_t> max_value_;
  std::map<std::string, std::string> known_gaps_;
};

} // namespace agentstore::conformance

#endif
