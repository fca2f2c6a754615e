// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_WIRE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_WIRE_HPP

// Values on their way to the server and back, in PostgreSQL's binary formats: exact, and without
// a look at any setting of the session, such as its time zone.

#include <agentstore/detail/json_text.hpp>
#include <agentstore/detail/postgres/text.hpp>
#include <agentstore/error.hpp>
#include <agentstore/records.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <libpq-fe.h>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace agentstore::detail::postgres {

/// The types of parameters, by their fixed numbers.
namespace type {
inline constexpr Oid int8 = 20;
inline constexpr Oid text = 25;
inline constexpr Oid json = 114;
inline constexpr Oid timestamptz = 1184;
inline constexpr Oid json_array = 199;
inline constexpr Oid text_array = 1009;
inline constexpr Oid int8_array = 1016;
} // namespace type

/// A statement with its parameters' types. It is prepared once a connection and known by its
/// address.
class Statement {
public:
  Statement(std::string sql_text, std::vector<Oid> parameter_types)
      : sql(std::move(sql_text)), types(std::move(parameter_types)) {}

  std::string sql;
  std::vector<Oid> types;
};

/// The text of a statement: "@" in it stands for the schema, which is quoted already.
inline std::string with_schema(std::string_view sql, std::string_view quoted_schema) {
  std::string text;
  for (const char c : sql) {
    if (c == '@') {
      text += quoted_schema;
    } else {
      text += c;
    }
  }
  return text;
}

/// What the store holds is not what was written there.
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

/// The parameters of one execution.
class Parameters {
public:
  /// An id, the dump of a JSON value, or another text without NUL.
  Parameters& plain(std::string value) {
    values_.push_back(std::move(value));
    return *this;
  }
  /// Any text.
  Parameters& text(std::string value) { return plain(to_column(std::move(value))); }
  Parameters& document(const json& value) { return plain(to_text(value)); }
  Parameters& integer(std::int64_t value) {
    append_big_endian(values_.emplace_back(), std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Parameters& time(Timestamp value) { return integer((value.time_since_epoch() - epoch).count()); }
  /// `span` before `value`; where that is before all that the server knows, before any time.
  Parameters& time_before(Timestamp value, std::chrono::microseconds span) {
    constexpr std::chrono::microseconds earliest{-211'813'488'000'000'000}; // 4714-11-24 BC
    const std::chrono::microseconds at = value.time_since_epoch() - epoch;
    if (at < earliest || span > at - earliest) {
      return integer(std::numeric_limits<std::int64_t>::min());
    }
    return integer((at - span).count());
  }
  /// Later than any time.
  Parameters& end_of_time() { return integer(std::numeric_limits<std::int64_t>::max()); }
  /// A count; what is beyond the type's range is as good as its end.
  Parameters& count(std::uint64_t value) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    return integer(static_cast<std::int64_t>(std::min(value, most)));
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

private:
  std::vector<std::string> values_;
};

/// The answer to one statement.
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
  std::string text(std::size_t row, int column) const { return from_column(bytes(row, column)); }
  std::int64_t integer(std::size_t row, int column) const {
    return std::bit_cast<std::int64_t>(read_big_endian(bytes(row, column)));
  }
  std::uint64_t count(std::size_t row, int column) const {
    return read_big_endian(bytes(row, column));
  }
  Timestamp time(std::size_t row, int column) const {
    return Timestamp(std::chrono::microseconds(integer(row, column)) + epoch);
  }
  json document(std::size_t row, int column) const {
    json value = from_text(bytes(row, column));
    if (value.is_discarded()) {
      throw Corrupted("a column that is to hold JSON holds something else");
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
