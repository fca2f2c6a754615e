// SPDX-License-Identifier: Apache-2.0
#include "document/support.hpp"
#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/random_values.hpp"

#include <agentstore/document_from_text.hpp>

#include <limits>
#include <optional>

using namespace agentstore;
using namespace agentstore::test;
using Fault = Document::Fault;

namespace {

/// Where the tree has its storage: it stays there when a tree is moved.
const void* storage_of(const json& tree) {
  return &tree.at("t");
}

json large_tree() {
  return object_of("t", std::string(1'000, 'x'));
}

Document large_text() {
  return Document::from_text(large_tree().dump());
}

void expect_fault(json tree, Fault fault) {
  const bool is_binary = tree.is_binary();
  const Document alone = tree;
  CHECK(alone.fault() == fault);
  CHECK(!alone.exceeds(0));
  json list = json::array({1, "a"});
  list.push_back(std::move(tree));
  const Document document = std::move(list);
  CHECK(document.fault() == fault);
  CHECK(document.fresh().fault() == fault);
  CHECK(document.tree().size() == 3);
  CHECK(document.tree().at(2).is_binary() == is_binary);
  try {
    static_cast<void>(document.text());
    FAIL("an illegal value has no text");
  } catch (const StorageError& error) {
    CHECK(means(error.code(), errc::invalid_argument));
    CHECK(error.operation() == "text");
    CHECK((std::string(error.what()).find("the value ") != std::string::npos));
  }
  CHECK_THROWS_AS(Document(document).text(), StorageError);
  CHECK_THROWS_AS(document.as_text(), StorageError);
}

} // namespace

TEST_CASE("Both forms say the same, whatever the value", "[document]") {
  RandomValues random(14);
  for (int i = 0; i < 2'000; ++i) {
    const json value = random.value(4);
    const std::string text = value.dump();
    INFO(text.substr(0, 1'000));
    const Document from_tree = value;
    const Document from_text = Document::from_text(text);
    const Document from_spaced = Document::from_text("\n" + value.dump(2) + "\n");
    const Document as_text = from_tree.as_text();
    for (const Document& document : {from_tree, from_text, from_spaced, as_text}) {
      CHECK((document.text() == text));
      CHECK((document.tree() == value));
      CHECK(document.tree().dump() == text);
      CHECK(document.type() == document.tree().type());
      CHECK(document.fault() == Fault::none);
      CHECK(document.depth() == depth_of(value));
      CHECK(document.most_bytes() >= text.size());
      CHECK(document.exceeds(text.size() - 1));
      CHECK(!document.exceeds(text.size()));
      CHECK((document == value));
      CHECK((document.fresh() == value));
      CHECK((Document(document).tree() == value));
      CHECK(Document(document).text() == text);
    }
    CHECK((from_tree == from_text));
    CHECK((from_text == from_spaced));
    const json other = random.value(4);
    CHECK((from_text == Document(other)) == (value == other));
    CHECK((from_text == Document::from_text(other.dump())) == (value == other));
  }
}

TEST_CASE("What no store takes is known, and its tree still there", "[document]") {
  expect_fault(std::numeric_limits<double>::quiet_NaN(), Fault::number);
  expect_fault(std::numeric_limits<double>::infinity(), Fault::number);
  expect_fault(-std::numeric_limits<double>::infinity(), Fault::number);
  expect_fault("\xff", Fault::utf8);
  expect_fault("plain and long enough, and then \xed\xa0\x80", Fault::utf8);
  expect_fault(object_of("\xc3", 1), Fault::utf8);
  expect_fault(json::binary({1, 2}), Fault::kind);
  expect_fault(json(json::value_t::discarded), Fault::kind);
  const Document deepest = nested(Document::max_depth);
  CHECK(deepest.fault() == Fault::none);
  CHECK(deepest.depth() == Document::max_depth);
  CHECK(deepest.text().size() == 6 * Document::max_depth - 4);
  const Document too_deep = nested(Document::max_depth + 1);
  CHECK(too_deep.fault() == Fault::depth);
  CHECK_THROWS_AS(too_deep.text(), StorageError);
  const Document far_too_deep = nested(100'000);
  CHECK(far_too_deep.fault() == Fault::depth);
  CHECK(far_too_deep.depth() > Document::max_depth);
  CHECK(far_too_deep.is_object());
}

TEST_CASE("Equality is nlohmann's", "[document]") {
  const Document nan = std::numeric_limits<double>::quiet_NaN();
  const Document& itself = nan;
  CHECK_FALSE(nan == itself);
  CHECK((Document::from_text("1.0") == Document::from_text("1")));
  CHECK((Document::from_text(R"({"a":1,"b":2})") == Document::from_text(R"({"b":2,"a":1})")));
  CHECK((Document::from_text(R"({"a":1,"a":2})") == json{{"a", 2}}));
  CHECK((Document::from_text(R"("\u0061")") == "a"));
  CHECK((Document() != Document::object()));
  CHECK((Document::object() != json::array()));
  CHECK((Document::from_text(" { } ") == Document::object()));
  CHECK((Document::from_text("null") == Document()));
  const std::vector<json> values = {json(),
                                    true,
                                    false,
                                    0,
                                    0u,
                                    -0.0,
                                    1,
                                    1u,
                                    1.0,
                                    2,
                                    0.5,
                                    -1,
                                    -1.0,
                                    std::numeric_limits<std::uint64_t>::max(),
                                    std::numeric_limits<std::int64_t>::min(),
                                    9223372036854775808.0,
                                    std::numeric_limits<double>::quiet_NaN(),
                                    "",
                                    "a",
                                    "b",
                                    json::binary({}),
                                    json::binary({1}),
                                    json::binary({2}),
                                    json::binary({1}, 0),
                                    json::binary({1}, 1),
                                    json(json::value_t::discarded),
                                    json::array(),
                                    json::array({1}),
                                    json::array({1.0}),
                                    json::array({2}),
                                    json::array({1, 1}),
                                    json::object(),
                                    object_of("a", 1),
                                    object_of("a", 1u),
                                    object_of("a", 2),
                                    object_of("b", 1),
                                    json{{"a", 1}, {"b", 1}},
                                    json{{"a", 1}, {"c", 1}},
                                    object_of("a", json::array({json(), "x"}))};
  for (const json& left : values) {
    for (const json& right : values) {
      CAPTURE(left.type_name(), right.type_name());
      CHECK((Document(left) == Document(right)) == (left == right));
    }
  }
}

TEST_CASE("A tree is moved in and out by its only owner, and copied for others", "[document]") {
  json tree = large_tree();
  const void* const storage = storage_of(tree);
  Document document = std::move(tree);
  CHECK(storage_of(document.tree()) == storage);
  static_cast<void>(document.text());
  json out = std::move(document).tree();
  CHECK(storage_of(out) == storage);
  CHECK(document.is_null()); // NOLINT(bugprone-use-after-move): it says what is left

  document = std::move(out);
  const Document copy = document;
  CHECK(storage_of(std::move(document).tree()) != storage);
  CHECK(storage_of(copy.tree()) == storage);

  std::optional<Document> original = copy.fresh();
  Document fresh = original->fresh();
  CHECK(storage_of(fresh.tree()) == storage); // the form it was made from is shared
  CHECK(storage_of(std::move(fresh).tree()) != storage);

  // The last owner need not be the first.
  Document first = large_tree();
  const void* const where = storage_of(first.tree());
  Document second = first.fresh();
  first = Document();
  CHECK(storage_of(std::move(second).tree()) == where);
}

TEST_CASE("The tree of a text goes with those who asked for it", "[document]") {
  Document document = large_text();
  const Document copy = document;
  const Document fresh = document.fresh();
  const void* const storage = storage_of(copy.tree());
  CHECK(storage_of(document.tree()) == storage); // one for all copies
  CHECK(storage_of(fresh.tree()) != storage);    // and none of a fresh one
  CHECK(document.text().data() == fresh.text().data());
  CHECK(storage_of(std::move(document).tree()) != storage);
  CHECK(storage_of(copy.tree()) == storage);

  Document only = large_text();
  const void* const made = storage_of(only.tree());
  const Document other = only.fresh();
  CHECK(storage_of(std::move(only).tree()) == made); // its own, though the text is not
  CHECK((other == large_tree()));
}

TEST_CASE("A tree as text is a value of its own, and a text stays what it is", "[document]") {
  Document text = Document(large_tree()).as_text();
  const Document again = text.as_text();
  CHECK(text.text().data() == again.text().data());
  const Document fresh = text.fresh();
  CHECK(text.text().data() == fresh.text().data()); // made from it
  CHECK((std::move(text).tree() == large_tree()));
  CHECK((Document().as_text() == Document()));
  CHECK((Document::object().as_text() == Document::object()));
}

TEST_CASE("A reference lives as long as any copy", "[document]") {
  std::optional<Document> first = large_text();
  const Document copy = *first;
  const json& tree = first->tree();
  const std::string_view text = first->text();
  first.reset();
  CHECK((tree == large_tree()));
  CHECK((text == large_tree().dump()));

  std::optional<Document> root = Document(large_tree());
  const Document fresh = root->fresh();
  const json& kept = fresh.tree();
  const std::string_view own = fresh.text();
  root.reset();
  CHECK((kept == large_tree()));
  CHECK((own == large_tree().dump()));
}

TEST_CASE("A Document is assigned to itself and to its copies", "[document]") {
  Document document = large_text();
  Document& itself = document;
  document = itself;
  CHECK((document == large_tree()));
  const Document copy = document;
  document = copy;
  CHECK((document == large_tree()));
  document = std::move(document).fresh();
  CHECK((document == large_tree()));
  document = Document(document.tree());
  CHECK((document == large_tree()));
  document = document.tree();
  CHECK((document == large_tree()));
  std::swap(document, itself);
  CHECK((document == large_tree()));
  document = Document::object();
  CHECK((document == json::object()));
  document = nullptr;
  CHECK(document.is_null());
}
