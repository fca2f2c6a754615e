// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FILES_HPP
#define AGENTSTORE_TESTS_SUPPORT_FILES_HPP

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace agentstore::test {

/// All bytes of a file.
/// Requires: it is no SQLite database that this process has open. Closing any file of it would drop
/// the process' locks on it.
inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  if (!file.flush()) {
    throw std::runtime_error("cannot write " + path);
  }
}

} // namespace agentstore::test

#endif
