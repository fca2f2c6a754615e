// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL backend over pgbench, which is written in C on libpq and comes with the server.
// Both are one client program with one thread on the same server, by its socket, with its durable
// settings (fsync and synchronous_commit are on). pgbench (-M prepared -j 1) runs the very
// statement that the backend sends, on tables of the backend's own schema. Both send text
// that is ready, 4 KiB of JSON, and neither looks into what it reads; the backend validates it.
//
// Each round both connect anew, and connecting does not count; preparing does.

#include "bench/checkpoints.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/postgres_server.hpp"

#include <agentstore/backends/postgres.hpp>
#include <agentstore/detail/postgres/statements/checkpoints.hpp> // for the very statements

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <stdexcept>

using namespace agentstore;

namespace {

namespace sql = agentstore::detail::postgres;
using test::PostgresServer;

/// The schema of this side, and that of pgbench.
const std::string ours = "ours";
const std::string theirs = "pgbench";

const sql::Statement& statement_of(const sql::Request& request) {
  return *request.steps.at(0).first;
}

/// What the backend sends for a put, and for a read of the latest checkpoint.
const sql::Statement& put_statement() {
  const Clock clock = system_clock();
  const sql::StatementContext context(clock, Limits());
  std::string id = "any";
  return statement_of(sql::Statements<calls::StoreCheckpoint>().request(
      context, id, id, json::object(), json::object()));
}

const sql::Statement& get_statement() {
  const Clock clock = system_clock();
  const sql::StatementContext context(clock, Limits());
  std::string thread = "any";
  std::optional<std::string> latest;
  return statement_of(sql::Statements<calls::GetCheckpoint>().request(context, thread, latest));
}

/// A script of pgbench in a file.
class Script {
public:
  /// The statement on the tables of `space`, its parameters $1, $2... by these names of variables.
  Script(const PostgresServer& server, const sql::Statement& statement, const std::string& space,
         const std::vector<std::string>& variables)
      : path_(server.directory() + "/" + variables.back() + ".sql") {
    std::string text = sql::with_schema(statement.sql, space);
    for (std::size_t i = variables.size(); i > 0; --i) {
      replace_all(text, "$" + std::to_string(i), ":" + variables[i - 1]);
    }
    std::ofstream(path_) << "\\set step :step + 1\n" << text << ";\n";
  }

  const std::string& path() const { return path_; }

private:
  static void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
      text.replace(at, what.size(), by);
    }
  }

  std::string path_;
};

/// Transactions a second, as pgbench says it.
double pgbench(const PostgresServer& server, const Script& script, int clients, int each) {
  const std::string said = PostgresServer::run(
      {PostgresServer::program("pgbench"), "--no-vacuum", "--protocol=prepared", "--jobs=1",
       "--client=" + std::to_string(clients), "--transactions=" + std::to_string(each),
       "--file=" + script.path(), "--define=step=0", "--define=time=2026-11-23 14:44:02.123456Z",
       "--define=data=" + bench::state(0).dump(), "--define=metadata={}",
       "--host=" + server.directory(), "--port=" + server.port(), "--username=agent", "agents"});
  const std::string mark = "tps = ";
  const auto at = said.find(mark);
  if (at == std::string::npos || said.find("failed transactions: 0 ") == std::string::npos) {
    throw std::runtime_error("pgbench: " + said);
  }
  return std::stod(said.substr(at + mark.size()));
}

awaitable<void> open_store(PostgresBackend& store) {
  co_await store.initialize();
}

/// How many connections are open.
awaitable<void> ask(PostgresBackend& store, int* open_connections) {
  const Health health = co_await store.health_check();
  *open_connections = health.details["open_connections"];
}

/// A backend whose connections are open, and the context that it runs on.
class Subject {
public:
  using Work = std::function<awaitable<void>(PostgresBackend&, std::string)>;

  Subject(const PostgresServer& server, const std::string& space, int connections)
      : backend_(context_.get_executor(),
                 options(server, space, static_cast<std::size_t>(connections))) {
    int open = 0;
    const Work initialize = [](PostgresBackend& store, std::string) { return open_store(store); };
    const Work look = [&open](PostgresBackend& store, std::string) { return ask(store, &open); };
    run(1, initialize);
    run(4 * connections, look); // so many at once open all of them
    run(1, look);
    if (open != connections) {
      throw std::runtime_error("there are " + std::to_string(open) + " connections");
    }
  }

  /// As many coroutines as there are clients, each with a thread of its own in the store.
  void run(int clients, const Work& work) {
    bench::run_clients(context_, clients,
                       [&](int client) { return work(backend_, std::to_string(client)); });
  }

private:
  static PostgresOptions options(const PostgresServer& server, const std::string& space,
                                 std::size_t connections) {
    PostgresOptions all(server.conninfo(), space);
    all.pool_size = connections;
    return all;
  }

