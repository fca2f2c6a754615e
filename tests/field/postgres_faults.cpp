// SPDX-License-Identifier: Apache-2.0

// PostgresBackend under faults. Each fault is a StorageError that says what failed and why, in the
// time for it. Nothing that was acknowledged is lost. When the fault is mended the same object
// works again.

#include "support/because.hpp"
#include "support/faults/postgres_proxy.hpp"
#include "support/json_values.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/backends/postgres.hpp>

#include <deque>
#include <dlfcn.h>
#include <map>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
namespace because = boost::system::errc;

namespace {

std::atomic<bool> refuses_pipelines = false;

} // namespace

/// libpq's own function, which fails while a test says so.
extern "C" int PQenterPipelineMode(PGconn* connection) {
  static void* const original = ::dlsym(RTLD_NEXT, "PQenterPipelineMode");
  return refuses_pipelines ? 0 : reinterpret_cast<int (*)(PGconn*)>(original)(connection);
}

namespace {

PostgresServer& server() {
  static PostgresServer one;
  return one;
}

PostgresOptions short_options(const std::string& space) {
  PostgresOptions options = options_for(server().conninfo(), space);
  options.connect_timeout = 1'000ms;
  options.acquire_timeout = 1'000ms;
  options.operation_timeout = 1'000ms;
  return options;
}

/// One agent of many, with its requests and their answers.
class Agent {
public:
  explicit Agent(std::string the_id) : id(std::move(the_id)) {}

  std::string id;
  std::vector<int> acknowledged;
  std::vector<int> failed;
  std::vector<int> said; // messages that were acknowledged
  std::vector<StorageError> errors;
  int next = 0;
  std::chrono::milliseconds slowest{0};
  bool read_what_is_not_there = false;
};

std::vector<ChannelWrite> three_writes(const std::string& id, int number) {
  std::vector<ChannelWrite> writes;
  for (const char* const channel : {"a", "b", "c"}) {
    writes.emplace_back(channel, id + "/" + std::to_string(number));
  }
  return writes;
}

bool is_whole(const std::vector<PendingWrite>& writes, const std::string& id, int number) {
  const auto is_own = [&](const PendingWrite& write) {
    return write.value == json(id + "/" + std::to_string(number));
  };
  return writes.size() == 3 && std::all_of(writes.begin(), writes.end(), is_own);
}

awaitable<void> write_and_read(PostgresBackend* backend, Agent* agent, int number) {
  std::vector<ChannelWrite> writes = three_writes(agent->id, number);
  const std::string name = std::to_string(number);
  const bool put = co_await backend->put_writes(agent->id, name, "task", writes);
  agent->acknowledged.push_back(number);
  const bool added = co_await backend->add_conversation_message(agent->id, "user", name);
  agent->said.push_back(number);
  const auto read = co_await backend->get_writes(agent->id, name);
  agent->read_what_is_not_there |= !put || !added || !is_whole(read, agent->id, number);
}

/// Goes on until nothing went wrong for a while after the fault was mended.
awaitable<void> work(PostgresBackend* backend, Agent* agent, Course* course) {
  for (int good_ones = 0; good_ones < 10;) {
    const int number = agent->next++;
    const Stopwatch stopwatch;
    std::optional<StorageError> error;
    try {
      co_await write_and_read(backend, agent, number);
    } catch (const StorageError& thrown) {
      error = thrown;
    }
    agent->slowest = std::max(agent->slowest, stopwatch.elapsed());
    if (error) {
      if (agent->acknowledged.empty() || agent->acknowledged.back() != number) {
        agent->failed.push_back(number);
      }
      agent->errors.push_back(*error);
      course->was_felt = true;
      co_await pause(5ms); // a server that is gone refuses at once
    }
    good_ones = error || !course->is_mended ? 0 : good_ones + 1;
  }
}

/// Several agents on one backend, while `fault` is done to the server.
class Load {
public:
  explicit Load(const std::string& space)
      : space_(space), backend_(loop_.context().get_executor(), short_options(space)) {
    loop_.run(backend_.initialize());
    for (int i = 0; i < 6; ++i) {
      agents_.emplace_back("agent-" + std::to_string(i));
      loop_.run(backend_.create_session(agents_.back().id, "user"));
    }
  }

