# SPDX-License-Identifier: Apache-2.0
# The tests of component postgres.
agentstore_add_conformance_program(postgres_conformance conformance/stores/postgres.cpp)
agentstore_use_postgres(postgres_conformance postgres_conformance)
agentstore_use_pgbouncer(postgres_conformance) # which it starts where field/ asks for it

agentstore_add_test(
  postgres_test
  archives/postgres.cpp
  backends/postgres.cpp
  backends/postgres_connection_string.cpp
  backends/postgres_limits.cpp
  backends/postgres_pool_decisions.cpp
  backends/postgres_schema.cpp)
agentstore_use_postgres(postgres_test postgres_test)
target_compile_definitions(
  postgres_test
  PRIVATE POSTGRES_VERSION_1_FILE="${CMAKE_CURRENT_SOURCE_DIR}/backends/postgres_version_1.sql")

# For tests that are no program of ours: with_postgres COMMAND ARGUMENT...
add_executable(with_postgres support/servers/with_postgres.cpp)
target_include_directories(with_postgres PRIVATE "${PROJECT_SOURCE_DIR}/tests")
agentstore_warnings(with_postgres)
agentstore_use_postgres(with_postgres)
