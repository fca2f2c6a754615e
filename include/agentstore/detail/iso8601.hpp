// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_ISO8601_HPP
#define AGENTSTORE_DETAIL_ISO8601_HPP

// Timestamps as text. std::chrono's own parser is not in libstdc++ 12, and Boost.DateTime's knows
// no zone offsets, which Python's isoformat() writes.

#include <agentstore/records.hpp>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace agentstore::detail {

/// `2026-11-23T14:44:02.123456Z`, always in UTC and with microseconds.
inline std::string format_iso8601(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::int64_t micros = std::chrono::microseconds(time - day).count();
  const int seconds = static_cast<int>(micros / 1'000'000);
  char text[48];
  const int size = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), seconds / 3'600,
      seconds / 60 % 60, seconds % 60, static_cast<int>(micros % 1'000'000));
  return {text, static_cast<std::size_t>(size)};
}

/// Takes text apart from the left; every step fails for good once one has failed.
class Iso8601Cursor {
public:
  explicit Iso8601Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool failed() const { return failed_; }

  bool take(char wanted) {
    if (failed_ || rest_.empty() || rest_.front() != wanted) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  void need(bool condition) { failed_ = failed_ || !condition; }

  int digits(std::size_t count) {
    int value = 0;
    need(rest_.size() >= count && rest_.find_first_not_of("0123456789") >= count);
    if (failed_) {
      return 0;
    }
    for (const char digit : rest_.substr(0, count)) {
      value = value * 10 + (digit - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  /// The digits after the decimal point as microseconds; what is finer is cut off.
  int fraction() {
    int value = 0;
    int taken = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      if (taken++ < 6) {
        value = value * 10 + (rest_.front() - '0');
      }
      rest_.remove_prefix(1);
    }
    need(taken > 0);
    for (; taken < 6; ++taken) {
      value *= 10;
    }
    return value;
  }

private:
  std::string_view rest_;
  bool failed_ = false;
};

/// Reads `YYYY-MM-DD`, `T` or a space, `hh:mm[:ss[.f...]]`, and `Z`, `+hh:mm`, `+hhmm` or nothing,
/// which means UTC.
inline std::optional<Timestamp> parse_iso8601(std::string_view text) {
  using namespace std::chrono;
  Iso8601Cursor in(text);
  const int y = in.digits(4);
  in.need(in.take('-'));
  const int mo = in.digits(2);
  in.need(in.take('-'));
  const int d = in.digits(2);
  in.need(in.take('T') || in.take(' '));
  const int h = in.digits(2);
  in.need(in.take(':'));
  const int mi = in.digits(2);
  const int s = in.take(':') ? in.digits(2) : 0;
  const int us = in.take('.') ? in.fraction() : 0;
  minutes offset{0};
  if (!in.take('Z')) {
    const bool east = in.take('+');
    if (east || in.take('-')) {
      const int oh = in.digits(2);
      const bool colon = in.take(':');
      const int om = !colon && in.at_end() ? 0 : in.digits(2);
      in.need(oh < 24 && om < 60);
      offset = (hours(oh) + minutes(om)) * (east ? 1 : -1);
    }
  }
  const year_month_day date(year(y), month(static_cast<unsigned>(mo)),
                            day(static_cast<unsigned>(d)));
  if (in.failed() || !in.at_end() || !date.ok() || h > 23 || mi > 59 || s > 59) {
    return std::nullopt;
  }
  return sys_days(date) + hours(h) + minutes(mi) + seconds(s) + microseconds(us) - offset;
}

} // namespace agentstore::detail

#endif
