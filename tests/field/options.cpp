// SPDX-License-Identifier: Apache-2.0
// Every duration, size and count of every Options at its least, below, at one and at its greatest.
// The store works, or `initialize` refuses the value. Nothing hangs, crashes or means something
// else.

#include "support/catch.hpp"
#include "support/loop.hpp"
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
#include "support/servers/clickhouse_server.hpp"
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
#include "support/servers/postgres_server.hpp"
#endif
#if defined(AGENTSTORE_TESTS_HAVE_REDIS)
#include "support/servers/redis_server.hpp"
#endif
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
#include "support/temporary_directory.hpp"
#endif

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/memory.hpp>
#include <agentstore/authoring/offloaded_backend.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/decorators/retry.hpp>
#include <agentstore/decorators/timeout.hpp>
#include <agentstore/detail/memory/space.hpp>
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
#include <agentstore/archives/clickhouse.hpp>
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
#include <agentstore/backends/postgres.hpp>
#endif
#if defined(AGENTSTORE_TESTS_HAVE_REDIS)
#include <agentstore/backends/redis.hpp>
#endif
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
#include <agentstore/backends/sqlite.hpp>
#endif

#include <functional>
#include <limits>
#include <set>

using namespace agentstore;
using namespace agentstore::test;
using std::chrono::milliseconds;

namespace {

using Outcomes = std::set<std::string>;

/// The outcome of a store: "works", "refused" by `initialize`, "late" if a time-out of the store
/// itself struck, "no room" for a value, or the text of another error.
template <class Backend>
std::string outcome(Loop& loop, Backend& store) {
  bool is_open = false;
  try {
    is_open = loop.run(store.initialize());
    const bool is_stored = loop.run(store.put_checkpoint("t", "c", 1));
    const auto found = loop.run(store.get_checkpoint("t"));
    const Health health = loop.run(store.health_check());
    loop.run(store.close());
    if (!is_open || !is_stored || !found || found->data != json(1)) {
      return "does not work";
    }
    if (health.status != Health::Status::unhealthy) {
      return "works";
    }
    // A check of health that is late says so, and throws nothing.
    const std::string why = health.issues.empty() ? "" : health.issues.front();
    return why.find(" in time") != std::string::npos ? "late" : "unhealthy: " + why;
  } catch (const StorageError& error) {
    if (!is_open && means(error.code(), errc::invalid_argument)) {
      return "refused";
    }
    if (error.cause() == boost::system::errc::timed_out) {
      return "late";
    }
    const bool is_no_room =
        means(error.code(), errc::too_large) || means(error.code(), errc::invalid_argument);
    return is_open && is_no_room ? "no room" : error.what();
  }
}

/// The same of an archive, whose `initialize` does not tell why it is false.
template <class Archive>
  requires std::derived_from<Archive, IPermanentStorageBackend>
std::string outcome(Loop& loop, Archive& archive) {
  if (!loop.run(archive.initialize())) {
    return "refused";
  }
  const bool is_kept = loop.run(archive.append_conversation_message("s", "user", "x"));
  const auto error = error_of(loop, archive.read_archive(ArchiveKind::conversation_message, "s"));
  loop.run(archive.close());
  if (error) {
    return error->cause() == boost::system::errc::timed_out ? "late" : error->what();
  }
  return is_kept ? "works" : "no room";
}

/// An option at one of its values, and the outcomes that are allowed then.
template <class Options>
class Case {
public:
  std::string name;
  std::function<void(Options&)> set;
  Outcomes allowed;
};

template <class Options>
class Cases {
public:
  /// \param at_zero and the others: the allowed outcomes at 0, below, at 1 ms, and at the greatest.
  Cases& duration(const std::string& name, milliseconds Options::* member, const Outcomes& at_zero,
                  const Outcomes& below, const Outcomes& at_one = {"works"}) {
    const auto add = [&](milliseconds value, const Outcomes& allowed) {
      all_.push_back({name + " = " + std::to_string(value.count()) + " ms",
                      [member, value](Options& options) { options.*member = value; }, allowed});
    };
    add(milliseconds(0), at_zero);
    add(milliseconds(-1), below);
    add(milliseconds::min(), below);
    add(milliseconds(1), at_one);
    add(milliseconds::max() - milliseconds(1), {"works"});
    add(milliseconds::max(), {"works"});
    return *this;
  }
  template <class Count>
  Cases& count(const std::string& name, Count Options::* member, const Outcomes& at_zero,
               const Outcomes& at_most = {"works"}) {
    const auto add = [&](Count value, const Outcomes& allowed) {
      all_.push_back({name + " = " + std::to_string(value),
                      [member, value](Options& options) { options.*member = value; }, allowed});
    };
    add(0, at_zero);
    add(1, {"works"});
    add(std::numeric_limits<Count>::max(), at_most);
    return *this;
  }
  /// What a value may be.
  Cases& limits() {
    for (const std::size_t value :
         {std::size_t{0}, std::size_t{1}, std::numeric_limits<std::size_t>::max()}) {
      // An empty object, which a checkpoint has for metadata, has two bytes and a depth of 1.
      const Outcomes bytes = value < 2 ? Outcomes{"no room"} : Outcomes{"works"};
      const Outcomes depth = value < 1 ? Outcomes{"no room"} : Outcomes{"works"};
      all_.push_back({"max_value_bytes = " + std::to_string(value),
                      [value](Options& options) { options.limits.max_value_bytes = value; },
                      bytes});
      all_.push_back({"max_depth = " + std::to_string(value),
                      [value](Options& options) { options.limits.max_depth = value; }, depth});
    }
    return *this;
  }

