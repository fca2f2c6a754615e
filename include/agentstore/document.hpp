// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DOCUMENT_HPP
#define AGENTSTORE_DOCUMENT_HPP

/// \file
/// `Document`: one immutable JSON value, cheap to copy, held as a tree or as text.

#include <agentstore/detail/document/points_into.hpp>
#include <agentstore/error.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>

namespace agentstore {

/// Any JSON value, to build and to change.
using json = nlohmann::json;

namespace detail::document {
class Access;
class Handle;
template <class Text>
class Reader;
} // namespace detail::document

/// A text that `Document::from_text` refuses: `invalid_argument`, with the byte at which it stops
/// being JSON.
class TextError : public StorageError {
public:
  TextError(std::size_t byte, std::string_view reason);

  /// Counted from 0; the size of the text if more of it was expected.
  std::size_t byte() const noexcept { return byte_; }

private:
  std::size_t byte_;
};

/// An immutable JSON value, shared by its copies.
///
///     json state = json::parse(...);
///     Document document = std::move(state);         // no copy of the tree
///     int step = document.at("step").get<int>();    // reads as a const json does
///     json next = std::move(document).tree();       // the tree again, to change it
///     Document stored = Document::from_text(text);  // checked; no tree until one is asked for
///
/// A Document is made from a tree or from text, and gives either form. The other form is made once,
/// when it is first asked for. It is kept by this Document and its copies until the last of them is
/// gone.
///
/// \par Cost
/// A copy is one pointer and one atomic increment. A copy of null or of the empty object has no
/// increment. A Document made from a tree moves the tree and allocates once; the tree is not walked
/// through. `from_text` reads the text once, allocates once and copies it. `tree()` of a text
/// parses it when first called, and `text()` of a tree writes it when first called. Otherwise both
/// give what is there. Whether a value is legal and how large it is (`fault`, `depth`, `exceeds`)
/// is known from the start for text. For a tree it is found in one walk when first asked.
///
/// \par Threads
/// Distinct Documents, even copies of each other, may be used from any threads at once. So may a
/// single Document by its const members. The forms are made without a race: the second thread waits
/// for the first.
///
/// \par Lifetime
/// A reference, view or iterator is good as long as any copy of the Document it came from lives,
/// whatever happens to the others. A member called on a temporary returns a value, or does not
/// compile. A moved-from Document is null.
///
/// \par Errors
/// Making a Document from a tree throws nothing, whatever is in the tree. A store refuses an
/// illegal value, and its `text()` throws. Reads throw what nlohmann throws (`json::exception`). A
/// member that allocates may throw `std::bad_alloc`, and has then changed nothing.
///
/// \par Braces
/// Braces make the same as for json, `{{"a", 1}}` an object and `{1, 2}` an array. So
/// `Document{other}` is an array of one item: copy by `=` or `( )`.
class Document {
public:
  using const_iterator = json::const_iterator;

  /// The greatest depth of a value that has a text, in containers within each other. `from_text`
  /// refuses a deeper text, and a deeper tree is `Fault::depth`. A store's limit is lower (VAL-05).
  static constexpr std::size_t max_depth = 1'000;

  /// Why no store takes a value (VAL-04).
  enum class Fault {
    none,
    /// Nested deeper than `max_depth`.
    depth,
    /// A string or a name that is not UTF-8.
    utf8,
    /// NaN or an infinity.
    number,
    /// A binary or a discarded value of nlohmann's.
    kind,
  };

  /// \name Making one
  /// @{

  /// null.
  Document() noexcept = default;
  /// The value of a tree, which is moved in.
  Document(json tree);
  /// What braces make of a json.
  Document(json::initializer_list_t list) : Document(json(list)) {}
  /// A string, a number, a bool, a container: whatever makes a json.
  template <class Value>
    requires(!std::same_as<std::remove_cvref_t<Value>, Document> &&
             !std::same_as<std::remove_cvref_t<Value>, json> &&
             std::constructible_from<json, Value>)
  Document(Value&& value) : Document(json(std::forward<Value>(value))) {}

  /// The empty object.
  static Document object() noexcept;

