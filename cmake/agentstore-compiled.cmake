# SPDX-License-Identifier: Apache-2.0
# Separate compilation, in this tree and installed alike: include/agentstore/src/ has the definitions
# that other headers leave out where a program defines a library's macro.

# agentstore_compile(<name> MACRO <macro> SOURCES <header of src/>... LINK <target>...)
# Makes the static library agentstore::<name>, which is built when the first program needs it; called
# again, adds to it.
function(agentstore_compile name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MACRO" "SOURCES;LINK")
  set(target agentstore_${name})
  if(NOT TARGET ${target})
    add_library(${target} STATIC EXCLUDE_FROM_ALL)
    add_library(agentstore::${name} ALIAS ${target})
    target_compile_definitions(${target} PUBLIC ${arg_MACRO})
  endif()
  get_target_property(there ${target} SOURCES)
  foreach(source IN LISTS arg_SOURCES)
    set(file "${PROJECT_BINARY_DIR}/${target}/${source}.cpp")
    if(NOT file IN_LIST there)
      file(CONFIGURE OUTPUT "${file}" CONTENT "#include <agentstore/src/${source}.hpp>\n")
      target_sources(${target} PRIVATE "${file}")
    endif()
  endforeach()
  target_link_libraries(${target} PUBLIC ${arg_LINK})
endfunction()

# agentstore_compile_library(<component>...): agentstore::compiled with the engines of these
# components. Other components have nothing in it.
function(agentstore_compile_library)
  set(sources langgraph memory)
  set(link agentstore::agentstore)
  if(NOT TARGET Boost::json)
    find_package(Boost 1.81 QUIET COMPONENTS json)
  endif()
  if(TARGET Boost::json) # else from_text is missing from it, and only a program that calls it links not
    list(APPEND sources document)
    list(APPEND link Boost::json)
  endif()
  foreach(engine IN ITEMS sqlite postgres redis clickhouse)
    if(engine IN_LIST ARGN)
      list(APPEND sources ${engine})
      list(APPEND link agentstore::${engine})
    endif()
  endforeach()
  agentstore_compile(compiled MACRO AGENTSTORE_COMPILED SOURCES ${sources} LINK ${link})
endfunction()
