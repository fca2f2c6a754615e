// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_POSTGRES_SERVER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_POSTGRES_SERVER_HPP

// A PostgreSQL server of the test's own, in a directory of its own. It goes with the object, and
// with the program, however that ends: a shell waits for the end of a pipe that the program holds.

#include "support/files.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/server_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <pwd.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace agentstore::test {

class PostgresServer {
public:
  /// Starts a server with these settings (`name=value`) besides. It has a superuser "admin", a
  /// role "agent" that is not a superuser, and a database "agents" in which that role may create.
  explicit PostgresServer(std::vector<std::string> settings = {});
  /// Starts a standby of another server, which it follows under this name.
  PostgresServer(const PostgresServer& primary, const std::string& name,
                 std::vector<std::string> settings);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// What `agent` connects with: by the socket, or by TCP on 127.0.0.1.
  std::string conninfo() const { return conninfo_of("agent", directory_); }
  std::string tcp_conninfo() const { return conninfo_of("agent", "127.0.0.1"); }
  /// The same by the socket, as a URI with a query.
  std::string uri() const {
    return "postgresql:///agents?host=" + directory_ + "&port=" + port() + "&user=agent";
  }
  /// What the superuser connects with, by the socket.
  std::string admin_conninfo() const { return conninfo_of("admin", directory_); }

  const std::string& directory() const { return directory_; }
  std::string data_directory() const { return directory_ + "/data"; }
  std::string port() const { return std::to_string(port_); }
  std::string socket() const { return directory_ + "/.s.PGSQL." + port(); }

  /// Runs SQL as the superuser; returns what RawPostgres::text does.
  std::string admin(const std::string& sql) const;

  /// `mode` is pg_ctl's: smart, fast, immediate.
  void stop(const std::string& mode = "fast");
  void start();
  void reload() { control({"reload"}); }

  /// Ends the server as a loss of power would: no process of it gets to say or do anything more.
  void kill() const;
  void promote() { control({"promote"}); }

  /// Replaces pg_hba.conf; it counts after `reload`.
  void set_access(const std::string& rules) const {
    std::ofstream(data_directory() + "/pg_hba.conf") << rules;
  }
  void add_setting(const std::string& line) const {
    std::ofstream(data_directory() + "/postgresql.conf", std::ios::app) << line << '\n';
  }
  /// Runs a program to its end. Returns its output, or throws the output if it fails.
  static std::string run(const std::vector<std::string>& words);
  /// Runs a program, which may say what it likes, and returns its exit status.
  static int call(const std::vector<std::string>& words) { return wait(spawn(words, -1, -1)); }
  static std::string program(const std::string& name) {
    return std::string(AGENTSTORE_POSTGRES_BIN) + "/" + name;
  }

  // For other servers of a test, which go with the program too.

  static pid_t spawn(const std::vector<std::string>& words, int input, int output);
  static int wait(pid_t child);
  /// The server refuses to run as root, and then runs as the user of Debian's package.
  static std::vector<std::string> as_server_user(std::vector<std::string> words);
  /// Gives a file to the server's user.
  static void give(const std::string& file);

private:
  std::string conninfo_of(const std::string& user, const std::string& host,
                          const std::string& database = "agents") const {
    return "host=" + host + " port=" + port() + " user=" + user + " dbname=" + database;
  }
  void control(std::vector<std::string> words) const;
  void make_directory();

  std::string directory_;
  std::vector<std::string> settings_;
  int port_ = 0;
  int alive_ = -1;
  pid_t guard_ = -1;
};

// Only machinery below this line.

inline pid_t PostgresServer::spawn(const std::vector<std::string>& words, int input, int output) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (input >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  if (output >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  }
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, copies.front().c_str(), &actions, nullptr,
                                   arguments.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error(words.front() + ": " + std::generic_category().message(error));
  }
  return child;
}

