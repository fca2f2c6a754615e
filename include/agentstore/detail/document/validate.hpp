// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_VALIDATE_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_VALIDATE_HPP

// Document::from_text. Boost.JSON's parser decides whether a text is JSON. The code here decides
// what the parser leaves open: which numbers are in range, and where white space stands.

#include <agentstore/detail/document/build_tree.hpp>
#include <agentstore/detail/document/compact.hpp>
#include <agentstore/detail/document/from_text.hpp>
#include <agentstore/detail/document/handle.hpp>
#include <agentstore/detail/document/numbers.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace agentstore::detail::document {

/// Hears what Boost.JSON's parser finds, and builds nothing.
///
/// Invariant of `place_`: unless `has_space_`, all before it has been heard and holds no white
/// space outside of strings. Each token must begin exactly at `place_`, which costs one comparison.
/// If a token does not, white space is before it.
class Validator {
public:
  using View = boost::json::string_view;
  using Error = boost::system::error_code;

  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  /// `parsed` is what the parser is given: `original`, or a copy of equal size in which large
  /// exponents were replaced.
  Validator(std::string_view original, std::string_view parsed)
      : original_(original), parsed_(parsed) {}

  std::size_t depth() const { return deepest_; }
  /// How many bytes at the front are known to have no white space.
  std::size_t compact_bytes() const { return place_; }
  bool has_space() const { return has_space_ || place_ != parsed_.size(); }
  /// Where the number begins that is out of range and made the parser stop.
  std::optional<std::size_t> bad_number() const { return bad_number_; }

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return open('{'); }
  bool on_object_end(std::size_t, Error&) { return close('}'); }
  bool on_array_begin(Error&) { return open('['); }
  bool on_array_end(std::size_t, Error&) { return close(']'); }
  bool on_key_part(View, std::size_t, Error&) { return true; }
  bool on_key(View part, std::size_t size, Error&) {
    string(part, size);
    expect(':');
    return true;
  }
  bool on_string_part(View, std::size_t, Error&) { return true; }
  bool on_string(View part, std::size_t size, Error&) {
    string(part, size);
    return true;
  }
  bool on_number_part(View, Error&) { return true; }
  bool on_int64(std::int64_t, View digits, Error&) { return number(digits); }
  bool on_uint64(std::uint64_t, View digits, Error&) { return number(digits); }
  bool on_double(double about, View digits, Error& error) {
    // Boost.JSON's number is off by little, if it is finite. Near the end of the range, and for
    // exponents that were replaced, the digits decide.
    if (!(std::abs(about) < 1e300) || is_replaced()) {
      const auto begin = static_cast<std::size_t>(digits.data() - parsed_.data());
      if (!is_in_range(original_.substr(begin, digits.size()))) {
        bad_number_ = begin;
        error = boost::json::error::exponent_overflow;
        return false;
      }
    }
    return number(digits);
  }
  bool on_bool(bool value, Error&) {
    word(value ? 't' : 'f', value ? 4 : 5);
    return true;
  }
  bool on_null(Error&) {
    word('n', 4);
    return true;
  }
  bool on_comment_part(View, Error&) { return false; } // none are asked for
  bool on_comment(View, Error&) { return false; }

private:
  bool is_replaced() const { return original_.data() != parsed_.data(); }

  /// Whether this character comes next.
  bool is_next(char c) {
    if (!has_space_ && place_ < parsed_.size() && parsed_[place_] == c) {
      return true;
    }
    has_space_ = true;
    return false;
  }
  void expect(char c) {
    if (is_next(c)) {
      ++place_;
    }
  }
  void comma_if_any() {
    if (!has_space_ && place_ < parsed_.size() && parsed_[place_] == ',') {
      ++place_;
    }
  }

  bool open(char bracket) {
    comma_if_any();
    expect(bracket);
    deepest_ = std::max(deepest_, ++depth_);
    return true;
  }
  bool close(char bracket) {
    expect(bracket);
    --depth_;
    return true;
  }
  void word(char first, std::size_t size) {
    comma_if_any();
    if (is_next(first)) {
      place_ += size;
    }
  }
  bool number(View digits) {
    comma_if_any();
    if (!has_space_ && digits.data() == parsed_.data() + place_) {
      place_ += digits.size();
    } else {
      has_space_ = true;
    }
    return true;
  }
  void string(View part, std::size_t size) {
    comma_if_any();
    if (is_next('"')) {
      // The parser hands out a string without escapes whole, and where it stands. With escapes, the
      // text of a string is longer than its value.
      const std::size_t inside = place_ + 1;
      const bool is_plain = part.data() == parsed_.data() + inside && part.size() == size;
      place_ = is_plain ? inside + size + 1 : end_of_string(parsed_, inside, size);
    }
  }

  std::string_view original_;
  std::string_view parsed_;
  std::size_t place_ = 0;
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
  std::optional<std::size_t> bad_number_;
  bool has_space_ = false;
};

class Verdict {
public:
  Verdict() = default;

  boost::system::error_code error;
  std::size_t byte = 0;
  std::size_t depth = 0;
  std::size_t compact_bytes = 0;
  bool has_space = false;
};

inline Verdict validate(std::string_view original, std::string_view parsed, std::size_t max_depth) {
  Verdict verdict;
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<Validator> parser(options, original, parsed);
  verdict.byte = parser.write_some(false, parsed.data(), parsed.size(), verdict.error);
  const Validator& heard = parser.handler();
  if (!verdict.error && verdict.byte < parsed.size()) {
    verdict.error = boost::json::error::extra_data;
  } else if (verdict.error && heard.bad_number().has_value()) {
    verdict.byte = *heard.bad_number();
  }
  verdict.depth = heard.depth();
  verdict.compact_bytes = heard.compact_bytes();
  verdict.has_space = heard.has_space();
  return verdict;
}

inline Verdict validate(std::string_view text, std::size_t max_depth) {
  const Verdict verdict = validate(text, text, max_depth);
  if (verdict.error != boost::json::error::exponent_overflow) {
    return verdict;
  }
  // Boost.JSON stops at each exponent beyond an int, even in 0e9999999999 and 1e-9999999999.
  return validate(text, with_small_exponents(text), max_depth);
}

[[noreturn]] inline void refuse(const Verdict& verdict) {
  using boost::json::error;
  if (verdict.error == error::too_deep) {
    throw TextError(verdict.byte, "more than " + std::to_string(Document::max_depth) +
                                      " containers within each other");
  }
  throw TextError(verdict.byte, verdict.error.message());
}

template <class Text>
Document Reader<Text>::read(Text text, std::size_t max_depth) {
  if (text.size() >
      std::numeric_limits<std::int32_t>::max()) { // Boost.JSON counts digits in an int
    throw StorageError(errc::too_large, "from_text", "", "the text has 2 GiB or more");
  }
  const Verdict verdict = validate(text, max_depth);
  if (verdict.error) {
    refuse(verdict);
  }
  std::string compacted;
  if (verdict.has_space) {
    compacted = without_space(text, verdict.compact_bytes);
    text = compacted;
  }
  if (text == null_text) {
    return {};
  }
  if (text == empty_object_text) {
    return Document::object();
  }
  return Document(Block::of_text(text.size(), verdict.depth, &parse_tree,
                                 [&](char* to) { std::memcpy(to, text.data(), text.size()); }));
}

} // namespace agentstore::detail::document

#endif
