// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_HARNESSES_SQLITE_HARNESS_HPP
#define AGENTSTORE_TESTS_SUPPORT_HARNESSES_SQLITE_HARNESS_HPP

// How the kit gets at files of the SQLite backend and of the SQLite archive.

#include "support/faults/faulty_sqlite_vfs.hpp"
#include "support/files_in_memory.hpp"
#include "support/harnesses/kit_options.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/archives/sqlite.hpp>
#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/harness.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agentstore::test {

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
    keep_files_in_memory();
    path_ = own_.emplace().path();
    ::setenv(variable, path_.c_str(), 1);
  }

  std::optional<TemporaryDirectory> own_;
  std::filesystem::path path_;
};

/// A space is a file, and by its name the same one in every process.
template <class Store>
class SqliteFileHarness {
public:
  // Both live longer than the kit: they are there before it is.
  SqliteFileHarness() {
    SqliteFolder::path();
    FaultySqliteVfs::instance();
  }

  auto claims() const { return engine_claims(); }

  std::shared_ptr<Store> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<Store>(options(space));
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
  void hold(std::string space, bool is_held) {
    if (is_held) {
      holder_ = std::make_shared<RawSqlite>(file(space));
      holder_->execute("BEGIN IMMEDIATE");
    } else {
      holder_.reset();
    }
  }

protected:
  SqliteOptions options(const std::string& space) const {
    SqliteOptions options(file(space));
    options.clock = clock_.clock();
    options.limits.max_value_bytes = kit_max_value_bytes;
    return options;
  }

  static std::string file(const std::string& space) {
    return (SqliteFolder::path() / (space + ".db")).string();
  }

private:
  SetClock clock_;
  std::shared_ptr<RawSqlite> holder_;
};

class SqliteHarness : public SqliteFileHarness<SqliteBackend> {
public:
  static constexpr std::string_view name = "sqlite";

  bool damage(std::string space, conformance::Damage what) {
    const auto [table, column] = place_of(what.record);
    RawSqlite(file(space))
        .execute("UPDATE " + table + " SET " + column + " = '{' WHERE instr(" + column + ", '" +
                 what.text + "')");
    return true;
  }

private:
  static std::pair<std::string, std::string> place_of(conformance::Damage::Record record) {
    using Record = conformance::Damage::Record;
    switch (record) {
    case Record::session:
      return {"sessions", "metadata"};
    case Record::message:
      return {"messages", "metadata"};
    case Record::checkpoint:
      return {"checkpoints", "data"};
    case Record::write:
      return {"pending_writes", "value"};
    case Record::context:
      return {"task_contexts", "context"};
    }
    throw std::invalid_argument("there is no such record");
  }
};

class SqliteArchiveHarness : public SqliteFileHarness<SqliteArchive> {
public:
  static constexpr std::string_view name = "sqlite-archive";
};

} // namespace agentstore::test

#endif
