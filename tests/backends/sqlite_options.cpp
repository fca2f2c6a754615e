// SPDX-License-Identifier: Apache-2.0

// Every duration, size and count of SqliteOptions at its least and its greatest, and values that
// SQLite has no room for.

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>

#include <limits>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

template <class T>
constexpr T greatest = std::numeric_limits<T>::max();

/// Whether a store with these options takes a value and gives it back.
bool works(Loop& loop, const SqliteOptions& options) {
  SqliteBackend backend(options);
  const bool is_open = loop.run(backend.initialize());
  const bool is_stored = loop.run(backend.put_checkpoint("t", "c", 1));
  const auto found = loop.run(backend.get_checkpoint("t"));
  const auto health = loop.run(backend.health_check());
  loop.run(backend.close());
  return is_open && is_stored && found && found->data == json(1) &&
         health.status == Health::Status::healthy;
}

} // namespace

TEST_CASE("Every option works from its least to its greatest value, or is refused", "[sqlite]") {
  const TemporaryDirectory directory;
  Loop loop;
  SqliteOptions options(directory.file("store.db"));

  for (const std::chrono::milliseconds wait :
       {0ms, 1ms, std::chrono::milliseconds::max(), std::chrono::milliseconds::max() - 1ms}) {
    CAPTURE(wait.count());
    SqliteOptions changed = options;
    changed.busy_timeout = wait;
    CHECK(works(loop, changed));
  }
  for (const std::chrono::milliseconds wait : {-1ms, std::chrono::milliseconds::min()}) {
    SqliteOptions changed = options;
    changed.busy_timeout = wait;
    SqliteBackend backend(changed);
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize",
                   "busy_timeout"));
  }
  for (const std::size_t threads : {std::size_t{0}, std::size_t{1}, greatest<std::size_t>}) {
    CAPTURE(threads);
    SqliteOptions changed = options;
    changed.read_threads = threads;
    CHECK(works(loop, changed));
  }
  for (const std::uint64_t bytes : {std::uint64_t{0}, greatest<std::uint64_t>}) {
    CAPTURE(bytes);
    SqliteOptions changed = options;
    changed.max_file_bytes = bytes;
    CHECK(works(loop, changed));
  }
  SqliteOptions tiny(directory.file("tiny.db"));
  tiny.max_file_bytes = 1;
  SqliteBackend full(tiny);
  REQUIRE(loop.run(full.initialize()));
  const json large = object_of_size(100'000);
  CHECK(is_clear(error_of(loop, full.put_checkpoint("t", "c", large)), errc::unavailable,
                 "put_checkpoint", tiny.path));

  SqliteOptions unlimited = options;
  unlimited.limits.max_value_bytes = greatest<std::size_t>;
  CHECK(works(loop, unlimited));
  SqliteOptions nothing = options;
  nothing.limits.max_value_bytes = 0;
  SqliteBackend refuses(nothing);
  REQUIRE(loop.run(refuses.initialize()));
  CHECK(is_clear(error_of(loop, refuses.put_checkpoint("t", "d", 1)), errc::too_large,
                 "put_checkpoint", ""));
}

TEST_CASE("A lock is waited for without an end, or not at all", "[sqlite]") {
  const TemporaryDirectory directory;
  for (const std::chrono::milliseconds wait : {0ms, std::chrono::milliseconds::max()}) {
    SqliteOptions options(directory.file("store.db"));
    options.busy_timeout = wait;
    Loop loop;
    SqliteBackend backend(options);
    REQUIRE(loop.run(backend.initialize()));
    RawSqlite other(options.path);
    other.execute("BEGIN IMMEDIATE");
    const auto put = loop.start(backend.put_checkpoint("t", "c", 1));
    loop.context().restart();
    loop.context().run_for(wait == 0ms ? 20s : 200ms);
    CHECK(put->ended == (wait == 0ms));
    other.execute("COMMIT");
    loop.finish();
    CHECK((wait == 0ms ? put->threw(errc::unavailable) : put->value == true));
  }
}

TEST_CASE("A value that is larger than SQLite's limit is too large, whatever the options allow",
          "[sqlite]") {
  const TemporaryDirectory directory;
  SqliteOptions options(directory.file("store.db"));
  options.limits.max_value_bytes = greatest<std::size_t>;
  Loop loop;
  SqliteBackend backend(options);
  REQUIRE(loop.run(backend.initialize()));
  std::string text = "\"" + std::string(1'000'000'000, 'x') + "\"";
  std::vector<ChannelWrite> writes;
  writes.emplace_back("small", 1);
  writes.emplace_back("large", Document::from_text(std::move(text)));
  CHECK(is_clear(error_of(loop, backend.put_writes("t", "c", "task", std::move(writes))),
                 errc::too_large, "put_writes", options.path));
  CHECK(loop.run(backend.get_writes("t", "c")).empty());
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
}
