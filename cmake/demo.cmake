# SPDX-License-Identifier: Apache-2.0
# Target `demo`: the agent runtime on its sample, then the kit's verdict on the reference backend
# and on the one a user wrote.
set(sample "${PROJECT_SOURCE_DIR}/examples/agent_runtime/sample.jsonl")
add_custom_target(
  demo
  COMMAND agent_runtime --store memory: --input "${sample}" --verify
  COMMAND memory_conformance "[conformance]"
  COMMAND custom_backend_conformance "[conformance]"
  WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
  COMMENT "The agent runtime on its sample, then the kit's reports"
  USES_TERMINAL VERBATIM)
