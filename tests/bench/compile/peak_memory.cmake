# SPDX-License-Identifier: Apache-2.0
# Writes {"compile.peak_mib": the largest number at a line's start in LOG} to RESULT.
file(STRINGS "${LOG}" lines)
list(SORT lines COMPARE NATURAL ORDER DESCENDING)
list(GET lines 0 largest)
execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "The largest compilation, in MiB: ${largest}")
string(REGEX MATCH "^[0-9]+" peak "${largest}")
file(WRITE "${RESULT}" "{\"compile.peak_mib\": ${peak}}\n")
