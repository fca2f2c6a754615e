// SPDX-License-Identifier: Apache-2.0
// The Redis backend over redis-benchmark, which is written in C and comes with the server. Both are
// one client program with one thread on the same server, by its Unix socket, without an append-only
// file. redis-benchmark calls scripts that do no more than the commands that a put or a get needs,
// without a check, on a connection for each client. Both send 4 KiB of JSON that is ready and
// neither looks into what it reads; the backend validates it.

#include "bench/checkpoints.hpp"
#include "bench/directories.hpp"
#include "support/servers/redis_server.hpp"

#include <agentstore/backends/redis.hpp>

using namespace agentstore;

namespace {

using test::RedisServer;

/// Two keys, a step, and a state.
constexpr const char* put_script = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) "
                                   "redis.call('ZADD', KEYS[2], 0, ARGV[1]) return 1";
constexpr const char* get_script = "local last = redis.call('ZRANGE', KEYS[2], -1, -1)[1] "
                                   "return {last, redis.call('HGET', KEYS[1], last)}";

/// A backend, and the context that it runs on.
class Subject {
public:
  explicit Subject(const RedisServer& server)
      : store(context.get_executor(), RedisOptions(server.uri(), "bench")) {
    bench::run_clients(context, 1, [this](int) { return open(store); });
  }

  template <class Work>
  void run(int clients, Work work) {
    bench::run_clients(context, clients, std::move(work));
  }

  boost::asio::io_context context{1};
  RedisBackend store;

private:
  static awaitable<void> open(RedisBackend& store) { co_await store.initialize(); }
};

/// Calls of a script a second, as redis-benchmark says it.
double benchmark(const RedisServer& server, const char* script, int clients, int each) {
  const std::string said = server.socket() + ".said";
  const int status = test::ServerProcess::call({"sh",
                                                "-c",
                                                "exec \"$@\" >\"$0\" 2>&1",
                                                said,
                                                AGENTSTORE_REDIS_BENCHMARK,
                                                "-q",
                                                "-s",
                                                server.socket(),
                                                "-c",
                                                std::to_string(clients),
                                                "-n",
                                                std::to_string(clients * each),
                                                "-r",
                                                "1000000000",
                                                "EVALSHA",
                                                server.raw().text({"SCRIPT", "LOAD", script}),
                                                "2",
                                                "checkpoints",
                                                "order",
                                                "step-__rand_int__",
                                                bench::state(0).dump()});
  std::ifstream file(said);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto end = text.rfind(" requests per second");
  const auto begin = text.rfind(' ', end - 1);
  if (status != 0 || end == std::string::npos || begin == std::string::npos) {
    throw std::runtime_error("redis-benchmark: " + text);
  }
  return std::stod(text.substr(begin, end - begin));
}

double puts_over_benchmark(const RedisServer& server, const char* name, int rounds, int clients) {
  return bench::rate_ratio(
      name, rounds, clients,
      [&](int each) {
        server.raw().text({"FLUSHALL"});
        Subject subject(server);
        bench::States all = bench::states(clients, each);
        return each * clients / bench::seconds([&] {
                 subject.run(clients, [&](int client) {
                   return bench::put_all(subject.store, std::to_string(client), &all);
                 });
               });
      },
      [&](int each) {
        server.raw().text({"FLUSHALL"});
        return benchmark(server, put_script, clients, each);
      });
}

double gets_over_benchmark(const RedisServer& server, const char* name, int rounds, int clients) {
  server.raw().text({"FLUSHALL"});
  benchmark(server, put_script, clients, 10);
  Subject subject(server);
  bench::States all = bench::states(clients, 10);
  subject.run(clients, [&](int client) {
    return bench::put_all(subject.store, std::to_string(client), &all);
  });
  return bench::rate_ratio(
      name, rounds, clients,
      [&](int each) {
        return each * clients / bench::seconds([&] {
                 subject.run(clients, [&](int client) {
                   return bench::get_all(subject.store, std::to_string(client), each);
                 });
               });
      },
      [&](int each) { return benchmark(server, get_script, clients, each); });
}

awaitable<void> append(IStorageBackend& store, std::string session_id, int count) {
  const std::string content(100, 'x');
  for (int i = 0; i < count; ++i) {
    co_await store.add_conversation_message(session_id, "user", content);
  }
}

awaitable<void> create(IStorageBackend& store, std::string session_id) {
  co_await store.create_session(session_id, "user-7");
}

/// One append at 1,000,000 messages over one at 1,000.
double append_cost_growth(const RedisServer& server) {
  server.raw().text({"FLUSHALL"});
  Subject subject(server);
  for (const char* session : {"short", "long"}) {
    subject.run(1, [&](int) { return create(subject.store, session); });
  }
  subject.run(1, [&](int) { return append(subject.store, "short", 1'000); });
  subject.run(250, [&](int) { return append(subject.store, "long", 4'000); });
  return bench::ratio(
      15, [&] { subject.run(1, [&](int) { return append(subject.store, "long", 200); }); },
      [&] { subject.run(1, [&](int) { return append(subject.store, "short", 200); }); });
}

double session_page_cost_growth(const RedisServer& server) {
  server.raw().text({"FLUSHALL"});
  Subject subject(server);
  return bench::session_page_cost_growth(subject.store, [&](awaitable<void> work) {
    subject.run(1, [&](int) { return std::move(work); });
  });
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  const RedisServer server; // without an append-only file, as a server is unless told
  const char* const put_1 = "redis.put_1_client_over_benchmark";
  const char* const put_64 = "redis.put_64_clients_over_benchmark";
  const char* const get_64 = "redis.get_64_clients_over_benchmark";
  json results;
  results[put_1] = puts_over_benchmark(server, put_1, 11, 1);
  results[put_64] = puts_over_benchmark(server, put_64, 7, 64);
  results[get_64] = gets_over_benchmark(server, get_64, 7, 64);
  results["redis.append_cost_growth"] = append_cost_growth(server);
  results["redis.session_page_cost_growth"] = session_page_cost_growth(server);
  return bench::write(argv[1], results);
}
