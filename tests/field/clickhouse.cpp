// SPDX-License-Identifier: Apache-2.0

// ClickHouseArchive under faults. An append returns false within the time for it. Every record that
// was acknowledged is there afterwards, in its key's order. The same object works again.

#include "support/catch.hpp"
#include "support/faults/forked_store.hpp"
#include "support/faults/http_proxy.hpp"
#include "support/faults/teardown.hpp"
#include "support/files.hpp"
#include "support/servers/certificate.hpp"
#include "support/servers/clickhouse_server.hpp"
#include "support/waiting.hpp"

#include <agentstore/archives/clickhouse.hpp>
#include <agentstore/detail/clickhouse/tables.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <functional>
#include <set>
#include <sstream>
#include <thread>
#include <tuple>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

/// The limit for a call that has shorter limits of its own. It is generous, because only a call
/// that hangs is to be found.
constexpr auto soon = 15s;

/// Its password as it stands in a URI, and a part of it that nothing may show.
const std::string credentials = "agent:it's%20a%20%22secret%22@";
const std::string secret = "secret";

constexpr ArchiveKind kind = ArchiveKind::conversation_session;

ClickHouseServer& server() {
  static ClickHouseServer one;
  return one;
}

std::string fresh_database() {
  static int count = 0;
  return "archive_" + std::to_string(++count);
}

std::string uri_of(int port, const std::string& database, const std::string& user = credentials) {
  return "clickhouse://" + user + "127.0.0.1:" + std::to_string(port) + "/" + database;
}

/// For tests of something else than time.
ClickHouseOptions patient_options(const std::string& uri) {
  ClickHouseOptions options(uri);
  options.connect_timeout = 60s;
  options.operation_timeout = 60s;
  return options;
}

ClickHouseOptions short_options(const std::string& uri) {
  ClickHouseOptions options(uri);
  options.connect_timeout = 1s;
  options.operation_timeout = 1s;
  return options;
}

/// An archive that is open, and a patient one that the faults do not reach.
class Rig {
public:
  explicit Rig(ClickHouseOptions options, std::string database_name)
      : database(std::move(database_name)),
        patient(loop.context().get_executor(), patient_options(server().uri(database))),
        archive(loop.context().get_executor(), options) {
    REQUIRE(loop.run(patient.initialize()));
    REQUIRE(until(loop, [&] { return loop.run(archive.initialize()); }));
  }
  explicit Rig(const std::string& database_name = fresh_database())
      : Rig(patient_options(uri_of(server().port(), database_name)), database_name) {}

  bool append(const std::string& key, Document value) {
    return loop.run(archive.append_conversation_session(key, std::move(value)));
  }
  /// What is there, page by page.
  std::vector<ArchiveRecord> read(const std::string& key, std::size_t limit = 1'000) {
    std::vector<ArchiveRecord> all;
    for (std::uint64_t after = 0;;) {
      const auto page = loop.run(patient.read_archive(kind, key, after, limit));
      if (page.empty()) {
        return all;
      }
      CHECK(page.size() <= limit);
      for (const ArchiveRecord& record : page) {
        CHECK(record.sequence > after);
        after = record.sequence;
        all.push_back(record);
      }
    }
  }
  std::vector<int> numbers(const std::string& key, std::size_t limit = 1'000) {
    std::vector<int> found;
    for (const ArchiveRecord& record : read(key, limit)) {
      found.push_back(record.fields.at("session_data").get<int>());
    }
    return found;
  }
  std::string raw(const std::string& sql) const { return server().raw().text(sql); }
  /// Whether the archive works again.
  bool works() {
    return until(loop, [&] {
      const std::string key = "check-" + std::to_string(++checks_);
      return append(key, checks_) && read(key).size() == 1;
    });
  }
  std::vector<std::shared_ptr<Ending<bool>>> start(const std::string& key, int count) {
    std::vector<std::shared_ptr<Ending<bool>>> endings;
    for (int i = 0; i < count; ++i) {
      endings.push_back(loop.start(archive.append_conversation_session(key, i)));
    }
    return endings;
  }

  Loop loop;
  std::string database;
  ClickHouseArchive patient;
  ClickHouseArchive archive;

private:
  int checks_ = 0;
};

bool all_are(const std::vector<std::shared_ptr<Ending<bool>>>& endings, bool expected) {
  return std::all_of(endings.begin(), endings.end(),
                     [expected](const auto& each) { return each->value == expected; });
}

