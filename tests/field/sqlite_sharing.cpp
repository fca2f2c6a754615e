// SPDX-License-Identifier: Apache-2.0

// Handles of SqliteBackend on one file, in one process and in two. Every acknowledged write counts,
// and no call is refused because the file is locked.

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/loop.hpp"
#include "support/raw_sqlite.hpp"
#include "support/temporary_directory.hpp"

#include <agentstore/backends/sqlite.hpp>
#include <agentstore/conformance/crash/child_process.hpp>

#include <sstream>
#include <thread>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;
using conformance::ChildProcess;

namespace {

constexpr const char* variable = "AGENTSTORE_SQLITE_CHILD";
constexpr int writers = 8;
constexpr int rounds = 25;

SqliteOptions patient(const std::string& path) {
  SqliteOptions options(path);
  options.busy_timeout = 60s; // enough if two processors have ten other things to do
  return options;
}

awaitable<bool> update_and_append(SqliteBackend& backend, std::string name) {
  bool all = true;
  for (int round = 0; round < rounds; ++round) {
    all &= co_await backend.update_session("s", SessionUpdate().increment_requests());
    all &= co_await backend.add_conversation_message("s", name, std::to_string(round));
    const std::vector<Message> history = co_await backend.get_conversation_history("s", 1);
    all &= history.size() == 1;
  }
  co_return all;
}

/// Many writers on a handle of its own. Returns what went wrong.
std::string hammer(const std::string& path, const std::string& name) {
  try {
    Loop loop;
    SqliteBackend backend(patient(path));
    loop.run(backend.initialize());
    std::vector<std::shared_ptr<Ending<bool>>> endings;
    for (int writer = 0; writer < writers; ++writer) {
      endings.push_back(
          loop.start(update_and_append(backend, name + "-" + std::to_string(writer))));
    }
    loop.finish(300s);
    for (const auto& ending : endings) {
      if (ending->error) {
        std::rethrow_exception(ending->error);
      }
      if (!ending->value.value()) {
        return "a write or a read did not find the session";
      }
    }
    loop.run(backend.close());
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void make_session(const std::string& path) {
  Loop loop;
  SqliteBackend backend(path);
  REQUIRE(loop.run(backend.initialize()));
  loop.run(backend.create_session("s", "u"));
}

/// Checks that each write of `handles` hammers is there once, in the order of its writer.
void check_all_there(const std::string& path, int handles) {
  const int expected = handles * writers * rounds;
  RawSqlite raw(path);
  CHECK(raw.text("SELECT request_count, message_count, version FROM sessions") ==
        std::to_string(expected) + "|" + std::to_string(expected) + "|" +
            std::to_string(1 + 2 * expected));
  CHECK(raw.text("SELECT COUNT(*), COUNT(DISTINCT role || ' ' || content), MAX(sequence)"
                 " FROM messages") ==
        std::to_string(expected) + "|" + std::to_string(expected) + "|" + std::to_string(expected));
  CHECK(raw.text("SELECT COUNT(*) FROM messages a JOIN messages b ON a.role = b.role"
                 " WHERE a.sequence < b.sequence AND a.content + 0 >= b.content + 0") == "0");
  CHECK(raw.text("PRAGMA integrity_check") == "ok");
}

/// Opens new files, each at the moment at which another does so too. Returns what went wrong.
std::string open_together(const std::string& folder, const std::string& me,
                          const std::string& other) {
  constexpr int files = 20;
  try {
    for (int i = 0; i < files; ++i) {
      const std::string path = folder + "/" + std::to_string(i) + ".db";
      const auto deadline = std::chrono::steady_clock::now() + 60s;
      write_bytes(path + "-" + me + "-is-ready", "");
      while (!std::filesystem::exists(path + "-" + other + "-is-ready")) {
        if (std::chrono::steady_clock::now() > deadline) {
          return "the other one never came";
        }
      }
      Loop loop;
      SqliteBackend backend(patient(path));
      loop.run(backend.initialize());
      loop.run(backend.put_checkpoint("t", me, i));
    }
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void check_opened(const std::string& folder) {
  Loop loop;
  for (int i = 0; i < 20; ++i) {
    SqliteBackend backend(folder + "/" + std::to_string(i) + ".db");
    REQUIRE(loop.run(backend.initialize()));
    CHECK(loop.run(backend.list_checkpoints("t")).size() == 2);
  }
}

/// The last line that a child says is what went wrong, and "ok" if nothing did.
std::string outcome(ChildProcess& child) {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + 300s;
  while (child.read(text, 100ms) != ChildProcess::ReadResult::end) {
    if (std::chrono::steady_clock::now() > deadline) {
      return "the child does not end: " + text;
    }
  }
  return text.empty() ? "the child said nothing: " + child.kill() : text;
}

/// The task of a child: three words, and the pipe to answer on.
class Task {
public:
  Task() {
    const char* const text = std::getenv(variable);
    if (text != nullptr) {
      std::istringstream words(text);
      words >> what >> where >> me >> other >> pipe;
    }
  }

  std::string what;
  std::string where;
  std::string me;
  std::string other;
  int pipe = -1;
};

void run_two_children(const std::string& what, const std::string& where) {
  const std::vector<std::string> arguments(1, "child that shares a file");
  ChildProcess first(arguments, variable, what + " " + where + " first second");
  ChildProcess second(arguments, variable, what + " " + where + " second first");
  CHECK(outcome(first) == "ok");
  CHECK(outcome(second) == "ok");
}

} // namespace

TEST_CASE("child that shares a file", "[.]") {
  const Task task;
  if (task.pipe < 0) {
    return; // not a child
  }
  std::string wrong = task.what == "hammer" ? hammer(task.where, task.me)
                                            : open_together(task.where, task.me, task.other);
  wrong = wrong.empty() ? "ok" : wrong;
  CHECK(::write(task.pipe, wrong.data(), wrong.size()) == static_cast<ssize_t>(wrong.size()));
}

TEST_CASE("Two handles of one process work on one file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  make_session(path);
  std::string first;
  std::string second;
  std::thread other([&] { second = hammer(path, "second"); });
  first = hammer(path, "first");
  other.join();
  CHECK(first == "");
  CHECK(second == "");
  check_all_there(path, 2);
}

TEST_CASE("Two processes work on one file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store.db");
  make_session(path);
  run_two_children("hammer", path);
  check_all_there(path, 2);
}

TEST_CASE("Two handles of one process make one new file", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string folder = directory.path().string();
  std::string first;
  std::string second;
  std::thread other([&] { second = open_together(folder, "second", "first"); });
  first = open_together(folder, "first", "second");
  other.join();
  CHECK(first == "");
  CHECK(second == "");
  check_opened(folder);
}

TEST_CASE("Two processes make one new file", "[sqlite]") {
  const TemporaryDirectory directory;
  run_two_children("open", directory.path().string());
  check_opened(directory.path().string());
}
