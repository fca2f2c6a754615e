// SPDX-License-Identifier: Apache-2.0
// Holds the SQLite backend in other set-ups to the rules: on threads of the
// application's, and in memory.

#include "support/harnesses/sqlite_harness.hpp"

#include <agentstore/conformance/catch2.hpp>

#include <boost/asio/thread_pool.hpp>

#include <map>

namespace {

using namespace agentstore;
using test::SetClock;
using test::SqliteHarness;

/// A space is a file; the threads are the application's, and all handles share them.
class SqliteExecutorHarness : public SqliteHarness {
public:
  static constexpr std::string_view name = "sqlite-executor";

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    SqliteOptions changed = options(space);
    changed.executor = threads_->get_executor();
    return std::make_shared<SqliteBackend>(std::move(changed));
  }

private:
  std::shared_ptr<boost::asio::thread_pool> threads_ =
      std::make_shared<boost::asio::thread_pool>(std::size_t{3});
};

/// A space is one object, for a database in memory is its object's alone.
class SqliteMemoryHarness {
public:
  static constexpr std::string_view name = "sqlite-memory";

  auto claims() const {
    return conformance::Claims().any_teardown_order().max_value(test::kit_max_value_bytes);
  }

  std::shared_ptr<SqliteBackend> open(boost::asio::any_io_executor, std::string space) {
    std::shared_ptr<SqliteBackend>& backend = spaces_[space];
    if (!backend) {
      SqliteOptions options(":memory:");
      options.clock = clock_.clock();
      options.limits.max_value_bytes = test::kit_max_value_bytes;
      backend = std::make_shared<SqliteBackend>(std::move(options));
    }
    return backend;
  }

  void drop(std::string space) { spaces_.erase(space); }
  void set_clock(Timestamp now) { clock_.set(now); }

private:
  std::map<std::string, std::shared_ptr<SqliteBackend>> spaces_;
  SetClock clock_;
};

} // namespace

AGENTSTORE_CONFORMANCE(SqliteExecutorHarness)
AGENTSTORE_CONFORMANCE(SqliteMemoryHarness)
