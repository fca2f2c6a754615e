// SPDX-License-Identifier: Apache-2.0

// A process that forks while it has connections: the child is refused, and the parent's go on.

#include "support/faults/forked_store.hpp"
#include "support/servers/postgres_rig.hpp"

#include <agentstore/archives/postgres.hpp>
#include <agentstore/backends/postgres.hpp>

using namespace agentstore;
using namespace agentstore::test;

TEST_CASE("In the child of a fork, the parent's backend is refused and left alone", "[postgres]") {
  const PostgresOptions options = options_for(shared_server().conninfo(), "forked");
  PostgresRig rig(options);
  REQUIRE(rig.works());
  auto archive = std::make_unique<PostgresArchive>(rig.loop.context().get_executor(), options);
  REQUIRE(rig.loop.run(archive->initialize()));
  auto backend = std::make_unique<PostgresBackend>(rig.loop.context().get_executor(), options);
  REQUIRE(rig.loop.run(backend->initialize()));
  REQUIRE(rig.loop.run(backend->put_checkpoint("t", "before", 1)));
  const std::string before = rig.server_processes();

  check_refused_in_child(backend);
  check_archive_refused_in_child(archive);
  // The parent's connections are the same as before, and work.
  CHECK(rig.server_processes() == before);
  CHECK(rig.loop.run(backend->put_checkpoint("t", "after", 1)));
  CHECK(rig.loop.run(backend->list_checkpoints("t")).size() == 2);
  CHECK(rig.server_processes() == before);
}
