# SPDX-License-Identifier: Apache-2.0
# Asks tidy whether the pages that a conformance program has written to FOLDER are valid HTML.
file(GLOB pages "${FOLDER}/*.html")
if(NOT pages)
  message(FATAL_ERROR "no page was written to ${FOLDER}")
endif()
foreach(page IN LISTS pages)
  execute_process(COMMAND "${TIDY}" -errors -quiet -utf8 "${page}" RESULT_VARIABLE result
                  ERROR_VARIABLE remarks)
  if(result)
    message(FATAL_ERROR "${page}: ${remarks}")
  endif()
endforeach()
file(REMOVE ${pages}) # so that the next run cannot take them for its own
