// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FILES_IN_MEMORY_HPP
#define AGENTSTORE_TESTS_SUPPORT_FILES_IN_MEMORY_HPP

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace agentstore::test {

/// Keeps temporary files in memory, those of servers and children too, if there is room. For
/// tests in which processes are killed but no machine, so that none needs a disk.
inline void keep_files_in_memory() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code none;
  const auto space = std::filesystem::space(memory, none);
  constexpr std::uintmax_t enough = std::uintmax_t{2} << 30u;
  if (!none && space.available >= enough) {
    ::setenv("TMPDIR", memory.c_str(), 0);
  }
}

} // namespace agentstore::test

#endif
