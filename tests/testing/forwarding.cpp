// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/forwarding_archive.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

using namespace agentstore;
using namespace agentstore::test;

namespace {

class Forgetful : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string = "completed") override {
    return ForwardingBackend::end_session(std::move(session_id), "forgotten");
  }

  IStorageBackend& what_is_inside() const { return inner().storage(); }
};

MemoryOptions frozen() {
  MemoryOptions options;
  options.clock = [] { return Timestamp(); };
  return options;
}

} // namespace

TEST_CASE("A forwarding backend answers every call as the backend in it does") {
  MemoryBackend bare(frozen());
  ForwardingBackend forwarding(std::make_shared<MemoryBackend>(frozen()));
  const auto bare_calls = backend_calls<MemoryBackend>();
  const auto forwarded_calls = backend_calls<ForwardingBackend>();
  for (std::size_t i = 0; i < bare_calls.size(); ++i) {
    CAPTURE(i, bare_calls[i].operation);
    CHECK(run(forwarded_calls[i].make(forwarding)) == run(bare_calls[i].make(bare)));
  }
}

TEST_CASE("A forwarding archive answers every call as the archive in it does") {
  MemoryArchive bare;
  ForwardingArchive forwarding(std::make_shared<MemoryArchive>());
  const auto bare_calls = archive_calls<MemoryArchive>();
  const auto forwarded_calls = archive_calls<ForwardingArchive>();
  for (std::size_t i = 0; i < bare_calls.size(); ++i) {
    CAPTURE(i, bare_calls[i].operation);
    CHECK(run(forwarded_calls[i].make(forwarding)) == run(bare_calls[i].make(bare)));
  }
}

TEST_CASE("An override changes its method, through every interface, and no other") {
  const auto memory = std::make_shared<MemoryBackend>();
  Forgetful forgetful(memory);
  CHECK(&forgetful.what_is_inside() == memory.get());
  REQUIRE(run(forgetful.initialize()));
  run(forgetful.create_session("s", "u"));
  CHECK(run(static_cast<ISessionStorage&>(forgetful).end_session("s", "completed")));
  CHECK(run(memory->get_session("s"))->status == "forgotten");
}

TEST_CASE("A decorator keeps what is in it alive, and decorates a decorator") {
  auto memory = std::make_shared<MemoryBackend>();
  const std::weak_ptr<MemoryBackend> watch = memory;
  auto inside = std::make_shared<Forgetful>(std::move(memory));
  auto outside = std::make_unique<ForwardingBackend>(std::move(inside));
  REQUIRE(run(outside->initialize()));
  run(outside->create_session("s", "u"));
  CHECK(run(outside->end_session("s")));
  CHECK(run(outside->get_session("s"))->status == "forgotten");
  CHECK_FALSE(watch.expired());
  outside.reset();
  CHECK(watch.expired());
}
