# SPDX-License-Identifier: Apache-2.0
# Headers, a CMake package and a pkg-config file. Everything is architecture-independent, so it
# goes below share/. Each component has an export file of its own, read only when asked for.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/agentstore")
set(build_dir "${PROJECT_BINARY_DIR}/package")

set(component_table "")
foreach(name IN ITEMS core ${AGENTSTORE_COMPONENTS})
  if(name STREQUAL "core")
    set(target agentstore)
    set(export agentstore-targets)
  else()
    set(target agentstore_${name})
    set(export agentstore-${name}-targets)
    string(APPEND component_table "set(_agentstore_packages_${name} \"${AGENTSTORE_PACKAGES_${name}}\")\n")
  endif()
  install(TARGETS ${target} EXPORT ${export} FILE_SET HEADERS)
  install(
    EXPORT ${export}
    NAMESPACE agentstore::
    DESTINATION "${package_dir}")
endforeach()

configure_package_config_file(cmake/agentstore-config.cmake.in "${build_dir}/agentstore-config.cmake"
                              INSTALL_DESTINATION "${package_dir}")
# While the version is 0.y, a new minor version may change an interface.
write_basic_package_version_file("${build_dir}/agentstore-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${build_dir}/agentstore-config.cmake" "${build_dir}/agentstore-config-version.cmake"
              cmake/FindHiredis.cmake cmake/agentstore-compiled.cmake cmake/agentstore-conformance.cmake
        DESTINATION "${package_dir}")

configure_file(cmake/agentstore.pc.in "${build_dir}/agentstore.pc" @ONLY)
install(FILES "${build_dir}/agentstore.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
