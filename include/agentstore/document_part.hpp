// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DOCUMENT_PART_HPP
#define AGENTSTORE_DOCUMENT_PART_HPP

/// \file
/// Values inside of a Document, taken out and put together in the form in which they are held. This
/// is for code that passes values on without looking into them.

#include <agentstore/document.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentstore {

/// A value inside of a Document, in the form that the Document was made from: a node of its tree,
/// or a slice of its text.
///
///     DocumentPart request(body);
///     Document value = request.find("value").value().document(); // no tree of a body that is text
///
/// \par Lifetime
/// A part refers to the Document, and is valid as long as any copy of the Document lives.
///
/// \par Errors
/// The methods throw nothing but `std::bad_alloc`. A tree may hold values that are not JSON
/// (`Document::fault`), and then so may its parts.
class DocumentPart {
public:
  using Members = std::vector<std::pair<std::string, DocumentPart>>;

  explicit DocumentPart(const Document& whole);
  explicit DocumentPart(const Document&&) = delete;

  /// Whether the part is a slice of a text.
  bool is_text() const noexcept { return tree_ == nullptr; }
  bool is_null() const { return type() == json::value_t::null; }
  bool is_string() const { return type() == json::value_t::string; }
  bool is_object() const { return type() == json::value_t::object; }
  bool is_array() const { return type() == json::value_t::array; }

  /// The member of this name, the last one if there are several. Empty if there is no such member,
  /// or if the part is not an object.
  std::optional<DocumentPart> find(std::string_view name) const;
  /// All members, in the order in which they stand, repeated names too. Empty if the part is not an
  /// object.
  Members members() const;
  /// The same, and puts the members of the member `name` into `inner`, in one walk.
  Members members(std::string_view name, Members& inner) const;
  /// The elements of an array. Empty if the part is not an array.
  std::vector<DocumentPart> elements() const;

  /// The characters of a string. Requires: the part is a string.
  std::string string() const;
  /// A copy of the part as a tree.
  json tree() const;
  /// A copy of the part, held in the same form. The copy is not validated again.
  Document document() const;

private:
  using Parse = json (*)(std::string_view);

  explicit DocumentPart(const json& tree) noexcept : tree_(&tree) {}
  DocumentPart(std::string_view text, Parse parse) noexcept : text_(text), parse_(parse) {}

  json::value_t type() const;

  const json* tree_ = nullptr; // null: a slice
  std::string_view text_;
  Parse parse_ = nullptr;
};

/// An object of these members, as text if one of them is text, else as a tree. No value is looked
/// into, and no text is validated again. Requires: the names are UTF-8 and differ. Throws
/// `StorageError` with `too_large` for a text of 2 GiB or more.
Document make_object(std::vector<std::pair<std::string, Document>> members);

} // namespace agentstore

#include <agentstore/detail/document/part.hpp> // only machinery

#endif
