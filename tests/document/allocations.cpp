// SPDX-License-Identifier: Apache-2.0
// How often each operation allocates, counted.

#include "bench/allocations.hpp"

#include "support/catch.hpp"
#include "support/json_values.hpp"

#include <agentstore/document_from_text.hpp>

#include <optional>

using namespace agentstore;
using namespace agentstore::test;

namespace {

template <class Work>
std::uint64_t allocations_of(Work work) {
  const std::uint64_t before = bench::allocations();
  work();
  return bench::allocations() - before;
}

} // namespace

TEST_CASE("Null and the empty object allocate nothing and are counted nowhere", "[document]") {
  // What all have together is made at first use.
  const Document empty[] = {Document(), Document::object()};
  CHECK(empty[0].tree().size() + empty[1].tree().size() == 0);
  json null;
  json object = json::object();
  const std::uint64_t count = allocations_of([&] {
    const Document one;
    const Document two = Document::object();
    const Document three = std::move(null);
    const Document four = std::move(object);
    const Document five = Document::from_text(" null ");
    const Document six = Document::from_text("{ }");
    for (const Document& document : {one, two, three, four, five, six}) {
      Document copy = document;
      copy = document.fresh();
      if (copy.tree().size() != 0 || copy.text().empty() || copy.fault() != Document::Fault::none ||
          copy.exceeds(4) || copy.most_bytes() > 4 || copy != document) {
        FAIL("is not what it was");
      }
    }
  });
  CHECK(count == 0);
}

TEST_CASE("A Document allocates once, and a tree or a text when it is first asked for",
          "[document]") {
  json tree = object_of("t", std::string(1'000, 'x'));
  const std::string text = tree.dump();
  std::optional<Document> of_tree;
  std::optional<Document> of_text;
  CHECK(allocations_of([&] { of_tree.emplace(std::move(tree)); }) == 1);
  CHECK(allocations_of([&] { of_text.emplace(Document::from_text(text)); }) == 1);
  for (const Document& document : {*of_tree, *of_text}) {
    CHECK(allocations_of([&] {
            const Document copy = document;
            const Document moved = Document(copy);
          }) == 0);
    CHECK(allocations_of([&] { const Document fresh = document.fresh(); }) == 1);
    CHECK(allocations_of([&] {
            static_cast<void>(document.fault());
            static_cast<void>(document.exceeds(1'000));
            static_cast<void>(document.is_object());
          }) == 0);
  }
  CHECK(allocations_of([&] { static_cast<void>(of_tree->tree()); }) == 0);
  CHECK(allocations_of([&] { static_cast<void>(of_text->text()); }) == 0);
  CHECK(allocations_of([&] { static_cast<void>(of_text->tree()); }) > 0);
  CHECK(allocations_of([&] { static_cast<void>(of_text->tree()); }) == 0);
  CHECK(allocations_of([&] { static_cast<void>(of_tree->text()); }) > 0);
  CHECK(allocations_of([&] { static_cast<void>(of_tree->text()); }) == 0);
  // One that nobody else has needs no new handle, and its tree no copy. (To destroy a tree
  // allocates.)
  Document only = Document::from_text(text);
  CHECK(allocations_of([&] { only = std::move(only).fresh(); }) == 0);
  json out;
  CHECK(allocations_of([&] { out = std::move(*of_tree).tree(); }) == 0);
}
