# SPDX-License-Identifier: Apache-2.0
# The core target and the components. A component is an INTERFACE target of its own, so that its
# dependency is looked up only by those who ask for it.

file(GLOB_RECURSE AGENTSTORE_HEADERS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/agentstore/*.hpp")
set(AGENTSTORE_COMPONENTS "")

# A header belongs to the component that one part of its path is named for, alone or as its first
# word: conformance/kit.hpp, backends/sqlite.hpp, backends/postgres_options.hpp.
function(_agentstore_headers_of component out)
  set(headers ${AGENTSTORE_HEADERS})
  list(FILTER headers INCLUDE REGEX "/include/agentstore/(.*/)?${component}(_[^/]*)?(/.*)?\\.hpp$")
  set(${out} ${headers} PARENT_SCOPE)
endfunction()

function(_agentstore_add_target target export_name headers depends)
  add_library(${target} INTERFACE)
  add_library(agentstore::${export_name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name})
  target_sources(
    ${target}
    INTERFACE FILE_SET HEADERS
              BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
              FILES ${headers})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} INTERFACE ${depends})
endfunction()

# agentstore_add_library(DEPENDS targets...): the core. Which headers are its own is known only
# after the last component; agentstore_add_core_headers adds them.
function(agentstore_add_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "DEPENDS")
  _agentstore_add_target(agentstore agentstore "" "${arg_DEPENDS}")
endfunction()

# agentstore_add_component(name [PACKAGES "Name version"...] [DEPENDS targets...])
# PACKAGES are what a user's find_package(agentstore COMPONENTS name) looks up. In this tree they
# are optional: the headers of a component are installed whether or not its package is here, and
# AGENTSTORE_HAVE_<name> tells the tests whether they can be built. In CI nothing is skipped.
function(agentstore_add_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PACKAGES;DEPENDS")
  _agentstore_headers_of(${name} headers)
  _agentstore_add_target(agentstore_${name} ${name} "${headers}"
                         "agentstore::agentstore;${arg_DEPENDS}")
  set(have TRUE)
  set(looked_up "${arg_PACKAGES}")
  if(name IN_LIST AGENTSTORE_LEAVE_OUT)
    set(have FALSE)
    set(looked_up "")
  endif()
  foreach(package IN LISTS looked_up)
    separate_arguments(words UNIX_COMMAND "${package}")
    list(GET words 0 package_name)
    find_package(${words} QUIET)
    if(NOT ${package_name}_FOUND)
      set(have FALSE)
      set(severity STATUS)
      if(DEFINED ENV{AGENTSTORE_REQUIRE_SERVERS})
        set(severity FATAL_ERROR)
      endif()
      message(${severity} "agentstore: no ${package}, so component ${name} cannot be used here")
    endif()
  endforeach()
  set(AGENTSTORE_HAVE_${name} ${have} PARENT_SCOPE)
  set(AGENTSTORE_PACKAGES_${name} "${arg_PACKAGES}" PARENT_SCOPE)
  set(AGENTSTORE_COMPONENTS ${AGENTSTORE_COMPONENTS} ${name} PARENT_SCOPE)
endfunction()

# Gives the core the headers that no component took.
function(agentstore_add_core_headers)
  set(headers ${AGENTSTORE_HEADERS})
  foreach(component IN LISTS AGENTSTORE_COMPONENTS)
    _agentstore_headers_of(${component} taken)
    list(REMOVE_ITEM headers ${taken})
  endforeach()
  target_sources(agentstore INTERFACE FILE_SET HEADERS FILES ${headers})
endfunction()