  void survive(const Course::Fault& fault) {
    std::vector<std::shared_ptr<Ending<bool>>> endings;
    for (Agent& agent : agents_) {
      endings.push_back(loop_.start(work(&backend_, &agent, &course_)));
    }
    REQUIRE(until(loop_, [&] {
      return std::all_of(agents_.begin(), agents_.end(),
                         [](const Agent& agent) { return agent.acknowledged.size() > 5; });
    }));
    course_.run(loop_, fault);
    for (const auto& ending : endings) {
      CHECK(ending->has_value());
    }
    check_what_was_said();
    check_what_is_there();
  }

  std::size_t errors() const {
    std::size_t count = 0;
    for (const Agent& agent : agents_) {
      count += agent.errors.size();
    }
    return count;
  }

private:
  void check_what_was_said() const {
    for (const Agent& agent : agents_) {
      for (const StorageError& error : agent.errors) {
        const std::string& operation = error.operation();
        CHECK((operation == "put_writes" || operation == "get_writes" ||
               operation == "add_conversation_message"));
        CHECK(is_clear(error, errc::unavailable, operation));
        CHECK(error.key() == agent.id);
      }
      CHECK(agent.slowest < soon * 3); // three calls, of which each may wait twice
      CHECK_FALSE(agent.read_what_is_not_there);
    }
  }

  void check_what_is_there() {
    for (const Agent& agent : agents_) {
      for (const int number : agent.acknowledged) {
        const auto read = loop_.run(backend_.get_writes(agent.id, std::to_string(number)));
        CHECK(is_whole(read, agent.id, number));
      }
      for (const int number : agent.failed) {
        const auto read = loop_.run(backend_.get_writes(agent.id, std::to_string(number)));
        CHECK((read.empty() || is_whole(read, agent.id, number)));
      }
      std::vector<int> there;
      for (const Message& one : loop_.run(backend_.get_conversation_history(agent.id, 100'000))) {
        there.push_back(std::stoi(one.content));
      }
      // The records are in their order and once each, whatever happened to those between them.
      CHECK(std::is_sorted(there.begin(), there.end(), std::less_equal<int>()));
      CHECK(std::includes(there.begin(), there.end(), agent.said.begin(), agent.said.end()));
    }
    CHECK(loop_.run(backend_.health_check()).status == Health::Status::healthy);
  }

  Loop loop_;
  std::string space_;
  PostgresBackend backend_;
  std::deque<Agent> agents_;
  Course course_;
};

/// Changes the role's settings while the object lives, however the test ends.
class AlteredRole {
public:
  AlteredRole(const std::string& change, std::string reset) : reset_(std::move(reset)) {
    server().admin("ALTER ROLE agent " + change);
  }
  AlteredRole(const AlteredRole&) = delete;
  AlteredRole& operator=(const AlteredRole&) = delete;
  ~AlteredRole() { server().admin("ALTER ROLE agent " + reset_); }

private:
  std::string reset_;
};

/// Makes the tables without a hurry: the limits of a test are for what it looks at.
const PostgresOptions& with_tables(const PostgresOptions& options) {
  Loop loop;
  PostgresOptions patient(server().conninfo() + " options='-c statement_timeout=60s'",
                          options.space);
  patient.connect_timeout = 60s;
  patient.operation_timeout = 60s;
  PostgresBackend backend(loop.context().get_executor(), patient);
  REQUIRE(loop.run(backend.initialize()));
  return options;
}

class Rig : public PostgresRig {
public:
  explicit Rig(const PostgresOptions& options) : PostgresRig(server(), options) {}
};

} // namespace

TEST_CASE("A server that is stopped and started again under load", "[postgres]") {
  Load load("restarted");
  load.survive([](const Course& course) {
    const Outage outage(server());
    course.wait_until_felt();
  });
  CHECK(load.errors() > 0);
}

TEST_CASE("A server that crashes under load keeps what it acknowledged", "[postgres]") {
  Load load("crashed");
  load.survive([](const Course& course) {
    const Outage outage(server(), "immediate");
    course.wait_until_felt();
  });
  CHECK(load.errors() > 0);
}

TEST_CASE("Connections that an administrator ends again and again, under load", "[postgres]") {
  Load load("terminated");
  int ended = 0;
  load.survive([&ended](const Course&) {
    Observer observer(server());
    const Stopwatch stopwatch;
    for (int round = 0; ended < 40 && stopwatch.elapsed() < 60s; ++round) {
      ended += observer.terminate();
      std::this_thread::sleep_for(std::chrono::milliseconds(5 * (round % 5)));
    }
  });
  CHECK(ended >= 40);
}

TEST_CASE("Connections that are ended while they are idle are replaced, and no call hears of it",
          "[postgres]") {
  Rig rig(with_tables(short_options("idle")));
  for (int round = 0; round < 5; ++round) {
    std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> reads;
    for (int i = 0; i < 20; ++i) {
      reads.push_back(rig.loop.start(rig.backend.get_checkpoint("t")));
    }
    rig.loop.finish();
    CHECK(rig.observer.terminate() > 0);
    CHECK(rig.works());
  }
}

TEST_CASE("Connections that are ended in the middle of calls", "[postgres]") {
  PostgresOptions options = short_options("in_flight");
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  options.pool_size = 4;
  options.pipeline_depth = 1;
  Rig rig(with_tables(options));
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("t", "there", 1)));
  rig.observer.lock("in_flight", "checkpoints");
  const auto one_write = rig.loop.start(rig.backend.put_checkpoint("t", "1", 1));
  const auto other_write = rig.loop.start(rig.backend.put_checkpoint("u", "2", 2));
  const auto read = rig.loop.start(rig.backend.get_checkpoint("t", "there"));
  REQUIRE(rig.all_blocked(3));
  CHECK(rig.observer.terminate() >= 3);
  REQUIRE(until(rig.loop, [&] { return one_write->ended && other_write->ended; }));
  CHECK(is_clear(error_of(*one_write), errc::unavailable, "put_checkpoint", "57P01"));
  CHECK(is_clear(error_of(*other_write), errc::unavailable, "put_checkpoint", "57P01"));
  REQUIRE(rig.all_blocked(1)); // the read, once more
  rig.observer.unlock();
  rig.loop.finish();
  REQUIRE(read->has_value());
  CHECK((*read->value)->data == json(1));
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).size() == 1);
  CHECK(rig.loop.run(rig.backend.list_checkpoints("u")).empty());
  CHECK(rig.works());
}

