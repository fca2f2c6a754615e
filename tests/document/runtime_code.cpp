// SPDX-License-Identifier: Apache-2.0
// What a runtime writes compiles, means what it means with json, and is not ambiguous.

#include "support/catch.hpp"

#include <agentstore/document_from_text.hpp>
#include <agentstore/document_part.hpp>

#include <array>
#include <concepts>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace agentstore;

namespace {

/// As in a method of an interface, with a default.
json stored(Document document = Document::object()) {
  return std::move(document).tree();
}

/// As in a record.
class Record {
public:
  Record() = default;

  Document data;
  Document metadata = Document::object();

  bool operator==(const Record&) const = default;
};

class Plan {
public:
  Plan() = default;

  std::string goal;
  int steps = 0;

  friend void to_json(json& out, const Plan& plan) {
    out = json::object();
    out["goal"] = plan.goal;
    out["steps"] = plan.steps;
  }
  friend void from_json(const json& in, Plan& plan) {
    in.at("goal").get_to(plan.goal);
    in.at("steps").get_to(plan.steps);
  }
};

class WithDocument {
public:
  WithDocument() = default;

  Document state;

  NLOHMANN_DEFINE_TYPE_INTRUSIVE(WithDocument, state)
};

std::optional<Document> find_context(bool is_there) {
  if (!is_there) {
    return std::nullopt;
  }
  return Document(json::parse(R"({"step": 3, "tags": ["a", "b"], "who": {"name": "x"}})"));
}

std::size_t size_of(const json& tree) {
  return tree.size();
}

template <class T>
concept has_dangling_tree = requires { static_cast<const json&>(std::declval<T>().tree()); } &&
                            std::is_reference_v<decltype(std::declval<T>().tree())>;

} // namespace

static_assert(!std::is_aggregate_v<Document> && !std::is_aggregate_v<Record>);
static_assert(std::is_nothrow_move_constructible_v<Document> &&
              std::is_nothrow_copy_constructible_v<Document> &&
              std::is_nothrow_move_assignable_v<Document> &&
              std::is_nothrow_copy_assignable_v<Document>);
static_assert(sizeof(Document) == sizeof(void*));

// Nothing that is called on a temporary refers into it.
static_assert(has_dangling_tree<Document&> && !has_dangling_tree<Document>);
static_assert(std::is_same_v<decltype(Document().tree()), json>);
static_assert(std::is_same_v<decltype(Document().text()), std::string>);
static_assert(std::is_same_v<decltype(Document().at("a")), json>);
static_assert(std::is_same_v<decltype(Document()["a"]), json>);
static_assert(std::is_same_v<decltype(Document().front()), json>);
static_assert(std::is_same_v<decltype(std::declval<const Document>().at("a")), json>);
template <class T>
concept can_iterate = requires(T&& value) { std::forward<T>(value).begin(); } ||
                      requires(T&& value) { std::forward<T>(value).items(); } ||
                      requires(T&& value) { std::forward<T>(value).find("a"); };
static_assert(can_iterate<Document&> && can_iterate<const Document&>);
static_assert(!can_iterate<Document> && !can_iterate<const Document>);
static_assert(!std::is_convertible_v<const Document, const json&>);
template <class From, class T>
concept can_get = requires(From&& from) { std::forward<From>(from).template get<T>(); };
template <class From, class T>
concept can_get_to = requires(From&& from, T& to) { std::forward<From>(from).get_to(to); };
template <class From, class T>
concept can_get_ref = requires(From&& from) { std::forward<From>(from).template get_ref<T>(); };
template <class From, class T>
concept has_value_or = requires(From&& from, T otherwise) {
  std::forward<From>(from).value("a", otherwise);
  std::forward<From>(from).value(std::string("a"), std::move(otherwise));
  std::forward<From>(from).value(json::json_pointer("/a"), otherwise);
};
template <class From, class T>
concept can_give = can_get<From, T> || can_get_to<From, T> || has_value_or<From, T>;
template <class T>
constexpr bool is_for_lvalues_alone =
    can_get<Document&, T> && can_get_to<const Document&, T> && has_value_or<Document&, T> &&
    !can_give<Document, T> && !can_give<const Document, T>;
template <class T>
constexpr bool is_for_all = can_get<Document, T> && can_get_to<Document, T> &&
                            has_value_or<const Document, T> && has_value_or<Document&, T>;
static_assert(is_for_lvalues_alone<std::string_view>);
static_assert(is_for_lvalues_alone<std::vector<std::string_view>>);
static_assert(is_for_lvalues_alone<std::map<std::string, std::string_view>>);
static_assert(is_for_lvalues_alone<std::pair<int, std::string_view>>);
static_assert(is_for_lvalues_alone<std::tuple<int, std::vector<std::string_view>>>);
static_assert(is_for_lvalues_alone<std::array<std::string_view, 2>>);
static_assert(is_for_all<std::string> && is_for_all<int> && is_for_all<json> &&
              is_for_all<std::vector<json>> && is_for_all<std::map<std::string, std::string>> &&
              is_for_all<std::tuple<int, std::string>> && is_for_all<std::array<double, 2>> &&
              is_for_all<Plan> && is_for_all<Document>);
