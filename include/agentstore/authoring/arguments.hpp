// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_ARGUMENTS_HPP
#define AGENTSTORE_AUTHORING_ARGUMENTS_HPP

/// \file
/// The argument checks of the contract (KEY, VAL), for authors of backends.
///
///     check("create_session", session_id, limits)
///         .id("session_id", session_id)
///         .id("user_id", user_id)
///         .object("metadata", metadata);
///
/// Each check throws `StorageError` naming the operation, the key and the argument. Nothing is
/// copied, and a JSON value is gone through once; its depth may be anything.

#include <agentstore/contract.hpp>

#include <boost/nowide/utf/utf.hpp>

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore {

/// How much a backend takes. The defaults are those of the backends that come with the library.
class Limits {
public:
  Limits() = default;

  /// The most bytes in one value: of a text, or of the compact dump of a JSON value (VAL-02).
  std::size_t max_value_bytes = std::size_t{16} << 20u;
  /// The greatest depth of a JSON value; a scalar has 0 (VAL-05). Kept low enough for nlohmann's
  /// recursive copy and dump to run on any thread's stack.
  std::size_t max_depth = 256;
};

inline constexpr std::size_t max_id_bytes = 1024;

/// Checks the arguments of one call. A short-lived object: it refers to what it was given.
class ArgumentCheck {
public:
  ArgumentCheck(const char* operation, std::string_view key, Limits limits) noexcept
      : operation_(operation), key_(key), limits_(limits) {}

  /// KEY-01: 1 to 1024 bytes of UTF-8 without NUL.
  const ArgumentCheck& id(std::string_view name, std::string_view value) const;
  /// THR-01: what an id may begin with; may be empty.
  const ArgumentCheck& id_prefix(std::string_view name, std::string_view value) const;
  /// VAL-02, VAL-04: UTF-8 within the limit; may be empty.
  const ArgumentCheck& text(std::string_view name, std::string_view value) const;
  /// As `text`, and not empty (CON-07).
  const ArgumentCheck& nonempty_text(std::string_view name, std::string_view value) const;
  /// VAL-02, VAL-04, VAL-05: any JSON value within the limits.
  const ArgumentCheck& value(std::string_view name, const json& value) const;
  /// As `value`, and an object (SES-01, CON-09, CHK-07).
  const ArgumentCheck& object(std::string_view name, const json& value) const;
  /// SES-04, SES-05: a patch that is an object, a duration that is not negative.
  const ArgumentCheck& update(const SessionUpdate& update) const;
  /// SES-13: a non-empty text but "active".
  const ArgumentCheck& end_status(std::string_view status) const;
  /// CLN-01: not negative.
  const ArgumentCheck& max_idle(std::chrono::microseconds duration) const;
  /// Channels that are not empty, values within the limits.
  const ArgumentCheck& writes(const std::vector<ChannelWrite>& writes) const;

  /// Throws for an argument that a backend refuses for a reason of its own.
  [[noreturn]] void refuse(errc code, std::string_view name, std::string_view why) const;

private:
  const char* operation_;
  std::string_view key_;
  Limits limits_;
};

/// Begins the checks of one call. `operation` is the method's name, `key` its first id.
inline ArgumentCheck check(const char* operation, std::string_view key, Limits limits = Limits()) {
  return {operation, key, limits};
}

// Only machinery below this line.

namespace detail {

/// How many bytes at the front are plain ASCII, in steps of eight.
inline std::size_t ascii_prefix(std::string_view text) noexcept {
  std::size_t size = 0;
  for (std::uint64_t word = 0; size + sizeof word <= text.size(); size += sizeof word) {
    std::memcpy(&word, text.data() + size, sizeof word);
    if ((word & 0x8080808080808080u) != 0) {
      break;
    }
  }
  return size;
}

inline bool is_utf8(std::string_view text) {
  namespace utf = boost::nowide::utf;
  text.remove_prefix(ascii_prefix(text));
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const utf::code_point point = utf::utf_traits<char>::decode(at, end);
    if (point == utf::illegal || point == utf::incomplete) {
      return false;
    }
  }
  return true;
}

/// Where a character comes that JSON escapes: a quote, a backslash, a control.
inline const char* end_of_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101u;
  // Whether a byte of the eight is zero.
  constexpr auto has_zero = [](std::uint64_t eight) {
    return ((eight - each) & ~eight & each * 0x80u) != 0;
  };
  for (std::uint64_t eight = 0; end - at >= 8; at += 8) {
    std::memcpy(&eight, at, sizeof eight);
    if (has_zero(eight ^ each * '"') || has_zero(eight ^ each * '\\') ||
        has_zero(eight & each * 0xe0u)) {
      break;
    }
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) {
    ++at;
  }
  return at;
}

/// What one walk over a JSON value finds out. The dump's size is known exactly but for doubles,
/// whose texts are 3 to 24 characters long.
class JsonSurvey {
public:
  enum class Fault { none, depth, utf8, number, kind };

  explicit JsonSurvey(std::size_t max_depth) : max_depth_(max_depth) {}

