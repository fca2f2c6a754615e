// SPDX-License-Identifier: Apache-2.0
// What a Document costs, over what it takes the place of: the deep copy of a tree.

#include "bench/bench.hpp"
#include "bench/state.hpp"

#include <agentstore/document_from_text.hpp>

#include <cstdlib>
#include <iostream>

namespace {

using namespace agentstore;

constexpr int rounds = 31;
constexpr int repetitions = 2'000;

const json state = bench::state(7);
const std::string text = state.dump();
const std::string spaced_text = state.dump(2);

/// Hears everything and does nothing: what any validation with Boost.JSON costs.
class NoHandler {
public:
  using View = boost::json::string_view;
  using Error = boost::system::error_code;

  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(std::size_t, Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_key_part(View, std::size_t, Error&) { return true; }
  bool on_key(View, std::size_t, Error&) { return true; }
  bool on_string_part(View, std::size_t, Error&) { return true; }
  bool on_string(View, std::size_t, Error&) { return true; }
  bool on_number_part(View, Error&) { return true; }
  bool on_int64(std::int64_t, View, Error&) { return true; }
  bool on_uint64(std::uint64_t, View, Error&) { return true; }
  bool on_double(double, View, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(View, Error&) { return true; }
  bool on_comment(View, Error&) { return true; }
};

/// The work again and again; `work` gives something that depends on all it did.
template <class Work>
auto repeated(Work work) {
  return [work] {
    for (int i = 0; i < repetitions; ++i) {
      if (work() == 0) {
        std::abort();
      }
    }
  };
}

const auto copy = repeated([] { return json(state).size(); });
const auto validation = repeated([] {
  boost::json::basic_parser<NoHandler> parser{boost::json::parse_options()};
  boost::system::error_code error;
  return parser.write_some(false, text.data(), text.size(), error);
});
const auto from_text = repeated([] { return Document::from_text(text).text().size(); });
const auto from_spaced_text =
    repeated([] { return Document::from_text(spaced_text).text().size(); });
const auto fresh = repeated([] {
  static const Document kept = Document::from_text(text);
  return kept.fresh().text().size();
});
const auto survey = repeated([] { return detail::document::Survey().of(state).word(); });
const auto to_text = repeated([] { return Document(state).text().size(); });
const auto to_tree = repeated([] { return Document::from_text(text).tree().size(); });
/// What a store in memory does with a state that is moved in, and read.
const auto through_text = repeated([] {
  Document put = Document::from_text(text);
  if (put.exceeds(1u << 20u) || !put.is_object()) {
    std::abort();
  }
  const Document kept = std::move(put).fresh();
  return kept.fresh().text().size();
});

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " RESULTS.json\n";
    return 2;
  }
  nlohmann::json results;
  results["document.from_text_over_validation"] = bench::ratio(rounds, from_text, validation);
  results["document.from_text_over_copy"] = bench::ratio(rounds, from_text, copy);
  results["document.from_spaced_text_over_copy"] = bench::ratio(rounds, from_spaced_text, copy);
  results["document.through_text_over_copy"] = bench::ratio(rounds, through_text, copy);
  results["document.fresh_over_copy"] = bench::ratio(rounds, fresh, copy);
  results["document.survey_over_copy"] = bench::ratio(rounds, survey, copy);
  results["document.copy_and_text_over_copy"] = bench::ratio(rounds, to_text, copy);
  results["document.text_to_tree_over_copy"] = bench::ratio(rounds, to_tree, copy);
  return bench::write(argv[1], results);
}
