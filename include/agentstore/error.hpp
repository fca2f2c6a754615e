// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ERROR_HPP
#define AGENTSTORE_ERROR_HPP

/// \file
/// What can go wrong: `errc`, and `StorageError` which carries it.

#include <agentstore/detail/requirements.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <string_view>

namespace agentstore {

/// The reasons for which a method of the contract throws.
///
/// An `errc` is an error code (`ec == errc::closed`, `throw StorageError(errc::closed, ...)`) and,
/// through `make_error_condition`, a condition that a backend's own category may map its codes to.
enum class errc {
  /// An argument is outside of what the contract allows. The same call will fail again.
  invalid_argument = 1,
  /// The id is taken. Nothing was changed.
  already_exists,
  /// The value exceeds the backend's stated limit. Nothing was stored.
  too_large,
  /// The backend has not been initialized, or has been closed.
  closed,
  /// The store could not be reached or did not answer in time. The same call may succeed later;
  /// whether a write was applied is unknown, but it was applied whole or not at all.
  /// `StorageError::cause` says why, if that is known.
  unavailable,
  /// What the store holds cannot be read back as what was written.
  corrupted,
  /// The backend does not offer this.
  not_supported,
};

/// The category of `errc`, named "agentstore".
const boost::system::error_category& storage_category() noexcept;

boost::system::error_code make_error_code(errc code) noexcept;
boost::system::error_condition make_error_condition(errc code) noexcept;

/// The exception of the library: an error code, with the operation that failed and the key it was
/// called with.
///
/// Backends throw it, or a class derived from it, and nothing else; a call that was cancelled ends
/// by Asio's `operation_aborted` in a `boost::system::system_error`. `what()` reads
/// `create_session "s-17": the session exists: already exists [agentstore:2]`. The key is shown
/// escaped and shortened; it may hold what a user typed. Neither the key nor the reason may hold a
/// secret: a backend leaves passwords of its connection string out of both.
class StorageError : public boost::system::system_error {
public:
  /// \param code what went wrong; of `storage_category()`, or of a category of the backend's own
  ///        whose codes compare equal to a condition of `make_error_condition`.
  /// \param operation the name of the method that was called, e.g. "create_session" (ERR-02).
  /// \param key an id that the method was called with, as it was given; in this library the first
  ///        one. Empty for a method without ids.
  /// \param reason a sentence for a person; may be empty.
  /// \param cause why the store is `unavailable`, see `cause()`.
  StorageError(boost::system::error_code code, std::string operation, std::string key,
               std::string_view reason = {}, boost::system::error_condition cause = {});
  StorageError(errc code, std::string operation, std::string key, std::string_view reason = {},
               boost::system::error_condition cause = {});

  const std::string& operation() const noexcept { return operation_; }
  const std::string& key() const noexcept { return key_; }

  /// Why the store is `unavailable`, if that is known. It is one of the conditions of
  /// `boost::system::errc`, e.g. `error.cause() == boost::system::errc::timed_out`. The stores of
  /// this library give
  /// - `no_space_on_device`: the disk, or the memory that a server may use, is full;
  /// - `read_only_file_system`: the file, or the server, takes no writes;
  /// - `timed_out`: a lock, a connection or an answer did not come in time;
  /// - `connection_refused`: nobody listens at the address.
  ///
  /// The value of the condition is 0 if the cause is not known, or if the code is not
  /// `unavailable`.
  const boost::system::error_condition& cause() const noexcept { return cause_; }

private:
  std::string operation_;
  std::string key_;
  boost::system::error_condition cause_;
};

/// Whether the same call may succeed a little later without anybody's help. This is so if the store
/// is `unavailable`, and neither full nor read-only. A write that is made again may have been
/// applied the first time.
bool is_transient(const StorageError& error) noexcept;

/// Whether `code` means `expected`, as a code of the library or as a condition.
bool means(const boost::system::error_code& code, errc expected) noexcept;

} // namespace agentstore

namespace boost::system {
template <>
struct is_error_code_enum<agentstore::errc> : std::true_type {};
} // namespace boost::system

// Only machinery below this line.

namespace agentstore {
namespace detail {

class StorageCategory final : public boost::system::error_category {
public:
  constexpr StorageCategory() noexcept : error_category(0x9f3b51c6a7e2d840u) {}

  const char* name() const noexcept override { return "agentstore"; }

  /// The generic condition of the same meaning counts as equal, so that code which knows nothing
  /// of this library can still tell an invalid argument from a taken name.
  bool equivalent(int value,
                  const boost::system::error_condition& condition) const noexcept override {
    if (condition.category() == *this) {
      return condition.value() == value;
    }
    switch (static_cast<errc>(value)) {
    case errc::invalid_argument:
      return condition == boost::system::errc::invalid_argument;
    case errc::already_exists:
      return condition == boost::system::errc::file_exists;
    case errc::too_large:
      return condition == boost::system::errc::value_too_large;
    case errc::not_supported:
      return condition == boost::system::errc::not_supported;
    default:
      return false;
    }
  }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::invalid_argument:
      return "invalid argument";
    case errc::already_exists:
      return "already exists";
    case errc::too_large:
      return "too large";
    case errc::closed:
      return "closed";
    case errc::unavailable:
      return "unavailable";
    case errc::corrupted:
      return "corrupted";
    case errc::not_supported:
      return "not supported";
    }
    return "unknown error";
  }
};

inline constexpr StorageCategory storage_category_instance{};

/// `text` as it may appear in a message: escaped, quoted, at most `most` bytes of it.
inline std::string quoted(std::string_view text, std::size_t most = 80) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size() && i < most; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += hex[byte >> 4u];
      out += hex[byte & 0xfu];
    } else {
      out += text[i];
    }
  }
  out += text.size() > most ? "\"..." : "\"";
  return out;
}

inline std::string describe_failure(std::string_view operation, std::string_view key,
                                    std::string_view reason) {
  std::string out(operation);
  if (!key.empty()) {
    out += ' ';
    out += quoted(key);
  }
  if (!reason.empty()) {
    out += ": ";
    out += reason;
  }
  return out;
}

} // namespace detail

inline const boost::system::error_category& storage_category() noexcept {
  return detail::storage_category_instance;
}

inline boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), storage_category()};
}

inline boost::system::error_condition make_error_condition(errc code) noexcept {
  return {static_cast<int>(code), storage_category()};
}

inline StorageError::StorageError(boost::system::error_code code, std::string operation,
                                  std::string key, std::string_view reason,
                                  boost::system::error_condition cause)
    : system_error(code, detail::describe_failure(operation, key, reason)),
      operation_(std::move(operation)), key_(std::move(key)), cause_(cause) {}

inline StorageError::StorageError(errc code, std::string operation, std::string key,
                                  std::string_view reason, boost::system::error_condition cause)
    : StorageError(make_error_code(code), std::move(operation), std::move(key), reason, cause) {}

inline bool is_transient(const StorageError& error) noexcept {
  return means(error.code(), errc::unavailable) &&
         error.cause() != boost::system::errc::no_space_on_device &&
         error.cause() != boost::system::errc::read_only_file_system;
}

inline bool means(const boost::system::error_code& code, errc expected) noexcept {
  return code == make_error_condition(expected);
}

} // namespace agentstore

#endif