  /// The value of a JSON text by RFC 8259: UTF-8, white space around it and nothing else. No tree
  /// is built. Throws `TextError` for any other text; for a lone surrogate, a byte order mark and a
  /// depth above `max_depth`; for a number beyond the range of a double. An integer of 64 bits,
  /// signed or unsigned, stays one; other numbers become the nearest double.
  ///
  /// Requires: `<agentstore/document_from_text.hpp>` is included and Boost::json linked, or the
  /// program is linked with `agentstore::compiled`. Without either it does not compile.
  template <class Text = std::string_view>
  static Document from_text(std::type_identity_t<Text> text);

  Document(const Document& other) noexcept;
  Document(Document&& other) noexcept;
  Document& operator=(const Document& other) noexcept;
  Document& operator=(Document&& other) noexcept;
  ~Document();

  /// @}
  /// \name The two forms
  /// @{

  /// The value as a tree.
  const json& tree() const&;
  /// A tree to change. It is moved out if no other Document shares it, else copied. This Document
  /// is null afterwards.
  json tree() &&;
  void tree() const&& = delete;

  /// The value as compact text. A Document made from text gives that text, without white space
  /// outside of strings: escapes, spelling of numbers, order and repeated names are as they were. A
  /// Document made from a tree gives `tree().dump()`. Throws `StorageError` (`invalid_argument`) if
  /// `fault() != Fault::none`.
  std::string_view text() const&;
  std::string text() &&;
  void text() const&& = delete;

  /// The same value, made from its text, which takes about a quarter of a tree's memory. A store
  /// that keeps texts answers with it. For a Document made from text it is a copy. Throws as
  /// `text()`.
  Document as_text() const;

  /// `tree()`, where a json is asked for. `json j = temporary;` moves or copies it; g++ has a
  /// remark on that under -Wconversion, and none on `temporary.tree()`.
  // Spares a remark of g++'s under -Wconversion where a Document that is not const becomes a json.
  // NOLINTNEXTLINE(readability-make-member-function-const)
  operator const json&() & { return tree(); }
  operator const json&() const& { return tree(); }
  operator json() && { return std::move(*this).tree(); }
  operator const json&() const&& = delete;

  /// @}
  /// \name Reading, as a const json is read
  /// `[]` is `at`: it throws if there is no such item. Kinds except those of numbers are known
  /// without a tree. A temporary gives no views, nor containers of views:
  /// `Document(...).get<std::string_view>()` does not compile.
  /// @{
  template <class Key>
  const json& at(const Key& key) const& {
    return element(tree(), key);
  }
  template <class Key>
  json at(const Key& key) const&& {
    return element(tree_for_now(), key);
  }
  template <class Key>
  const json& operator[](const Key& key) const& {
    return element(tree(), key);
  }
  template <class Key>
  json operator[](const Key& key) const&& {
    return element(tree_for_now(), key);
  }
  template <class Key, class Default>
  auto value(const Key& key, Default&& otherwise) const& {
    return tree().value(key, std::forward<Default>(otherwise));
  }
  template <class Key, class Default>
    requires detail::document::points_into<decltype(std::declval<const json&>().value(
                 std::declval<const Key&>(), std::declval<Default>()))>
  void value(const Key& key, Default&& otherwise) const&& = delete;
  template <class Key>
  bool contains(const Key& key) const {
    return tree_for_now().contains(key);
  }
  template <class Key>
  std::size_t count(const Key& key) const {
    return tree_for_now().count(key);
  }
  template <class Key>
  const_iterator find(const Key& key) const& {
    return tree().find(key);
  }
  template <class Key>
  void find(const Key& key) const&& = delete;

  template <class T>
    requires(!std::is_pointer_v<T> && !std::is_reference_v<T>)
  T get() const& {
    return tree().get<T>();
  }
  template <class T>
    requires detail::document::points_into<T>
  void get() const&& = delete;
  template <class T>
  T& get_to(T& value) const& {
    return tree().get_to(value);
  }
  template <class T>
    requires detail::document::points_into<T>
  void get_to(T& value) const&& = delete;
  template <class T>
  T get_ref() const& {
    return tree().get_ref<T>();
  }
  template <class T>
  void get_ref() const&& = delete;

  bool empty() const { return tree_for_now().empty(); }
  std::size_t size() const { return tree_for_now().size(); }
  const json& front() const& { return tree().front(); }
  json front() const&& { return tree_for_now().front(); }
  const json& back() const& { return tree().back(); }
  json back() const&& { return tree_for_now().back(); }

