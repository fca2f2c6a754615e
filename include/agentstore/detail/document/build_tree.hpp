// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_BUILD_TREE_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_BUILD_TREE_HPP

// Builds the tree of a text as nlohmann's parse() does, three times as fast. It is for a Document
// that is made from text and then looked into. Boost.JSON reads the strings, which are nearly all
// of an agent's state.

#include <agentstore/document.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace agentstore::detail::document {

/// The value of a text, as json::parse(text, nullptr, false) makes it: discarded if it is not JSON.
json parse_tree(std::string_view text);

// Only machinery below this line.

/// What Boost.JSON's parser finds, built as a value of nlohmann's.
class TreeBuilder {
public:
  using View = boost::json::string_view;
  using Error = boost::system::error_code;

  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  json take() { return std::move(root_); }

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return open(json::object()); }
  bool on_object_end(std::size_t, Error&) { return close(); }
  bool on_array_begin(Error&) { return open(json::array()); }
  bool on_array_end(std::size_t, Error&) { return close(); }
  bool on_key_part(View part, std::size_t, Error&) { return collect(part); }
  bool on_key(View part, std::size_t, Error&) {
    collect(part);
    member_ = &open_.back()->get_ref<json::object_t&>()[std::exchange(text_, std::string())];
    return true;
  }
  bool on_string_part(View part, std::size_t, Error&) { return collect(part); }
  bool on_string(View part, std::size_t, Error&) {
    collect(part);
    return put(std::exchange(text_, std::string()));
  }
  bool on_number_part(View part, Error&) { return collect(part); }
  bool on_int64(std::int64_t number, View part, Error&) {
    collect(part);
    const bool has_sign = text_.starts_with('-'); // also -0: nlohmann has signed integers for it
    text_.clear();
    return has_sign ? put(number) : put(static_cast<std::uint64_t>(number));
  }
  bool on_uint64(std::uint64_t number, View, Error&) {
    text_.clear();
    return put(number);
  }
  /// Boost.JSON's number may be one step off; the digits say which one it is.
  bool on_double(double, View part, Error& error) {
    collect(part);
    const std::optional<double> number = nearest(text_);
    if (!number) {
      error = boost::json::error::exponent_overflow;
      return false;
    }
    text_.clear();
    return put(*number);
  }
  bool on_bool(bool value, Error&) { return put(value); }
  bool on_null(Error&) { return put(nullptr); }
  bool on_comment_part(View, Error&) { return false; } // no comments are asked for
  bool on_comment(View, Error&) { return false; }

private:
  /// Nothing if no double is near the number.
  static std::optional<double> nearest(const std::string& digits) {
#ifdef __cpp_lib_to_chars
    double number = 0;
    const char* const end = digits.data() + digits.size();
    const bool is_read = std::from_chars(digits.data(), end, number).ec == std::errc();
    return is_read ? std::optional<double>(number) : std::nullopt;
#else // libc++ has it for integers alone
    const json number = json::parse(digits, nullptr, false);
    return number.is_number() ? std::optional<double>(number.get<double>()) : std::nullopt;
#endif
  }

  bool collect(View part) {
    text_.append(part.data(), part.size());
    return true;
  }

  /// Where the next value belongs: the root, the end of an array, or the member last named.
  template <class Value>
  bool put(Value value) {
    place() = std::move(value);
    return true;
  }
  bool open(json empty) {
    json& here = place();
    here = std::move(empty);
    open_.push_back(&here);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  json& place() {
    if (open_.empty()) {
      return root_;
    }
    json& parent = *open_.back();
    return parent.is_array() ? parent.emplace_back() : *member_;
  }

  json root_;
  /// The open containers, each inside of the one before it. A container gets nothing new until the
  /// container inside of it is closed.
  std::vector<json*> open_;
  json* member_ = nullptr;
  std::string text_;
};

inline json parse_tree(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 1'000; // it recurses
  boost::json::basic_parser<TreeBuilder> parser(options);
  boost::system::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read == text.size()) {
    return parser.handler().take();
  }
  return json::parse(text, nullptr, false); // nlohmann has the last word
}

} // namespace agentstore::detail::document

#endif
