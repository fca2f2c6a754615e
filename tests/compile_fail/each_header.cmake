# SPDX-License-Identifier: Apache-2.0
# Each header, included first, tells a compiler with an old standard what it needs.
include("${CMAKE_CURRENT_LIST_DIR}/errors.cmake")
list(TRANSFORM INCLUDES PREPEND -I)
list(LENGTH HEADERS count)
if(count EQUAL 0)
  message(FATAL_ERROR "no headers")
endif()
foreach(header IN LISTS HEADERS)
  execute_process(COMMAND ${COMPILER} -std=c++17 -fsyntax-only -x c++ ${INCLUDES} "${header}"
                  ERROR_VARIABLE error)
  expect_one_error("${header}" "${error}" "needs C\\+\\+20")
endforeach()
