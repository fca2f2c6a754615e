# SPDX-License-Identifier: Apache-2.0
# Tests of component redis start servers of their own. Where Debian's package is not installed they
# show as skipped; in CI, which sets AGENTSTORE_REQUIRE_SERVERS, that is an error.
find_program(AGENTSTORE_REDIS redis-server)
mark_as_advanced(AGENTSTORE_REDIS)
if(NOT AGENTSTORE_REDIS AND DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
  message(FATAL_ERROR "agentstore: no Redis server (package redis-server) to test with")
endif()

# agentstore_use_redis(<target> [<test>...]): lets a program start servers.
function(agentstore_use_redis target)
  target_link_libraries(${target} PRIVATE agentstore::redis)
  target_compile_definitions(${target} PRIVATE "AGENTSTORE_REDIS_SERVER=\"${AGENTSTORE_REDIS}\"")
  agentstore_needs_redis(${ARGN})
endfunction()

# agentstore_needs_redis(<test>...): skips tests where there is no server.
function(agentstore_needs_redis)
  if(AGENTSTORE_REDIS)
    return()
  endif()
  foreach(test IN LISTS ARGN)
    set_tests_properties(${test} PROPERTIES SKIP_REGULAR_EXPRESSION "no Redis server" ENVIRONMENT
                                                                                     AGENTSTORE_NO_REDIS=1)
  endforeach()
endfunction()
