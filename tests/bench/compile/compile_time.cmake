# SPDX-License-Identifier: Apache-2.0
# Compiles SOURCE and FLOOR by turns and writes {KEY: time of SOURCE over time of FLOOR} to RESULT:
# the median of the ratios of ROUNDS rounds, each taken within a few seconds of one machine's life.

function(compile_microseconds source out)
  string(TIMESTAMP start "%s%f")
  execute_process(
    COMMAND ${COMPILER} ${FLAGS} ${INCLUDES} -c "${source}" -o "${RESULT}.o"
    COMMAND_ERROR_IS_FATAL ANY)
  string(TIMESTAMP end "%s%f")
  math(EXPR elapsed "${end} - ${start}")
  set(${out} ${elapsed} PARENT_SCOPE)
endfunction()

list(TRANSFORM INCLUDES PREPEND -I)
compile_microseconds("${FLOOR}" unused) # brings the headers into the page cache
set(ratios "")
foreach(round RANGE 1 ${ROUNDS})
  compile_microseconds("${FLOOR}" floor)
  compile_microseconds("${SOURCE}" source)
  math(EXPR ratio "1000 * ${source} / ${floor}")
  list(APPEND ratios ${ratio})
endforeach()
file(REMOVE "${RESULT}.o")

list(SORT ratios COMPARE NATURAL)
math(EXPR middle "${ROUNDS} / 2")
list(GET ratios ${middle} median)
math(EXPR whole "${median} / 1000")
math(EXPR thousandths "${median} % 1000 + 1000")
string(SUBSTRING "${thousandths}" 1 3 thousandths)
file(WRITE "${RESULT}" "{\"${KEY}\": ${whole}.${thousandths}}\n")
