# SPDX-License-Identifier: Apache-2.0
# Target `tidy`: clang-tidy over every header, in one file that includes them all, and over the sources
# that a user might copy. Nothing is compiled for it.
find_program(AGENTSTORE_CLANG_TIDY clang-tidy-19 REQUIRED)
mark_as_advanced(AGENTSTORE_CLANG_TIDY)
set(tidy_stamps "")
foreach(
  target IN
  ITEMS all_headers_once
        memory_conformance
        sqlite_conformance
        with_postgres
        first_steps
        custom_backend_conformance
        example_stores
        agent_runtime
        langgraph_bridge
        langgraph_bridge_http)
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${folder}")
    cmake_path(GET source FILENAME name)
    set(stamp "${PROJECT_BINARY_DIR}/tidy/${target}.${name}")
    add_custom_command(
      OUTPUT "${stamp}"
      COMMAND ${AGENTSTORE_CLANG_TIDY} --quiet "--warnings-as-errors=*" -p "${PROJECT_BINARY_DIR}" "${source}"
      COMMAND ${CMAKE_COMMAND} -E touch "${stamp}"
      DEPENDS "${source}" ${AGENTSTORE_HEADERS}
      COMMENT "clang-tidy ${target} ${name}"
      VERBATIM)
    list(APPEND tidy_stamps "${stamp}")
  endforeach()
endforeach()
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/tidy")
add_custom_target(tidy DEPENDS ${tidy_stamps})
