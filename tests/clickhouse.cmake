# SPDX-License-Identifier: Apache-2.0
# The tests of component clickhouse.
agentstore_add_test(clickhouse_test archives/clickhouse_uri.cpp)
target_link_libraries(clickhouse_test PRIVATE agentstore::clickhouse)

# For tests that are no program of ours: with_clickhouse [--outage] COMMAND ARGUMENT...
add_executable(with_clickhouse support/servers/with_clickhouse.cpp)
target_include_directories(with_clickhouse PRIVATE "${PROJECT_SOURCE_DIR}/tests")
agentstore_warnings(with_clickhouse)
agentstore_use_clickhouse(with_clickhouse)
