// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_WRITER_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_WRITER_HPP

// Writes the compact text of a tree, byte for byte as nlohmann's dump() does. dump() decodes each
// character of each string again. Here strings are known to be UTF-8, and runs of plain characters
// are copied.

#include <agentstore/detail/utf8.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace agentstore::detail::document {

/// Stands in for a string that is written to, and counts the bytes.
class ByteCount {
public:
  void append(std::string_view text) { bytes_ += text.size(); }
  void push_back(char) { ++bytes_; }

  std::size_t bytes() const { return bytes_; }

private:
  std::size_t bytes_ = 0;
};

/// Writes trees to `Out`, a std::string or a ByteCount. Requires: Survey has found no fault.
template <class Out>
class Writer {
public:
  using json = nlohmann::json;

  explicit Writer(Out& out) : out_(out) {}

  void write(const json& value) {
    switch (value.type()) {
    case json::value_t::object: {
      char before = '{';
      for (const auto& [name, member] : value.get_ref<const json::object_t&>()) {
        out_.push_back(before);
        write(name);
        out_.push_back(':');
        write(member);
        before = ',';
      }
      out_.append(value.empty() ? "{}" : "}");
      break;
    }
    case json::value_t::array: {
      char before = '[';
      for (const json& element : value.get_ref<const json::array_t&>()) {
        out_.push_back(before);
        write(element);
        before = ',';
      }
      out_.append(value.empty() ? "[]" : "]");
      break;
    }
    case json::value_t::string:
      write(value.get_ref<const std::string&>());
      break;
    case json::value_t::number_integer:
      write_integer(value.get_ref<const std::int64_t&>());
      break;
    case json::value_t::number_unsigned:
      write_integer(value.get_ref<const std::uint64_t&>());
      break;
    case json::value_t::boolean:
      out_.append(value.get_ref<const bool&>() ? "true" : "false");
      break;
    case json::value_t::null:
      out_.append("null");
      break;
    default:
      out_.append(value.dump()); // nlohmann decides how doubles are spelled
      break;
    }
  }

private:
  void write(const std::string& text) {
    out_.push_back('"');
    const char* at = text.data();
    const char* const end = at + text.size();
    while (true) {
      const char* const stop = end_of_plain(at, end);
      out_.append(std::string_view(at, static_cast<std::size_t>(stop - at)));
      if (stop == end) {
        break;
      }
      write_escape(*stop);
      at = stop + 1;
    }
    out_.push_back('"');
  }

  void write_escape(char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out_.push_back('\\');
    switch (c) {
    case '\b':
      return out_.push_back('b');
    case '\f':
      return out_.push_back('f');
    case '\n':
      return out_.push_back('n');
    case '\r':
      return out_.push_back('r');
    case '\t':
      return out_.push_back('t');
    case '"':
    case '\\':
      return out_.push_back(c);
    default:
      out_.append("u00");
      out_.push_back(hex[byte >> 4u]);
      out_.push_back(hex[byte & 0xfu]);
    }
  }

  template <class Integer>
  void write_integer(Integer number) {
    char digits[24];
    const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out_.append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

  Out& out_;
};

/// The size of the text. Requires: as Writer.
inline std::size_t count_text(const nlohmann::json& tree) {
  ByteCount count;
  Writer<ByteCount>(count).write(tree);
  return count.bytes();
}

} // namespace agentstore::detail::document

#endif