TEST_CASE("A server that is not there", "[postgres]") {
  for (const bool by_tcp : {false, true}) {
    PostgresOptions options = short_options("refused");
    options.conninfo =
        (by_tcp ? server().tcp_conninfo() : server().conninfo()) + " password=" + secret;
    Rig rig(with_tables(options));
    PostgresBackend fresh(rig.loop.context().get_executor(), options);
    {
      Outage outage(server());
      const Stopwatch stopwatch;
      const auto error = error_of(rig.loop, fresh.initialize());
      CHECK(is_clear(error, errc::unavailable, "initialize", by_tcp ? "refused" : "No such file"));
      CHECK((!by_tcp || is_because(error, because::connection_refused, true)));
      CHECK(error_of(rig.loop, fresh.get_checkpoint("t"))->code() == errc::closed);
      CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1)), errc::unavailable,
                     "put_checkpoint", by_tcp ? "refused" : "No such file"));
      CHECK(is_clear(error_of(rig.loop, rig.backend.get_checkpoint("t")), errc::unavailable,
                     "get_checkpoint"));
      CHECK(rig.is_unhealthy());
      CHECK(stopwatch.elapsed() < soon);
    }
    REQUIRE(rig.loop.run(fresh.initialize()));
    CHECK_FALSE(rig.loop.run(fresh.get_checkpoint("t")));
  }
}

TEST_CASE("A server that is not there, and then is", "[postgres]") {
  PostgresOptions options = short_options("comes_back");
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
  Outage outage(server());
  for (int i = 0; i < 3; ++i) {
    CHECK(
        is_clear(error_of(loop, backend.get_checkpoint("t")), errc::unavailable, "get_checkpoint"));
  }
  outage.end();
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1))); // the first call that it can answer
  CHECK(loop.run(backend.get_checkpoint("t"))->data == json(1));
}

