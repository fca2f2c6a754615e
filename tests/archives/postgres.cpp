// SPDX-License-Identifier: Apache-2.0

// PostgresArchive where things go wrong: an append says false in the time for it, every record that
// was acknowledged is there afterwards, in its key's order, and the same object works again.

#include "support/faults/postgres_proxy.hpp"
#include "support/json_values.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/archives/postgres.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <numeric>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

PostgresServer& server() {
  static PostgresServer one;
  return one;
}

/// For tests of something else than time.
PostgresOptions patient_options(const std::string& space) {
  PostgresOptions options = options_for(server().conninfo(), space);
  options.connect_timeout = 60s;
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  return options;
}

PostgresOptions short_options(const std::string& space) {
  PostgresOptions options = options_for(server().conninfo(), space);
  options.connect_timeout = 1s;
  options.acquire_timeout = 1s;
  options.operation_timeout = 1s;
  return options;
}

class Rig {
public:
  /// Makes the table without a hurry: the limits of a test are for what it looks at.
  explicit Rig(const PostgresOptions& options)
      : patient(loop.context().get_executor(), patient_options(options.space)),
        archive(loop.context().get_executor(), options) {
    REQUIRE(loop.run(patient.initialize()));
    REQUIRE(until(loop, [&] { return loop.run(archive.initialize()); }));
  }

  /// What is there, whatever the archive under test is about.
  std::vector<ArchiveRecord> read(const std::string& key) {
    return loop.run(patient.read_archive(ArchiveKind::conversation_session, key, 0, 1'000'000));
  }
  /// Whether the archive comes to itself again.
  bool works() {
    return until(loop, [&] {
      const std::string key = "check-" + std::to_string(++checks_);
      if (!loop.run(archive.append_conversation_session(key, checks_))) {
        return false;
      }
      const auto records = loop.start(
          archive.read_archive(ArchiveKind::conversation_session, key, 0, default_history_limit));
      loop.finish();
      return records->has_value() && records->value->size() == 1;
    });
  }

  Loop loop;
  PostgresArchive patient;
  PostgresArchive archive;

private:
  int checks_ = 0;
};

/// One that appends numbers to its key.
class Writer {
public:
  explicit Writer(std::string the_key) : key(std::move(the_key)) {}

  std::string key;
  std::vector<int> acknowledged;
  int lost = 0;
  std::chrono::milliseconds slowest{0};
};

/// Goes on until all went well for a while after the fault was mended.
awaitable<void> write(PostgresArchive* archive, Writer* writer, Course* course) {
  int good_ones = 0;
  for (int number = 0; good_ones < 10; ++number) {
    const Stopwatch stopwatch;
    const bool is_kept = co_await archive->append_conversation_session(writer->key, number);
    writer->slowest = std::max(writer->slowest, stopwatch.elapsed());
    if (is_kept) {
      writer->acknowledged.push_back(number);
    } else {
      ++writer->lost;
      course->was_felt = true;
      co_await pause(5ms); // a server that is not there says so at once
    }
    good_ones = is_kept && course->is_mended ? good_ones + 1 : 0;
  }
}

/// The numbers that a key has, in its order.
std::vector<int> numbers_in(Rig& rig, const std::string& key) {
  std::vector<int> numbers;
  std::uint64_t last = 0;
  for (const ArchiveRecord& record : rig.read(key)) {
    CHECK(record.sequence > last);
    last = record.sequence;
    numbers.push_back(record.fields.at("session_data").get<int>());
  }
  return numbers;
}

