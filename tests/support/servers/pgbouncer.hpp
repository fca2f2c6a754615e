// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_PGBOUNCER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_PGBOUNCER_HPP

// A pgbouncer of the test's own in front of a server, on a socket in a directory of its own. It
// goes with the object, and with the program, as the server does.

#include "support/servers/postgres_server.hpp"

#include <chrono>
#include <thread>

namespace agentstore::test {

class PgBouncer {
public:
  /// `settings` are lines of its file: pool_mode, server_reset_query, default_pool_size.
  PgBouncer(const PostgresServer& server, const std::string& settings);
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;
  ~PgBouncer() { stop(); }

  std::string conninfo() const {
    return "host=" + directory_ + " port=6432 user=agent dbname=agents";
  }
  std::string socket() const { return directory_ + "/.s.PGSQL.6432"; }

private:
  void start();
  void stop() const {
    ::close(alive_);
    PostgresServer::wait(guard_);
  }

  std::string directory_;
  int alive_ = -1;
  pid_t guard_ = -1;
};

// Only machinery below this line.

inline PgBouncer::PgBouncer(const PostgresServer& server, const std::string& settings) {
  if (std::getenv("AGENTSTORE_NO_PGBOUNCER") != nullptr) {
    throw std::runtime_error("no pgbouncer is installed"); // and ctest calls it a skip
  }
  directory_ = (std::filesystem::temp_directory_path() / "agentstore-pgbouncer-XXXXXX").string();
  if (::mkdtemp(directory_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), directory_);
  }
  std::filesystem::permissions(directory_, std::filesystem::perms(0711));
  std::ofstream(directory_ + "/users") << "\"agent\" \"\"\n\"admin\" \"\"\n";
  std::ofstream(directory_ + "/ini")
      << "[databases]\n* = host=" << server.directory() << " port=" << server.port()
      << "\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = " << directory_
      << "\nauth_type = trust\nauth_file = " << directory_ << "/users\nlogfile = " << directory_
      << "/log\nmax_client_conn = 500\nquery_wait_timeout = 30\n"
      << settings;
  PostgresServer::give(directory_);
  start();
}

inline void PgBouncer::start() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  alive_ = ends[1];
  // A background job of a shell reads nothing, so the pipe goes to `cat` alone.
  const std::string run =
      "\"$@\" >/dev/null 2>&1 & p=$!; cat >/dev/null; kill $p; wait $p; rm -rf '" + directory_ +
      "'";
  std::vector<std::string> guard = {"sh", "-c", run, "sh"};
  for (const std::string& word :
       PostgresServer::as_server_user({AGENTSTORE_PGBOUNCER, directory_ + "/ini"})) {
    guard.push_back(word);
  }
  guard_ = PostgresServer::spawn(guard, ends[0], -1);
  ::close(ends[0]);
  for (int i = 0;; ++i) {
    try {
      RawPostgres(conninfo()).execute("SELECT 1");
      return;
    } catch (const std::runtime_error& error) {
      if (i == 1'000) {
        const std::string said = bytes_of(directory_ + "/log");
        stop();
        throw std::runtime_error(error.what() + said);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

} // namespace agentstore::test

#endif