TEST_CASE("A connection that cannot be used is not taken for an open one", "[postgres]") {
  PostgresOptions options = with_tables(short_options("unusable"));
  options.idle_timeout = 0ms; // each call has to connect
  Rig rig(options);
  PostgresBackend fresh(rig.loop.context().get_executor(), options);
  refuses_pipelines = true;
  CHECK(is_clear(error_of(rig.loop, fresh.initialize()), errc::unavailable, "initialize",
                 "cannot pipeline"));
  CHECK(is_clear(error_of(rig.loop, rig.backend.get_checkpoint("t")), errc::unavailable,
                 "get_checkpoint", "cannot pipeline"));
  refuses_pipelines = false;
  CHECK(is_clear(error_of(rig.loop, fresh.get_checkpoint("t")), errc::closed, "get_checkpoint"));
  CHECK(rig.loop.run(fresh.initialize()));
  CHECK(rig.works());
}

TEST_CASE("A password that is wrong, missing or changed", "[postgres]") {
  with_tables(short_options("password"));
  server().admin("ALTER ROLE agent PASSWORD 'right'");
  server().set_access("local all admin trust\n"
                      "local all agent scram-sha-256\n");
  server().reload();
  const std::string right = server().conninfo() + " password=right";
  Loop loop;
  PostgresOptions options = short_options("password");
  PostgresBackend wrong(loop.context().get_executor(), options);
  REQUIRE(until(loop, [&] { return error_of(loop, wrong.initialize()).has_value(); }));
  CHECK(is_clear(error_of(loop, wrong.initialize()), errc::unavailable, "initialize",
                 "password authentication failed"));
  CHECK(has_no_secret(json(loop.run(wrong.health_check())).dump()));
  options.conninfo = server().conninfo();
  PostgresBackend none(loop.context().get_executor(), options);
  CHECK(is_clear(error_of(loop, none.initialize()), errc::unavailable, "initialize", "password"));

  options.conninfo = right;
  options.idle_timeout = 0ms; // each call has to connect
  {
    Rig rig(options);
    CHECK(rig.works());
    server().admin("ALTER ROLE agent PASSWORD 'changed'");
    const auto refused = error_of(rig.loop, rig.backend.get_checkpoint("t"));
    CHECK(is_clear(refused, errc::unavailable, "get_checkpoint", "password authentication"));
    CHECK(std::string(refused ? refused->what() : "").find("right") == std::string::npos);
    CHECK(rig.is_unhealthy());
    server().admin("ALTER ROLE agent PASSWORD 'right'");
    CHECK(rig.works());
  }
  server().set_access("local all all trust\nhost all all 127.0.0.1/32 trust\n");
  server().reload();
  CHECK(until(loop, [&] { return !error_of(loop, wrong.initialize()); }));
}

TEST_CASE("A connection string that is none is refused without being shown", "[postgres]") {
  Loop loop;
  for (const std::string& conninfo :
       {"host=/tmp pasword=" + secret, "password=" + secret + " =", "postgresql://a:" + secret,
        "host='x password=" + secret, "postgresql://a:" + secret + "@[::1/agents",
        "password=" + secret + std::string(1, '\0'), "postgresql://a:x@" + secret + "@localhost/b",
        "postgresql://a:" + secret + "/x@localhost/b",
        "postgresql://a:5/" + secret + "@localhost/b", "host=localhost port=" + secret}) {
    PostgresBackend backend(loop.context().get_executor(), PostgresOptions(conninfo, "space"));
    const auto error = error_of(loop, backend.initialize());
    INFO(conninfo);
    CHECK((error && (error->code() == errc::invalid_argument ||
                     error->code() == errc::unavailable))); // the third one is a host's name
    CHECK(has_no_secret(error ? error->what() : ""));
    CHECK(has_no_secret(json(loop.run(backend.health_check())).dump()));
  }
}

TEST_CASE("A size or a time-out that is none is refused", "[postgres]") {
  const std::vector<void (*)(PostgresOptions&)> ways = {
      [](PostgresOptions& options) { options.pool_size = 0; },
      [](PostgresOptions& options) { options.pipeline_depth = 0; },
      [](PostgresOptions& options) { options.connect_timeout = 0ms; },
      [](PostgresOptions& options) { options.acquire_timeout = -1ms; },
      [](PostgresOptions& options) { options.operation_timeout = 0ms; },
      [](PostgresOptions& options) { options.idle_timeout = -1ms; }};
  for (const auto& way : ways) {
    PostgresOptions options = short_options("sizes");
    way(options);
    Loop loop;
    PostgresBackend backend(loop.context().get_executor(), options);
    CHECK(is_clear(error_of(loop, backend.initialize()), errc::invalid_argument, "initialize"));
  }
}

