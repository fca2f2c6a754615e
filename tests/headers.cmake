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

# All of them in two files: a function that lacks `inline` is defined twice and does not link, two
# headers that do not go together do not compile. Catch2WithMain brings the main, and what a
# Catch2 front may refer to.
set(both "${CMAKE_CURRENT_BINARY_DIR}/generated/first.cpp"
         "${CMAKE_CURRENT_BINARY_DIR}/generated/second.cpp")
foreach(file IN LISTS both)
  file(CONFIGURE OUTPUT "${file}" CONTENT "${includes}")
endforeach()
add_executable(all_headers EXCLUDE_FROM_ALL ${both})
target_link_libraries(all_headers PRIVATE ${components} Catch2::Catch2WithMain)
agentstore_warnings(all_headers)
# For clang-tidy once is enough.
add_library(headers_lint OBJECT EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/generated/first.cpp")
target_link_libraries(headers_lint PRIVATE ${components} Catch2::Catch2)
agentstore_warnings(headers_lint)