/// A writer that appends numbers to its key.
class Writer {
public:
  explicit Writer(std::string the_key) : key(std::move(the_key)) {}

  std::string key;
  std::vector<int> acknowledged;
  int lost = 0;
};

/// Goes on until all appends went well for a while after the fault was mended.
awaitable<void> write(ClickHouseArchive* archive, Writer* writer, const bool* is_mended) {
  int good_ones = 0;
  for (int number = 0; good_ones < 10; ++number) {
    const std::string entry = "entry-" + std::to_string(number);
    const bool is_kept =
        co_await archive->append_conversation_session_once(entry, writer->key, number);
    if (is_kept) {
      writer->acknowledged.push_back(number);
    } else {
      ++writer->lost;
      co_await pause(5ms); // a server that is gone refuses at once
    }
    good_ones = is_kept && *is_mended ? good_ones + 1 : 0;
  }
}

/// Takes one connection by TLS, and sees for which host the client asks before it ends it.
class NameAskedFor {
public:
  explicit NameAskedFor(const Certificate& certificate) {
    tls_.use_certificate_chain_file(certificate.file());
    tls_.use_private_key_file(certificate.key(), boost::asio::ssl::context::pem);
    client_.emplace(context_, tls_);
    acceptor_.async_accept(client_->next_layer(), [this](boost::system::error_code refused) {
      if (refused) {
        return;
      }
      client_->async_handshake(
          boost::asio::ssl::stream_base::server, [this](boost::system::error_code error) {
            const char* const name =
                ::SSL_get_servername(client_->native_handle(), TLSEXT_NAMETYPE_host_name);
            name_ = error ? error.message() : name != nullptr ? name : "no name";
            client_->next_layer().close();
          });
    });
    thread_ = std::thread([this] { context_.run_for(std::chrono::seconds(60)); });
  }
  NameAskedFor(const NameAskedFor&) = delete;
  NameAskedFor& operator=(const NameAskedFor&) = delete;
  ~NameAskedFor() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  int port() const { return acceptor_.local_endpoint().port(); }
  /// Waits for the connection.
  std::string name() {
    thread_.join();
    return name_;
  }

private:
  boost::asio::io_context context_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_{
      context_, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket>> client_;
  std::string name_ = "no client came in time";
  std::thread thread_;
};

std::string message_of(const std::optional<StorageError>& error) {
  return error ? error->what() : "no error";
}

} // namespace

TEST_CASE("a ClickHouse archive whose server is killed under load keeps what it acknowledged") {
  const std::string database = fresh_database();
  Rig rig(short_options(uri_of(server().port(), database)), database);
  std::deque<Writer> writers;
  bool is_mended = false;
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back("key-" + std::to_string(i));
    endings.push_back(rig.loop.start(write(&rig.archive, &writers.back(), &is_mended)));
  }
  const auto all = [&](const std::function<bool(const Writer&)>& condition) {
    return until(rig.loop, [&] { return std::all_of(writers.begin(), writers.end(), condition); });
  };
  REQUIRE(all([](const Writer& writer) { return writer.acknowledged.size() > 5; }));
  server().kill();
  CHECK(all([](const Writer& writer) { return writer.lost > 0; }));
  server().start();
  is_mended = true;
  rig.loop.finish();
  for (const Writer& writer : writers) {
    const std::vector<int> there = rig.numbers(writer.key);
    // The records are in their order, none is there twice, and all acknowledged ones are among
    // them.
    CHECK(std::is_sorted(there.begin(), there.end(), std::less_equal<int>()));
    CHECK(std::includes(there.begin(), there.end(), writer.acknowledged.begin(),
                        writer.acknowledged.end()));
  }
  CHECK(all_are(endings, true)); // no append ever throws
  CHECK(rig.works());
}

TEST_CASE("a ClickHouse archive whose server is not there says so in time") {
  const std::string database = fresh_database();
  const auto options = short_options(uri_of(server().port(), database));
  Rig rig(options, database);
  ClickHouseArchive fresh(rig.loop.context().get_executor(), options);
  server().kill();
  const Stopwatch stopwatch;
  CHECK_FALSE(rig.loop.run(fresh.initialize()));
  CHECK_FALSE(rig.loop.run(rig.archive.append_session_event("s", "u", "e", 1)));
  CHECK_FALSE(rig.loop.run(rig.archive.append_conversation_message("s", "user", "hello")));
  CHECK_FALSE(rig.loop.run(rig.archive.append_checkpoint("t", "c", 1)));
  CHECK_FALSE(rig.append("k", 1));
  CHECK_FALSE(rig.loop.run(rig.archive.append_task_context_snapshot("s", 1)));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  CHECK_FALSE(rig.loop.run(rig.archive.append_checkpoint_writes("t", "c", "task", writes)));
  const auto error = error_of(rig.loop, rig.archive.read_archive(kind, "k"));
  REQUIRE(error);
  CHECK(means(error->code(), errc::unavailable));
  CHECK(error->operation() == "read_archive");
  CHECK(error->cause() == boost::system::errc::connection_refused);
  CHECK(stopwatch.elapsed() < soon);
  server().start();
  CHECK(rig.works());
  CHECK(rig.loop.run(fresh.initialize()));
  CHECK(rig.read("k").empty());
}

