// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTOR_HPP
#define AGENTSTORE_TESTING_INTERCEPTOR_HPP

/// \file
/// The hooks that InterceptingBackend and InterceptingArchive run around every call.

#include <agentstore/awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace agentstore {

/// One behaviour around every method of a backend or an archive: to wait, to count, to fail.
///
/// `operation` is the name of the method, a literal; `key` is its first id, empty if it has none.
///
/// \par Threads
/// Both hooks may be called from any thread, several at once.
class Interceptor {
public:
  virtual ~Interceptor() = default;

  /// Runs when the call is awaited. If it throws, the inner call does not begin.
  virtual awaitable<void> before(std::string_view operation, std::string key);

  /// Runs when the inner call has ended, by value or exception. If the hook throws, the caller sees
  /// that exception, while the effect of the inner call stays.
  virtual awaitable<void> after(std::string_view operation, std::string key);

protected:
  Interceptor() = default;
  Interceptor(const Interceptor&) = default;
  Interceptor& operator=(const Interceptor&) = default;
};

// Only machinery below this line.

inline awaitable<void> Interceptor::before(std::string_view, std::string) {
  co_return;
}

inline awaitable<void> Interceptor::after(std::string_view, std::string) {
  co_return;
}

namespace detail {

/// Awaits `call` between the hooks. The coroutine holds all that it needs, and so may outlive the
/// decorator.
template <class Result>
awaitable<Result> intercept(std::shared_ptr<Interceptor> interceptor, std::string_view operation,
                            std::string key, awaitable<Result> call) {
  co_await interceptor->before(operation, key);
  std::optional<Result> result;
  std::exception_ptr error;
  try {
    Result value = co_await std::move(call);
    result = std::move(value);
  } catch (...) {
    error = std::current_exception();
  }
  co_await interceptor->after(operation, std::move(key));
  if (error) {
    std::rethrow_exception(error);
  }
  co_return *std::move(result);
}

inline awaitable<void> intercept(std::shared_ptr<Interceptor> interceptor,
                                 std::string_view operation, std::string key,
                                 awaitable<void> call) {
  co_await interceptor->before(operation, key);
  std::exception_ptr error;
  try {
    co_await std::move(call);
  } catch (...) {
    error = std::current_exception();
  }
  co_await interceptor->after(operation, std::move(key));
  if (error) {
    std::rethrow_exception(error);
  }
}

} // namespace detail
} // namespace agentstore

#endif
