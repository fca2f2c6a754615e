// SPDX-License-Identifier: Apache-2.0

// PostgresBackend over TLS, as libpq's own settings ask for it.

#include "support/json_values.hpp"
#include "support/servers/certificate.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/backends/postgres.hpp>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

bool is_installed(const std::string& program) {
  try {
    PostgresServer::run(std::vector<std::string>{program, "version"});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// A server with a certificate that it has signed itself, for the host that is given.
class TlsServer {
public:
  TlsServer() : server(std::vector<std::string>(1, "fsync=off")) {}

  std::string certificate(const std::string& name) const {
    return server.directory() + "/" + name + ".crt";
  }

  /// Makes one, with its key.
  void make(const std::string& name, const std::string& host) const {
    const std::string key = server.directory() + "/" + name + ".key";
    make_certificate(certificate(name), key, host);
    std::filesystem::permissions(key, std::filesystem::perms(0600));
    std::filesystem::permissions(certificate(name), std::filesystem::perms(0644));
    server.give(key);
    server.give(certificate(name));
  }

  /// The server shows this certificate from its next start on.
  void use(const std::string& name) {
    server.add_setting("ssl = on");
    server.add_setting("ssl_cert_file = '" + certificate(name) + "'");
    server.add_setting("ssl_key_file = '" + server.directory() + "/" + name + ".key'");
    server.stop();
    server.start();
  }

  /// By TCP to a host of this name, which is at 127.0.0.1.
  PostgresOptions options(const std::string& host, const std::string& settings) const {
    PostgresOptions result =
        options_for("hostaddr=127.0.0.1 host=" + host + " port=" + server.port() +
                        " user=agent dbname=agents " + settings,
                    "tls");
    result.connect_timeout = 10s;
    return result;
  }
  std::string verified(const std::string& name) const {
    return "sslmode=verify-full sslrootcert=" + certificate(name);
  }

  PostgresServer server;
};

/// Whether all connections of the backend are encrypted.
bool is_encrypted(const TlsServer& tls) {
  return tls.server.admin("SELECT bool_and(ssl AND version LIKE 'TLSv1._')"
                          " FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                          " WHERE usename = 'agent'") == "t";
}

std::optional<StorageError> error_with(const PostgresOptions& options) {
  Loop loop;
  PostgresBackend backend(loop.context().get_executor(), options);
  return error_of(loop, backend.initialize());
}

/// Values of many sizes, there and back, some of them at once: none stays in the TLS library.
void check_values(const PostgresServer& server, PostgresOptions options) {
  options.pool_size = 2;
  options.pipeline_depth = 4;
  PostgresRig rig(server, options);
  REQUIRE(rig.works());
  std::vector<json> values;
  for (const std::size_t size : {8U, 1'000U, 8'192U, 16'000U, 16'300U, 16'384U, 16'385U, 32'768U,
                                 50'000U, 100'000U, 1'000'000U, 5'000'000U}) {
    values.push_back(object_of_size(size));
  }
  const Stopwatch stopwatch;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::shared_ptr<Ending<bool>>> puts;
    std::vector<std::shared_ptr<Ending<std::optional<Checkpoint>>>> gets;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string id = std::to_string(i);
      puts.push_back(rig.loop.start(rig.backend.put_checkpoint("t", id, values[i])));
    }
    rig.loop.finish();
    for (std::size_t i = 0; i < values.size(); ++i) {
      CHECK(puts[i]->value == true);
      const std::string id = std::to_string(i);
      gets.push_back(rig.loop.start(rig.backend.get_checkpoint("t", id)));
    }
    rig.loop.finish();
    for (std::size_t i = 0; i < values.size(); ++i) {
      REQUIRE(gets[i]->has_value());
      CHECK((*gets[i]->value)->data == values[i]);
    }
  }
  for (std::size_t size = 16'000; size < 16'500; size += 13) { // about the size of a TLS record
    CHECK(rig.loop.run(rig.backend.put_checkpoint("u", "c", object_of_size(size))));
    CHECK(rig.loop.run(rig.backend.get_checkpoint("u"))->data == object_of_size(size));
  }
  CHECK(stopwatch.elapsed() < 60s);
}

/// A busy connection is polled for what the TLS library holds back, even if the pool's timer had
/// been set for something later: here for the call that waits until the connection is there.
void check_polling(const PostgresServer& server, PostgresOptions options) {
  options.idle_timeout = 0ms; // every call has to connect
  options.acquire_timeout = 60s;
  options.operation_timeout = 60s;
  PostgresRig rig(server, options);
  rig.observer.lock(options.space, "checkpoints");
  const auto read = rig.loop.start(rig.backend.get_checkpoint("t"));
  REQUIRE(rig.all_blocked(1));
  std::size_t polls = 0;
  for (const Stopwatch stopwatch; polls < 5 && stopwatch.elapsed() < 10s;) {
    polls += rig.loop.context().run_one_for(100ms);
  }
  CHECK(polls >= 5);
  rig.observer.unlock();
  rig.loop.finish();
  CHECK(read->has_value());
}

} // namespace

TEST_CASE("A connection is encrypted, to the server that it is meant for", "[postgres]") {
  if (!is_installed("openssl")) {
    if (std::getenv("AGENTSTORE_REQUIRE_SERVERS") != nullptr) {
      FAIL("no program openssl to make a certificate with");
    }
    WARN("not tested: there is no program openssl to make a certificate with");
    return;
  }
  TlsServer tls;
  CHECK(is_clear(error_with(tls.options("localhost", "sslmode=require")), errc::unavailable,
                 "initialize", "does not support SSL"));

  tls.make("server", "localhost");
  tls.make("other", "localhost");
  tls.make("elsewhere", "elsewhere.example");
  tls.use("server");
  const PostgresOptions right = tls.options("localhost", tls.verified("server"));
  {
    PostgresRig rig(tls.server, right);
    CHECK(rig.works());
    CHECK(is_encrypted(tls));
    CHECK(rig.observer.connections() > 0);
  }
  {
    // Without an address the name is looked up before libpq sees it, which then checks it still.
    PostgresOptions by_name = right;
    by_name.conninfo = "host=localhost port=" + tls.server.port() + " user=agent dbname=agents " +
                       tls.verified("server");
    PostgresRig rig(tls.server, by_name);
    CHECK(rig.works());
    CHECK(is_encrypted(tls));
  }
  check_values(tls.server, right);
  check_polling(tls.server, right);

  CHECK(is_clear(error_with(tls.options("localhost", tls.verified("other"))), errc::unavailable,
                 "initialize", "certificate verify failed"));
  CHECK(is_clear(error_with(tls.options("elsewhere.example", tls.verified("server"))),
                 errc::unavailable, "initialize", "does not match host name"));
  CHECK(is_clear(error_with(tls.options("localhost", tls.verified("missing"))), errc::unavailable,
                 "initialize", "root certificate"));

  // The server gets a certificate for another host while the backend is open.
  PostgresRig rig(tls.server, right);
  CHECK(rig.works());
  tls.use("elsewhere");
  CHECK(is_clear(error_of(rig.loop, rig.backend.get_checkpoint("t")), errc::unavailable,
                 "get_checkpoint", "certificate verify failed"));
  CHECK(rig.is_unhealthy());
  CHECK(is_clear(error_with(tls.options("localhost", tls.verified("elsewhere"))), errc::unavailable,
                 "initialize", "does not match host name"));
  tls.use("server");
  CHECK(rig.works());
  CHECK(is_encrypted(tls));
}
