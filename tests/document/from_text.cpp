// SPDX-License-Identifier: Apache-2.0
#include "document/rfc_texts.hpp"
#include "document/support.hpp"
#include "support/catch.hpp"

#include <agentstore/document_from_text.hpp>

#include <cmath>
#include <limits>

using namespace agentstore;
using namespace agentstore::test;

namespace {

/// Where it is refused; nothing if it is taken.
std::optional<std::size_t> refused_at(std::string_view text) {
  try {
    Document::from_text(text);
  } catch (const TextError& error) {
    CHECK(means(error.code(), errc::invalid_argument));
    CHECK(error.operation() == "from_text");
    CHECK((std::string(error.what()).find("byte " + std::to_string(error.byte())) !=
           std::string::npos));
    return error.byte();
  }
  return std::nullopt;
}

/// White space outside of strings, the plain way.
std::string without_space(std::string_view text) {
  std::string out;
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_in_string && std::string_view(" \t\r\n").find(text[i]) != std::string_view::npos) {
      continue;
    }
    out += text[i];
    if (is_in_string && text[i] == '\\') {
      out += text[++i];
    } else if (text[i] == '"') {
      is_in_string = !is_in_string;
    }
  }
  return out;
}

std::string arrays(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

} // namespace

TEST_CASE("What RFC 8259 allows is taken, as it is, and means what nlohmann makes of it",
          "[document]") {
  CHECK(accepted_texts.size() + refused_texts.size() >= 300);
  for (const std::string_view text : accepted_texts) {
    INFO(text);
    CHECK(refused_at(text) == std::nullopt);
    const Document document = Document::from_text(text);
    CHECK((document.text() == without_space(text)));
    const json expected = json::parse(text);
    CHECK((document.tree() == expected));
    CHECK(document.tree().dump() == expected.dump());
    CHECK(document.tree().type() == expected.type());
    CHECK(document.type() == expected.type());
    CHECK(document.fault() == Document::Fault::none);
    CHECK(document.depth() == depth_of(expected));
    CHECK(document.most_bytes() == document.text().size());
    CHECK(document.exceeds(document.text().size() - 1));
    CHECK(!document.exceeds(document.text().size()));
  }
}

TEST_CASE("What RFC 8259 does not allow is refused, at its byte", "[document]") {
  for (const std::string_view marked : refused_texts) {
    const std::size_t mark = marked.find('^');
    REQUIRE(mark != std::string::npos);
    const std::string text = std::string(marked).erase(mark, 1);
    INFO(marked);
    const std::optional<std::size_t> byte = refused_at(text);
    REQUIRE(byte.has_value());
    CHECK(*byte == mark);
  }
}

TEST_CASE("A text is taken to the greatest depth, and refused beyond it", "[document]") {
  const Document deepest = Document::from_text(arrays(Document::max_depth));
  CHECK(deepest.depth() == Document::max_depth);
  CHECK(deepest.tree().size() == 1);
  CHECK(refused_at(arrays(Document::max_depth + 1)) == Document::max_depth);
  CHECK(refused_at(arrays(1'000'000)) == Document::max_depth);
  CHECK(refused_at(std::string(1'000'000, '[')) == Document::max_depth);
  std::string objects;
  for (std::size_t i = 0; i <= Document::max_depth; ++i) {
    objects += R"({"a":)";
  }
  CHECK(refused_at(objects) == objects.size() - 5);
}

TEST_CASE("Integers keep their 64 bits, and doubles every bit", "[document]") {
  const auto read = [](const char* text) { return Document::from_text(text).tree(); };
  CHECK(read("18446744073709551615").get<std::uint64_t>() ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(read("-9223372036854775808").get<std::int64_t>() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(read("18446744073709551616").is_number_float());
  CHECK(read("1.7976931348623158e308").get<double>() == std::numeric_limits<double>::max());
  CHECK(read("5e-324").get<double>() == std::numeric_limits<double>::denorm_min());
  CHECK(read("0e99999999999").get<double>() == 0);
  CHECK(std::signbit(read("-0e99999999999").get<double>()));
  CHECK(read("2.2250738585072011e-308").get<double>() == 2.2250738585072011e-308);
}

TEST_CASE("A long text is read to its end", "[document]") {
  // Longer than any buffer of the parser, with escapes at its borders.
  for (const std::size_t size : {4'095u, 4'096u, 4'097u, 8'192u, 100'000u}) {
    const std::string string(size, 'x');
    for (const char* const escape : {"\\n", "\\\\", "\\\"", "\\u0041", "\\ud83d\\ude00", ""}) {
      const std::string text = " [\"" + string + escape + "\",\t\"" + escape + string + "\" ]";
      CHECK((Document::from_text(text).text() == without_space(text)));
      CHECK((Document::from_text(text).tree() == json::parse(text)));
      CHECK((Document::from_text(without_space(text)).text() == without_space(text)));
    }
  }
}