void survive(Rig& rig, const Course::Fault& fault) {
  std::deque<Writer> writers;
  Course course;
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back("key-" + std::to_string(i));
    endings.push_back(rig.loop.start(write(&rig.archive, &writers.back(), &course)));
  }
  REQUIRE(until(rig.loop, [&] {
    return std::all_of(writers.begin(), writers.end(),
                       [](const Writer& writer) { return writer.acknowledged.size() > 5; });
  }));
  course.run(rig.loop, fault);
  int lost = 0;
  for (const Writer& writer : writers) {
    lost += writer.lost;
    CHECK(writer.slowest < soon);
    const std::vector<int> there = numbers_in(rig, writer.key);
    // In their order, none twice, and all that was promised among them.
    CHECK(std::is_sorted(there.begin(), there.end(), std::less_equal<int>()));
    CHECK(std::includes(there.begin(), there.end(), writer.acknowledged.begin(),
                        writer.acknowledged.end()));
  }
  for (const auto& ending : endings) {
    CHECK(ending->has_value()); // no append ever throws
  }
  CHECK(lost > 0);
  CHECK(rig.works());
}

} // namespace

TEST_CASE("An archive whose server is stopped and started under load", "[postgres]") {
  Rig rig(short_options("archive_restarted"));
  survive(rig, [](const Course& course) {
    const Outage outage(server());
    course.wait_until_felt();
  });
}

TEST_CASE("An archive whose server crashes under load keeps what it acknowledged", "[postgres]") {
  Rig rig(short_options("archive_crashed"));
  survive(rig, [](const Course& course) {
    const Outage outage(server(), "immediate");
    course.wait_until_felt();
  });
}

TEST_CASE("An archive whose server is not there says so in time", "[postgres]") {
  Rig rig(short_options("archive_down"));
  PostgresArchive fresh(rig.loop.context().get_executor(), short_options("archive_down"));
  server().stop();
  const Stopwatch stopwatch;
  CHECK_FALSE(rig.loop.run(fresh.initialize()));
  CHECK_FALSE(rig.loop.run(rig.archive.append_session_event("s", "u", "e", 1)));
  CHECK_FALSE(rig.loop.run(rig.archive.append_conversation_message("s", "user", "hello")));
  CHECK_FALSE(rig.loop.run(rig.archive.append_checkpoint("t", "c", 1)));
  CHECK_FALSE(rig.loop.run(rig.archive.append_conversation_session("k", 1)));
  CHECK_FALSE(rig.loop.run(rig.archive.append_task_context_snapshot("s", 1)));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  CHECK_FALSE(rig.loop.run(rig.archive.append_checkpoint_writes("t", "c", "task", writes)));
  CHECK(is_clear(error_of(rig.loop, rig.archive.read_archive(ArchiveKind::checkpoint, "t")),
                 errc::unavailable, "read_archive"));
  CHECK(stopwatch.elapsed() < soon);
  server().start();
  CHECK(rig.works());
  CHECK(rig.loop.run(fresh.initialize()));
  CHECK(rig.read("k").empty());
}

TEST_CASE("An append that cannot be made ends in time", "[postgres]") {
  Rig rig(short_options("archive_locked"));
  Observer observer(server());
  observer.lock("archive_locked", "archive");
  const Stopwatch stopwatch;
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 100; ++i) { // some are sent, some wait for their turn
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", i)));
  }
  rig.loop.finish();
  CHECK(stopwatch.elapsed() < soon);
  for (const auto& append : appends) {
    CHECK(append->value == false);
  }
  Loop loop;
  CHECK(until(loop, [&observer] { return observer.blocked() == 0; }));
  observer.unlock();
  CHECK(rig.read("k").empty());
  CHECK(rig.works());
}

TEST_CASE("An archive behind a network that goes silent", "[postgres]") {
  PostgresProxy proxy(server().socket());
  PostgresOptions options = short_options("archive_silent");
  options.conninfo = proxy.conninfo() + " password=" + secret;
  Rig rig(options);
  CHECK(rig.works());
  proxy.be_silent(true);
  const Stopwatch stopwatch;
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 20; ++i) {
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", i)));
  }
  const auto read =
      rig.loop.start(rig.archive.read_archive(ArchiveKind::conversation_session, "k"));
  rig.loop.finish();
  CHECK(stopwatch.elapsed() < soon);
  for (const auto& append : appends) {
    CHECK(append->value == false);
  }
  CHECK(is_clear(error_of(*read), errc::unavailable, "read_archive"));
  proxy.be_silent(false);
  CHECK(until(rig.loop,
              [&] { return rig.loop.run(rig.archive.append_conversation_session("after", 1)); }));
  CHECK(rig.works());
}