TEST_CASE("a ClickHouse archive behind a network that goes silent holds little and ends in time") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  ClickHouseOptions options = short_options(uri_of(proxy.port(), database));
  options.max_queued_bytes = 5'000;
  Rig rig(options, database);
  CHECK(rig.works());
  proxy.be_silent(true);
  const Stopwatch stopwatch;
  const auto first = rig.start("k", 1);
  const std::size_t before = proxy.requests();
  REQUIRE(until(rig.loop, [&] { return proxy.requests() > before; })); // it is under way
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 20; ++i) {
    const std::string value(1'000, 'x');
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", value)));
  }
  rig.loop.poll();
  const auto refused = std::count_if(appends.begin(), appends.end(),
                                     [](const auto& each) { return each->value == false; });
  CHECK(refused == 16);
  const auto read = rig.loop.start(rig.archive.read_archive(kind, "k"));
  rig.loop.finish();
  CHECK(stopwatch.elapsed() < soon);
  CHECK(all_are(first, false));
  CHECK(all_are(appends, false));
  CHECK(read->threw(errc::unavailable));
  const auto late = error_of(rig.loop, rig.archive.read_archive(kind, "k"));
  REQUIRE(late);
  CHECK(late->cause() == boost::system::errc::timed_out);
  proxy.be_silent(false);
  CHECK(rig.works());
}

TEST_CASE("a ClickHouse archive whose server stands still for a while") {
  const std::string database = fresh_database();
  Rig rig(short_options(uri_of(server().port(), database)), database);
  CHECK(rig.works());
  server().freeze();
  const Stopwatch stopwatch;
  const auto appends = rig.start("k", 20);
  rig.loop.finish();
  CHECK(stopwatch.elapsed() < soon);
  CHECK(all_are(appends, false));
  server().wake();
  CHECK(rig.works());
}

TEST_CASE("a ClickHouse server that refuses") {
  const std::string database = fresh_database();
  Rig rig(database);
  Loop& loop = rig.loop;
  CHECK(rig.append("k", 1));
  const auto archive_of = [&](const std::string& user, const std::string& name) {
    return std::make_unique<ClickHouseArchive>(
        loop.context().get_executor(), patient_options(uri_of(server().port(), name, user)));
  };

  SECTION("writing") {
    const auto reader = archive_of("reader@", database);
    CHECK(loop.run(reader->initialize()));
    CHECK_FALSE(loop.run(reader->append_conversation_session("k", 2)));
    CHECK(loop.run(reader->read_archive(kind, "k")).size() == 1);
    CHECK_FALSE(loop.run(archive_of("reader@", fresh_database())->initialize()));
  }
  SECTION("a wrong password, or none") {
    for (const char* const user : {"agent:another-secret@", "agent@", "nobody:secret@"}) {
      const auto stranger = archive_of(user, database);
      CHECK_FALSE(loop.run(stranger->initialize()));
      CHECK_FALSE(loop.run(stranger->append_conversation_session("k", 2)));
      const std::string message = message_of(error_of(loop, stranger->read_archive(kind, "k")));
      CHECK(message.find("closed") != std::string::npos);
      CHECK(message.find(secret) == std::string::npos);
    }
  }
  SECTION("more than a quota") {
    const auto poor = archive_of("poor@", database);
    CHECK(loop.run(poor->initialize()));
    bool is_kept = true;
    for (int i = 0; i < 3 && is_kept; ++i) {
      is_kept = loop.run(poor->append_conversation_session("poor", i));
    }
    CHECK_FALSE(is_kept);
    const std::string message = message_of(error_of(loop, poor->read_archive(kind, "k")));
    CHECK(message.find("Quota") != std::string::npos);
  }
  SECTION("too many parts") {
    const std::string crowded = fresh_database();
    rig.raw("CREATE DATABASE " + crowded);
    std::string sql = detail::clickhouse::create_table(crowded, detail::clickhouse::table_of(kind));
    rig.raw(sql + ", parts_to_throw_insert = 3, parts_to_delay_insert = 3");
    Rig other(crowded);
    other.raw("SYSTEM STOP MERGES");
    CHECK(other.append("k", 1));
    CHECK(other.append("k", 2));
    CHECK(other.append("k", 3));
    CHECK_FALSE(other.append("k", 4));
    other.raw("SYSTEM START MERGES");
    other.raw("OPTIMIZE TABLE " + crowded + ".conversation_session");
    CHECK(other.works());
    CHECK(other.numbers("k") == std::vector<int>{1, 2, 3});
  }
  CHECK(rig.works());
}

