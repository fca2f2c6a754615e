// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_SERVER_PROCESS_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_SERVER_PROCESS_HPP

// A server's process in a directory of its own. It goes with the object, and with the program,
// however that ends: a shell waits for the end of a pipe that the program holds.

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace agentstore::test {

class ServerProcess {
public:
  /// The directory is there from here on, for what the server reads at its start.
  ServerProcess();
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& directory() const { return directory_; }

  /// Runs the program, which is this process's child.
  void start(const std::vector<std::string>& words);
  /// Whether it is still there.
  [[nodiscard]] bool is_running() const {
    return process_ > 0 && ::waitpid(process_, nullptr, WNOHANG) == 0;
  }
  void end(int signal);
  /// Stops it as it stands, until `wake`.
  void freeze() const { ::kill(process_, SIGSTOP); }
  void wake() const { ::kill(process_, SIGCONT); }
  pid_t id() const { return process_; }

  /// Runs a program, which may say what it likes, and returns its exit status.
  static int call(const std::vector<std::string>& words);
  /// A port of 127.0.0.1 on which nobody listens.
  static int free_port();

private:
  static pid_t spawn(const std::vector<std::string>& words, int input, bool may_speak);

  std::string directory_;
  pid_t process_ = -1;
  pid_t guard_ = -1;
  int alive_ = -1;
};

// Only machinery below this line.

inline pid_t ServerProcess::spawn(const std::vector<std::string>& words, int input,
                                  bool may_speak) {
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
  if (!may_speak) {
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
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

inline int ServerProcess::call(const std::vector<std::string>& words) {
  int status = 0;
  ::waitpid(spawn(words, -1, true), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline int ServerProcess::free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool is_bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(probe);
  if (!is_bound) {
    throw std::runtime_error("no port is free");
  }
  return ::ntohs(address.sin_port);
}

inline ServerProcess::ServerProcess() {
  directory_ = (std::filesystem::temp_directory_path() / "agentstore-server-XXXXXX").string();
  if (::mkdtemp(directory_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), directory_);
  }
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  alive_ = ends[1];
  guard_ = spawn({"sh", "-c",
                  "cat >/dev/null; kill -9 $(cat '" + directory_ + "/pid') 2>/dev/null; rm -rf '" +
                      directory_ + "'"},
                 ends[0], false);
  ::close(ends[0]);
}

inline ServerProcess::~ServerProcess() {
  end(SIGKILL);
  ::close(alive_);
  ::waitpid(guard_, nullptr, 0);
}

inline void ServerProcess::start(const std::vector<std::string>& words) {
  process_ = spawn(words, -1, false);
  std::ofstream(directory_ + "/pid") << process_ << '\n';
}

inline void ServerProcess::end(int signal) {
  if (process_ > 0) {
    ::kill(process_, signal);
    ::kill(process_, SIGCONT);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
    std::filesystem::remove(directory_ + "/pid");
  }
}

} // namespace agentstore::test

#endif