TEST_CASE("Appends of one key that meet are there once each", "[postgres]") {
  Rig rig(patient_options("archive_order"));
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 30; ++i) {
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("one", i)));
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("other", i)));
  }
  rig.loop.finish();
  for (const auto& append : appends) {
    CHECK(append->value == true);
  }
  for (const char* const key : {"one", "other"}) {
    std::vector<int> there = numbers_in(rig, key);
    CHECK(there.size() == 30);
    std::sort(there.begin(), there.end());
    CHECK(std::adjacent_find(there.begin(), there.end()) == there.end());
  }
}

TEST_CASE("Appends go on their way without waiting for each other's answers", "[postgres]") {
  PostgresProxy proxy(server().socket());
  PostgresOptions options = patient_options("archive_pipeline");
  options.conninfo = proxy.conninfo();
  options.pool_size = 1;
  Rig rig(options);
  REQUIRE(rig.works());
  const std::size_t exchanges_before = proxy.exchanges();
  const std::size_t bytes_before = proxy.sent_bytes();
  CHECK(rig.loop.run(rig.archive.append_conversation_session("k", 0)));
  CHECK(proxy.exchanges() - exchanges_before == 1);
  const std::size_t bytes_of_one = proxy.sent_bytes() - bytes_before;

  // While one of them waits for a lock, those behind it are on their way already.
  Observer observer(server());
  observer.lock("archive_pipeline", "archive");
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 1; i <= 4; ++i) {
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", i)));
  }
  CHECK(until(rig.loop, [&] {
    return proxy.sent_bytes() == bytes_before + 5 * bytes_of_one && observer.blocked() == 1;
  }));
  observer.unlock();
  rig.loop.finish();
  for (const auto& append : appends) {
    CHECK(append->value == true);
  }
  CHECK(proxy.exchanges() - exchanges_before == 2);
  CHECK(rig.read("k").size() == 5);
}

TEST_CASE("A cancelled append is there or not, and stays so", "[postgres]") {
  using namespace boost::asio::experimental::awaitable_operators;
  PostgresOptions options = patient_options("archive_cancelled");
  Rig rig(options);
  Observer observer(server());
  observer.lock("archive_cancelled", "archive");
  const Stopwatch stopwatch;
  awaitable<void> late = pause(20ms);
  auto both = rig.archive.append_conversation_session("k", 1) || std::move(late);
  const auto append = rig.loop.start(std::move(both));
  REQUIRE(until(rig.loop, [&] { return append->ended; }));
  CHECK(stopwatch.elapsed() < soon);
  REQUIRE(append->has_value());
  CHECK(append->value->index() == 1);
  CHECK(until(rig.loop, [&] { return observer.blocked() == 0; }));
  observer.unlock();
  CHECK(rig.read("k").empty());
  CHECK(rig.works());
}

TEST_CASE("An archive's close waits for the appends that are under way", "[postgres]") {
  PostgresOptions options = patient_options("archive_closed");
  Rig rig(options);
  Observer observer(server());
  observer.lock("archive_closed", "archive");
  std::vector<std::shared_ptr<Ending<bool>>> appends;
  for (int i = 0; i < 50; ++i) {
    appends.push_back(rig.loop.start(rig.archive.append_conversation_session("k", i)));
  }
  REQUIRE(until(rig.loop, [&] { return observer.blocked() > 0; }));
  const auto close = rig.loop.start(rig.archive.close());
  const auto late = rig.loop.start(rig.archive.append_conversation_session("k", 50));
  REQUIRE(until(rig.loop, [&] { return late->ended; }));
  CHECK(late->value == false);
  CHECK_FALSE(close->ended);
  observer.unlock();
  rig.loop.finish();
  CHECK(close->has_value());
  for (const auto& append : appends) {
    CHECK(append->value == true);
  }
  REQUIRE(rig.loop.run(rig.archive.initialize()));
  CHECK(rig.read("k").size() == 50);
}

