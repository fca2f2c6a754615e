// SPDX-License-Identifier: Apache-2.0
// Holds the SQLite backend and the SQLite archive to every rule, on files.

#include "support/harnesses/sqlite_harness.hpp"

#include <agentstore/conformance/catch2.hpp>

using agentstore::test::SqliteArchiveHarness;
using agentstore::test::SqliteHarness;

AGENTSTORE_CONFORMANCE(SqliteHarness)
AGENTSTORE_CONFORMANCE(SqliteArchiveHarness)
