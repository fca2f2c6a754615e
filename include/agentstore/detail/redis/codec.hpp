// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_CODEC_HPP
#define AGENTSTORE_DETAIL_REDIS_CODEC_HPP

// Values as keys hold them. Numbers are decimal digits, JSON is its own text, and what has several
// parts begins with a line of their sizes.

#include <agentstore/detail/redis/failure.hpp>
#include <agentstore/detail/utf8.hpp>
#include <agentstore/document_from_text.hpp>
#include <agentstore/records.hpp>

#include <charconv>
#include <cstdint>
#include <limits>

namespace agentstore::detail::redis {

inline std::string micros_of(Timestamp time) {
  return std::to_string(time.time_since_epoch().count());
}

/// A time in 20 digits. A later time is a smaller number, so that lists that are sorted by their
/// bytes have the newest first. Scripts compare times as texts, because a script's numbers are
/// doubles, which are exact only up to 2^53.
inline std::string rank_of(Timestamp time) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63u;
  const auto micros = static_cast<std::uint64_t>(time.time_since_epoch().count());
  std::string digits = std::to_string(std::numeric_limits<std::uint64_t>::max() - (micros ^ sign));
  return std::string(20 - digits.size(), '0') + digits;
}

inline std::string padded(std::uint64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

template <class Number>
Number number_in(std::string_view digits) {
  Number number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
    throw Corrupted("a number is to stand where none does");
  }
  return number;
}

inline std::chrono::microseconds duration_in(std::string_view digits) {
  const auto micros = number_in<std::int64_t>(digits);
  if (micros < 0) {
    throw Corrupted("a duration is to stand where a number below 0 does");
  }
  return std::chrono::microseconds(micros);
}

inline Timestamp time_in(std::string_view digits) {
  return Timestamp(std::chrono::microseconds(number_in<std::int64_t>(digits)));
}

inline std::string text_in(std::string_view bytes) {
  if (!is_utf8(bytes)) {
    throw Corrupted("a text is not UTF-8");
  }
  return std::string(bytes);
}

inline Document document_in(std::string_view text) {
  try {
    return Document::from_text(text);
  } catch (const TextError&) {
    throw Corrupted("JSON is to stand where something else does");
  }
}

inline Document object_in(std::string_view text) {
  Document value = document_in(text);
  if (!value.is_object()) {
    throw Corrupted("a JSON object is to stand where another value does");
  }
  return value;
}

/// Reads a value that has parts: first the words of its first line, then lines of given sizes, then
/// the rest.
class PartReader {
public:
  explicit PartReader(std::string_view value) : rest_(value) {}

  template <class Number>
  Number word() {
    const std::size_t end = rest_.find_first_of(" \n");
    if (end == std::string_view::npos) {
      throw Corrupted("a value ends before its sizes do");
    }
    const auto number = number_in<Number>(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return number;
  }
  std::string_view line(std::size_t size) {
    if (size >= rest_.size() || rest_[size] != '\n') {
      throw Corrupted("a value does not have the size that it tells");
    }
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return part;
  }
  std::string_view rest() const { return rest_; }

private:
  std::string_view rest_;
};

} // namespace agentstore::detail::redis

#endif
