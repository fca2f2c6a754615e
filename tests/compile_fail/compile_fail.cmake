# SPDX-License-Identifier: Apache-2.0
# See agentstore_add_compile_fail_test.
list(TRANSFORM INCLUDES PREPEND -I)
set(command ${COMPILER} ${FLAGS} ${INCLUDES} ${SOURCE})

execute_process(COMMAND ${command} RESULT_VARIABLE result ERROR_VARIABLE error)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "does not compile even without MUST_NOT_COMPILE:\n${error}")
endif()

execute_process(COMMAND ${command} -DMUST_NOT_COMPILE RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0)
  message(FATAL_ERROR "compiles, and must not")
endif()
if(NOT error MATCHES "error:[^\n]*(${REGEX})")
  message(FATAL_ERROR "no error that matches \"${REGEX}\" in:\n${error}")
endif()
