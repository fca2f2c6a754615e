# SPDX-License-Identifier: Apache-2.0
# Node.js 20 or newer with npm, which runs LangGraph's tests, the JavaScript side of benchmarks and
# chdb's engine: AGENTSTORE_NODE and AGENTSTORE_NPM, or AGENTSTORE_NODE_MISSING says why there is none. That is no
# error for a user, and one where AGENTSTORE_REQUIRE_SERVERS is set.
set(AGENTSTORE_NODE_MISSING "")
find_program(AGENTSTORE_NODE NAMES node nodejs)
find_program(AGENTSTORE_NPM npm)
mark_as_advanced(AGENTSTORE_NODE AGENTSTORE_NPM)
if(NOT AGENTSTORE_NODE OR NOT AGENTSTORE_NPM)
  set(AGENTSTORE_NODE_MISSING "no Node.js with npm was found")
else()
  execute_process(
    COMMAND "${AGENTSTORE_NODE}" --version
    OUTPUT_VARIABLE node_version
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "^v" "" node_version "${node_version}")
  if(node_version VERSION_LESS 20)
    set(AGENTSTORE_NODE_MISSING "Node.js is ${node_version}, older than 20")
  endif()
endif()
if(AGENTSTORE_NODE_MISSING)
  set(severity STATUS)
  if(DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
    set(severity FATAL_ERROR)
  endif()
  message(${severity} "agentstore: ${AGENTSTORE_NODE_MISSING}, so nothing of npm's is run")
endif()

# agentstore_add_npm_package(<test> <fixture> <from> <to>): a test that makes <to> a copy of the package
# in <from> with all that it depends on, before those that require the fixture.
function(agentstore_add_npm_package test fixture from to)
  add_test(NAME ${test} COMMAND ${CMAKE_COMMAND} "-DFROM=${from}" "-DTO=${to}" "-DNODE=${AGENTSTORE_NODE}"
                                "-DNPM=${AGENTSTORE_NPM}" -P "${PROJECT_SOURCE_DIR}/cmake/npm_ci.cmake")
  set_tests_properties(${test} PROPERTIES FIXTURES_SETUP ${fixture})
endfunction()
