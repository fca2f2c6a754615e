// SPDX-License-Identifier: Apache-2.0
#include <agentstore/document.hpp>
#ifndef MUST_NOT_COMPILE
#include <agentstore/document_from_text.hpp>
#endif

// A call without the header that defines it is told which one it is.
int main() {
  return agentstore::Document::from_text("{}").empty() ? 0 : 1;
}
