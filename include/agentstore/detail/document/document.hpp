// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_DOCUMENT_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_DOCUMENT_HPP

// The members of Document.

#include <agentstore/detail/document/handle.hpp>
#include <agentstore/detail/document/same_value.hpp>
#include <agentstore/detail/document/writer.hpp>

#include <cstring>
#include <memory>
#include <ostream>
#include <utility>

namespace agentstore {
namespace detail::document {

// The trees that all Documents of these values share. They are never destroyed, because a Document
// with static storage duration may outlive any other object.
inline const json& null_tree() {
  static const json& tree = *std::make_unique<json>().release();
  return tree;
}
inline const json& empty_object_tree() {
  static const json& tree = *std::make_unique<json>(json::object()).release();
  return tree;
}

inline constexpr std::string_view null_text = "null";
inline constexpr std::string_view empty_object_text = "{}";

/// Requires: the facts know of no fault.
inline std::string write_text(const json& tree) {
  std::string text;
  Writer<std::string>(text).write(tree);
  return text;
}

/// The kind of the value. The first character shows it, except for numbers, which have several
/// kinds.
inline json::value_t kind_of_text(Handle& handle) {
  switch (handle.kept().text().front()) {
  case '{':
    return json::value_t::object;
  case '[':
    return json::value_t::array;
  case '"':
    return json::value_t::string;
  case 't':
  case 'f':
    return json::value_t::boolean;
  case 'n':
    return json::value_t::null;
  default:
    return handle.tree.get([&] { return handle.kept().parse(); }).type();
  }
}

} // namespace detail::document

inline TextError::TextError(std::size_t byte, std::string_view reason)
    : StorageError(errc::invalid_argument, "from_text", "",
                   "at byte " + std::to_string(byte) + ": " + std::string(reason)),
      byte_(byte) {}

inline Document::Document(json tree) {
  if (tree.is_object() && tree.empty()) {
    handle_ = detail::document::empty_object_handle();
  } else if (!tree.is_null()) {
    handle_ = detail::document::Block::of_tree(std::move(tree));
  }
}

inline Document Document::object() noexcept {
  return Document(detail::document::empty_object_handle());
}

template <class Text>
Document Document::from_text(std::type_identity_t<Text> text) {
  using Reader = detail::document::Reader<Text>;
  if constexpr (requires { sizeof(Reader); }) {
    return Reader::read(text);
  } else {
    static_assert(
        requires { sizeof(Reader); },
        "Document::from_text needs <agentstore/document_from_text.hpp> and Boost::json, "
        "or agentstore::compiled");
  }
}

inline bool Document::is_shared() const noexcept {
  return handle_ != nullptr && handle_ != detail::document::empty_object_handle();
}

inline Document::Document(const Document& other) noexcept : handle_(other.handle_) {
  if (is_shared()) {
    handle_->owners.add();
  }
}

inline Document::Document(Document&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

inline Document& Document::operator=(const Document& other) noexcept {
  return *this = Document(other);
}

inline Document& Document::operator=(Document&& other) noexcept {
  detail::document::Handle* const taken = std::exchange(other.handle_, nullptr);
  release();
  handle_ = taken;
  return *this;
}

inline Document::~Document() {
  release();
}

inline void Document::release() noexcept {
  if (is_shared()) {
    detail::document::release(*handle_);
  }
}

inline const json& Document::tree() const& {
  if (!is_shared()) {
    return handle_ == nullptr ? detail::document::null_tree()
                              : detail::document::empty_object_tree();
  }
  detail::document::Kept& kept = handle_->kept();
  return kept.is_text() ? handle_->tree.get([&] { return kept.parse(); }) : kept.tree();
}

inline json Document::tree() && {
  if (!is_shared()) {
    return std::exchange(handle_, nullptr) == nullptr ? json() : json::object();
  }
  const auto taken = [this]() -> json {
    detail::document::Kept& kept = handle_->kept();
    json* const there = kept.is_text() ? handle_->tree.peek() : &kept.tree();
    if (there == nullptr) {
      return kept.parse(); // the other Documents get no tree, because they may never ask
    }
    const bool is_mine = kept.is_text() ? handle_->owners.is_one() : is_alone(*handle_);
    if (is_mine) {
      return std::move(*there);
    }
    return *there;
  };
  json tree = taken();
  *this = Document();
  return tree;
}

inline std::string_view Document::text() const& {
  if (!is_shared()) {
    return handle_ == nullptr ? detail::document::null_text : detail::document::empty_object_text;
  }
  detail::document::Kept& kept = handle_->kept();
  if (kept.is_text()) {
    return kept.text();
  }
  if (fault() != Fault::none) {
    throw StorageError(errc::invalid_argument, "text", "",
                       std::string("the value ") + detail::document::describe(fault()));
  }
  return handle_->text.get([&] { return detail::document::write_text(kept.tree()); });
}

inline std::string Document::text() && {
  if (is_shared() && !handle_->kept().is_text() && fault() == Fault::none &&
      handle_->text.peek() == nullptr) {
    return detail::document::write_text(handle_->kept().tree());
  }
  return std::string(std::as_const(*this).text());
}

inline Document Document::as_text() const {
  if (!is_shared() || handle_->kept().is_text()) {
    return *this;
  }
  if (exceeds(detail::document::Block::max_text)) {
    throw StorageError(errc::too_large, "as_text", "", "the text has 4 GiB or more");
  }
  const std::string_view written = text();
  return Document(detail::document::Block::of_text(
      written.size(), depth(),
      [](std::string_view text) { return json::parse(text.data(), text.data() + text.size()); },
      [&](char* to) { std::memcpy(to, written.data(), written.size()); }));
}

inline json::value_t Document::type() const {
  return is_shared() && handle_->kept().is_text() ? detail::document::kind_of_text(*handle_)
                                                  : tree().type();
}

inline Document::Fault Document::fault() const {
  return is_shared() ? handle_->kept().facts().fault() : Fault::none;
}

inline std::size_t Document::depth() const {
  if (!is_shared()) {
    return handle_ == nullptr ? 0 : 1;
  }
  return handle_->kept().facts().depth();
}

inline std::size_t Document::most_bytes() const {
  return is_shared() ? handle_->kept().facts().most_bytes() : text().size();
}

inline bool Document::exceeds(std::size_t bytes) const {
  if (most_bytes() <= bytes || fault() != Fault::none) {
    return false;
  }
  if (!is_shared() || handle_->kept().is_text()) {
    return true;
  }
  return detail::document::count_text(handle_->kept().tree()) > bytes;
}

inline Document Document::fresh() const& {
  if (!is_shared()) {
    return *this;
  }
  detail::document::Kept& kept = handle_->kept();
  auto handle = std::make_unique<detail::document::Handle>(kept, false);
  kept.owners.add();
  return Document(handle.release());
}

inline Document Document::fresh() && {
  if (is_shared() && !handle_->owners.is_one()) {
    return std::as_const(*this).fresh();
  }
  if (is_shared()) {
    handle_->tree.clear();
    handle_->text.clear();
  }
  return std::move(*this);
}

inline bool Document::equals(const Document& other) const {
  if (!is_shared() && !other.is_shared()) {
    return handle_ == other.handle_;
  }
  if (is_shared() && other.is_shared()) {
    const detail::document::Kept& mine = handle_->kept();
    const detail::document::Kept& theirs = other.handle_->kept();
    // Equal texts are equal values. Equal trees need not be, because NaN is not equal to itself.
    if (mine.is_text() && theirs.is_text() && mine.text() == theirs.text()) {
      return true;
    }
  }
  return detail::document::same_value(tree(), other.tree());
}

} // namespace agentstore

#endif
