# SPDX-License-Identifier: Apache-2.0
# The tests of component postgres start servers of their own. Where Debian's package is not
# installed they show as skipped; in CI, which sets AGENTSTORE_REQUIRE_SERVERS, that is an error.
file(GLOB postgres_folders "/usr/lib/postgresql/*/bin")
find_program(AGENTSTORE_POSTGRES postgres HINTS ${postgres_folders})
mark_as_advanced(AGENTSTORE_POSTGRES)
if(NOT AGENTSTORE_POSTGRES AND DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
  message(FATAL_ERROR "agentstore: no PostgreSQL server (package postgresql-15) to test with")
endif()
cmake_path(GET AGENTSTORE_POSTGRES PARENT_PATH AGENTSTORE_POSTGRES_BIN)

# agentstore_use_postgres(<target> [<test>...]): lets a program start servers.
function(agentstore_use_postgres target)
  target_link_libraries(${target} PRIVATE agentstore::postgres)
  target_compile_definitions(${target}
                             PRIVATE "AGENTSTORE_POSTGRES_BIN=\"${AGENTSTORE_POSTGRES_BIN}\"")
  if(AGENTSTORE_POSTGRES)
    return()
  endif()
  foreach(test IN LISTS ARGN)
    set_tests_properties(
      ${test} PROPERTIES SKIP_REGULAR_EXPRESSION "no PostgreSQL server" ENVIRONMENT
                                                                        AGENTSTORE_NO_POSTGRES=1)
  endforeach()
endfunction()

agentstore_add_conformance_program(postgres_conformance conformance/postgres.cpp)
agentstore_use_postgres(postgres_conformance postgres_conformance)

agentstore_add_test(
  postgres_test
  archives/postgres.cpp
  backends/postgres.cpp
  backends/postgres_cancellation.cpp
  backends/postgres_faults.cpp
  backends/postgres_schema.cpp
  backends/postgres_tls.cpp)
agentstore_use_postgres(postgres_test postgres_test)
target_compile_definitions(
  postgres_test
  PRIVATE POSTGRES_VERSION_1_FILE="${CMAKE_CURRENT_SOURCE_DIR}/backends/postgres_version_1.sql")
