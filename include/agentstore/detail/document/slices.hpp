// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_SLICES_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_SLICES_HPP

// Finds the values inside of a JSON text without making anything of them.
// Requires, for all classes here: the text is JSON without white space outside of strings, as
// Document::text() gives it.

#include <agentstore/detail/document/compact.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace agentstore::detail::document {

/// Goes through containers by their brackets.
class Brackets {
public:
  /// Finds the end of the value that begins at `begin`. From the whole text it also finds the
  /// depth.
  explicit Brackets(std::string_view text, std::size_t begin = 0) : end_(begin) {
    std::size_t depth = 0;
    do {
      switch (text[end_]) {
      case '"':
        end_ = end_of_string(text, end_ + 1);
        break;
      case '{':
      case '[':
        depth_ = std::max(depth_, ++depth);
        ++end_;
        break;
      case '}':
      case ']':
        --depth;
        ++end_;
        break;
      default:
        ++end_;
        if (depth == 0) { // a number or a word
          end_ = std::min(text.find_first_of(",]}", end_), text.size());
        }
      }
    } while (depth != 0);
  }

  std::size_t end() const { return end_; }
  std::size_t depth() const { return depth_; }

private:
  std::size_t end_;
  std::size_t depth_ = 0;
};

/// The members of an object or the elements of an array, one after the other.
class Slices {
public:
  /// The text may go on behind the container.
  explicit Slices(std::string_view container) : text_(container) {}

  /// Goes to the first item, then to the next one. False if there is none.
  bool next() {
    leave_value();
    const char here = text_[at_]; // a bracket or a comma
    if (here == '}' || here == ']') {
      return false;
    }
    ++at_;
    if (text_[at_] == '}' || text_[at_] == ']') { // empty
      return false;
    }
    if (text_.front() == '{') {
      const std::size_t end = end_of_string(text_, at_ + 1);
      name_ = text_.substr(at_, end - at_);
      at_ = end + 1; // the colon
    }
    begin_ = at_;
    is_at_value_ = true;
    return true;
  }

  /// The name of a member, with its quotes and its escapes.
  std::string_view quoted_name() const { return name_; }
  std::string_view value() {
    leave_value();
    return text_.substr(begin_, at_ - begin_);
  }

  bool is_at_object() const { return text_[begin_] == '{'; }

  /// The items of this value, which is a container. If all of them are gone through, `leave` saves
  /// another walk.
  Slices inside() const { return Slices(text_.substr(begin_)); }
  void leave(const Slices& inside) {
    at_ = begin_ + inside.at_ + 1;
    is_at_value_ = false;
  }

private:
  void leave_value() {
    if (std::exchange(is_at_value_, false)) {
      at_ = Brackets(text_, at_).end();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0; // after the last item: the closing bracket
  std::size_t begin_ = 0;
  bool is_at_value_ = false;
  std::string_view name_;
};

} // namespace agentstore::detail::document

#endif
