// SPDX-License-Identifier: Apache-2.0
// Holds the PostgreSQL backend and archive to every rule, on a server of their own, behind a proxy
// that makes it fail. AGENTSTORE_TEST_POOL puts a pgbouncer before the server: session,
// session_unreset (what a client leaves in a session stays there) or transaction.

#include "support/faults/postgres_proxy.hpp"
#include "support/files_in_memory.hpp"
#include "support/harnesses/kit_options.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/pgbouncer.hpp"
#include "support/servers/postgres_server.hpp"

#include <agentstore/archives/postgres.hpp>
#include <agentstore/backends/postgres.hpp>
#include <agentstore/conformance/catch2.hpp>

namespace {

using namespace agentstore;

/// The server of this program, or of the one that started it to kill it.
class Server {
public:
  static const Server& get() {
    static const Server server;
    return server;
  }

  /// As the backend connects, and past the proxy and the pooler.
  std::string conninfo() const { return proxy_ ? proxy_->conninfo() : inherited_; }
  const std::string& direct_conninfo() const { return direct_; }

  void inject(conformance::Fault fault) const {
    using Effect = conformance::Fault::Effect;
    if (fault.effect == Effect::none) {
      proxy_->heal();
    } else {
      proxy_->break_at(fault.first, fault.effect == Effect::after);
    }
  }

private:
  Server() {
    constexpr const char* variable = "AGENTSTORE_TEST_POSTGRES";
    constexpr const char* direct_variable = "AGENTSTORE_TEST_POSTGRES_DIRECT";
    if (const char* const inherited = std::getenv(variable)) {
      inherited_ = inherited;
      direct_ = std::getenv(direct_variable);
      return;
    }
    test::keep_files_in_memory();
    server_ = std::make_unique<test::PostgresServer>(std::vector<std::string>{"fsync=off"});
    direct_ = server_->conninfo();
    inherited_ = direct_;
    std::string socket = server_->socket();
    if (const char* const pool = std::getenv("AGENTSTORE_TEST_POOL")) {
      pooler_ = std::make_unique<test::PgBouncer>(*server_, settings_of(pool));
      inherited_ = pooler_->conninfo();
      socket = pooler_->socket();
    }
    proxy_ = std::make_unique<test::PostgresProxy>(socket);
    ::setenv(variable, inherited_.c_str(), 1);
    ::setenv(direct_variable, direct_.c_str(), 1);
  }

  /// Fewer servers than clients, so that clients meet, as far as the mode lets them share.
  static std::string settings_of(const std::string& pool) {
    if (pool == "session") {
      return "pool_mode = session\nserver_reset_query = DISCARD ALL\ndefault_pool_size = 80\n";
    }
    if (pool == "session_unreset") {
      return "pool_mode = session\nserver_reset_query =\ndefault_pool_size = 80\n";
    }
    if (pool == "transaction") {
      return "pool_mode = transaction\nserver_reset_query =\ndefault_pool_size = 4\n";
    }
    throw std::invalid_argument("AGENTSTORE_TEST_POOL is " + pool);
  }

  std::unique_ptr<test::PostgresServer> server_;
  std::unique_ptr<test::PgBouncer> pooler_;
  std::unique_ptr<test::PostgresProxy> proxy_;
  std::string direct_;
  std::string inherited_; // by programs that this one starts
};

template <class Store>
class PostgresHarness {
public:
  auto claims() const { return test::engine_claims(); }

  std::shared_ptr<Store> open(boost::asio::any_io_executor executor, std::string space) {
    PostgresOptions options(Server::get().conninfo(), std::move(space));
    return std::make_shared<Store>(executor, test::for_the_kit(std::move(options), clock_));
  }

  void drop(std::string space) {
    test::RawPostgres(Server::get().direct_conninfo())
        .execute("DROP SCHEMA IF EXISTS \"" + space + "\" CASCADE");
  }

  void set_clock(Timestamp now) { clock_.set(now); }
  void inject(std::string, conformance::Fault fault) { Server::get().inject(fault); }
  void hold(std::string space, bool is_held) {
    if (!is_held) {
      holder_.reset();
      return;
    }
    holder_ = std::make_shared<test::RawPostgres>(Server::get().direct_conninfo());
    holder_->execute("BEGIN");
    holder_->execute("DO $$ DECLARE each text; BEGIN FOR each IN SELECT tablename FROM pg_tables "
                     "WHERE schemaname = '" +
                     space + "' LOOP EXECUTE format('LOCK TABLE %I.%I', '" + space +
                     "', each); END LOOP; END $$");
  }

private:
  test::SetClock clock_;
  std::shared_ptr<test::RawPostgres> holder_;
};

class PostgresBackendHarness : public PostgresHarness<PostgresBackend> {
public:
  static constexpr std::string_view name = "postgres";

  /// What is of type json the server keeps JSON: only metadata can be spoilt, by what is no object.
  bool damage(std::string space, conformance::Damage what) {
    using Record = conformance::Damage::Record;
    std::string table = "sessions";
    std::string has_text = "metadata";
    if (what.record == Record::message) {
      table = "messages";
    } else if (what.record == Record::checkpoint) {
      table = "checkpoints";
      has_text = "data";
    } else if (what.record != Record::session) {
      return false;
    }
    test::RawPostgres(Server::get().direct_conninfo())
        .execute("UPDATE \"" + space + "\"." + table + " SET metadata = '[]' WHERE " + has_text +
                 "::text LIKE '%" + what.text + "%'");
    return true;
  }
};

class PostgresArchiveHarness : public PostgresHarness<PostgresArchive> {
public:
  static constexpr std::string_view name = "postgres-archive";
};

} // namespace

AGENTSTORE_CONFORMANCE(PostgresBackendHarness)
AGENTSTORE_CONFORMANCE(PostgresArchiveHarness)