TEST_CASE("A time-out may be as long as its type allows", "[postgres]") {
  constexpr auto longest = std::chrono::milliseconds::max();
  PostgresOptions options = short_options("patient");
  options.connect_timeout = longest;
  options.acquire_timeout = longest;
  options.operation_timeout = longest;
  options.idle_timeout = longest;
  Rig rig(options);
  const std::string connections = rig.server_processes();
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.create_session("s", "user")).session_id == "s");
  CHECK(rig.loop.run(rig.backend.update_session("s", SessionUpdate().updates(object_of("a", 1)))));
  CHECK(rig.server_processes() == connections); // no call had to connect anew
}

TEST_CASE("A lock that another session holds for too long", "[postgres]") {
  PostgresOptions options = short_options("locked");
  options.operation_timeout = 500ms;
  Rig rig(with_tables(options));
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("t", "c", 1)));
  for (int round = 0; round < 2; ++round) {
    rig.observer.lock("locked", "checkpoints");
    const Stopwatch stopwatch;
    const auto read = rig.loop.start(rig.backend.get_checkpoint("t"));
    const auto write = rig.loop.start(rig.backend.put_checkpoint("t", "c", 2));
    rig.loop.finish();
    CHECK(stopwatch.elapsed() >= 200ms);
    CHECK(stopwatch.elapsed() < soon);
    CHECK(is_clear(error_of(*read), errc::unavailable, "get_checkpoint"));
    CHECK(is_clear(error_of(*write), errc::unavailable, "put_checkpoint"));
    CHECK(is_because(error_of(*write), because::timed_out, true));
    CHECK(rig.is_unhealthy()); // calls cannot read the table either
    // No statement that waits for the lock stays behind.
    CHECK(rig.all_blocked(0));
    rig.observer.unlock();
    CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == json(1));
    CHECK(rig.works());
  }
}

TEST_CASE("The role's own limit for a statement counts", "[postgres]") {
  PostgresOptions options = short_options("limited");
  options.operation_timeout = 60s;
  with_tables(options);
  const AlteredRole limited("SET statement_timeout = '2s'", "RESET statement_timeout");
  Rig rig(options);
  rig.observer.lock("limited", "checkpoints");
  const Stopwatch stopwatch;
  CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1)), errc::unavailable,
                 "put_checkpoint", "57014"));
  CHECK(stopwatch.elapsed() < soon * 2);
  rig.observer.unlock();
  CHECK_FALSE(rig.loop.run(rig.backend.get_checkpoint("t")));
  CHECK(rig.works());
}

TEST_CASE("A server that is made read-only for a while", "[postgres]") {
  Rig rig(with_tables(short_options("read_only")));
  rig.loop.run(rig.backend.create_session("s", "user"));
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("t", "c", 1)));
  server().admin("ALTER SYSTEM SET default_transaction_read_only = on");
  server().reload();
  // The setting reaches a connection when it next looks.
  int last = 1;
  std::optional<StorageError> error;
  REQUIRE(until(rig.loop, [&] {
    error = error_of(rig.loop, rig.backend.put_checkpoint("t", "c", last + 1));
    last += error ? 0 : 1;
    return error.has_value();
  }));
  CHECK(is_clear(error, errc::unavailable, "put_checkpoint", "read-only"));
  CHECK(is_because(error, because::read_only_file_system, false));
  CHECK(is_clear(error_of(rig.loop, rig.backend.add_conversation_message("s", "user", "hello")),
                 errc::unavailable, "add_conversation_message", "25006"));
  CHECK(is_clear(error_of(rig.loop, rig.backend.cleanup_expired_sessions(0us)), errc::unavailable,
                 "cleanup_expired_sessions", "25006"));
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == json(last));
  CHECK(rig.loop.run(rig.backend.get_session("s")).has_value());
  CHECK(rig.loop.run(rig.backend.get_metrics()).total_checkpoints == 1);
  // The existing tables can be opened, but missing tables cannot be made.
  PostgresBackend other(rig.loop.context().get_executor(), short_options("read_only"));
  CHECK(rig.loop.run(other.initialize()));
  PostgresBackend missing(rig.loop.context().get_executor(), short_options("read_only_missing"));
  CHECK(is_clear(error_of(rig.loop, missing.initialize()), errc::unavailable, "initialize",
                 "read-only"));

  server().admin("ALTER SYSTEM RESET default_transaction_read_only");
  server().reload();
  CHECK(until(rig.loop, [&] {
    return !error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 0)).has_value();
  }));
  CHECK(rig.loop.run(rig.backend.get_conversation_history("s")).empty());
  CHECK(rig.works());
}