inline int PostgresServer::wait(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline std::string PostgresServer::run(const std::vector<std::string>& words) {
  std::string name = (std::filesystem::temp_directory_path() / "agentstore-out-XXXXXX").string();
  const int output = ::mkostemp(name.data(), O_CLOEXEC);
  const int status = wait(spawn(words, -1, output));
  ::close(output);
  std::string said = bytes_of(name);
  std::filesystem::remove(name);
  if (status != 0) {
    throw std::runtime_error(words.front() + " failed: " + said);
  }
  return said;
}

inline std::vector<std::string> PostgresServer::as_server_user(std::vector<std::string> words) {
  if (::geteuid() == 0) {
    const std::vector<std::string> prefix = {"setpriv", "--reuid=postgres", "--regid=postgres",
                                             "--init-groups"};
    words.insert(words.begin(), prefix.begin(), prefix.end());
  }
  return words;
}

inline void PostgresServer::give(const std::string& file) {
  if (const passwd* const user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr) {
    if (::chown(file.c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::system_error(errno, std::generic_category(), file);
    }
  }
}

inline PostgresServer::PostgresServer(std::vector<std::string> settings)
    : settings_(std::move(settings)), port_(ServerProcess::free_port()) {
  make_directory();
  try {
    run(as_server_user({program("initdb"), "-D", data_directory(), "-U", "admin", "-A", "trust",
                        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"}));
    start();
    admin("CREATE ROLE agent LOGIN");
    admin("CREATE DATABASE agents");
    admin("GRANT CREATE ON DATABASE agents TO agent");
  } catch (...) {
    ::close(alive_);
    wait(guard_);
    throw;
  }
}

inline PostgresServer::PostgresServer(const PostgresServer& primary, const std::string& name,
                                      std::vector<std::string> settings)
    : settings_(std::move(settings)), port_(ServerProcess::free_port()) {
  make_directory();
  try {
    run(as_server_user({program("pg_basebackup"), "-D", data_directory(), "-X", "stream", "-c",
                        "fast", "-N", "-h", primary.directory(), "-p", primary.port(), "-U",
                        "admin"}));
    add_setting("primary_conninfo = 'host=" + primary.directory() + " port=" + primary.port() +
                " user=admin application_name=" + name + "'");
    std::ofstream(data_directory() + "/standby.signal").close();
    give(data_directory() + "/standby.signal");
    start();
  } catch (...) {
    ::close(alive_);
    wait(guard_);
    throw;
  }
}

inline void PostgresServer::make_directory() {
  if (std::getenv("AGENTSTORE_NO_POSTGRES") != nullptr) {
    throw std::runtime_error("no PostgreSQL server is installed"); // and ctest calls it a skip
  }
  directory_ = (std::filesystem::temp_directory_path() / "agentstore-postgres-XXXXXX").string();
  if (::mkdtemp(directory_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), directory_);
  }
  give(directory_);
  std::filesystem::permissions(directory_, std::filesystem::perms(0711));

  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  alive_ = ends[1];
  const std::string clean_up =
      "cat >/dev/null; \"$@\" >/dev/null 2>&1; rm -rf '" + directory_ + "'";
  std::vector<std::string> guard = {"sh", "-c", clean_up, "sh"};
  for (const std::string& word : as_server_user(
           {program("pg_ctl"), "-D", data_directory(), "-m", "immediate", "-w", "stop"})) {
    guard.push_back(word);
  }
  guard_ = spawn(guard, ends[0], -1);
  ::close(ends[0]);
}

inline PostgresServer::~PostgresServer() {
  ::close(alive_);
  wait(guard_);
}

inline void PostgresServer::control(std::vector<std::string> words) const {
  std::vector<std::string> all = {program("pg_ctl"), "-D", data_directory(), "-w", "-s"};
  all.insert(all.end(), words.begin(), words.end());
  run(as_server_user(std::move(all)));
}

inline void PostgresServer::start() {
  std::string options = "-k " + directory_ + " -p " + port() +
                        " -c listen_addresses=127.0.0.1 -c max_connections=100"
                        " -c shared_buffers=32MB -c autovacuum=off -c log_min_messages=fatal";
  for (const std::string& setting : settings_) {
    options += " -c " + setting;
  }
  control({"-l", directory_ + "/log", "-o", options, "start"});
}

inline void PostgresServer::kill() const {
  std::ifstream file(data_directory() + "/postmaster.pid");
  pid_t process = 0;
  file >> process;
  // The server's processes are children of its first one.
  std::istringstream children(bytes_of("/proc/" + std::to_string(process) + "/task/" +
                                       std::to_string(process) + "/children"));
  ::kill(process, SIGKILL);
  for (pid_t child = 0; children >> child;) {
    ::kill(child, SIGKILL);
  }
}

inline void PostgresServer::stop(const std::string& mode) {
  control({"-m", mode, "stop"});
}

inline std::string PostgresServer::admin(const std::string& sql) const {
  // What comes before the tests' database runs in another one.
  const bool is_first = sql.starts_with("CREATE ROLE") || sql.starts_with("CREATE DATABASE");
  return RawPostgres(conninfo_of("admin", directory_, is_first ? "postgres" : "agents")).text(sql);
}

} // namespace agentstore::test

#endif
