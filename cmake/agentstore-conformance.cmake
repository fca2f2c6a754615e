# SPDX-License-Identifier: Apache-2.0
# Comes with component `conformance`, in this tree and installed alike.

# agentstore::conformance_compiled: the kit for tests that are to build fast. agentstore::conformance
# is headers alone, and every test that includes them compiles all rules.
agentstore_compile(
  conformance_compiled
  MACRO AGENTSTORE_CONFORMANCE_COMPILED
  SOURCES conformance/calls conformance/directories conformance/kit conformance/storage
  LINK agentstore::conformance)

# agentstore_add_conformance_test(<target> [NAME <test name>] [LEAVE_OUT <area>...])
#
# Registers the conformance suite of <target>, a Catch2 2.13 or 3 program, as ONE test of ctest.
# One and not one per rule: the verdict "conforms" can only be given by a run that saw every rule.
# With LEAVE_OUT, the rules of these areas, such as VAL, are not run and no verdict is given. That is
# for tools that slow a program down and look for something else, and for a store that differs in
# little from one that the whole kit has seen.
#
# A run of zero rules fails. Catch2 3 exits with 2 then, but Catch2 2 with 0, and its `-w NoTests`
# is an unknown option to Catch2 3; both print the words below.
function(agentstore_add_conformance_test target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAME" "LEAVE_OUT")
  if(NOT arg_NAME)
    set(arg_NAME "${target}")
  endif()
  set(selected "[conformance]")
  if(arg_LEAVE_OUT)
    list(JOIN arg_LEAVE_OUT "]~[" left_out)
    string(APPEND selected "~[statement]~[${left_out}]")
  endif()
  add_test(NAME "${arg_NAME}" COMMAND ${target} "${selected}")
  set_tests_properties("${arg_NAME}" PROPERTIES FAIL_REGULAR_EXPRESSION "No tests ran"
                                                LABELS conformance)
endfunction()
