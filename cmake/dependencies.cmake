# SPDX-License-Identifier: Apache-2.0
# What the core needs. A project that includes this one may have brought the targets already.

# Imported targets are local to a directory by default. Ours must be seen by the project that
# includes this one too, as its targets link them through agentstore::agentstore.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)

if(NOT TARGET Boost::headers)
  # Boost's own config first; CMake's FindBoost is gone under policy CMP0167, but finds a Boost
  # that was installed without a config.
  find_package(Boost 1.81 CONFIG QUIET)
  if(NOT TARGET Boost::headers)
    find_package(Boost 1.81 REQUIRED)
  endif()
endif()
if(NOT TARGET nlohmann_json::nlohmann_json)
  find_package(nlohmann_json 3.11 REQUIRED)
endif()
find_package(Threads REQUIRED)
