// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_JSON_VALUES_HPP
#define AGENTSTORE_TESTS_SUPPORT_JSON_VALUES_HPP

#include <agentstore/records.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace agentstore::test {

/// An object of one member.
inline json object_of(const char* name, json value) {
  json object = json::object();
  object[name] = std::move(value);
  return object;
}

/// An object of depth `depth`, at least 1. It must only be moved: copying one that is very deep
/// recurses too deep.
inline json nested(std::size_t depth) {
  json value = json::object();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::object();
    outer["n"] = std::move(value);
    value = std::move(outer);
  }
  return value;
}

/// An object whose compact dump has exactly `size` bytes, at least 8.
inline json object_of_size(std::size_t size) {
  return object_of("t", std::string(size - 8, 'x')); // {"t":""}
}

/// The two forms in which a value is handed over.
inline Document as_tree(Document value) {
  return value;
}
inline Document as_text(Document value) {
  return value.as_text();
}

} // namespace agentstore::test

#endif
