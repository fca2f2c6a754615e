// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SQLITE_HARNESS_HPP
#define AGENTSTORE_TESTS_SUPPORT_SQLITE_HARNESS_HPP

// How the kit gets at files of the SQLite backend.

#include "faulty_sqlite_vfs.hpp"
#include "temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/harness.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

/// Where the files of this run are: in a folder of its own, which the children that it kills find
/// by the environment.
class SqliteFolder {
public:
  static const std::filesystem::path& path() {
    static const SqliteFolder folder;
    return folder.path_;
  }

private:
  SqliteFolder() {
    constexpr const char* variable = "AGENTSTORE_SQLITE_FOLDER";
    if (const char* const parents = std::getenv(variable)) {
      path_ = parents;
      return;
    }
    path_ = own_.emplace().path();
    ::setenv(variable, path_.c_str(), 1);
  }

  std::optional<TemporaryDirectory> own_;
  std::filesystem::path path_;
};

/// A space is a file, and by its name the same one in every process.
class SqliteHarness {
public:
  static constexpr std::string_view name = "sqlite";
  /// Less than the backend's own limit, which makes values that take long to make and to compare.
  static constexpr std::size_t max_value_bytes = std::size_t{2} << 20u;

  // Both live longer than the kit: they are there before it is.
  SqliteHarness() {
    SqliteFolder::path();
    FaultySqliteVfs::instance();
  }

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        max_value_bytes);
  }

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<SqliteBackend>(options(space));
  }

  void drop(std::string space) {
    for (const char* const suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(file(space) + suffix);
    }
  }

  void set_clock(Timestamp now) { clock_.set(now); }
  void inject(std::string space, conformance::Fault fault) {
    FaultySqliteVfs::instance().inject(file(space), fault);
  }

protected:
  SqliteOptions options(const std::string& space) const {
    SqliteOptions options(file(space));
    options.clock = clock_.clock();
    options.limits.max_value_bytes = max_value_bytes;
    return options;
  }

private:
  static std::string file(const std::string& space) {
    return (SqliteFolder::path() / (space + ".db")).string();
  }

  SetClock clock_;
};

} // namespace agentstore::test

#endif
