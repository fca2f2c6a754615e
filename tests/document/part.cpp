// SPDX-License-Identifier: Apache-2.0

// Values inside of a Document are taken out and put together in the form in which they are held.

#include "support/catch.hpp"

#include <agentstore/document_from_text.hpp>
#include <agentstore/document_part.hpp>

using namespace agentstore;

namespace {

using Members = std::vector<std::pair<std::string, Document>>;

const std::string odd =
    R"({"a":1,"\u0062\"":[1,{"x":"}]\"\\"},[],"]"],"c":{},"d":null,"e":"","":-1.5e3,)"
    R"("long":{"deep":[[["\\"]]]},"t":true})";

std::string text_of(const DocumentPart& part) {
  const Document document = part.document();
  return std::string(document.text());
}

} // namespace

TEST_CASE("The parts of a text are its slices, and those of a tree its nodes") {
  const Document text = Document::from_text(odd);
  const Document tree = json::parse(odd);
  for (const Document& whole : {text, tree}) {
    const DocumentPart part(whole);
    CHECK(part.is_object());
    CHECK_FALSE(part.is_array());
    CHECK(part.members().size() == whole.size());
    for (const auto& [name, value] : part.members()) {
      CHECK(value.tree() == whole.at(name));
      CHECK(value.document() == Document(whole.at(name)));
      CHECK(value.document().depth() == Document(whole.at(name)).depth());
      CHECK(part.find(name)->tree() == whole.at(name));
      CHECK(value.is_string() == whole.at(name).is_string());
      CHECK(value.is_null() == whole.at(name).is_null());
      CHECK(value.is_array() == whole.at(name).is_array());
      CHECK(value.elements().size() == (value.is_array() ? whole.at(name).size() : 0));
    }
    CHECK_FALSE(part.find("b"));
    CHECK_FALSE(part.find("x"));
    const auto elements = part.find("b\"")->elements();
    CHECK(elements.at(1).find("x")->tree() == "}]\"\\");
    CHECK(elements.at(3).tree() == "]");
    CHECK(elements.at(0).members().empty());
    CHECK(elements.at(0).elements().empty());
    CHECK_FALSE(elements.at(0).find("x"));
  }
  CHECK(text_of(DocumentPart(text).find("").value()) == "-1.5e3"); // spelled as it was
  CHECK(text_of(DocumentPart(text)) == odd);
}

TEST_CASE("Of repeated names the last one is found") {
  const Document text = Document::from_text(R"({"a":1,"a":2,"\u0061":3})");
  CHECK(DocumentPart(text).find("a")->tree() == 3);
  CHECK(DocumentPart(text).members().size() == 3);
}

TEST_CASE("The members of a member come in the same walk") {
  const std::string odd_inside =
      R"({"a":{"x":{"y":[1]},"z":"}"},"b":[{"x":1}],"c":{},"a":{"p":null,"q":{}},"d":"{"})";
  const Document text = Document::from_text(odd_inside);
  const Document tree = json::parse(odd_inside);
  for (const Document& whole : {text, tree}) {
    const DocumentPart part(whole);
    for (const char* name : {"a", "b", "c", "d", "none"}) {
      DocumentPart::Members inner;
      inner.emplace_back("of before", part);
      const auto members = part.members(name, inner);
      const auto expected = part.members();
      REQUIRE(members.size() == expected.size());
      for (std::size_t i = 0; i < members.size(); ++i) {
        CHECK(members[i].first == expected[i].first);
        CHECK(members[i].second.tree() == expected[i].second.tree());
      }
      const auto member = part.find(name);
      const auto expected_inner = member ? member->members() : DocumentPart::Members();
      REQUIRE(inner.size() == expected_inner.size());
      for (std::size_t i = 0; i < inner.size(); ++i) {
        CHECK(inner[i].first == expected_inner[i].first);
        CHECK(inner[i].second.tree() == expected_inner[i].second.tree());
      }
    }
  }
}

TEST_CASE("The characters of a string are those that its escapes stand for") {
  const std::string escaped = R"(["plain","","\u0041\n\"\\\ud83d\ude00","é"])";
  const Document text = Document::from_text(escaped);
  const Document tree = json::parse(escaped);
  for (const Document& whole : {text, tree}) {
    for (const DocumentPart& each : DocumentPart(whole).elements()) {
      CHECK(each.string() == each.tree().get<std::string>());
    }
  }
}

TEST_CASE("An object of members has their names, whatever is in them") {
  for (const char* name : {"", "plain", "a\"b\\c", "line\n", "\x7f", "\xc3\xa9"}) {
    std::vector<std::pair<std::string, Document>> members;
    members.emplace_back(name, Document::from_text("[1]"));
    const Document made = make_object(std::move(members));
    CHECK(made.contains(name));
    CHECK(Document::from_text(made.text()) == made);
  }
}

TEST_CASE("Scalars and empty containers have no parts") {
  for (const char* each : {"null", "{}", "[]", "0", "-1", "true", "\"\"", "\"[1]\""}) {
    const Document text = Document::from_text(each);
    const DocumentPart part(text);
    CHECK(part.members().empty());
    CHECK(part.elements().empty());
    CHECK_FALSE(part.find(""));
    CHECK(text_of(part) == each);
  }
}

TEST_CASE("A part that was taken out outlives the whole") {
  Document part;
  {
    const Document whole = Document::from_text(odd);
    part = DocumentPart(whole).find("long")->document();
  }
  CHECK(part.text() == R"({"deep":[[["\\"]]]})");
  CHECK(part.depth() == 4);
  CHECK(part.at("deep").at(0).at(0).at(0) == "\\");
}

TEST_CASE("An object of texts is text, one of trees a tree") {
  const Document text = Document::from_text("[1.50,{}]");
  const Document tree = json({{"k", 1}});
  const Document mixed = make_object(Members{{"t", text}, {"quote\"\n", tree}, {"n", nullptr}});
  CHECK(mixed.text() == R"({"t":[1.50,{}],"quote\"\n":{"k":1},"n":null})");
  CHECK(mixed.depth() == 3);
  CHECK(mixed == json({{"t", {1.5, json::object()}}, {"quote\"\n", {{"k", 1}}}, {"n", nullptr}}));
  CHECK(Document::from_text(mixed.text()).depth() == mixed.depth());
  CHECK(make_object(Members{{"a", tree}}) == json({{"a", {{"k", 1}}}}));
  CHECK(make_object({}) == json::object());
}

TEST_CASE("What no text may hold makes a tree, which says so") {
  const Document text = Document::from_text("[1]");
  const Document nan = json(std::numeric_limits<double>::quiet_NaN());
  CHECK(make_object(Members{{"t", text}, {"nan", nan}}).fault() == Document::Fault::number);
  std::string deep(Document::max_depth, '[');
  deep += std::string(Document::max_depth, ']');
  const Document deepest = Document::from_text(deep);
  CHECK(make_object(Members{{"deep", deepest}}).fault() == Document::Fault::depth);
}
