// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP
#define AGENTSTORE_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace agentstore::test {

/// A folder that only its user can look into, and that goes with the object and all that is in it.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    // Canonical, so that a path below it is the one that SQLite makes of it.
    std::string name =
        (std::filesystem::canonical(std::filesystem::temp_directory_path()) / "agentstore-XXXXXX")
            .string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "no temporary directory");
    }
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

} // namespace agentstore::test

#endif
