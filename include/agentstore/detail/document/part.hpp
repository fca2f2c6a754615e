// SPDX-License-Identifier: Apache-2.0
// Included before the guard, because document.hpp itself includes this header.
#include <agentstore/document_part.hpp>

#ifndef AGENTSTORE_DETAIL_DOCUMENT_PART_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_PART_HPP

// The members of DocumentPart, and make_object.

#include <agentstore/detail/document/slices.hpp>

#include <cstring>
#include <limits>

namespace agentstore {
namespace detail::document {

/// What a Document holds, for code that takes Documents apart or puts them together.
class Access {
public:
  static const Kept* text_of(const Document& document) {
    const bool is_text = document.is_shared() && document.handle_->kept().is_text();
    return is_text ? &document.handle_->kept() : nullptr;
  }

  /// Requires: the text that `write` writes is JSON of this depth, and neither null nor {}.
  template <class Write>
  static Document of_text(std::size_t size, std::size_t depth, Parse parse, Write write) {
    return Document(Block::of_text(size, depth, parse, write));
  }
};

/// The characters of a name that stands in quotes.
inline std::string unquoted(std::string_view quoted) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  return inside.find('\\') == std::string_view::npos ? std::string(inside)
                                                     : json::parse(quoted).get<std::string>();
}

/// Appends a name as JSON, in quotes: the reverse of `unquoted`.
inline void append_quoted(std::string& text, std::string_view name) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(name.begin(), name.end(), is_plain)) {
    text += '"';
    text += name;
    text += '"';
  } else {
    text += write_text(json(name));
  }
}

} // namespace detail::document

inline DocumentPart::DocumentPart(const Document& whole) {
  const detail::document::Kept* const kept = detail::document::Access::text_of(whole);
  if (kept == nullptr) {
    tree_ = &whole.tree();
  } else {
    text_ = kept->text();
    parse_ = kept->how_to_parse();
  }
}

inline json::value_t DocumentPart::type() const {
  if (tree_ != nullptr) {
    return tree_->type();
  }
  switch (text_.front()) {
  case '{':
    return json::value_t::object;
  case '[':
    return json::value_t::array;
  case '"':
    return json::value_t::string;
  case 'n':
    return json::value_t::null;
  default:
    return json::value_t::discarded; // none of those that are asked for
  }
}

inline std::optional<DocumentPart> DocumentPart::find(std::string_view name) const {
  std::optional<DocumentPart> found;
  if (!is_object()) {
    return found;
  }
  if (tree_ != nullptr) {
    const auto member = tree_->find(name);
    if (member != tree_->end()) {
      found = DocumentPart(*member);
    }
    return found;
  }
  detail::document::Slices slices(text_);
  while (slices.next()) {
    if (detail::document::unquoted(slices.quoted_name()) == name) {
      found = DocumentPart(slices.value(), parse_);
    }
  }
  return found;
}

inline DocumentPart::Members DocumentPart::members() const {
  Members all;
  if (!is_object()) {
    return all;
  }
  if (tree_ != nullptr) {
    for (const auto& [name, value] : tree_->get_ref<const json::object_t&>()) {
      all.emplace_back(name, DocumentPart(value));
    }
    return all;
  }
  detail::document::Slices slices(text_);
  while (slices.next()) {
    all.emplace_back(detail::document::unquoted(slices.quoted_name()),
                     DocumentPart(slices.value(), parse_));
  }
  return all;
}

inline DocumentPart::Members DocumentPart::members(std::string_view name, Members& inner) const {
  inner.clear();
  if (tree_ != nullptr || !is_object()) {
    if (const auto member = find(name)) {
      inner = member->members();
    }
    return members();
  }
  Members all;
  detail::document::Slices slices(text_);
  while (slices.next()) {
    std::string found = detail::document::unquoted(slices.quoted_name());
    if (found == name) {
      inner.clear(); // the last member of this name counts
    }
    if (found == name && slices.is_at_object()) {
      detail::document::Slices inside = slices.inside();
      while (inside.next()) {
        inner.emplace_back(detail::document::unquoted(inside.quoted_name()),
                           DocumentPart(inside.value(), parse_));
      }
      slices.leave(inside);
    }
    all.emplace_back(std::move(found), DocumentPart(slices.value(), parse_));
  }
  return all;
}

inline std::vector<DocumentPart> DocumentPart::elements() const {
  std::vector<DocumentPart> all;
  if (!is_array()) {
    return all;
  }
  if (tree_ != nullptr) {
    for (const json& value : *tree_) {
      all.push_back(DocumentPart(value));
    }
    return all;
  }
  detail::document::Slices slices(text_);
  while (slices.next()) {
    all.push_back(DocumentPart(slices.value(), parse_));
  }
  return all;
}

inline std::string DocumentPart::string() const {
  return tree_ != nullptr ? tree_->get_ref<const std::string&>()
                          : detail::document::unquoted(text_);
}

inline json DocumentPart::tree() const {
  return tree_ != nullptr ? *tree_ : parse_(text_);
}

inline Document DocumentPart::document() const {
  using namespace detail::document;
  if (tree_ != nullptr) {
    return Document(*tree_);
  }
  if (text_ == null_text) {
    return {};
  }
  if (text_ == empty_object_text) {
    return Document::object();
  }
  return Access::of_text(text_.size(), Brackets(text_).depth(), parse_,
                         [this](char* to) { std::memcpy(to, text_.data(), text_.size()); });
}

inline Document make_object(std::vector<std::pair<std::string, Document>> members) {
  using namespace detail::document;
  Parse parse = nullptr;
  bool has_fault = false;
  std::size_t depth = 0;
  for (const auto& [name, value] : members) {
    if (const Kept* const kept = Access::text_of(value); kept != nullptr) {
      parse = kept->how_to_parse();
    }
    has_fault = has_fault || value.fault() != Document::Fault::none;
    depth = std::max(depth, value.depth());
  }
  if (parse == nullptr || has_fault || depth >= Document::max_depth) {
    json tree = json::object();
    for (auto& [name, value] : members) {
      tree[name] = std::move(value).tree();
    }
    return tree;
  }
  std::string text;
  std::size_t size = 1;
  for (const auto& [name, value] : members) {
    size += name.size() + value.text().size() + 4;
  }
  text.reserve(size);
  char before = '{';
  for (const auto& [name, value] : members) {
    text += before;
    append_quoted(text, name);
    text += ':';
    text += value.text();
    before = ',';
  }
  text += '}';
  if (text.size() > std::numeric_limits<std::int32_t>::max()) { // as from_text does
    throw StorageError(errc::too_large, "make_object", "", "the text has 2 GiB or more");
  }
  return Access::of_text(text.size(), depth + 1, parse,
                         [&text](char* to) { std::memcpy(to, text.data(), text.size()); });
}

} // namespace agentstore

#endif