  const_iterator begin() const& { return tree().begin(); }
  const_iterator end() const& { return tree().end(); }
  const_iterator cbegin() const& { return tree().begin(); }
  const_iterator cend() const& { return tree().end(); }
  template <std::same_as<json> Tree = json>
  auto items() const& {
    const Tree& items_of = tree();
    return items_of.items();
  }
  void begin() const&& = delete;
  void end() const&& = delete;
  void cbegin() const&& = delete;
  void cend() const&& = delete;
  void items() const&& = delete;

  json::value_t type() const;
  const char* type_name() const { return json(type()).type_name(); }
  bool is_null() const { return type() == json::value_t::null; }
  bool is_boolean() const { return type() == json::value_t::boolean; }
  bool is_string() const { return type() == json::value_t::string; }
  bool is_object() const { return type() == json::value_t::object; }
  bool is_array() const { return type() == json::value_t::array; }
  bool is_structured() const { return is_object() || is_array(); }
  bool is_primitive() const { return !is_structured() && !is_discarded(); }
  bool is_number() const { return is_number_integer() || is_number_float(); }
  bool is_number_integer() const { return tree_for_now().is_number_integer(); }
  bool is_number_unsigned() const { return type() == json::value_t::number_unsigned; }
  bool is_number_float() const { return type() == json::value_t::number_float; }
  bool is_binary() const { return type() == json::value_t::binary; }
  bool is_discarded() const { return type() == json::value_t::discarded; }

  /// What nlohmann's `dump` makes of the tree; `text()` costs less.
  std::string dump(int indent = -1, char fill = ' ', bool ascii = false,
                   json::error_handler_t errors = json::error_handler_t::strict) const {
    return tree_for_now().dump(indent, fill, ascii, errors);
  }
  /// @}

  /// \name For a store
  /// @{

  /// What is wrong with the value itself.
  Fault fault() const;
  /// 0 for a scalar, and for a container one more than the deepest value in it. It is not counted
  /// on above `max_depth`, and not known for a value with another fault.
  std::size_t depth() const;
  /// At least the size of `text()`: exact for one made from text, else a bound.
  std::size_t most_bytes() const;
  /// Whether `text()` has more bytes, exactly (VAL-02). A faulty value has none.
  bool exceeds(std::size_t bytes) const;

  /// A Document of the same value that shares the form it was made from, but no form that is made
  /// later. A store keeps a fresh Document of what it was given, and answers with fresh ones of
  /// what it keeps. So the form that a caller makes goes with the caller. One allocation; none for
  /// null, for the empty object, and for a temporary that has no copies.
  Document fresh() const&;
  Document fresh() &&;
  /// @}

  /// By value, as nlohmann compares. Equal texts are equal without a tree.
  friend bool operator==(const Document& left, const Document& right) { return left.equals(right); }
  template <std::same_as<json> Tree>
  friend bool operator==(const Document& left, const Tree& right) {
    return left.tree() == right;
  }

  /// A copy of the tree; makes `json j = document` and `j["key"] = document` work.
  template <std::same_as<Document> Value>
  friend void to_json(json& out, const Value& document) {
    out = document.tree_for_now();
  }
  template <std::same_as<Document> Value>
  friend void from_json(const json& tree, Value& out) {
    out = Document(tree);
  }
  template <std::same_as<Document> Value>
  friend std::ostream& operator<<(std::ostream& out, const Value& document) {
    return out << document.tree_for_now();
  }

private:
  template <class Text>
  friend class detail::document::Reader;
  friend class detail::document::Access;

  explicit Document(detail::document::Handle* handle) noexcept : handle_(handle) {}

  /// For use within one call on this object, even if it is a temporary.
  const json& tree_for_now() const { return tree(); }
  template <class Key>
  static const json& element(const json& tree, const Key& key) {
    if constexpr (std::is_integral_v<Key>) {
      return tree.at(static_cast<std::size_t>(key));
    } else {
      return tree.at(key);
    }
  }
  bool equals(const Document& other) const;
  /// Null and the empty object are known by the pointer alone.
  bool is_shared() const noexcept;
  void release() noexcept;

  detail::document::Handle* handle_ = nullptr;
};

} // namespace agentstore

#include <agentstore/detail/document/document.hpp>
#if defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/document/from_text.hpp>
#endif

#endif
