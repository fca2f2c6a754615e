# SPDX-License-Identifier: Apache-2.0
# agentstore_warnings(<target>): the warnings our own programs are built with. A user of the
# library never gets them. The presets make them errors with CMAKE_COMPILE_WARNING_AS_ERROR.
function(agentstore_warnings target)
  target_compile_options(
    ${target}
    PRIVATE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wold-style-cast

            -Woverloaded-virtual)
endfunction()
