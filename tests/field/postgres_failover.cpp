// SPDX-License-Identifier: Apache-2.0

// PostgresBackend with several hosts. It passes over a host that is gone, silent or read-only, in
// the time for each host. Every acknowledged write is on the server that took over.

#include "support/faults/postgres_proxy.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/backends/postgres.hpp>
#include <agentstore/conformance/runner/granted_time.hpp>

#include <dlfcn.h>
#include <netdb.h>
#include <set>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

/// The C library's own function, which takes long over one name.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  if (host != nullptr && std::string(host) == "slow.invalid") {
    std::this_thread::sleep_for(3s);
    return EAI_NONAME;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static void* const original = ::dlsym(RTLD_NEXT, "getaddrinfo");
  return reinterpret_cast<Function>(original)(host, service, hints, result);
}

namespace {

/// One connection string for both.
std::string conninfo_of(const std::string& first_directory, const std::string& first_port,
                        const PostgresServer& second) {
  return "host=" + first_directory + "," + second.directory() + " port=" + first_port + "," +
         second.port() + " user=agent dbname=agents target_session_attrs=read-write";
}

PostgresOptions options_of(const std::string& conninfo, const std::string& space) {
  PostgresOptions options = options_for(conninfo, space);
  options.connect_timeout = 1'000ms;
  options.acquire_timeout = 10'000ms;
  options.operation_timeout = 2'000ms;
  return options;
}

std::string directory_of(const PostgresProxy& proxy) {
  const std::string conninfo = proxy.conninfo();
  const auto begin = conninfo.find('=') + 1;
  return conninfo.substr(begin, conninfo.find(' ') - begin);
}

void make_tables(const PostgresServer& server, const std::string& space) {
  Loop loop;
  PostgresOptions options = options_of(server.conninfo(), space);
  options.connect_timeout = 60s;
  options.operation_timeout = 60s;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
}

/// The longest time in which so many hosts are gone through, one of which answers.
std::chrono::milliseconds bound_of(const PostgresOptions& options, int hosts) {
  return options.connect_timeout * hosts + 1s;
}

/// Runs a call to its end. Returns how long it took, without the delays of a busy machine, so that
/// the time can be compared with a bound that has little to spare.
template <class T>
std::chrono::milliseconds time_of(Loop& loop, const std::shared_ptr<Ending<T>>& call) {
  constexpr auto wait = 5ms;
  conformance::GrantedTime time(wait);
  while (!call->ended && time.count() < 60s) {
    loop.context().restart();
    loop.context().run_for(wait);
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.count());
}

/// The answers that one of many writers got.
class Writer {
public:
  std::vector<int> acknowledged;
  int next = 0;
};

awaitable<void> write_on(PostgresBackend* backend, std::string id, Writer* writer,
                         const std::atomic<bool>* stop) {
  while (!*stop) {
    const int number = writer->next++;
    bool is_refused = false;
    try {
      if (co_await backend->put_checkpoint(id, std::to_string(number), number)) {
        writer->acknowledged.push_back(number);
      }
    } catch (const StorageError&) {
      is_refused = true;
    }
    if (is_refused) {
      co_await pause(5ms);
    }
  }
}

} // namespace

TEST_CASE("A host that accepts and says nothing is passed over in its time", "[postgres]") {
  PostgresProxy silent(shared_server().socket());
  silent.be_silent(true);
  const PostgresOptions options =
      options_of(conninfo_of(directory_of(silent), "5432", shared_server()), "past_silence");
  make_tables(shared_server(), options.space);
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  const Stopwatch stopwatch;
  const auto opening = loop.start(backend.initialize());
  CHECK(time_of(loop, opening) < bound_of(options, 2));
  REQUIRE(opening->has_value());
  CHECK(stopwatch.elapsed() >= 900ms);
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
  CHECK(loop.run(backend.get_checkpoint("t"))->data == json(1));
}

TEST_CASE("By default a call has the time to pass over a silent host", "[postgres]") {
  make_tables(shared_server(), "by_default");
  PostgresProxy silent(shared_server().socket());
  Loop loop;
  PostgresOptions options(conninfo_of(directory_of(silent), "5432", shared_server()), "by_default");
  options.idle_timeout = 0ms; // each call connects
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
  silent.be_silent(true);
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
}

TEST_CASE("All hosts are silent", "[postgres]") {
  PostgresProxy silent(shared_server().socket());
  silent.be_silent(true);
  const std::string directory = directory_of(silent);
  PostgresOptions options = options_of("host=" + directory + "," + directory + "," + directory +
                                           " port=5432 user=agent dbname=agents",
                                       "silence");
  options.connect_timeout = 300ms;
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  const Stopwatch stopwatch;
  const auto opening = loop.start(backend.initialize());
  CHECK(time_of(loop, opening) < bound_of(options, 3));
  CHECK(is_clear(error_of(*opening), errc::unavailable, "initialize", "within the time"));
  CHECK(stopwatch.elapsed() >= 850ms);
}

