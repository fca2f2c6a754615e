// SPDX-License-Identifier: Apache-2.0
// libFuzzer: Document::from_text against nlohmann's parser. They agree on every text, but that
// nlohmann
// - takes a byte order mark before the text,
// - takes a NUL for the end of it,
// - knows no greatest depth.

#include <agentstore/document_from_text.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using agentstore::Document;
using agentstore::json;
using agentstore::TextError;

void expect(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

bool is_known_difference(std::string_view text) {
  const std::size_t nul = text.find('\0');
  if (text.starts_with("\xef\xbb\xbf") || nul != std::string_view::npos) {
    return true;
  }
  std::size_t depth = 0;
  for (const char c : text) { // brackets in strings make it more than it is
    depth += std::size_t{c == '[' || c == '{'};
  }
  return depth > Document::max_depth;
}

/// With the same member names, kinds and bits.
bool are_same(const json& left, const json& right) {
  return left == right && left.dump() == right.dump();
}

void check(std::string_view text) {
  const json expected = json::parse(text, nullptr, false);
  Document document;
  try {
    document = Document::from_text(text);
  } catch (const TextError& error) {
    expect(error.byte() <= text.size(), "an error is in the text");
    expect(expected.is_discarded() || is_known_difference(text), "what nlohmann takes is taken");
    return;
  }
  expect(!expected.is_discarded(), "what nlohmann refuses is refused");
  expect(are_same(document.tree(), expected), "the tree is nlohmann's");
  expect(are_same(json::parse(document.text()), expected), "the text means the same");
  expect(document.fault() == Document::Fault::none, "what was taken is legal");
  expect(Document::from_text(document.text()).text() == document.text(), "the text is compact");
  const Document of_tree = document.tree();
  expect(of_tree.fault() == Document::Fault::none, "its tree is legal");
  expect(of_tree.depth() == document.depth(), "the depth is that of the tree");
  expect(of_tree.text() == expected.dump(), "the tree's text is nlohmann's");
  expect(of_tree.most_bytes() >= of_tree.text().size(), "the bound is one");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
