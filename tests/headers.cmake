# SPDX-License-Identifier: Apache-2.0
# The public headers, alone and together. That they compile and link is the test.

# All headers, but for those of a component whose package is not on this machine.
set(headers ${AGENTSTORE_HEADERS})
set(components agentstore::agentstore)
foreach(component IN LISTS AGENTSTORE_COMPONENTS)
  if(AGENTSTORE_HAVE_${component})
    list(APPEND components agentstore::${component})
  else()
    get_target_property(missing agentstore_${component} HEADER_SET)
    list(REMOVE_ITEM headers ${missing})
  endif()
endforeach()

set(each_header "")
set(includes "")
foreach(header IN LISTS headers)
  cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/include" OUTPUT_VARIABLE name)
  if(NOT name MATCHES "/src/") # for one source file of a program, as the compiled libraries show
    string(APPEND includes "#include <${name}>\n")
  endif()
  if(name MATCHES "/(detail|src)/")
    continue() # no program includes it by itself
  endif()
  string(MAKE_C_IDENTIFIER "${name}" id)
  set(file "${CMAKE_CURRENT_BINARY_DIR}/generated/${id}.cpp")
  file(CONFIGURE OUTPUT "${file}" CONTENT "#include <${name}>\n#include <${name}>\n")
  list(APPEND each_header "${file}")
endforeach()

# All of them in one file, of which a program links two copies: a function that lacks `inline` is
# defined twice and does not link, two headers that do not go together do not compile. Catch2WithMain
# brings the main, and what a Catch2 front may refer to.
set(file "${CMAKE_CURRENT_BINARY_DIR}/generated/all_headers.cpp")
file(CONFIGURE OUTPUT "${file}" CONTENT "${includes}")
add_library(all_headers_once OBJECT EXCLUDE_FROM_ALL "${file}")
target_link_libraries(all_headers_once PRIVATE ${components} Catch2::Catch2)
agentstore_warnings(all_headers_once)
set(copy "${CMAKE_CURRENT_BINARY_DIR}/generated/all_headers_again.o")
add_custom_command(
  OUTPUT "${copy}"
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_OBJECTS:all_headers_once> "${copy}"
  DEPENDS all_headers_once $<TARGET_OBJECTS:all_headers_once>
  VERBATIM)
add_executable(all_headers EXCLUDE_FROM_ALL $<TARGET_OBJECTS:all_headers_once> "${copy}")
set_target_properties(all_headers PROPERTIES LINKER_LANGUAGE CXX)
target_link_libraries(all_headers PRIVATE ${components} Catch2::Catch2WithMain)
