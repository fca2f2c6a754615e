// SPDX-License-Identifier: Apache-2.0

// Contexts and a RedisBackend that end in any order, and forks.

#include "support/faults/forked_store.hpp"
#include "support/faults/teardown.hpp"
#include "support/servers/redis_rig.hpp"

#include <agentstore/backends/redis.hpp>

using namespace agentstore;
using namespace agentstore::test;

TEST_CASE("A context and a backend may be destroyed in any order", "[redis]") {
  const RedisServer server;
  const auto make = [&server](boost::asio::any_io_executor executor) {
    return std::make_unique<RedisBackend>(std::move(executor), RedisOptions(server.uri()));
  };
  check_teardown_orders(make);
  check_unsent_is_dropped(make);
}

TEST_CASE("In the child of a fork, the parent's backend is refused and left alone", "[redis]") {
  const RedisServer server;
  Loop loop;
  auto backend = std::make_unique<RedisBackend>(loop.context().get_executor(),
                                                RedisOptions(server.uri(), "forked"));
  REQUIRE(loop.run(backend->initialize()));
  REQUIRE(loop.run(backend->put_checkpoint("t", "before", 1)));
  const auto connections = [&] { return server.raw().text({"CLIENT", "LIST", "TYPE", "normal"}); };
  const auto count = [&] {
    const std::string list = connections();
    return std::count(list.begin(), list.end(), '\n');
  };
  const auto before = count();
  check_refused_in_child(backend);
  CHECK(loop.run(backend->put_checkpoint("t", "after", 1)));
  CHECK(loop.run(backend->list_checkpoints("t")).size() == 2);
  CHECK(count() == before);
}
