# SPDX-License-Identifier: Apache-2.0
# Target `demo`: the agent runtime on its sample, then the kit's verdict on the reference backend, on
# SQLite, and on the one a user wrote.
set(sample "${PROJECT_SOURCE_DIR}/examples/agent_runtime/sample.jsonl")
set(demo_commands COMMAND agent_runtime --store memory: --input "${sample}" --verify)
set(demo_reports COMMAND memory_conformance "[conformance]")
if(AGENTSTORE_HAVE_sqlite)
  set(file agent_runtime.db) # the runtime's default
  set(demo_commands COMMAND ${CMAKE_COMMAND} -E rm -f ${file} ${file}-wal ${file}-shm
                    COMMAND agent_runtime --input "${sample}" --verify)
  list(APPEND demo_reports COMMAND sqlite_conformance "[conformance]")
endif()
add_custom_target(
  demo
  ${demo_commands}
  ${demo_reports}
  COMMAND custom_backend_conformance "[conformance]"
  WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
  COMMENT "The agent runtime on its sample, then the kit's reports"
  USES_TERMINAL VERBATIM)