static_assert(can_get_ref<Document&, const std::string&>);
static_assert(!can_get_ref<Document, const std::string&>);
static_assert(!can_get_ref<const Document, const std::string&>);
static_assert(!can_get<Document&, const std::string*> && !can_get<Document, const std::string*>);
static_assert(!can_get<Document&, const json&> && !can_get<Document, const json&>);
template <class From>
concept has_text_view = requires(From&& from) {
  { std::forward<From>(from).text() } -> std::same_as<std::string_view>;
};
static_assert(has_text_view<Document&> && !has_text_view<Document>);
static_assert(!has_text_view<const Document>);
static_assert(!std::is_convertible_v<Document, const json&>);
static_assert(!std::is_constructible_v<DocumentPart, Document>);

TEST_CASE("A Document is made where a json was", "[document]") {
  json state = json::object();
  state["step"] = 7;
  CHECK((stored(state) == state));
  json moved = state;
  CHECK((stored(std::move(moved)) == state));
  CHECK((stored(state["step"]) == 7));
  CHECK((stored({{"step", 7}}) == state));
  CHECK((stored({1, 2, 3}) == json::array({1, 2, 3})));
  CHECK((stored({{{"a", 1}}}) == json{{{"a", 1}}}));
  CHECK((stored({{"a", {1, 2}}, {"b", nullptr}}) == json{{"a", {1, 2}}, {"b", nullptr}}));
  CHECK(stored({}).is_null());
  CHECK((stored() == json::object()));
  CHECK((stored(json::array()) == json::array()));
  CHECK((stored(json{{"step", 7}}) == state));
  CHECK((stored("text") == "text"));
  CHECK((stored(std::string("text")) == "text"));
  CHECK((stored(std::string_view("text")) == "text"));
  CHECK((stored(nullptr).is_null()));
  CHECK((stored(true) == true));
  CHECK((stored(1) == 1));
  CHECK((stored(1.5) == 1.5));
  CHECK(stored(std::uint64_t{1} << 63u).is_number_unsigned());
  CHECK((stored(std::vector<int>{1, 2}) == json{1, 2}));
  CHECK((stored(std::map<std::string, int>{{"step", 7}}) == state));
  Plan plan;
  plan.goal = "refund";
  CHECK((stored(plan).at("goal") == "refund"));
  const Document document = state;
  CHECK((stored(document) == state));
  CHECK((stored(Document(document)) == state));
  CHECK((stored(Document::from_text(R"({"step":7})")) == state));

  Record record;
  record.data = state;
  record.data = {{"a", 1}};
  record.data = "text";
  record.data = nullptr;
  record.data = document;
  record.metadata = json{{"a", 1}};
  CHECK((record.data == state));
}

TEST_CASE("A Document is read as a const json is", "[document]") {
  for (const bool is_text : {false, true}) {
    const char* const text =
        R"({"step":3,"tags":["a","b"],"who":{"name":"x"},"ok":true,"rate":0.5,"none":null})";
    const Document document = is_text ? Document::from_text(text) : Document(json::parse(text));
    CHECK(document.at("step").get<int>() == 3);
    CHECK((document["step"] == 3));
    CHECK((document.at("tags").at(1) == "b"));
    CHECK((document["tags"][0] == "a"));
    CHECK((document.at(json::json_pointer("/who/name")) == "x"));
    CHECK((document["who"]["name"] == "x"));
    CHECK(document.contains("who"));
    CHECK(document.contains(std::string("who")));
    CHECK(!document.contains("when"));
    CHECK(document.contains(json::json_pointer("/who/name")));
    CHECK(document.count("ok") == 1);
    CHECK(document.value("step", 0) == 3);
    CHECK(document.value("missing", 5) == 5);
    CHECK(document.value("missing", "none") == "none");
    CHECK(document.value("missing", std::string("none")) == "none");
    CHECK((document.value("missing", json()) == nullptr));
    CHECK(document.find("rate")->get<double>() == 0.5);
    CHECK((document.find("missing") == document.end()));
    CHECK(document.size() == 6);
    CHECK(!document.empty());
    CHECK(document.is_object());
    CHECK(document.is_structured());
    CHECK(!document.is_array());
    CHECK(!document.is_primitive());
    CHECK(std::string(document.type_name()) == "object");
    std::size_t members = 0;
    for (const auto& [name, value] : document.items()) {
      members += std::size_t{document.at(name) == value};
    }
    CHECK(members == 6);
    std::size_t numbers = 0;
    for (const json& value : document) {
      numbers += std::size_t{value.is_number()};
    }
    CHECK(numbers == 2);
    const json& tree = document;
    CHECK(&tree == &document.tree());
    CHECK(size_of(document) == 6);
    int step = 0;
    document.at("step").get_to(step);
    CHECK(step == 3);
    CHECK((document.get<json>() == document));
    CHECK((document.get<std::map<std::string, json>>().size() == 6));
    CHECK(document.at("who").at("name").get_ref<const std::string&>() == "x");
    CHECK((document.dump() == json::parse(text).dump()));
    std::ostringstream out;
    out << document;
    CHECK(out.str() == document.dump());

    CHECK_THROWS_AS(document.at("missing"), json::out_of_range);
    CHECK_THROWS_AS(document["missing"], json::out_of_range);
    CHECK_THROWS_AS(document["tags"].at(2), json::out_of_range);
    CHECK_THROWS_AS(document.at(0), json::type_error);
    CHECK_THROWS_AS(document.at("step").get<std::string>(), json::type_error);
  }
  const Document list = {1, 2, 3};
  CHECK((list[0] == 1));
  CHECK((list[std::size_t{2}] == 3));
  CHECK((list.front() == 1));
  CHECK((list.back() == 3));
  CHECK_THROWS_AS(list[3], json::out_of_range);
  int sum = 0;
  for (const auto& number : list) {
    sum += number.get<int>();
  }
  CHECK(sum == 6);
  const Document text = "word";
  CHECK(text.get<std::string>() == "word");
  CHECK(text.get_ref<const std::string&>() == "word");
  CHECK(Document(5).get<int>() == 5);
  CHECK(Document("word").get<std::string>() == "word");
  CHECK((text.get<std::string_view>() == "word"));
}