  /// Makes a store for each case, by `make(loop, options)`, from options that `defaults()` gives.
  template <class Defaults, class Make>
  void check(const Defaults& defaults, const Make& make) const {
    for (const Case<Options>& each : all_) {
      CAPTURE(each.name);
      Options options = defaults();
      each.set(options);
      Loop loop;
      const auto store = make(loop, options);
      const std::string found = outcome(loop, *store);
      CAPTURE(found);
      CHECK(each.allowed.contains(found));
    }
  }

private:
  std::vector<Case<Options>> all_;
};

const Outcomes works = {"works"};
const Outcomes refused = {"refused"};
const Outcomes works_or_late = {"works", "late"};

} // namespace

TEST_CASE("Options of MemoryBackend") {
  Cases<MemoryOptions>().limits().check([] { return MemoryOptions(); },
                                        [](Loop&, MemoryOptions options) {
                                          return std::make_shared<MemoryBackend>(
                                              std::make_shared<MemorySpace>(std::move(options)));
                                        });
}

TEST_CASE("Options of OffloadedBackend") {
  using Store = detail::memory::Space;
  Cases<OffloadedOptions>()
      .count("threads", &OffloadedOptions::threads, works)
      .limits()
      .check([] { return OffloadedOptions("offloaded"); },
             [](Loop&, OffloadedOptions options) {
               return std::make_shared<OffloadedBackend<Store>>(
                   std::move(options), [] { return std::make_shared<Store>(MemoryOptions()); });
             });
}

TEST_CASE("Options of DualWrite") {
  Cases<DualWriteOptions>()
      .count("max_queued", &DualWriteOptions::max_queued, works)
      .count("max_queued_bytes", &DualWriteOptions::max_queued_bytes, works)
      .count("max_appends", &DualWriteOptions::max_appends, works)
      .count("max_attempts", &DualWriteOptions::max_attempts, works)
      .duration("first_pause", &DualWriteOptions::first_pause, works, works)
      .duration("longest_pause", &DualWriteOptions::longest_pause, works, works)
      .duration("open_limit", &DualWriteOptions::open_limit, works, works)
      .duration("close_limit", &DualWriteOptions::close_limit, works, works)
      .check([] { return DualWriteOptions(); },
             [](Loop& loop, DualWriteOptions options) {
               return std::make_shared<DualWrite<MemoryBackend>>(
                   loop.context().get_executor(), std::make_shared<MemoryBackend>(),
                   std::make_shared<MemoryArchive>(), std::move(options));
             });
}

TEST_CASE("Options of RetryBackend") {
  Cases<RetryOptions>()
      .count("max_attempts", &RetryOptions::max_attempts, works)
      .duration("first_pause", &RetryOptions::first_pause, works, works)
      .duration("longest_pause", &RetryOptions::longest_pause, works, works)
      .check([] { return RetryOptions(); },
             [](Loop&, RetryOptions options) {
               return std::make_shared<RetryBackend<MemoryBackend>>(
                   std::make_shared<MemoryBackend>(), options);
             });
}