TEST_CASE("Writes go to the next host when a server has become read-only", "[postgres]") {
  const PostgresServer other(std::vector<std::string>(1, "fsync=off"));
  PostgresOptions options = with_tables(short_options("moved"));
  options.conninfo = other.conninfo();
  options.connect_timeout = 60s;
  options.operation_timeout = 60s;
  {
    Loop loop;
    PostgresBackend backend(loop.context().get_executor(), options);
    REQUIRE(loop.run(backend.initialize()));
  }
  options.conninfo = "host=" + server().directory() + "," + other.directory() +
                     " port=" + server().port() + "," + other.port() +
                     " user=agent dbname=agents target_session_attrs=read-write";
  Rig rig(options);
  CHECK(rig.works());
  const std::string count = "SELECT count(*) FROM moved.checkpoints";
  CHECK(other.admin(count) == "0");
  for (int i = 0; i < 20; ++i) { // for every connection that the pool may have
    static_cast<void>(rig.loop.start(rig.backend.get_metrics()));
  }
  rig.loop.finish();
  CHECK(rig.observer.connections() > 2);
  server().admin("ALTER SYSTEM SET default_transaction_read_only = on");
  server().reload();
  int refused = 0;
  CHECK(until(rig.loop, [&] {
    const auto error = error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
    CHECK((!error || is_clear(error, errc::unavailable, "put_checkpoint", "25006")));
    refused += error ? 1 : 0;
    return other.admin(count) == "1";
  }));
  CHECK(refused <= 1); // and not once for each connection
  CHECK(rig.works());
  server().admin("ALTER SYSTEM RESET default_transaction_read_only");
  server().reload();
}

TEST_CASE("A call that no connection is free for ends in time", "[postgres]") {
  PostgresOptions options = short_options("exhausted");
  options.pool_size = 2;
  options.pipeline_depth = 2;
  options.acquire_timeout = 200ms;
  options.operation_timeout = 60s;
  Rig rig(with_tables(options));
  rig.observer.lock("exhausted", "checkpoints");
  std::vector<std::shared_ptr<Ending<bool>>> blocked;
  for (int i = 0; i < 4; ++i) {
    const std::string id = std::to_string(i);
    blocked.push_back(rig.loop.start(rig.backend.put_checkpoint(id, "c", i)));
  }
  REQUIRE(rig.all_blocked(2));
  for (int round = 0; round < 2; ++round) {
    const Stopwatch stopwatch;
    const auto write = rig.loop.start(rig.backend.put_checkpoint("t", "late", 1));
    const auto read = rig.loop.start(rig.backend.get_session("s"));
    REQUIRE(until(rig.loop, [&] { return write->ended && read->ended; }));
    CHECK(stopwatch.elapsed() >= options.acquire_timeout);
    CHECK(stopwatch.elapsed() < soon);
    CHECK(is_clear(error_of(*write), errc::unavailable, "put_checkpoint", "free in time"));
    CHECK(is_because(error_of(*write), because::timed_out, true));
    CHECK(is_clear(error_of(*read), errc::unavailable, "get_session", "free in time"));
  }
  rig.observer.unlock();
  rig.loop.finish();
  for (const auto& each : blocked) {
    CHECK(each->has_value());
  }
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).empty());
  CHECK(rig.works());
  CHECK(until(rig.loop, [&] { return rig.observer.connections() == 2; }));
}

