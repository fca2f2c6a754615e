# SPDX-License-Identifier: Apache-2.0
# Tests of component clickhouse start servers of their own. Where Debian's package is not installed
# they show as skipped; in CI, which sets AGENTSTORE_REQUIRE_SERVERS, that is an error, but on Debian
# 13 and newer, which has no such package.
find_program(AGENTSTORE_CLICKHOUSE clickhouse-server HINTS /usr/sbin)
mark_as_advanced(AGENTSTORE_CLICKHOUSE)
cmake_host_system_information(RESULT distribution QUERY DISTRIB_INFO)
if(NOT AGENTSTORE_CLICKHOUSE
   AND DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS}
   AND NOT (distribution_ID STREQUAL "debian" AND distribution_VERSION_ID VERSION_GREATER_EQUAL 13))
  message(FATAL_ERROR "agentstore: no ClickHouse server (package clickhouse-server) to test with")
endif()

# agentstore_use_clickhouse(<target> [<test>...]): lets a program start servers.
function(agentstore_use_clickhouse target)
  target_link_libraries(${target} PRIVATE agentstore::clickhouse)
  target_compile_definitions(${target} PRIVATE "AGENTSTORE_CLICKHOUSE_SERVER=\"${AGENTSTORE_CLICKHOUSE}\"")
  agentstore_needs_clickhouse(${ARGN})
endfunction()

# agentstore_needs_clickhouse(<test>...): skips tests where there is no server.
function(agentstore_needs_clickhouse)
  if(AGENTSTORE_CLICKHOUSE)
    return()
  endif()
  foreach(test IN LISTS ARGN)
    set_tests_properties(${test} PROPERTIES SKIP_REGULAR_EXPRESSION "no ClickHouse server"
                                            ENVIRONMENT AGENTSTORE_NO_CLICKHOUSE=1)
  endforeach()
endfunction()
