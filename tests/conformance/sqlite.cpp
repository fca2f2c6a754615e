// SPDX-License-Identifier: Apache-2.0
// Holds the SQLite backend to every rule: on files, on files with threads of the application's, and
// in memory.

#include "support/faulty_sqlite_vfs.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/catch2.hpp>

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <map>
#include <optional>

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

/// Where the files of this run are: in a folder of its own, which the children that it kills find
/// by the environment.
class Folder {
public:
  static const std::filesystem::path& path() {
    static const Folder folder;
    return folder.path_;
  }

private:
  Folder() {
    constexpr const char* variable = "AGENTSTORE_SQLITE_FOLDER";
    if (const char* const parents = std::getenv(variable)) {
      path_ = parents;
      return;
    }
    path_ = own_.emplace().path();
    ::setenv(variable, path_.c_str(), 1);
  }

  std::optional<test::TemporaryDirectory> own_;
  std::filesystem::path path_;
};

/// A space is a file, and by its name the same one in every process.
class SqliteHarness {
public:
  static constexpr std::string_view name = "sqlite";

  // Both live longer than the kit: they are there before it is.
  SqliteHarness() {
    Folder::path();
    test::FaultySqliteVfs::instance();
  }

  auto claims() const {
    return conformance::Claims().durable().survives_kill().shared_handles().max_value(
        Limits().max_value_bytes);
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
    test::FaultySqliteVfs::instance().inject(file(space), fault);
  }

protected:
  SqliteOptions options(const std::string& space) const {
    SqliteOptions options(file(space));
    options.clock = clock_.clock();
    return options;
  }

private:
  static std::string file(const std::string& space) {
    return (Folder::path() / (space + ".db")).string();
  }

  SetClock clock_;
};

/// The same, on threads of the application's that all handles share.
class SqliteExecutorHarness : public SqliteHarness {
public:
  static constexpr std::string_view name = "sqlite-executor";

  auto claims() const { return SqliteHarness::claims().max_value(most); }

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    SqliteOptions changed = options(space);
    changed.limits.max_value_bytes = most;
    changed.executor = threads_->get_executor();
    return std::make_shared<SqliteBackend>(std::move(changed));
  }

private:
  static constexpr std::size_t most = std::size_t{2} << 20u;

  std::shared_ptr<boost::asio::thread_pool> threads_ =
      std::make_shared<boost::asio::thread_pool>(std::size_t{3});
};

/// A space is one object, for a database in memory is its object's alone.
class SqliteMemoryHarness {
public:
  static constexpr std::string_view name = "sqlite-memory";

  auto claims() const { return conformance::Claims().max_value(most); }

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    std::shared_ptr<SqliteBackend>& backend = spaces_[space];
    if (!backend) {
      SqliteOptions options(":memory:");
      options.clock = clock_.clock();
      options.limits.max_value_bytes = most;
      backend = std::make_shared<SqliteBackend>(std::move(options));
    }
    return backend;
  }

  void drop(std::string space) { spaces_.erase(space); }
  void set_clock(Timestamp now) { clock_.set(now); }

private:
  static constexpr std::size_t most = std::size_t{2} << 20u;

  std::map<std::string, std::shared_ptr<SqliteBackend>> spaces_;
  SetClock clock_;
};

} // namespace

AGENTSTORE_CONFORMANCE(SqliteHarness)
AGENTSTORE_CONFORMANCE(SqliteExecutorHarness)
AGENTSTORE_CONFORMANCE(SqliteMemoryHarness)
