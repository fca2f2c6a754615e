// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_DUAL_WRITE_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_DUAL_WRITE_HPP

// What harnesses of dual writes share.

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/conformance/switched_archive.hpp>

#include <map>
#include <memory>
#include <string>

namespace agentstore::test {

/// The options that the rules of IArchiving need: a small queue, and nothing that takes long.
inline DualWriteOptions dual_write_options(DualWriteOptions::WhenFull when_full) {
  using namespace std::chrono_literals;
  DualWriteOptions options;
  options.max_queued = 50;
  options.when_full = when_full;
  options.max_attempts = 10;
  options.first_pause = 20ms;
  options.longest_pause = 200ms;
  options.close_limit = 1s;
  return options;
}

/// The switches of the archives, by space.
class ArchiveSwitches {
public:
  std::shared_ptr<conformance::ArchiveSwitch> of(const std::string& space) {
    auto& found = switches_[space];
    if (!found) {
      found = std::make_shared<conformance::ArchiveSwitch>();
    }
    return found;
  }
  void erase(const std::string& space) { switches_.erase(space); }

private:
  std::map<std::string, std::shared_ptr<conformance::ArchiveSwitch>> switches_;
};

} // namespace agentstore::test

#endif
