// SPDX-License-Identifier: Apache-2.0
// Archives over a plain loop that does the same, and what a dual write costs its hot store. Durable
// means synchronous=FULL.

#include "bench/bench.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/archives/sqlite.hpp>
#include <agentstore/archives/sqlite_queue.hpp>
#include <agentstore/authoring/routed_archive.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/backends/sqlite.hpp>
#include <agentstore/detail/sqlite/archive_schema.hpp> // for the raw loops, as below
#include <agentstore/document_from_text.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <filesystem>

#if defined(AGENTSTORE_BENCH_HAVE_POSTGRES)
#include "support/raw_postgres.hpp"
#include "support/servers/postgres_server.hpp"

#include <agentstore/archives/postgres.hpp>
#endif

#if defined(AGENTSTORE_BENCH_HAVE_CLICKHOUSE)
#include "support/servers/clickhouse_server.hpp"

#include <agentstore/archives/clickhouse.hpp>
#include <agentstore/detail/clickhouse/connection.hpp>
#include <agentstore/detail/clickhouse/sequence.hpp>
#include <agentstore/detail/clickhouse/tables.hpp>
#endif

using namespace agentstore;
using namespace std::chrono_literals;

namespace {

namespace sql = agentstore::detail::sqlite;

const std::string text = "\"" + std::string(1'022, 'x') + "\""; // 1 KiB of JSON

class Folder {
public:
  Folder() : path_(std::filesystem::current_path() / "archives-bench") {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// What a dual write costs

/// An archive that takes 50 ms for each record.
class SlowArchive final : public RoutedArchive<SlowArchive> {
public:
  awaitable<bool> initialize() override { co_return true; }
  awaitable<void> close() override { co_return; }

private:
  friend RoutedArchive;
  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp>, std::string, Others...) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 50ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return true;
  }
};

awaitable<void> puts(IStorageBackend* store, int count) {
  for (int i = 0; i < count; ++i) {
    Document data = Document::from_text(text);
    const std::string id = "step-" + std::to_string(i);
    require(
        co_await store->store_checkpoint("thread-" + std::to_string(i % 100), id, std::move(data)));
  }
}

awaitable<void> open(IStorageBackend* store) {
  require(co_await store->initialize());
}

/// Seconds until the puts are done, whatever is left to be archived.
template <class Hot, class MakeHot>
double seconds_of_puts(MakeHot make_hot, std::optional<DualWriteOptions> dual, int count) {
  boost::asio::io_context context(1);
  const std::shared_ptr<Hot> hot = make_hot();
  std::shared_ptr<IStorageBackend> store = hot;
  if (dual) {
    store = std::make_shared<DualWrite<Hot>>(context.get_executor(), hot,
                                             std::make_shared<SlowArchive>(), *dual);
  }
  const auto run = [&context](awaitable<void> work) {
    bool is_over = false;
    boost::asio::co_spawn(context, std::move(work), [&is_over](const std::exception_ptr& error) {
      require(!error);
      is_over = true;
    });
    while (!is_over) {
      context.restart();
      context.run_one();
    }
  };
  run(open(store.get()));
  return bench::seconds([&] { run(puts(store.get(), count)); });
}

template <class Hot, class MakeHot>
double puts_over_plain(MakeHot make_hot, const DualWriteOptions& dual, int count) {
  std::vector<double> ratios;
  for (int round = 0; round < 9; ++round) {
    const double plain = seconds_of_puts<Hot>(make_hot, std::nullopt, count);
    ratios.push_back(plain / seconds_of_puts<Hot>(make_hot, dual, count));
  }
  return bench::median(std::move(ratios));
}

void measure_dual_write(nlohmann::json& results, const Folder& folder) {
  DualWriteOptions holds_all;
  holds_all.max_queued = 1'000'000;
  holds_all.max_queued_bytes = std::size_t{2} << 30u;
  DualWriteOptions dropping;
  dropping.max_queued = 100;
  const auto memory = [] { return std::make_shared<MemoryBackend>(); };
  int files = 0;
  const auto sqlite = [&] {
    return std::make_shared<SqliteBackend>(folder.file("hot" + std::to_string(++files) + ".db"));
  };
  results["dual_write.hot_put_over_plain"] =
      puts_over_plain<MemoryBackend>(memory, holds_all, 20'000);
  results["dual_write.hot_put_over_plain_dropping"] =
      puts_over_plain<MemoryBackend>(memory, dropping, 20'000);
  results["dual_write.sqlite_hot_put_over_plain"] =
      puts_over_plain<SqliteBackend>(sqlite, holds_all, 100);
  DualWriteOptions durable = holds_all;
  durable.queue = sqlite_queue(folder.file("queue.db"));
  results["dual_write.sqlite_hot_put_over_plain_durable_queue"] =
      puts_over_plain<SqliteBackend>(sqlite, durable, 100);
}

// Appends

awaitable<void> appends(IPermanentStorageBackend* archive, std::string key, int count) {
  for (int i = 0; i < count; ++i) {
    Document data = Document::from_text(text);
    require(co_await archive->append_conversation_session(key, std::move(data)));
  }
}

void append_all(boost::asio::io_context& context, IPermanentStorageBackend& archive, int clients,
                int each) {
  bench::run_clients(context, clients, [&](int client) {
    return appends(&archive, "key-" + std::to_string(client), each);
  });
}

awaitable<void> open(IPermanentStorageBackend* archive) {
  require(co_await archive->initialize());
}

void open_here(boost::asio::io_context& context, IPermanentStorageBackend& archive) {
  bench::run_clients(context, 1, [&](int) { return open(&archive); });
}

// How many records the long key and the short one have.
constexpr int many = 1'000'000;
constexpr int few = 1'000;

/// What appends to a key cost, in an archive or in another, over what they cost to a shorter one.
double growth(boost::asio::io_context& context, IPermanentStorageBackend& of_long_key,
              IPermanentStorageBackend& of_short_key) {
  const auto append = [&context](IPermanentStorageBackend& archive, const std::string& key) {
    bench::run_clients(context, 1, [&](int) { return appends(&archive, key, 100); });
  };
  return bench::ratio(
      9, [&] { append(of_long_key, "long"); }, [&] { append(of_short_key, "short"); });
}

void measure_sqlite(nlohmann::json& results, const Folder& folder) {
  boost::asio::io_context context(1);
  SqliteArchive archive(folder.file("archive.db"));
  open_here(context, archive);
  sql::Connection raw(folder.file("raw.db"), sql::Missing::is_created);
  raw.execute("PRAGMA journal_mode = WAL");
  raw.execute("PRAGMA synchronous = FULL");
  sql::migrate(raw, sql::archive_schema());
  const std::string fields = R"({"session_key":"k","session_data":)" + text + "}";
  constexpr int clients = 64;
  constexpr int each = 5;
  results["sqlite_archive.append_64_clients_over_raw"] = bench::ratio(
      9,
      [&] {
        for (int i = 0; i < clients * each; ++i) {
          raw.change("INSERT INTO archive (kind, key, created_at_us, fields)"
                     " VALUES ('conversation_session', 'k', 1, ?1)",
                     fields);
        }
      },
      [&] { append_all(context, archive, clients, each); });

  // Each in a file of its own: the depth of the trees is what might cost.
  const auto filled = [&](const std::string& key, int records) {
    const std::string path = folder.file(key + ".db");
    sql::Connection connection(path, sql::Missing::is_created);
    connection.execute("PRAGMA journal_mode = WAL");
    sql::migrate(connection, sql::archive_schema());
    connection.execute(
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
         std::to_string(records) +
         ") INSERT INTO archive (kind, key, created_at_us, fields)"
         " SELECT 'conversation_session', '" +
         key + "', i, '{}' FROM n")
            .c_str());
    return path;
  };
  const auto options = [](const std::string& path) {
    SqliteOptions without_disk(path);
    without_disk.synchronous = SqliteOptions::Synchronous::normal;
    return without_disk;
  };
  SqliteArchive small(options(filled("short", few)));
  SqliteArchive large(options(filled("long", many)));
  open_here(context, small);
  open_here(context, large);
  results["archive.append_cost_growth.sqlite"] = growth(context, large, small);
}

#if defined(AGENTSTORE_BENCH_HAVE_POSTGRES)
void measure_postgres(nlohmann::json& results) {
  const test::PostgresServer server(std::vector<std::string>(1, "fsync=off"));
  boost::asio::io_context context(1);
  PostgresArchive archive(context.get_executor(), PostgresOptions(server.conninfo(), "bench"));
  open_here(context, archive);
  test::RawPostgres raw(server.conninfo());
  for (const auto& [key, count] :
       {std::pair("short", std::to_string(few)), std::pair("long", std::to_string(many))}) {
    const std::string of_key = "'conversation_session', '" + std::string(key) + "', ";
    raw.execute("INSERT INTO bench.archive_keys VALUES (" + of_key + count + ")");
    raw.execute("INSERT INTO bench.archive (kind, key, sequence, created_at, fields) SELECT " +
                of_key + "i, now(), '{}' FROM generate_series(1, " + count + ") AS i");
  }
  results["archive.append_cost_growth.postgres"] = growth(context, archive, archive);
}
#endif

#if defined(AGENTSTORE_BENCH_HAVE_CLICKHOUSE)
/// Inserts of 64 rows each, on one connection, one after the other.
class RawInserts {
public:
  explicit RawInserts(int port) : stream_(context_) {
    stream_.connect(boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(),
                                                   static_cast<unsigned short>(port)));
    stream_.socket().set_option(boost::asio::ip::tcp::no_delay(true));
  }

  void insert(const std::string& target, const std::string& rows) {
    namespace http = boost::beast::http;
    http::request<http::string_body> request(http::verb::post, target, 11);
    request.set(http::field::host, "127.0.0.1");
    request.body() = rows;
    request.prepare_payload();
    http::write(stream_, request);
    http::response<http::string_body> response;
    http::read(stream_, buffer_, response);
    require(response.result() == http::status::ok && response.keep_alive());
  }

private:
  boost::asio::io_context context_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
};

void measure_clickhouse(nlohmann::json& results) {
  namespace ch = agentstore::detail::clickhouse;
  const test::ClickHouseServer server;
  boost::asio::io_context context(1);
  ClickHouseOptions options(server.uri("bench"));
  options.linger = 0ms;
  ClickHouseArchive archive(context.get_executor(), options);
  open_here(context, archive);
  const ch::Table& table = ch::table_of(ArchiveKind::conversation_session);
  server.raw().text("CREATE DATABASE raw");
  server.raw().text(ch::create_table("raw", table));
  const std::string target =
      "/?wait_end_of_query=1&query=" + ch::percent_encoded(ch::insert_into("raw", table));
  constexpr int clients = 64;
  constexpr int each = 50;
  const auto raw_loop = [&] {
    RawInserts raw(server.port());
    for (int i = 0; i < each; ++i) {
      std::string rows;
      for (int client = 0; client < clients; ++client) {
        const std::string key = "key-" + std::to_string(client);
        rows += ch::make_row(ch::next_place(), "", system_clock()(), key, text);
      }
      raw.insert(target, rows);
    }
  };
  const auto inserts = [&] {
    return std::stod(
        server.raw().text("SELECT value FROM system.events WHERE event = 'InsertQuery'"));
  };
  results["clickhouse.appends_64_clients_over_raw"] =
      bench::ratio(9, raw_loop, [&] { append_all(context, archive, clients, each); });
  const double before = inserts();
  append_all(context, archive, clients, each);
  results["clickhouse.inserts_per_1000_appends"] = (inserts() - before) * 1'000 / (clients * each);
}
#endif

} // namespace

int main(int count, char** values) {
  require(count == 2);
  nlohmann::json results = nlohmann::json::object();
  const Folder folder;
  measure_dual_write(results, folder);
  measure_sqlite(results, folder);
  results["archive.append_cost_growth.records"] = many;
#if defined(AGENTSTORE_BENCH_HAVE_POSTGRES)
  measure_postgres(results);
#endif
#if defined(AGENTSTORE_BENCH_HAVE_CLICKHOUSE)
  measure_clickhouse(results);
#endif
  return bench::write(values[1], results);
}
