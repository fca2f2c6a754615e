// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_CLEAR_ERROR_HPP
#define AGENTSTORE_TESTS_SUPPORT_CLEAR_ERROR_HPP

#include "support/catch.hpp"

#include <agentstore/error.hpp>

#include <optional>
#include <string>

namespace agentstore::test {

/// A password of the tests' servers. It must not be in any text that comes out of the library.
inline const std::string secret = "the-quiet-word";

inline bool has_no_secret(const std::string& text) {
  return text.find(secret) == std::string::npos;
}

/// Whether an error says all it should and no more: the code, the method, and why, on one line.
inline bool is_clear(const std::optional<StorageError>& error, errc code,
                     const std::string& operation, const std::string& why = "") {
  const std::string text = error ? error->what() : "no error";
  UNSCOPED_INFO(text);
  return error && means(error->code(), code) && error->operation() == operation &&
         has_no_secret(text) && text.find(why) != std::string::npos &&
         text.find('\n') == std::string::npos;
}

} // namespace agentstore::test

#endif