TEST_CASE("a record that ClickHouse refuses takes none of its neighbours with it") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  Rig rig(patient_options(uri_of(proxy.port(), database)), database);
  rig.raw("ALTER TABLE " + database +
          ".conversation_session ADD COLUMN checked UInt8"
          " MATERIALIZED throwIf(session_data = '700')");
  const std::size_t before = proxy.requests();
  const auto appends = rig.start("k", 1'000);
  rig.loop.finish();
  for (int i = 0; i < 1'000; ++i) {
    CHECK(appends[static_cast<std::size_t>(i)]->value == (i != 700));
  }
  CHECK(rig.numbers("k").size() == 999);
  CHECK(proxy.requests() - before < 50);
}

TEST_CASE("an exception after the status that says all is well is one") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  Rig rig(patient_options(uri_of(proxy.port(), database)), database);
  CHECK(rig.append("k", 1));
  proxy.append("Code: 241, e.displayText() = DB::Exception: Memory limit exceeded\n");
  CHECK_FALSE(rig.append("k", 2));
  const auto error = error_of(rig.loop, rig.archive.read_archive(kind, "k"));
  REQUIRE(error);
  CHECK(means(error->code(), errc::unavailable));
  CHECK(message_of(error).find("Memory limit exceeded") != std::string::npos);
  ClickHouseArchive fresh(rig.loop.context().get_executor(),
                          patient_options(uri_of(proxy.port(), fresh_database())));
  CHECK_FALSE(rig.loop.run(fresh.initialize()));
  proxy.append("");
  CHECK(rig.works());
}

TEST_CASE("a connection that breaks loses no more than what was on it") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  Rig rig(patient_options(uri_of(proxy.port(), database)), database);
  for (const bool after : {false, true}) {
    const std::string key = after ? "after" : "before";
    CHECK(rig.append(key, 1));
    proxy.break_at(1, after);
    CHECK_FALSE(rig.loop.run(rig.archive.append_conversation_session_once("e", key, 2)));
    proxy.heal();
    CHECK(rig.loop.run(rig.archive.append_conversation_session_once("e", key, 2)));
    CHECK(rig.append(key, 3));
    CHECK(rig.numbers(key) == std::vector<int>{1, 2, 3});
    CHECK(rig.raw("SELECT count() FROM " + database +
                  ".conversation_session WHERE session_key = '" + key + "'") ==
          (after ? "4" : "3"));
  }
}

