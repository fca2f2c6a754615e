// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CODEC_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CODEC_HPP

// Values on their way to the server and back. PostgreSQL's binary formats are exact, and they do
// not depend on a setting of the session, such as its time zone.

#include <agentstore/document_from_text.hpp>
#include <agentstore/error.hpp>
#include <agentstore/records.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <libpq-fe.h>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore::detail::postgres {

/// The types of parameters, by the numbers that PostgreSQL fixed for them.
namespace type {
inline constexpr Oid int8 = 20;
inline constexpr Oid text = 25;
inline constexpr Oid json = 114;
inline constexpr Oid timestamptz = 1184;
inline constexpr Oid json_array = 199;
inline constexpr Oid text_array = 1009;
inline constexpr Oid int8_array = 1016;
} // namespace type

// PostgreSQL's type `text` holds every Unicode character but NUL. A column therefore has U+2400
// SYMBOL FOR NULL and "0" for a NUL in the text, and U+2400 twice for U+2400.
// Every other text is stored as it is. JSON needs no such code: its dump has "\u0000" for a NUL,
// which the type `json` keeps.

inline constexpr std::string_view symbol_for_null = "\xe2\x90\x80";

/// A text as it is stored.
inline std::string to_column(std::string text) {
  if (text.find('\0') == std::string::npos && text.find(symbol_for_null) == std::string::npos) {
    return text;
  }
  std::string column;
  column.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0') {
      column += symbol_for_null;
      column += '0';
      ++at;
    } else if (text.compare(at, symbol_for_null.size(), symbol_for_null) == 0) {
      column += symbol_for_null;
      column += symbol_for_null;
      at += symbol_for_null.size();
    } else {
      column += text[at++];
    }
  }
  return column;
}

/// The text of a column. A symbol that stands alone was written by another program and is kept.
inline std::string from_column(std::string_view column) {
  std::string text;
  for (;;) {
    const std::size_t at = column.find(symbol_for_null);
    text.append(column.substr(0, at));
    if (at == std::string_view::npos) {
      return text;
    }
    column.remove_prefix(at + symbol_for_null.size());
    if (column.starts_with('0')) {
      text += '\0';
      column.remove_prefix(1);
    } else {
      text += symbol_for_null;
      column.remove_prefix(column.starts_with(symbol_for_null) ? symbol_for_null.size() : 0);
    }
  }
}

/// A column holds a value that this library never writes there.
class Corrupted : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// PostgreSQL counts time from 2000-01-01.
inline constexpr std::chrono::microseconds epoch =
    std::chrono::sys_days(std::chrono::year(2000) / 1 / 1).time_since_epoch();

inline void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) {
    out += static_cast<char>((value >> (8 * i)) & 0xffu);
  }
}

inline std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = value << 8u | static_cast<unsigned char>(byte);
  }
  return value;
}

