// SPDX-License-Identifier: Apache-2.0
// Included before the guard, because document.hpp itself includes this header.
#include <agentstore/document.hpp>

#ifndef AGENTSTORE_DETAIL_DOCUMENT_SURVEY_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_SURVEY_HPP

// The facts that a store must know about a value before it takes it. They are one word, so that
// threads that find them out at the same time write the same.

#include <agentstore/detail/utf8.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace agentstore::detail::document {

/// Fault, depth and an upper bound of the text's size. Zero stands for "not known yet".
class Facts {
public:
  using Fault = Document::Fault;

  Facts() = default;
  constexpr Facts(Fault fault, std::size_t depth, std::size_t most_bytes)
      : word_(known | static_cast<std::uint64_t>(fault) << 60u |
              std::uint64_t{std::min<std::size_t>(depth, 0xfff)} << 48u |
              std::min<std::uint64_t>(most_bytes, bytes_mask)) {}
  constexpr explicit Facts(std::uint64_t word) : word_(word) {}

  constexpr std::uint64_t word() const { return word_; }
  constexpr bool are_known() const { return word_ != 0; }
  constexpr Fault fault() const { return static_cast<Fault>(word_ >> 60u & 0x7u); }
  constexpr std::size_t depth() const { return word_ >> 48u & 0xfffu; }
  constexpr std::size_t most_bytes() const { return word_ & bytes_mask; }

private:
  static constexpr std::uint64_t known = std::uint64_t{1} << 63u;
  static constexpr std::uint64_t bytes_mask = (std::uint64_t{1} << 48u) - 1;

  std::uint64_t word_ = 0;
};

static_assert(Document::max_depth < 0xfff);

/// The walk over a tree. It stops at the first fault. (No constructor takes the tree: what looks
/// like a conversion of a json makes the compiler try every conversion that a json has.)
class Survey {
public:
  using Fault = Document::Fault;

  Facts of(const json& tree) {
    walk(tree, 0);
    return {fault_, deepest_, most_};
  }

private:
  // Recursion is bounded: it turns back at the greatest depth.
  void walk(const json& value, std::size_t depth) {
    switch (value.type()) {
    case json::value_t::null:
    case json::value_t::boolean:
      most_ += 5;
      break;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      most_ += 20;
      break;
    case json::value_t::number_float:
      if (!std::isfinite(value.get_ref<const double&>())) {
        fault_ = Fault::number;
      }
      most_ += 24; // -2.2250738585072014e-308
      break;
    case json::value_t::string:
      string(value.get_ref<const std::string&>());
      break;
    case json::value_t::array: {
      const auto& elements = value.get_ref<const json::array_t&>();
      if (enter(depth)) {
        most_ += 2 + elements.size(); // brackets, and commas between
        for (const json& element : elements) {
          walk(element, depth + 1);
          if (fault_ != Fault::none) {
            break;
          }
        }
      }
      break;
    }
    case json::value_t::object: {
      const auto& members = value.get_ref<const json::object_t&>();
      if (enter(depth)) {
        most_ += 2 + 2 * members.size(); // colons, too
        for (const auto& [name, member] : members) {
          string(name);
          if (fault_ == Fault::none) {
            walk(member, depth + 1);
          }
          if (fault_ != Fault::none) {
            break;
          }
        }
      }
      break;
    }
    default:
      fault_ = Fault::kind;
      break;
    }
  }

  void string(const std::string& text) {
    if (!is_utf8(text)) {
      fault_ = Fault::utf8;
    }
    most_ += 2 + 6 * text.size(); // each byte as \u00XX
  }

  bool enter(std::size_t depth) {
    deepest_ = std::max(deepest_, depth + 1);
    if (depth >= Document::max_depth) {
      fault_ = Fault::depth;
      return false;
    }
    return true;
  }

  std::size_t most_ = 0;
  std::size_t deepest_ = 0;
  Fault fault_ = Fault::none;
};

inline const char* describe(Document::Fault fault) {
  switch (fault) {
  case Document::Fault::none:
    break;
  case Document::Fault::depth:
    return "is nested too deep";
  case Document::Fault::utf8:
    return "holds a text that is not UTF-8";
  case Document::Fault::number:
    return "holds a number that is not finite";
  case Document::Fault::kind:
    return "holds what is not JSON";
  }
  return "is JSON";
}

} // namespace agentstore::detail::document

#endif
