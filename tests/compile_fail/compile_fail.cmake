# SPDX-License-Identifier: Apache-2.0
# See agentstore_add_compile_fail_test.
include("${CMAKE_CURRENT_LIST_DIR}/errors.cmake")
list(TRANSFORM INCLUDES PREPEND -I)
set(command ${COMPILER} ${FLAGS} ${INCLUDES} ${SOURCE})

execute_process(COMMAND ${command} RESULT_VARIABLE result ERROR_VARIABLE error)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "does not compile even without ${CHANGES}:\n${error}")
endif()

execute_process(COMMAND ${command} ${CHANGES} RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0)
  message(FATAL_ERROR "compiles with ${CHANGES}, and must not")
endif()
expect_one_error("${SOURCE}" "${error}" "${REGEX}")