namespace {

class TimeoutOptions {
public:
  milliseconds limit{1'000};
};

} // namespace

TEST_CASE("The limit of TimeoutBackend") {
  Cases<TimeoutOptions>()
      .duration("limit", &TimeoutOptions::limit, refused, refused, works_or_late)
      .check([] { return TimeoutOptions(); },
             [](Loop&, TimeoutOptions options) {
               return std::make_shared<TimeoutBackend<MemoryBackend>>(
                   std::make_shared<MemoryBackend>(), options.limit);
             });
}

#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
TEST_CASE("Options of SqliteBackend", "[sqlite]") {
  const TemporaryDirectory directory;
  int files = 0;
  Cases<SqliteOptions>()
      .duration("busy_timeout", &SqliteOptions::busy_timeout, works, refused)
      .count("read_threads", &SqliteOptions::read_threads, works)
      .limits()
      .check(
          [&] { return SqliteOptions(directory.file("store" + std::to_string(++files) + ".db")); },
          [](Loop&, SqliteOptions options) {
            return std::make_shared<SqliteBackend>(std::move(options));
          });
  // A file limited to one byte has the room that its tables have, and no more.
  SqliteOptions tiny(directory.file("tiny.db"));
  tiny.max_file_bytes = 1;
  Loop loop;
  SqliteBackend full(tiny);
  REQUIRE(loop.run(full.initialize()));
  const auto error = error_of(loop, full.put_checkpoint("t", "c", std::string(100'000, 'x')));
  REQUIRE(error);
  CHECK(error->cause() == boost::system::errc::no_space_on_device);
  for (const std::uint64_t most : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
    tiny.max_file_bytes = most;
    SqliteBackend store(tiny);
    CHECK(outcome(loop, store) == "works");
  }
}
#endif

#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
TEST_CASE("Options of PostgresBackend", "[postgres]") {
  const PostgresServer server;
  Loop first;
  PostgresBackend tables(first.context().get_executor(),
                         PostgresOptions(server.conninfo(), "options"));
  REQUIRE(first.run(tables.initialize())); // so that what waits for 1 ms does not wait for a schema
  Cases<PostgresOptions>()
      .count("pool_size", &PostgresOptions::pool_size, refused)
      .count("pipeline_depth", &PostgresOptions::pipeline_depth, refused)
      .duration("connect_timeout", &PostgresOptions::connect_timeout, refused, refused,
                works_or_late)
      .duration("acquire_timeout", &PostgresOptions::acquire_timeout, refused, refused,
                works_or_late)
      .duration("operation_timeout", &PostgresOptions::operation_timeout, refused, refused,
                works_or_late)
      .duration("idle_timeout", &PostgresOptions::idle_timeout, works, refused)
      .limits()
      .check([&] { return PostgresOptions(server.conninfo(), "options"); },
             [](Loop& loop, PostgresOptions options) {
               return std::make_shared<PostgresBackend>(loop.context().get_executor(),
                                                        std::move(options));
             });
}
#endif

#if defined(AGENTSTORE_TESTS_HAVE_REDIS)
TEST_CASE("Options of RedisBackend", "[redis]") {
  const RedisServer server;
  int spaces = 0;
  Cases<RedisOptions>()
      .count("buckets", &RedisOptions::buckets, refused, refused)
      .duration("connect_timeout", &RedisOptions::connect_timeout, refused, refused, works_or_late)
      .duration("acquire_timeout", &RedisOptions::acquire_timeout, refused, refused, works_or_late)
      .duration("operation_timeout", &RedisOptions::operation_timeout, refused, refused,
                works_or_late)
      .limits()
      .check([&] { return RedisOptions(server.uri(), "space-" + std::to_string(++spaces)); },
             [](Loop& loop, RedisOptions options) {
               return std::make_shared<RedisBackend>(loop.context().get_executor(),
                                                     std::move(options));
             });
}
#endif

#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
TEST_CASE("Options of ClickHouseArchive", "[clickhouse]") {
  const ClickHouseServer server;
  const Outcomes in_no_time = {"works", "refused", "late", "no room"};
  Cases<ClickHouseOptions>()
      .duration("connect_timeout", &ClickHouseOptions::connect_timeout, refused, refused,
                in_no_time)
      .duration("operation_timeout", &ClickHouseOptions::operation_timeout, refused, refused,
                in_no_time)
      .duration("linger", &ClickHouseOptions::linger, works, works)
      .count("max_batch_bytes", &ClickHouseOptions::max_batch_bytes, refused)
      .count("max_connections", &ClickHouseOptions::max_connections, refused)
      .limits()
      .check(
          [&] {
            ClickHouseOptions options(server.uri("options"));
            options.operation_timeout = milliseconds(2'000);
            return options;
          },
          [](Loop& loop, ClickHouseOptions options) {
            return std::make_shared<ClickHouseArchive>(loop.context().get_executor(),
                                                       std::move(options));
          });
}
#endif
