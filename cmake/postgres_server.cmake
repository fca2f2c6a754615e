# SPDX-License-Identifier: Apache-2.0
# Tests and benchmarks of component postgres start servers of their own. Where Debian's package is
# not installed they show as skipped; in CI, which sets AGENTSTORE_REQUIRE_SERVERS, that is an error.
file(GLOB postgres_folders "/usr/lib/postgresql/*/bin")
find_program(AGENTSTORE_POSTGRES postgres HINTS ${postgres_folders})
find_program(AGENTSTORE_PGBOUNCER pgbouncer HINTS /usr/sbin)
mark_as_advanced(AGENTSTORE_POSTGRES AGENTSTORE_PGBOUNCER)
if(NOT AGENTSTORE_POSTGRES AND DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
  message(FATAL_ERROR "agentstore: no PostgreSQL server (package postgresql-15) to test with")
endif()
if(NOT AGENTSTORE_PGBOUNCER AND DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
  message(FATAL_ERROR "agentstore: no pgbouncer (package pgbouncer) to test with")
endif()

# agentstore_use_postgres(<target> [<test>...]): lets a program start servers.
function(agentstore_use_postgres target)
  cmake_path(GET AGENTSTORE_POSTGRES PARENT_PATH folder)
  target_link_libraries(${target} PRIVATE agentstore::postgres)
  target_compile_definitions(${target} PRIVATE "AGENTSTORE_POSTGRES_BIN=\"${folder}\"")
  agentstore_needs_postgres(${ARGN})
endfunction()

# agentstore_needs_postgres(<test>...): skips tests where there is no server.
function(agentstore_needs_postgres)
  if(AGENTSTORE_POSTGRES)
    return()
  endif()
  foreach(test IN LISTS ARGN)
    set_tests_properties(
      ${test} PROPERTIES SKIP_REGULAR_EXPRESSION "no PostgreSQL server" ENVIRONMENT
                                                                        AGENTSTORE_NO_POSTGRES=1)
  endforeach()
endfunction()

# agentstore_use_pgbouncer(<target> [<test>...]): lets a program start pgbouncer besides.
function(agentstore_use_pgbouncer target)
  target_compile_definitions(${target} PRIVATE "AGENTSTORE_PGBOUNCER=\"${AGENTSTORE_PGBOUNCER}\"")
  if(AGENTSTORE_PGBOUNCER AND AGENTSTORE_POSTGRES)
    return()
  endif()
  foreach(test IN LISTS ARGN)
    set_tests_properties(
      ${test} PROPERTIES SKIP_REGULAR_EXPRESSION "no PostgreSQL server;no pgbouncer is installed"
                         ENVIRONMENT "AGENTSTORE_NO_POSTGRES=1;AGENTSTORE_NO_PGBOUNCER=1")
  endforeach()
endfunction()