TEST_CASE("appends that meet share inserts") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  ClickHouseOptions options = patient_options(uri_of(proxy.port(), database));

  SECTION("as many as a batch holds") {
    options.max_batch_bytes = 10'000;
    Rig rig(options, database);
    const std::size_t before = proxy.requests();
    std::vector<std::shared_ptr<Ending<bool>>> appends;
    for (int i = 0; i < 30; ++i) {
      const std::string value(2'000, 'x');
      appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", value)));
    }
    const std::string large(30'000, 'x'); // goes alone
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", large)));
    rig.loop.finish();
    CHECK(all_are(appends, true));
    CHECK(proxy.requests() - before >= 8);
    CHECK(proxy.requests() - before <= 10);
    CHECK(rig.read("k").size() == 31);
  }
  SECTION("where they come one after the other in a short time") {
    options.linger = 200ms;
    Rig rig(options, database);
    const std::size_t before = proxy.requests();
    const auto first = rig.start("k", 5);
    rig.loop.context().restart();
    rig.loop.context().run_for(20ms);
    const auto second = rig.start("k", 5);
    rig.loop.finish();
    CHECK(all_are(first, true));
    CHECK(all_are(second, true));
    CHECK(proxy.requests() - before == 1);
    const Stopwatch stopwatch;
    const auto last = rig.start("k", 1);
    rig.loop.run(rig.archive.close()); // which does not wait for others to come
    CHECK(all_are(last, true));
  }
}

TEST_CASE("a cancelled append is there or not, and stays so") {
  using namespace boost::asio::experimental::awaitable_operators;
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  Rig rig(patient_options(uri_of(proxy.port(), database)), database);
  CHECK(rig.works());
  proxy.be_silent(true);
  const std::size_t before = proxy.requests();
  const auto sent = rig.start("k", 1);
  REQUIRE(until(rig.loop, [&] { return proxy.requests() > before; }));
  awaitable<void> late = pause(20ms);
  auto both = rig.archive.append_conversation_session("k", 7) || std::move(late);
  const auto append = rig.loop.start(std::move(both)); // waits for the insert that is under way
  REQUIRE(until(rig.loop, [&] { return append->ended; }));
  REQUIRE(append->has_value());
  CHECK(append->value->index() == 1);
  proxy.be_silent(false);
  rig.loop.finish();
  CHECK(all_are(sent, true));
  CHECK(rig.numbers("k") == std::vector<int>{0});
  CHECK(rig.works());
}

TEST_CASE("a ClickHouse archive's close waits for the appends that are under way") {
  HttpProxy proxy(server().port());
  const std::string database = fresh_database();
  ClickHouseOptions options = patient_options(uri_of(proxy.port(), database));
  Rig rig(options, database);
  CHECK(rig.works());
  proxy.be_silent(true);
  const auto appends = rig.start("k", 50);
  rig.loop.poll();
  const auto close = rig.loop.start(rig.archive.close());
  const auto late = rig.start("k", 1);
  REQUIRE(until(rig.loop, [&] { return late[0]->ended; }));
  CHECK(all_are(late, false));
  CHECK_FALSE(close->ended);
  proxy.be_silent(false);
  rig.loop.finish();
  CHECK(close->has_value());
  CHECK(all_are(appends, true));
  CHECK(rig.read("k").size() == 50);
  CHECK(rig.loop.run(rig.archive.initialize()));
  CHECK(rig.works());
}

TEST_CASE("keys and values are what they are, whatever they look like in SQL") {
  Rig rig;
  const std::vector<std::string> texts = {
      "it's",      "\\",          "\\'",       "'; DROP TABLE checkpoint; --",
      "\"`",       "%_*?",        "a\nb\tc\r", "\xc3\xa9\xf0\x9f\xa6\x93",
      "{\"a\":1}", "unhex('41')", "\\N",       "Code: 60, x"};
  for (const std::string& text : texts) {
    INFO(text);
    const std::string content = text + std::string("\0", 1) + text;
    CHECK(rig.loop.run(rig.archive.append_conversation_message_once(text, text, text, content)));
    CHECK(rig.loop.run(rig.archive.append_conversation_message_once(text, text, "no", "no")));
  }
  for (const std::string& text : texts) {
    INFO(text);
    const auto records =
        rig.loop.run(rig.archive.read_archive(ArchiveKind::conversation_message, text));
    REQUIRE(records.size() == 1);
    CHECK(records[0].fields["session_id"] == json(text));
    CHECK(records[0].fields["role"] == json(text));
    CHECK(records[0].fields["content"] == json(text + std::string("\0", 1) + text));
  }
}

TEST_CASE("an entry that was appended twice is there once, on whatever page its rows are") {
  Rig rig;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      const std::string entry = "e" + std::to_string(i % 5);
      const int value = 10 * round + i;
      CHECK(rig.loop.run(rig.archive.append_conversation_session_once(entry, "k", value)));
    }
    CHECK(rig.append("k", 100 + round));
  }
  for (const std::size_t limit : {1u, 2u, 3u, 100u}) {
    CHECK(rig.numbers("k", limit) == std::vector<int>{0, 1, 2, 3, 4, 100, 101, 102});
  }
}