TEST_CASE("A pool gets along with fewer connections than it would like", "[postgres]") {
  with_tables(short_options("one_only"));
  {
    Observer observer(server());
    Loop loop; // until those of other tests are gone
    REQUIRE(until(loop, [&observer] { return observer.connections() == 0; }));
  }
  const AlteredRole limited("CONNECTION LIMIT 1", "CONNECTION LIMIT -1");
  Rig rig(short_options("one_only"));
  std::vector<std::shared_ptr<Ending<bool>>> calls;
  for (int i = 0; i < 50; ++i) {
    const std::string id = std::to_string(i);
    calls.push_back(rig.loop.start(rig.backend.put_checkpoint(id, "c", i)));
  }
  rig.loop.finish();
  for (const auto& call : calls) {
    CHECK(call->has_value());
  }
  CHECK(rig.works());
  PostgresBackend other(rig.loop.context().get_executor(), short_options("one_only"));
  CHECK(is_clear(error_of(rig.loop, other.initialize()), errc::unavailable, "initialize",
                 "too many connections"));
}

TEST_CASE("A network that goes silent", "[postgres]") {
  PostgresProxy proxy(server().socket());
  PostgresOptions options = short_options("silent");
  options.conninfo = proxy.conninfo() + " password=" + secret;
  options.connect_timeout = 800ms;
  options.acquire_timeout = 800ms;
  options.operation_timeout = 800ms;
  Rig rig(with_tables(options));
  REQUIRE(rig.loop.run(rig.backend.put_checkpoint("t", "c", 1)));
  for (int round = 0; round < 2; ++round) {
    proxy.be_silent(true);
    const Stopwatch stopwatch;
    const auto write = rig.loop.start(rig.backend.put_checkpoint("t", "c", 2 + round));
    const auto read = rig.loop.start(rig.backend.get_checkpoint("t"));
    rig.loop.finish();
    CHECK(stopwatch.elapsed() >= options.operation_timeout);
    CHECK(is_clear(error_of(*write), errc::unavailable, "put_checkpoint", "no "));
    CHECK(is_because(error_of(*write), because::timed_out, true));
    CHECK(is_because(error_of(*read), because::timed_out, true));
    CHECK(is_clear(error_of(*read), errc::unavailable, "get_checkpoint", "no "));
    CHECK(is_clear(error_of(rig.loop, rig.backend.get_checkpoint("t")), errc::unavailable,
                   "get_checkpoint"));
    CHECK(rig.is_unhealthy());
    PostgresBackend fresh(rig.loop.context().get_executor(), options);
    const auto late = error_of(rig.loop, fresh.initialize());
    CHECK(is_clear(late, errc::unavailable, "initialize", "no connection within the time"));
    CHECK(is_because(late, because::timed_out, true));
    CHECK(stopwatch.elapsed() < soon * 2);
    proxy.be_silent(false);
    CHECK(until(rig.loop, [&] { return !error_of(rig.loop, rig.backend.get_checkpoint("t")); }));
    const json data = rig.loop.run(rig.backend.get_checkpoint("t"))->data;
    CHECK((data.is_number() && data >= json(1) && data <= json(2 + round)));
    CHECK(rig.works());
  }
}

TEST_CASE("A read waits for its answer for one time-out only", "[postgres]") {
  // The server would not end it.
  const AlteredRole patient("SET statement_timeout = '60s'", "RESET statement_timeout");
  PostgresOptions options = short_options("one_time_out");
  options.operation_timeout = 500ms;
  options.acquire_timeout = 60s;
  Rig rig(with_tables(options));
  REQUIRE(rig.works()); // which prepares the statement
  rig.observer.lock("one_time_out", "checkpoints");
  const auto read = rig.loop.start(rig.backend.get_checkpoint("t"));
  const std::string process = "SELECT string_agg(pid::text, ',') FROM pg_stat_activity"
                              " WHERE usename = 'agent' AND wait_event_type = 'Lock'";
  REQUIRE(rig.all_blocked(1));
  const std::string first = rig.observer.raw().text(process);
  REQUIRE(until(rig.loop, [&] { return read->ended; }));
  CHECK(rig.observer.raw().text(process) == first); // nothing was sent once more
  CHECK(is_clear(error_of(*read), errc::unavailable, "get_checkpoint", "no answer in time"));
  rig.observer.unlock();
  CHECK(rig.works());
}
