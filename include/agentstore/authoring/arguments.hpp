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
/// copied. A Document is not walked for each check. A Document of text knows the answers, a
/// Document of a tree finds them once.

#include <agentstore/authoring/limits.hpp>
#include <agentstore/contract.hpp>
#include <agentstore/detail/utf8.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace agentstore {

inline constexpr std::size_t max_id_bytes = 1024;

/// Checks the arguments of one call. The object is short-lived, because it refers to its arguments.
class ArgumentCheck {
public:
  ArgumentCheck(const char* operation, std::string_view key, Limits limits) noexcept
      : operation_(operation), key_(key), limits_(limits) {}

  /// KEY-01: 1 to 1024 bytes of UTF-8 without NUL.
  const ArgumentCheck& id(std::string_view name, std::string_view value) const;
  /// THR-01: text that an id may begin with; may be empty.
  const ArgumentCheck& id_prefix(std::string_view name, std::string_view value) const;
  /// VAL-02, VAL-04: UTF-8 within the limit; may be empty.
  const ArgumentCheck& text(std::string_view name, std::string_view value) const;
  /// As `text`, and not empty (CON-07).
  const ArgumentCheck& nonempty_text(std::string_view name, std::string_view value) const;
  /// VAL-02, VAL-04, VAL-05: any JSON value within the limits.
  const ArgumentCheck& value(std::string_view name, const Document& value) const;
  /// As `value`, and an object (SES-01, CON-09, CHK-07).
  const ArgumentCheck& object(std::string_view name, const Document& value) const;
  /// The same for a tree: a merge patch, or the result of merging.
  const ArgumentCheck& object(std::string_view name, const json& tree) const;
  /// SES-04, SES-05: a patch that is an object, a duration that is not negative.
  const ArgumentCheck& update(const SessionUpdate& update) const;
  /// SES-13: a non-empty text other than "active".
  const ArgumentCheck& end_status(std::string_view status) const;
  /// CLN-01: not negative.
  const ArgumentCheck& max_idle(std::chrono::microseconds duration) const;
  /// Channels that are not empty, values within the limits.
  const ArgumentCheck& writes(const std::vector<ChannelWrite>& writes) const;

  /// Throws for an argument that a backend refuses for a reason of its own.
  [[noreturn]] void refuse(errc code, std::string_view name, std::string_view why) const;

private:
  void facts(std::string_view name, Document::Fault fault, std::size_t depth) const;

  const char* operation_;
  std::string_view key_;
  Limits limits_;
};

/// Begins the checks of one call. `operation` is the method's name, `key` its first id.
inline ArgumentCheck check(const char* operation, std::string_view key, Limits limits = Limits()) {
  return {operation, key, limits};
}

// Only machinery below this line.

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

inline void ArgumentCheck::facts(std::string_view name, Document::Fault fault,
                                 std::size_t depth) const {
  if (fault == Document::Fault::none && depth > limits_.max_depth) {
    fault = Document::Fault::depth;
  }
  if (fault != Document::Fault::none) {
    refuse(errc::invalid_argument, name, detail::document::describe(fault));
  }
}

inline const ArgumentCheck& ArgumentCheck::value(std::string_view name,
                                                 const Document& value) const {
  facts(name, value.fault(), value.depth());
  if (value.exceeds(limits_.max_value_bytes)) {
    refuse(errc::too_large, name, "exceeds the limit for a value");
  }
  return *this;
}

inline const ArgumentCheck& ArgumentCheck::object(std::string_view name,
                                                  const Document& value) const {
  if (!value.is_object()) {
    refuse(errc::invalid_argument, name, "is not a JSON object");
  }
  return this->value(name, value);
}

inline const ArgumentCheck& ArgumentCheck::object(std::string_view name, const json& tree) const {
  if (!tree.is_object()) {
    refuse(errc::invalid_argument, name, "is not a JSON object");
  }
  const detail::document::Facts known = detail::document::Survey().of(tree);
  facts(name, known.fault(), known.depth());
  if (known.most_bytes() > limits_.max_value_bytes &&
      detail::document::count_text(tree) > limits_.max_value_bytes) {
    refuse(errc::too_large, name, "exceeds the limit for a value");
  }
  return *this;
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