  boost::asio::io_context context_{1};
  PostgresBackend backend_;
};

/// Each client puts what there is for its thread.
Subject::Work puts_of(bench::States& states) {
  return [&states](PostgresBackend& store, std::string thread) {
    return bench::put_all(store, std::move(thread), &states);
  };
}

/// Each client reads so often.
Subject::Work gets_of(int count) {
  return [count](PostgresBackend& store, std::string thread) {
    return bench::get_all(store, std::move(thread), count);
  };
}

/// So many clients on so many connections.
class Load {
public:
  Load(int client_count, int connection_count)
      : clients(client_count), connections(connection_count) {}

  int clients;
  int connections;
};

/// Takes the checkpoints of both sides away.
void empty(const PostgresServer& server) {
  std::string tables;
  for (const std::string& space : {ours, theirs}) {
    tables += (tables.empty() ? "" : ", ") + space + ".threads, " + space + ".checkpoints";
  }
  server.admin("TRUNCATE " + tables);
}

/// pgbench has a client a connection, each of which does the work of several of ours.
double pgbench(const PostgresServer& server, const Script& script, const Load& load, int each) {
  return pgbench(server, script, load.connections, each * load.clients / load.connections);
}

double puts_over_pgbench(const PostgresServer& server, const char* name, int rounds,
                         const Load& load) {
  const Script script(server, put_statement(), theirs,
                      {"client_id", "step", "time", "data", "metadata"});
  return bench::rate_ratio(
      name, rounds, load.clients,
      [&](int each) {
        empty(server);
        Subject subject(server, ours, load.connections);
        bench::States all = bench::states(load.clients, each);
        return each * load.clients /
               bench::seconds([&] { subject.run(load.clients, puts_of(all)); });
      },
      [&](int each) {
        empty(server);
        return pgbench(server, script, load, each);
      });
}

double gets_over_pgbench(const PostgresServer& server, const char* name, int rounds,
                         const Load& load) {
  const Script script(server, get_statement(), ours, {"client_id"});
  empty(server);
  bench::States all = bench::states(load.clients, 10);
  Subject(server, ours, load.connections).run(load.clients, puts_of(all));
  return bench::rate_ratio(
      name, rounds, load.clients,
      [&](int each) {
        Subject subject(server, ours, load.connections);
        return each * load.clients /
               bench::seconds([&] { subject.run(load.clients, gets_of(each)); });
      },
      [&](int each) { return pgbench(server, script, load, each); });
}

/// Threads of this process.
std::size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// Puts one checkpoint.
awaitable<void> put_one(IStorageBackend& store, std::string thread) {
  co_await store.store_checkpoint(thread, "step", json::object());
}

/// A lock that every put waits for.
class Lock {
public:
  Lock(const PostgresServer& server, const std::string& space)
      : server_(server), holder_(server.conninfo()) {
    holder_.execute("BEGIN; LOCK TABLE " + space + ".threads");
  }

  bool has_waiting(int connections) const {
    return server_.admin("SELECT count(*) FROM pg_locks WHERE NOT granted") ==
           std::to_string(connections);
  }
  void release() { holder_.execute("COMMIT"); }

private:
  const PostgresServer& server_;
  test::RawPostgres holder_;
};

/// Counts the threads when all connections wait, and lets them go on.
awaitable<void> count_threads(Lock* lock, int connections, std::size_t* count) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!lock->has_waiting(connections)) {
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  *count = threads();
  lock->release();
}

/// How many more threads there are while the clients wait for a lock.
double threads_used(const PostgresServer& server, const Load& load) {
  const std::size_t before = threads();
  Subject subject(server, ours, load.connections);
  empty(server);
  Lock lock(server, ours);
  std::size_t during = before;
  subject.run(load.clients + 1, [&](PostgresBackend& store, std::string thread) {
    return thread == "0" ? count_threads(&lock, load.connections, &during)
                         : put_one(store, std::move(thread));
  });
  return static_cast<double>(during) - static_cast<double>(before);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  const PostgresServer server;
  for (const std::string& space : {ours, theirs}) {
    Subject(server, space, 1); // makes the tables
  }
  const Load alone(1, 1);
  const Load many(64, 16);
  const char* const put_1 = "postgres.put_1_client_over_pgbench_1";
  const char* const put_64 = "postgres.put_64_clients_16_connections_over_pgbench_16";
  const char* const get_64 = "postgres.get_64_clients_16_connections_over_pgbench_16";
  json results;
  results[put_1] = puts_over_pgbench(server, put_1, 21, alone);
  results[put_64] = puts_over_pgbench(server, put_64, 7, many);
  results[get_64] = gets_over_pgbench(server, get_64, 7, many);
  results["postgres.threads_used"] = threads_used(server, many);
  return bench::write(argv[1], results);
}
