// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

#include <stdexcept>

using namespace agentstore;
using namespace agentstore::test;

namespace {

/// Writes down what it is called with.
class Recorder : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string key) override {
    note("before", operation, key);
    co_return;
  }
  awaitable<void> after(std::string_view operation, std::string key) override {
    note("after", operation, key);
    co_return;
  }

  std::vector<std::string> notes;

private:
  void note(const char* when, std::string_view operation, const std::string& key) {
    notes.push_back(std::string(when) + ' ' + std::string(operation) + ' ' + key);
  }
};

/// Throws what is not of the library.
class Stranger : public Interceptor {
public:
  awaitable<void> before(std::string_view, std::string) override {
    throw std::logic_error("strange");
    co_return;
  }
};

/// Makes all calls on a decorated store and on a bare one: the answers are the same, and the hooks
/// ran around each, with its name and key.
template <class Decorated, class Bare>
void check_all(const std::vector<Call<Decorated>>& calls, const std::vector<Call<Bare>>& bare_calls,
               Decorated& decorated, Bare& bare, Recorder& recorder) {
  REQUIRE(calls.size() == bare_calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i, calls[i].operation);
    recorder.notes.clear();
    auto call = calls[i].make(decorated);
    CHECK(recorder.notes.empty());
    CHECK(run(std::move(call)) == run(bare_calls[i].make(bare)));
    const std::string named = calls[i].operation + ' ' + calls[i].key;
    CHECK(recorder.notes == std::vector<std::string>{"before " + named, "after " + named});
  }
}

MemoryOptions frozen() {
  MemoryOptions options;
  options.clock = [] { return Timestamp(); };
  return options;
}

} // namespace

TEST_CASE("The hooks run around every call of a backend, and change nothing") {
  MemoryBackend bare(frozen());
  const auto recorder = std::make_shared<Recorder>();
  InterceptingBackend decorated(std::make_shared<MemoryBackend>(frozen()), recorder);
  check_all(backend_calls<InterceptingBackend>(), backend_calls<MemoryBackend>(), decorated, bare,
            *recorder);
}

TEST_CASE("The hooks run around every call of an archive, and change nothing") {
  MemoryArchive bare;
  const auto recorder = std::make_shared<Recorder>();
  InterceptingArchive decorated(std::make_shared<MemoryArchive>(), recorder);
  check_all(archive_calls<InterceptingArchive>(), archive_calls<MemoryArchive>(), decorated, bare,
            *recorder);
}

TEST_CASE("The hook after a call runs when the call threw, and the exception goes on") {
  const auto recorder = std::make_shared<Recorder>();
  InterceptingBackend closed(std::make_shared<MemoryBackend>(), recorder);
  CHECK_THROWS_AS(run(closed.get_session("s")), StorageError);
  CHECK(recorder->notes == std::vector<std::string>{"before get_session s", "after get_session s"});
}

TEST_CASE("An exception of a hook that is no StorageError reaches the caller everywhere") {
  InterceptingBackend backend(std::make_shared<MemoryBackend>(), std::make_shared<Stranger>());
  for (const auto& call : backend_calls<InterceptingBackend>()) {
    CAPTURE(call.operation);
    CHECK_THROWS_AS(run(call.make(backend)), std::logic_error);
  }
  InterceptingArchive archive(std::make_shared<MemoryArchive>(), std::make_shared<Stranger>());
  for (const auto& call : archive_calls<InterceptingArchive>()) {
    CAPTURE(call.operation);
    CHECK_THROWS_AS(run(call.make(archive)), std::logic_error);
  }
}

TEST_CASE("A call may outlive the decorator where it may outlive the backend in it") {
  auto backend = std::make_unique<InterceptingBackend>(std::make_shared<MemoryBackend>(),
                                                       std::make_shared<Recorder>());
  REQUIRE(run(backend->initialize()));
  auto create = backend->create_session("s", "u");
  auto health = backend->health_check();
  auto close = backend->close();
  backend.reset();
  CHECK(run(std::move(create)).session_id == "s");
  CHECK(run(std::move(health)).status == Health::Status::healthy);
  CHECK_NOTHROW(run(std::move(close)));
}
