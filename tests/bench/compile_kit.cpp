// SPDX-License-Identifier: Apache-2.0
#define AGENTSTORE_CONFORMANCE_COMPILED
#include "compile_kit_header_only.cpp"
