# SPDX-License-Identifier: Apache-2.0
# expect_one_error(<what> <output> <regex>): the first error that a compiler wrote matches, and at
# most one follows; who is shown many does not read the first.
function(expect_one_error what output regex)
  string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
  list(LENGTH errors count)
  list(POP_FRONT errors first)
  if(NOT first MATCHES "${regex}")
    message(FATAL_ERROR "${what}: the first error does not match \"${regex}\":\n${output}")
  endif()
  if(count GREATER 2)
    message(FATAL_ERROR "${what}: ${count} errors in place of one:\n${output}")
  endif()
endfunction()
