// SPDX-License-Identifier: Apache-2.0
// peak_memory FILE COMPILER ARGUMENT...: a launcher that runs the compiler and adds a line to FILE:
// the most memory that it took, in MiB, and its arguments.
#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: peak_memory FILE COMPILER ARGUMENT...\n", stderr);
    return 2;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) < 0) {
    std::perror("peak_memory");
    return 1;
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return 1;
  }
  rusage usage = {};
  ::getrusage(RUSAGE_CHILDREN, &usage); // the compiler proper is a child's child
  std::FILE* file = std::fopen(argv[1], "a");
  if (file == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  std::fprintf(file, "%ld %s\n", usage.ru_maxrss / 1024, argv[argc - 1]);
  return std::fclose(file) == 0 ? 0 : 1;
}
