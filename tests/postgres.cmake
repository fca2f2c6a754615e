# SPDX-License-Identifier: Apache-2.0
# The tests of component postgres.
agentstore_add_conformance_program(postgres_conformance conformance/postgres.cpp)
agentstore_use_postgres(postgres_conformance postgres_conformance)

# For tests that are no program of ours: with_postgres COMMAND ARGUMENT...
add_executable(with_postgres support/with_postgres.cpp)
target_include_directories(with_postgres PRIVATE "${PROJECT_SOURCE_DIR}/tests")
agentstore_warnings(with_postgres)
agentstore_use_postgres(with_postgres)