TEST_CASE("The look-up of a name has the time of a host", "[postgres]") {
  PostgresOptions options =
      options_of("host=slow.invalid user=agent dbname=agents port=5432", "looked_up");
  options.connect_timeout = 300ms;
  Loop loop;
  {
    PostgresBackend backend(loop.context().get_executor(), options);
    const Stopwatch stopwatch;
    const auto opening = loop.start(backend.initialize());
    REQUIRE(until(loop, [&] { return opening->ended; }));
    CHECK(stopwatch.elapsed() < 2'500ms);
    CHECK(is_clear(error_of(*opening), errc::unavailable, "initialize", "slow.invalid"));
  }
  options.conninfo = conninfo_of("slow.invalid", "5432", shared_server());
  options.operation_timeout = 60s;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));
  CHECK(loop.run(backend.put_checkpoint("t", "c", 1)));
}

TEST_CASE("Calls reach the next host when the first goes silent or is killed", "[postgres]") {
  for (const bool is_killed : {false, true}) {
    INFO(is_killed);
    PostgresServer first(std::vector<std::string>(1, "fsync=off"));
    PostgresProxy proxy(first.socket());
    const std::string space = is_killed ? "after_kill" : "after_silence";
    make_tables(first, space);
    make_tables(shared_server(), space);
    const PostgresOptions options =
        options_of(conninfo_of(directory_of(proxy), "5432", shared_server()), space);
    PostgresRig rig(shared_server(), options);
    CHECK(rig.loop.run(rig.backend.put_checkpoint("t", "c", 1)));
    CHECK(first.admin("SELECT count(*) FROM " + space + ".checkpoints") == "1");
    if (is_killed) {
      first.kill();
    } else {
      proxy.be_silent(true);
    }
    std::chrono::milliseconds time{0};
    std::optional<StorageError> error;
    do {
      const auto put = rig.loop.start(rig.backend.put_checkpoint("t", "c", 2));
      time += time_of(rig.loop, put);
      error = error_of(*put);
      CHECK((!error || is_clear(error, errc::unavailable, "put_checkpoint")));
    } while (error && time < 60s);
    // A connection that goes silent is noticed when a call on it has had its time.
    CHECK(time < bound_of(options, 2) + (is_killed ? 0ms : options.operation_timeout));
    CHECK(shared_server().admin("SELECT data FROM " + space + ".checkpoints") == "2");
    CHECK(rig.works());
  }
}

TEST_CASE("What a primary acknowledged is on the standby that takes over", "[postgres]") {
  PostgresServer primary({"wal_level=replica", "max_wal_senders=4"});
  PostgresServer standby(primary, "follower", {});
  primary.admin("ALTER SYSTEM SET synchronous_standby_names = 'follower'");
  primary.reload();
  const auto is_synchronous = [&] {
    return primary.admin("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") ==
           "1";
  };
  Loop loop;
  REQUIRE(until(loop, is_synchronous));
  PostgresOptions options =
      options_of(conninfo_of(primary.directory(), primary.port(), standby), "replicated");
  options.connect_timeout = 2s;
  options.operation_timeout = 30s;
  PostgresBackend backend(loop.context().get_executor(), options);
  REQUIRE(loop.run(backend.initialize()));

  std::atomic<bool> stop = false;
  std::vector<Writer> writers(64);
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    endings.push_back(loop.start(write_on(&backend, std::to_string(i), &writers[i], &stop)));
  }
  const auto all_wrote = [&writers](std::size_t count) {
    return std::all_of(writers.begin(), writers.end(), [count](const Writer& writer) {
      return writer.acknowledged.size() >= count;
    });
  };
  REQUIRE(until(loop, [&] { return all_wrote(5); }));
  primary.kill();
  std::vector<std::size_t> before;
  for (const Writer& writer : writers) {
    before.push_back(writer.acknowledged.size());
  }
  standby.promote();
  REQUIRE(until(
      loop,
      [&] {
        bool all = true;
        for (std::size_t i = 0; i < writers.size(); ++i) {
          all = all && writers[i].acknowledged.size() >= before[i] + 3;
        }
        return all;
      },
      60s));
  stop = true;
  loop.finish();
  std::size_t missing = 0;
  std::size_t total = 0;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    CHECK(endings[i]->has_value());
    const std::string id = std::to_string(i);
    std::set<int> there;
    for (const Checkpoint& each : loop.run(backend.list_checkpoints(id, 1'000'000))) {
      there.insert(each.data.get<int>());
    }
    for (const int number : writers[i].acknowledged) {
      missing += there.contains(number) ? 0U : 1U;
      ++total;
    }
  }
  INFO(total);
  CHECK(missing == 0);
}
