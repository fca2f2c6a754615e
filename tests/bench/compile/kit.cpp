// SPDX-License-Identifier: Apache-2.0
#define AGENTSTORE_COMPILED
#define AGENTSTORE_CONFORMANCE_COMPILED
#include "kit_header_only.cpp"