TEST_CASE("A Document that is a temporary, or in an optional, is read and taken", "[document]") {
  CHECK(find_context(true)->at("step").get<int>() == 3);
  CHECK(((*find_context(true))["who"]["name"] == "x"));
  CHECK(find_context(true)->contains("tags"));
  CHECK(find_context(true).value().value("step", 0) == 3);
  CHECK((find_context(false).value_or(json::array()) == json::array()));
  CHECK((find_context(false).value_or(Document::object()) == json::object()));
  CHECK(Document(find_context(true).value()).size() == 3);
  const json copied = find_context(true).value().tree();
  CHECK(copied.size() == 3);
  json next = std::move(*find_context(true)).tree();
  next["step"] = next.at("step").get<int>() + 1;
  CHECK((stored(std::move(next)).at("step") == 4));

  Record record;
  record.data = {{"step", 1}};
  json changed = record.data.tree();
  changed["step"] = 2;
  CHECK((record.data.at("step") == 1));
  record.data = changed;
  CHECK((record.data.at("step") == 2));
}

TEST_CASE("A Document goes into a json and comes out of one", "[document]") {
  const Document document = {{"a", 1}};
  Document lvalue = document;
  const json one = document;
  const json two = lvalue;
  const json three(document);
  const json four = json::array({document, lvalue});
  json out;
  out["d"] = document;
  out["e"] = Document({{"a", 1}}).tree();
  out["f"] = lvalue;
  json assigned;
  assigned = document;
  CHECK((one == two));
  CHECK((one == three));
  CHECK((one == assigned));
  CHECK((four == json::array({one, one})));
  CHECK((out == json{{"d", one}, {"e", one}, {"f", one}}));
  const json list = std::vector<Document>{document, lvalue};
  CHECK((list == four));
  const json braces = {{"d", document}, {"n", 1}};
  CHECK((braces.at("d") == one));

  CHECK((out.at("d").get<Document>() == document));
  const Document taken = out.at("d");
  CHECK((taken == document));
  CHECK((list.get<std::vector<Document>>().at(1) == document));
  WithDocument holder;
  holder.state = document;
  const json held = holder;
  CHECK((held.get<WithDocument>().state == document));
  CHECK(document.get<std::map<std::string, int>>().at("a") == 1);
  const Plan plan = Document({{"goal", "g"}, {"steps", 2}}).get<Plan>();
  CHECK(plan.steps == 2);
}

TEST_CASE("A Document is compared with what it can be made from", "[document]") {
  const Document document = "q";
  json tree = "q";
  CHECK(bool(document == document));
  CHECK(bool(document == Document("q")));
  CHECK(bool(document == tree));
  CHECK(bool(tree == document));
  CHECK(bool(document == "q"));
  CHECK(bool("q" == document));
  CHECK(bool(document == std::string("q")));
  CHECK(bool(document != "r"));
  CHECK(bool(Document(1) == 1));
  CHECK(bool(Document(1) == 1.0));
  CHECK(bool(Document(true) == true));
  CHECK(bool(Document() == nullptr));
  CHECK(bool(Document::object() == json::object()));
  CHECK(bool(std::optional<Document>(document) == document));
  CHECK(bool(std::optional<Document>(document) == tree));
  CHECK(bool(std::optional<Document>(document) == std::optional<Document>(document)));
  Record one;
  Record two;
  CHECK(bool(one == two));
  two.data = 1;
  CHECK(bool(one != two));
}
