// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_MERGES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_MERGES_HPP

/// \file
/// SES-04: metadata, patches, and what comes of them.

#include <agentstore/conformance/methods/odd_arguments.hpp>

namespace agentstore::conformance::detail {

/// A patch with members to keep, to replace, to remove and to merge into, and what comes of it.
inline json rich_metadata() {
  return json::parse(R"({"keep": [1, {"x": null}], "replace": {"deep": {"a": 1, "b": 2}},
                         "remove": true, "merge": {"old": 1, "both": {"p": 1, "q": 2}},
                         "list": [1, 2]})");
}
inline json rich_patch() {
  return json::parse(R"({"replace": [3], "remove": null, "merge": {"new": 2.5, "both": {"q": null}},
                         "fresh": {"k": "v", "none": null}, "absent": null, "list": [3, null]})");
}
inline json rich_merged() {
  return json::parse(R"({"keep": [1, {"x": null}], "replace": [3],
                         "merge": {"old": 1, "new": 2.5, "both": {"p": 1}}, "fresh": {"k": "v"},
                         "list": [3, null]})");
}

/// The same again, with what is rarer: deep objects, longer lists, a number that changes its kind
/// alone, names that mean something elsewhere.
inline json odd_metadata() {
  return json::parse(R"({"l1": {"l2": {"l3": {"l4": {"l5": {"l6": {"l7": {"l8": {"l9": {"l10": {
                         "old": 1}}}}}}}}}}, "list": [1, 2, 3, 4], "kind": 1, "kind too": 2.0})");
}
inline json odd_patch() {
  return json::parse(R"({"l1": {"l2": {"l3": {"l4": {"l5": {"l6": {"l7": {"l8": {"l9": {"l10": {
                         "new": false}}}}}}}}}}, "list": [5], "kind": 1.0, "kind too": 2, "off": false,
                         "zero": 0, "empty": "", "": {"": []}, "$set": {"x": 1}, "__proto__": {"x": 1},
                         "a.b": 1, "a/b~c": 2, "most": 18446744073709551615,
                         "least": -9223372036854775808})");
}
inline json odd_merged() {
  return json::parse(R"({"l1": {"l2": {"l3": {"l4": {"l5": {"l6": {"l7": {"l8": {"l9": {"l10": {
                         "old": 1, "new": false}}}}}}}}}}, "list": [5], "kind": 1.0, "kind too": 2,
                         "off": false, "zero": 0, "empty": "", "": {"": []}, "$set": {"x": 1},
                         "__proto__": {"x": 1}, "a.b": 1, "a/b~c": 2, "most": 18446744073709551615,
                         "least": -9223372036854775808})");
}

/// Metadata and a patch, for each way in which a merge goes wrong; the first are the examples of
/// RFC 7386.
inline std::vector<std::pair<json, json>> merges() {
  const json table = json::parse(R"([
      [{"a": "b"}, {"a": "c"}], [{"a": "b"}, {"b": "c"}], [{"a": "b"}, {"a": null}],
      [{"a": "b", "b": "c"}, {"a": null}], [{"a": ["b"]}, {"a": "c"}], [{"a": "c"}, {"a": ["b"]}],
      [{"a": {"b": "c"}}, {"a": {"b": "d", "c": null}}], [{"a": [{"b": "c"}]}, {"a": [1]}],
      [{"e": null}, {"a": 1}], [{}, {"a": {"bb": {"ccc": null}}}],
      [{"a": [1, 2]}, {"a": [3, 4]}], [{"a": [[1], [2]]}, {"a": [[3]]}],
      [{"a": {"b": [[1, 2], [3]]}}, {"a": {"b": [[4], [5]]}}],
      [{"a": [{"b": 1, "c": 2}]}, {"a": [{"b": null}]}],
      [{"a": 5}, {"a": {}}], [{"a": null}, {"a": {}}], [{"a": "b"}, {"a": {}}], [{"a": [1]}, {"a": {}}],
      [{"a": {"b": 1}}, {"a": 5}], [{"a": {"b": 1}}, {"a": []}], [{"a": {"b": 1}}, {"a": null}],
      [{"name": 1, "n": {"x": 1}}, {"Name": 2, "NAME": 3, "n": {"X": 2}}],
      [{"name": 1}, {"name ": 2, " name": 3}],
      [{"_id": 1, "id": 2}, {"_id": 3, "id": null, "$unset": {"_id": 1}}],
      [{"": {"a": 1}}, {"": {"b": 2}}], [{"a.b": 1, "a": {"b": 2}}, {"a.b": 3}],
      [{"a": 1, "b": 2, "c": 3}, {"a": null, "b": null, "c": null}]])");
  std::vector<std::pair<json, json>> all;
  const auto inside = [](const json& value) {
    return object("a", object("b", object("c", value)));
  };
  for (const json& pair : table) {
    all.emplace_back(pair[0], pair[1]);
    all.emplace_back(inside(pair[0]), inside(pair[1]));
  }
  json before = json::parse(R"({"old": 1})");
  json patch = json::parse(R"({"old": null, "new": 2})");
  for (int depth = 0; depth < 20; ++depth) {
    json outer = json::object();
    outer["keep"] = depth;
    outer["in"] = std::move(before);
    before = std::move(outer);
    json outer_patch = json::object();
    outer_patch["in"] = std::move(patch);
    patch = std::move(outer_patch);
  }
  all.emplace_back(before, patch);
  const json wide = wide_object();
  json half = json::object(); // every second member goes, and as many come
  for (const auto& [name, value] : wide.items()) {
    const bool goes = value.get<int>() % 2 == 0;
    half[goes ? name : "new " + name] = goes ? json() : value;
  }
  all.emplace_back(wide, half);
  return all;
}
inline json merged(json before, const json& patch) {
  before.merge_patch(patch);
  return before;
}

} // namespace agentstore::conformance::detail

#endif