  /// Recursion is bounded: it turns back at the greatest depth allowed.
  void walk(const json& value, std::size_t depth) {
    switch (value.type()) {
    case json::value_t::null:
      grow(4);
      break;
    case json::value_t::boolean:
      grow(value.get<bool>() ? 4 : 5);
      break;
    case json::value_t::number_integer:
      number(value.get<std::int64_t>());
      break;
    case json::value_t::number_unsigned:
      number(value.get<std::uint64_t>());
      break;
    case json::value_t::number_float:
      if (!std::isfinite(value.get<double>())) {
        fault_ = Fault::number;
      }
      least_ += 3;
      most_ += 24;
      break;
    case json::value_t::string:
      string(value.get_ref<const std::string&>());
      break;
    case json::value_t::array:
      if (enter(value, depth)) {
        for (const json& element : value.get_ref<const json::array_t&>()) {
          walk(element, depth + 1);
          if (fault_ != Fault::none) {
            break; // the first one is the one that is told
          }
        }
      }
      break;
    case json::value_t::object:
      if (enter(value, depth)) {
        for (const auto& [key, member] : value.get_ref<const json::object_t&>()) {
          string(key);
          grow(1); // the colon
          walk(member, depth + 1);
          if (fault_ != Fault::none) {
            break;
          }
        }
      }
      break;
    default:
      fault_ = Fault::kind; // binary and discarded values are not JSON
      break;
    }
  }

  Fault fault() const { return fault_; }
  std::size_t least_bytes() const { return least_; }
  std::size_t most_bytes() const { return most_; }

private:
  void grow(std::size_t bytes) {
    least_ += bytes;
    most_ += bytes;
  }

  template <class Integer>
  void number(Integer value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    grow(static_cast<std::size_t>(end - digits));
  }

  void string(const std::string& text) {
    if (!is_utf8(text)) {
      fault_ = Fault::utf8;
      return;
    }
    std::size_t escapes = 2; // the quotes
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); (at = end_of_plain(at, end)) != end; ++at) {
      const char c = *at;
      if (c == '"' || c == '\\' || (c >= '\b' && c <= '\r' && c != '\v')) {
        escapes += 1;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        escapes += 5;
      }
    }
    grow(text.size() + escapes);
  }

  bool enter(const json& container, std::size_t depth) {
    if (depth >= max_depth_) {
      fault_ = Fault::depth;
      return false;
    }
    grow(container.empty() ? 2 : 1 + container.size()); // brackets, and commas between
    return true;
  }

  std::size_t max_depth_;
  std::size_t least_ = 0;
  std::size_t most_ = 0;
  Fault fault_ = Fault::none;
};

} // namespace detail

inline void ArgumentCheck::refuse(errc code, std::string_view name, std::string_view why) const {
  std::string reason(name);
  reason += ' ';
  reason += why;
  throw StorageError(code, operation_, std::string(key_), reason);
}

inline const ArgumentCheck& ArgumentCheck::id(std::string_view name, std::string_view value) const {
  if (value.empty()) {
    refuse(errc::invalid_argument, name, "is empty");
  }
  return id_prefix(name, value);
}

inline const ArgumentCheck& ArgumentCheck::id_prefix(std::string_view name,
                                                     std::string_view value) const {
  if (value.size() > max_id_bytes) {
    refuse(errc::invalid_argument, name, "is longer than 1024 bytes");
  }
  if (value.find('\0') != std::string_view::npos) {
    refuse(errc::invalid_argument, name, "holds a NUL");
  }
  if (!detail::is_utf8(value)) {
    refuse(errc::invalid_argument, name, "is not UTF-8");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::text(std::string_view name,
                                                std::string_view value) const {
  if (value.size() > limits_.max_value_bytes) {
    refuse(errc::too_large, name, "exceeds the limit for a value");
  }
  if (!detail::is_utf8(value)) {
    refuse(errc::invalid_argument, name, "is not UTF-8");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::nonempty_text(std::string_view name,
                                                         std::string_view value) const {
  if (value.empty()) {
    refuse(errc::invalid_argument, name, "is empty");
  }
  return text(name, value);
}

inline const ArgumentCheck& ArgumentCheck::value(std::string_view name, const json& value) const {
  using Fault = detail::JsonSurvey::Fault;
  detail::JsonSurvey survey(limits_.max_depth);
  survey.walk(value, 0);
  switch (survey.fault()) {
  case Fault::none:
    break;
  case Fault::depth:
    refuse(errc::invalid_argument, name, "is nested too deep");
  case Fault::utf8:
    refuse(errc::invalid_argument, name, "holds a text that is not UTF-8");
  case Fault::number:
    refuse(errc::invalid_argument, name, "holds a number that is not finite");
  case Fault::kind:
    refuse(errc::invalid_argument, name, "holds what is not JSON");
  }
  const std::size_t limit = limits_.max_value_bytes;
  if (survey.most_bytes() > limit &&
      (survey.least_bytes() > limit || value.dump().size() > limit)) {
    refuse(errc::too_large, name, "exceeds the limit for a value");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::object(std::string_view name, const json& value) const {
  if (!value.is_object()) {
    refuse(errc::invalid_argument, name, "is not a JSON object");
  }
  return this->value(name, value);
}

inline const ArgumentCheck& ArgumentCheck::update(const SessionUpdate& update) const {
  if (update.metadata_patch()) {
    object("updates", *update.metadata_patch());
  }
  if (update.processing_time() < std::chrono::microseconds(0)) {
    refuse(errc::invalid_argument, "add_processing_time", "is negative");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::end_status(std::string_view status) const {
  nonempty_text("status", status);
  if (status == "active") {
    refuse(errc::invalid_argument, "status", "is \"active\", which no ended session is");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::max_idle(std::chrono::microseconds duration) const {
  if (duration < std::chrono::microseconds(0)) {
    refuse(errc::invalid_argument, "max_idle", "is negative");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::writes(const std::vector<ChannelWrite>& writes) const {
  for (const ChannelWrite& write : writes) {
    nonempty_text("channel", write.channel);
    value("a channel's value", write.value);
  }
  return *this;
}

} // namespace agentstore

#endif
