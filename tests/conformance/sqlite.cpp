// SPDX-License-Identifier: Apache-2.0
// Holds the SQLite backend to every rule, on files and in memory.

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/catch2.hpp>
#include <agentstore/testing/failing.hpp>

#include <atomic>
#include <filesystem>
#include <map>
#include <unistd.h>

namespace {

using namespace agentstore;

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

/// A space is a file, and by its name the same one in every process.
class SqliteHarness {
public:
  static constexpr std::string_view name = "sqlite";

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        Limits().max_value_bytes);
  }

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    std::filesystem::create_directories(directory());
    SqliteOptions options(file(space).string());
    options.clock = clock_.clock();
    return std::make_shared<SqliteBackend>(std::move(options));
  }

  void drop(std::string space) {
    for (const char* const suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(file(space).string() + suffix);
    }
  }

  void set_clock(Timestamp now) { clock_.set(now); }

private:
  static std::filesystem::path directory() {
    return std::filesystem::temp_directory_path() / "agentstore-sqlite-conformance";
  }
  static std::filesystem::path file(const std::string& space) {
    return directory() / (space + ".db");
  }

  SetClock clock_;
};

} // namespace

AGENTSTORE_CONFORMANCE(SqliteHarness)