/// The parameters of one execution, encoded.
class Parameters {
public:
  /// An id, the text of a JSON value, or another text.
  /// Requires: no NUL in it.
  Parameters& plain(std::string value) {
    values_.push_back(std::move(value));
    return *this;
  }
  /// Any text.
  Parameters& text(std::string value) { return plain(to_column(std::move(value))); }
  Parameters& document(const Document& value) { return plain(std::string(value.text())); }
  Parameters& integer(std::int64_t value) {
    append_big_endian(values_.emplace_back(), std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Parameters& time(Timestamp value) { return integer((value.time_since_epoch() - epoch).count()); }
  /// The time `span` before `value`. A time that the type cannot express becomes "-infinity".
  Parameters& time_before(Timestamp value, std::chrono::microseconds span) {
    constexpr std::chrono::microseconds earliest{-211'813'488'000'000'000}; // 4714-11-24 BC
    const std::chrono::microseconds at = value.time_since_epoch() - epoch;
    if (at < earliest || span > at - earliest) {
      return integer(std::numeric_limits<std::int64_t>::min());
    }
    return integer((at - span).count());
  }
  /// The time "infinity", which is later than every other one.
  Parameters& end_of_time() { return integer(std::numeric_limits<std::int64_t>::max()); }
  /// A count. A value beyond the type's range means the same as the end of the range: all there is.
  Parameters& count(std::uint64_t value) {
    constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
    return integer(static_cast<std::int64_t>(std::min(value, max)));
  }
  /// An array, its elements encoded by the functions above.
  Parameters& array(Oid element_type, const Parameters& elements) {
    std::string& out = values_.emplace_back();
    append_big_endian(out, elements.values_.empty() ? 0 : 1, 4); // dimensions
    append_big_endian(out, 0, 4);                                // no nulls
    append_big_endian(out, element_type, 4);
    if (!elements.values_.empty()) {
      append_big_endian(out, elements.values_.size(), 4);
      append_big_endian(out, 1, 4); // the first index
    }
    for (const std::string& element : elements.values_) {
      append_big_endian(out, element.size(), 4);
      out += element;
    }
    return *this;
  }

  const std::vector<std::string>& values() const { return values_; }
  /// About how many bytes the parameters have on their way to the server.
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::string& value : values_) {
      sum += value.size() + 8;
    }
    return sum;
  }

private:
  std::vector<std::string> values_;
};

/// The result of one statement.
class Rows {
public:
  explicit Rows(PGresult* result) : result_(result) {}

  const PGresult* get() const { return result_.get(); }

  std::size_t size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }
  /// How many rows an INSERT, UPDATE or DELETE touched.
  std::uint64_t affected() const {
    const std::string count = PQcmdTuples(result_.get());
    return count.empty() ? 0 : std::stoull(count);
  }

  bool is_null(std::size_t row, int column) const {
    return PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
  }
  std::string_view bytes(std::size_t row, int column) const {
    const int at = static_cast<int>(row);
    return {PQgetvalue(result_.get(), at, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), at, column))};
  }
  std::string plain(std::size_t row, int column) const { return std::string(bytes(row, column)); }
  /// Throws Corrupted for NULL.
  std::string text(std::size_t row, int column) const {
    if (is_null(row, column)) {
      throw Corrupted("a column that is to hold a text holds none");
    }
    return from_column(bytes(row, column));
  }
  /// Throws Corrupted for NULL.
  std::int64_t integer(std::size_t row, int column) const {
    if (is_null(row, column)) {
      throw Corrupted("a column that is to hold a number holds none");
    }
    return std::bit_cast<std::int64_t>(read_big_endian(bytes(row, column)));
  }
  /// Throws Corrupted for a number below 0.
  std::uint64_t count(std::size_t row, int column) const {
    const std::int64_t number = integer(row, column);
    if (number < 0) {
      throw Corrupted("a column that is to hold a count holds a number below 0");
    }
    return static_cast<std::uint64_t>(number);
  }
  std::chrono::microseconds duration(std::size_t row, int column) const {
    return std::chrono::microseconds(static_cast<std::int64_t>(count(row, column)));
  }
  /// Throws Corrupted for an infinite value, which is no time.
  Timestamp time(std::size_t row, int column) const {
    const std::int64_t micros = integer(row, column);
    if (micros == std::numeric_limits<std::int64_t>::min() ||
        micros > std::numeric_limits<std::int64_t>::max() - epoch.count()) {
      throw Corrupted("a column that is to hold a time holds none");
    }
    return Timestamp(std::chrono::microseconds(micros) + epoch);
  }
  Document document(std::size_t row, int column) const {
    try {
      return Document::from_text(bytes(row, column));
    } catch (const TextError&) {
      throw Corrupted("a column that is to hold JSON holds something else");
    }
  }

  /// Throws Corrupted for any other JSON value.
  Document object(std::size_t row, int column) const {
    Document value = document(row, column);
    if (!value.is_object()) {
      throw Corrupted("a column that is to hold a JSON object holds another value");
    }
    return value;
  }

private:
  class Clear {
  public:
    void operator()(PGresult* result) const { PQclear(result); }
  };

  std::unique_ptr<PGresult, Clear> result_;
};

} // namespace agentstore::detail::postgres

#endif