TEST_CASE("An archive of version 1 is migrated with all that it holds", "[postgres]") {
  Rig rig(patient_options("archive_version_1"));
  CHECK(rig.loop.run(rig.archive.append_conversation_session("k", 1)));
  rig.loop.run(rig.archive.close());
  RawPostgres raw(server().conninfo() + " options='-c search_path=archive_version_1'");
  raw.execute("ALTER TABLE archive DROP COLUMN entry_id"); // and with it its index
  raw.execute("UPDATE agentstore_schema SET version = 1 WHERE component = 'archive'");
  REQUIRE(rig.loop.run(rig.archive.initialize()));
  CHECK(raw.text("SELECT version FROM agentstore_schema WHERE component = 'archive'") == "2");
  for (int i = 0; i < 2; ++i) {
    CHECK(rig.loop.run(rig.archive.append_conversation_session_once("e", "k", 2)));
  }
  CHECK(rig.loop.run(rig.archive.append_conversation_session("k", 3)));
  CHECK(numbers_in(rig, "k") == std::vector<int>{1, 2, 3});
}

TEST_CASE("A person can read the archive", "[postgres]") {
  Rig rig(patient_options("archive_readable"));
  const Timestamp at(1'795'445'042'123'456us);
  CHECK(rig.loop.run(rig.archive.append_conversation_message("s/1 'é'", "user", "hello\nworld",
                                                             object_of("n", 1), at)));
  RawPostgres raw(server().conninfo() + " options='-c search_path=archive_readable"
                                        " -c TimeZone=UTC'");
  CHECK(raw.text("SELECT kind, key, sequence, created_at, pg_typeof(fields), fields->>'role',"
                 " fields->>'content', fields->'metadata'->>'n' FROM archive") ==
        "conversation_message|s/1 'é'|1|2026-11-23 14:44:02.123456+00|json|user|hello\nworld|1");
  CHECK(raw.text("SELECT kind, key, last_sequence FROM archive_keys") ==
        "conversation_message|s/1 'é'|1");
  const std::string content("a\0b", 3);
  CHECK(rig.loop.run(rig.archive.append_conversation_message("nul", "user", content)));
  CHECK(raw.text("SELECT fields FROM archive WHERE key = 'nul'").find(R"("a\u0000b")") !=
        std::string::npos);
  const auto records =
      rig.loop.run(rig.archive.read_archive(ArchiveKind::conversation_message, "nul"));
  REQUIRE(records.size() == 1);
  CHECK(records[0].fields["content"] == json(content));
}

TEST_CASE("A record that another program damaged in PostgreSQL is an error, never an answer",
          "[postgres]") {
  Rig rig(patient_options("archive_damaged"));
  RawPostgres raw(server().conninfo() + " options='-c search_path=archive_damaged'");
  raw.execute("ALTER TABLE archive ALTER created_at DROP NOT NULL, ALTER fields DROP NOT NULL");
  const std::string too_deep = std::string(1'001, '[') + std::string(1'001, ']');
  for (const std::string& damage :
       {std::string("fields = '[]'"), std::string("fields = '1'"), std::string("fields = NULL"),
        std::string(R"(fields = '{"a":1e400}')"), std::string(R"(fields = '{"a":"\ud800"}')"),
        "fields = '{\"a\":" + too_deep + "}'", std::string("created_at = 'infinity'"),
        std::string("created_at = '-infinity'"), std::string("created_at = NULL")}) {
    INFO(damage.substr(0, 100));
    raw.execute("TRUNCATE archive, archive_keys");
    for (int i = 1; i <= 3; ++i) {
      CHECK(rig.loop.run(rig.archive.append_task_context_snapshot("k", i)));
    }
    raw.execute("UPDATE archive SET " + damage + " WHERE sequence = 2");
    const auto read = [&](std::uint64_t after) {
      return rig.archive.read_archive(ArchiveKind::task_context_snapshot, "k", after);
    };
    const auto error = error_of(rig.loop, read(0));
    CHECK(is_clear(error, errc::corrupted, "read_archive"));
    CHECK((error && error->key() == "k"));
    CHECK(rig.loop.run(read(2)).size() == 1);
  }
}
