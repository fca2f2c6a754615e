// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_SAME_VALUE_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_SAME_VALUE_HPP

// Whether two trees are equal, with the same answers as nlohmann's ==. That operator costs the
// compiler much in every file that includes the library: for each pair of operands, it looks for
// the == of all types that a json converts to.

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace agentstore::detail::document {

inline double as_double(const nlohmann::json& number) {
  switch (number.type()) {
  case nlohmann::json::value_t::number_integer:
    return static_cast<double>(number.get_ref<const std::int64_t&>());
  case nlohmann::json::value_t::number_unsigned:
    return static_cast<double>(number.get_ref<const std::uint64_t&>());
  default:
    return number.get_ref<const double&>();
  }
}

/// Of integers, an unsigned one counts by its bits as a signed one.
inline bool same_number(const nlohmann::json& left, const nlohmann::json& right) {
  if (left.is_number_float() || right.is_number_float()) {
    return as_double(left) == as_double(right);
  }
  return left.get_ref<const std::int64_t&>() == right.get_ref<const std::int64_t&>();
}

inline bool same_value(const nlohmann::json& left, const nlohmann::json& right) {
  using json = nlohmann::json;
  if (left.is_number() && right.is_number()) {
    return same_number(left, right);
  }
  if (left.type() != right.type()) {
    return false;
  }
  switch (left.type()) {
  case json::value_t::object: {
    const auto& mine = left.get_ref<const json::object_t&>();
    const auto& theirs = right.get_ref<const json::object_t&>();
    if (mine.size() != theirs.size()) {
      return false;
    }
    auto other = theirs.begin();
    for (const auto& [name, member] : mine) {
      if (name != other->first || !same_value(member, other->second)) {
        return false;
      }
      ++other;
    }
    return true;
  }
  case json::value_t::array: {
    const auto& mine = left.get_ref<const json::array_t&>();
    const auto& theirs = right.get_ref<const json::array_t&>();
    if (mine.size() != theirs.size()) {
      return false;
    }
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (!same_value(mine[i], theirs[i])) {
        return false;
      }
    }
    return true;
  }
  case json::value_t::string:
    return left.get_ref<const std::string&>() == right.get_ref<const std::string&>();
  case json::value_t::boolean:
    return left.get_ref<const bool&>() == right.get_ref<const bool&>();
  case json::value_t::null:
    return true;
  case json::value_t::binary: {
    const auto& mine = left.get_binary();
    const auto& theirs = right.get_binary();
    return mine.has_subtype() == theirs.has_subtype() && mine.subtype() == theirs.subtype() &&
           mine.size() == theirs.size() &&
           (mine.empty() || std::memcmp(mine.data(), theirs.data(), mine.size()) == 0);
  }
  default:
    return false; // a discarded value is not even equal to itself
  }
}

} // namespace agentstore::detail::document

#endif