TEST_CASE("records of one microsecond and several writers are all there, on pages of any size") {
  Rig rig;
  std::string rows;
  for (int i = 0; i < 12; ++i) {
    rows += std::string(i == 0 ? "" : ",") + "(" + std::to_string(1'000 + i / 4) + "," +
            std::to_string(90 - i) + ",'','k','" + std::to_string(i) + "')";
  }
  rig.raw("INSERT INTO " + rig.database +
          ".conversation_session (sequence, writer, entry_id, session_key, session_data) VALUES " +
          rows);
  for (const std::size_t limit : {1u, 2u, 3u, 5u, 100u}) {
    CHECK(rig.numbers("k", limit) == std::vector<int>{3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8});
  }
}

TEST_CASE("a person can read a ClickHouse archive") {
  Rig rig;
  const Timestamp at(1'795'445'042'123'456us);
  json metadata = json::object();
  metadata["n"] = 1;
  CHECK(rig.loop.run(
      rig.archive.append_conversation_message("s/1 'é'", "user", "hello\nworld", metadata, at)));
  const std::string table = rig.database + ".conversation_message";
  CHECK(rig.raw("SELECT session_id, toUnixTimestamp(created_at), created_at_us, role, content,"
                " visitParamExtractUInt(metadata, 'n'), arrived_at > now() - 60 FROM " +
                table) == "s/1 \\'é\\'\t1795445042\t1795445042123456\tuser\thello\\nworld\t1\t1");
  for (const auto& [micros, seconds] : std::vector<std::pair<std::int64_t, std::string>>{
           {-1, "0"}, {INT64_MIN, "0"}, {INT64_MAX, "4294967295"}, {1'999'999, "1"}}) {
    const std::string key = std::to_string(micros);
    const Timestamp time{std::chrono::microseconds(micros)};
    CHECK(rig.loop.run(rig.archive.append_conversation_message(key, "user", "x", metadata, time)));
    CHECK(rig.raw("SELECT created_at_us, toUnixTimestamp(created_at) FROM " + table +
                  " WHERE session_id = '" + key + "'") == key + "\t" + seconds);
    const auto records =
        rig.loop.run(rig.archive.read_archive(ArchiveKind::conversation_message, key));
    REQUIRE(records.size() == 1);
    CHECK(records[0].created_at == time);
  }
}

TEST_CASE("a record that no archive wrote is an error, never an answer") {
  Rig rig;
  const std::vector<std::tuple<ArchiveKind, std::string, std::vector<std::string>>> damages = {
      {ArchiveKind::session_event, "payload", {"'{'", "''", "'nan'", "'1 2'", "unhex('22ff22')"}},
      {ArchiveKind::session_event, "user_id", {"unhex('ff')"}},
      {ArchiveKind::session_event, "event_type", {"unhex('61ff')"}},
      {ArchiveKind::conversation_message, "metadata", {"'['", "'[1]'", "'null'", "'1'"}},
      {ArchiveKind::conversation_message, "role", {"unhex('eda080')"}},
      {ArchiveKind::conversation_message, "content", {"unhex('c328')"}},
      {ArchiveKind::checkpoint, "data", {"'{'", "''", "unhex('22ff22')"}},
      {ArchiveKind::checkpoint, "metadata", {"'{'", "'[1]'", "'null'"}},
      {ArchiveKind::checkpoint, "checkpoint_id", {"unhex('ff')"}},
      {ArchiveKind::checkpoint_writes, "writes", {"'{'", "'{}'", "'[1]'", "'[[]]'", "'[[1,2]]'"}},
      {ArchiveKind::checkpoint_writes, "task_id", {"unhex('ff')"}},
      {ArchiveKind::conversation_session, "session_data", {"'{'", "''", "unhex('22ff22')"}},
      {ArchiveKind::task_context_snapshot, "context_data", {"'{'", "''", "unhex('22ff22')"}},
  };
  int count = 0;
  for (const auto& [of, column, values] : damages) {
    const auto& table = detail::clickhouse::table_of(of);
    for (const std::string& value : values) {
      const std::string key = "k" + std::to_string(++count);
      INFO(table.name() << " " << column << " = " << value);
      const auto insert = [&, &spoilt = column](int sequence, bool is_spoilt) {
        std::string columns = "sequence, writer";
        std::string row = std::to_string(sequence) + ", 1";
        for (const auto& field : table.fields) {
          if (field.name != nullptr) {
            const std::string name = field.name;
            columns += ", " + name;
            row += name == table.key()           ? ", '" + key + "'"
                   : is_spoilt && name == spoilt ? ", " + value
                   : name == "writes"            ? ", '[]'"
                                                 : ", '{}'";
          }
        }
        rig.raw("INSERT INTO " + rig.database + "." + table.name() + " (" + columns + ") SELECT " +
                row);
      };
      insert(1'000, true);
      insert(2'000, false);
      const auto error = error_of(rig.loop, rig.archive.read_archive(of, key));
      CHECK(message_of(error).find(secret) == std::string::npos);
      REQUIRE(error);
      CHECK(error->code() == errc::corrupted);
      CHECK(error->operation() == "read_archive");
      CHECK(error->key() == key);
      // Behind the spoilt record the next one is read.
      const std::uint64_t after = 1'999ull << detail::clickhouse::rank_bits;
      CHECK(rig.loop.run(rig.archive.read_archive(of, key, after)).size() == 1);
    }
  }
}

TEST_CASE("the queries that README shows give what it says") {
  Rig rig;
  const Timestamp at(1'795'445'042'123'456us); // 2026-11-23
  json ended = json::object();
  ended["status"] = "completed";
  const Document none = Document::object();
  auto& archive = rig.archive;
  CHECK(rig.loop.run(archive.append_conversation_message("session-1", "user", "hi", none, at)));
  CHECK(rig.loop.run(archive.append_conversation_message("session-1", "tool", "42", none, at)));
  CHECK(rig.loop.run(archive.append_conversation_message("session-2", "tool", "no", none, at)));
  CHECK(rig.loop.run(archive.append_session_event("session-1", "user", "end_session", ended, at)));

  std::vector<std::string> answers;
  std::istringstream readme(bytes_of(README));
  std::string query;
  bool is_sql = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("```")) {
      is_sql = line == "```sql";
    } else if (is_sql && !line.starts_with("--")) {
      const auto from = line.find("FROM ");
      query += (from == std::string::npos ? line : line.insert(from + 5, rig.database + ".")) + " ";
      if (line.ends_with(';')) {
        query.erase(query.rfind(';')); // which HTTP does not want
        answers.push_back(rig.raw(query));
        query.clear();
      }
    }
  }
  REQUIRE(answers.size() == 3);
  const std::string time = rig.raw("SELECT toDateTime(1795445042)");
  CHECK(answers[0] == time + "\tuser\thi\n" + time + "\ttool\t42");
  CHECK(answers[1] == time.substr(0, 10) + "\t2");
  CHECK(answers[2] == "completed\t1");
}

TEST_CASE("a database whose tables are others is not opened") {
  Rig rig;
  const std::string database = fresh_database();
  rig.raw("CREATE DATABASE " + database);
  rig.raw("CREATE TABLE " + database + ".checkpoint (thread_id String) ENGINE = Memory");
  ClickHouseArchive archive(rig.loop.context().get_executor(),
                            patient_options(server().uri(database)));
  CHECK_FALSE(rig.loop.run(archive.initialize()));
  CHECK(rig.raw("SELECT count() FROM system.tables WHERE database = '" + database + "'") == "1");
}

TEST_CASE("options of a ClickHouse archive that are wrong") {
  Loop loop;
  const auto refuses = [&](const ClickHouseOptions& options, const std::string& why) {
    ClickHouseArchive archive(loop.context().get_executor(), options);
    CHECK_FALSE(loop.run(archive.initialize()));
    CHECK_FALSE(loop.run(archive.append_conversation_session("k", 1)));
    const auto error = error_of(loop, archive.read_archive(kind, "k"));
    const std::string message = message_of(error);
    INFO(message);
    CHECK((error && means(error->code(), errc::invalid_argument)));
    CHECK(message.find(why) != std::string::npos);
    CHECK(message.find(secret) == std::string::npos);
  };
  const std::string uri = server().uri();
  refuses(ClickHouseOptions("clickhouse://agent:secret%@db"), "the URI has a %");
  ClickHouseOptions options(uri);
  options.operation_timeout = 0ms;
  refuses(options, "time-out");
  options = ClickHouseOptions(uri);
  options.max_connections = 0;
  refuses(options, "size");
  options = ClickHouseOptions("clickhouses://db");
  options.ca_file = "/nowhere";
  refuses(options, "certificates");
}

TEST_CASE("a ClickHouse archive over TLS verifies whom it talks to") {
  const Certificate own("localhost");
  const Certificate other("localhost");
  const ClickHouseServer secured(own.file(), own.key());
  Loop loop;
  const auto archive_of = [&](const std::string& host, const std::string& trusted) {
    ClickHouseOptions options = patient_options("clickhouses://" + credentials + host + ":" +
                                                std::to_string(secured.tls_port()) + "/traces");
    options.ca_file = trusted;
    return std::make_unique<ClickHouseArchive>(loop.context().get_executor(), options);
  };
  const auto archive = archive_of("localhost", own.file());
  CHECK(loop.run(archive->initialize()));
  CHECK(loop.run(archive->append_conversation_session("k", std::string(3'000'000, 'x'))));
  CHECK(loop.run(archive->read_archive(kind, "k")).size() == 1);
  CHECK_FALSE(loop.run(archive_of("localhost", other.file())->initialize()));
  CHECK_FALSE(loop.run(archive_of("localhost", "")->initialize()));
  CHECK_FALSE(loop.run(archive_of("127.0.0.1", "own")->initialize())); // another name
}

TEST_CASE("a ClickHouse archive over TLS asks for a name, and verifies an address as one") {
  for (const char* const whom : {"localhost", "127.0.0.1"}) {
    const std::string host = whom;
    INFO(host);
    const Certificate certificate(host);
    const ClickHouseServer secured(certificate.file(), certificate.key());
    NameAskedFor listener(certificate);
    Loop loop;
    for (const int port : {secured.tls_port(), listener.port()}) {
      ClickHouseOptions options = patient_options("clickhouses://" + credentials + host + ":" +
                                                  std::to_string(port) + "/traces");
      options.ca_file = certificate.file();
      ClickHouseArchive archive(loop.context().get_executor(), options);
      CHECK(loop.run(archive.initialize()) == (port == secured.tls_port()));
    }
    CHECK(listener.name() == (host == "localhost" ? "localhost" : "no name"));
  }
}

TEST_CASE("a ClickHouse archive on an address of IPv6") {
  const std::string database = fresh_database();
  Rig rig(database); // so that there is a server
  boost::asio::ip::tcp::socket socket(rig.loop.context());
  boost::system::error_code error;
  socket.connect(
      {boost::asio::ip::address_v6::loopback(), static_cast<unsigned short>(server().port())},
      error);
  if (error) {
    WARN("skipped: there is no IPv6 here");
    return;
  }
  socket.close();
  ClickHouseArchive archive(rig.loop.context().get_executor(),
                            patient_options("clickhouse://" + credentials + "[::1]:" +
                                            std::to_string(server().port()) + "/" + database));
  REQUIRE(rig.loop.run(archive.initialize()));
  CHECK(rig.loop.run(archive.append_conversation_session("k", 1)));
  CHECK(rig.numbers("k") == std::vector<int>{1});
}

TEST_CASE("In the child of a fork, the parent's ClickHouse archive is refused and left alone") {
  Loop loop;
  auto archive = std::make_unique<ClickHouseArchive>(
      loop.context().get_executor(), patient_options(uri_of(server().port(), fresh_database())));
  REQUIRE(loop.run(archive->initialize()));
  REQUIRE(loop.run(archive->append_conversation_message("s", "user", "before")));
  check_archive_refused_in_child(archive);
  REQUIRE(loop.run(archive->append_conversation_message("s", "user", "after")));
  CHECK(loop.run(archive->read_archive(ArchiveKind::conversation_message, "s")).size() == 2);
}

TEST_CASE("A context and a ClickHouse archive may be destroyed in any order") {
  const auto options = patient_options(uri_of(server().port(), fresh_database()));
  check_teardown_orders([&](boost::asio::any_io_executor executor) {
    return std::make_unique<ClickHouseArchive>(std::move(executor), options);
  });
}

TEST_CASE("a ClickHouse archive whose server has no room on its disk") {
  if (!ClickHouseServer::may_have_disk()) {
    if (std::getenv("AGENTSTORE_REQUIRE_SERVERS") != nullptr) {
      FAIL("nothing may be mounted here");
    }
    WARN("skipped: nothing may be mounted here");
    return;
  }
  const ClickHouseServer small(std::size_t{64});
  Loop loop;
  ClickHouseArchive archive(loop.context().get_executor(), short_options(small.uri()));
  REQUIRE(loop.run(archive.initialize()));
  const auto append = [&](int number) {
    return loop.run(archive.append_conversation_session("k", number));
  };
  REQUIRE(append(1));
  small.fill_disk();
  const Stopwatch stopwatch;
  for (int number = 2; number < 20; ++number) {
    CHECK_FALSE(append(number));
  }
  CHECK(stopwatch.elapsed() < 20 * soon);
  small.empty_disk();
  CHECK(until(loop, [&] { return append(20); }));
  std::vector<int> found;
  for (const ArchiveRecord& record : loop.run(archive.read_archive(kind, "k"))) {
    found.push_back(record.fields.at("session_data").get<int>());
  }
  CHECK(found == std::vector<int>{1, 20});
}
