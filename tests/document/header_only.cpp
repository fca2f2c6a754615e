// SPDX-License-Identifier: Apache-2.0
// A program that has Boost.JSON in one of its source files and links no library.

#include <agentstore/document_from_text.hpp>

#include <boost/json/src.hpp>

int main() {
  const auto document = agentstore::Document::from_text(R"({ "step": 3 })");
  return document.text() == R"({"step":3})" && document.at("step") == 3 ? 0 : 1;
}
